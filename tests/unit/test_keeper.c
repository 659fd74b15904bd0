/* test_keeper.c - apply, confirm, go back: against a kernel made of memory and
 * a clock that stands still. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "firewall/store.h"
#include "keeper_scene.h"

/* -- apply ----------------------------------------------------------------- */

static void test_a_second_apply_sends_nothing(void **state)
{
	struct scene *s = *state;

	assert_true(do_it(s, "apply") > 0);
	assert_int_equal(s->kernel.n_sent, 1);
	assert_int_equal(do_it(s, "apply"), 0);
	assert_int_equal(s->kernel.n_sent, 1);
	/* Nor does another process, which has to read first. */
	die_and_begin_again(s);
	assert_int_equal(do_it(s, "apply"), 0);
	assert_int_equal(s->kernel.n_sent, 1);
}

static void test_what_is_sent_is_the_difference(void **state)
{
	struct scene *s = *state;

	do_it(s, "apply");
	write_file(s, two_ports);
	assert_int_equal(do_it(s, "apply"), 1);
	assert_true(admits_443(s));
}

static void test_a_race_is_run_again(void **state)
{
	struct scene *s = *state;

	s->kernel.n_races = 3;
	assert_true(do_it(s, "apply") > 0);
	assert_int_equal(s->kernel.n_sent, 4);
}

static void test_an_invalid_file_changes_nothing(void **state)
{
	struct scene *s = *state;
	char *before;
	json_t *answer;

	do_it(s, "apply");
	before = fake_kernel_text(&s->kernel);
	write_file(s, "security_groups: {name: web, ingres: []}\n");
	answer = ask(s, json_pack("{s:s}", "command", "apply"));
	assert_false(is_ok(answer));
	assert_true(json_is_true(json_object_get(answer, "invalid")));
	assert_non_null(strstr(text_at(answer, "text"), ":1:30: error"));
	json_decref(answer);
	assert_rules(s, before);
	free(before);
}

static void test_a_refusal_of_the_kernel_has_its_place(void **state)
{
	struct scene *s = *state;
	json_t *answer;

	do_it(s, "apply");
	write_file(s, two_ports);
	s->kernel.refuses = true;
	answer = ask(s, json_pack("{s:s}", "command", "apply"));
	assert_false(is_ok(answer));
	assert_non_null(strstr(text_at(answer, "text"),
			       "weir.yaml:3:14: error: the kernel refuses"));
	json_decref(answer);
	assert_false(admits_443(s));
}

static void test_without_rights_it_says_which(void **state)
{
	struct scene *s = *state;
	json_t *answer;

	s->kernel.has_no_rights = true;
	answer = ask(s, json_pack("{s:s}", "command", "apply"));
	assert_false(is_ok(answer));
	assert_non_null(strstr(text_at(answer, "text"), "CAP_NET_ADMIN"));
	json_decref(answer);
}

static void test_flows_are_cut_only_when_asked_to(void **state)
{
	struct scene *s = *state;
	json_t *answer;

	do_it(s, "apply");
	assert_int_equal(s->kernel.n_cuts, 0);
	write_file(s, two_ports);
	answer = ask(s,
		     json_pack("{s:s, s:b}", "command", "apply", "cut", true));
	assert_int_equal(number_at(answer, "flows_cut"), 1);
	json_decref(answer);
	assert_int_equal(s->kernel.n_cuts, 1);
}

/* The apply before this one changed the rules, and let the flows be. What is
 * sent now is the guard against those that would come back. */
static void test_flows_can_be_cut_later(void **state)
{
	struct scene *s = *state;
	json_t *answer;

	do_it(s, "apply");
	answer = ask(s,
		     json_pack("{s:s, s:b}", "command", "apply", "cut", true));
	assert_int_equal(number_at(answer, "changes"), 1);
	assert_int_equal(number_at(answer, "flows_cut"), 1);
	json_decref(answer);
}

/* A child ends them, and the keeper answers others meanwhile; who changes the
 * rules waits. */
