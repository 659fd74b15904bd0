/* test_history.c - what was counted in each ten seconds. */
#include <stdlib.h>

#include "base/clock.h"
#include "control/daemon.h"
#include "control/history.h"
#include "worlds.h"

enum { START_MS = 1000000, START_S = 1700000000 };

struct scene {
	struct daemon daemon;
	uint64_t now_ms;
};

static size_t lookup(void *arg, struct slice name,
		     const struct addr **addresses)
{
	(void)arg;
	(void)name;
	(void)addresses;
	return 0;
}

static void cut(void *arg, struct target_state *state)
{
	(void)arg;
	(void)state;
}

static const struct rosters_ops ops = {lookup, cut};

/* A load balancer "web" with listeners 1 to n, and a group "app". */
static void serve(struct scene *s, uint16_t n, uint32_t history_s)
{
	static const char *const targets[] = {"127.0.0.1:1", "127.0.0.1:2"};
	struct snapshot *snap = world_of(1);
	struct load_balancer *lb =
		ARENA_NEW(&snap->arena, struct load_balancer);
	struct daemon *d = &s->daemon;

	group_of(snap, 0, "app", targets, 2);
	lb->name = SLICE("web");
	lb->listeners = ARENA_ARRAY(&snap->arena, n, struct listener);
	lb->n_listeners = n;
	for (uint16_t i = 0; i < n; i++)
		lb->listeners[i] = (struct listener){.balancer = lb,
						     .port = (uint16_t)(i + 1)};
	snap->balancers = lb;
	snap->n_balancers = 1;
	snap->n_listeners = n;
	snap->settings.history_s = history_s;
	counts_attach(&d->counts, snap);
	rosters_attach(snap);
	rosters_update(d->rosters, snap);
	snapshot_unref(d->snap);
	d->snap = snap;
}

static int begin(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));

	log_setup(LOG_ERROR, LOG_TEXT);
	s->now_ms = START_MS;
	clock_fake(START_MS, START_S);
	s->daemon.counts.n_workers = 1;
	s->daemon.rosters = rosters_new(1, &ops, NULL);
	*state = s;
	return 0;
}

static int finish(void **state)
{
	struct scene *s = *state;

	history_free(s->daemon.history);
	events_release(&s->daemon.events);
	snapshot_unref(s->daemon.snap);
	rosters_free(s->daemon.rosters);
	counts_release(&s->daemon.counts);
	free(s);
	return 0;
}

static void pass(struct scene *s, uint64_t seconds)
{
	s->now_ms += seconds * 1000;
	clock_fake(s->now_ms,
		   START_S + (time_t)((s->now_ms - START_MS) / 1000));
	history_tend(&s->daemon);
}

static struct listener_tally *tally(struct scene *s, uint16_t port)
{
	return &s->daemon.snap->balancers[0]
			.listeners[port - 1]
			.state->tally[0];
}

/* A point of a series; -1 for null, -2 where there is none. */
static double value(const json_t *all, const char *series, const char *column,
		    size_t place)
{
	const json_t *o =
		json_object_get(json_object_get(all, "series"), series);
	const json_t *v = json_array_get(json_object_get(o, column), place);

	if (!v)
		return -2;
	return json_is_null(v) ? -1 : json_number_value(v);
}

#define assert_value(all, series, column, place, wanted)                       \
	assert_int_equal((int)(value(all, series, column, place) * 1000),      \
			 (int)((wanted)*1000))

static void test_regress_each_step_has_its_own(void **state)
{
	struct scene *s = *state;
	struct group_tally *group;
	json_t *all;

	serve(s, 1, 3600);
	pass(s, 1);
	group = &s->daemon.snap->groups[0].counts->tally[0];
	tally_add(&tally(s, 1)->counters[COUNT_REQUESTS_ALL], 5);
	tally_add(&tally(s, 1)->counters[COUNT_ELB_5XX], 1);
	tally_add(&tally(s, 1)->counters[COUNT_TARGET_5XX], 2);
	tally_add(&tally(s, 1)->counters[COUNT_CLIENT_CONNECTIONS], 3);
	tally_add(&tally(s, 1)->reasons[REASON_NO_TARGET], 1);
	tally_add(&tally(s, 1)->reasons[REASON_REDIRECT], 1);
	for (int i = 0; i < 99; i++)
		histogram_add(&tally(s, 1)->durations, 5);
	histogram_add(&tally(s, 1)->durations, 700);
	histogram_add(&tally(s, 1)->durations, 700);
	tally_add(&group->counters[COUNT_REQUESTS], 4);
	histogram_add(&group->response_times, 1500);
	pass(s, 10);
	tally_add(&tally(s, 1)->counters[COUNT_REQUESTS_ALL], 7);
	tally_add(&tally(s, 1)->counters[COUNT_CLIENT_CLOSED], 2);
	/* A reload changes nothing: names have the counters. */
	serve(s, 1, 3600);
	pass(s, 10);
	all = history_to_json(&s->daemon, 0);
	assert_int_equal(
		json_integer_value(json_object_get(all, "step_seconds")), 10);
	assert_string_equal(json_string_value(json_object_get(all, "from")),
			    "2023-11-14T22:13:21Z");
#define L "listener:web:1"
	assert_value(all, L, "requests", 0, 5);
	assert_value(all, L, "requests", 1, 7);
	assert_value(all, L, "requests", 2, -2);
	assert_value(all, L, "errors", 0, 1);
	assert_value(all, L, "errors", 1, 0);
	assert_value(all, L, "responses_5xx", 0, 3);
	assert_value(all, L, "connections", 0, 3);
	assert_value(all, L, "connections", 1, 1);
	assert_value(all, L, "p50_ms", 0, 5);
	assert_value(all, L, "p99_ms", 0, 700);
	assert_value(all, L, "p99_ms", 1, 0);
#define G "target_group:app"
	assert_value(all, G, "requests", 0, 4);
	assert_value(all, G, "seconds_sum", 0, 1.5);
	assert_value(all, G, "seconds_count", 0, 1);
	assert_value(all, G, "healthy", 0, 0);
	json_decref(all);
	all = history_to_json(&s->daemon, START_S + 11);
	assert_value(all, L, "requests", 0, 7);
	assert_value(all, L, "requests", 1, -2);
	json_decref(all);
}

