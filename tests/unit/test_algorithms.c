/* test_algorithms.c - shares: by weight, by load, by chance, by age.
 *
 * Statistical tests have fixed seeds and say how far they may be off.
 */
#include "targets.h"

#include "balance/passive.h"
#include "balance/slow_start.h"

enum { SEED = 42 };

static void begin_as(struct group *g, struct pick_table *t,
		     enum algorithm algorithm, const char *letters,
		     const unsigned *weights)
{
	clock_fake(1000000, 1700000000);
	*t = (struct pick_table){.random = SEED};
	begin(g, "", (struct healthy_minimum){1, 0});
	g->group.algorithm = algorithm;
	publish(g, letters, weights);
	pick_refresh(t, g->gs, &g->group, 0);
}

static void end_of(struct group *g, struct pick_table *t)
{
	pick_release(t);
	end(g);
}

/* Requests that a target has, of n. */
static void count_turns(struct group *g, struct pick_table *t, unsigned n,
			unsigned got[MOST])
{
	memset(got, 0, MOST * sizeof(*got));
	while (n--) {
		pick_refresh(t, g->gs, &g->group, 0);
		got[next_of(t, NULL) - 'a']++;
	}
}

static const unsigned weights[] = {70, 20, 10};

/* 70/20/10: exact in turn; by chance within 2 % of all, over 20,000. */
static void test_weights_are_shares(void **state)
{
	static const struct {
		enum algorithm algorithm;
		unsigned off;
	} rows[] = {
		{ALGORITHM_ROUND_ROBIN, 0},
		{ALGORITHM_LEAST, 0},
		{ALGORITHM_RANDOM, 400},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		unsigned got[MOST];
		struct pick_table t;
		struct group g;

		begin_as(&g, &t, rows[i].algorithm, "HHH", weights);
		count_turns(&g, &t, 20000, got);
		for (size_t at = 0; at < 3; at++)
			assert_in_range(got[at],
					weights[at] * 200 - rows[i].off,
					weights[at] * 200 + rows[i].off);
		end_of(&g, &t);
	}
}

static void test_chance_is_even_without_weights(void **state)
{
	unsigned got[MOST], runs = 0;
	struct pick_table t;
	struct group g;
	char last = 0;

	(void)state;
	begin_as(&g, &t, ALGORITHM_RANDOM, "HHHH", NULL);
	count_turns(&g, &t, 40000, got);
	for (size_t i = 0; i < 4; i++)
		assert_in_range(got[i], 9700, 10300);
	/* And not in turn: one in four follows itself. */
	for (int i = 0; i < 4000; i++) {
		char next = next_of(&t, NULL);

		runs += next == last;
		last = next;
	}
	assert_in_range(runs, 900, 1100);
	end_of(&g, &t);
}

static void test_chance_avoids_whom_it_should(void **state)
{
	unsigned n_a = 0;
	struct pick_table t;
	struct group g;

	(void)state;
	for (size_t avoid = 0; avoid < 3; avoid++) {
		begin_as(&g, &t, ALGORITHM_RANDOM, "HHH", weights);
		for (int i = 0; i < 3000; i++) {
			char next = next_of(&t, g.states[avoid]);

			assert_int_not_equal(next, (char)('a' + avoid));
			n_a += avoid == 1 && next == 'a';
		}
		end_of(&g, &t);
	}
	assert_in_range(n_a, 2550, 2700); /* 70 of 80 */
	begin_as(&g, &t, ALGORITHM_RANDOM, "H", NULL);
	assert_int_equal(next_of(&t, g.states[0]), '-');
	end_of(&g, &t);
}

/* clang-format off */
static const struct {
	const char *name;
	unsigned weights[3];
	int loads[3];
	const char *turns;
} loads[] = {
	{"nobody has anything: turns", {1, 1, 1}, {0, 0, 0}, "abcabc"},
	{"the fewest", {1, 1, 1}, {2, 1, 2}, "bbbb"},
	{"the two with the fewest", {1, 1, 1}, {3, 9, 3}, "acac"},
	{"divided by the weight", {4, 1, 1}, {7, 2, 3}, "aaaa"},
	{"as much for their weights", {2, 1, 1}, {4, 2, 3}, "abaaba"},
	{"a count never falls below none", {1, 1, 1}, {-1, 0, 0}, "abc"},
};
/* clang-format on */

