"""What /api/v1 of admin.listen answers: the same as the admin socket."""

import json

from scene import HangUp, ONE_GROUP, Scene

SETTINGS = 'admin.listen: "127.0.0.1:{port9}"'


class Api(Scene):
    over = ("plain",)

    def ask(self, weir, what, status=200):
        answer = weir.ask("GET", "/api/v1/" + what, host="localhost", port="port9")
        self.assertEqual(answer.status, status, answer.body)
        self.assertEqual(answer.fields["content-type"], "application/json")
        return json.loads(answer.body)

    def test_regress_the_same_as_the_commands(self):
        weir = self.weir(ONE_GROUP, settings=SETTINGS, app=self.origin(HangUp()))
        self.assertEqual(weir.get("/a").status, 502)
        self.assertEqual(weir.get("/b").status, 502)
        for what in ("targets", "rules", "certs", "errors"):
            self.assertEqual(self.ask(weir, what), weir.json(what))
        self.assertEqual(set(self.ask(weir, "status")), set(weir.json("status")))
        only, = self.ask(weir, "errors?limit=1&reason=target-closed-before-head")["errors"]
        self.assertEqual(only["path"], "/b")
        for bad in ("errors?limit=0", "errors?limit=x", "errors?reason=nonsense",
                    "history?since=now"):
            self.assertFalse(self.ask(weir, bad, 400)["ok"])

    def test_history_has_events(self):
        weir = self.weir(ONE_GROUP, settings=SETTINGS, app=self.origin())
        weir.reload(ONE_GROUP)
        got = self.ask(weir, "history")
        self.assertEqual((got["ok"], got["step_seconds"]), (True, 10))
        self.assertRegex(got["from"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        got = self.ask(weir, "history?since=2020-01-01T00:00:00Z")
        self.assertIn("reload", [e["kind"] for e in got["events"]])
        self.assertEqual(self.ask(weir, "history?since=2100-01-01T00:00:00Z")["events"], [])

    def test_reading_only(self):
        weir = self.weir(ONE_GROUP, settings=SETTINGS, app=self.origin())
        for method, path, status in (("POST", "/api/v1/status", 405),
                                     ("GET", "/api/v1/reload", 404),
                                     ("GET", "/api/v1/../v1/statusx", 404),
                                     ("GET", "/api/v1/", 404)):
            answer = weir.ask(method, path, host="localhost", port="port9")
            self.assertEqual(answer.status, status, path)
        answer = weir.ask("GET", "/api/v1/status", host="evil.test", port="port9")
        self.assertEqual(answer.status, 421)
