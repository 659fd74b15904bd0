"""Rules: who is sent where, and what weir answers by itself."""

import os
import tempfile

from client import request
from scene import Held, Reply, Scene

TAIL = """
        default_actions: {fixed_response: {status_code: 404, message_body: default}}
"""


def fixed(text):
    return f"{{fixed_response: {{status_code: 200, message_body: {text}}}}}"


class Conditions(Scene):
    """Each rule answers with its own name, so no origin is needed."""

    over = ("plain",)

    def rules(self, *rules):
        lines = []
        for n, (conditions, name) in enumerate(rules, 1):
            lines.append(f"          - priority: {n * 10}\n"
                         f"            conditions: {conditions}\n"
                         f"            actions: {fixed(name)}\n")
        return self.weir("load_balancers:\n  - name: web\n    addresses: 127.0.0.1\n"
                         "    listeners:\n      - port: {port}\n        rules:\n"
                         + "".join(lines) + TAIL)

    def expect(self, weir, rows):
        c = weir.client()
        for row in rows:
            method, target, host, fields, name = row
            with self.subTest(row[:4]):
                answer = c.ask(method, target, host=host, fields=fields)
                self.assertEqual(answer.body.decode(), name)

    def test_sources_of_a_file_come_with_a_reload(self):
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as f:
            os.chmod(f.name, 0o644)
            text = ("load_balancers:\n  - name: web\n    addresses: 127.0.0.1\n"
                    "    listeners:\n      - port: {port}\n        rules:\n"
                    "          - {priority: 10, conditions: {source_ip: {prefix_list: here}},"
                    f" actions: {fixed('here')}}}\n"
                    + TAIL + f"prefix_lists: [{{name: here, file: {f.name}}}]\n")
            weir = self.weir(text)
            row = [("GET", "/", "a", (), "default")]
            self.expect(weir, row)
            f.write("127.0.0.0/8\n")
            f.flush()
            self.expect(weir, row)
            weir.reload()
            row = [("GET", "/", "a", (), "here")]
            self.expect(weir, row)
            f.write("nowhere\n")
            f.flush()
            refused = weir.command("reload")
            self.assertEqual(refused.returncode, 3)
            self.assertIn('prefix list "here": this is no address', refused.stderr)
            self.expect(weir, row)

    def test_hosts(self):
        weir = self.rules(
            ("{host_header: [www.example.com, shop.example.com]}", "names"),
            ("{host_header: '*.example.com'}", "star"),
            ("{host_header: 'v?.example.org'}", "mark"))
        self.expect(weir, [
            ("GET", "/", "www.example.com", (), "names"),
            ("GET", "/", "WWW.Example.COM", (), "names"),
            ("GET", "/", "shop.example.com:8080", (), "names"),
            ("GET", "/", "a.b.example.com", (), "star"),
            ("GET", "/", "example.com", (), "default"),
            ("GET", "/", "v1.example.org", (), "mark"),
            ("GET", "/", "v12.example.org", (), "default"),
            ("GET", "http://www.example.com/", "elsewhere.test", (), "names"),
        ])

    def regress_regexes_at_any_length(self):
        weir = self.rules(
            ("{path_pattern: {regex_values: '^/admin'}}", "admin"),
            ("{path_pattern: {regex_values: '^/(a{1,100}){1,100}[bc]$'}}", "hard"),
            ("{path_pattern: '/*'}", "all"))
        self.expect(weir, [
            ("GET", "/admin/" + "x" * n, "a.test", (), "admin") for n in (1, 8192, 15000)])
        self.expect(weir, [("GET", "/" + "x" * 15000, "a.test", (), "all")])
        for n in (40, 15000):
            answer = weir.client().ask("GET", "/" + "a" * n, host="a.test")
            self.assertEqual(answer.status, 400)
            self.assertEqual(answer.fields.get("weir-reason"), "pattern-gave-up")
        weir.log.wait_for(r"reason=pattern-gave-up .*rule=20\b")
        self.assertEqual(weir.json("status")["reasons"]["pattern-gave-up"], 2)
        self.assertEqual(weir.get("/a").body, b"all")

    def test_paths(self):
        weir = self.rules(
            ("{path_pattern: /exact}", "exact"),
            ("{path_pattern: '/img/*/pics'}", "inner"),
            ("{path_pattern: '/img/*'}", "img"),
            ("{path_pattern: '*.js'}", "js"),
            ("{path_pattern: '/v?'}", "version"),
            ("{path_pattern: {regex_values: ['^/n[0-9]+$']}}", "regex"))
        self.expect(weir, [
            ("GET", "/exact", "a", (), "exact"),
            ("GET", "/exact?query=1", "a", (), "exact"),
            ("GET", "/exact/", "a", (), "default"),
            ("GET", "/Exact", "a", (), "default"),
            ("GET", "/img/a/b/pics", "a", (), "inner"),
            ("GET", "/img/", "a", (), "img"),
            ("GET", "/img", "a", (), "default"),
            ("GET", "/deep/app.js", "a", (), "js"),
            ("GET", "/v1", "a", (), "version"),
            ("GET", "/v12", "a", (), "default"),
            ("GET", "/n123", "a", (), "regex"),
            ("GET", "/n12x", "a", (), "default"),
            ("GET", "/a/../exact", "a", (), "exact"),
            ("GET", "/%65xact", "a", (), "exact"),
        ])

    def test_fields_methods_queries_and_addresses(self):
        weir = self.rules(
            ("[{http_header: {http_header_name: X-Env, values: ['stag*']}},"
             " {path_pattern: /both}]", "both"),
            ("{http_header: {http_header_name: X-Env, values: [staging]}}", "field"),
            ("{http_request_method: [PUT, PURGE]}", "method"),
            ("{query_string: [{key: version, value: v1}, {value: '*beta*'}]}", "query"),
            ("[{source_ip: 192.0.2.0/24}, {path_pattern: /ip}]", "elsewhere"),
            ("[{source_ip: [10.0.0.0/8, 127.0.0.0/8]}, {path_pattern: /ip}]", "here"))
        self.expect(weir, [
            ("GET", "/both", "a", [("x-env", "STAGING")], "both"),
            ("GET", "/", "a", [("X-Env", "Staging")], "field"),
            ("GET", "/", "a", [("X-Env", "prod"), ("X-Env", "staging")], "field"),
            ("PUT", "/", "a", (), "method"),
            ("PURGE", "/", "a", (), "method"),
            ("GET", "/?a=b&version=V1", "a", (), "query"),
            ("GET", "/?x=isbetaonly", "a", (), "query"),
            ("GET", "/?version=v2", "a", (), "default"),
            ("GET", "/ip", "a", (), "here"),
        ])

    def test_the_lowest_priority_that_matches_wins(self):
        weir = self.weir("load_balancers:\n  - name: web\n    addresses: 127.0.0.1\n"
                         "    listeners:\n      - port: {port}\n        rules:\n"
                         "          - priority: 200\n"
                         "            conditions: {path_pattern: '/a*'}\n"
                         "            actions: " + fixed("late") + "\n"
                         "          - priority: 100\n"
                         "            conditions: {path_pattern: '/ab*'}\n"
                         "            actions: " + fixed("early") + "\n" + TAIL)
        self.expect(weir, [("GET", "/abc", "x", (), "early"),
                           ("GET", "/axc", "x", (), "late")])


