"""Messages go through whole: heads, bodies, connections, in either direction."""

import threading

from client import request
from origin import Refuses
from scene import (Chunked, Early, Echo, HangUp, Held, ONE_GROUP, Raw, Reply, Scene, Stream,
                   http1, wait_for)

MEGA = 1 << 20


class KeepAlive(Scene):
    def test_many_requests_share_a_connection(self):
        app = self.origin(Echo())
        c = self.weir(ONE_GROUP, app=app).client()
        for n in range(50):
            answer = c.post(f"/{n}", b"x" * n)
            self.assertEqual((answer.status, answer.body), (200, b"x" * n))
        self.assertEqual([r.target for r in app.requests], [f"/{n}" for n in range(50)])
        self.assertEqual(app.connections, 1)

    def test_two_clients_share_the_connection_to_the_target(self):
        app = self.origin(Reply(200, b"ok"))
        weir = self.weir(ONE_GROUP, app=app)
        for _ in range(4):
            self.assertEqual(weir.get("/").status, 200)
        self.assertEqual(app.connections, 1)

    @http1
    def test_a_client_that_says_close_is_closed(self):
        c = self.weir(ONE_GROUP, app=self.origin(Reply(200, b"ok"))).client()
        answer = c.get("/", fields=[("Connection", "close")])
        self.assertEqual(answer.fields.get("connection", "").lower(), "close")
        self.assertTrue(c.is_closed())

    @http1
    def test_an_old_client_is_closed_unless_it_asks_for_more(self):
        weir = self.weir(ONE_GROUP, app=self.origin(Reply(200, b"ok")))
        c = weir.client()
        c.send(b"GET / HTTP/1.0\r\nHost: a\r\n\r\n")
        self.assertEqual(c.answer().body, b"ok")
        self.assertTrue(c.is_closed())
        c = weir.client()
        for _ in range(2):
            c.send(b"GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n")
            answer = c.answer()
            self.assertEqual(answer.body, b"ok")
            self.assertEqual(answer.fields["connection"].lower(), "keep-alive")

    def test_a_target_that_says_close_is_not_used_again(self):
        app = self.origin(Reply(200, b"ok", close=True))
        c = self.weir(ONE_GROUP, app=app).client()
        for _ in range(3):
            answer = c.get("/")
            self.assertEqual(answer.body, b"ok")
            self.assertNotEqual(answer.fields.get("connection", "").lower(), "close")
        self.assertEqual(app.connections, 3)

    def test_pipelined_requests_are_answered_in_order(self):
        app = self.origin(Echo())
        c = self.weir(ONE_GROUP, app=app).client()
        c.send(b"".join(request("POST", f"/{n}", b"%d" % n) for n in range(20)))
        for n in range(20):
            answer = c.answer()
            self.assertEqual((answer.fields["x-target"], answer.body), (f"/{n}", b"%d" % n))

    def test_a_request_octet_by_octet(self):
        app = self.origin(Echo())
        c = self.weir(ONE_GROUP, app=app).client()
        for octet in request("POST", "/slow", b"body"):
            c.send(bytes([octet]))
        self.assertEqual(c.answer().body, b"body")


