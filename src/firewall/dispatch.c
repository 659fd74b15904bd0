/*
 * dispatch.c - from a packet's addresses to the chain that decides about it.
 *
 * One lookup in a hash, however many instances and listeners there are:
 *
 *	eg-if4   interface . source    instances bound to an interface
 *	eg4      source                the others, and the addresses of the
 *	                               bound ones seen elsewhere: strays
 *	in4      destination           all instances
 *	lb-in4   address . protocol . port       listeners on one address
 *	lb-any4  protocol . port                 listeners on all addresses
 *	lb-out4  address . protocol . port       targets of load balancers
 *
 * and the same with 6.
 *
 * Floor: firewall.
 */
#include <stdio.h>

#include "compiler.h"

enum { TWO = 2 }; /* families */

static const char *name_of(struct compiler *c, const char *stem, uint8_t family)
{
	return arena_printf(&c->rules->arena, "%s%u", stem, (unsigned)family);
}

static struct nft_set *map_named(struct compiler *c, const char *stem,
				 uint8_t family)
{
	return ruleset_set(c->rules, name_of(c, stem, family));
}

static void new_map(struct compiler *c, const char *stem, uint8_t family,
		    const uint8_t *types, unsigned n_types)
{
	struct nft_set *map = ruleset_add_set(
		c->rules, name_of(c, stem, family), types, n_types);

	map->map = true;
}

static void put_verdict(struct compiler *c, struct nft_element *e,
			const char *chain, const char *comment,
			const struct place *place)
{
	e->verdict = (struct nft_verdict){VERDICT_GOTO, chain};
	e->comment = comment_of(c, comment);
	e->place = *place;
}

/* -- instances ------------------------------------------------------------- */

static void add_bound(struct compiler *c, const struct instance *in,
		      const struct cidr *address, const char *out)
{
	struct nft_set *map = map_named(c, "eg-if", address->family);
	struct nft_element *e = set_add_element(map);
	size_t octets = address->family == 4 ? 4 : 16;

	snprintf((char *)e->first, INTERFACE_NAME_MAX, "%s", in->interface);
	memcpy(e->first + INTERFACE_NAME_MAX, address->octets, octets);
	memcpy(e->last, e->first, sizeof(e->last));
	put_verdict(c, e, out, in->name, &in->place);
}

static void add_instance(struct compiler *c, const struct instance *in)
{
	const char *out = profile_chain(c, in->groups, in->n_groups,
					VARIANT_OUT, &in->place);
	const char *into = profile_chain(c, in->groups, in->n_groups,
					 VARIANT_IN, &in->place);

	for (unsigned i = 0; i < in->n_addresses; i++) {
		const struct cidr *a = &in->addresses[i];

		if (in->interface)
			add_bound(c, in, a, out);
		put_verdict(c, add_network(map_named(c, "eg", a->family), a),
			    in->interface ? stray_chain(c) : out, in->name,
			    &in->place);
		put_verdict(c, add_network(map_named(c, "in", a->family), a),
			    into, in->name, &in->place);
	}
}

static void add_interface(struct compiler *c, struct map *seen,
			  const struct instance *in)
{
	struct nft_set *set = ruleset_set(c->rules, "inst-if");
	struct nft_element *e;

	if (!in->interface || map_get(seen, slice_of(in->interface)))
		return;
	map_put(seen, slice_of(in->interface), set);
	e = set_add_element(set);
	snprintf((char *)e->first, INTERFACE_NAME_MAX, "%s", in->interface);
	memcpy(e->last, e->first, sizeof(e->last));
	e->place = in->place;
}

static void new_bound_maps(struct compiler *c)
{
	const uint8_t name = TYPE_IFNAME;

	ruleset_add_set(c->rules, "inst-if", &name, 1)->comment =
		"interfaces behind which instances live";
	for (uint8_t family = 4; family <= 6; family += TWO) {
		const uint8_t key[2] = {TYPE_IFNAME, family == 4
							     ? TYPE_IPV4_ADDR
							     : TYPE_IPV6_ADDR};

		new_map(c, "eg-if", family, key, 2);
	}
}

