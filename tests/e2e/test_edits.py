"""Transforms, header edits, other names for fields, and who is believed."""

from scene import HangUp, Reply, Scene, Upgrade

RULES = """
load_balancers:
  - name: web
    addresses: 127.0.0.1
    {keys}
    listeners:
      - {{listener}, {of_listener}
         rules: [{priority: 1, conditions: {path_pattern: "*"}, {of_rule} actions: {action}}],
         default_actions: {forward: app}}
target_groups:
  - {name: app, health_check.enabled: false, targets: [{app}]}
"""


def rules(keys="", of_listener="", of_rule="", action="{forward: app}"):
    """One rule for everything; keys of listener and rule in flow style."""
    of_listener += "," if of_listener else ""
    of_rule += "," if of_rule else ""
    return (RULES.replace("{keys}", keys).replace("{of_listener}", of_listener)
            .replace("{of_rule}", of_rule).replace("{action}", action))


class Edits(Scene):
    over = ("plain",)

    def serve(self, *script, keys="", of_listener="", of_rule="", action="{forward: app}"):
        self.app = self.origin(*(script or (Reply(200, b"ok"),)))
        return self.weir(rules(keys, of_listener, of_rule, action), app=self.app)

    def sent(self, weir, target="/", **kw):
        """What the target is asked."""
        self.assertEqual(weir.get(target, **kw).status, 200)
        return self.app.requests[-1]


def transforms(**rewrites):
    return "transforms: [" + ", ".join(
        f'{{{kind}: {{regex: "{regex}", replace: "{replace}"}}}}'
        for kind, (regex, replace) in rewrites.items()) + "]"


class Transforms(Edits):
    """alb-routing.md 7."""

    over = ("plain", "tls")

    def test_host_and_url_are_rewritten(self):
        weir = self.serve(of_rule=transforms(
            url_rewrite=("^/dp/([A-Za-z0-9]+)/?$", "/product.php?id=$1"),
            host_header_rewrite=("^mywebsite-(.+).com$", "internal.dev.$1.myweb.com")))
        got = self.sent(weir, "/x/../dp/B00/", host="MyWebsite-eu.com:81")
        self.assertEqual(got.target, "/product.php?id=B00")
        self.assertEqual(got.fields.all("host"), ["internal.dev.eu.myweb.com"])

    def test_what_does_not_match_is_sent_as_it_came(self):
        weir = self.serve(of_rule=transforms(url_rewrite=("^/v1/", "/"),
                                             host_header_rewrite=("^a$", "b")),
                          keys="routing.http.preserve_host_header.enabled: true")
        got = self.sent(weir, "/x/../%61?b", host="Example.COM")
        self.assertEqual(got.target, "/x/../%61?b")
        self.assertEqual(got.fields.all("host"), ["Example.COM"])

    def test_a_new_host_wins_over_one_that_is_preserved(self):
        weir = self.serve(of_rule=transforms(host_header_rewrite=("^.*$", "b.test:9")),
                          keys="routing.http.preserve_host_header.enabled: true")
        self.assertEqual(self.sent(weir, host="a.test").fields.all("host"), ["b.test:9"])

    def test_what_must_not_leave_is_500(self):
        rows = [("url_rewrite", "^.*$", "", "InvalidPath"),
                ("url_rewrite", "^/", "", "InvalidPath"),
                ("url_rewrite", "a", " HTTP/1.1\\r\\nX: y", "InvalidPath"),
                ("url_rewrite", "^/a(.*)$", "/$1$1$1$1", "BufferTooSmall"),
                ("url_rewrite", "(a|aa)+(b|aab)c", "/", "ReplaceError"),
                ("host_header_rewrite", "^.*$", "", "InvalidHost"),
                ("host_header_rewrite", "$", "/", "InvalidHost"),
                ("host_header_rewrite", "^", "root@", "InvalidHost"),
                ("host_header_rewrite", "$", "\\r\\nX: y", "InvalidHost")]
        long = "/" + "a" * 8000 + "bbc/aabc"
        for kind, regex, replace, status in rows:
            with self.subTest(kind=kind, replace=replace):
                weir = self.serve(of_rule=transforms(**{kind: (regex, replace)}))
                c = weir.client()
                answer = c.ask("GET", long)
                self.assertEqual(answer.status, 500)
                self.assertEqual(answer.fields["weir-reason"], "transform-failed")
                weir.log.wait_for(f"reason=transform-failed .*transform=Transform{status}")
                self.assertEqual(self.app.requests, [])

    def test_a_redirect_has_the_url_that_came(self):
        text = rules(of_rule=transforms(url_rewrite=("a", "b")),
                     action="{redirect: {path: /x, status_code: HTTP_301}}")
        done = self.check_config(text.replace("{listener}", "port: 8080"), app="127.0.0.1:1")
        self.assertEqual(done.returncode, 3)
        self.assertIn("transforms are for rules that forward", done.stderr)

    def test_a_second_try_asks_for_the_same(self):
        weir = self.serve(Reply(200, b"ok"), HangUp(after="request"), Reply(200, b"ok"),
                          of_rule=transforms(url_rewrite=("^/a", "/b")))
        self.sent(weir, "/a")
        self.sent(weir, "/a1")
        self.assertEqual({r.target for r in self.app.requests}, {"/b", "/b1"})

    def test_rules_in_force_show_them(self):
        weir = self.serve(of_rule=transforms(url_rewrite=("^/a", "/b")))
        rule = weir.json("rules")["listeners"][0]["rules"][0]
        self.assertEqual(rule["transforms"], [
            {"type": "url_rewrite", "regex": "^/a", "replace": "/b"}])

    def test_explain_shows_before_and_after(self):
        weir = self.serve(of_rule=transforms(url_rewrite=("^/v1/(.*)$", "/$1"),
                                             host_header_rewrite=("^a$", "a/")))
        scheme = "https" if self.transport != "plain" else "http"

        def explain(path, host):
            return weir.json("explain", "request",
                             f"{scheme}://{host}:{weir.ports['port']}{path}")

        got = explain("/v1/%61?b", "x")
        self.assertEqual(got["transforms"], [
            {"type": "url_rewrite", "before": "/v1/a?b", "after": "/a?b",
             "status": "TransformSuccess"},
            {"type": "host_header_rewrite", "before": "x"}])
        self.assertEqual(got["sent"], {"method": "GET", "target": "/a?b",
                                       "host": f"x:{weir.ports['port']}"})
        got = explain("/", "a")
        self.assertEqual([t.get("status") for t in got["transforms"]],
                         [None, "TransformInvalidHost"])
        self.assertEqual(got["answer"], {"status": 500, "reason": "transform-failed"})
        self.assertNotIn("sent", got)


