"""What a reload would change, before it does."""

import json
import os

from scene import Scene

FILE = """
load_balancers:
  - name: web
    addresses: 127.0.0.1
    idle_timeout.timeout_seconds: 30
    listeners:
      - port: {port}
        default_actions: {forward: app}
        rules:
          - {priority: 10, conditions: {path_pattern: /a}, actions: {forward: app}}
          - {priority: 20, conditions: [{path_pattern: [/b]}], actions: [{forward: app}]}
target_groups:
  - {name: app, targets: ["127.0.0.1:3000", {id: 127.0.0.1, port: 3001}]}
  - {name: spare, targets: []}
"""


class Diff(Scene):
    over = ("plain",)

    def diff(self, weir, *words):
        done = weir.command("diff", *words)
        self.assertEqual(done.stderr, "")
        return done.returncode, done.stdout

    def test_nothing_is_different(self):
        weir = self.weir(FILE)
        self.assertEqual(self.diff(weir), (0, ""))
        # The same in other words: defaults, dots, one for a list, the order.
        weir.write(FILE.replace("idle_timeout.timeout_seconds: 30",
                                "idle_timeout: {timeout_seconds: 30}\n    type: application")
                   .replace('"127.0.0.1:3000", {id: 127.0.0.1, port: 3001}',
                            '{id: 127.0.0.1, port: 3001, weight: 1}, "127.0.0.1:3000"')
                   .replace("[{path_pattern: [/b]}]", "{path_pattern: /b}")
                   .replace("[{forward: app}]", "{forward: app}"))
        self.assertEqual(self.diff(weir), (0, ""))
        self.assertTrue(weir.json("status")["config"]["file_differs"])

    def test_object_by_object(self):
        weir = self.weir(FILE)
        weir.write(FILE.replace("timeout_seconds: 30", "timeout_seconds: 60")
                   .replace("path_pattern: /a", "path_pattern: [/a, /c]")
                   .replace("priority: 20", "priority: 30")
                   .replace("port: 3001}", "port: 3001, weight: 5}")
                   .replace('"127.0.0.1:3000"', '"127.0.0.1:3002"')
                   .replace("name: spare, targets: []",
                            "name: other, health_check.path: /up")
                   + "  - {name: third}\n")
        changes = weir.command("diff", "--json")
        self.assertEqual(changes.returncode, 5)
        status, said = self.diff(weir)
        said = "\n".join(line.rsplit("  (", 1)[0] for line in said.splitlines())
        port = weir.ports["port"]
        self.assertEqual((status, sorted(said.splitlines())), (5, sorted([
            "~ load_balancer web idle_timeout.timeout_seconds: 30 -> 60",
            f"~ rule web:{port} 10 conditions: {{path_pattern: /a}} -> "
            "{path_pattern: [/a, /c]}",
            f"+ rule web:{port} 30", f"- rule web:{port} 20",
            "~ target app 127.0.0.1:3001 weight: 1 -> 5",
            "+ target app 127.0.0.1:3002", "- target app 127.0.0.1:3000",
            "+ target_group other", "+ target_group third", "- target_group spare"])))
        weir.reload()
        self.assertEqual(self.diff(weir), (0, ""))

    def test_places_and_members(self):
        weir = self.weir(FILE)
        weir.write(FILE.replace("timeout_seconds: 30", "timeout_seconds: 60"))
        changes = json.loads(weir.command("diff", "--json").stdout)["changes"]
        with open(weir.config, encoding="utf-8") as f:
            line = 1 + [i for i, text in enumerate(f) if "idle_timeout" in text][0]
        self.assertEqual(changes, [{
            "kind": "changed", "object": "load_balancer web",
            "key": "idle_timeout.timeout_seconds", "file": "60", "now": "30",
            "place": f"{weir.config}:{line}"}])

    def test_another_file_and_bad_ones(self):
        weir = self.weir(FILE)
        other = os.path.join(weir.dir, "other.yaml")
        with open(weir.config, encoding="utf-8") as f, \
                open(other, "w", encoding="utf-8") as to:
            to.write(f.read().replace("timeout_seconds: 30", "timeout_seconds: 31"))
        status, said = self.diff(weir, other)
        self.assertEqual(status, 5)
        self.assertIn("30 -> 31", said)
        self.assertEqual(self.diff(weir), (0, ""))
        with open(other, "w", encoding="utf-8") as to:
            to.write("nonsense: 1\n")
        done = weir.command("diff", other)
        self.assertEqual(done.returncode, 3)
        self.assertIn("other.yaml:1:1: error: ", done.stderr)
        self.assertEqual(weir.command("diff", "/nonexistent").returncode, 1)
