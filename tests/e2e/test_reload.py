"""A reload changes what the file changed, and nothing else."""

import threading

from client import request
from scene import Held, ONE_GROUP, Reply, Scene, Upgrade, SIGHUP, wait_for

TWO = """
load_balancers:
  - name: web
    addresses: 127.0.0.1
    listeners: [{{listener}, default_actions: {forward: app}}]
target_groups:
  - {name: app, health_check.enabled: false, targets: [{targets}]}
"""


class Traffic:
    """Clients that ask without a break, and remember what went wrong."""

    def __init__(self, weir, n=4, keep=True, **kw):
        self.weir, self.keep, self.kw = weir, keep, kw
        self.stop = threading.Event()
        self.answered, self.wrong, self.closed = [0] * n, [], 0
        self.threads = [threading.Thread(target=self._run, args=(i,), daemon=True)
                        for i in range(n)]
        for t in self.threads:
            t.start()

    def _run(self, i):
        c = None
        try:
            while not self.stop.is_set():
                c = c or self.weir.client(**self.kw)
                answer = c.get("/")
                if answer.status != 200 or not answer.whole:
                    self.wrong.append(repr(answer))
                self.answered[i] += 1
                if not self.keep or answer.fields.get("connection", "") == "close":
                    c.close()
                    c = None
        except Exception as e:
            self.wrong.append(repr(e))

    def wait_more(self, n=20):
        """Until each of them had n more answers."""
        goal = [a + n for a in self.answered]
        wait_for(lambda: self.wrong or all(a >= g for a, g in zip(self.answered, goal)),
                 "more answers", 20)

    def end(self):
        self.stop.set()
        for t in self.threads:
            t.join(20)


class Reload(Scene):
    def test_twenty_under_load_fail_no_request_and_cut_no_tunnel(self):
        app, chat = self.origin(Reply(200, b"ok")), self.origin(Upgrade())
        config = ONE_GROUP.replace(
            "listeners: [{{listener}, default_actions: {forward: app}}]",
            "listeners: [{{listener}, default_actions: {forward: app}, rules: "
            "[{priority: 1, conditions: {path_pattern: /ws}, actions: {forward: chat}}]}]")
        config += "  - {name: chat, health_check.enabled: false, targets: [{chat}]}\n"
        weir = self.weir(config, app=app, chat=chat, workers=3)
        tunnels = [weir.websocket() for _ in range(100)]
        for n, ws in enumerate(tunnels):
            self.assertEqual(ws.echo(b"%d" % n), b"%d" % n)
        kept, fresh = Traffic(weir, keep=True), Traffic(weir, 2, keep=False)
        for n in range(20):
            weir.reload(config + f"# {n}\n")
            kept.wait_more(5)
        kept.end()
        fresh.end()
        self.assertEqual(kept.wrong + fresh.wrong, [])
        for n, ws in enumerate(tunnels):
            self.assertEqual(ws.echo(b"again %d" % n), b"again %d" % n)

    def test_the_next_request_on_a_kept_connection_meets_the_new_file(self):
        old, new = self.origin(Reply(200, b"old")), self.origin(Reply(200, b"new"))
        weir = self.weir(TWO, targets=old)
        c = weir.client()
        self.assertEqual(c.get("/").body, b"old")
        weir.reload(TWO, targets=new)
        self.assertEqual(c.get("/").body, b"new")

    def test_a_request_that_runs_ends_as_it_began(self):
        held = Held(Reply(200, b"old"))
        old, new = self.origin(held), self.origin(Reply(200, b"new"))
        weir = self.weir(TWO, targets=old)
        c = weir.client()
        c.send(request("GET", "/"))
        self.assertTrue(old.wait_for(lambda o: o.requests))
        weir.reload(TWO, targets=new)
        self.assertEqual(weir.get("/").body, b"new")
        held.release.set()
        self.assertEqual(c.answer().body, b"old")

    def test_a_bad_file_changes_nothing(self):
        app = self.origin(Reply(200, b"ok"))
        weir = self.weir(TWO, targets=app)
        c = weir.client()
        self.assertEqual(c.get("/").body, b"ok")
        bad = TWO.replace("forward: app", "forward: ap")
        for config in (bad, "load_balancers: [", "nonsense: true\n"):
            weir.write(config)
            done = weir.command("reload", "--wait")
            self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
            self.assertRegex(done.stdout + done.stderr, r"weir\.yaml:\d+:\d+: error: ")
            self.assertEqual(c.get("/").body, b"ok")
        weir.reload(TWO)
        self.assertEqual(c.get("/").body, b"ok")

    def test_a_signal_does_it_too(self):
        old, new = self.origin(Reply(200, b"old")), self.origin(Reply(200, b"new"))
        weir = self.weir(TWO, targets=old)
        c = weir.client()
        self.assertEqual(c.get("/").body, b"old")
        weir.write(TWO, targets=new)
        weir.signal(SIGHUP)
        wait_for(lambda: c.get("/").body == b"new", "the new file")

    def test_listeners_come_and_go(self):
        app = self.origin(Reply(200, b"ok"))
        weir = self.weir(TWO, targets=app)
        c = weir.client()
        c.get("/")
        both = TWO.replace("listeners: [", "listeners: [{{listener2}, default_actions: "
                           "{fixed_response: {status_code: 200, message_body: two}}}, ")
        weir.reload(both)
        self.assertEqual(weir.get("/", port="port2").body, b"two")
        self.assertEqual(c.get("/").body, b"ok")
        weir.reload(TWO)

        def gone():
            try:
                weir.client("port2").close()
            except OSError:
                return True
        wait_for(gone, "the second port to be closed")
        self.assertEqual(c.get("/").body, b"ok")

    def test_a_port_that_is_taken_leaves_the_old_world(self):
        app = self.origin(Reply(200, b"ok"))
        weir = self.weir(TWO, targets=app)
        taken = self.origin()
        weir.write(TWO.replace("listeners: [", "listeners: [{port: %d, default_actions: "
                               "{forward: app}}, " % taken.port))
        self.assertNotEqual(weir.command("reload", "--wait").returncode, 0)
        self.assertEqual(weir.get("/").body, b"ok")

    def test_another_number_of_workers_waits_for_a_restart(self):
        app = self.origin(Reply(200, b"ok"))
        weir = self.weir(TWO, targets=app, workers=3)
        for workers in (1, 8, 2):
            weir.reload(TWO, workers=workers)
            for _ in range(12):
                self.assertEqual(weir.get("/").body, b"ok")

    def test_the_generations_that_are_left_are_shown(self):
        app = self.origin(Reply(200, b"ok"))
        weir = self.weir(TWO, targets=app)
        before = weir.json("status")
        weir.reload()
        self.assertNotEqual(weir.json("status"), before)
