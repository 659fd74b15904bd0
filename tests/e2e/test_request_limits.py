"""Limits of the configuration: who is over one is told, and how much holds."""

from client import request
from origin import Gone
from scene import Chunked, Held, Reply, Scene, Upgrade, wait_for

CONFIG = """
load_balancers:
  - name: web
    addresses: 127.0.0.1
    {keys}
    listeners:
      - {{listener}, {of_listener}
         rules: [{priority: 1, conditions: {path_pattern: /ruled*}, {of_rule}
                  actions: {forward: app}}],
         default_actions: {forward: app}}
target_groups:
  - {name: app, health_check.enabled: false, targets: [{app}]}
"""

# So slow that a scene meets no second one.
ONCE = "requests_per_second: 0.001"


def config(keys="", of_listener="", of_rule=""):
    of_listener += "," if of_listener else ""
    of_rule += "," if of_rule else ""
    return (CONFIG.replace("{keys}", keys).replace("{of_listener}", of_listener)
            .replace("{of_rule}", of_rule))


class Limited(Scene):
    over = ("plain",)

    def serve(self, *script, workers=1, **where):
        self.app = self.origin(*(script or (Reply(200, b"ok"),)))
        return self.weir(config(**where), app=self.app, workers=workers)

    def count(self, weir, name):
        return weir.json("status")["counters"][name]

    def reason(self, weir, token):
        return weir.json("status")["reasons"].get(token, 0)

    def statuses(self, weir, n, **kw):
        return [weir.get("/", **kw).status for _ in range(n)]


class Rates(Limited):
    over = ("plain", "tls")

    def test_one_too_many_is_a_429_and_the_connection_goes_on(self):
        weir = self.serve(keys="limits: {name: slow, requests_per_second: 0.01, burst: 2}")
        c = weir.client()
        self.assertEqual([c.get("/").status for _ in range(2)], [200, 200])
        for _ in range(2):
            answer = c.get("/")
            self.assertEqual((answer.status, answer.fields["weir-reason"]),
                             (429, "rate-limited"))
            self.assertIn(int(answer.fields["retry-after"]), range(90, 101))
        self.assertEqual(len(self.app.requests), 2)
        self.assertEqual(self.reason(weir, "rate-limited"), 2)
        self.assertEqual(self.count(weir, "LimitedRequestCount"), 2)
        self.assertEqual(weir.json("status")["limits"], [
            {"load_balancer": "web", "port": weir.ports["port"], "limit": "slow",
             "mode": "enforce", "refused": 2}])
        weir.log.wait_for("reason=rate-limited.* limit=slow")


