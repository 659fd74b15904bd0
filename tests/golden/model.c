#include "model.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/fail.h"

enum { LIST_MAX = 5000 };

struct model *model_new(void)
{
	struct model *m = xcalloc(1, sizeof(*m));

	m->config = (struct firewall_config){
		.groups = m->groups,
		.lists = m->lists,
		.acls = m->acls,
		.subnets = m->subnets,
		.instances = m->instances,
		.balancers = m->balancers,
		.balancer_uid = 990,
		.settings = {.nflog_group = -1, .log_rate_per_second = 10},
	};
	return m;
}

void model_free(struct model *m)
{
	arena_release(&m->arena);
	free(m);
}

static struct place place(struct model *m)
{
	return (struct place){"weir.yaml", ++m->line, 1, 1};
}

/* The next word; n is 0 behind the last one. */
static struct slice word(struct slice *rest)
{
	struct slice w = {0};

	while (rest->p && w.n == 0)
		w = slice_cut(rest, ' ');
	return w;
}

static const char *keep(struct model *m, struct slice s)
{
	return arena_slice(&m->arena, s).p;
}

static struct cidr network(struct slice text)
{
	struct cidr c;
	enum cidr_fault fault = cidr_parse(text, &c);

	if (fault != CIDR_FINE && fault != CIDR_NO_LENGTH)
		BUG("\"%.*s\" is no network", SLICE_ARG(text));
	return c;
}

static uint32_t number(struct slice text)
{
	uint64_t n;

	if (!slice_to_u64(text, &n))
		BUG("\"%.*s\" is no number", SLICE_ARG(text));
	return (uint32_t)n;
}

static const struct cidr *networks(struct model *m, const char *text,
				   unsigned *n)
{
	struct cidr *list = ARENA_ARRAY(&m->arena, LIST_MAX, struct cidr);
	struct slice rest = slice_of(text), w;

	for (*n = 0; (w = word(&rest)).n > 0; (*n)++) {
		assert(*n < LIST_MAX);
		list[*n] = network(w);
	}
	return list;
}

#define FIND_OR_ADD(m, kind, n_kind, wanted)                                   \
	do {                                                                   \
		for (unsigned i = 0; i < (m)->config.n_kind; i++)              \
			if (slice_eq(slice_of((m)->kind[i].name), wanted))     \
				return &(m)->kind[i];                          \
		assert((m)->config.n_kind < MODEL_MAX);                        \
		(m)->kind[(m)->config.n_kind].name = keep(m, wanted);          \
		(m)->kind[(m)->config.n_kind].place = place(m);                \
		return &(m)->kind[(m)->config.n_kind++];                       \
	} while (0)

static struct secgroup *group_named(struct model *m, struct slice name)
{
	FIND_OR_ADD(m, groups, n_groups, name);
}

static struct prefix_list *list_named(struct model *m, struct slice name)
{
	FIND_OR_ADD(m, lists, n_lists, name);
}

static struct network_acl *acl_named(struct model *m, struct slice name)
{
	FIND_OR_ADD(m, acls, n_acls, name);
}

struct secgroup *model_group(struct model *m, const char *name)
{
	return group_named(m, slice_of(name));
}

void model_open(struct model *m, const char *group)
{
	model_group(m, group)->egress_open = true;
}

static int protocol_named(const char *name)
{
	static const struct {
		const char *name;
		int number;
	} names[] = {{"tcp", IPPROTO_TCP},
		     {"udp", IPPROTO_UDP},
		     {"icmp", IPPROTO_ICMP},
		     {"icmpv6", IPPROTO_ICMPV6},
		     {"all", SG_ALL}};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i].name, name) == 0)
			return names[i].number;
	return (int)number(slice_of(name));
}

static const struct port_range *ports(struct model *m, struct slice text,
				      unsigned *n)
{
	struct port_range *list =
		ARENA_ARRAY(&m->arena, text.n + 1, struct port_range);

	for (*n = 0; text.p && text.n; (*n)++) {
		struct slice part = slice_cut(&text, ',');
		struct slice first = slice_cut(&part, '-');

		list[*n].first = (uint16_t)number(first);
		list[*n].last = (uint16_t)number(part.p ? part : first);
	}
	return list;
}

static void icmp_part(struct slice text, int *type, int *code)
{
	struct slice first = slice_cut(&text, '/');

	*type = first.n ? (int)number(first) : SG_ALL;
	*code = text.p ? (int)number(text) : SG_ALL;
}

static struct sg_peer peer(struct model *m, struct slice w)
{
	struct sg_peer p = {.kind = PEER_CIDR, .place = place(m)};

	if (w.p[0] == '@') {
		p.kind = PEER_GROUP;
		p.group = group_named(m, slice_from(w, 1));
	} else if (w.p[0] == '%') {
		p.kind = PEER_PREFIX_LIST;
		p.list = list_named(m, slice_from(w, 1));
	} else {
		p.cidr = network(w);
	}
	return p;
}

static void add_rule(struct model *m, const struct sg_rule **rules, unsigned *n,
		     const char *protocol, const char *part, const char *peers)
{
	struct sg_rule *grown = ARENA_ARRAY(&m->arena, *n + 1, struct sg_rule);
	struct sg_peer *list = ARENA_ARRAY(&m->arena, LIST_MAX, struct sg_peer);
	struct slice rest = slice_of(peers), w;
	struct sg_rule *r = &grown[*n];

	if (*n)
		memcpy(grown, *rules, *n * sizeof(*grown));
	r->protocol = protocol_named(protocol);
	r->icmp_type = r->icmp_code = SG_ALL;
	if (r->protocol == IPPROTO_TCP || r->protocol == IPPROTO_UDP)
		r->ports = ports(m, slice_of(part), &r->n_ports);
	else
		icmp_part(slice_of(part), &r->icmp_type, &r->icmp_code);
	r->peers = list;
	while ((w = word(&rest)).n > 0) {
		assert(r->n_peers < LIST_MAX);
		list[r->n_peers++] = peer(m, w);
	}
	r->place = place(m);
	*rules = grown;
	(*n)++;
}

