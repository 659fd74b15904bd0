/* test_pick.c - who may be picked, when a group fails open, and who lives on.
 */
#include "targets.h"

#include "balance/passive.h"

/* clang-format off */
static const struct {
	const char *name;
	const char *letters;
	struct healthy_minimum least;
	const char *turns;
	bool failed_open;
} rows[] = {
	{"no target", "", {1, 0}, "--", false},
	{"healthy ones only", "HUHI", {1, 0}, "acac", false},
	{"none is healthy", "UIU", {1, 0}, "abca", true},
	{"just started", "III", {1, 0}, "abca", true},
	{"all unused", "NN", {1, 0}, "--", false},
	{"all draining", "DD", {1, 0}, "--", false},
	{"draining and unused stay out", "UDNU", {1, 0}, "adad", true},
	{"unavailable takes traffic", "VUV", {1, 0}, "acac", false},
	{"below the count", "HHUU", {3, 0}, "abcd", true},
	{"at the count", "HHHU", {3, 0}, "abca", false},
	{"below the percentage", "HUUU", {1, 50}, "abcd", true},
	{"at the percentage", "HHUU", {1, 50}, "abab", false},
	{"percentage without rounding", "HUU", {1, 34}, "abca", true},
	{"percentage of the registered ones", "HUDDNN", {1, 50}, "aaaa", false},
	{"either one is enough", "HHUU", {3, 10}, "abcd", true},
	{"all healthy is never open", "HH", {5, 0}, "abab", false},
	{"thresholds off", "UU", {0, 0}, "--", false},
};
/* clang-format on */

static void test_every_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct pick_table t = {0};
		struct group g;
		char got[8] = "";

		print_message("# %s\n", rows[i].name);
		begin(&g, rows[i].letters, rows[i].least);
		pick_refresh(&t, g.gs, &g.group, 0);
		for (size_t at = 0; rows[i].turns[at]; at++)
			got[at] = next_of(&t, NULL);
		assert_string_equal(got, rows[i].turns);
		assert_int_equal(t.failed_open, rows[i].failed_open);
		pick_release(&t);
		end(&g);
	}
}

static void test_a_health_shows_once_the_group_is_touched(void **state)
{
	struct pick_table t = {0};
	struct group g;

	(void)state;
	begin(&g, "HHH", (struct healthy_minimum){1, 0});
	pick_refresh(&t, g.gs, &g.group, 0);
	atomic_store(&g.states[1]->health, HEALTH_UNHEALTHY);
	group_state_touch(g.gs);
	pick_refresh(&t, g.gs, &g.group, 0);
	for (int i = 0; i < 6; i++)
		assert_int_not_equal(next_of(&t, NULL), 'b');
	assert_null(pick_find(&t, g.states[1]->identity));
	pick_release(&t);
	end(&g);
}

static void test_a_refresh_goes_on_with_the_next_turn(void **state)
{
	struct pick_table t = {0}, heir = {0};
	struct group g;

	(void)state;
	begin(&g, "HHH", (struct healthy_minimum){1, 0});
	pick_refresh(&t, g.gs, &g.group, 0);
	assert_int_equal(next_of(&t, NULL), 'a');
	group_state_touch(g.gs);
	pick_refresh(&t, g.gs, &g.group, 0);
	assert_int_equal(next_of(&t, NULL), 'b');

	pick_inherit(&heir, &t);
	pick_refresh(&heir, g.gs, &g.group, 0);
	assert_int_equal(next_of(&heir, NULL), 'c');
	pick_release(&heir);
	pick_release(&t);
	end(&g);
}

static void test_workers_begin_at_different_targets(void **state)
{
	struct group g;
	char got[N_WORKERS + 1] = "";

	(void)state;
	begin(&g, "HHHHHHHH", (struct healthy_minimum){1, 0});
	for (unsigned w = 0; w < N_WORKERS; w++) {
		struct pick_table t = {0};

		pick_refresh(&t, g.gs, &g.group, w);
		got[w] = next_of(&t, NULL);
		pick_release(&t);
	}
	assert_string_equal(got, "aceg");
	end(&g);
}

static void test_weights_come_from_the_roster(void **state)
{
	static const unsigned weights[] = {3, 1};
	struct pick_table t = {0};
	struct group g;
	unsigned n_first = 0;

	(void)state;
	begin(&g, "", (struct healthy_minimum){1, 0});
	publish(&g, "HH", weights);
	pick_refresh(&t, g.gs, &g.group, 0);
	for (int i = 0; i < 40; i++)
		n_first += next_of(&t, NULL) == 'a';
	assert_int_equal(n_first, 30);
	pick_release(&t);
	end(&g);
}

