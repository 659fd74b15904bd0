"""HTTP/2 for scenes: a client and an origin, on Debian's python3-h2.

Scenes write requests and answers down as HTTP/1.1 has them; here they become
frames, and what comes back becomes heads and bodies again. So one scene tells
what must come of it over either protocol. What only HTTP/2 has (resets, frames
of one's own) a Session gives directly.

One thread for each connection reads and writes it; whoever waits for something
waits on its condition.
"""

import selectors
import socket
import ssl
import threading
import time
from collections import deque

try:
    import h2.config
    import h2.connection
    import h2.events
    import h2.exceptions
    import h2.settings
    import hyperframe.frame
except ImportError:  # scenes that need it are skipped
    h2 = None

from client import Answer, Client
from origin import Fields, Gone, Request, Wire

WAIT_S = 20  # nothing here waits longer than this
HOPS = {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"}


class Stream:
    """One request and its answer; the session's condition guards it."""

    def __init__(self, number):
        self.id = number
        self.heads = deque()  # lists of pairs, not read yet
        self.body = bytearray()
        self.trailers = None
        self.ended = False  # the peer has sent END_STREAM
        self.reset = None  # the code of the peer's RST_STREAM
        self.seen_head = False
        self.sent_end = False


class Session:
    """A connection. `settings` are announced beside the usual ones."""

    def __init__(self, sock, is_client, settings=None, on_stream=None, acks=True):
        self.sock = sock
        self.acks = acks  # windows grow as bodies are taken
        self.on_stream = on_stream
        self.cond = threading.Condition()
        self.streams = {}
        self.error = None  # why it is over; None while it is not
        self.goaways = []  # (code, last stream) as they came
        self.settings_seen = self.acks_seen = 0
        self.last = None  # stream that our GOAWAY names
        self.out = b""
        self.conn = h2.connection.H2Connection(h2.config.H2Configuration(
            client_side=is_client, header_encoding=None, validate_inbound_headers=False,
            normalize_inbound_headers=False, validate_outbound_headers=False,
            normalize_outbound_headers=False))
        for name, value in (settings or {}).items():
            # As if they had been acknowledged: they are in the first frame.
            code = h2.settings.SettingCodes[name]
            self.conn.local_settings._settings[code] = deque([value])
        self.conn._frame_dispatch_table[hyperframe.frame.GoAwayFrame] = self._goaway
        self.waker, self.wakes = socket.socketpair()
        for s in (self.waker, self.wakes, sock):
            s.setblocking(False)
        self.conn.initiate_connection()
        self.is_client = is_client
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    # -- the thread -------------------------------------------------------------

    def _run(self):
        try:
            with selectors.DefaultSelector() as ready:
                ready.register(self.sock, selectors.EVENT_READ)
                ready.register(self.wakes, selectors.EVENT_READ)
                while self._turn(ready):
                    pass
        except (OSError, ssl.SSLError, ValueError) as e:
            self._over(str(e) or type(e).__name__)
        finally:
            self._over("ended")
            self.wakes.close()
            self.sock.close()

    def _turn(self, ready):
        self._write(ready)
        for key, _ in ready.select():
            if key.fileobj is self.wakes:
                self.wakes.recv(4096)
        return self._read()

    def _write(self, ready):
        with self.cond:
            self.out += self.conn.data_to_send()
            out, self.out = self.out, b""
        try:
            while out:
                out = out[self.sock.send(out[:65536]):]
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        with self.cond:
            self.out = out + self.out
            self.cond.notify_all()
        ready.modify(self.sock, selectors.EVENT_READ |
                     (selectors.EVENT_WRITE if out else 0))
        if self.error == "close" and not out:
            raise ValueError("closed by the scene")

    def _read(self):
        while True:
            try:
                got = self.sock.recv(65536)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return True
            if not got:
                self._over("end of input")
                return False
            with self.cond:
                try:
                    events = self.conn.receive_data(got)
                except h2.exceptions.ProtocolError as e:
                    self.out += self.conn.data_to_send()
                    try:
                        self.sock.send(self.out)
                    except OSError:
                        pass
                    self.error = f"protocol error: {e!r}"
                    self.cond.notify_all()
                    return False
                for event in events:
                    self._take(event)
                self.cond.notify_all()
            with self.cond:
                self.out += self.conn.data_to_send()
            if self.out:
                return True

    def _take(self, event):
        e = h2.events
        stream = self.streams.get(getattr(event, "stream_id", None))
        if isinstance(event, e.RequestReceived):
            stream = self.streams[event.stream_id] = Stream(event.stream_id)
            stream.heads.append(event.headers)
            if self.last is not None and event.stream_id > self.last:
                return  # it was told that nobody looks at this one
            if self.on_stream:
                threading.Thread(target=self.on_stream, args=(self, stream),
                                 daemon=True).start()
        elif isinstance(event, (e.ResponseReceived, e.InformationalResponseReceived)):
            if stream:
                stream.heads.append(event.headers)
        elif isinstance(event, e.TrailersReceived):
            if stream:
                stream.trailers = event.headers
        elif isinstance(event, e.DataReceived):
            if stream:
                stream.body += event.data
            padding = event.flow_controlled_length - (len(event.data) if stream else 0)
            if padding and self.acks:
                self._ack(padding, event.stream_id)
        elif isinstance(event, e.StreamEnded):
            if stream:
                stream.ended = True
        elif isinstance(event, e.StreamReset):
            if stream:
                stream.reset = int(event.error_code)
        elif isinstance(event, e.RemoteSettingsChanged):
            self.settings_seen += 1
        elif isinstance(event, e.SettingsAcknowledged):
            self.acks_seen += bool(event.changed_settings)

    def _goaway(self, frame):
        """The library takes one for the end, and it may be the first of two:
        streams that were begun go on."""
        self.goaways.append((frame.error_code, frame.last_stream_id))
        return [], []

    def _ack(self, n, number):
        try:
            self.conn.acknowledge_received_data(n, number)
        except (h2.exceptions.ProtocolError, KeyError):
            pass

    def _over(self, why):
        with self.cond:
            if self.error in (None, "close"):
                self.error = why
            self.cond.notify_all()

    def _wake(self):
        try:
            self.waker.send(b"x")
        except OSError:
            pass

    # -- for everybody ----------------------------------------------------------

    def wait(self, fact, seconds=WAIT_S):
        """Until fact() is true; False when the time is over."""
        end = time.monotonic() + seconds
        with self.cond:
            while not fact():
                left = end - time.monotonic()
                if left <= 0 or not self.cond.wait(left):
                    return bool(fact())
        return True

    def do(self, what, *args, **kw):
        """Calls a method of the library, and sends what that gives."""
        with self.cond:
            if self.error:
                raise Gone(self.error)
            try:
                return getattr(self.conn, what)(*args, **kw)
            except h2.exceptions.ProtocolError as e:
                raise Gone(repr(e)) from e
            finally:
                self._wake()

    def raw(self, octets):
        """Sends octets that the library would not."""
        with self.cond:
            self.out += self.conn.data_to_send() + octets
            self._wake()

    def _frame(self, kind, flags, stream, octets):
        return (len(octets).to_bytes(3, "big") + bytes((kind, flags)) +
                stream.id.to_bytes(4, "big") + octets)

    def raw_head(self, stream, pairs, end=False):
        """A list of fields as it is, in as many frames as it takes."""
        with self.cond:
            self.out += self.conn.data_to_send()
            block = self.conn.encoder.encode(encoded(pairs))
            parts = [block[i:i + 16384] for i in range(0, len(block), 16384)] or [b""]
            for n, part in enumerate(parts):
                flags = (4 if n + 1 == len(parts) else 0) | (1 if end and n == 0 else 0)
                self.out += self._frame(9 if n else 1, flags, stream, part)
        self._wake()

    def raw_data(self, stream, octets, end=True):
        self.raw(self._frame(0, 1 if end else 0, stream, octets))

    def open(self, pairs, end=False):
        """A client's next stream."""
        with self.cond:
            def has_room():
                return self.error or (self.settings_seen and self.conn.open_outbound_streams <
                                      self.conn.remote_settings.max_concurrent_streams)
            if not self.wait(has_room) or self.error:
                raise Gone(self.error or "no room for a stream")
            number = self.conn.get_next_available_stream_id()
            stream = self.streams[number] = Stream(number)
            self.do("send_headers", number, pairs, end_stream=end)
            stream.sent_end = end
            return stream

    def head(self, stream, pairs, end=False):
        self.do("send_headers", stream.id, pairs, end_stream=end)
        stream.sent_end = stream.sent_end or end

    def data(self, stream, octets, end=False):
        """Sends DATA as the windows allow; Gone when nobody takes it."""
        at = 0
        view = memoryview(bytes(octets))
        while at < len(view):
            with self.cond:
                def room():
                    if self.error or stream.reset is not None:
                        return 1
                    return 0 if len(self.out) > 1 << 20 else \
                        self.conn.local_flow_control_window(stream.id)
                try:
                    if not self.wait(lambda: room() > 0):
                        raise Gone("no window")
                    if self.error or stream.reset is not None:
                        raise Gone(self.error or f"reset with {stream.reset}")
                    n = min(room(), self.conn.max_outbound_frame_size, len(view) - at)
                    last = end and at + n == len(view)
                    self.conn.send_data(stream.id, view[at:at + n].tobytes(), last)
                    stream.sent_end = stream.sent_end or last
                except h2.exceptions.ProtocolError as e:
                    raise Gone(repr(e)) from e
                self._wake()
            at += n

    def end(self, stream, trailers=None):
        if stream.sent_end:
            return
        if trailers:
            self.do("send_headers", stream.id, trailers, end_stream=True)
        else:
            self.do("end_stream", stream.id)
        stream.sent_end = True

    def reset(self, stream, code=8):
        self.do("reset_stream", stream.id, code)
        stream.sent_end = True

    def goaway(self, last, code=0):
        """Says that no stream above `last` will be looked at."""
        octets = last.to_bytes(4, "big") + code.to_bytes(4, "big")
        self.raw(len(octets).to_bytes(3, "big") + b"\x07\x00" + bytes(4) + octets)

    def drain(self):
        """Ends in order: GOAWAY, then what has begun, then the connection."""
        with self.cond:
            self.last = max(self.streams, default=0)
            begun = list(self.streams.values())
            self.goaway(self.last)
        self.wait(lambda: self.error or
                  all(s.sent_end or s.reset is not None for s in begun))
        # Who closes with octets unread resets, and takes back its last words.
        self.wait(lambda: self.error)
        self.close()

    def take(self, stream):
        """Body octets that have come, at least one; Gone at the end."""
        with self.cond:
            def fact():
                return stream.body or stream.ended or stream.reset is not None or self.error
            if not self.wait(fact):
                raise TimeoutError("timed out")
            if not stream.body:
                raise Gone("end of input" if stream.ended else
                           f"reset with {stream.reset}" if stream.reset is not None
                           else self.error)
            got = bytes(stream.body)
            stream.body.clear()
            if self.acks and not self.error:
                self._ack(len(got), stream.id)
            self._wake()
            return got

    def close(self):
        with self.cond:
            if not self.error:
                self.error = "close"
        self._wake()
        if threading.current_thread() is not self.thread:
            self.thread.join(5)


# -- messages of HTTP/1.1 and heads of HTTP/2 -------------------------------------


def plain_pairs(lines):
    """Fields as HTTP/2 may have them."""
    pairs = []
    for name, value in Fields.parse(lines).pairs:
        name = name.lower()
        if name in HOPS or (name == "te" and value.lower() != "trailers"):
            continue
        pairs.append((name, value))
    return pairs


def encoded(pairs):
    return [(n.encode("latin-1"), v.encode("latin-1")) for n, v in pairs]


class Unframer:
    """Takes the body of a message of HTTP/1.1 and gives its octets; `to` has
    data(octets) and end(trailers)."""

    def __init__(self, fields, to, until_end=False):
        self.to = to
        self.chunked = "chunked" in fields.get("transfer-encoding", "").lower()
        self.left = int(fields.get("content-length", "0"))
        self.until_end = until_end and not self.chunked and "content-length" not in fields
        self.done = False
        self.trailers = None  # a list of lines, once the last chunk came

    def feed(self, octets):
        """Returns what lies behind the message, or None while it is not over."""
        if self.until_end:
            self.to.data(octets)
            return None
        while not self.done:
            if not self.chunked:
                part, octets = octets[:self.left], octets[self.left:]
                self.left -= len(part)
                if part:
                    self.to.data(part, self.left == 0)
                if self.left:
                    return None
                self.done = True
                self.to.end(None)
                return octets
            octets, wants = self._chunk(octets)
            if wants:
                self.kept = octets
                return None
        return octets

    kept = b""

    def _chunk(self, octets):
        if self.left > 0:
            part, octets = octets[:self.left], octets[self.left:]
            self.left -= len(part)
            if part:
                self.to.data(part)
            if self.left:
                return b"", True
            self.left = -2
        if self.left == -2:
            if len(octets) < 2:
                return octets, True
            octets, self.left = octets[2:], 0
        line, mark, rest = octets.partition(b"\r\n")
        if not mark:
            return octets, True
        if self.trailers is not None:
            if line:
                self.trailers.append(line)
            else:
                self.done = True
                self.to.end(encoded(plain_pairs(self.trailers)) or None)
            return rest, False
        self.left = int(line.split(b";")[0], 16)
        if self.left == 0:
            self.trailers = []
        return rest, False

    def more(self, octets):
        octets, self.kept = self.kept + octets, b""
        return self.feed(octets)


class Half:
    """One message that is being sent."""

    def __init__(self, session, stream):
        self.session, self.stream = session, stream

    def data(self, octets, last=False):
        self.session.data(self.stream, octets, last)

    def end(self, trailers):
        self.session.end(self.stream, trailers)


class H2Client(Client):
    """A connection to weir that is used as if it were one of HTTP/1.1: requests
    are written in a row, and their answers come in that order."""

    def __init__(self, *args, settings=None, acks=True, **kw):
        super().__init__(*args, **kw)
        if self.sock.selected_alpn_protocol() != "h2":
            raise Gone("no HTTP/2 was chosen")
        self.session = Session(self.sock, True, settings, acks=acks)
        self.waiting = deque()  # streams whose answers were not read
        self.feed = b""
        self.half = None

    def close(self):
        self.session.close()

    def finish(self):
        """There is no half of a connection: all that was begun goes on."""

    def reset_now(self):
        """Leaves with RST; the other thread must not close before."""
        self.session.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                     b"\1\0\0\0\0\0\0\0")
        self.session.close()

    # -- what leaves ------------------------------------------------------------

    def send(self, octets):
        self.feed += octets
        while self.feed:
            if self.half:
                rest = self._send_body()
                if rest is None:
                    return
                self.half, self.feed = None, rest
                continue
            head, mark, rest = self.feed.partition(b"\r\n\r\n")
            if not mark:
                return
            self.feed = rest
            self._begin(head)

    def _send_body(self):
        octets, self.feed = self.feed, b""
        try:
            return self.half.more(octets)
        except Gone:
            # Who has answered may want no more (RFC 9113 8.1).
            if self.half.to.stream.reset != 0:
                raise
            return b""

    def _begin(self, head):
        lines = head.split(b"\r\n")
        method, target, _ = lines[0].split(b" ", 2)
        fields = Fields.parse(lines[1:])
        pairs = [(":method", method.decode("latin-1")), (":scheme", "https")]
        if "host" in fields:
            pairs.append((":authority", fields["host"]))
        pairs.append((":path", target.decode("latin-1")))
        pairs += [p for p in plain_pairs(lines[1:]) if p[0] != "host"]
        has_body = "transfer-encoding" in fields or fields.get("content-length", "0") != "0"
        stream = self.session.open(encoded(pairs), end=not has_body)
        self.waiting.append(stream)
        if has_body:
            self.half = Unframer(fields, Half(self.session, stream))

    # -- what comes -------------------------------------------------------------

    @property
    def stream(self):
        """The one whose answer is read."""
        if not self.waiting:
            raise Gone("nothing was asked")
        return self.waiting[0]

    def more(self, size=65536):
        try:
            self.ahead += self.session.take(self.stream)
        except Gone:
            if self.stream.reset is None and self.session.error is None:
                self.waiting.popleft()
            raise

    def head(self):
        stream, session = self.stream, self.session
        with session.cond:
            def fact():
                return stream.heads or stream.reset is not None or session.error
            if not session.wait(fact, self.patience):
                raise TimeoutError("timed out")
            if not stream.heads:
                raise Gone(session.error or f"reset with {stream.reset}")
            pairs = stream.heads.popleft()
        status = dict(pairs)[b":status"]
        lines = [n + b": " + v for n, v in pairs if not n.startswith(b":")]
        answer = Answer(b"\r\n".join([b"HTTP/2.0 " + status + b" "] + lines))
        return answer

    patience = WAIT_S

    def body(self, answer, method="GET"):
        stream, parts = self.stream, []
        try:
            while True:
                if not self.ahead:
                    self.ahead += self.session.take(stream)
                parts.append(self.ahead)
                self.ahead = b""
        except Gone:
            answer.whole = stream.ended
        answer.body = b"".join(parts)
        answer.reset = stream.reset
        if stream.trailers is not None:
            answer.trailers = Fields([(n.decode("latin-1"), v.decode("latin-1"))
                                      for n, v in stream.trailers])
        self.waiting.popleft()

    def is_closed(self, seconds=15):
        """Whether the connection ends, or says that it takes nothing more."""
        return self.session.wait(
            lambda: self.session.error or self.session.goaways, seconds)

    def is_quiet(self, seconds):
        stream = self.stream
        return not self.session.wait(
            lambda: stream.heads or stream.body or stream.ended or
            stream.reset is not None or self.session.error, seconds)


