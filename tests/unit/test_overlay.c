/* test_overlay.c - what is allowed and blocked at run time: in the rules, over
 * restarts and applies, and at its end. */
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "firewall/overlay.h"
#include "firewall/verdict.h"
#include "keeper_scene.h"

/* -- packets --------------------------------------------------------------- */

static struct cidr address(const char *text)
{
	struct cidr c;

	assert_true(cidr_parse_address(slice_of(text), &c));
	return c;
}

static bool passes(const struct ruleset *rules, const char *from, uint16_t port)
{
	struct nft_packet p = {
		.hook = HOOK_FORWARD,
		.iifname = "a",
		.oifname = "b",
		.source = address(from),
		.destination = address("10.0.0.1"),
		.protocol = IPPROTO_TCP,
		.dport = port,
		.ct_state = CT_NEW,
		.tcp_flags = TCP_SYN,
	};
	struct verdict v;

	verdict_of(rules, &p, &v);
	return v.accepted;
}

static void assert_passes(struct scene *s, const char *from, uint16_t port,
			  bool expect)
{
	if (passes(s->kernel.now, from, port) != expect)
		fail_msg("%s to %u: %s", from, port,
			 expect ? "dropped" : "passes");
}

/* -- asking ---------------------------------------------------------------- */

static json_t *allow(const char *command, const char *cidr, int port,
		     int seconds)
{
	return json_pack("{s:s, s:s, s:s, s:i, s:s, s:i}", "command", command,
			 "group", "web", "protocol", "tcp", "port", port,
			 "cidr", cidr, "seconds", seconds);
}

static json_t *block(const char *command, const char *cidr, int seconds)
{
	json_t *request =
		json_pack("{s:s, s:s}", "command", command, "cidr", cidr);

	if (seconds)
		json_object_set_new(request, "seconds", json_integer(seconds));
	return request;
}

static void grant(struct scene *s, json_t *request_take)
{
	json_t *answer = ask(s, request_take);

	if (!is_ok(answer))
		fail_msg("%s", text_at(answer, "error"));
	json_decref(answer);
}

static void refuse(struct scene *s, json_t *request_take, const char *expect)
{
	json_t *answer = ask(s, request_take);

	assert_false(is_ok(answer));
	if (!strstr(text_at(answer, "error"), expect))
		fail_msg("\"%s\", not \"%s\"", text_at(answer, "error"),
			 expect);
	json_decref(answer);
}

static void pass_time(unsigned seconds)
{
	clock_fake(1000000 + seconds * 1000, 1700000000 + (time_t)seconds);
}

/* The wall clock is set, and time goes on from there. */
static void set_clock(unsigned seconds, long ahead_s)
{
	clock_fake(1000000 + seconds * 1000,
		   1700000000 + (time_t)seconds + ahead_s);
}

static void start(struct scene *s)
{
	die_and_begin_again(s);
	assert_int_equal(keeper_start(s->keeper), 0);
}

/* -- the keeper ------------------------------------------------------------ */

static void regress_a_clock_that_is_set_moves_no_end(void **state)
{
	static const long jumps[] = {3600, -3600, 0};
	struct scene *s = *state;

	start(s);
	grant(s, allow("allow", "198.51.100.7", 22, 60));
	for (size_t i = 0; i < ARRAY_SIZE(jumps); i++) {
		set_clock(10, jumps[i]);
		keeper_look_at_file(s->keeper);
		assert_passes(s, "198.51.100.7", 22, true);
		/* Another process of the same boot has another beginning. */
		clock_steady_adopt(((int64_t)1700000000 + jumps[i]) * 1000 -
				   1000000);
		start(s);
		assert_passes(s, "198.51.100.7", 22, true);
	}
	set_clock(61, -3600);
	keeper_look_at_file(s->keeper);
	assert_passes(s, "198.51.100.7", 22, false);
}

static void regress_allow_opens_until_its_end(void **state)
{
	struct scene *s = *state;

	start(s);
	assert_passes(s, "198.51.100.7", 22, false);
	grant(s, allow("allow", "198.51.100.7", 22, 60));
	assert_passes(s, "198.51.100.7", 22, true);
	assert_passes(s, "198.51.100.7", 23, false);
	assert_passes(s, "198.51.100.8", 22, false);
	pass_time(59);
	keeper_look_at_file(s->keeper);
	assert_passes(s, "198.51.100.7", 22, true);
	pass_time(60);
	keeper_look_at_file(s->keeper);
	assert_passes(s, "198.51.100.7", 22, false);
	assert_null(ruleset_set(s->kernel.now, "ov-sg-web-v4"));
}

static void regress_the_kernel_is_told_the_end(void **state)
{
	struct scene *s = *state;
	const struct nft_set *set;

	start(s);
	grant(s, allow("allow", "198.51.100.7", 22, 60));
	set = ruleset_set(s->kernel.now, "ov-sg-web-v4");
	assert_non_null(set);
	assert_true(set->timeout);
	assert_int_equal(set->n_elements, 1);
	assert_int_equal(set->elements[0].ends_ms, 1060000);
}

