/* test_watch.c - what is dropped: the rules that tell of it, the packets that
 * they tell, who watches, and what would admit them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "firewall/sighting.h"
#include "keeper/seen.h"
#include "keeper/watch.h"
#include "keeper_scene.h"

/* -- packets --------------------------------------------------------------- */

static const uint8_t syn4[] = {0x45, 0, 0,    60,   0, 0,    0x40, 0,  64,
			       6,    0, 0,    203,  0, 113,  7,    10, 0,
			       0,    1, 0x9c, 0x40, 0, 22,   0,    0,  0,
			       1,    0, 0,    0,    0, 0xa0, 2,    0,  0};

/* Hop-by-hop options, a destination option, then a question of ICMP. */
static const uint8_t echo6[] = {
	0x60, 0, 0, 0, 0, 24, 0, 64, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0,
	0,    0, 0, 0, 0, 0,  0, 7,  0xfd, 0, 0,    0,    0, 0, 0, 0,
	0,    0, 0, 0, 0, 0,  0, 1,  60,   0, 1,    4,    0, 0, 0, 0,
	58,   0, 1, 4, 0, 0,  0, 0,  128,  0, 0,    0,    0, 0, 0, 0};

static struct slice octets(const uint8_t *at, size_t n)
{
	return slice_make((const char *)at, n);
}

static void assert_words(const uint8_t *at, size_t n, const char *expect)
{
	struct sighting s = {.at_ms = 0};
	struct text words = {0};

	assert_true(sighting_read(octets(at, n), &s));
	sighting_words(&s, &words);
	assert_string_equal(text_str(&words), expect);
	text_release(&words);
}

static void regress_packets_are_read(void **state)
{
	uint8_t fragment[sizeof(syn4)], answer[sizeof(syn4)];
	struct sighting s = {.at_ms = 0};

	(void)state;
	assert_words(syn4, sizeof(syn4),
		     "tcp 203.0.113.7:40000 > 10.0.0.1:22 syn, 60 octets");
	assert_words(echo6, sizeof(echo6),
		     "icmpv6 2001:db8::7 > fd00::1 echo-request, 64 octets");
	memcpy(fragment, syn4, sizeof(syn4));
	fragment[7] = 9;
	assert_words(fragment, sizeof(fragment),
		     "tcp 203.0.113.7 > 10.0.0.1, 60 octets");
	memcpy(answer, syn4, sizeof(syn4));
	answer[33] = TCP_SYN | TCP_ACK;
	assert_words(answer, sizeof(answer),
		     "tcp 203.0.113.7:40000 > 10.0.0.1:22 syn+ack, 60 octets");
	sighting_read(octets(answer, sizeof(answer)), &s);
	assert_true(sighting_is_of_flow(&s));
	sighting_read(octets(syn4, sizeof(syn4)), &s);
	assert_false(sighting_is_of_flow(&s));
}

/* However much of a packet is there, nothing behind it is read. */
static void regress_packets_may_be_cut(void **state)
{
	const struct slice all[] = {octets(syn4, sizeof(syn4)),
				    octets(echo6, sizeof(echo6))};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		for (size_t n = 0; n <= all[i].n; n++) {
			struct sighting s = {.at_ms = 0};
			char *copy = slice_dup(slice_first(all[i], n));

			assert_int_equal(sighting_read(slice_make(copy, n), &s),
					 n >= (i ? 40 : 20));
			assert_true(!s.has_ports || n > (i ? 56 : 30));
			free(copy);
		}
}

/* -- rules that tell ------------------------------------------------------- */

static const char report_file[] =
	"security_groups:\n"
	"  - name: web\n"
	"    ingress: {protocol: tcp, ports: 80, from: 192.0.2.0/24}\n"
	"  - name: db\n"
	"    ingress: {protocol: tcp, ports: 5432, from: 192.0.2.0/24}\n"
	"instances: {name: a, addresses: 10.0.0.1, "
	"security_groups: [web, db]}\n"
	"firewall.mode: report\n";

static const struct nft_chain *profile_of(const struct scene *s)
{
	for (unsigned i = 0; i < s->kernel.now->n_chains; i++) {
		const char *name = s->kernel.now->chains[i]->name;

		if (strncmp(name, "p-", 2) == 0 &&
		    strcmp(name + strlen(name) - 3, "-in") == 0)
			return s->kernel.now->chains[i];
	}
	fail_msg("there is no profile");
	return NULL;
}