class Keys(Limited):
    def test_regress_workers_share_what_they_count(self):
        weir = self.serve(keys=f"limits: {{{ONCE}, burst: 5}}", workers=4)
        self.assertEqual(sorted(self.statuses(weir, 30)), [200] * 5 + [429] * 25)

    def test_each_value_of_a_field_is_counted_for_itself(self):
        weir = self.serve(keys=f"limits: {{per: {{header: X-Api-Key}}, {ONCE}}}")
        for key in "ab":
            self.assertEqual(self.statuses(weir, 2, fields=[("x-api-key", key)]),
                             [200, 429])
        # Without the field, and with one that says nothing: its client.
        self.assertEqual(self.statuses(weir, 1), [200])
        self.assertEqual(self.statuses(weir, 1, fields=[("X-Api-Key", "")]), [429])

    def test_each_value_of_a_cookie(self):
        weir = self.serve(keys=f"limits: {{per: {{cookie: who}}, {ONCE}}}")
        for value in "ab":
            self.assertEqual(
                self.statuses(weir, 2, fields=[("Cookie", f"x=1; who={value}")]), [200, 429])

    def test_the_client_is_who_a_trusted_proxy_names(self):
        weir = self.serve(keys=f"limits: {{{ONCE}}}\n    trusted_addresses: 127.0.0.1/32")
        for client in ("192.0.2.1", "192.0.2.2", "2001:db8:0:1::1"):
            self.assertEqual(self.statuses(
                weir, 2, fields=[("X-Forwarded-For", f"10.1.1.1, {client}")]), [200, 429])
        # IPv6 counts by its /64.
        self.assertEqual(self.statuses(
            weir, 1, fields=[("X-Forwarded-For", "2001:db8:0:1:ffff::2")]), [429])

    def test_all_limits_bind(self):
        weir = self.serve(keys=f"limits: {{per: all, {ONCE}, burst: 4}}",
                          of_listener="limits: {requests_per_second: 0.001, burst: 3}",
                          of_rule=f"limits: {{{ONCE}, burst: 2}}")
        self.assertEqual([weir.get("/ruled").status for _ in range(3)], [200, 200, 429])
        # The one that the rule refused had been let pass by the others.
        self.assertEqual(self.statuses(weir, 2), [429, 429])

    def test_regress_a_reload_forgets_nobody(self):
        weir = self.serve(keys=f"limits: {{{ONCE}, burst: 2}}")
        self.assertEqual(self.statuses(weir, 2), [200, 200])
        weir.reload()
        self.assertEqual(self.statuses(weir, 1), [429])
        weir.reload(config())
        self.assertEqual(self.statuses(weir, 3), [200] * 3)

    def test_regress_the_client_of_a_proxy_header_is_counted(self):
        weir = self.serve(keys="limits: {connections: 1}\n    trusted_addresses: 127.0.0.1/32",
                          of_listener="proxy_protocol.enabled: true")

        def arrive(client):
            c = weir.client()
            c.send(f"PROXY TCP4 {client} 127.0.0.1 4000 80\r\n".encode())
            return c
        first, second = arrive("192.0.2.1"), arrive("192.0.2.2")
        self.assertEqual([c.get("/").status for c in (first, second)], [200, 200])
        self.assertTrue(arrive("192.0.2.1").is_closed())


class Report(Limited):
    def test_who_would_be_refused_passes_and_is_counted(self):
        weir = self.serve(keys=f"limits: {{name: dry, {ONCE}, request_body: 3, mode: report}}")
        self.assertEqual(self.statuses(weir, 3), [200] * 3)
        self.assertEqual(weir.post("/", b"12345").status, 200)
        self.assertEqual(weir.ask(
            "POST", "/", b"5\r\n12345\r\n0\r\n\r\n",
            fields=[("Transfer-Encoding", "chunked")]).status, 200)
        self.assertEqual(self.app.requests[-1].body, b"12345")
        weir.log.wait_for("a limit would refuse a request.*rate-limited.*limit=dry")
        weir.log.wait_for("a limit would refuse a request.*body-too-large.*limit=dry")
        self.assertEqual(self.count(weir, "LimitedRequestCount"), 0)
        self.assertEqual(self.count(weir, "ReportedRequestCount"), 6)
        self.assertEqual(weir.json("status")["reasons"], {})


    def test_regress_access_logs_name_the_limit(self):
        weir = self.serve(keys=f"limits: [{{name: dry, {ONCE}, mode: report}},"
                               f" {{name: firm, {ONCE}, burst: 2}}]\n    {{logs}}")
        weir.get("/")
        self.assertNotIn("limited", weir.last_log)
        weir.get("/")
        line = weir.last_log
        self.assertEqual((line["limited"], line["status"]), ("dry", 200))
        weir.get("/")
        line = weir.last_log
        self.assertEqual((line["limited"], line["status"], line["reason"]),
                         ("firm", 429, "rate-limited"))


