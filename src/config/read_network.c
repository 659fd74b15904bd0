/* Prefix lists, network ACLs and subnets. */
#include <stdlib.h>

#include "base/fail.h"
#include "names.h"
#include "read_firewall.h"

/* -- prefix lists ---------------------------------------------------------- */

struct list_draft {
	struct slice name;
	uint32_t max_entries; /* 0: not given */
	const struct node *entries;
	struct slice file;
};

struct entry_draft {
	struct cidr cidr; /* family 0: not read */
	struct slice description;
};

/* clang-format off */
static const struct key entry_keys[] = {
	{"cidr", &type_cidr, offsetof(struct entry_draft, cidr),
	 .flags = KEY_REQUIRED, .doc = "A network of either family."},
	{"description", &type_text, offsetof(struct entry_draft, description),
	 .any = {0, 1000}, .aws = {0, 255}, .doc = "For people.",
	 .absent = "none"},
	{0},
};

const struct key prefix_list_keys[] = {
	{"name", &type_name64, offsetof(struct list_draft, name),
	 .flags = KEY_REQUIRED,
	 .doc = "Letters, digits and \".\", \"_\", \"-\", at most 64."},
	{"max_entries", &type_count, offsetof(struct list_draft, max_entries),
	 .any = {1, 1000000}, .aws = {1, 1000},
	 .doc = "Counts only under settings.strict_aws_limits.",
	 .absent = "as many as there are"},
	{"entries", &type_later, offsetof(struct list_draft, entries),
	 .keys = entry_keys, .doc = "Networks; they may nest and repeat.",
	 .absent = "those of the file"},
	{"file", &type_path, offsetof(struct list_draft, file),
	 .doc = "A file with one network or address a line, \"#\" comments, at "
		"most 1,000,000 lines. The keeper "
		"follows it; source_ip and trusted_addresses take it at a "
		"reload.",
	 .absent = "none"},
	{0},
};
/* clang-format on */

static const struct place *place_of_list(const void *object)
{
	return &((const struct prefix_list *)object)->place;
}

static void read_entries(struct reader *r, const struct node *v,
			 struct prefix_list *l)
{
	const struct node *list = node_as_list(r->tree, v);
	struct prefix_entry *entries =
		ARENA_ARRAY(r->arena, list->n, struct prefix_entry);

	for (size_t i = 0; i < list->n; i++) {
		const struct node *one = list->items[i];
		struct entry_draft d = {.cidr.family = 0};

		if (one->kind == NODE_SCALAR && !one->broken) {
			complain(r, &one->at, "write {cidr: NETWORK}",
				 "an entry of a prefix list must be a mapping");
			continue;
		}
		if (!want_map(r, "an entry", one))
			continue;
		read_mapping(r, one, "an entry", entry_keys, &d);
		if (d.cidr.family == 0)
			continue;
		entries[l->n_entries++] = (struct prefix_entry){
			d.cidr, d.description.n ? d.description.p : NULL,
			one->at};
	}
	l->entries = entries;
}

static void check_list(struct reader *r, const struct prefix_list *l,
		       uint32_t max_entries)
{
	uint8_t family = l->n_entries ? l->entries[0].cidr.family : 4;

	if (!r->strict)
		return;
	if (max_entries && l->n_entries > max_entries)
		aws_refuses(
			r, &l->place,
			"the prefix list \"%s\" has more than its max_entries",
			l->name);
	if (l->n_entries > 1000)
		aws_refuses(r, &l->place,
			    "AWS takes at most 1000 entries in a prefix list");
	for (unsigned i = 0; i < l->n_entries; i++) {
		if (l->entries[i].cidr.family == family)
			continue;
		aws_refuses(r, &l->entries[i].place,
			    "on AWS a prefix list has entries of one family");
		return;
	}
}

static void remember_size(struct reader *r, const struct prefix_list *l,
			  uint32_t max_entries)
{
	const void **key = ARENA_NEW(&r->tree->arena, const void *);
	uintptr_t size = max_entries ? max_entries : l->n_entries;

	*key = l;
	map_put(&r->firewall->sizes,
		slice_make((const char *)key, sizeof(*key)),
		(void *)(size + 1));
}

