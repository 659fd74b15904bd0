/* Security groups and their rules, and the ways in of firewall.management. */
#include <stdlib.h>

#include "base/cidr_file.h"
#include "base/cidr_set.h"
#include "base/fail.h"
#include "files.h"
#include "names.h"
#include "read_firewall.h"

/* -- names ----------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static struct slice key_of(const void **object)
{
	return slice_make((const char *)object, sizeof(*object));
}

static void mark_used(struct reader *r, const void *object)
{
	const void **key;

	if (fw_is_used(r, object))
		return;
	key = ARENA_NEW(&r->tree->arena, const void *);
	*key = object;
	map_put(&r->firewall->used, key_of(key), r);
}

bool fw_is_used(const struct reader *r, const void *object)
{
	return map_get(&r->firewall->used, key_of(&object)) != NULL;
}

void *fw_find(struct reader *r, const struct map *map, const char *what,
	      const struct node *name)
{
	void *object;

	if (!want_scalar(r, what, name))
		return NULL;
	object = names_find(r, map, what, name);
	if (object)
		mark_used(r, object);
	return object;
}

const struct secgroup *const *fw_groups(struct reader *r, const struct node *v,
					unsigned *n)
{
	const struct node *list = node_as_list(r->tree, v);
	const struct secgroup **groups =
		ARENA_ARRAY(r->arena, list->n, const struct secgroup *);

	*n = 0;
	for (size_t i = 0; i < list->n; i++) {
		struct secgroup *g = fw_find(r, &r->firewall->groups,
					     "security group", list->items[i]);
		bool twice = false;

		for (unsigned k = 0; g && k < *n; k++)
			twice |= groups[k] == g;
		if (twice)
			complain(r, &list->items[i]->at, NULL,
				 "the security group \"%s\" is given twice",
				 g->name);
		else if (g)
			groups[(*n)++] = g;
	}
	if (r->strict && *n > 5)
		aws_refuses(r, &v->at,
			    "AWS takes at most 5 security groups here");
	return groups;
}

/* -- peers ----------------------------------------------------------------- */

struct peer_draft {
	const struct node *group, *list;
};

/* What may stand in one place: the own group, other groups. */
struct peers {
	const struct secgroup *self; /* NULL: networks and lists only */
};

static void parse_name_node(struct reader *r, const struct key *k,
			    const struct node *v, void *slot)
{
	if (want_scalar(r, k->name, v))
		*(const struct node **)slot = v;
}

static const struct type type_name_node = {parse_name_node, SHAPE_TEXT, NULL};

/* clang-format off */
static const struct key peer_keys[] = {
	{"security_group", &type_name_node,
	 offsetof(struct peer_draft, group),
	 .doc = "The members of a security group.", .absent = "none"},
	{"prefix_list", &type_name_node, offsetof(struct peer_draft, list),
	 .doc = "The entries of a prefix list.", .absent = "none"},
	{0},
};

const struct key network_peer_keys[] = {
	{"prefix_list", &type_name_node, offsetof(struct peer_draft, list),
	 .doc = "The entries of a prefix list.", .absent = "none"},
	{0},
};
/* clang-format on */

static bool refuse_group(struct reader *r, const struct node *v)
{
	complain(r, &v->at, NULL,
		 "only networks and prefix lists can stand here");
	return false;
}

static bool read_peer_map(struct reader *r, const struct node *v,
			  const struct peers *around, struct sg_peer *peer)
{
	struct peer_draft d = {0};
	const struct node *value;
	const struct key *k = read_one_key(r, v, "a peer", peer_keys, &value);

	if (!k)
		return false;
	k->type->parse(r, k, value, (char *)&d + k->offset);
	if (d.group && !around->self)
		return refuse_group(r, v);
	if (d.group) {
		peer->kind = PEER_GROUP;
		peer->group = fw_find(r, &r->firewall->groups, "security group",
				      d.group);
		return peer->group != NULL;
	}
	if (!d.list)
		return false;
	peer->kind = PEER_PREFIX_LIST;
	peer->list = fw_find(r, &r->firewall->lists, "prefix list", d.list);
	return peer->list != NULL;
}

static bool read_peer(struct reader *r, const struct node *v,
		      const struct peers *around, struct sg_peer *peer)
{
	*peer = (struct sg_peer){.place = v->at};
	if (v->broken)
		return false;
	if (v->kind == NODE_MAP)
		return read_peer_map(r, v, around, peer);
	if (!want_scalar(r, "a peer", v))
		return false;
	if (slice_eq(v->text, SLICE("self"))) {
		peer->kind = PEER_GROUP;
		peer->group = around->self;
		return around->self || refuse_group(r, v);
	}
	peer->kind = PEER_CIDR;
	if (map_get(&r->firewall->groups, v->text))
		complain(r, &v->at,
			 arena_printf(&r->tree->arena,
				      "write {security_group: %s}", v->text.p),
			 "\"%s\" is not a network", v->text.p);
	else if (map_get(&r->firewall->lists, v->text))
		complain(r, &v->at,
			 arena_printf(&r->tree->arena,
				      "write {prefix_list: %s}", v->text.p),
			 "\"%s\" is not a network", v->text.p);
	else
		return want_cidr(r, v, &peer->cidr);
	return false;
}

