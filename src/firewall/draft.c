#include "draft.h"

#include <stdio.h>

#include "base/fail.h"

static struct nft_match *draft_add(struct draft *d, enum nft_op op,
				   enum nft_field field)
{
	struct nft_match *m;

	assert(d->n_matches < DRAFT_MATCHES_MAX);
	m = &d->matches[d->n_matches++];
	*m = (struct nft_match){.op = (uint8_t)op, .n_fields = 1};
	m->fields[0] = (uint8_t)field;
	return m;
}

static void put_number(uint8_t *octets, uint32_t v, unsigned n)
{
	for (unsigned i = n; i > 0; i--, v >>= 8)
		octets[i - 1] = (uint8_t)v;
}

static void add_number(struct draft *d, enum nft_op op, enum nft_field field,
		       uint32_t v)
{
	struct nft_match *m = draft_add(d, op, field);

	put_number(m->value, v, nft_fields[field].octets);
}

enum nft_field address_field(enum side side, uint8_t family)
{
	switch (side) {
	case SIDE_SOURCE:
		return family == 4 ? FIELD_SADDR4 : FIELD_SADDR6;
	case SIDE_DESTINATION:
		return family == 4 ? FIELD_DADDR4 : FIELD_DADDR6;
	case SIDE_CT_DESTINATION:
		return family == 4 ? FIELD_CT_DADDR4 : FIELD_CT_DADDR6;
	}
	BUG("side %d", (int)side);
}

void draft_family(struct draft *d, uint8_t family)
{
	if (d->family == family)
		return;
	d->family = family;
	add_number(d, OP_EQ, FIELD_NFPROTO,
		   family == 4 ? FAMILY_IPV4 : FAMILY_IPV6);
}

void draft_protocol(struct draft *d, int protocol)
{
	if (d->protocol == protocol + 1)
		return;
	d->protocol = protocol + 1;
	add_number(d, OP_EQ, FIELD_L4PROTO, (uint32_t)protocol);
}

void draft_interface(struct draft *d, enum nft_field field, const char *name)
{
	struct nft_match *m = draft_add(d, OP_EQ, field);

	snprintf((char *)m->value, sizeof(m->value), "%s", name);
}

void draft_came_in(struct draft *d, const char *name)
{
	size_t n = strlen(name);
	struct nft_match *m;

	if (name[n - 1] != '*') {
		draft_interface(d, FIELD_IIFNAME, name);
		return;
	}
	m = draft_add(d, OP_PREFIX, FIELD_IIFNAME);
	memcpy(m->value, name, n - 1);
	m->bits = (uint8_t)((n - 1) * 8);
}

void draft_address(struct draft *d, enum side side, const struct cidr *cidr)
{
	struct nft_match *m;

	draft_family(d, cidr->family);
	if (cidr->bits == 0)
		return;
	m = draft_add(d, cidr_is_address(cidr) ? OP_EQ : OP_PREFIX,
		      address_field(side, cidr->family));
	if (m->op == OP_PREFIX)
		m->bits = cidr->bits;
	memcpy(m->value, cidr->octets, sizeof(m->value));
}

void draft_ports(struct draft *d, int protocol, enum nft_field field,
		 uint16_t first, uint16_t last)
{
	struct nft_match *m;

	draft_protocol(d, protocol);
	if (first == 0 && last == UINT16_MAX)
		return;
	m = draft_add(d, first == last ? OP_EQ : OP_RANGE, field);
	put_number(m->value, first, 2);
	if (m->op == OP_RANGE)
		put_number(m->last, last, 2);
}

void draft_icmp(struct draft *d, uint8_t family, int protocol, int type,
		int code)
{
	bool four = protocol == IPPROTO_ICMP;

	if (four != (family == 4) || type == SG_ALL) {
		draft_protocol(d, protocol);
		return;
	}
	draft_family(d, family);
	draft_protocol(d, protocol);
	add_number(d, OP_EQ, four ? FIELD_ICMP_TYPE : FIELD_ICMPV6_TYPE,
		   (uint32_t)type);
	if (code != SG_ALL)
		add_number(d, OP_EQ, four ? FIELD_ICMP_CODE : FIELD_ICMPV6_CODE,
			   (uint32_t)code);
}

void draft_ct(struct draft *d, enum nft_field field, uint32_t bits)
{
	add_number(d, OP_ANY_BIT, field, bits);
}

void draft_skuid(struct draft *d, uint32_t uid)
{
	add_number(d, OP_EQ, FIELD_SKUID, uid);
}

void draft_not_local(struct draft *d)
{
	draft_add(d, OP_NE, FIELD_FIB_DADDR)->value[3] = FIB_LOCAL;
}

void draft_not_syn(struct draft *d)
{
	struct nft_match *m;

	draft_protocol(d, IPPROTO_TCP);
	m = draft_add(d, OP_FLAGS_NE, FIELD_TCP_FLAGS);
	m->value[0] = TCP_SYN;
	m->last[0] = TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK;
}

static void add_lookup(struct draft *d, enum nft_op op, const char *set,
		       const enum nft_field *fields)
{
	struct nft_match *m = draft_add(d, op, fields[0]);

	m->set = set;
	for (m->n_fields = 0;
	     m->n_fields < KEY_FIELDS_MAX && fields[m->n_fields] != N_FIELDS;
	     m->n_fields++)
		m->fields[m->n_fields] = (uint8_t)fields[m->n_fields];
}

/* The family that the field needs; 0: none. */
static uint8_t family_of(enum nft_field field)
{
	switch (field) {
	case FIELD_SADDR4:
	case FIELD_DADDR4:
	case FIELD_ICMP_TYPE:
		return 4;
	case FIELD_SADDR6:
	case FIELD_DADDR6:
	case FIELD_ICMPV6_TYPE:
		return 6;
	default:
		return 0;
	}
}

static void draft_look(struct draft *d, enum nft_op op, const char *set,
		       enum nft_field a, enum nft_field b, enum nft_field c)
{
	const enum nft_field fields[KEY_FIELDS_MAX] = {a, b, c};

	for (unsigned i = 0; i < KEY_FIELDS_MAX; i++)
		if (family_of(fields[i]))
			draft_family(d, family_of(fields[i]));
	for (unsigned i = 0; i < KEY_FIELDS_MAX; i++) {
		if (fields[i] == FIELD_ICMP_TYPE)
			draft_protocol(d, IPPROTO_ICMP);
		if (fields[i] == FIELD_ICMPV6_TYPE)
			draft_protocol(d, IPPROTO_ICMPV6);
	}
	add_lookup(d, op, set, fields);
}

void draft_lookup(struct draft *d, const char *set, enum nft_field a,
		  enum nft_field b, enum nft_field c)
{
	draft_look(d, OP_LOOKUP, set, a, b, c);
}

void draft_vmap(struct draft *d, const char *map, enum nft_field a,
		enum nft_field b, enum nft_field c)
{
	draft_look(d, OP_VMAP, map, a, b, c);
}

struct nft_rule *draft_put(const struct draft *d, struct ruleset *rules,
			   struct nft_chain *chain, enum nft_verdict_kind kind,
			   const char *target)
{
	struct nft_match *matches =
		ARENA_ARRAY(&rules->arena, d->n_matches, struct nft_match);
	struct nft_rule *rule = chain_add_rule(chain);

	memcpy(matches, d->matches, d->n_matches * sizeof(*matches));
	rule->matches = matches;
	rule->n_matches = d->n_matches;
	rule->verdict = (struct nft_verdict){kind, target};
	return rule;
}