static void parse_prefix_lists(struct reader *r, const struct key *k,
			       const struct node *v, void *slot)
{
	const struct node *list = node_as_list(r->tree, v);
	struct firewall_config *config = r->firewall->config;
	struct prefix_list *lists =
		ARENA_ARRAY(r->arena, list->n, struct prefix_list);

	(void)k;
	(void)slot;
	r->firewall->is_given = true;
	for (size_t i = 0; i < list->n; i++) {
		struct prefix_list *l = &lists[i];
		struct list_draft d = {.max_entries = 0};
		unsigned before = r->diag->n_errors;

		l->place = list->items[i]->at;
		l->name = "";
		if (!want_map(r, "a prefix list", list->items[i]))
			continue;
		read_mapping(r, list->items[i], "a prefix list",
			     prefix_list_keys, &d);
		if (d.name.n)
			l->name = d.name.p;
		if (d.entries)
			read_entries(r, d.entries, l);
		else if (!d.file.n && r->diag->n_errors == before)
			complain(r, &l->place, NULL,
				 "a prefix list lacks \"entries\" or \"file\"");
		l->file = d.file.n ? d.file.p : NULL;
		check_list(r, l, d.max_entries);
		remember_size(r, l, d.max_entries);
		names_define(r, &r->firewall->lists, "prefix list", d.name, l,
			     &l->place, place_of_list);
	}
	config->lists = lists;
	config->n_lists = (unsigned)list->n;
	if (r->strict && list->n > 100)
		aws_refuses(r, &v->at, "AWS takes at most 100 prefix lists");
}

const struct type type_prefix_lists = {parse_prefix_lists,
				       SHAPE_MAP | SHAPE_LIST, NULL};

/* -- network ACLs ---------------------------------------------------------- */

struct acl_rule_draft {
	struct traffic traffic; /* first: see TRAFFIC_ROWS */
	uint32_t number;
	int allow;
	struct cidr cidr; /* family 0: not read */
};

struct acl_draft {
	struct slice name;
	const struct node *ingress, *egress;
};

static const struct word acl_actions[] = {
	{"allow", true, NULL}, {"deny", false, NULL}, {0}};

/* clang-format off */
#define ACL_ROWS(peer_name, peer_doc)                                          \
	{"rule", &type_count, offsetof(struct acl_rule_draft, number),         \
	 .flags = KEY_REQUIRED, .any = {1, 32766},                             \
	 .doc = "Its number: the lowest that matches decides."},               \
	{"action", &type_word, offsetof(struct acl_rule_draft, allow),         \
	 .flags = KEY_REQUIRED, .words = acl_actions,                          \
	 .doc = "allow or deny."},                                             \
	TRAFFIC_ROWS,                                                          \
	{peer_name, &type_cidr, offsetof(struct acl_rule_draft, cidr),         \
	 .flags = KEY_REQUIRED, .doc = peer_doc},                              \
	{0}

static const struct key acl_ingress_keys[] = {
	ACL_ROWS("from", "One network: the source."),
};

static const struct key acl_egress_keys[] = {
	ACL_ROWS("to", "One network: the destination."),
};

const struct key network_acl_keys[] = {
	{"name", &type_name64, offsetof(struct acl_draft, name),
	 .flags = KEY_REQUIRED,
	 .doc = "Letters, digits and \".\", \"_\", \"-\", at most 64."},
	{"ingress", &type_later, offsetof(struct acl_draft, ingress),
	 .keys = acl_ingress_keys,
	 .doc = "What may enter the subnet, replies included.",
	 .absent = "nothing enters"},
	{"egress", &type_later, offsetof(struct acl_draft, egress),
	 .keys = acl_egress_keys,
	 .doc = "What may leave it, replies included.",
	 .absent = "nothing leaves"},
	{0},
};
/* clang-format on */

static bool read_acl_rule(struct reader *r, const struct node *v,
			  const struct key *keys, struct acl_entry *e)
{
	struct acl_rule_draft d = {
		.traffic = {.icmp_type = SG_ALL, .icmp_code = SG_ALL}};
	unsigned before = r->diag->n_errors;

	if (!want_map(r, "a rule", v))
		return false;
	read_mapping(r, v, "a rule of a network ACL", keys, &d);
	check_traffic(r, &v->at, &d.traffic);
	*e = (struct acl_entry){
		.number = d.number,
		.allow = d.allow,
		.protocol = d.traffic.protocol,
		.ports = d.traffic.ports,
		.n_ports = d.traffic.n_ports,
		.icmp_type = d.traffic.icmp_type,
		.icmp_code = d.traffic.icmp_code,
		.cidr = d.cidr,
		.place = v->at,
	};
	return r->diag->n_errors == before;
}