void model_allow(struct model *m, const char *group, enum sg_direction d,
		 const char *protocol, const char *part, const char *peers)
{
	struct secgroup *g = model_group(m, group);

	if (d == SG_INGRESS)
		add_rule(m, &g->ingress, &g->n_ingress, protocol, part, peers);
	else
		add_rule(m, &g->egress, &g->n_egress, protocol, part, peers);
}

void model_manage(struct model *m, const char *protocol, const char *part,
		  const char *peers)
{
	add_rule(m, &m->config.settings.management,
		 &m->config.settings.n_management, protocol, part, peers);
}

void model_list(struct model *m, const char *name, const char *text)
{
	struct prefix_list *list = list_named(m, slice_of(name));
	unsigned n;
	const struct cidr *nets = networks(m, text, &n);
	struct prefix_entry *entries =
		ARENA_ARRAY(&m->arena, n, struct prefix_entry);

	for (unsigned i = 0; i < n; i++)
		entries[i] = (struct prefix_entry){.cidr = nets[i],
						   .place = place(m)};
	list->entries = entries;
	list->n_entries = n;
}

static const struct secgroup *const *groups_of(struct model *m,
					       const char *text, unsigned *n)
{
	const struct secgroup **list =
		ARENA_ARRAY(&m->arena, MODEL_MAX, const struct secgroup *);
	struct slice rest = slice_of(text), w;

	for (*n = 0; (w = word(&rest)).n > 0; (*n)++)
		list[*n] = group_named(m, w);
	return list;
}

void model_instance(struct model *m, const char *name, const char *addresses,
		    const char *interface, const char *groups)
{
	struct instance *in = &m->instances[m->config.n_instances++];

	assert(m->config.n_instances <= MODEL_MAX);
	in->name = keep(m, slice_of(name));
	in->addresses = networks(m, addresses, &in->n_addresses);
	in->interface = interface ? keep(m, slice_of(interface)) : NULL;
	in->groups = groups_of(m, groups, &in->n_groups);
	in->place = place(m);
}

void model_host(struct model *m, const char *addresses, const char *groups)
{
	model_instance(m, "here", addresses, NULL, groups);
	m->instances[m->config.n_instances - 1].host = true;
}

void model_machine(struct model *m, const char *addresses,
		   const char *resolvers)
{
	m->config.addresses = networks(m, addresses, &m->config.n_addresses);
	m->config.resolvers = networks(m, resolvers, &m->config.n_resolvers);
}

void model_subnet(struct model *m, const char *name, const char *nets,
		  const char *acl)
{
	struct subnet *s = &m->subnets[m->config.n_subnets++];

	assert(m->config.n_subnets <= MODEL_MAX);
	s->name = keep(m, slice_of(name));
	s->cidrs = networks(m, nets, &s->n_cidrs);
	s->acl = acl ? acl_named(m, slice_of(acl)) : NULL;
	s->place = place(m);
}

void model_acl(struct model *m, const char *acl, enum sg_direction d,
	       unsigned n, bool allow, const char *protocol, const char *part,
	       const char *net)
{
	struct network_acl *a = acl_named(m, slice_of(acl));
	bool in = d == SG_INGRESS;
	unsigned *count = in ? &a->n_ingress : &a->n_egress;
	const struct acl_entry *old = in ? a->ingress : a->egress;
	struct acl_entry *grown =
		ARENA_ARRAY(&m->arena, *count + 1, struct acl_entry);
	struct acl_entry *e = &grown[*count];

	if (*count)
		memcpy(grown, old, *count * sizeof(*grown));
	e->number = n;
	e->allow = allow;
	e->protocol = protocol_named(protocol);
	e->icmp_type = e->icmp_code = SG_ALL;
	if (e->protocol == IPPROTO_TCP || e->protocol == IPPROTO_UDP)
		e->ports = ports(m, slice_of(part), &e->n_ports);
	else
		icmp_part(slice_of(part), &e->icmp_type, &e->icmp_code);
	e->cidr = network(slice_of(net));
	e->place = place(m);
	(*count)++;
	*(in ? &a->ingress : &a->egress) = grown;
}

static const struct balancer_point *points(struct model *m, const char *text,
					   unsigned *n)
{
	struct balancer_point *list =
		ARENA_ARRAY(&m->arena, MODEL_MAX, struct balancer_point);
	struct slice rest = slice_of(text);

	for (*n = 0; rest.p && rest.n; (*n)++) {
		struct slice part = slice_cut(&rest, ',');

		list[*n].protocol =
			(uint8_t)protocol_named(keep(m, word(&part)));
		list[*n].address = network(word(&part));
		list[*n].port = (uint16_t)number(word(&part));
		list[*n].place = place(m);
	}
	return list;
}

void model_balancer(struct model *m, const char *name, const char *groups,
		    const char *listeners, const char *targets)
{
	struct firewall_balancer *b = &m->balancers[m->config.n_balancers++];

	assert(m->config.n_balancers <= MODEL_MAX);
	b->name = keep(m, slice_of(name));
	b->groups = groups_of(m, groups, &b->n_groups);
	b->listeners = points(m, listeners, &b->n_listeners);
	b->targets = points(m, targets, &b->n_targets);
	b->place = place(m);
}