class Answers(Scene):
    def one(self, action):
        return self.weir("load_balancers: [{name: web, addresses: 127.0.0.1, "
                         "listeners: [{{listener}, default_actions: " + action + "}]}]")

    def test_a_fixed_response(self):
        weir = self.one("{fixed_response: {status_code: 503, content_type: application/json,"
                        " message_body: '{\"sorry\": true}'}}")
        c = weir.client()
        for body in (None, b"x" * 1000):
            answer = c.ask("POST" if body else "GET", "/", body)
            self.assertEqual((answer.status, answer.body), (503, b'{"sorry": true}'))
            self.assertEqual(answer.fields["content-type"], "application/json")
            self.assertNotIn("weir-reason", answer.fields)
        answer = c.ask("HEAD", "/")
        self.assertEqual((answer.status, answer.fields["content-length"]), (503, "15"))
        self.assertEqual(c.get("/").status, 503)

    def test_a_redirect_with_every_place_holder(self):
        weir = self.one('{redirect: {host: "new.#{host}", path: "/shop/#{path}",'
                        ' query: "#{query}&from=#{host}", status_code: HTTP_302}}')
        answer = weir.get("/a/b?x=1", host="old.test")
        proto = "https" if self.transport != "plain" else "http"
        self.assertEqual(answer.status, 302)
        self.assertEqual(answer.fields["location"],
                         f"{proto}://new.old.test:{weir.ports['port']}"
                         "/shop/a/b?x=1&from=old.test")

    def regress_a_location_over_8_kib_is_507(self):
        weir = self.one('{redirect: {path: "/a", query: "#{query}&b", status_code: HTTP_302}}')
        for octets, status in ((7000, 302), (9000, 507)):
            answer = weir.get("/?" + "q" * octets)
            self.assertEqual(answer.status, status)
        self.assertEqual(answer.fields["weir-reason"], "redirect-too-long")

    def test_a_redirect_to_https(self):
        weir = self.one("{redirect: {protocol: HTTPS, port: 443, status_code: HTTP_301}}")
        answer = weir.get("/a?b=c", host="www.example.com")
        self.assertEqual(answer.fields["location"], "https://www.example.com:443/a?b=c")
        answer = weir.get("/", host="www.example.com")
        self.assertEqual(answer.fields["location"], "https://www.example.com:443/")


