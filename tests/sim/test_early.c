/* test_early.c - what comes before its time: answers to half an upload,
 * another protocol before the request is over, ends of clients for whom there
 * is no target yet. */
#include "sim.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/client.h"
#include "proxy/exchange.h"

#define GET  "GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n"
#define LAST "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
#define OK   "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define POST "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n"
#define TOO_LARGE                                                              \
	"HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno"

/* The first client's connection to its target. */
static struct conn *upstream_of(struct sim *sim)
{
	return &sim_exchange(sim)->attempt.upstream->conn;
}

/* Which of the two comes first, the event of the answer or the write that
 * fails, is chance; by hand both orders come. */
enum order { ANSWER_FIRST, WRITE_FIRST };

static void answer_and_leave(struct sim *sim, struct sim_end *client,
			     struct sim_end *target, enum order order)
{
	static const char part[] = "some of the body";
	struct conn *to = upstream_of(sim);

	assert_int_equal(send(client->fd, part, strlen(part), 0), strlen(part));
	assert_int_equal(send(target->fd, TOO_LARGE, strlen(TOO_LARGE), 0),
			 strlen(TOO_LARGE));
	close(target->fd); /* it has not read all: this resets */
	target->fd = -1;
	if (order == WRITE_FIRST) {
		assert_true(chain_copy(&to->out, slice_of(part)));
		conn_write_out(to);
		assert_int_equal(to->write_error, EPIPE);
	}
	sim_settle(sim);
}

static void regress_an_answer_to_half_an_upload_is_delivered(void **state)
{
	(void)state;
	for (int order = ANSWER_FIRST; order <= WRITE_FIRST; order++) {
		struct sim *sim = sim_new();
		struct sim_end *client = sim_connect(sim), *target;

		sim_send(client, POST);
		target = sim_accept(sim, 0);
		answer_and_leave(sim, client, target, (enum order)order);
		assert_prefix(sim_received(client), "HTTP/1.1 413 ");
		assert_has(sim_received(client), "\r\n\r\nno");
		assert_false(sim_is_open(client));
		assert_int_equal(sim_count_reason(sim, REASON_TARGET_CLOSED),
				 0);
		sim_end_free(target);
		sim_end_free(client);
		sim_free(sim);
	}
}

/* A target that has perhaps not read the whole body closes, without having
 * said so; the next request must not meet that. */
static void regress_an_unread_body_ends_its_connection(void **state)
{
	static char body[20000];
	static const struct {
		size_t length, before; /* octets that come before the answer */
		const char *answer;
		bool kept;
	} rows[] = {
		{20000, 20000, OK, true},
		{20000, 20000, TOO_LARGE, false},
		{20, 20, TOO_LARGE, true},
		{20, 19, OK, false},
	};

	(void)state;
	memset(body, 'x', sizeof(body));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct sim *sim = sim_new();
		struct sim_end *client = sim_connect(sim), *target;
		size_t after = rows[i].length - rows[i].before;
		char head[100];

		snprintf(head, sizeof(head),
			 "POST / HTTP/1.1\r\nHost: a\r\n"
			 "Content-Length: %zu\r\n\r\n",
			 rows[i].length);
		sim_send(client, head);
		target = sim_accept(sim, 0);
		assert_int_equal(sim_push(client, body, rows[i].before),
				 rows[i].before);
		sim_received(target);
		sim_send(target, rows[i].answer);
		assert_int_equal(sim_push(client, body, after), after);
		sim_received(target);
		assert_int_equal(strlen(strstr(target->text, "\r\n\r\n")),
				 4 + rows[i].length);
		assert_prefix(sim_received(client), "HTTP/1.1 ");
		assert_true(sim_is_open(client));
		assert_int_equal(sim_is_open(target), rows[i].kept);
		sim_end_free(target);
		sim_end_free(client);
		sim_free(sim);
	}
}

#define UPGRADE                                                                \
	"GET /a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"                \
	"Upgrade: websocket\r\nContent-Length: 4\r\n\r\n"
#define SWITCHING                                                              \
	"HTTP/1.1 101 Switching Protocols\r\n"                                 \
	"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"