# -- origins ------------------------------------------------------------------------


class StreamWire(Wire):
    """What an action sees of its stream: octets of HTTP/1.1 go in, and body
    octets come out."""

    def __init__(self, session, stream, method):
        self.session, self.stream, self.method = session, stream, method
        self.ahead, self.feed = b"", b""
        self.half = None
        self.half_done = False

    def more(self, size=65536):
        self.ahead += self.session.take(self.stream)

    def rest(self):
        """Until the stream is over, or its connection."""
        stream, session = self.stream, self.session
        if not session.wait(lambda: stream.reset is not None or session.error or
                            (stream.ended and stream.sent_end)):
            raise Gone("the peer did not lose patience")

    def send(self, octets):
        self.feed += octets
        while self.feed and not self.half_done:
            if self.half:
                rest = self.half.more(self.feed)
                self.feed = b"" if rest is None else rest
                self.half_done = rest is not None
                return
            head, mark, rest = self.feed.partition(b"\r\n\r\n")
            if not mark:
                return
            self.feed = rest
            self._begin(head)

    def _begin(self, head):
        lines = head.split(b"\r\n")
        status = int(lines[0].split(b" ")[1])
        fields = Fields.parse(lines[1:])
        pairs = encoded([(":status", str(status))] + plain_pairs(lines[1:]))
        if status < 200:
            self.session.head(self.stream, pairs)
            return
        empty = (self.method == "HEAD" or status in (204, 304) or
                 fields.get("content-length") == "0")
        self.session.head(self.stream, pairs, end=empty)
        self.half_done = empty
        if not empty:
            self.half = Unframer(fields, Half(self.session, self.stream), until_end=True)

    def reset(self, code=2):
        self.session.reset(self.stream, code)
        raise Gone("reset")

    def read_body(self, request):
        try:
            while True:
                self.more()
        except Gone:
            if not self.stream.ended:
                raise
        request.body, self.ahead = self.ahead, b""
        if self.stream.trailers:
            request.trailers = Fields([(n.decode("latin-1"), v.decode("latin-1"))
                                       for n, v in self.stream.trailers])

    def finish(self):
        """The action is over: so is the answer, or it is cut."""
        if self.stream.sent_end:
            return
        if self.half and self.half.until_end:
            self.session.end(self.stream)
        else:
            self.session.reset(self.stream, 2)