static int by_number(const void *a, const void *b)
{
	const struct acl_entry *x = a, *y = b;

	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	if (x->place.line != y->place.line)
		return x->place.line < y->place.line ? -1 : 1;
	return (x->place.column > y->place.column) -
	       (x->place.column < y->place.column);
}

static void check_acl_rules(struct reader *r, const struct acl_entry *entries,
			    unsigned n)
{
	unsigned of_family[2] = {0};

	for (unsigned i = 0; i < n; i++) {
		of_family[entries[i].cidr.family == 6]++;
		if (i && entries[i].number == entries[i - 1].number)
			complain(r, &entries[i].place,
				 first_at(r, &entries[i - 1].place),
				 "the number %u is given twice in one "
				 "direction",
				 entries[i].number);
	}
	/* The deny that ends the list counts as well. */
	if (r->strict && (of_family[0] > 19 || of_family[1] > 19))
		aws_refuses(r, &entries[0].place,
			    "AWS takes at most 20 rules in a direction of a "
			    "network ACL, the last deny among them");
}

static const struct acl_entry *read_acl_rules(struct reader *r,
					      const struct node *v,
					      const struct key *keys,
					      unsigned *n)
{
	const struct node *list = v ? node_as_list(r->tree, v) : NULL;
	struct acl_entry *entries;

	*n = 0;
	if (!list)
		return NULL;
	entries = ARENA_ARRAY(r->arena, list->n, struct acl_entry);
	for (size_t i = 0; i < list->n; i++)
		if (read_acl_rule(r, list->items[i], keys, &entries[*n]))
			(*n)++;
	if (*n)
		qsort(entries, *n, sizeof(*entries), by_number);
	check_acl_rules(r, entries, *n);
	return entries;
}

static const struct place *place_of_acl(const void *object)
{
	return &((const struct network_acl *)object)->place;
}

static void parse_network_acls(struct reader *r, const struct key *k,
			       const struct node *v, void *slot)
{
	const struct node *list = node_as_list(r->tree, v);
	struct firewall_config *config = r->firewall->config;
	struct network_acl *acls =
		ARENA_ARRAY(r->arena, list->n, struct network_acl);

	(void)k;
	(void)slot;
	r->firewall->is_given = true;
	for (size_t i = 0; i < list->n; i++) {
		struct network_acl *acl = &acls[i];
		struct acl_draft d = {.ingress = NULL};

		acl->place = list->items[i]->at;
		acl->name = "";
		if (!want_map(r, "a network ACL", list->items[i]))
			continue;
		read_mapping(r, list->items[i], "a network ACL",
			     network_acl_keys, &d);
		if (d.name.n)
			acl->name = d.name.p;
		acl->ingress = read_acl_rules(r, d.ingress, acl_ingress_keys,
					      &acl->n_ingress);
		acl->egress = read_acl_rules(r, d.egress, acl_egress_keys,
					     &acl->n_egress);
		names_define(r, &r->firewall->acls, "network ACL", d.name, acl,
			     &acl->place, place_of_acl);
	}
	config->acls = acls;
	config->n_acls = (unsigned)list->n;
	if (r->strict && list->n > 200)
		aws_refuses(r, &v->at, "AWS takes at most 200 network ACLs");
}

const struct type type_network_acls = {parse_network_acls,
				       SHAPE_MAP | SHAPE_LIST, NULL};

/* -- subnets --------------------------------------------------------------- */

struct subnet_draft {
	struct slice name;
	struct cidr *cidrs;
	unsigned n_cidrs;
	const struct node *acl;
};

/* A network of a subnet, with where it stands. */
struct stretch {
	struct cidr cidr;
	struct place place;
};