/* Entries and file, as one set, which is made once and kept. */
static const struct cidr_set *networks_of_list(struct reader *r,
					       const struct prefix_list *list)
{
	struct slice key = slice_make((const char *)&list, sizeof(list));
	const struct cidr_set *known = map_get(&r->firewall->networks, key);
	struct cidr_file file = {0};
	struct cidr_set *set;
	struct cidr *all;

	if (known)
		return known;
	if (list->file)
		files_note(r->snap, slice_of(list->file), &list->place);
	if (list->file && !cidr_file_read(&file, list->file))
		cidr_file_complain(&file, list->name, &list->place, r->diag);
	all = xcalloc(list->n_entries + file.n + 1u, sizeof(*all));
	for (unsigned i = 0; i < list->n_entries; i++)
		all[i] = list->entries[i].cidr;
	if (file.n)
		memcpy(all + list->n_entries, file.networks,
		       file.n * sizeof(*all));
	set = ARENA_NEW(r->arena, struct cidr_set);
	cidr_set_make(r->arena, all, list->n_entries + file.n, set);
	free(all);
	cidr_file_release(&file);
	map_put(&r->firewall->networks, arena_slice(r->arena, key), set);
	return set;
}

static bool may_read(struct reader *r, const struct prefix_list *list,
		     const struct node *v)
{
	if (!list->file || !r->alone)
		return true;
	complain(r, &v->at, NULL,
		 "the prefix list \"%s\" has a file, and nothing is read "
		 "beside this text",
		 list->name);
	return false;
}

void fw_networks(struct reader *r, const struct node *v, struct cidr_set *out)
{
	static const struct peers around = {NULL};
	const struct node *list = node_as_list(r->tree, v);
	const struct cidr_set **sets =
		ARENA_ARRAY(&r->tree->arena, list->n, const struct cidr_set *);
	struct sg_peer *peers =
		ARENA_ARRAY(&r->tree->arena, list->n, struct sg_peer);
	size_t n_peers = 0, n = 0;
	struct cidr *all;

	for (size_t i = 0; i < list->n; i++) {
		struct sg_peer *peer = &peers[n_peers];

		if (!read_peer(r, list->items[i], &around, peer))
			continue;
		if (peer->kind == PEER_PREFIX_LIST) {
			if (!may_read(r, peer->list, list->items[i]))
				continue;
			sets[n_peers] = networks_of_list(r, peer->list);
		}
		n += peer->kind == PEER_CIDR ? 1 : sets[n_peers]->n;
		n_peers++;
	}
	if (n_peers == 1 && sets[0]) {
		*out = *sets[0];
		return;
	}
	all = xcalloc(n + 1, sizeof(*all));
	n = 0;
	for (size_t i = 0; i < n_peers; i++) {
		size_t n_here = sets[i] ? sets[i]->n : 1;

		if (n_here)
			memcpy(all + n,
			       sets[i] ? sets[i]->networks : &peers[i].cidr,
			       n_here * sizeof(*all));
		n += n_here;
	}
	cidr_set_make(r->arena, all, n, out);
	free(all);
}

/* -- rules ----------------------------------------------------------------- */

struct rule_draft {
	struct traffic traffic; /* first: see TRAFFIC_ROWS */
	const struct node *peers;
	struct slice description;
	const char **interfaces;
	unsigned n_interfaces;
};

/* As the kernel's dev_valid_name(), and "*" at the end. */
static bool is_interface(struct slice name)
{
	size_t n = name.n;

	if (n > 1 && name.p[n - 1] == '*')
		n--;
	if (n == 0 || n >= INTERFACE_NAME_MAX || slice_eq(name, SLICE(".")) ||
	    slice_eq(name, SLICE("..")))
		return false;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)name.p[i] <= ' ' || name.p[i] == 0x7f ||
		    strchr("/:\"\\*", name.p[i]))
			return false;
	return true;
}