class Fields(Edits):
    """config.md, "Header fields"."""

    def test_remove_set_add_of_listener_and_rule_in_that_order(self):
        weir = self.serve(
            of_listener="request_headers: {remove: [X-A, X-B], set: {X-C: l, X-D: l}, "
                        "add: {X-E: l, X-F: l}}",
            of_rule="request_headers: {remove: X-F, set: {X-D: r}, add: {X-B: r, X-E: r}}")
        got = self.sent(weir, fields=[(f"x-{n}", "c") for n in "abcdefg"]).fields
        self.assertEqual({n: got.all(f"x-{n}") for n in "abcdefg"}, {
            "a": [], "b": ["r"], "c": ["l"], "d": ["r"], "e": ["c", "l", "r"], "f": [],
            "g": ["c"]})

    def test_names_that_applications_cannot_tell_apart_go_together(self):
        weir = self.serve(of_listener="request_headers: {set: {X-Real-IP: a}, remove: X-Debug}")
        got = self.sent(weir, fields=[("X_Real_IP", "forged"), ("x_debug", "1")]).fields
        self.assertEqual([n for n in got if n.lower().replace("_", "-") in
                          ("x-real-ip", "x-debug")], ["X-Real-IP"])

    def test_placeholders(self):
        text = ("#{protocol}|#{host}|#{port}|#{path}|#{query}|#{client_address}|#{rule}"
                "|#{target_group}")
        weir = self.serve(of_rule=f'request_headers.set: {{X-All: "{text}"}}, '
                                  f'response_headers.set: {{X-All: "{text}"}}, '
                                  + transforms(url_rewrite=("^.*$", "/z")))
        answer = weir.get("/A/../é?b=c d", host="Example.test")
        port = weir.ports["port"]
        want = f"http|example.test|{port}|A/../%E9|b=c%20d|127.0.0.1|1|app"
        self.assertEqual(self.app.requests[0].fields["x-all"], want)
        self.assertEqual(answer.fields["x-all"], want)

    def test_the_trace_id_is_the_one_that_the_target_sees(self):
        weir = self.serve(of_rule='request_headers.set: {X-Trace: "#{trace_id}"}, '
                                  'response_headers.set: {X-Trace: "#{trace_id}"}')
        answer = weir.get("/")
        got = self.app.requests[0].fields
        self.assertRegex(got["x-amzn-trace-id"], "^Root=1-")
        self.assertEqual(got.all("x-trace"), [got["x-amzn-trace-id"]])
        self.assertEqual(answer.fields["x-trace"], got["x-amzn-trace-id"])

    def test_one_that_comes_out_empty_is_not_sent(self):
        weir = self.serve(of_rule='request_headers: {set: {X-Q: "#{query}", X-E: ""}}')
        got = self.sent(weir, "/", fields=[("X-Q", "c"), ("X-E", "c")]).fields
        self.assertEqual(got.all("x-q") + got.all("x-e"), [])
        self.assertEqual(self.sent(weir, "/?a").fields.all("x-q"), ["a"])

    def test_nothing_that_a_client_sends_ends_a_line(self):
        weir = self.serve(of_rule='request_headers: {set: {X-P: "#{path} #{query}"}}')
        c = weir.client()
        c.send(b"GET /a\x01\xff?b\x02 HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertEqual(c.answer().status, 200)
        self.assertEqual(self.app.requests[0].fields.all("x-p"), ["a%01%FF b%02"])

    def test_answers_of_targets(self):
        weir = self.serve(
            Reply(200, b"ok", fields=[("X-Powered-By", "x"), ("Server", "y"), ("X-Kept", "z"),
                                      ("X-Frame-Options", "t"), ("Date", "now")]),
            of_listener="routing.http.response.x_frame_options.header_value: DENY, "
                        "response_headers: {remove: [x-powered-by, Date], "
                        "set: {Server: s, X-Frame-Options: never}}",
            of_rule='response_headers: {add: {X-Kept: "#{rule}"}}')
        got = weir.get("/").fields
        self.assertEqual(
            [got.all(n) for n in ("x-powered-by", "server", "x-kept", "x-frame-options", "date")],
            [[], ["s"], ["z", "1"], ["DENY"], []])

    def test_answers_of_our_own(self):
        weir = self.serve(
            of_listener='response_headers: {remove: Server, set: {X-Where: "#{protocol}:#{rule}",'
                        ' Content-Type: text/weir}}',
            of_rule='response_headers: {add: {X-Path: "#{path}"}}',
            action="{fixed_response: {status_code: 404, message_body: no}}")
        answer = weir.get("/a/b")
        self.assertEqual((answer.status, answer.body), (404, b"no"))
        self.assertEqual(
            [answer.fields.all(n) for n in ("server", "x-where", "x-path", "content-type")],
            [[], ["http:1"], ["a/b"], ["text/weir"]])
        # A request that met no rule, and one whose target is gone.
        refused = weir.get("/", host="a b")
        self.assertEqual(refused.status, 400)
        self.assertEqual(refused.fields.all("x-where"), ["http:"])
        self.assertEqual(refused.fields.all("server"), [])

    def test_an_answer_in_place_of_the_targets(self):
        weir = self.serve(HangUp(after="request"),
                          of_rule='response_headers: {set: {X-Path: "#{path}"}}')
        answer = weir.post("/a", b"x")
        self.assertEqual((answer.status, answer.fields.all("x-path")), (502, ["a"]))

    def test_cookies_of_ours_stay(self):
        config = rules(of_listener="response_headers: {remove: Set-Cookie}",
                       of_rule="request_headers: {remove: X-A}")
        self.app = self.origin(Reply(200, b"ok", fields=[("Set-Cookie", "AWSALB=forged")]))
        weir = self.weir(config.replace(
            "health_check.enabled: false",
            "health_check.enabled: false, stickiness.enabled: true"), app=self.app)
        answer = weir.get("/")
        self.assertEqual(sorted(answer.cookies()), ["AWSALB", "AWSALBCORS"])
        self.assertNotEqual(answer.cookies()["AWSALB"], "forged")

    def test_an_upgrade_is_one_as_before(self):
        weir = self.serve(Upgrade(), of_listener='response_headers: {set: {X-A: "#{path}"}}')
        c = weir.client()
        answer = c.ask("GET", "/ws", fields=[("Connection", "Upgrade"), ("Upgrade", "websocket")])
        self.assertEqual((answer.status, answer.fields.all("x-a")), (101, ["ws"]))
        c.send(b"hello")
        self.assertEqual(c.exactly(5), b"hello")

    def test_more_than_a_head_may_have_is_400(self):
        fields = ", ".join(f'X-{i}: "#{{path}}"' for i in range(64))
        weir = self.serve(of_listener="request_headers: {set: {" + fields + "}}")
        answer = weir.get("/" + "a" * 8000)
        self.assertEqual((answer.status, answer.fields["weir-reason"]),
                         (400, "header-too-large"))
        self.assertEqual(self.app.requests, [])


class Names(Edits):
    """alb-headers-tls.md 5: other names for fields that weir writes."""

    over = ("tls",)
    transport = "tls"

    KEYS = ("routing.http.request.x_amzn_tls_version.header_name: X-TLS, "
            "routing.http.request.x_amzn_tls_cipher_suite.header_name: Cipher_Suite")

    def test_new_names_are_written_and_nobody_else_writes_them(self):
        weir = self.serve(
            keys="routing.http.x_amzn_tls_version_and_cipher_suite.enabled: true",
            of_listener=self.KEYS)
        got = self.sent(weir, fields=[(n, "forged") for n in (
            "x-tls", "X_TLS", "cipher-suite", "CIPHER_SUITE", "X-Amzn-Tls-Version",
            "x_amzn_tls_cipher_suite")]).fields
        self.assertRegex(got["x-tls"], r"^TLSv1\.[23]$")
        self.assertTrue(got["cipher_suite"])
        self.assertEqual([n for n in got if "forged" in got.all(n)], [])

    def test_where_nobody_writes_them_a_clients_copy_goes_all_the_same(self):
        got = self.sent(self.serve(of_listener=self.KEYS),
                        fields=[("X-Tls", "forged"), ("cipher-suite", "forged")]).fields
        self.assertEqual([n for n in got if "forged" in got.all(n)], [])


class Trusted(Edits):
    """config.md, "Trusted proxies"."""

    SAID = [("X-Forwarded-For", "203.0.113.9, 198.51.100.7"), ("X-Forwarded-Host", "h"),
            ("X_Forwarded_For", "203.0.113.8"), ("Forwarded", "for=203.0.113.9"),
            ("X-Forwarded-Proto", "gopher")]

    def names(self, fields):
        return sorted(n.lower() for n in fields
                      if "forwarded" in n.lower() and n.lower() not in (
                          "x-forwarded-for", "x-forwarded-proto", "x-forwarded-port"))

    def ask(self, trusted, mode="append"):
        weir = self.serve(
            keys=f"trusted_addresses: {trusted}\n"
                 f"    routing.http.xff_header_processing.mode: {mode}",
            of_rule='request_headers: {set: {X-Client: "#{client_address}"}}')
        return self.sent(weir, fields=self.SAID).fields

    def test_a_stranger_says_nothing_of_others(self):
        got = self.ask("[192.0.2.0/24]")
        self.assertEqual(got.all("x-forwarded-for"), ["127.0.0.1"])
        self.assertEqual(got.all("x-forwarded-proto"), ["http"])
        self.assertEqual(self.names(got), [])
        self.assertEqual(got["x-client"], "127.0.0.1")

    def test_not_in_any_mode(self):
        for mode in ("preserve", "remove"):
            with self.subTest(mode=mode):
                got = self.ask("[192.0.2.0/24]", mode)
                self.assertEqual(got.all("x-forwarded-for"), [])
                self.assertEqual(self.names(got), [])

    def test_a_proxy_is_believed_as_far_as_it_knows(self):
        got = self.ask("[127.0.0.0/8, 198.51.100.0/24]")
        self.assertEqual(got.all("x-forwarded-for"),
                         ["203.0.113.9, 198.51.100.7, 127.0.0.1"])
        self.assertEqual(got.all("x-forwarded-proto"), ["http"])
        self.assertEqual(self.names(got),
                         ["forwarded", "x-forwarded-host", "x_forwarded_for"])
        self.assertEqual(got["x-client"], "203.0.113.9")

    def test_prefix_lists_and_a_reload(self):
        self.app = self.origin(Reply(200, b"ok"))
        lists = "prefix_lists: [{name: edge, entries: [{cidr: 127.0.0.0/8}]}]\n"
        weir = self.weir(lists + rules("trusted_addresses: {prefix_list: edge}"), app=self.app)
        c = weir.client()
        c.ask("GET", "/", fields=self.SAID)
        weir.reload(lists + rules("trusted_addresses: []"))
        c.ask("GET", "/", fields=self.SAID)
        self.assertEqual([r.fields.all("x-forwarded-for") for r in self.app.requests],
                         [["203.0.113.9, 198.51.100.7, 127.0.0.1"], ["127.0.0.1"]])
