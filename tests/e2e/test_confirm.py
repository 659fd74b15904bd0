"""A reload that has to be confirmed, or else goes back; and how long the old lives."""

import hashlib
import json
import os
import re
import stat

from client import request
from origin import Action
from scene import Held, ONE_GROUP, Reply, Scene, wait_for, SIGHUP

FIXED = """
load_balancers:
  - name: web
    addresses: 127.0.0.1
    listeners: [{{listener}, default_actions: {fixed_response: {status_code: 200, message_body: {body}}}}]
"""


class Confirmed(Scene):
    over = ("plain",)

    def begin(self, **kw):
        return self.weir(FIXED, body="old", **kw)

    def body(self, weir):
        return weir.get("/").body

    def take(self, weir, body, *words, status=0):
        weir.write(FIXED, body=body)
        done = weir.command("reload", "--wait", *words)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout + done.stderr

    def kept(self, weir):
        return os.path.exists(os.path.join(weir.dir, "confirmed.json"))

    def test_it_goes_back_by_itself(self):
        weir = self.begin()
        said = self.take(weir, "new", "--confirm", "1")
        self.assertIn("returns in 1 s", said)
        self.assertEqual(self.body(weir), b"new")
        self.assertEqual(weir.json("status")["waiting"], {"generation": 2, "seconds_left": 1})
        self.assertIn("waits to be confirmed", weir.command("status").stdout)
        wait_for(lambda: self.body(weir) == b"old", "the way back")
        weir.log.wait_for("level=warning .*generation 2 was not confirmed")
        status = weir.json("status")
        self.assertEqual(status["generations"]["current"], 3)
        self.assertNotIn("waiting", status)
        self.assertTrue(status["config"]["file_differs"])
        self.assertFalse(self.kept(weir))
        done = weir.command("confirm")
        self.assertEqual(done.returncode, 1)
        self.assertIn("nothing waits", done.stderr)
        # What came back is a configuration like others: it can be left, too.
        self.take(weir, "newer")
        self.assertEqual(self.body(weir), b"newer")

    def test_a_group_that_came_back_serves(self):
        app = self.origin(Reply(200, b"ok"))
        weir = self.weir(ONE_GROUP, app=app)
        c = weir.client()
        self.assertEqual(c.get("/").body, b"ok")
        self.assertEqual(weir.command("target", "drain", "app", str(app)).returncode, 0)
        weir.write(FIXED, body="new")
        self.assertEqual(weir.command("reload", "--confirm", "1").returncode, 0)
        self.assertEqual(c.get("/").body, b"new")
        wait_for(lambda: c.get("/").status == 503, "the way back, with what was drained")
        self.assertEqual(weir.command("target", "resume", "app", str(app)).returncode, 0)
        self.assertEqual(c.get("/").body, b"ok")

    def test_confirm_keeps_it(self):
        weir = self.begin()
        self.take(weir, "new", "--confirm", "2")
        path = os.path.join(weir.dir, "confirmed.json")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.assertEqual(weir.json("confirm"), {"ok": True, "generation": 2})
        self.assertFalse(self.kept(weir))
        self.assertNotIn("waiting", weir.json("status"))
        self.assertEqual(weir.command("confirm").returncode, 1)
        self.assertEqual(self.body(weir), b"new")

    def test_a_reload_meanwhile(self):
        weir = self.begin()
        self.take(weir, "one", "--confirm", "60")
        # One that is refused changes nothing.
        weir.write("nonsense: 1\n")
        done = weir.command("reload", "--socket", weir.dir + "/admin.sock")
        self.assertEqual(done.returncode, 3)
        self.assertEqual(weir.json("status", "--socket", weir.dir + "/admin.sock")
                         ["waiting"]["generation"], 2)
        # With --confirm the clock starts anew, and it is the first that returns.
        self.take(weir, "two", "--confirm", "1")
        wait_for(lambda: self.body(weir) == b"old", "the way back")
        # Without, or by a signal, it is final.
        self.take(weir, "three", "--confirm", "60")
        weir.signal(SIGHUP)
        wait_for(lambda: "waiting" not in weir.json("status"), "the end of the wait")
        self.assertEqual(self.body(weir), b"three")
        self.assertFalse(self.kept(weir))

    def test_bad_words(self):
        weir = self.begin()
        for seconds, status in (("0", 1), ("86401", 1), ("soon", 2), ("-1", 2)):
            self.take(weir, "new", "--confirm", seconds, status=status)
        self.assertEqual(self.body(weir), b"old")
        # Where what was confirmed cannot be kept, nothing is tried.
        os.mkdir(os.path.join(weir.dir, "confirmed.json.new"))
        self.assertIn("cannot be kept", self.take(weir, "new", "--confirm", "60", status=1))
        self.assertEqual(self.body(weir), b"old")

    def again(self, weir):
        """Another process, with the folder of one that has ended."""
        return self.weir(open(weir.config, encoding="utf-8").read())

    def test_a_process_that_ends_meanwhile(self):
        weir = self.begin()
        self.take(weir, "new", "--confirm", "60")
        weir.process.kill()
        weir.process.wait()
        again = self.again(weir)
        again.ports = weir.ports
        self.assertEqual(self.body(again), b"old")
        again.log.wait_for("level=warning .*never confirmed")
        socket = ("--socket", weir.dir + "/admin.sock")
        status = again.json("status", *socket)
        self.assertTrue(status["config"]["file_differs"])
        # Nothing waits any more, and a start does the same once more.
        self.assertEqual(again.command("confirm", *socket).returncode, 1)
        self.assertEqual(again.stop(), 0)
        again = self.again(weir)
        again.ports = weir.ports
        self.assertEqual(self.body(again), b"old")
        self.assertEqual(again.command("reload", *socket).returncode, 0)
        self.assertEqual(self.body(again), b"new")
        self.assertFalse(self.kept(weir))

    def test_what_was_kept_is_broken(self):
        weir = self.begin()
        self.assertEqual(weir.stop(), 0)
        with open(os.path.join(weir.dir, "confirmed.json"), "w", encoding="utf-8") as f:
            f.write('{"version": 1, "files": [{"path": ')
        again = self.again(weir)
        again.ports = weir.ports
        self.assertEqual(self.body(again), b"old")
        again.log.wait_for("level=error .*cannot be read")