static void regress_flows_end_beside_other_work(void **state)
{
	struct scene *s = *state;
	uint64_t memo = 0, other = 0;
	char gate[100];
	json_t *request =
		json_pack("{s:s, s:b}", "command", "apply", "cut", true);
	json_t *answer;

	keeper_start(s->keeper);
	write_file(s, two_ports);
	snprintf(gate, sizeof(gate), "%s/gate", s->folder);
	assert_int_equal(mkfifo(gate, 0600), 0);
	s->kernel.gate = gate;
	assert_null(keeper_answer(s->keeper, request, &memo));
	assert_int_not_equal(memo, 0);
	assert_true(admits_443(s));
	assert_null(keeper_answer(s->keeper, request, &memo));
	answer = ask(s, json_pack("{s:s}", "command", "status"));
	assert_true(is_ok(answer));
	json_decref(answer);
	assert_null(keeper_answer(s->keeper, request, &other));
	assert_int_equal(other, 0);

	close(open(gate, O_WRONLY | O_CLOEXEC));
	do {
		answer = keeper_answer(s->keeper, request, &memo);
	} while (!answer);
	assert_true(is_ok(answer));
	assert_int_equal(number_at(answer, "flows_seen"), 3);
	assert_int_equal(number_at(answer, "flows_cut"), 1);
	json_decref(answer);
	json_decref(request);
	unlink(gate);
	do_it(s, "flush");
}

/* It is in force, so it has a way back. */
static void test_what_cannot_be_read_back_is_in_force(void **state)
{
	struct scene *s = *state;
	json_t *answer;

	s->kernel.goes_blind = true;
	answer = ask(s,
		     json_pack("{s:s, s:i}", "command", "apply", "confirm", 5));
	assert_true(is_ok(answer));
	assert_non_null(strstr(text_at(answer, "text"), "cannot read the new"));
	json_decref(answer);
	assert_non_null(s->kernel.now);
	assert_int_equal(keeper_deadline_ms(s->keeper), 1005000);
	s->kernel.goes_blind = false;
	clock_fake(1000000 + 5000, 1700000005);
	keeper_tick(s->keeper);
	assert_null(s->kernel.now);
}

static void test_another_file_is_another_keeper(void **state)
{
	struct scene *s = *state;
	json_t *answer = ask(s, json_pack("{s:s, s:s}", "command", "apply",
					  "file", "/etc/weir/other.yaml"));

	assert_false(is_ok(answer));
	json_decref(answer);
	assert_int_equal(s->kernel.n_sent, 0);
}

static void test_a_file_without_rules_removes_the_table(void **state)
{
	struct scene *s = *state;

	do_it(s, "apply");
	write_file(s, "settings: {}\n");
	assert_int_equal(do_it(s, "apply"), 1);
	assert_null(s->kernel.now);
	assert_int_equal(do_it(s, "apply"), 0);
}

/* -- the session ----------------------------------------------------------- */

static json_t *apply_in_session(struct scene *s, const char *session,
				bool force)
{
	return ask(s, json_pack("{s:s, s:s, s:b}", "command", "apply",
				"session", session, "force", force));
}

/* The "machine" is behind an address of an instance here, so that the test
 * does not depend on the addresses of this one. */
static void test_the_session_is_not_cut_unless_forced(void **state)
{
	struct scene *s = *state;
	json_t *answer;

	answer = apply_in_session(s, "192.0.2.7 50000 10.0.0.1 22", false);
	assert_false(is_ok(answer));
	assert_non_null(strstr(text_at(answer, "error"),
			       "would cut the SSH session from 192.0.2.7"));
	json_decref(answer);
	assert_null(s->kernel.now);

	answer = apply_in_session(s, "192.0.2.7 50000 10.0.0.1 22", true);
	assert_true(is_ok(answer));
	json_decref(answer);
	assert_non_null(s->kernel.now);
}

static void test_a_session_that_is_admitted_does_not_hinder(void **state)
{
	static const char *const harmless[] = {"192.0.2.7 50000 10.0.0.1 80",
					       "192.0.2.7 50000 10.9.9.9 22",
					       "not a session",
					       "",
					       "192.0.2.7 50000 ::1 22",
					       "192.0.2.7 99999 10.0.0.1 22"};
	struct scene *s = *state;

	for (size_t i = 0; i < ARRAY_SIZE(harmless); i++) {
		json_t *answer = apply_in_session(s, harmless[i], false);

		print_message("# \"%s\"\n", harmless[i]);
		assert_true(is_ok(answer));
		json_decref(answer);
	}
}

/* Link-local addresses are not among those of the machine in the rules. */
static void test_a_session_ends_at_this_machine(void **state)
{
	struct scene *s = *state;
	json_t *answer;

	write_file(s, "security_groups: {name: none, egress: []}\n"
		      "instances: {name: here, host: true, security_groups: "
		      "none}\n");
	answer = apply_in_session(s, "fe80::7%eth0 50000 fe80::1%eth0 22",
				  false);
	assert_false(is_ok(answer));
	assert_non_null(strstr(text_at(answer, "error"), "would cut"));
	json_decref(answer);
}

