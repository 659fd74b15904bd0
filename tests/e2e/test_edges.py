"""Edges: what peers do rarely, by mistake or on purpose."""

import threading

from client import Client, request
from origin import Gone
from scene import Chunked, Echo, Held, ONE_GROUP, Raw, Reply, Scene, Stream, http1, wait_for

NEXT = Reply(200, b"next")


class Clients(Scene):
    def setUp(self):
        self.app = self.origin(Echo())
        self.begun = self.weir(ONE_GROUP, app=self.app)

    @http1
    def test_a_client_that_said_it_was_its_last_request_may_send_fin(self):
        if self.transport != "plain":
            self.skipTest("a half-closed TLS connection cannot be read by Python")
        c = self.begun.client()
        c.send(request("POST", "/", b"body", fields=[("Connection", "close")]))
        c.finish()
        self.assertEqual(c.answer().body, b"body")
        self.assertTrue(c.is_closed())

    @http1
    def test_empty_lines_before_a_request(self):
        c = self.begun.client()
        c.send(b"\r\n\r\n" + request("POST", "/", b"body"))
        self.assertEqual(c.answer().body, b"body")

    def test_a_request_for_the_server_itself(self):
        c = self.begun.client()
        self.assertEqual(c.ask("OPTIONS", "*").fields["x-target"], "*")

    @http1
    def test_an_absolute_target_reaches_the_origin_as_a_path(self):
        c = self.begun.client()
        answer = c.get("http://example.test/a?b", host="example.test")
        self.assertEqual(answer.fields["x-target"], "/a?b")

    def test_a_method_of_their_own(self):
        c = self.begun.client()
        self.assertEqual(c.ask("PROPFIND", "/").fields["x-method"], "PROPFIND")

    def test_a_hundred_fields(self):
        c = self.begun.client()
        fields = [(f"X-Field-{n}", str(n)) for n in range(90)]
        self.assertEqual(c.get("/", fields=fields).status, 200)
        got = self.app.requests[0].fields
        self.assertEqual([got[n] for n, _ in fields], [v for _, v in fields])

    @http1
    def test_too_many_fields_are_refused_in_words(self):
        c = self.begun.client()
        fields = [(f"X-{n}", "1") for n in range(5000)]
        answer = c.get("/", fields=fields)
        self.assertEqual(answer.status, 400)
        self.assertTrue(c.is_closed())

    def test_trailers_end_here(self):
        c = self.begun.client()
        c.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
               b"Trailer: X-Sum\r\n\r\n4\r\nbody\r\n0\r\nX-Sum: 1\r\n\r\n")
        self.assertEqual(c.answer().body, b"body")
        self.assertEqual(self.app.requests[0].trailers.pairs, [])
        self.assertEqual(c.get("/again").status, 200)

    def test_chunks_of_one_octet(self):
        c = self.begun.client()
        body = b"0123456789" * 500
        c.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" +
               b"".join(b"1\r\n%c\r\n" % b for b in body) + b"0\r\n\r\n")
        self.assertEqual(c.answer().body, body)

    @http1
    def test_chunk_sizes_that_are_none(self):
        for size in (b"-1", b"0x4", b"4 4", b"", b"ffffffffffffffffff", b"g"):
            with self.subTest(size):
                c = self.begun.client()
                c.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" +
                       size + b"\r\nbody\r\n0\r\n\r\n")
                self.assertEqual(c.answer().status, 400)
                self.assertTrue(c.is_closed())

    @http1
    def test_a_body_with_a_get(self):
        c = self.begun.client()
        c.send(b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody")
        self.assertEqual(c.answer().body, b"body")
        self.assertTrue(c.is_closed())

    def test_more_clients_than_are_let_in_are_closed_not_kept(self):
        app = self.origin(Reply(200, b"ok"))
        weir = self.weir(ONE_GROUP, app=app, settings="max_connections: 20")
        inside = []
        for _ in range(20):
            c = weir.client()
            self.assertEqual(c.get("/").status, 200)
            inside.append(c)
        refused = 0
        for _ in range(10):
            try:
                c = weir.client()
                c.send(request("GET", "/"))
                c.answer()
            except (Gone, OSError):
                refused += 1
        self.assertGreater(refused, 0)
        for c in inside:
            self.assertEqual(c.get("/").status, 200)
        for c in inside:
            c.close()
        wait_for(lambda: self.served(weir), "room for a new client")

    def regress_max_connections_is_one_number_for_all_workers(self):
        app = self.origin(Reply(200, b"ok"))
        weir = self.weir(ONE_GROUP, app=app, workers=4, settings="max_connections: 20")
        # However the kernel spreads them: twenty are served, and no more.
        inside = [weir.client() for _ in range(20)]
        for c in inside:
            self.assertEqual(c.get("/").status, 200)
        for _ in range(10):
            self.assertFalse(self.served(weir))
        for c in inside:
            c.close()
        wait_for(lambda: self.served(weir), "room for a new client")

    @staticmethod
    def served(weir):
        try:
            return weir.get("/").status == 200
        except (Gone, OSError):
            return False

    def test_two_hundred_clients_at_once(self):
        clients = [self.begun.client() for _ in range(200)]
        for n, c in enumerate(clients):
            c.send(request("POST", f"/{n}", b"%d" % n))
        for n, c in enumerate(clients):
            self.assertEqual(c.answer().body, b"%d" % n)

    def test_clients_that_reset(self):
        for _ in range(50):
            c = self.begun.client()
            c.send(request("POST", "/", b"x" * 1000)[:600])
            try:
                Client.reset(c)
            except (Gone, OSError):
                c.close()
        self.assertEqual(self.begun.get("/").status, 200)


class Targets(Scene):
    """A target may be wrong in any way; the next client must not feel it."""

    def one(self, *script):
        self.app = self.origin(*script)
        return self.weir(ONE_GROUP, app=self.app)

    def test_octets_beyond_the_answer_are_nobodys(self):
        weir = self.one(Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokEXTRA",
                            keep=True), NEXT)
        c = weir.client()
        self.assertEqual(c.get("/").body, b"ok")
        self.assertEqual(c.get("/").body, b"next")
        self.assertEqual(self.app.connections, 2)

    def test_an_answer_nobody_asked_for(self):
        """Said on an idle connection: whoever comes next must not get it."""
        said = threading.Event()
        weir = self.one(Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
                            lambda: said.wait(5),
                            b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", keep=True),
                        NEXT)
        c = weir.client()
        self.assertEqual(c.get("/").body, b"ok")
        said.set()
        self.assertTrue(self.app.wait_for(lambda o: not o.open))
        for _ in range(5):
            self.assertEqual(c.get("/").body, b"next")

    def test_a_switch_of_protocols_nobody_asked_for(self):
        weir = self.one(Raw(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n"
                            b"Connection: Upgrade\r\n\r\n"), NEXT)
        self.assertEqual(weir.get("/").status, 502)
        self.assertEqual(weir.get("/").body, b"next")

    def test_a_body_with_204_and_304_and_head(self):
        for status in (204, 304):
            with self.subTest(status):
                weir = self.one(Raw(b"HTTP/1.1 %d X\r\nContent-Length: 4\r\n\r\nevil" % status,
                                    keep=True), NEXT)
                c = weir.client()
                self.assertEqual(c.get("/").status, status)
                self.assertEqual(c.get("/").body, b"next")
        weir = self.one(Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", keep=True),
                        NEXT)
        c = weir.client()
        self.assertEqual(c.ask("HEAD", "/").status, 200)
        self.assertEqual(c.get("/").body, b"next")

    def test_a_hundred_interim_responses(self):
        weir = self.one(Raw(b"HTTP/1.1 102 Processing\r\n\r\n" * 100 +
                            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", keep=True))
        self.assertEqual(weir.get("/").status, 200)
        self.assertEqual(weir.get("/again").status, 200)

    def test_an_old_target(self):
        weir = self.one(Raw(b"HTTP/1.0 200 OK\r\n\r\nold"), NEXT)
        c = weir.client()
        answer = c.get("/")
        self.assertEqual(answer.body, b"old")
        self.assertEqual(answer.version,
                         "HTTP/2.0" if self.transport == "h2" else "HTTP/1.1")
        self.assertEqual(c.get("/").body, b"next")

    def test_an_old_target_that_keeps_its_connection(self):
        kept = Raw(b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
                   keep=True)
        weir = self.one(kept)
        c = weir.client()
        for _ in range(3):
            self.assertEqual(c.get("/").body, b"ok")

    def test_fields_that_fill_what_is_allowed(self):
        big = [(f"X-{n}", "v" * 1000) for n in range(30)]
        weir = self.one(Reply(200, b"ok", fields=big))
        answer = weir.get("/")
        self.assertEqual(answer.status, 200)
        self.assertEqual(len([f for f in answer.fields if f.lower().startswith("x-")]), 30)

    def test_line_feeds_alone(self):
        weir = self.one(Raw(b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", keep=True), NEXT)
        self.assertEqual(weir.get("/").status, 200)
        self.assertEqual(weir.get("/").status, 200)

    def test_a_status_that_is_none(self):
        for line in (b"HTTP/1.1 99 X", b"HTTP/1.1 1000 X", b"HTTP/1.1 abc X", b"HTTP/2 200 X",
                     b"HTTP/1.1", b"ICY 200 OK"):
            with self.subTest(line):
                weir = self.one(Raw(line + b"\r\nContent-Length: 0\r\n\r\n"), NEXT)
                self.assertEqual(weir.get("/").status, 502)

    def test_chunks_that_are_none(self):
        weir = self.one(Raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                            b"zz\r\nevil\r\n0\r\n\r\n", keep=True), NEXT)
        answer = weir.get("/")
        self.assertNotIn(b"evil", answer.body)
        self.assertEqual((answer.status, answer.whole), (200, False))
        self.assertEqual(weir.get("/").body, b"next")

    def test_a_redirect_of_the_target_is_its_own(self):
        weir = self.one(Reply(302, b"", fields=[("Location", "http://127.0.0.1:1/x")]))
        answer = weir.get("/")
        self.assertEqual((answer.status, answer.fields["location"]),
                         (302, "http://127.0.0.1:1/x"))

    def test_an_answer_octet_by_octet(self):
        octets = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n"
        weir = self.one(Raw(*[octets[i:i + 1] for i in range(len(octets))], keep=True))
        c = weir.client()
        for _ in range(3):
            self.assertEqual(c.get("/").body, b"body")

    def test_many_clients_of_a_slow_target_do_not_wait_for_each_other(self):
        held = Held(Reply(200, b"slow"))
        slow, fast = self.origin(held), self.origin(Reply(200, b"fast"))
        weir = self.weir("""
load_balancers:
  - name: web
    addresses: 127.0.0.1
    listeners:
      - {{listener}, default_actions: {forward: fast}, rules: [
          {priority: 1, conditions: {path_pattern: /slow}, actions: {forward: slow}}]}
target_groups:
  - {name: slow, health_check.enabled: false, targets: [{slow}]}
  - {name: fast, health_check.enabled: false, targets: [{fast}]}
""", slow=slow, fast=fast)
        waiting = [weir.client() for _ in range(30)]
        for c in waiting:
            c.send(request("GET", "/slow"))
        self.assertTrue(slow.wait_for(lambda o: len(o.requests) == 30))
        for _ in range(50):
            self.assertEqual(weir.get("/").body, b"fast")
        held.release.set()
        for c in waiting:
            self.assertEqual(c.answer().body, b"slow")

    def test_large_and_small_share_a_worker(self):
        big, small = self.origin(Stream(64 << 20)), self.origin(Chunked(b"small"))
        weir = self.weir("""
load_balancers:
  - name: web
    addresses: 127.0.0.1
    listeners:
      - {{listener}, default_actions: {forward: small}, rules: [
          {priority: 1, conditions: {path_pattern: /big}, actions: {forward: big}}]}
target_groups:
  - {name: big, health_check.enabled: false, targets: [{big}]}
  - {name: small, health_check.enabled: false, targets: [{small}]}
""", big=big, small=small)
        sizes = []

        def take():
            sizes.append(len(weir.get("/big").body))

        threads = [threading.Thread(target=take) for _ in range(2)]
        for t in threads:
            t.start()
        for _ in range(50):
            self.assertEqual(weir.get("/").body, b"small")
        for t in threads:
            t.join(60)
        self.assertEqual(sizes, [64 << 20] * 2)