static void parse_cidrs(struct reader *r, const struct key *k,
			const struct node *v, void *slot)
{
	const struct node *list = node_as_list(r->tree, v);
	struct subnet_draft *d = slot;

	if (list->n == 0)
		complain(r, &v->at, NULL, "%s must name at least one network",
			 k->name);
	d->cidrs = ARENA_ARRAY(r->arena, list->n, struct cidr);
	for (size_t i = 0; i < list->n; i++)
		if (want_cidr(r, list->items[i], &d->cidrs[d->n_cidrs]))
			d->n_cidrs++;
}

static void parse_acl_name(struct reader *r, const struct key *k,
			   const struct node *v, void *slot)
{
	if (want_scalar(r, k->name, v))
		*(const struct node **)slot = v;
}

static const struct type type_cidrs = {parse_cidrs, SHAPE_TEXT | SHAPE_LIST,
				       "/[0-9]{1,3}$"};
static const struct type type_acl_name = {parse_acl_name, SHAPE_TEXT, NULL};

/* clang-format off */
const struct key subnet_keys[] = {
	{"name", &type_name64, offsetof(struct subnet_draft, name),
	 .flags = KEY_REQUIRED,
	 .doc = "Letters, digits and \".\", \"_\", \"-\", at most 64."},
	{"cidr", &type_cidrs, 0, .flags = KEY_REQUIRED,
	 .doc = "Its networks, of no other subnet."},
	{"network_acl", &type_acl_name, offsetof(struct subnet_draft, acl),
	 .doc = "The network ACL at its border.",
	 .absent = "everything passes"},
	{0},
};
/* clang-format on */

static int by_cidr(const void *a, const void *b)
{
	const struct stretch *x = a, *y = b;

	return cidr_cmp(&x->cidr, &y->cidr);
}

/* Sorted, a network comes before its parts: whatever overlaps lies in the
 * last one that was not within another. */
static void refuse_overlaps(struct reader *r, struct stretch *all, size_t n)
{
	const struct stretch *outer = NULL;
	char text[CIDR_TEXT_MAX];

	if (n)
		qsort(all, n, sizeof(*all), by_cidr);
	for (size_t i = 0; i < n; i++) {
		if (outer && cidr_contains(&outer->cidr, &all[i].cidr))
			complain(r, &all[i].place, first_at(r, &outer->place),
				 "%s is in more than one subnet",
				 cidr_format(&all[i].cidr, text));
		else
			outer = &all[i];
	}
}

static const struct place *place_of_subnet(const void *object)
{
	return &((const struct subnet *)object)->place;
}

static void read_subnet(struct reader *r, const struct node *v,
			struct map *names, struct subnet *s)
{
	struct subnet_draft d = {.n_cidrs = 0};

	s->place = v->at;
	s->name = "";
	if (!want_map(r, "a subnet", v))
		return;
	read_mapping(r, v, "a subnet", subnet_keys, &d);
	if (d.name.n)
		s->name = d.name.p;
	s->cidrs = d.cidrs;
	s->n_cidrs = d.n_cidrs;
	if (d.acl)
		s->acl = fw_find(r, &r->firewall->acls, "network ACL", d.acl);
	names_define(r, names, "subnet", d.name, s, &s->place, place_of_subnet);
}

static void parse_subnets(struct reader *r, const struct key *k,
			  const struct node *v, void *slot)
{
	const struct node *list = node_as_list(r->tree, v);
	struct firewall_config *config = r->firewall->config;
	struct subnet *subnets = ARENA_ARRAY(r->arena, list->n, struct subnet);
	struct map names = {0};
	struct stretch *all;
	size_t n = 0;

	(void)k;
	(void)slot;
	r->firewall->is_given = true;
	for (size_t i = 0; i < list->n; i++) {
		read_subnet(r, list->items[i], &names, &subnets[i]);
		n += subnets[i].n_cidrs;
	}
	map_release(&names);
	all = ARENA_ARRAY(&r->tree->arena, n, struct stretch);
	n = 0;
	for (size_t i = 0; i < list->n; i++)
		for (unsigned c = 0; c < subnets[i].n_cidrs; c++)
			all[n++] = (struct stretch){subnets[i].cidrs[c],
						    subnets[i].place};
	refuse_overlaps(r, all, n);
	config->subnets = subnets;
	config->n_subnets = (unsigned)list->n;
}

const struct type type_subnets = {parse_subnets, SHAPE_MAP | SHAPE_LIST, NULL};
