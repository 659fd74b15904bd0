/* test_limit.c - how much passes, over all threads, whatever the clock does. */
#include <pthread.h>
#include <string.h>

#include "base/cidr.h"
#include "model/counts.h"
#include "model/limit.h"
#include "model/snapshot.h"
#include "unit.h"

#define MS     UINT64_C(1000000)
#define SECOND UINT64_C(1000000000)

static bool passes(struct limit_keys *keys, uint64_t key, double rate,
		   uint64_t burst, uint64_t now_ns, uint64_t *wait_ns)
{
	uint64_t interval_ns = (uint64_t)(1e9 / rate + 0.5);
	bool forgot = false;

	*wait_ns = 0;
	return limit_rate(keys, key, interval_ns, burst * interval_ns, now_ns,
			  wait_ns, &forgot) == LIMIT_PASSES;
}

static struct cidr address_of(const char *text)
{
	struct cidr c;

	assert_true(cidr_parse_address(slice_of(text), &c));
	return c;
}

/* -- rates ----------------------------------------------------------------- */

enum {
	WORKERS = 4,
	CONNECTIONS = 25, /* of each worker: each asks once in a step */
	STEP_MS = 5,
	SECONDS = 6,
};

static struct {
	struct limit_keys *keys;
	pthread_barrier_t step;
	_Atomic unsigned admitted[SECONDS];
} crowd;

static void *ask_all_the_time(void *arg)
{
	(void)arg;
	for (unsigned ms = 0; ms < SECONDS * 1000; ms += STEP_MS) {
		pthread_barrier_wait(&crowd.step);
		for (int i = 0; i < CONNECTIONS; i++) {
			uint64_t wait;

			if (passes(crowd.keys, 7, 50, 50,
				   100 * SECOND + ms * MS, &wait))
				crowd.admitted[ms / 1000]++;
		}
	}
	return NULL;
}

static void test_50_a_second_over_all_workers(void **state)
{
	pthread_t threads[WORKERS];

	(void)state;
	crowd.keys = limit_keys_new(LIMIT_BUCKETS);
	pthread_barrier_init(&crowd.step, NULL, WORKERS);
	for (int i = 0; i < WORKERS; i++)
		pthread_create(&threads[i], NULL, ask_all_the_time, NULL);
	for (int i = 0; i < WORKERS; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&crowd.step);
	limit_keys_free(crowd.keys);

	assert_in_range(crowd.admitted[0], 99, 101); /* with the burst */
	for (int s = 1; s < SECONDS; s++)
		assert_in_range(crowd.admitted[s], 48, 52);
}

static void test_when_the_next_one_passes(void **state)
{
	struct limit_keys *keys = limit_keys_new(1);
	uint64_t wait, now = SECOND;

	(void)state;
	assert_true(passes(keys, 1, 0.5, 2, now, &wait));
	assert_true(passes(keys, 1, 0.5, 2, now, &wait));
	assert_false(passes(keys, 1, 0.5, 2, now, &wait));
	assert_int_equal(wait, 2 * SECOND);
	assert_false(passes(keys, 1, 0.5, 2, now + wait - 1, &wait));
	assert_int_equal(wait, 1);
	assert_true(passes(keys, 1, 0.5, 2, now + 2 * SECOND, &wait));
	/* The slowest and the fastest that the configuration takes. */
	assert_true(passes(keys, 2, 0.001, 1000000, now, &wait));
	assert_true(passes(keys, 3, 1000000, 1, now, &wait));
	assert_false(passes(keys, 3, 1000000, 1, now + 999, &wait));
	assert_true(passes(keys, 3, 1000000, 1, now + 1000, &wait));
	limit_keys_free(keys);
}

static void test_clocks_that_jump(void **state)
{
	struct limit_keys *keys = limit_keys_new(1);
	uint64_t wait, now = 10000 * SECOND;

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_true(passes(keys, 1, 1, 3, now, &wait));
	assert_false(passes(keys, 1, 1, 3, now, &wait));
	/* Ahead: what has been saved up is one burst. */
	now += 5000 * SECOND;
	for (int i = 0; i < 3; i++)
		assert_true(passes(keys, 1, 1, 3, now, &wait));
	assert_false(passes(keys, 1, 1, 3, now, &wait));
	/* Back: it costs a burst, not two hours. */
	now -= 8000 * SECOND;
	assert_false(passes(keys, 1, 1, 3, now, &wait));
	assert_int_equal(wait, SECOND);
	assert_true(passes(keys, 1, 1, 3, now + SECOND, &wait));
	assert_false(passes(keys, 1, 1, 3, now + SECOND, &wait));
	assert_true(passes(keys, 1, 1, 3, now + 2 * SECOND, &wait));
	/* Workers that are a turn apart agree. */
	assert_false(passes(keys, 1, 1, 3, now + 2 * SECOND - 20 * MS, &wait));
	limit_keys_free(keys);
}

