/* test_config.c - what a small file becomes. */
#include "config/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "unit.h"

/* Loads a text as if it stood in a file; findings go to *said. */
static struct snapshot *load(const char *text, char **said)
{
	const struct config_options options = {.n_cpus = 3};
	char name[] = "/tmp/weir-test-XXXXXX";
	struct diag diag = {0};
	int fd = mkstemp(name);
	struct snapshot *snap;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	snap = config_load(name, &options, &diag);
	unlink(name);
	*said = diag_to_text(&diag);
	diag_release(&diag);
	return snap;
}

static const char smallest[] = "load_balancers:\n"
			       "  - name: web\n"
			       "    listeners:\n"
			       "      - port: 8080\n"
			       "        default_actions: {forward: app}\n"
			       "target_groups:\n"
			       "  - name: app\n"
			       "    targets: [\"127.0.0.1:3000\"]\n";

static void test_the_smallest_file_has_all_defaults(void **state)
{
	char *said;
	struct snapshot *snap = load(smallest, &said);
	const struct load_balancer *lb;
	const struct target_group *g;

	(void)state;
	assert_string_equal(said, "");
	free(said);
	assert_non_null(snap);
	assert_int_equal(snap->settings.workers, 3);
	assert_int_equal(snap->settings.shutdown_timeout_ms, 30000);
	assert_true(snap->settings.user_is_default);
	assert_int_equal(snap->n_balancers, 1);
	assert_int_equal(snap->n_listeners, 1);
	lb = &snap->balancers[0];
	assert_slice(lb->name, "web");
	assert_int_equal(lb->n_addresses, 2);
	assert_int_equal(lb->idle_timeout_ms, 60000);
	assert_int_equal(lb->tunnel_idle_ms, 60000);
	assert_int_equal(lb->desync, DESYNC_DEFENSIVE);
	assert_true(lb->http2);
	assert_int_equal(lb->listeners[0].port, 8080);
	assert_true(lb->listeners[0].server_field);
	g = lb->listeners[0].default_rule.action.forward.groups[0].group;
	assert_ptr_equal(g, &snap->groups[0]);
	assert_true(g->is_used);
	assert_int_equal(g->n_targets, 1);
	assert_int_equal(g->targets[0].kind, TARGET_ADDRESS);
	assert_int_equal(g->health_check.interval_ms, 30000);
	assert_int_equal(g->health_check.rise, 5);
	assert_int_equal(g->health_check.matcher[0].first, 200);
	assert_int_equal(g->routing_minimum.count, 1);
	assert_int_equal(g->routing_minimum.percentage, 0);
	snapshot_unref(snap);
}

static void test_rules_are_sorted_by_priority(void **state)
{
	char *said;
	struct snapshot *snap = load(
		"load_balancers:\n"
		"  name: web\n"
		"  listeners:\n"
		"    port: 8080\n"
		"    default_actions: {fixed_response: {status_code: 404}}\n"
		"    rules:\n"
		"      - priority: 20\n"
		"        conditions.path_pattern: [/a, /b]\n"
		"        actions: {fixed_response: {status_code: 200}}\n"
		"      - priority: 10\n"
		"        conditions: {host_header: {regex_values: ^a$}}\n"
		"        actions.redirect: {port: 443, protocol: HTTPS, host: b, "
		"status_code: HTTP_302}\n",
		&said);
	const struct listener *l;

	(void)state;
	assert_string_equal(said, "");
	free(said);
	l = &snap->balancers[0].listeners[0];
	assert_int_equal(l->n_rules, 2);
	assert_int_equal(l->rules[0].priority, 10);
	assert_true(l->rules[0].conditions[0].is_regex);
	assert_int_equal(l->rules[0].action.redirect.status, 302);
	assert_slice(l->rules[0].action.redirect.protocol.parts[0].text,
		     "https");
	assert_int_equal(l->rules[0].action.redirect.path.n_parts, 2);
	assert_int_equal(l->rules[1].index, 1);
	assert_int_equal(l->rules[1].conditions[0].n_values, 2);
	assert_true(l->default_rule.is_default);
	assert_int_equal(l->default_rule.index, 2);
	snapshot_unref(snap);
}

static void test_findings_outlive_the_snapshot(void **state)
{
	char *said;

	(void)state;
	assert_null(load("target_groups: {name: a, tragets: []}\n", &said));
	assert_non_null(strstr(said, ":1:26: error: unknown key \"tragets\" in "
				     "a target group\n"));
	assert_non_null(strstr(said, "did you mean \"targets\"?"));
	free(said);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_smallest_file_has_all_defaults),
		cmocka_unit_test(test_rules_are_sorted_by_priority),
		cmocka_unit_test(test_findings_outlive_the_snapshot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