static void test_the_fewest_outstanding(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(loads); i++) {
		char got[16] = "";
		struct pick_table t;
		struct group g;

		print_message("# %s\n", loads[i].name);
		begin_as(&g, &t, ALGORITHM_LEAST, "HHH", loads[i].weights);
		assert_true(t.counts_load);
		for (size_t at = 0; at < 3; at++)
			g.states[at]->outstanding = loads[i].loads[at];
		for (size_t at = 0; loads[i].turns[at]; at++)
			got[at] = next_of(&t, NULL);
		assert_string_equal(got, loads[i].turns);
		end_of(&g, &t);
	}
}

static void test_the_fewest_other_than(void **state)
{
	struct pick_table t;
	struct group g;

	(void)state;
	begin_as(&g, &t, ALGORITHM_LEAST, "HHH", NULL);
	g.states[0]->outstanding = 5;
	g.states[2]->outstanding = 7;
	assert_int_equal(next_of(&t, g.states[1]), 'a');
	end_of(&g, &t);
}

/* Whoever is said to be next is next, however often one asks. */
static void regress_a_peek_takes_nothing(void **state)
{
	(void)state;
	for (int algorithm = 0; algorithm < ALGORITHM_KINDS; algorithm++)
		for (int weighted = 0; weighted < 2; weighted++) {
			struct pick_table t;
			struct group g;

			begin_as(&g, &t, (enum algorithm)algorithm, "HHH",
				 weighted ? weights : NULL);
			for (int i = 0; i < 200; i++) {
				const struct target_state *said =
					pick_peek(&t, NULL, NULL);

				assert_ptr_equal(said,
						 pick_peek(&t, NULL, NULL));
				assert_ptr_equal(said, pick_next(&t, NULL));
				g.states[i % 3]->outstanding = i % 7;
			}
			end_of(&g, &t);
		}
}

/* A target that has rested long enough is tried by a request, not by one who
 * asks. */
static void regress_a_peek_tries_nobody(void **state)
{
	const uint64_t nobody = 42;
	struct pick_table t;
	struct group g;

	(void)state;
	begin_as(&g, &t, ALGORITHM_ROUND_ROBIN, "HH", NULL);
	g.group.passive = (struct passive_checks){1, 10000};
	assert_true(passive_note_failure(g.states[0], &g.group.passive,
					 clock_now_ms()));
	group_state_touch(g.gs);
	pick_refresh(&t, g.gs, &g.group, 0);
	assert_ptr_equal(pick_peek(&t, &g.states[0]->identity, NULL),
			 g.states[1]);
	clock_fake(1000000 + 10000, 1700000000);
	pick_refresh(&t, g.gs, &g.group, 0);
	for (int i = 0; i < 2; i++)
		assert_ptr_equal(pick_peek(&t, &g.states[0]->identity, NULL),
				 g.states[0]);
	assert_ptr_equal(pick_peek(&t, &nobody, NULL),
			 pick_peek(&t, NULL, NULL));
	assert_int_equal(passive_rest_ms(g.states[0], clock_now_ms()), 0);
	end_of(&g, &t);
}

/* -- slow start ------------------------------------------------------------ */

enum { RAMP_MS = 30000 };

/* Target c becomes healthy beside others. */
static void begin_ramp(struct group *g, struct pick_table *t)
{
	struct roster *roster;

	begin_as(g, t, ALGORITHM_ROUND_ROBIN, "HHH", NULL);
	g->group.slow_start_ms = RAMP_MS;
	g->states[2]->batch = 1;
	roster = group_state_roster(g->gs);
	slow_start_begin(g->states[2], &g->group, roster, clock_now_ms());
	roster_unref(roster);
	group_state_touch(g->gs);
}

/* 100 requests a second; in each third of the ramp the share is what the line
 * through its middle says, within 10 %. */
static void test_a_ramp_is_linear(void **state)
{
	unsigned n = 0, n_c = 0, third = 0;
	struct pick_table t;
	struct group g;

	(void)state;
	begin_ramp(&g, &t);
	for (uint64_t ms = 0; ms < RAMP_MS; ms += 10) {
		clock_fake(1000000 + ms, 1700000000);
		pick_refresh(&t, g.gs, &g.group, 0);
		n++;
		n_c += next_of(&t, NULL) == 'c';
		if (n == RAMP_MS / 10 / 3) {
			double part = (2 * third + 1) / 6.0;
			double share = part / (2 + part);

			print_message("# third %u: %u of %u\n", third, n_c, n);
			assert_in_range(n_c, (unsigned)(n * share * 0.9),
					(unsigned)(n * share * 1.1));
			n = n_c = 0;
			third++;
		}
	}
	assert_int_equal(third, 3);
	clock_fake(1000000 + RAMP_MS, 1700000000);
	pick_refresh(&t, g.gs, &g.group, 0);
	assert_false(t.ring.is_weighted);
	end_of(&g, &t);
}

