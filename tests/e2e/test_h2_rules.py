"""RFC 9113 and RFC 7541 from the side of a client, case by case, as h2spec has
them: what is to be ignored, what ends a stream, what ends the connection."""

import struct
import unittest

from frames import (ACK, CANCEL, COMPRESSION_ERROR, CONTINUATION, DATA, END_HEADERS, END_STREAM,
                    FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR, GET, GOAWAY, HEADERS, NO_ERROR, PADDED,
                    PING, POST, PREFACE, PRIORITY, PROTOCOL_ERROR, RST_STREAM, SETTINGS,
                    STREAM_CLOSED, WINDOW_UPDATE, Encoder, Over, Peer, frame, settings)
from scene import Scene

CONFIG = """
load_balancers:
  - name: web
    addresses: 127.0.0.1
    listeners:
      - {port: {port}, protocol: HTTPS, {tls}, default_actions: {fixed_response: {
           status_code: 200, content_type: text/plain, message_body: hello}}}
"""


def block(fields=GET):
    return Encoder().encode(list(fields)) if Encoder else b""


def get(stream=1, flags=END_STREAM | END_HEADERS, fields=GET):
    return frame(HEADERS, flags, stream, block(fields))


def word(n):
    return struct.pack(">I", n)


FIELDS = block()
POSTED = block(POST)
SERVED = "served"  # the next request is, on the same connection
PRIO = b"\0\0\0\0\x0f"

