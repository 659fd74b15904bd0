"""Targets that are changed at run time, beside the file."""

import grp
import json
import os
import re
import resource
import shutil
import signal
import socket
import stat
import subprocess
import threading
import unittest

from client import request
from scene import Held, ONE_GROUP, Reply, Scene, Upgrade, certificate, wait_for
from test_reload import Traffic

GROUP = """
load_balancers:
  - name: web
    addresses: 127.0.0.1
    listeners: [{{listener}, default_actions: {forward: app}}]
target_groups:
  - {name: app, {more}health_check.enabled: false, targets: [{targets}]}
  - {name: spare, health_check.enabled: false}
"""


def read_overlay(weir):
    with open(os.path.join(weir.dir, "overlay.json"), encoding="utf-8") as f:
        return json.load(f)


class Runtime(Scene):
    """One weir and two servers, of which the file knows one."""
    over = ("plain",)

    def begin(self, more="", **kw):
        self.one = self.origin(Reply(200, b"one"))
        self.two = self.origin(Reply(200, b"two"))
        return self.weir(GROUP, targets=self.one, more=more, **kw)

    def do(self, weir, *words, status=0):
        done = weir.command(*words)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def bodies(self, weir, n=6):
        return {weir.get("/").body for _ in range(n)}

    def laid(self, weir):
        return {target["target"]: (target["state"], target.get("overlay"))
                for target in weir.json("targets")["target_groups"][0]["targets"]}

    def test_register_is_in_force_when_it_returns(self):
        weir = self.begin(workers=3)
        self.assertEqual(self.bodies(weir), {b"one"})
        self.do(weir, "target", "register", "app", str(self.two), "--wait")
        self.assertEqual(self.bodies(weir, 12), {b"one", b"two"})
        self.assertEqual(self.laid(weir)[str(self.two)], ("unavailable", "registered"))
        self.assertEqual(weir.json("status")["generations"]["current"], 1)
        self.assertEqual(weir.json("status")["overlay"]["entries"], 1)
        path = os.path.join(weir.dir, "overlay.json")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode) & 0o137, 0)
        self.assertEqual(read_overlay(weir)["target_groups"], {"app": {"registered": [
            {"id": "127.0.0.1", "port": self.two.port}]}})

    def test_twice_is_once(self):
        weir = self.begin()
        words = ("target", "register", "app", str(self.two), "--weight", "3")
        self.assertTrue(weir.json(*words)["changed"])
        before = read_overlay(weir)
        self.assertFalse(weir.json(*words)["changed"])
        self.assertEqual(read_overlay(weir), before)
        # A change of the weight is a change, and what is not said stays.
        answer = weir.json("target", "register", "app", str(self.two), "--backup")
        self.assertTrue(answer["changed"])
        self.assertEqual(answer["target"], str(self.two))
        self.assertEqual(read_overlay(weir)["target_groups"]["app"]["registered"],
                         [{"id": "127.0.0.1", "port": self.two.port, "weight": 3,
                           "backup": True}])

    def test_drain_and_resume(self):
        weir = self.begin(workers=2)
        self.do(weir, "target", "register", "app", str(self.two))
        answer = weir.json("target", "drain", "app", str(self.one), "--wait")
        self.assertEqual((answer["targets"], answer["in_flight"], answer["changed"]),
                         ([str(self.one)], 0, True))
        self.assertEqual(self.bodies(weir), {b"two"})
        self.assertEqual(self.laid(weir)[str(self.one)], ("draining", "drained"))
        said = self.do(weir, "targets")
        self.assertIn("drained at run time", said)
        self.assertRegex(said, re.escape(str(self.two)) + ".*registered at run time")
        self.do(weir, "target", "resume", "app", str(self.one), "--wait")
        self.assertEqual(self.bodies(weir), {b"one", b"two"})
        self.assertEqual(self.laid(weir)[str(self.one)], ("unavailable", None))

    def test_deregister_waits_for_what_runs(self):
        weir = self.begin(more="deregistration_delay.timeout_seconds: 60, ")
        held = Held(Reply(200, b"held"))
        slow = self.origin(held)
        self.do(weir, "target", "drain", "app", str(self.one))
        self.do(weir, "target", "register", "app", str(slow))
        c = weir.client()
        c.send(request("GET", "/"))
        self.assertTrue(slow.wait_for(lambda o: o.requests))
        # As long as it runs, and no longer.
        answer = weir.command("target", "deregister", "app", str(slow), "--wait",
                              "--timeout", "0.2")
        self.assertEqual(answer.returncode, 1)
        self.assertIn("1 requests are still in flight", answer.stderr)
        done = []
        waiter = threading.Thread(target=lambda: done.append(weir.json(
            "target", "deregister", "app", str(slow), "--wait")))
        waiter.start()
        wait_for(lambda: len(weir.states()) == 2, "both drain")
        self.assertEqual(done, [])
        held.release.set()
        self.assertEqual(c.answer().body, b"held")
        waiter.join(20)
        self.assertEqual((done[0]["in_flight"], done[0]["changed"]), (0, False))

    def test_a_target_of_the_file_is_taken_out_and_comes_back(self):
        weir = self.begin()
        self.do(weir, "target", "deregister", "app", str(self.one))
        self.assertEqual(weir.get("/").status, 503)
        self.assertEqual(read_overlay(weir)["target_groups"]["app"]["deregistered"],
                         [{"id": "127.0.0.1", "port": self.one.port}])
        self.assertEqual(weir.json("overlay")["differences"], [
            {"target_group": "app", "target": str(self.one), "file": "weight 1, zone all",
             "now": "deregistered"}])
        self.do(weir, "target", "register", "app", str(self.one))
        self.assertEqual(self.bodies(weir), {b"one"})
        self.assertEqual(read_overlay(weir)["target_groups"], {})

    def test_without_a_port_all_ports_are_meant(self):
        weir = self.begin()
        self.do(weir, "target", "register", "app", str(self.two))
        answer = weir.json("target", "drain", "app", "127.0.0.1")
        self.assertEqual(sorted(answer["targets"]), sorted([str(self.one), str(self.two)]))
        self.assertEqual(weir.get("/").status, 503)

    def test_it_survives_reload_and_restart(self):
        weir = self.begin()
        self.do(weir, "target", "register", "app", str(self.two))
        self.do(weir, "target", "drain", "app", str(self.one))
        weir.reload()
        self.assertEqual(self.bodies(weir), {b"two"})
        # A file that was edited and not reloaded is not slipped in.
        weir.write(GROUP.replace("forward: app", "forward: spare"))
        self.do(weir, "target", "resume", "app", str(self.one))
        self.assertEqual(self.bodies(weir), {b"one", b"two"})
        weir.write(GROUP)
        self.do(weir, "target", "drain", "app", str(self.one))
        self.assertEqual(weir.stop(), 0)
        again = self.weir(GROUP, targets=self.one, more="",
                          settings=f"overlay_file: {weir.dir}/overlay.json")
        self.assertEqual(self.bodies(again), {b"two"})
        self.assertEqual(self.laid(again)[str(self.one)], ("draining", "drained"))

    def test_a_file_that_catches_up(self):
        weir = self.begin()
        self.do(weir, "target", "register", "app", str(self.two))
        self.do(weir, "target", "register", "spare", str(self.two))
        weir.reload(GROUP, targets=f"{self.one}, {self.two}")
        self.assertEqual(list(read_overlay(weir)["target_groups"]), ["spare"])
        weir.log.wait_for("the file now says what was changed at run time")
        weir.write("\n".join(GROUP.split("\n")[:-2]) + "\n")
        said = self.do(weir, "reload")
        self.assertIn('target group "spare" is dropped: the file has no such group', said)
        self.assertEqual(read_overlay(weir)["target_groups"], {})

    def test_overlay_drop(self):
        weir = self.begin()
        for group in ("app", "spare"):
            self.do(weir, "target", "register", group, str(self.two))
        self.assertIn("registered, weight 1", self.do(weir, "overlay"))
        self.do(weir, "overlay", "drop", "spare")
        self.assertEqual(list(read_overlay(weir)["target_groups"]), ["app"])
        self.assertEqual(weir.json("overlay", "drop")["differences"], [])
        self.assertEqual(self.bodies(weir), {b"one"})
        self.assertIn("the file alone", self.do(weir, "overlay"))

    def test_bad_words(self):
        weir = self.begin()
        for words, said in (
                (("register", "ap", "10.0.0.1:80"), 'no target group "ap"; did you mean "app"?'),
                (("register", "app", "300.1.2.3:80"), "is not a target"),
                (("register", "app", "10.0.0.1"), "has no port"),
                (("register", "app", "10.0.0.1:0"), "is not a target"),
                (("register", "app", "10.0.0.1:80", "--weight", "0"), "from 1 to 1000000"),
                (("register", "app", "10.0.0.1:80", "--zone", "a b"), "availability_zone"),
                (("register", "app", "unix:relative"), "must begin with"),
                (("register", "app", "x" * 300 + ":80"), "octets"),
                (("drain", "app", "10.0.0.9:80"), 'has no target "10.0.0.9:80"'),
                (("resume", "app", "10.0.0.9"), "has no target"),
                (("deregister", "app", "10.0.0.9"), "has no target"),
                (("register", "app", "nosuch.invalid:80", "--wait", "--timeout", "0.1"),
                 "its name has no address"),
                (("register", "spare", "10.0.0.1:80", "--wait"), "no rule forwards")):
            done = weir.command("target", *words)
            self.assertEqual(done.returncode, 1, words)
            self.assertIn(said, done.stderr)
        for words in (("register", "app"), ("drain", "app", "a", "b"), ("nonsense",),
                      ("drain", "app", "a", "--timeout", "3"),
                      ("drain", "app", "a", "--wait", "--timeout", "soon")):
            self.assertEqual(weir.command("target", *words).returncode, 2, words)
        self.assertEqual(weir.get("/").body, b"one")

    def test_an_overlay_that_cannot_be_read(self):
        for text, said in (('{"version": 2}', "of a later weir"),
                           ('{"version": 1, "target_gro', "not JSON"),
                           ("[]", "no JSON object"), ("", "not JSON"),
                           ('{"version": 1, "target_groups": {"app": {"drained": [{}]}}}',
                            "has no id")):
            folder = self.folder()
            path = os.path.join(folder, "overlay.json")
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
            os.chmod(path, 0o666)
            weir = self.begin(settings=f"overlay_file: {path}")
            self.assertEqual(weir.get("/").body, b"one")
            weir.log.wait_for("level=error .*overlay file .*" + said)
            advice = weir.json("status")["advice"]
            self.assertEqual([a["token"] for a in advice], ["overlay-broken"])
            done = weir.command("target", "register", "app", str(self.two))
            self.assertEqual(done.returncode, 1)
            self.assertIn("weir overlay drop", done.stderr)
            with open(path, encoding="utf-8") as f:
                self.assertEqual(f.read(), text)
            self.do(weir, "overlay", "drop")
            self.do(weir, "target", "register", "app", str(self.two))
            self.assertEqual(weir.json("status")["advice"], [])
            self.assertEqual(weir.stop(), 0)

    def test_an_overlay_of_another_file(self):
        folder = self.folder()
        path = os.path.join(folder, "overlay.json")
        with open(path, "w", encoding="utf-8") as f:
            json.dump({"version": 1, "target_groups": {
                "gone": {"drained": [{"id": "10.0.0.1", "port": 80}]},
                "app": {"registered": [{"id": "web7", "port": 80}, {"id": "not an id"}]}}}, f)
        weir = self.begin(settings=f"overlay_file: {path}")
        self.assertEqual(weir.get("/").body, b"one")
        weir.log.wait_for('"gone" is dropped')
        weir.log.wait_for('"not an id"')

    def test_two_who_write_at_once(self):
        weir = self.begin()
        done = []
        threads = [threading.Thread(target=lambda n=n: done.append(
            weir.command("target", "register", "spare", f"10.0.0.{n}:80").returncode))
            for n in range(1, 9)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(30)
        self.assertEqual(done, [0] * 8)
        self.assertEqual(len(read_overlay(weir)["target_groups"]["spare"]["registered"]), 8)

    def test_a_full_disk_changes_nothing(self):
        # The limit of a file's size stands for a disk without room.
        weir = self.begin()
        self.do(weir, "target", "register", "app", str(self.two))
        before = read_overlay(weir)
        resource.prlimit(weir.process.pid, resource.RLIMIT_FSIZE, (10, 10))
        done = weir.command("target", "drain", "app", str(self.one))
        self.assertEqual(done.returncode, 1)
        self.assertIn("nothing was changed", done.stderr)
        self.assertEqual(read_overlay(weir), before)
        self.assertEqual(self.bodies(weir), {b"one", b"two"})
        self.assertEqual(os.path.exists(os.path.join(weir.dir, "overlay.json.new")), False)

    def test_export_is_a_file_that_means_the_same(self):
        weir = self.begin(more='port: 80, ', env={"HOST": "127.0.0.1"})
        os.mkdir(os.path.join(weir.dir, "conf.d"))
        with open(os.path.join(weir.dir, "conf.d", "x.yaml"), "w", encoding="utf-8") as f:
            f.write("target_groups: {name: more, targets: ['${HOST}:81']}\n")
        weir.reload("include: conf.d/*.yaml\n" + GROUP)
        self.do(weir, "target", "register", "app", str(self.two), "--weight", "7")
        self.do(weir, "target", "deregister", "app", str(self.one))
        self.do(weir, "target", "register", "spare", "unix:/run/${x}")
        self.do(weir, "target", "register", "spare", "10.0.0.1:80")
        self.do(weir, "target", "drain", "spare", "10.0.0.1:80")
        # Of the text in force, not of the file.
        weir.write(GROUP.replace("app", "other"))
        path = os.path.join(weir.dir, "all.yaml")
        self.do(weir, "export", "-o", path)
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        with open(path, encoding="utf-8") as f:
            text = f.read()
        self.assertIn("- \"${HOST}:81\"\n", text)
        self.assertIn('id: "unix:/run/$${x}"', text)
        self.assertIn("# drained at run time, which a file cannot say: spare 10.0.0.1 port 80",
                      text)
        self.assertNotIn("include", text)
        self.assertEqual(text, self.do(weir, "export", "--socket", weir.dir + "/admin.sock"))
        shutil.copy(path, weir.config)
        self.do(weir, "check")
        self.do(weir, "overlay", "drop")
        self.do(weir, "reload")
        self.assertEqual(self.bodies(weir), {b"two"})
        targets = weir.json("targets")["target_groups"]
        self.assertEqual({g["name"]: sum(t["state"] != "draining" for t in g["targets"])
                          for g in targets},
                         {"app": 1, "spare": 2, "more": 1})


@unittest.skipUnless(os.geteuid() == 0, "only root can be others")
class Roles(Scene):
    """Who may ask, and who may change what runs."""
    over = ("plain",)
    NOBODY = 65534

    def begin(self, **groups):
        settings = "".join(f"admin.{name}: {grp.getgrgid(gid).gr_name}\n"
                           for name, gid in groups.items())
        return self.weir(ONE_GROUP, app=self.origin(Reply(200, b"ok")), settings=settings)

    def run_as(self, weir, groups, *words):
        return subprocess.run(
            [weir.binary, *words, "-c", weir.config], env=weir.env, timeout=30,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
            user=self.NOBODY, group=self.NOBODY, extra_groups=groups)

    def test_who_reads_and_who_changes(self):
        reads, changes = 100, 60  # users and games, on every Debian
        weir = self.begin(read_group=reads, admin_group=changes)
        mode = stat.S_IMODE(os.stat(os.path.join(weir.dir, "admin.sock")).st_mode)
        self.assertEqual(mode, 0o666)
        reading = (["status"], ["targets"], ["rules"], ["certs"], ["overlay"], ["maintenance"],
                   ["explain", "request", "http://x:%d/" % weir.ports["port"]])
        changing = (["reload"], ["overlay", "drop"], ["export"],
                    ["maintenance", "on", "web"], ["maintenance", "off", "web"],
                    ["target", "register", "app", "127.0.0.1:9"],
                    ["target", "drain", "app", "127.0.0.1:9"],
                    ["target", "resume", "app", "127.0.0.1:9"],
                    ["target", "deregister", "app", "127.0.0.1:9"])
        for words in reading:
            self.assertEqual(self.run_as(weir, [reads], *words).returncode, 0, words)
            done = self.run_as(weir, [], *words)
            self.assertEqual(done.returncode, 1, words)
            self.assertRegex(done.stderr, "needs the (read|admin) group")
        for words in changing:
            done = self.run_as(weir, [reads], *words)
            self.assertEqual(done.returncode, 1, words)
            self.assertIn("needs the admin group", done.stderr)
            self.assertEqual(weir.json("status")["generations"]["current"], 1)
        done = self.run_as(weir, [reads], "reload", "--json")
        self.assertEqual(json.loads(done.stdout)["denied"], True)
        for words in changing:
            self.assertEqual(self.run_as(weir, [changes], *words).returncode, 0, words)

    def test_the_mode_is_the_first_bar(self):
        weir = self.begin(admin_group=60)
        mode = stat.S_IMODE(os.stat(os.path.join(weir.dir, "admin.sock")).st_mode)
        self.assertEqual(mode, 0o660)
        self.assertEqual(self.run_as(weir, [60], "reload").returncode, 0)
        self.assertEqual(self.run_as(weir, [100], "status").returncode, 4)

    def test_a_group_that_is_not_there(self):
        weir = self.weir("settings: {admin.read_group: nosuchgroup}\n" + ONE_GROUP,
                         app=self.origin(), wait=False)
        self.assertEqual(weir.process.wait(10), 1)
        weir.log.wait_for('there is no group "nosuchgroup"')
        self.assertEqual(weir.command("check").returncode, 3)


DEPLOYED = """
load_balancers:
  - name: web
    addresses: 127.0.0.1
    listeners: [{{listener}, default_actions: {forward: app}, rules: [
      {priority: 1, conditions: {path_pattern: /ws}, actions: {forward: chat}}]}]
target_groups:
  - {name: app, targets: [{targets}], deregistration_delay.timeout_seconds: 20,
     health_check: {interval_seconds: 0.5, timeout_seconds: 0.4, healthy_threshold_count: 1}}
  - {name: chat, health_check.enabled: false, targets: [{chat}]}
"""


class Load:
    """wrk, until it is told to end."""

    def __init__(self, scene, weir, connections, *more):
        self.process = subprocess.Popen(
            ["wrk", "-t1", f"-c{connections}", "-d120", *more,
             "http://127.0.0.1:%d/" % weir.ports["port"]],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        scene.addCleanup(self.process.kill)

    def end(self):
        """What it could not complain about."""
        self.process.send_signal(signal.SIGINT)
        said = self.process.communicate(timeout=30)[0]
        wrong = re.findall(r".*(?:Socket errors|Non-2xx).*", said)
        return wrong, int(re.search(r"(\d+) requests in", said).group(1))


@unittest.skipUnless(shutil.which("wrk"), "no wrk here")
class Deploy(Scene):
    """As people do it: nothing fails and nothing is cut. RELOADS=50 by hand."""
    over = ("plain",)

    def begin(self):
        self.servers = [self.origin(Reply(200, b"ok")) for _ in range(3)]
        weir = self.weir(DEPLOYED, targets=", ".join(str(o) for o in self.servers),
                         chat=self.origin(Upgrade()), workers=2)
        wait_for(lambda: list(weir.states().values()).count("healthy") == 3, "three are healthy")
        self.tunnels = [weir.websocket() for _ in range(20)]
        self.loads = [Load(self, weir, 8), Load(self, weir, 2, "-H", "Connection: close")]
        for origin in self.servers:
            self.assertTrue(origin.wait_for(lambda o: len(o.requests) > 20))
        return weir

    def judge(self):
        for load in self.loads:
            wrong, n = load.end()
            self.assertEqual(wrong, [])
            self.assertGreater(n, 20)
        for n, ws in enumerate(self.tunnels):
            self.assertEqual(ws.echo(b"%d" % n), b"%d" % n)

    def test_three_servers_are_replaced_one_by_one(self):
        weir = self.begin()
        for old in self.servers:
            done = weir.command("target", "drain", "app", str(old), "--wait")
            self.assertEqual(done.returncode, 0, done.stderr)
            old.stop()
            new = self.origin(Reply(200, b"new"))
            for words in (("register", "app", str(new)), ("deregister", "app", str(old))):
                done = weir.command("target", *words, "--wait")
                self.assertEqual(done.returncode, 0, done.stderr)
            self.assertTrue(new.wait_for(lambda o: o.requests))
        self.judge()
        self.assertEqual(weir.get("/").body, b"new")

    def test_reloads_under_load(self):
        weir = self.begin()
        for n in range(int(os.environ.get("RELOADS", "5"))):
            weir.reload(DEPLOYED + f"# {n}\n")
        self.judge()


SECURE = """
settings:
  user: nobody
  workers: 1
  admin.socket: {dir}/run/admin.sock
  stickiness_key_file: {dir}/run/key
  overlay_file: {dir}/run/overlay.json
load_balancers:
  - name: web
    addresses: 127.0.0.1
    listeners: [{port: {port}, protocol: HTTPS, default_actions: {fixed_response:
      {status_code: 200}}, certificates: {certificate: {dir}/own.pem, private_key: {dir}/own.key}}]
"""


@unittest.skipUnless(os.geteuid() == 0, "only root has what nobody may read")
class Descriptors(Scene):
    """A key that belongs to root alone, and a daemon that is not root."""
    over = ("plain",)

    def put(self, folder, kind):
        for path, name, mode in zip(certificate("example.test", kind=kind),
                                    ("own.pem", "own.key"), (0o644, 0o600)):
            to = os.path.join(folder, name)
            shutil.copy(path, to + ".new")
            os.chmod(to + ".new", mode)
            os.replace(to + ".new", to)

    def test_reload_as_root_passes_the_key(self):
        folder = self.folder()
        self.put(folder, "ec")
        weir = self.weir(SECURE.replace("{dir}/own", folder + "/own"))
        self.assertEqual(weir.get("/", tls=True).status, 200)
        self.put(folder, "rsa")
        # By a signal it cannot be read, and the old one stays.
        weir.signal(signal.SIGHUP)
        weir.log.wait_for("own.key cannot be read: Permission denied")
        before = weir.json("certs")
        done = weir.command("reload", "--wait")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotEqual(weir.json("certs"), before)
        self.assertEqual(weir.get("/", tls=True).status, 200)

    def test_who_may_not(self):
        folder = self.folder()
        self.put(folder, "ec")
        weir = self.weir(SECURE.replace("{dir}/own", folder + "/own"))
        path = os.path.join(weir.dir, "run", "admin.sock")

        def ask(files, fds):
            with socket.socket(socket.AF_UNIX) as s:
                s.connect(path)
                socket.send_fds(s, [json.dumps({"command": "reload", "files": files})
                                    .encode() + b"\n"], fds)
                return json.loads(s.makefile().readline())

        with open("/dev/null", "rb") as null:
            for files, fds in ((["/a"], [null.fileno()] * 2), (["/a", "/b"], [null.fileno()]),
                               ("/a", [null.fileno()]), ([1], [null.fileno()])):
                self.assertIn('"files" are', ask(files, fds)["error"])
            # What is lent and not asked for does nothing.
            before = len(os.listdir(f"/proc/{weir.process.pid}/fd"))
            self.assertFalse(ask(["/a"], [null.fileno()])["ok"])
            wait_for(lambda: len(os.listdir(f"/proc/{weir.process.pid}/fd")) <= before,
                     "nothing is left open")
