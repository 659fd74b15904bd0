#include "verdict.h"

#include <stdio.h>

#include "base/fail.h"

enum outcome { FELL_OFF, ACCEPTED, DROPPED };

/* As in the kernel. The compiler nests three deep. */
enum { DEPTH_MAX = 16 };

struct walk {
	const struct ruleset *rules;
	const struct nft_packet *packet;
	struct verdict *out;
	unsigned depth;
};

static void put_number(uint8_t *out, uint32_t v, unsigned octets)
{
	for (unsigned i = octets; i > 0; i--, v >>= 8)
		out[i - 1] = (uint8_t)v;
}

static bool put_address(uint8_t *out, const struct cidr *address,
			uint8_t family)
{
	if (address->family != family)
		return false;
	memcpy(out, address->octets, sizeof(address->octets));
	return true;
}

static bool put_part(uint8_t *out, const struct nft_packet *p, int protocol,
		     uint8_t value)
{
	out[0] = value;
	return p->protocol == protocol;
}

static bool put_port(uint8_t *out, const struct nft_packet *p, uint16_t port)
{
	put_number(out, port, 2);
	return p->protocol == IPPROTO_TCP || p->protocol == IPPROTO_UDP;
}

/* The octets of a field; false when the packet has no such field. */
static bool load_field(const struct nft_packet *p, enum nft_field field,
		       uint8_t out[16])
{
	memset(out, 0, 16);
	switch (field) {
	case FIELD_IIFNAME:
		memcpy(out, p->iifname, sizeof(p->iifname));
		return p->hook != HOOK_OUTPUT;
	case FIELD_OIFNAME:
		memcpy(out, p->oifname, sizeof(p->oifname));
		return p->hook != HOOK_INPUT;
	case FIELD_NFPROTO:
		out[0] = p->source.family == 4 ? FAMILY_IPV4 : FAMILY_IPV6;
		return true;
	case FIELD_L4PROTO:
		out[0] = p->protocol;
		return true;
	case FIELD_SKUID:
		put_number(out, p->uid, 4);
		return p->has_uid;
	case FIELD_SADDR4:
		return put_address(out, &p->source, 4);
	case FIELD_DADDR4:
		return put_address(out, &p->destination, 4);
	case FIELD_SADDR6:
		return put_address(out, &p->source, 6);
	case FIELD_DADDR6:
		return put_address(out, &p->destination, 6);
	case FIELD_SPORT:
		return put_port(out, p, p->sport);
	case FIELD_DPORT:
		return put_port(out, p, p->dport);
	case FIELD_ICMP_TYPE:
		return put_part(out, p, IPPROTO_ICMP, p->icmp_type);
	case FIELD_ICMP_CODE:
		return put_part(out, p, IPPROTO_ICMP, p->icmp_code);
	case FIELD_ICMPV6_TYPE:
		return put_part(out, p, IPPROTO_ICMPV6, p->icmp_type);
	case FIELD_ICMPV6_CODE:
		return put_part(out, p, IPPROTO_ICMPV6, p->icmp_code);
	case FIELD_TCP_FLAGS:
		return put_part(out, p, IPPROTO_TCP, p->tcp_flags);
	case FIELD_CT_STATE:
		put_number(out, p->ct_state, 4);
		return true;
	case FIELD_CT_STATUS:
		put_number(out, p->translated ? CT_STATUS_DNAT : 0, 4);
		return true;
	case FIELD_CT_DADDR4:
	case FIELD_CT_DADDR6:
		return put_address(out,
				   p->translated ? &p->ct_destination
						 : &p->destination,
				   field == FIELD_CT_DADDR4 ? 4 : 6);
	case FIELD_CT_DPORT:
		return put_port(out, p, p->translated ? p->ct_dport : p->dport);
	case FIELD_FIB_DADDR:
		put_number(out, p->hook == HOOK_INPUT ? FIB_LOCAL : 1, 4);
		return true;
	case N_FIELDS:
		break;
	}
	BUG("field %d", (int)field);
}

