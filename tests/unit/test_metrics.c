/* test_metrics.c - the page of metrics: its form, its sums, and what it leaves
 * out. */
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "control/daemon.h"
#include "control/metrics.h"
#include "control/metrics_parts.h"
#include "worlds.h"

enum { WORKERS = 2 };

struct scene {
	struct daemon daemon;
	struct text page;
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

/* One load balancer with an odd name, a listener with `n_rules` rules, a group
 * with `n_targets` targets. */
static struct snapshot *world(uint32_t n_rules, uint32_t n_targets)
{
	struct snapshot *snap = world_of(1);
	struct load_balancer *lb =
		ARENA_NEW(&snap->arena, struct load_balancer);
	struct listener *l = ARENA_NEW(&snap->arena, struct listener);
	const char **targets =
		ARENA_ARRAY(&snap->arena, n_targets, const char *);

	for (uint32_t i = 0; i < n_targets; i++)
		targets[i] = arena_printf(&snap->arena, "127.0.0.1:%u", i + 1);
	group_of(snap, 0, "app", targets, n_targets);
	lb->name = SLICE("a\\b\"c");
	lb->listeners = l;
	lb->n_listeners = 1;
	l->balancer = lb;
	l->port = 443;
	l->rules = ARENA_ARRAY(&snap->arena, n_rules, struct rule);
	l->n_rules = n_rules;
	for (uint32_t i = 0; i < n_rules; i++)
		l->rules[i].priority = i + 1;
	snap->balancers = lb;
	snap->n_balancers = 1;
	snap->n_listeners = 1;
	snap->settings.max_series = 20000;
	snap->generation = 7;
	return snap;
}

static void serve(struct scene *s, struct snapshot *snap_take)
{
	struct daemon *d = &s->daemon;

	counts_attach(&d->counts, snap_take);
	rosters_attach(snap_take);
	rosters_update(d->rosters, snap_take);
	snapshot_unref(d->snap);
	d->snap = snap_take;
}

static int begin(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));

	log_setup(LOG_ERROR, LOG_TEXT);
	s->daemon.counts.n_workers = WORKERS;
	list_init(&s->daemon.generations);
	s->daemon.differs_until_ms = UINT64_MAX; /* it reads no file */
	s->daemon.file = "weir.yaml";
	s->daemon.rosters = rosters_new(WORKERS, &ops, NULL);
	*state = s;
	return 0;
}

static int finish(void **state)
{
	struct scene *s = *state;

	snapshot_unref(s->daemon.snap);
	rosters_free(s->daemon.rosters);
	counts_release(&s->daemon.counts);
	text_release(&s->page);
	free(s);
	return 0;
}

static const char *scrape(struct scene *s, enum metrics_format format)
{
	struct metrics *m = metrics_begin(&s->daemon, format);

	s->page.n = 0;
	while (metrics_go_on(m, &s->page))
		continue;
	metrics_end(m);
	return text_str(&s->page);
}

static bool has(const char *page, const char *line)
{
	char whole[512];

	snprintf(whole, sizeof(whole), "\n%s\n", line);
	return strstr(page, whole) != NULL;
}

#define assert_line(page, line)                                                \
	do {                                                                   \
		if (!has(page, line))                                          \
			fail_msg("no line \"%s\" in:\n%s", line, page);        \
	} while (0)

static size_t count_lines(const char *page, const char *beginning)
{
	size_t n = 0;

	while (*page) {
		n += strncmp(page, beginning, strlen(beginning)) == 0;
		page += strcspn(page, "\n");
		page += *page != '\0';
	}
	return n;
}

/* -- the table ------------------------------------------------------------- */

static bool ends_in(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n > m && strcmp(text + n - m, end) == 0;
}

static void test_names_follow_the_rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_metrics; i++) {
		const struct metric *row = &metrics_table[i];

		assert_int_equal(
			strspn(row->name,
			       "abcdefghijklmnopqrstuvwxyz0123456789_"),
			strlen(row->name));
		assert_true(strncmp(row->name, "weir_", 5) == 0 ||
			    strncmp(row->name, "process_", 8) == 0);
		assert_int_equal(row->type == METRIC_COUNTER,
				 ends_in(row->name, "_total"));
		assert_int_equal(row->type == METRIC_INFO,
				 ends_in(row->name, "_info"));
		assert_true(ends_in(row->help, "."));
		assert_null(strpbrk(row->help, "\"\\\n"));
		assert_int_equal(row->type == METRIC_HISTOGRAM,
				 row->read_histogram != NULL);
		assert_int_equal(row->type != METRIC_HISTOGRAM,
				 row->read != NULL);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(row->name,
						metrics_table[j].name);
	}
}

