"""Access, connection and health check logs: alb-compatibility.md, "Logs"."""

import json
import os
import re
import shutil
import socket
import ssl
import unittest

import alb
from client import request
from origin import Gone
from pki import Authority
from scene import (HangUp, Held, Raw, Refuse, Reply, Scene, Silent, Stream, SIGUSR1, Upgrade, http1,
                   certificate, trusting, wait_for)

CONFIG = """
load_balancers:
  - name: web
    addresses: 127.0.0.1
    {more}
    access_logs: {enabled: true, path: {dir}/alb.log, format: {format}}
    listeners:
      - {{listener}, rules: [
          {priority: 10, conditions: {path_pattern: /fixed}, actions: {fixed_response: {
             status_code: 403, content_type: text/plain, message_body: no}}},
          {priority: 20, conditions: {path_pattern: /old}, actions: {redirect: {
             path: "/new", status_code: HTTP_302}}},
          {priority: 30, conditions: {path_pattern: "/v1/*"}, actions: {forward: app},
             transforms: {url_rewrite: {regex: "^/v1/(.*)$", replace: "/$1"}}},
          {priority: 40, conditions: {path_pattern: "/bad/*"}, actions: {forward: app},
             transforms: {url_rewrite: {regex: "^/bad/", replace: "x"}}},
          {priority: 50, conditions: {path_pattern: /empty}, actions: {forward: none}}],
         default_actions: {forward: app}}
target_groups:
  - {name: app, health_check.enabled: false, targets: [{app}]}
  - {name: none, targets: []}
"""


class Logged(Scene):
    """Scenes that read lines; what HTTP/2 adds to them is a scene of its own."""

    over = ("plain", "tls")

    @property
    def version(self):
        return "HTTP/2.0" if self.transport == "h2" else "HTTP/1.1"

    @property
    def scheme(self):
        return "http" if self.transport == "plain" else "https"

    def lines(self, weir, n, name="alb.log", parse=alb.Access):
        """The lines of a file, once there are n; `weir reopen` does not wait for
        the second after which they are written."""
        path = os.path.join(weir.dir, name)

        def there():
            weir.command("reopen")
            with open(path, encoding="utf-8") as f:
                text = f.read()
            self.assertTrue(text == "" or text.endswith("\n"), text[-100:])
            found = text.split("\n")[:-1]
            return (found,) if len(found) >= n else None
        found, = wait_for(there, f"{n} lines")
        self.assertEqual(len(found), n, found)
        return [parse(line) for line in found]

    def serve(self, *script, form="alb", more="", **kw):
        self.app = self.origin(*(script or (Reply(200, b"ok"),)))
        return self.weir(CONFIG, app=self.app, format=form, more=more, **kw)

    def files(self, weir):
        """`logs` of the status, by path, without standard error."""
        logs = weir.json("status")["logs"]
        return {os.path.basename(log["path"]): log for log in logs if log["path"] != "stderr"}


class Http2(Logged):
    """Observability, section 4: types, versions, streams, codes."""

    transport = "h2"

    def test_requests_of_one_connection(self):
        weir = self.serve(Reply(200, b"x" * 1000))
        c = weir.client()
        c.get("/a")
        c.post("/v1/b", b"y" * 5000)
        c.get("/fixed")
        one, two, fixed = self.lines(weir, 3)
        for line in (one, two, fixed):
            self.assertEqual((line.type, line.protocol, line.domain),
                             ("h2", "TLSv1.3", "example.test"))
            self.assertTrue(line.request.endswith(" HTTP/2.0"), line.request)
            self.assertEqual((line.target_error, line.elb_error), ("-", "-"))
        self.assertEqual(len({line.conn_id for line in (one, two, fixed)}), 1)
        self.assertEqual((one.elb_status, one.target), ("200", str(self.app)))
        self.assertGreater(int(one.sent), 1000)
        self.assertGreater(int(two.received), 5000)
        self.assertEqual((two.rule, two.transformed_uri), ("30", "/b"))
        self.assertEqual((fixed.elb_status, fixed.rule), ("403", "10"))
        self.assertGreater(int(fixed.sent), len("no"))

    def test_streams_as_json(self):
        weir = self.serve(form="json")
        c = weir.client()
        for path in ("/a", "/b"):
            c.get(path)
        one, two = self.lines(weir, 2, parse=json.loads)
        self.assertEqual((one["type"], one["version"], one["scheme"]),
                         ("h2", "HTTP/2.0", "https"))
        self.assertGreater(two["stream"], one["stream"])
        self.assertEqual(one["id"], two["id"])

    def test_the_connection(self):
        weir = self.weir(CONNECTIONS, app=self.origin(Reply(200, b"ok")), format="json", more="")
        weir.get("/")
        line, = self.lines(weir, 1, "conn.log", json.loads)
        self.assertEqual(line["alpn"], "h2")


