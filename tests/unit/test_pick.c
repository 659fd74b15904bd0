/* test_pick.c - who may be picked, when a group fails open, and who lives on.
 *
 * A row's targets are letters: I initial, H healthy, U unhealthy, N unused,
 * D draining, V unavailable. They are called a, b, c in that order.
 */
#include "unit.h"

#include "balance/pick.h"

enum { MOST = 8, N_WORKERS = 4 };

struct group {
	struct state_table table;
	struct target_group group;
	struct group_state *gs;
	struct target_state *states[MOST]; /* borrowed from the roster */
	size_t n;
};

static enum health health_of(char letter)
{
	static const char letters[] = "IHUNDV";

	return (enum health)(strchr(letters, letter) - letters);
}

static struct addr addr_of(unsigned last)
{
	struct addr a = {.len = sizeof(a.in)};

	a.in.sin_family = AF_INET;
	a.in.sin_port = htons(80);
	a.in.sin_addr.s_addr = htonl(0x0a000000 + last);
	return a;
}

/* The roster of those targets; also as a second one. */
static void publish(struct group *g, const char *letters,
		    const unsigned *weights)
{
	struct member members[MOST];

	g->n = strlen(letters);
	for (size_t i = 0; i < g->n; i++) {
		char id[2] = {(char)('a' + i), '\0'};
		struct addr addr = addr_of((unsigned)i + 1);

		g->states[i] =
			state_get(&g->table, SLICE("web"), slice_of(id), &addr);
		atomic_store(&g->states[i]->health, health_of(letters[i]));
		members[i] = (struct member){
			.state = g->states[i],
			.weight = weights ? weights[i] : 1,
		};
	}
	group_state_publish(g->gs, roster_new(members, g->n));
}

static void begin(struct group *g, const char *letters,
		  struct healthy_minimum least)
{
	*g = (struct group){
		.table.n_workers = N_WORKERS,
		.group.name = SLICE("web"),
		.group.routing_minimum = least,
		.gs = group_state_new(),
	};
	publish(g, letters, NULL);
}

static void end(struct group *g)
{
	group_state_free(g->gs);
	state_table_sweep(&g->table);
	assert_int_equal(g->table.by_key.n_used, 0);
	state_table_release(&g->table);
}

static char next_of(struct pick_table *t, const struct target_state *avoid)
{
	struct target_state *s = pick_next(t, avoid);

	return s ? s->id.p[0] : '-';
}

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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
