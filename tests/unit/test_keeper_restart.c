/* test_keeper_restart.c - what a keeper knows after a restart: what was
 * confirmed, what was refused, where the way back leads; and where it may not
 * write that down. */
#include <ifaddrs.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "firewall/closed.h"
#include "firewall/store.h"
#include "firewall/verdict.h"
#include "keeper/state.h"
#include "keeper_scene.h"

static void start(struct scene *s)
{
	die_and_begin_again(s);
	assert_int_equal(keeper_start(s->keeper), 0);
}

static void boot(struct scene *s)
{
	fake_kernel_release(&s->kernel);
	s->kernel.generation++;
	start(s);
}

static void assert_edit_is(struct scene *s, const char *expect)
{
	json_t *answer = ask(s, json_pack("{s:s}", "command", "status"));

	assert_string_equal(text_at(answer, "edit"), expect);
	json_decref(answer);
}

#define REFUSED "refused (not confirmed, or rolled back) and not applied"

/* -- what was refused ------------------------------------------------------ */

static void regress_a_start_leaves_what_ran_out(void **state)
{
	struct scene *s = *state;

	do_it(s, "apply");
	write_file(s, two_ports);
	apply_to_confirm(s, 60);
	clock_fake(1000000 + 60000, 1700000060);
	keeper_tick(s->keeper);
	assert_false(admits_443(s));
	for (unsigned i = 0; i < 3; i++) {
		boot(s);
		assert_false(admits_443(s));
		assert_edit_is(s, REFUSED);
	}
	/* Until somebody applies it. */
	do_it(s, "apply");
	boot(s);
	assert_true(admits_443(s));
	assert_edit_is(s, "none");
}

static void regress_whoever_rolls_back_to_the_refused_is_told(void **state)
{
	struct scene *s = *state;
	json_t *answer;

	do_it(s, "apply");
	write_file(s, two_ports);
	apply_to_confirm(s, 60);
	clock_fake(1000000 + 60000, 1700000060);
	keeper_tick(s->keeper);
	answer = ask(s, json_pack("{s:s}", "command", "rollback"));
	assert_true(is_ok(answer));
	assert_true(admits_443(s));
	assert_non_null(
		strstr(text_at(answer, "text"), "rules that were refused"));
	json_decref(answer);
	do_it(s, "rollback");
	assert_false(admits_443(s));
}

static void regress_a_start_leaves_what_was_rolled_back(void **state)
{
	struct scene *s = *state;

	do_it(s, "apply");
	write_file(s, two_ports);
	do_it(s, "apply");
	do_it(s, "rollback");
	boot(s);
	assert_false(admits_443(s));
	assert_edit_is(s, REFUSED);
	/* There and back: what is in force now was not refused. */
	do_it(s, "rollback");
	assert_true(admits_443(s));
	boot(s);
	assert_true(admits_443(s));
}

static void regress_other_rules_than_the_refused_are_applied(void **state)
{
	struct scene *s = *state;
	char text[600];

	do_it(s, "apply");
	write_file(s, two_ports);
	do_it(s, "apply");
	do_it(s, "rollback");
	snprintf(text, sizeof(text), "%sfirewall.log_drops.enabled: true\n",
		 two_ports);
	write_file(s, text);
	boot(s);
	assert_true(admits_443(s));
}

/* Twice in a row, with a boot between and without. */
static void regress_deaths_while_waiting_end_with_the_confirmed(void **state)
{
	struct scene *s = *state;

	do_it(s, "apply");
	write_file(s, two_ports);
	apply_to_confirm(s, 60);
	start(s);
	assert_false(admits_443(s));
	start(s);
	assert_false(admits_443(s));
	boot(s);
	assert_false(admits_443(s));
	assert_edit_is(s, REFUSED);
}

/* Whoever takes the edit back has nothing left to apply. */
static void regress_a_file_that_is_what_was_restored_is_no_edit(void **state)
{
	struct scene *s = *state;

	do_it(s, "apply");
	write_file(s, two_ports);
	apply_to_confirm(s, 60);
	write_file(s, one_port);
	start(s);
	assert_false(admits_443(s));
	assert_edit_is(s, "none");
	write_file(s, two_ports);
	start(s);
	assert_edit_is(s, REFUSED);
}

/* Without a keeper each command is a process of its own. A large ruleset takes
 * a second to write, and another to read. */