class Bodies(Scene):
    def test_a_large_body_up_and_down(self):
        app = self.origin(Echo())
        c = self.weir(ONE_GROUP, app=app).client()
        body = bytes(range(256)) * (4 * MEGA // 256)
        answer = c.post("/", body)
        self.assertTrue(answer.body == body, "the body came back another")

    @http1
    def test_chunks_up_keep_their_octets(self):
        app = self.origin(Echo())
        c = self.weir(ONE_GROUP, app=app).client()
        c.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
               b"5\r\nhello\r\n1;name=value\r\n \r\n00005\r\nworld\r\n0\r\n\r\n")
        answer = c.answer()
        self.assertEqual(answer.body, b"hello world")
        self.assertEqual(app.requests[0].fields.all("transfer-encoding"), ["chunked"])
        self.assertNotIn("content-length", app.requests[0].fields)

    @http1
    def test_chunks_down(self):
        app = self.origin(Chunked(b"one ", b"two ", b"x" * 100000))
        c = self.weir(ONE_GROUP, app=app).client()
        for _ in range(2):
            answer = c.get("/")
            self.assertEqual(answer.body, b"one two " + b"x" * 100000)
            self.assertEqual(answer.fields["transfer-encoding"], "chunked")
            self.assertNotIn("content-length", answer.fields)
        self.assertEqual(app.connections, 1)

    def test_chunks_for_an_old_client_become_a_body_until_close(self):
        app = self.origin(Chunked(b"one ", b"two"))
        c = self.weir(ONE_GROUP, app=app).client()
        c.send(b"GET / HTTP/1.0\r\nHost: a\r\n\r\n")
        answer = c.answer()
        self.assertEqual(answer.body, b"one two")
        self.assertNotIn("transfer-encoding", answer.fields)

    def test_a_body_until_close_is_delimited_for_the_client(self):
        app = self.origin(Raw(b"HTTP/1.1 200 OK\r\n\r\nuntil ", b"the end"))
        c = self.weir(ONE_GROUP, app=app).client()
        answer = c.get("/")
        self.assertEqual(answer.body, b"until the end")
        self.assertTrue(answer.whole)

    def test_no_body_after_head_204_and_304(self):
        app = self.origin(
            Reply(200, b"x" * 10),
            Raw(b"HTTP/1.1 204 No Content\r\n\r\n", keep=True),
            Raw(b"HTTP/1.1 304 Not Modified\r\n\r\n", keep=True),
            Reply(200, b"next"))
        c = self.weir(ONE_GROUP, app=app).client()
        answer = c.ask("HEAD", "/")
        self.assertEqual((answer.status, answer.fields["content-length"]), (200, "10"))
        self.assertEqual(c.get("/").status, 204)
        self.assertEqual(c.get("/").status, 304)
        self.assertEqual(c.get("/").body, b"next")
        self.assertEqual(app.connections, 1)

    def test_an_empty_chunked_body(self):
        app = self.origin(Echo())
        c = self.weir(ONE_GROUP, app=app).client()
        c.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
               b"0\r\n\r\n")
        self.assertEqual(c.answer().body, b"")
        self.assertEqual(c.get("/again").status, 200)

    @http1
    def test_a_broken_chunk_ends_in_400_and_the_target_never_sees_an_end(self):
        app = self.origin(Echo())
        c = self.weir(ONE_GROUP, app=app).client()
        c.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
               b"5\r\nhelloXX")
        self.assertEqual(c.answer().status, 400)
        self.assertTrue(c.is_closed())

    def test_octets_are_passed_on_as_they_come(self):
        """Server-sent events: nothing waits for a buffer to fill."""
        seen = threading.Event()
        app = self.origin(Chunked(b"data: 1\n\n", lambda: seen.wait(10), b"data: 2\n\n",
                                  fields=[("Content-Type", "text/event-stream")]))
        c = self.weir(ONE_GROUP, app=app).client()
        c.send(request("GET", "/events"))
        self.assertEqual(c.head().status, 200)
        self.assertIn(b"data: 1\n\n", c.until(b"\n\n") + b"\n\n")
        seen.set()
        self.assertIn(b"data: 2", c.until(b"\n\n"))

    def test_an_upload_is_passed_on_as_it_comes(self):
        app = self.origin(Early(Reply(200, b"early")))
        c = self.weir(ONE_GROUP, app=app).client()
        c.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nfirst")
        # The target has the head, although most of the body was never sent.
        self.assertTrue(app.wait_for(lambda o: o.requests))
        self.assertEqual(c.answer().body, b"early")


