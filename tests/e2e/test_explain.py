"""explain request says what becomes of a request, and changes nothing."""

from scene import Reply, Scene

CONFIG = """
load_balancers:
  - name: web
    addresses: 127.0.0.1
    listeners:
      - {listener}
        rules:
          - priority: 10
            conditions:
              - host_header: "*.example.com"
              - path_pattern: ["/v1/*", "/v2/*"]
              - http_header: {http_header_name: X-Env, values: [staging]}
              - http_request_method: [GET, HEAD]
              - query_string: [{key: version, value: v1}, {value: "*beta*"}]
              - source_ip: [10.0.0.0/8, {prefix_list: office}]
            actions: {forward: one}
          - {priority: 20, conditions: {path_pattern: {regex_values: "^/old"}},
             actions: {redirect: {path: /new, status_code: HTTP_301}}}
          - {priority: 30, conditions: {path_pattern: /fixed},
             actions: {fixed_response: {status_code: 204}}}
          - {priority: 40, conditions: {path_pattern: /nobody}, actions: {forward: empty}}
          - {priority: 50, conditions: {path_pattern: "/shared*"}, actions: {forward: {
             target_groups: [{target_group: one, weight: 2}, {target_group: two, weight: 1}],
             stickiness.enabled: true}}}
        default_actions: {forward: three}
target_groups:
  - {name: one, targets: [{a}], health_check.enabled: false}
  - {name: two, targets: [{b}], health_check.enabled: false}
  - {name: three, targets: [{a}, {b}, {c}], health_check.enabled: false}
  - {name: empty}
prefix_lists:
  - {name: office, entries: [{cidr: 192.0.2.0/24}]}
"""

GROUP = """
load_balancers:
  - {name: web, addresses: 127.0.0.1, listeners: [{port: {port}, default_actions: {forward: app}}]}
target_groups:
  - name: app
    health_check.enabled: false
    {group}
"""

VERSIONS = """
load_balancers:
  - name: web
    addresses: 127.0.0.1
    listeners:
      - {port: {port}, protocol: HTTPS, {tls}, default_actions: {forward: one},
         rules: [{priority: 1, conditions: {path_pattern: /two}, actions: {forward: two}},
                 {priority: 2, conditions: {path_pattern: /grpc}, actions: {forward: grpc}}]}
target_groups:
  - {name: one, health_check.enabled: false, targets: ["127.0.0.1:1"]}
  - {name: two, protocol_version: HTTP2, health_check.enabled: false, targets: ["127.0.0.1:1"]}
  - {name: grpc, protocol_version: GRPC, health_check.enabled: false, targets: ["127.0.0.1:1"]}
tests:
  - {request: {url: "https://a:{port}/grpc"}, expect: {status_code: 464, reason: protocol-mismatch}}
  - {request: {url: "https://a:{port}/grpc", method: POST}, expect: {target_group: grpc}}
"""


