"""Maintenance that is switched at run time."""

import threading

from scene import Reply, Scene, Upgrade

CONFIG = """
load_balancers:
  - name: web
    addresses: 127.0.0.1
    {of_web}
    listeners:
      - {port: {port}, default_actions: {forward: app}}
      - {port: {port2}, default_actions: {forward: app}}
  - name: api
    addresses: 127.0.0.1
    listeners: {port: {port3}, default_actions: {forward: app}}
target_groups:
  - {name: app, health_check.enabled: false, targets: [{app}]}
"""


def config(of_web=""):
    return CONFIG.replace("{of_web}", of_web)


class Maintenance(Scene):
    over = ("plain",)

    def serve(self, *script, of_web="", **kw):
        self.app = self.origin(*(script or (Reply(200, b"ok"),)))
        self.server = self.weir(config(of_web), app=self.app, **kw)
        return self.server

    def switch(self, *words, status=0, says=""):
        done = self.server.command("maintenance", *words)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.assertIn(says, done.stdout + done.stderr)
        return done

    def shown(self):
        return [(m["load_balancer"], m["port"], m["by"])
                for m in self.server.json("maintenance")["maintenance"]]

    def statuses(self):
        return [self.server.get("/", port=p).status for p in ("port", "port2", "port3")]

    def test_on_and_off(self):
        weir = self.serve(Upgrade(), Reply(200, b"ok"), workers=2)
        ws = weir.websocket()
        self.switch(says="nothing is under maintenance")
        self.switch("on", "web", says="runtime")
        for _ in range(4):  # whichever worker it is
            self.assertEqual(self.statuses(), [503, 503, 200])
        answer = weir.get("/")
        self.assertEqual((answer.fields["weir-reason"], answer.fields["retry-after"]),
                         ("maintenance", "300"))
        self.assertEqual(ws.echo(b"hello"), b"hello")
        ports = weir.ports
        self.assertEqual(self.shown(), [("web", ports["port"], "runtime"),
                                        ("web", ports["port2"], "runtime")])
        one = weir.json("maintenance")["maintenance"][0]
        self.assertEqual((one["allow"], one["retry_after"]), ([], 300))
        self.assertRegex(one["since"], r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertEqual(weir.json("status")["generations"]["current"], 1)

        # A port of its own beside it, which then wins.
        self.switch("on", f"web:{ports['port2']}", "--allow", "127.0.0.0/8",
                    "--allow", "::1/128", "--retry-after", "60")
        self.assertEqual(self.statuses(), [503, 200, 200])
        self.switch("off", f"web:{ports['port2']}")
        self.assertEqual(self.statuses(), [503, 503, 200])
        self.switch("off", "web", says="nothing is under maintenance")
        self.assertEqual(self.statuses(), [200, 200, 200])
        kinds = [e["kind"] for e in weir.json("events")["events"]]
        self.assertEqual(kinds.count("maintenance"), 4)

    def test_what_the_file_shuts(self):
        weir = self.serve(of_web="maintenance: {enabled: true, retry_after_seconds: 9}")
        self.assertEqual([by for _, _, by in self.shown()], ["file", "file"])
        self.switch("off", "web", status=1, says="the file says so")
        self.switch("on", "web", "--retry-after", "7")
        self.assertEqual(weir.get("/").fields["retry-after"], "7")
        self.switch("off", "web")
        self.assertEqual(weir.get("/").fields["retry-after"], "9")

    def test_regress_it_lasts_over_reloads_and_restarts(self):
        weir = self.serve()
        self.switch("on", "web", "--allow", "192.0.2.0/24", "--retry-after", "60")
        since = weir.json("maintenance")["maintenance"][0]["since"]
        weir.reload(config("idle_timeout.timeout_seconds: 30"))
        self.assertEqual(self.statuses(), [503, 503, 200])
        # As the overlay file has it.
        overlay = weir.json("overlay")["overlay"]["maintenance"]
        self.assertEqual(overlay, [{"load_balancer": "web", "since": since,
                                    "allow": ["192.0.2.0/24"], "retry_after": 60}])
        weir.stop()
        again = self.weir(open(weir.config, encoding="utf-8").read())
        answer = again.get("/", port=weir.ports["port"])
        self.assertEqual((answer.status, answer.fields["retry-after"]), (503, "60"))
        self.server = again
        self.assertEqual(again.json("maintenance")["maintenance"][0]["since"], since)

        # Gone from the file, and back: nobody opened it.
        with open(again.config, encoding="utf-8") as f:
            text = f.read()
        again.reload(text.replace("name: web", "name: www"))
        again.log.wait_for("maintenance of what is no more")
        self.assertEqual(again.get("/", port=weir.ports["port"]).status, 200)
        again.reload(text)
        self.assertEqual(again.get("/", port=weir.ports["port"]).status, 503)

    def test_regress_bad_words(self):
        weir = self.serve()
        port = weir.ports["port"]
        for words, says in (
                (("on", "wbe"), 'no load balancer "wbe"'),
                (("on", f"api:{port}"), "has no listener on port"),
                (("on", "web:0"), "is no listener"), (("on", "web:x"), "is no listener"),
                (("on", "web", "--allow", "10.0.0.1"), 'write "10.0.0.1/32"'),
                (("on", "web", "--allow", "10.0.0.1/8"), 'write "10.0.0.0/8"'),
                (("on", "web", "--allow", "everybody"), "is no network"),
                (("on", "web", "--retry-after", "0"), "from 1 to"),
                (("off", "web"), "no maintenance of that")):
            self.switch(*words, status=1, says=says)
        for words in (("on",), ("shut", "web"), ("on", "web", "api"),
                      ("off", "web", "--allow", "10.0.0.0/8"), ("--retry-after", "5"),
                      ("on", "web", "--retry-after", "soon")):
            self.switch(*words, status=2)
        self.assertEqual(self.statuses(), [200, 200, 200])

    def test_regress_requests_under_way_meet_no_freed_networks(self):
        weir = self.serve(workers=4)
        stop, seen = threading.Event(), set()

        def ask():
            c = weir.client()
            while not stop.is_set():
                seen.add(c.get("/").status)
        threads = [threading.Thread(target=ask) for _ in range(8)]
        for t in threads:
            t.start()
        for n in range(10):
            self.switch("on", "web", "--allow", f"10.{n}.0.0/16")
            self.switch("off", "web")
        stop.set()
        for t in threads:
            t.join()
        self.assertEqual(seen, {200, 503})
