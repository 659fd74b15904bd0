/* test_keeper_stay.c - a keeper that stays: start, drift, edits, status;
 * against a kernel made of memory and a clock that stands still. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "firewall/store.h"
#include "keeper/state.h"
#include "keeper_scene.h"

/* -- start ----------------------------------------------------------------- */

static void test_a_start_applies_the_file(void **state)
{
	struct scene *s = *state;

	assert_int_equal(keeper_start(s->keeper), 0);
	assert_non_null(s->kernel.now);
}

static void test_a_start_with_a_broken_file_keeps_the_last_rules(void **state)
{
	struct scene *s = *state;
	char *before;

	assert_int_equal(keeper_start(s->keeper), 0);
	before = fake_kernel_text(&s->kernel);
	write_file(s, "security_groups: [");
	fake_kernel_release(&s->kernel); /* as after a boot */
	die_and_begin_again(s);
	assert_int_equal(keeper_start(s->keeper), 0);
	assert_rules(s, before);
	free(before);
}

static void test_a_start_after_a_death_goes_back(void **state)
{
	struct scene *s = *state;
	char *before;

	do_it(s, "apply");
	before = fake_kernel_text(&s->kernel);
	write_file(s, two_ports);
	apply_to_confirm(s, 60);
	die_and_begin_again(s);
	assert_int_equal(keeper_start(s->keeper), 0);
	assert_rules(s, before);
	free(before);
}

static void test_a_start_that_the_kernel_refuses_fails(void **state)
{
	struct scene *s = *state;

	s->kernel.refuses = true;
	assert_int_equal(keeper_start(s->keeper), -1);
}

/* What the machine lacks stands nowhere in the file. */
static void regress_the_log_names_no_place_that_is_none(void **state)
{
	struct diag diag = {0};
	char line[512] = "";
	FILE *to = tmpfile();
	int kept = dup(STDERR_FILENO);

	(void)state;
	assert_non_null(to);
	assert_int_equal(dup2(fileno(to), STDERR_FILENO), STDERR_FILENO);
	log_setup(LOG_ERROR, LOG_TEXT);
	diag_error(&diag, NULL, NULL, "there is no place");
	keeper_log_findings(&diag, LOG_ERROR);
	log_setup(LOG_ERROR + 1, LOG_TEXT);
	assert_int_equal(dup2(kept, STDERR_FILENO), STDERR_FILENO);
	close(kept);
	diag_release(&diag);
	rewind(to);
	assert_non_null(fgets(line, sizeof(line), to));
	assert_non_null(strstr(line, "msg=\"there is no place\""));
	fclose(to);
}

static void test_a_keeper_without_rules_is_one(void **state)
{
	struct scene *s = *state;
	json_t *answer;

	write_file(s, "security_groups: [");
	assert_int_equal(keeper_start(s->keeper), 0);
	write_file(s, one_port);
	answer = ask(s, json_pack("{s:s}", "command", "status"));
	assert_true(json_is_true(json_object_get(answer, "keeper")));
	json_decref(answer);
	/* To be asked is no reason to apply. */
	keeper_look_at_machine(s->keeper);
	assert_null(s->kernel.now);
}

/* -- drift ----------------------------------------------------------------- */

static void test_drift_is_repaired(void **state)
{
	struct scene *s = *state;
	char *before;
	json_t *answer;

	keeper_start(s->keeper);
	before = fake_kernel_text(&s->kernel);
	assert_int_equal(keeper_look_at_kernel(s->keeper), 0);
	fake_kernel_meddle(&s->kernel, "sg-web-in");
	assert_int_equal(keeper_look_at_kernel(s->keeper), 0);
	assert_rules(s, before);
	answer = ask(s, json_pack("{s:s}", "command", "status"));
	assert_int_equal(
		number_at(json_object_get(answer, "drift"), "repaired"), 1);
	json_decref(answer);
	free(before);
}

static void test_a_table_that_is_gone_comes_back(void **state)
{
	struct scene *s = *state;
	char *before;

	keeper_start(s->keeper);
	before = fake_kernel_text(&s->kernel);
	fake_kernel_release(&s->kernel);
	s->kernel.generation++;
	assert_int_equal(keeper_look_at_kernel(s->keeper), 0);
	assert_rules(s, before);
	free(before);
}

/* Two who repair each other's work would never end. */
static void test_repairs_become_slow(void **state)
{
	struct scene *s = *state;
	uint64_t again;

	keeper_start(s->keeper);
	fake_kernel_meddle(&s->kernel, "sg-web-in");
	assert_int_equal(keeper_look_at_kernel(s->keeper), 0);
	fake_kernel_meddle(&s->kernel, "sg-web-in");
	again = keeper_look_at_kernel(s->keeper);
	assert_int_equal(again, 1000);
	assert_int_equal(ruleset_chain(s->kernel.now, "sg-web-in")->n_rules, 0);
	clock_fake(1001000, 1700000001);
	assert_int_equal(keeper_look_at_kernel(s->keeper), 0);
	assert_int_equal(ruleset_chain(s->kernel.now, "sg-web-in")->n_rules, 1);
	fake_kernel_meddle(&s->kernel, "sg-web-in");
	assert_int_equal(keeper_look_at_kernel(s->keeper), 2000);
}