/* -- keys ------------------------------------------------------------------ */

static void test_a_client_is_an_address_or_a_64(void **state)
{
	struct cidr a = address_of("10.0.0.1"), b = address_of("10.0.0.2");
	struct cidr c = address_of("2001:db8:0:1::1");
	struct cidr d = address_of("2001:db8:0:1:ffff::2");
	struct cidr e = address_of("2001:db8:0:2::1");

	(void)state;
	assert_true(limit_key_of_client(&a) == limit_key_of_client(&a));
	assert_true(limit_key_of_client(&a) != limit_key_of_client(&b));
	assert_true(limit_key_of_client(&c) == limit_key_of_client(&d));
	assert_true(limit_key_of_client(&c) != limit_key_of_client(&e));
	assert_true(limit_key_of_client(NULL) != 0);
	assert_true(limit_key_of_text(SLICE("10.0.0.1")) !=
		    limit_key_of_client(&a));
}

static uint64_t key_number(uint32_t n)
{
	const uint8_t octets[] = {(uint8_t)(n >> 24), (uint8_t)(n >> 16),
				  (uint8_t)(n >> 8), (uint8_t)n};
	struct cidr c = cidr_make(4, octets, 32);

	return limit_key_of_client(&c);
}

static void test_regress_65536_keys_are_remembered(void **state)
{
	struct limit_keys *keys = limit_keys_new(LIMIT_BUCKETS);
	unsigned again = 0;
	uint64_t wait;

	(void)state;
	for (uint32_t n = 0; n < 65536; n++)
		assert_true(
			passes(keys, key_number(n), 0.001, 1, SECOND, &wait));
	for (uint32_t n = 0; n < 65536; n++)
		again += passes(keys, key_number(n), 0.001, 1, SECOND, &wait);
	assert_in_range(again, 0, 65536 / 200);
	limit_keys_free(keys);
}

static void test_regress_a_million_clients_are_counted_not_kept(void **state)
{
	struct limit_keys *keys = limit_keys_new(LIMIT_BUCKETS);
	unsigned forgotten = 0, refused = 0;

	(void)state;
	for (uint32_t n = 0; n < 1000000; n++) {
		uint64_t wait = 0;
		bool forgot = false;

		refused += limit_rate(keys, key_number(n), SECOND, SECOND,
				      SECOND + n, &wait,
				      &forgot) != LIMIT_PASSES;
		forgotten += forgot;
	}
	assert_int_equal(refused, 0);
	assert_in_range(forgotten, 1000000 - LIMIT_BUCKETS * LIMIT_WAYS,
			1000000);
	/* Once their times are over, they make room without a loss. */
	forgotten = 0;
	for (uint32_t n = 0; n < 10000; n++) {
		uint64_t wait = 0;
		bool forgot = false;

		limit_rate(keys, key_number(n), SECOND, SECOND, 100 * SECOND,
			   &wait, &forgot);
		forgotten += forgot;
	}
	assert_int_equal(forgotten, 0);
	limit_keys_free(keys);
}

/* -- places ---------------------------------------------------------------- */

static void test_places_are_given_back(void **state)
{
	struct limit_keys *keys = limit_keys_new(LIMIT_BUCKETS);
	_Atomic uint64_t *first, *second, *other;

	(void)state;
	assert_int_equal(limit_hold(keys, 5, 2, &first), LIMIT_PASSES);
	assert_int_equal(limit_hold(keys, 5, 2, &second), LIMIT_PASSES);
	assert_int_equal(limit_hold(keys, 5, 2, &other), LIMIT_REFUSES);
	assert_int_equal(limit_hold(keys, 6, 2, &other), LIMIT_PASSES);
	limit_let_go(first);
	assert_int_equal(limit_hold(keys, 5, 2, &first), LIMIT_PASSES);
	assert_int_equal(limit_hold(keys, 5, 2, &first), LIMIT_REFUSES);
	limit_keys_free(keys);
}

