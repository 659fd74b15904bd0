/* test_retry.c - what goes to another target, and what never does. */
#include "sim.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "balance/passive.h"
#include "base/clock.h"

#define GET "GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n"
#define POST                                                                   \
	"POST /pay HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1\r\n\r\nx"
#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

static void test_a_refused_post_goes_to_the_other_target(void **state)
{
	struct sim *sim = *state;
	struct sim_end *client = sim_connect(sim), *target;

	sim_refuse(sim, 0);
	sim_send(client, POST);
	target = sim_accept(sim, 1);
	assert_non_null(target);
	assert_has(sim_received(target), "\r\n\r\nx");
	sim_send(target, OK);
	assert_prefix(sim_received(client), "HTTP/1.1 200 OK\r\n");
	assert_int_equal(sim_count_group(sim, COUNT_RETRIES), 1);
	sim_end_free(target);
	sim_end_free(client);
}

static void test_all_refused_is_a_502_with_its_reason(void **state)
{
	struct sim *sim = *state;
	struct sim_end *client = sim_connect(sim);

	sim_refuse(sim, 0);
	sim_refuse(sim, 1);
	sim_send(client, GET);
	assert_prefix(sim_received(client), "HTTP/1.1 502 Bad Gateway\r\n");
	assert_has(sim_received(client), "weir-reason: target-refused\r\n");
	assert_true(sim_is_open(client));
	sim_end_free(client);
}

/* A Unix socket with a full queue says so at once. Whoever listens there is
 * busy, not gone: the request goes on to the next, and this one does not rest
 * as one would that nobody listens for. */
