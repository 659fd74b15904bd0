"""weir errors: the last requests that weir answered or ended by itself."""

from scene import HangUp, LOGGED, ONE_GROUP, Reply, Scene, http1, wait_for

RULES = """
load_balancers:
  - name: web
    addresses: 127.0.0.1
    listeners:
      - {{listener}, default_actions: {forward: app}, rules: [
          {priority: 10, conditions: {path_pattern: /fixed},
           actions: {fixed_response: {status_code: 503}}},
          {priority: 20, conditions: {path_pattern: /away},
           actions: {redirect: {host: elsewhere.test, status_code: HTTP_301}}},
          {priority: 30, conditions: {path_pattern: /nobody}, actions: {forward: empty}}]}
target_groups:
  - {name: app, health_check.enabled: false, targets: [{app}]}
  - {name: empty, targets: []}
"""


class Errors(Scene):
    def errors(self, weir, *args):
        return weir.json("errors", *args)["errors"]

    def test_regress_each_with_its_request(self):
        weir = self.weir(RULES, app=self.origin(HangUp()), workers=2)
        self.assertEqual(self.errors(weir), [])
        weir.get("/fixed")
        weir.get("/away")
        self.assertEqual(weir.get("/nobody?secret=1").status, 503)
        self.assertEqual(weir.post("/sent?secret=2", b"x").status, 502)
        self.assertEqual(weir.ask("TRACE", "/trace").status, 405)
        trace, late, early = self.errors(weir)
        listener = "web:{}".format(weir.ports["port"])
        for error, wanted in (
                (early, {"reason": "no-target", "status": 503, "method": "GET",
                         "path": "/nobody", "rule": 30, "target_group": "empty"}),
                (late, {"reason": "target-closed-before-head", "status": 502,
                        "method": "POST", "path": "/sent", "rule": "default",
                        "target_group": "app", "target": weir.names["app"]}),
                (trace, {"reason": "method-not-allowed", "status": 405, "method": "TRACE",
                         "path": "/trace"})):
            wanted = {k: str(v) if k == "target" else v for k, v in wanted.items()}
            self.assertEqual({k: error.get(k) for k in wanted}, wanted)
            self.assertEqual(error["listener"], listener)
            self.assertEqual(error["host"], "example.test")
            self.assertRegex(error["client"], r"^127\.0\.0\.1:\d+$")
            self.assertRegex(error["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")
            self.assertTrue(error["sentence"].endswith("."))
        self.assertNotIn("rule", trace)
        self.assertNotIn("target", early)

    def test_filters(self):
        weir = self.weir(RULES, app=self.origin(HangUp()))
        for i in range(5):
            weir.get(f"/{i}")
        weir.get("/nobody")
        self.assertEqual([e["path"] for e in self.errors(weir, "--limit", "3")],
                         ["/nobody", "/4", "/3"])
        only = self.errors(weir, "--reason", "target-closed-before-head", "--limit", "2")
        self.assertEqual([e["path"] for e in only], ["/4", "/3"])
        for args, status, said in ((("--reason", "nonsense"), 1, "no reason"),
                                   (("--limit", "257"), 1, "from 1 to 256"),
                                   (("--limit", "some"), 2, "takes a number")):
            done = weir.command("errors", *args)
            self.assertEqual(done.returncode, status, args)
            self.assertIn(said, done.stderr)
        text = weir.command("errors").stdout
        self.assertIn("no-target", text)
        self.assertIn("GET example.test/nobody", text)

    def test_a_bounded_ring(self):
        weir = self.weir(RULES, app=self.origin(Reply(200)), workers=2)
        for i in range(300):
            weir.get("/nobody", host=f"h{i}.test")
        got = self.errors(weir)
        self.assertEqual(len(got), 256)
        self.assertEqual([e["host"] for e in got], [f"h{i}.test" for i in range(299, 43, -1)])

    def test_logged_requests_have_their_trace(self):
        weir = self.weir(LOGGED, app=self.origin(HangUp()))
        weir.get("/logged?a=b")
        line = weir.last_log
        error, = self.errors(weir)
        self.assertEqual((error["path"], error["host"]), ("/logged", "example.test"))
        self.assertEqual(error["trace_id"], line["trace_id"])

    @http1
    def test_what_cannot_be_read(self):
        weir = self.weir(ONE_GROUP, app=self.origin())
        c = weir.client()
        c.send(b"GET /a/path HTTP/1.1\r\nContent-Length: 1, 2\r\n\r\n")
        self.assertEqual(c.answer().status, 400)
        c = weir.client()
        c.send(b"\x01\x02 nonsense\r\n\r\n")
        self.assertEqual(c.answer().status, 400)
        got = wait_for(lambda: self.errors(weir), "they are there")
        self.assertEqual([e["status"] for e in got], [400, 400])
        self.assertNotIn("method", got[0])
