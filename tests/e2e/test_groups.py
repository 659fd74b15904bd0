"""Target groups: who gets a request, who rests, who waits, who leaves (AWS:
target groups, their attributes and health)."""

import socket
import time

from client import request
from scene import Held, Raw, Reply, Scene, Silent, Upgrade, http1, wait_for

CONFIG = """
load_balancers:
  - {name: web, addresses: 127.0.0.1, listeners: [{{listener}, default_actions: {forward: app}}]}
target_groups:
  - name: app
    {group}
"""
UNCHECKED = "health_check.enabled: false\n    "
CHECKED = ("health_check: {interval_seconds: 0.2, timeout_seconds: 0.15,"
           " healthy_threshold_count: 1, unhealthy_threshold_count: 1}\n    ")


class Group(Scene):
    def apps(self, n):
        return [self.origin(Reply(200, b"%d" % i)) for i in range(n)]

    def begin(self, group, apps, workers=1):
        for n, app in enumerate(apps):
            group = group.replace("{%d}" % n, str(app))
        return self.weir(CONFIG, group=group, workers=workers,
                         settings="availability_zone: z1")

    @staticmethod
    def targets(weir):
        return {t["target"]: t
                for t in weir.json("targets")["target_groups"][0]["targets"]}

    @staticmethod
    def bodies(weir, n=8):
        c = weir.client()
        return [c.get("/").body for _ in range(n)]


