"""What /metrics says: sums equal what clients did, and never fall."""

import re
import shutil
import subprocess
import threading

from scene import ONE_GROUP, Reply, Scene, wait_for

SETTINGS = 'admin.listen: "127.0.0.1:{port9}"'

RULES = """
load_balancers:
  - name: web
    addresses: 127.0.0.1
    listeners:
      - port: {port}
        default_actions: {forward: app}
        rules:
          - {priority: 10, conditions: {path_pattern: /fixed},
             actions: {fixed_response: {status_code: 418, message_body: tea}}}
          - {priority: 20, conditions: {path_pattern: /away},
             actions: {redirect: {host: elsewhere.test, status_code: HTTP_301}}}
          - {priority: 30, conditions: {path_pattern: /nobody}, actions: {forward: empty}}
target_groups:
  - name: app
    health_check: {interval_seconds: 0.2, timeout_seconds: 0.1}
    targets: [{app}]
  - {name: empty, targets: []}
"""

SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
OPENMETRICS = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2"


def read(text):
    """Samples by name and labels; fails at a line that is neither."""
    samples = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        name, labels, value = SAMPLE.match(line).groups()
        key = (name, *(f"{k}={v}" for k, v in LABEL.findall(labels or "")
                       if k not in ("load_balancer", "listener")))
        assert key not in samples, f"twice: {line}"
        samples[key] = float(value)
    return samples


class Metrics(Scene):
    over = ("plain",)

    def page(self, weir, accept=None):
        fields = [("Accept", accept)] if accept else []
        answer = weir.ask("GET", "/metrics", fields=fields, host="localhost", port="port9")
        self.assertEqual(answer.status, 200)
        return answer

    def samples(self, weir):
        return read(self.page(weir).body.decode())

    def start(self, config=RULES, settings=SETTINGS, **names):
        return self.weir(config, settings=settings, app=self.origin(), **names)

    def promtool(self, body):
        tool = shutil.which("promtool")
        if not tool:
            return
        done = subprocess.run([tool, "check", "metrics"], input=body, capture_output=True,
                              timeout=60, check=False)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, b""))

    def test_regress_sums_equal_what_the_client_did(self):
        weir = self.start(workers=2)
        weir.wait_healthy(1)
        for path, n in (("/", 7), ("/fixed", 3), ("/away", 2), ("/nobody", 4)):
            for _ in range(n):
                weir.get(path)
        weir.client().send(b"GET / HTTP/1.0\r\n\r\n")

        def all_there():
            got = self.samples(weir)
            return got if got["weir_http_requests_total", "version=1.0"] == 1 and \
                got["weir_http_request_duration_seconds_count",] == 17 else None

        got = wait_for(all_there, "all 17 were counted")
        for name, *labels, value in (
                ("weir_http_requests_total", "version=1.1", 16),
                ("weir_http_responses_total", "source=target", "code_class=2xx", 8),
                ("weir_http_responses_total", "source=weir", "code_class=3xx", 2),
                ("weir_http_responses_total", "source=weir", "code_class=4xx", 3),
                ("weir_http_responses_total", "source=weir", "code_class=5xx", 4),
                ("weir_errors_total", "reason=no-target", 4),
                ("weir_fixed_responses_total", 3), ("weir_redirects_total", 2),
                ("weir_rule_requests_total", "rule=10", 3),
                ("weir_rule_requests_total", "rule=20", 2),
                ("weir_rule_requests_total", "rule=30", 4),
                ("weir_rule_requests_total", "rule=default", 8),
                ("weir_target_group_requests_total", "target_group=app", 8),
                ("weir_target_response_time_seconds_count", "target_group=app", 8),
                ("weir_target_response_time_seconds_count", "target_group=empty", 0),
                ("weir_target_group_targets", "target_group=app", "state=healthy", 1),
                ("weir_zone_healthy", "target_group=app", "kind=routing", 1),
                ("weir_client_connections_total", 17)):
            self.assertEqual(got[(name, *labels)], value, (name, *labels))
        target = [k for k in got if k[0] == "weir_target_requests_total"]
        self.assertEqual([got[k] for k in target], [8])
        self.assertGreater(got["weir_health_checks_total", "target_group=app",
                               "result=passed"], 0)
        for name in ("process_cpu_seconds_total", "process_resident_memory_bytes",
                     "process_max_fds", "process_start_time_seconds"):
            self.assertGreater(got[name,], 0, name)

    def test_regress_counters_never_fall(self):
        weir = self.start(workers=2)
        over, before = threading.Event(), {}

        def work():
            while not over.is_set():
                weir.get("/")
                weir.get("/fixed")

        thread = threading.Thread(target=work)
        thread.start()
        try:
            for _ in range(20):
                weir.reload(RULES)
                now = self.samples(weir)
                for key, value in before.items():
                    if re.search("_(total|count|sum|bucket)$", key[0]):
                        self.assertGreaterEqual(now[key], value, key)
                before = now
        finally:
            over.set()
            thread.join()
        self.assertEqual(before["weir_config_generation",], 21)
        self.assertEqual(before["weir_config_last_reload_success",], 1)

    def test_formats(self):
        weir = self.start()
        plain, open_ = self.page(weir), self.page(weir, OPENMETRICS)
        self.assertEqual(plain.fields["content-type"],
                         "text/plain; version=0.0.4; charset=utf-8")
        self.assertEqual(open_.fields["content-type"],
                         "application/openmetrics-text; version=1.0.0; charset=utf-8")
        self.assertTrue(open_.body.endswith(b"\n# EOF\n"))
        self.assertNotIn(b"# EOF", plain.body)
        self.promtool(plain.body)
        head = weir.ask("HEAD", "/metrics", host="localhost", port="port9")
        self.assertEqual((head.status, head.body), (200, b""))

    def test_regress_whole_families_are_left_out(self):
        many = RULES.replace("    rules:\n", "    rules:\n" + "".join(
            f"          - {{priority: {1000 + i}, conditions: {{path_pattern: /{i}}}, "
            "actions: {forward: app}}\n" for i in range(300)))
        weir = self.start(many, SETTINGS + "\nmetrics.max_series: 300")
        got = self.samples(weir)
        self.assertLessEqual(len(got), 300)
        self.assertEqual(got["weir_metrics_families_left_out",
                             "family=weir_rule_requests_total"], 1)
        self.assertFalse([k for k in got if k[0] == "weir_rule_requests_total"])
        self.samples(weir)
        weir.log.wait_for("families of metrics are left out")
        self.assertEqual(weir.log.text().count("families of metrics are left out"), 1)
        weir.names["settings"] = SETTINGS
        weir.reload(many)
        rules = [k for k in self.samples(weir) if k[0] == "weir_rule_requests_total"]
        self.assertEqual(len(rules), 304)

    def test_handshakes_and_certificates(self):
        weir = self.weir(ONE_GROUP.replace("{listener}", "port: {port}, protocol: HTTPS, {tls}"),
                         settings=SETTINGS, app=self.origin(Reply(200)))
        weir.get("/", tls=True)
        got = read(weir.ask("GET", "/metrics", host="localhost", port="port9",
                            tls=False).body.decode())
        self.assertEqual(got["weir_client_tls_handshakes_total", "resumed=false"], 1)
        ends = [v for k, v in got.items()
                if k[0] == "weir_certificate_expiry_timestamp_seconds"]
        self.assertEqual(len(ends), 1)
        self.assertGreater(ends[0], got["process_start_time_seconds",])