class Weights(Scene):
    def test_weights_share_out_requests(self):
        one, two = self.origin(Reply(200, b"one")), self.origin(Reply(200, b"two"))
        weir = self.weir("""
load_balancers:
  - name: web
    addresses: 127.0.0.1
    listeners:
      - {{listener}, default_actions: {forward: {target_groups: [
          {target_group: one, weight: 3}, {target_group: two, weight: 1}]}}}
target_groups:
  - {name: one, targets: [{one}], health_check.enabled: false}
  - {name: two, targets: [{two}], health_check.enabled: false}
""", one=one, two=two)
        c = weir.client()
        got = [c.get("/").body for _ in range(400)]
        self.assertEqual((got.count(b"one"), got.count(b"two")), (300, 100))
        weir.reload()
        got = [weir.get("/").status for _ in range(8)]
        self.assertEqual(got, [200] * 8)

    def test_a_group_without_targets_keeps_its_share(self):
        weir = self.weir("""
load_balancers:
  - name: web
    addresses: 127.0.0.1
    listeners:
      - {{listener}, default_actions: {forward: {target_groups: [
          {target_group: one, weight: 3}, {target_group: two, weight: 1}]}}}
target_groups:
  - {name: one, targets: [{one}], health_check.enabled: false}
  - {name: two}
""", one=self.origin(Reply(200, b"one")))
        c = weir.client()
        answers = [c.get("/") for _ in range(40)]
        self.assertEqual([a.status for a in answers].count(200), 30)
        self.assertEqual({a.fields.get("weir-reason") for a in answers if a.status != 200},
                         {"no-target"})

    def test_round_robin_takes_turns(self):
        apps = [self.origin(Reply(200, b"%d" % n)) for n in range(3)]
        weir = self.weir("""
load_balancers: [{name: web, addresses: 127.0.0.1, listeners: [{{listener}, default_actions: {forward: app}}]}]
target_groups: [{name: app, targets: [{a}, {b}, {c}], health_check.enabled: false}]
""", a=apps[0], b=apps[1], c=apps[2])
        c = weir.client()
        got = [c.get("/").body for _ in range(30)]
        self.assertEqual([got.count(x) for x in (b"0", b"1", b"2")], [10, 10, 10])

    def test_least_outstanding_avoids_the_busy_target(self):
        held = Held()
        busy, idle = self.origin(held), self.origin(Reply(200, b"idle"))
        weir = self.weir("""
load_balancers: [{name: web, addresses: 127.0.0.1, listeners: [{{listener}, default_actions: {forward: app}}]}]
target_groups:
  - name: app
    targets: [{busy}, {idle}]
    health_check.enabled: false
    load_balancing.algorithm.type: least_outstanding_requests
""", busy=busy, idle=idle)
        waiting = []
        while not busy.requests and len(waiting) < 4:
            c = weir.client()
            c.send(request("GET", "/"))
            waiting.append(c)
            busy.wait_for(lambda o: o.requests, 0.3)
        self.assertTrue(busy.requests)
        c = weir.client()
        self.assertEqual([c.get("/").body for _ in range(10)], [b"idle"] * 10)
        held.release.set()
