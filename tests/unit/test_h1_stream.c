/* test_h1_stream.c - what only HTTP/1.x has: where a body ends that ends with
 * its connection, and what is said of connections (RFC 9112). The promises of
 * every stream are in test_stream.c. */
#include "stream/h1_stream.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit.h"

static void on_event(struct conn *c)
{
	(void)c;
}

static const struct conn_ops ops = {
	.ready = on_event,
	.expired = on_event,
};

/* Reads the whole of a body that a peer sends before it closes. */
static enum io read_to_the_end(int write_error)
{
	const struct framing framing = {.kind = FRAMING_CLOSE};
	struct h1_stream h;
	struct loop loop;
	struct chain body;
	struct conn conn;
	enum io io;
	int fds[2];

	loop_init(&loop);
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	assert_int_equal(conn_open(&conn, &loop, fds[0], &ops, 65536), 0);
	h1_back_begin(&h, &conn, NULL);
	h1_expect_body(&h, &framing);
	chain_init(&body, 65536);
	assert_int_equal(send(fds[1], "half", 4, 0), 4);
	close(fds[1]);
	loop_turn(&loop, true);
	conn.write_error = write_error;
	io = h.stream.ops->read_body(&h.stream, &body, 65536);
	assert_slice(chain_front(&body), "half");
	chain_release(&body);
	conn_close(&conn);
	loop_release(&loop);
	return io;
}

static void test_the_end_of_the_connection_is_the_end(void **state)
{
	(void)state;
	assert_int_equal(read_to_the_end(0), IO_DONE);
}

/* The kernel tells of a reset once. When a write was told, the read that
 * follows finds what looks like an orderly end. */
static void test_but_not_when_a_write_was_told_of_a_reset(void **state)
{
	(void)state;
	assert_int_equal(read_to_the_end(ECONNRESET), IO_CLOSED);
}

static enum io has_no_room(struct filter *f, struct chain *plain)
{
	(void)f;
	return plain->n < 10 ? IO_AGAIN : IO_DONE;
}

static void no_end(struct filter *f)
{
	(void)f;
}

/* Half a head has been decoded, and then there was no memory for the rest. */
static void test_a_head_without_room_is_no_reason_to_wait(void **state)
{
	static const struct filter_ops filter_ops = {
		.decode = has_no_room,
		.free = no_end,
	};
	struct filter filter = {.ops = &filter_ops, .established = true};
	const struct h1_client client = {.desync = DESYNC_DEFENSIVE};
	struct h1_stream h;
	struct field fields[10];
	struct http_head head = {.fields = fields, .max_fields = 10};
	enum reason why;
	struct loop loop;
	struct conn conn;
	int fds[2];

	(void)state;
	loop_init(&loop);
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	assert_int_equal(conn_open(&conn, &loop, fds[0], &ops, 65536), 0);
	h1_front_begin(&h, &conn, &client, NULL);
	conn.filter = &filter;
	conn.held = true;
	assert_true(chain_copy(&conn.in, SLICE("GET / HTTP/1.1\r\nHo")));
	assert_int_equal(h.stream.ops->read_head(&h.stream, &head, &why),
			 IO_FAILED);
	assert_int_equal(why, REASON_OVERLOADED);
	conn_close(&conn);
	close(fds[1]);
	loop_release(&loop);
}

/* -- what is said of a connection ------------------------------------------ */

enum { LIMIT = 65536 };

/* A connection whose other end is `peer`. */
struct side {
	struct loop loop;
	struct conn conn;
	struct h1_stream h;
	int peer;
};

static void side_open(struct side *side)
{
	int fds[2];

	loop_init(&side->loop);
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	assert_int_equal(
		conn_open(&side->conn, &side->loop, fds[0], &ops, LIMIT), 0);
	side->peer = fds[1];
}

static void side_close(struct side *side)
{
	conn_close(&side->conn);
	close(side->peer);
	loop_release(&side->loop);
}

static void side_send(struct side *side, const char *text)
{
	assert_int_equal(send(side->peer, text, strlen(text), 0), strlen(text));
	loop_turn(&side->loop, true);
}

static void assert_received(struct side *side, const char *text)
{
	static char got[4096];
	ssize_t n;

	loop_turn(&side->loop, false);
	n = recv(side->peer, got, sizeof(got) - 1, 0);
	got[n > 0 ? n : 0] = '\0';
	assert_string_equal(got, text);
}

#define GET "GET / HTTP/1.1\r\nHost: a\r\n"
#define OLD "GET / HTTP/1.0\r\nHost: a\r\n"

