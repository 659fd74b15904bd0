"""The advice of weir status: what lasts, and what to do about it."""

from scene import LOGGED, ONE_GROUP, Scene, wait_for

CHECKED = """
load_balancers:
  - name: web
    addresses: 127.0.0.1
    listeners: [{{listener}, default_actions: {forward: app}}]
target_groups:
  - name: app
    health_check: {interval_seconds: 0.2, timeout_seconds: 0.1, unhealthy_threshold_count: 2}
    targets: [{app}]
"""


class Advice(Scene):
    over = ("plain",)

    def advice(self, weir):
        return {a["token"]: a for a in weir.json("status")["advice"]}

    def test_regress_a_file_that_differs(self):
        weir = self.weir(ONE_GROUP, settings='admin.listen: "127.0.0.1:{port9}"',
                         app=self.origin())
        self.assertNotIn("file-differs", self.advice(weir))
        weir.write(LOGGED)
        one = wait_for(lambda: self.advice(weir).get("file-differs"), "it is told")
        self.assertIn("weir diff", one["sentence"])
        self.assertEqual(one["where"], weir.config)
        page = weir.ask("GET", "/metrics", host="localhost", port="port9").body.decode()
        self.assertIn(f'\nweir_advice{{token="file-differs",where="{weir.config}"}} 1\n', page)
        self.assertIn("\nweir_config_file_differs 1\n", page)
        weir.reload(LOGGED)
        wait_for(lambda: "file-differs" not in self.advice(weir), "it is gone")

    def test_checks_that_are_redirected(self):
        weir = self.weir(CHECKED, app=self.origin(health=302))
        one = wait_for(lambda: self.advice(weir).get("check-redirects"), "it is told")
        self.assertEqual(one["where"], f"app {weir.names['app']}")
        self.assertIn("since", one)

    def test_certificates_that_end_soon(self):
        weir = self.weir(ONE_GROUP.replace("{listener}", "port: {port}, protocol: HTTPS, {tls}"),
                         settings="certificate_expiry_warning_days: 3650", app=self.origin())
        one = self.advice(weir)["certificate-expires"]
        self.assertRegex(one["where"], rf"^web:{weir.ports['port']} /")
        self.assertIn("renew it", one["sentence"])
        self.assertIn("certificate-expires", weir.command("status").stdout)