/* Established flows pass the groups, but network ACLs know no state. */
static void test_the_answers_of_the_session_count_as_well(void **state)
{
	struct scene *s = *state;
	json_t *answer;

	write_file(
		s,
		"security_groups:\n"
		"  - name: web\n"
		"    ingress: {protocol: tcp, ports: 22, from: 192.0.2.0/24}\n"
		"instances: {name: a, addresses: 10.0.0.1, security_groups: "
		"web}\n"
		"subnets: {name: n, cidr: 10.0.0.0/24, network_acl: acl}\n"
		"network_acls:\n"
		"  - name: acl\n"
		"    ingress: {rule: 1, action: allow, protocol: all, from: "
		"0.0.0.0/0}\n"
		"    egress: {rule: 1, action: allow, protocol: tcp, ports: "
		"80, to: 0.0.0.0/0}\n");
	answer = apply_in_session(s, "192.0.2.7 50000 10.0.0.1 22", false);
	assert_false(is_ok(answer));
	assert_non_null(strstr(text_at(answer, "error"),
			       "what is missing is {action: allow, protocol: "
			       "tcp, ports: 1024-65535, to: 192.0.2.7/32} in "
			       "egress of the network ACL \"acl\";"));
	json_decref(answer);
}

static void assert_refusal(struct scene *s, const char *file,
			   const char *session, const char *wanted)
{
	json_t *answer;

	write_file(s, file);
	answer = apply_in_session(s, session, false);
	assert_false(is_ok(answer));
	print_message("# %s\n", text_at(answer, "error"));
	assert_non_null(strstr(text_at(answer, "error"), wanted));
	json_decref(answer);
}

/* Which rule would have let it in, not where packets end. */
static void regress_the_refusal_names_what_is_missing(void **state)
{
	static const char acl[] =
		"security_groups: {name: web, ingress: {protocol: tcp, ports: "
		"22, from: 192.0.2.0/24}}\n"
		"instances: {name: a, addresses: 10.0.0.1, security_groups: "
		"web}\n"
		"subnets: {name: n, cidr: 10.0.0.0/24, network_acl: acl-in}\n"
		"network_acls:\n"
		"  - name: acl-in\n"
		"    ingress:\n"
		"      - {rule: 1, action: deny, protocol: tcp, ports: 22, "
		"from: 192.0.2.7/32}\n";
	struct scene *s = *state;

	assert_refusal(
		s,
		"security_groups: [{name: a, ingress: []}, {name: b}]\n"
		"instances: {name: here, host: true, addresses: 10.0.0.1, "
		"security_groups: [a, b]}\n",
		"192.0.2.7 50000 10.0.0.1 22",
		": what is missing is {protocol: tcp, ports: 22, from: "
		"192.0.2.7/32} in ingress of \"a\" or \"b\", or in "
		"firewall.management;");
	assert_refusal(
		s,
		"security_groups: {name: a, egress: []}\n"
		"instances: {name: from, addresses: 10.0.0.2, security_groups: "
		"a}\n",
		"10.0.0.2 50000 10.0.9.1 2222",
		": what is missing is {protocol: tcp, ports: 2222, to: "
		"10.0.9.1/32} in egress of \"a\";");
	assert_refusal(s, acl, "192.0.2.7 50000 10.0.0.1 22",
		       ":7:9 denies it;");
	assert_refusal(s, acl, "192.0.2.8 50000 10.0.0.1 22",
		       "{action: allow, protocol: tcp, ports: 22, from: "
		       "192.0.2.8/32} in ingress of the network ACL "
		       "\"acl-in\";");
}

/* -- confirm and go back --------------------------------------------------- */

static void test_nobody_confirmed_in_time(void **state)
{
	struct scene *s = *state;
	char *before;

	do_it(s, "apply");
	before = fake_kernel_text(&s->kernel);
	write_file(s, two_ports);
	apply_to_confirm(s, 60);
	assert_true(admits_443(s));
	clock_fake(1000000 + 59999, 1700000059);
	keeper_tick(s->keeper);
	assert_true(admits_443(s));
	clock_fake(1000000 + 60000, 1700000060);
	keeper_tick(s->keeper);
	assert_rules(s, before);
	assert_int_equal(keeper_deadline_ms(s->keeper), 0);
	free(before);
}

static void test_confirmed_in_time(void **state)
{
	struct scene *s = *state;

	do_it(s, "apply");
	write_file(s, two_ports);
	apply_to_confirm(s, 60);
	do_it(s, "confirm");
	clock_fake(1000000 + 3600000, 1700003600);
	keeper_tick(s->keeper);
	assert_true(admits_443(s));
}

static void test_nothing_waits_nothing_is_confirmed(void **state)
{
	struct scene *s = *state;
	json_t *answer = ask(s, json_pack("{s:s}", "command", "confirm"));

	assert_false(is_ok(answer));
	json_decref(answer);
}

