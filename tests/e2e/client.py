"""Clients: raw octets in, what came back out; nothing is made nicer."""

import os
import socket
import ssl
import struct

from origin import Fields, Gone, Wire

STOP_S = 15


class Answer:
    """One response head, and its body once that was read."""

    def __init__(self, head):
        lines = head.split(b"\r\n")
        self.head = head
        self.line = lines[0].decode("latin-1")
        self.version, status, *_ = self.line.split(" ", 2)
        self.status = int(status)
        self.fields = Fields.parse(lines[1:])
        self.body = b""
        self.chunks = []
        self.trailers = Fields()
        self.whole = True  # False: the connection ended inside the body

    def __repr__(self):
        return f"<{self.line} {self.fields} {self.body[:80]!r}>"

    def cookies(self):
        return {v.split("=", 1)[0]: v.split("=", 1)[1].split(";")[0]
                for v in self.fields.all("set-cookie")}


class Client(Wire):
    """A connection to weir."""

    def __init__(self, port, tls=None, name=None, address="127.0.0.1",
                 session=None, source=None, receive_octets=None, first=()):
        """`first`: what is sent before TLS, each for itself."""
        sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        sock.settimeout(STOP_S)
        if receive_octets:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_octets)
        if source:
            sock.bind((source, 0))
        sock.connect((address, port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for octets in first:
            sock.sendall(octets)
        if tls:
            sock = tls.wrap_socket(sock, server_hostname=name, session=session)
        super().__init__(sock)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def finish(self):
        """Sends FIN and goes on reading."""
        self.sock.shutdown(socket.SHUT_WR)

    def reset_now(self):
        """Leaves with RST, whatever is under way."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def head(self):
        """The next response head, a 1xx one too."""
        return Answer(self.until(b"\r\n\r\n"))

    def answer(self, method="GET"):
        """The next final response with its body; 1xx are passed over."""
        answer = self.head()
        while 100 <= answer.status < 200 and answer.status != 101:
            answer = self.head()
        self.body(answer, method)
        return answer

    def body(self, answer, method="GET"):
        try:
            if method == "HEAD" or answer.status in (101, 204, 304):
                return
            if "transfer-encoding" in answer.fields:
                answer.body, answer.chunks, answer.trailers = self.chunked()
            elif "content-length" in answer.fields:
                self._fill(answer, int(answer.fields["content-length"]))
            else:
                answer.body = self.rest()
        except Gone:
            answer.whole = False

    def _fill(self, answer, size):
        """As much of `size` octets as comes."""
        parts = []
        try:
            while size:
                if not self.ahead:
                    self.more()
                part, self.ahead = self.ahead[:size], self.ahead[size:]
                parts.append(part)
                size -= len(part)
        finally:
            answer.body = b"".join(parts)

    def ask(self, method, target, body=None, fields=(), host="example.test"):
        """Sends a request and reads its answer; the connection stays."""
        self.send(request(method, target, body, fields, host))
        return self.answer(method)

    def get(self, target, **kw):
        return self.ask("GET", target, **kw)

    def post(self, target, body, **kw):
        return self.ask("POST", target, body, **kw)

    def is_closed(self, seconds=STOP_S):
        """Waits for the peer's end of the connection; octets do not count."""
        self.sock.settimeout(seconds)
        try:
            while self.sock.recv(65536):
                pass
            return True
        except (ConnectionError, ssl.SSLError):
            return True
        except TimeoutError:
            return False
        finally:
            self.sock.settimeout(STOP_S)

    def is_quiet(self, seconds):
        """Whether nothing at all arrives, not even the end."""
        self.sock.settimeout(seconds)
        try:
            self.more()
            return False
        except TimeoutError:
            return True
        except Gone:
            return False
        finally:
            self.sock.settimeout(STOP_S)


def request(method, target, body=None, fields=(), host="example.test"):
    lines = [f"{method} {target} HTTP/1.1"]
    if host is not None:
        lines.append(f"Host: {host}")
    pairs = fields.items() if isinstance(fields, dict) else fields
    lines += [f"{n}: {v}" for n, v in pairs]
    if body is not None:
        body = body.encode() if isinstance(body, str) else body
        if not any(x.lower().startswith(("content-length:", "transfer-encoding:"))
                   for x in lines):
            lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b"")


class WebSocket:
    """Enough of RFC 6455 to say something and hear it again."""

    def __init__(self, client, target="/ws", host="example.test"):
        self.client = client
        client.send(request("GET", target, host=host, fields=[
            ("Upgrade", "websocket"), ("Connection", "Upgrade"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")]))
        self.answer = client.head()

    def say(self, text):
        mask = os.urandom(4)
        masked = bytes(b ^ mask[i % 4] for i, b in enumerate(text))
        assert len(text) < 126
        self.client.send(struct.pack("!BB", 0x81, 0x80 | len(text)) + mask + masked)

    def hear(self):
        """One frame; an echo comes back masked as it was sent."""
        first, size = self.client.exactly(2)
        assert first == 0x81, f"frame begins with {first:#x}"
        mask = self.client.exactly(4) if size & 0x80 else b"\0\0\0\0"
        octets = self.client.exactly(size & 0x7f)
        return bytes(b ^ mask[i % 4] for i, b in enumerate(octets))

    def echo(self, text):
        self.say(text)
        return self.hear()

    def close(self):
        self.client.close()