static bool has_prefix(const uint8_t *address, const uint8_t *network,
		       unsigned bits)
{
	for (unsigned i = 0; i < bits; i++)
		if ((address[i / 8] ^ network[i / 8]) & (0x80u >> i % 8))
			return false;
	return true;
}

/* The element for the fields of the packet, or NULL. */
static const struct nft_element *look_up(const struct walk *w,
					 const struct nft_match *m)
{
	const struct nft_set *set = ruleset_set(w->rules, m->set);
	uint8_t key[KEY_OCTETS_MAX + 16] = {0};
	unsigned at = 0;

	for (unsigned i = 0; i < m->n_fields; i++) {
		if (!load_field(w->packet, m->fields[i], key + at))
			return NULL;
		at += (nft_fields[m->fields[i]].octets + 3u) & ~3u;
	}
	return set ? set_find(set, key) : NULL;
}

static bool any_bit(const uint8_t *value, const uint8_t *mask, unsigned octets)
{
	for (unsigned i = 0; i < octets; i++)
		if (value[i] & mask[i])
			return true;
	return false;
}

static bool may_have_come_in(const struct walk *w, const struct nft_match *m)
{
	return w->packet->by_any && m->fields[0] == FIELD_IIFNAME &&
	       w->packet->hook != HOOK_OUTPUT &&
	       strcmp((const char *)m->value, "lo") != 0;
}

static bool match_compares(const struct walk *w, const struct nft_match *m)
{
	unsigned octets = nft_fields[m->fields[0]].octets;
	uint8_t value[16];

	if (may_have_come_in(w, m))
		return true;
	if (!load_field(w->packet, m->fields[0], value))
		return false;
	switch ((enum nft_op)m->op) {
	case OP_EQ:
		return memcmp(value, m->value, octets) == 0;
	case OP_NE:
		return memcmp(value, m->value, octets) != 0;
	case OP_RANGE:
		return memcmp(value, m->value, octets) >= 0 &&
		       memcmp(value, m->last, octets) <= 0;
	case OP_PREFIX:
		return has_prefix(value, m->value, m->bits);
	case OP_ANY_BIT:
		return any_bit(value, m->value, octets);
	case OP_FLAGS_NE:
		return (value[0] & m->last[0]) != m->value[0];
	case OP_LOOKUP:
	case OP_VMAP:
		break;
	}
	BUG("comparison by operation %d", (int)m->op);
}

/* All matches of the rule. *found is the element of its last lookup. */
static bool rule_matches(const struct walk *w, const struct nft_rule *rule,
			 const struct nft_element **found)
{
	*found = NULL;
	for (unsigned i = 0; i < rule->n_matches; i++) {
		const struct nft_match *m = &rule->matches[i];

		if (m->op == OP_LOOKUP || m->op == OP_VMAP) {
			*found = look_up(w, m);
			if (!*found)
				return false;
		} else if (!match_compares(w, m)) {
			return false;
		}
	}
	return true;
}

static bool ends_in_map(const struct nft_rule *rule)
{
	return rule->n_matches &&
	       rule->matches[rule->n_matches - 1].op == OP_VMAP;
}

static void note_rule(struct walk *w, const struct nft_chain *chain,
		      const struct nft_rule *rule,
		      const struct nft_element *found)
{
	if (w->out->n_steps < VERDICT_STEPS_MAX)
		w->out->steps[w->out->n_steps] =
			(struct verdict_step){chain, rule, found};
	w->out->n_steps++;
}

static enum outcome walk_chain(struct walk *w, const struct nft_chain *chain);

static enum outcome walk_follow(struct walk *w, const char *name)
{
	const struct nft_chain *target = ruleset_chain(w->rules, name);
	enum outcome outcome;