static void regress_what_is_saved_is_not_written_again(void **state)
{
	struct scene *s = *state;
	char *path = xasprintf("%s/in-force.json", s->state);
	struct stat was, is;

	do_it(s, "apply");
	assert_int_equal(stat(path, &was), 0);
	die_and_begin_again(s);
	do_it(s, "apply");
	assert_int_equal(stat(path, &is), 0);
	assert_true(was.st_ino == is.st_ino);
	assert_int_equal(was.st_mtim.tv_nsec, is.st_mtim.tv_nsec);
	/* Gone, or of other rules: then it is. */
	assert_int_equal(unlink(path), 0);
	die_and_begin_again(s);
	do_it(s, "apply");
	assert_int_equal(stat(path, &is), 0);
	free(path);
}

/* -- the way back ---------------------------------------------------------- */

static void regress_a_start_is_no_apply(void **state)
{
	struct scene *s = *state;

	do_it(s, "apply");
	write_file(s, two_ports);
	do_it(s, "apply");
	boot(s);
	assert_true(admits_443(s));
	boot(s);
	do_it(s, "rollback");
	assert_non_null(s->kernel.now);
	assert_false(admits_443(s));
}

/* Without a keeper the first apply after a boot finds no table. */
static void regress_an_apply_after_a_boot_knows_what_was(void **state)
{
	struct scene *s = *state;

	do_it(s, "apply");
	write_file(s, two_ports);
	do_it(s, "apply");
	fake_kernel_release(&s->kernel);
	s->kernel.generation++;
	die_and_begin_again(s);
	do_it(s, "apply");
	die_and_begin_again(s);
	do_it(s, "rollback");
	assert_non_null(s->kernel.now);
	assert_false(admits_443(s));
}

/* -- while a change waits -------------------------------------------------- */

static void regress_an_apply_does_not_confirm_in_silence(void **state)
{
	struct scene *s = *state;
	json_t *answer;

	do_it(s, "apply");
	write_file(s, two_ports);
	apply_to_confirm(s, 60);
	answer = ask(s, json_pack("{s:s}", "command", "apply"));
	assert_false(is_ok(answer));
	assert_non_null(strstr(text_at(answer, "error"),
			       "waits to be confirmed for 60 seconds"));
	json_decref(answer);
	assert_int_equal(keeper_deadline_ms(s->keeper), 1060000);

	answer = ask(
		s, json_pack("{s:s, s:b}", "command", "apply", "force", true));
	assert_true(is_ok(answer));
	assert_non_null(strstr(text_at(answer, "text"), "waited to be"));
	json_decref(answer);
	assert_int_equal(keeper_deadline_ms(s->keeper), 0);
	boot(s);
	assert_true(admits_443(s));
	do_it(s, "rollback");
	assert_false(admits_443(s));
}

static void regress_a_timer_goes_to_the_keeper(void **state)
{
	struct scene *s = *state;
	uint64_t left;

	do_it(s, "apply");
	write_file(s, two_ports);
	apply_to_confirm(s, 60);
	clock_fake(1000000 + 20000, 1700000020);
	left = keeper_hand_over(s->keeper);
	assert_int_equal(left, 40000);
	assert_int_equal(keeper_hand_over(s->keeper), 0);
	/* The process before ends, and takes nothing back. */
	keeper_abandon(s->keeper);
	assert_true(admits_443(s));

	die_and_begin_again(s);
	keeper_take_over(s->keeper, left);
	assert_int_equal(keeper_start(s->keeper), 0);
	assert_true(admits_443(s));
	assert_int_equal(keeper_deadline_ms(s->keeper), 1060000);
	clock_fake(1000000 + 60000, 1700000060);
	keeper_tick(s->keeper);
	assert_false(admits_443(s));
	boot(s);
	assert_false(admits_443(s));
}

static void regress_what_was_handed_over_can_be_confirmed(void **state)
{
	struct scene *s = *state;
	uint64_t left;

	do_it(s, "apply");
	write_file(s, two_ports);
	apply_to_confirm(s, 60);
	left = keeper_hand_over(s->keeper);
	/* The file is another one by now. */
	write_file(s, one_port);
	die_and_begin_again(s);
	keeper_take_over(s->keeper, left);
	assert_int_equal(keeper_start(s->keeper), 0);
	assert_true(admits_443(s));
	do_it(s, "confirm");
	write_file(s, "security_groups: [");
	boot(s);
	assert_true(admits_443(s));
}

/* -- a full disk ----------------------------------------------------------- */