/* So few requests that there are several tables between two: the light one
 * has its turn all the same. */
static void test_a_ramp_needs_no_rush(void **state)
{
	unsigned n_c = 0;
	struct pick_table t;
	struct group g;

	(void)state;
	begin_ramp(&g, &t);
	for (uint64_t ms = 0; ms < RAMP_MS; ms += 500) {
		clock_fake(1000000 + ms, 1700000000);
		pick_refresh(&t, g.gs, &g.group, 0);
		n_c += next_of(&t, NULL) == 'c';
	}
	/* The integral of x / (2 + x) is 0.189; of 60 requests that is 11. */
	assert_in_range(n_c, 10, 13);
	end_of(&g, &t);
}

static void test_who_ramps(void **state)
{
	struct roster *roster;
	struct pick_table t;
	struct group g;
	uint64_t now;

	(void)state;
	begin_ramp(&g, &t);
	roster = group_state_roster(g.gs);
	now = clock_now_ms();
	assert_int_equal(slow_start_share(g.states[0], &g.group, now),
			 FACTOR_ONE);
	assert_int_equal(slow_start_share(g.states[2], &g.group, now),
			 FACTOR_ONE / 100);
	assert_int_equal(
		slow_start_share(g.states[2], &g.group, now + RAMP_MS / 2),
		FACTOR_ONE / 2);

	/* It dies meanwhile; a recovery starts it again. */
	slow_start_end(g.states[2]);
	assert_int_equal(slow_start_share(g.states[2], &g.group, now),
			 FACTOR_ONE);
	slow_start_begin(g.states[2], &g.group, roster, now + 5000);
	assert_int_equal(slow_start_share(g.states[2], &g.group,
					  now + 5000 + RAMP_MS / 4),
			 FACTOR_ONE / 4);

	/* Nobody else serves in full: no ramp. */
	g.states[0]->health = HEALTH_UNHEALTHY;
	g.states[2]->health = HEALTH_HEALTHY;
	slow_start_begin(g.states[2], &g.group, roster, now);
	g.states[1]->health = HEALTH_INITIAL;
	slow_start_begin(g.states[2], &g.group, roster, now);
	assert_int_equal(slow_start_share(g.states[2], &g.group, now),
			 FACTOR_ONE);

	/* Those that came together do not wait for each other, but who was
	 * healthy before does. */
	g.states[0]->health = HEALTH_HEALTHY;
	g.states[2]->batch = 0;
	g.states[2]->was_healthy = false;
	slow_start_begin(g.states[2], &g.group, roster, now);
	assert_int_equal(slow_start_share(g.states[2], &g.group, now),
			 FACTOR_ONE);
	slow_start_begin(g.states[2], &g.group, roster, now);
	assert_int_equal(slow_start_share(g.states[2], &g.group, now),
			 FACTOR_ONE / 100);

	/* Switched on, it makes nobody ramp who was there. */
	g.group.slow_start_ms = 0;
	g.states[0]->health = HEALTH_HEALTHY;
	slow_start_begin(g.states[2], &g.group, roster, now);
	g.group.slow_start_ms = RAMP_MS;
	assert_int_equal(slow_start_share(g.states[2], &g.group, now),
			 FACTOR_ONE);
	roster_unref(roster);
	end_of(&g, &t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_weights_are_shares),
		cmocka_unit_test(test_chance_is_even_without_weights),
		cmocka_unit_test(test_chance_avoids_whom_it_should),
		cmocka_unit_test(test_the_fewest_outstanding),
		cmocka_unit_test(test_the_fewest_other_than),
		cmocka_unit_test(regress_a_peek_takes_nothing),
		cmocka_unit_test(regress_a_peek_tries_nobody),
		cmocka_unit_test(test_a_ramp_is_linear),
		cmocka_unit_test(test_a_ramp_needs_no_rush),
		cmocka_unit_test(test_who_ramps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