static const struct answer {
	const char *name, *request; /* without its empty line */
	enum body_kind kind;
	const char *fields; /* what is added to the head */
	uint16_t status;
	bool last, is_ours, keeps;
	const char *protocol;
} answers[] = {
	{"nothing is said where both go on", GET, BODY_NONE, "", 204, false,
	 false, true},
	{"a length", GET, BODY_LENGTH, "Content-Length: 5\r\n", 200, false,
	 false, true},
	{"the length of what does not come", GET, BODY_OMITTED,
	 "Content-Length: 5\r\n", 304, false, false, true},
	{"no length", GET, BODY_UNKNOWN, "Transfer-Encoding: chunked\r\n", 200,
	 false, false, true},
	{"our own answers say that it goes on", GET, BODY_LENGTH,
	 "Content-Length: 5\r\nConnection: keep-alive\r\n", 200, false, true,
	 true},
	{"the last one", GET, BODY_NONE, "Connection: close\r\n", 204, true,
	 false, false},
	{"a client that has asked for it", GET "Connection: close\r\n",
	 BODY_NONE, "Connection: close\r\n", 204, false, false, false},
	{"1.0", OLD, BODY_LENGTH, "Content-Length: 5\r\nConnection: close\r\n",
	 200, false, false, false},
	{"1.0 that goes on", OLD "Connection: keep-alive\r\n", BODY_LENGTH,
	 "Content-Length: 5\r\nConnection: keep-alive\r\n", 200, false, false,
	 true},
	{"1.0 and no length", OLD "Connection: keep-alive\r\n", BODY_UNKNOWN,
	 "Connection: close\r\n", 200, false, false, false},
	{"a head that is in doubt",
	 "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n"
	 "Content-Length: 0\r\n",
	 BODY_NONE, "Connection: close\r\n", 204, false, false, false},
	{"another protocol", GET, BODY_NONE,
	 "Connection: Upgrade\r\nUpgrade: websocket\r\n", 101, false, false,
	 true, "websocket"},
	{"protocols that are offered", GET, BODY_LENGTH,
	 "Content-Length: 5\r\nConnection: Upgrade\r\nUpgrade: TLS/1.0, h2\r\n",
	 426, false, false, true, "TLS/1.0, h2"},
	{"protocols that are offered at the end", GET, BODY_LENGTH,
	 "Content-Length: 5\r\nConnection: close, Upgrade\r\n"
	 "Upgrade: TLS/1.0, h2\r\n",
	 426, true, false, false, "TLS/1.0, h2"},
	{"an interim answer says nothing", GET, BODY_NONE, "", 103, false,
	 false, true},
};

/* A request comes and its head is read. */
static void receive(struct side *side, const char *request,
		    struct http_head *head)
{
	static struct field fields[16];
	const struct h1_client client = {.desync = DESYNC_MONITOR};
	enum reason why;

	*head = (struct http_head){.fields = fields, .max_fields = 16};
	h1_front_begin(&side->h, &side->conn, &client, NULL);
	side_send(side, request);
	side_send(side, "\r\n");
	assert_int_equal(h1_front_ops.read_head(&side->h.stream, head, &why),
			 IO_DONE);
	h1_front_ops.drop_head(&side->h.stream, head);
}

static void check_answer(const struct answer *a)
{
	struct field field = {.name = SLICE("A"), .value = SLICE("b")};
	struct http_head request,
		head = {
			.fields = &field,
			.n_fields = 1,
			.status = a->status,
			.phrase = a->is_ours ? SLICE("") : SLICE("OK"),
			.protocol = slice_of(a->protocol ? a->protocol : ""),
		};
	const struct outgoing out = {
		.head = &head,
		.body = {a->kind, 5},
		.n_leading = 1,
		.is_ours = a->is_ours,
		.last = a->last,
	};
	char text[256];
	struct side side;

	print_message("# %s\n", a->name);
	side_open(&side);
	receive(&side, a->request, &request);
	assert_true(h1_front_ops.write_head(&side.h.stream, &out));
	snprintf(text, sizeof(text), "HTTP/1.1 %u OK\r\nA: b\r\n%s\r\n",
		 a->status, a->fields);
	assert_received(&side, text);
	assert_int_equal(side.h.stream.keep, a->keeps);
	side_close(&side);
}

static void test_what_an_answer_says_of_its_connection(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++)
		check_answer(&answers[i]);
}

/* RFC 9110 15.2. */
static void test_clients_of_1_0_see_no_interim_answer(void **state)
{
	struct http_head request, head = {.status = 103};
	const struct outgoing out = {.head = &head};
	struct side side;

	(void)state;
	side_open(&side);
	receive(&side, OLD, &request);
	assert_true(h1_front_ops.write_head(&side.h.stream, &out));
	assert_received(&side, "");
	side_close(&side);
}

/* RFC 9110 10.1.1. */
static void test_a_body_is_invited_once(void **state)
{
	struct http_head request;
	struct side side;

	(void)state;
	side_open(&side);
	receive(&side,
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
		"Expect: 100-continue\r\n",
		&request);
	assert_true(side.h.stream.asks);
	for (int i = 0; i < 2; i++) {
		assert_true(h1_front_ops.invite(&side.h.stream));
		assert_received(&side,
				i ? "" : "HTTP/1.1 100 Continue\r\n\r\n");
	}
	side_close(&side);
}

