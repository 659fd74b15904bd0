/*
 * test_verdict.c - the compiled rules say what the groups say.
 *
 * Random groups, instances, ACLs and load balancers; for each, random
 * packets; the walk through the compiled rules against the plain reading of
 * the manual.
 */
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "firewall/compile.h"
#include "firewall/set_index.h"
#include "golden/naive.h"
#include "golden/random.h"

enum { ROUNDS = 400, PACKETS = 250 };

static void show(const struct ruleset *rules, const struct nft_packet *p,
		 bool naive, bool compiled)
{
	char from[CIDR_TEXT_MAX], to[CIDR_TEXT_MAX], *text;

	text = ruleset_text(rules);
	print_message("%s\n", text);
	print_message("hook %d %s->%s %s -> %s proto %u %u->%u icmp %u/%u "
		      "flags %u state %u nat %d:%u uid %d/%u: "
		      "naive %d, compiled %d\n",
		      (int)p->hook, p->iifname, p->oifname,
		      cidr_format(&p->source, from),
		      cidr_format(&p->destination, to), p->protocol, p->sport,
		      p->dport, p->icmp_type, p->icmp_code, p->tcp_flags,
		      p->ct_state, p->translated, p->ct_dport, p->has_uid,
		      p->uid, naive, compiled);
	free(text);
}

static void test_random_packets(void **state)
{
	unsigned n_accepted = 0, n_sets = 0;

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct model *m = model_new();
		struct diag diag = {0};
		struct ruleset *rules;

		srand(round + 1);
		random_model(m);
		rules = firewall_compile(&m->config, &diag);
		if (!rules)
			diag_print(&diag, stderr, false);
		assert_non_null(rules);
		for (unsigned i = 0; i < rules->n_sets; i++)
			n_sets += rules->sets[i]->counter;
		for (unsigned i = 0; i < PACKETS; i++) {
			struct nft_packet p = random_packet(m);
			bool naive = naive_accepts(&m->config, &p);
			struct verdict v;

			verdict_of(rules, &p, &v);
			n_accepted += v.accepted;
			if (v.accepted == naive)
				continue;
			show(rules, &p, naive, v.accepted);
			fail_msg("round %u, packet %u", round, i);
		}
		ruleset_free(rules);
		diag_release(&diag);
		model_free(m);
	}
	/* A test in which everything passes, or nothing, would say little. */
	print_message("# %u of %u accepted, %u sets of large groups\n",
		      n_accepted, ROUNDS * PACKETS, n_sets);
	assert_in_range(n_accepted, ROUNDS * PACKETS / 5,
			ROUNDS * PACKETS / 5 * 4);
	assert_true(n_sets > 50);
}

static void test_report_mode_drops_nothing(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 40; round++) {
		struct model *m = model_new();
		struct diag diag = {0};
		struct ruleset *rules;

		srand(round + 1);
		random_model(m);
		m->config.settings.mode = FIREWALL_REPORT;
		rules = firewall_compile(&m->config, &diag);
		assert_non_null(rules);
		for (unsigned i = 0; i < PACKETS; i++) {
			struct nft_packet p = random_packet(m);
			struct verdict v;

			verdict_of(rules, &p, &v);
			assert_true(v.accepted);
		}
		ruleset_free(rules);
		diag_release(&diag);
		model_free(m);
	}
}

static struct cidr at(const char *text)
{
	struct cidr c = {0};

	assert_true(cidr_parse_address(slice_of(text), &c));
	return c;
}

static struct nft_packet tcp(const struct model *m, const char *from,
			     const char *to, uint16_t port)
{
	struct cidr source = at(from), destination = at(to);
	struct nft_packet p =
		packet_between(&m->config, &source, &destination, IPPROTO_TCP);

	p.dport = port;
	return p;
}

/* The path names the rule that let the packet in, and where it stands. */
static void test_the_path_names_the_rule(void **state)
{
	struct model *m = model_new();
	struct diag diag = {0};
	struct ruleset *rules;
	struct nft_packet p;
	struct verdict v;
	const struct sg_rule *rule;
	char id[SG_RULE_ID_MAX];

	(void)state;
	model_open(m, "web");
	model_allow(m, "app", SG_INGRESS, "tcp", "22", "10.0.0.0/8");
	model_allow(m, "app", SG_INGRESS, "tcp", "3000", "@web");
	model_instance(m, "web1", "10.0.1.1", "veth-web1", "web");
	model_instance(m, "app1", "10.0.2.1", NULL, "app");
	rules = firewall_compile(&m->config, &diag);
	rule = &m->groups[1].ingress[1];
	sg_rule_id(&m->groups[1], SG_INGRESS, rule, rule->ports, rule->peers,
		   id);

	p = tcp(m, "10.0.1.1", "10.0.2.1", 3000);
	assert_int_equal(p.hook, HOOK_FORWARD);
	assert_string_equal(p.iifname, "veth-web1");
	verdict_of(rules, &p, &v);
	assert_true(v.accepted);
	assert_string_equal(v.steps[v.n_steps - 1].chain->name, "sg-app-in");
	assert_string_equal(v.steps[v.n_steps - 1].rule->comment, id);
	assert_int_equal(v.steps[v.n_steps - 1].rule->place.line,
			 rule->place.line);

	p = tcp(m, "10.0.1.1", "10.0.2.1", 3001);
	verdict_of(rules, &p, &v);
	assert_false(v.accepted);
	assert_int_equal(v.steps[v.n_steps - 1].rule->verdict.kind,
			 VERDICT_DROP);

	ruleset_free(rules);
	diag_release(&diag);
	model_free(m);
}

