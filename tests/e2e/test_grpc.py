"""gRPC through weir, with Debian's python3-grpcio as client and as server: no
stub is generated, messages are octets."""

import os
import threading
import unittest
from concurrent import futures

os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

try:
    import grpc
except ImportError:
    grpc = None

from scene import Chunked, Echo, Reply, Scene, certificate, wait_for

CONFIG = """
load_balancers:
  - name: web
    addresses: 127.0.0.1
    listeners: [{port: {port}, protocol: HTTPS, {tls}, default_actions: {forward: app}}]
target_groups:
  - {name: app, protocol: {protocol}, protocol_version: {version}, health_check: {check}, targets: [{targets}], deregistration_delay.timeout_seconds: 5}
"""
CHECK = ("{interval_seconds: 0.5, timeout_seconds: 0.49, healthy_threshold_count: 1, "
         "unhealthy_threshold_count: 5}")
MEGA = 1 << 20


class Service:
    """Calls of /t.T/NAME; what it was asked it keeps."""

    def __init__(self, tls=False, port=0, workers=80):
        self.calls, self.checks = [], []
        self.cancelled = threading.Event()
        self.deadlines = []
        self.pool = futures.ThreadPoolExecutor(workers)
        self.server = grpc.server(self.pool, options=[
            ("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", 16 * MEGA),
            ("grpc.max_send_message_length", 16 * MEGA)])
        handlers = {
            "Unary": grpc.unary_unary_rpc_method_handler(self.unary),
            "Fail": grpc.unary_unary_rpc_method_handler(self.fail),
            "Wait": grpc.unary_unary_rpc_method_handler(self.wait),
            "Down": grpc.unary_stream_rpc_method_handler(self.down),
            "Up": grpc.stream_unary_rpc_method_handler(self.up),
            "Both": grpc.stream_stream_rpc_method_handler(self.both)}
        checks = {"healthcheck": grpc.unary_unary_rpc_method_handler(self.check)}
        self.server.add_generic_rpc_handlers((
            grpc.method_handlers_generic_handler("t.T", handlers),
            grpc.method_handlers_generic_handler("AWS.ALB", checks)))
        address = f"127.0.0.1:{port}"
        if tls:
            pem, key = certificate("origin.test")
            with open(pem, "rb") as c, open(key, "rb") as k:
                credentials = grpc.ssl_server_credentials([(k.read(), c.read())])
            self.port = self.server.add_secure_port(address, credentials)
        else:
            self.port = self.server.add_insecure_port(address)
        self.server.start()

    def note(self, name, context):
        self.calls.append((name, dict(context.invocation_metadata())))

    def check(self, request, context):
        self.checks.append(request)
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "as one that does not know it")

    def unary(self, request, context):
        self.note("Unary", context)
        context.set_trailing_metadata((("x-trailer", "behind"),))
        return request

    def fail(self, request, context):
        self.note("Fail", context)
        context.abort(grpc.StatusCode.NOT_FOUND, "no such thing: ä%")

    def wait(self, request, context):
        self.note("Wait", context)
        self.deadlines.append(context.time_remaining())
        context.add_callback(self.cancelled.set)
        self.cancelled.wait(20)
        return b""

    def down(self, request, context):
        self.note("Down", context)
        for n in range(int(request)):
            yield b"%d" % n

    def up(self, requests, context):
        self.note("Up", context)
        return b",".join(requests)

    def both(self, requests, context):
        self.note("Both", context)
        yield from requests

    def stop(self, grace=None):
        return self.server.stop(grace)