# name, octets behind the preface, what becomes of stream 1 and the connection:
# SERVED; ("stream", codes); ("connection", codes).
CASES = (
    # generic
    ("a request", get(), SERVED),
    ("a request with a priority",
     frame(HEADERS, END_STREAM | END_HEADERS | 0x20, 1, PRIO + FIELDS), SERVED),
    ("a request in a list of two frames",
     frame(HEADERS, END_STREAM, 1, FIELDS[:3]) + frame(CONTINUATION, END_HEADERS, 1, FIELDS[3:]),
     SERVED),
    ("a request with padding",
     frame(HEADERS, END_STREAM | END_HEADERS | PADDED, 1, b"\4" + FIELDS + 4 * b"\0"), SERVED),
    ("a body with padding", get(1, END_HEADERS, POST) +
     frame(DATA, END_STREAM | PADDED, 1, b"\4test" + 4 * b"\0"), SERVED),
    ("a body in two frames", get(1, END_HEADERS, POST) + frame(DATA, 0, 1, b"te") +
     frame(DATA, END_STREAM, 1, b"st"), SERVED),
    ("trailers", get(1, END_HEADERS, POST) + frame(DATA, 0, 1, b"test") +
     frame(HEADERS, END_STREAM | END_HEADERS, 1, block([("x-sum", "1")])), SERVED),
    ("priorities", frame(PRIORITY, 0, 1, b"\0\0\0\0\xff") + get() +
     frame(PRIORITY, 0, 1, b"\0\0\0\7\xff"), SERVED),
    ("a reset", get() + frame(RST_STREAM, 0, 1, word(CANCEL)), SERVED),
    ("settings", settings((3, 100)) + get(), SERVED),
    ("windows", frame(WINDOW_UPDATE, 0, 0, word(1)) + get() +
     frame(WINDOW_UPDATE, 0, 1, word(1)), SERVED),
    # 4.1, 5.5
    ("an unknown type", frame(0x16, 0, 0, 8 * b"\0") + get(), SERVED),
    ("an unknown type on a stream", frame(0x16, 0xff, 1, b"x") + get(), SERVED),
    ("undefined flags", frame(PING, 0x16, 0, 8 * b"\0") + get(), SERVED),
    ("a reserved bit", frame(PING, 0, 0, 8 * b"\0")[:5] + b"\x80\0\0\0" + 8 * b"\0" + get(),
     SERVED),
    ("an unknown setting", settings((0xff, 1)) + get(), SERVED),
    ("an unknown type in a list", frame(HEADERS, END_STREAM, 1, FIELDS[:3]) +
     frame(0x16, 0, 0, b""), ("connection", (PROTOCOL_ERROR,))),
    # 4.2
    ("data of the largest size",
     get(1, END_HEADERS, POST) + frame(DATA, END_STREAM, 1, 16384 * b"x"), SERVED),
    ("data over it", get(1, END_HEADERS, POST) + frame(DATA, 0, 1, 16385 * b"x"),
     ("connection", (FRAME_SIZE_ERROR,))),
    ("a list over it", frame(HEADERS, END_STREAM | END_HEADERS, 1, FIELDS + 16384 * b"\x82"),
     ("connection", (FRAME_SIZE_ERROR,))),
    # 4.3, 7541
    ("a list that is none", frame(HEADERS, END_STREAM | END_HEADERS, 1, b"\x40"),
     ("connection", (COMPRESSION_ERROR,))),
    ("an index of nothing", frame(HEADERS, 5, 1, b"\xbe"), ("connection", (COMPRESSION_ERROR,))),
    ("an index of 0", frame(HEADERS, 5, 1, b"\x80"), ("connection", (COMPRESSION_ERROR,))),
    ("a name by an index of nothing", frame(HEADERS, 5, 1, FIELDS + b"\x7f\x20\1x"),
     ("connection", (COMPRESSION_ERROR,))),
    ("a table that changes at the end of a list", frame(HEADERS, 5, 1, FIELDS + b"\x20"),
     ("connection", (COMPRESSION_ERROR,))),
    ("a table over the limit", frame(HEADERS, 5, 1, b"\x3f\xe2\x1f" + FIELDS),
     ("connection", (COMPRESSION_ERROR,))),
    ("a table of nothing, and back", frame(HEADERS, 5, 1, b"\x20\x3f\xe1\x1f" + FIELDS), SERVED),
    ("Huffman padding of more than seven bits", frame(HEADERS, 5, 1, FIELDS + b"\0\x85\xf2\xb2"
                                                      b"\x4a\x84\xff\x83\x49\x50\x9f\xff"),
     ("connection", (COMPRESSION_ERROR,))),
    ("Huffman padding of zeros", frame(HEADERS, 5, 1, FIELDS + b"\0\x85\xf2\xb2\x4a\x84\xff"
                                       b"\x83\x49\x50\x90"), ("connection", (COMPRESSION_ERROR,))),
    ("the end of strings in a string", frame(HEADERS, 5, 1, FIELDS + b"\0\x85\xf2\xb2\x4a\x84"
                                             b"\xff\x87\x49\x50\x9f\xff\xff\xff\xff"),
     ("connection", (COMPRESSION_ERROR,))),
    # 5.1
    ("data on an idle stream", frame(DATA, END_STREAM, 1, b"x"),
     ("connection", (PROTOCOL_ERROR,))),
    ("a reset of an idle stream", frame(RST_STREAM, 0, 1, word(CANCEL)),
     ("connection", (PROTOCOL_ERROR,))),
    ("a window of an idle stream", frame(WINDOW_UPDATE, 0, 1, word(100)),
     ("connection", (PROTOCOL_ERROR,))),
    ("a continuation of an idle stream", frame(CONTINUATION, END_HEADERS, 1, FIELDS),
     ("connection", (PROTOCOL_ERROR,))),
    ("data behind the end", get() + frame(DATA, END_STREAM, 1, b"x"),
     ("any", (STREAM_CLOSED, NO_ERROR))),
    ("a list behind the end", get() + get(), ("any", (STREAM_CLOSED, PROTOCOL_ERROR, NO_ERROR))),
    ("a continuation behind the end", get() + frame(CONTINUATION, END_HEADERS, 1, FIELDS),
     ("connection", (PROTOCOL_ERROR, STREAM_CLOSED))),
    # 5.1.1
    ("an even stream", get(2), ("connection", (PROTOCOL_ERROR,))),
    ("a smaller stream", get(5) + get(3), ("any", (PROTOCOL_ERROR, NO_ERROR))),
    # 5.3.1
    ("a list that depends on itself",
     frame(HEADERS, END_STREAM | END_HEADERS | 0x20, 1, b"\0\0\0\1\xff" + FIELDS),
     ("any", (PROTOCOL_ERROR,))),
    # 6.1
    ("data on stream 0", frame(DATA, END_STREAM, 0, b"x"), ("connection", (PROTOCOL_ERROR,))),
    ("padding over the frame", get(1, END_HEADERS, POST) + frame(DATA, 9, 1, b"\6tests"),
     ("connection", (PROTOCOL_ERROR,))),
    # 6.2
    ("a list and then another frame", frame(HEADERS, END_STREAM, 1, FIELDS) +
     frame(PRIORITY, 0, 1, PRIO), ("connection", (PROTOCOL_ERROR,))),
    ("a list and then another", frame(HEADERS, END_STREAM, 1, FIELDS) + get(3),
     ("connection", (PROTOCOL_ERROR,))),
    ("a list on stream 0", get(0), ("connection", (PROTOCOL_ERROR,))),
    ("a list of padding",
     frame(HEADERS, 13, 1, bytes([len(FIELDS) + 2]) + FIELDS), ("connection", (PROTOCOL_ERROR,))),
    # 6.3
    ("a priority of stream 0", frame(PRIORITY, 0, 0, PRIO), ("connection", (PROTOCOL_ERROR,))),
    ("a priority of the wrong size", get(1, END_HEADERS, POST) + frame(PRIORITY, 0, 1, b"\0"),
     ("any", (FRAME_SIZE_ERROR,))),
    # 6.4
    ("a reset of stream 0", frame(RST_STREAM, 0, 0, word(8)), ("connection", (PROTOCOL_ERROR,))),
    ("a reset of the wrong size", get(1, END_HEADERS, POST) + frame(RST_STREAM, 0, 1, b"\0\0\0"),
     ("connection", (FRAME_SIZE_ERROR,))),
    # 6.5
    ("settings with an answer's content", frame(SETTINGS, ACK, 0, b"\0"),
     ("connection", (FRAME_SIZE_ERROR,))),
    ("settings of a stream", frame(SETTINGS, 0, 1, b"\0\3\0\0\0\x64"),
     ("connection", (PROTOCOL_ERROR,))),
    ("settings of the wrong size", frame(SETTINGS, 0, 0, b"\0\3\0"),
     ("connection", (FRAME_SIZE_ERROR,))),
    ("push beyond 1", settings((2, 2)), ("connection", (PROTOCOL_ERROR,))),
    ("a window of 2^31", settings((4, 1 << 31)), ("connection", (FLOW_CONTROL_ERROR,))),
    ("frames below 2^14", settings((5, 16383)), ("connection", (PROTOCOL_ERROR,))),
    ("frames over 2^24-1", settings((5, 1 << 24)), ("connection", (PROTOCOL_ERROR,))),
    # 6.7
    ("a ping", frame(PING, 0, 0, b"h2spec\0\0") + get(), SERVED),
    ("an answer to no ping", frame(PING, ACK, 0, b"invalid\0") + get(), SERVED),
    ("a ping of a stream", frame(PING, 0, 1, 8 * b"\0"), ("connection", (PROTOCOL_ERROR,))),
    ("a ping of the wrong size", frame(PING, 0, 0, 6 * b"\0"),
     ("connection", (FRAME_SIZE_ERROR,))),
    # 6.8
    ("a goodbye of a stream", frame(GOAWAY, 0, 1, 8 * b"\0"), ("connection", (PROTOCOL_ERROR,))),
    # 6.9
    ("a window of nothing", frame(WINDOW_UPDATE, 0, 0, word(0)),
     ("connection", (PROTOCOL_ERROR,))),
    ("a stream's window of nothing", get(1, END_HEADERS, POST) +
     frame(WINDOW_UPDATE, 0, 1, word(0)), ("any", (PROTOCOL_ERROR,))),
    ("a window of the wrong size", frame(WINDOW_UPDATE, 0, 0, b"\0\0\1"),
     ("connection", (FRAME_SIZE_ERROR,))),
    ("windows over 2^31-1", 2 * frame(WINDOW_UPDATE, 0, 0, word(0x7fffffff)),
     ("connection", (FLOW_CONTROL_ERROR,))),
    ("a stream's windows over 2^31-1", get(1, END_HEADERS, POST) +
     2 * frame(WINDOW_UPDATE, 0, 1, word(0x7fffffff)), ("any", (FLOW_CONTROL_ERROR,))),
    # 6.10
    ("three frames of a list", frame(HEADERS, END_STREAM, 1, FIELDS[:2]) +
     frame(CONTINUATION, 0, 1, FIELDS[2:4]) + frame(CONTINUATION, END_HEADERS, 1, FIELDS[4:]),
     SERVED),
    ("a continuation of another stream", frame(HEADERS, END_STREAM, 1, FIELDS) +
     frame(CONTINUATION, END_HEADERS, 3, FIELDS), ("connection", (PROTOCOL_ERROR,))),
    ("a continuation behind a whole list", get(1, END_HEADERS, POST) +
     frame(CONTINUATION, END_HEADERS, 1, FIELDS), ("connection", (PROTOCOL_ERROR,))),
    # 7
    ("a goodbye with an unknown code", get() + frame(GOAWAY, 0, 0, word(0) + word(0xff)),
     ("answered", ())),
    ("a reset with an unknown code", get() + frame(RST_STREAM, 0, 1, word(0xff)), SERVED),
    # 8.1
    ("trailers that end nothing", get(1, END_HEADERS, POST) + frame(DATA, 0, 1, b"test") +
     frame(HEADERS, END_HEADERS, 1, block([("x-sum", "1")])), ("stream", (PROTOCOL_ERROR,))),
    ("a pseudo-field in trailers", get(1, END_HEADERS, POST) + frame(DATA, 0, 1, b"test") +
     frame(HEADERS, 5, 1, block([(":method", "200")])), ("stream", (PROTOCOL_ERROR,))),
    ("a promise", frame(5, END_HEADERS, 1, word(2) + FIELDS), ("connection", (PROTOCOL_ERROR,))),
)