static void regress_old_rules_stay_until_the_new_are_whole(void **state)
{
	struct scene *s = *state;
	char *aside = state_file(s, "in-force.json.new");

	do_it(s, "apply");
	assert_int_equal(mkdir(aside, 0700), 0);
	write_file(s, two_ports);
	do_it(s, "apply");
	assert_int_equal(rmdir(aside), 0);
	write_file(s, "security_groups: [");
	boot(s);
	assert_non_null(s->kernel.now);
	assert_false(admits_443(s));
	free(aside);
}

static void regress_who_applies_hears_that_it_is_not_kept(void **state)
{
	struct scene *s = *state;
	char *aside = state_file(s, "in-force.json.new");
	json_t *answer;

	do_it(s, "apply");
	assert_int_equal(mkdir(aside, 0700), 0);
	write_file(s, two_ports);
	answer = ask(s, json_pack("{s:s}", "command", "apply"));
	assert_true(is_ok(answer));
	assert_non_null(strstr(text_at(answer, "text"), "cannot be kept in"));
	json_decref(answer);
	assert_int_equal(rmdir(aside), 0);
	free(aside);
}

static void regress_no_way_back_no_confirm(void **state)
{
	static const char *const names[] = {"waiting.json.new",
					    "memory.json.new"};
	struct scene *s = *state;

	do_it(s, "apply");
	write_file(s, two_ports);
	for (unsigned i = 0; i < 2; i++) {
		char *aside = state_file(s, names[i]);
		char *waiting = state_file(s, "waiting.json");
		json_t *answer;

		assert_int_equal(mkdir(aside, 0700), 0);
		answer = ask(s, json_pack("{s:s, s:i}", "command", "apply",
					  "confirm", 60));
		assert_false(is_ok(answer));
		assert_non_null(strstr(text_at(answer, "text"),
				       "the way back cannot be kept in"));
		json_decref(answer);
		assert_false(admits_443(s));
		assert_int_equal(access(waiting, F_OK), -1);
		assert_int_equal(rmdir(aside), 0);
		free(aside);
		free(waiting);
	}
	apply_to_confirm(s, 60);
	assert_true(admits_443(s));
}

/* -- addresses ------------------------------------------------------------- */

static const char host_file[] =
	"security_groups:\n"
	"  - name: web\n"
	"    ingress: {protocol: tcp, ports: 80, from: {security_group: web}}\n"
	"instances: {name: here, host: true, security_groups: web}\n";

static unsigned count_own(struct scene *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->kernel.now->n_sets; i++) {
		const struct nft_set *set = s->kernel.now->sets[i];

		for (unsigned k = 0; k < set->n_elements; k++)
			n += set->follows && set->elements[k].own;
	}
	return n;
}

/* A state file from a time when the machine had one address that it has no
 * longer: 192.0.2.99. */
static void age_state_file(struct scene *s)
{
	const struct cidr gone =
		cidr_make(4, (const uint8_t[]){192, 0, 2, 99}, 32);
	char *path = state_file(s, "in-force.json");
	struct ruleset *rules;

	assert_int_equal(store_load(path, &rules), 0);
	assert_true(ruleset_follow(rules, &gone, 1));
	assert_int_equal(store_save(path, rules), 0);
	ruleset_free(rules);
	free(path);
}

static bool has_text(struct scene *s, const char *text)
{
	char *now = fake_kernel_text(&s->kernel);
	bool has = strstr(now, text) != NULL;

	free(now);
	return has;
}

static void regress_restored_rules_follow_addresses(void **state)
{
	struct scene *s = *state;
	unsigned n;

	write_file(s, host_file);
	do_it(s, "apply");
	n = count_own(s);
	age_state_file(s);
	write_file(s, "security_groups: [");
	boot(s);
	assert_false(has_text(s, "192.0.2.99"));
	assert_int_equal(count_own(s), n);
}

static void regress_a_kernel_without_fib_takes_the_rest(void **state)
{
	struct scene *s = *state;

	write_file(s, host_file);
	start(s);
	assert_non_null(ruleset_chain(s->kernel.now, "prerouting-fresh"));
	fake_kernel_release(&s->kernel);
	s->kernel.generation++;
	s->kernel.has_no_fib = true;
	start(s);
	assert_null(ruleset_chain(s->kernel.now, "prerouting-fresh"));
	assert_non_null(ruleset_chain(s->kernel.now, "input-ingress"));
	do_it(s, "apply");
	assert_null(ruleset_chain(s->kernel.now, "prerouting-fresh"));
}