class Interim(Scene):
    @http1
    def test_expect_100_is_answered_by_weir(self):
        app = self.origin(Echo())
        c = self.weir(ONE_GROUP, app=app).client()
        c.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n"
               b"Expect: 100-continue\r\n\r\n")
        self.assertEqual(c.head().status, 100)
        c.send(b"body")
        self.assertEqual(c.answer().body, b"body")
        self.assertNotIn("expect", app.requests[0].fields)

    def test_interim_responses_of_the_target_pass(self):
        app = self.origin(Raw(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
                              b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", keep=True))
        c = self.weir(ONE_GROUP, app=app).client()
        c.send(request("GET", "/"))
        hint = c.head()
        self.assertEqual((hint.status, hint.fields["link"]), (103, "</a.css>"))
        self.assertEqual(c.answer().body, b"ok")

    def test_an_early_response_reaches_the_client_during_its_upload(self):
        app = self.origin(Early(Reply(413, b"too much", close=True)))
        c = self.weir(ONE_GROUP, app=app).client()
        c.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n" +
               b"x" * 1000)
        answer = c.answer()
        self.assertEqual((answer.status, answer.body), (413, b"too much"))


    def regress_an_answer_is_not_lost_when_its_target_closes_at_once(self):
        """The write that fails and the answer come in any order, and the next
        request meets no connection that is about to be reset."""
        weir = self.weir(ONE_GROUP, app=self.origin(Refuses()))
        for _ in range(40):
            answer = weir.post("/", b"x" * 3000000)
            self.assertEqual((answer.status, answer.body), (413, b"too much"))


class Pressure(Scene):
    def test_a_reader_that_stops_stops_the_target(self):
        """512 MiB for a client that takes nothing: memory stays where it was."""
        stream = Stream(512 * MEGA)
        app = self.origin(stream)
        weir = self.weir(ONE_GROUP, app=app)
        before = weir.resident_octets()
        c = weir.client(receive_octets=65536)
        c.send(request("GET", "/"))
        self.assertEqual(c.head().status, 200)
        sent = [0]

        def stalled():
            old, sent[0] = sent[0], stream.sent
            return old == sent[0] > 0

        def settled():
            return all(stalled() or threading.Event().wait(0.05) for _ in range(5))

        wait_for(settled, "the target to be stopped", 20)
        self.assertLess(stream.sent, 64 * MEGA)
        self.assertLess(weir.resident_octets() - before, 32 * MEGA)

    def test_a_target_that_reads_nothing_stops_the_client(self):
        held = Held(Reply(200, b"ok", close=True), reads_body=False)
        app = self.origin(held)
        weir = self.weir(ONE_GROUP, app=app)
        before = weir.resident_octets()
        c = weir.client()
        c.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 536870912\r\n\r\n")
        c.sock.settimeout(1)
        sent = 0
        try:
            while sent < 256 * MEGA:
                c.sock.sendall(b"x" * 65536)
                sent += 65536
        except OSError:
            pass
        self.assertLess(sent, 64 * MEGA)
        self.assertLess(weir.resident_octets() - before, 32 * MEGA)
        held.release.set()


class CutShort(Scene):
    def test_a_target_that_dies_in_its_body_leaves_it_visibly_short(self):
        app = self.origin(HangUp(after="half"))
        c = self.weir(ONE_GROUP, app=app).client()
        answer = c.get("/")
        self.assertEqual((answer.status, answer.body), (200, b"half"))
        self.assertFalse(answer.whole)

    def test_chunks_cut_short_have_no_last_chunk(self):
        app = self.origin(Raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                              b"4\r\nhalf\r\n"))
        c = self.weir(ONE_GROUP, app=app).client()
        answer = c.get("/")
        self.assertEqual(answer.status, 200)
        self.assertFalse(answer.whole)

    def test_a_client_that_leaves_ends_the_work_of_its_target(self):
        app = self.origin(Stream(1 << 40))
        weir = self.weir(ONE_GROUP, app=app)
        c = weir.client()
        c.send(request("GET", "/"))
        c.head()
        c.close()
        self.assertTrue(app.wait_for(lambda o: not o.open))

    def test_an_answer_that_is_not_http_is_502(self):
        cases = {
            b"nonsense\r\n\r\n": "target-malformed",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx":
                "target-malformed",
            b"HTTP/1.1 200 OK\r\nX: " + b"y" * 40000 + b"\r\n\r\n":
                "target-header-too-large",
        }
        for octets, reason in cases.items():
            with self.subTest(octets[:40]):
                weir = self.weir(ONE_GROUP, app=self.origin(Raw(octets)))
                answer = weir.get("/")
                self.assertEqual((answer.status, answer.fields["weir-reason"]), (502, reason))


class Trace(Scene):
    def test_debug_tells_which_states_a_request_enters(self):
        weir = self.weir(ONE_GROUP, settings="log.level: debug",
                         app=self.origin(Reply(200, b"ok")))
        weir.get("/")
        weir.log.wait_for("from=relay to=finish")
        steps = [line for line in weir.log.text().splitlines() if "a request goes on" in line]
        self.assertEqual([line.split(" from=")[1].split()[1] for line in steps],
                         ["to=route", "to=connect", "to=forward", "to=relay", "to=finish"])
