"""Nothing waits for ever, and who made it wait is told which limit it met."""

import time

from client import request
from scene import Early, ONE_GROUP, Raw, Reply, Scene, Silent, Stream, Upgrade, http1

CONFIG = ONE_GROUP.replace("    addresses:", "    idle_timeout.timeout_seconds: {idle}\n"
                           "    {more}\n    addresses:")


class Idle(Scene):
    def begin(self, *script, idle=1, more=""):
        self.app = self.origin(*(script or [Reply(200, b"ok")]))
        return self.weir(CONFIG, app=self.app, idle=idle, more=more)

    @http1
    def test_half_a_head_ends_in_408(self):
        c = self.begin().client()
        began = time.monotonic()
        c.send(b"GET / HTTP/1.1\r\nHos")
        answer = c.answer()
        self.assertEqual((answer.status, answer.fields["weir-reason"]),
                         (408, "client-timeout"))
        self.assertTrue(c.is_closed())
        self.assertGreater(time.monotonic() - began, 0.9)

    @http1
    def test_a_head_that_trickles_has_one_idle_timeout_in_all(self):
        c = self.begin().client()
        c.sock.settimeout(0.2)
        c.send(b"GET / HTTP/1.1\r\nX: ")
        for _ in range(40):
            try:
                c.send(b"x")
                c.more()
                break
            except TimeoutError:
                pass
        self.assertTrue(c.ahead.startswith(b"HTTP/1.1 408 "), c.ahead)

    def test_a_connection_between_requests_closes_without_a_word(self):
        c = self.begin().client()
        self.assertEqual(c.get("/").status, 200)
        self.assertEqual(c.rest(), b"")

    def test_a_body_that_stops_ends_in_408(self):
        c = self.begin(Reply(200)).client()
        c.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf")
        self.assertEqual(c.answer().status, 408)
        self.assertTrue(c.is_closed())

    def test_a_silent_target_is_504(self):
        c = self.begin(Silent()).client()
        answer = c.get("/")
        self.assertEqual((answer.status, answer.fields["weir-reason"]),
                         (504, "target-silent"))

    def test_a_body_that_the_target_does_not_finish_is_cut(self):
        c = self.begin(Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
                           keep=True), Silent()).client()
        answer = c.get("/")
        self.assertEqual(answer.body, b"half")
        self.assertFalse(answer.whole)

    def test_a_client_that_takes_nothing_is_cut(self):
        stream = Stream(1 << 40)
        weir = self.begin(stream)
        c = weir.client(receive_octets=4096)
        c.send(request("GET", "/"))
        self.assertTrue(self.app.wait_for(lambda o: o.requests and not o.open, 20))

    def test_as_long_as_something_moves_nothing_is_cut(self):
        weir = self.begin(Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
                              *[x for n in range(5)
                                for x in (lambda: time.sleep(0.6), b"x")], keep=True))
        self.assertEqual(weir.get("/").body, b"xxxxx")

    def test_a_quiet_tunnel_is_closed(self):
        ws = self.begin(Upgrade()).websocket()
        self.assertEqual(ws.echo(b"there"), b"there")
        self.assertTrue(ws.client.is_closed())
        self.assertTrue(self.app.wait_for(lambda o: not o.open))

    def test_a_tunnel_may_have_a_limit_of_its_own(self):
        ws = self.begin(Upgrade(), more="timeouts.tunnel_idle_seconds: 0").websocket()
        self.assertEqual(ws.echo(b"there"), b"there")
        self.assertTrue(ws.client.is_quiet(2.5))
        self.assertEqual(ws.echo(b"still"), b"still")

    def test_an_early_answer_does_not_wait_for_the_upload(self):
        weir = self.begin(Early(Reply(200, b"early")), idle=2)
        c = weir.client()
        c.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf")
        self.assertEqual(c.answer().body, b"early")
        self.assertTrue(c.is_closed())


class Handshake(Scene):
    over = ("plain",)

    def test_a_client_that_says_nothing_on_a_tls_port(self):
        app = self.origin(Reply(200, b"ok"))
        weir = self.weir(
            ONE_GROUP.replace("    addresses:",
                              "    timeouts.client_tls_handshake_seconds: 1\n    addresses:")
            .replace("{listener}", "port: {port}, protocol: HTTPS, {tls}"), app=app)
        c = weir.client(tls=False)
        self.assertTrue(c.is_closed())
