/* test_time.c - every timer that AWS documents, without
 * waiting for one. */
#include "sim.h"

#define GET "GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n"
#define OK  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

/* AWS: 408 when the client does not finish its head within the idle timeout;
 * counted from its first octet, so that trickling does not help. */
static void test_half_a_head_ends_in_408(void **state)
{
	struct sim *sim = *state;
	struct sim_end *client = sim_connect(sim);

	sim_send(client, "GET / HTTP/1.1\r\nHos");
	sim_advance_ms(sim, 40000);
	sim_send(client, "t");
	sim_advance_ms(sim, 19999);
	assert_string_equal(sim_received(client), "");
	sim_advance_ms(sim, 1 + WHEEL_SLOT_MS);
	assert_prefix(sim_received(client), "HTTP/1.1 408 ");
	assert_has(sim_received(client), "weir-reason: client-timeout\r\n");
	assert_false(sim_is_open(client));
	sim_end_free(client);
}

static void test_an_idle_client_is_closed_without_a_word(void **state)
{
	struct sim *sim = *state;
	struct sim_end *client = sim_connect(sim);

	sim_settle(sim);
	sim_advance_ms(sim, 59999);
	assert_true(sim_is_open(client));
	sim_advance_ms(sim, 1 + WHEEL_SLOT_MS);
	assert_false(sim_is_open(client));
	assert_string_equal(sim_received(client), "");
	sim_end_free(client);
}

static void test_a_silent_target_is_a_504(void **state)
{
	struct sim *sim = *state;
	struct sim_end *client = sim_connect(sim), *target;

	sim_send(client, GET);
	target = sim_accept(sim, 0);
	assert_has(sim_received(target), "GET /a HTTP/1.1\r\n");
	sim_advance_ms(sim, 59999);
	assert_string_equal(sim_received(client), "");
	sim_advance_ms(sim, 1 + WHEEL_SLOT_MS);
	assert_prefix(sim_received(client), "HTTP/1.1 504 ");
	assert_has(sim_received(client), "weir-reason: target-silent\r\n");
	assert_false(sim_is_open(target));

	/* The fault was the target's: the client's connection goes on. */
	assert_true(sim_is_open(client));
	sim_forget(client);
	sim_end_free(target);
	sim_send(client, GET);
	target = sim_accept(sim, 1);
	sim_send(target, OK);
	assert_prefix(sim_received(client), "HTTP/1.1 200 OK\r\n");
	sim_end_free(target);
	sim_end_free(client);
}

/* timeouts.target_response_seconds of its group: from when the target has the
 * request, until it answers; its answer may take its time. */
static void test_a_group_has_its_own_patience(void **state)
{
	struct sim *sim = *state;
	struct sim_end *client = sim_connect(sim), *target;

	sim->snap->groups[0].target_response_ms = 2000;
	sim_send(client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2"
			 "\r\n\r\nx");
	target = sim_accept(sim, 0);
	/* Who waits for the client is not late. */
	sim_advance_ms(sim, 3000);
	assert_string_equal(sim_received(client), "");
	sim_send(client, "x");
	sim_advance_ms(sim, 1000);
	assert_string_equal(sim_received(client), "");
	sim_advance_ms(sim, 1000 + 2 * WHEEL_SLOT_MS);
	assert_prefix(sim_received(client), "HTTP/1.1 504 ");
	assert_has(sim_received(client), "weir-reason: target-silent\r\n");
	sim_end_free(target);
	sim_forget(client);

	sim_send(client, GET);
	target = sim_accept(sim, 1);
	sim_send(target, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no");
	sim_advance_ms(sim, 50000);
	sim_send(target, "k");
	assert_has(sim_received(client), "\r\n\r\nok");
	assert_true(sim_is_open(client));
	sim_end_free(target);
	sim_end_free(client);
}

static void test_an_upload_that_stops_is_a_408(void **state)
{
	struct sim *sim = *state;
	struct sim_end *client = sim_connect(sim), *target;

	sim_send(client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9"
			 "\r\n\r\nfour");
	target = sim_accept(sim, 0);
	sim_advance_ms(sim, 50000);
	sim_send(client, "five");
	sim_advance_ms(sim, 50000);
	assert_string_equal(sim_received(client), "");
	sim_advance_ms(sim, 10000 + WHEEL_SLOT_MS);
	assert_prefix(sim_received(client), "HTTP/1.1 408 ");
	assert_false(sim_is_open(target));
	sim_end_free(target);
	sim_end_free(client);
}

static void test_a_response_that_stops_is_cut(void **state)
{
	struct sim *sim = *state;
	struct sim_end *client = sim_connect(sim), *target;

	sim_send(client, GET);
	target = sim_accept(sim, 0);
	sim_send(target, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfour");
	sim_advance_ms(sim, 50000);
	sim_send(target, "five");
	sim_advance_ms(sim, 50000);
	assert_true(sim_is_open(client));
	sim_advance_ms(sim, 10000 + WHEEL_SLOT_MS);
	assert_false(sim_is_open(client));
	assert_false(sim_is_open(target));
	assert_int_equal(sim_count_reason(sim, REASON_TARGET_STALLED), 1);
	sim_end_free(target);
	sim_end_free(client);
}

static void test_after_its_keep_alive_a_connection_gets_one_more(void **state)
{
	struct sim *sim = *state;
	struct sim_end *client, *target;

	sim->snap->balancers[0].idle_timeout_ms = 4000000;
	sim->snap->balancers[0].client_keep_alive_ms = 60000;
	client = sim_connect(sim);
	sim_advance_ms(sim, 61000);
	assert_true(sim_is_open(client));
	sim_send(client, GET);
	target = sim_accept(sim, 0);
	sim_send(target, OK);
	assert_has(sim_received(client), "\r\nConnection: close\r\n");
	assert_false(sim_is_open(client));
	sim_end_free(target);
	sim_end_free(client);
}

static void test_a_tunnel_that_rests_is_closed(void **state)
{
	struct sim *sim = *state;
	struct sim_end *client = sim_connect(sim), *target;

	sim_send(client, "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
			 "Upgrade: websocket\r\n\r\n");
	target = sim_accept(sim, 0);
	assert_has(sim_received(target), "\r\nUpgrade: websocket\r\n");
	sim_send(target, "HTTP/1.1 101 Switching Protocols\r\n"
			 "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\nhi");
	assert_has(sim_received(client), "\r\n\r\nhi");
	for (int i = 0; i < 5; i++) {
		sim_advance_ms(sim, 50000);
		sim_send(client, "ping");
	}
	assert_has(sim_received(target), "pingpingpingpingping");
	sim_advance_ms(sim, 60000 + 2 * WHEEL_SLOT_MS);
	assert_false(sim_is_open(client));
	assert_false(sim_is_open(target));
	sim_end_free(target);
	sim_end_free(client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SIM_TEST(test_half_a_head_ends_in_408),
		SIM_TEST(test_an_idle_client_is_closed_without_a_word),
		SIM_TEST(test_a_silent_target_is_a_504),
		SIM_TEST(test_a_group_has_its_own_patience),
		SIM_TEST(test_an_upload_that_stops_is_a_408),
		SIM_TEST(test_a_response_that_stops_is_cut),
		SIM_TEST(test_after_its_keep_alive_a_connection_gets_one_more),
		SIM_TEST(test_a_tunnel_that_rests_is_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
