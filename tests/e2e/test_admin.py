"""What people ask a running weir, and what it says when it cannot start."""

import json
import os
import re
import stat
import subprocess
import unittest

from client import request
from scene import Held, LOGGED, ONE_GROUP, Reply, Scene, find_weir, wait_for, SIGUSR1

CHECK = """
load_balancers:
  - name: web
    listeners: {port: 8080, default_actions: {forward: wbe}}
    unknwon: 1
target_groups:
  - {name: web, targets: ["127.0.0.1:99999"]}
"""


def numbers(x):
    """Every number in a JSON document, with its path."""
    if isinstance(x, dict):
        return {f"{k}.{p}" if p else k: v for k, y in x.items() for p, v in numbers(y).items()}
    if isinstance(x, list):
        return {f"{k}.{p}" if p else str(k): v for k, y in enumerate(x)
                for p, v in numbers(y).items()}
    return {"": x} if isinstance(x, (int, float)) and not isinstance(x, bool) else {}


COUNTED = """
load_balancers:
  - name: web
    addresses: 127.0.0.1
    listeners:
      - port: {port}
        rules:
          - {priority: 1, conditions: {path_pattern: /app},
             actions: {forward: by-application}}
          - {priority: 2, conditions: {path_pattern: /fixed},
             actions: {fixed_response: {status_code: 204}}}
          - {priority: 3, conditions: {path_pattern: /redirect},
             actions: {redirect: {path: /, status_code: HTTP_301}}}
          - {priority: 4, conditions: {path_pattern: /empty}, actions: {forward: empty}}
          - {priority: 5, conditions: {path_pattern: /gone}, actions: {forward: gone}}
        default_actions: {forward: app}
target_groups:
  - {name: app, targets: [{app}], stickiness.enabled: true, health_check.enabled: false}
  - {name: by-application, targets: [{app}], health_check.enabled: false,
     stickiness: {enabled: true, type: app_cookie, app_cookie.cookie_name: SID}}
  - {name: empty}
  - {name: gone, targets: [{gone}], health_check.enabled: false}
"""


class Asked(Scene):
    over = ("plain",)

    def test_status_counts(self):
        weir = self.weir(ONE_GROUP, app=self.origin(Reply(200, b"ok")))
        for _ in range(7):
            self.assertEqual(weir.get("/").status, 200)

        def counted():
            found = numbers(weir.json("status"))
            return [v for k, v in found.items() if k.endswith("RequestCount")] and \
                7 in [v for k, v in found.items() if re.search(r"(^|\.)RequestCount$", k)]
        wait_for(counted, "seven requests in the status")

    def regress_counters_have_the_names_of_awss_metrics(self):
        app = self.origin(Reply(200), Reply(302), Reply(404), Reply(503), Reply(200), Reply(200),
                          Reply(200), Reply(200))
        gone = self.origin(Reply(200))
        gone.stop()
        weir = self.weir(COUNTED, app=app, gone=gone)
        c = weir.client()
        sticky = [("Cookie", "AWSALB=made-up")]
        for target, status, fields in (
                ("/", 200, ()), ("/", 302, ()), ("/", 404, ()), ("/", 503, ()),
                ("/", 200, [("Content-Length", "0")]), ("/", 200, [("X_Y", "1")]),
                ("/", 200, sticky), ("/app", 200, [("Cookie", "AWSALBAPP-0=made-up; SID=1")]),
                ("/fixed", 204, ()), ("/redirect", 301, ()), ("/empty", 503, ()),
                ("/gone", 502, ())):
            with self.subTest(target=target, fields=fields):
                self.assertEqual(c.ask("GET", target, fields=fields).status, status)
        self.assertEqual(weir.client().ask("TRACE", "/").status, 405)
        wanted = {
            "RequestCount": 9, "HTTP_Fixed_Response_Count": 1, "HTTP_Redirect_Count": 1,
            "HTTPCode_ELB_3XX_Count": 1, "HTTPCode_ELB_4XX_Count": 1,
            "HTTPCode_ELB_5XX_Count": 2, "HTTPCode_Target_2XX_Count": 5,
            "HTTPCode_Target_3XX_Count": 1, "HTTPCode_Target_4XX_Count": 1,
            "HTTPCode_Target_5XX_Count": 1, "NonStickyRequestCount": 1,
            "AppCookieNonStickinessCount": 1, "TargetConnectionErrorCount": 1,
            "ForwardedInvalidHeaderRequestCount": 1,
            "DesyncMitigationMode_NonCompliant_Request_Count": 1}

        def counted():
            counters = weir.json("status")["counters"]
            return {k: counters[k] for k in wanted} == wanted
        try:
            wait_for(counted, "them all")
        except AssertionError:
            counters = weir.json("status")["counters"]
            self.assertEqual({k: counters[k] for k in wanted}, wanted)

    def test_status_for_people(self):
        weir = self.weir(ONE_GROUP, app=self.origin())
        for word in ("status", "targets"):
            done = weir.command(word)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertNotEqual(done.stdout.strip(), "")

    def test_targets_are_named(self):
        app = self.origin()
        weir = self.weir(ONE_GROUP, app=app)
        self.assertIn(str(app.port), json.dumps(weir.json("targets")))

    def test_nobody_else_may_use_the_socket(self):
        weir = self.weir(ONE_GROUP, app=self.origin())
        mode = os.stat(os.path.join(weir.dir, "admin.sock")).st_mode
        self.assertEqual(stat.S_IMODE(mode) & 0o007, 0)

    def test_an_answer_whatever_the_file_is(self):
        weir = self.weir(ONE_GROUP, app=self.origin())
        path = os.path.join(weir.dir, "admin.sock")
        with open(weir.config, "wb") as f:
            f.write(b'load_balancers:\n  - name: "\xff\xfe"\n')
        done = weir.command("reload", "--socket", path)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("weir.yaml:2:12: error: ", done.stderr)
        with open(weir.config, "w", encoding="utf-8") as f:
            f.write("load_balancers: [")
        # Where the socket is stands in the file, so somebody must say it.
        done = weir.command("status")
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("--socket", done.stderr)
        # A pipe that nobody fills must not hold up the process for ever.
        os.unlink(weir.config)
        os.mkfifo(weir.config)
        done = weir.command("reload", "--socket", path)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("pipe", done.stderr)

    def test_no_daemon_is_status_4(self):
        weir = self.weir(ONE_GROUP, app=self.origin())
        self.assertEqual(weir.stop(), 0)
        for word in ("status", "targets", "reload"):
            self.assertEqual(weir.command(word).returncode, 4, word)

    def test_the_access_log_has_a_line_for_each_request(self):
        app = self.origin(Reply(200, b"ok"))
        weir = self.weir(LOGGED, app=app)
        weir.get("/one?x=1")
        line = json.dumps(weir.last_log)
        self.assertIn('"path": "/one", "query": "x=1"', line)
        self.assertIn("200", line)
        self.assertIn(str(app), line)

    def test_a_client_that_left_while_it_waited_is_460(self):
        held = Held()
        app = self.origin(held)
        weir = self.weir(LOGGED, app=app)
        c = weir.client()
        c.send(request("GET", "/waiting"))
        self.assertTrue(app.wait_for(lambda o: o.requests))
        c.close()
        line = json.dumps(weir.last_log)
        held.release.set()
        self.assertIn("460", line)
        self.assertIn("/waiting", line)

    def test_logs_are_opened_again(self):
        weir = self.weir(LOGGED, app=self.origin(Reply(200, b"ok")))
        weir.get("/before")
        self.assertIn("/before", json.dumps(weir.last_log))
        os.rename(weir.access_log, weir.access_log + ".1")
        weir.signal(SIGUSR1)
        wait_for(lambda: os.path.exists(weir.access_log), "a new file")
        weir.log_seen = 0
        weir.get("/after")
        self.assertIn("/after", json.dumps(weir.last_log))