void instance_maps(struct compiler *c)
{
	struct map seen = {0};

	if (c->has_bound)
		new_bound_maps(c);
	for (uint8_t family = 4; family <= 6; family += TWO) {
		const uint8_t type = family == 4 ? TYPE_IPV4_ADDR
						 : TYPE_IPV6_ADDR;

		new_map(c, "eg", family, &type, 1);
		new_map(c, "in", family, &type, 1);
	}
	for (unsigned i = 0; i < c->config->n_instances; i++) {
		const struct instance *in = &c->config->instances[i];

		if (in->host)
			continue;
		add_instance(c, in);
		add_interface(c, &seen, in);
	}
	map_release(&seen);
}

static void ask_set(struct compiler *c, struct nft_chain *chain,
		    const char *stem, uint8_t family, enum nft_field a,
		    enum nft_field b, enum nft_field f)
{
	struct draft d = {0};

	draft_vmap(&d, name_of(c, stem, family), a, b, f);
	draft_put(&d, c->rules, chain, VERDICT_NONE, NULL);
}

static void put_strays(struct compiler *c, struct nft_chain *chain,
		       enum nft_field interface)
{
	struct draft d = {0};

	draft_lookup(&d, "inst-if", interface, N_FIELDS, N_FIELDS);
	draft_put(&d, c->rules, chain, VERDICT_GOTO, stray_chain(c));
}

void instances_ask_egress(struct compiler *c, struct nft_chain *chain)
{
	if (c->has_bound) {
		ask_set(c, chain, "eg-if", 4, FIELD_IIFNAME, FIELD_SADDR4,
			N_FIELDS);
		ask_set(c, chain, "eg-if", 6, FIELD_IIFNAME, FIELD_SADDR6,
			N_FIELDS);
		put_strays(c, chain, FIELD_IIFNAME);
	}
	ask_set(c, chain, "eg", 4, FIELD_SADDR4, N_FIELDS, N_FIELDS);
	ask_set(c, chain, "eg", 6, FIELD_SADDR6, N_FIELDS, N_FIELDS);
}

void instances_ask_ingress(struct compiler *c, struct nft_chain *chain)
{
	ask_set(c, chain, "in", 4, FIELD_DADDR4, N_FIELDS, N_FIELDS);
	ask_set(c, chain, "in", 6, FIELD_DADDR6, N_FIELDS, N_FIELDS);
	if (c->has_bound)
		put_strays(c, chain, FIELD_OIFNAME);
}

/* -- load balancers -------------------------------------------------------- */

static void put_port(uint8_t *at, const struct balancer_point *p)
{
	at[0] = p->protocol;
	at[4] = (uint8_t)(p->port >> 8);
	at[5] = (uint8_t)p->port;
}

static void add_point(struct compiler *c, const char *stem,
		      const struct balancer_point *p, const char *chain,
		      const char *name)
{
	struct nft_element *e =
		set_add_element(map_named(c, stem, p->address.family));
	size_t octets = p->address.family == 4 ? 4 : 16;

	/* A listener on all addresses has no address in its key. */
	if (p->address.bits == 0)
		octets = 0;
	memcpy(e->first, p->address.octets, octets);
	put_port(e->first + octets, p);
	memcpy(e->last, e->first, sizeof(e->last));
	put_verdict(c, e, chain, name, &p->place);
}

/* Two load balancers may have one target. Their packets to it look alike,
 * so the groups of all of them admit it. */