@unittest.skipIf(Encoder is None, "no python3-h2 here")
class Rules(Scene):
    over = ("plain",)  # HTTPS in any case

    def outcome(self, p):
        """("stream", code), ("connection", code), or ("answered", status)."""
        try:
            while True:
                f = p.next()
                if f.kind == GOAWAY:
                    p.end()
                    return "connection", f.code
                if f.kind == RST_STREAM and f.stream == 1 and f.code:
                    return "stream", f.code
                if f.stream == 101 and f.kind == HEADERS:
                    return "answered", int(f.fields[":status"])
        except Over:
            return "connection", None

    def test_every_rule(self):
        weir = self.weir(CONFIG)
        for name, octets, (*expected,) in ((n, o, [e] if e == SERVED else e) for n, o, e in CASES):
            with self.subTest(name):
                p = Peer(weir.ports["port"])
                # Lists behind it would be read with another table.
                p.encoder.header_table_size = 0
                p.send(octets + frame(HEADERS, END_STREAM | END_HEADERS, 101, b"".join(
                    b"\0" + bytes([len(k)]) + k.encode() + bytes([len(v)]) + v.encode()
                    for k, v in GET)))
                what, code = self.outcome(p)
                p.close()
                if expected[0] in (SERVED, "answered"):
                    self.assertEqual((what, code), ("answered", 200), name)
                elif expected[0] != "any":
                    self.assertEqual((what, code in expected[1] + (None,)), (expected[0], True),
                                     f"{name}: {what} {code}")
                else:
                    self.assertTrue(what == "answered" or code in expected[1] + (None,),
                                    f"{name}: {what} {code}")

    def test_the_first_words(self):
        weir = self.weir(CONFIG)
        for preface in (b"INVALID CONNECTION PREFACE\r\n\r\n", PREFACE + get(),
                        PREFACE[:-1] + b"X" + settings()):
            with self.subTest(preface):
                p = Peer(weir.ports["port"], preface=preface)
                self.assertIn(p.end(), (PROTOCOL_ERROR, None))
                p.close()

    def test_windows_of_answers(self):
        """6.9.2: a window that changes, and one below zero."""
        weir = self.weir(CONFIG)
        p = Peer(weir.ports["port"], preface=PREFACE + settings((4, 3)))
        self.addCleanup(p.close)
        p.send(get())
        self.assertEqual(p.until(lambda f: f.kind == DATA).payload, b"hel")
        p.send(settings((4, 2)))
        p.send(frame(WINDOW_UPDATE, 0, 1, word(2)))
        self.assertEqual(p.until(lambda f: f.kind == DATA).payload, b"l")
        p.send(settings((4, 100)))
        f = p.until(lambda f: f.kind == DATA)
        self.assertEqual((f.payload, f.flags & END_STREAM), (b"o", END_STREAM))

    def test_settings_are_answered(self):
        weir = self.weir(CONFIG)
        p = Peer(weir.ports["port"])
        self.addCleanup(p.close)
        p.until(lambda f: f.kind == SETTINGS and f.flags & ACK)
        p.send(frame(PING, 0, 0, b"12345678"))
        f = p.until(lambda f: f.kind == PING)
        self.assertEqual((f.flags & ACK, f.payload), (ACK, b"12345678"))
