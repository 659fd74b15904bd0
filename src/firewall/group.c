/*
 * group.c - the rules of one group, as a chain.
 *
 * Nothing in a group's chain depends on who carries the group: it is shared
 * by all profiles. It only ever accepts; who falls off its end goes on to
 * the next group, and the profile's chain has the last word.
 *
 * Floor: firewall.  Source: AWS: security group rules.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/fail.h"
#include "compiler.h"

static bool is_ported(int protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP;
}

bool grant_has(const struct grant *g, uint8_t family)
{
	int protocol = g->rule->protocol;

	if (g->peer->kind == PEER_CIDR)
		return g->peer->cidr.family == family;

	/* A reference has addresses of both families; ICMP has only one. */
	if ((protocol == IPPROTO_ICMP && family == 6) ||
	    (protocol == IPPROTO_ICMPV6 && family == 4))
		return false;
	return g->peer->kind == PEER_GROUP ||
	       prefix_list_has(g->peer->list, family);
}

static void draft_peer(struct compiler *c, struct draft *d,
		       const struct sg_peer *peer, uint8_t family,
		       enum side side)
{
	enum nft_field field = address_field(side, family);

	switch (peer->kind) {
	case PEER_CIDR:
		draft_address(d, side, &peer->cidr);
		return;
	case PEER_GROUP:
		draft_lookup(d, member_set(c, peer->group, family), field,
			     N_FIELDS, N_FIELDS);
		return;
	case PEER_PREFIX_LIST:
		draft_lookup(d, prefix_set(c, peer->list, family), field,
			     N_FIELDS, N_FIELDS);
		return;
	}
	BUG("peer of kind %d", (int)peer->kind);
}

static void draft_part(struct draft *d, const struct grant *g, uint8_t family,
		       enum variant variant)
{
	const struct sg_rule *rule = g->rule;
	enum nft_field field = variant == VARIANT_PUBLISHED ? FIELD_CT_DPORT
							    : FIELD_DPORT;

	if (rule->protocol == SG_ALL)
		return;
	if (is_ported(rule->protocol))
		draft_ports(d, rule->protocol, field,
			    g->ports ? g->ports->first : 0,
			    g->ports ? g->ports->last : UINT16_MAX);
	else if (rule->protocol == IPPROTO_ICMP ||
		 rule->protocol == IPPROTO_ICMPV6)
		draft_icmp(d, family, rule->protocol, rule->icmp_type,
			   rule->icmp_code);
	else
		draft_protocol(d, rule->protocol);
}

/* `interface` NULL: wherever it came in. */
static void put_one(struct compiler *c, struct nft_chain *chain,
		    const struct grant *g, uint8_t family, enum variant variant,
		    const char *interface)
{
	struct draft d = {0};
	struct nft_rule *rule;

	if (interface)
		draft_came_in(&d, interface);
	draft_peer(c, &d, g->peer, family,
		   variant == VARIANT_OUT ? SIDE_DESTINATION : SIDE_SOURCE);
	draft_part(&d, g, family, variant);
	rule = draft_put(&d, c->rules, chain, VERDICT_ACCEPT, NULL);
	rule->counter = true;
	rule->comment = arena_strdup(&c->rules->arena, g->id);
	rule->place = g->rule->place;
}

void grant_put(struct compiler *c, struct nft_chain *chain,
	       const struct grant *g, uint8_t family, enum variant variant)
{
	if (g->rule->n_interfaces == 0)
		put_one(c, chain, g, family, variant, NULL);
	for (unsigned i = 0; i < g->rule->n_interfaces; i++)
		put_one(c, chain, g, family, variant, g->rule->interfaces[i]);
}

struct grant_list {
	struct grant *grants; /* in the scratch arena */
	size_t n;
};

static void add_grant(struct grant_list *list, struct map *seen,
		      const struct secgroup *group, enum sg_direction direction,
		      const struct sg_rule *rule,
		      const struct port_range *ports,
		      const struct sg_peer *peer)
{
	struct grant *g = &list->grants[list->n];

	*g = (struct grant){.rule = rule, .ports = ports, .peer = peer};
	sg_rule_id(group, direction, rule, ports, peer, g->id);

	/* A rule that repeats another has the same id, and no effect. */
	if (!map_get(seen, slice_of(g->id))) {
		map_put(seen, slice_of(g->id), g);
		list->n++;
	}
}

static struct grant_list grants_of(struct compiler *c,
				   const struct secgroup *group,
				   enum sg_direction direction)
{
	bool in = direction == SG_INGRESS;
	const struct sg_rule *rules = in ? group->ingress : group->egress;
	unsigned n_rules = in ? group->n_ingress : group->n_egress;
	struct grant_list list = {0};
	struct map seen = {0};
	size_t n = 0;

	for (unsigned i = 0; i < n_rules; i++)
		n += sg_rule_terms(&rules[i]);
	/* One more than needed: a repeated grant is written, then left out. */
	list.grants = ARENA_ARRAY(&c->scratch, n + 1, struct grant);

