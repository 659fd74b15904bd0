"""Limits of the process: who meets one is told, and nobody waits for ever."""

import os
import resource

from client import request
from origin import Gone
from scene import ONE_GROUP, Reply, Scene

WORKERS = ONE_GROUP.replace("load_balancers:", """settings:
  workers: {workers}
  {user}
  admin.socket: {dir}/admin.sock
load_balancers:""", 1)


class Descriptors(Scene):
    over = ("plain",)

    def begin(self, workers, spare, config=WORKERS):
        """A weir that has so many descriptors left."""
        self.app = self.origin(Reply(200, b"ok"))
        weir = self.weir(config, app=self.app, workers=workers,
                         user="user: root" if os.geteuid() == 0 else "")
        self.limit(weir, len(os.listdir(f"/proc/{weir.process.pid}/fd")) + spare)
        return weir

    @staticmethod
    def limit(weir, n):
        _, hard = resource.prlimit(weir.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(weir.process.pid, resource.RLIMIT_NOFILE, (n, hard))

    def test_none_left_for_a_target_is_a_503(self):
        weir = self.begin(workers=1, spare=1)
        c = weir.client()
        answer = c.get("/")
        self.assertEqual((answer.status, answer.fields["weir-reason"]), (503, "overloaded"))
        self.assertEqual(self.app.connections, 0)

        # The client's own connection goes on, and so does its next request.
        self.limit(weir, 200)
        self.assertEqual(c.get("/").status, 200)

    def test_warm_connections_give_way(self):
        weir = self.begin(workers=1, spare=2)
        for _ in range(5):
            self.assertEqual(weir.get("/").status, 200)  # leaves one warm
        # The second client gets the descriptor of the warm connection, and
        # none is left for a target.
        clients = [weir.client(), weir.client()]
        self.assertTrue(self.app.wait_for(lambda o: not o.open))
        for c in clients:
            answer = c.get("/")
            self.assertEqual((answer.status, answer.fields["weir-reason"]),
                             (503, "overloaded"))

    def test_who_waited_is_served_when_there_are_some_again(self):
        weir = self.begin(workers=1, spare=4)
        clients = [weir.client() for _ in range(10)]
        weir.log.wait_for("raise the limit of open files")

        # None of its connections ends, so nothing tells the worker.
        self.limit(weir, 200)
        for c in clients:
            self.assertEqual(c.get("/").status, 200)

    def test_workers_without_clients_come_back_as_well(self):
        weir = self.begin(workers=4, spare=6, config=WORKERS.replace(
            "forward: app", "fixed_response: {status_code: 200}"))
        first = []
        for _ in range(40):
            c = weir.client()
            c.send(request("GET", "/"))
            first.append(c)
        weir.log.wait_for("raise the limit of open files")
        for c in first:
            try:
                c.sock.settimeout(0.05)
                c.answer()
            except (Gone, OSError):
                pass
            c.close()
        for _ in range(20):
            self.assertEqual(weir.get("/").status, 200)