/* However long it remembers, an answer is short, and nothing is lost in it. */
static void test_many_steps_are_told_together(void **state)
{
	struct scene *s = *state;
	double sum = 0;
	json_t *all;

	serve(s, 1, 7200);
	pass(s, 1);
	for (int i = 0; i < 1000; i++) {
		tally_add(&tally(s, 1)->counters[COUNT_REQUESTS_ALL], 1);
		pass(s, 10);
	}
	all = history_to_json(&s->daemon, 0);
	assert_int_equal(
		json_integer_value(json_object_get(all, "step_seconds")), 20);
	for (size_t i = 0; i < HISTORY_POINTS; i++) {
		assert_value(all, L, "requests", i, 2);
		sum += value(all, L, "requests", i);
	}
	assert_int_equal((int)sum, 720);
	assert_value(all, L, "requests", HISTORY_POINTS, -2);
	json_decref(all);
}

static void test_regress_those_with_most_requests_are_kept(void **state)
{
	struct scene *s = *state;
	json_t *all;

	serve(s, HISTORY_SERIES + 2, 3600);
	pass(s, 1);
	for (uint16_t p = 1; p <= HISTORY_SERIES; p++)
		tally_add(&tally(s, p)->counters[COUNT_REQUESTS_ALL], 10u + p);
	pass(s, 10);
	/* Fewer than any other: nothing is forgotten for it. */
	tally_add(&tally(s, HISTORY_SERIES + 1)->counters[COUNT_REQUESTS_ALL],
		  3);
	pass(s, 10);
	all = history_to_json(&s->daemon, 0);
	assert_int_equal(json_object_size(json_object_get(all, "series")),
			 HISTORY_SERIES + 1);
	assert_value(all, L, "requests", 0, 11);
	assert_value(all, "listener:web:65", "requests", 0, -2);
	json_decref(all);
	/* More than the one with the fewest. */
	tally_add(&tally(s, HISTORY_SERIES + 1)->counters[COUNT_REQUESTS_ALL],
		  50);
	pass(s, 10);
	tally_add(&tally(s, HISTORY_SERIES + 1)->counters[COUNT_REQUESTS_ALL],
		  2);
	pass(s, 10);
	all = history_to_json(&s->daemon, 0);
	assert_int_equal(json_object_size(json_object_get(all, "series")),
			 HISTORY_SERIES + 1);
	assert_value(all, L, "requests", 0, -2);
	assert_value(all, "listener:web:65", "requests", 1, -1);
	assert_value(all, "listener:web:65", "requests", 3, 2);
	json_decref(all);
}

/* What advice looks at: the last ten minutes, and nothing before. */
static void test_regress_what_was_shed_lately(void **state)
{
	struct scene *s = *state;
	const struct listener_state *l;

	serve(s, 1, 3600);
	pass(s, 1);
	l = s->daemon.snap->balancers[0].listeners[0].state;
	assert_int_equal(history_shed(&s->daemon, l, 600), 0);
	tally_add(&tally(s, 1)->counters[COUNT_CLIENT_REJECTED], 2);
	tally_add(&tally(s, 1)->counters[COUNT_LIMITED], 3);
	tally_add(&tally(s, 1)->reasons[REASON_OVERLOADED], 4);
	pass(s, 10);
	assert_int_equal(history_shed(&s->daemon, l, 600), 9);
	for (int i = 0; i < 60; i++)
		pass(s, 10);
	assert_int_equal(history_shed(&s->daemon, l, 600), 0);
}

static void test_off_sleeping_and_changed(void **state)
{
	struct scene *s = *state;
	json_t *all;

	serve(s, 1, 0);
	pass(s, 100);
	assert_null(s->daemon.history);
	all = history_to_json(&s->daemon, 0);
	assert_int_equal(json_object_size(json_object_get(all, "series")), 0);
	json_decref(all);
	tally_add(&tally(s, 1)->counters[COUNT_REQUESTS_ALL], 1000);
	/* What was counted before is no part of the first step. */
	serve(s, 1, 60);
	pass(s, 1);
	tally_add(&tally(s, 1)->counters[COUNT_REQUESTS_ALL], 1);
	pass(s, 10);
	/* The process slept for longer than it remembers. */
	tally_add(&tally(s, 1)->counters[COUNT_REQUESTS_ALL], 8);
	pass(s, 86400);
	pass(s, 10);
	all = history_to_json(&s->daemon, 0);
	for (size_t i = 0; i < 6; i++)
		assert_value(all, L, "requests", i, 0);
	assert_value(all, L, "requests", 6, -2);
	json_decref(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_regress_each_step_has_its_own, begin, finish),
		cmocka_unit_test_setup_teardown(
			test_many_steps_are_told_together, begin, finish),
		cmocka_unit_test_setup_teardown(
			test_regress_those_with_most_requests_are_kept, begin,
			finish),
		cmocka_unit_test_setup_teardown(
			test_regress_what_was_shed_lately, begin, finish),
		cmocka_unit_test_setup_teardown(test_off_sleeping_and_changed,
						begin, finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
