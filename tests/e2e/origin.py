"""Origins: the servers behind weir, each with a script of what it does.

An origin is a socket and a thread for each connection; it reads requests octet
by octet as RFC 9112 has them, keeps every one of them, and does what its
script says: Origin(first, second) does `first` with the first request,
`second` with all that follow. Health checks are answered apart, by `health`,
and never count as requests.
"""

import os
import socket
import ssl
import struct
import threading
import time

CHECKER = b"elb-healthchecker"
STOP_S = 20  # nothing here waits longer than this


class Gone(Exception):
    """The peer closed, or the script ends the connection."""


class Fields:
    """Header fields in order; looked up without regard to case."""

    def __init__(self, pairs=()):
        self.pairs = list(pairs)

    def all(self, name):
        return [v for n, v in self.pairs if n.lower() == name.lower()]

    def get(self, name, default=None):
        found = self.all(name)
        return found[0] if found else default

    def __getitem__(self, name):
        found = self.all(name)
        if not found:
            raise KeyError(f"no field {name!r} in {self.pairs}")
        return found[0]

    def __contains__(self, name):
        return bool(self.all(name))

    def __iter__(self):
        return iter(n for n, _ in self.pairs)

    def __repr__(self):
        return repr(self.pairs)

    @staticmethod
    def parse(lines):
        pairs = []
        for line in lines:
            name, _, value = line.partition(b":")
            pairs.append((name.decode("latin-1"), value.strip().decode("latin-1")))
        return Fields(pairs)


class Wire:
    """A socket and what was read from it ahead of time."""

    def __init__(self, sock):
        self.sock = sock
        self.ahead = b""

    def more(self, size=65536):
        try:
            got = self.sock.recv(size)
        except (ConnectionError, ssl.SSLError) as e:
            raise Gone(str(e)) from e
        if not got:
            raise Gone("end of input")
        self.ahead += got

    def until(self, mark):
        while mark not in self.ahead:
            self.more()
        head, _, self.ahead = self.ahead.partition(mark)
        return head

    def exactly(self, size):
        parts = []
        while size:
            if not self.ahead:
                self.more()
            part, self.ahead = self.ahead[:size], self.ahead[size:]
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def chunked(self):
        """The octets, the sizes of the chunks and the trailers."""
        body, sizes = [], []
        while True:
            size = int(self.until(b"\r\n").split(b";")[0], 16)
            if size == 0:
                break
            sizes.append(size)
            body.append(self.exactly(size))
            if self.exactly(2) != b"\r\n":
                raise ValueError("chunk without an end of line")
        trailers = []
        while True:
            line = self.until(b"\r\n")
            if not line:
                return b"".join(body), sizes, Fields.parse(trailers)
            trailers.append(line)

    def rest(self):
        try:
            while True:
                self.more()
        except Gone:
            pass
        got, self.ahead = self.ahead, b""
        return got

    def send(self, octets):
        try:
            self.sock.sendall(octets)
        except (ConnectionError, ssl.SSLError) as e:
            raise Gone(str(e)) from e

    def reset(self):
        """Ends the connection with RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack("ii", 1, 0))
        raise Gone("reset")


class Request:
    """What arrived at an origin, as it arrived."""

    def __init__(self, head, number):
        lines = head.split(b"\r\n")
        self.head = head
        self.line = lines[0].decode("latin-1")
        self.method, self.target, self.version = self.line.split(" ", 2)
        self.fields = Fields.parse(lines[1:])
        self.names = [line.partition(b":")[0].decode("latin-1") for line in lines[1:]]
        self.connection = number  # which connection of the origin, from 0
        self.body = b""
        self.chunks = []
        self.trailers = Fields()

    def __repr__(self):
        return f"<{self.line} {self.fields}>"


class Action:
    """What an origin does with a request; `wire` is at the body's begin."""

    reads_body = True

    def run(self, request, wire, origin):
        raise NotImplementedError


class Reply(Action):
    """A whole answer. `fields` is a list of pairs; `body` may be text."""

    def __init__(self, status=200, body=b"", fields=(), close=False, length=True,
                 reason="Reason"):
        body = body.encode() if isinstance(body, str) else body
        lines = [f"HTTP/1.1 {status} {reason}"]
        lines += [f"{n}: {v}" for n, v in fields]
        if length and status >= 200 and status not in (204, 304):
            lines.append(f"Content-Length: {len(body)}")
        if close:
            lines.append("Connection: close")
        self.head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
        self.body, self.close = body, close

    def run(self, request, wire, origin):
        wire.send(self.head + (b"" if request.method == "HEAD" else self.body))
        if self.close:
            raise Gone("said so")


