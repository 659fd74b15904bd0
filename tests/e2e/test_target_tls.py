"""TLS towards targets: whose policy, who is verified; alb-headers-tls 8."""

import ssl

from pki import Authority
from scene import Reply, Scene, certificate

ONE = """
load_balancers: [{name: web, addresses: 127.0.0.1, listeners: [{{listener}, default_actions: {forward: app}}]}]
target_groups:
  - {name: app, protocol: HTTPS, targets: ["{target}"], target_tls: {tls}, health_check: {check}}
"""

TWO = """
load_balancers:
  - name: old
    addresses: 127.0.0.1
    listeners: [{port: {port}, default_actions: {forward: app}}]
  - name: new
    addresses: 127.0.0.1
    listeners:
      - port: {port2}
        default_actions: {forward: app}
      - port: {port3}
        protocol: HTTPS
        certificates: {certificate: {pem}, private_key: {key}}
        default_actions: {forward: app}
target_groups:
  - {name: app, protocol: HTTPS, targets: [{app}], health_check: {enabled: {checks}, protocol: HTTPS, interval_seconds: 1, timeout_seconds: 0.9, healthy_threshold_count: 1}}
"""


def serving(pair, ca=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair)
    if ca:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(ca)
    return context


class TargetTls(Scene):
    over = ("plain",)

    def begin(self, pair, tls, target=None, check="{enabled: false}", ca=None):
        app = self.origin(Reply(200, b"ok"), tls=serving(pair, ca))
        self.app = app
        return self.weir(ONE, target=(target or "127.0.0.1") + f":{app.port}", tls=tls,
                         check=check)

    def test_a_target_is_verified_by_address_and_by_name(self):
        root = Authority(self.folder())
        pair = root.issue("app", "subjectAltName=IP:127.0.0.1,DNS:app.example.com")
        good = "{verify: true, ca_bundle: " + root.pem
        for tls, status in ((good + "}", 200), (good + ", server_name: app.example.com}", 200),
                            (good + ", server_name: other.example.com}", 502),
                            ("{verify: true, ca_bundle: " + certificate("a.test")[0] + "}", 502),
                            ("{verify: true}", 502), ("{verify: false}", 200)):
            with self.subTest(tls=tls):
                weir = self.begin(pair, tls)
                answer = weir.get("/")
                self.assertEqual(answer.status, status)
                if status == 502:
                    self.assertEqual(answer.fields["weir-reason"], "target-certificate")
                    self.assertEqual(self.app.requests, [])

    def test_a_target_is_verified_by_its_host_name(self):
        root = Authority(self.folder())
        weir = self.begin(root.issue("app", "subjectAltName=DNS:localhost"),
                          "{verify: true, ca_bundle: " + root.pem + "}", target="localhost",
                          check="{interval_seconds: 1, timeout_seconds: 0.9, "
                                "healthy_threshold_count: 1, protocol: HTTPS}")
        weir.wait_healthy(1)
        self.assertEqual(weir.get("/").status, 200)

    def test_checks_verify_too(self):
        root = Authority(self.folder())
        weir = self.begin(root.issue("app", "subjectAltName=IP:127.0.0.1", ended=True),
                          "{verify: true, ca_bundle: " + root.pem + "}",
                          check="{interval_seconds: 1, timeout_seconds: 0.9, protocol: HTTPS, "
                                "unhealthy_threshold_count: 1}")
        weir.log.wait_for("target became unhealthy.*TLS: certificate has expired")

    def test_we_show_a_certificate(self):
        root = Authority(self.folder())
        pem, key = root.issue("weir")
        checks = ("{interval_seconds: 1, timeout_seconds: 0.9, healthy_threshold_count: 1, "
                  "protocol: HTTPS}")
        weir = self.begin(root.issue("app"), f"{{certificate: {pem}, private_key: {key}}}",
                          ca=root.pem, check=checks)
        weir.wait_healthy(1)
        self.assertEqual(weir.get("/").status, 200)
        weir = self.begin(root.issue("app"), "{}", ca=root.pem)
        self.assertEqual(weir.get("/").status, 502)

    def test_warm_connections_outlive_a_reload(self):
        root = Authority(self.folder())
        weir = self.begin(root.issue("app", "subjectAltName=IP:127.0.0.1"),
                          "{verify: true, ca_bundle: " + root.pem + "}")
        weir.get("/")
        weir.reload()
        weir.get("/")
        self.assertEqual(self.app.connections, 1)

    def test_a_warm_connection_is_not_trusted_by_another_configuration(self):
        root = Authority(self.folder())
        weir = self.begin(root.issue("app", "subjectAltName=IP:127.0.0.1"), "{}")
        self.assertEqual(weir.get("/").status, 200)
        other = certificate("a.test")[0]
        weir.reload(ONE, tls="{verify: true, ca_bundle: " + other + "}")
        self.assertEqual(weir.get("/").status, 502)
        self.assertEqual(len(self.app.requests), 1)

    def two(self, checks="false", limit=None):
        """Two load balancers before one target: one leads to TLS 1.2 and older,
        the other to 1.3."""
        context = serving(certificate("origin.test"))
        if limit:
            context.minimum_version = limit
        self.app = self.origin(Reply(200, b"ok"), tls=context)
        pem, key = certificate("default.test")
        return self.weir(TWO, app=self.app, pem=pem, key=key, checks=checks)

    def test_each_load_balancer_has_its_policy(self):
        weir = self.two(limit=ssl.TLSVersion.TLSv1_3)
        self.assertEqual(weir.get("/", port="port2").status, 200)
        answer = weir.get("/")
        self.assertEqual((answer.status, answer.fields["weir-reason"]),
                         (502, "target-tls-failed"))

    def test_warm_connections_are_apart_by_policy(self):
        weir = self.two()
        for _ in range(3):
            for port in ("port", "port2"):
                self.assertEqual(weir.get("/", port=port).status, 200)
        self.assertEqual(self.app.connections, 2)

    def test_checks_follow_the_first(self):
        weir = self.two(checks="true", limit=ssl.TLSVersion.TLSv1_3)
        weir.log.wait_for("target became unhealthy.*TLS: ")