static void parse_interfaces(struct reader *r, const struct key *k,
			     const struct node *v, void *slot)
{
	const struct node *list = node_as_list(r->tree, v);
	struct rule_draft *d = slot;

	d->interfaces = ARENA_ARRAY(r->arena, list->n, const char *);
	if (list->n == 0 && !v->broken)
		complain(r, &v->at, "leave it out for all",
			 "%s must name at least one", k->name);
	for (size_t i = 0; i < list->n; i++) {
		const struct node *one = list->items[i];

		if (!want_scalar(r, k->name, one))
			continue;
		if (is_interface(one->text))
			d->interfaces[d->n_interfaces++] =
				arena_slice(r->arena, one->text).p;
		else
			complain(r, &one->at, "\"wg*\" for all that begin so",
				 "\"%s\" is no name of an interface",
				 one->text.p);
	}
	if (d->n_interfaces)
		qsort(d->interfaces, d->n_interfaces, sizeof(*d->interfaces),
		      by_text);
	for (unsigned i = 1; i < d->n_interfaces; i++)
		if (strcmp(d->interfaces[i - 1], d->interfaces[i]) == 0)
			complain(r, &v->at, NULL,
				 "the interface \"%s\" is given twice",
				 d->interfaces[i]);
}

static const struct type type_interfaces = {parse_interfaces,
					    SHAPE_TEXT | SHAPE_LIST, NULL};

static void parse_peers(struct reader *r, const struct key *k,
			const struct node *v, void *slot)
{
	(void)r;
	(void)k;
	*(const struct node **)slot = v;
}

static const struct type type_peers = {parse_peers,
				       SHAPE_TEXT | SHAPE_MAP | SHAPE_LIST,
				       "^self$|/[0-9]{1,3}$"};

/* clang-format off */
#define RULE_ROWS(peers_name, peers_doc)                                       \
	TRAFFIC_ROWS,                                                          \
	{peers_name, &type_peers, offsetof(struct rule_draft, peers),          \
	 .flags = KEY_REQUIRED, .keys = peer_keys, .doc = peers_doc},          \
	{"description", &type_text, offsetof(struct rule_draft, description),  \
	 .any = {0, 1000}, .aws = {0, 255}, .doc = "For people.",              \
	 .absent = "none"}

const struct key ingress_keys[] = {
	RULE_ROWS("from", "A network, self, {security_group: NAME}, "
		  "{prefix_list: NAME}, or a list of these."),
	{"interfaces", &type_interfaces, 0,
	 .doc = "In groups of this machine: it came in by one of these; \"*\" "
		"at the end stands for anything.",
	 .absent = "wherever it came in"},
	{0},
};

static const struct key egress_keys[] = {
	RULE_ROWS("to", "A network, self, {security_group: NAME}, "
		  "{prefix_list: NAME}, or a list of these."),
	{0},
};
/* clang-format on */

/* Another protocol's addresses never come with it. */
static void check_family(struct reader *r, const struct sg_rule *rule,
			 const struct sg_peer *peer)
{
	if (peer->kind != PEER_CIDR)
		return;
	if (rule->protocol == IPPROTO_ICMP && peer->cidr.family == 6)
		warn(r, &peer->place, "write icmpv6 for IPv6",
		     "icmp belongs to IPv4: with an IPv6 network nothing "
		     "matches");
	if (rule->protocol == IPPROTO_ICMPV6 && peer->cidr.family == 4)
		warn(r, &peer->place, "write icmp for IPv4",
		     "icmpv6 belongs to IPv6: with an IPv4 network nothing "
		     "matches");
}

static void read_peers(struct reader *r, const struct node *v,
		       const struct peers *around, struct sg_rule *rule)
{
	struct node_one room;
	const struct node *list = node_as_list_in(&room, v);
	struct sg_peer *peers = ARENA_ARRAY(r->arena, list->n, struct sg_peer);

	for (size_t i = 0; i < list->n; i++) {
		if (!read_peer(r, list->items[i], around,
			       &peers[rule->n_peers]))
			continue;
		check_family(r, rule, &peers[rule->n_peers]);
		rule->n_peers++;
	}
	if (list->n == 0 && !v->broken)
		complain(r, &v->at, "write 0.0.0.0/0 and \"::/0\" for all",
			 "a rule must name at least one peer");
	rule->peers = peers;
}

/* Returns whether the rule can be taken. */
static bool read_rule(struct reader *r, const struct node *v,
		      const struct key *keys, const struct peers *around,
		      struct sg_rule *rule)
{
	struct rule_draft d = {
		.traffic = {.icmp_type = SG_ALL, .icmp_code = SG_ALL}};
	unsigned before = r->diag->n_errors;