class Raw(Action):
    """Octets as they are; afterwards the connection ends unless `keep`."""

    def __init__(self, *parts, keep=False):
        self.parts, self.keep = parts, keep

    def run(self, request, wire, origin):
        for part in self.parts:
            if callable(part):
                part()
            else:
                wire.send(part)
        if not self.keep:
            raise Gone("said so")


class Chunked(Action):
    """An answer in chunks; a callable between chunks is called (to wait)."""

    def __init__(self, *chunks, fields=(), trailers=()):
        self.chunks, self.fields, self.trailers = chunks, fields, trailers

    def run(self, request, wire, origin):
        head = ["HTTP/1.1 200 OK", "Transfer-Encoding: chunked"]
        head += [f"{n}: {v}" for n, v in self.fields]
        wire.send("\r\n".join(head).encode() + b"\r\n\r\n")
        for chunk in self.chunks:
            if callable(chunk):
                chunk()
            else:
                wire.send(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        tail = "".join(f"{n}: {v}\r\n" for n, v in self.trailers)
        wire.send(b"0\r\n" + tail.encode() + b"\r\n")


class HangUp(Action):
    """Ends the connection: after the "head", the "request" or half an answer."""

    def __init__(self, after="request", reset=False):
        self.after, self.reset = after, reset
        self.reads_body = after != "head"

    def run(self, request, wire, origin):
        if self.after == "half":
            wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        if self.reset:
            wire.reset()
        raise Gone("said so")


class Silent(Action):
    """Takes the request and never answers."""

    def run(self, request, wire, origin):
        wire.rest()
        raise Gone("the peer lost patience")


class Held(Action):
    """Answers once `release` is set."""

    def __init__(self, then=None, reads_body=True):
        self.then = then or Reply(200, b"held")
        self.release = threading.Event()
        self.reads_body = reads_body

    def run(self, request, wire, origin):
        if not self.release.wait(STOP_S):
            raise Gone("nobody released it")
        self.then.run(request, wire, origin)


class Stream(Action):
    """A body of `size` octets, made on the way."""

    def __init__(self, size):
        self.size = size
        self.sent = 0  # over all requests

    def run(self, request, wire, origin):
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % self.size)
        piece = bytes(range(256)) * 256
        left = self.size
        while left:
            part = piece[:min(len(piece), left)]
            wire.send(part)
            left -= len(part)
            self.sent += len(part)


class Echo(Action):
    """Gives the body back, with its length and what was asked for."""

    def run(self, request, wire, origin):
        head = (f"HTTP/1.1 200 OK\r\nContent-Length: {len(request.body)}\r\n"
                f"X-Method: {request.method}\r\nX-Target: {request.target}\r\n\r\n")
        wire.send(head.encode("latin-1") +
                  (b"" if request.method == "HEAD" else request.body))


class Early(Action):
    """Answers without reading the body, then reads and counts what comes."""

    reads_body = False

    def __init__(self, then=None):
        self.then = then or Reply(413, b"too much", close=False)

    def run(self, request, wire, origin):
        self.then.run(request, wire, origin)
        wire.rest()
        raise Gone("said so")


class Refuses(Action):
    """Answers 413 at once and closes, though there is more to read: a reset."""

    reads_body = False

    def run(self, request, wire, origin):
        Reply(413, b"too much").run(request, wire, origin)
        raise Gone("without a word")


class Expect(Action):
    """Says 100 before it reads the body, or refuses the body with 417."""

    reads_body = False

    def __init__(self, refuse=False):
        self.refuse = refuse

    def run(self, request, wire, origin):
        if self.refuse:
            Reply(417, b"no", close=True).run(request, wire, origin)
        wire.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        origin.read_body(request, wire)
        Reply(200, request.body).run(request, wire, origin)


class Upgrade(Action):
    """101, then gives back whatever arrives (WebSocket or any other)."""

    def run(self, request, wire, origin):
        wire.send(b"HTTP/1.1 101 Switching Protocols\r\n"
                  b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
                  b"Sec-WebSocket-Accept: x\r\n\r\n")
        while True:
            if wire.ahead:
                octets, wire.ahead = wire.ahead, b""
                wire.send(octets)
            wire.more()


class Refuse:
    """Not an action: a port where nobody listens."""