/* The first apply of all: what was before is no table. */
static void test_the_first_apply_can_go_back_too(void **state)
{
	struct scene *s = *state;

	apply_to_confirm(s, 5);
	assert_non_null(s->kernel.now);
	clock_fake(1000000 + 5000, 1700000005);
	keeper_tick(s->keeper);
	assert_null(s->kernel.now);
}

static void test_a_way_back_to_nothing_is_told(void **state)
{
	struct scene *s = *state;
	json_t *answer;

	do_it(s, "apply");
	answer = ask(s, json_pack("{s:s}", "command", "rollback"));
	assert_true(is_ok(answer));
	assert_non_null(strstr(text_at(answer, "text"), "nothing is filtered"));
	json_decref(answer);
}

/* A second change while the first waits: the way back leads behind both. */
static void test_the_way_back_leads_to_what_was_confirmed(void **state)
{
	struct scene *s = *state;

	apply_to_confirm(s, 60);
	write_file(s, two_ports);
	apply_to_confirm(s, 60);
	clock_fake(1000000 + 60000, 1700000060);
	keeper_tick(s->keeper);
	assert_null(s->kernel.now);
}

static void test_an_end_before_the_confirmation_goes_back(void **state)
{
	struct scene *s = *state;

	do_it(s, "apply");
	write_file(s, two_ports);
	apply_to_confirm(s, 60);
	keeper_abandon(s->keeper);
	assert_false(admits_443(s));
}

static ino_t inode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_ino;
}

/* A large ruleset takes a second to write. */
static void regress_what_does_not_change_is_not_written_again(void **state)
{
	struct scene *s = *state;
	char *path = state_file(s, "in-force.json");
	ino_t first;

	do_it(s, "apply");
	first = inode_of(path);
	do_it(s, "apply");
	assert_int_equal(inode_of(path), first);
	write_file(s, two_ports);
	do_it(s, "apply");
	assert_int_not_equal(inode_of(path), first);
	free(path);
}

/* A process that dies while the kernel works has confirmed nothing. */
/* A large ruleset takes a second to write, and much memory to keep. */
static void regress_what_was_in_force_becomes_the_way_back(void **state)
{
	struct scene *s = *state;
	char *in_force = state_file(s, "in-force.json");
	char *before = state_file(s, "before.json");
	ino_t first;

	do_it(s, "apply");
	first = inode_of(in_force);
	write_file(s, two_ports);
	do_it(s, "apply");
	assert_int_equal(inode_of(before), first);
	assert_int_not_equal(inode_of(in_force), first);
	assert_true(admits_443(s));
	do_it(s, "rollback");
	assert_false(admits_443(s));
	do_it(s, "rollback");
	assert_true(admits_443(s));
	free(before);
	free(in_force);
}

static void test_word_is_left_before_the_kernel_changes(void **state)
{
	struct scene *s = *state;
	char *waiting = state_file(s, "waiting.json");

	do_it(s, "apply");
	write_file(s, two_ports);
	s->kernel.watched = waiting;
	apply_to_confirm(s, 60);
	assert_true(s->kernel.was_there);
	do_it(s, "confirm");
	assert_int_equal(access(waiting, F_OK), -1);

	/* Nothing waits where nothing was changed. */
	write_file(s, one_port);
	s->kernel.refuses = true;
	json_decref(ask(
		s, json_pack("{s:s, s:i}", "command", "apply", "confirm", 60)));
	assert_true(s->kernel.was_there);
	assert_int_equal(access(waiting, F_OK), -1);
	free(waiting);
}

static bool is_unconfirmed(struct scene *s)
{
	json_t *answer = ask(s, json_pack("{s:s}", "command", "status"));
	bool is = json_is_true(json_object_get(answer, "unconfirmed"));

	json_decref(answer);
	return is;
}

/* The process that held the timer was killed, and no keeper runs. */
static void test_another_process_can_confirm_or_go_back(void **state)
{
	struct scene *s = *state;

	do_it(s, "apply");
	write_file(s, two_ports);
	apply_to_confirm(s, 60);
	assert_false(is_unconfirmed(s));
	die_and_begin_again(s);
	assert_true(is_unconfirmed(s));
	do_it(s, "rollback");
	assert_false(admits_443(s));
	assert_false(is_unconfirmed(s));

	apply_to_confirm(s, 60);
	die_and_begin_again(s);
	do_it(s, "confirm");
	assert_false(is_unconfirmed(s));
	write_file(s, "security_groups: [");
	die_and_begin_again(s);
	assert_int_equal(keeper_start(s->keeper), 0);
	assert_true(admits_443(s));
}