static void test_find_gives_only_what_may_be_used(void **state)
{
	struct pick_table t = {0};
	struct group g;

	(void)state;
	begin(&g, "HHUDHHH", (struct healthy_minimum){1, 0});
	pick_refresh(&t, g.gs, &g.group, 0);
	for (size_t i = 0; i < g.n; i++) {
		struct target_state *s = pick_find(&t, g.states[i]->identity);

		assert_ptr_equal(s, i == 2 || i == 3 ? NULL : g.states[i]);
	}
	assert_null(pick_find(&t, 42));
	pick_release(&t);
	assert_null(pick_find(&t, 42));
	end(&g);
}

static void test_a_table_keeps_its_targets_alive(void **state)
{
	struct pick_table t = {0};
	struct target_state *kept;
	struct group g;

	(void)state;
	begin(&g, "H", (struct healthy_minimum){1, 0});
	kept = g.states[0];
	pick_refresh(&t, g.gs, &g.group, 0);
	publish(&g, "", NULL);
	state_table_sweep(&g.table);
	assert_int_equal(g.table.by_key.n_used, 1);
	assert_ptr_equal(pick_next(&t, NULL), kept);

	pick_refresh(&t, g.gs, &g.group, 0);
	assert_null(pick_next(&t, NULL));
	pick_release(&t);
	end(&g);
}

/* clang-format off */
static const struct {
	const char *name;
	const char *letters;
	const char *backups;
	const char *turns;
	bool failed_open;
} backup_rows[] = {
	{"they wait", "HHH", "c", "abab", false},
	{"they take over", "UIH", "c", "cccc", false},
	{"all of them", "UHH", "bc", "bcbc", false},
	{"before the group fails open", "UUHU", "cd", "cccc", false},
	{"when they are ill too", "UUU", "c", "abab", true},
	{"nobody else is there", "HH", "ab", "abab", false},
	{"nobody else is registered", "DHU", "bc", "bbbb", false},
	{"nobody else, and they are ill", "UU", "ab", "abab", true},
};

static const struct {
	const char *name;
	const char *letters;
	const char *zones[4];
	struct healthy_minimum least;
	const char *turns;
	bool failed_open, zone_is_empty;
} zone_rows[] = {
	{"our own alone", "HHH", {"z", "y", "z"}, {1, 0}, "acac", false, false},
	{"and those of all zones", "HHH", {"all", "y", "z"}, {1, 0}, "acac",
	 false, false},
	{"nobody is here", "HH", {"y", "x"}, {1, 0}, "--", false, true},
	{"who is here drains", "DH", {"z", "y"}, {1, 0}, "--", false, true},
	{"nobody is anywhere", "", {0}, {1, 0}, "-", false, false},
	{"ours are ill: they fail open", "UUH", {"z", "z", "y"}, {1, 0},
	 "abab", true, false},
	{"the percentage is of the zone", "HUUU", {"z", "y", "y", "y"},
	 {1, 50}, "aaaa", false, false},
};
/* clang-format on */

static void turns_of(struct pick_table *t, const char *turns)
{
	char got[16] = "";

	for (size_t at = 0; turns[at]; at++)
		got[at] = next_of(t, NULL);
	assert_string_equal(got, turns);
}

static void test_backups_wait_for_their_hour(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(backup_rows); i++) {
		struct pick_table t = {0};
		struct group g;

		print_message("# %s\n", backup_rows[i].name);
		begin(&g, "", (struct healthy_minimum){1, 0});
		g.backups = backup_rows[i].backups;
		publish(&g, backup_rows[i].letters, NULL);
		pick_refresh(&t, g.gs, &g.group, 0);
		turns_of(&t, backup_rows[i].turns);
		assert_int_equal(t.failed_open, backup_rows[i].failed_open);
		pick_release(&t);
		end(&g);
	}
}

static void test_a_zone_has_its_own_targets(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(zone_rows); i++) {
		struct pick_table t = {0};
		struct group g;

		print_message("# %s\n", zone_rows[i].name);
		begin(&g, "", zone_rows[i].least);
		g.group.zone = SLICE("z");
		g.zones = zone_rows[i].zones;
		publish(&g, zone_rows[i].letters, NULL);
		pick_refresh(&t, g.gs, &g.group, 0);
		turns_of(&t, zone_rows[i].turns);
		assert_int_equal(t.failed_open, zone_rows[i].failed_open);
		assert_int_equal(t.zone_is_empty, zone_rows[i].zone_is_empty);
		pick_release(&t);
		end(&g);
	}
}

/* -- those that cannot be connected to ------------------------------------- */

enum { REST_MS = 10000 };

static void begin_passive(struct group *g, const char *letters)
{
	clock_fake(1000, 1700000000);
	begin(g, letters, (struct healthy_minimum){1, 0});
	g->group.passive = (struct passive_checks){3, REST_MS};
}

