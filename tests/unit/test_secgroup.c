/* test_secgroup.c - rule ids that stay, and names of ICMP. */
#include "unit.h"

#include "model/secgroup.h"

static const struct secgroup web = {.name = "web"}, db = {.name = "db"};

static struct sg_peer peer_of(const char *text)
{
	struct sg_peer peer = {.kind = PEER_CIDR};

	assert_int_equal(cidr_parse(slice_of(text), &peer.cidr), CIDR_FINE);
	return peer;
}

static void test_an_id_names_group_and_key(void **state)
{
	struct sg_rule rule = {.protocol = IPPROTO_TCP, .description = "a"};
	struct port_range http = {80, 80}, all = {0, 65535};
	struct sg_peer any = peer_of("0.0.0.0/0"), ten = peer_of("10.0.0.0/8");
	char first[SG_RULE_ID_MAX], id[SG_RULE_ID_MAX];

	(void)state;
	sg_rule_id(&web, SG_INGRESS, &rule, &http, &any, first);
	assert_int_equal(strlen(first), 21);
	assert_memory_equal(first, "sgr-", 4);

	rule.description = "b";
	rule.place.line = 7;
	sg_rule_id(&web, SG_INGRESS, &rule, &http, &any, id);
	assert_string_equal(id, first);

	sg_rule_id(&db, SG_INGRESS, &rule, &http, &any, id);
	assert_string_not_equal(id, first);
	sg_rule_id(&web, SG_EGRESS, &rule, &http, &any, id);
	assert_string_not_equal(id, first);
	sg_rule_id(&web, SG_INGRESS, &rule, &http, &ten, id);
	assert_string_not_equal(id, first);
	sg_rule_id(&web, SG_INGRESS, &rule, &all, &any, id);
	assert_string_not_equal(id, first);
	rule.protocol = IPPROTO_UDP;
	sg_rule_id(&web, SG_INGRESS, &rule, &http, &any, id);
	assert_string_not_equal(id, first);
}

static void test_regress_a_rule_is_all_its_combinations(void **state)
{
	const struct port_range ports[] = {{80, 80}, {443, 443}};
	const struct sg_peer peers[] = {peer_of("10.0.0.0/8"),
					peer_of("fd00::/8")};
	struct sg_rule rule = {.protocol = IPPROTO_TCP,
			       .ports = ports,
			       .n_ports = 2,
			       .peers = peers,
			       .n_peers = 2};
	struct sg_term t = {0};

	(void)state;
	assert_int_equal(sg_rule_terms(&rule), 4);
	for (unsigned i = 0; i < 4; i++) {
		assert_true(sg_rule_each(&rule, &t));
		assert_ptr_equal(t.ports, &ports[i / 2]);
		assert_ptr_equal(t.peer, &peers[i % 2]);
	}
	assert_false(sg_rule_each(&rule, &t));
	/* No ports are all ports, and other protocols have none. */
	rule.n_ports = 0;
	t = (struct sg_term){0};
	assert_int_equal(sg_rule_terms(&rule), 2);
	assert_true(sg_rule_each(&rule, &t));
	assert_null(t.ports);
	rule.n_ports = 2;
	rule.protocol = SG_ALL;
	assert_int_equal(sg_rule_terms(&rule), 2);
}

static void test_an_open_group_has_the_rules_of_aws(void **state)
{
	struct sg_rule rule = {.protocol = SG_ALL};
	struct sg_peer four = peer_of("0.0.0.0/0"), six = peer_of("::/0");
	char spelled[SG_RULE_ID_MAX], open[SG_RULE_ID_MAX];

	(void)state;
	sg_rule_id(&web, SG_EGRESS, &rule, NULL, &four, spelled);
	sg_open_rule_id(&web, 4, open);
	assert_string_equal(open, spelled);
	sg_rule_id(&web, SG_EGRESS, &rule, NULL, &six, spelled);
	sg_open_rule_id(&web, 6, open);
	assert_string_equal(open, spelled);
}

static void test_the_hash_is_the_same_everywhere(void **state)
{
	char digits[18];

	(void)state;
	sg_hash(SLICE("weir"), digits);
	assert_string_equal(digits, "c3921234764190df9");
}

static void test_names_of_icmp(void **state)
{
	(void)state;
	assert_int_equal(icmp_type_named(IPPROTO_ICMP, SLICE("echo-request")),
			 8);
	assert_int_equal(icmp_type_named(IPPROTO_ICMPV6, SLICE("echo-request")),
			 128);
	assert_int_equal(icmp_type_named(IPPROTO_ICMP, SLICE("packet-too-big")),
			 -1);
	assert_string_equal(icmp_type_name(IPPROTO_ICMPV6, 132),
			    "mld-listener-done");
	assert_null(icmp_type_name(IPPROTO_ICMP, 200));
	assert_int_equal(icmp_code_named(IPPROTO_ICMP, 3, SLICE("frag-needed")),
			 4);
	assert_int_equal(icmp_code_named(IPPROTO_ICMP, 8, SLICE("frag-needed")),
			 -1);
	assert_int_equal(icmp_code_named(IPPROTO_ICMPV6, 1, SLICE("no-route")),
			 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_id_names_group_and_key),
		cmocka_unit_test(test_regress_a_rule_is_all_its_combinations),
		cmocka_unit_test(test_an_open_group_has_the_rules_of_aws),
		cmocka_unit_test(test_the_hash_is_the_same_everywhere),
		cmocka_unit_test(test_names_of_icmp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