static void regress_sets_that_follow_are_those_of_the_machine(void **state)
{
	const struct cidr two[] = {
		cidr_make(4, (const uint8_t[]){192, 0, 2, 1}, 32),
		cidr_make(6, (const uint8_t[]){0x20, 1, [15] = 7}, 128),
	};
	struct scene *s = *state;
	struct diag diag = {0};
	struct intent *in;

	write_file(s, host_file);
	in = intent_load(s->file, &diag);
	assert_non_null(in);
	ruleset_follow(in->rules, two, 2);
	assert_int_equal(ruleset_set(in->rules, "host4")->n_elements, 1);
	assert_int_equal(ruleset_set(in->rules, "host6")->n_elements, 1);
	assert_false(ruleset_follow(in->rules, two, 2));
	assert_true(ruleset_follow(in->rules, two, 1));
	assert_int_equal(ruleset_set(in->rules, "host6")->n_elements, 0);
	intent_free(in);
	diag_release(&diag);
}

/* -- at_start -------------------------------------------------------------- */

static void regress_closed_when_nothing_else_is_known(void **state)
{
	struct scene *s = *state;
	json_t *answer;

	write_file(s, "security_groups: {name: web, ingres: []}\n"
		      "firewall:\n"
		      "  at_start: closed\n"
		      "  management: {protocol: tcp, ports: 22, from: "
		      "192.0.2.0/24}\n");
	start(s);
	assert_non_null(s->kernel.now);
	assert_true(has_text(s, "ip saddr 192.0.2.0/24 tcp dport 22"));
	assert_non_null(ruleset_chain(s->kernel.now, "forward-closed"));
	answer = ask(s, json_pack("{s:s}", "command", "status"));
	assert_true(json_is_true(json_object_get(answer, "closed")));
	json_decref(answer);
	write_file(s, one_port);
	do_it(s, "apply");
	assert_null(ruleset_chain(s->kernel.now, "forward-closed"));
}

/* Whatever ends it: an apply is not the only way out. */
static void regress_nothing_is_closed_behind_a_flush(void **state)
{
	struct scene *s = *state;
	json_t *answer;

	write_file(s, "security_groups: {name: web, ingres: []}\n"
		      "firewall.at_start: closed\n");
	start(s);
	assert_non_null(ruleset_chain(s->kernel.now, "forward-closed"));
	do_it(s, "flush");
	assert_null(s->kernel.now);
	answer = ask(s, json_pack("{s:s}", "command", "status"));
	assert_false(json_is_true(json_object_get(answer, "closed")));
	json_decref(answer);
}

static void regress_last_rules_come_before_closed(void **state)
{
	struct scene *s = *state;
	char text[600];

	snprintf(text, sizeof(text), "%sfirewall.at_start: closed\n", one_port);
	write_file(s, text);
	start(s);
	/* Not even YAML: what the last file said still counts. */
	write_file(s, "security_groups: [");
	boot(s);
	assert_null(ruleset_chain(s->kernel.now, "forward-closed"));
	assert_non_null(ruleset_chain(s->kernel.now, "sg-web-in"));
	{
		char *path = state_file(s, "in-force.json");

		unlink(path);
		free(path);
	}
	boot(s);
	assert_non_null(ruleset_chain(s->kernel.now, "forward-closed"));
}

static void regress_open_unless_closed_is_asked_for(void **state)
{
	struct scene *s = *state;

	write_file(s, "security_groups: [");
	start(s);
	assert_null(s->kernel.now);
}

static void regress_closed_rules_let_little_pass(void **state)
{
	static const struct firewall_settings settings = {
		.log_rate_per_second = 1, .nflog_group = -1};
	const uint8_t a[] = {192, 0, 2, 1}, b[] = {198, 51, 100, 1};
	struct ruleset *rules = closed_rules(&settings);
	struct nft_packet p = {
		.source = cidr_make(4, a, 32),
		.destination = cidr_make(4, b, 32),
		.protocol = IPPROTO_TCP,
		.dport = 22,
		.ct_state = CT_NEW,
		.tcp_flags = TCP_SYN,
		.iifname = "eth0",
		.oifname = "eth0",
	};
	struct verdict v;

	(void)state;
	for (enum nft_hook h = HOOK_INPUT; h <= HOOK_OUTPUT; h++) {
		p.hook = h;
		p.ct_state = CT_NEW;
		verdict_of(rules, &p, &v);
		assert_false(v.accepted);
		p.ct_state = CT_ESTABLISHED;
		verdict_of(rules, &p, &v);
		assert_true(v.accepted);
	}
	ruleset_free(rules);
}

