#!/usr/bin/env python3
"""soak - a bounded while of chaos, and then the books must balance.

  tests/e2e/soak.py                  30 seconds
  tests/e2e/soak.py --seconds 600 --seed 7

Good clients talk to good targets; broken, slow and hostile ones talk to
anything; targets die, lie and dawdle; the configuration is reloaded all the
while. A good client must always get the right answer. Everybody else gets the
right one, an error with a reason, or the end of the connection. Afterwards
weir has to be as empty as it was at the start, and to end well.

WEIR_BIN names the program. Not part of any check: `make soak` runs it. With
the address sanitizer, which keeps what was freed for a while, set
ASAN_OPTIONS=quarantine_size_mb=8:exitcode=99.
"""
import argparse
import collections
import os
import random
import re
import signal
import socket
import struct
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

from client import Client, request  # noqa: E402
from origin import Action, Gone, Origin  # noqa: E402
from scene import SANITIZER, Weir, free_port, origin_tls, trusting  # noqa: E402

CONFIG = """
settings:
  workers: {workers}
  {user}
  admin.socket: {dir}/admin.sock
  stickiness_key_file: {dir}/sticky.key
  shutdown_timeout_seconds: 10
load_balancers:
  - name: web
    addresses: 127.0.0.1
    idle_timeout.timeout_seconds: 6
    listeners:
      - port: {port}
        default_actions: {forward: good}
        rules: {rules}
      - port: {port2}
        protocol: HTTPS
        {tls}
        default_actions: {forward: good}
        rules: {rules}
      {third}
target_groups:
  - name: good
    health_check.enabled: false
    stickiness.enabled: true
    targets: [{good}]
  - name: secret
    protocol: HTTPS
    health_check.enabled: false
    targets: ["{secret}"]
  - name: bad
    health_check.enabled: false
    deregistration_delay.timeout_seconds: 1
    targets: [{bad}]
  - name: worse
    protocol: HTTPS
    health_check.enabled: false
    deregistration_delay.timeout_seconds: 1
    targets: [{worse}]
"""
RULES = """
          - {priority: 1, conditions: {path_pattern: /bad*}, actions: {forward: bad}}
          - {priority: 5, conditions: {path_pattern: /worse*}, actions: {forward: worse}}
          - {priority: 2, conditions: {path_pattern: /secret*}, actions: {forward: secret}}
          - {priority: 3, conditions: {path_pattern: /fixed*},
             actions: {fixed_response: {status_code: 200, message_body: by itself}}}
          - {priority: 4, conditions: {path_pattern: /moved*},
             actions: {redirect: {path: /other, status_code: HTTP_301}}}"""


