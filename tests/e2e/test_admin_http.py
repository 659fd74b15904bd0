"""What admin.listen answers: /livez and /readyz, and to whom."""

import socket

from client import request
from scene import Held, ONE_GROUP, Scene, wait_for

SETTINGS = """admin.listen: "127.0.0.1:{port9}"
admin.path_prefix: /weir
admin.host_names: [weir.example.test]"""

TWO = """
load_balancers:
  - name: web
    addresses: 127.0.0.1
    listeners:
      - {{listener}, default_actions: {forward: app}}
      - {{listener2}, default_actions: {forward: other}}
target_groups:
  - name: app
    health_check: {interval_seconds: 0.2, timeout_seconds: 0.1}
    targets: [{app}]
  - name: other
    health_check: {interval_seconds: 0.2, timeout_seconds: 0.1}
    targets: ["127.0.0.1:{port5}"]
"""


class AdminHttp(Scene):
    over = ("plain",)

    def ask(self, weir, target, host="localhost", method="GET", port="port9"):
        return weir.ask(method, target, host=host, port=port)

    def start(self, config=ONE_GROUP, **names):
        return self.weir(config, settings=SETTINGS, **names)

    def test_live_and_ready(self):
        weir = self.start(app=self.origin())
        # READY=1 comes before the workers have begun.
        wait_for(lambda: self.ask(weir, "/weir/readyz").status == 200, "it is ready")
        n_before = weir.json("status")["admin_http"]["requests"]
        for page in ("/weir/livez", "/weir/readyz", "/weir/readyz?listener=web:{}".format(
                weir.ports["port"])):
            answer = self.ask(weir, page)
            self.assertEqual((answer.status, answer.body), (200, b"ok\n"), page)
            self.assertEqual(answer.fields["cache-control"], "no-store")
            self.assertEqual(answer.fields["x-content-type-options"], "nosniff")
            self.assertTrue(answer.fields["content-type"].startswith("text/plain"))
        self.assertEqual(self.ask(weir, "/weir/readyz?listener=web:1").status, 404)
        self.assertEqual(self.ask(weir, "/readyz").status, 404)
        self.assertEqual(self.ask(weir, "/weir/../livez").status, 404)
        self.assertEqual(self.ask(weir, "/weir/livez", method="POST").status, 405)
        head = self.ask(weir, "/weir/livez", method="HEAD")
        self.assertEqual((head.status, head.fields["content-length"]), (200, "3"))
        self.assertEqual(weir.json("status")["admin_http"]["requests"],
                         n_before + 8)

    def test_only_under_names_that_are_ours(self):
        weir = self.start(app=self.origin())
        for host, status in (("127.0.0.1", 200), ("weir.example.test:9901", 200),
                             ("evil.test", 421), ("weir.example.test.evil.test", 421)):
            self.assertEqual(self.ask(weir, "/weir/livez", host=host).status, status, host)

    def test_each_reason_has_a_line(self):
        weir = self.start(TWO, app=self.origin())
        one, two = (f"/weir/readyz?listener=web:{weir.ports[p]}" for p in ("port", "port2"))
        wait_for(lambda: self.ask(weir, one).status == 200, "one listener is ready")
        answer = self.ask(weir, "/weir/readyz")
        self.assertEqual((answer.status, answer.body),
                         (503, b"target group other: no target is healthy\n"))
        self.assertEqual(self.ask(weir, two).status, 503)
        self.assertEqual(self.ask(weir, "/weir/livez").status, 200)

    def test_not_ready_while_draining(self):
        held = Held()
        app = self.origin(held)
        weir = self.start(app=app)
        waits = weir.client()
        waits.send(request("GET", "/"))
        self.assertTrue(app.wait_for(lambda o: o.requests))
        weir.process.terminate()
        wait_for(lambda: self.ask(weir, "/weir/readyz").status == 503, "it drains")
        self.assertEqual(self.ask(weir, "/weir/readyz").body, b"draining\n")
        self.assertEqual(self.ask(weir, "/weir/livez").status, 200)
        held.release.set()
        self.assertEqual(waits.answer().status, 200)

    def test_a_reload_moves_it(self):
        weir = self.start(app=self.origin())
        stays = weir.client("port9")
        self.assertEqual(stays.get("/weir/livez", host="localhost").status, 200)
        weir.names["settings"] = SETTINGS.replace("/weir", "/w")
        weir.reload(ONE_GROUP)
        self.assertEqual(stays.get("/w/livez", host="localhost").status, 200)
        weir.names["settings"] = SETTINGS.replace("port9", "port8")
        weir.reload(ONE_GROUP)
        self.assertTrue(stays.is_closed())
        self.assertEqual(self.ask(weir, "/weir/livez", port="port8").status, 200)
        with self.assertRaises(OSError):
            self.ask(weir, "/weir/livez")
        weir.names["settings"] = ""
        weir.reload(ONE_GROUP)
        with self.assertRaises(OSError):
            self.ask(weir, "/weir/livez", port="port8")

    def test_an_address_that_is_taken_refuses_the_reload(self):
        weir = self.start(app=self.origin())
        with socket.create_server(("127.0.0.1", 0)) as taken:
            weir.write(ONE_GROUP, settings=SETTINGS.replace(
                "{port9}", str(taken.getsockname()[1])))
            done = weir.command("reload")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("admin.listen", done.stderr)
        self.assertEqual(self.ask(weir, "/weir/livez").status, 200)

    def test_a_crowd_does_not_keep_others_out(self):
        weir = self.start(app=self.origin())
        for i in range(100):
            weir.client("port9").send(b"" if i % 10 else b"G")
        self.assertEqual(self.ask(weir, "/weir/livez").status, 200)
        counts = weir.json("status")["admin_http"]
        self.assertLessEqual(counts["clients"], 64)
        self.assertGreaterEqual(counts["evicted"], 36)
        self.assertEqual(weir.get("/").status, 200)
