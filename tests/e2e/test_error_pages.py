"""Error pages of the configuration, maintenance, and ACME's challenges."""

import os

from client import request
from scene import Refuse, Reply, Scene, Upgrade

CONFIG = """
load_balancers:
  - name: web
    addresses: 127.0.0.1
    {of_balancer}
    listeners:
      - {{listener}, {of_listener}
         rules: [{priority: 1, conditions: {path_pattern: /fixed}, actions: {fixed_response: {status_code: 503}}},
                 {priority: 2, conditions: {path_pattern: /away}, actions: {redirect: {path: /there, status_code: HTTP_302}}}],
         default_actions: {forward: app}}
target_groups:
  - {name: app, {of_group} health_check.enabled: false, targets: [{app}]}
"""


def config(of_balancer="", of_listener="", of_group=""):
    of_listener += "," if of_listener else ""
    of_group += "," if of_group else ""
    return (CONFIG.replace("{of_balancer}", of_balancer).replace("{of_listener}", of_listener)
            .replace("{of_group}", of_group))


class Told(Scene):
    over = ("plain",)

    def files(self, **contents):
        """Files in a folder; their paths are names for configurations."""
        folder = self.folder()
        for name, octets in contents.items():
            path = os.path.join(folder, name)
            with open(path, "wb") as f:
                f.write(octets)
            os.chmod(path, 0o644)
        return folder


class ErrorPages(Told):
    over = ("plain", "tls")

    def test_the_nearest_page_is_asked_first(self):
        folder = self.files(group=b"of the group", listener=b"of the listener",
                            balancer=b"of the balancer")
        page = "error_pages: [{{status_codes: \"{0}\", file: {1}/{2}}}]".format
        app = self.origin(Refuse())
        weir = self.weir(config(
            page("400-599", folder, "balancer"), page("500-505", folder, "listener"),
            page("502", folder, "group")), app=app)
        self.assertEqual(weir.get("/").body, b"of the group")
        # No group is chosen yet.
        self.assertEqual(weir.ask("TRACE", "/").body, b"of the balancer")
        answer = weir.ask("GET", "/", host=None)
        self.assertEqual((answer.status, answer.body), (400, b"of the balancer"))

    def test_what_is_no_error_keeps_its_own(self):
        folder = self.files(page=b"a page")
        weir = self.weir(config(
            f"error_pages: {{status_codes: 400-599, file: {folder}/page}}"),
            app=self.origin(Reply(503, b"the target's")))
        self.assertEqual(weir.get("/").body, b"the target's")
        self.assertEqual(weir.get("/fixed").body, b"")
        self.assertEqual(weir.get("/away").status, 302)

    def test_placeholders_and_another_code(self):
        folder = self.files(page=b"<p>#{status_code} #{reason} #{host} #{trace_id} #{path}</p>")
        weir = self.weir(config(
            f"error_pages: {{status_codes: 502, file: {folder}/page, status_code: 200,"
            " content_type: text/html; charset=utf-8}"), app=self.origin(Refuse()))
        answer = weir.get("/", host="Some.Example:81",
                          fields=[("X-Amzn-Trace-Id", "Root=1-a;b=<i>")])
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.fields["content-type"], "text/html; charset=utf-8")
        self.assertEqual(answer.fields["weir-reason"], "target-refused")
        self.assertRegex(answer.body.decode(),
                         r"^<p>200 target-refused some\.example "
                         r"Self=1-\w+-\w+;Root=1-a;b=&lt;i&gt; #\{path\}</p>$")
        self.assertEqual(weir.ask("HEAD", "/").fields["content-type"],
                         "text/html; charset=utf-8")

    def test_the_trace_id_is_the_one_that_the_target_had(self):
        folder = self.files(page=b"#{trace_id}")
        app = self.origin(Reply(200, b"x" * 10, fields=[("X", "y" * 40000)]))
        weir = self.weir(config(f"error_pages: {{status_codes: 502, file: {folder}/page}}"),
                         app=app)
        answer = weir.get("/")
        self.assertEqual(answer.fields["weir-reason"], "target-header-too-large")
        self.assertEqual(answer.body.decode(), app.requests[-1].fields["x-amzn-trace-id"])

    def test_regress_script_in_the_host(self):
        folder = self.files(page=b"<p>[#{host}]</p>")
        weir = self.weir(config(
            f"error_pages: {{status_codes: 400-599, file: {folder}/page}}"),
            app=self.origin(Refuse()))
        for host in ("<script>alert(1)</script>", "a\"'><b>", "%3Cscript%3E", "a&b"):
            body = weir.get("/", host=host).body
            self.assertTrue(body.startswith(b"<p>[") and body.endswith(b"]</p>"), body)
            for sign in b"<>\"'":
                self.assertNotIn(sign, body[4:-5])

    def test_regress_the_largest_page_and_one_octet_more(self):
        folder = self.files(page=b"x" * 65530 + b"#{host}"[:6])
        text = config(f"error_pages: {{status_codes: 502, file: {folder}/page}}")
        weir = self.weir(text, app=self.origin(Refuse()))
        c = weir.client()
        for _ in range(3):
            self.assertEqual(len(c.get("/").body), 65536)
        # Answers in a row find no room for all of them: who does not read
        # them gets our own page, and nothing is lost.
        c.send(request("GET", "/") * 4)
        self.assertEqual([c.answer().status for _ in range(4)], [502] * 4)

        with open(os.path.join(folder, "page"), "ab") as f:
            f.write(b"y")
        done = weir.command("reload", "--wait")
        self.assertEqual(done.returncode, 3)
        self.assertIn("has more than 64 KiB", done.stderr + done.stdout)
        self.assertEqual(len(c.get("/").body), 65536)

    def test_regress_a_page_that_is_missing_at_reload(self):
        folder = self.files(page=b"a page")
        text = config(f"error_pages: {{status_codes: 502, file: {folder}/page}}")
        weir = self.weir(text, app=self.origin(Refuse()))
        os.unlink(os.path.join(folder, "page"))
        done = weir.command("reload", "--wait")
        self.assertEqual(done.returncode, 3)
        self.assertIn("cannot read", done.stderr + done.stdout)
        self.assertEqual(weir.get("/").body, b"a page")