static unsigned count_telling(const struct ruleset *rules)
{
	unsigned n = 0;

	for (unsigned i = 0; i < rules->n_chains; i++)
		for (unsigned k = 0; k < rules->chains[i]->n_rules; k++)
			n += tell_is_laid(&rules->chains[i]->rules[k]);
	return n;
}

static void regress_a_keeper_has_drops_told(void **state)
{
	struct scene *s = *state;
	const struct nft_chain *c;
	struct tell_words words;
	struct text text = {0};
	json_t *answer;

	do_it(s, "apply");
	assert_int_equal(count_telling(s->kernel.now), 0);
	keeper_start(s->keeper);
	/* In, out, and what belongs to no flow. */
	assert_int_equal(count_telling(s->kernel.now), 3);
	c = profile_of(s);
	rule_text(&c->rules[c->n_rules - 2], &text);
	assert_string_equal(text_str(&text),
			    "limit rate 100/second burst 100 packets log "
			    "prefix \"weir dropped p-e22fd8ad0bcf-in\" group "
			    "30565 counter");
	assert_true(tell_parse(slice_of(c->rules[c->n_rules - 2].log->prefix),
			       &words));
	assert_false(words.would);
	assert_slice(words.chain, c->name);
	assert_slice(words.rule, "");
	text_release(&text);
	/* An apply of now changes nothing, and no file keeps them. What is
	 * left of them is no edit. */
	assert_int_equal(do_it(s, "apply"), 0);
	die_and_begin_again(s);
	answer = ask(s, json_pack("{s:s}", "command", "status"));
	assert_string_equal(text_at(answer, "edit"), "none");
	json_decref(answer);
	answer = ask(s, json_pack("{s:s}", "command", "diff"));
	assert_string_equal(text_at(answer, "diff"), "");
	json_decref(answer);
	do_it(s, "apply");
	assert_int_equal(count_telling(s->kernel.now), 0);
}

/* Rules that were brought back get them as well, once. */
static void regress_denies_of_network_acls_are_told(void **state)
{
	static const char *const modes[] = {"enforce", "report"};
	struct scene *s = *state;

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		const struct nft_chain *c;
		struct tell_words words;
		char text[500];

		snprintf(text, sizeof(text),
			 "subnets: {name: a, cidr: [10.0.0.0/24], network_acl: "
			 "strict}\n"
			 "network_acls:\n"
			 "  - name: strict\n"
			 "    ingress:\n"
			 "      - {rule: 90, action: deny, protocol: tcp, "
			 "ports: 22, from: 0.0.0.0/0}\n"
			 "      - {rule: 100, action: allow, protocol: all, "
			 "from: 0.0.0.0/0}\n"
			 "firewall.mode: %s\n",
			 modes[i]);
		write_file(s, text);
		die_and_begin_again(s);
		keeper_start(s->keeper);
		/* Rule 90, and the last of both directions. */
		assert_int_equal(count_telling(s->kernel.now), 3);
		c = ruleset_chain(s->kernel.now, "acl-strict-in");
		for (unsigned k = 0; k < c->n_rules; k++)
			if (tell_is_laid(&c->rules[k])) {
				assert_true(tell_parse(
					slice_of(c->rules[k].log->prefix),
					&words));
				break;
			}
		assert_int_equal(words.would, i == 1);
		assert_slice(words.chain, "acl-strict-in");
		assert_slice(words.rule, "rule 90");
		write_file(s, "security_groups: [");
		die_and_begin_again(s);
		keeper_start(s->keeper);
		keeper_look_at_machine(s->keeper);
		assert_int_equal(count_telling(s->kernel.now), 3);
	}
}

static void regress_a_kernel_without_nflog_takes_the_rest(void **state)
{
	struct scene *s = *state;
	json_t *request = json_pack("{s:s}", "command", "watch"), *answer;
	uint64_t memo = 0;

	s->kernel.has_no_log = true;
	assert_int_equal(keeper_start(s->keeper), 0);
	assert_non_null(ruleset_chain(s->kernel.now, "forward-ingress"));
	assert_int_equal(count_telling(s->kernel.now), 0);
	do_it(s, "apply");
	assert_false(keeper_wants_to_hear(s->keeper));
	assert_null(keeper_answer(s->keeper, request, &memo));
	answer = keeper_answer(s->keeper, request, &memo);
	assert_string_equal(text_at(answer, "error"),
			    "this kernel cannot tell which packets it drops "
			    "(modprobe nft_log nfnetlink_log nft_limit)");
	json_decref(answer);
	json_decref(request);
}