static void regress_a_full_queue_lets_no_target_rest(void **state)
{
	struct sim *sim = *state;
	struct target_group *group = &sim->snap->groups[0];
	struct roster *roster = group_state_roster(group->state);
	struct target_state *busy = roster->members[0].state;
	struct sim_end *client = sim_connect(sim), *target;
	int waiting[2] = {-1, -1};

	group->passive = (struct passive_checks){1, 60000};
	assert_int_equal(listen(sim->listening[0], 0), 0);
	for (size_t i = 0; i < ARRAY_SIZE(waiting); i++) {
		waiting[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(waiting[i], &busy->addr.sa, busy->addr.len);
	}
	assert_int_equal(errno, EAGAIN);
	for (int i = 0; i < 2; i++) {
		sim_send(client, GET);
		target = sim_accept(sim, 1);
		assert_non_null(target);
		sim_send(target, OK);
		assert_prefix(sim_received(client), "HTTP/1.1 200 OK\r\n");
		sim_forget(client);
		sim_end_free(target);
	}
	assert_int_equal(busy->connect_failures, 0);
	assert_int_equal(passive_rest_ms(busy, clock_now_ms()), 0);
	assert_true(sim_count_group(sim, COUNT_RETRIES) > 0);
	for (size_t i = 0; i < ARRAY_SIZE(waiting); i++)
		close(waiting[i]);

	sim_refuse(sim, 0);
	for (int i = 0; i < 2; i++) {
		sim_send(client, GET);
		target = sim_accept(sim, 1);
		sim_send(target, OK);
		sim_forget(client);
		sim_end_free(target);
	}
	assert_int_equal(busy->connect_failures, 1);
	roster_unref(roster);
	sim_end_free(client);
}

/* Leaves target 0 with a warm connection; returns its end. */
static struct sim_end *warm(struct sim *sim, struct sim_end *client)
{
	struct sim_end *target, *other;

	sim_send(client, GET);
	target = sim_accept(sim, 0);
	sim_send(target, OK);
	sim_forget(client);
	sim_forget(target);

	/* And the other one, so that it is the first one's turn again. */
	sim_send(client, GET);
	other = sim_accept(sim, 1);
	assert_non_null(other);
	sim_end_free(other);
	sim_forget(client);
	return target;
}

static void test_a_stale_connection_costs_a_get_nothing(void **state)
{
	struct sim *sim = *state;
	struct sim_end *client = sim_connect(sim), *stale, *target;

	stale = warm(sim, client);
	sim_send(client, GET);
	assert_has(sim_received(stale), "GET /a");
	sim_close(stale);
	target = sim_accept(sim, 0);
	assert_non_null(target);
	sim_send(target, OK);
	assert_prefix(sim_received(client), "HTTP/1.1 200 OK\r\n");
	sim_end_free(target);
	sim_end_free(stale);
	sim_end_free(client);
}

/* A stale connection says nothing about its target, so whoever belongs to it
 * stays there. */
static void regress_a_session_stays_when_its_connection_was_stale(void **state)
{
	struct sim *sim = *state;
	struct sim_end *client, *stale, *target;
	struct seal_keys keys = {.n = 1};
	char cookie[2048], *end;

	sim->snap->groups[0].stickiness.enabled = true;
	sim->snap->groups[0].stickiness.duration_s = 3600;
	sim->snap->groups[0].stickiness.cookie = SLICE("AWSALB");
	sim->snap->groups[0].stickiness.twin = SLICE("AWSALBCORS");
	sim->worker->sealer = sealer_new(&keys);
	client = sim_connect(sim);
	sim_send(client, GET);
	stale = sim_accept(sim, 0);
	sim_send(stale, OK);
	end = strstr(sim_received(client), "set-cookie: AWSALB=");
	assert_non_null(end);
	snprintf(cookie, sizeof(cookie),
		 "GET /a HTTP/1.1\r\nHost: a.example\r\nCookie: %.*s\r\n\r\n",
		 (int)strcspn(end + strlen("set-cookie: "), ";"),
		 end + strlen("set-cookie: "));
	sim_forget(client);
	sim_forget(stale);

	sim_send(client, cookie);
	assert_has(sim_received(stale), "GET /a");
	sim_close(stale);
	assert_null(sim_accept(sim, 1));
	target = sim_accept(sim, 0);
	assert_non_null(target);
	sim_send(target, OK);
	assert_prefix(sim_received(client), "HTTP/1.1 200 OK\r\n");
	assert_int_equal(sim_count_group(sim, COUNT_NON_STICKY), 0);
	assert_int_equal(sim_count_group(sim, COUNT_REQUESTS), 2);
	sim_end_free(target);
	sim_end_free(stale);
	sim_end_free(client);
}

/* It was stale because its target is gone. */
static void regress_behind_a_stale_connection_may_be_nobody(void **state)
{
	struct sim *sim = *state;
	struct sim_end *client = sim_connect(sim), *stale, *target;

	stale = warm(sim, client);
	sim_send(client, GET);
	assert_has(sim_received(stale), "GET /a");
	sim_refuse(sim, 0);
	sim_close(stale);
	target = sim_accept(sim, 1);
	assert_non_null(target);
	sim_send(target, OK);
	assert_prefix(sim_received(client), "HTTP/1.1 200 OK\r\n");
	assert_int_equal(sim_count_group(sim, COUNT_RETRIES), 2);
	sim_end_free(target);
	sim_end_free(stale);
	sim_end_free(client);
}

/* However little of an answer has come, the request was at work. */
static void regress_one_octet_of_an_answer_ends_all_tries(void **state)
{
	static const char *const requests[] = {
		GET,
		"PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
		"DELETE /a HTTP/1.1\r\nHost: a\r\n\r\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		struct sim *sim = sim_new();
		struct sim_end *client = sim_connect(sim), *target;

		target = warm(sim, client);
		sim_send(client, requests[i]);
		assert_has(sim_received(target), "/a HTTP/1.1\r\n");
		sim_send(target, "H");
		sim_close(target);
		assert_prefix(sim_received(client), "HTTP/1.1 502 ");
		assert_null(sim_accept(sim, 0));
		assert_null(sim_accept(sim, 1));
		sim_end_free(target);
		sim_end_free(client);
		sim_free(sim);
	}
}

/* Its listener is gone, so the rules are those it had; but its group lives on
 * and has other targets now. */
static void regress_a_last_request_goes_to_a_target_of_now(void **state)
{
	(void)state;
	for (int i = 0; i < SIM_TARGETS; i++) {
		struct sim *sim = sim_new();
		struct sim_end *client = sim_connect(sim), *target;

		sim_send(client, GET);
		target = sim_accept(sim, 0);
		sim_send(target, OK);
		sim_forget(client);
		sim_forget(target);
		sim_reload(sim, i);
		if (i != 0) {
			assert_false(sim_is_open(target));
			sim_end_free(target);
			target = NULL;
		}
		sim_send(client, GET);
		if (!target)
			target = sim_accept(sim, i);
		assert_non_null(target);
		assert_has(sim_received(target), "GET /a");
		sim_send(target, OK);
		assert_has(sim_received(client), "Connection: close\r\n");
		assert_false(sim_is_open(client));
		sim_end_free(target);
		sim_end_free(client);
		sim_free(sim);
	}
}

static void test_a_post_that_reached_a_target_is_not_sent_again(void **state)
{
	struct sim *sim = *state;
	struct sim_end *client = sim_connect(sim), *stale;

	stale = warm(sim, client);
	sim_send(client, POST);
	assert_has(sim_received(stale), "POST /pay");
	sim_close(stale);
	assert_prefix(sim_received(client), "HTTP/1.1 502 ");
	assert_has(sim_received(client),
		   "weir-reason: target-closed-before-head\r\n");
	assert_null(sim_accept(sim, 1));
	sim_end_free(stale);
	sim_end_free(client);
}

/* A target that closes idle connections after 5 s, as many do. */
static void test_what_a_target_does_once_is_expected_again(void **state)
{
	struct sim *sim = *state;
	struct sim_end *client = sim_connect(sim), *first, *second, *third;

	sim_is_ill(sim, 1);
	sim_send(client, GET);
	first = sim_accept(sim, 0);
	sim_send(first, OK);
	sim_forget(first);
	sim_advance_ms(sim, 5000);
	sim_close(first);

	sim_send(client, GET);
	second = sim_accept(sim, 0);
	sim_send(second, OK);
	sim_forget(second);
	sim_advance_ms(sim, 3000);
	sim_send(client, POST);
	assert_has(sim_received(second), "POST /pay");
	sim_send(second, OK);
	sim_forget(second);
	sim_advance_ms(sim, 4500);

	/* Now it may close any moment: a POST would be lost. */
	sim_send(client, POST);
	assert_string_equal(sim_received(second), "");
	third = sim_accept(sim, 0);
	assert_non_null(third);
	sim_send(third, OK);
	sim_advance_ms(sim, 4500);

	/* A GET can be sent again, so it takes the risk. */
	sim_send(client, GET);
	assert_has(sim_received(third), "GET /a");
	sim_end_free(first);
	sim_end_free(second);
	sim_end_free(third);
	sim_end_free(client);
}

static void test_half_an_answer_is_never_asked_for_again(void **state)
{
	struct sim *sim = *state;
	struct sim_end *client = sim_connect(sim), *target;

	sim_send(client, GET);
	target = sim_accept(sim, 0);
	sim_send(target, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfour");
	sim_close(target);
	assert_has(sim_received(client), "\r\n\r\nfour");
	assert_false(sim_is_open(client));
	assert_null(sim_accept(sim, 1));
	assert_int_equal(sim_count_reason(sim, REASON_TARGET_CUT), 1);
	sim_end_free(target);
	sim_end_free(client);
}

static void test_a_target_that_hangs_up_on_a_fresh_connection(void **state)
{
	struct sim *sim = *state;
	struct sim_end *client = sim_connect(sim), *target;

	sim_send(client, GET);
	target = sim_accept(sim, 0);
	assert_has(sim_received(target), "GET /a");
	sim_close(target);
	assert_prefix(sim_received(client), "HTTP/1.1 502 ");
	assert_null(sim_accept(sim, 1));
	sim_end_free(target);
	sim_end_free(client);
}

static void test_a_client_that_leaves_takes_its_request_along(void **state)
{
	struct sim *sim = *state;
	struct sim_end *client = sim_connect(sim), *target;

	sim_send(client, GET);
	target = sim_accept(sim, 0);
	sim_close(client);
	assert_false(sim_is_open(target));
	assert_int_equal(sim_count_reason(sim, REASON_CLIENT_GONE), 1);
	sim_end_free(target);
	sim_end_free(client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SIM_TEST(test_a_refused_post_goes_to_the_other_target),
		SIM_TEST(test_all_refused_is_a_502_with_its_reason),
		SIM_TEST(regress_a_full_queue_lets_no_target_rest),
		SIM_TEST(test_a_stale_connection_costs_a_get_nothing),
		SIM_TEST(regress_a_session_stays_when_its_connection_was_stale),
		SIM_TEST(regress_behind_a_stale_connection_may_be_nobody),
		cmocka_unit_test(regress_one_octet_of_an_answer_ends_all_tries),
		cmocka_unit_test(
			regress_a_last_request_goes_to_a_target_of_now),
		SIM_TEST(test_a_post_that_reached_a_target_is_not_sent_again),
		SIM_TEST(test_what_a_target_does_once_is_expected_again),
		SIM_TEST(test_half_an_answer_is_never_asked_for_again),
		SIM_TEST(test_a_target_that_hangs_up_on_a_fresh_connection),
		SIM_TEST(test_a_client_that_leaves_takes_its_request_along),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
