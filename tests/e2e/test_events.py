"""What happened when."""

import json
import os
import socket
import subprocess

from scene import ONE_GROUP, Reply, Scene, wait_for

CHECKED = ONE_GROUP.replace("health_check.enabled: false",
                            "health_check: {interval_seconds: 0.1, timeout_seconds: 0.05, "
                            "healthy_threshold_count: 1, unhealthy_threshold_count: 1}")


class Events(Scene):
    over = ("plain",)

    def kinds(self, weir, *more):
        return [e["kind"] for e in weir.json("events", *more)["events"]]

    def test_what_happened(self):
        app = self.origin(Reply(200, b"ok"))
        weir = self.weir(CHECKED, app=app)
        weir.wait_healthy(1)
        weir.reload()
        weir.command("target", "drain", "app", str(app))
        weir.command("target", "resume", "app", str(app))
        weir.command("target", "register", "app", "127.0.0.1:9", "--backup")
        weir.command("reload", "--confirm", "60")
        weir.command("confirm")
        weir.write("nonsense: 1\n")
        weir.command("reload", "--socket", weir.dir + "/admin.sock")
        at = ("--socket", weir.dir + "/admin.sock")
        wait_for(lambda: "health" in self.kinds(weir, *at), "a check")
        events = [e for e in weir.json("events", *at)["events"] if e["kind"] != "health"]
        self.assertEqual([e["kind"] for e in events],
                         ["reload", "drain", "drain", "register", "reload", "confirm",
                          "reload-refused"])
        self.assertEqual(events[1]["what"], f"app {app}")
        self.assertEqual(events[1]["sentence"], "The target was drained at run time.")
        for e in events:
            self.assertRegex(e["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertEqual(self.kinds(weir, "--since", "2100-01-01T00:00:00Z", *at), [])
        self.assertGreaterEqual(len(self.kinds(weir, "--since", "1h", *at)), 7)
        done = weir.command("events", *at)
        self.assertIn("reload-refused", done.stdout)
        done = weir.command("events", "--since", "yesterday", *at)
        self.assertEqual(done.returncode, 1)
        self.assertIn("is a time such as", done.stderr)

    def test_follow(self):
        weir = self.weir(ONE_GROUP, app=self.origin())
        weir.reload()
        followers = [subprocess.Popen(
            [weir.binary, "events", "--follow", "--json", *more, "-c", weir.config],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=weir.env)
            for more in ((), ("--since", "1h"))]
        for f in followers:
            self.addCleanup(f.wait)
            self.addCleanup(f.kill)
        # The second one tells what was, so that one follows.
        self.assertEqual(json.loads(followers[1].stdout.readline())["sentence"],
                         "Generation 2 is served.")
        wait_for(lambda: weir.json("status")["admin"]["clients"] == 3, "both are there")
        for n in (3, 4):
            weir.reload()
            for f in followers:
                line = json.loads(f.stdout.readline())
                self.assertTrue(line["ok"])
                self.assertEqual((line["kind"], line["sentence"]),
                                 ("reload", f"Generation {n} is served."))
        followers[0].kill()
        wait_for(lambda: weir.json("status")["admin"]["clients"] == 2, "one has left")
        self.assertEqual(weir.stop(), 0)
        self.assertEqual(followers[1].wait(10), 4)

    def test_one_who_reads_nothing(self):
        weir = self.weir(ONE_GROUP, app=self.origin())
        s = socket.socket(socket.AF_UNIX)
        self.addCleanup(s.close)
        s.connect(os.path.join(weir.dir, "admin.sock"))
        s.sendall(b'{"command":"events","follow":true}\n')
        for n in range(30):
            weir.command("target", "register", "app", f"10.0.0.{n}:80")
        self.assertEqual(weir.json("status")["overlay"]["entries"], 30)
        with s.makefile("r", encoding="utf-8") as lines:
            self.assertEqual([json.loads(lines.readline())["what"] for _ in range(30)],
                             [f"app 10.0.0.{n}:80" for n in range(30)])