static void test_a_full_bucket_lets_pass_and_forgets_no_place(void **state)
{
	struct limit_keys *keys = limit_keys_new(1);
	_Atomic uint64_t *place, *last = NULL;

	(void)state;
	for (uint64_t key = 1; key <= LIMIT_WAYS; key++)
		assert_int_equal(limit_hold(keys, key, 1, &last), LIMIT_PASSES);
	assert_int_equal(limit_hold(keys, 99, 1, &place), LIMIT_UNKNOWN);
	assert_int_equal(limit_hold(keys, 1, 1, &place), LIMIT_REFUSES);
	/* Who holds nothing makes room. */
	limit_let_go(last);
	assert_int_equal(limit_hold(keys, 99, 1, &place), LIMIT_PASSES);
	assert_int_equal(limit_hold(keys, 99, 1, &place), LIMIT_REFUSES);
	limit_keys_free(keys);
}

/* -- what outlives a configuration ----------------------------------------- */

/* One load balancer with two listeners that share a limit. */
static struct snapshot *world(bool with_connections)
{
	struct snapshot *snap = snapshot_new();
	struct load_balancer *lb =
		ARENA_NEW(&snap->arena, struct load_balancer);
	struct limit *limit = ARENA_NEW(&snap->arena, struct limit);

	snap->balancers = lb;
	snap->n_balancers = 1;
	lb->name = SLICE("web");
	lb->listeners = ARENA_ARRAY(&snap->arena, 2, struct listener);
	lb->n_listeners = 2;
	*limit = (struct limit){
		.name = SLICE("each"),
		.interval_ns = SECOND,
		.span_ns = SECOND,
		.connections = with_connections ? 5 : 0,
		.body = UINT64_MAX,
		.whose = SLICE("web"),
	};
	for (unsigned i = 0; i < 2; i++) {
		struct listener *l = &lb->listeners[i];

		*l = (struct listener){.balancer = lb,
				       .port = (uint16_t)(80 + i)};
		l->limits.uses = ARENA_NEW(&snap->arena, struct limit_use);
		l->limits.uses[0].limit = limit;
		l->limits.n = 1;
	}
	return snap;
}

static void test_a_reload_finds_what_was_counted(void **state)
{
	struct count_table table = {.n_workers = WORKERS};
	struct snapshot *first = world(false), *none, *second;
	struct limit_use *a, *b;
	struct limit_counts *counts;
	struct limit_state *tables;

	(void)state;
	counts_attach(&table, first);
	a = first->balancers[0].listeners[0].limits.uses;
	b = first->balancers[0].listeners[1].limits.uses;
	assert_ptr_equal(a->limit->state, b->limit->state);
	assert_ptr_not_equal(a->counts, b->counts);
	assert_null(a->limit->state->connections);
	tables = a->limit->state;
	counts = a->counts;
	tally_add(&counts->tally[3].refused, 4);

	second = world(true);
	counts_attach(&table, second);
	a = second->balancers[0].listeners[0].limits.uses;
	assert_ptr_equal(a->limit->state, tables);
	assert_ptr_equal(a->counts, counts);
	assert_non_null(tables->connections);
	assert_int_equal(limit_count(counts), 4);

	/* Without any snapshot that wants it the table goes, and its counts
	 * stay; a place that is still held keeps the table. */
	limit_state_ref(tables);
	snapshot_unref(first);
	snapshot_unref(second);
	none = snapshot_new();
	counts_attach(&table, none);
	assert_int_equal(table.limits.states.n_used, 1);
	limit_state_unref(tables);
	counts_attach(&table, none);
	assert_int_equal(table.limits.states.n_used, 0);
	snapshot_unref(none);

	first = world(false);
	counts_attach(&table, first);
	a = first->balancers[0].listeners[0].limits.uses;
	assert_int_equal(limit_count(a->counts), 4);
	snapshot_unref(first);
	counts_release(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_50_a_second_over_all_workers),
		cmocka_unit_test(test_when_the_next_one_passes),
		cmocka_unit_test(test_clocks_that_jump),
		cmocka_unit_test(test_a_client_is_an_address_or_a_64),
		cmocka_unit_test(test_regress_65536_keys_are_remembered),
		cmocka_unit_test(
			test_regress_a_million_clients_are_counted_not_kept),
		cmocka_unit_test(test_places_are_given_back),
		cmocka_unit_test(
			test_a_full_bucket_lets_pass_and_forgets_no_place),
		cmocka_unit_test(test_a_reload_finds_what_was_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
