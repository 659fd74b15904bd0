"""TLS: which certificate, which versions, how a session comes back."""

import ssl
import warnings

from origin import Gone
from scene import Echo, Reply, Scene, certificate, origin_tls, trusting

CONFIG = """
load_balancers:
  - name: web
    addresses: 127.0.0.1
    {keys}
    listeners:
      - port: {port}
        protocol: HTTPS
        certificates:
          - {certificate: {default_pem}, private_key: {default_key}}
          - {certificate: {other_pem}, private_key: {other_key}}
          - {certificate: {star_pem}, private_key: {star_key}}
        default_actions: {forward: app}
        {listener_keys}
target_groups:
  - {name: app, health_check.enabled: false, targets: [{app}]}
"""


class Tls(Scene):
    over = ("plain",)  # says itself what it speaks

    def begin(self, app=None, **names):
        pairs = {"default": ("default.test",), "other": ("other.test", "second.test"),
                 "star": ("*.star.test",)}
        for key, hosts in pairs.items():
            names[key + "_pem"], names[key + "_key"] = certificate(*hosts)
        names.setdefault("keys", "")
        names.setdefault("listener_keys", "")
        self.app = app or self.origin(Reply(200, b"ok"))
        return self.weir(CONFIG, app=self.app, **names)

    def served(self, weir, name, **kw):
        """Which certificate comes for a name."""
        c = weir.client(tls=trusting(**kw), name=name)
        der = c.sock.getpeercert(binary_form=True)
        for hosts in (("default.test",), ("other.test", "second.test"), ("*.star.test",)):
            with open(certificate(*hosts)[0], encoding="ascii") as f:
                if ssl.PEM_cert_to_DER_cert(f.read()) == der:
                    return hosts[0]
        return "another"

    def test_the_name_chooses_the_certificate(self):
        weir = self.begin()
        for name, expected in (
                ("default.test", "default.test"), ("other.test", "other.test"),
                ("SECOND.test", "other.test"), ("a.star.test", "*.star.test"),
                ("a.b.star.test", "default.test"), ("star.test", "default.test"),
                ("unknown.test", "default.test"), (None, "default.test")):
            with self.subTest(name):
                self.assertEqual(self.served(weir, name), expected)

    def test_a_session_comes_back_by_ticket(self):
        weir = self.begin()
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = trusting()
            context.minimum_version = context.maximum_version = version
            first = weir.client(tls=context)
            self.assertEqual(first.get("/").status, 200)
            session = first.sock.session
            self.assertTrue(session.has_ticket)
            second = weir.client(tls=context, session=session)
            self.assertEqual(second.get("/").status, 200)
            self.assertTrue(second.sock.session_reused)

    def test_tickets_outlive_a_reload(self):
        weir = self.begin()
        context = trusting()
        first = weir.client(tls=context)
        first.get("/")
        session = first.sock.session
        weir.reload()
        second = weir.client(tls=context, session=session)
        second.get("/")
        self.assertTrue(second.sock.session_reused)

    def test_the_policy_decides_the_versions(self):
        weir = self.begin(
            listener_keys="ssl_policy: ELBSecurityPolicy-TLS13-1-3-2021-06")
        context = trusting()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            weir.client(tls=context)
        self.assertEqual(weir.get("/", tls=trusting()).status, 200)

    def test_the_default_policy_takes_no_old_version(self):
        context = trusting()
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            self.begin().client(tls=context)

    def test_alpn_says_http_1_1(self):
        weir = self.begin()
        c = weir.client(tls=trusting(("http/1.1",)))
        self.assertEqual(c.sock.selected_alpn_protocol(), "http/1.1")
        self.assertEqual(weir.client(tls=trusting(())).get("/").status, 200)

    def test_plain_http_on_the_tls_port_is_closed(self):
        weir = self.begin()
        c = weir.client(tls=False)
        c.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertTrue(c.is_closed())
        self.assertEqual(weir.get("/", tls=trusting()).status, 200)
        self.assertEqual(len(self.app.requests), 1)

    def test_the_end_is_announced(self):
        """close_notify before FIN: else a cut connection looks like an end."""
        c = self.begin().client(tls=trusting())
        answer = c.ask("GET", "/", fields=[("Connection", "close")])
        self.assertEqual(answer.status, 200)
        try:
            self.assertEqual(c.sock.recv(1), b"")
        except ssl.SSLEOFError:
            self.fail("no close_notify")

    def test_large_bodies_cross_many_records(self):
        weir = self.begin(app=self.origin(Echo()))
        body = bytes(range(256)) * 16384
        self.assertTrue(weir.post("/", body, tls=trusting()).body == body)

    def test_targets_may_speak_tls_and_are_not_verified(self):
        app = self.origin(Reply(200, b"secret"), tls=origin_tls())
        weir = self.weir("""
load_balancers: [{name: web, addresses: 127.0.0.1, listeners: [{{listener}, default_actions: {forward: app}}]}]
target_groups: [{name: app, protocol: HTTPS, health_check.enabled: false, targets: [{app}]}]
""", app=app)
        c = weir.client()
        for _ in range(3):
            self.assertEqual(c.get("/").body, b"secret")
        self.assertEqual(app.connections, 1)

    def test_a_target_that_does_not_speak_tls_is_502(self):
        app = self.origin(greeting=b"220 mail.test ESMTP\r\n")
        weir = self.weir("""
load_balancers: [{name: web, addresses: 127.0.0.1, listeners: [{{listener}, default_actions: {forward: app}}]}]
target_groups: [{name: app, protocol: HTTPS, health_check.enabled: false, targets: [{app}]}]
""", app=app)
        answer = weir.get("/")
        self.assertEqual((answer.status, answer.fields["weir-reason"]),
                         (502, "target-tls-failed"))

    def test_version_and_cipher_for_the_target(self):
        weir = self.begin(
            keys="routing.http.x_amzn_tls_version_and_cipher_suite.enabled: true")
        weir.get("/", tls=trusting(), fields=[("x-amzn-tls-version", "forged")])
        got = self.app.requests[0].fields
        self.assertEqual(got.all("x-amzn-tls-version"), ["TLSv1.3"])
        self.assertTrue(got["x-amzn-tls-cipher-suite"].startswith("TLS_"))

    def test_a_broken_handshake_leaves_the_rest_alone(self):
        weir = self.begin()
        for octets in (b"\x16\x03\x01\xff\xff" + b"\0" * 500, b"\x15\x03\x01\x00\x02\x02\x28",
                       b"\x16\x03\x01\x00\x05hello", b""):
            c = weir.client(tls=False)
            try:
                c.send(octets)
                c.finish()
            except (OSError, Gone):
                pass
            self.assertTrue(c.is_closed())
        self.assertEqual(weir.get("/", tls=trusting()).status, 200)
