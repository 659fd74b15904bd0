"""Targets that speak HTTP/2: what crosses, who shares a connection, what is sent
again, and what becomes of targets that break the protocol."""

import os
import shutil
import socket
import subprocess

from http2 import GoAway, ResetWith
from origin import Action, Gone
from scene import (Chunked, Echo, HangUp, Held, Raw, Reply, Scene, Silent, certificate,
                   free_port, origin_tls, wait_for)

CONFIG = """
load_balancers:
  - name: web
    addresses: 127.0.0.1
    idle_timeout.timeout_seconds: {idle}
    listeners: [{port: {port}, protocol: HTTPS, {tls}, default_actions: {forward: app}}]
target_groups:
  - {name: app, protocol: {protocol}, protocol_version: {version}, health_check.enabled: false, targets: [{targets}], {keys}}
"""
KEPT = 64 * 1024


class Http2(Scene):
    over = ("plain",)  # says itself what it speaks

    def begin(self, *script, version="HTTP2", tls=False, keys="port: 1", more=(), idle=60,
              **kw):
        h2 = version != "HTTP1"
        context = origin_tls(alpn=("h2",) if h2 else ()) if tls else None
        self.app = self.origin(*script, h2=h2, tls=context, **kw)
        self.apps = [self.app, *more]
        return self.weir(CONFIG, protocol="HTTPS" if tls else "HTTP", version=version,
                         targets=", ".join(str(a) for a in self.apps), keys=keys, idle=idle)

    def assert_failed(self, answer, reason, status=502):
        self.assertEqual((answer.status, answer.fields.get("weir-reason")), (status, reason))