class Checked(Scene):
    over = ("plain",)

    def test_every_finding_with_its_place(self):
        done = self.check_config(CHECK)
        text = done.stdout + done.stderr
        self.assertEqual(done.returncode, 3, text)
        self.assertRegex(text, r"weir\.yaml:4:\d+: error: .*wbe")
        self.assertRegex(text, r"weir\.yaml:5:\d+: error: .*unknwon")
        self.assertRegex(text, r"weir\.yaml:7:\d+: error: ")
        self.assertIn('did you mean "web"?', text)

    def test_serve_refuses_the_same(self):
        weir = self.weir(CHECK, wait=False)
        self.assertEqual(weir.process.wait(10), 3)
        self.assertRegex(weir.log.wait_for("error: .*wbe"), r"weir\.yaml:\d+:\d+")

    def test_a_file_that_is_not_there(self):
        done = subprocess.run([find_weir(), "check", "-c", "/nonexistent/weir.yaml"],
                              capture_output=True, timeout=10, check=False)
        self.assertEqual(done.returncode, 3)
        self.assertIn(b"/nonexistent/weir.yaml", done.stdout + done.stderr)

    def test_what_cannot_be_written_is_a_failure(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([find_weir(), "check", "--keys"], stdout=full, timeout=10,
                                  stderr=subprocess.PIPE, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"No space left", done.stderr)

    def test_usage(self):
        for args in (["nonsense"], ["serve", "--nonsense"], []):
            done = subprocess.run([find_weir(), *args], capture_output=True, timeout=10,
                                  stdin=subprocess.DEVNULL, check=False)
            self.assertEqual(done.returncode, 2, args)

    def test_a_port_that_is_taken(self):
        taken = self.origin()
        weir = self.weir(ONE_GROUP.replace("{listener}", "port: %d" % taken.port),
                         app=taken, wait=False)
        self.assertEqual(weir.process.wait(10), 1)
        self.assertRegex(weir.log.wait_for(str(taken.port)), "(?i)address|use")


@unittest.skipUnless(os.geteuid() == 0, "only root can give up being root")
class Privileges(Scene):
    over = ("plain",)

    def test_root_is_given_up(self):
        app = self.origin(Reply(200, b"ok"))
        weir = self.weir("settings:\n  user: nobody\n  admin.socket: {dir}/run/admin.sock\n"
                         "  stickiness_key_file: {dir}/run/key\n" + ONE_GROUP, app=app)
        self.assertEqual(weir.get("/").status, 200)
        with open(f"/proc/{weir.process.pid}/status", encoding="ascii") as f:
            status = f.read()
        self.assertRegex(status, r"Uid:\s65534\s65534\s65534\s65534")
        capabilities = int(re.search(r"CapEff:\s(\w+)", status).group(1), 16)
        self.assertEqual(capabilities & ~(1 << 10), 0, "more than CAP_NET_BIND_SERVICE")

class Planned(Scene):
    over = ("plain",)

    def regress_commands_that_are_not_built_are_named(self):
        for words, name in ((["upgrade", "--timeout", "3"], "upgrade"),
                            (["init"], "init")):
            done = subprocess.run([find_weir(), *words], stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, timeout=30, check=False)
            self.assertEqual(done.returncode, 2)
            self.assertIn(f'weir: "{name}" is not built yet', done.stderr)
