"""lab - network namespaces, wires, servers and probes, all made on the spot.

Everything lives in a user namespace of this process and ends with it. The
namespace that the script starts in is the gateway; others are held open by a
sleeping child each. A socket belongs to the namespace in which it was made,
so one process can speak for all of them.

Python's standard library, ip(8) and nft(8) only.
"""
import contextlib
import ctypes
import errno
import ipaddress
import os
import pathlib
import select
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time

SKIP = 77
# What is dropped is silent: so long we wait before we call it so. The first
# retransmission of TCP comes after a second.
PATIENCE = 0.5
CLONE_NEWNET = 0x40000000

libc = ctypes.CDLL(None, use_errno=True)


def skip(why):
    print(f"skipped: {why}")
    sys.exit(SKIP)


def enter_sandbox(as_root=False):
    """Goes on in a user and network namespace of our own. `as_root`: root
    keeps its own user namespace, where netlink takes batches of any size.
    Root does so as well where there is none to be had, in a chroot, or where
    its root could not read us, in another user's folder."""
    if os.environ.get("WEIR_LAB") == "1":
        return
    for tool in ("unshare", "ip", "nft", "conntrack"):
        if not shutil.which(tool):
            skip(f"there is no {tool} here")
    is_root = os.geteuid() == 0
    ways = ["-rnm"] if not is_root else ["-nm"] if as_root else ["-rnm", "-nm", "-n"]
    probe = 'test -r "$0" && nft add table inet weir-probe'
    for how in ways:
        if subprocess.run(["unshare", how, "--fork", "sh", "-c", probe, sys.argv[0]],
                          capture_output=True).returncode == 0:
            break
    else:
        skip("the kernel gives us no namespace with netfilter")
    os.environ["WEIR_LAB"] = "1"
    os.execvp("unshare", ["unshare", how, "--fork", "--kill-child", sys.executable]
              + sys.argv)


