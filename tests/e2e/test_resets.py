"""A reset is not an end: who is told of one must not take it for the other, and
what came before it arrives first."""

import fcntl
import ssl
import struct
import termios
import threading

from client import request
from origin import Action, STOP_S
from scene import ONE_GROUP, Raw, Scene, wait_for

SWITCHING = (b"HTTP/1.1 101 Switching Protocols\r\n"
             b"Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def read_to_the_end(sock):
    """All octets, and whether the end was a reset. Of TLS, Python tells only
    that no close_notify came."""
    parts = []
    if isinstance(sock, ssl.SSLSocket):
        sock.suppress_ragged_eofs = False
    while True:
        try:
            parts.append(sock.recv(65536))
        except (ConnectionResetError, ssl.SSLEOFError):
            return b"".join(parts), True
        if not parts[-1]:
            return b"".join(parts), False


def unacknowledged(sock):
    room = bytearray(4)
    fcntl.ioctl(sock, termios.TIOCOUTQ, room)
    return struct.unpack("i", room)[0]


class SayAndReset(Action):
    """Says something, waits until it has arrived, and resets."""

    def __init__(self, *parts):
        self.octets = b"".join(parts)

    def run(self, request, wire, origin):
        wire.send(self.octets)
        wait_for(lambda: unacknowledged(wire.sock) == 0, "it to have arrived")
        wire.reset()


class Listen(Action):
    """Upgrades; reads once it may, and keeps what came and how it ended."""

    def __init__(self):
        self.may_read = threading.Event()
        self.got = None

    def run(self, request, wire, origin):
        wire.send(SWITCHING)
        self.may_read.wait(STOP_S)
        octets, was_reset = read_to_the_end(wire.sock)
        self.got = (wire.ahead + octets, was_reset)


class Truncated(Scene):
    """To a client of HTTP/1.0 the end of the connection is the end of the body."""
    over = ("plain", "tls")

    def read(self, action):
        app = self.origin(action)
        c = self.weir(ONE_GROUP, app=app).client(receive_octets=16384)
        c.send(b"GET / HTTP/1.0\r\nHost: a\r\n\r\n")
        # Nothing is read before the target has gone.
        self.assertTrue(app.wait_for(lambda o: o.requests and not o.open))
        octets, was_reset = read_to_the_end(c.sock)
        head, _, body = octets.partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 200 "), head)
        self.assertTrue(was_reset)
        return body

    def test_regress_what_was_received_is_sent_before_the_reset(self):
        body = bytes(range(256)) * (992 * 4)
        self.assertTrue(self.read(Raw(CHUNKED + b"200000\r\n" + body)) == body)

    def test_regress_a_reset_of_the_target_behind_a_body(self):
        body = b"x" * 60000
        self.assertTrue(self.read(SayAndReset(CHUNKED + b"200000\r\n" + body)) == body)

    def test_regress_a_body_that_was_written_in_one_go(self):
        self.assertEqual(self.read(Raw(CHUNKED + b"10\r\nfour")), b"four")

    def test_a_client_that_never_reads_does_not_hold_it(self):
        app = self.origin(Raw(CHUNKED + b"200000\r\n" + b"x" * 1000000))
        weir = self.weir(ONE_GROUP.replace(
            "    addresses:", "    idle_timeout.timeout_seconds: 1\n    addresses:"), app=app)
        c = weir.client(receive_octets=4096)
        c.send(b"GET / HTTP/1.0\r\nHost: a\r\n\r\n")
        wait_for(lambda: weir.json("status")["counters"]["ClientConnectionCount"] ==
                 weir.json("status")["counters"]["ClientConnectionClosedCount"] == 1,
                 "the client to be given up")


class Tunnel(Scene):
    """A reset goes through a tunnel both ways, behind all octets."""
    over = ("plain", "tls")

    def begin(self, action, **kw):
        self.running = self.weir(ONE_GROUP, app=self.origin(action))
        c = self.running.client(**kw)
        c.send(request("GET", "/ws", fields=[("Upgrade", "websocket"),
                                             ("Connection", "Upgrade")]))
        self.assertEqual(c.head().status, 101)
        return c

    def is_over(self):
        wait_for(lambda: self.running.json("status")["workers"][0]["requests_under_way"] == 0,
                 "the tunnel to be over")

    def test_regress_a_reset_of_the_target(self):
        c = self.begin(SayAndReset(SWITCHING, b"bye"))
        octets, was_reset = read_to_the_end(c.sock)
        self.assertEqual((c.ahead + octets, was_reset), (b"bye", True))
        self.is_over()

    def test_regress_last_words_before_the_targets_reset(self):
        last = b"last words" * 6000
        c = self.begin(SayAndReset(SWITCHING, last), receive_octets=4096)
        octets, was_reset = read_to_the_end(c.sock)
        self.assertTrue(c.ahead + octets == last)
        self.assertTrue(was_reset)
        self.is_over()

    def test_regress_a_reset_of_the_client(self):
        target = Listen()
        c = self.begin(target)
        target.may_read.set()
        c.reset_now()
        self.assertEqual(wait_for(lambda: target.got, "the end"), (b"", True))
        self.is_over()

    def test_regress_last_words_before_the_clients_reset(self):
        target = Listen()
        c = self.begin(target)
        last = b"last words" * 30000
        c.send(last)
        wait_for(lambda: unacknowledged(c.sock) == 0, "it to have arrived")
        c.reset_now()
        target.may_read.set()
        octets, was_reset = wait_for(lambda: target.got, "the end")
        self.assertTrue(octets == last, len(octets))
        self.assertTrue(was_reset)
        self.is_over()

    def test_an_end_stays_an_end(self):
        c = self.begin(Raw(SWITCHING, b"bye"))
        octets, was_reset = read_to_the_end(c.sock)
        self.assertEqual((c.ahead + octets, was_reset), (b"bye", False))
        c.close()
        self.is_over()
        target = Listen()
        c = self.begin(target)
        target.may_read.set()
        c.send(b"bye")
        c.finish()
        self.assertEqual(wait_for(lambda: target.got, "the end"), (b"bye", False))
        self.is_over()
