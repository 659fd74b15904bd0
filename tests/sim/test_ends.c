/* test_ends.c - connections that end in odd places, clients that do not read
 * and targets that lie: nothing waits for ever, nothing grows without bound,
 * nothing that was answered is lost. */
#include "sim.h"

#include "proxy/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#define HEAD    "GET /a HTTP/1.1\r\nHost: a.example\r\n"
#define GET     HEAD "\r\n"
#define LAST    HEAD "Connection: close\r\n\r\n"
#define OK      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define UPGRADE HEAD "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
#define SWITCHING                                                              \
	"HTTP/1.1 101 Switching Protocols\r\n"                                 \
	"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"

/* `n` times the same text, to be freed. */
static char *times(const char *text, size_t n)
{
	size_t size = strlen(text);
	char *all = malloc(n * size + 1);

	assert_non_null(all);
	for (size_t i = 0; i < n; i++)
		memcpy(all + i * size, text, size);
	all[n * size] = '\0';
	return all;
}

/* The end that follows a request says only that there is no other one. */
static void test_an_answer_reaches_a_client_that_has_shut_its_side(void **state)
{
	struct sim *sim = *state;
	struct sim_end *client = sim_connect(sim);

	sim_fixed(sim, 200, "here");
	assert_int_equal(send(client->fd, GET GET, strlen(GET GET), 0),
			 strlen(GET GET));
	sim_shut(client);
	assert_false(sim_is_open(client));
	assert_has(sim_received(client), "\r\n\r\nhereHTTP/1.1 200 ");
	sim_end_free(client);
}

/* Who sends requests and reads no answer is not read any more. */
static void test_answers_that_nobody_reads_are_bounded(void **state)
{
	enum { REQUESTS = 40000 };
	char *requests = times(GET, REQUESTS);
	struct sim *sim = *state;
	struct sim_end *client = sim_connect(sim);
	size_t n = REQUESTS * strlen(GET), sent;

	sim_fixed(sim, 200, "here");
	sent = sim_push(client, requests, n);
	for (int i = 0; i < 50; i++)
		sim_settle(sim);
	assert_true(sent < n);
	assert_true(sim_held() < 512 * 1024);

	/* And what it had asked for is answered once it reads. */
	for (;;) {
		sim_forget(client);
		if (sent == n)
			break;
		sent += sim_push(client, requests + sent, n - sent);
	}
	while (sim_count(sim, COUNT_REQUESTS_ENDED) < REQUESTS)
		sim_forget(client);
	assert_true(sim_is_open(client));
	free(requests);
	sim_end_free(client);
}

/* A head that lies across two chunks is copied together, and not all that
 * lies behind it. */
static void test_requests_in_a_row_need_no_large_piece(void **state)
{
	enum { REQUESTS = 3000 };
	char *requests = times(GET, REQUESTS);
	struct sim *sim = *state;
	struct sim_end *client = sim_connect(sim);

	sim_fixed(sim, 204, "");
	chunk_pool_init(18 * CHUNK_ALLOC);
	sim_push(client, requests, REQUESTS * strlen(GET));
	while (sim_count(sim, COUNT_REQUESTS_ENDED) < REQUESTS &&
	       sim_is_open(client))
		sim_settle(sim);
	assert_int_equal(sim_count_reason(sim, REASON_FIXED_RESPONSE),
			 REQUESTS);
	assert_int_equal(sim->worker->counters[COUNT_POOL_EMPTY], 0);
	chunk_pool_init(SIZE_MAX);
	free(requests);
	sim_end_free(client);
}

/* A target that closes without having read everything resets. What it said
 * may arrive with the reset, in one event. */
static void test_a_reset_behind_half_an_answer_is_seen(void **state)
{
	struct sim *sim = *state;
	struct sim_end *client = sim_connect(sim), *target;
	const char *half = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfour";

	sim_send(client, GET);
	target = sim_accept(sim, 0);
	assert_int_equal(send(target->fd, half, strlen(half), 0), strlen(half));
	sim_close(target);
	sim_advance_ms(sim, WHEEL_SLOT_MS);
	assert_has(sim_received(client), "\r\n\r\nfour");
	assert_false(sim_is_open(client));
	assert_int_equal(sim_count_reason(sim, REASON_TARGET_CUT), 1);
	sim_end_free(target);
	sim_end_free(client);
}

