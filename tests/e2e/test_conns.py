"""weir conns: who is connected, since when, doing what, where."""

from client import request
from scene import Held, Reply, Scene, Upgrade, http1, wait_for

TWO = """
load_balancers:
  - name: web
    addresses: 127.0.0.1
    listeners:
      - {{listener}, default_actions: {forward: app}}
      - {port: {port2}, default_actions: {forward: app}}
target_groups:
  - {name: app, health_check.enabled: false, targets: [{app}]}
"""


class Conns(Scene):
    def conns(self, weir, *args):
        return weir.json("conns", *args)

    def test_regress_who_and_where(self):
        held = Held()
        app = self.origin(Reply(200, b"ok"), held)
        weir = self.weir(TWO, app=app, workers=2)
        self.assertEqual((self.conns(weir)["total"], self.conns(weir)["connections"]), (0, []))
        busy = weir.client()
        self.assertEqual(busy.get("/one").status, 200)
        one, = self.conns(weir)["connections"]
        self.assertEqual((one["state"], one["requests"], one["requests_under_way"]),
                         ("idle", 1, 0))
        self.assertNotIn("target", one)
        self.assertGreater(one["octets_in"], 0)
        self.assertGreater(one["octets_out"], 0)
        self.assertRegex(one["id"], "^TID_[0-9a-f]{32}$")
        self.assertRegex(one["client"], r"^127\.0\.0\.1:\d+$")
        self.assertRegex(one["since"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertEqual(one["listener"], f"web:{weir.ports['port']}")
        self.assertEqual(one["generation"], 1)
        self.assertEqual(one["protocol"], "h2" if self.transport == "h2" else "http/1.1")
        self.assertEqual(one.get("tls"), "TLSv1.3" if weir.tls else None)
        weir.reload(TWO)
        self.assertEqual(self.conns(weir)["connections"][0]["generation"], 2)

    @http1
    def test_filters(self):
        held = Held()
        app = self.origin(held)
        weir = self.weir(TWO, app=app, workers=2)
        waits = weir.client()
        waits.send(request("GET", "/"))
        self.assertTrue(app.wait_for(lambda o: o.requests))
        idle = [weir.client("port2", tls=False) for _ in range(5)]
        wait_for(lambda: self.conns(weir)["total"] == 6, "all are there")
        here, = self.conns(weir, "--target", str(app))["connections"]
        self.assertEqual((here["target"], here["state"], here["requests_under_way"]),
                         (str(app), "forward", 1))
        listener = f"web:{weir.ports['port2']}"
        got = self.conns(weir, "--listener", listener, "--limit", "2")
        self.assertEqual((got["total"], got["shown"], len(got["connections"])), (5, 2, 2))
        self.assertEqual({c["listener"] for c in got["connections"]}, {listener})
        self.assertIn("2 of 5", weir.command("conns", "--listener", listener,
                                             "--limit", "2").stdout)
        self.assertEqual(self.conns(weir, "--target", "127.0.0.1:1")["total"], 0)
        for args, said in ((("--listener", "web:1"), "no listener"),
                           (("--limit", "0"), "from 1 to 10000"),
                           (("--limit", "10001"), "from 1 to 10000")):
            done = weir.command("conns", *args)
            self.assertEqual(done.returncode, 1)
            self.assertIn(said, done.stderr)
        held.release.set()
        self.assertEqual(waits.answer().status, 200)
        for c in idle:
            c.close()

    @http1
    def test_a_websocket(self):
        weir = self.weir(TWO, app=self.origin(Upgrade()))
        ws = weir.websocket()
        one = wait_for(lambda: [c for c in self.conns(weir)["connections"]
                                if c["state"] == "tunnel"], "the tunnel is there")[0]
        self.assertEqual((one["protocol"], one["target"]),
                         ("websocket", str(weir.names["app"])))
        self.assertNotIn("generation", one)
        ws.close()