	if (!want_map(r, "a rule", v))
		return false;
	read_mapping(r, v, "a rule", keys, &d);
	check_traffic(r, &v->at, &d.traffic);
	*rule = (struct sg_rule){
		.protocol = d.traffic.protocol,
		.ports = d.traffic.ports,
		.n_ports = d.traffic.n_ports,
		.icmp_type = d.traffic.icmp_type,
		.icmp_code = d.traffic.icmp_code,
		.interfaces = d.interfaces,
		.n_interfaces = d.n_interfaces,
		.description = d.description.n ? d.description.p : NULL,
		.place = v->at,
	};
	if (d.peers)
		read_peers(r, d.peers, around, rule);
	return r->diag->n_errors == before && rule->n_peers > 0;
}

static const struct sg_rule *read_rules(struct reader *r, const struct node *v,
					const struct key *keys,
					const struct peers *around, unsigned *n)
{
	const struct node *list = node_as_list(r->tree, v);
	struct sg_rule *rules = ARENA_ARRAY(r->arena, list->n, struct sg_rule);

	*n = 0;
	for (size_t i = 0; i < list->n; i++)
		if (read_rule(r, list->items[i], keys, around, &rules[*n]))
			(*n)++;
	return rules;
}

static void parse_management(struct reader *r, const struct key *k,
			     const struct node *v, void *slot)
{
	struct firewall_settings *s = slot;
	const struct peers around = {NULL};

	(void)k;
	s->management =
		read_rules(r, v, ingress_keys, &around, &s->n_management);
}

const struct type type_management = {parse_management, SHAPE_MAP | SHAPE_LIST,
				     NULL};

/* -- groups ---------------------------------------------------------------- */

struct group_draft {
	struct slice name, description;
	const struct node *ingress, *egress;
};

#define INTO(member) offsetof(struct group_draft, member)

/* clang-format off */
const struct key secgroup_keys[] = {
	{"name", &type_name64, INTO(name), .flags = KEY_REQUIRED,
	 .doc = "Letters, digits and \".\", \"_\", \"-\", at most 64."},
	{"description", &type_text, INTO(description), .any = {0, 1000},
	 .aws = {1, 255}, .doc = "For people.", .absent = "none"},
	{"ingress", &type_later, INTO(ingress), .keys = ingress_keys,
	 .doc = "Who may come in; no order, any rule that matches admits.",
	 .absent = "nothing comes in"},
	{"egress", &type_later, INTO(egress), .keys = egress_keys,
	 .doc = "What may leave; [] for nothing.",
	 .absent = "everything may leave"},
	{0},
};
/* clang-format on */

static const struct place *place_of_group(const void *object)
{
	return &((const struct secgroup *)object)->place;
}

static void check_name(struct reader *r, const struct secgroup *g)
{
	struct slice name = slice_of(g->name);

	if (r->strict && (slice_starts_fold(name, SLICE("sg-")) ||
			  slice_eq_fold(name, SLICE("default"))))
		aws_refuses(r, &g->place,
			    "on AWS the name of a security group is not "
			    "\"default\" and does not begin with \"sg-\"");
}

static void read_head(struct reader *r, const struct node *v,
		      struct group_draft *d, struct secgroup *g)
{
	g->place = v->at;
	g->name = "";
	if (!want_map(r, "a security group", v))
		return;
	read_mapping(r, v, "a security group", secgroup_keys, d);
	if (d->name.n)
		g->name = d->name.p;
	g->description = d->description.n ? d->description.p : NULL;
	g->egress_open = !d->egress;
	check_name(r, g);
	names_define(r, &r->firewall->groups, "security group", d->name, g,
		     &g->place, place_of_group);
}

/* All names before all rules: groups refer to each other. */
static void parse_groups(struct reader *r, const struct key *k,
			 const struct node *v, void *slot)
{
	const struct node *list = node_as_list(r->tree, v);
	struct firewall_config *config = r->firewall->config;
	struct secgroup *groups =
		ARENA_ARRAY(r->arena, list->n, struct secgroup);
	struct group_draft *drafts =
		ARENA_ARRAY(&r->tree->arena, list->n, struct group_draft);

	(void)k;
	(void)slot;
	r->firewall->is_given = true;
	for (size_t i = 0; i < list->n; i++)
		read_head(r, list->items[i], &drafts[i], &groups[i]);
	for (size_t i = 0; i < list->n; i++) {
		const struct peers around = {&groups[i]};

		if (drafts[i].ingress)
			groups[i].ingress = read_rules(r, drafts[i].ingress,
						       ingress_keys, &around,
						       &groups[i].n_ingress);
		if (drafts[i].egress)
			groups[i].egress = read_rules(r, drafts[i].egress,
						      egress_keys, &around,
						      &groups[i].n_egress);
	}
	config->groups = groups;
	config->n_groups = (unsigned)list->n;
	if (r->strict && list->n > 2500)
		aws_refuses(r, &v->at,
			    "AWS takes at most 2500 security groups");
}

const struct type type_security_groups = {parse_groups, SHAPE_MAP | SHAPE_LIST,
					  NULL};
