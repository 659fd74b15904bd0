"""Scenes: a whole conversation in one test, with real weir between.

A scene writes down what the origins do, what the client sends and what must
come of it. It names no port and cleans nothing up:

    class Keep(Scene):
        def test_it(self):
            app = self.origin(Reply(200, b"ok"))
            weir = self.weir(ONE_GROUP, app=app)
            self.assertEqual(weir.get("/").status, 200)

In a configuration {name} stands for what was given by that name and for
{port}, {port2}, ... (free ports), {listener} (a port with its protocol, TLS
in the second run of a class), {dir} (a folder of its own) and {logs} (an
access log as JSON). Everything else is left as it is, so YAML keeps its own
braces. Unless it has "settings:", one worker (or `workers`) and an admin socket
are added.

Each class runs over plain HTTP, once more over TLS, and a third time over HTTP/2,
unless it says `over = ("plain",)` or the like; a test marked @http1 is about what
HTTP/2 does not have. Needs Python's standard library, and python3-h2 for HTTP/2.
"""

import json
import os
import random
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import http2
from client import Client, WebSocket
from origin import (Chunked, Early, Echo, Expect, HangUp, Held, Origin, Raw, Refuse,
                    Reply, Silent, Stream, Upgrade)

__all__ = ["Chunked", "Client", "Early", "Echo", "Expect", "HangUp", "Held", "LOGGED", "ONE_GROUP",
           "Origin", "Raw", "Refuse", "Reply", "Scene", "Silent", "Stream", "Upgrade",
           "WebSocket", "http1", "wait_for"]

HERE = os.path.dirname(os.path.abspath(__file__))
SANITIZER = re.compile(r"AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:")

# The configuration that most scenes begin with.
ONE_GROUP = """
load_balancers:
  - name: web
    addresses: 127.0.0.1
    listeners: [{{listener}, default_actions: {forward: app}}]
target_groups:
  - {name: app, health_check.enabled: false, targets: [{app}]}
"""
LOGGED = ONE_GROUP.replace("    addresses:", "    {logs}\n    addresses:")


def find_weir():
    named = os.environ.get("WEIR_BIN")
    if named:
        return os.path.abspath(named)
    top = os.path.join(HERE, "..", "..")
    for folder in ("", "build", "build-test/plain"):
        path = os.path.join(top, folder, "weir")
        if os.access(path, os.X_OK):
            return os.path.abspath(path)
    raise unittest.SkipTest("no weir here: build it, or name it in WEIR_BIN")


def wait_for(fact, what="it", seconds=10):
    """Waits for a fact that nothing announces; returns what it gave."""
    end = time.monotonic() + seconds
    while True:
        got = fact()
        if got:
            return got
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not so after {seconds} s")
        time.sleep(0.01)


_locks = []  # sockets that keep other scenes off our ports, for our life


def free_port():
    """A port below the ephemeral ones that is ours on this machine: the lock
    is a name in the abstract namespace of unix sockets, so it dies with us."""
    while True:
        port = random.randrange(10000, 32000)
        lock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            lock.bind(f"\0weir-e2e-port-{port}")
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            lock.close()
            continue
        _locks.append(lock)
        return port


def fill(pipe):
    """Leaves no room in a pipe: who writes to it waits for its reader."""
    os.set_blocking(pipe, False)
    try:
        for size in (4096, 1):
            try:
                while True:
                    os.write(pipe, b"\n" * size)
            except BlockingIOError:
                pass
    finally:
        os.set_blocking(pipe, True)


