"""Real servers as targets: they and weir agree on where each request ends."""

import collections

from scene import ONE_GROUP, Scene, free_port, wait_for
from servers import KINDS, Server, missing

# Taken for a request by whoever does not know that it is a body.
BODY = b"GET /smuggled HTTP/1.1\r\nHost: evil.test\r\n\r\n"
# Where the octet stands that may be anything: in a name, in a value.
PLACES = ((b"", b""), (b"", b"b-c"), (b"a", b"-c"), (b"a-b", b""),
          (b"a-b: ", b"c"), (b"a-b: c", b"d"))


class EveryOctet(Scene):
    """All 256 octets at every place of a name, and in values."""

    over = ("plain",)

    def server(self, kind):
        why = missing(kind)
        if why:
            self.skipTest(why)
        server = Server(kind, self.folder(), free_port())
        self.addCleanup(server.stop)
        wait_for(server.is_up, f"{kind} is up")
        return server

    def sweep(self, weir):
        """Sends them all; yields the target of each that was passed on, and
        whether the server took it."""
        c = None
        for place, (before, after) in enumerate(PLACES):
            for octet in range(256):
                target = f"/page?{place}-{octet}"
                c = c or weir.client()
                c.send(b"POST " + target.encode() + b" HTTP/1.1\r\nHost: a\r\n"
                       b"Content-Length: %d\r\n" % len(BODY) +
                       before + bytes([octet]) + after + b": v\r\n\r\n" + BODY)
                answer = c.answer()
                self.assertIn(answer.status, (200, 400), target)
                if "weir-reason" not in answer.fields:
                    yield target, answer.status == 200
                # An LF ends the head: what is left over is no request.
                if answer.fields.get("connection") == "close" or octet == 10:
                    c.close()
                    c = None

    def agree(self, kind):
        server = self.server(kind)
        weir = self.weir(ONE_GROUP, app=server)
        passed = collections.Counter()
        taken = collections.Counter()
        for target, was_taken in self.sweep(weir):
            line = f"POST {target} {len(BODY)} 127.0.0.1"
            passed[line] += 1
            taken[line] += was_taken
        # Names of letters, digits and other signs of tokens at the least.
        self.assertGreater(sum(taken.values()), 4 * 77)
        weir.stop()
        server.stop()
        seen = collections.Counter(" ".join(line.split()[:4]) for line in server.seen())
        self.assertEqual(seen - passed, collections.Counter())
        self.assertEqual(taken - seen, collections.Counter())
        self.assertEqual([line for line in server.seen()
                          if line.split()[4:] not in ([], [str(len(BODY))])], [])


def _scene(kind):
    def test(self):
        self.agree(kind)
    return test


for _kind in KINDS:
    setattr(EveryOctet, "test_regress_" + _kind.replace(".", "_"), _scene(_kind))