/* -- report ---------------------------------------------------------------- */

static void regress_report_mode_shows_denies(void **state)
{
	struct scene *s = *state;
	const json_t *list, *o;
	unsigned denies = 0;
	json_t *answer;
	size_t i;

	write_file(s,
		   "security_groups: {name: web}\n"
		   "instances: {name: a, addresses: 10.0.0.1, security_groups: "
		   "web}\n"
		   "subnets: {name: n, cidr: 10.0.0.0/24, network_acl: acl}\n"
		   "firewall.mode: report\n"
		   "network_acls:\n"
		   "  - name: acl\n"
		   "    ingress:\n"
		   "      - {rule: 1, action: deny, protocol: all, from: "
		   "192.0.2.0/24}\n"
		   "      - {rule: 2, action: allow, protocol: all, from: "
		   "0.0.0.0/0}\n");
	start(s);
	answer = ask(s, json_pack("{s:s}", "command", "status"));
	list = json_object_get(answer, "network_acls");
	json_array_foreach (list, i, o) {
		bool allow = strcmp(text_at(o, "what"), "rule 2") == 0;

		assert_string_equal(text_at(o, "action"),
				    allow ? "allow" : "deny");
		denies += !allow;
	}
	assert_int_equal(denies, 3);
	json_decref(answer);
}

/* -- the file -------------------------------------------------------------- */

/* As an atomic deployment does. */
static void regress_a_link_that_moves_is_followed(void **state)
{
	struct scene *s = *state;
	char *link = xasprintf("%s/link", s->folder);
	char *aside = xasprintf("%s/aside", s->folder);
	char *other = xasprintf("%s/other", s->folder);
	const struct keeper_options options = {
		.file = link,
		.folder = s->state,
		.kernel = &s->kernel.kernel,
	};
	FILE *to = fopen(other, "w");

	assert_non_null(to);
	fputs(two_ports, to);
	fclose(to);
	assert_int_equal(symlink(s->file, link), 0);
	keeper_free(s->keeper);
	s->keeper = keeper_new(&options);
	assert_int_equal(keeper_start(s->keeper), 0);
	assert_int_equal(symlink(other, aside), 0);
	assert_int_equal(rename(aside, link), 0);
	keeper_look_at_file(s->keeper);
	assert_edit_is(s, "edited and not applied");
	json_decref(ask(
		s, json_pack("{s:s, s:s}", "command", "apply", "file", other)));
	assert_true(admits_443(s));
	unlink(link);
	unlink(other);
	free(link);
	free(aside);
	free(other);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, scene_setup, scene_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(regress_a_start_leaves_what_ran_out),
		TEST(regress_whoever_rolls_back_to_the_refused_is_told),
		TEST(regress_a_start_leaves_what_was_rolled_back),
		TEST(regress_other_rules_than_the_refused_are_applied),
		TEST(regress_deaths_while_waiting_end_with_the_confirmed),
		TEST(regress_a_file_that_is_what_was_restored_is_no_edit),
		TEST(regress_what_is_saved_is_not_written_again),
		TEST(regress_a_start_is_no_apply),
		TEST(regress_an_apply_after_a_boot_knows_what_was),
		TEST(regress_an_apply_does_not_confirm_in_silence),
		TEST(regress_a_timer_goes_to_the_keeper),
		TEST(regress_what_was_handed_over_can_be_confirmed),
		TEST(regress_old_rules_stay_until_the_new_are_whole),
		TEST(regress_who_applies_hears_that_it_is_not_kept),
		TEST(regress_no_way_back_no_confirm),
		TEST(regress_restored_rules_follow_addresses),
		TEST(regress_a_kernel_without_fib_takes_the_rest),
		TEST(regress_sets_that_follow_are_those_of_the_machine),
		TEST(regress_closed_when_nothing_else_is_known),
		TEST(regress_nothing_is_closed_behind_a_flush),
		TEST(regress_last_rules_come_before_closed),
		TEST(regress_open_unless_closed_is_asked_for),
		TEST(regress_closed_rules_let_little_pass),
		TEST(regress_report_mode_shows_denies),
		TEST(regress_a_link_that_moves_is_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
