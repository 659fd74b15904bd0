"""TLS on a plain port and plain HTTP on a TLS port: told by name, in text that
the client can read, in the log and in the counter."""

import ssl

from client import request
from origin import Gone
from scene import ONE_GROUP, Reply, Scene, trusting


class WrongPort(Scene):
    over = ("plain",)

    def begin(self, tls):
        self.app = self.origin(Reply(200, b"ok"))
        listener = "port: {port}, protocol: HTTPS, {tls}" if tls else "port: {port}"
        return self.weir(ONE_GROUP.replace("{listener}", listener), app=self.app)

    def told(self, weir, reason, n=1):
        weir.log.wait_for(f"reason={reason} status=400 .*client=127.0.0.1")
        self.assertEqual(weir.json("status")["reasons"].get(reason), n)
        self.assertEqual(self.app.requests, [])

    def test_regress_tls_to_a_plain_port(self):
        weir = self.begin(tls=False)
        with self.assertRaises(ssl.SSLError):
            weir.client(tls=trusting())
        self.told(weir, "tls-to-http")

    def test_regress_a_client_hello_in_pieces(self):
        weir = self.begin(tls=False)
        for octets in (b"\x16", b"\x16\x03", b"\x16\x03\x01\x02"):
            c = weir.client()
            c.send(octets)
            answer = c.answer()  # and not after an idle timeout
            self.assertEqual((answer.status, answer.fields["weir-reason"]),
                             (400, "tls-to-http"))
            self.assertTrue(c.is_closed())

    def test_regress_plain_http_to_a_tls_port(self):
        weir = self.begin(tls=True)
        requests = [request(m, "/") for m in ("GET", "HEAD", "OPTIONS", "PROPFIND")]
        requests.append(request("POST", "/", b"x" * 300000))
        requests.append(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        for octets in requests:
            c = weir.client(tls=False)
            c.send(octets)
            answer = c.answer(octets.split(b" ")[0].decode())
            self.assertEqual((answer.status, answer.fields["weir-reason"]),
                             (400, "http-to-tls"))
            self.assertEqual(answer.fields["connection"], "close")
            self.assertEqual(c.ahead, b"")
            self.assertTrue(c.is_closed())
        self.told(weir, "http-to-tls", len(requests))
        counters = weir.json("status")["counters"]
        self.assertEqual(counters["ClientTLSNegotiationErrorCount"], len(requests))
        self.assertEqual(weir.get("/", tls=trusting()).status, 200)

    def test_regress_a_plain_request_in_pieces(self):
        weir = self.begin(tls=True)
        c = weir.client(tls=False)
        for octet in b"GET / HTTP/1.1\r\nHost: a\r\n\r\n":
            c.send(bytes([octet]))
        self.assertEqual(c.answer().fields["weir-reason"], "http-to-tls")

    def test_what_is_neither_gets_no_http(self):
        weir = self.begin(tls=True)
        for octets in (b"SSH-2.0-OpenSSH_9.2p1\r\n", b"\0" * 40, b"A" * 40):
            c = weir.client(tls=False)
            c.send(octets)
            try:
                self.assertFalse(c.rest().startswith(b"HTTP/"))
            except Gone:
                pass
        self.assertNotIn("http-to-tls", weir.json("status")["reasons"])
