#include "secgroup.h"

#include <stdio.h>
#include <xxhash.h>

#include "base/fail.h"
#include "base/text.h"

struct icmp_word {
	const char *name;
	int number;
};

struct icmp_code_word {
	const char *name;
	int type, code;
};

/* The first name of a number is the one that is printed. */
static const struct icmp_word types4[] = {
	{"echo-reply", 0},           {"destination-unreachable", 3},
	{"source-quench", 4},        {"redirect", 5},
	{"echo-request", 8},         {"router-advertisement", 9},
	{"router-solicitation", 10}, {"time-exceeded", 11},
	{"parameter-problem", 12},   {"timestamp-request", 13},
	{"timestamp-reply", 14},     {"info-request", 15},
	{"info-reply", 16},          {"address-mask-request", 17},
	{"address-mask-reply", 18},
};

static const struct icmp_word types6[] = {
	{"destination-unreachable", 1}, {"packet-too-big", 2},
	{"time-exceeded", 3},           {"parameter-problem", 4},
	{"echo-request", 128},          {"echo-reply", 129},
	{"mld-listener-query", 130},    {"mld-listener-report", 131},
	{"mld-listener-done", 132},     {"mld-listener-reduction", 132},
	{"nd-router-solicit", 133},     {"nd-router-advert", 134},
	{"nd-neighbor-solicit", 135},   {"nd-neighbor-advert", 136},
	{"nd-redirect", 137},           {"router-renumbering", 138},
	{"ind-neighbor-solicit", 141},  {"ind-neighbor-advert", 142},
	{"mld2-listener-report", 143},
};

static const struct icmp_code_word codes4[] = {
	{"net-unreachable", 3, 0},      {"host-unreachable", 3, 1},
	{"prot-unreachable", 3, 2},     {"port-unreachable", 3, 3},
	{"frag-needed", 3, 4},          {"source-route-failed", 3, 5},
	{"net-prohibited", 3, 9},       {"host-prohibited", 3, 10},
	{"admin-prohibited", 3, 13},    {"net-redirect", 5, 0},
	{"host-redirect", 5, 1},        {"ttl-exceeded", 11, 0},
	{"reassembly-exceeded", 11, 1},
};

static const struct icmp_code_word codes6[] = {
	{"no-route", 1, 0},           {"admin-prohibited", 1, 1},
	{"addr-unreachable", 1, 3},   {"port-unreachable", 1, 4},
	{"policy-fail", 1, 5},        {"reject-route", 1, 6},
	{"hop-limit-exceeded", 3, 0}, {"reassembly-exceeded", 3, 1},
	{"bad-header", 4, 0},         {"unknown-header", 4, 1},
	{"unknown-option", 4, 2},
};

static const struct icmp_word *types_of(int protocol, size_t *n)
{
	*n = protocol == IPPROTO_ICMP ? ARRAY_SIZE(types4) : ARRAY_SIZE(types6);
	return protocol == IPPROTO_ICMP ? types4 : types6;
}

int icmp_type_named(int protocol, struct slice name)
{
	size_t n;
	const struct icmp_word *types = types_of(protocol, &n);

	for (size_t i = 0; i < n; i++)
		if (slice_eq(slice_of(types[i].name), name))
			return types[i].number;
	return -1;
}

const char *icmp_type_name(int protocol, int type)
{
	size_t n;
	const struct icmp_word *types = types_of(protocol, &n);

	for (size_t i = 0; i < n; i++)
		if (types[i].number == type)
			return types[i].name;
	return NULL;
}

const char *icmp_type_name_at(int protocol, size_t i)
{
	size_t n;
	const struct icmp_word *types = types_of(protocol, &n);

	return i < n ? types[i].name : NULL;
}

int icmp_code_named(int protocol, int type, struct slice name)
{
	bool four = protocol == IPPROTO_ICMP;
	const struct icmp_code_word *codes = four ? codes4 : codes6;
	size_t n = four ? ARRAY_SIZE(codes4) : ARRAY_SIZE(codes6);

	for (size_t i = 0; i < n; i++)
		if (codes[i].type == type &&
		    slice_eq(slice_of(codes[i].name), name))
			return codes[i].code;
	return -1;
}

/* 17 digits are 68 bits: the low half and four bits of the high. Each rule
 * has one, so nothing is printed with a format. */
static void put_digits(XXH128_hash_t h, char out[18])
{
	static const char digits[] = "0123456789abcdef";

	out[0] = digits[h.high64 & 0xf];
	for (unsigned i = 0; i < 16; i++)
		out[1 + i] = digits[h.low64 >> (60 - 4 * i) & 0xf];
	out[17] = '\0';
}

void sg_hash(struct slice text, char out[18])
{
	put_digits(XXH3_128bits(text.p, text.n), out);
}

static void id_of(const char *key, char out[SG_RULE_ID_MAX])
{
	memcpy(out, "sgr-", 4);
	sg_hash(slice_of(key), out + 4);
}

static void add_peer(struct text *key, const struct sg_peer *peer)
{
	char cidr[CIDR_TEXT_MAX];

	switch (peer->kind) {
	case PEER_CIDR:
		text_addf(key, "|%s", cidr_format(&peer->cidr, cidr));
		return;
	case PEER_GROUP:
		text_addf(key, "|sg:%s", peer->group->name);
		return;
	case PEER_PREFIX_LIST:
		text_addf(key, "|pl:%s", peer->list->name);
		return;
	}
	BUG("peer of kind %d", (int)peer->kind);
}