/* What is left of the body would be taken for the other protocol. */
static void regress_no_protocol_is_switched_within_a_request(void **state)
{
	static const char *const parts[] = {"", "bod", "body"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		struct sim *sim = sim_new();
		struct sim_end *client = sim_connect(sim), *target;
		bool whole = strlen(parts[i]) == 4;

		sim->snap->balancers[0].desync = DESYNC_MONITOR;
		sim_send(client, UPGRADE);
		target = sim_accept(sim, 0);
		sim_send(client, parts[i]);
		sim_received(target);
		sim_send(target, SWITCHING);
		assert_prefix(sim_received(client),
			      whole ? "HTTP/1.1 101 " : "HTTP/1.1 502 ");
		assert_int_equal(sim_is_open(client), whole);
		assert_int_equal(sim_is_open(target), whole);
		sim_end_free(target);
		sim_end_free(client);
		sim_free(sim);
	}
}

/* A port whose queue is full: who connects to it waits for ever. */
struct dead_end {
	int listening, waiting;
};

static struct dead_end dead_end(struct sim *sim)
{
	struct roster *roster = group_state_roster(sim->snap->groups[0].state);
	struct addr *addr = &roster->members[0].state->addr;
	struct dead_end d = {
		.listening = socket(AF_INET, SOCK_STREAM, 0),
		.waiting = socket(AF_INET, SOCK_STREAM, 0),
	};

	assert_true(addr_parse(SLICE("127.0.0.1:1"), addr));
	addr_set_port(addr, 0);
	assert_int_equal(bind(d.listening, &addr->sa, addr->len), 0);
	assert_int_equal(getsockname(d.listening, &addr->sa, &addr->len), 0);
	assert_int_equal(listen(d.listening, 0), 0);
	assert_int_equal(connect(d.waiting, &addr->sa, addr->len), 0);
	roster_unref(roster);
	return d;
}

static void dead_end_close(struct dead_end d)
{
	close(d.waiting);
	close(d.listening);
}

#define SMALL "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"
#define LAST_SMALL                                                             \
	"POST /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"                 \
	"Content-Length: 5\r\n\r\n"

/* How clients leave while there is no target, and whether they have left. */
/* A FIN of one who said that it asks for nothing more is no departure. */
static const struct departure {
	const char *request;
	enum { CLOSES, ENDS, RESETS } how; /* ENDS: its side alone */
	bool has_left;
	enum reason reason;
} departures[] = {
	{GET, CLOSES, true, REASON_CLIENT_GONE},
	{GET, ENDS, true, REASON_CLIENT_GONE},
	{LAST, ENDS, false, REASON_NONE},
	{SMALL "12345", CLOSES, true, REASON_CLIENT_GONE},
	{SMALL "12345", ENDS, true, REASON_CLIENT_GONE},
	{SMALL "12345" GET, ENDS, false, REASON_NONE},
	{LAST_SMALL "12345", ENDS, false, REASON_NONE},
	{LAST_SMALL "1234", ENDS, true, REASON_CLIENT_CUT_BODY},
	{POST "half", CLOSES, true, REASON_CLIENT_CUT_BODY},
	{POST "half", ENDS, true, REASON_CLIENT_CUT_BODY},
	{POST, ENDS, true, REASON_CLIENT_CUT_BODY},
	{GET, RESETS, true, REASON_CLIENT_GONE},
	{LAST, RESETS, true, REASON_CLIENT_GONE},
	{POST "half", RESETS, true, REASON_CLIENT_CUT_BODY},
	{LAST_SMALL "12345", RESETS, true, REASON_CLIENT_CUT_BODY},
};

static void leave(struct sim *sim, const struct departure *d)
{
	struct sim_end *client = d->how == RESETS ? sim_connect_tcp(sim)
						  : sim_connect(sim);

	sim_send(client, d->request);
	assert_int_equal(sim->worker->n_upstreams, 1);
	if (d->how == RESETS) {
		/* In one event with the last octets. */
		assert_int_equal(send(client->fd, "x", 1, 0), 1);
		sim_reset(client);
		sim_advance_ms(sim, WHEEL_SLOT_MS);
	} else if (d->how == ENDS) {
		sim_shut(client);
	} else {
		sim_close(client);
	}
	assert_int_equal(sim->worker->n_exchanges, !d->has_left);
	assert_int_equal(sim->worker->n_upstreams, !d->has_left);
	assert_int_equal(sim->worker->n_clients, !d->has_left);
	if (d->has_left)
		assert_int_equal(sim_count_reason(sim, d->reason), 1);
	sim_end_free(client);
}