/* -- packets for the keeper ------------------------------------------------ */

/* As the kernel would tell it: forwarded to the instance. */
static struct sighting told(const struct scene *s, const char *word,
			    const char *from, uint16_t port)
{
	struct sighting seen = {
		.at_ms = 1700000000000, .octets = 60, .has_ports = true};

	seen.packet = (struct nft_packet){
		.hook = HOOK_FORWARD,
		.iifname = "eth0",
		.oifname = "veth-a",
		.protocol = IPPROTO_TCP,
		.sport = 40000,
		.dport = port,
		.tcp_flags = TCP_SYN,
		.ct_state = CT_NEW,
	};
	assert_true(cidr_parse_address(slice_of(from), &seen.packet.source));
	cidr_parse_address(SLICE("10.0.0.1"), &seen.packet.destination);
	snprintf(seen.prefix, sizeof(seen.prefix), "weir %s %s", word,
		 profile_of(s)->name);
	return seen;
}

static void saw(struct scene *s, const char *word, const char *from,
		uint16_t port)
{
	struct sighting seen = told(s, word, from, port);

	keeper_saw(s->keeper, &seen);
}

/* One question; NULL: it has to be asked again. */
static json_t *watch(struct scene *s, json_t *request, uint64_t *memo)
{
	json_t *answer = keeper_answer(s->keeper, request, memo);

	return answer;
}

/* Begins to watch; returns the next question. */
static json_t *begin(struct scene *s, const char *group)
{
	json_t *request = json_pack("{s:s}", "command", "watch");
	uint64_t memo = 0;
	json_t *answer;

	if (group)
		json_object_set_new(request, "group", json_string(group));
	assert_null(watch(s, request, &memo));
	assert_true(keeper_wants_to_hear(s->keeper));
	keeper_hears(s->keeper, true, 0);
	answer = watch(s, request, &memo);
	assert_true(is_ok(answer));
	json_object_set(request, "watcher", json_object_get(answer, "watcher"));
	json_object_set(request, "after", json_object_get(answer, "next"));
	json_decref(answer);
	return request;
}

/* Asks what is there to be told at once. */
static json_t *go_on(struct scene *s, json_t *request)
{
	uint64_t memo = 0;
	json_t *answer;

	assert_null(watch(s, request, &memo));
	answer = watch(s, request, &memo);
	assert_non_null(answer);
	json_object_set(request, "after", json_object_get(answer, "next"));
	return answer;
}

static void regress_who_watches_is_told(void **state)
{
	struct scene *s = *state;
	json_t *every, *only, *answer;
	const json_t *o;
	uint64_t memo = 0;

	write_file(s, report_file);
	keeper_start(s->keeper);
	every = begin(s, NULL);
	only = begin(s, "db");
	saw(s, "dropped", "203.0.113.7", 22);
	saw(s, "reported", "203.0.113.8", 22);
	answer = go_on(s, every);
	assert_int_equal(json_array_size(json_object_get(answer, "packets")),
			 2);
	o = json_array_get(json_object_get(answer, "packets"), 0);
	assert_string_equal(text_at(o, "at"), "2023-11-14T22:13:20.000Z");
	assert_string_equal(text_at(o, "outcome"), "dropped");
	assert_string_equal(text_at(o, "rule"), "no rule");
	assert_string_equal(text_at(o, "direction"), "ingress");
	assert_string_equal(text_at(o, "text"),
			    "tcp 203.0.113.7:40000 > 10.0.0.1:22 syn, 60 "
			    "octets, in eth0, out veth-a");
	o = json_array_get(json_object_get(answer, "packets"), 1);
	assert_string_equal(text_at(o, "outcome"), "would be dropped");
	json_decref(answer);
	answer = go_on(s, only);
	assert_int_equal(json_array_size(json_object_get(answer, "packets")),
			 2);
	json_decref(answer);
	/* Nothing more: after a second an answer says so. */
	assert_null(watch(s, every, &memo));
	assert_null(watch(s, every, &memo));
	clock_fake(1001000, 1700000001);
	answer = watch(s, every, &memo);
	assert_int_equal(json_array_size(json_object_get(answer, "packets")),
			 0);
	json_decref(answer);
	json_decref(every);
	json_decref(only);
}