class AtATime(Limited):
    def test_further_requests_are_a_503(self):
        held = Held()
        weir = self.serve(held, keys="limits: {concurrent_requests: 2}", workers=2)
        clients = [weir.client(), weir.client()]
        for c in clients:
            c.send(request("GET", "/"))
        self.app.wait_for(lambda app: len(app.requests) == 2)
        answer = weir.get("/")
        self.assertEqual((answer.status, answer.fields["weir-reason"]),
                         (503, "too-many-requests"))
        self.assertNotIn("retry-after", answer.fields)
        held.release.set()
        for c in clients:
            self.assertEqual(c.answer().status, 200)
        wait_for(lambda: weir.get("/").status == 200, "there is room again")

    def test_an_upgraded_connection_counts_until_it_ends(self):
        weir = self.serve(Upgrade(), keys="limits: {concurrent_requests: 1}")
        ws = weir.websocket()
        self.assertEqual(ws.answer.status, 101)
        # Its configuration goes, and the limit with it; what it holds stays.
        weir.reload(config())
        weir.reload(config(keys="limits: {concurrent_requests: 1}"))
        self.assertEqual(ws.echo(b"hello"), b"hello")
        self.assertEqual(weir.get("/").status, 503)
        ws.close()
        wait_for(lambda: weir.websocket().answer.status == 101, "there is room again")


class Connections(Limited):
    over = ("plain", "tls")

    def test_regress_one_too_many_is_closed_before_it_is_read(self):
        weir = self.serve(keys="limits: {name: few, connections: 2}", workers=2)
        first, second = weir.client(), weir.client()
        for c in (first, second):
            self.assertEqual(c.get("/").status, 200)
        self.assertTrue(weir.client(tls=False).is_closed())
        self.assertEqual(first.get("/").status, 200)
        self.assertEqual(self.reason(weir, "too-many-connections"), 1)
        self.assertEqual(self.count(weir, "RejectedConnectionCount"), 1)
        weir.log.wait_for("a limit refuses a connection.*too-many-connections.*limit=few")
        second.close()

        def let_in():
            try:
                return weir.client().get("/").status == 200
            except (Gone, OSError):
                return False
        wait_for(let_in, "there is room again")


class Bodies(Limited):
    KEYS = "limits: {name: short, request_body: 1k}"

    def test_a_length_over_it_is_refused_at_once(self):
        weir = self.serve(keys=self.KEYS)
        c = weir.client()
        c.send(b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
               b"Content-Length: 1025\r\n\r\n")
        answer = c.head()
        self.assertEqual((answer.status, answer.fields["weir-reason"]),
                         (413, "body-too-large"))
        self.assertTrue(c.is_closed())
        self.assertEqual(weir.post("/", b"x" * 1024).status, 200)
        self.assertEqual(len(self.app.requests), 1)

    def test_regress_a_chunked_one_never_reaches_its_end_at_the_target(self):
        weir = self.serve(Reply(200, b"ok"), keys=self.KEYS)
        chunked = [("Transfer-Encoding", "chunked")]
        long = b"401\r\n" + b"x" * 1025 + b"\r\n0\r\n\r\n"
        answer = weir.ask("POST", "/", long, fields=chunked)
        self.assertEqual((answer.status, answer.fields["weir-reason"]),
                         (413, "body-too-large"))
        self.assertEqual(self.app.requests, [])
        weir.log.wait_for("reason=body-too-large.*limit=short")
        short = b"400\r\n" + b"x" * 1024 + b"\r\n0\r\n\r\n"
        self.assertEqual(weir.ask("POST", "/", short, fields=chunked).status, 200)

    def test_once_the_answer_has_begun_both_connections_end(self):
        weir = self.serve(Chunked(b"begun", b"more"), keys=self.KEYS)
        c = weir.client()
        c.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
               b"400\r\n" + b"x" * 1024 + b"\r\n")
        self.app.wait_for(lambda app: app.connections == 1)
        c.send(b"1\r\nx\r\n0\r\n\r\n")
        self.assertTrue(c.is_closed())
        self.assertEqual(self.reason(weir, "body-too-large"), 1)