static void regress_block_comes_before_all_groups(void **state)
{
	struct scene *s = *state;

	start(s);
	assert_passes(s, "192.0.2.7", 80, true);
	grant(s, block("block", "192.0.2.0/29", 0));
	assert_passes(s, "192.0.2.7", 80, false);
	assert_passes(s, "192.0.2.8", 80, true);
	grant(s, block("unblock", "192.0.2.0/29", 0));
	assert_passes(s, "192.0.2.7", 80, true);
	assert_null(ruleset_chain(s->kernel.now, "input-block"));
}

static bool enters(struct scene *s, const char *from, uint16_t port)
{
	struct nft_packet p = {
		.hook = HOOK_INPUT,
		.iifname = "eth0",
		.source = address(from),
		.destination = address("192.0.2.99"),
		.protocol = IPPROTO_TCP,
		.dport = port,
		/* A block ends what runs, too. */
		.ct_state = CT_ESTABLISHED,
		.tcp_flags = TCP_ACK,
	};
	struct verdict v;

	verdict_of(s->kernel.now, &p, &v);
	return v.accepted;
}

static void regress_management_passes_a_block(void **state)
{
	struct scene *s = *state;

	write_file(s, "security_groups: {name: web}\n"
		      "instances: {name: here, host: true, security_groups: "
		      "web}\n"
		      "firewall.management: {protocol: tcp, ports: 22, from: "
		      "192.0.2.7/32}\n");
	start(s);
	grant(s, block("block", "0.0.0.0/0", 0));
	assert_true(enters(s, "192.0.2.7", 22));
	assert_false(enters(s, "192.0.2.7", 80));
	assert_false(enters(s, "192.0.2.8", 22));
}

static void regress_entries_outlive_restarts_and_applies(void **state)
{
	struct scene *s = *state;

	start(s);
	grant(s, allow("allow", "198.51.100.7", 22, 60));
	grant(s, block("block", "192.0.2.7", 0));
	write_file(s, two_ports);
	do_it(s, "apply");
	assert_passes(s, "198.51.100.7", 22, true);
	assert_passes(s, "192.0.2.7", 443, false);
	do_it(s, "rollback");
	assert_passes(s, "198.51.100.7", 22, true);
	assert_passes(s, "192.0.2.7", 80, false);
	pass_time(30);
	fake_kernel_release(&s->kernel);
	s->kernel.generation++;
	start(s);
	assert_passes(s, "198.51.100.7", 22, true);
	assert_passes(s, "192.0.2.7", 80, false);
	/* While nobody was there to take it away. */
	pass_time(61);
	fake_kernel_release(&s->kernel);
	s->kernel.generation++;
	write_file(s, "security_groups: [");
	start(s);
	assert_passes(s, "198.51.100.7", 22, false);
	assert_passes(s, "192.0.2.7", 80, false);
}

static void regress_status_lists_what_is_left(void **state)
{
	struct scene *s = *state;
	const json_t *list;
	json_t *answer;

	start(s);
	grant(s, allow("allow", "198.51.100.7", 22, 60));
	grant(s, block("block", "2001:db8::/32", 0));
	pass_time(20);
	answer = ask(s, json_pack("{s:s}", "command", "status"));
	list = json_object_get(json_object_get(answer, "overlay"), "entries");
	assert_int_equal(json_array_size(list), 2);
	assert_string_equal(text_at(json_array_get(list, 0), "kind"), "block");
	assert_int_equal(number_at(json_array_get(list, 1), "seconds_left"),
			 40);
	json_decref(answer);
	answer = ask(
		s, json_pack("{s:s, s:b}", "command", "overlay", "drop", true));
	assert_int_equal(number_at(answer, "dropped"), 2);
	json_decref(answer);
	assert_passes(s, "198.51.100.7", 22, false);
}

/* Neither an edit nor a difference. */
static void regress_entries_are_no_drift(void **state)
{
	struct scene *s = *state;
	unsigned sent;
	json_t *answer;

	start(s);
	grant(s, allow("allow", "198.51.100.7", 22, 60));
	sent = s->kernel.n_sent;
	s->kernel.generation++;
	assert_int_equal(keeper_look_at_kernel(s->keeper), 0);
	assert_int_equal(s->kernel.n_sent, sent);
	answer = ask(s, json_pack("{s:s}", "command", "diff"));
	assert_string_equal(text_at(answer, "diff"), "");
	json_decref(answer);
}

