/*
 * group_sets.c - a large group as interval sets.
 *
 * Four kinds of sets, because a key has the same fields in all elements:
 *
 *	sgr-NAME-in-v4         address, protocol, port      tcp and udp
 *	sgr-NAME-in-v4-icmp    address, type, code
 *	sgr-NAME-in-v4-proto   address, protocol            the other protocols
 *	sgr-NAME-in-v4-any     address                      all protocols
 *
 * A protocol without ports never gets into the first: the load of the port
 * would fail on a short header, and read other octets as a port on a long
 * one.
 *
 * Floor: firewall.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/fail.h"
#include "boxes.h"
#include "compiler.h"

enum kind { KIND_PORT, KIND_ICMP, KIND_PROTOCOL, KIND_ANY, N_KINDS };

static const char *const kind_suffix[N_KINDS] = {"", "-icmp", "-proto", "-any"};

/* Ids in a comment; more are counted. */
enum { COMMENT_IDS_MAX = 5 };

struct grants_of_kind {
	struct box_grant *grants; /* from malloc */
	size_t n, room;
};

struct sorter {
	struct compiler *c;
	const struct grant *const *grants;
	uint8_t family;
	struct grants_of_kind kinds[N_KINDS];
};

static bool is_own_icmp(int protocol, uint8_t family)
{
	return protocol == (family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
}

static enum kind kind_of(const struct sg_rule *rule, uint8_t family)
{
	if (rule->protocol == SG_ALL)
		return KIND_ANY;
	if (rule->protocol == IPPROTO_TCP || rule->protocol == IPPROTO_UDP)
		return KIND_PORT;
	return is_own_icmp(rule->protocol, family) ? KIND_ICMP : KIND_PROTOCOL;
}

/* Where the grant lies on the axis of its kind: protocol and port, type and
 * code, protocol; or the one point there is. */
static void stretch_of(const struct grant *g, enum kind kind, uint32_t *first,
		       uint32_t *last)
{
	const struct sg_rule *rule = g->rule;
	uint32_t high;

	switch (kind) {
	case KIND_PORT:
		high = (uint32_t)rule->protocol << 16;
		*first = high | (g->ports ? g->ports->first : 0u);
		*last = high | (g->ports ? g->ports->last : 0xffffu);
		return;
	case KIND_ICMP:
		*first = rule->icmp_type == SG_ALL
				 ? 0
				 : (uint32_t)rule->icmp_type << 8;
		*last = rule->icmp_type == SG_ALL ? 0xffff : *first | 0xff;
		if (rule->icmp_type != SG_ALL && rule->icmp_code != SG_ALL)
			*first = *last = *first | (uint32_t)rule->icmp_code;
		return;
	case KIND_PROTOCOL:
		*first = *last = (uint32_t)rule->protocol;
		return;
	case KIND_ANY:
	case N_KINDS:
		break;
	}
	*first = *last = 0;
}

static void add_box_grant(struct sorter *s, size_t owner,
			  const struct cidr *cidr)
{
	const struct grant *g = s->grants[owner];
	enum kind kind = kind_of(g->rule, s->family);
	struct grants_of_kind *k = &s->kinds[kind];
	struct box_grant *b;

	if (cidr->family != s->family)
		return;
	if (k->n == k->room) {
		k->room = k->room ? k->room * 2 : 64;
		k->grants = xrealloc(k->grants, k->room * sizeof(*k->grants));
	}
	b = &k->grants[k->n++];
	*b = (struct box_grant){.cidr = *cidr, .owner = (uint32_t)owner};
	stretch_of(g, kind, &b->first, &b->last);
}

static void spell_out(struct sorter *s, size_t owner)
{
	const struct sg_peer *peer = s->grants[owner]->peer;
	struct member_list members;

	switch (peer->kind) {
	case PEER_CIDR:
		add_box_grant(s, owner, &peer->cidr);
		return;
	case PEER_GROUP:
		members = members_of(s->c, peer->group);
		for (unsigned i = 0; i < members.n; i++)
			add_box_grant(s, owner, &members.members[i].address);
		return;
	case PEER_PREFIX_LIST:
		for (unsigned i = 0; i < peer->list->n_entries; i++)
			add_box_grant(s, owner, &peer->list->entries[i].cidr);
		return;
	}
	BUG("peer of kind %d", (int)peer->kind);
}

/* Elements of neighbours with the same owners have the same comment. */
static const char *comment_of_owners(struct sorter *s, const struct box *box)
{
	struct text t = {0};
	const char *comment;

	for (unsigned i = 0; i < box->n_owners && i < COMMENT_IDS_MAX; i++)
		text_addf(&t, "%s%s", i ? "," : "",
			  s->grants[box->owners[i]]->id);
	if (box->n_owners > COMMENT_IDS_MAX)
		text_addf(&t, " +%u", box->n_owners - COMMENT_IDS_MAX);
	comment = arena_strdup(&s->c->rules->arena, text_str(&t));
	text_release(&t);
	return comment;
}

/* `high` and `low` are ranges of the two fields behind the address. */
static void add_element(struct sorter *s, struct nft_set *set,
			const struct box *box, const char *comment,
			const uint8_t high[2], const uint16_t low[2])
{
	struct nft_element *e = add_network(set, &box->cidr);
	unsigned at = s->family == 4 ? 4 : 16;

	e->comment = comment;
	e->place = s->grants[box->owners[0]]->rule->place;
	if (set->n_types < 2)
		return;
	e->first[at] = high[0];
	e->last[at] = high[1];
	if (set->n_types < 3)
		return;
	at += 4;
	if (nft_types[set->types[2]].octets == 1) {
		e->first[at] = (uint8_t)low[0];
		e->last[at] = (uint8_t)low[1];
		return;
	}
	e->first[at] = (uint8_t)(low[0] >> 8);
	e->first[at + 1] = (uint8_t)low[0];
	e->last[at] = (uint8_t)(low[1] >> 8);
	e->last[at + 1] = (uint8_t)low[1];
}

/* A stretch of types and codes is a part of a type, whole types, a part. */
static void add_icmp_box(struct sorter *s, struct nft_set *set,
			 const struct box *box, const char *comment)
{
	uint32_t at = box->first;

	while (at <= box->last) {
		uint32_t end = at | 0xff;
		uint8_t types[2] = {(uint8_t)(at >> 8), (uint8_t)(at >> 8)};
		uint16_t codes[2];

		if (end > box->last)
			end = box->last;
		else if ((at & 0xff) == 0 && box->last - at > 0xff)
			end = ((box->last + 1) & ~0xffu) - 1;
		types[1] = (uint8_t)(end >> 8);
		codes[0] = (uint16_t)(at & 0xff);
		codes[1] = (uint16_t)(end & 0xff);
		add_element(s, set, box, comment, types, codes);
		at = end + 1;
	}
}

static void add_box(struct sorter *s, struct nft_set *set, enum kind kind,
		    const struct box *box)
{
	const char *comment = comment_of_owners(s, box);
	uint8_t protocols[2] = {(uint8_t)(box->first >> 16),
				(uint8_t)(box->last >> 16)};
	uint16_t ports[2] = {(uint16_t)box->first, (uint16_t)box->last};

	if (kind == KIND_ICMP) {
		add_icmp_box(s, set, box, comment);
		return;
	}
	if (kind == KIND_PROTOCOL) {
		protocols[0] = (uint8_t)box->first;
		protocols[1] = (uint8_t)box->last;
	}
	add_element(s, set, box, comment, protocols, ports);
}

static struct nft_set *new_set(struct sorter *s, const char *name,
			       enum kind kind)
{
	bool four = s->family == 4;
	const uint8_t types[N_KINDS][KEY_FIELDS_MAX] = {
		[KIND_PORT] = {0, TYPE_INET_PROTO, TYPE_INET_SERVICE},
		[KIND_ICMP] = {0, four ? TYPE_ICMP_TYPE : TYPE_ICMPV6_TYPE,
			       four ? TYPE_ICMP_CODE : TYPE_ICMPV6_CODE},
		[KIND_PROTOCOL] = {0, TYPE_INET_PROTO, 0},
		[KIND_ANY] = {0, 0, 0},
	};
	static const unsigned n_types[N_KINDS] = {3, 3, 2, 1};
	uint8_t key[KEY_FIELDS_MAX];
	struct nft_set *set;

	memcpy(key, types[kind], sizeof(key));
	key[0] = four ? TYPE_IPV4_ADDR : TYPE_IPV6_ADDR;
	set = ruleset_add_set(s->c->rules, name, key, n_types[kind]);
	set->interval = true;
	set->counter = true;
	return set;
}

static const char *set_of_kind(struct sorter *s, const struct secgroup *group,
			       enum kind kind, const char *name)
{
	struct nft_set *set = ruleset_set(s->c->rules, name);
	size_t n_boxes;
	struct box *boxes;

	/* Published ports ask the sets that ingress made. */
	if (set)
		return set->name;
	set = new_set(s, name, kind);
	set->place = group->place;
	boxes = boxes_of(&s->c->scratch, s->kinds[kind].grants,
			 s->kinds[kind].n, &n_boxes);
	for (size_t i = 0; i < n_boxes; i++)
		add_box(s, set, kind, &boxes[i]);
	return set->name;
}

static void put_accept(struct sorter *s, struct nft_chain *chain,
		       const struct draft *d)
{
	draft_put(d, s->c->rules, chain, VERDICT_ACCEPT, NULL)->place =
		chain->place;
}

/* nft knows the type of a port before translation only behind a protocol. */
static void ask_published(struct sorter *s, struct nft_chain *chain,
			  const char *set)
{
	static const int protocols[] = {IPPROTO_TCP, IPPROTO_UDP};

	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
		struct draft d = {0};

		draft_protocol(&d, protocols[i]);
		draft_lookup(&d, set, address_field(SIDE_SOURCE, s->family),
			     FIELD_L4PROTO, FIELD_CT_DPORT);
		put_accept(s, chain, &d);
	}
}