/* The family of a sample, or NULL. */
static const struct metric *row_of(const char *line)
{
	size_t n = strcspn(line, "{ ");

	for (size_t i = 0; i < n_metrics; i++) {
		const char *name = metrics_table[i].name;
		size_t m = strlen(name);

		if (n < m || strncmp(line, name, m) != 0)
			continue;
		if (n == m)
			return &metrics_table[i];
		if (metrics_table[i].type == METRIC_HISTOGRAM &&
		    (strncmp(line + m, "_bucket", n - m) == 0 ||
		     strncmp(line + m, "_sum", n - m) == 0 ||
		     strncmp(line + m, "_count", n - m) == 0))
			return &metrics_table[i];
	}
	return NULL;
}

/* Each sample has its family's HELP and TYPE before it, each of these once,
 * and families are not torn apart. */
static void assert_form(const char *page)
{
	const struct metric *last = NULL;
	bool seen[128] = {false};

	assert_true(n_metrics <= ARRAY_SIZE(seen));
	while (*page && strncmp(page, "# EOF", 5) != 0) {
		const struct metric *row;

		if (strncmp(page, "# HELP ", 7) == 0) {
			last = NULL;
		} else if (strncmp(page, "# TYPE ", 7) != 0) {
			row = row_of(page);
			if (!row)
				fail_msg("not in the table: %.80s", page);
			if (row != last)
				assert_false(seen[row - metrics_table]);
			seen[row - metrics_table] = true;
			last = row;
		}
		page += strcspn(page, "\n") + 1;
	}
}

static void test_regress_the_page_has_a_form(void **state)
{
	struct scene *s = *state;
	const char *page;
	size_t n_help, n_type;

	serve(s, world(2, 3));
	page = scrape(s, METRICS_PROMETHEUS);
	assert_form(page);
	n_help = count_lines(page, "# HELP ");
	n_type = count_lines(page, "# TYPE ");
	assert_int_equal(n_help, n_type);
	assert_null(strstr(page, "# EOF"));
	assert_line(page, "weir_config_generation 7");
	assert_line(page, "# TYPE weir_build_info gauge");
	assert_line(page, "# TYPE weir_http_requests_total counter");
	assert_line(page, "weir_rule_requests_total{load_balancer=\"a\\\\b\\\"c"
			  "\",listener=\"443\",rule=\"default\"} 0");
	assert_line(page, "weir_target_weight_factor{target_group=\"app\","
			  "target=\"127.0.0.1:2\"} 1.0000");
	assert_line(page, "weir_target_group_targets{target_group=\"app\","
			  "state=\"initial\"} 3");
	page = scrape(s, METRICS_OPENMETRICS);
	assert_form(page);
	assert_line(page, "# TYPE weir_build info");
	assert_line(page, "# TYPE weir_http_requests counter");
	assert_true(ends_in(page, "\n# EOF\n"));
}

/* -- values ---------------------------------------------------------------- */

static void test_regress_sums_go_over_workers_and_reloads(void **state)
{
	struct scene *s = *state;
	struct snapshot *snap = world(2, 1);
	struct listener_state *l;
	struct rule_counts *rule;
	const char *page;

	serve(s, snap);
	l = snap->balancers[0].listeners[0].state;
	rule = snap->balancers[0].listeners[0].rules[1].counts;
	for (unsigned w = 0; w < WORKERS; w++) {
		tally_add(&l->tally[w].counters[COUNT_REQUESTS_1_1], 4);
		tally_add(&l->tally[w].counters[COUNT_TARGET_5XX], 2);
		tally_add(&l->tally[w].reasons[REASON_NO_TARGET], 1);
		tally_add(&l->tally[w].reasons[REASON_REDIRECT], 1);
		histogram_add(&l->tally[w].durations, 3);
		histogram_add(&l->tally[w].durations, 1500);
		tally_add(&rule->tally[w].requests, 5);
	}
	for (int reload = 0; reload < 20; reload++) {
		serve(s, world(2, 1));
		page = scrape(s, METRICS_PROMETHEUS);
#define L "{load_balancer=\"a\\\\b\\\"c\",listener=\"443\""
		assert_line(page,
			    "weir_http_requests_total" L ",version=\"1.1\"} 8");
		assert_line(page, "weir_http_responses_total" L
				  ",source=\"target\",code_class=\"5xx\"} 4");
		assert_line(page,
			    "weir_errors_total" L ",reason=\"no-target\"} 2");
		assert_line(page,
			    "weir_rule_requests_total" L ",rule=\"2\"} 10");
		assert_line(page, "weir_http_request_duration_seconds_bucket" L
				  ",le=\"0.0025\"} 0");
		assert_line(page, "weir_http_request_duration_seconds_bucket" L
				  ",le=\"0.005\"} 2");
		assert_line(page, "weir_http_request_duration_seconds_bucket" L
				  ",le=\"2.5\"} 4");
		assert_line(page, "weir_http_request_duration_seconds_sum" L
				  "} 3.006");
		assert_line(page,
			    "weir_http_request_duration_seconds_count" L "} 4");
		/* A redirect is no error, and what never was is not there. */
		assert_null(strstr(page, "reason=\"redirect\""));
		assert_int_equal(count_lines(page, "weir_errors_total"), 1);
	}
}

