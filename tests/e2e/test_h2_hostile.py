"""Clients of HTTP/2 that do what costs others more than themselves.

Each has a client beside it that behaves, on a connection of its own and the
same worker: all of its requests are answered.
"""

import re
import socket
import threading
import unittest

from frames import (ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, GET,
                    GOAWAY, HEADERS, PADDED, PING, POST, PREFACE, PRIORITY, PROTOCOL_ERROR,
                    REFUSED_STREAM, RST_STREAM, SETTINGS, WINDOW_UPDATE, Encoder, Over, Peer,
                    frame, settings)
from scene import Held, Raw, Reply, Scene, wait_for

CONFIG = """
load_balancers:
  - name: web
    addresses: 127.0.0.1
    {keys}
    listeners:
      - {port: {port}, protocol: HTTPS, {tls}, default_actions: {forward: app},
         rules: [{priority: 2, conditions: [{path_pattern: /stuck}],
                  actions: [{forward: stuck}]},
                 {priority: 1, conditions: [{path_pattern: /fixed}],
                  actions: [{fixed_response: {status_code: 200, content_type: text/plain,
                                              message_body: "{page}"}}]}]}
target_groups:
  - {name: app, health_check.enabled: false, targets: [{app}]}
  - {name: stuck, protocol: HTTPS, health_check.enabled: false, targets: [{stuck}]}
"""
MANY = 20000  # more than any budget
FIXED = GET[:2] + ((":path", "/fixed"),) + GET[3:]  # needs no target