class Access(Logged):
    """Observability, section 4."""

    def test_every_field_of_an_ordinary_request(self):
        weir = self.serve()
        fields = [("User-Agent", 'a "b" \\ c'), ("X-Amzn-Trace-Id", "Root=1-0-0")]
        answer = weir.get('/a?b="', fields=fields, host="Example.test:9")
        line, = self.lines(weir, 1)
        tls = self.transport != "plain"
        port = weir.ports["port"]
        self.assertEqual(line.type, "h2" if self.transport == "h2" else self.scheme)
        self.assertRegex(line.elb, "^app/web/ed7a33350498100c$")
        self.assertRegex(line.client, r"^127\.0\.0\.1:\d+$")
        self.assertEqual(line.target, str(self.app))
        self.assertNotIn("-1", (line.request_time, line.target_time, line.response_time))
        self.assertEqual((line.elb_status, line.target_status), ("200", "200"))
        if self.transport != "h2":
            self.assertEqual(int(line.received), len(request(
                "GET", '/a?b="', None, fields, "Example.test:9")))
        self.assertGreater(int(line.sent), len(answer.body))
        self.assertEqual(line.request, f"GET {self.scheme}://Example.test:{port}"
                                       rf"/a?b=\x22 {self.version}")
        self.assertEqual(line.user_agent, r"a \x22b\x22 \x5c c")
        self.assertEqual(line.protocol, "TLSv1.3" if tls else "-")
        self.assertRegex(line.group, "arn:aws:elasticloadbalancing:eu-local-1:000000000000:"
                                     "targetgroup/app/[0-9a-f]{16}$")
        self.assertEqual(line.trace_id, self.app.requests[0].fields["x-amzn-trace-id"])
        self.assertEqual(line.domain, "example.test" if tls else "-")
        self.assertEqual(line.certificate[:12], "arn:aws:acm:" if tls else "-")
        self.assertEqual((line.rule, line.actions), ("0", "forward"))
        self.assertEqual(line.address, "127.0.0.1")
        for name in ("redirect_url", "error_reason", "classification", "transformed_host",
                     "transformed_uri", "transform_status"):
            self.assertEqual(getattr(line, name), "-", name)

    def test_what_rules_do(self):
        weir = self.serve()
        c = weir.client()
        for path in ("/fixed", "/old?x", "/v1/a?b", "/bad/a", "/empty"):
            c.get(path)
        fixed, old, moved, bad, empty = self.lines(weir, 5)
        for line in (fixed, old, bad, empty):
            self.assertEqual((line.target, line.request_time, line.target_status),
                             ("-", "-1", "-"), line.line)
            self.assertNotEqual(line.trace_id, "-")
        self.assertEqual((fixed.elb_status, fixed.rule, fixed.actions, fixed.group),
                         ("403", "10", "fixed-response", "-"))
        port = weir.ports["port"]
        self.assertEqual(
            (old.elb_status, old.rule, old.actions, old.redirect_url),
            ("302", "20", "redirect", f"{self.scheme}://example.test:{port}/new?x"))
        self.assertEqual(
            (moved.rule, moved.actions, moved.transformed_uri, moved.transform_status,
             moved.transformed_host, moved.target),
            ("30", "rewrite,forward", "/a?b", "TransformSuccess", "-", str(self.app)))
        self.assertIn("/v1/a?b ", moved.request)
        self.assertEqual((bad.elb_status, bad.rule, bad.actions, bad.transformed_uri,
                          bad.transform_status),
                         ("500", "40", "-", "-", "TransformInvalidPath"))
        self.assertEqual((empty.elb_status, empty.rule, empty.actions), ("503", "50", "forward"))
        self.assertIn("targetgroup/none/", empty.group)
        self.assertEqual(len({line.conn_id for line in self.lines(weir, 5)}), 1)

    @http1
    def test_what_is_refused(self):
        weir = self.serve()

        def raw(text):
            c = weir.client()
            c.send(text)
            answer = c.answer()
            c.close()
            return answer
        raw(b"nonsense\r\n\r\n")
        raw(b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n")
        raw(b"GET /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n")
        raw(b"GET /y HTTP/1.1\r\n\r\n")
        raw(b"GET /" + b"z" * 17000 + b" HTTP/1.1\r\nHost: a\r\n\r\n")
        none, trace, severe, nameless, long = self.lines(weir, 5)
        port = weir.ports["port"]
        self.assertEqual(none.request, f"- {none.type}://web-ed7a33350498100c.elb.eu-local-1."
                                       f"localhost:{port}- -")
        self.assertEqual((none.elb_status, none.received, none.user_agent, none.trace_id),
                         ("400", "0", "-", "-"))
        self.assertGreaterEqual(int(none.sent), 272)
        self.assertEqual((trace.elb_status, trace.rule), ("405", "-"))
        self.assertIn("TRACE ", trace.request)
        self.assertEqual((severe.elb_status, severe.classification,
                          severe.classification_reason),
                         ("400", "Severe", "MultipleContentLength"))
        self.assertIn("/x HTTP/1.1", severe.request)
        self.assertNotEqual(severe.received, "0")
        self.assertEqual((nameless.elb_status, long.elb_status), ("400", "414"))
        for line in (none, trace, severe, nameless, long):
            self.assertEqual((line.rule, line.actions, line.group, line.target,
                              line.request_time), ("-", "-", "-", "-", "-1"), line.line)

    def test_targets_that_fail(self):
        for script, status, times in (
                (HangUp(), "502", ("-1", "-1")), (Raw(b"rubbish\r\n\r\n"), "502", None),
                (Silent(), "504", (None, "-1"))):
            weir = self.serve(script, more="idle_timeout.timeout_seconds: 0.3")
            weir.post("/", b"x")
            line, = self.lines(weir, 1)
            self.assertEqual((line.elb_status, line.target, line.target_status,
                              line.response_time), (status, str(self.app), "-", "-1"))
            if times and times[0]:
                self.assertEqual((line.request_time, line.target_time), times)
            else:
                self.assertNotEqual(line.request_time, "-1")
            self.assertEqual(line.target_time == "-1", bool(times))

    def test_a_connect_that_failed(self):
        app = self.origin()
        weir = self.weir(CONFIG, app=app, format="alb", more="")
        app.stop()
        weir.get("/")
        line, = self.lines(weir, 1)
        self.assertEqual((line.elb_status, line.target, line.request_time), ("502", str(app), "-1"))
        self.assertIn("targetgroup/app/", line.group)

    def test_clients_that_leave(self):
        held = Held()
        weir = self.serve(held)
        c = weir.client()
        c.send(request("GET", "/waiting"))
        self.assertTrue(self.app.wait_for(lambda o: o.requests))
        c.close()
        line, = self.lines(weir, 1)
        held.release.set()
        self.assertEqual((line.elb_status, line.target_status, line.sent), ("460", "-", "0"))
        self.assertEqual(line.target, str(self.app))

    @http1
    def test_a_request_that_was_only_begun(self):
        weir = self.serve(more="idle_timeout.timeout_seconds: 0.3")
        c = weir.client()
        c.send(b"GET / HTTP/1.1\r\n")
        self.assertEqual(c.answer().status, 408)
        line, = self.lines(weir, 1)
        self.assertEqual((line.elb_status, line.rule, line.trace_id), ("408", "-", "-"))
        self.assertIn("- -", line.request)

    def test_a_websocket_is_one_line_when_it_closes(self):
        weir = self.serve(Upgrade())
        ws = weir.websocket("/ws?room=1")
        for _ in range(10):
            ws.echo(b"x" * 100)
        self.lines(weir, 0)
        weir.reload(CONFIG, more="idle_timeout.timeout_seconds: 61")
        ws.close()
        line, = self.lines(weir, 1)
        self.assertEqual(line.type, "ws" if self.transport == "plain" else "wss")
        self.assertRegex(line.request, "^GET https?://example.test:\\d+/ws\\?room=1 HTTP/1.1$")
        self.assertEqual((line.elb_status, line.target_status, line.actions),
                         ("101", "101", "forward"))
        self.assertGreater(int(line.received), 1000)
        self.assertGreater(int(line.sent), 1000)
        self.assertEqual(line.rule, "0")

    def test_a_failed_upgrade_is_an_ordinary_line(self):
        weir = self.serve(Reply(403, b"no"))
        ws = weir.websocket()
        ws.client.body(ws.answer)
        line, = self.lines(weir, 1)
        self.assertIn(line.type, ("http", "https"))
        self.assertEqual(line.elb_status, "403")

    def test_a_long_answer_keeps_its_texts(self):
        weir = self.serve(Stream(3 << 20))
        self.assertEqual(len(weir.get("/long?" + "q" * 5000).body), 3 << 20)
        line, = self.lines(weir, 1)
        self.assertIn("/long?" + "q" * 5000, line.request)
        self.assertGreater(int(line.sent), 3 << 20)

    def test_a_cookie_of_groups_that_nobody_made(self):
        weir = self.serve()
        weir.reload(CONFIG.replace(
            "default_actions: {forward: app}", "default_actions: {forward: {target_groups: "
            "[{target_group: app}], stickiness: {enabled: true, duration_seconds: 60}}}"))
        cookie = weir.get("/").fields["set-cookie"].split(";")[0]
        weir.get("/", fields=[("Cookie", cookie)])
        weir.get("/", fields=[("Cookie", "AWSALBTG=a%2Fb")])
        self.assertEqual([line.error_reason for line in self.lines(weir, 3)],
                         ["-", "-", "AWSALBTGCookieInvalid"])

    def test_the_user_agent_is_cut_at_8_kib(self):
        weir = self.serve()
        weir.get("/", fields=[("User-Agent", "u" * 9000)])
        line, = self.lines(weir, 1)
        self.assertEqual(line.user_agent, "u" * 8192)

    @http1
    def test_sums_are_those_of_the_counters(self):
        weir = self.serve(workers=2)
        paths = ("/a", "/fixed", "/old", "/v1/b", "/empty", "/bad/c")
        clients = [weir.client() for _ in range(4)]
        for c in clients:
            for n in range(48):
                path = paths[n % len(paths)]
                if path in ("/a", "/v1/b"):
                    c.post(path, b"x" * n)
                else:
                    c.get(path)
        n = 4 * 48
        lines = self.lines(weir, n)
        for c in clients:
            c.close()

        def counted():
            counters = weir.json("status")["counters"]
            return counters if counters["ClientConnectionClosedCount"] == 4 else None
        counters = wait_for(counted, "all connections to end")
        self.assertEqual(counters["ReceivedRequestCount"], n)
        self.assertEqual(counters["LogLineCount"], n)
        self.assertEqual(sum(int(line.received) for line in lines),
                         counters["ClientReceivedBytes"])
        self.assertEqual(sum(int(line.sent) for line in lines), counters["ClientSentBytes"])

        def count(fact):
            return sum(1 for line in lines if fact(line))
        for digit in "345":
            self.assertEqual(count(lambda l, d=digit: l.elb_status[0] == d
                                   and l.target_status == "-"),
                             counters[f"HTTPCode_ELB_{digit}XX_Count"], digit)
        self.assertEqual(count(lambda line: line.target_status[0] == "2"),
                         counters["HTTPCode_Target_2XX_Count"])
        self.assertEqual(count(lambda line: line.actions == "redirect"),
                         counters["HTTP_Redirect_Count"])
        self.assertEqual(count(lambda line: line.actions == "fixed-response"),
                         counters["HTTP_Fixed_Response_Count"])
        self.assertEqual(count(lambda line: line.target != "-"), counters["RequestCount"])
        self.assertEqual(self.files(weir)["alb.log"]["lines"], n)

    def test_json(self):
        weir = self.serve(form="json", more="trusted_addresses: 127.0.0.0/8")
        weir.get("/v1/a?b=\u00e9", fields=[("X-Forwarded-For", "192.0.2.1"),
                                           ("User-Agent", "a\xff\xe2\x82\xac")])
        line, = self.lines(weir, 1, parse=json.loads)
        self.assertEqual(line["load_balancer"], "web")
        self.assertEqual(line["listener"], weir.ports["port"])
        self.assertEqual((line["client"], line["client_address"]), ("127.0.0.1", "192.0.2.1"))
        self.assertEqual((line["method"], line["path"], line["query"], line["version"]),
                         ("GET", "/v1/a", "b=\u00e9", self.version))
        self.assertEqual(line["user_agent"], "a\u00ff\u20ac")
        self.assertEqual((line["rule"], line["actions"]), (30, ["rewrite", "forward"]))
        self.assertRegex(line["place"], r"weir\.yaml:\d+$")
        self.assertEqual((line["generation"], line["tries"], line["sticky"]), (1, 1, "none"))
        self.assertEqual((line["status"], line["target_status"]), (200, 200))
        self.assertEqual((line["target_group"], line["target"]), ("app", str(self.app)))
        self.assertGreaterEqual(line["connect_seconds"], 0)
        self.assertEqual(line["transform_status"], "TransformSuccess")
        self.assertNotIn("reason", line)


class Certificates(Logged):
    over = ("plain",)  # says itself what it speaks

    def test_names_without_a_certificate_and_resumed_sessions(self):
        pem, key = certificate("default.test")
        pem2, key2 = certificate("second.test", kind="rsa")
        weir = self.weir(
            CONFIG.replace("{{listener},", "{port: {port}, protocol: HTTPS, certificates: ["
                           "{certificate: {pem}, private_key: {key}}, "
                           "{certificate: {pem2}, private_key: {key2}}],"),
            app=self.origin(Reply(200, b"ok")), format="alb", more="", pem=pem, key=key,
            pem2=pem2, key2=key2)
        for name in ("default.test", "second.test", "other.test"):
            weir.get("/", tls=trusting(), name=name)
        first, second, third = self.lines(weir, 3)
        self.assertEqual((first.domain, second.domain, third.domain),
                         ("default.test", "second.test", "-"))
        self.assertEqual(first.certificate, third.certificate)
        self.assertNotEqual(first.certificate, second.certificate)
        context = trusting()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        session = None
        for _ in range(2):
            raw = socket.create_connection(("127.0.0.1", weir.ports["port"]))
            with context.wrap_socket(raw, server_hostname="default.test",
                                     session=session) as s:
                s.sendall(request("GET", "/"))
                s.recv(65536)
                session = s.session
        lines = self.lines(weir, 5)
        self.assertEqual(lines[3].certificate, first.certificate)
        self.assertEqual(lines[4].certificate, "session-reused")


class Files(Logged):
    """Files come, go and fill up; requests do not notice."""

    over = ("plain",)

    def test_moved_files_and_reopen(self):
        weir = self.serve()
        path = os.path.join(weir.dir, "alb.log")
        c = weir.client()
        c.get("/one")
        self.lines(weir, 1)
        os.rename(path, path + ".1")
        done = weir.command("reopen")
        self.assertEqual((done.returncode, done.stdout), (0, path + "\n"), done.stderr)
        self.assertEqual(os.stat(path).st_mode & 0o7777, 0o640)
        c.get("/two")
        self.assertIn("/two", self.lines(weir, 1)[0].request)
        os.rename(path, path + ".2")
        weir.signal(SIGUSR1)
        wait_for(lambda: os.path.exists(path), "a new file")
        c.get("/three")
        self.assertIn("/three", self.lines(weir, 1)[0].request)
        for name, text in ((".1", "/one"), (".2", "/two")):
            with open(path + name, encoding="utf-8") as f:
                self.assertIn(text, f.read())

    def test_a_path_that_is_gone(self):
        weir = self.serve()
        config = CONFIG.replace("{dir}/alb.log", "{dir}/sub/alb.log")
        weir.reload(config)
        folder = os.path.join(weir.dir, "sub")
        c = weir.client()
        c.get("/one")
        self.lines(weir, 1, "sub/alb.log")
        shutil.rmtree(folder)
        done = weir.command("reopen")
        self.assertEqual(done.returncode, 1)
        self.assertIn("sub/alb.log: No such file or directory", done.stderr)
        c.get("/two")
        weir.command("reopen")
        log = self.files(weir)["alb.log"]
        self.assertEqual((log["lines"], log["lost"], log["last_error"]),
                         (1, 1, "No such file or directory"))
        self.assertIn("No such file", weir.command("status").stdout)
        weir.log.wait_for("lines of a log were lost.*lost=1")
        os.mkdir(folder)
        self.assertEqual(weir.command("reopen").returncode, 0)
        c.get("/three")
        self.assertIn("/three", self.lines(weir, 1, "sub/alb.log")[0].request)

    def test_load_balancers_share_a_file(self):
        app = self.origin(Reply(200, b"ok"))
        one = CONFIG.split("target_groups:")[0]
        two = one.replace("load_balancers:\n", "").replace("web", "shop").replace(
            "{listener}", "{listener2}")
        weir = self.weir(one + two + CONFIG[CONFIG.index("target_groups:"):], app=app,
                         format="alb", more="")
        weir.get("/a")
        weir.get("/b", port="port2")
        self.assertEqual([line.elb.split("/")[1] for line in self.lines(weir, 2)],
                         ["web", "shop"])
        self.assertEqual(len(self.files(weir)), 1)

    def test_a_reload_that_changes_path_and_format(self):
        held = Held(Reply(200, b"late"))
        weir = self.serve(Reply(200, b"ok"), held, Reply(200, b"ok"))
        weir.get("/before")
        c = weir.client()
        c.send(request("GET", "/held"))
        self.assertTrue(self.app.wait_for(lambda o: len(o.requests) == 2))
        weir.reload(CONFIG.replace("alb.log", "new.log"), format="json")
        held.release.set()
        self.assertEqual(c.answer().body, b"late")
        weir.get("/after")
        self.assertEqual([json.loads(line)["path"] for line in
                          self.lines(weir, 1, "new.log", str)], ["/after"])
        self.assertEqual([re.search("/(before|held)", line.request).group(1)
                          for line in self.lines(weir, 2)], ["before", "held"])
        wait_for(lambda: list(self.files(weir)) == ["new.log"], "the old file to be closed")

    def test_a_path_that_cannot_be_written(self):
        weir = self.serve()
        folder = self.folder()
        for path, why in ((folder, "Is a directory"),
                          (os.path.join(weir.config, "x.log"), "Not a directory")):
            config = CONFIG.replace("{dir}/alb.log", path)
            weir.write(config)
            for command in ("check", "reload"):
                done = weir.command(command)
                self.assertEqual(done.returncode, 3, done.stderr)
                self.assertRegex(done.stderr, rf"weir\.yaml:\d+:\d+: error: the log .* {why}")
        weir.write(CONFIG.replace("alb.log", "made.log"))
        self.assertEqual(weir.command("check").returncode, 0)
        self.assertFalse(os.path.exists(os.path.join(weir.dir, "made.log")))
        self.assertEqual(weir.json("status")["generation"]["current"]
                         if "generation" in weir.json("status") else 1, 1)

    def test_a_disk_that_is_filled_and_emptied(self):
        if not shutil.which("prlimit"):
            self.skipTest("no prlimit: the limit of a file's size stands for a full disk")
        limit = 64 * 1024
        weir = self.serve(under=("prlimit", f"--fsize={limit}"))
        path = os.path.join(weir.dir, "alb.log")
        c = weir.client()
        written = 0

        def ask(n):
            for _ in range(n):
                self.assertEqual(c.get("/" + "x" * 100).status, 200)
            weir.command("reopen")

        def read():
            with open(path, encoding="ascii") as f:
                text = f.read()
            self.assertTrue(text.endswith("\n"))
            return [alb.Access(line) for line in text.split("\n")[:-1]]
        ask(100)
        self.assertEqual(len(read()), 100)
        ask(200)
        written += len(read())
        log = self.files(weir)["alb.log"]
        self.assertGreater(log["lost"], 0)
        self.assertEqual(log["last_error"], "File too large")
        self.assertEqual(log["lines"], written)
        self.assertEqual(log["lines"] + log["lost"], 300)
        os.truncate(path, 0)
        ask(50)
        self.assertEqual(len(read()), 50)
        log = self.files(weir)["alb.log"]
        self.assertEqual(log["lines"], written + 50)
        self.assertEqual(log["lines"] + log["lost"], 350)
        weir.log.wait_for("lines of a log were lost")

    def test_a_reader_that_stalls(self):
        weir = self.serve()
        pipe = os.path.join(weir.dir, "pipe.log")
        os.mkfifo(pipe)
        os.chmod(pipe, 0o666)
        done = weir.command("check")
        weir.write(CONFIG.replace("alb.log", "pipe.log"))
        done = weir.command("check")
        self.assertEqual(done.returncode, 3, "nobody reads from it")
        with open(pipe, "rb", buffering=0, opener=lambda p, f: os.open(
                p, os.O_RDONLY | os.O_NONBLOCK)) as reader:
            weir.reload()
            c = weir.client()
            for _ in range(400):
                self.assertEqual(c.get("/" + "x" * 100).status, 200)
            weir.command("reopen")  # everybody's turn comes, the pipe's too

            def lost():
                log = self.files(weir)["pipe.log"]
                return log if log["lines"] + log["lost"] >= 399 else None
            log = wait_for(lost, "lines that are lost")
            self.assertGreater(log["lost"], 0)
            got = reader.read(1 << 20)
            self.assertGreaterEqual(len(got.split(b"\n")), log["lines"])

    @unittest.skipIf(os.geteuid(), "only root becomes somebody else")
    def test_files_belong_to_who_serves(self):
        weir = self.weir(
            "settings:\n  workers: 1\n  admin.socket: {dir}/admin.sock\n  user: nobody\n"
            + CONFIG.replace("{dir}/alb.log", "{dir}/made/by/start/alb.log"),
            app=self.origin(Reply(200, b"ok")), format="alb", more="")
        path = os.path.join(weir.dir, "made/by/start/alb.log")
        self.assertEqual(os.stat(path).st_uid, os.stat(os.path.dirname(path)).st_uid)
        self.assertNotEqual(os.stat(path).st_uid, 0)
        os.rename(path, path + ".1")
        self.assertEqual(weir.command("reopen").returncode, 0)
        weir.get("/after")
        self.assertIn("/after", self.lines(weir, 1, "made/by/start/alb.log")[0].request)
        weir.write("settings:\n  workers: 1\n  admin.socket: {dir}/admin.sock\n  user: nobody\n"
                   + CONFIG.replace("{dir}/alb.log", "{dir}/alb.log"))
        for command in ("check", "reload"):
            done = weir.command(command)
            self.assertEqual(done.returncode, 3, done.stderr)
            self.assertIn("cannot be opened: ", done.stderr)


CONNECTIONS = """
load_balancers:
  - name: web
    addresses: 127.0.0.1
    access_logs: {enabled: true, path: {dir}/alb.log}
    connection_logs: {enabled: true, path: {dir}/conn.log, format: {format}}
    health_check_logs: {enabled: true, path: {dir}/health.log, format: {format}}
    listeners: [{{listener}, {more} default_actions: {forward: app}}]
target_groups:
  - {name: app, targets: [{app}], health_check: {interval_seconds: 6, timeout_seconds: 5,
     unhealthy_threshold_count: 1000}}
"""
CONNECTION_FIELDS = ("time client_ip client_port listener_port protocol cipher latency subject "
                     "validity serial verify_status conn_id group elb address").split()


def connection(line):
    values, quoted = alb.split(line)
    assert len(values) == len(CONNECTION_FIELDS) and quoted == {8}, line
    return dict(zip(CONNECTION_FIELDS, values))


class Connections(Logged):
    """Observability, section 6."""

    def serve(self, form="alb", more="", **kw):
        return self.weir(CONNECTIONS, app=self.origin(Reply(200, b"ok")), format=form,
                         more=more, **kw)

    def test_a_line_for_each_connection(self):
        weir = self.serve()
        c = weir.client()
        c.get("/")
        c.get("/")
        line, = self.lines(weir, 1, "conn.log", connection)
        requests = self.lines(weir, 2)
        self.assertEqual({r.conn_id for r in requests}, {line["conn_id"]})
        self.assertEqual(f"{line['client_ip']}:{line['client_port']}", requests[0].client)
        self.assertEqual(line["listener_port"], str(weir.ports["port"]))
        self.assertEqual((line["elb"], line["address"]),
                         ("app/web/ed7a33350498100c", "127.0.0.1"))
        self.assertEqual((line["subject"], line["validity"], line["serial"]), ("-",) * 3)
        if self.transport == "plain":
            for name in ("protocol", "cipher", "latency", "verify_status", "group"):
                self.assertEqual(line[name], "-", name)
        else:
            self.assertEqual((line["protocol"], line["verify_status"]), ("TLSv1.3", "Success"))
            self.assertRegex(line["cipher"], "^TLS_")
            self.assertRegex(line["latency"], r"^\d+\.\d{3}$")
            self.assertRegex(line["group"], "^(x25519|secp|X25519)")

    def test_json(self):
        weir = self.serve(form="json")
        c = weir.client()
        c.get("/")
        line, = self.lines(weir, 1, "conn.log", json.loads)
        self.assertEqual(line["load_balancer"], "web")
        self.assertEqual(line["client_port"], c.sock.getsockname()[1])
        self.assertEqual(line.get("alpn"), {"plain": None, "tls": "http/1.1", "h2": "h2"}
                         [self.transport])
        self.assertNotIn("reason", line)

    def test_health_checks(self):
        """Observability, section 7."""
        weir = self.serve()

        def lines():
            weir.command("reopen")
            with open(os.path.join(weir.dir, "health.log"), encoding="utf-8") as f:
                return f.read().split("\n")[:-1]
        passed = wait_for(lines, "a check")[0]
        self.assertRegex(passed, rf"^http {alb.TIME} 0\.\d{{9}} 127\.0\.0\.1:\d+ app PASS 200 -$")


class FailedConnections(Logged):
    over = ("plain",)  # says itself what it speaks

    def test_handshakes_that_fail(self):
        root = Authority(self.folder())
        alice, mallory = root.issue("Alice"), Authority(self.folder()).issue("Mallory")
        pem, key = certificate("default.test")
        weir = self.weir(
            CONNECTIONS.replace(
                "{listener}", "port: {port}, protocol: HTTPS, certificates: {certificate: {pem}, "
                "private_key: {key}}, mutual_authentication: {mode: verify, "
                "trust_store: {ca_bundle: {root}}}"),
            app=self.origin(Reply(200, b"ok")), format="json", more="", pem=pem, key=key,
            root=root.pem)

        def ask(pair):
            context = trusting()
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            if pair:
                context.load_cert_chain(*pair)
            weir.get("/", tls=context)
        ask(alice)
        for pair in (mallory, None):
            with self.assertRaises((ssl.SSLError, ConnectionError, Gone)):
                ask(pair)
        weir.client(tls=False).get("/")  # plain HTTP to the TLS port
        with socket.create_connection(("127.0.0.1", weir.ports["port"])) as s:
            s.sendall(b"\x01\x02\x03\x04\x05\x06\x07\x08")
            s.recv(100)
        socket.create_connection(("127.0.0.1", weir.ports["port"])).close()
        good, bad, none, plain, noise, gone = self.lines(weir, 6, "conn.log", json.loads)
        self.assertEqual((good["verify_status"], good["subject"]), ("Success", "CN=Alice,C=US"))
        self.assertRegex(good["not_before"] + good["not_after"], r"^(\d{4}-\d\d-\d\dT[\d:]+Z){2}$")
        self.assertRegex(good["serial"], "^[0-9A-F]+$")
        self.assertRegex(bad["verify_status"], "^Failed:ClientCert(Untrusted|Invalid)$")
        self.assertEqual((bad["reason"], bad["subject"]),
                         ("client-certificate", "CN=Mallory,C=US"))
        self.assertEqual((none["verify_status"], none["reason"]),
                         ("Failed:UnmappedConnectionError", "client-certificate"))
        for line, reason in ((plain, "http-to-tls"), (noise, "client-tls-failed"),
                             (gone, "client-gone")):
            self.assertEqual((line["verify_status"], line["reason"]),
                             ("Failed:UnmappedConnectionError", reason))
            self.assertNotIn("tls_protocol", line)
        # Each has its own name.
        self.assertEqual(len({l["id"] for l in (good, bad, none, plain, noise, gone)}), 6)


class HealthChecks(Logged):
    over = ("plain",)

    def test_reasons(self):
        """Observability, section 7."""
        origins = [self.origin(health=h) for h in (200, 404, 503)]
        gone = Refuse()
        weir = self.weir(
            CONNECTIONS.replace("[{app}]", "[{a}, {b}, {c}, {d}]"), format="json", more="",
            a=origins[0], b=origins[1], c=origins[2], d=gone.address
            if hasattr(gone, "address") else "127.0.0.1:1")

        def found():
            weir.command("reopen")
            with open(os.path.join(weir.dir, "health.log"), encoding="utf-8") as f:
                lines = [json.loads(line) for line in f]
            by_target = {line["target"]: line for line in lines}
            return by_target if len(by_target) == 4 else None
        lines = wait_for(found, "checks of all targets")
        self.assertEqual((lines[str(origins[0])]["status"], lines[str(origins[0])]["code"]),
                         ("PASS", 200))
        self.assertNotIn("reason", lines[str(origins[0])])
        for origin, code, reason in ((origins[1], 404, "ResponseCodeMismatch"),
                                     (origins[2], 503, "TargetError")):
            line = lines[str(origin)]
            self.assertEqual((line["status"], line["code"], line["reason"]),
                             ("FAIL", code, reason))
            self.assertEqual((line["id"], line["target_group"]), ("127.0.0.1", "app"))
        line = lines["127.0.0.1:1"]
        self.assertEqual((line["status"], line["reason"]), ("FAIL", "ConnectionReset"))
        self.assertNotIn("code", line)
