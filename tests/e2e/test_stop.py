"""The end: what runs may finish, what is new goes elsewhere."""

import getpass
import re
import socket

from client import request
from origin import Gone
from scene import Held, ONE_GROUP, Reply, Scene, SIGTERM, Stream, wait_for


class Stop(Scene):
    def test_a_request_that_runs_may_finish(self):
        held = Held(Reply(200, b"done"))
        app = self.origin(held)
        weir = self.weir(ONE_GROUP, app=app)
        c = weir.client()
        c.send(request("GET", "/"))
        self.assertTrue(app.wait_for(lambda o: o.requests))
        weir.signal(SIGTERM)

        def refused():
            try:
                socket.create_connection(("127.0.0.1", weir.ports["port"]), 5).close()
            except OSError:
                return True
        wait_for(refused, "the port to be closed")
        held.release.set()
        answer = c.answer()
        self.assertEqual((answer.status, answer.body), (200, b"done"))
        if self.transport != "h2":
            self.assertEqual(answer.fields.get("connection", "").lower(), "close")
        self.assertEqual(weir.process.wait(10), 0)

    def test_idle_connections_do_not_hold_it(self):
        weir = self.weir(ONE_GROUP, app=self.origin(Reply(200, b"ok")))
        clients = [weir.client() for _ in range(20)]
        for c in clients:
            self.assertEqual(c.get("/").status, 200)
        weir.signal(SIGTERM)
        self.assertEqual(weir.process.wait(4), 0)

    def test_what_does_not_end_is_ended_after_the_timeout(self):
        app = self.origin(Stream(1 << 40))
        weir = self.weir("settings:\n  user: {user}\n  workers: 1\n"
                         "  admin.socket: {dir}/admin.sock\n"
                         "  stickiness_key_file: {dir}/key\n"
                         "  shutdown_timeout_seconds: 1\n" + ONE_GROUP, app=app,
                         user=self.user())
        c = weir.client()
        c.send(request("GET", "/"))
        c.head()
        weir.signal(SIGTERM)
        self.assertEqual(weir.process.wait(10), 0)

    def test_a_second_signal_ends_it_at_once(self):
        weir = self.weir(ONE_GROUP, app=self.origin(Held()))
        c = weir.client()
        c.send(request("GET", "/"))
        weir.signal(SIGTERM)
        weir.log.wait_for("(?i)stop|drain|term|shut")
        weir.signal(SIGTERM)
        weir.process.wait(4)

    def test_traffic_until_the_last_moment(self):
        """A client is answered whole, or its idle connection ends without an
        octet: never half an answer."""
        weir = self.weir(ONE_GROUP, app=self.origin(Reply(200, b"ok")))
        c = weir.client()
        for n in range(200):
            if n == 50:
                weir.signal(SIGTERM)
            try:
                answer = c.get("/")
            except Gone:
                self.assertGreaterEqual(n, 50)
                self.assertEqual(c.ahead, b"")
                break
            self.assertEqual((answer.status, answer.body), (200, b"ok"))
            if answer.fields.get("connection", "").lower() == "close":
                break
        else:
            self.fail("it never closed")
        self.assertEqual(weir.process.wait(10), 0)

    @staticmethod
    def user():
        return getpass.getuser()


class Stalled(Scene):
    """Nobody reads standard error: a paused pager, a journal that hangs."""

    over = ("plain",)

    def regress_a_reader_that_stalls_stops_nothing(self):
        weir = self.weir(ONE_GROUP, app=self.origin(Reply(200, b"ok")), stalled=True)
        self.assertEqual(weir.get("/").status, 200)
        # What a refused file says goes to the log as well: until it is full.
        weir.write(ONE_GROUP + "".join(f"unknown_key_{n}: 1\n" for n in range(300)))
        for _ in range(20):
            self.assertEqual(weir.command("reload", "--socket", weir.dir + "/admin.sock")
                             .returncode, 3)
            status = weir.json("status", "--socket", weir.dir + "/admin.sock")
            lost = status["logs"][0]["lost"]
            if lost:
                break
        self.assertGreater(lost, 0)
        self.assertEqual(status["logs"][0]["path"], "stderr")
        self.assertEqual(weir.get("/").status, 200)
        shown = weir.command("status", "--socket", weir.dir + "/admin.sock").stdout
        self.assertIn(f"{lost} lines of the log to stderr were lost", shown)
        # Once somebody reads again, the next line says what is missing.
        weir.log.begin()
        weir.log.wait_for("weir has started")
        weir.reload(ONE_GROUP)
        line = weir.log.wait_for(r"lines_lost=\d+")
        self.assertEqual(int(re.search(r"lines_lost=(\d+)", line)[1]), lost)

    def regress_term_ends_it_while_the_reader_stalls(self):
        weir = self.weir(ONE_GROUP, app=self.origin(Reply(200, b"ok")), stalled=True)
        weir.signal(SIGTERM)
        self.assertEqual(weir.process.wait(10), 0)

    def test_the_last_lines_are_written(self):
        weir = self.weir(ONE_GROUP, app=self.origin(Reply(200, b"ok")))
        self.assertEqual(weir.stop(), 0)
        self.assertIn("weir has stopped", weir.log.lines[-1])