static void add_start(struct text *key, const struct secgroup *group,
		      enum sg_direction direction, int protocol)
{
	text_addf(key, "%s|%s|%d", group ? group->name : "",
		  direction == SG_INGRESS ? "in" : "out", protocol);
}

void sg_rule_id(const struct secgroup *group, enum sg_direction direction,
		const struct sg_rule *rule, const struct port_range *ports,
		const struct sg_peer *peer, char out[SG_RULE_ID_MAX])
{
	struct text key = {0};
	bool icmp = rule->protocol == IPPROTO_ICMP ||
		    rule->protocol == IPPROTO_ICMPV6;
	bool ported = rule->protocol == IPPROTO_TCP ||
		      rule->protocol == IPPROTO_UDP;

	add_start(&key, group, direction, rule->protocol);
	if (icmp)
		text_addf(&key, "|%d|%d", rule->icmp_type, rule->icmp_code);
	else if (ported)
		text_addf(&key, "|%u|%u", ports ? ports->first : 0u,
			  ports ? ports->last : 65535u);
	add_peer(&key, peer);
	for (unsigned i = 0; i < rule->n_interfaces; i++)
		text_addf(&key, "|%s", rule->interfaces[i]);
	id_of(text_str(&key), out);
	text_release(&key);
}

void sg_open_rule_id(const struct secgroup *group, uint8_t family,
		     char out[SG_RULE_ID_MAX])
{
	struct text key = {0};

	/* What AWS writes into a fresh group, so the id is the one that the
	 * spelled-out rule would have. */
	add_start(&key, group, SG_EGRESS, SG_ALL);
	text_add(&key, family == 4 ? SLICE("|0.0.0.0/0") : SLICE("|::/0"));
	id_of(text_str(&key), out);
	text_release(&key);
}

static unsigned ranges_of(const struct sg_rule *rule)
{
	bool is_ported = rule->protocol == IPPROTO_TCP ||
			 rule->protocol == IPPROTO_UDP;

	return is_ported ? rule->n_ports : 0;
}

unsigned sg_rule_terms(const struct sg_rule *rule)
{
	unsigned n = ranges_of(rule);

	return (n ? n : 1) * rule->n_peers;
}

bool sg_rule_each(const struct sg_rule *rule, struct sg_term *t)
{
	unsigned i = t->next++;

	if (i >= sg_rule_terms(rule))
		return false;
	t->ports = ranges_of(rule) ? &rule->ports[i / rule->n_peers] : NULL;
	t->peer = &rule->peers[i % rule->n_peers];
	return true;
}

bool sg_rule_has_port(const struct sg_rule *rule, uint8_t protocol,
		      uint16_t port)
{
	if (rule->protocol == SG_ALL)
		return true;
	if (rule->protocol != protocol)
		return false;
	for (unsigned i = 0; i < rule->n_ports; i++)
		if (rule->ports[i].first <= port && port <= rule->ports[i].last)
			return true;
	return rule->n_ports == 0;
}

/* -- in words -------------------------------------------------------------- */

void sg_protocol_text(int protocol, struct text *t)
{
	switch (protocol) {
	case SG_ALL:
		text_add(t, SLICE("all"));
		return;
	case IPPROTO_TCP:
		text_add(t, SLICE("tcp"));
		return;
	case IPPROTO_UDP:
		text_add(t, SLICE("udp"));
		return;
	case IPPROTO_ICMP:
		text_add(t, SLICE("icmp"));
		return;
	case IPPROTO_ICMPV6:
		text_add(t, SLICE("icmpv6"));
		return;
	default:
		text_addf(t, "protocol %d", protocol);
	}
}

static void add_part(struct text *t, const struct sg_rule *rule,
		     const struct port_range *ports)
{
	const char *name;

	if (ports && ports->first == ports->last)
		text_addf(t, " %u", ports->first);
	else if (ports)
		text_addf(t, " %u-%u", ports->first, ports->last);
	if ((rule->protocol != IPPROTO_ICMP &&
	     rule->protocol != IPPROTO_ICMPV6) ||
	    rule->icmp_type == SG_ALL)
		return;
	name = icmp_type_name(rule->protocol, rule->icmp_type);
	if (name)
		text_addf(t, " %s", name);
	else
		text_addf(t, " type %d", rule->icmp_type);
	if (rule->icmp_code != SG_ALL)
		text_addf(t, " code %d", rule->icmp_code);
}

const char *sg_rule_words(enum sg_direction direction,
			  const struct sg_rule *rule,
			  const struct port_range *ports,
			  const struct sg_peer *peer, char *out, size_t size)
{
	char cidr[CIDR_TEXT_MAX];
	struct text t = {0};

	sg_protocol_text(rule->protocol, &t);
	add_part(&t, rule, ports);
	text_add(&t, direction == SG_INGRESS ? SLICE(" from ") : SLICE(" to "));
	switch (peer->kind) {
	case PEER_CIDR:
		text_addf(&t, "%s", cidr_format(&peer->cidr, cidr));
		break;
	case PEER_GROUP:
		text_addf(&t, "group %s", peer->group->name);
		break;
	case PEER_PREFIX_LIST:
		text_addf(&t, "list %s", peer->list->name);
		break;
	}
	for (unsigned i = 0; i < rule->n_interfaces; i++)
		text_addf(&t, "%s%s", i ? "," : " by ", rule->interfaces[i]);
	snprintf(out, size, "%s", text_str(&t));
	text_release(&t);
	return out;
}