static void test_only_a_websocket_may_be_asked_for(void **state)
{
	static const struct {
		const char *request, *protocol;
	} asked[] = {
		{GET "Connection: Upgrade\r\nUpgrade: WebSocket\r\n",
		 "websocket"},
		{GET "Connection: Upgrade\r\nUpgrade: h2c\r\n", ""},
		{GET "Upgrade: websocket\r\n", ""},
		{OLD "Connection: Upgrade\r\nUpgrade: websocket\r\n", ""},
		{"POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
		 "Upgrade: websocket\r\n",
		 ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(asked); i++) {
		struct http_head head;
		struct side side;

		side_open(&side);
		receive(&side, asked[i].request, &head);
		assert_slice(head.protocol, asked[i].protocol);
		side_close(&side);
	}
}

/* What we say stands in front, and is not the client's to say. */
static void test_a_request_says_first_what_is_ours(void **state)
{
	struct field field = {.name = SLICE("A"), .value = SLICE("b")};
	const struct http_head head = {
		.fields = &field,
		.n_fields = 1,
		.method = SLICE("GET"),
		.method_id = METHOD_GET,
		.target = SLICE("/x"),
		.authority = SLICE("[2001:db8::1]:8080"),
		.protocol = SLICE("websocket"),
	};
	const struct body body = {BODY_LENGTH, 5};
	struct prepared request;

	(void)state;
	assert_true(h1_back_ops.prepare(&head, &body, &request));
	assert_slice(slice_make(request.text.p, request.text.n),
		     "GET /x HTTP/1.1\r\nHost: [2001:db8::1]:8080\r\n"
		     "Content-Length: 5\r\n"
		     "Connection: Upgrade\r\nUpgrade: websocket\r\n"
		     "A: b\r\n\r\n");
	assert_slice(request.line, "GET /x HTTP/1.1");
	assert_slice(request.host, "[2001:db8::1]");
	prepared_release(&request);
}

static const struct {
	const char *head; /* without its empty line */
	bool to_head, keeps;
	enum body_kind kind;
	const char *protocol;
} heads[] = {
	{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", false, true, BODY_LENGTH,
	 ""},
	{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", true, true, BODY_OMITTED,
	 ""},
	{"HTTP/1.1 304 OK\r\nContent-Length: 5\r\n", false, false, BODY_NONE,
	 ""},
	{"HTTP/1.1 200 OK\r\n", false, false, BODY_UNKNOWN, ""},
	{"HTTP/1.1 204 OK\r\nConnection: close\r\n", false, false, BODY_NONE,
	 ""},
	{"HTTP/1.0 204 OK\r\n", false, false, BODY_NONE, ""},
	{"HTTP/1.0 204 OK\r\nConnection: keep-alive\r\n", false, true,
	 BODY_NONE, ""},
	{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n", true,
	 false, BODY_NONE, ""},
	/* RFC 9110 15.5.22. */
	{"HTTP/1.1 426 OK\r\nContent-Length: 5\r\nUpgrade: TLS/1.0, h2\r\n",
	 false, true, BODY_LENGTH, "TLS/1.0, h2"},
	{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nUpgrade: h2\r\n", false, true,
	 BODY_LENGTH, ""},
};

static void test_what_an_answer_tells_of_itself(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
		struct field fields[8];
		struct http_head head = {.fields = fields, .max_fields = 8};
		struct side side;
		enum reason why;

		print_message("# %s", heads[i].head);
		side_open(&side);
		h1_back_begin(&side.h, &side.conn, NULL);
		side.h.head_only = heads[i].to_head;
		side_send(&side, heads[i].head);
		side_send(&side, "\r\n");
		assert_int_equal(
			h1_back_ops.read_head(&side.h.stream, &head, &why),
			IO_DONE);
		assert_int_equal(side.h.stream.in.kind, heads[i].kind);
		assert_int_equal(side.h.stream.keep, heads[i].keeps);
		assert_slice(head.protocol, heads[i].protocol);
		side_close(&side);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_end_of_the_connection_is_the_end),
		cmocka_unit_test(test_but_not_when_a_write_was_told_of_a_reset),
		cmocka_unit_test(test_a_head_without_room_is_no_reason_to_wait),
		cmocka_unit_test(test_what_an_answer_says_of_its_connection),
		cmocka_unit_test(test_clients_of_1_0_see_no_interim_answer),
		cmocka_unit_test(test_a_body_is_invited_once),
		cmocka_unit_test(test_only_a_websocket_may_be_asked_for),
		cmocka_unit_test(test_a_request_says_first_what_is_ours),
		cmocka_unit_test(test_what_an_answer_tells_of_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