def body_of(size, salt):
    text = b"%08x" % salt
    return (text * (size // 8 + 1))[:size]


def wanted(target):
    found = re.search(r"n=(\d+)&s=(\d+)", target)
    return (int(found[1]), int(found[2])) if found else (2, 0)


class Good(Action):
    """What was asked for, as a length or in chunks, at once or in pieces."""

    def run(self, request, wire, origin):
        if "upgrade" in request.fields:
            tunnel(wire)
        body = (request.body[::-1] if request.method == "POST"
                else body_of(*wanted(request.target)))
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
        kind = random.randrange(4)
        if request.method == "HEAD":
            wire.send(head)
        elif kind == 0:
            wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            chunks(wire, body)
        elif kind == 1:
            wire.send(head)
            wire.send(body)
        else:
            wire.send(head + body)


class Bad(Action):
    """Anything that a target can do wrong, and now and then nothing."""

    reads_body = False

    def run(self, request, wire, origin):
        size, salt = wanted(request.target)
        body = body_of(size, salt)
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size
        if random.random() < 0.7:
            origin.read_body(request, wire)
        getattr(self, random.choice(self.ways))(wire, head, body)

    ways = ("well", "dies", "resets", "half", "half_reset", "long", "junk", "both",
            "slow", "early", "hints", "until_end", "no_body", "bad_chunk", "upgrade",
            "huge_head", "silent", "trickle")

    def well(self, wire, head, body):
        wire.send(head + body)

    def dies(self, wire, head, body):
        raise Gone("dies")

    def resets(self, wire, head, body):
        wire.reset()

    def half(self, wire, head, body):
        wire.send(head + body[:len(body) // 2])
        raise Gone("half")

    def half_reset(self, wire, head, body):
        wire.send(head + body[:len(body) // 2])
        wire.reset()

    def long(self, wire, head, body):
        wire.send(head + body + b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nextra")

    def junk(self, wire, head, body):
        wire.send(os.urandom(random.randrange(1, 4000)))

    def both(self, wire, head, body):
        wire.send(head[:-2] + b"Transfer-Encoding: chunked\r\n\r\n")
        chunks(wire, body)

    def slow(self, wire, head, body):
        time.sleep(random.random())
        wire.send(head + body)

    def early(self, wire, head, body):
        wire.send(b"HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno")
        raise Gone("early")

    def hints(self, wire, head, body):
        for _ in range(random.choice((1, 3, 120))):
            wire.send(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n")
        wire.send(head + body)

    def until_end(self, wire, head, body):
        wire.send(b"HTTP/1.1 200 OK\r\n\r\n" + body)
        raise Gone("the end is the end")

    def no_body(self, wire, head, body):
        wire.send(b"HTTP/1.1 204 None\r\nContent-Length: 4\r\n\r\nlies")

    def bad_chunk(self, wire, head, body):
        wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc")
        wire.send(b"\r\nzz\r\n")

    def upgrade(self, wire, head, body):
        wire.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                  b"Connection: Upgrade\r\n\r\n")

    def huge_head(self, wire, head, body):
        wire.send(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * random.choice((900, 9000)))
        wire.send(b"\r\n")

    def silent(self, wire, head, body):
        wire.rest()

    def trickle(self, wire, head, body):
        for octet in head[:60]:
            wire.send(bytes([octet]))
        raise Gone("enough")


def tunnel(wire):
    wire.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
              b"Connection: Upgrade\r\n\r\n")
    while True:
        if wire.ahead:
            octets, wire.ahead = wire.ahead, b""
            wire.send(octets)
        wire.more()


def chunks(wire, body):
    size = random.choice((1 + len(body) // 30, 4096, 70000))
    for at in range(0, len(body), size):
        part = body[at:at + size]
        wire.send(b"%x\r\n%s\r\n" % (len(part), part))
    wire.send(b"0\r\n\r\n")


class Soak:
    """One run: weir, its targets, its clients, and what went wrong."""

    transport = "plain"

    def __init__(self, args):
        self.args = args
        self.until = time.monotonic() + args.seconds
        self.done = collections.Counter()
        self.status = {}
        self.wrong = []
        self.is_cut = False  # weir was ended, so clients may say anything
        self.holder = tempfile.TemporaryDirectory(prefix="weir-soak-")
        os.chmod(self.holder.name, 0o755)
        self.good = [Origin(Good()) for _ in range(3)]
        self.secret = Origin(Good(), tls=origin_tls())
        self.bad = [Origin(Bad()) for _ in range(3)]
        self.worse = [Origin(Bad(), tls=origin_tls()) for _ in range(3)]
        self.third, self.third_port, self.leftovers = False, free_port(), []
        self.weir = Weir(self, CONFIG, self.names())

    def folder(self):
        return self.holder.name

    def addCleanup(self, *_):
        """Weir's clients ask for it; ours close what they open."""

    def names(self):
        bad = [f'"{o}"' for o in random.sample(self.bad, random.randrange(1, 4))]
        bad.append('"127.0.0.1:1"')  # where nobody listens
        worse = [f'"{o}"' for o in random.sample(self.worse, random.randrange(1, 4))]
        worse.append(f'"{self.bad[0]}"')  # which speaks no TLS
        good = [f'"{o}"' for o in self.good[:random.randrange(2, 4)]]
        return {
            "workers": self.args.workers, "good": ", ".join(good),
            "bad": ", ".join(bad), "worse": ", ".join(worse),
            "secret": self.secret, "rules": RULES,
            "user": "user: root" if os.geteuid() == 0 else "",
            "third": f"- {{port: {self.third_port}, default_actions: {{forward: good}}}}"
                     if self.third else ""}

    # -- clients ------------------------------------------------------------------

    def connect(self, tls=None, **kw):
        if tls is None:
            tls = random.random() < 0.3
        port = self.weir.ports["port2" if tls else "port"]
        return Client(port, tls=trusting() if tls else None,
                      name="example.test" if tls else None, **kw)

    def fault(self, what):
        if not self.is_cut:
            self.wrong.append(what)

    def expect(self, answer, body, what):
        if answer.status != 200 or not answer.whole or answer.body != body:
            self.fault(f"{what}: {answer!r} whole={answer.whole} "
                       f"{len(answer.body)} of {len(body)} octets")

    def good_client(self):
        """Anything but the right answer is a fault, reload or not."""
        c = self.connect()
        try:
            for _ in range(random.randrange(1, 12)):
                n, salt = random.choice((0, 1, 500, 20000, 300000)), random.randrange(10**6)
                where = random.choice(("/", "/", "/secret"))
                target = f"{where}?n={n}&s={salt}"
                kind = random.randrange(5)
                if kind == 0:
                    body = body_of(n, salt)
                    answer = c.post(target, body)
                    body = body[::-1]
                elif kind == 1:
                    c.send(request("HEAD", target))
                    answer, body = c.answer("HEAD"), b""
                else:
                    answer, body = c.get(target), body_of(n, salt)
                self.expect(answer, body, f"good {target}")
                if answer.fields.get("connection", "").lower() == "close":
                    break
        except (Gone, OSError) as e:
            self.fault(f"good client: {e!r}")
        finally:
            c.close()

    def in_a_row(self):
        """Asks much without waiting. A TLS socket is not for two threads."""
        c = self.connect(tls=False)
        try:
            salts = [random.randrange(10**6) for _ in range(random.choice((5, 3000)))]
            n = random.choice((0, 30, 2000)) if len(salts) < 100 else 20
            where = random.choice(("/", "/fixed"))
            sender = threading.Thread(target=self.send_quietly, args=(c, b"".join(
                request("GET", f"{where}?n={n}&s={s}") for s in salts)))
            sender.start()
            for at, s in enumerate(salts):
                body = body_of(n, s) if where == "/" else b"by itself"
                self.expect(c.answer(), body, f"in a row, {len(salts)} times {where}")
            sender.join()
        except (Gone, OSError) as e:
            self.fault(f"{at + 1} of {len(salts)} in a row, {where} {n}, "
                       f"{c.sock}: {e!r}")
        finally:
            c.close()

    @staticmethod
    def send_quietly(c, octets):
        try:
            c.send(octets)
        except (Gone, OSError):
            pass

    def slow_client(self):
        """A megabyte or three through a small window, with pauses."""
        c = self.connect(receive_octets=8192)
        n, salt = random.choice((1000000, 3000000)), random.randrange(10**6)
        try:
            c.send(request("GET", f"/?n={n}&s={salt}",
                           fields=random.choice(([], [("Connection", "close")]))))
            time.sleep(random.random() * 3)
            self.expect(c.answer(), body_of(n, salt), "slow client")
        except (Gone, OSError) as e:
            self.fault(f"slow client: {e!r}")
        finally:
            c.close()

    def chatter(self):
        c = self.connect()
        try:
            c.send(request("GET", "/chat", fields=[("Connection", "Upgrade"),
                                                   ("Upgrade", "websocket")]))
            answer = c.head()
            if answer.status != 101:
                self.fault(f"tunnel: {answer!r}")
                return
            for _ in range(random.randrange(20)):
                octets = os.urandom(random.choice((1, 100, 50000)))
                c.send(octets)
                if c.exactly(len(octets)) != octets:
                    self.fault("tunnel: other octets")
                time.sleep(random.random() * 0.1)
        except (Gone, OSError) as e:
            self.fault(f"tunnel: {e!r}")
        finally:
            c.close()

    def patient(self):
        """Talks to bad targets: a right answer, or a reason, or the end."""
        c = self.connect()
        try:
            for _ in range(random.randrange(1, 8)):
                n, salt = random.choice((0, 10, 5000, 200000)), random.randrange(10**6)
                method = random.choice(("GET", "GET", "POST", "HEAD"))
                body = body_of(n, 1) if method == "POST" else None
                fields = random.choice(([], [], [("Expect", "100-continue")]))
                where = random.choice(("/bad", "/worse"))
                c.send(request(method, f"{where}?n={n}&s={salt}", body, fields))
                answer = c.answer(method)
                self.judge(answer, method, body_of(n, salt))
                if not answer.whole or answer.fields.get("connection") == "close":
                    break
        except (Gone, OSError):
            pass
        finally:
            c.close()

    def judge(self, answer, method, body):
        ours = "weir-reason" in answer.fields
        if ours:
            if answer.status < 400:
                self.fault(f"a reason for {answer!r}")
        elif answer.status in (204, 413):
            pass
        elif answer.status != 200:
            self.fault(f"bad target, no reason: {answer!r}")
        elif method != "HEAD" and answer.whole and answer.body != body \
                and "x" not in answer.fields:
            self.fault(f"bad target, wrong body: {answer!r}")

    def hostile(self):
        """Octets that no client would send, and ends at any moment."""
        c = self.connect()
        if random.random() < 0.1:  # plain octets to a port that wants TLS
            c = Client(self.weir.ports["port2"])
        try:
            for _ in range(random.randrange(1, 6)):
                c.send(self.octets())
                if random.random() < 0.5:
                    time.sleep(random.random() * 0.2)
            end = random.randrange(5)
            if end == 0:
                c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                  struct.pack("ii", 1, 0))
            elif end == 1:
                c.sock.shutdown(socket.SHUT_WR)
                c.sock.settimeout(12)
                c.rest()
            elif end == 2:
                c.sock.settimeout(12)
                c.rest()
        except (Gone, OSError):
            pass
        finally:
            c.close()

    @staticmethod
    def octets():
        whole = random.choice((
            request("GET", "/?n=70000&s=1"), request("GET", "/fixed"),
            request("GET", "/moved"), request("POST", "/?n=1&s=1", b"x" * 5000),
            request("POST", "/fixed", b"x" * 100000),
            request("GET", "/bad?n=100&s=1", fields=[("Connection", "Upgrade"),
                                                     ("Upgrade", "websocket")]),
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"5\r\nhello\r\nffffffffffffffff\r\n",
            b"GET / HTTP/1.0\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 9000,
            b"GET /" + b"a" * 20000, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\r\n" * 10,
            b"\x16\x03\x01" + os.urandom(100), os.urandom(3000)))
        return random.choice((whole, whole, whole * 40, whole[:random.randrange(len(whole))]))

    def sharer(self, deeds):
        while time.monotonic() < self.until and len(self.wrong) < 20:
            deed = random.choice(deeds)
            try:
                deed()
            except Exception as e:  # a fault of ours must not pass for silence
                self.fault(f"{deed.__name__}: {e!r}")
            self.done[deed.__name__] += 1

    # -- the configuration, and the balance ------------------------------------------

    def reloader(self):
        while time.monotonic() < self.until:
            time.sleep(0.2 + random.random())
            self.third = not self.third
            self.weir.write(CONFIG, **self.names())
            if random.random() < 0.5:
                self.weir.signal(signal.SIGHUP)
            else:
                done = self.weir.command("reload", "--wait")
                if done.returncode:
                    self.fault(f"reload: {done.stdout}{done.stderr}")
            self.done["reload"] += 1
            if self.third:  # somebody has to be on the port that goes
                self.on_the_third_port()

    def on_the_third_port(self):
        try:
            c = Client(self.third_port)
            if random.random() < 0.5:
                c.get("/?n=10&s=1")
            self.leftovers = self.leftovers[-5:] + [c]
        except (Gone, OSError):
            pass  # SIGHUP does not wait

    def at_rest(self):
        """What is left; {} when nothing is."""
        status = self.weir.json("status")
        left = {}
        for w in status["workers"]:
            for key in ("client_connections", "target_connections", "requests_under_way"):
                if w[key]:
                    left[f"worker {w['worker']} {key}"] = w[key]
        if status["generations"]["current"] != status["generations"]["oldest_alive"]:
            left["generations"] = status["generations"]
        c = status["counters"]
        for begun, ended in (("ReceivedRequestCount", "EndedRequestCount"),
                             ("ClientConnectionCount", "ClientConnectionClosedCount"),
                             ("TargetConnectionCount", "TargetConnectionClosedCount")):
            if c[begun] != c[ended]:
                left[begun] = (c[begun], c[ended])
        for g in self.weir.json("targets")["target_groups"]:
            for t in g["targets"]:
                if t["in_flight"]:
                    left[t["target"]] = t["in_flight"]
        self.status = status
        return left

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.weir.process.pid}/fd"))

    def warm_up(self):
        """What is made once and kept is there before we count."""
        for tls in (False, True):
            for _ in range(4 * self.args.workers):
                c = self.connect(tls=tls)
                c.get("/?n=300000&s=1")
                c.close()

    def run(self):
        self.warm_up()
        began = self.descriptors(), self.weir.resident_octets()
        mild = [self.good_client] * 4 + [self.in_a_row, self.slow_client, self.chatter]
        wild = [self.patient, self.patient, self.hostile, self.hostile]
        threads = [threading.Thread(target=self.sharer, args=(deeds,), daemon=True)
                   for deeds in [mild] * 4 + [wild] * 5]
        threads.append(threading.Thread(target=self.reloader, daemon=True))
        for t in threads:
            t.start()
        if self.args.cut:
            time.sleep(self.args.seconds)
            self.is_cut = True
            self.finish()
            return
        for t in threads:
            t.join(self.args.seconds + 60)
            if t.is_alive():
                self.fault("a client never came back")
        for c in self.leftovers:
            c.close()
        left, end = self.at_rest(), time.monotonic() + 30
        while left and time.monotonic() < end:
            time.sleep(0.5)
            left = self.at_rest()
        if left:
            self.fault(f"not at rest: {left}")
        self.compare(began, (self.descriptors(), self.weir.resident_octets()))
        self.finish()

    def finish(self):
        status = self.weir.stop(30)
        if status != 0:
            self.wrong.append(f"weir ended with {status}")
        log = self.weir.log.text()
        if SANITIZER.search(log):
            self.wrong.append(log[-8000:])
        for line in self.weir.log.lines:
            if "ended a request" in line and "reason=" not in line:
                self.wrong.append(f"no reason: {line}")

    def compare(self, began, now):
        # A listener came and went, so one socket for each worker may differ.
        if now[0] > began[0] + self.args.workers + 2:
            self.fault(f"{began[0]} descriptors became {now[0]}")
        grown = now[1] - began[1]
        print(f"resident: {began[1] >> 20} MiB became {now[1] >> 20} MiB")
        if grown > self.args.grow << 20:
            self.fault(f"{grown >> 20} MiB more than at the start")

    def report(self):
        print(", ".join(f"{n} {k}" for k, n in sorted(self.done.items())))
        print("reasons:", self.status.get("reasons"))
        for what in self.wrong[:20]:
            print("FAULT", what[:6000])
        return 1 if self.wrong else 0


def main():
    ap = argparse.ArgumentParser(description=__doc__,
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--seconds", type=float, default=30)
    ap.add_argument("--seed", type=int, default=int(time.time()))
    ap.add_argument("--workers", type=int, default=4)
    ap.add_argument("--grow", type=int, default=64, help="MiB that are no fault")
    ap.add_argument("--cut", action="store_true",
                    help="end weir while everybody is at work")
    args = ap.parse_args()
    print(f"seed {args.seed}, {args.seconds:g} s, {args.workers} workers")
    random.seed(args.seed)
    soak = Soak(args)
    try:
        soak.run()
    finally:
        soak.weir.stop()
        if os.environ.get("SCENE_LOG"):
            print(soak.weir.log.text())
    result = soak.report()
    print("1 passed, 0 failed" if not result else "0 passed, 1 failed")
    return result


if __name__ == "__main__":
    sys.exit(main())