class Polite(threading.Thread):
    """A client that asks, one request after the other, until it is told to
    stop."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.peer, self.stopping = Peer(port), False
        self.answered, self.failed = 0, []

    def run(self):
        stream = 1
        while not self.stopping:
            try:
                status, _ = self.peer.ask(stream, FIXED)
            except (Over, OSError) as e:
                self.failed.append(repr(e))
                return
            self.answered += 1
            if status != 200:
                self.failed.append(status)
            stream += 2
            if stream > 15000:
                return

    def stop(self):
        self.stopping = True
        self.join(20)
        self.peer.close()


@unittest.skipIf(Encoder is None, "no python3-h2 here")
class Hostile(Scene):
    over = ("plain",)  # HTTPS in any case

    def begin(self, *script, **kw):
        self.app = self.origin(*(script or (Reply(200, b"ok"),)))
        # Its connections come about, and then nothing does.
        self.stuck = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.stuck.close)
        kw["stuck"] = "127.0.0.1:%d" % self.stuck.getsockname()[1]
        kw.setdefault("keys", "")
        kw.setdefault("page", 1000 * "o")
        self.w = self.weir(CONFIG, app=self.app, **kw)
        return self.w

    def peer(self, **kw):
        p = Peer(self.w.ports["port"], **kw)
        self.addCleanup(p.close)
        return p

    def floods(self, kind, octets, code=ENHANCE_YOUR_CALM, times=MANY, begin=lambda p: None):
        """Sends the octets until the connection is over; a client beside it
        notices nothing."""
        polite = Polite(self.w.ports["port"])
        polite.start()
        wait_for(lambda: polite.answered > 3 or polite.failed, "the polite client")
        p = self.peer()
        begin(p)
        make = octets if callable(octets) else lambda _: octets
        for at in range(0, times, 100):
            if not p.send(b"".join(make(i) for i in range(at, at + 100))):
                break
        self.assertIn(p.end(), (code, None))
        self.w.log.wait_for(rf'ended a connection.*reason=http2-abuse kind={kind}\b')
        status = self.w.json("status")
        self.assertEqual(status["reasons"]["http2-abuse"], 1)
        self.assertTrue([k for k in status["http2_glitches"] if re.fullmatch(kind, k)])
        before = polite.answered
        wait_for(lambda: polite.answered > before or polite.failed, "the polite client")
        polite.stop()
        self.assertEqual(polite.failed, [])

    # -- frames that do no work ---------------------------------------------------

    def test_floods_of_settings(self):
        self.begin()
        self.floods("settings", settings())

    def test_floods_of_tables_that_shrink_and_grow(self):
        self.begin()
        self.floods("settings", lambda i: settings((1, 0 if i % 2 else 4096)))

    def test_floods_of_ping(self):
        self.begin()
        self.floods("ping", frame(PING, 0, 0, b"12345678"))

    def test_floods_of_answers_to_no_ping(self):
        self.begin()
        self.floods("ping", frame(PING, ACK, 0, b"12345678"))

    def test_floods_of_priority(self):
        self.begin()
        self.floods("priority", lambda i: frame(PRIORITY, 0, 2 * i + 1, b"\0\0\0\0\1"))

    def test_floods_of_windows_of_the_connection(self):
        self.begin()
        self.floods("window-update", frame(WINDOW_UPDATE, 0, 0, b"\0\0\0\1"))

    def test_floods_of_windows_of_a_stream(self):
        self.begin(Held())
        self.floods("window-update", frame(WINDOW_UPDATE, 0, 1, b"\0\0\0\1"),
                    begin=lambda p: p.send(p.headers(1, FIXED,
                                                     END_HEADERS)))

    def test_floods_of_unknown_frames(self):
        self.begin()
        self.floods("unknown-frame", frame(0xbe, 0, 0, b"x"))

    def test_floods_of_empty_data(self):
        self.begin()
        self.floods("empty-data", frame(DATA, 0, 1),
                    begin=lambda p: p.send(p.headers(1, POST, END_HEADERS)))

    def test_floods_of_padding(self):
        self.begin()
        self.floods("padding", frame(DATA, PADDED, 1, b"\x09" + 10 * b"\0"), times=6000,
                    begin=lambda p: p.send(p.headers(1, POST, END_HEADERS)))

    def test_floods_of_resets_of_nothing(self):
        self.begin()

        def begin(p):
            p.ask(1, FIXED)
        self.floods("reset-frame", frame(RST_STREAM, 0, 1, b"\0\0\0\x08"), begin=begin)

    def test_empty_continuations(self):
        self.begin()
        self.floods("continuation", frame(CONTINUATION, 0, 1),
                    begin=lambda p: p.send(frame(HEADERS, END_STREAM, 1, p.fields(GET))))

    def test_continuations_without_end(self):
        self.begin()
        self.floods("continuation", frame(CONTINUATION, 0, 1, b"\0\1a\1b"),
                    begin=lambda p: p.send(frame(HEADERS, END_STREAM, 1, p.fields(GET))))

    # -- streams that are begun for nothing ---------------------------------------

    def test_rapid_reset(self):
        self.begin()
        e = Encoder()
        self.floods("reset", lambda i: frame(HEADERS, END_STREAM | END_HEADERS, 2 * i + 1,
                                             e.encode(list(GET))) +
                    frame(RST_STREAM, 0, 2 * i + 1, b"\0\0\0\x08"), times=3000)

    def test_rapid_reset_that_says_no_error(self):
        self.begin()
        e = Encoder()
        self.floods("reset", lambda i: frame(HEADERS, END_STREAM | END_HEADERS, 2 * i + 1,
                                             e.encode(list(GET))) +
                    frame(RST_STREAM, 0, 2 * i + 1, b"\0\0\0\0"), times=3000)

    def test_rapid_reset_of_answers_that_wait(self):
        """Its windows are closed, so each answer is ready and none has left."""
        self.begin()
        e = Encoder()
        self.floods("reset", lambda i: frame(HEADERS, END_STREAM | END_HEADERS, 2 * i + 1,
                                             e.encode(list(FIXED))) +
                    frame(RST_STREAM, 0, 2 * i + 1, b"\0\0\0\x08"), times=3000,
                    begin=lambda p: p.send(settings((4, 0))))

    def test_bodies_unlike_their_length_make_us_reset(self):
        self.begin()
        e = Encoder()
        fields = list(POST) + [("content-length", "5")]
        self.floods("(reset|malformed)",
                    lambda i: frame(HEADERS, END_HEADERS, 2 * i + 1, e.encode(fields)) +
                    frame(DATA, END_STREAM, 2 * i + 1, b"hello, world"), times=3000)

    def test_targets_that_cut_their_answers_are_no_fault_of_the_client(self):
        self.begin(Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"))
        p = self.peer()
        for stream in range(1, 601, 2):
            self.assertEqual(p.ask(stream), ("reset", 2))
        self.assertEqual(p.ask(601, FIXED)[0], 200)

    def test_streams_that_we_have_to_reset(self):
        """MadeYouReset: the window of a stream overflows, its list is
        malformed."""
        self.begin()
        e = Encoder()
        self.floods("reset", lambda i: frame(HEADERS, END_STREAM | END_HEADERS, 2 * i + 1,
                                             e.encode(list(GET))) +
                    frame(WINDOW_UPDATE, 0, 2 * i + 1, b"\x7f\xff\xff\xff"), times=3000)

    def test_malformed_lists(self):
        self.begin()
        e = Encoder()
        self.floods("(reset|malformed)",
                    lambda i: frame(HEADERS, END_STREAM | END_HEADERS, 2 * i + 1,
                                    e.encode(list(GET) + [("Upper", "1")])), times=3000)
        self.assertEqual([r for r in self.app.requests if r.fields.get("upper")], [])

    def test_regress_streams_beyond_settings_that_are_not_acknowledged(self):
        """The library refuses these by itself, in one read with those that
        fill the connection; each counts."""
        self.begin()
        p = self.peer(acks=False)
        p.send(b"".join(p.headers(2 * i + 1, GET + (("Upper", "1"),)) for i in range(3000)))
        self.assertIn(p.end(), (ENHANCE_YOUR_CALM, None))
        self.w.log.wait_for(r"ended a connection.*reason=http2-abuse kind=reset\b")

    # -- lists --------------------------------------------------------------------

    def list_of(self, fields, huffman=False):
        return Encoder().encode(list(GET) + fields, huffman=huffman)

    def send_list(self, p, stream, octets):
        """In frames of 16 KiB."""
        parts = [octets[i:i + 16384] for i in range(0, len(octets), 16384)]
        for i, part in enumerate(parts):
            p.send(frame(CONTINUATION if i else HEADERS,
                         (0 if i else END_STREAM) | (END_HEADERS if part is parts[-1] else 0),
                         stream, part))

    def test_ten_thousand_empty_fields(self):
        self.begin()
        p = self.peer()
        self.send_list(p, 1, self.list_of([("x", "")] * 10000))
        self.assertIn(p.end(), (ENHANCE_YOUR_CALM, None))
        self.w.log.wait_for(r"reason=http2-abuse kind=header-list")

    def test_a_list_that_unpacks_to_more_than_it_was(self):
        """One field of 4,000 octets, 16,000 times by its index."""
        self.begin()
        p = self.peer()
        e = Encoder()
        first = e.encode(list(GET) + [("x-bomb", "b" * 3900)])
        p.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, first + 12000 * b"\xbe"))
        self.assertIn(p.end(), (ENHANCE_YOUR_CALM, None))
        self.w.log.wait_for(r"reason=http2-abuse kind=header-list")

    def test_a_list_over_the_limit_is_answered(self):
        self.begin()
        p = self.peer()
        self.send_list(p, 1, self.list_of([(f"x-{i}", "v" * 4000) for i in range(18)]))
        self.assertEqual(p.answer(1)[0], 400)
        self.assertEqual(p.ask(3)[0], 200)

    def test_a_thousand_crumbs_are_one_cookie(self):
        self.begin()
        p = self.peer()
        self.send_list(p, 1, self.list_of([("cookie", f"c{i}=1") for i in range(1000)]))
        self.assertEqual(p.answer(1)[0], 200)
        cookie = self.app.requests[-1].fields.get("cookie")
        self.assertEqual(cookie, "; ".join(f"c{i}=1" for i in range(1000)))

    # -- what is not HTTP/2 ---------------------------------------------------------

    def ends(self, octets, *codes, begin=lambda p: None, **kw):
        p = self.peer(**kw)
        begin(p)
        p.send(octets)
        self.assertIn(p.end(), codes)

    def test_frames_in_the_wrong_place(self):
        self.begin()
        any_code = tuple(range(1, 14))
        for name, octets in (
                ("data on stream 0", frame(DATA, 0, 0, b"x")),
                ("headers on stream 0", frame(HEADERS, 5, 0, b"\x82")),
                ("headers on an even stream", frame(HEADERS, 5, 2, b"\x82\x84\x87")),
                ("data on an idle stream", frame(DATA, 0, 5, b"x")),
                ("a reset of an idle stream", frame(RST_STREAM, 0, 5, b"\0\0\0\0")),
                ("a window for an idle stream", frame(WINDOW_UPDATE, 0, 5, b"\0\0\0\1")),
                ("a reset of stream 0", frame(RST_STREAM, 0, 0, b"\0\0\0\0")),
                ("settings on a stream", frame(SETTINGS, 0, 1)),
                ("settings of an odd size", frame(SETTINGS, 0, 0, b"12345")),
                ("an answer to settings with content", frame(SETTINGS, ACK, 0, b"123456")),
                ("ping on a stream", frame(PING, 0, 1, b"12345678")),
                ("ping of the wrong size", frame(PING, 0, 0, b"1234567")),
                ("goaway on a stream", frame(GOAWAY, 0, 1, 8 * b"\0")),
                ("a continuation of nothing", frame(CONTINUATION, 4, 1, b"\x82")),
                ("a promise from a client", frame(5, 4, 1, b"\0\0\0\2\x82")),
                ("a frame over the size", frame(DATA, 0, 1, 20000 * b"x")),
                ("a window of nothing", frame(WINDOW_UPDATE, 0, 0, b"\0\0\0\0")),
                ("a window over the limit", frame(WINDOW_UPDATE, 0, 0, b"\x7f\xff\xff\xff")),
                ("push allowed by odd numbers", settings((2, 2))),
                ("a window size over the limit", settings((4, 1 << 31))),
                ("a frame size below the least", settings((5, 100))),
                ("a table that is not there", frame(HEADERS, 5, 1, b"\xff\xff\xff\xff\x0f")),
                ("padding longer than the frame",
                 frame(HEADERS, 5 | PADDED, 1, b"\xff\x82\x84\x87"))):
            with self.subTest(name):
                self.ends(octets, *any_code)

    def test_frames_in_the_midst_of_a_list(self):
        self.begin()
        for octets in (frame(DATA, 0, 1, b"x"), frame(PING, 0, 0, b"12345678"),
                       frame(HEADERS, 5, 3, b"\x82\x84\x87"), frame(0xbe, 0, 0, b"x"),
                       frame(CONTINUATION, 4, 3, b"")):
            with self.subTest(octets):
                self.ends(frame(HEADERS, END_STREAM, 1, b"\x82\x84\x87") + octets, PROTOCOL_ERROR,
                          ENHANCE_YOUR_CALM)

    def test_a_preface_in_pieces(self):
        self.begin()
        p = self.peer(preface=b"")
        for octet in PREFACE + settings():
            p.send(bytes([octet]))
        self.assertEqual(p.ask(1)[0], 200)

    def test_something_else_in_place_of_the_preface(self):
        self.begin()
        self.ends(b"", PROTOCOL_ERROR, None, preface=b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        self.ends(b"", PROTOCOL_ERROR, None, preface=PREFACE + frame(PING, 0, 0, b"12345678"))

    def test_no_preface_in_time(self):
        self.begin(keys="timeouts.client_tls_handshake_seconds: 1")
        self.ends(b"", 4, preface=PREFACE[:10], acks=False)
        self.w.log.wait_for(r"ended a connection.*kind=preface")

    # -- memory -----------------------------------------------------------------------

    def test_what_connections_hold_has_a_limit(self):
        """As many answers as there may be streams, and nobody takes them."""
        self.begin()
        octets = PREFACE + settings((4, 0))
        e = Encoder()
        octets += b"".join(frame(HEADERS, END_STREAM | END_HEADERS, 2 * i + 1,
                                 e.encode(list(FIXED))) for i in range(128))
        peers, n = [], 40
        before = self.w.resident_octets()
        for _ in range(n):
            p = self.peer(preface=octets)
            heads = 0
            while heads < 128:
                heads += p.next().kind == HEADERS
            peers.append(p)
        limits = self.w.json("status")["http2_connection_limits"]
        self.assertLess((self.w.resident_octets() - before) / n,
                        limits["body_octets"] + limits["head_octets"])
        self.assertEqual(Peer(self.w.ports["port"]).ask(1, FIXED)[0], 200)

    def test_uploads_that_nobody_takes(self):
        """As much as the windows let through, to a target that takes nothing;
        a request that needs no body is served all the same."""
        self.begin()
        p = self.peer(acks=False)
        stuck = POST[:2] + ((":path", "/stuck"),) + POST[3:]
        room = {0: 65535}
        refused, sent, ids = set(), 0, iter(range(1, 257, 2))

        def hear(seconds):
            try:
                while True:
                    f = p.next(seconds)
                    if f.kind == WINDOW_UPDATE:
                        room[f.stream] = (room.get(f.stream, 0) +
                                          int.from_bytes(f.payload, "big"))
                    elif f.kind == RST_STREAM:
                        self.assertEqual(f.code, REFUSED_STREAM)
                        refused.add(f.stream)
                    seconds = 0.01
            except TimeoutError:
                pass
        hear(5)
        # Until the windows are closed, and those who come are refused.
        for stream in ids:
            p.send(p.headers(stream, stuck, END_HEADERS))
            room[stream] = 65535
            n = min(room[0], room[stream], 65535)
            for at in range(0, n, 16384):
                part = min(16384, n - at)
                p.send(frame(DATA, 0, stream, part * b"x"))
                sent += part
            room[0] -= n
            hear(0.05 if room[0] else 0.5)
            if room[0] <= 0 and len(refused) > 3:
                break
        self.assertGreater(sent, 256 * 1024)
        self.assertLessEqual(sent, self.w.json("status")["http2_connection_limits"]["body_octets"])
        self.assertGreater(len(refused), 3)
        p.acks = True
        self.assertEqual(p.ask(301, FIXED)[0], 200)

    # -- streams ----------------------------------------------------------------------

    def test_more_streams_than_were_announced(self):
        self.begin()
        p = self.peer()
        p.send(b"".join(p.headers(2 * i + 1, POST, END_HEADERS) for i in range(140)))
        refused = p.until(lambda f: f.kind in (RST_STREAM, GOAWAY))
        self.assertIn(refused.code, (REFUSED_STREAM, PROTOCOL_ERROR))

    def test_data_behind_the_end(self):
        self.begin(Held())
        p = self.peer()
        p.send(p.headers(1, POST, END_STREAM | END_HEADERS) + frame(DATA, 0, 1, b"x"))
        self.assertIn(p.end(), (5, None))

    def test_more_data_than_the_window(self):
        self.begin()
        p = self.peer()
        stuck = POST[:2] + ((":path", "/stuck"),) + POST[3:]
        p.send(p.headers(1, stuck, END_HEADERS) + 40 * frame(DATA, 0, 1, 16384 * b"x"))
        self.assertEqual(p.answer(1), ("reset", 3))

    def test_a_body_unlike_its_length(self):
        self.begin()
        for sent, end in ((b"hel", True), (b"hello, world", True), (b"hello, world", False)):
            with self.subTest(sent=sent, end=end):
                before = len(self.app.requests)
                p = self.peer()
                p.send(p.headers(1, POST + (("content-length", "5"),), END_HEADERS) +
                       frame(DATA, END_STREAM if end else 0, 1, sent))
                self.assertEqual(p.answer(1), ("reset", PROTOCOL_ERROR))
                self.assertEqual(p.ask(3)[0], 200)
                whole = [r for r in self.app.requests[before:] if r.method == "POST"]
                self.assertEqual(whole, [])

    def test_connect_is_refused(self):
        self.begin()
        p = self.peer()
        self.assertEqual(p.ask(1, ((":method", "CONNECT"), (":authority", "a.test:443")))[0], 405)
        self.assertEqual(p.ask(3, GET[1:] + ((":method", "CONNECT"), (":protocol", "websocket"))),
                         ("reset", PROTOCOL_ERROR))
        self.assertEqual(p.ask(5)[0], 200)


# RFC 9113 8.2 and 8.3: what a list may not be, and that nothing of it reaches a
# target.
SMUGGLED = (
    ("an upper case name", GET + (("Name", "v"),)),
    ("an empty name", GET + (("", "v"),)),
    ("a name with a space", GET + (("na me", "v"),)),
    ("a name with a colon", GET + (("na:me", "v"),)),
    ("CR in a name", GET + (("na\rme", "v"),)),
    ("LF in a name", GET + (("na\nme", "v"),)),
    ("NUL in a name", GET + (("na\0me", "v"),)),
    ("CR in a value", GET + (("name", "v\rw"),)),
    ("LF in a value", GET + (("name", "v\nw"),)),
    ("a whole field in a value", GET + (("name", "v\r\ntransfer-encoding: chunked"),)),
    ("NUL in a value", GET + (("name", "v\0w"),)),
    ("a space in front of a value", GET + (("name", " v"),)),
    ("a space behind a value", GET + (("name", "v "),)),
    ("Connection", GET + (("connection", "close"),)),
    ("Proxy-Connection", GET + (("proxy-connection", "close"),)),
    ("Keep-Alive", GET + (("keep-alive", "1"),)),
    ("Upgrade", GET + (("upgrade", "h2c"),)),
    ("Transfer-Encoding", GET + (("transfer-encoding", "chunked"),)),
    ("TE of another kind", GET + (("te", "trailers, gzip"),)),
    ("no method", GET[1:]),
    ("no scheme", GET[:1] + GET[2:]),
    ("no path", GET[:2] + GET[3:]),
    ("two methods", GET[:1] + GET),
    ("two paths", GET + GET[2:3]),
    ("two authorities", GET + GET[3:]),
    ("a late pseudo-field", GET[:3] + (("name", "v"),) + GET[3:]),
    ("an unknown pseudo-field", GET + ((":proto", "x"),)),
    ("a status", GET + ((":status", "200"),)),
    ("a space in the method", ((":method", "GET /x"),) + GET[1:]),
    ("a line end in the method", ((":method", "GET\r\nx"),) + GET[1:]),
    ("an empty path", GET[:2] + ((":path", ""),) + GET[3:]),
    ("a path without a slash", GET[:2] + ((":path", "x"),) + GET[3:]),
    ("a star that is no OPTIONS", GET[:2] + ((":path", "*"),) + GET[3:]),
    ("a space in the path", GET[:2] + ((":path", "/ HTTP/1.1"),) + GET[3:]),
    ("a line end in the path",
     GET[:2] + ((":path", "/ HTTP/1.1\r\nhost: b\r\n\r\nGET /b"),) + GET[3:]),
    ("another scheme", GET[:1] + ((":scheme", "ftp"),) + GET[2:]),
    ("a scheme with more in it", GET[:1] + ((":scheme", "https://a/"),) + GET[2:]),
    ("userinfo", GET[:3] + ((":authority", "u@example.test"),)),
    ("a path in the authority", GET[:3] + ((":authority", "example.test/x"),)),
    ("a query in the authority", GET[:3] + ((":authority", "example.test?x"),)),
    ("a fragment in the authority", GET[:3] + ((":authority", "example.test#x"),)),
    ("a bad port", GET[:3] + ((":authority", "example.test:x"),)),
    ("a space in the authority", GET[:3] + ((":authority", "example.test x"),)),
    ("two lengths", POST + (("content-length", "1"), ("content-length", "2"))),
    ("a length that is none", POST + (("content-length", "+1"),)),
    ("a length and no body", POST + (("content-length", "5"),)),
)


@unittest.skipIf(Encoder is None, "no python3-h2 here")
class Smuggling(Scene):
    over = ("plain",)

    def test_what_is_malformed_reaches_no_target(self):
        app = self.origin(Reply(200, b"ok"))
        weir = self.weir(CONFIG, app=app, stuck=app, keys="", page="ok")
        p = Peer(weir.ports["port"])
        self.addCleanup(p.close)
        stream = 1
        for name, fields in SMUGGLED:
            with self.subTest(name):
                got = p.ask(stream, fields)
                stream += 2
                if name == "a fragment of Host":
                    continue
                self.assertEqual(got, ("reset", PROTOCOL_ERROR))
        self.assertEqual(len(app.requests), 0)
        self.assertEqual(p.ask(stream)[0], 200)

    def test_host_unlike_the_authority(self):
        app = self.origin(Reply(200, b"ok"))
        weir = self.weir(CONFIG, app=app, stuck=app, keys="", page="ok")
        p = Peer(weir.ports["port"])
        self.addCleanup(p.close)
        got = p.ask(1, GET + (("host", "other.test"),))
        self.assertIn(got[0], (400, "reset"))
        self.assertEqual(len(app.requests), 0)
        self.assertEqual(p.ask(3, GET + (("host", "example.test"),))[0], 200)
        self.assertEqual(p.ask(5, GET[:3] + (("host", "example.test"),))[0], 200)