/* -- sets of boxes --------------------------------------------------------- */

static void add_box(struct nft_set *set, const char *network, uint8_t protocol,
		    uint16_t first, uint16_t last)
{
	struct nft_element *e = set_add_element(set);
	struct cidr c;

	assert_int_equal(cidr_parse(slice_of(network), &c), CIDR_FINE);
	memcpy(e->first, c.octets, 4);
	for (unsigned i = 0; i < 32; i++)
		e->last[i / 8] |=
			(uint8_t)((i < c.bits ? e->first[i / 8] : 0xffu) &
				  (0x80u >> i % 8));
	e->first[4] = e->last[4] = protocol;
	e->first[8] = (uint8_t)(first >> 8);
	e->first[9] = (uint8_t)first;
	e->last[8] = (uint8_t)(last >> 8);
	e->last[9] = (uint8_t)last;
}

static bool covers(const struct nft_element *e, const uint8_t *key)
{
	return memcmp(e->first, key, 4) <= 0 && memcmp(key, e->last, 4) <= 0 &&
	       e->first[4] == key[4] && memcmp(e->first + 8, key + 8, 2) <= 0 &&
	       memcmp(key + 8, e->last + 8, 2) <= 0;
}

/* Against a walk through all of them. */
static unsigned ask_at_random(const struct nft_set *set, unsigned n)
{
	unsigned n_found = 0;

	for (unsigned i = 0; i < n; i++) {
		uint8_t key[KEY_OCTETS_MAX] = {10, 0, (uint8_t)(rand() % 40),
					       (uint8_t)(rand() % 8),
					       rand() % 2 ? 6 : 17};
		const struct nft_element *found, *expect = NULL;

		key[9] = (uint8_t)rand();
		for (unsigned k = 0; k < set->n_elements && !expect; k++)
			if (covers(&set->elements[k], key))
				expect = &set->elements[k];
		found = set_find(set, key);
		assert_ptr_equal(found, expect);
		n_found += found != NULL;
	}
	return n_found;
}

/* Networks within networks, and ports of each beside those of the others. */
static void regress_a_box_is_found_without_a_walk(void **state)
{
	static const uint8_t types[] = {TYPE_IPV4_ADDR, TYPE_INET_PROTO,
					TYPE_INET_SERVICE};
	struct ruleset *rules = ruleset_new("weir");
	struct nft_set *set = ruleset_add_set(rules, "boxes", types, 3);
	char network[40];

	(void)state;
	srand(1);
	set->interval = true;
	add_box(set, "10.0.0.0/8", 6, 0, 9);
	add_box(set, "10.0.0.0/8", 17, 200, 255);
	add_box(set, "10.0.0.0/16", 6, 10, 19);
	for (unsigned i = 0; i < 30; i++) {
		snprintf(network, sizeof(network), "10.0.%u.0/24", i);
		add_box(set, network, 6, 20, 29);
		add_box(set, network, 6, 40, 49);
		for (unsigned k = 0; k < 6; k++) {
			snprintf(network, sizeof(network), "10.0.%u.%u/32", i,
				 k);
			add_box(set, network, 6, (uint16_t)(50 + 10 * k), 109);
			add_box(set, network, 17, 100, 100);
		}
	}
	ruleset_finish(rules);
	assert_true(ask_at_random(set, 20000) > 1000);
	assert_non_null(set->index);
	assert_true(set_index_is_ordered(set->index));

	/* Networks that lie across each other are none of ours. */
	add_box(set, "10.0.33.0/24", 6, 77, 78);
	set->elements[set->n_elements - 1].last[2] = 35;
	add_box(set, "10.0.34.0/24", 6, 80, 81);
	set->elements[set->n_elements - 1].last[2] = 38;
	ruleset_finish(rules);
	assert_true(ask_at_random(set, 20000) > 1000);
	assert_false(set_index_is_ordered(set->index));
	ruleset_free(rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_packets),
		cmocka_unit_test(test_report_mode_drops_nothing),
		cmocka_unit_test(test_the_path_names_the_rule),
		cmocka_unit_test(regress_a_box_is_found_without_a_walk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
