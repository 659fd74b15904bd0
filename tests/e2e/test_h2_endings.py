"""Connections of HTTP/2 that have served their time: none loses a request."""

import unittest

from frames import (ACK, DATA, END_STREAM, GOAWAY, HEADERS, PING, RST_STREAM, Encoder, Over, Peer,
                    frame)
from scene import Reply, Scene

CONFIG = """
load_balancers:
  - name: web
    addresses: 127.0.0.1
    {keys}
    listeners: [{port: {port}, protocol: HTTPS, {tls}, default_actions: {forward: app}}]
target_groups:
  - {name: app, health_check.enabled: false, targets: [{app}]}
"""
AT_ONCE = 32


@unittest.skipIf(Encoder is None, "no python3-h2 here")
class Endings(Scene):
    over = ("plain",)  # HTTPS in any case

    def begin(self, keys):
        self.app = self.origin(Reply(200, b"ok"))
        self.w = self.weir(CONFIG, app=self.app, keys=keys)

    def use_up(self):
        """Keeps as many requests in flight as may be until the connection is
        over. Returns how many were begun and are answered, and the GOAWAYs;
        `unseen` are those that the last of these leaves to other connections."""
        p = Peer(self.w.ports["port"])
        self.addCleanup(p.close)
        begun = answered = 0
        waiting, notices, self.unseen = set(), [], set()
        while True:
            while len(waiting) < AT_ONCE and len(notices) < 2:
                p.send(p.headers(2 * begun + 1))
                waiting.add(2 * begun + 1)
                begun += 1
            try:
                f = p.next()
            except Over:
                self.assertEqual(waiting, set())
                return begun, answered, notices
            p.seen.clear()
            if f.kind == PING and not f.flags & ACK:
                p.send(frame(PING, ACK, 0, f.payload))
            elif f.kind == GOAWAY:
                notices.append((f.last, f.code))
                self.unseen = {s for s in waiting if s > f.last}
                waiting -= self.unseen
            elif f.kind == RST_STREAM:
                self.fail(f"{f!r} after {answered}")
            elif f.kind in (HEADERS, DATA) and f.flags & END_STREAM:
                waiting.remove(f.stream)
                answered += 1

    def ends_well(self, begun, answered, notices):
        self.assertEqual(notices[0], (0x7fffffff, 0))
        self.assertEqual([code for _, code in notices], [0, 0])
        self.assertEqual(answered, begun - len(self.unseen))
        self.assertEqual(len(self.app.requests), answered)
        self.assertEqual(self.w.json("status")["reasons"].get("http2-abuse", 0), 0)

    def test_the_last_request_of_a_connection(self):
        self.begin("http2.max_requests_per_connection: 200")
        begun, answered, notices = self.use_up()
        self.ends_well(begun, answered, notices)
        self.assertGreaterEqual(answered, 200)

    def test_a_connection_that_has_grown_old(self):
        self.begin("client_keep_alive.seconds: 1")
        begun, answered, notices = self.use_up()
        self.ends_well(begun, answered, notices)
        self.assertGreater(answered, 0)
