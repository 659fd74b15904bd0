/* test_counts.c - what is counted for a name outlives its configurations. */
#include "model/counts.h"
#include "model/state.h"
#include "worlds.h"

enum { WORKERS = 2 };

static struct snapshot *world(const char *name, const uint16_t *ports,
			      size_t n_ports)
{
	static const char *const targets[] = {"127.0.0.1:9"};
	struct snapshot *snap = world_of(1);
	struct load_balancer *lb =
		ARENA_NEW(&snap->arena, struct load_balancer);

	group_of(snap, 0, name, targets, 1);
	snap->balancers = lb;
	snap->n_balancers = 1;
	lb->name = snap->groups[0].name;
	lb->listeners = ARENA_ARRAY(&snap->arena, n_ports, struct listener);
	lb->n_listeners = n_ports;
	for (size_t i = 0; i < n_ports; i++)
		lb->listeners[i] =
			(struct listener){.balancer = lb, .port = ports[i]};
	return snap;
}

static void test_regress_a_name_keeps_its_counts(void **state)
{
	static const uint16_t both[] = {80, 443};
	struct count_table table = {.n_workers = WORKERS};
	struct snapshot *first = world("web", both, 2);
	struct snapshot *without = world("api", both, 2), *back;
	struct listener_state *one;
	struct group_counts *group;

	(void)state;
	counts_attach(&table, first);
	one = first->balancers[0].listeners[0].state;
	group = first->groups[0].counts;
	assert_ptr_not_equal(one, first->balancers[0].listeners[1].state);
	tally_add(&one->tally[0].counters[COUNT_REQUESTS_ALL], 2);
	tally_add(&one->tally[1].counters[COUNT_REQUESTS_ALL], 3);
	tally_add(&one->tally[1].reasons[REASON_NO_TARGET], 1);
	tally_add(&group->tally[1].counters[COUNT_REQUESTS], 4);
	snapshot_unref(first);

	counts_attach(&table, without);
	assert_int_equal(
		listener_count(without->balancers[0].listeners[0].state,
			       COUNT_REQUESTS_ALL),
		0);
	snapshot_unref(without);

	back = world("web", both, 1);
	counts_attach(&table, back);
	assert_ptr_equal(back->balancers[0].listeners[0].state, one);
	assert_ptr_equal(back->groups[0].counts, group);
	assert_int_equal(listener_count(one, COUNT_REQUESTS_ALL), 5);
	assert_int_equal(balancer_count(one->balancer, COUNT_REQUESTS_ALL), 5);
	assert_int_equal(balancer_reasons(one->balancer, REASON_NO_TARGET), 1);
	assert_int_equal(group_count(group, COUNT_REQUESTS), 4);
	snapshot_unref(back);
	counts_release(&table);
}

static void test_too_many_names_are_counted_together(void **state)
{
	static const uint16_t three[] = {1, 2, 3};
	struct count_table table = {.n_workers = 1, .most = 1};
	struct snapshot *snap = world("web", three, 3);
	struct snapshot *other = world("api", three, 1);
	const struct listener *l = snap->balancers[0].listeners;

	(void)state;
	counts_attach(&table, snap);
	counts_attach(&table, other);
	assert_int_equal(l[0].state->port, 1);
	assert_slice(l[1].state->balancer->name, COUNTS_OTHERS);
	assert_ptr_equal(l[1].state, l[2].state);
	assert_ptr_equal(other->balancers[0].listeners[0].state, l[1].state);
	assert_slice(snap->groups[0].counts->name, "web");
	assert_slice(other->groups[0].counts->name, COUNTS_OTHERS);
	snapshot_unref(snap);
	snapshot_unref(other);
	counts_release(&table);
}

static void test_a_target_that_is_forgotten_was_counted(void **state)
{
	struct state_table table = {.n_workers = WORKERS};
	struct target_state *s;
	struct addr addr;

	(void)state;
	assert_true(addr_parse(SLICE("127.0.0.1:9"), &addr));
	s = state_get(&table, SLICE("app"), SLICE("127.0.0.1"), &addr);
	tally_add(&s->tally[1].counters[COUNT_TARGET_CONNECTIONS], 7);
	assert_int_equal(state_table_count(&table, COUNT_TARGET_CONNECTIONS),
			 7);
	state_unref(s);
	state_table_sweep(&table);
	assert_null(table.by_slot[0]);
	assert_int_equal(state_table_count(&table, COUNT_TARGET_CONNECTIONS),
			 7);
	state_table_release(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_regress_a_name_keeps_its_counts),
		cmocka_unit_test(test_too_many_names_are_counted_together),
		cmocka_unit_test(test_a_target_that_is_forgotten_was_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
