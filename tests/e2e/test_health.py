"""Health checks: who takes traffic, who gets it back, and when nobody is well."""

from scene import Refuse, Reply, Scene, Silent, wait_for

CONFIG = """
load_balancers:
  - name: web
    addresses: 127.0.0.1
    listeners: [{{listener}, default_actions: {forward: app}}]
target_groups:
  - name: app
    health_check: {path: "/health?full=1", interval_seconds: 0.2, timeout_seconds: 0.15,
                   healthy_threshold_count: 2, unhealthy_threshold_count: 2}
    targets: [{first}, {second}]
"""


class Health(Scene):
    over = ("plain",)

    def setUp(self):
        self.first = self.origin(Reply(200, b"first"))
        self.second = self.origin(Reply(200, b"second"))
        self.begun = self.weir(CONFIG, first=self.first, second=self.second)

    def expect(self, first, second):
        wanted = {str(self.first): first, str(self.second): second}
        wait_for(lambda: self.begun.states() == wanted, f"{wanted}")

    def bodies(self, n=6):
        c = self.begun.client()
        return {c.get("/").body for _ in range(n)}

    def test_the_request_of_a_check(self):
        self.first.wait_for(lambda o: len(o.checks) >= 2)
        check = self.first.checks[0]
        self.assertEqual((check.method, check.target), ("GET", "/health?full=1"))
        self.assertEqual(check.fields["host"], str(self.first))
        self.assertEqual(check.fields["user-agent"], "ELB-HealthChecker/2.0")
        self.assertNotEqual(check.connection, self.first.checks[1].connection)

    def test_an_ill_target_takes_no_traffic_until_it_is_well_again(self):
        self.expect("healthy", "healthy")
        self.first.health = 500
        self.expect("unhealthy", "healthy")
        self.assertEqual(self.bodies(), {b"second"})
        self.first.health = 200
        self.expect("healthy", "healthy")
        self.assertEqual(self.bodies(), {b"first", b"second"})

    def test_a_silent_check_is_a_failed_one(self):
        self.expect("healthy", "healthy")
        self.first.health = None
        self.expect("unhealthy", "healthy")

    def test_when_nobody_is_well_everybody_is_asked(self):
        self.expect("healthy", "healthy")
        self.first.health = self.second.health = 503
        self.expect("unhealthy", "unhealthy")
        self.assertEqual(self.bodies(), {b"first", b"second"})

    def test_a_target_that_died_is_noticed(self):
        self.expect("healthy", "healthy")
        self.first.stop()
        c = self.begun.client()
        for _ in range(20):
            self.assertEqual(c.get("/").status, 200)
        self.expect("unhealthy", "healthy")

    def regress_targets_say_why_a_check_failed(self):
        self.expect("healthy", "healthy")
        self.first.stop()
        self.second.health = 500
        self.expect("unhealthy", "unhealthy")
        targets = self.begun.json("targets")["target_groups"][0]["targets"]
        self.assertEqual([t.get("detail") for t in targets],
                         ["Connection refused", "status 500"])
        shown = self.begun.command("targets").stdout
        self.assertIn("Health checks failed: Connection refused", shown)
        self.assertRegex(shown, "Health checks failed with these codes.*: status 500")

    def test_a_reload_keeps_what_is_known(self):
        self.expect("healthy", "healthy")
        self.first.health = 500
        self.expect("unhealthy", "healthy")
        self.begun.reload(CONFIG + "\n# another generation\n")
        self.assertEqual(self.begun.states()[str(self.first)], "unhealthy")
        self.assertEqual(self.bodies(), {b"second"})


class Matcher(Scene):
    over = ("plain",)

    def test_codes_and_ranges(self):
        app, down = self.origin(Reply(200, b"ok"), health=302), self.origin(Refuse())
        weir = self.weir(CONFIG.replace("path:", 'matcher: "200,300-399", path:'),
                         first=app, second=down)
        wait_for(lambda: weir.states() == {str(app): "healthy", str(down): "unhealthy"},
                 "healthy by its matcher")


class Unanswered(Scene):
    over = ("plain",)

    def regress_a_request_without_a_response_has_a_column(self):
        app = self.origin(Silent(), Reply(200, b"ok"))
        weir = self.weir(CONFIG.replace("    addresses:",
                                        "    idle_timeout.timeout_seconds: 0.2\n    addresses:")
                         .replace(", {second}", ""), first=app)
        weir.wait_healthy(1)
        self.assertEqual(weir.get("/").status, 504)
        self.assertEqual(weir.get("/").status, 200)
        target = weir.json("targets")["target_groups"][0]["targets"][0]
        self.assertEqual((target["requests"], target["unanswered"]), (2, 1))
        head, row = weir.command("targets").stdout.splitlines()[:2]
        end = head.index("UNANSWERED") + len("UNANSWERED")
        self.assertEqual(row[:end].split()[-1], "1")
