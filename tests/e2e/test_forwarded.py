"""What a target is told of the client, and what is kept from it."""

from scene import ONE_GROUP, Reply, Scene, http1

WITH = """
load_balancers:
  - name: web
    addresses: 127.0.0.1
    {keys}
    listeners: [{{listener}, default_actions: {forward: app}}]
target_groups:
  - {name: app, health_check.enabled: false, targets: [{app}]}
"""


class Asking(Scene):
    over = ("plain",)

    def ask(self, keys="", fields=(), target="/", host="example.test"):
        """One request; returns what the target got."""
        app = self.origin(Reply(200, b"ok"))
        weir = self.weir(WITH, app=app, keys=keys)
        self.asked = weir
        answer = weir.get(target, fields=fields, host=host)
        self.assertEqual(answer.status, 200)
        return app.requests[-1].fields


class Forwarded(Asking):
    over = ("plain", "tls")

    def xff(self, mode, *before):
        keys = f"routing.http.xff_header_processing.mode: {mode}"
        return self.ask(keys, [("X-Forwarded-For", v) for v in before]).all(
            "x-forwarded-for")

    def test_for_in_each_mode(self):
        rows = [("append", (), ["127.0.0.1"]),
                ("append", ("192.0.2.4",), ["192.0.2.4, 127.0.0.1"]),
                ("append", ("192.0.2.4", "192.0.2.5"),
                 ["192.0.2.4, 192.0.2.5, 127.0.0.1"]),
                ("preserve", (), []),
                ("preserve", ("192.0.2.4",), ["192.0.2.4"]),
                ("remove", (), []),
                ("remove", ("192.0.2.4",), [])]
        for mode, before, after in rows:
            with self.subTest(mode=mode, before=before):
                self.assertEqual(self.xff(mode, *before), after)

    def test_for_with_the_port_of_the_client(self):
        got = self.ask("routing.http.xff_client_port.enabled: true")
        self.assertRegex(got["x-forwarded-for"], r"^127\.0\.0\.1:\d+$")

    def test_proto_and_port_are_ours(self):
        got = self.ask("", [("X-Forwarded-Proto", "gopher"), ("X-Forwarded-Port", "1")])
        self.assertEqual(got.all("x-forwarded-proto"),
                         ["https" if self.transport != "plain" else "http"])
        self.assertEqual(got.all("x-forwarded-port"), [str(self.asked.ports["port"])])

    def test_more_than_thirty_addresses_are_463(self):
        weir = self.weir(ONE_GROUP, app=self.origin(Reply(200, b"ok")))
        for n, status in ((30, 200), (31, 463)):
            value = ", ".join(f"192.0.2.{i}" for i in range(n))
            answer = weir.get("/", fields=[("X-Forwarded-For", value)])
            self.assertEqual(answer.status, status)

    def test_strangers_are_not_believed_once_proxies_are_named(self):
        got = self.ask("trusted_addresses: [192.0.2.0/24]",
                       [("X-Forwarded-For", "203.0.113.9")])
        self.assertEqual(got.all("x-forwarded-for"), ["127.0.0.1"])


class Trace(Asking):
    def test_a_root_is_made(self):
        got = self.ask()
        self.assertRegex(got["x-amzn-trace-id"], r"^Root=1-[0-9a-f]{8}-[0-9a-f]{24}$")

    def test_a_root_is_kept_and_self_put_in_front(self):
        root = "Root=1-67891233-abcdef012345678912345678;CalledFrom=app"
        got = self.ask("", [("X-Amzn-Trace-Id", root)])
        self.assertRegex(got["x-amzn-trace-id"],
                         r"^Self=1-[0-9a-f]{8}-[0-9a-f]{24};" + root + "$")

    def test_self_is_replaced(self):
        root = "Root=1-67891233-abcdef012345678912345678"
        old = "Self=1-67891234-12456789abcdef012345678"
        got = self.ask("", [("X-Amzn-Trace-Id", f"{old};{root}")])
        self.assertNotIn(old, got["x-amzn-trace-id"])
        self.assertIn(root, got["x-amzn-trace-id"])


