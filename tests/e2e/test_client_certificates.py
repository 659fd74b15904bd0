"""Mutual TLS: who gets in, and what targets are told; alb-headers-tls 7."""

import shutil
import ssl
import subprocess
import unittest
from urllib.parse import unquote

from origin import Gone
from pki import Authority
from scene import Reply, Scene, certificate, trusting

CONFIG = """
load_balancers:
  - name: web
    addresses: 127.0.0.1
    listeners:
      - port: {port}
        protocol: HTTPS
        certificates: {certificate: {pem}, private_key: {key}}
        mutual_authentication: {mutual}
        {more}
        default_actions: {forward: app}
target_groups:
  - {name: app, health_check.enabled: false, targets: [{app}]}
"""

FIELDS = ("serial-number", "issuer", "subject", "validity", "leaf")


class ClientCertificates(Scene):
    over = ("plain",)  # says itself what it speaks

    def begin(self, mutual, more=""):
        self.root = Authority(self.folder())
        self.alice = self.root.issue("Alice")
        self.mallory = self.root.issue("Mallory")
        self.root.revoke(self.mallory[0])
        self.app = self.origin(Reply(200, b"ok"))
        pem, key = certificate("default.test")
        self.server = self.weir(
            CONFIG, app=self.app, pem=pem, key=key, more=more,
            mutual=mutual.replace("{ROOT}", self.root.pem).replace(
                "{CRL}", self.root.crl()))
        return self.server

    def verifying(self):
        return self.begin("{mode: verify, trust_store: {ca_bundle: {ROOT}, crl: {CRL}}}")

    def as_client(self, pair=None):
        context = trusting()
        if pair:
            context.load_cert_chain(*pair)
        return context

    def is_refused(self, pair, newest=ssl.TLSVersion.TLSv1_3):
        context = self.as_client(pair)
        context.maximum_version = newest
        try:
            self.server.get("/", tls=context)
        except (ssl.SSLError, ConnectionError, Gone):
            return True
        return False

    def test_targets_are_told_who_it_is(self):
        self.verifying().get("/", tls=self.as_client(self.alice))
        got = self.app.requests[0].fields
        self.assertRegex(got["x-amzn-mtls-clientcert-serial-number"], r"^([0-9A-F]{2})+$")
        self.assertEqual(got["x-amzn-mtls-clientcert-issuer"], "CN=root,C=US")
        self.assertEqual(got["x-amzn-mtls-clientcert-subject"], "CN=Alice,C=US")
        time = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
        self.assertRegex(got["x-amzn-mtls-clientcert-validity"],
                         f"^NotBefore={time};NotAfter={time}$")
        leaf = got["x-amzn-mtls-clientcert-leaf"]
        self.assertRegex(leaf, r"^[A-Za-z0-9+/=%-]+$")
        with open(self.alice[0], encoding="ascii") as f:
            self.assertEqual(unquote(leaf), f.read())
        self.assertNotIn("x-amzn-mtls-clientcert", got)

    def test_what_clients_write_there_themselves_is_dropped(self):
        spoofed = [("X-Amzn-Mtls-Clientcert-" + name.title(), "me") for name in FIELDS]
        spoofed += [("X_AMZN_MTLS_CLIENTCERT_SUBJECT", "me"), ("X-Amzn-Mtls-Clientcert", "me")]
        weir = self.verifying()
        weir.get("/", tls=self.as_client(self.alice), fields=spoofed)
        got = self.app.requests[0].fields
        for name, _ in spoofed:
            self.assertNotIn("me", got.all(name), name)
        for name in FIELDS:
            self.assertEqual(len(got.all("x-amzn-mtls-clientcert-" + name)), 1)

    def test_fields_can_have_other_names(self):
        weir = self.begin("{mode: verify, trust_store.ca_bundle: {ROOT}}",
                          "routing.http.request.x_amzn_mtls_clientcert_subject.header_name: X-Who")
        weir.get("/", tls=self.as_client(self.alice),
                 fields=[("X-Who", "me"), ("X-Amzn-Mtls-Clientcert-Subject", "me")])
        got = self.app.requests[0].fields
        self.assertEqual(got.all("x-who"), ["CN=Alice,C=US"])
        self.assertNotIn("x-amzn-mtls-clientcert-subject", got)
        self.assertIn("x-amzn-mtls-clientcert-issuer", got)

    def test_nobody_gets_in_without_a_good_one(self):
        stranger = Authority(self.folder(), "other").issue("Alice")
        weir = self.verifying()
        late = self.root.issue("late", ended=True)
        server = self.root.issue("server", "extendedKeyUsage=serverAuth")
        for newest in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            for pair, code in ((stranger, "ClientCertUntrusted"), (late, "ClientCertExpired"),
                               (self.mallory, "ClientCertCrlHit"),
                               (server, "ClientCertPurposeInvalid"),
                               (None, "UnmappedConnectionError")):
                with self.subTest(code=code, newest=newest):
                    weir.log.begin()
                    self.assertTrue(self.is_refused(pair, newest))
                    weir.log.wait_for(f"reason=client-certificate code={code} ")
        self.assertEqual(self.app.requests, [])
        self.assertEqual(weir.get("/", tls=self.as_client(self.alice)).status, 200)
        self.assertEqual(weir.json("status")["counters"]["ClientTLSNegotiationErrorCount"], 10)

    def test_expiry_can_be_ignored(self):
        weir = self.begin("{mode: verify, trust_store.ca_bundle: {ROOT}, "
                          "ignore_client_certificate_expiry: true}")
        late = self.root.issue("late", ended=True)
        self.assertEqual(weir.get("/", tls=self.as_client(late)).status, 200)

    def test_no_session_comes_back(self):
        weir = self.verifying()
        for newest in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = self.as_client(self.alice)
            context.maximum_version = newest
            first = weir.client(tls=context)
            self.assertEqual(first.get("/").status, 200)
            self.assertFalse(first.sock.session.has_ticket)
            second = weir.client(tls=context, session=first.sock.session)
            self.assertEqual(second.get("/").status, 200)
            self.assertFalse(second.sock.session_reused)

    def test_passthrough_passes_all_of_it(self):
        weir = self.begin("{mode: passthrough}")
        weir.get("/", tls=self.as_client(self.mallory))
        with open(self.mallory[0], encoding="ascii") as f:
            self.assertEqual(
                unquote(self.app.requests[0].fields["x-amzn-mtls-clientcert"]), f.read())
        for name in FIELDS:
            self.assertNotIn("x-amzn-mtls-clientcert-" + name, self.app.requests[0].fields)

    def test_passthrough_takes_who_has_none(self):
        weir = self.begin("{mode: passthrough}")
        self.assertEqual(weir.get("/", tls=self.as_client()).status, 200)
        self.assertNotIn("x-amzn-mtls-clientcert", self.app.requests[0].fields)

    def test_passthrough_of_a_large_one(self):
        """30 KiB are passed; 45 KiB in PEM are more than a head may have."""
        weir = self.begin("{mode: passthrough}")
        for octets, status in ((30000, 200), (50000, 400)):
            pair = self.root.issue(f"large{octets}", "nsComment=" + "x" * octets)
            answer = weir.get("/", tls=self.as_client(pair))
            self.assertEqual(answer.status, status)
        self.assertEqual(answer.fields["weir-reason"], "header-too-large")
        self.assertEqual(len(self.app.requests), 1)

    def test_off_asks_nobody(self):
        weir = self.begin("{mode: off}")
        self.assertEqual(weir.get("/", tls=self.as_client(self.alice)).status, 200)
        self.assertNotIn("x-amzn-mtls-clientcert", self.app.requests[0].fields)

    @unittest.skipUnless(shutil.which("curl"), "no curl")
    def test_curl(self):
        weir = self.verifying()
        url = f"https://127.0.0.1:{weir.ports['port']}/"
        good = subprocess.run(["curl", "-sk", "--cert", self.alice[0], "--key", self.alice[1],
                               url], capture_output=True, timeout=20, check=False)
        self.assertEqual((good.returncode, good.stdout), (0, b"ok"))
        bad = subprocess.run(["curl", "-sk", url], capture_output=True, timeout=20, check=False)
        self.assertNotEqual(bad.returncode, 0)
        self.assertEqual(len(self.app.requests), 1)

    def test_openssl_s_client_sees_the_names_of_authorities(self):
        for word, there in (("on", True), ("off", False)):
            weir = self.begin("{mode: verify, trust_store.ca_bundle: {ROOT}, "
                              f"advertise_trust_store_ca_names: {word}" "}")
            said = subprocess.run(
                ["openssl", "s_client", "-connect", f"127.0.0.1:{weir.ports['port']}",
                 "-cert", self.alice[0], "-key", self.alice[1]],
                input=b"", capture_output=True, timeout=20, check=False).stdout
            self.assertEqual(b"Acceptable client certificate CA names\nC = US, CN = root" in said,
                             there)