static void test_a_reset_behind_half_a_head_is_seen(void **state)
{
	struct sim *sim = *state;
	struct sim_end *client = sim_connect(sim), *target;
	const char *half = "HTTP/1.1 200 OK\r\nContent-";

	sim_send(client, GET);
	target = sim_accept(sim, 0);
	assert_int_equal(send(target->fd, half, strlen(half), 0), strlen(half));
	sim_close(target);
	sim_advance_ms(sim, WHEEL_SLOT_MS);
	assert_prefix(sim_received(client), "HTTP/1.1 502 ");
	sim_end_free(target);
	sim_end_free(client);
}

/* Leaves both ends of a tunnel behind. */
static struct sim_end *tunnel(struct sim *sim, struct sim_end *client)
{
	struct sim_end *target;

	sim_send(client, UPGRADE);
	target = sim_accept(sim, 0);
	sim_received(target);
	sim_send(target, SWITCHING);
	sim_forget(client);
	sim_forget(target);
	return target;
}

static void test_a_reset_behind_the_last_octets_ends_a_tunnel(void **state)
{
	struct sim *sim = *state;
	struct sim_end *client = sim_connect(sim), *target;

	target = tunnel(sim, client);
	assert_int_equal(send(client->fd, "x", 1, 0), 1);
	sim_settle(sim);
	assert_int_equal(send(target->fd, "bye", 3, 0), 3);
	sim_close(target); /* it never read the x */
	sim_advance_ms(sim, WHEEL_SLOT_MS);
	assert_string_equal(sim_received(client), "bye");
	/* The reset waits for that to have been taken. */
	sim_advance_ms(sim, WHEEL_SLOT_MS);
	assert_false(sim_is_open(client));
	sim_end_free(target);
	sim_end_free(client);
}

/* Both sides have said their last; what the slower one has not read yet is
 * still delivered. */
static void test_a_tunnel_ends_after_its_last_octet(void **state)
{
	enum { SIZE = 200 * 1024 };
	char *text = times("x", SIZE);
	struct sim *sim = *state;
	struct sim_end *client = sim_connect(sim), *target;

	target = tunnel(sim, client);
	assert_int_equal(sim_push(client, text, SIZE), SIZE);
	sim_shut(client);
	sim_shut(target);
	assert_false(sim_is_open(client));
	assert_false(sim_is_open(target));
	assert_int_equal(target->n, SIZE);
	assert_int_equal(sim->worker->n_exchanges, 0);
	free(text);
	sim_end_free(target);
	sim_end_free(client);
}

/*
 * Heads of requests lie one behind the other in chunks that all connections
 * share. What lives for long, a tunnel or a stream, must not hold on to the
 * chunk in which its own few octets were.
 */
static void lives_long_in_mixed_traffic(const char *request, const char *answer)
{
	enum { LONG_LIVED = 40, OTHERS = 60 };
	struct sim *sim = sim_new();
	struct sim_end *short_lived = sim_connect(sim), *clients[LONG_LIVED];
	struct sim_end *targets[LONG_LIVED];
	struct action *action =
		&sim->snap->balancers[0].listeners[0].default_rule.action;
	const struct action forward = *action;

	for (int i = 0; i < LONG_LIVED; i++) {
		clients[i] = sim_connect(sim);
		sim_send(clients[i], request);
		targets[i] = sim_accept(sim, 0);
		if (!targets[i])
			targets[i] = sim_accept(sim, 1);
		assert_non_null(targets[i]);
		sim_send(targets[i], answer);
		sim_forget(clients[i]);
		sim_fixed(sim, 200, "another one's");
		for (int k = 0; k < OTHERS; k++)
			sim_send(short_lived, GET);
		sim_forget(short_lived);
		*action = forward;
	}
	assert_int_equal(sim->worker->n_exchanges, LONG_LIVED);
	/* One chunk is the room for the next heads. */
	assert_true(sim_held() <= CHUNK_ALLOC + LONG_LIVED * 256);
	for (int i = 0; i < LONG_LIVED; i++) {
		sim_end_free(clients[i]);
		sim_end_free(targets[i]);
	}
	sim_end_free(short_lived);
	sim_free(sim);
}

