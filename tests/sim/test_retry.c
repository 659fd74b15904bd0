/* test_retry.c - what goes to another target, and what never does. */
#include "sim.h"

#define GET "GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n"
#define POST                                                                   \
	"POST /pay HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1\r\n\r\nx"
#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

static void test_a_refused_post_goes_to_the_other_target(void **state)
{
	struct sim *sim = sim_new();
	struct sim_end *client = sim_connect(sim), *target;

	(void)state;
	sim_refuse(sim, 0);
	sim_send(client, POST);
	target = sim_accept(sim, 1);
	assert_non_null(target);
	assert_has(sim_received(target), "\r\n\r\nx");
	sim_send(target, OK);
	assert_prefix(sim_received(client), "HTTP/1.1 200 OK\r\n");
	assert_int_equal(sim->worker->counters[COUNT_RETRIES], 1);
	sim_end_free(target);
	sim_end_free(client);
	sim_free(sim);
}

static void test_all_refused_is_a_502_with_its_reason(void **state)
{
	struct sim *sim = sim_new();
	struct sim_end *client = sim_connect(sim);

	(void)state;
	sim_refuse(sim, 0);
	sim_refuse(sim, 1);
	sim_send(client, GET);
	assert_prefix(sim_received(client), "HTTP/1.1 502 Bad Gateway\r\n");
	assert_has(sim_received(client), "weir-reason: target-refused\r\n");
	assert_true(sim_is_open(client));
	sim_end_free(client);
	sim_free(sim);
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
	struct sim *sim = sim_new();
	struct sim_end *client = sim_connect(sim), *stale, *target;

	(void)state;
	stale = warm(sim, client);
	sim_send(client, GET);
	assert_has(sim_received(stale), "GET /a");
	sim_close(stale);
	target = sim_accept(sim, 1);
	assert_non_null(target);
	sim_send(target, OK);
	assert_prefix(sim_received(client), "HTTP/1.1 200 OK\r\n");
	sim_end_free(target);
	sim_end_free(stale);
	sim_end_free(client);
	sim_free(sim);
}

static void test_a_post_that_reached_a_target_is_not_sent_again(void **state)
{
	struct sim *sim = sim_new();
	struct sim_end *client = sim_connect(sim), *stale;

	(void)state;
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
	sim_free(sim);
}

/* A target that closes idle connections after 5 s, as many do. */
static void test_what_a_target_does_once_is_expected_again(void **state)
{
	struct sim *sim = sim_new();
	struct sim_end *client = sim_connect(sim), *first, *second, *third;

	(void)state;
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
	sim_free(sim);
}

static void test_half_an_answer_is_never_asked_for_again(void **state)
{
	struct sim *sim = sim_new();
	struct sim_end *client = sim_connect(sim), *target;

	(void)state;
	sim_send(client, GET);
	target = sim_accept(sim, 0);
	sim_send(target, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfour");
	sim_close(target);
	assert_has(sim_received(client), "\r\n\r\nfour");
	assert_false(sim_is_open(client));
	assert_null(sim_accept(sim, 1));
	assert_int_equal(sim->worker->reasons[REASON_TARGET_CUT], 1);
	sim_end_free(target);
	sim_end_free(client);
	sim_free(sim);
}

static void test_a_target_that_hangs_up_on_a_fresh_connection(void **state)
{
	struct sim *sim = sim_new();
	struct sim_end *client = sim_connect(sim), *target;

	(void)state;
	sim_send(client, GET);
	target = sim_accept(sim, 0);
	assert_has(sim_received(target), "GET /a");
	sim_close(target);
	assert_prefix(sim_received(client), "HTTP/1.1 502 ");
	assert_null(sim_accept(sim, 1));
	sim_end_free(target);
	sim_end_free(client);
	sim_free(sim);
}

static void test_a_client_that_leaves_takes_its_request_along(void **state)
{
	struct sim *sim = sim_new();
	struct sim_end *client = sim_connect(sim), *target;

	(void)state;
	sim_send(client, GET);
	target = sim_accept(sim, 0);
	sim_close(client);
	assert_false(sim_is_open(target));
	assert_int_equal(sim->worker->reasons[REASON_CLIENT_GONE], 1);
	sim_end_free(target);
	sim_end_free(client);
	sim_free(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_refused_post_goes_to_the_other_target),
		cmocka_unit_test(test_all_refused_is_a_502_with_its_reason),
		cmocka_unit_test(test_a_stale_connection_costs_a_get_nothing),
		cmocka_unit_test(
			test_a_post_that_reached_a_target_is_not_sent_again),
		cmocka_unit_test(
			test_what_a_target_does_once_is_expected_again),
		cmocka_unit_test(test_half_an_answer_is_never_asked_for_again),
		cmocka_unit_test(
			test_a_target_that_hangs_up_on_a_fresh_connection),
		cmocka_unit_test(
			test_a_client_that_leaves_takes_its_request_along),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
