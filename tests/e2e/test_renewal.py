"""Certificates that change while they are served."""

import os
import re
import shutil
import signal
import ssl
import subprocess
import unittest

from origin import Gone
from pki import Authority
from scene import Reply, Scene, certificate, trusting, wait_for

CONFIG = """
load_balancers:
  - name: web
    addresses: 127.0.0.1
    listeners:
      - port: {port}
        protocol: HTTPS
        certificates: {certificate: {chain}, private_key: {key}}
        {more}
        default_actions: {forward: app}
target_groups:
  - {name: app, health_check.enabled: false, targets: [{app}]}
"""


def der_of(pem):
    with open(pem, encoding="ascii") as f:
        return ssl.PEM_cert_to_DER_cert(f.read())


class Shown(Scene):
    over = ("plain",)  # says itself what it speaks

    def shown(self):
        """What a new client is shown."""
        c = self.server.client(tls=trusting())
        try:
            return c.sock.getpeercert(binary_form=True)
        finally:
            c.close()


class Renewal(Shown):
    def begin(self, layout=("live", "live"), more="", settings=""):
        """Serves the files `chain` and `key` in a folder."""
        self.old, self.new = certificate("old.test"), certificate("new.test", "www.new.test")
        self.at = os.path.join(self.folder(), layout[0])
        os.mkdir(self.at)
        os.chmod(self.at, 0o755)
        self.chain, self.key = (os.path.join(self.at, n) for n in ("chain.pem", "key.pem"))
        self.put(self.old)
        self.server = self.weir(CONFIG, app=self.origin(Reply(200, b"ok")), chain=self.chain,
                                key=self.key, more=more, settings=settings)
        return self.server

    def put(self, pair, at=None):
        """As most clients of ACME: written beside it, then renamed."""
        for source, name in zip(pair, ("chain.pem", "key.pem")):
            path = os.path.join(at or self.at, name)
            shutil.copyfile(source, path + ".new")
            os.chmod(path + ".new", 0o644)
            os.rename(path + ".new", path)

    def wait_shown(self, pair):
        wait_for(lambda: self.shown() == der_of(pair[0]), "the new certificate is shown")

    def listener(self):
        return self.server.json("certs")["listeners"][0]

    def test_a_renewal_is_taken_without_a_generation(self):
        weir = self.begin()
        kept = weir.client(tls=trusting())
        self.assertEqual(self.shown(), der_of(self.old[0]))
        self.put(self.new)
        self.wait_shown(self.new)
        # Who was there keeps what it began with.
        self.assertEqual(kept.get("/").status, 200)
        self.assertEqual(kept.sock.getpeercert(binary_form=True), der_of(self.old[0]))
        self.assertEqual(weir.json("status")["generations"]["current"], 1)
        listener = self.listener()
        one = listener["certificates"][0]
        self.assertEqual((listener["swaps"], listener["swaps_refused"]), (1, 0))
        self.assertRegex(listener["watched_since"], r"^20\d\d-.*Z$")
        self.assertEqual((one["names"], one["issuer"]),
                         (["new.test", "www.new.test"], "CN=new.test"))
        self.assertIn(one["days_left"], (29, 30))
        self.assertRegex(one["serial"], "^[0-9a-f]{20,40}$")
        self.assertEqual(len(one["fingerprint_sha256"]), 64)
        weir.log.wait_for("certificate files have changed: taken")
        # The next generation begins with them, and goes on watching.
        weir.reload()
        self.assertEqual(self.shown(), der_of(self.new[0]))
        self.put(self.old)
        self.wait_shown(self.old)

    def test_regress_what_does_not_load_leaves_the_old_one(self):
        weir = self.begin()
        with open(self.new[0], "rb") as f:
            whole = f.read()
        said = 0
        for fault, sentence in (
                (whole[:len(whole) // 2], "cannot be read|not PEM|certificate"),
                (whole, "is not that of the certificate"), (b"", "not a PEM file")):
            with open(self.chain, "wb") as f:
                f.write(fault)
            line = weir.log.wait_for("cannot be taken: the old ones stay.*(" + sentence + ")",
                                     begin=said)
            said = weir.log.lines.index(line, said) + 1
            self.assertEqual(self.shown(), der_of(self.old[0]))
        self.assertEqual(self.listener()["swaps_refused"], 3)
        # What the daemon has it shows, too.
        self.assertEqual(self.listener()["certificates"][0]["names"], ["old.test"])
        self.put(self.new)
        self.wait_shown(self.new)

    def test_regress_the_folder_goes_and_comes_back(self):
        weir = self.begin()
        away = self.at + ".away"
        os.rename(self.at, away)
        weir.log.wait_for("cannot be taken: the old ones stay")
        self.assertEqual(self.shown(), der_of(self.old[0]))
        self.put(self.new, away)
        os.rename(away, self.at)
        self.wait_shown(self.new)
        shutil.rmtree(self.at)
        os.mkdir(self.at)
        os.chmod(self.at, 0o755)
        self.put(self.old)
        self.wait_shown(self.old)

    def test_links_of_certbot_and_of_volumes_are_followed(self):
        self.begin()
        base = os.path.dirname(self.at)
        for n, pair in enumerate((self.old, self.new)):
            os.mkdir(os.path.join(base, f"v{n}"))
            os.chmod(os.path.join(base, f"v{n}"), 0o755)
            self.put(pair, os.path.join(base, f"v{n}"))
        # archive/, and links in live/ that are turned one by one.
        for name in ("chain.pem", "key.pem"):
            os.symlink(f"../v1/{name}", os.path.join(self.at, name + ".new"))
            os.rename(os.path.join(self.at, name + ".new"), os.path.join(self.at, name))
        self.wait_shown(self.new)
        # What the links lead to is written over in place.
        for source, name in zip(self.old, ("chain.pem", "key.pem")):
            shutil.copyfile(source, os.path.join(base, "v1", name))
        self.wait_shown(self.old)

        # A folder that is a link, turned at once.
        os.symlink("v0", os.path.join(base, "current"))
        self.put(self.new, os.path.join(base, "v1"))
        self.server.reload(CONFIG, chain=os.path.join(base, "current", "chain.pem"),
                           key=os.path.join(base, "current", "key.pem"))
        self.assertEqual(self.shown(), der_of(self.old[0]))
        os.symlink("v1", os.path.join(base, "next"))
        os.rename(os.path.join(base, "next"), os.path.join(base, "current"))
        self.wait_shown(self.new)

    def test_it_can_be_switched_off(self):
        weir = self.begin(settings="certificate_watch.enabled: false")
        self.put(self.new)
        self.assertNotIn("watched_since", self.listener())
        self.assertEqual(self.shown(), der_of(self.old[0]))
        weir.reload()
        self.assertEqual(self.shown(), der_of(self.new[0]))

    def test_a_revocation_list_is_taken_over(self):
        root = Authority(self.folder())
        alice = root.issue("Alice")
        weir = self.begin(more="mutual_authentication: {mode: verify, trust_store: "
                               f"{{ca_bundle: {root.pem}, crl: {root.crl()}}}}}")
        context = trusting()
        context.load_cert_chain(*alice)

        def is_let_in():
            try:
                return weir.get("/", tls=context).status == 200
            except (Gone, OSError):
                return False
        self.assertTrue(is_let_in())
        root.revoke(alice[0])
        root.crl()
        wait_for(lambda: not is_let_in(), "the list is taken")

    def test_one_that_ends_soon_is_warned_of(self):
        weir = self.begin(settings="certificate_expiry_warning_days: 60")
        weir.log.wait_for("a certificate expires soon.*days_left=(29|30)")
        weir = self.begin(settings="certificate_expiry_warning_days: 5")
        self.assertNotIn("expires soon", weir.log.text())


COOKBOOK = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "doc",
                        "cookbook-certificates.md")

AS_NOBODY = """
settings:
  workers: 1
  user: nobody
  admin.socket: {dir}/admin.sock
  certificate_watch.enabled: {watch}
""" + CONFIG


@unittest.skipIf(os.geteuid() != 0, "only root can give a key to a daemon of another user")
class DeployHook(Shown):
    """The hook of the cookbook, as root, on a daemon that is not."""

    def setUp(self):
        super().setUp()
        self.lineage = os.path.join(self.folder(), "example.org")
        os.mkdir(self.lineage, 0o700)
        self.to = self.folder()

    def renew(self, pair):
        """certbot writes for root alone, and runs the hook."""
        for source, name in zip(pair, ("fullchain.pem", "privkey.pem")):
            path = os.path.join(self.lineage, name)
            shutil.copyfile(source, path)
            os.chmod(path, 0o600)
        with open(COOKBOOK, encoding="utf-8") as f:
            hook = re.search(r"```\n(#!/bin/sh\n# /etc/letsencrypt.*?)```", f.read(), re.S)[1]
        hook = hook.replace("/etc/weir/tls", self.to).replace("-g weir", "-g nogroup")
        hook = hook.replace("weir reload --wait", self.reload)
        subprocess.run(["sh", "-c", hook], check=True, timeout=60, stdout=subprocess.DEVNULL,
                       env=dict(os.environ, RENEWED_LINEAGE=self.lineage))

    def begin_as_nobody(self, watch):
        self.old, self.new = certificate("old.test"), certificate("new.test", "www.new.test")
        self.reload = "true"
        self.renew(self.old)
        folder = os.path.join(self.to, "example.org")
        weir = self.server = self.weir(
            AS_NOBODY, app=self.origin(Reply(200, b"ok")), more="", watch=watch,
            chain=f"{folder}/fullchain.pem", key=f"{folder}/privkey.pem")
        self.reload = f"{weir.binary} reload --wait -c {weir.config}"
        return weir

    def test_regress_it_is_taken_with_a_reload_of_root(self):
        for watch in ("true", "false"):
            weir = self.begin_as_nobody(watch)
            self.assertEqual(self.shown(), der_of(self.old[0]))
            self.renew(self.new)
            self.assertEqual(self.shown(), der_of(self.new[0]))
            self.assertEqual(weir.json("status")["generations"]["current"], 2)

    def test_regress_a_key_that_the_daemon_may_not_read(self):
        weir = self.begin_as_nobody("true")
        key = os.path.join(self.to, "example.org", "privkey.pem")
        os.chmod(key, 0o600)
        weir.log.wait_for("cannot be taken: the old ones stay.*Permission denied")
        self.assertEqual(self.shown(), der_of(self.old[0]))
        os.chmod(key, 0o640)
        weir.log.wait_for("certificate files have changed: taken")

    def test_regress_a_key_that_belongs_to_root_alone(self):
        weir = self.begin_as_nobody("true")
        folder = os.path.join(self.to, "example.org")
        for source, name in zip(self.new, ("fullchain.pem", "privkey.pem")):
            shutil.copyfile(source, os.path.join(folder, name))
        os.chmod(os.path.join(folder, "privkey.pem"), 0o600)
        weir.log.wait_for("cannot be taken: the old ones stay.*Permission denied")
        self.assertEqual(self.shown(), der_of(self.old[0]))
        weir.reload()
        self.assertEqual(self.shown(), der_of(self.new[0]))
        before = len(os.listdir(f"/proc/{weir.process.pid}/fd"))
        for _ in range(3):
            weir.reload()
        wait_for(lambda: len(os.listdir(f"/proc/{weir.process.pid}/fd")) <= before,
                 "descriptors are closed again")
        # Without root nobody can open it: the old configuration stays.
        weir.signal(signal.SIGHUP)
        weir.log.wait_for("reload refused")
        self.assertEqual(self.shown(), der_of(self.new[0]))
        # The whole folder may be root's.
        os.chmod(folder, 0o700)
        weir.reload()
        self.assertEqual(self.shown(), der_of(self.new[0]))
