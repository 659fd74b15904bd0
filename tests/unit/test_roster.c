/* test_roster.c - who is in a group, who drains, who comes back. */
#include <stdlib.h>

#include "base/clock.h"
#include "control/roster.h"
#include "worlds.h"

/* What the resolver and the workers would do. */
static struct {
	struct addr addresses[4];
	size_t n_addresses;
	char cut[ADDR_TEXT_MAX];
	unsigned n_cut;
} others;

static size_t lookup(void *arg, struct slice name,
		     const struct addr **addresses)
{
	(void)arg;
	assert_slice(name, "app.test");
	*addresses = others.addresses;
	return others.n_addresses;
}

static void cut(void *arg, struct target_state *state)
{
	(void)arg;
	others.n_cut++;
	snprintf(others.cut, sizeof(others.cut), "%s", state->name);
}

static const struct rosters_ops ops = {lookup, cut};

static struct rosters *begin(void)
{
	memset(&others, 0, sizeof(others));
	clock_fake(1000, 1700000000);
	log_setup(LOG_ERROR, LOG_TEXT);
	return rosters_new(1, &ops, NULL);
}

static struct snapshot *world(struct rosters *r, const char *const *targets,
			      size_t n)
{
	struct snapshot *snap = world_of(1);

	group_of(snap, 0, "app", targets, n);
	rosters_attach(snap);
	if (r)
		rosters_update(r, snap);
	return snap;
}

static struct target_state *member(const struct snapshot *snap, size_t i)
{
	struct roster *roster = group_state_roster(snap->groups[0].state);
	struct target_state *s =
		i < roster->n_members ? roster->members[i].state : NULL;

	roster_unref(roster); /* the group still has it */
	return s;
}

static size_t n_members(const struct snapshot *snap)
{
	struct roster *roster = group_state_roster(snap->groups[0].state);
	size_t n = roster->n_members;

	roster_unref(roster);
	return n;
}

static const char *const both[] = {"127.0.0.1:1001", "127.0.0.1:1002"};

static void test_a_state_outlives_its_snapshot(void **state)
{
	struct rosters *r = begin();
	struct snapshot *first = world(r, both, 2), *second;
	struct target_state *one = member(first, 0);

	(void)state;
	assert_int_equal(one->health, HEALTH_INITIAL);
	assert_int_equal(one->health_since_s, 1700000000);
	one->health = HEALTH_HEALTHY;
	second = world(r, both, 2);
	snapshot_unref(first);
	assert_ptr_equal(member(second, 0), one);
	assert_int_equal(one->health, HEALTH_HEALTHY);
	snapshot_unref(second);
	rosters_free(r);
}

static void test_who_leaves_drains_for_the_delay(void **state)
{
	struct rosters *r = begin();
	struct snapshot *first = world(r, both, 2), *second;
	struct target_state *gone = member(first, 1);
	const struct target_state *shown;
	uint64_t left_ms;
	size_t at = 0;

	(void)state;
	second = world(NULL, both, 1);
	second->groups[0].deregistration_delay_ms = 5000;
	rosters_update(r, second);
	snapshot_unref(first);

	assert_int_equal(gone->health, HEALTH_DRAINING);
	assert_int_equal(gone->health_reason, HEALTH_DEREGISTRATION);
	shown = rosters_next_draining(r, &at, &left_ms);
	assert_ptr_equal(shown, gone);
	assert_int_equal(left_ms, 5000);
	assert_null(rosters_next_draining(r, &at, &left_ms));

	clock_fake(5999, 1700000005);
	assert_int_equal(rosters_tend(r), 1);
	assert_int_equal(others.n_cut, 0);
	clock_fake(6000, 1700000005);
	assert_int_equal(rosters_tend(r), UINT64_MAX);
	assert_int_equal(others.n_cut, 1);
	assert_string_equal(others.cut, "127.0.0.1:1002");
	at = 0;
	assert_null(rosters_next_draining(r, &at, &left_ms));
	snapshot_unref(second);
	rosters_free(r);
}

static void test_who_is_back_starts_over(void **state)
{
	struct rosters *r = begin();
	struct snapshot *first = world(r, both, 2), *second, *third;
	struct target_state *s = member(first, 1);

	(void)state;
	first->groups[0].deregistration_delay_ms = 5000;
	s->health = HEALTH_HEALTHY;
	second = world(r, both, 1);
	assert_int_equal(s->health, HEALTH_DRAINING);
	third = world(r, both, 2);
	assert_ptr_equal(member(third, 1), s);
	assert_int_equal(s->health, HEALTH_INITIAL);
	clock_fake(100000, 1700000099);
	rosters_tend(r);
	assert_int_equal(others.n_cut, 0);
	snapshot_unref(first);
	snapshot_unref(second);
	snapshot_unref(third);
	rosters_free(r);
}