static const char *target_chain(struct compiler *c,
				const struct balancer_point *p,
				const struct place *place)
{
	const struct secgroup **groups;
	unsigned n = 0;

	for (unsigned i = 0; i < c->config->n_balancers; i++)
		n += c->config->balancers[i].n_groups;
	groups = ARENA_ARRAY(&c->scratch, n, const struct secgroup *);
	n = 0;
	for (unsigned i = 0; i < c->config->n_balancers; i++) {
		const struct firewall_balancer *b = &c->config->balancers[i];
		bool has = false;

		for (unsigned k = 0; k < b->n_targets; k++)
			has |= cidr_eq(&b->targets[k].address, &p->address) &&
			       b->targets[k].protocol == p->protocol &&
			       b->targets[k].port == p->port;
		for (unsigned k = 0; has && k < b->n_groups; k++)
			groups[n++] = b->groups[k];
	}
	return profile_chain(c, groups, n, VARIANT_LOCAL, place);
}

static bool has_target(struct compiler *c, const struct balancer_point *p)
{
	const struct nft_set *map = map_named(c, "lb-out", p->address.family);
	size_t octets = p->address.family == 4 ? 4 : 16;
	uint8_t key[KEY_OCTETS_MAX] = {0};

	memcpy(key, p->address.octets, octets);
	put_port(key + octets, p);
	for (unsigned i = 0; i < map->n_elements; i++)
		if (memcmp(map->elements[i].first, key, sizeof(key)) == 0)
			return true;
	return false;
}

static void add_balancer(struct compiler *c, const struct firewall_balancer *b)
{
	const char *in =
		profile_chain(c, b->groups, b->n_groups, VARIANT_IN, &b->place);

	for (unsigned i = 0; i < b->n_listeners; i++) {
		bool any = b->listeners[i].address.bits == 0;

		add_point(c, any ? "lb-any" : "lb-in", &b->listeners[i], in,
			  b->name);
	}
	for (unsigned i = 0; i < b->n_targets; i++)
		if (!has_target(c, &b->targets[i]))
			add_point(c, "lb-out", &b->targets[i],
				  target_chain(c, &b->targets[i], &b->place),
				  b->name);
}

void balancer_maps(struct compiler *c)
{
	for (uint8_t family = 4; family <= 6; family += TWO) {
		const uint8_t key[3] = {family == 4 ? TYPE_IPV4_ADDR
						    : TYPE_IPV6_ADDR,
					TYPE_INET_PROTO, TYPE_INET_SERVICE};

		new_map(c, "lb-in", family, key, 3);
		new_map(c, "lb-any", family, key + 1, 2);
		new_map(c, "lb-out", family, key, 3);
	}
	for (unsigned i = 0; i < c->config->n_balancers; i++)
		if (c->config->balancers[i].n_groups)
			add_balancer(c, &c->config->balancers[i]);
}

void balancers_ask_ingress(struct compiler *c, struct nft_chain *chain)
{
	ask_set(c, chain, "lb-in", 4, FIELD_DADDR4, FIELD_L4PROTO, FIELD_DPORT);
	ask_set(c, chain, "lb-in", 6, FIELD_DADDR6, FIELD_L4PROTO, FIELD_DPORT);
	for (uint8_t family = 4; family <= 6; family += TWO) {
		struct draft d = {0};

		draft_family(&d, family);
		draft_vmap(&d, name_of(c, "lb-any", family), FIELD_L4PROTO,
			   FIELD_DPORT, N_FIELDS);
		draft_put(&d, c->rules, chain, VERDICT_NONE, NULL);
	}
}

void balancers_ask_egress(struct compiler *c, struct nft_chain *chain)
{
	for (uint8_t family = 4; family <= 6; family += TWO) {
		struct draft d = {0};

		draft_skuid(&d, c->config->balancer_uid);
		draft_vmap(&d, name_of(c, "lb-out", family),
			   address_field(SIDE_DESTINATION, family),
			   FIELD_L4PROTO, FIELD_DPORT);
		draft_put(&d, c->rules, chain, VERDICT_NONE, NULL);
	}
}