class Explained(Scene):
    over = ("plain",)

    def begin(self):
        self.apps = [self.origin(Reply(200, b"%d" % n)) for n in range(3)]
        return self.weir(CONFIG.replace("{listener}\n", "port: {port}\n"),
                         a=self.apps[0], b=self.apps[1], c=self.apps[2])

    def explain(self, weir, path, *args):
        return weir.json("explain", "request", f"http://www.example.com:{weir.ports['port']}{path}",
                         *args)

    def test_each_condition_has_a_verdict(self):
        weir = self.begin()
        got = self.explain(weir, "/v2/a?version=V1", "-H", "x-env: STAGING", "--from", "192.0.2.7")
        self.assertEqual(got["source"], "daemon")
        self.assertEqual(got["generation"], 1)
        self.assertEqual(got["rule"]["priority"], 10)
        self.assertRegex(got["rule"]["place"], r"weir\.yaml:\d+$")
        self.assertEqual(got["target_group"]["name"], "one")
        self.assertEqual(got["algorithm"], "round_robin")
        self.assertEqual(got["target"], f"127.0.0.1:{self.apps[0].port}")
        self.assertEqual([c["share"] for c in got["candidates"]], [1.0])
        conditions = {c["field"]: c for c in got["rules"][0]["conditions"]}
        self.assertEqual({c["matched"] for c in conditions.values()}, {True})
        self.assertEqual(conditions["host_header"]["compared"], "www.example.com")
        self.assertEqual(conditions["path_pattern"]["why"], "/v2/* matches")
        self.assertEqual(conditions["http_header"]["compared"], ["STAGING"])
        self.assertEqual(conditions["query_string"]["compared"], ["version=V1"])
        self.assertEqual(conditions["source_ip"]["compared"], "192.0.2.7")

        # One that fails does not hide the others.
        got = self.explain(weir, "/v2/a?version=v2&x=y", "-X", "POST")
        self.assertEqual(got["rule"]["priority"], "default")
        self.assertEqual([r["priority"] for r in got["rules"]], [10, 20, 30, 40, 50, "default"])
        self.assertEqual([r["matched"] for r in got["rules"]], [False] * 5 + [True])
        conditions = {c["field"]: c for c in got["rules"][0]["conditions"]}
        self.assertEqual([c["matched"] for c in got["rules"][0]["conditions"]],
                         [True, True, False, False, False, False])
        self.assertEqual(conditions["http_header"]["why"], "the request has no such field")
        self.assertEqual(conditions["query_string"]["compared"], ["version=v2", "x=y"])
        self.assertEqual(conditions["http_request_method"]["compared"], "POST")

    def test_answers_of_our_own(self):
        weir = self.begin()
        port = weir.ports["port"]
        for path, args, answer in (
                ("/older", (), {"status": 301, "reason": "redirect",
                                "location": f"http://www.example.com:{port}/new"}),
                ("/fixed", (), {"status": 204, "reason": "fixed-response"}),
                ("/nobody", (), {"status": 503, "reason": "no-target"}),
                ("/", ("-X", "TRACE"), {"status": 405, "reason": "method-not-allowed"}),
                ("/", ("-H", "Host: a b"), {"status": 400, "reason": "bad-host"}),
                ("/", ("-H", "X-Forwarded-For: " + "1," * 31),
                 {"status": 463, "reason": "too-many-forwarded-for"})):
            with self.subTest(path=path, args=args):
                got = self.explain(weir, path, *args)
                self.assertEqual(got["answer"], answer)
                self.assertEqual("refused" in got, "method" in str(answer) or "bad" in str(answer)
                                 or "many" in str(answer))
                real = weir.get(path, host="www.example.com") if not args else None
                if real:
                    self.assertEqual(real.status, answer["status"])

    def test_it_says_who_is_next_and_takes_no_turn(self):
        weir = self.begin()
        c = weir.client()
        names = {f"127.0.0.1:{o.port}": b"%d" % n for n, o in enumerate(self.apps)}
        for path in ("/", "/shared"):
            for _ in range(7):
                said = {self.explain(weir, path)["target"] for _ in range(3)}
                self.assertEqual(len(said), 1)
                answer = c.ask("GET", path, host="www.example.com")
                self.assertEqual(answer.body, names[said.pop()])
        self.assertEqual(sum(len(o.requests) for o in self.apps), 14)
        self.assertEqual(weir.json("status")["counters"]["RequestCount"], 14)

    def next_ones(self, group, n):
        """What is said is what comes, n times."""
        for letter, app in zip("abc", self.apps):
            group = group.replace("{%s}" % letter, str(app))
        weir = self.weir(GROUP, group=group)
        names = {b"%d" % n: str(o) for n, o in enumerate(self.apps)}
        c = weir.client()
        for _ in range(n):
            said = {self.explain(weir, "/")["target"] for _ in range(2)}
            self.assertEqual(said, {names[c.get("/").body]})
        return weir

    def test_whoever_chooses(self):
        """Also the number that chance draws next is drawn for the request."""
        self.apps = [self.origin(Reply(200, b"%d" % n)) for n in range(3)]
        for algorithm in ("round_robin", "least_outstanding_requests", "weighted_random"):
            with self.subTest(algorithm=algorithm):
                self.next_ones(f"load_balancing.algorithm.type: {algorithm}\n    targets: "
                               f"[{{a}}, {{id: 127.0.0.1, port: {self.apps[1].port},"
                               " weight: 3}, {c}]", 8)

    def test_whoever_a_hash_leads_to(self):
        self.apps = [self.origin(Reply(200, b"%d" % n)) for n in range(3)]
        listed = ", ".join(map(str, self.apps))
        weir = self.weir(GROUP, group=f"targets: [{listed}]\n    load_balancing.algorithm: "
                         "{type: consistent_hash, hash_key: path}")
        for n in range(6):
            said = self.explain(weir, f"/{n}")["target"]
            self.assertEqual(said, str(self.apps[int(weir.get(f"/{n}").body)]))

    def test_the_cookie_of_a_target(self):
        self.apps = [self.origin(Reply(200, b"%d" % n, fields=(("Set-Cookie", "SID=x"),)))
                     for n in range(3)]
        for kind, own, extra in (("lb_cookie", "AWSALB", ""),
                                 ("app_cookie", "AWSALBAPP-0", "SID=x; ")):
            with self.subTest(kind):
                name = ", app_cookie.cookie_name: SID" if extra else ""
                weir = self.next_ones("targets: [{a}, {b}, {c}]\n    stickiness: "
                                         f"{{enabled: true, type: {kind}{name}}}", 3)
                c = weir.client()
                for _ in range(4):
                    answer = c.get("/")
                    cookie = f"Cookie: {extra}{own}={answer.cookies()[own]}"
                    said = self.explain(weir, "/", "-H", cookie)["target"]
                    self.assertEqual(said, str(self.apps[int(answer.body)]))
                    self.assertNotEqual(said, self.explain(weir, "/")["target"])

    def test_an_empty_zone(self):
        self.apps = [self.origin(Reply(200, b"0"))]
        weir = self.weir(GROUP, settings="availability_zone: z1",
                         group="load_balancing.cross_zone.enabled: false\n    targets: "
                         f"[{{id: 127.0.0.1, port: {self.apps[0].port}, availability_zone: z2}}]")
        got = self.explain(weir, "/")
        self.assertEqual(got["answer"], {"status": 503, "reason": "no-zone-target"})
        self.assertEqual([(c["share"], c["why"]) for c in got["candidates"]], [(0.0, "zone")])
        self.assertNotIn("target", got)

    def test_a_cookie_decides(self):
        weir = self.begin()
        c = weir.client()
        for _ in range(6):
            answer = c.ask("GET", "/shared", host="www.example.com")
            cookie = f"Cookie: AWSALBTG={answer.cookies()['AWSALBTG']}"
            got = self.explain(weir, "/shared", "-H", cookie)
            self.assertTrue(got["target_group"]["sticky"])
            self.assertEqual(got["target_group"]["name"], ["one", "two"][int(answer.body)])
        self.assertFalse(self.explain(weir, "/shared")["target_group"]["sticky"])

    def test_the_file_alone(self):
        weir = self.begin()
        got = self.explain(weir, "/shared", "--file")
        self.assertEqual((got["source"], got["rule"]["priority"]), ("file", 50))
        self.assertNotIn("generation", got)
        self.assertEqual(got["target_group"],
                         {"name": "one", "sticky": False, "candidates":
                          [{"name": "one", "weight": 2}, {"name": "two", "weight": 1}]})
        self.assertNotIn("state", got["candidates"][0])
        many = "".join(
            f"{{priority: {n}, conditions: [{{http_header: {{http_header_name: A, values: a}}}},"
            f" {{path_pattern: {'/a' if n == 7 else '/b'}}}], actions: {{forward: app}}}}, "
            for n in range(1, 251))
        weir.write("load_balancers: [{name: web, listeners: [{port: 80, rules: [" + many
                   + "], default_actions: {forward: app}}]}]\n"
                   "target_groups: [{name: app, targets: '127.0.0.1:1'}]\n")
        got = weir.json("explain", "request", "http://a/a", "--file")
        self.assertEqual([r["priority"] for r in got["rules"]],
                         [7, *range(151, 251), "default"])
        self.assertEqual(got["rules_left_out"], 149)

    def test_regress_a_version_that_targets_do_not_speak(self):
        """As it comes by HTTP/2, where the listener offers that."""
        weir = self.weir(VERSIONS)
        for path, args, status in (
                ("/grpc", (), 464), ("/grpc", ("-X", "POST"), None), ("/two", (), None),
                ("/one", (), None), ("/one", ("-H", "Content-Type: application/grpc"), 464)):
            for source in ((), ("--file",)):
                with self.subTest(path=path, args=args, source=source):
                    got = weir.json("explain", "request", f"https://a:{weir.ports['port']}{path}",
                                    *args, *source)
                    self.assertEqual(got.get("answer", {}).get("status"), status)

    def test_the_file_without_a_daemon(self):
        weir = self.begin()
        weir.stop()
        self.assertEqual(self.explain(weir, "/fixed", "--file")["answer"]["status"], 204)

    def test_what_cannot_be_asked(self):
        weir = self.begin()
        for args, status, sentence in (
                (["http://a/"], 1, "no listener has protocol HTTP and port 80"),
                (["ftp://a/"], 1, "is not the URL of a request"),
                (["http://a b/"], 1, "is not the URL"),
                (["{url}", "--from", "here"], 1, '"here" is not an address'),
                (["{url}", "--load-balancer", "wbe"], 1, 'no load balancer "wbe"'),
                (["{url}", "-H", "A B: c"], 1, "no request can be written"),
                (["{url}", "-H", "A: c\r\nB: d"], 1, "no request can be written"),
                (["{url}", "-H", "nothing"], 2, 'is not "Name: value"'),
                ([], 2, "it takes one URL")):
            with self.subTest(args):
                args = [a.replace("{url}", f"http://a:{weir.ports['port']}/") for a in args]
                done = weir.command("explain", "request", *args)
                self.assertEqual(done.returncode, status)
                self.assertIn(sentence, done.stderr)

    def test_for_people(self):
        weir = self.begin()
        done = weir.command("explain", "request",
                            f"http://www.example.com:{weir.ports['port']}/v1/x?a=b",
                            "-H", "X-Env: prod", "-H", "X-Env: dev")
        self.assertEqual(done.returncode, 0)
        for line in ("no     rule 10", "http_header X-Env = staging", "no value matches: prod | dev",
                     "query_string = version=v1 | *=*beta*", "prefix list office",
                     "is met the default rule", "target group three, round_robin", "=> 127.0.0.1:"):
            self.assertIn(line, done.stdout)