/* As on a full disk. */
static void test_a_way_back_that_cannot_be_kept_is_none(void **state)
{
	struct scene *s = *state;
	char *before = state_file(s, "before.json");
	char *aside = state_file(s, "before.json.new");

	do_it(s, "apply");
	assert_int_equal(access(before, F_OK), 0);
	assert_int_equal(mkdir(aside, 0700), 0);
	write_file(s, two_ports);
	do_it(s, "apply");
	assert_int_equal(rmdir(aside), 0);
	die_and_begin_again(s);
	json_decref(ask(s, json_pack("{s:s}", "command", "rollback")));
	assert_true(admits_443(s));
	free(before);
	free(aside);
}

static void test_there_and_back_again(void **state)
{
	struct scene *s = *state;

	do_it(s, "apply");
	write_file(s, two_ports);
	do_it(s, "apply");
	assert_int_equal(do_it(s, "rollback"), 1);
	assert_false(admits_443(s));
	assert_int_equal(do_it(s, "rollback"), 1);
	assert_true(admits_443(s));
	/* An apply that changed nothing is not one to go back from. */
	do_it(s, "apply");
	do_it(s, "rollback");
	assert_false(admits_443(s));
}

/* Somebody else brought the rules before back already. */
static void test_back_to_what_is_there(void **state)
{
	struct scene *s = *state;
	json_t *json;

	do_it(s, "apply");
	json = store_to_json(s->kernel.now);
	write_file(s, two_ports);
	do_it(s, "apply");
	ruleset_free(s->kernel.now);
	assert_int_equal(store_from_json(json, &s->kernel.now), 0);
	json_decref(json);
	s->kernel.generation++;
	for (unsigned i = 0; i < 3; i++) {
		die_and_begin_again(s);
		assert_int_equal(do_it(s, "rollback"), 0);
		assert_int_equal(do_it(s, "rollback"), 0);
		assert_non_null(s->kernel.now);
	}
}

static void test_another_process_knows_the_way_back(void **state)
{
	struct scene *s = *state;

	do_it(s, "apply");
	write_file(s, two_ports);
	do_it(s, "apply");
	die_and_begin_again(s);
	assert_int_equal(do_it(s, "rollback"), 1);
	assert_false(admits_443(s));
}

static void test_flush_and_back(void **state)
{
	struct scene *s = *state;

	do_it(s, "apply");
	do_it(s, "flush");
	assert_null(s->kernel.now);
	assert_int_equal(keeper_look_at_kernel(s->keeper), 0);
	assert_null(s->kernel.now);
	do_it(s, "rollback");
	assert_non_null(s->kernel.now);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, scene_setup, scene_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_second_apply_sends_nothing),
		TEST(test_what_is_sent_is_the_difference),
		TEST(test_a_race_is_run_again),
		TEST(test_an_invalid_file_changes_nothing),
		TEST(test_a_refusal_of_the_kernel_has_its_place),
		TEST(test_without_rights_it_says_which),
		TEST(test_flows_are_cut_only_when_asked_to),
		TEST(test_flows_can_be_cut_later),
		TEST(regress_flows_end_beside_other_work),
		TEST(regress_what_does_not_change_is_not_written_again),
		TEST(test_what_cannot_be_read_back_is_in_force),
		TEST(test_another_file_is_another_keeper),
		TEST(test_a_file_without_rules_removes_the_table),
		TEST(test_the_session_is_not_cut_unless_forced),
		TEST(test_a_session_that_is_admitted_does_not_hinder),
		TEST(test_a_session_ends_at_this_machine),
		TEST(test_the_answers_of_the_session_count_as_well),
		TEST(regress_the_refusal_names_what_is_missing),
		TEST(test_nobody_confirmed_in_time),
		TEST(test_confirmed_in_time),
		TEST(test_nothing_waits_nothing_is_confirmed),
		TEST(test_the_first_apply_can_go_back_too),
		TEST(test_a_way_back_to_nothing_is_told),
		TEST(test_the_way_back_leads_to_what_was_confirmed),
		TEST(test_an_end_before_the_confirmation_goes_back),
		TEST(regress_what_was_in_force_becomes_the_way_back),
		TEST(test_word_is_left_before_the_kernel_changes),
		TEST(test_another_process_can_confirm_or_go_back),
		TEST(test_a_way_back_that_cannot_be_kept_is_none),
		TEST(test_there_and_back_again),
		TEST(test_another_process_knows_the_way_back),
		TEST(test_back_to_what_is_there),
		TEST(test_flush_and_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