static void ask_group_set(struct sorter *s, struct nft_chain *chain,
			  const char *set, enum kind kind, enum variant variant)
{
	bool four = s->family == 4;
	enum nft_field address = address_field(
		variant == VARIANT_OUT ? SIDE_DESTINATION : SIDE_SOURCE,
		s->family);
	struct draft d = {0};

	switch (kind) {
	case KIND_PORT:
		if (variant == VARIANT_PUBLISHED) {
			ask_published(s, chain, set);
			return;
		}
		draft_lookup(&d, set, address, FIELD_L4PROTO, FIELD_DPORT);
		break;
	case KIND_ICMP:
		draft_lookup(&d, set, address,
			     four ? FIELD_ICMP_TYPE : FIELD_ICMPV6_TYPE,
			     four ? FIELD_ICMP_CODE : FIELD_ICMPV6_CODE);
		break;
	case KIND_PROTOCOL:
		draft_lookup(&d, set, address, FIELD_L4PROTO, N_FIELDS);
		break;
	case KIND_ANY:
	case N_KINDS:
		draft_lookup(&d, set, address, N_FIELDS, N_FIELDS);
		break;
	}
	put_accept(s, chain, &d);
}

void group_sets_put(struct compiler *c, const struct secgroup *group,
		    struct nft_chain *chain, const struct grant *const *grants,
		    size_t n, uint8_t family, enum variant variant)
{
	struct sorter s = {.c = c, .grants = grants, .family = family};

	for (size_t i = 0; i < n; i++)
		spell_out(&s, i);
	for (enum kind kind = KIND_PORT; kind < N_KINDS; kind++) {
		char name[100];

		if (s.kinds[kind].n == 0)
			continue;
		snprintf(name, sizeof(name), "sgr-%s-%s-v%u%s", group->name,
			 variant == VARIANT_OUT ? "out" : "in",
			 (unsigned)family, kind_suffix[kind]);
		ask_group_set(&s, chain, set_of_kind(&s, group, kind, name),
			      kind, variant);
		free(s.kinds[kind].grants);
	}
}