static void regress_who_is_slow_is_told_how_many_are_gone(void **state)
{
	struct scene *s = *state;
	json_t *request, *answer;

	keeper_start(s->keeper);
	request = begin(s, NULL);
	for (unsigned i = 0; i < WATCH_RING + 7; i++)
		saw(s, "dropped", "203.0.113.7", 22);
	answer = go_on(s, request);
	assert_int_equal(number_at(answer, "missed"), 7);
	assert_int_equal(number_at(answer, "limited"), 1);
	assert_int_equal(json_array_size(json_object_get(answer, "packets")),
			 WATCH_ANSWER);
	json_decref(answer);
	json_decref(request);
}

static void regress_watchers_are_few_and_go(void **state)
{
	json_t *request = json_pack("{s:s}", "command", "watch"), *answer;
	struct scene *s = *state;
	uint64_t memo = 0;

	keeper_start(s->keeper);
	for (unsigned i = 0; i < WATCHERS_MAX; i++)
		json_decref(begin(s, NULL));
	answer = watch(s, request, &memo);
	assert_string_equal(text_at(answer, "error"), "8 others watch already");
	json_decref(answer);
	clock_fake(1000000 + WATCH_GONE_MS + 1, 1700000006);
	assert_false(keeper_wants_to_hear(s->keeper));
	json_decref(begin(s, NULL));
	json_decref(request);
}

static void regress_only_a_keeper_sees_packets(void **state)
{
	static const char *const commands[] = {"watch", "suggest"};
	struct scene *s = *state;

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		json_t *answer =
			ask(s, json_pack("{s:s}", "command", commands[i]));

		assert_string_equal(text_at(answer, "error"),
				    "packets are seen by the keeper, which "
				    "does not run: weir sg keep, or start "
				    "weir-sg.service");
		json_decref(answer);
	}
	keeper_start(s->keeper);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		json_t *answer = ask(s, json_pack("{s:s, s:s}", "command",
						  commands[i], "group", "wep"));

		assert_string_equal(text_at(answer, "error"),
				    "there is no security group \"wep\"; did "
				    "you mean \"web\"?");
		json_decref(answer);
	}
}

/* -- suggestions ----------------------------------------------------------- */

static json_t *suggest(struct scene *s, const char *group)
{
	json_t *request = json_pack("{s:s}", "command", "suggest");

	if (group)
		json_object_set_new(request, "group", json_string(group));
	return ask(s, request);
}

/* The rules as one line of JSON, ports and peers only. */
static void assert_suggested(struct scene *s, const char *group,
			     const char *expect)
{
	json_t *answer = suggest(s, group), *list = json_array();
	const json_t *rules = json_object_get(answer, "rules"), *o;
	char *text;
	size_t i;

	json_array_foreach(rules, i, o)
	{
		json_array_append_new(list,
				      json_pack("[O, O, O]",
						json_object_get(o, "group"),
						json_object_get(o, "ports"),
						json_object_get(o, "peers")));
	}
	text = json_dumps(list, JSON_COMPACT);
	assert_string_equal(text, expect);
	free(text);
	json_decref(list);
	json_decref(answer);
}

static void regress_suggestions_are_merged(void **state)
{
	struct scene *s = *state;
	struct sighting middle;

	write_file(s, report_file);
	keeper_start(s->keeper);
	assert_true(keeper_wants_to_hear(s->keeper));
	assert_suggested(s, NULL, "[]");
	for (uint16_t port = 8000; port < 8010; port++)
		saw(s, "reported", "203.0.113.7", port);
	saw(s, "reported", "203.0.113.7", 22);
	saw(s, "reported", "203.0.113.7", 22);
	saw(s, "reported", "203.0.113.8", 443);
	saw(s, "reported", "203.0.113.7", 443);
	/* It was dropped; it is admitted; it is no new flow. */
	saw(s, "dropped", "203.0.113.7", 23);
	saw(s, "reported", "192.0.2.1", 80);
	middle = told(s, "reported", "203.0.113.7", 24);
	middle.packet.tcp_flags = TCP_ACK;
	keeper_saw(s->keeper, &middle);
	assert_suggested(s, NULL,
			 "[[\"db\",[\"22\",\"8000-8009\"],"
			 "[\"203.0.113.7/32\"]],"
			 "[\"db\",[\"443\"],[\"203.0.113.7/32\","
			 "\"203.0.113.8/32\"]]]");
	assert_suggested(s, "web",
			 "[[\"web\",[\"22\",\"8000-8009\"],"
			 "[\"203.0.113.7/32\"]],"
			 "[\"web\",[\"443\"],[\"203.0.113.7/32\","
			 "\"203.0.113.8/32\"]]]");
}

