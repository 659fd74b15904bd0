/* test_anomaly.c - who stands out by its errors, and what it gets for that.
 *
 * Requests are dealt out by the table itself, so that what a target gets and
 * what is known of it hang together as they do in the program. Whether one
 * fails is drawn from a fixed seed.
 */
#include "targets.h"

#include "balance/anomaly.h"

struct scene {
	struct group g;
	struct pick_table t;
	uint64_t random;
};

static void scene_begin(struct scene *s, const char *letters, bool mitigates)
{
	clock_fake(1000000, 1700000000);
	s->t = (struct pick_table){.random = 7};
	s->random = 11;
	begin(&s->g, letters, (struct healthy_minimum){1, 0});
	s->g.group.algorithm = ALGORITHM_RANDOM;
	s->g.group.mitigates = mitigates;
}

static void scene_end(struct scene *s)
{
	pick_release(&s->t);
	end(&s->g);
}

/* Below `percent` of 100? A linear congruential generator (Knuth). */
static bool chance(struct scene *s, unsigned percent)
{
	s->random = s->random * 6364136223846793005u + 1442695040888963407u;
	return (s->random >> 33) % 100 < percent;
}

/* One period of n requests, of which each target fails so many in 100; what
 * each of them got. */
static void period(struct scene *s, unsigned n, const unsigned *percent,
		   unsigned got[MOST])
{
	struct roster *roster;

	memset(got, 0, MOST * sizeof(*got));
	for (unsigned i = 0; i < n; i++) {
		size_t at;
		struct tally *tally;

		pick_refresh(&s->t, s->g.gs, &s->g.group, 0);
		at = (size_t)(next_of(&s->t, NULL) - 'a');
		got[at]++;
		tally = &s->g.states[at]->tally[i % N_WORKERS];
		if (!chance(s, percent[at]))
			tally_add(&tally->responses[2], 1);
		else if (i % 2)
			tally_add(&tally->responses[5], 1);
		else
			tally_add(&tally->failures, 1);
	}
	roster = group_state_roster(s->g.gs);
	if (anomaly_period(&s->g.group, roster))
		group_state_touch(s->g.gs);
	roster_unref(roster);
}

/* 30 % of errors: below a tenth of its share after four periods, and all of
 * it eight periods after it recovered, however long it had failed. */
static void test_a_target_that_fails_loses_its_share(void **state)
{
	static const unsigned ill[] = {0, 30, 0, 0}, well[MOST] = {0};

	(void)state;
	for (unsigned long_ill = 4; long_ill <= 40; long_ill += 12) {
		unsigned got[MOST];
		struct scene s;

		scene_begin(&s, "HHHH", true);
		period(&s, 4000, well, got);
		for (unsigned i = 0; i < long_ill; i++)
			period(&s, 4000, ill, got);
		assert_true(s.g.states[1]->is_anomalous || long_ill > 4);
		period(&s, 4000, ill, got);
		assert_in_range(got[1], 1, 100);
		for (unsigned i = 0; i < 8; i++)
			period(&s, 4000, well, got);
		assert_false(s.g.states[1]->is_anomalous);
		assert_int_equal(s.g.states[1]->factor, FACTOR_ONE);
		period(&s, 4000, well, got);
		assert_in_range(got[1], 900, 1100);
		scene_end(&s);
	}
}

static void test_it_is_found_without_being_mitigated(void **state)
{
	static const unsigned ill[] = {0, 0, 50};
	unsigned got[MOST];
	struct scene s;

	(void)state;
	scene_begin(&s, "HHH", false);
	for (int i = 0; i < 4; i++)
		period(&s, 300, ill, got);
	assert_true(s.g.states[2]->is_anomalous);
	assert_int_equal(s.g.states[2]->factor, FACTOR_ONE);
	assert_in_range(got[2], 70, 130);
	scene_end(&s);
}

/* clang-format off */
static const struct {
	const char *name;
	const char *letters;
	unsigned n; /* requests in a period */
	unsigned percent[MOST];
	const char *anomalous, *lowered;
} rows[] = {
	{"nobody fails", "HHHH", 400, {0}, "", ""},
	{"all fail alike", "HHHH", 400, {40, 40, 40, 40}, "", ""},
	{"two are too few to compare", "HH", 400, {0, 60}, "", ""},
	{"two healthy ones too", "HHU", 400, {0, 60}, "", ""},
	{"too few requests to tell", "HHHH", 12, {0, 90}, "", ""},
	{"one in thirty is no anomaly", "HHHH", 4000, {0, 3}, "", ""},
	{"half of them may be mitigated", "HHHH", 4000, {0, 60, 0, 30},
	 "bd", "bd"},
	{"and no more, but those that fail most", "HHHHH", 5000,
	 {0, 90, 0, 50, 0}, "bd", "bd"},
	{"one of three", "HHH", 3000, {0, 40, 0}, "b", "b"},
	{"when most fail nobody stands out", "HHHH", 4000, {0, 50, 50, 50},
	 "", ""},
};
/* clang-format on */

static void test_every_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char anomalous[MOST + 1] = "", lowered[MOST + 1] = "";
		size_t n_anomalous = 0, n_lowered = 0;
		unsigned got[MOST];
		struct scene s;

		print_message("# %s\n", rows[i].name);
		scene_begin(&s, rows[i].letters, true);
		period(&s, rows[i].n, rows[i].percent, got);
		for (size_t at = 0; at < s.g.n; at++) {
			const char letter = (char)('a' + at);

			if (s.g.states[at]->is_anomalous)
				anomalous[n_anomalous++] = letter;
			if (s.g.states[at]->factor < FACTOR_ONE)
				lowered[n_lowered++] = letter;
		}
		assert_string_equal(anomalous, rows[i].anomalous);
		assert_string_equal(lowered, rows[i].lowered);
		scene_end(&s);
	}
}

/* Errors of one in twenty everywhere, ten requests for each target and period:
 * chance alone makes hardly anybody stand out. */
static void test_chance_alone_is_no_anomaly(void **state)
{
	static const unsigned all[] = {5, 5, 5, 5};
	unsigned got[MOST], n_found = 0;
	struct scene s;

	(void)state;
	scene_begin(&s, "HHHH", false);
	for (int i = 0; i < 500; i++) {
		period(&s, 48, all, got);
		for (size_t at = 0; at < 4; at++)
			n_found += s.g.states[at]->is_anomalous;
	}
	print_message("# %u of 2000\n", n_found);
	assert_in_range(n_found, 0, 100);
	scene_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_target_that_fails_loses_its_share),
		cmocka_unit_test(test_it_is_found_without_being_mitigated),
		cmocka_unit_test(test_every_row),
		cmocka_unit_test(test_chance_alone_is_no_anomaly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