static void test_targets_that_leave_are_draining(void **state)
{
	struct scene *s = *state;
	struct snapshot *snap = world(0, 2);
	const char *page;

	snap->groups[0].deregistration_delay_ms = 60000;
	serve(s, snap);
	serve(s, world(0, 1));
	page = scrape(s, METRICS_PROMETHEUS);
	assert_line(page, "weir_target_group_targets{target_group=\"app\","
			  "state=\"draining\"} 1");
	assert_line(page, "weir_target_health{target_group=\"app\","
			  "target=\"127.0.0.1:2\",state=\"draining\"} 1");
	/* The page holds on to them, whoever forgets them meanwhile. */
	assert_int_equal(count_lines(page, "weir_target_requests_total{"), 2);
}

/* -- limits ---------------------------------------------------------------- */

static size_t count_samples(const char *page)
{
	size_t n = 0;

	for (; *page; page += strcspn(page, "\n") + 1)
		n += *page != '#';
	return n;
}

static void test_regress_whole_families_are_left_out(void **state)
{
	struct scene *s = *state;
	struct snapshot *snap = world(500, 100);
	const char *page;

	/* Rules go first, and that is enough. */
	snap->settings.max_series = 2200;
	serve(s, snap);
	page = scrape(s, METRICS_PROMETHEUS);
	assert_null(strstr(page, "\nweir_rule_requests_total"));
	assert_line(page, "weir_metrics_families_left_out{family="
			  "\"weir_rule_requests_total\"} 1");
	assert_int_equal(count_lines(page, "weir_metrics_families_left_out"),
			 1);
	assert_int_equal(count_lines(page, "weir_target_health{"), 600);
	assert_int_equal(s->daemon.metrics_left_out, 1);
	/* Then those of targets, the largest first. */
	snap->settings.max_series = 1000;
	page = scrape(s, METRICS_PROMETHEUS);
	assert_null(strstr(page, "\nweir_target_health"));
	assert_non_null(strstr(page, "\nweir_target_group_targets"));
	assert_true(count_samples(page) <= 1000);
	/* What belongs to the process always is there. */
	snap->settings.max_series = 100;
	page = scrape(s, METRICS_PROMETHEUS);
	assert_true(count_samples(page) <= 100);
	assert_non_null(strstr(page, "\nprocess_start_time_seconds"));
	snap->settings.max_series = 20000;
	page = scrape(s, METRICS_PROMETHEUS);
	assert_null(strstr(page, "families_left_out"));
	assert_int_equal(count_lines(page, "weir_rule_requests_total{"), 501);
	assert_int_equal(s->daemon.metrics_left_out, 0);
}

/* However many series there are, a part is small. */
static void test_a_page_is_made_in_parts(void **state)
{
	struct scene *s = *state;
	struct snapshot *snap = world(1000, 500);
	struct metrics *m;
	struct text part = {0};
	size_t n = 0;

	serve(s, snap);
	m = metrics_begin(&s->daemon, METRICS_PROMETHEUS);
	while (metrics_go_on(m, &part)) {
		assert_true(part.n < METRICS_PART + 8192);
		part.n = 0;
		n++;
		/* Reloads and lost targets on the way are nothing to it. */
		if (n == 5)
			serve(s, world(1, 1));
	}
	assert_true(n > 50);
	metrics_end(m);
	text_release(&part);
}

/* -- Accept ---------------------------------------------------------------- */

static void test_accept_chooses_the_format(void **state)
{
	static const struct {
		const char *accept;
		enum metrics_format format;
	} cases[] = {
		{"", METRICS_PROMETHEUS},
		{"*/*", METRICS_PROMETHEUS},
		{"text/html, */*;q=0.8", METRICS_PROMETHEUS},
		{"application/openmetrics-text", METRICS_OPENMETRICS},
		{"Application/OpenMetrics-Text;version=1.0.0;q=0.5,"
		 "text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
		 METRICS_OPENMETRICS},
		{"application/openmetrics-text;q=0.3 , text/plain ; q=0.4",
		 METRICS_PROMETHEUS},
		{"application/openmetrics-text;q=0", METRICS_PROMETHEUS},
		{"application/openmetrics-text;q=0.0009,text/plain;q=0",
		 METRICS_PROMETHEUS},
		{"application/openmetrics-text;q=;;,=,", METRICS_OPENMETRICS},
		{",;=,", METRICS_PROMETHEUS},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(metrics_format_of(slice_of(cases[i].accept)),
				 cases[i].format);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_follow_the_rules),
		cmocka_unit_test_setup_teardown(
			test_regress_the_page_has_a_form, begin, finish),
		cmocka_unit_test_setup_teardown(
			test_regress_sums_go_over_workers_and_reloads, begin,
			finish),
		cmocka_unit_test_setup_teardown(
			test_targets_that_leave_are_draining, begin, finish),
		cmocka_unit_test_setup_teardown(
			test_regress_whole_families_are_left_out, begin,
			finish),
		cmocka_unit_test_setup_teardown(test_a_page_is_made_in_parts,
						begin, finish),
		cmocka_unit_test(test_accept_chooses_the_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