def swallowing():
    """A port that answers no SYN: its queue of connections is full."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=0)
    waiting = []
    while True:
        one = socket.socket()
        one.setblocking(False)
        one.connect_ex(listener.getsockname())
        waiting.append(one)
        one.settimeout(0.2)
        try:
            one.connect(listener.getsockname())
        except OSError:
            return listener, waiting


class Hashed(Group):
    """consistent_hash: the same key meets the same target."""

    def ask(self, weir, key):
        return weir.get("/", fields=[("X-User", key)]).body

    def test_a_key_stays_through_illness_reload_and_workers(self):
        apps = self.apps(4)
        group = (CHECKED + "load_balancing.algorithm: {type: consistent_hash,"
                 " hash_key: {header: X-User}}\n    targets: [{0}, {1}, {2}, {3}]")
        weir = self.begin(group, apps, workers=2)
        keys = [f"user-{n}" for n in range(64)]

        def met():
            return {key: self.ask(weir, key) for key in keys}

        def states():
            return sorted(t["state"] for t in self.targets(weir).values())

        wait_for(lambda: states() == ["healthy"] * 4, "all are healthy")
        before = met()
        self.assertEqual(set(before.values()), {b"0", b"1", b"2", b"3"})
        self.assertEqual(met(), before)
        apps[1].stop()
        wait_for(lambda: "unhealthy" in states(), "one is ill")
        ill = met()
        self.assertEqual({k for k in keys if ill[k] != before[k]},
                         {k for k in keys if before[k] == b"1"})
        self.assertNotIn(b"1", ill.values())
        self.origin(Reply(200, b"1"), port=apps[1].port)
        wait_for(lambda: states() == ["healthy"] * 4, "it is back")
        self.assertEqual(met(), before)
        self.assertEqual(weir.command("reload").returncode, 0)
        self.assertEqual(met(), before)

    def test_without_its_key_a_request_takes_turns(self):
        apps = self.apps(3)
        weir = self.begin(UNCHECKED + "load_balancing.algorithm: {type: consistent_hash,"
                          " hash_key: {cookie: session}}\n    targets: [{0}, {1}, {2}]", apps)
        self.assertEqual(self.bodies(weir, 6), [b"0", b"1", b"2"] * 2)


class Passive(Group):
    """A target that cannot be connected to must not cost each request."""

    over = ("plain",)

    def test_three_connect_timeouts_and_no_more(self):
        apps = self.apps(3)
        listener, waiting = swallowing()
        port = listener.getsockname()[1]
        try:
            weir = self.begin(
                UNCHECKED + "timeouts.target_connect_seconds: 0.05\n    "
                "passive_checks.rest_seconds: 3600\n    "
                f"targets: ['{{0}}', '{{1}}', '127.0.0.1:{port}', '{{2}}']", apps, workers=2)
            for _ in range(30):
                answer = weir.get("/")
                self.assertEqual(answer.status, 200)
            seen = self.targets(weir)[f"127.0.0.1:{port}"]
            self.assertEqual(seen["connection_failures"], 3)
            self.assertGreater(seen["resting_seconds"], 3000)
            self.assertEqual(seen["state"], "unavailable")
            weir.log.wait_for("target rests.* reason=target-connect-timeout")
            self.assertEqual(weir.json("status")["counters"]["TargetRestCount"], 1)
            self.assertIn("no connection: rests for", weir.command("targets").stdout)
        finally:
            for one in (listener, *waiting):
                one.close()

    def test_then_one_for_each_rest(self):
        apps = self.apps(4)
        weir = self.begin(UNCHECKED + "passive_checks.rest_seconds: 1\n    "
                          "targets: [{0}, {1}, {2}, {3}]", apps)
        apps[1].stop()
        began = time.monotonic()
        c = weir.client()

        def failures():
            self.assertEqual(c.get("/").status, 200)
            return self.targets(weir)[str(apps[1])]["connection_failures"]

        wait_for(lambda: failures() >= 5, "two trials")
        self.assertLessEqual(failures(), 3 + (time.monotonic() - began))
        # The one that tries finds it back, and it serves as before.
        self.origin(Reply(200, b"back"), port=apps[1].port)
        wait_for(lambda: b"back" in self.bodies(weir), "its return")
        self.assertNotIn("resting_seconds", self.targets(weir)[str(apps[1])])

    def test_a_health_check_ends_a_rest(self):
        apps = self.apps(3)
        weir = self.begin(
            "health_check: {interval_seconds: 0.2, timeout_seconds: 0.15,"
            " unhealthy_threshold_count: 1000}\n    "
            "passive_checks.rest_seconds: 3600\n    targets: [{0}, {1}, {2}]", apps)
        weir.wait_healthy(3)
        apps[1].stop()
        wait_for(lambda: self.bodies(weir) and
                 "resting_seconds" in self.targets(weir)[str(apps[1])], "its rest")
        self.assertEqual(set(self.bodies(weir)), {b"0", b"2"})
        self.assertEqual(self.targets(weir)[str(apps[1])]["state"], "healthy")
        self.origin(Reply(200, b"back"), port=apps[1].port)
        wait_for(lambda: b"back" in self.bodies(weir), "its return")


class Backup(Group):
    over = ("plain",)

    def test_it_serves_only_while_nobody_else_can(self):
        apps = self.apps(3)
        weir = self.begin(CHECKED + "targets: [{0}, {1}, {id: 127.0.0.1, port: %d, backup: true}]"
                          % apps[2].port, apps)
        weir.wait_healthy(3)
        self.assertEqual(set(self.bodies(weir)), {b"0", b"1"})
        self.assertEqual([t["backup"] for t in self.targets(weir).values()],
                         [False, False, True])
        apps[0].health = apps[1].health = 500
        wait_for(lambda: weir.states()[str(apps[0])] == weir.states()[str(apps[1])] ==
                 "unhealthy", "the others to be ill")
        self.assertEqual(set(self.bodies(weir)), {b"2"})
        self.assertEqual(weir.json("status")["counters"]["UnhealthyRoutingRequestCount"], 0)
        apps[1].health = 200
        wait_for(lambda: weir.states()[str(apps[1])] == "healthy", "one to be well")
        self.assertEqual(set(self.bodies(weir)), {b"1"})


class Zones(Group):
    def zoned(self, zones, apps):
        listed = ", ".join("{id: 127.0.0.1, port: %d, availability_zone: %s}" % (a.port, z)
                           for a, z in zip(apps, zones))
        return self.begin(UNCHECKED + "load_balancing.cross_zone.enabled: false\n    "
                          f"targets: [{listed}]", apps)

    def test_only_the_targets_of_our_zone(self):
        weir = self.zoned(("z1", "z2", "all"), self.apps(3))
        self.assertEqual(set(self.bodies(weir)), {b"0", b"2"})

    def test_an_empty_zone_is_503(self):
        weir = self.zoned(("z2", "z3"), self.apps(2))
        answer = weir.get("/")
        self.assertEqual((answer.status, answer.fields["weir-reason"]),
                         (503, "no-zone-target"))
        weir.log.wait_for("no-zone-target")
        self.assertEqual(weir.json("status")["reasons"]["no-zone-target"], 1)
        self.assertFalse(weir.json("targets")["target_groups"][0]["zone_in_use"])


class Algorithms(Group):
    over = ("plain",)

    def test_weighted_random_reaches_everybody(self):
        weir = self.begin(UNCHECKED + "load_balancing.algorithm.type: weighted_random\n    "
                          "targets: [{0}, {1}, {2}]", self.apps(3))
        self.assertEqual(set(self.bodies(weir, 100)), {b"0", b"1", b"2"})
        for t in self.targets(weir).values():
            self.assertEqual((t["anomaly"], t["mitigation"]), ("normal", False))
            self.assertNotIn("weight_factor", t)

    def test_outstanding_requests_count_over_all_workers(self):
        """Each target holds what it has; eight requests on connections of
        their own, over two workers, are two for each of four targets."""
        helds = [Held() for _ in range(4)]
        apps = [self.origin(h) for h in helds]
        weir = self.begin(
            UNCHECKED + "load_balancing.algorithm.type: least_outstanding_requests\n    "
            "targets: [{0}, {1}, {2}, {3}]", apps, workers=2)
        waiting = []
        for n in range(8):
            c = weir.client()
            c.send(request("GET", "/"))
            waiting.append(c)
            wait_for(lambda n=n: sum(len(a.requests) for a in apps) == n + 1, "the request")
        self.assertEqual([len(a.requests) for a in apps], [2, 2, 2, 2])
        for h in helds:
            h.release.set()
        for c in waiting:
            self.assertEqual(c.answer().status, 200)

    def test_a_target_that_fails_gets_less(self):
        """One period of five seconds: found, halved and shown."""
        apps = self.apps(2) + [self.origin(Reply(500, b"2"))]
        weir = self.begin(UNCHECKED + "load_balancing.algorithm: {type: weighted_random, "
                          "anomaly_mitigation: on}\n    targets: [{0}, {1}, {2}]", apps)

        def found():
            self.bodies(weir, 40)
            return self.targets(weir)[str(apps[2])]["anomaly"] == "anomalous"

        wait_for(found, "the anomaly")
        seen = self.targets(weir)
        self.assertTrue(seen[str(apps[2])]["mitigation"])
        self.assertEqual(seen[str(apps[2])]["weight_factor"], 0.5)
        self.assertEqual((seen[str(apps[0])]["anomaly"], seen[str(apps[0])]["weight_factor"]),
                         ("normal", 1.0))
        self.assertIn("fails more often", weir.command("targets").stdout)

    def test_a_target_that_recovers_starts_slowly(self):
        apps = self.apps(2)
        weir = self.begin(CHECKED + "slow_start.duration_seconds: 900\n    targets: [{0}, {1}]",
                          apps)
        weir.wait_healthy(2)
        for t in self.targets(weir).values():
            self.assertNotIn("slow_start_share", t)
        apps[1].health = 500
        wait_for(lambda: weir.states()[str(apps[1])] == "unhealthy", "it to be ill")
        apps[1].health = 200
        wait_for(lambda: weir.states()[str(apps[1])] == "healthy", "it to be well")
        share = self.targets(weir)[str(apps[1])]["slow_start_share"]
        self.assertTrue(0 < share < 0.1, share)
        self.assertLessEqual(self.bodies(weir, 40).count(b"1"), 4)
        self.assertIn("slow start:", weir.command("targets").stdout)


class Dying(Group):
    """A target that goes in the middle of something."""

    over = ("plain",)

    def ill(self, weir, app):
        wait_for(lambda: weir.states()[str(app)] == "unhealthy", "it to be ill")

    def well(self, weir, app):
        wait_for(lambda: weir.states()[str(app)] == "healthy", "it to be well")

    def regress_in_slow_start(self):
        apps = self.apps(2)
        weir = self.begin(CHECKED + "slow_start.duration_seconds: 900\n    targets: [{0}, {1}]",
                          apps)
        weir.wait_healthy(2)
        for again in range(2):
            apps[1].health = 500
            self.ill(weir, apps[1])
            self.assertNotIn("slow_start_share", self.targets(weir)[str(apps[1])])
            apps[1].health = 200
            self.well(weir, apps[1])
            self.assertLess(self.targets(weir)[str(apps[1])]["slow_start_share"], 0.1)
        # Dead, and nobody has noticed: no request pays for it.
        apps[1].stop()
        self.assertEqual(set(self.bodies(weir, 60)), {b"0"})
        self.ill(weir, apps[1])
        self.assertNotIn("slow_start_share", self.targets(weir)[str(apps[1])])
        self.assertEqual(set(self.bodies(weir)), {b"0"})

    def regress_in_drain(self):
        held, other = Held(), self.origin(Reply(200, b"other"))
        app = self.origin(held)
        group = UNCHECKED + "deregistration_delay.timeout_seconds: 60\n    targets: [{0}]"
        weir = self.begin(group, [app])
        c = weir.client()
        c.send(request("GET", "/"))
        self.assertTrue(app.wait_for(lambda o: o.requests))
        weir.reload(CONFIG, group=group.replace("{0}", str(other)))
        self.assertEqual(weir.states()[str(app)], "draining")
        app.stop()
        answer = c.answer()
        self.assertEqual((answer.status, answer.fields["weir-reason"]),
                         (502, "target-closed-before-head"))
        self.assertEqual(weir.states()[str(app)], "draining")
        self.assertEqual(set(self.bodies(weir)), {b"other"})

    def regress_while_it_rests(self):
        apps = self.apps(3)
        weir = self.begin(CHECKED.replace("unhealthy_threshold_count: 1",
                                          "unhealthy_threshold_count: 5")
                          + "passive_checks: {failure_count: 1, rest_seconds: 3600}\n"
                          "    targets: [{0}, {1}, {2}]", apps)
        weir.wait_healthy(3)
        apps[1].stop()
        wait_for(lambda: self.bodies(weir) and
                 "resting_seconds" in self.targets(weir)[str(apps[1])], "its rest")
        self.ill(weir, apps[1])
        self.assertEqual(set(self.bodies(weir)), {b"0", b"2"})
        self.origin(Reply(200, b"back"), port=apps[1].port)
        self.well(weir, apps[1])
        self.assertNotIn("resting_seconds", self.targets(weir)[str(apps[1])])
        wait_for(lambda: b"back" in self.bodies(weir), "its return")


class HealthChecks(Group):
    over = ("plain",)

    def test_host_and_body(self):
        good = self.origin()
        good.health = Raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                          b"5\r\n{\"sta\r\n9\r\ntus\":\"ok\"\r\n0\r\n\r\n")
        long = self.origin()
        long.health = Raw(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65000 + b'status":"ok')
        late = self.origin()
        late.health = Raw(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536 + b'status":"ok')
        other = self.origin()
        other.health = Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine")
        empty = self.origin()
        empty.health = Raw(b"HTTP/1.1 204 No\r\n\r\n")
        code = self.origin()
        code.health = Raw(b"HTTP/1.1 500 No\r\nContent-Length: 11\r\n\r\nstatus\":\"ok")
        apps = [good, long, late, other, empty, code]
        weir = self.begin(
            "health_check: {interval_seconds: 0.3, timeout_seconds: 0.25, matcher: '200-299',"
            " unhealthy_threshold_count: 1, host: 'app.example.com:81', body: 'status\":\"ok'}\n"
            "    targets: [{0}, {1}, {2}, {3}, {4}, {5}]", apps)
        states = ["healthy", "healthy"] + ["unhealthy"] * 4
        wait_for(lambda: list(weir.states().values()) == states, f"{states}")
        self.assertEqual(good.checks[0].fields["host"], "app.example.com:81")
        seen = self.targets(weir)
        self.assertEqual(seen[str(other)]["reason"], "Target.FailedHealthChecks")
        self.assertIn("the body is another than wanted", seen[str(other)]["detail"])
        self.assertEqual(seen[str(code)]["reason"], "Target.ResponseCodeMismatch")


class Timeouts(Group):
    over = ("plain",)

    def test_a_silent_target_of_a_group(self):
        weir = self.begin(UNCHECKED + "timeouts.target_response_seconds: 0.3\n    targets: [{0}]",
                          [self.origin(Silent())])
        answer = weir.get("/")
        self.assertEqual((answer.status, answer.fields["weir-reason"]),
                         (504, "target-silent"))


class Cookies(Group):
    def test_a_name_of_its_own(self):
        weir = self.begin(UNCHECKED + "stickiness: {enabled: true, lb_cookie.cookie_name: inner}\n"
                          "    targets: [{0}, {1}, {2}]", self.apps(3))
        first = weir.get("/", fields=[("Cookie", "AWSALB=x")])
        self.assertEqual(set(first.cookies()), {"inner", "innerCORS"})
        cookie = [("Cookie", f"inner={first.cookies()['inner']}")]
        self.assertEqual({weir.get("/", fields=cookie).body for _ in range(6)}, {first.body})

    def test_the_cookie_of_the_application(self):
        """Its session begins when it sets the cookie, and needs both."""
        apps = [self.origin(Reply(200, b"%d" % i, fields=[("Set-Cookie", f"SID=s{i}; HttpOnly")]),
                            Reply(200, b"%d" % i)) for i in range(3)]
        weir = self.begin(
            UNCHECKED + "stickiness: {enabled: true, type: app_cookie,"
            " app_cookie.cookie_name: SID}\n    targets: [{0}, {1}, {2}]", apps)
        first = weir.get("/")
        found = first.cookies()
        self.assertEqual(set(found), {"SID", "AWSALBAPP-0"})
        both = [("Cookie", f"AWSALBAPP-0={found['AWSALBAPP-0']}; SID={found['SID']}")]
        again = [weir.get("/", fields=both) for _ in range(6)]
        self.assertEqual({a.body for a in again}, {first.body})
        self.assertEqual({*again[0].cookies()}, {"AWSALBAPP-0"})
        only = [("Cookie", f"AWSALBAPP-0={found['AWSALBAPP-0']}")]
        self.assertEqual(len({weir.get("/", fields=only).body for _ in range(6)}), 3)
        # It passes unchanged.
        served = next(a for a in apps if str(apps.index(a)).encode() == first.body)
        self.assertIn(both[0][1], [r.fields.get("cookie") for r in served.requests])


class Draining(Group):
    """Deregistration with a delay of 0: at once."""

    def drained(self, *script):
        app, other = self.origin(*script), self.origin(Reply(200, b"other"))
        group = (UNCHECKED + "deregistration_delay.timeout_seconds: 0\n    targets: [{0}]")
        weir = self.begin(group, [app])
        return weir, app, lambda: weir.reload(
            CONFIG, group=group.replace("{0}", str(other)))

    def test_before_the_answer_it_is_502(self):
        weir, app, drain = self.drained(Silent())
        c = weir.client()
        c.send(request("GET", "/"))
        self.assertTrue(app.wait_for(lambda o: o.requests))
        drain()
        answer = c.answer()
        self.assertEqual((answer.status, answer.fields["weir-reason"]), (502, "deregistered"))
        self.assertEqual(weir.get("/").body, b"other")

    @http1
    def test_behind_the_head_it_is_a_reset(self):
        weir, app, drain = self.drained(
            Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", keep=True))
        c = weir.client()
        c.send(request("GET", "/"))
        self.assertEqual(c.head().status, 200)
        drain()
        weir.log.wait_for("deregistered")
        self.assertTrue(c.is_closed())
        self.assertEqual(weir.json("status")["reasons"]["deregistered"], 1)

    def test_a_websocket_is_closed(self):
        weir, app, drain = self.drained(Upgrade())
        ws = weir.websocket()
        self.assertEqual(ws.echo(b"hello"), b"hello")
        drain()
        self.assertTrue(ws.client.is_closed())