class Conversions(Http2):
    """What comes over HTTP/2, and over HTTP/1.1, to targets of both; each cell of
    the table says the same."""

    METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "M-SEARCH")
    STATUSES = (200, 201, 204, 206, 301, 304, 400, 404, 418, 451, 500, 503, 599)

    def ways(self):
        """Client and target: all but HTTP/1.1 to HTTP/2, which is 464."""
        for version, client in (("HTTP1", "client"), ("HTTP1", "h2"), ("HTTP2", "h2")):
            for tls in (False, True):
                yield version, client, tls

    def each(self, *script):
        for version, client, tls in self.ways():
            weir = self.begin(*script, version=version, tls=tls)
            kw = {} if client == "h2" else {"tls": True}
            self.way = f"{client} to {version}, tls {tls}"
            yield getattr(weir, client)(**kw), client == "h2", version == "HTTP2"
            weir.stop()

    def test_methods(self):
        for c, _, _ in self.each(Echo()):
            for method in self.METHODS:
                body = None if method in ("GET", "HEAD") else b"x" * 100
                answer = c.ask(method, "/a?b=c%20d", body, [("X-One", "1"), ("X-Two", "ä")])
                got = self.app.requests[-1]
                self.assertEqual(answer.status, 200)
                self.assertEqual((got.method, got.target), (method, "/a?b=c%20d"))
                self.assertEqual(got.fields.get("content-length"), "100" if body else None)
                self.assertEqual(got.body, body or b"")
                self.assertEqual(got.fields["x-one"], "1")
                self.assertEqual(got.fields["x-two"], "ä")
                self.assertEqual(answer.fields["x-method"], method)
                if method != "HEAD":
                    self.assertEqual(answer.body, body or b"")
            self.assertEqual(self.app.connections, 1, self.way)

    def test_statuses(self):
        replies = [Reply(s, b"" if s in (204, 304) else b"some") for s in self.STATUSES]
        for c, _, _ in self.each(*replies):
            for status in self.STATUSES:
                answer = c.get("/")
                self.assertEqual(answer.status, status)
                self.assertEqual(answer.body, b"" if status in (204, 304) else b"some")

    def test_framing_of_requests(self):
        for c, _, to_h2 in self.each(Echo()):
            for raw, body, length in (
                    (b"", b"", None),
                    (b"Content-Length: 0\r\n", b"", None),
                    (b"Content-Length: 5\r\n", b"hello", "5"),
                    (b"Transfer-Encoding: chunked\r\n", b"", None),
                    (b"Transfer-Encoding: chunked\r\n", b"hello", None)):
                text = body
                if b"chunked" in raw:
                    text = (b"5\r\nhello\r\n" if body else b"") + b"0\r\n\r\n"
                c.send(b"POST / HTTP/1.1\r\nHost: a\r\n" + raw + b"\r\n" + text)
                self.assertEqual(c.answer("POST").body, body)
                got = self.app.requests[-1]
                self.assertEqual(got.body, body)
                if length:
                    self.assertEqual(got.fields["content-length"], length)
                self.assertFalse(to_h2 and "transfer-encoding" in got.fields)

    def test_framing_of_answers(self):
        script = (Reply(200, b"length"), Chunked(b"chu", b"nks"),
                  Raw(b"HTTP/1.1 200 OK\r\n\r\nuntil the end"), Chunked(), Reply(200, b""))
        for c, _, _ in self.each(*script):
            for body in (b"length", b"chunks", b"until the end", b"", b""):
                answer = c.get("/")
                self.assertEqual((answer.status, answer.body, answer.whole), (200, body, True))

    def test_head_and_304_keep_their_length(self):
        script = (Reply(200, b"x" * 10), Raw(b"HTTP/1.1 304 Not Modified\r\n"
                                             b"ETag: \"a\"\r\n\r\n", keep=True))
        for c, _, _ in self.each(*script):
            answer = c.ask("HEAD", "/")
            self.assertEqual((answer.status, answer.fields["content-length"]), (200, "10"))
            answer = c.get("/")
            self.assertEqual((answer.status, answer.fields["etag"]), (304, '"a"'))

    def test_trailers(self):
        trailers = [("X-Sum", "1"), ("Content-Length", "9"), ("Set-Cookie", "a=b")]
        for c, from_h2, to_h2 in self.each(Chunked(b"body", trailers=trailers)):
            c.send(b"POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\n"
                   b"Transfer-Encoding: chunked\r\n\r\n2\r\nup\r\n0\r\nX-Up: 2\r\n\r\n")
            answer = c.answer("POST")
            self.assertEqual(answer.body, b"body")
            self.assertEqual(answer.trailers.all("x-sum"), ["1"])
            self.assertNotIn("set-cookie", answer.trailers)
            self.assertNotIn("content-length", answer.trailers)
            got = self.app.requests[-1]
            self.assertEqual(got.body, b"up")
            # Servers of HTTP/1.1 rarely read them (RFC 9110 6.5.1).
            self.assertEqual(got.trailers.all("x-up"), ["2"] if from_h2 and to_h2 else [])
            self.assertEqual(got.fields.get("te"), "trailers" if to_h2 else None)

    def test_interim_answers(self):
        script = Raw(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
                     b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", keep=True)
        for c, _, _ in self.each(script):
            c.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            hint = c.head()
            self.assertEqual((hint.status, hint.fields["link"]), (103, "</a.css>"))
            self.assertEqual(c.answer().body, b"ok")

    def test_a_large_body_both_ways(self):
        body = bytes(range(256)) * 16384
        for c, _, _ in self.each(Echo()):
            self.assertTrue(c.post("/", body).body == body)

    def test_cookies_and_forwarded_fields(self):
        for c, from_h2, to_h2 in self.each(Reply(200, b"ok", [("Set-Cookie", "a=1"),
                                                              ("Set-Cookie", "b=2")])):
            pairs = [("Cookie", "x=1"), ("Cookie", "y=2")] if from_h2 else \
                [("Cookie", "x=1; y=2")]
            answer = c.get("/", fields=pairs + [("Expect", "100-continue")])
            self.assertEqual(answer.fields.all("set-cookie"), ["a=1", "b=2"])
            got = self.app.requests[-1].fields
            self.assertEqual(got.all("cookie"), ["x=1; y=2"])
            self.assertEqual(got["x-forwarded-proto"], "https")
            self.assertNotIn("expect", got)
            if to_h2:
                request = self.app.requests[-1]
                self.assertEqual(request.pseudo[":authority"], got["host"])
                self.assertEqual(request.pseudo[":scheme"],
                                 "https" if self.app.tls else "http")


class Mismatch(Http2):
    def test_who_speaks_to_whom(self):
        grpc = [("Content-Type", "application/grpc")]
        for version, via, method, fields, status in (
                ("HTTP1", "h2", "POST", grpc, 464), ("HTTP1", "client", "POST", grpc, 200),
                ("HTTP2", "client", "GET", (), 464), ("HTTP2", "h2", "GET", (), 200),
                ("HTTP2", "h2", "POST", grpc, 200), ("GRPC", "client", "POST", grpc, 464),
                ("GRPC", "h2", "POST", grpc, 200), ("GRPC", "h2", "POST", (), 200),
                ("GRPC", "h2", "GET", (), 464)):
            weir = self.begin(version=version)
            with self.subTest(version=version, via=via, method=method, fields=fields):
                c = getattr(weir, via)(**({} if via == "h2" else {"tls": True}))
                answer = c.ask(method, "/", b"x" if method == "POST" else None, fields)
                self.assertEqual(answer.status, status)
                if status == 464:
                    self.assertEqual(answer.fields["weir-reason"], "protocol-mismatch")
            weir.stop()

    def test_errors_of_calls_have_a_grpc_status(self):
        grpc = [("Content-Type", "application/grpc+proto")]
        for script, status, code in ((ResetWith(2), 502, "14"), (HangUp(), 502, "14")):
            weir = self.begin(script, version="GRPC")
            answer = weir.h2().post("/a.B/C", b"x", fields=grpc)
            self.assertEqual((answer.status, answer.fields["grpc-status"]), (status, code))
            self.assertEqual(answer.fields["content-type"], "application/grpc")
            self.assertIn("The target", answer.fields["grpc-message"])
            self.assertEqual(answer.body, b"")
            self.assertNotIn("content-length", answer.fields)
            weir.stop()
        weir = self.begin(version="HTTP1")
        answer = weir.h2().post("/a.B/C", b"x", fields=grpc)
        self.assertEqual((answer.status, answer.fields["grpc-status"]), (464, "2"))


class Sharing(Http2):
    def test_all_clients_share_a_connection(self):
        held = Held()
        weir = self.begin(held)
        clients = [weir.h2() for _ in range(4)]
        for c in clients:
            for _ in range(10):
                c.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertTrue(self.app.wait_for(lambda o: len(o.requests) == 40))
        held.release.set()
        for c in clients:
            for _ in range(10):
                self.assertEqual(c.answer().body, b"held")
        self.assertEqual(self.app.connections, 1)

    def test_no_more_than_a_hundred_on_one(self):
        held = Held()
        weir = self.begin(held)
        clients = [weir.h2() for _ in range(2)]
        for c in clients:
            for _ in range(75):
                c.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertTrue(self.app.wait_for(lambda o: len(o.requests) == 150))
        self.assertEqual(self.app.connections, 2)
        held.release.set()
        for c in clients:
            for _ in range(75):
                self.assertEqual(c.answer().status, 200)

    def test_what_the_target_takes_is_obeyed(self):
        held = Held()
        weir = self.begin(held, settings={"MAX_CONCURRENT_STREAMS": 5})
        c = weir.h2()
        for _ in range(20):
            c.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertTrue(self.app.wait_for(lambda o: len(o.requests) == 20))
        self.assertEqual(self.app.connections, 4)
        held.release.set()
        for _ in range(20):
            self.assertEqual(c.answer().status, 200)

    def test_settings_may_change(self):
        held = Held()
        weir = self.begin(Reply(200, b"ok"), held)
        c = weir.h2()
        self.assertEqual(c.get("/").status, 200)
        session = self.app.sessions[0]
        session.do("update_settings", {3: 2})  # MAX_CONCURRENT_STREAMS
        self.assertTrue(session.wait(lambda: session.acks_seen))
        for _ in range(6):
            c.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertTrue(self.app.wait_for(lambda o: len(o.requests) == 7))
        self.assertGreater(self.app.connections, 1)
        self.assertLessEqual(
            sum(r.connection == 0 for r in self.app.requests[1:]), 2)
        held.release.set()
        for _ in range(6):
            self.assertEqual(c.answer().status, 200)

    def regress_one_slow_reader_does_not_block_its_sisters(self):
        """An answer that a client does not read holds up no other on the same
        connection to the target."""
        weir = self.begin(Raw(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 4000000), Echo())
        slow, quick = weir.h2(acks=False), weir.h2()
        slow.send(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertEqual(slow.head().status, 200)
        for n in range(5):
            body = b"%d" % n * 100000
            self.assertTrue(quick.post("/", body).body == body)
        self.assertEqual(self.app.connections, 1)

    def test_one_connection_cut_fails_its_streams_alone(self):
        held = Held()
        weir = self.begin(held, settings={"MAX_CONCURRENT_STREAMS": 5})
        c = weir.h2()
        for _ in range(10):
            c.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx")
        self.assertTrue(self.app.wait_for(lambda o: len(o.requests) == 10))
        self.app.sessions[0].close()
        cut = {r.connection for r in self.app.requests}
        self.assertEqual(cut, {0, 1})
        first = self.app.sessions[0]
        self.assertTrue(first.wait(lambda: first.error and first.error != "close"))
        wait_for(lambda: weir.h2().get("/none").status if held.release.is_set() else True)
        held.release.set()
        statuses = sorted(c.answer().status for _ in range(10))
        self.assertEqual(statuses, [200] * 5 + [502] * 5)

    def test_an_idle_connection_is_given_up_in_order(self):
        weir = self.begin(idle=1)
        self.assertEqual(weir.h2().get("/").status, 200)
        session = self.app.sessions[0]
        self.assertTrue(session.wait(lambda: session.error, 10))
        self.assertEqual(session.goaways, [(0, 0)])


class Again(Http2):
    def test_a_refused_stream_is_sent_again_whatever_its_method(self):
        weir = self.begin(ResetWith(7, reads_body=True), Echo())
        answer = weir.h2().post("/", b"x" * KEPT)
        self.assertEqual((answer.status, answer.body), (200, b"x" * KEPT))
        self.assertEqual(len(self.app.requests), 2)

    def test_to_another_target_where_there_is_one(self):
        other = self.origin(Echo(), h2=True)
        refuser = ResetWith(7)
        weir = self.begin(refuser, more=[other])
        for n in range(4):
            self.assertEqual(weir.h2().post("/", b"%d" % n).body, b"%d" % n)
        self.assertEqual(len(other.requests), 4)

    def test_a_body_that_was_not_kept_is_not(self):
        weir = self.begin(ResetWith(7, reads_body=True), Echo())
        answer = weir.h2().post("/", b"x" * (KEPT + 1))
        self.assert_failed(answer, "target-reset-stream")
        self.assertEqual(len(self.app.requests), 1)

    def test_once(self):
        weir = self.begin(ResetWith(7))
        self.assert_failed(weir.h2().get("/"), "target-reset-stream")
        self.assertEqual(len(self.app.requests), 2)

    def test_other_codes_are_final(self):
        for code in (0x0, 0x1, 0x2, 0x8, 0xb):
            weir = self.begin(ResetWith(code), Echo())
            self.assert_failed(weir.h2().get("/"), "target-reset-stream")
            self.assertEqual(len(self.app.requests), 1)
            weir.stop()

    def test_streams_above_the_last_id_of_a_goaway(self):
        weir = self.begin(Reply(200, b"ok"), GoAway(below=True), Echo())
        c = weir.h2()
        self.assertEqual(c.get("/").body, b"ok")
        self.assertEqual(c.post("/", b"again").body, b"again")
        self.assertEqual(self.app.connections, 2)

    def test_streams_below_it_go_on(self):
        weir = self.begin(GoAway(below=False, then=Reply(200, b"late")), Echo())
        c = weir.h2()
        self.assertEqual(c.get("/").body, b"late")
        self.assertEqual(c.post("/", b"next").body, b"next")
        self.assertEqual(self.app.connections, 2)

    def test_a_goaway_without_another_try(self):
        weir = self.begin(GoAway(below=True))
        self.assert_failed(weir.h2().post("/", b"x" * 10), "target-goaway")
        self.assertEqual(len(self.app.requests), 2)

    def test_trailers_are_sent_again(self):
        weir = self.begin(ResetWith(7, reads_body=True), Chunked(b"ok"))
        c = weir.h2()
        c.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
               b"2\r\nup\r\n0\r\nX-Up: 2\r\n\r\n")
        self.assertEqual(c.answer().body, b"ok")
        self.assertEqual(self.app.requests[1].trailers.all("x-up"), ["2"])
        self.assertEqual(self.app.requests[1].body, b"up")


class Resets(Http2):
    FORWARDED = (0x2, 0x7, 0x8, 0xb)

    def test_forwarded_where_the_group_says_so(self):
        keys = "routing.http2.rst_stream_error_forwarding.enabled: true"
        for code in self.FORWARDED:
            weir = self.begin(ResetWith(code), keys=keys)
            c = weir.h2()
            with self.subTest(code=code):
                with self.assertRaisesRegex(Gone, f"reset with {code}$"):
                    c.get("/")
                c.waiting.clear()
                weir.log.wait_for("target-reset-stream|target-goaway")
            weir.stop()
        weir = self.begin(ResetWith(0x1), keys=keys)
        self.assert_failed(weir.h2().get("/"), "target-reset-stream")

    def test_in_a_body_too(self):
        half = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"
        for keys, code in (("routing.http2.rst_stream_error_forwarding.enabled: true", 8),
                           ("port: 1", 2)):
            weir = self.begin(ResetWith(8, after=half), keys=keys)
            answer = weir.h2().get("/")
            self.assertEqual((answer.status, answer.whole, answer.reset), (200, False, code))
            weir.log.wait_for("target-reset-stream")
            weir.stop()

    def test_a_client_that_resets_ends_the_work_of_its_target(self):
        weir = self.begin(Silent())
        c = weir.h2()
        c.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertTrue(self.app.wait_for(lambda o: o.requests))
        c.session.reset(c.stream, 8)
        stream = self.app.requests[0].stream
        session = self.app.sessions[0]
        self.assertTrue(session.wait(lambda: stream.reset is not None))
        self.assertEqual(stream.reset, 8)
        c.waiting.clear()
        self.assertEqual(self.app.connections, 1)

    def test_no_answer_in_time(self):
        weir = self.begin(Silent(), keys="timeouts.target_response_seconds: 0.3")
        self.assert_failed(weir.h2().get("/"), "target-silent", 504)
        session = self.app.sessions[0]
        stream = self.app.requests[0].stream
        self.assertTrue(session.wait(lambda: stream.reset is not None))


class Frames(Action):
    """What no library would send: heads as they are."""

    reads_body = False

    def __init__(self, *heads, body=None, end=True, then=None):
        self.heads, self.body, self.end, self.then = heads, body, end, then

    def run(self, request, wire, origin):
        session, stream = wire.session, request.stream
        for n, pairs in enumerate(self.heads):
            last = n + 1 == len(self.heads) and self.body is None and self.end
            session.raw_head(stream, pairs, last)
        if self.body is not None:
            session.raw_data(stream, self.body, self.end)
        if self.then:
            self.then(session, stream)
        stream.sent_end = True


class ThenReset(Action):
    """As nginx where it has answered without the body: RFC 9113 8.1."""

    reads_body = False

    def run(self, request, wire, origin):
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        wire.session.raw(b"\0\0\4\3\0" + request.stream.id.to_bytes(4, "big") + b"\0\0\0\0")


class Hostile(Http2):
    OK = [(":status", "200")]

    def answer_to(self, script, tls=False):
        weir = self.begin(script, tls=tls)
        try:
            return weir.h2().get("/")
        finally:
            weir.stop()

    def test_malformed_answers(self):
        for name, pairs in {
                "upper case": self.OK + [("X-Up", "1")],
                "empty name": self.OK + [("", "1")],
                "line end": self.OK + [("a", "b\r\nc: d")],
                "connection": self.OK + [("connection", "close")],
                "coding": self.OK + [("transfer-encoding", "chunked")],
                "no status": [("a", "b")],
                "two": self.OK + self.OK,
                "late": [("a", "b")] + self.OK,
                "unknown": self.OK + [(":odd", "1")],
                "101": [(":status", "101")],
                "text": [(":status", "ok!")],
                "two lengths": self.OK + [("content-length", "1"), ("content-length", "1")],
        }.items():
            with self.subTest(name):
                self.assert_failed(self.answer_to(Frames(pairs)), "target-malformed")

    def test_a_head_too_large(self):
        answer = self.answer_to(Frames(self.OK + [("x", "y" * 33000)]))
        self.assert_failed(answer, "target-header-too-large")

    def test_lengths_that_lie(self):
        length = self.OK + [("content-length", "5")]
        for body in (b"shor", b"longer"):
            with self.subTest(body):
                answer = self.answer_to(Frames(length, body=body))
                self.assertTrue(answer.status == 502 or not answer.whole, answer)

    def test_interim_answers_without_end(self):
        answer = self.answer_to(Frames(*[[(":status", "103")]] * 200, end=False))
        self.assert_failed(answer, "target-malformed")

    def test_an_interim_answer_that_ends(self):
        self.assert_failed(self.answer_to(Frames([(":status", "103")])), "target-malformed")

    def regress_resets_behind_whole_answers_are_no_abuse(self):
        weir = self.begin(ThenReset())
        c = weir.h2()
        for _ in range(1200):
            self.assertEqual(c.post("/", b"x").body, b"ok")
        self.assertLessEqual(self.app.connections, 2)
        self.assertNotIn("breaks HTTP/2", weir.log.text())

    def test_a_promise(self):
        def promise(session, stream):
            session.raw(b"\0\0\5\5\4" + stream.id.to_bytes(4, "big") + b"\0\0\0\2\x82")
        self.assert_failed(self.answer_to(Frames(then=promise)), "target-malformed")

    def test_a_table_beyond_ours(self):
        def grow(session, stream):
            # RFC 7541 6.3: a size that nobody allowed, then :status 200.
            block = b"\x3f\xe1\xff\x03\x88"
            session.raw(len(block).to_bytes(3, "big") + b"\1\5" +
                        stream.id.to_bytes(4, "big") + block)
        self.assert_failed(self.answer_to(Frames(then=grow)), "target-malformed")

    def test_a_flood_ends_the_connection(self):
        def flood(session, stream):
            for _ in range(20):
                session.raw((b"\0\0\x08\6\0\0\0\0\0" + bytes(8)) * 1000)  # PING
        weir = self.begin(Frames(then=flood), Reply(200, b"ok"))
        self.assert_failed(weir.h2().get("/"), "target-malformed")
        weir.log.wait_for("a target breaks HTTP/2.*kind=ping")
        self.assertEqual(weir.h2().get("/").body, b"ok")
        self.assertEqual(self.app.connections, 2)

    def test_not_http2_at_all(self):
        for greeting in (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
                         b"220 mail.test ESMTP\r\n"):
            app = self.origin(greeting=greeting)
            app._one = lambda wire, number: wire.rest()
            weir = self.weir(CONFIG, protocol="HTTP", version="HTTP2", targets=str(app),
                             keys="port: 1", idle=60)
            self.assert_failed(weir.h2().get("/"), "target-malformed")
            weir.stop()

    def test_a_target_that_does_not_choose_http2(self):
        app = self.origin(tls=origin_tls(alpn=("http/1.1",)))
        weir = self.weir(CONFIG, protocol="HTTPS", version="HTTP2", targets=str(app),
                         keys="port: 1", idle=60)
        self.assert_failed(weir.h2().get("/"), "target-no-http2")

    def test_a_target_that_says_nothing(self):
        class Mute(Action):
            def run(self, request, wire, origin):
                raise Gone
        app = self.origin(Mute())
        app._one = lambda wire, number: wire.rest()
        weir = self.weir(CONFIG, protocol="HTTP", version="HTTP2", targets=str(app),
                         keys="timeouts.target_connect_seconds: 0.3", idle=60)
        self.assert_failed(weir.h2().get("/"), "target-connect-timeout", 504)


class Checks(Http2):
    CHECKED = CONFIG.replace("health_check.enabled: false", "health_check: {check}")
    CHECK = "interval_seconds: 1, timeout_seconds: 0.9, healthy_threshold_count: 1"

    def checked(self, version, health, more="", tls=False):
        self.app = self.origin(h2=True, health=health,
                               tls=origin_tls(alpn=("h2",)) if tls else None)
        check = self.CHECK + (", protocol: HTTPS" if tls else "") + more
        return self.weir(self.CHECKED, protocol="HTTPS" if tls else "HTTP", version=version,
                         targets=str(self.app), keys="port: 1", idle=60, check="{" + check + "}")

    def test_by_http2(self):
        for tls in (False, True):
            weir = self.checked("HTTP2", 200, tls=tls)
            weir.wait_healthy(1)
            self.assertEqual(self.app.checks[0].line, "GET / HTTP/2.0")
            self.assertEqual(self.app.checks[0].fields["host"], str(self.app))
            weir.stop()
        weir = self.checked("HTTP2", Reply(200, b"well"), ", body: well")
        weir.wait_healthy(1)
        weir.stop()
        weir = self.checked("HTTP2", Reply(302, b"", [("Location", "/login")]))
        weir.log.wait_for("became unhealthy.*code=302.*status 302 to /login")

    def test_by_calls(self):
        code = Reply(200, b"", [("grpc-status", "12")])
        for health, more in ((code, ""),
                             (Chunked(b"\0\0\0\0\0", trailers=[("grpc-status", "0")]),
                              ', matcher: "0"'),
                             (Reply(503, b"", [("grpc-status", "12")]), "")):
            weir = self.checked("GRPC", health, more, tls=more == "")
            weir.wait_healthy(1)
            got = self.app.checks[0]
            self.assertEqual(got.line, "POST /AWS.ALB/healthcheck HTTP/2.0")
            self.assertEqual((got.fields["te"], got.fields["content-type"]),
                             ("trailers", "application/grpc"))
            weir.stop()

    def test_calls_that_fail(self):
        for health, line in ((200, "status 200 and no grpc-status"),
                             (Reply(200, b"", [("grpc-status", "5")]), "code=5"),
                             (ResetWith(2), "reset the stream"),
                             (None, "Target.FailedHealthChecks")):
            weir = self.checked("GRPC", health)
            weir.log.wait_for("became unhealthy.*" + line)
            weir.stop()


class Leaving(Http2):
    def test_a_target_that_left_ends_its_streams_when_its_time_is_over(self):
        held = Held()
        other = self.origin(h2=True)
        keys = "deregistration_delay.timeout_seconds: 1"
        weir = self.begin(held, keys=keys)
        c = weir.h2()
        c.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertTrue(self.app.wait_for(lambda o: o.requests))
        weir.reload(CONFIG, targets=str(other))
        self.assertEqual(weir.h2().get("/").body, b"ok")
        self.assert_failed(c.answer(), "deregistered")
        session = self.app.sessions[0]
        self.assertTrue(session.wait(lambda: session.error))

    def test_what_runs_ends_before(self):
        held = Held()
        other = self.origin(h2=True)
        weir = self.begin(held)
        c = weir.h2()
        c.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertTrue(self.app.wait_for(lambda o: o.requests))
        weir.reload(CONFIG, targets=str(other))
        held.release.set()
        self.assertEqual(c.answer().body, b"held")
        session = self.app.sessions[0]
        self.assertTrue(session.wait(lambda: session.error))

    def test_a_connection_outlives_a_reload(self):
        weir = self.begin()
        self.assertEqual(weir.h2().get("/").status, 200)
        weir.reload()
        self.assertEqual(weir.h2().get("/").status, 200)
        self.assertEqual(self.app.connections, 1)

    def regress_one_connect_that_fails_is_one_failure(self):
        """However many waited for it: three make a target rest."""
        weir = self.begin(keys="passive_checks.failure_count: 3",
                          more=[self.origin(h2=True)])
        self.app.stop()
        c = weir.h2()
        requests = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        with c.session.cond:  # in one write: they wait for one connect
            c.send(requests * 10)
        for _ in range(10):
            self.assertEqual(c.answer().body, b"ok")
        self.assertNotIn("target rests", weir.log.text())
        for _ in range(20):
            self.assertEqual(weir.h2().get("/").status, 200)
        weir.log.wait_for("target rests")

    def test_an_early_answer_that_wants_no_more(self):
        weir = self.begin(ResetWith(0, after=b"HTTP/1.1 413 No\r\nContent-Length: 3\r\n\r\nbig"))
        c = weir.h2()
        answer = c.post("/", b"x" * 2000000)
        self.assertEqual((answer.status, answer.body), (413, b"big"))
        self.assertEqual(c.post("/", b"x" * 2000000).status, 413)


class Servers(Http2):
    """Servers that people have, with HTTP/2 towards weir and our origin behind."""

    NGINX = """
daemon off; master_process off; pid {dir}/pid; error_log {dir}/errors;
events {{ worker_connections 256; }}
http {{
  access_log off; client_max_body_size 0;
  client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f;
  uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
  server {{
    listen 127.0.0.1:{plain} http2; listen 127.0.0.1:{tls} ssl http2;
    ssl_certificate {pem}; ssl_certificate_key {key};
    location / {{ proxy_pass http://{app}; proxy_request_buffering off; }}
    location /refused {{ return 444; }}
  }}
}}
"""
    HAPROXY = """
defaults
  mode http
  timeout connect 5s
  timeout client 10s
  timeout server 10s
frontend f
  bind 127.0.0.1:{plain} proto h2
  bind 127.0.0.1:{tls} ssl crt {both} alpn h2
  default_backend b
backend b
  server app {app}
"""

    def serve(self, program, conf, *args):
        path = shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin")
        if not path:
            self.skipTest(f"no {program} here")
        folder = self.folder()
        pem, key = certificate("origin.test")
        both = os.path.join(folder, "both.pem")
        with open(both, "wb") as f:
            for part in (pem, key):
                with open(part, "rb") as g:
                    f.write(g.read())
        self.app = self.origin(Echo())
        ports = {"plain": free_port(), "tls": free_port()}
        file = os.path.join(folder, "conf")
        with open(file, "w", encoding="ascii") as f:
            f.write(conf.format(dir=folder, app=self.app, pem=pem, key=key, both=both, **ports))
        process = subprocess.Popen([path, *args, file], cwd=folder,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait, 10)
        self.addCleanup(process.terminate)

        def is_up():
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", ports["tls"])) == 0
        wait_for(is_up, program)
        return ports

    def converse(self, ports):
        body = bytes(range(256)) * 4096
        for protocol, port in (("HTTP", ports["plain"]), ("HTTPS", ports["tls"])):
            weir = self.weir(CONFIG, protocol=protocol, version="HTTP2",
                             targets=f"127.0.0.1:{port}", keys="port: 1", idle=60)
            clients = [weir.h2() for _ in range(3)]
            for c in clients:
                self.assertTrue(c.post("/up", body).body == body)
                self.assertEqual(c.ask("HEAD", "/").status, 200)
            for c in clients:
                for n in range(50):
                    c.send(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % n)
            for c in clients:
                self.assertEqual([c.answer().fields["x-target"] for _ in range(50)],
                                 [f"/{n}" for n in range(50)])
            weir.stop()

    def test_nginx(self):
        self.converse(self.serve("nginx", self.NGINX, "-p", ".", "-e", "errors", "-c"))

    def test_haproxy(self):
        self.converse(self.serve("haproxy", self.HAPROXY, "-db", "-f"))