static void regress_who_leaves_during_a_connect_is_let_go(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(departures); i++) {
		struct sim *sim = sim_new();
		struct dead_end d = dead_end(sim);

		leave(sim, &departures[i]);
		sim_free(sim);
		dead_end_close(d);
	}
}

static void regress_who_leaves_during_a_handshake_is_let_go(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(departures); i++) {
		struct sim *sim = sim_new();

		sim_tls_targets(sim);
		leave(sim, &departures[i]);
		sim_free(sim);
	}
}

/* An answer that says it has no body and that it has one. Octets may follow
 * that belong to nobody. */
static void regress_lies_about_a_body_are_not_passed_on(void **state)
{
	static const struct {
		const char *method, *answer;
		bool kept, passed;
	} rows[] = {
		{"HEAD", "200 OK\r\nContent-Length: 7\r\n", true, true},
		{"HEAD", "200 OK\r\nContent-Length: 7\r\nContent-Length: 8\r\n",
		 false, false},
		{"HEAD",
		 "200 OK\r\nContent-Length: 7\r\n"
		 "Transfer-Encoding: chunked\r\n",
		 false, false},
		{"GET", "204 No\r\nContent-Length: 7\r\n", false, false},
		{"GET", "204 No\r\nTransfer-Encoding: chunked\r\n", false,
		 false},
		{"GET", "304 No\r\nContent-Length: 7\r\n", false, false},
		{"GET", "304 No\r\nContent-Length: 0\r\n", true, true},
		{"GET", "304 No\r\nTransfer-Encoding: chunked\r\n", false,
		 false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct sim *sim = sim_new();
		struct sim_end *client = sim_connect(sim), *target;
		char text[200];

		snprintf(text, sizeof(text), "%s / HTTP/1.1\r\nHost: a\r\n\r\n",
			 rows[i].method);
		sim_send(client, text);
		target = sim_accept(sim, 0);
		snprintf(text, sizeof(text), "HTTP/1.1 %s\r\n", rows[i].answer);
		sim_send(target, text);
		assert_prefix(sim_received(client), "HTTP/1.1 ");
		assert_int_equal(strstr(client->text, "Content-Length") != NULL,
				 rows[i].passed);
		assert_null(strstr(client->text, "Transfer-Encoding"));
		assert_int_equal(sim_is_open(target), rows[i].kept);
		assert_true(sim_is_open(client));
		sim_end_free(target);
		sim_end_free(client);
		sim_free(sim);
	}
}

/* A reset that comes with the last octets of an upload is an event without
 * an end; nobody waits for more. */
static void regress_who_resets_behind_an_answer_is_let_go(void **state)
{
	struct sim *sim = *state;
	struct sim_end *client = sim_connect_tcp(sim);

	sim_fixed(sim, 403, "no");
	sim_send(client, POST "half");
	assert_prefix(sim_received(client), "HTTP/1.1 403 ");
	sim_advance_ms(sim, WHEEL_SLOT_MS);
	assert_int_equal(sim->worker->n_clients, 1);
	assert_int_equal(send(client->fd, "x", 1, 0), 1);
	sim_reset(client);
	sim_advance_ms(sim, WHEEL_SLOT_MS);
	assert_int_equal(sim->worker->n_clients, 0);
	sim_end_free(client);
}

#define SCENE(name) cmocka_unit_test(regress_##name)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(an_answer_to_half_an_upload_is_delivered),
		SCENE(an_unread_body_ends_its_connection),
		SCENE(no_protocol_is_switched_within_a_request),
		SCENE(who_leaves_during_a_connect_is_let_go),
		SCENE(who_leaves_during_a_handshake_is_let_go),
		SIM_TEST(regress_who_resets_behind_an_answer_is_let_go),
		SCENE(lies_about_a_body_are_not_passed_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
