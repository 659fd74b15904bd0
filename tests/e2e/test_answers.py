"""What programs read: each answer of the admin socket has the members that the
manual promises, of their types, and no others."""

import json
import re

from scene import ONE_GROUP, Reply, Scene

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
HASH = re.compile(r"[0-9a-f]{64}")
TARGET = re.compile(r"127\.0\.0\.1:\d+")

# A member with "?" may be absent; a type, a pattern, a value, [of these] or a
# shape itself is what it has to be. A set is a choice.
ENTRY = {"id": str, "port?": int, "weight?": int, "zone?": str, "backup?": bool}
OVERLAY = {"version": 1, "changed?": TIME, "target_groups": {"*": {
    "registered?": [ENTRY], "deregistered?": [ENTRY], "drained?": [ENTRY]}}}
EVENT = {"time": TIME, "kind": {"reload", "reload-refused", "confirm", "revert", "health",
                                "drain", "register", "certificate", "upgrade", "maintenance",
                                "limit", "firewall"},
         "what": str, "sentence": str}
RELOAD = {"ok": bool, "generation": int, "workers": int, "invalid": bool, "text": str,
          "findings": [{"severity": {"error", "warning"}, "file?": str, "line?": int,
                        "column?": int, "sentence": str, "hint?": str}]}
MOVED = {"ok": True, "targets": [TARGET], "in_flight": int, "generation": int,
         "changed": bool}
ANSWERS = {
    "register": {"ok": True, "target": TARGET, "generation": int, "changed": bool},
    "moved": MOVED,
    "overlay": {"ok": True, "overlay": OVERLAY, "broken?": str, "differences": [
        {"target_group": str, "target": TARGET, "file": str, "now": str}]},
    "export": {"ok": True, "text": str},
    "reload": RELOAD,
    "reload-confirm": dict(RELOAD, confirm_seconds=int),
    "refused": dict(RELOAD, error=str),
    "confirm": {"ok": True, "generation": int},
    "diff": {"ok": True, "changes": [
        {"kind": {"added", "removed", "changed"}, "object": str, "key?": str, "file?": str,
         "now?": str, "place": re.compile(r".+:\d+")}], "left_out?": int},
    "invalid": {"ok": False, "error": str, "invalid": True, "text": str},
    "events": {"ok": True, "events": [EVENT]},
    "error": {"ok": False, "error": str},
}
STATUS = {
    "generations": {"current": int, "oldest_alive": int, "alive": [
        {"generation": int, "since": TIME, "exchanges": int, "connections": int}]},
    "config": {"hash": HASH, "file_differs": bool},
    "waiting": {"generation": int, "seconds_left": int},
    "overlay": {"entries": int, "file?": str},
    "advice": [{"token": str, "sentence": str, "where?": str, "since?": TIME, "count": int}],
}


def faults(shape, value, at="it"):
    """What is wrong with it, as sentences."""
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return [f"{at} is {value!r}"]
        names = {name.rstrip("?"): name for name in shape}
        if "*" in names:
            return [f for k, v in value.items() for f in faults(shape["*"], v, f"{at}.{k}")]
        found = [f"{at}.{n} is missing" for n, name in names.items()
                 if n == name and n not in value]
        for key, v in value.items():
            found += (faults(shape[names[key]], v, f"{at}.{key}") if key in names
                      else [f"{at}.{key} is not in the manual"])
        return found
    if isinstance(shape, list):
        if not isinstance(value, list):
            return [f"{at} is {value!r}"]
        return [f for i, v in enumerate(value) for f in faults(shape[0], v, f"{at}[{i}]")]
    if isinstance(shape, type):
        good = isinstance(value, shape) and (shape is bool or not isinstance(value, bool))
    elif isinstance(shape, re.Pattern):
        good = isinstance(value, str) and shape.fullmatch(value)
    elif isinstance(shape, set):
        good = value in shape
    else:
        good = value == shape and type(value) is type(shape)
    return [] if good else [f"{at} is {value!r}"]


class Answers(Scene):
    over = ("plain",)

    def check(self, name, weir, *words):
        done = weir.command(*words, "--json")
        answer = json.loads(done.stdout)
        self.assertEqual(faults(ANSWERS[name], answer), [], words)
        return done.returncode, answer

    def test_all_of_them(self):
        app = self.origin(Reply(200, b"ok"))
        weir = self.weir(ONE_GROUP, app=app)
        at = ("--socket", weir.dir + "/admin.sock")
        one, spare = ("app", str(app)), ("app", "127.0.0.1:9")
        for name, status, *words in (
                ("register", 0, "target", "register", *spare, "--weight", "2", "--zone", "a"),
                ("moved", 0, "target", "drain", *spare, "--wait"),
                ("overlay", 0, "overlay"), ("moved", 0, "target", "resume", *spare),
                ("moved", 0, "target", "drain", *one),
                ("moved", 0, "target", "deregister", *one), ("overlay", 0, "overlay"),
                ("export", 0, "export"), ("overlay", 0, "overlay", "drop"),
                ("reload", 0, "reload"), ("reload", 0, "reload", "--wait"),
                ("reload-confirm", 0, "reload", "--confirm", "60"),
                ("confirm", 0, "confirm"), ("error", 1, "confirm"), ("diff", 0, "diff"),
                ("events", 0, "events"), ("error", 1, "target", "drain", "app", "10.0.0.1:1"),
                ("error", 1, "target", "register", "nosuch", "10.0.0.1:1"),
                ("error", 1, "events", "--since", "never")):
            if name == "error" and words[0] in ("target", "events"):
                done = weir.command(*words)
                self.assertEqual((done.returncode, done.stdout), (status, ""), words)
                self.assertRegex(done.stderr, "^weir " + words[0])
                continue
            self.assertEqual(self.check(name, weir, *words)[0], status, words)
        self.status(weir)
        weir.write(ONE_GROUP.replace("name: web", "name: other"))
        self.assertEqual(self.check("diff", weir, "diff")[0], 5)
        weir.write("nonsense: 1\n")
        self.assertEqual(self.check("invalid", weir, "diff", *at)[0], 3)
        self.assertEqual(self.check("refused", weir, "reload", *at)[0], 3)

    def status(self, weir):
        weir.command("reload", "--confirm", "60")
        answer = weir.json("status")
        for name, shape in STATUS.items():
            self.assertEqual(faults(shape, answer[name], name), [])