/* The port that the client used, not that of the container behind it. */
static void regress_published_ports_are_those_that_clients_use(void **state)
{
	struct scene *s = *state;
	struct sighting seen;
	json_t *answer;

	write_file(s, "security_groups: {name: web, egress: []}\n"
		      "instances: {name: here, host: true, addresses: "
		      "192.0.2.1, security_groups: web}\n"
		      "firewall.mode: report\n");
	keeper_start(s->keeper);
	seen = told(s, "reported", "203.0.113.7", 80);
	snprintf(seen.prefix, sizeof(seen.prefix), "weir reported %.14s%s",
		 profile_of(s)->name, "-published");
	keeper_saw(s->keeper, &seen);
	answer = suggest(s, NULL);
	assert_int_equal(number_at(answer, "unread"), 1);
	json_decref(answer);
	seen.packet.translated = true;
	seen.packet.ct_dport = 8088;
	cidr_parse_address(SLICE("192.0.2.1"), &seen.packet.ct_destination);
	keeper_saw(s->keeper, &seen);
	assert_suggested(s, NULL,
			 "[[\"web\",[\"8088\"],[\"203.0.113.7/32\"]]]");
}

static void regress_what_is_admitted_now_is_suggested_no_more(void **state)
{
	struct scene *s = *state;
	char text[600];

	write_file(s, report_file);
	keeper_start(s->keeper);
	saw(s, "reported", "203.0.113.7", 22);
	saw(s, "reported", "203.0.113.7", 25);
	snprintf(text, sizeof(text), "%s", report_file);
	memcpy(strstr(text, "5432, from: 192.0.2.0/24"),
	       "22, from: 203.0.113.7/32", 24);
	write_file(s, text);
	do_it(s, "apply");
	assert_suggested(s, NULL, "[[\"db\",[\"25\"],[\"203.0.113.7/32\"]]]");
}

static void regress_many_peers_are_everybody(void **state)
{
	struct scene *s = *state;
	char from[32];

	write_file(s, report_file);
	keeper_start(s->keeper);
	for (unsigned i = 1; i < 40; i++) {
		snprintf(from, sizeof(from), "203.0.113.%u", i);
		saw(s, "reported", from, 22);
	}
	assert_suggested(s, NULL, "[[\"db\",[\"22\"],[\"0.0.0.0/0\"]]]");
}

/* A scan from everywhere does not push out what comes again and again. */
static void regress_what_was_seen_is_bounded(void **state)
{
	struct scene *s = *state;
	json_t *answer;
	char from[32];

	write_file(s, report_file);
	keeper_start(s->keeper);
	for (unsigned i = 0; i < 3; i++)
		saw(s, "reported", "203.0.113.7", 22);
	for (unsigned i = 0; i < 3 * SEEN_MAX; i++) {
		snprintf(from, sizeof(from), "198.18.%u.%u", i / 256 % 256,
			 i % 256);
		saw(s, "reported", from, 23);
	}
	answer = ask(s, json_pack("{s:s}", "command", "status"));
	assert_int_equal(number_at(json_object_get(answer, "watch"), "flows"),
			 SEEN_MAX);
	assert_int_equal(
		number_at(json_object_get(answer, "watch"), "forgotten"),
		2 * SEEN_MAX + 1);
	json_decref(answer);
	assert_suggested(s, NULL,
			 "[[\"db\",[\"22\"],[\"203.0.113.7/32\"]],"
			 "[\"db\",[\"23\"],[\"0.0.0.0/0\"]]]");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, scene_setup, scene_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(regress_packets_are_read),
		cmocka_unit_test(regress_packets_may_be_cut),
		TEST(regress_a_keeper_has_drops_told),
		TEST(regress_denies_of_network_acls_are_told),
		TEST(regress_a_kernel_without_nflog_takes_the_rest),
		TEST(regress_who_watches_is_told),
		TEST(regress_who_is_slow_is_told_how_many_are_gone),
		TEST(regress_watchers_are_few_and_go),
		TEST(regress_only_a_keeper_sees_packets),
		TEST(regress_suggestions_are_merged),
		TEST(regress_published_ports_are_those_that_clients_use),
		TEST(regress_what_is_admitted_now_is_suggested_no_more),
		TEST(regress_many_peers_are_everybody),
		TEST(regress_what_was_seen_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