class Hosts(Scene):
    """The port here is neither 80 nor 443, so it is appended."""

    def ask(self, host, target="/", preserve=False):
        app = self.origin(Reply(200, b"ok"))
        weir = self.weir(WITH, app=app,
                         keys=f"routing.http.preserve_host_header.enabled: {str(preserve).lower()}")
        self.assertEqual(weir.get(target, host=host).status, 200)
        return app.requests[0].fields.all("host"), weir.ports["port"]

    def test_the_host_that_the_target_sees(self):
        got, port = self.ask("Example.COM")
        self.assertEqual(got, [f"example.com:{port}"])
        got, port = self.ask("example.com:9")
        self.assertEqual(got, ["example.com:9"])
        got, _ = self.ask("Example.COM", preserve=True)
        self.assertEqual(got, ["Example.COM"])

    @http1
    def test_an_absolute_target_names_the_host(self):
        got, port = self.ask("other.test", target="http://named.test/x")
        self.assertEqual(got, [f"named.test:{port}"])

    @http1
    def test_an_old_client_without_host_gets_our_name(self):
        app = self.origin(Reply(200, b"ok"))
        c = self.weir(WITH, app=app, keys="dns_name: lb.test").client()
        c.send(b"GET / HTTP/1.0\r\n\r\n")
        self.assertEqual(c.answer().status, 200)
        self.assertTrue(app.requests[0].fields["host"].startswith("lb.test"))

    def test_a_new_client_without_host_is_400(self):
        c = self.weir(ONE_GROUP, app=self.origin()).client()
        self.assertEqual(c.get("/", host=None).status, 400)


class HopByHop(Scene):
    @http1
    def test_fields_between_two_machines_end_there(self):
        app = self.origin(Reply(200, b"ok", fields=[
            ("Connection", "X-Inner"), ("X-Inner", "secret"), ("Keep-Alive", "timeout=5"),
            ("Proxy-Connection", "x"), ("X-Kept", "yes")]))
        weir = self.weir(ONE_GROUP, app=app)
        answer = weir.get("/", fields=[
            ("Connection", "keep-alive, X-Hop"), ("X-Hop", "1"), ("Keep-Alive", "300"),
            ("TE", "trailers"), ("Proxy-Connection", "keep-alive"), ("X-Kept", "yes")])
        got = app.requests[0].fields
        for name in ("x-hop", "keep-alive", "te", "proxy-connection"):
            self.assertNotIn(name, got)
        self.assertEqual(got["x-kept"], "yes")
        for name in ("x-inner", "proxy-connection"):
            self.assertNotIn(name, answer.fields)
        self.assertEqual(answer.fields["x-kept"], "yes")

    def test_what_we_say_of_a_client_cannot_be_forged(self):
        app = self.origin(Reply(200, b"ok"))
        self.weir(ONE_GROUP, app=app).get("/", fields=[
            ("X-Amzn-Tls-Version", "TLSv9"), ("x-amzn-mtls-clientcert-subject", "CN=root"),
            ("X-Amzn-Oidc-Identity", "admin")])
        names = [n.lower() for n in app.requests[0].fields]
        self.assertEqual([n for n in names if n.startswith(
            ("x-amzn-tls", "x-amzn-mtls", "x-amzn-oidc"))], [])

    def test_connection_cannot_remove_what_we_add(self):
        app = self.origin(Reply(200, b"ok"))
        self.weir(ONE_GROUP, app=app).get("/", fields=[
            ("Connection", "X-Forwarded-For, X-Forwarded-Proto, Host, X-Amzn-Trace-Id")])
        got = app.requests[0].fields
        for name in ("x-forwarded-for", "x-forwarded-proto", "host", "x-amzn-trace-id"):
            self.assertIn(name, got)

    @http1
    def test_the_rest_passes_as_it_came(self):
        app = self.origin(Reply(200, b"ok", fields=[
            ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("SerVer", "origin")]))
        weir = self.weir(ONE_GROUP, app=app)
        sent = [("X-CaSe", "Kept"), ("Accept", "a"), ("Accept", "b"), ("X-Empty", "")]
        answer = weir.get("/a%2Fb/../c?q=%20;x", fields=sent)
        got = app.requests[0]
        self.assertEqual(got.target, "/a%2Fb/../c?q=%20;x")
        for pair in sent:
            self.assertIn(pair, got.fields.pairs)
        self.assertEqual(answer.fields.all("set-cookie"), ["a=1", "b=2"])
        self.assertEqual(answer.fields.all("server"), ["origin"])
