"""Requests that are refused: too large, not HTTP, or readable in two ways."""

import socket

from scene import Echo, ONE_GROUP, Raw, Reply, Scene, http1

MODE = ONE_GROUP.replace(
    "    addresses:", "    routing.http.desync_mitigation_mode: {mode}\n    addresses:")


class Refusing(Scene):
    over = ("plain",)

    def setUp(self):
        self.app = self.origin(Reply(200, b"ok"))
        self.begun = self.weir(ONE_GROUP, app=self.app)

    def status(self, octets):
        c = self.begun.client()
        c.send(octets)
        answer = c.answer()
        if answer.status != 200:
            self.assertEqual(answer.fields["connection"].lower(), "close")
            self.assertTrue(c.is_closed())
        return answer.status


class Limits(Refusing):
    over = ("plain", "tls")

    def test_a_request_line(self):
        for size, status in ((15000, 200), (17000, 414), (200000, 414)):
            with self.subTest(size):
                self.assertEqual(self.status(b"GET /" + b"a" * size +
                                             b" HTTP/1.1\r\nHost: a\r\n\r\n"), status)

    def test_a_field(self):
        for size, status in ((15000, 200), (17000, 400)):
            with self.subTest(size):
                self.assertEqual(self.status(b"GET / HTTP/1.1\r\nHost: a\r\nX: " +
                                             b"a" * size + b"\r\n\r\n"), status)

    def test_all_fields_together(self):
        field = b"X-Field: " + b"a" * 1000 + b"\r\n"
        for n, status in ((50, 200), (80, 400)):
            with self.subTest(n):
                self.assertEqual(self.status(b"GET / HTTP/1.1\r\nHost: a\r\n" +
                                             field * n + b"\r\n"), status)

    def test_a_head_without_end(self):
        c = self.begun.client()
        try:
            for _ in range(2000):
                c.send(b"X: " + b"a" * 1000 + b"\r\n")
        except Exception:
            pass  # it may have closed while we were at it
        self.assertTrue(c.is_closed())


class NotHttp(Refusing):
    def test_malformed_heads(self):
        rows = [
            (b"\x16\x03\x01\x02\x00\r\n\r\n", 400),
            (b"GET\r\n\r\n", 400),
            (b"GET / HTTP/1.1 extra\r\nHost: a\r\n\r\n", 400),
            (b"GET / HTTP/9.9\r\nHost: a\r\n\r\n", 505),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
            (b"G\x00T / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
            (b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 405),
            (b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        ]
        for octets, status in rows:
            with self.subTest(octets):
                self.assertEqual(self.status(octets), status)
        self.assertEqual(self.app.requests, [])

    def test_regress_what_a_client_asks_for_in_vain_is_no_warning(self):
        for octets, status, reason in (
                (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, "http-version"),
                (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n"
                 b"Transfer-Encoding: chunked\r\n\r\n", 501, "transfer-coding")):
            self.assertEqual(self.status(octets), status)
            self.assertIn("level=info", self.begun.log.wait_for(reason))

    def test_regress_white_space_around_a_name(self):
        """Nobody may be unsure whether a field is there (RFC 9112 5.1, 2.2)."""
        for mode in ("monitor", "defensive", "strictest"):
            self.begun = self.weir(MODE, app=self.app, mode=mode)
            for fields in (b"Host: a\r\nContent-Length : 5\r\n",
                           b"Host: a\r\nContent-Length\t: 5\r\n",
                           b" Content-Length: 5\r\nHost: a\r\n"):
                with self.subTest(mode=mode, fields=fields):
                    self.assertEqual(self.status(
                        b"POST / HTTP/1.1\r\n" + fields + b"\r\nhello"), 400)
        self.assertEqual(self.app.requests, [])


class Shape(Scene):
    """Octet by octet what captures of ALB show: 162 of a 503's body, 272 of
    the whole answer to what is no request."""

    over = ("plain",)
    HEAD = (r"HTTP/1\.1 {status}\r\n{server}Date: [A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} "
            r"\d\d:\d\d:\d\d GMT\r\nContent-Type: text/html\r\nContent-Length: {length}\r\n"
            r"Connection: {connection}\r\n\r\n")

    def answer(self, request, server="true"):
        weir = self.weir("load_balancers: [{name: web, addresses: 127.0.0.1, listeners: [{"
                         "port: {port}, routing.http.response: {weir_reason.enabled: false, "
                         "server.enabled: {server}}, default_actions: {forward: app}}]}]\n"
                         "target_groups: [{name: app}]\n", server=server)
        with socket.create_connection(("127.0.0.1", weir.ports["port"]), 10) as s:
            s.sendall(request)
            s.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: s.recv(65536), b"")).decode()

    def expect(self, got, status, length, connection, server):
        head = self.HEAD.replace("{status}", status).replace("{length}", str(length))
        head = head.replace("{connection}", connection).replace("{server}", server)
        self.assertRegex(got, "^" + head)
        self.assertEqual(got.partition("\r\n\r\n")[2], "".join(
            f"{line}\r\n" for line in (
                "<html>", f"<head><title>{status}</title></head>", "<body>",
                f"<center><h1>{status}</h1></center>", "</body>", "</html>")))

    def regress_answers_are_as_awss(self):
        get = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        known = r"Server: awselb/2\.0\r\n"
        for server, line in (("true", known), ("false", "")):
            with self.subTest(server=server):
                self.expect(self.answer(get, server), "503 Service Temporarily Unavailable",
                            162, "(keep-alive|close)", line)
        got = self.answer(b"GET\r\n\r\n")
        self.expect(got, "400 Bad Request", 122, "close", known)
        self.assertEqual(len(got), 272)