	for (unsigned i = 0; i < n_rules; i++)
		for (struct sg_term t = {0}; sg_rule_each(&rules[i], &t);)
			add_grant(&list, &seen, group, direction, &rules[i],
				  t.ports, t.peer);
	map_release(&seen);
	return list;
}

/* "egress absent": what AWS writes into a fresh group. */
static void put_open(struct compiler *c, const struct secgroup *group,
		     struct nft_chain *chain)
{
	for (uint8_t family = 4; family <= 6; family += 2) {
		struct draft d = {0};
		struct nft_rule *rule;
		char id[SG_RULE_ID_MAX];

		draft_family(&d, family);
		sg_open_rule_id(group, family, id);
		rule = draft_put(&d, c->rules, chain, VERDICT_ACCEPT, NULL);
		rule->counter = true;
		rule->comment = arena_strdup(&c->rules->arena, id);
		rule->place = group->place;
	}
}

/* Room for the sets of one more group, all kinds and both families. */
static bool has_room_for_sets(struct compiler *c, const struct secgroup *group)
{
	if (c->rules->n_sets + 8 <= SETS_MAX)
		return true;
	if (!c->warned_of_sets)
		diag_warning(c->diag, &group->place, NULL,
			     "the rules of security group \"%s\" and of large "
			     "groups after it are tried one by one: there are "
			     "%u sets already",
			     group->name, c->rules->n_sets);
	c->warned_of_sets = true;
	return false;
}

/* A list with a file is never spelled out: what the file says is the contents
 * of one set, and nothing else. An interface has no place in a set's key. */
static bool is_spelled(const struct grant *g, size_t n_references)
{
	if (g->rule->n_interfaces)
		return false;
	if (g->peer->kind == PEER_CIDR)
		return true;
	return n_references > PLAIN_RULES_MAX &&
	       !(g->peer->kind == PEER_PREFIX_LIST && g->peer->list->file);
}

/* Networks become sets. References stay rules while they are few, so that a
 * member who joins changes the member's set and nothing else. */
static void put_large(struct compiler *c, const struct secgroup *group,
		      struct nft_chain *chain, const struct grant_list *list,
		      uint8_t family, enum variant variant)
{
	const struct grant **spelled =
		ARENA_ARRAY(&c->scratch, list->n, const struct grant *);
	size_t n_spelled = 0, n_references = 0;

	for (size_t i = 0; i < list->n; i++)
		n_references += grant_has(&list->grants[i], family) &&
				list->grants[i].peer->kind != PEER_CIDR;
	for (size_t i = 0; i < list->n; i++) {
		const struct grant *g = &list->grants[i];

		if (!grant_has(g, family))
			continue;
		if (is_spelled(g, n_references))
			spelled[n_spelled++] = g;
		else
			grant_put(c, chain, g, family, variant);
	}
	group_sets_put(c, group, chain, spelled, n_spelled, family, variant);
}

static void put_grants(struct compiler *c, const struct secgroup *group,
		       struct nft_chain *chain, enum variant variant)
{
	struct grant_list list = grants_of(
		c, group, variant == VARIANT_OUT ? SG_EGRESS : SG_INGRESS);
	bool large4, large6;
	size_t n4 = 0, n6 = 0;

	for (size_t i = 0; i < list.n; i++) {
		n4 += grant_has(&list.grants[i], 4);
		n6 += grant_has(&list.grants[i], 6);
	}
	large4 = n4 > PLAIN_RULES_MAX && has_room_for_sets(c, group);
	large6 = n6 > PLAIN_RULES_MAX && has_room_for_sets(c, group);

	for (size_t i = 0; i < list.n; i++) {
		const struct grant *g = &list.grants[i];

		if (!large4 && grant_has(g, 4))
			grant_put(c, chain, g, 4, variant);
		if (!large6 && grant_has(g, 6))
			grant_put(c, chain, g, 6, variant);
	}
	if (large4)
		put_large(c, group, chain, &list, 4, variant);
	if (large6)
		put_large(c, group, chain, &list, 6, variant);
}

const char *group_chain(struct compiler *c, const struct secgroup *group,
			enum variant variant)
{
	static const char *const names[N_VARIANTS] = {"in", "out", "out",
						      "published"};
	struct nft_chain *chain;
	char name[100];

	snprintf(name, sizeof(name), "sg-%s-%s", group->name, names[variant]);
	chain = ruleset_chain(c->rules, name);
	if (chain)
		return chain->name;

	/* What leaves is the same for everybody. */
	if (variant == VARIANT_LOCAL)
		variant = VARIANT_OUT;
	chain = ruleset_add_chain(c->rules, name);
	chain->comment = comment_of(c, group->description);
	chain->place = group->place;
	if (variant == VARIANT_OUT && group->egress_open)
		put_open(c, group, chain);
	else
		put_grants(c, group, chain, variant);
	return chain->name;
}