class Origin:
    """`address` is one of IPv4 or IPv6, or a path in the file system."""

    def __init__(self, *script, tls=None, address="127.0.0.1", port=0, health=200,
                 greeting=b"", h2=False, settings=None, acks=True):
        self.script = list(script) or [Reply(200, b"ok")]
        self.requests, self.checks = [], []
        self.connections = 0
        self.greeting = greeting  # said before anything was asked
        self.health = health  # status for health checks, or an action; None: hang up
        self.cond = threading.Condition()
        self.tls = tls
        self.h2 = h2  # speaks HTTP/2; `settings` and `acks` are its session's
        self.settings, self.acks = settings, acks
        self.sessions = []
        self.open = set()
        self.family = (socket.AF_UNIX if address.startswith("/") else
                       socket.AF_INET6 if ":" in address else socket.AF_INET)
        self.sock = socket.socket(self.family)
        self.address, self.port = address, None
        self._bind(address, port)
        self.stopping = False
        if not isinstance(self.script[0], Refuse):
            self.listen()

    def _bind(self, address, port):
        if self.family == socket.AF_UNIX:
            self.sock.bind(address)
            os.chmod(address, 0o666)  # weir may have given up being root
            return
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind((address, port))
        self.port = self.sock.getsockname()[1]

    def listen(self):
        self.sock.listen(512)
        threading.Thread(target=self._accept, args=(self.sock,), daemon=True).start()

    def __str__(self):
        if self.family == socket.AF_UNIX:
            return f"unix:{self.address}"
        host = f"[{self.address}]" if self.family == socket.AF_INET6 else self.address
        return f"{host}:{self.port}"

    def __format__(self, spec):
        return format(str(self), spec)

    def _accept(self, listener):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            with self.cond:
                if self.stopping:
                    sock.close()
                    return
                self.open.add(sock)
                self.connections += 1
                number = self.connections - 1
                self.cond.notify_all()
            threading.Thread(target=self._serve, args=(sock, number),
                             daemon=True).start()

    def _serve(self, sock, number):
        raw = sock
        try:
            sock.settimeout(STOP_S)
            if self.family != socket.AF_UNIX:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.tls:
                sock = self.tls.wrap_socket(sock, server_side=True)
                with self.cond:  # the other has given its descriptor away
                    self.open.discard(raw)
                    self.open.add(sock)
            if self.h2:
                self._serve_h2(sock, number)
                return
            wire = Wire(sock)
            wire.send(self.greeting)
            while True:
                self._one(wire, number)
        except (Gone, OSError, ValueError):
            pass
        finally:
            with self.cond:
                self.open -= {raw, sock}
                self.cond.notify_all()
            sock.close()

    def _one(self, wire, number):
        if not wire.ahead:
            wire.more()
        if wire.ahead[0] == 0x16:  # a ClientHello: servers know one at sight
            wire.send(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
            raise Gone("TLS to a plain port")
        head = wire.until(b"\r\n\r\n")
        self._act(Request(head, number), wire)

    def _serve_h2(self, sock, number):
        """Streams have a thread each; this one waits for the connection's end."""
        import http2  # it needs this module

        def on_stream(session, stream):
            try:
                request = http2.request_of(stream, number)
                wire = http2.StreamWire(session, stream, request.method)
                try:
                    self._act(request, wire)
                finally:
                    wire.finish()
            except (Gone, OSError, ValueError):
                pass

        session = http2.Session(sock, False, self.settings, on_stream, self.acks)
        with self.cond:
            self.sessions.append(session)
        session.thread.join()

    def _act(self, request, wire):
        if request.fields.get("user-agent", "").lower().encode().startswith(CHECKER):
            with self.cond:
                self.checks.append(request)
                self.cond.notify_all()
            if self.health is None:
                raise Gone("health checks fail")
            action = self.health
            if isinstance(action, int):
                action = Reply(action, b"checked")
            action.run(request, wire, self)
            return
        with self.cond:
            action = self.script[min(len(self.requests), len(self.script) - 1)]
            self.requests.append(request)
            if not action.reads_body:
                self.cond.notify_all()
        if action.reads_body:
            try:
                self.read_body(request, wire)
            finally:
                with self.cond:
                    self.cond.notify_all()
        action.run(request, wire, self)

    @staticmethod
    def read_body(request, wire):
        if hasattr(wire, "read_body"):
            wire.read_body(request)
        elif "chunked" in request.fields.get("transfer-encoding", "").lower():
            request.body, request.chunks, request.trailers = wire.chunked()
        else:
            request.body = wire.exactly(int(request.fields.get("content-length", "0")))

    def wait_for(self, fact, seconds=10):
        """Waits until fact(self) holds; tells whether it came to hold."""
        end = time.monotonic() + seconds
        with self.cond:
            while not fact(self):
                if not self.cond.wait(max(0, end - time.monotonic())):
                    return bool(fact(self))
        return True

    def drain(self):
        """Stops in order, of HTTP/2: no new connection, no new stream."""
        with self.cond:
            self.stopping = True
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()
        for session in list(self.sessions):
            session.drain()

    def cut_connections(self):
        """Ends them; new ones are welcome."""
        with self.cond:
            cut = list(self.open)
        for sock in cut:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def stop(self):
        """As if the process were killed: no listener, every connection cut."""
        with self.cond:
            self.stopping = True
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.cut_connections()
        self.sock.close()
