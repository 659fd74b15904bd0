/* The sections of a file. */
#include "read_firewall.h"

#define INTO(member) .offset = offsetof(struct snapshot, member)

/* files.c has followed it before the tables see it. */
static void parse_include(struct reader *r, const struct key *k,
			  const struct node *v, void *slot)
{
	(void)slot;
	if (r->alone)
		complain(r, &v->at, NULL,
			 "%s: nothing is read beside this text", k->name);
}

static const struct type type_include = {parse_include, SHAPE_TEXT | SHAPE_LIST,
					 NULL};

/* clang-format off */
const struct key root_keys[] = {
	{"include", &type_include, NO_SLOT, .flags = KEY_APPENDS | KEY_HIDDEN,
	 .doc = "More files; * ? and [] stand for what they do in a shell.",
	 .absent = "none"},
	{"settings", &type_settings, INTO(settings), "{}",
	 .keys = settings_keys, .doc = "The daemon."},
	{"prefix_lists", &type_prefix_lists, NO_SLOT,
	 .keys = prefix_list_keys, .flags = KEY_APPENDS,
	 .doc = "Networks under a name.", .absent = "none"},
	{"security_groups", &type_security_groups, NO_SLOT,
	 .keys = secgroup_keys, .flags = KEY_APPENDS,
	 .doc = "Who may talk to whom.", .absent = "none"},
	{"network_acls", &type_network_acls, NO_SLOT,
	 .keys = network_acl_keys, .flags = KEY_APPENDS,
	 .doc = "Stateless filters of subnets.", .absent = "none"},
	{"subnets", &type_subnets, NO_SLOT, .keys = subnet_keys,
	 .flags = KEY_APPENDS, .doc = "Networks with a network ACL.",
	 .absent = "none"},
	{"instances", &type_instances, NO_SLOT, .keys = instance_keys,
	 .flags = KEY_APPENDS,
	 .doc = "What security groups are attached to.", .absent = "none"},
	{"firewall", &type_firewall, 0, "{}", .keys = firewall_keys,
	 .doc = "How the firewall half behaves."},
	{"target_groups", &type_target_groups, 0, .keys = group_keys,
	 .flags = KEY_APPENDS, .doc = "Where requests go.", .absent = "none"},
	{"load_balancers", &type_balancers, 0, .keys = balancer_keys,
	 .flags = KEY_APPENDS, .doc = "Where requests come in.",
	 .absent = "none"},
	{"tests", &type_tests, NO_SLOT, .keys = test_keys, .flags = KEY_APPENDS,
	 .doc = "Requests, and what the rules must make of them.",
	 .absent = "none"},
	{0},
};
/* clang-format on */
