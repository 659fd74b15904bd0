"""What check says, start and reload do: the same findings, the same answer."""

import os
import socket
import subprocess
import unittest

from scene import find_weir, ONE_GROUP, Reply, Scene, SIGHUP

ANSWER = """
load_balancers:
  - name: web
    addresses: {address}
    listeners: [{port: {port}, default_actions: {fixed_response: {status_code: 200}}}]
"""
STICKY = ONE_GROUP.replace("false,", "false, stickiness.enabled: true,")
TESTED = ONE_GROUP.replace("{{listener},", "{port: {port},") + """
tests:
  - request: {url: "http://example.test:{port}/"}
    expect: {rule: {rule}}
"""


def settings(**keys):
    """A section of its own, so that the scenes add none."""
    keys = {"workers": 1, "admin.socket": "{dir}/admin.sock",
            "stickiness_key_file": "{dir}/sticky.key",
            **{key.replace("_socket", ".socket"): value for key, value in keys.items()}}
    if os.geteuid() == 0:
        keys.setdefault("user", "root")
    return "settings:\n" + "".join(f"  {key}: {value}\n" for key, value in keys.items())


class Check(Scene):
    over = ("plain",)

    def both(self, config, sentence, start_status, **names):
        """check and serve say the same of it; serve leaves no socket."""
        weir = self.weir(config, wait=False, **names)
        self.assertEqual(weir.process.wait(20), start_status)
        weir.log.thread.join(5)
        self.assertRegex(weir.log.text(), sentence)
        self.assertFalse(os.path.exists(os.path.join(weir.dir, "admin.sock")))
        checked = weir.command("check")
        self.assertEqual(checked.returncode, 3, checked.stderr)
        self.assertRegex(checked.stderr, sentence)
        return weir

    def regress_an_address_that_is_not_ours(self):
        self.both(settings() + ANSWER,
                  r"error: cannot listen on 192\.0\.2\.1:\d+: Cannot assign requested address",
                  1, address="192.0.2.1")

    @unittest.skipIf(os.geteuid(), "only root becomes somebody else")
    def regress_a_user_that_does_not_exist(self):
        self.both(settings(user="weir-no-such-user") + ANSWER,
                  'error: there is no user "weir-no-such-user" on this machine', 1,
                  address="127.0.0.1")

    def regress_a_key_that_cannot_be_made(self):
        folder = self.folder()
        with open(os.path.join(folder, "file"), "w", encoding="ascii"):
            pass
        self.both(settings(stickiness_key_file=f"{folder}/file/sticky.key") + STICKY,
                  r"error: the key for sticky cookies, .*/file/sticky\.key: "
                  r"cannot write to the folder", 1, app="127.0.0.1:1")

    def regress_a_key_that_cannot_be_read_by_the_later_user(self):
        user = {"user": "nobody"} if os.geteuid() == 0 else {}
        folder = self.folder()
        path = os.path.join(folder, "sticky.key")
        with open(path, "w", encoding="ascii") as f:
            f.write("no key at all\n")
        # The folder of the socket is not the user's, so it could not take the
        # socket away after it has become that user.
        self.both(settings(stickiness_key_file=path, **user) + STICKY,
                  "error: the key for sticky cookies, ", 1, app="127.0.0.1:1")

    def regress_check_makes_nothing(self):
        weir = self.weir(settings() + STICKY, app="127.0.0.1:1")
        weir.stop()
        os.unlink(os.path.join(weir.dir, "sticky.key"))
        before = sorted(os.listdir(weir.dir))
        self.assertEqual(weir.command("check").returncode, 0)
        self.assertEqual(sorted(os.listdir(weir.dir)), before)

    def regress_a_port_in_use_is_a_warning_and_our_own_is_none(self):
        weir = self.weir(settings() + ANSWER, address="127.0.0.1")
        checked = weir.command("check")
        self.assertEqual((checked.returncode, checked.stderr), (0, ""))
        weir.stop()
        with socket.socket() as other:
            other.bind(("127.0.0.1", weir.ports["port"]))
            other.listen()
            checked = weir.command("check")
        self.assertEqual(checked.returncode, 0)
        self.assertRegex(checked.stderr, "warning: cannot listen on .*: Address already in use")


    def regress_a_word_of_a_group_that_was_meant(self):
        for words, meant in ((("sg", "aply"), "sg apply"), (("explain", "paket"), "explain packet")):
            done = subprocess.run([find_weir(), *words], timeout=10, stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 2)
            self.assertIn(f'there is no "{words[1]}"; did you mean "{meant}"?', done.stderr)

    def regress_the_keeper_of_an_ordinary_user_is_looked_for_where_it_listens(self):
        """Also when the file is no YAML."""
        folder = self.folder()
        path = os.path.join(folder, "weir.yaml")
        with open(path, "w", encoding="ascii") as f:
            f.write("security_groups: [\n")
        user = {"user": 65534} if os.geteuid() == 0 else {}
        os.chmod(folder, 0o755)
        done = subprocess.run([find_weir(), "sg", "watch", "-c", path], timeout=10,
                              capture_output=True, text=True, check=False,
                              env=dict(os.environ, XDG_RUNTIME_DIR=folder), **user)
        self.assertIn(f"no keeper runs on {folder}/weir-sg/keeper.sock", done.stderr)


class FailingTests(Scene):
    over = ("plain",)

    def regress_start_warns_and_goes_on(self):
        app = self.origin(Reply(200, b"ok"))
        weir = self.weir(TESTED, app=app, rule=7)
        weir.log.wait_for('warning: a test fails: the request gets rule default, not "7"')
        self.assertEqual(weir.get("/").status, 200)
        self.assertEqual(weir.command("check").returncode, 3)

    def regress_reload_and_hup_do_not_take_it(self):
        app = self.origin(Reply(200, b"ok"))
        weir = self.weir(TESTED, app=app, rule="default")
        weir.write(TESTED, rule=7)
        done = weir.command("reload", "--wait")
        self.assertEqual(done.returncode, 3)
        self.assertIn("error: the request gets rule default", done.stderr)
        seen = len(weir.log.lines)
        weir.signal(SIGHUP)
        weir.log.wait_for("reload refused", begin=seen)
        done = weir.command("reload", "--wait", "--skip-tests")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("generation 2", done.stdout)
