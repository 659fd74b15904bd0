"""Stickiness: a cookie leads back to where the session began."""

from scene import Reply, Scene

CONFIG = """
load_balancers:
  - name: web
    addresses: 127.0.0.1
    listeners: [{{listener}, default_actions: {forward: app}}]
target_groups:
  - name: app
    health_check: {interval_seconds: 0.2, timeout_seconds: 0.15}
    stickiness: {enabled: true, type: lb_cookie, lb_cookie.duration_seconds: {seconds}}
    targets: [{a}, {b}, {c}]
"""


class Sticky(Scene):
    def setUp(self):
        self.apps = [self.origin(Reply(200, b"%d" % n)) for n in range(3)]

    def begin(self, seconds=3600):
        a, b, c = self.apps
        weir = self.weir(CONFIG, a=a, b=b, c=c, seconds=seconds)
        weir.wait_healthy(3)
        return weir

    @staticmethod
    def cookie(answer, *names):
        found = answer.cookies()
        return [("Cookie", "; ".join(f"{n}={found[n]}" for n in names or ("AWSALB",)))]

    def test_the_cookies_and_their_attributes(self):
        answer = self.begin().get("/")
        lines = {v.split("=")[0]: v for v in answer.fields.all("set-cookie")}
        self.assertEqual(set(lines), {"AWSALB", "AWSALBCORS"})
        self.assertRegex(lines["AWSALB"], r"^AWSALB=[^;]+; Expires=[^;]+ GMT; Path=/$")
        self.assertRegex(lines["AWSALBCORS"], r"; Path=/; SameSite=None; Secure$")
        self.assertEqual(answer.cookies()["AWSALB"], answer.cookies()["AWSALBCORS"])

    def test_the_cookie_leads_back(self):
        weir = self.begin()
        for _ in range(3):
            first = weir.get("/")
            cookie = self.cookie(first)
            bodies = {weir.get("/", fields=cookie).body for _ in range(9)}
            self.assertEqual(bodies, {first.body})

    def test_without_it_turns_are_taken(self):
        weir = self.begin()
        self.assertEqual({weir.get("/").body for _ in range(9)}, {b"0", b"1", b"2"})

    def test_it_stays_true_after_a_reload(self):
        weir = self.begin()
        first = weir.get("/")
        cookie = self.cookie(first)
        weir.reload()
        self.assertEqual({weir.get("/", fields=cookie).body for _ in range(4)}, {first.body})

    def test_one_that_was_tampered_with_counts_as_none(self):
        weir = self.begin()
        value = weir.get("/").cookies()["AWSALB"]
        forged = [value[:-4] + "AAAA", "x", "", value[4:], value.replace(value[0], "%41", 1)]
        for text in forged:
            answer = weir.get("/", fields=[("Cookie", f"AWSALB={text}")])
            self.assertEqual(answer.status, 200)
            self.assertIn("AWSALB", answer.cookies())

    def test_when_its_target_dies_the_session_moves_for_good(self):
        weir = self.begin()
        first = weir.get("/")
        self.apps[int(first.body)].stop()
        cookie = self.cookie(first)
        moved = weir.get("/", fields=cookie)
        self.assertEqual(moved.status, 200)
        self.assertNotEqual(moved.body, first.body)
        bodies = {weir.get("/", fields=self.cookie(moved)).body for _ in range(5)}
        self.assertEqual(bodies, {moved.body})

    def test_cookies_of_the_application_pass_beside_ours(self):
        self.apps = [self.origin(Reply(200, b"0", fields=[("Set-Cookie", "app=1")]))
                     for _ in range(3)]
        weir = self.begin()
        answer = weir.get("/", fields=[("Cookie", "app=1; other=2")])
        self.assertEqual(set(answer.cookies()), {"app", "AWSALB", "AWSALBCORS"})
        served = [o for o in self.apps if o.requests]
        self.assertEqual(served[0].requests[0].fields["cookie"], "app=1; other=2")


class Groups(Scene):
    def test_a_weighted_choice_stays_made(self):
        one, two = self.origin(Reply(200, b"one")), self.origin(Reply(200, b"two"))
        weir = self.weir("""
load_balancers:
  - name: web
    addresses: 127.0.0.1
    listeners:
      - {{listener}, default_actions: {forward: {
          target_groups: [{target_group: one, weight: 1}, {target_group: two, weight: 1}],
          stickiness: {enabled: true, duration_seconds: 60}}}}
target_groups:
  - {name: one, targets: [{one}], health_check.enabled: false}
  - {name: two, targets: [{two}], health_check.enabled: false}
""", one=one, two=two)
        seen = set()
        for _ in range(12):
            first = weir.get("/")
            seen.add(first.body)
            value = first.cookies()["AWSALBTG"]
            again = {weir.get("/", fields=[("Cookie", f"AWSALBTG={value}")]).body
                     for _ in range(4)}
            self.assertEqual(again, {first.body})
        self.assertEqual(seen, {b"one", b"two"})
        self.assertEqual(set(first.cookies()), {"AWSALBTG", "AWSALBTGCORS"})
        for field in first.fields.all("set-cookie"):
            self.assertRegex(field, r"; Expires=[^;]+; Path=/(; SameSite=None; Secure)?$")

    def test_the_group_first_then_the_target_in_it(self):
        apps = [self.origin(Reply(200, b"%d" % n)) for n in range(4)]
        weir = self.weir("""
load_balancers:
  - name: web
    addresses: 127.0.0.1
    listeners:
      - {{listener}, default_actions: {forward: {
          target_groups: [{target_group: one, weight: 1}, {target_group: two, weight: 1}],
          stickiness.enabled: true}}}
target_groups:
  - {name: one, targets: [{a}, {b}], health_check.enabled: false, stickiness.enabled: true}
  - {name: two, targets: [{c}, {d}], health_check.enabled: false, stickiness.enabled: true}
""", a=apps[0], b=apps[1], c=apps[2], d=apps[3])
        seen = set()
        for _ in range(16):
            first = weir.get("/")
            seen.add(first.body)
            self.assertEqual(set(first.cookies()),
                             {"AWSALBTG", "AWSALBTGCORS", "AWSALB", "AWSALBCORS"})
            cookie = "; ".join(f"{n}={v}" for n, v in first.cookies().items())
            again = {weir.get("/", fields=[("Cookie", cookie)]).body for _ in range(4)}
            self.assertEqual(again, {first.body})
        self.assertEqual(seen, {b"0", b"1", b"2", b"3"})