static void refuse(struct group *g, size_t i)
{
	if (passive_note_failure(g->states[i], &g->group.passive,
				 clock_now_ms()))
		group_state_touch(g->gs);
}

static void test_three_failures_in_a_row_are_a_rest(void **state)
{
	struct pick_table t = {0};
	struct group g;

	(void)state;
	begin_passive(&g, "HHHH");
	refuse(&g, 1);
	refuse(&g, 1);
	assert_false(passive_note_success(g.states[1], clock_now_ms()));
	refuse(&g, 1);
	refuse(&g, 1);
	pick_refresh(&t, g.gs, &g.group, 0);
	turns_of(&t, "abcd");
	refuse(&g, 1);
	pick_refresh(&t, g.gs, &g.group, 0);
	turns_of(&t, "acdac");
	assert_null(pick_find(&t, g.states[1]->identity));
	assert_int_equal(passive_rest_ms(g.states[1], clock_now_ms()), REST_MS);

	/* A health check passes. */
	assert_true(passive_note_success(g.states[1], clock_now_ms()));
	group_state_touch(g.gs);
	pick_refresh(&t, g.gs, &g.group, 0);
	assert_non_null(pick_find(&t, g.states[1]->identity));
	pick_release(&t);
	end(&g);
}

/* Picks of as many turns as there are targets that meet `b`. */
static unsigned n_of_b(struct pick_table *t, struct group *g)
{
	unsigned n = 0;

	for (size_t i = 0; i < g->n * 2; i++) {
		pick_refresh(t, g->gs, &g->group, 0);
		n += next_of(t, NULL) == 'b';
	}
	return n;
}

static void test_one_request_tries_after_a_rest(void **state)
{
	struct pick_table t = {0}, other = {0};
	struct group g;

	(void)state;
	begin_passive(&g, "HHHH");
	for (int i = 0; i < 3; i++)
		refuse(&g, 1);
	assert_int_equal(n_of_b(&t, &g), 0);
	clock_fake(1000 + REST_MS, 1700000010);
	pick_refresh(&other, g.gs, &g.group, 1);
	assert_int_equal(n_of_b(&t, &g), 1);
	/* Nor does another worker, whose table was made before. */
	assert_int_equal(n_of_b(&other, &g), 0);
	refuse(&g, 1);
	assert_int_equal(n_of_b(&t, &g), 0);

	clock_fake(1001 + 2 * REST_MS, 1700000020);
	assert_int_equal(n_of_b(&t, &g), 1);
	if (passive_note_success(g.states[1], clock_now_ms()))
		group_state_touch(g.gs);
	assert_int_equal(n_of_b(&t, &g), 2);
	pick_release(&other);
	pick_release(&t);
	end(&g);
}

static void test_at_most_half_of_them_rest(void **state)
{
	struct pick_table t = {0};
	struct group g;
	uint64_t epoch;

	(void)state;
	begin_passive(&g, "HHHUH");
	for (int i = 0; i < 3; i++)
		for (size_t at = 0; at < 5; at++)
			refuse(&g, at);
	pick_refresh(&t, g.gs, &g.group, 0);
	turns_of(&t, "cece");
	/* Who serves although it should rest costs no new table each time. */
	epoch = group_state_epoch(g.gs);
	refuse(&g, 2);
	turns_of(&t, "cece");
	assert_int_equal(group_state_epoch(g.gs), epoch);
	pick_release(&t);
	end(&g);
}

static void test_a_backup_stands_in_for_one_that_rests(void **state)
{
	struct pick_table t = {0};
	struct group g;

	(void)state;
	begin_passive(&g, "");
	g.backups = "b";
	publish(&g, "HH", NULL);
	for (int i = 0; i < 3; i++)
		refuse(&g, 0);
	pick_refresh(&t, g.gs, &g.group, 0);
	turns_of(&t, "bbb");
	pick_release(&t);
	end(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_row),
		cmocka_unit_test(test_a_health_shows_once_the_group_is_touched),
		cmocka_unit_test(test_a_refresh_goes_on_with_the_next_turn),
		cmocka_unit_test(test_workers_begin_at_different_targets),
		cmocka_unit_test(test_weights_come_from_the_roster),
		cmocka_unit_test(test_find_gives_only_what_may_be_used),
		cmocka_unit_test(test_a_table_keeps_its_targets_alive),
		cmocka_unit_test(test_backups_wait_for_their_hour),
		cmocka_unit_test(test_a_zone_has_its_own_targets),
		cmocka_unit_test(test_three_failures_in_a_row_are_a_rest),
		cmocka_unit_test(test_one_request_tries_after_a_rest),
		cmocka_unit_test(test_at_most_half_of_them_rest),
		cmocka_unit_test(test_a_backup_stands_in_for_one_that_rests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