class Smuggling(Scene):
    """Never two readings: refused, or passed on with one and then closed."""
    over = ("plain", "tls")

    SEVERE = [
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: 5, 5\r\n",
        b"Content-Length: +5\r\n",
        b"Content-Length: 0x5\r\n",
        b"Content-Length: 18446744073709551616\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding: chunked, identity2\r\n",
        b"Transfer_Encoding: chunked\r\nContent-Length: 5\r\n",
        b"X: a\x00b\r\n",
        b"X: a\rb\r\n",
    ]
    AMBIGUOUS = [
        b"Content-Length: 0\r\nContent-Length: 0\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
    ]

    def status(self, weir, fields, body=b"0\r\n\r\n"):
        c = weir.client()
        c.send(b"POST / HTTP/1.1\r\nHost: a\r\n" + fields + b"\r\n" + body)
        answer = c.answer()
        return answer.status, c

    def test_severe_is_refused_in_every_mode_but_monitor(self):
        for mode in ("defensive", "strictest"):
            app = self.origin(Echo())
            weir = self.weir(MODE, app=app, mode=mode)
            for fields in self.SEVERE:
                with self.subTest(mode=mode, fields=fields):
                    status, c = self.status(weir, fields)
                    self.assertEqual(status, 400)
                    self.assertTrue(c.is_closed())
            self.assertEqual(app.requests, [])

    def test_ambiguous_is_passed_on_once_with_one_reading(self):
        app = self.origin(Echo())
        weir = self.weir(MODE, app=app, mode="defensive")
        for fields in self.AMBIGUOUS:
            with self.subTest(fields):
                body = b"0\r\n\r\n" if b"chunked" in fields else b""
                status, c = self.status(weir, fields, body)
                self.assertEqual(status, 200)
                self.assertTrue(c.is_closed())
                got = app.requests[-1].fields
                framing = got.all("content-length") + got.all("transfer-encoding")
                self.assertEqual(len(framing), 1, got)
        # Each of them had a connection to the target of its own.
        self.assertEqual(app.connections, len(self.AMBIGUOUS))

    def regress_the_log_says_why_a_request_was_refused(self):
        weir = self.weir(MODE, app=self.origin(Echo()), mode="defensive")
        self.assertEqual(self.status(weir, self.SEVERE[0])[0], 400)
        line = weir.log.wait_for("reason=desync")
        self.assertIn("classification=Severe", line)
        self.assertIn("classification_reason=MultipleContentLength", line)

    def test_strictest_refuses_it(self):
        weir = self.weir(MODE, app=self.origin(Echo()), mode="strictest")
        for fields in self.AMBIGUOUS + [b"X y: z\r\n"]:
            with self.subTest(fields):
                self.assertEqual(self.status(weir, fields)[0], 400)

    def test_a_coding_that_we_do_not_speak_is_501(self):
        weir = self.weir(MODE, app=self.origin(Echo()), mode="defensive")
        self.assertEqual(self.status(weir, b"Transfer-Encoding: gzip, chunked\r\n")[0], 501)

    def test_what_follows_a_refused_request_is_never_a_request(self):
        app = self.origin(Echo())
        weir = self.weir(MODE, app=app, mode="defensive")
        c = weir.client()
        c.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n"
               b"\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertEqual(c.answer().status, 400)
        self.assertTrue(c.is_closed())
        self.assertEqual(app.requests, [])

    def test_a_response_with_two_lengths_is_not_passed_on(self):
        app = self.origin(Raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
                              b"Content-Length: 5\r\n\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n"
                              b"Content-Length: 4\r\n\r\nevil", keep=True), Reply(200, b"ok"))
        weir = self.weir(MODE, app=app, mode="defensive")
        c = weir.client()
        first = c.get("/")
        # Chunks are what counts (RFC 9112 6.3), and the connection ends there.
        self.assertEqual((first.status, first.body), (200, b""))
        self.assertEqual(weir.get("/").body, b"ok")


class InvalidNames(Scene):
    @http1
    def test_regress_a_name_that_is_no_token_is_dropped_and_counted(self):
        for mode, status in (("monitor", 200), ("defensive", 200), ("strictest", 400)):
            app = self.origin(Echo())
            weir = self.weir(MODE, app=app, mode=mode)
            c = weir.client()
            c.send(b"POST / HTTP/1.1\r\nHost: a\r\nX-\xe9: 1\r\nX-Last: 2\r\n"
                   b"Content-Length: 4\r\n\r\nbody")
            self.assertEqual(c.answer().status, status)
            if status != 200:
                self.assertEqual(app.requests, [])
                continue
            names = [name.lower() for name, _ in app.requests[0].fields.pairs]
            self.assertIn("x-last", names)
            self.assertFalse([n for n in names if not n.isascii()])
            # Ours stand first, where everybody reads them.
            self.assertEqual(names[:2], ["host", "content-length"])
            self.assertLess(names.index("x-amzn-trace-id"), names.index("x-last"))
            counters = weir.json("status")["counters"]
            self.assertEqual(counters["DroppedInvalidHeaderRequestCount"], 1)

    def test_names_beyond_letters_digits_and_hyphens(self):
        for drop, expected in (("true", False), ("false", True)):
            app = self.origin(Reply(200, b"ok"))
            weir = self.weir(MODE.replace(
                "routing.http.desync_mitigation_mode: {mode}",
                "routing.http.drop_invalid_header_fields.enabled: " + drop), app=app)
            weir.get("/", fields=[("under_score", "1"), ("good-name", "2")])
            self.assertEqual("under_score" in app.requests[0].fields, expected)
            self.assertIn("good-name", app.requests[0].fields)
