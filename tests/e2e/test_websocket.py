"""An upgrade makes a tunnel of two connections, until one of them ends."""

from client import request
from scene import ONE_GROUP, Raw, Reply, Scene, SIGTERM, Upgrade, WebSocket, wait_for

MEGA = 1 << 20


class Tunnel(Scene):
    over = ("plain", "tls")

    def test_frames_go_both_ways(self):
        weir = self.weir(ONE_GROUP, app=self.origin(Upgrade()))
        ws = weir.websocket()
        self.assertEqual(ws.answer.status, 101)
        self.assertEqual(ws.answer.fields["upgrade"].lower(), "websocket")
        for n in range(100):
            self.assertEqual(ws.echo(b"%d" % n), b"%d" % n)

    def test_the_target_sees_the_upgrade(self):
        app = self.origin(Upgrade())
        self.weir(ONE_GROUP, app=app).websocket("/chat?room=1")
        fields = app.requests[0].fields
        self.assertEqual(app.requests[0].target, "/chat?room=1")
        self.assertEqual(fields["upgrade"].lower(), "websocket")
        self.assertEqual(fields["connection"].lower(), "upgrade")
        self.assertIn("sec-websocket-key", fields)

    def test_octets_that_come_with_the_101_are_not_lost(self):
        app = self.origin(Raw(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                              b"Connection: Upgrade\r\n\r\n\x81\x05hello", keep=True))
        ws = self.weir(ONE_GROUP, app=app).websocket()
        self.assertEqual(ws.hear(), b"hello")

    def test_the_end_of_one_side_is_the_end_of_the_other(self):
        app = self.origin(Upgrade())
        weir = self.weir(ONE_GROUP, app=app)
        ws = weir.websocket()
        ws.echo(b"there")
        ws.close()
        self.assertTrue(app.wait_for(lambda o: not o.open))
        ws = weir.websocket()
        ws.echo(b"there")
        app.stop()
        self.assertTrue(ws.client.is_closed())

    def test_a_target_that_refuses_answers_as_always(self):
        weir = self.weir(ONE_GROUP, app=self.origin(Reply(403, b"no")))
        ws = weir.websocket()
        self.assertEqual(ws.answer.status, 403)
        ws.client.body(ws.answer)
        self.assertEqual(ws.answer.body, b"no")
        self.assertEqual(ws.client.get("/next").status, 403)

    def test_a_megabyte_through_the_tunnel(self):
        c = self.weir(ONE_GROUP, app=self.origin(Upgrade())).client()
        c.send(request("GET", "/", fields=[("Upgrade", "websocket"),
                                           ("Connection", "Upgrade")]))
        self.assertEqual(c.head().status, 101)
        body = bytes(range(256)) * 256
        for _ in range(16):
            c.send(body)
            self.assertTrue(c.exactly(len(body)) == body)

    def test_regress_a_tunnel_outlives_its_generation(self):
        """And holds nothing of it, be its listener still there or gone."""
        app = self.origin(Upgrade())
        config = ONE_GROUP.replace("listeners: [", "listeners: [{{listener2}, default_actions: "
                                   "{forward: app}}, ")
        weir = self.weir(config, app=app)
        stays, leaves = weir.websocket(), WebSocket(weir.client("port2"))
        for ws in (stays, leaves):
            self.assertEqual(ws.echo(b"there"), b"there")
        idle = weir.client("port2")  # it may still ask, so its listener is kept
        weir.reload(ONE_GROUP)
        generations = weir.json("status")["generations"]
        self.assertEqual((generations["current"], generations["oldest_alive"]), (2, 1))
        # Tunnels count for the newest, the idle connection for its own.
        self.assertEqual([(g["generation"], g["exchanges"], g["connections"])
                          for g in generations["alive"]], [(2, 2, 2), (1, 0, 1)])
        idle.close()
        wait_for(lambda: weir.json("status")["generations"]["oldest_alive"] == 2,
                 "the first generation to be gone")
        for ws in (stays, leaves):
            self.assertEqual(ws.echo(b"still"), b"still")
        app.cut_connections()
        for ws in (stays, leaves):
            self.assertTrue(ws.client.is_closed())
            ws.close()
        wait_for(lambda: weir.json("status")["workers"][0]["client_connections"] == 0,
                 "the tunnels to be over")

    def test_the_log_knows_whose_tunnel_was_ended(self):
        """Also when the generation that it began in has gone."""
        weir = self.weir(ONE_GROUP, app=self.origin(Upgrade()))
        weir.websocket("/chat?room=1")
        weir.reload(ONE_GROUP + "# another\n")
        weir.signal(SIGTERM)
        weir.log.wait_for("draining")
        weir.signal(SIGTERM)
        line = weir.log.wait_for("reason=stopping")
        for part in ("listener=web ", f"port={weir.ports['port']} ", "target_group=app ",
                     'request="GET /chat?room=1 HTTP/1.1"', f"target={weir.names['app']}"):
            self.assertIn(part, line)
        self.assertEqual(weir.process.wait(10), 0)

    def test_an_upgrade_to_something_else_is_no_tunnel(self):
        app = self.origin(Reply(200, b"plain"))
        c = self.weir(ONE_GROUP, app=app).client()
        answer = c.get("/", fields=[("Upgrade", "h2c"), ("Connection", "Upgrade")])
        self.assertEqual(answer.body, b"plain")
        self.assertNotIn("upgrade", app.requests[0].fields)