def request_of(stream, number):
    """What arrived, as an origin keeps it; and what only HTTP/2 has."""
    pairs = stream.heads.popleft()
    pseudo = {n: v for n, v in pairs if n.startswith(b":")}
    lines = [b"%s %s HTTP/2.0" % (pseudo.get(b":method", b""), pseudo.get(b":path", b"*"))]
    if b":authority" in pseudo:
        lines.append(b"host: " + pseudo[b":authority"])
    lines += [n + b": " + v for n, v in pairs if not n.startswith(b":")]
    request = Request(b"\r\n".join(lines), number)
    request.pseudo = {n.decode(): v.decode("latin-1") for n, v in pseudo.items()}
    request.stream = stream
    return request


class ResetWith:
    """An action: RST_STREAM with a code, before or in the middle of an answer."""

    reads_body = False

    def __init__(self, code, after=b"", reads_body=False):
        self.code, self.after, self.reads_body = code, after, reads_body

    def run(self, request, wire, origin):
        if self.after:
            wire.send(self.after)
        wire.reset(self.code)


class GoAway:
    """An action: GOAWAY that leaves this stream out (`below`), or not."""

    reads_body = False

    def __init__(self, below=True, code=0, then=None):
        self.below, self.code, self.then = below, code, then

    def run(self, request, wire, origin):
        last = request.stream.id - 2 if self.below else request.stream.id
        wire.session.goaway(max(last, 0), self.code)
        if self.then:
            self.then.run(request, wire, origin)
            wire.finish()
        request.stream.sent_end = True
