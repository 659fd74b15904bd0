"""Frames of HTTP/2 by hand: for what no library would send."""

import socket
import ssl
import struct
import time

try:
    from hpack import Decoder, Encoder
except ImportError:  # comes with python3-h2; scenes that need it are skipped
    Decoder = Encoder = None

(DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE,
 CONTINUATION) = range(10)
END_STREAM, END_HEADERS, PADDED, ACK = 1, 4, 8, 1
(NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT, STREAM_CLOSED,
 FRAME_SIZE_ERROR, REFUSED_STREAM, CANCEL, COMPRESSION_ERROR, CONNECT_ERROR,
 ENHANCE_YOUR_CALM) = range(12)
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
GET = ((":method", "GET"), (":scheme", "https"), (":path", "/"), (":authority", "example.test"))
POST = ((":method", "POST"),) + GET[1:]


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">IBBI", len(payload) << 8 | kind, flags, 0, stream)[:3] + struct.pack(
        ">BBI", kind, flags, stream) + payload


def settings(*pairs):
    return frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", k, v) for k, v in pairs))


class Frame:
    def __init__(self, kind, flags, stream, payload):
        self.kind, self.flags, self.stream, self.payload = kind, flags, stream, payload

    @property
    def code(self):
        at = 4 if self.kind == GOAWAY else 0
        return struct.unpack(">I", self.payload[at:at + 4])[0]

    @property
    def last(self):
        return struct.unpack(">I", self.payload[:4])[0] & 0x7fffffff

    def __repr__(self):
        return f"<frame {self.kind} flags {self.flags} stream {self.stream} {self.payload[:40]!r}>"


class Over(Exception):
    """The other side has closed."""


class Peer:
    """A connection whose frames the scene writes; it answers nothing by itself
    but SETTINGS and gives the connection's window back, while it reads."""

    def __init__(self, port, preface=PREFACE + settings(), alpn=("h2",), acks=True):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(list(alpn))
        raw = socket.create_connection(("127.0.0.1", port), 20)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = context.wrap_socket(raw, server_hostname="example.test")
        self.got = b""
        self.encoder, self.decoder = Encoder(), Decoder()
        self.seen, self.acks = [], acks
        self.send(preface)

    def close(self):
        self.sock.close()

    def send(self, octets):
        """What the other side does not take since it is gone is lost."""
        try:
            self.sock.sendall(octets)
        except (OSError, ssl.SSLError):
            return False
        return True

    def fields(self, fields):
        return self.encoder.encode(list(fields))

    def headers(self, stream, fields=GET, flags=END_STREAM | END_HEADERS):
        return frame(HEADERS, flags, stream, self.fields(fields))

    def next(self, seconds=20):
        """The next frame. Raises Over at the end, TimeoutError."""
        end = time.monotonic() + seconds
        while True:
            if len(self.got) >= 9:
                n = int.from_bytes(self.got[:3], "big")
                if len(self.got) >= 9 + n:
                    break
            self.sock.settimeout(max(end - time.monotonic(), 0.001))
            try:
                more = self.sock.recv(65536)
            except (TimeoutError, ssl.SSLWantReadError) as e:
                raise TimeoutError("no frame") from e
            except (OSError, ssl.SSLError) as e:
                raise Over(str(e)) from e
            finally:
                self.sock.settimeout(20)
            if not more:
                raise Over("end")
            self.got += more
        f = Frame(self.got[3], self.got[4],
                  int.from_bytes(self.got[5:9], "big") & 0x7fffffff, self.got[9:9 + n])
        self.got = self.got[9 + n:]
        self.seen.append(f)
        if f.kind == HEADERS:
            f.fields = dict(self.decoder.decode(f.payload))
        if self.acks and f.kind == DATA and f.payload:
            self.send(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", len(f.payload))))
        if self.acks and f.kind == SETTINGS and not f.flags & ACK:
            self.send(frame(SETTINGS, ACK))
        return f

    def until(self, want, seconds=20):
        """The next frame that `want` says yes to."""
        end = time.monotonic() + seconds
        while True:
            f = self.next(max(end - time.monotonic(), 0.001))
            if want(f):
                return f

    def answer(self, stream, seconds=20):
        """(status, body) of an answer; ("reset", code) where it is reset."""
        status, body = None, b""
        while True:
            f = self.next(seconds)
            if f.kind == GOAWAY and f.code:
                raise Over(f"GOAWAY {f.code}")
            if f.kind == HEADERS:
                if f.stream == stream and status is None:
                    status = int(f.fields[":status"])
            if f.stream != stream:
                continue
            if f.kind == RST_STREAM:
                return "reset", f.code
            if f.kind == DATA:
                body += f.payload
            if f.flags & END_STREAM and f.kind in (HEADERS, DATA):
                return status, body

    def ask(self, stream, fields=GET):
        self.send(self.headers(stream, fields))
        return self.answer(stream)

    def end(self, seconds=20):
        """The code of the GOAWAY that ends it; None where it ends without."""
        code = None
        try:
            while True:
                f = self.next(seconds)
                if f.kind == GOAWAY:
                    code = f.code
        except Over:
            return code
