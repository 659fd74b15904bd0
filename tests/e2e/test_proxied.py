"""PROXY headers: who a trusted proxy says that the client is (nlb.md 6)."""

import shutil
import socket
import subprocess
import unittest

from origin import Gone
from scene import Reply, Scene, free_port, wait_for

CONFIG = """
load_balancers:
  - name: web
    addresses: 127.0.0.1
    trusted_addresses: [127.0.0.1/32]
    timeouts.client_tls_handshake_seconds: {seconds}
    listeners:
      - {{listener}, proxy_protocol.enabled: true, default_actions: {forward: app}, rules: [
         {priority: 1, conditions: {source_ip: 203.0.113.0/24},
          actions: {fixed_response: {status_code: 299}}}]}
target_groups:
  - {name: app, health_check.enabled: false, targets: [{app}]}
"""
V2 = b"\r\n\r\n\0\r\nQUIT\n"
FOUR = bytes([198, 51, 100, 7, 192, 0, 2, 1]) + b"\x9c\x40\x01\xbb"
V1_HEADER = b"PROXY TCP4 198.51.100.7 192.0.2.1 40000 443\r\n"
V2_HEADER = V2 + b"\x21\x11\x00\x0c" + FOUR
STRANGER = "127.0.0.9"


class Proxied(Scene):
    def begin(self, seconds=10):
        self.app = self.origin(Reply(200, b"ok"))
        return self.weir(CONFIG, app=self.app, seconds=seconds)

    def forwarded(self, weir, *first, **kw):
        """What the target hears of the client."""
        self.assertEqual(weir.get("/", first=first, **kw).status, 200)
        return self.app.requests[-1].fields["x-forwarded-for"]

    def refused(self, weir, *first, **kw):
        with self.assertRaises((OSError, Gone)):
            weir.get("/", first=first, **kw)

    def test_the_client_that_the_header_names(self):
        weir = self.begin()
        six = V2 + b"\x21\x21\x00\x24" + bytes.fromhex(
            "20010db8000000000000000000000007" "20010db8000000000000000000000001") + b"\x9c\x40\x01\xbb"
        for header, client in (
                (V1_HEADER, "198.51.100.7"),
                (b"PROXY TCP6 2001:db8::7 2001:db8::1 40000 443\r\n", "2001:db8::7"),
                (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
                (V2_HEADER, "198.51.100.7"),
                (six, "2001:db8::7"),
                (V2 + b"\x20\x00\x00\x00", "127.0.0.1")):
            with self.subTest(header=header):
                self.assertEqual(self.forwarded(weir, header), client)

    def test_rules_look_at_it(self):
        weir = self.begin()
        header = V1_HEADER.replace(b"198.51.100.7", b"203.0.113.9")
        self.assertEqual(weir.get("/", first=[header]).status, 299)

    def test_cut_at_every_octet(self):
        weir = self.begin()
        for header in (V1_HEADER, V2_HEADER):
            for n in range(1, len(header)):
                self.assertEqual(self.forwarded(weir, header[:n], header[n:]), "198.51.100.7")

    def test_malformed_and_missing(self):
        weir = self.begin()
        bad = [b"PROXY TCP4 198.51.100.7 192.0.2.1 40000 443 \r\n",
               b"PROXY " + b"x" * 200,
               V2 + b"\x21\x11\x00\x10" + FOUR + b"\x04\x00\x09x",
               V2 + b"\x21\x11\x0f\xf1",
               V2 + b"\x21\x11\x00\x13" + FOUR + b"\x03\x00\x04abcd"]
        for header in bad:
            self.refused(weir, header)
        self.refused(weir)  # what comes is no header
        # Behind a header comes the client, and no second header.
        if weir.tls:
            self.refused(weir, V1_HEADER, V2_HEADER)
        else:
            self.assertEqual(weir.get("/", first=[V1_HEADER, V1_HEADER]).status, 400)
        self.assertEqual(self.app.requests, [])
        n = len(bad) + 1
        status = weir.json("status")
        self.assertEqual(status["counters"]["ClientProxyHeaderErrorCount"], n)
        self.assertEqual(status["reasons"]["bad-proxy-header"], n)
        weir.log.wait_for("reason=bad-proxy-header.*client=127.0.0.1")

    def test_strangers_speak_for_themselves(self):
        weir = self.begin()
        self.assertEqual(self.forwarded(weir, source=STRANGER), STRANGER)
        for header in (V1_HEADER, V2_HEADER, b"PROXY UNKNOWN\r\n", V2 + b"\x20\x00\x00\x00"):
            self.refused(weir, header, source=STRANGER)
        self.assertEqual(len(self.app.requests), 1)

    def test_a_proxy_that_says_nothing_is_cut(self):
        weir = self.begin(seconds=0.3)
        c = weir.client(tls=False, first=[V1_HEADER[:9]])
        self.assertTrue(c.is_closed())
        weir.log.wait_for("reason=bad-proxy-header")


class Strangers(Scene):
    over = ("plain",)

    def test_one_who_waits_is_served_later(self):
        """Browsers connect before they ask."""
        app = self.origin(Reply(200, b"ok"))
        weir = self.weir(CONFIG, app=app, seconds=0.2)
        c = weir.client(source=STRANGER)
        self.assertTrue(c.is_quiet(0.5))
        self.assertEqual(c.get("/").status, 200)

    @unittest.skipUnless(shutil.which("haproxy"), "no haproxy here")
    def test_haproxy_in_front(self):
        app = self.origin(Reply(200, b"ok"))
        weir = self.weir(CONFIG, app=app, seconds=10)
        for option in ("send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options crc32c"):
            port = self.haproxy(weir, option)
            c = weir.client(port, source="127.0.0.77")
            self.assertEqual(c.get("/").status, 200)
            self.assertEqual(app.requests[-1].fields["x-forwarded-for"], "127.0.0.77")

    def haproxy(self, weir, option):
        port = free_port()
        path = f"{weir.dir}/haproxy-{port}.cfg"
        with open(path, "w", encoding="ascii") as f:
            f.write(f"""
defaults
  mode tcp
  timeout connect 5s
  timeout client 5s
  timeout server 5s
listen front
  bind 127.0.0.1:{port}
  server weir 127.0.0.1:{weir.ports['port']} {option}
""")
        process = subprocess.Popen(["haproxy", "-f", path], stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        wait_for(lambda: self.accepts(port), "haproxy")
        return port

    @staticmethod
    def accepts(port):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0