/* But nobody waits while nothing filters. */
static void regress_what_lets_all_pass_is_repaired_at_once(void **state)
{
	struct scene *s = *state;
	char *before;

	keeper_start(s->keeper);
	before = fake_kernel_text(&s->kernel);
	for (unsigned i = 0; i < 5; i++) {
		fake_kernel_meddle(&s->kernel, "sg-web-in");
		keeper_look_at_kernel(s->keeper);
		fake_kernel_meddle(&s->kernel, "forward-ingress");
		assert_int_equal(keeper_look_at_kernel(s->keeper), 0);
		assert_rules(s, before);
		fake_kernel_release(&s->kernel);
		s->kernel.generation++;
		assert_int_equal(keeper_look_at_kernel(s->keeper), 0);
		assert_rules(s, before);
	}
	free(before);
}

/* Somebody removes what was just repaired before we have looked at it; the
 * event of that is the last one. */
static void regress_a_flush_behind_a_repair_is_seen(void **state)
{
	struct scene *s = *state;
	char *before;

	keeper_start(s->keeper);
	before = fake_kernel_text(&s->kernel);
	fake_kernel_release(&s->kernel);
	s->kernel.generation++;
	s->kernel.flushed_after = true;
	keeper_look_at_kernel(s->keeper);
	assert_null(s->kernel.now);
	assert_int_equal(keeper_look_at_kernel(s->keeper), 0);
	assert_rules(s, before);
	free(before);
}

/* The kernel has said nothing, and has nothing. */
static void regress_lost_answers_are_read_back(void **state)
{
	struct scene *s = *state;
	json_t *answer;

	s->kernel.answers_lost = s->kernel.takes_nothing = true;
	answer = ask(s, json_pack("{s:s}", "command", "apply"));
	assert_false(is_ok(answer));
	assert_null(s->kernel.now);
	json_decref(answer);

	s->kernel.takes_nothing = false;
	assert_true(do_it(s, "apply") > 0);
	assert_non_null(s->kernel.now);

	/* Nor can it be told. */
	write_file(s, two_ports);
	s->kernel.n_sent = 0;
	s->kernel.goes_blind = true;
	answer = ask(s, json_pack("{s:s}", "command", "apply"));
	assert_false(is_ok(answer));
	assert_non_null(strstr(text_at(answer, "text"), "nobody knows"));
	json_decref(answer);
}

static void test_drift_is_only_reported_where_asked(void **state)
{
	struct scene *s = *state;
	char text[600];
	json_t *answer;

	snprintf(text, sizeof(text), "%sfirewall.drift: report\n", one_port);
	write_file(s, text);
	keeper_start(s->keeper);
	fake_kernel_meddle(&s->kernel, "sg-web-in");
	keeper_look_at_kernel(s->keeper);
	assert_int_equal(ruleset_chain(s->kernel.now, "sg-web-in")->n_rules, 0);
	answer = ask(s, json_pack("{s:s}", "command", "status"));
	assert_true(json_is_true(
		json_object_get(json_object_get(answer, "drift"), "is_there")));
	assert_non_null(
		strstr(text_at(json_object_get(answer, "drift"), "text"),
		       "+ sg-web-in: "));
	json_decref(answer);
}

/* -- edits, status --------------------------------------------------------- */

static void assert_edit(struct scene *s, const char *expect)
{
	json_t *answer;

	keeper_look_at_file(s->keeper);
	answer = ask(s, json_pack("{s:s}", "command", "status"));
	assert_true(is_ok(answer));
	assert_string_equal(text_at(answer, "edit"), expect);
	json_decref(answer);
}

static void test_an_edited_file_is_noticed(void **state)
{
	struct scene *s = *state;

	keeper_start(s->keeper);
	assert_edit(s, "none");
	write_file(s, two_ports);
	assert_edit(s, "edited and not applied");
	write_file(s, "security_groups: [");
	assert_edit(s, "edited and invalid");
	write_file(s, one_port);
	assert_edit(s, "none");
	write_file(s, two_ports);
	do_it(s, "apply");
	assert_edit(s, "none");
	do_it(s, "rollback");
	assert_edit(s, "edited and not applied");
}

static void assert_edit_text(struct scene *s, bool expect)
{
	json_t *answer = ask(s, json_pack("{s:s}", "command", "status"));

	assert_int_equal(*text_at(answer, "edit_text") != '\0', expect);
	json_decref(answer);
}

