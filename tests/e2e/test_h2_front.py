"""HTTP/2 from clients: many requests on a connection, each for itself."""

import socket
import ssl
import struct
import unittest

from frames import (ACK, CANCEL, DATA, END_HEADERS, END_STREAM, GET, GOAWAY, HEADERS, PING, POST,
                    PREFACE, RST_STREAM, SETTINGS, WINDOW_UPDATE, Encoder, Peer, frame, settings)
from scene import (Chunked, Echo, Held, Raw, Reply, Scene, SIGTERM, Stream, certificate, trusting,
                   wait_for)

CONFIG = """
load_balancers:
  - name: web
    addresses: 127.0.0.1
    {keys}
    listeners:
      - {port: {port}, protocol: HTTPS, {tls}, {listener_keys} default_actions: {forward: app},
         rules: [{priority: 1, conditions: [{path_pattern: /other}],
                  actions: [{forward: other}]},
                 {priority: 2, conditions: [{path_pattern: /fixed}],
                  actions: [{fixed_response: {status_code: 200, content_type: text/plain,
                                              message_body: {said}}}]}]}
      {more}
target_groups:
  - {name: app, health_check.enabled: false, targets: [{app}]}
  - {name: other, health_check.enabled: false, targets: [{other}]}
"""


def path(to, fields=GET):
    return fields[:2] + ((":path", to),) + fields[3:]