class Maintenance(Told):
    def test_all_but_some_are_told_to_come_back(self):
        folder = self.files(page=b"back at noon")
        weir = self.weir(config(
            "maintenance: {enabled: true, allow: 192.0.2.0/24, retry_after_seconds: 60}\n"
            f"    error_pages: {{status_codes: 503, file: {folder}/page}}\n"
            "    trusted_addresses: 127.0.0.1/32"), app=self.origin(Reply(200, b"ok")))
        c = weir.client()
        for _ in range(2):
            answer = c.get("/fixed")
            self.assertEqual((answer.status, answer.body), (503, b"back at noon"))
            self.assertEqual((answer.fields["weir-reason"], answer.fields["retry-after"]),
                             ("maintenance", "60"))
        self.assertEqual(c.get("/", fields=[("X-Forwarded-For", "192.0.2.7")]).body, b"ok")
        self.assertEqual(weir.json("status")["reasons"], {"maintenance": 2})

    def test_a_listener_has_its_own(self):
        off = config("maintenance: {enabled: true}", "maintenance: {enabled: false}")
        weir = self.weir(off, app=self.origin(Upgrade(), Reply(200, b"ok")))
        ws = weir.websocket()
        weir.reload(config("", "maintenance.enabled: true"))
        self.assertEqual(weir.get("/").fields["retry-after"], "300")
        # What runs goes on.
        self.assertEqual(ws.echo(b"hello"), b"hello")
        weir.reload(off)
        self.assertEqual(weir.get("/").status, 200)

    def test_limits_are_not_asked(self):
        weir = self.weir(config(
            "maintenance: {enabled: true}\n    limits: {requests_per_second: 0.001}"),
            app=self.origin(Reply(200)))
        self.assertEqual([weir.get("/").fields["weir-reason"] for _ in range(2)],
                         ["maintenance"] * 2)


class Challenges(Told):
    over = ("plain", "tls")
    PATH = "/.well-known/acme-challenge/"

    def serve(self, folder):
        return self.weir(config("maintenance: {enabled: true}"), app=self.origin(Reply(200)),
                         settings=f"acme_challenge_directory: {folder}")

    def test_a_file_is_answered_ahead_of_everything(self):
        folder = self.files(**{"to-ken_1": b"to-ken_1.thumb", "a" * 128: b"", "b": b"x" * 16384})
        weir = self.serve(folder)
        c = weir.client()
        answer = c.get(self.PATH + "to-ken_1")
        self.assertEqual((answer.status, answer.body), (200, b"to-ken_1.thumb"))
        self.assertEqual(answer.fields["content-type"], "text/plain")
        answer = c.ask("HEAD", self.PATH + "to-ken_1")
        self.assertEqual((answer.status, answer.fields["content-length"]), (200, "14"))
        self.assertEqual(c.get(self.PATH + "a" * 128).status, 200)
        self.assertEqual(len(c.get(self.PATH + "b").body), 16384)
        self.assertEqual(weir.json("status")["reasons"], {"acme-challenge": 4})

    def test_regress_access_logs_have_a_line_of_it(self):
        weir = self.weir(config("{logs}\n    maintenance: {enabled: true}"),
                         app=self.origin(Reply(200)), settings="acme_challenge_directory: "
                         + self.files(token=b"thumb"))
        for path, status, reason in ((self.PATH + "token", 200, "acme-challenge"),
                                     ("/", 503, "maintenance")):
            weir.get(path)
            line = weir.last_log
            self.assertEqual((line["status"], line["reason"]), (status, reason))

    def test_regress_nothing_else_is_shown(self):
        folder = self.files(secret=b"secret", big=b"x" * 16385, inside=b"in")
        inner = os.path.join(folder, "challenges")
        os.mkdir(inner)
        os.symlink("../secret", os.path.join(inner, "out"))
        os.symlink(os.path.join(folder, "secret"), os.path.join(inner, "whole"))
        os.mkfifo(os.path.join(inner, "fifo"))
        os.mkdir(os.path.join(inner, "folder"))
        with open(os.path.join(inner, "real"), "wb") as f:
            f.write(b"real")
        os.symlink("real", os.path.join(inner, "link"))
        weir = self.serve(inner)
        for name in ("out", "whole", "fifo", "folder", "none", "", "..", "../secret",
                     "%2e%2e/secret", "real/", "re.al", "real%00", "c" * 129):
            self.assertEqual(weir.get(self.PATH + name).status, 503, name)
        for name in ("real", "link", "real?x=y"):
            self.assertEqual(weir.get(self.PATH + name).body, b"real", name)
        self.assertEqual(weir.post(self.PATH + "real", b"").status, 503)
        self.assertEqual(self.serve(folder).get(self.PATH + "big").status, 503)
