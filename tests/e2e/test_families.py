"""IPv6, paths and names: what holds for 127.0.0.1 holds for every kind of address."""

import os
import socket

from client import request
from names import Names
from scene import Held, Reply, SIGTERM, Scene, wait_for
from test_reload import Traffic

CONFIG = """
load_balancers:
  - name: web
    addresses: "{address}"
    listeners: [{{listener}, default_actions: {forward: app}}]
target_groups:
  - name: app
    health_check: {interval_seconds: 0.2, timeout_seconds: 0.15,
                   healthy_threshold_count: 2, unhealthy_threshold_count: 2}
    targets: [{targets}]
"""


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


class Family:
    """Two targets of a kind, and what happens to them; the kinds are below."""

    address = "127.0.0.1"  # of the listener
    under = ()

    def setUp(self):
        self.prepare()
        self.first = self.target(Reply(200, b"first"))
        self.second = self.target(Reply(200, b"second"))
        self.weir_runs = self.weir(CONFIG, under=self.under, address=self.address,
                                   targets=self.both())
        self.client = lambda **kw: self.weir_runs.client(address=self.address, **kw)

    def prepare(self):
        pass

    def both(self):
        return self.named(self.first) + ", " + self.named(self.second)

    @staticmethod
    def named(origin):
        return f'"{origin}"'

    def drop(self, origin):
        """The target is not one of the group any more."""
        rest = self.second if origin is self.first else self.first
        self.weir_runs.reload(CONFIG, targets=self.named(rest))

    def bodies(self, n=8):
        c = self.client()
        return {c.get("/").body for _ in range(n)}

    def traffic(self, n=3):
        t = Traffic(self.weir_runs, n, address=self.address)
        self.addCleanup(t.end)
        return t

    def test_regress_both_targets_take_their_share(self):
        self.weir_runs.wait_healthy(2)
        self.assertEqual(self.bodies(), {b"first", b"second"})
        seen = self.first.requests[0].fields
        self.assertEqual(seen["x-forwarded-for"], self.address)

    def test_regress_a_target_that_is_killed_costs_no_request(self):
        self.weir_runs.wait_healthy(2)
        held = Held(Reply(200, b"never"))
        self.first.script = [held]
        clients = [self.client() for _ in range(4)]
        for c in clients:
            c.send(request("GET", "/"))
        self.assertTrue(self.first.wait_for(lambda o: o.requests))
        self.first.stop()
        # Who was being answered gets a word, and everybody else an answer.
        answers = {c.answer().status for c in clients}
        self.assertLessEqual(answers, {200, 502})
        traffic = self.traffic()
        traffic.wait_more()
        traffic.end()
        self.assertEqual(traffic.wrong, [])
        self.assertEqual(self.bodies(), {b"second"})

    def test_regress_a_target_that_leaves_ends_what_it_has_begun(self):
        self.weir_runs.wait_healthy(2)
        held = Held(Reply(200, b"held"))
        self.first.script = [held]
        clients = [self.client() for _ in range(2)]
        for c in clients:
            c.send(request("GET", "/"))
        self.assertTrue(self.first.wait_for(lambda o: o.requests))
        self.drop(self.first)
        wait_for(lambda: self.bodies(4) == {b"second"}, "the first to be left alone")
        n = len(self.first.requests)
        self.assertEqual(self.bodies(), {b"second"})
        held.release.set()
        self.assertEqual({c.answer().body for c in clients}, {b"held", b"second"})
        self.assertEqual(len(self.first.requests), n)

    def test_regress_a_reload_under_load_costs_no_request(self):
        self.weir_runs.wait_healthy(2)
        traffic = self.traffic()
        for n in range(5):
            self.weir_runs.reload(CONFIG + f"# {n}\n")
            traffic.wait_more(5)
        traffic.end()
        self.assertEqual(traffic.wrong, [])
        self.assertEqual(self.bodies(), {b"first", b"second"})

    def test_regress_a_stop_waits_for_what_runs(self):
        self.weir_runs.wait_healthy(2)
        held = Held(Reply(200, b"held"))
        self.first.script = self.second.script = [held]
        c = self.client()
        c.send(request("GET", "/"))
        wait_for(lambda: self.first.requests or self.second.requests, "the request")
        self.weir_runs.signal(SIGTERM)
        self.weir_runs.log.wait_for("draining")
        held.release.set()
        self.assertEqual(c.answer().body, b"held")
        self.assertEqual(self.weir_runs.process.wait(10), 0)


class Ipv6(Family, Scene):
    """Listener and targets on ::1."""

    address = "::1"

    def prepare(self):
        if not has_ipv6():
            self.skipTest("no IPv6 here")

    def target(self, *script):
        return self.origin(*script, address="::1")


class Paths(Family, Scene):
    """Targets are sockets in the file system."""

    over = ("plain",)

    def prepare(self):
        self.n = 0
        self.sockets = self.folder()
        os.chmod(self.sockets, 0o755)

    def target(self, *script):
        self.n += 1
        return self.origin(*script, address=os.path.join(self.sockets, f"{self.n}.sock"))


class BothFamilies(Family, Scene):
    """One name, with an address of each family, served by a DNS server here."""

    over = ("plain",)

    def prepare(self):
        if not has_ipv6():
            self.skipTest("no IPv6 here")
        self.port = 0
        self.names = Names({"app.test": ["127.0.0.1", "::1"]})
        self.addCleanup(self.names.stop)
        self.under = self.names.under

    def target(self, *script):
        # The name has one port, so both families have to have it free.
        if not self.port:
            first = self.origin(*script)
            self.port = first.port
            return first
        try:
            return self.origin(*script, address="::1", port=self.port)
        except OSError:
            self.skipTest("the port is taken in the other family")

    def both(self):
        return f'"app.test:{self.port}"'

    def drop(self, origin):
        """Its record is taken out; the others are what they were."""
        self.names.records["app.test"] = [self.second.address if origin is self.first
                                          else self.first.address]
        wait_for(lambda: "draining" in self.weir_runs.states().values() or
                 len(self.weir_runs.states()) == 1, "the record to be missed")

    def test_regress_a_reload_to_another_name(self):
        self.names.records["other.test"] = ["::1"]
        self.weir_runs.wait_healthy(2)
        self.weir_runs.reload(CONFIG, targets=f'"other.test:{self.port}"')
        wait_for(lambda: self.bodies(4) == {b"second"}, "the other name's target")


class NewName(Scene):
    """A configuration with a name that nobody has asked for yet."""

    over = ("plain",)

    def setUp(self):
        self.names = Names({"old.test": ["127.0.0.1"], "new.test": ["127.0.0.1"]})
        self.addCleanup(self.names.stop)
        self.names.delay = 0.2

    def test_regress_the_first_request_finds_its_target(self):
        app = self.origin()
        weir = self.weir(CONFIG, under=self.names.under, address="127.0.0.1",
                         targets=f'"old.test:{app.port}"')
        self.assertEqual(weir.get("/").status, 200)
        weir.reload(CONFIG, targets=f'"new.test:{app.port}"')
        self.assertEqual(weir.get("/").status, 200)
        asked = self.names.asked
        weir.reload(CONFIG, targets=f'"nowhere.test:{app.port}"')
        self.assertEqual(weir.get("/").status, 503)
        self.assertGreater(self.names.asked, asked)
