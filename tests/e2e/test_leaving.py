"""Clients that leave: when, how, and what their target sees of it; and what a
connection must go on doing where others stumble."""

import os
import shutil
import ssl

from client import request
from origin import Action, Gone
from scene import (ONE_GROUP, Raw, Reply, Scene, certificate, http1, origin_tls, trusting,
                   wait_for)


class Watch(Action):
    """Answers as much as it is told to, then waits for the end of its input."""

    def __init__(self, *parts):
        self.parts = parts
        self.saw_end = False

    def run(self, request, wire, origin):
        for part in self.parts:
            wire.send(part)
        wire.rest()
        self.saw_end = True
        raise Gone("the peer has left")


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"
STAGES = {"before the head": (), "during a silent body": (HEAD + b"half",)}
ASKS = {
    "keep-alive": request("GET", "/"),
    "close": request("GET", "/", fields=[("Connection", "close")]),
    "1.0": b"GET / HTTP/1.0\r\nHost: a\r\n\r\n",
}


class Leaving(Scene):
    def began(self, ask, parts):
        """A client whose answer has got as far as `parts`."""
        self.watch = Watch(*parts)
        self.app = self.origin(self.watch)
        self.running = self.weir(ONE_GROUP, app=self.app)
        c = self.running.client()
        c.send(ask)
        self.assertTrue(self.app.wait_for(lambda o: o.requests))
        if parts:
            c.until(b"half")
        return c

    def gone(self):
        status = self.running.json("status")
        return (status["reasons"].get("client-gone", 0) == 1 and
                status["counters"]["EndedRequestCount"] == 1)

    def test_regress_the_target_sees_a_reset(self):
        for stage, parts in STAGES.items():
            for how, ask in ASKS.items():
                with self.subTest(stage + ", " + how):
                    self.began(ask, parts).reset_now()
                    wait_for(lambda: self.watch.saw_end, "the target to see it")
                    wait_for(self.gone, "the reason")

    @http1
    def test_regress_a_fin_of_a_client_that_would_keep_is_its_leave(self):
        for stage, parts in STAGES.items():
            with self.subTest(stage):
                self.began(ASKS["keep-alive"], parts).finish()
                wait_for(lambda: self.watch.saw_end, "the target to see it")
                wait_for(self.gone, "the reason")


class HalfClosing(Scene):
    """Who announced the last request may end its side and wait."""

    over = ("plain",)

    def test_regress_the_answer_comes_whole(self):
        for how in ("close", "1.0"):
            for n in (10, 500000):
                with self.subTest(how + f", {n} octets"):
                    go = os.pipe()
                    app = self.origin(Raw(lambda: os.read(go[0], 1),
                                          b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % n,
                                          b"x" * n, keep=True))
                    weir = self.weir(ONE_GROUP, app=app)
                    c = weir.client()
                    c.send(ASKS[how])
                    c.finish()
                    self.assertTrue(app.wait_for(lambda o: o.requests))
                    os.write(go[1], b"x")
                    answer = c.answer()
                    self.assertEqual((answer.status, len(answer.body)), (200, n))
                    self.assertTrue(c.is_closed())
                    for fd in go:
                        os.close(fd)


class GoingOn(Scene):
    def test_regress_a_head_is_flushed_before_a_stalled_body(self):
        for head in (HEAD, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                     b"HTTP/1.1 200 OK\r\n\r\n"):
            with self.subTest(head):
                weir = self.weir(ONE_GROUP, app=self.origin(Watch(head)))
                c = weir.client()
                c.send(request("GET", "/"))
                self.assertEqual(c.head().status, 200)

    @http1  # which has an order
    def test_regress_a_thousand_requests_in_a_row(self):
        """All of them are sent before the first answer is read."""
        app = self.origin(*[Reply(200, b"%d" % n) for n in range(1000)])
        c = self.weir(ONE_GROUP, app=app).client()
        c.send(b"".join(request("GET", f"/{n}") for n in range(1000)))
        self.assertEqual([c.answer().body for _ in range(1000)],
                         [b"%d" % n for n in range(1000)])
        self.assertEqual([r.target for r in app.requests], [f"/{n}" for n in range(1000)])
        self.assertEqual(app.connections, 1)

    def test_regress_a_post_meets_a_stale_connection(self):
        """It ends while it lies warm: the POST is sent once, and answered."""
        for tls in (None, origin_tls()):
            with self.subTest("TLS" if tls else "plain"):
                app = self.origin(Reply(200, b"one"), Reply(200, b"two"), tls=tls)
                config = ONE_GROUP.replace("{name: app", "{name: app, protocol: HTTPS"
                                           if tls else "{name: app")
                weir = self.weir(config, app=app)
                c = weir.client()
                self.assertEqual(c.get("/").body, b"one")
                app.cut_connections()
                wait_for(lambda: weir.json("status")["workers"][0]["target_connections"] == 0,
                         "the end to be seen")
                self.assertEqual(c.post("/", b"body").body, b"two")
                self.assertEqual([r.body for r in app.requests], [b"", b"body"])


class Replaced(Scene):
    over = ("plain",)

    def test_regress_a_certificate_file_under_unchanged_yaml(self):
        folder = self.folder()
        pem, key = os.path.join(folder, "a.pem"), os.path.join(folder, "a.key")

        def put(name):
            for made, path in zip(certificate(name), (pem, key)):
                shutil.copy(made, path + ".new")
                os.chmod(path + ".new", 0o644)
                os.replace(path + ".new", path)

        def served(name):
            c = weir.client(tls=trusting(), name="any.test")
            der = c.sock.getpeercert(binary_form=True)
            with open(certificate(name)[0], encoding="ascii") as f:
                return c if ssl.PEM_cert_to_DER_cert(f.read()) == der else None
        put("old.test")
        weir = self.weir(ONE_GROUP.replace(
            "{listener}", "port: {port}, protocol: HTTPS, certificates: "
            f"{{certificate: {pem}, private_key: {key}}}"), app=self.origin(Reply(200, b"ok")))
        kept = served("old.test")
        self.assertEqual(kept.get("/").status, 200)
        put("new.test")
        weir.reload()
        self.assertIsNotNone(served("new.test"))
        self.assertEqual(kept.get("/").status, 200)