@unittest.skipIf(Encoder is None, "no python3-h2 here")
class Front(Scene):
    over = ("plain",)  # HTTPS in any case

    def begin(self, *script, other=(), more="", keys="", **names):
        self.app = self.origin(*(script or (Reply(200, b"app"),)))
        self.other = self.origin(*(other or (Reply(200, b"other"),)))
        for name, value in (("listener_keys", ""), ("said", "ok")):
            names.setdefault(name, value)
        self.w = self.weir(self.config(more, keys), app=self.app, other=self.other, **names)
        return self.w

    def config(self, more="", keys=""):
        return CONFIG.replace("{more}", more).replace("{keys}", keys)

    def peer(self, **kw):
        p = Peer(self.w.ports["port"], **kw)
        self.addCleanup(p.close)
        return p

    # -- who gets it ------------------------------------------------------------

    def chosen(self, **kw):
        raw = socket.create_connection(("127.0.0.1", self.w.ports["port"]), 20)
        context = trusting(kw.pop("alpn", ("h2", "http/1.1")))
        if "ciphers" in kw:
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers(kw["ciphers"])
        with context.wrap_socket(raw, server_hostname="example.test") as s:
            return s.selected_alpn_protocol()

    def test_alpn_chooses(self):
        self.begin(listener_keys="ssl_policy: ELBSecurityPolicy-2016-08,")
        self.assertEqual(self.chosen(), "h2")
        self.assertEqual(self.chosen(alpn=("http/1.1", "h2")), "h2")
        self.assertEqual(self.chosen(alpn=("http/1.1",)), "http/1.1")
        # RFC 9113, appendix A.
        self.assertEqual(self.chosen(ciphers="ECDHE-ECDSA-AES128-GCM-SHA256"), "h2")
        self.assertEqual(self.chosen(ciphers="ECDHE-ECDSA-AES128-SHA256"), "http/1.1")
        self.assertEqual(self.chosen(ciphers="ECDHE-ECDSA-AES128-SHA"), "http/1.1")

    def test_it_can_be_switched_off(self):
        self.begin(keys="routing.http2.enabled: false")
        self.assertEqual(self.chosen(), "http/1.1")

    def test_a_plain_listener_does_not_speak_it(self):
        self.begin(more="- {port: {port2}, default_actions: {forward: app}}")
        with socket.create_connection(("127.0.0.1", self.w.ports["port2"]), 20) as s:
            s.sendall(PREFACE + settings() + frame(PING, 0, 0, b"12345678"))
            got = b""
            while more := s.recv(65536):
                got += more
        self.assertTrue(got.startswith(b"HTTP/1.1 505 "), got)
        self.assertEqual(self.app.requests, [])

    def test_an_upgrade_to_it_is_not_offered(self):
        self.begin(more="- {port: {port2}, default_actions: {forward: app}}")
        answer = self.w.get("/", port="port2", fields=(
            ("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"),
            ("HTTP2-Settings", "AAMAAABkAAQAAP__")))
        self.assertEqual(answer.status, 200)
        for name in ("upgrade", "http2-settings", "connection"):
            self.assertNotIn(name, self.app.requests[0].fields)

    # -- requests ---------------------------------------------------------------

    def test_the_access_log_says_so(self):
        self.begin(keys="{logs}")
        self.assertEqual(self.peer().ask(1, path("/a?b=c"))[0], 200)
        line = self.w.last_log
        self.assertEqual((line["type"], line["version"], line["stream"], line["status"]),
                         ("h2", "HTTP/2.0", 1, 200))

    def test_the_access_log_has_the_code_of_a_reset(self):
        self.begin(Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"), keys="{logs}")
        self.assertEqual(self.peer().ask(1), ("reset", 2))
        line = self.w.last_log
        self.assertEqual((line["elb_error_code"], line["reason"]), ("0x2", "target-closed-in-body"))

    def test_each_stream_has_its_own_rule_and_target(self):
        held = Held(Reply(200, b"app"))
        self.begin(held)
        p = self.peer()
        p.send(p.headers(1, GET) + p.headers(3, path("/other")) + p.headers(5, path("/fixed")))
        first = {f.stream for f in (p.until(lambda f: f.kind == HEADERS) for _ in range(2))}
        self.assertEqual(first, {3, 5})
        held.release.set()
        self.assertEqual(p.until(lambda f: f.kind == HEADERS).stream, 1)
        self.assertEqual((len(self.app.requests), len(self.other.requests)), (1, 1))

    def test_what_a_target_gets(self):
        self.begin(Echo())
        p = self.peer()
        p.send(p.headers(1, POST + (
            ("x-mine", "1"), ("te", "trailers"), ("expect", "100-continue"),
            ("cookie", "a=1"), ("cookie", "b=2"), ("content-length", "5")), END_HEADERS) +
            frame(DATA, END_STREAM, 1, b"hello"))
        self.assertEqual(p.answer(1), (200, b"hello"))
        self.assertEqual([f.kind for f in p.seen if f.stream == 1], [HEADERS, DATA])
        got = self.app.requests[0]
        self.assertEqual(got.fields["host"].split(":")[0], "example.test")
        self.assertEqual(got.fields["x-mine"], "1")
        self.assertEqual(got.fields["cookie"], "a=1; b=2")
        self.assertEqual(got.fields["content-length"], "5")
        self.assertEqual(got.fields["x-forwarded-proto"], "https")
        for name in ("te", "expect", "connection", "transfer-encoding"):
            self.assertNotIn(name, got.fields)

    def test_a_body_of_no_known_length(self):
        self.begin(Echo())
        p = self.peer()
        p.send(p.headers(1, POST, END_HEADERS))
        self.assertTrue(self.app.wait_for(lambda o: o.n_begun if hasattr(o, "n_begun") else True))
        p.send(frame(DATA, 0, 1, b"hel") + frame(DATA, 0, 1, b"lo") + frame(DATA, END_STREAM, 1))
        self.assertEqual(p.answer(1), (200, b"hello"))

    def test_interim_answers_and_trailers_pass(self):
        self.begin(Raw(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
                       b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                       b"3\r\nabc\r\n0\r\nX-Sum: 7\r\nContent-Length: 9\r\n\r\n", keep=True))
        p = self.peer()
        p.send(p.headers(1, GET))
        heads = [p.until(lambda f: f.kind == HEADERS).fields for _ in range(3)]
        self.assertEqual(heads[0], {":status": "103", "link": "</a>"})
        self.assertEqual(heads[1][":status"], "200")
        self.assertEqual(heads[2], {"x-sum": "7"})
        self.assertTrue(p.seen[-1].flags & END_STREAM)
        self.assertEqual(b"".join(f.payload for f in p.seen if f.kind == DATA), b"abc")

    def test_an_answer_that_is_cut_does_not_look_whole(self):
        self.begin(Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"))
        p = self.peer()
        p.send(p.headers(1, GET))
        self.assertEqual(p.answer(1), ("reset", 2))
        self.assertEqual(b"".join(f.payload for f in p.seen if f.kind == DATA), b"hello")
        self.assertEqual(p.ask(3, path("/fixed")), (200, b"ok"))

    def test_an_answer_before_the_whole_request(self):
        """RFC 9113 8.1: the answer is whole, and the rest is not wanted."""
        self.begin()
        p = self.peer()
        p.send(p.headers(1, path("/fixed", POST) + (("content-length", "1000000"),), END_HEADERS))
        self.assertEqual(p.answer(1), (200, b"ok"))
        reset = p.until(lambda f: f.kind == RST_STREAM)
        self.assertEqual((reset.stream, reset.code), (1, 0))

    def test_a_client_that_cancels(self):
        held = Held()
        self.begin(held)
        p = self.peer()
        p.send(p.headers(1, GET))
        self.assertTrue(self.app.wait_for(lambda o: o.requests))
        p.send(frame(RST_STREAM, 0, 1, struct.pack(">I", CANCEL)))
        self.w.log.wait_for("reason=client-gone")
        self.assertEqual(p.ask(3, path("/fixed")), (200, b"ok"))
        held.release.set()

    def test_head_and_answers_without_a_body(self):
        self.begin(Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", keep=True),
                   Reply(204, b"", length=False), Reply(304, b"", length=False))
        p = self.peer()
        self.assertEqual(p.ask(1, ((":method", "HEAD"),) + GET[1:]), (200, b""))
        self.assertEqual(p.ask(3), (204, b""))
        self.assertEqual(p.ask(5), (304, b""))

    # -- windows ----------------------------------------------------------------

    def test_a_slow_reader_does_not_hold_up_its_sisters(self):
        self.begin(Stream(10 << 20), other=(Reply(200, 50000 * b"o"),))
        p = self.peer(preface=PREFACE + settings((4, 20000)))
        p.send(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1 << 20)) + p.headers(1, GET))
        got = 0
        while got < 20000:
            got += len(p.until(lambda f: f.kind == DATA).payload)
        self.assertEqual(got, 20000)
        # Its window is closed now; that of its sister is not.
        p.send(p.headers(3, path("/other")) +
               frame(WINDOW_UPDATE, 0, 3, struct.pack(">I", 40000)))
        self.assertEqual(p.answer(3), (200, 50000 * b"o"))
        self.assertEqual(p.ask(5, path("/fixed")), (200, b"ok"))
        # What the target has to say waits there.
        self.assertLess(self.app.script[0].sent, 10 << 20)

    def test_a_slow_target_does_not_hold_up_the_sisters(self):
        stuck = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(stuck.close)
        self.begin(Echo())
        self.w.write(self.config().replace("{name: other,", "{name: other, protocol: HTTPS,"),
                     other="127.0.0.1:%d" % stuck.getsockname()[1])
        self.w.reload()
        p = self.peer()
        p.send(p.headers(1, path("/other", POST), END_HEADERS) +
               3 * frame(DATA, 0, 1, 16384 * b"x") + frame(DATA, 0, 1, 16383 * b"x"))
        # All of the connection's window has come back; the stream's has not.
        body = 16000 * b"y"
        p.send(p.headers(3, POST, END_HEADERS) +
               3 * frame(DATA, 0, 3, body) + frame(DATA, END_STREAM, 3, body))
        self.assertEqual(p.answer(3), (200, 4 * body))
        self.assertEqual([f for f in p.seen if f.kind == WINDOW_UPDATE and f.stream == 1], [])

    def stall(self, first, step=None):
        """A client whose stream moves by `step` octets at most."""
        self.begin(Stream(10 << 20), keys="idle_timeout.timeout_seconds: 2")
        p = self.peer(preface=PREFACE + settings((4, first)))
        p.send(p.headers(1, GET))

        def trickle():
            if step:
                p.send(frame(WINDOW_UPDATE, 0, 1, struct.pack(">I", step)))
            try:
                f = p.next(0.2)
            except TimeoutError:
                return None
            return f if f.kind == RST_STREAM else None
        self.assertEqual(wait_for(trickle, "the end of the stream").code, CANCEL)
        self.w.log.wait_for("reason=http2-stalled")
        p.send(settings((4, 1000)))
        self.assertEqual(p.ask(3, path("/fixed")), (200, b"ok"))

    def test_a_window_of_nothing(self):
        self.stall(0)

    def test_a_window_of_an_octet_at_a_time(self):
        self.stall(1, 1)

    def test_a_window_of_nothing_for_an_answer_that_was_taken_whole(self):
        """The exchange is over, and what it wrote still waits."""
        self.begin(keys="idle_timeout.timeout_seconds: 1")
        p = self.peer(preface=PREFACE + settings((4, 0)))
        p.send(p.headers(1, path("/fixed")))
        self.assertEqual(p.answer(1), ("reset", CANCEL))
        p.send(settings((4, 1000)))
        self.assertEqual(p.ask(3, path("/fixed")), (200, b"ok"))

    # -- ends -------------------------------------------------------------------

    def goaway(self, p):
        """The two steps of an end, and a request between them."""
        notice = p.until(lambda f: f.kind == GOAWAY)
        self.assertEqual((notice.last, notice.code), (0x7fffffff, 0))
        ping = p.until(lambda f: f.kind == PING and not f.flags & ACK)
        return ping

    def test_a_reload_closes_nothing_and_new_streams_take_the_new_rules(self):
        held = Held(Reply(200, b"app"))
        self.begin(held)
        p = self.peer()
        self.assertEqual(p.ask(1, path("/fixed")), (200, b"ok"))
        p.send(p.headers(3, GET))
        self.assertTrue(self.app.wait_for(lambda o: o.requests))
        self.w.reload(self.config(), said="new")
        self.assertEqual(p.ask(5, path("/fixed")), (200, b"new"))
        held.release.set()
        self.assertEqual(p.answer(3), (200, b"app"))
        self.assertEqual([f for f in p.seen if f.kind == GOAWAY], [])

    def end(self, p, stream):
        """It is about to end: what the client begins before it has heard of
        that is served, what comes later is not."""
        ping = self.goaway(p)
        p.send(p.headers(stream, path("/fixed")) + frame(PING, ACK, 0, ping.payload))
        last = p.until(lambda f: f.kind == GOAWAY)
        self.assertEqual((last.last, last.code), (stream, 0))
        p.send(p.headers(stream + 2, path("/fixed")))

    def test_a_stop_loses_no_request(self):
        held = Held(Reply(200, b"app"))
        self.begin(held)
        p = self.peer()
        p.send(p.headers(1, GET))
        self.assertTrue(self.app.wait_for(lambda o: o.requests))
        self.w.signal(SIGTERM)
        self.end(p, 3)
        held.release.set()
        self.assertEqual(p.answer(1), (200, b"app"))
        self.assertIsNone(p.end())
        self.assertEqual(self.w.process.wait(10), 0)
        whole = [f for f in p.seen if f.stream == 3 and f.kind == HEADERS]
        self.assertEqual(len(whole), 1)
        self.assertEqual([f for f in p.seen if f.stream == 5], [])

    def test_a_listener_that_is_gone(self):
        held = Held(Reply(200, b"app"))
        self.begin(held, more="- {port: {port2}, default_actions: {forward: app}}")
        p = self.peer()
        p.send(p.headers(1, GET))
        self.assertTrue(self.app.wait_for(lambda o: o.requests))
        before, _, rest = self.config().partition("      - {port: {port},")
        self.w.reload(before + "      - {port: {port2}, default_actions: {forward: app}}\n" +
                      rest[rest.index("target_groups:"):])
        p.send(p.headers(3, GET))
        held.release.set()
        self.goaway(p)
        self.assertEqual(p.end(), 0)
        self.assertEqual({f.stream for f in p.seen if f.kind == HEADERS}, {1, 3})

    def test_an_idle_connection_ends(self):
        self.begin(keys="idle_timeout.timeout_seconds: 1")
        p = self.peer()
        self.assertEqual(p.ask(1, path("/fixed")), (200, b"ok"))
        self.goaway(p)
        self.assertEqual(p.end(), 0)

    def test_a_client_that_says_goodbye(self):
        held = Held(Reply(200, b"app"))
        self.begin(held)
        p = self.peer()
        p.send(p.headers(1, GET) + frame(GOAWAY, 0, 0, 8 * b"\0"))
        self.assertTrue(self.app.wait_for(lambda o: o.requests))
        held.release.set()
        self.assertEqual(p.answer(1), (200, b"app"))
        self.assertIsNone(p.end())