	if (!target || w->depth >= DEPTH_MAX)
		return DROPPED;
	w->depth++;
	outcome = walk_chain(w, target);
	w->depth--;
	return outcome;
}

static enum outcome walk_chain(struct walk *w, const struct nft_chain *chain)
{
	for (unsigned i = 0; i < chain->n_rules; i++) {
		const struct nft_rule *rule = &chain->rules[i];
		const struct nft_element *found;
		struct nft_verdict v = rule->verdict;
		unsigned before = w->out->n_steps;
		enum outcome outcome;

		if (!rule_matches(w, rule, &found))
			continue;
		if (ends_in_map(rule))
			v = found->verdict;
		if (v.kind == VERDICT_NONE)
			continue;
		note_rule(w, chain, rule, found);
		switch (v.kind) {
		case VERDICT_NONE:
			continue;
		case VERDICT_ACCEPT:
			return ACCEPTED;
		case VERDICT_DROP:
			return DROPPED;
		case VERDICT_RETURN:
			return FELL_OFF;
		case VERDICT_GOTO:
			return walk_follow(w, v.chain);
		case VERDICT_JUMP:
			outcome = walk_follow(w, v.chain);
			if (outcome != FELL_OFF)
				return outcome;
			if (!ends_in_map(rule))
				w->out->n_steps = before;
			continue;
		}
	}
	return FELL_OFF;
}

void verdict_of(const struct ruleset *rules, const struct nft_packet *packet,
		struct verdict *out)
{
	struct walk w = {.rules = rules, .packet = packet, .out = out};

	*out = (struct verdict){.accepted = true};
	for (unsigned i = 0; i < rules->n_chains && out->accepted; i++)
		if (rules->chains[i]->hook == packet->hook)
			out->accepted = walk_chain(&w, rules->chains[i]) !=
					DROPPED;
	if (out->n_steps > VERDICT_STEPS_MAX)
		out->n_steps = VERDICT_STEPS_MAX;
}

static void put_interface(char out[INTERFACE_NAME_MAX],
			  const struct instance *in)
{
	snprintf(out, INTERFACE_NAME_MAX, "%s",
		 in && !in->host && in->interface ? in->interface : "?");
}

/* What is known of an end of a flow. */
struct end {
	const struct cidr *address;
	const struct instance *instance; /* NULL: nobody's */
	bool is_local;
};

static struct nft_packet packet_of_ends(const struct end *from,
					const struct end *to, uint8_t protocol)
{
	struct nft_packet p = {
		.hook = from->is_local ? HOOK_OUTPUT
			: to->is_local ? HOOK_INPUT
				       : HOOK_FORWARD,
		.source = *from->address,
		.destination = *to->address,
		.protocol = protocol,
		.ct_state = CT_NEW,
		.tcp_flags = TCP_SYN,
	};

	if (from->is_local && to->is_local) {
		snprintf(p.oifname, sizeof(p.oifname), "lo");
		return p;
	}
	if (!from->is_local)
		put_interface(p.iifname, from->instance);
	if (!to->is_local)
		put_interface(p.oifname, to->instance);
	return p;
}

struct nft_packet packet_between(const struct firewall_config *config,
				 const struct cidr *from, const struct cidr *to,
				 uint8_t protocol)
{
	const struct end a = {from, firewall_instance_at(config, from),
			      firewall_is_local(config, from)};
	const struct end b = {to, firewall_instance_at(config, to),
			      firewall_is_local(config, to)};

	return packet_of_ends(&a, &b, protocol);
}

struct nft_packet packet_between_known(const struct whereabouts *w,
				       const struct cidr *from,
				       const struct cidr *to, uint8_t protocol)
{
	const struct end a = {from, whereabouts_instance(w, from),
			      whereabouts_is_local(w, from)};
	const struct end b = {to, whereabouts_instance(w, to),
			      whereabouts_is_local(w, to)};

	return packet_of_ends(&a, &b, protocol);
}