static void regress_the_reason_goes_with_the_edit(void **state)
{
	struct scene *s = *state;

	keeper_start(s->keeper);
	write_file(s, "security_groups: [");
	keeper_look_at_file(s->keeper);
	assert_edit_text(s, true);
	/* Applied before the keeper looks at the file again. */
	write_file(s, two_ports);
	do_it(s, "apply");
	assert_edit_text(s, false);
}

static void regress_a_start_keeps_the_reason(void **state)
{
	struct scene *s = *state;

	do_it(s, "apply");
	write_file(s, "security_groups: [");
	die_and_begin_again(s);
	assert_int_equal(keeper_start(s->keeper), 0);
	assert_edit_text(s, true);
}

/* Of the machine, and of the folder. */
static void regress_trouble_is_in_status(void **state)
{
	struct scene *s = *state;
	json_t *answer, *list;

	keeper_start(s->keeper);
	answer = ask(s, json_pack("{s:s}", "command", "status"));
	assert_int_equal(json_array_size(json_object_get(answer, "trouble")),
			 0);
	json_decref(answer);
	s->kernel.trouble = "this kernel lacks a part";
	if (geteuid() == 0)
		assert_int_equal(chown(s->state, 1, 1), 0);
	answer = ask(s, json_pack("{s:s}", "command", "status"));
	list = json_object_get(answer, "trouble");
	assert_string_equal(json_string_value(json_array_get(list, 0)),
			    "this kernel lacks a part");
	if (geteuid() == 0)
		assert_non_null(
			strstr(json_string_value(json_array_get(list, 1)),
			       "/state belongs to user "));
	json_decref(answer);
}

/* What the kernel refuses, it may refuse for a reason that can be named. */
static void regress_trouble_is_told_with_a_refusal(void **state)
{
	struct scene *s = *state;
	json_t *answer;

	s->kernel.refuses = true;
	s->kernel.trouble = "this kernel lacks a part";
	answer = ask(s, json_pack("{s:s}", "command", "apply"));
	assert_false(is_ok(answer));
	assert_non_null(strstr(text_at(answer, "text"), "lacks a part"));
	json_decref(answer);
}

static void test_status_adds_up_by_rule(void **state)
{
	struct scene *s = *state;
	json_t *answer, *rule;

	keeper_start(s->keeper);
	answer = ask(s, json_pack("{s:s}", "command", "status"));
	rule = json_array_get(json_object_get(answer, "rules"), 0);
	assert_string_equal(text_at(rule, "group"), "web");
	assert_string_equal(text_at(rule, "rule"), "tcp 80 from 192.0.2.0/24");
	assert_int_equal(number_at(rule, "line"), 3);
	rule = json_array_get(json_object_get(answer, "rules"), 1);
	assert_string_equal(text_at(rule, "rule"), "all to everybody");
	json_decref(answer);
}

static void test_diff_tells_what_apply_would_do(void **state)
{
	struct scene *s = *state;
	json_t *answer;

	do_it(s, "apply");
	write_file(s, two_ports);
	answer = ask(s, json_pack("{s:s}", "command", "diff"));
	assert_true(json_is_true(json_object_get(answer, "pending")));
	assert_non_null(strstr(text_at(answer, "diff"),
			       "+ sg-web-in: ip saddr 192.0.2.0/24 tcp dport "
			       "443 counter accept"));
	json_decref(answer);
	assert_int_equal(s->kernel.n_sent, 1);
	do_it(s, "apply");
	answer = ask(s, json_pack("{s:s}", "command", "diff"));
	assert_true(json_is_false(json_object_get(answer, "pending")));
	json_decref(answer);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, scene_setup, scene_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_start_applies_the_file),
		TEST(test_a_start_with_a_broken_file_keeps_the_last_rules),
		TEST(test_a_start_after_a_death_goes_back),
		TEST(test_a_start_that_the_kernel_refuses_fails),
		TEST(regress_the_log_names_no_place_that_is_none),
		TEST(test_a_keeper_without_rules_is_one),
		TEST(test_drift_is_repaired),
		TEST(test_a_table_that_is_gone_comes_back),
		TEST(test_repairs_become_slow),
		TEST(regress_what_lets_all_pass_is_repaired_at_once),
		TEST(regress_a_flush_behind_a_repair_is_seen),
		TEST(regress_lost_answers_are_read_back),
		TEST(test_drift_is_only_reported_where_asked),
		TEST(test_an_edited_file_is_noticed),
		TEST(regress_the_reason_goes_with_the_edit),
		TEST(regress_a_start_keeps_the_reason),
		TEST(regress_trouble_is_in_status),
		TEST(regress_trouble_is_told_with_a_refusal),
		TEST(test_status_adds_up_by_rule),
		TEST(test_diff_tells_what_apply_would_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