static void regress_bad_entries_are_told_exactly(void **state)
{
	struct scene *s = *state;
	json_t *request;

	refuse(s, allow("allow", "192.0.2.7", 22, 60), "need the keeper");
	start(s);
	request = allow("allow", "192.0.2.7", 22, 60);
	json_object_set_new(request, "group", json_string("wbe"));
	refuse(s, request, "no security group \"wbe\"; did you mean \"web\"?");
	request = allow("allow", "192.0.2.7", 22, 60);
	json_object_set_new(request, "protocol", json_string("icmp"));
	refuse(s, request, "tcp or udp, not \"icmp\"");
	refuse(s, allow("allow", "192.0.2.7", 65536, 60), "0 to 65535");
	refuse(s, allow("allow", "192.0.2.7", 22, 0), "from 2 seconds");
	refuse(s, allow("allow", "192.0.2.7/24", 22, 60), "192.0.2.0/24");
	refuse(s, allow("allow", "here", 22, 60), "\"here\" is no address");
	refuse(s, allow("revoke", "192.0.2.7", 22, 60),
	       "no such entry: web: "
	       "tcp 22 from");
	refuse(s, block("unblock", "192.0.2.7", 0), "no such entry: block");
	request = block("block", "192.0.2.0/24", 0);
	json_object_set_new(request, "session",
			    json_string("192.0.2.7 50000 10.0.0.1 22"));
	refuse(s, request, "would cut the SSH session");
}

static void regress_a_refused_entry_leaves_those_before(void **state)
{
	struct scene *s = *state;
	json_t *answer;

	start(s);
	grant(s, block("block", "192.0.2.7", 0));
	s->kernel.refuses = true;
	refuse(s, block("block", "192.0.2.8", 0), "nothing was changed");
	s->kernel.refuses = false;
	answer = ask(s, json_pack("{s:s}", "command", "overlay"));
	assert_int_equal(
		json_array_size(json_object_get(
			json_object_get(answer, "overlay"), "entries")),
		1);
	json_decref(answer);
	assert_passes(s, "192.0.2.7", 80, false);
	assert_passes(s, "192.0.2.8", 80, true);
}

/* -- ranges ---------------------------------------------------------------- */

/* The end of what covers an address, by hand. */
static time_t end_by_hand(const struct overlay *o, const struct cidr *a,
			  bool *covered)
{
	time_t end = 0;

	*covered = false;
	for (unsigned i = 0; i < o->n; i++) {
		const struct overlay_entry *e = &o->entries[i];

		if (!cidr_contains(&e->cidr, a))
			continue;
		if (!*covered || (end && (!e->ends_s || e->ends_s > end)))
			end = e->ends_s;
		*covered = true;
	}
	return end;
}

static void regress_networks_in_networks_are_cut(void **state)
{
	unsigned seed = 1;

	(void)state;
	clock_fake(1000000, 1700000000);
	for (unsigned round = 0; round < 300; round++) {
		struct ruleset *rules = ruleset_new("weir");
		struct overlay o = {0};
		const struct nft_set *set;

		for (unsigned i = 0; i < 12; i++) {
			struct overlay_entry e = {.ends_s = 0};
			uint8_t octets[4] = {255, 255, 255, 0};
			unsigned ends = (unsigned)rand_r(&seed) % 5;

			octets[3] = (uint8_t)rand_r(&seed);
			e.ends_s = ends ? 1700000000 + (time_t)ends * 100 : 0;
			e.cidr = cidr_make(4, octets,
					   24 + (unsigned)rand_r(&seed) % 9);
			assert_true(overlay_add(&o, &e));
		}
		overlay_lay(rules, &o);
		set = ruleset_set(rules, "ov-block4");
		assert_non_null(set);
		for (unsigned i = 1; i < set->n_elements; i++)
			assert_true(memcmp(set->elements[i - 1].last,
					   set->elements[i].first, 4) < 0);
		for (unsigned i = 0; i < 256; i++) {
			uint8_t octets[KEY_OCTETS_MAX] = {255, 255, 255,
							  (uint8_t)i};
			struct cidr a = cidr_make(4, octets, 32);
			const struct nft_element *e = set_find(set, octets);
			bool covered;
			time_t end = end_by_hand(&o, &a, &covered);

			assert_int_equal(e != NULL, covered);
			if (!e)
				continue;
			assert_int_equal(
				e->ends_ms,
				end ? 1000000 + (uint64_t)(end - 1700000000) *
							1000
				    : 0);
		}
		overlay_strip(rules);
		assert_int_equal(rules->n_sets, 0);
		assert_int_equal(rules->n_chains, 0);
		ruleset_free(rules);
		overlay_release(&o);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, scene_setup, scene_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(regress_a_clock_that_is_set_moves_no_end),
		TEST(regress_allow_opens_until_its_end),
		TEST(regress_the_kernel_is_told_the_end),
		TEST(regress_block_comes_before_all_groups),
		TEST(regress_management_passes_a_block),
		TEST(regress_entries_outlive_restarts_and_applies),
		TEST(regress_status_lists_what_is_left),
		TEST(regress_entries_are_no_drift),
		TEST(regress_bad_entries_are_told_exactly),
		TEST(regress_a_refused_entry_leaves_those_before),
		TEST(regress_networks_in_networks_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