class Namespace:
    """A machine. `addresses` are its own, without prefix length."""

    def __init__(self, name):
        self.name = name
        self.addresses = []
        self.holder = None
        self.path = "/proc/self/ns/net"

    def hold(self):
        ready_r, ready_w = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(ready_r)
            if libc.unshare(CLONE_NEWNET):
                os._exit(1)
            os.write(ready_w, b"x")
            while True:
                time.sleep(3600)
        os.close(ready_w)
        if os.read(ready_r, 1) != b"x":
            skip("no more namespaces")
        os.close(ready_r)
        self.holder = pid
        self.path = f"/proc/{pid}/ns/net"

    def release(self):
        if self.holder:
            os.kill(self.holder, 9)
            os.waitpid(self.holder, 0)

    @contextlib.contextmanager
    def inside(self):
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(self.path, os.O_RDONLY)
        try:
            self._set(there)
            yield self
        finally:
            self._set(home)
            os.close(home)
            os.close(there)

    @staticmethod
    def _set(fd):
        if libc.setns(fd, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")

    def run(self, *command, check=True, stdin=None, env=None):
        with self.inside():
            done = subprocess.run(command, capture_output=True, text=True,
                                  input=stdin, env=env, timeout=60)
        if check and done.returncode:
            raise AssertionError(f"{self.name}: {' '.join(command)}: "
                                 f"{done.stdout}{done.stderr}")
        return done

    def ip(self, *lines):
        """Lines for ip -batch; those with a leading 6 are for IPv6."""
        for flag in ("-4", "-6"):
            text = "\n".join(l[2:] if l.startswith("6 ") else l for l in lines
                             if l.startswith("6 ") == (flag == "-6"))
            if text:
                self.run("ip", flag, "-batch", "-", stdin=text + "\n")

    def sysctl(self, **values):
        with self.inside():
            for name, value in values.items():
                path = pathlib.Path("/proc/sys/net") / name.replace("__", "/")
                with contextlib.suppress(FileNotFoundError):
                    path.write_text(str(value))

    def address(self, family):
        for a in self.addresses:
            if ipaddress.ip_address(a).version == family:
                return a
        raise AssertionError(f"{self.name} has no IPv{family} address")

    def socket(self, *args):
        with self.inside():
            return socket.socket(*args)


class Servers(threading.Thread):
    """Echoes what comes in, on all ports that were opened; one thread."""

    def __init__(self):
        super().__init__(daemon=True)
        self.epoll = select.epoll()
        self.sockets = {}
        self.streams = set()
        self.lock = threading.Lock()

    def _add(self, sock, kind):
        sock.setblocking(False)
        with self.lock:
            self.sockets[sock.fileno()] = (sock, kind)
        self.epoll.register(sock.fileno(), select.EPOLLIN)

    def tcp(self, namespace, *ports, reply=None):
        for family, anywhere in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
            for port in ports:
                s = namespace.socket(family, socket.SOCK_STREAM)
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                s.bind((anywhere, port))
                s.listen(256)
                self._add(s, ("listen", reply))

    def udp(self, namespace, *ports):
        for family, anywhere in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
            for port in ports:
                s = namespace.socket(family, socket.SOCK_DGRAM)
                if family == socket.AF_INET6:
                    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                s.bind((anywhere, port))
                self._add(s, ("udp", None))

    def run(self):
        while True:
            for fd, _ in self.epoll.poll():
                with self.lock:
                    entry = self.sockets.get(fd)
                if entry:
                    self._serve(fd, *entry)

    def _serve(self, fd, sock, kind):
        try:
            if kind[0] == "listen":
                peer, _ = sock.accept()
                self._add(peer, ("stream", kind[1]))
            elif kind[0] == "udp":
                data, peer = sock.recvfrom(2048)
                sock.sendto(data, peer)
            else:
                data = sock.recv(4096)
                if not data:
                    raise ConnectionResetError
                sock.sendall(kind[1] if kind[1] else data)
        except (BlockingIOError, InterruptedError):
            pass
        except OSError:
            if kind[0] == "stream":
                with self.lock:
                    self.sockets.pop(fd, None)
                with contextlib.suppress(OSError):
                    self.epoll.unregister(fd)
                sock.close()


class Probe:
    """One question: does a packet get there, and an answer come back?

    `outcome` is "yes", "silence" or "refused".
    """

    def __init__(self, source, target, port=None, proto="tcp", family=4,
                 bind=None, icmp_type=None, address=None):
        self.source, self.target, self.port, self.proto = source, target, port, proto
        self.family, self.bind, self.icmp_type = family, bind, icmp_type
        self.address = address or target.address(family)
        self.outcome = None
        self.sock = None

    def __str__(self):
        what = self.port if self.proto in ("tcp", "udp") else self.icmp_type
        return f"{self.source.name} -> {self.target.name} {self.proto} {what} IPv{self.family}"

    def start(self):
        family = socket.AF_INET if self.family == 4 else socket.AF_INET6
        kinds = {"tcp": (socket.SOCK_STREAM, 0), "udp": (socket.SOCK_DGRAM, 0),
                 "icmp": (socket.SOCK_RAW, socket.IPPROTO_ICMP),
                 "icmpv6": (socket.SOCK_RAW, socket.IPPROTO_ICMPV6)}
        kind, number = kinds[self.proto]
        self.sock = self.source.socket(family, kind, number)
        self.sock.setblocking(False)
        if self.bind:
            self.sock.bind((self.bind, 0))
        try:
            self.sock.connect((self.address, self.port or 0))
            self._send()
        except BlockingIOError:
            pass
        except OSError as e:
            self._fail(e.errno)

    def _fail(self, number):
        refused = (errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH,
                   errno.ECONNRESET, errno.EACCES)
        self.outcome = "refused" if number in refused else "silence"

    def _send(self):
        if self.proto in ("icmp", "icmpv6"):
            kind = self.icmp_type or (8 if self.proto == "icmp" else 128)
            self.key = os.urandom(4)
            head = struct.pack("!BBH", kind, 0, 0) + self.key + b"weir"
            if self.proto == "icmp":
                total = sum(struct.unpack("!6H", head))
                total = (total & 0xffff) + (total >> 16)
                head = head[:2] + struct.pack("!H", ~(total + (total >> 16)) & 0xffff) + head[4:]
            self.sock.send(head)
        else:
            self.sock.send(b"weir")

    def turn(self, writable, readable):
        try:
            if writable and self.proto == "tcp":
                number = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if number:
                    self._fail(number)
                    return
                self._send()
            if readable:
                data = self.sock.recv(4096)
                if self.proto in ("tcp", "udp") or self.key in data:
                    self.outcome = "yes" if data else "refused"
        except BlockingIOError:
            pass
        except OSError as e:
            self._fail(e.errno)


def ask(probes, patience=PATIENCE):
    """Starts all and waits for all; what has no answer in time is silence."""
    poll = select.epoll()
    by_fd, waits = {}, set()
    for p in probes:
        p.outcome = None
        p.start()
        by_fd[p.sock.fileno()] = p
        first = select.EPOLLIN | (select.EPOLLOUT if p.proto == "tcp" else 0)
        poll.register(p.sock.fileno(), first)
        waits.add(p.sock.fileno())
    end = time.monotonic() + patience
    while time.monotonic() < end and any(p.outcome is None for p in probes):
        for fd, what in poll.poll(max(0, end - time.monotonic())):
            p = by_fd[fd]
            writable = bool(what & (select.EPOLLOUT | select.EPOLLERR | select.EPOLLHUP))
            if p.outcome is None:
                p.turn(writable and fd in waits, what & select.EPOLLIN)
            if writable and fd in waits:
                waits.discard(fd)
                poll.modify(fd, select.EPOLLIN)
            if p.outcome is not None:
                poll.unregister(fd)
    for p in probes:
        p.outcome = p.outcome or "silence"
        p.sock.close()
    poll.close()
    return [p.outcome for p in probes]


class Flow:
    """An open TCP connection; talk() tells whether it still lives."""

    def __init__(self, source, target, port, family=4):
        kind = socket.AF_INET if family == 4 else socket.AF_INET6
        self.sock = source.socket(kind, socket.SOCK_STREAM)
        self.sock.settimeout(2)
        self.sock.connect((target.address(family), port))
        assert self.talk(), "the flow did not begin"

    def talk(self, patience=PATIENCE):
        self.sock.settimeout(patience)
        try:
            self.sock.sendall(b"still there?")
            return bool(self.sock.recv(4096))
        except OSError:
            return False

    def close(self):
        self.sock.close()


class Stream(threading.Thread):
    """Datagrams, each the first of its flow, sent without a pause, and a
    table of its own that counts them before and behind all rules of others:
    what lies in between has dropped the rest."""

    def __init__(self, gateway, source, target, port):
        super().__init__(daemon=True)
        self.gateway, self.port, self.address = gateway, port, target.address(4)
        self.sockets = [source.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(64)]
        self.done = threading.Event()
        text = "".join(f"""
            chain {name} {{
                type filter hook forward priority {priority}; policy accept;
                ip daddr {self.address} udp dport {port} counter
            }}""" for name, priority in (("before", -100), ("behind", 100)))
        gateway.run("nft", "-f", "-", stdin=f"table inet witness{port} {{" + text + "\n}\n")

    def run(self):
        while not self.done.is_set():
            for s in self.sockets:
                with contextlib.suppress(OSError):
                    s.sendto(b"weir", (self.address, self.port))

    def counted(self, chain):
        out = self.gateway.run("nft", "list", "chain", "inet", f"witness{self.port}", chain).stdout
        return int(out.split("packets ")[1].split()[0])

    def end(self):
        """Packets that came, and those of them that passed."""
        self.done.set()
        self.join()
        came, passed = self.counted("before"), self.counted("behind")
        self.gateway.run("nft", "delete", "table", "inet", f"witness{self.port}")
        for s in self.sockets:
            s.close()
        return came, passed


def until(fact, what, seconds=10):
    """Waits for a fact, not for a time."""
    end = time.monotonic() + seconds
    while not fact():
        if time.monotonic() > end:
            raise AssertionError(f"this did not come: {what}")
        time.sleep(0.02)


class Lab:
    """The gateway, a router to all others, and what hangs on it.

    Each machine has a wire of its own to the gateway, so that all traffic is
    forwarded and nothing goes by a bridge.
    """

    def __init__(self):
        self.gateway = Namespace("gateway")
        self.machines = {}
        self.servers = Servers()
        self.gateway.sysctl(ipv4__ip_forward=1, ipv6__conf__all__forwarding=1,
                            ipv6__conf__default__accept_dad=0,
                            ipv6__conf__all__accept_dad=0)
        self.gateway.ip("link set lo up")
        self.servers.start()

    def machine(self, name, *addresses):
        m = Namespace(name)
        m.hold()
        wire = f"v-{name}"
        self.gateway.ip(f"link add {wire} type veth peer name eth0 netns {m.holder}",
                        f"link set {wire} up",
                        f"6 addr add fe80::1/64 dev {wire} nodad")
        m.sysctl(ipv6__conf__default__accept_dad=0, ipv6__conf__all__accept_dad=0,
                 ipv6__conf__eth0__accept_dad=0)
        m.ip("link set lo up", "link set eth0 up")
        for a in addresses:
            self.give(m, wire, a)
        m.ip("route add default via 10.255.255.1 dev eth0 onlink",
             "6 route add default via fe80::1 dev eth0")
        self.machines[name] = m
        return m

    def give(self, m, wire, address):
        six = ":" in address
        m.addresses.append(address)
        if six:
            m.ip(f"6 addr add {address}/128 dev eth0 nodad")
            self.gateway.ip(f"6 route add {address}/128 dev {wire}")
        else:
            m.ip(f"addr add {address}/32 dev eth0")
            self.gateway.ip(f"route add {address}/32 dev {wire}")

    def own(self, *addresses):
        """Addresses of the gateway itself; the first answers for all wires."""
        for a in addresses:
            six = ":" in a
            self.gateway.ip(f"{'6 ' if six else ''}addr add {a}/{128 if six else 32} dev lo"
                            f"{' nodad' if six else ''}")
            self.gateway.addresses.append(a)

    def release(self):
        for m in self.machines.values():
            m.release()