@unittest.skipIf(grpc is None, "python3-grpcio is not there")
class Calls(Scene):
    over = ("plain",)  # says itself what it speaks

    def service(self, **kw):
        s = Service(**kw)
        self.addCleanup(s.stop)
        return s

    def channel(self, weir):
        with open(certificate("example.test")[0], "rb") as f:
            credentials = grpc.ssl_channel_credentials(f.read())
        channel = grpc.secure_channel(
            f"127.0.0.1:{weir.ports['port']}", credentials,
            [("grpc.ssl_target_name_override", "example.test"),
             ("grpc.max_receive_message_length", 16 * MEGA),
             ("grpc.enable_retries", 0), ("grpc.use_local_subchannel_pool", 1)])
        self.addCleanup(channel.close)
        return channel

    def begin(self, tls=False, version="GRPC", check="{enabled: false}", services=1):
        self.services = [self.service(tls=tls) for _ in range(services)]
        weir = self.weir(CONFIG, protocol="HTTPS" if tls else "HTTP", version=version,
                         check=check,
                         targets=", ".join(f"127.0.0.1:{s.port}" for s in self.services))
        return weir

    def each(self):
        for tls in (False, True):
            for version in ("GRPC", "HTTP2"):
                weir = self.begin(tls, version)
                yield self.channel(weir), self.services[0]
                weir.stop()

    def test_all_four_kinds(self):
        for channel, service in self.each():
            call = channel.unary_unary("/t.T/Unary")
            answer, details = call.with_call(b"hello", metadata=(("x-one", "1"),), timeout=10)
            self.assertEqual(answer, b"hello")
            self.assertIn(("x-trailer", "behind"), list(details.trailing_metadata()))
            self.assertEqual(service.calls[-1][1]["x-one"], "1")
            self.assertEqual(list(channel.unary_stream("/t.T/Down")(b"5", timeout=10)),
                             [b"0", b"1", b"2", b"3", b"4"])
            parts = [b"%d" % n for n in range(100)]
            self.assertEqual(channel.stream_unary("/t.T/Up")(iter(parts), timeout=10),
                             b",".join(parts))
            self.assertEqual(list(channel.stream_stream("/t.T/Both")(iter(parts), timeout=10)),
                             parts)

    def test_messages_alternate(self):
        """Each message is answered before the next one is sent."""
        for channel, _ in self.each():
            turn = threading.Semaphore(0)

            def messages():
                for n in range(20):
                    yield b"%d" % n
                    turn.acquire(timeout=10)
            got = []
            for message in channel.stream_stream("/t.T/Both")(messages(), timeout=10):
                got.append(message)
                turn.release()
            self.assertEqual(got, [b"%d" % n for n in range(20)])

    def test_a_message_of_4_mib(self):
        for channel, _ in self.each():
            message = os.urandom(4 * MEGA)
            self.assertTrue(channel.unary_unary("/t.T/Unary")(message, timeout=20) == message)

    def regress_calls_are_counted(self):
        weir = self.begin()
        channel = self.channel(weir)
        for _ in range(3):
            channel.unary_unary("/t.T/Unary")(b"hello", timeout=10)
        group, = weir.json("targets")["target_groups"]
        self.assertEqual(group["counters"]["GrpcRequestCount"], 3)
        self.assertEqual(group["counters"]["RequestCount"], 3)

    def test_a_status_of_the_server(self):
        for channel, _ in self.each():
            with self.assertRaises(grpc.RpcError) as caught:
                channel.unary_unary("/t.T/Fail")(b"", timeout=10)
            self.assertEqual(caught.exception.code(), grpc.StatusCode.NOT_FOUND)
            self.assertEqual(caught.exception.details(), "no such thing: ä%")
            with self.assertRaises(grpc.RpcError) as caught:
                channel.unary_unary("/t.T/None")(b"", timeout=10)
            self.assertEqual(caught.exception.code(), grpc.StatusCode.UNIMPLEMENTED)

    def test_cancel_reaches_the_server(self):
        for channel, service in self.each():
            call = channel.unary_unary("/t.T/Wait").future(b"", timeout=15)
            wait_for(lambda: service.calls, "the call to arrive")
            call.cancel()
            self.assertTrue(service.cancelled.wait(10))
            self.assertEqual(channel.unary_unary("/t.T/Unary")(b"on", timeout=10), b"on")

    def test_a_deadline_reaches_the_server(self):
        for channel, service in self.each():
            with self.assertRaises(grpc.RpcError) as caught:
                channel.unary_unary("/t.T/Wait")(b"", timeout=0.5)
            self.assertEqual(caught.exception.code(), grpc.StatusCode.DEADLINE_EXCEEDED)
            self.assertTrue(service.cancelled.wait(10))
            self.assertLess(service.deadlines[0], 0.51)

    def test_a_server_that_is_not_there(self):
        weir = self.begin()
        self.services[0].stop().wait()
        with self.assertRaises(grpc.RpcError) as caught:
            self.channel(weir).unary_unary("/t.T/Unary")(b"", timeout=10)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.UNAVAILABLE)
        self.assertIn("refused the connection", caught.exception.details())

    def test_checks_of_a_real_server(self):
        for tls in (False, True):
            check = CHECK if not tls else CHECK.replace("{", "{protocol: HTTPS, ")
            self.begin(tls, check=check).wait_healthy(1)
            self.assertEqual(self.services[0].checks[0], b"")

    def call_all_the_time(self, weir, restart):
        """64 clients call without a pause while `restart(n)` replaces one of two
        servers at a time. Returns what failed."""
        channels = [self.channel(weir) for _ in range(64)]
        ended, failed, done = threading.Event(), [], [0] * 64

        def client(n):
            call = channels[n].unary_unary("/t.T/Unary")
            while not ended.is_set():
                try:
                    call(b"x" * (n * 100), timeout=20)
                    done[n] += 1
                except grpc.RpcError as e:
                    failed.append((e.code(), e.details()))
        threads = [threading.Thread(target=client, args=(n,)) for n in range(64)]
        for t in threads:
            t.start()
        try:
            for n in (0, 1, 0, 1):
                before = sum(done)
                new = restart(n)
                wait_for(lambda: sum(done) > before + 200, "calls to go on")
                wait_for(lambda: new.checks, "the new one to be checked")
                weir.wait_healthy(2)
        finally:
            ended.set()
            for t in threads:
                t.join(25)
        self.assertTrue(all(done))
        return failed

    def test_a_rolling_restart_loses_no_call(self):
        """Servers that end as RFC 9113 6.8 has it: what they do not look at they
        say, and what they have begun they end."""
        class Call(Echo):
            def run(self, request, wire, origin):
                Chunked(request.body, fields=[("content-type", "application/grpc")],
                        trailers=[("grpc-status", "0")]).run(request, wire, origin)

        def begin(port=0):
            return self.origin(Call(), h2=True, port=port,
                               health=Reply(200, b"", [("grpc-status", "12")]))
        servers = [begin(), begin()]
        weir = self.weir(CONFIG, protocol="HTTP", version="GRPC", check=CHECK,
                         targets=", ".join(map(str, servers)))
        weir.wait_healthy(2)

        def restart(n):
            servers[n].drain()
            servers[n] = begin(servers[n].port)
            return servers[n]
        self.assertEqual(self.call_all_the_time(weir, restart)[:5], [])

    def test_a_rolling_restart_of_real_servers(self):
        """Python's takes streams while it is stopping, and fails them by itself;
        nothing that we say is among it."""
        weir = self.begin(services=2, check=CHECK)
        weir.wait_healthy(2)

        def restart(n):
            old = self.services[n]
            old.stop(grace=10).wait(15)
            self.services[n] = self.service(port=old.port)
            return self.services[n]
        failed = self.call_all_the_time(weir, restart)
        ours = ("The target", "Every target", "No connection")
        self.assertEqual([f for f in failed if f[1].startswith(ours)][:5], [])