class Generations(Scene):
    over = ("plain",)

    def test_which_are_alive_with_what_runs_in_them(self):
        held = Held(Reply(200, b"old"))
        app = self.origin(held)
        weir = self.weir(ONE_GROUP, app=app, workers=2)
        c = weir.client()
        c.send(request("GET", "/"))
        self.assertTrue(app.wait_for(lambda o: o.requests))
        weir.reload()
        idle = weir.client()
        status = weir.json("status")
        alive = status["generations"]["alive"]
        self.assertEqual([(g["generation"], g["exchanges"]) for g in alive], [(2, 0), (1, 1)])
        self.assertEqual(alive[1]["connections"], 1)
        for g in alive:
            self.assertRegex(g["since"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        with open(weir.config, "rb") as f:
            self.assertEqual(status["config"], {
                "hash": hashlib.sha256(f.read()).hexdigest(), "file_differs": False})
        held.release.set()
        self.assertEqual(c.answer().body, b"old")
        wait_for(lambda: [g["generation"] for g in weir.json("status")["generations"]["alive"]]
                 == [2], "the end of the first")
        idle.close()

    def test_the_file_differs(self):
        weir = self.weir(ONE_GROUP, app=self.origin(Reply(200, b"ok")))
        weir.write(ONE_GROUP + "# a comment is a difference\n")
        wait_for(lambda: weir.json("status")["config"]["file_differs"], "a difference")
        self.assertIn("the file is not what is served", weir.command("status").stdout)
        weir.reload()
        self.assertFalse(weir.json("status")["config"]["file_differs"])


class Begun(Action):
    """An answer that has begun, and never ends."""

    def run(self, request, wire, origin):
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
        wire.rest()


class OldGeneration(Scene):
    over = ("plain", "h2")

    def test_the_time_of_an_old_one_is_over(self):
        settings = "drain_timeout_seconds: 1"
        waiting, begun = self.origin(Held()), self.origin(Begun())
        config = ONE_GROUP.replace("{forward: app}", "{forward: app}, rules: [{priority: 1, "
                                   "conditions: {path_pattern: /b}, actions: {forward: b}}]")
        config += "  - {name: b, health_check.enabled: false, targets: [{begun}]}\n"
        weir = self.weir(config, app=waiting, begun=begun, settings=settings)
        c, d = weir.client(), weir.client()
        c.send(request("GET", "/"))
        d.send(request("GET", "/b"))
        self.assertTrue(waiting.wait_for(lambda o: o.requests))
        self.assertTrue(begun.wait_for(lambda o: o.requests))
        weir.reload()
        answer = c.answer()
        self.assertEqual((answer.status, answer.fields["weir-reason"]), (503, "drain-timeout"))
        self.assertFalse(d.answer().whole)
        weir.log.wait_for("reason=drain-timeout")
        status = weir.json("status")
        self.assertEqual(status["reasons"]["drain-timeout"], 2)
        wait_for(lambda: len(weir.json("status")["generations"]["alive"]) == 1, "one generation")
        # The connection that was answered goes on, in the new one.
        c.send(request("GET", "/"))
        self.assertTrue(waiting.wait_for(lambda o: len(o.requests) == 2))