class Log:
    """Lines of a stream, as they come; somebody may wait for one. With
    `stalled` nobody reads them before begin()."""

    def __init__(self, stream, stalled=False):
        self.lines = []
        self.cond = threading.Condition()
        self.thread = threading.Thread(target=self._read, args=(stream,), daemon=True)
        self.begun = False
        if not stalled:
            self.begin()

    def begin(self):
        if not self.begun:
            self.begun = True
            self.thread.start()

    def _read(self, stream):
        for line in stream:
            with self.cond:
                self.lines.append(line.decode("utf-8", "replace").rstrip("\n"))
                self.cond.notify_all()
        stream.close()

    def wait_for(self, pattern, seconds=10, begin=0):
        """The first line from `begin` on that matches."""
        end = time.monotonic() + seconds
        looked = begin
        with self.cond:
            while True:
                for line in self.lines[looked:]:
                    if re.search(pattern, line):
                        return line
                looked = len(self.lines)
                if not self.cond.wait(max(0, end - time.monotonic())):
                    raise AssertionError(
                        f"no line like {pattern!r} in {seconds} s:\n" + self.text())

    def text(self):
        return "\n".join(self.lines)


class Weir:
    """A running weir."""

    def __init__(self, scene, config, names, args=(), env=None, wait=True, under=(),
                 stalled=False):
        self.scene = scene
        self.dir = scene.folder()
        self.binary = find_weir()
        self.tls = scene.transport != "plain"
        self.ports = {}
        self.names = dict(names)
        self.config = os.path.join(self.dir, "weir.yaml")
        self.access_log = os.path.join(self.dir, "access.log")
        self.state = {}
        self.log_seen = 0
        self.write(config)
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notify_path = os.path.join(self.dir, "notify")
        notify.bind(notify_path)
        os.chmod(notify_path, 0o777)  # as systemd's: weir gives up being root
        notify.settimeout(0.1)
        self.env = dict(os.environ, NOTIFY_SOCKET=notify_path, **(env or {}))
        self.env.setdefault("ASAN_OPTIONS", "abort_on_error=0:exitcode=99")
        self.env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1:halt_on_error=1")
        ours, theirs = os.pipe()
        if stalled:
            fill(theirs)
        self.process = subprocess.Popen(
            [*under, self.binary, "serve", "-c", self.config, *args], env=self.env,
            cwd=self.dir, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=theirs)
        os.close(theirs)
        self.log = Log(os.fdopen(ours, "rb"), stalled)
        self.notify = notify
        if wait:
            self.wait_ready()

    # -- configuration ----------------------------------------------------

    def _value(self, name):
        if name in self.names:
            return str(self.names[name])
        if name == "dir":
            return self.dir
        if name == "logs":
            return f"access_logs: {{enabled: true, path: {self.access_log}, format: json}}"
        if re.fullmatch(r"port\d*", name):
            if name not in self.ports:
                self.ports[name] = free_port()
            return str(self.ports[name])
        if name == "tls":
            crt, key = certificate("example.test")
            return f"certificates: {{certificate: {crt}, private_key: {key}}}"
        if re.fullmatch(r"listener\d*", name):
            text = "port: " + self._value("port" + name[len("listener"):])
            if self.tls:
                text += ", protocol: HTTPS, " + self._value("tls")
            return text
        return None

    def write(self, config, **names):
        """Writes the file; a reload is another matter."""
        self.names.update(names)
        if not re.search(r"^settings:", config, re.M):
            extra = "\n".join("  " + line for line in
                              self.names.get("settings", "").splitlines())
            config = (
                f"settings:\n  workers: {self.names.get('workers', 1)}\n"
                + ("  user: root\n" if os.geteuid() == 0 else "")
                + "  admin.socket: {dir}/admin.sock\n"
                "  stickiness_key_file: {dir}/sticky.key\n"
                + ("" if "overlay_file" in extra else "  overlay_file: {dir}/overlay.json\n")
                + "  shutdown_timeout_seconds: 5\n" + extra + "\n" + config)

        def put(match):
            value = self._value(match.group(1))
            return match.group(0) if value is None else value

        text = re.sub(r"(?<![#$])\{(\w+)\}", put, config)
        part = self.config + ".new"
        with open(part, "w", encoding="utf-8") as f:
            f.write(text)
        os.replace(part, self.config)

    # -- life -----------------------------------------------------------------

    def wait_ready(self, seconds=20):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            try:
                if b"READY=1" in self.notify.recv(4096):
                    return
            except TimeoutError:
                pass
        self.process.kill()
        self.process.wait()
        self.log.begin()
        self.log.thread.join(5)
        # A scene may be ahead of the program, which says so itself.
        unbuilt = re.search(r"error: (.*not built yet.*)", self.log.text())
        if unbuilt:
            raise unittest.SkipTest(unbuilt.group(1))
        raise AssertionError(f"weir did not come up:\n{self.log.text()}\n"
                             + open(self.config, encoding="utf-8").read())

    def command(self, *args, timeout=30):
        """Runs `weir ARGS -c FILE`; returns what subprocess.run does."""
        return subprocess.run(
            [self.binary, *args, "-c", self.config], env=self.env, timeout=timeout,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

    def reload(self, config=None, **names):
        if config:
            self.write(config, **names)
        done = self.command("reload", "--wait")
        if done.returncode:
            raise AssertionError(f"reload: {done.returncode}\n{done.stdout}{done.stderr}")

    def json(self, *args):
        done = self.command(*args, "--json")
        if done.returncode:
            raise AssertionError(f"{args}: {done.returncode}\n{done.stderr}")
        return json.loads(done.stdout)

    def states(self):
        """What `weir targets` says: address to state, over all groups."""
        return {target["target"]: target["state"]
                for group in self.json("targets")["target_groups"]
                for target in group["targets"]}

    def wait_healthy(self, n):
        """Until n targets, and all there are, take traffic."""
        wait_for(lambda: list(self.states().values()) == ["healthy"] * n, f"{n} are healthy")

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self, seconds=15):
        """Ends it as an administrator would; it has to end well."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = "killed: it did not stop"
            self.process.wait()
        self.log.begin()
        self.log.thread.join(5)
        self.notify.close()
        return status

    def resident_octets(self):
        with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as f:
            return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    # -- clients ----------------------------------------------------------------

    def client(self, port=None, name="example.test", tls=None, **kw):
        """A connection to {port}, or to the port named so."""
        context = None
        if tls is None and self.scene.transport == "h2":
            return self.h2(port, name, **kw)
        if tls is None:
            tls = self.tls
        if tls:
            context = tls if isinstance(tls, ssl.SSLContext) else trusting()
        number = port if isinstance(port, int) else self.ports[port or "port"]
        c = Client(number, tls=context, name=name if context else None, **kw)
        self.scene.addCleanup(c.close)
        return c

    def h2(self, port=None, name="example.test", **kw):
        """A connection over HTTP/2, which takes what client() takes."""
        if not http2.h2:
            raise unittest.SkipTest("python3-h2 is not there")
        number = port if isinstance(port, int) else self.ports[port or "port"]
        c = http2.H2Client(number, tls=trusting(alpn=("h2",)), name=name, **kw)
        self.scene.addCleanup(c.close)
        return c

    def websocket(self, target="/ws"):
        return WebSocket(self.client(tls=self.tls), target)

    def ask(self, method, target, body=None, fields=(), host="example.test", port=None,
            **kw):
        c = self.client(port, **kw)
        try:
            return c.ask(method, target, body, fields, host)
        finally:
            c.close()

    def get(self, target, **kw):
        return self.ask("GET", target, **kw)

    def post(self, target, body, **kw):
        return self.ask("POST", target, body, **kw)

    @property
    def last_log(self):
        """The next line of the access log that was not read yet."""
        def line():
            try:
                with open(self.access_log, encoding="utf-8") as f:
                    lines = f.read().split("\n")[:-1]
            except FileNotFoundError:
                return None
            return lines[self.log_seen:]
        lines = wait_for(line, "a new line in the access log", 5)
        self.log_seen += len(lines)
        return json.loads(lines[-1])


def http1(test):
    """A test of what only HTTP/1.x has: its framing, its connections."""
    test.is_http1 = True
    return test


class Scene(unittest.TestCase):
    over = ("plain", "tls", "h2")
    transport = "plain"
    maxDiff = 4000

    def __init_subclass__(cls, **kw):
        """Every class gets a sister for each other way that it may go."""
        super().__init_subclass__(**kw)
        if cls.transport != "plain":
            return
        for way, suffix in (("tls", "OverTls"), ("h2", "OverHttp2")):
            if way in cls.over:
                cls._add_sister(way, cls.__name__ + suffix)

    @classmethod
    def _add_sister(cls, way, name):
        members = {"transport": way, "__module__": cls.__module__, "__doc__": cls.__doc__}
        if way == "h2":  # the loader looks for what can be called
            members.update((n, None) for n in dir(cls)
                           if getattr(getattr(cls, n), "is_http1", False))
        setattr(sys.modules[cls.__module__], name, type(name, (cls,), members))

    def folder(self):
        path = tempfile.mkdtemp(prefix="weir-e2e-")
        os.chmod(path, 0o755)
        self.addCleanup(shutil.rmtree, path, ignore_errors=True)
        return path

    def origin(self, *script, **kw):
        if kw.get("h2") and not http2.h2:
            raise unittest.SkipTest("python3-h2 is not there")
        o = Origin(*script, **kw)
        self.addCleanup(o.stop)
        return o

    def weir(self, config, wait=True, args=(), env=None, under=(), stalled=False,
             **names):
        """`under` is a command that ends in weir's own: it must exec that.
        `stalled`: nobody reads standard error before log.begin()."""
        w = Weir(self, config, names, args=args, env=env, wait=wait, under=under,
                 stalled=stalled)
        self.addCleanup(self._end, w)
        return w

    def _end(self, w):
        already = w.process.poll() is not None
        status = w.stop()
        log = w.log.text()
        if os.environ.get("SCENE_LOG"):
            print(log, file=sys.stderr)
        self.assertIsNone(SANITIZER.search(log), log)
        if not already:
            self.assertEqual(status, 0, f"weir ended with {status}:\n{log}")

    def check_config(self, config, **names):
        """What `weir check` says of a configuration nobody serves."""
        folder = self.folder()
        path = os.path.join(folder, "weir.yaml")
        text = config
        for name, value in dict(names, dir=folder).items():
            text = text.replace("{" + name + "}", str(value))
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return subprocess.run([find_weir(), "check", "-c", path], timeout=30,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              check=False)


# -- certificates ---------------------------------------------------------------

_made = {}


def certificate(*names, kind="ec"):
    """Paths of a self-signed certificate for the names, and of its key; made
    once for each process that runs tests."""
    at = (names, kind)
    if at not in _made:
        folder = _certificates_folder()
        base = os.path.join(folder, f"{os.getpid()}-{len(_made)}")
        algorithm = {"ec": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
                     "rsa": ["-newkey", "rsa:2048"]}[kind]
        subprocess.run(
            ["openssl", "req", "-x509", *algorithm, "-nodes", "-days", "30",
             "-subj", f"/CN={names[0]}", "-keyout", base + ".key", "-out", base + ".pem",
             "-addext", "subjectAltName=" + ",".join("DNS:" + n for n in names)],
            check=True, capture_output=True, timeout=60)
        _made[at] = (base + ".pem", base + ".key")
    return _made[at]


_folder = []


def _certificates_folder():
    if "WEIR_E2E_CERTS" in os.environ:
        return os.environ["WEIR_E2E_CERTS"]  # the runner's, which removes it
    if not _folder:
        holder = tempfile.TemporaryDirectory(prefix="weir-e2e-certs-")
        os.chmod(holder.name, 0o755)
        _folder.append(holder)
    return _folder[0].name


def trusting(alpn=("http/1.1",)):
    """A client context that takes any certificate: scenes look at it instead."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def origin_tls(*names, alpn=()):
    """A server context for an origin that speaks TLS."""
    crt, key = certificate(*(names or ("origin.test",)))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(crt, key)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


SIGHUP, SIGTERM, SIGUSR1 = signal.SIGHUP, signal.SIGTERM, signal.SIGUSR1