/* A copy of the group's own targets, of which one is laid over. */
static void lay(struct snapshot *snap, size_t which, enum laid laid)
{
	struct target_group *g = &snap->groups[0];
	struct laid_targets *l = calloc(1, sizeof(*l));

	l->n = g->n_targets;
	l->targets = ARENA_ARRAY(&l->arena, l->n, struct target);
	memcpy(l->targets, g->targets, l->n * sizeof(*l->targets));
	l->targets[which].laid = laid;
	group_state_lay(g->state, l);
}

static void test_who_is_drained_stays_without_an_end(void **state)
{
	struct rosters *r = begin();
	struct snapshot *snap = world(r, both, 2);
	struct target_state *s = member(snap, 1);
	uint64_t left_ms;
	size_t at = 0;

	(void)state;
	s->health = HEALTH_HEALTHY;
	lay(snap, 1, LAID_DRAINED);
	rosters_update(r, snap);
	assert_int_equal(n_members(snap), 1);
	assert_int_equal(s->health, HEALTH_DRAINING);
	assert_ptr_equal(rosters_next_draining(r, &at, &left_ms), s);
	assert_true(left_ms == UINT64_MAX);
	/* No delay ends it, and what was laid over goes on as it was. */
	clock_fake(100000000, 1700100000);
	assert_true(rosters_tend(r) == UINT64_MAX);
	assert_int_equal(others.n_cut, 0);
	rosters_update(r, snap);
	assert_int_equal(s->health, HEALTH_DRAINING);

	group_state_lay(snap->groups[0].state, NULL);
	rosters_update(r, snap);
	assert_ptr_equal(member(snap, 1), s);
	assert_int_equal(s->health, HEALTH_INITIAL);
	assert_int_equal(member(snap, 0)->health, HEALTH_INITIAL);

	/* Taken out while it was drained: the delay begins. */
	lay(snap, 1, LAID_DRAINED);
	rosters_update(r, snap);
	snap->groups[0].deregistration_delay_ms = 5000;
	lay(snap, 1, LAID_DEREGISTERED);
	rosters_update(r, snap);
	at = 0;
	assert_ptr_equal(rosters_next_draining(r, &at, &left_ms), s);
	assert_int_equal(left_ms, 5000);
	snapshot_unref(snap);
	rosters_free(r);
}

static void test_a_name_is_as_many_members_as_addresses(void **state)
{
	const char *const named[] = {"app.test:80"};
	struct rosters *r = begin();
	struct snapshot *snap = world(r, named, 1);
	uint64_t epoch = group_state_epoch(snap->groups[0].state);

	(void)state;
	assert_int_equal(n_members(snap), 0);

	addr_parse_ip(SLICE("10.0.0.1"), 0, &others.addresses[0]);
	addr_parse_ip(SLICE("10.0.0.2"), 0, &others.addresses[1]);
	/* An answer with the same address twice is one member. */
	others.addresses[2] = others.addresses[0];
	others.n_addresses = 3;
	rosters_update(r, snap);
	assert_int_equal(n_members(snap), 2);
	assert_string_equal(member(snap, 0)->name, "10.0.0.1:80");
	assert_slice(member(snap, 0)->id, "app.test");
	assert_true(group_state_epoch(snap->groups[0].state) > epoch);

	/* The same again is no news for the workers. */
	epoch = group_state_epoch(snap->groups[0].state);
	rosters_update(r, snap);
	assert_int_equal(group_state_epoch(snap->groups[0].state), epoch);

	others.n_addresses = 1;
	rosters_update(r, snap);
	assert_int_equal(n_members(snap), 1);
	snapshot_unref(snap);
	rosters_free(r);
}

static void test_health_follows_the_group(void **state)
{
	struct rosters *r = begin();
	struct snapshot *snap = world(NULL, both, 1);
	struct target_group *g = &snap->groups[0];
	struct target_state *s;

	(void)state;
	g->is_used = false;
	rosters_update(r, snap);
	s = member(snap, 0);
	assert_int_equal(s->health, HEALTH_UNUSED);
	assert_int_equal(s->health_reason, HEALTH_NOT_IN_USE);
	g->is_used = true;
	g->health_check.enabled = false;
	rosters_update(r, snap);
	assert_int_equal(s->health, HEALTH_UNAVAILABLE);
	g->health_check.enabled = true;
	rosters_update(r, snap);
	assert_int_equal(s->health, HEALTH_INITIAL);
	snapshot_unref(snap);
	rosters_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_state_outlives_its_snapshot),
		cmocka_unit_test(test_who_leaves_drains_for_the_delay),
		cmocka_unit_test(test_who_is_back_starts_over),
		cmocka_unit_test(test_who_is_drained_stays_without_an_end),
		cmocka_unit_test(test_a_name_is_as_many_members_as_addresses),
		cmocka_unit_test(test_health_follows_the_group),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
