"""Retries never repeat what a target may already have acted upon."""

from scene import HangUp, ONE_GROUP, Refuse, Reply, Scene

CONFIG = """
load_balancers:
  - name: web
    addresses: 127.0.0.1
    listeners: [{{listener}, default_actions: {forward: app}}]
target_groups:
  - {name: app, health_check.enabled: false, targets: [{first}, {second}]}
"""


class Retries(Scene):
    def test_a_refused_request_goes_to_the_other_target(self):
        first, second = self.origin(Refuse()), self.origin(Reply(200, b"ok"))
        weir = self.weir(CONFIG, first=first, second=second)
        # Two in a row: the turn of the one that refuses is among them.
        for _ in range(2):
            answer = weir.post("/pay", b"x")
            self.assertEqual((answer.status, answer.body), (200, b"ok"))
        self.assertEqual([r.body for r in second.requests], [b"x", b"x"])

    def test_a_post_that_reached_a_target_is_not_sent_again(self):
        first, second = self.origin(HangUp(after="request")), self.origin(Reply(200))
        weir = self.weir(CONFIG, first=first, second=second)
        answers = [weir.post("/pay", b"x") for _ in range(2)]
        bad = [a for a in answers if a.status != 200]
        self.assertEqual(len(bad), 1)
        self.assertEqual(bad[0].status, 502)
        self.assertEqual(bad[0].fields["weir-reason"], "target-closed-before-head")
        self.assertEqual((len(first.requests), len(second.requests)), (1, 1))

    def test_no_target_left_is_502(self):
        first, second = self.origin(Refuse()), self.origin(Refuse())
        weir = self.weir(CONFIG, first=first, second=second)
        answer = weir.get("/")
        self.assertEqual((answer.status, answer.fields["weir-reason"]),
                         (502, "target-refused"))

    def test_a_warm_connection_that_went_stale_is_not_the_clients_concern(self):
        """The target closes after its answer, without having said so."""
        class Leave(Reply):
            def run(self, request, wire, origin):
                super().run(request, wire, origin)
                raise ConnectionError("idle timeout of the target")

        app = self.origin(Leave(200, b"ok"))
        weir = self.weir(ONE_GROUP, app=app)
        c = weir.client()
        for n in range(30):
            self.assertEqual(c.get(f"/{n}").status, 200)

    def test_a_group_without_targets_is_503(self):
        weir = self.weir("load_balancers: [{name: web, addresses: 127.0.0.1, listeners: "
                         "[{{listener}, default_actions: {forward: app}}]}]\n"
                         "target_groups: [{name: app}]\n")
        answer = weir.get("/")
        self.assertEqual((answer.status, answer.fields["weir-reason"]), (503, "no-target"))
        self.assertEqual(answer.fields["content-length"], str(len(answer.body)))

    def test_a_reset_before_the_answer_is_502(self):
        weir = self.weir(ONE_GROUP, app=self.origin(HangUp(reset=True)))
        c = weir.client()
        for _ in range(3):
            self.assertEqual(c.post("/", b"x").status, 502)