static void test_regress_tunnels_hold_no_chunk(void **state)
{
	(void)state;
	lives_long_in_mixed_traffic(UPGRADE, SWITCHING);
}

static void test_regress_streams_hold_no_chunk(void **state)
{
	(void)state;
	lives_long_in_mixed_traffic(GET,
				    "HTTP/1.1 200 OK\r\nTransfer-Encoding: "
				    "chunked\r\n\r\n4\r\nnews\r\n");
}

/* A generation that was replaced: what has no answer yet gets ours, an answer
 * that has begun is cut, and who only might have asked is closed. */
static void test_the_time_of_a_generation_is_over(void **state)
{
	struct sim *sim = *state;
	struct sim_end *silent = sim_connect(sim), *begun = sim_connect(sim);
	struct sim_end *idle = sim_connect(sim), *targets[2];
	char *got;

	sim_send(silent, GET);
	targets[0] = sim_accept(sim, 0);
	sim_send(begun, GET);
	targets[1] = sim_accept(sim, 1);
	sim_send(targets[1],
		 "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
	assert_has(sim_received(begun), "half");
	sim_reload(sim, 0);
	assert_int_equal(sim->worker->seen_oldest, sim->snap->generation);

	/* Not those that are newer than what is meant. */
	worker_end_generations(sim->worker, sim->snap->generation - 1);
	sim_settle(sim);
	assert_true(sim_is_open(begun));
	worker_end_generations(sim->worker, sim->snap->generation);
	sim_settle(sim);
	got = strdup(sim_received(silent));
	assert_has(got, "HTTP/1.1 503 ");
	assert_has(got, "weir-reason: drain-timeout");
	free(got);
	assert_false(sim_is_open(begun));
	assert_int_equal(sim_count_reason(sim, REASON_DRAIN_TIMEOUT), 2);
	sim_advance_ms(sim, CLIENT_LAST_REQUEST_MS + 1000);
	sim_advance_ms(sim, 1000);
	assert_false(sim_is_open(idle));
	assert_int_equal(sim->worker->seen_oldest, sim->snap->generation + 1);
	for (int i = 0; i < 2; i++)
		sim_end_free(targets[i]);
	sim_end_free(silent);
	sim_end_free(begun);
	sim_end_free(idle);
}

/* Rules and certificates of a thousand load balancers are nothing to a tunnel
 * that has outlived them. */
static void test_regress_a_tunnel_keeps_no_snapshot(void **state)
{
	struct sim *sim = *state;
	struct sim_end *client = sim_connect(sim), *target;
	struct snapshot *next = snapshot_new();

	target = tunnel(sim, client);
	assert_int_equal(atomic_load(&sim->snap->refs), 2);
	next->generation = 2;
	worker_adopt(sim->worker, next, NULL, NULL, 0);
	sim_settle(sim);
	assert_int_equal(atomic_load(&sim->snap->refs), 1);
	assert_int_equal(sim->worker->seen_oldest, 2);
	sim_send(client, "still");
	assert_string_equal(sim_received(target), "still");
	sim_send(target, "there");
	assert_string_equal(sim_received(client), "there");
	sim_shut(target);
	sim_shut(client);
	assert_false(sim_is_open(client));
	assert_int_equal(sim->worker->n_exchanges, 0);
	/* For the listener that took it, which has been gone for long. */
	assert_int_equal(sim_count(sim, COUNT_REQUESTS_ENDED), 1);
	assert_int_equal(sim_count(sim, COUNT_CLIENT_CLOSED), 1);
	sim_end_free(target);
	sim_end_free(client);
}

static void test_a_slow_reader_gets_the_whole_last_answer(void **state)
{
	enum { SIZE = 300 * 1024 };
	char *text = times("x", SIZE), head[80];
	struct sim *sim = *state;
	struct sim_end *client = sim_connect(sim), *target;

	sim_send(client, LAST);
	target = sim_accept(sim, 0);
	snprintf(head, sizeof(head),
		 "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", SIZE);
	sim_send(target, head);
	assert_int_equal(sim_push(target, text, SIZE), SIZE);
	assert_int_equal(sim->worker->n_exchanges, 0);
	for (int i = 0; i < 5; i++)
		sim_advance_ms(sim, 10000);
	assert_false(sim_is_open(client));
	assert_true(client->n > SIZE);
	free(text);
	sim_end_free(target);
	sim_end_free(client);
}

/* But not who does not read at all. */
static void test_who_reads_nothing_of_the_last_answer_is_cut(void **state)
{
	enum { SIZE = 300 * 1024 };
	char *text = times("x", SIZE), head[80];
	struct sim *sim = *state;
	struct sim_end *client = sim_connect(sim), *target;

	sim_send(client, LAST);
	target = sim_accept(sim, 0);
	snprintf(head, sizeof(head),
		 "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", SIZE);
	sim_send(target, head);
	assert_int_equal(sim_push(target, text, SIZE), SIZE);
	sim_advance_ms(sim, 60000 + 2 * WHEEL_SLOT_MS);
	assert_int_equal(sim->worker->n_clients, 0);
	assert_true(sim_held() <= CHUNK_ALLOC); /* room for heads */
	free(text);
	sim_end_free(target);
	sim_end_free(client);
}

/* The client has shut its side before its last answer leaves: with that the
 * connection is over, and not seconds later. */
static void test_nobody_lingers_for_a_client_that_has_ended(void **state)
{
	struct sim *sim = *state;
	struct sim_end *client = sim_connect(sim);

	sim_fixed(sim, 200, "here");
	assert_int_equal(send(client->fd, LAST, strlen(LAST), 0), strlen(LAST));
	sim_shut(client);
	assert_false(sim_is_open(client));
	assert_has(sim_received(client), "here");
	assert_int_equal(sim->worker->n_clients, 0);
	sim_end_free(client);
}

/* An answer that comes before the whole upload, and then neither side goes
 * on: the answer was complete, so nothing of it is cut. */
static void test_an_early_answer_stays_whole_when_the_upload_stops(void **state)
{
	struct sim *sim = *state;
	struct sim_end *client = sim_connect(sim), *target;

	sim_send(client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9"
			 "\r\n\r\nfour");
	target = sim_accept(sim, 0);
	sim_send(target, OK);
	assert_has(sim_received(client), "\r\n\r\nok");
	sim_advance_ms(sim, 60000 + 2 * WHEEL_SLOT_MS);
	assert_false(sim_is_open(client));
	assert_false(sim_is_open(target));
	assert_int_equal(sim_count_reason(sim, REASON_TARGET_STALLED), 0);
	sim_end_free(target);
	sim_end_free(client);
}

static void test_requests_received_are_requests_ended(void **state)
{
	struct sim *sim = *state;
	struct sim_end *client;

	client = sim_connect(sim);
	sim_send(client, "GET / HT");
	sim_end_free(client);
	client = sim_connect(sim);
	sim_send(client, "GET / HT");
	sim_advance_ms(sim, 60000 + 2 * WHEEL_SLOT_MS);
	assert_prefix(sim_received(client), "HTTP/1.1 408 ");
	sim_end_free(client);
	client = sim_connect(sim);
	sim_send(client, "\1\2\3\r\n\r\n");
	assert_prefix(sim_received(client), "HTTP/1.1 400 ");
	sim_end_free(client);
	sim_settle(sim);
	assert_int_equal(sim_count(sim, COUNT_REQUESTS_ALL), 3);
	assert_int_equal(sim_count(sim, COUNT_REQUESTS_ENDED), 3);
}

/* 502 to the client when the deregistration delay is over; the request has
 * been at work until now, so no other target gets it, warm or not. */
static void test_a_cut_request_is_not_sent_again(void **state)
{
	struct sim *sim = *state;
	struct sim_end *client = sim_connect(sim), *target, *other;
	struct roster *roster;

	sim_send(client, GET);
	target = sim_accept(sim, 0);
	sim_send(target, OK);
	sim_forget(client);
	sim_send(client, GET);
	other = sim_accept(sim, 1);
	sim_send(other, OK);
	sim_forget(client);
	sim_forget(target);
	sim_send(client, GET); /* on the warm connection */
	assert_has(sim_received(target), "GET /a");
	roster = group_state_roster(sim->snap->groups[0].state);
	roster->members[0].state->health = HEALTH_DRAINING;
	worker_cut_target(sim->worker, state_ref(roster->members[0].state));
	sim_settle(sim);
	assert_prefix(sim_received(client), "HTTP/1.1 502 ");
	sim_forget(other);
	assert_string_equal(sim_received(other), "");
	roster_unref(roster);
	sim_end_free(other);
	sim_end_free(target);
	sim_end_free(client);
}

/* While the process ends, an idle client has a second for one more request;
 * the request itself has as much time as ever. */
static void test_a_drain_does_not_hurry_what_runs(void **state)
{
	struct sim *sim = *state;
	struct sim_end *client = sim_connect(sim), *target;

	worker_drain(sim->worker);
	sim_settle(sim);
	sim_send(client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9"
			 "\r\n\r\nfour");
	target = sim_accept(sim, 0);
	assert_non_null(target);
	sim_advance_ms(sim, 5000);
	sim_send(client, "five!");
	sim_advance_ms(sim, 5000);
	sim_send(target, OK);
	assert_prefix(sim_received(client), "HTTP/1.1 200 OK\r\n");
	assert_has(sim_received(client), "Connection: close\r\n");
	assert_false(sim_is_open(client));
	sim_end_free(target);
	sim_end_free(client);
}

/* A reload may make the port of a connection speak TLS. The connection itself
 * goes on as it was, for one more answer. */
static void test_a_plain_connection_leaves_a_listener_with_tls(void **state)
{
	struct sim *sim = *state;
	struct sim_end *client = sim_connect(sim);
	struct listener *l = &sim->snap->balancers[0].listeners[0];

	sim_fixed(sim, 200, "here");
	sim_send(client, GET);
	assert_has(sim_received(client), "Connection: keep-alive\r\n");
	l->tls = (struct tls_server *)l; /* only asked whether it is there */
	sim_send(client, GET);
	l->tls = NULL;
	assert_has(sim_received(client), "Connection: close\r\n");
	assert_false(sim_is_open(client));
	sim_end_free(client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SIM_TEST(
			test_an_answer_reaches_a_client_that_has_shut_its_side),
		SIM_TEST(test_answers_that_nobody_reads_are_bounded),
		SIM_TEST(test_requests_in_a_row_need_no_large_piece),
		SIM_TEST(test_a_reset_behind_half_an_answer_is_seen),
		SIM_TEST(test_a_reset_behind_half_a_head_is_seen),
		SIM_TEST(test_a_reset_behind_the_last_octets_ends_a_tunnel),
		SIM_TEST(test_a_tunnel_ends_after_its_last_octet),
		cmocka_unit_test(test_regress_tunnels_hold_no_chunk),
		cmocka_unit_test(test_regress_streams_hold_no_chunk),
		SIM_TEST(test_the_time_of_a_generation_is_over),
		SIM_TEST(test_regress_a_tunnel_keeps_no_snapshot),
		SIM_TEST(test_a_slow_reader_gets_the_whole_last_answer),
		SIM_TEST(test_who_reads_nothing_of_the_last_answer_is_cut),
		SIM_TEST(test_nobody_lingers_for_a_client_that_has_ended),
		SIM_TEST(
			test_an_early_answer_stays_whole_when_the_upload_stops),
		SIM_TEST(test_requests_received_are_requests_ended),
		SIM_TEST(test_a_cut_request_is_not_sent_again),
		SIM_TEST(test_a_drain_does_not_hurry_what_runs),
		SIM_TEST(test_a_plain_connection_leaves_a_listener_with_tls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
