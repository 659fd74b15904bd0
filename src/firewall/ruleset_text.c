/*
 * ruleset_text.c - a ruleset in the words of nft(8).
 *
 * Written as a person would: what nft concludes by itself (`ip saddr` is
 * about IPv4, `tcp dport` about TCP) is left out, so the matches that the
 * kernel needs for it are in the ruleset but not in the text.
 *
 * Floor: firewall.  Source: nft(8).
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/cidr.h"
#include "base/fail.h"
#include "model/secgroup.h"
#include "ruleset.h"

static uint32_t number_of(const uint8_t *octets, unsigned n)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < n; i++)
		v = v << 8 | octets[i];
	return v;
}

/* The protocol without which the field does not exist; 0: any. */
static int protocol_behind(enum nft_field field)
{
	switch (field) {
	case FIELD_ICMP_TYPE:
	case FIELD_ICMP_CODE:
		return IPPROTO_ICMP;
	case FIELD_ICMPV6_TYPE:
	case FIELD_ICMPV6_CODE:
		return IPPROTO_ICMPV6;
	case FIELD_TCP_FLAGS:
		return IPPROTO_TCP;
	default:
		return 0;
	}
}

static int family_behind(enum nft_field field)
{
	switch (field) {
	case FIELD_SADDR4:
	case FIELD_DADDR4:
	case FIELD_ICMP_TYPE:
	case FIELD_ICMP_CODE:
		return FAMILY_IPV4;
	case FIELD_SADDR6:
	case FIELD_DADDR6:
	case FIELD_ICMPV6_TYPE:
	case FIELD_ICMPV6_CODE:
		return FAMILY_IPV6;
	default:
		return 0;
	}
}

static bool is_port(enum nft_field field)
{
	return field == FIELD_SPORT || field == FIELD_DPORT;
}

static const char *port_protocol(int protocol)
{
	return protocol == IPPROTO_TCP   ? "tcp"
	       : protocol == IPPROTO_UDP ? "udp"
					 : NULL;
}

/* Whether a match further on makes nft add this one by itself. */
static bool is_implied(const struct nft_rule *rule, unsigned at)
{
	const struct nft_match *m = &rule->matches[at];

	if (m->op != OP_EQ)
		return false;
	for (unsigned i = at + 1; i < rule->n_matches; i++) {
		const struct nft_match *later = &rule->matches[i];

		for (unsigned k = 0; k < later->n_fields; k++) {
			enum nft_field f = later->fields[k];

			if (m->fields[0] == FIELD_NFPROTO &&
			    family_behind(f) == m->value[0])
				return true;
			if (m->fields[0] != FIELD_L4PROTO)
				continue;
			if (protocol_behind(f) == m->value[0])
				return true;
			if (is_port(f) && later->n_fields == 1 &&
			    port_protocol(m->value[0]))
				return true;
		}
	}
	return false;
}

static void add_bits(struct text *out, uint32_t bits, const char *between,
		     const char *const *names, unsigned n_names)
{
	const char *sep = "";

	for (unsigned i = 0; i < n_names; i++) {
		if (!(bits & (1u << i)) || !names[i])
			continue;
		text_addf(out, "%s%s", sep, names[i]);
		sep = between;
	}
}

static const char *const state_names[] = {
	"invalid", "established", "related", "new", NULL, NULL, "untracked"};
static const char *const flag_names[] = {"fin", "syn", "rst",
					 "psh", "ack", "urg"};

static void add_address(struct text *out, uint8_t family, const uint8_t *octets,
			unsigned bits)
{
	struct cidr c = cidr_make(family, octets, bits);
	char buffer[CIDR_TEXT_MAX];

	text_addf(out, "%s",
		  cidr_is_address(&c) ? cidr_format_address(&c, buffer)
				      : cidr_format(&c, buffer));
}

static void add_protocol(struct text *out, unsigned number)
{
	switch (number) {
	case IPPROTO_ICMP:
		text_add(out, SLICE("icmp"));
		return;
	case IPPROTO_TCP:
		text_add(out, SLICE("tcp"));
		return;
	case IPPROTO_UDP:
		text_add(out, SLICE("udp"));
		return;
	case IPPROTO_ICMPV6:
		text_add(out, SLICE("icmpv6"));
		return;
	default:
		text_addf(out, "%u", number);
	}
}

static void add_icmp_type(struct text *out, int protocol, unsigned number)
{
	const char *name = icmp_type_name(protocol, (int)number);

	if (name)
		text_addf(out, "%s", name);
	else
		text_addf(out, "%u", number);
}

static void add_value(struct text *out, enum nft_type type, const uint8_t *v)
{
	switch (type) {
	case TYPE_IPV4_ADDR:
		add_address(out, 4, v, 32);
		return;
	case TYPE_IPV6_ADDR:
		add_address(out, 6, v, 128);
		return;
	case TYPE_INET_PROTO:
		add_protocol(out, v[0]);
		return;
	case TYPE_INET_SERVICE:
		text_addf(out, "%u", number_of(v, 2));
		return;
	case TYPE_ICMP_TYPE:
		add_icmp_type(out, IPPROTO_ICMP, v[0]);
		return;
	case TYPE_ICMPV6_TYPE:
		add_icmp_type(out, IPPROTO_ICMPV6, v[0]);
		return;
	case TYPE_ICMP_CODE:
	case TYPE_ICMPV6_CODE:
		text_addf(out, "%u", (unsigned)v[0]);
		return;
	case TYPE_IFNAME:
		text_addf(out, "\"%.16s\"", (const char *)v);
		return;
	case N_TYPES:
		break;
	}
	BUG("value of type %d", (int)type);
}

/* The length of the prefix that the range is, or -1. */
static int prefix_of(const uint8_t *first, const uint8_t *last, unsigned octets)
{
	struct cidr c;
	uint8_t end[16];
	unsigned bits = 0;

	while (bits < octets * 8 &&
	       !((first[bits / 8] ^ last[bits / 8]) & (0x80u >> bits % 8)))
		bits++;
	c = cidr_make(octets == 4 ? 4 : 6, first, bits);
	cidr_last(&c, end);
	return memcmp(c.octets, first, octets) == 0 &&
			       memcmp(end, last, octets) == 0
		       ? (int)bits
		       : -1;
}

static void add_range(struct text *out, enum nft_type type,
		      const uint8_t *first, const uint8_t *last)
{
	unsigned octets = nft_types[type].octets;
	bool address = type == TYPE_IPV4_ADDR || type == TYPE_IPV6_ADDR;

	if (memcmp(first, last, octets) == 0) {
		add_value(out, type, first);
	} else if (address && prefix_of(first, last, octets) >= 0) {
		add_address(out, octets == 4 ? 4 : 6, first,
			    (unsigned)prefix_of(first, last, octets));
	} else if (address) {
		add_value(out, type, first);
		text_addc(out, '-');
		add_value(out, type, last);
	} else {
		text_addf(out, "%u-%u", number_of(first, octets),
			  number_of(last, octets));
	}
}

/* The name as it stands in a rule, where ports need a protocol. */
static void add_field(struct text *out, enum nft_field field, int protocol)
{
	const char *p = port_protocol(protocol);

	if (is_port(field))
		text_addf(out, "%s ", p ? p : "th");
	text_addf(out, "%s", nft_fields[field].name);
}

static void add_equal(struct text *out, const struct nft_match *m)
{
	enum nft_field field = m->fields[0];
	const struct nft_field_info *info = &nft_fields[field];

	if (field == FIELD_NFPROTO)
		text_addf(out, "%s",
			  m->value[0] == FAMILY_IPV4 ? "ipv4" : "ipv6");
	else if (field == FIELD_FIB_DADDR &&
		 number_of(m->value, 4) == FIB_LOCAL)
		text_add(out, SLICE("local"));
	else if (info->type == N_TYPES)
		text_addf(out, "%u", number_of(m->value, info->octets));
	else
		add_value(out, info->type, m->value);
}

static void add_operand(struct text *out, const struct nft_match *m)
{
	enum nft_field field = m->fields[0];
	const struct nft_field_info *info = &nft_fields[field];

	switch ((enum nft_op)m->op) {
	case OP_EQ:
		add_equal(out, m);
		return;
	case OP_NE:
		text_add(out, SLICE("!= "));
		add_equal(out, m);
		return;
	case OP_RANGE:
		add_range(out, info->type, m->value, m->last);
		return;
	case OP_PREFIX:
		if (field == FIELD_IIFNAME) {
			text_addf(out, "\"%.*s*\"", m->bits / 8, m->value);
			return;
		}
		add_address(out, info->octets == 4 ? 4 : 6, m->value, m->bits);
		return;
	case OP_ANY_BIT:
		if (field == FIELD_CT_STATE)
			add_bits(out, number_of(m->value, 4), ",", state_names,
				 ARRAY_SIZE(state_names));
		else
			text_add(out, SLICE("dnat"));
		return;
	case OP_FLAGS_NE:
		text_add(out, SLICE("& ("));
		add_bits(out, m->last[0], "|", flag_names,
			 ARRAY_SIZE(flag_names));
		text_add(out, SLICE(") != "));
		add_bits(out, m->value[0], "|", flag_names,
			 ARRAY_SIZE(flag_names));
		return;
	case OP_LOOKUP:
		text_addf(out, "@%s", m->set);
		return;
	case OP_VMAP:
		text_addf(out, "vmap @%s", m->set);
		return;
	}
	BUG("match with operation %d", (int)m->op);
}

static void add_verdict(struct text *out, struct nft_verdict v)
{
	switch (v.kind) {
	case VERDICT_NONE:
		return;
	case VERDICT_ACCEPT:
		text_add(out, SLICE("accept"));
		return;
	case VERDICT_DROP:
		text_add(out, SLICE("drop"));
		return;
	case VERDICT_RETURN:
		text_add(out, SLICE("return"));
		return;
	case VERDICT_JUMP:
		text_addf(out, "jump %s", v.chain);
		return;
	case VERDICT_GOTO:
		text_addf(out, "goto %s", v.chain);
		return;
	}
	BUG("verdict %d", (int)v.kind);
}

static void space(struct text *out, size_t start)
{
	if (out->n > start)
		text_addc(out, ' ');
}

static void add_match(struct text *out, const struct nft_match *m, int protocol)
{
	for (unsigned k = 0; k < m->n_fields; k++) {
		if (k)
			text_add(out, SLICE(" . "));
		add_field(out, m->fields[k], m->n_fields == 1 ? protocol : 0);
	}
	text_addc(out, ' ');
	add_operand(out, m);
}

static void add_log(struct text *out, const struct nft_log *log)
{
	text_addf(out, "limit rate %u/second burst %u packets ",
		  log->rate_per_second, log->burst);
	text_addf(out, "log prefix \"%s\"", log->prefix);
	if (log->group >= 0)
		text_addf(out, " group %d", log->group);
}

void rule_text(const struct nft_rule *rule, struct text *out)
{
	size_t start = out->n;
	int protocol = 0;

	if (rule->live.foreign) {
		text_addf(out, "# a rule that is not ours, handle %llu",
			  (unsigned long long)rule->live.handle);
		return;
	}
	for (unsigned i = 0; i < rule->n_matches; i++) {
		const struct nft_match *m = &rule->matches[i];

		if (m->fields[0] == FIELD_L4PROTO && m->op == OP_EQ)
			protocol = m->value[0];
		if (is_implied(rule, i))
			continue;
		space(out, start);
		add_match(out, m, protocol);
	}
	if (rule->timeout) {
		space(out, start);
		text_addf(out, "ct timeout set \"%s\"", rule->timeout);
	}
	if (rule->log) {
		space(out, start);
		add_log(out, rule->log);
	}
	if (rule->counter) {
		space(out, start);
		text_add(out, SLICE("counter"));
	}
	if (rule->verdict.kind != VERDICT_NONE) {
		space(out, start);
		add_verdict(out, rule->verdict);
	}
	if (rule->comment) {
		space(out, start);
		text_addf(out, "comment \"%s\"", rule->comment);
	}
}

void element_key_text(const struct nft_set *set, const struct nft_element *e,
		      struct text *out)
{
	unsigned at = 0;

	for (unsigned i = 0; i < set->n_types; i++) {
		enum nft_type type = set->types[i];

		if (i)
			text_add(out, SLICE(" . "));
		add_range(out, type, e->first + at,
			  set->interval ? e->last + at : e->first + at);
		at += (nft_types[type].octets + 3u) & ~3u;
	}
}

void element_text(const struct nft_set *set, const struct nft_element *e,
		  struct text *out)
{
	element_key_text(set, e, out);
	if (e->comment)
		text_addf(out, " comment \"%s\"", e->comment);
	if (set->map) {
		text_add(out, SLICE(" : "));
		add_verdict(out, e->verdict);
	}
}

static void add_period(struct text *out, const char **sep, const char *name,
		       uint32_t seconds)
{
	if (!seconds)
		return;
	text_addf(out, "%s%s : %u", *sep, name, seconds);
	*sep = ", ";
}

static void add_timeout(struct text *out, const struct nft_timeout *t)
{
	const char *sep = "";

	text_addf(out, "\tct timeout %s {\n\t\tprotocol ", t->name);
	add_protocol(out, t->protocol);
	text_add(out, SLICE("\n\t\tpolicy = { "));
	add_period(out, &sep, "established", t->established_s);
	add_period(out, &sep, "unreplied", t->unreplied_s);
	add_period(out, &sep, "replied", t->replied_s);
	text_add(out, SLICE(" }\n\t}\n\n"));
}

static void add_set(struct text *out, const struct nft_set *set)
{
	text_addf(out, "\t%s %s {\n\t\ttype ", set->map ? "map" : "set",
		  set->name);
	for (unsigned i = 0; i < set->n_types; i++)
		text_addf(out, "%s%s", i ? " . " : "",
			  nft_types[set->types[i]].name);
	text_addf(out, "%s\n", set->map ? " : verdict" : "");
	if (set->interval || set->timeout)
		text_addf(out, "\t\tflags %s%s%s\n",
			  set->interval ? "interval" : "",
			  set->interval && set->timeout ? "," : "",
			  set->timeout ? "timeout" : "");
	if (set->counter)
		text_add(out, SLICE("\t\tcounter\n"));
	if (set->comment)
		text_addf(out, "\t\tcomment \"%s\"\n", set->comment);
	for (unsigned i = 0; i < set->n_elements; i++) {
		text_add(out, i ? SLICE(",\n\t\t\t")
				: SLICE("\t\telements = {\n\t\t\t"));
		element_text(set, &set->elements[i], out);
	}
	text_add(out,
		 set->n_elements ? SLICE("\n\t\t}\n\t}\n") : SLICE("\t}\n"));
}

static const char *hook_name(enum nft_hook hook)
{
	switch (hook) {
	case HOOK_INPUT:
		return "input";
	case HOOK_FORWARD:
		return "forward";
	case HOOK_OUTPUT:
		return "output";
	case HOOK_PREROUTING:
		return "prerouting";
	case HOOK_NONE:
		break;
	}
	BUG("name of hook %d", (int)hook);
}

static void add_chain(struct text *out, const struct nft_chain *chain)
{
	text_addf(out, "\tchain %s {\n", chain->name);
	if (chain->comment)
		text_addf(out, "\t\tcomment \"%s\"\n", chain->comment);
	if (chain->hook != HOOK_NONE)
		text_addf(out,
			  "\t\ttype filter hook %s priority %d; "
			  "policy accept;\n",
			  hook_name(chain->hook), chain->priority);
	for (unsigned i = 0; i < chain->n_rules; i++) {
		text_add(out, SLICE("\t\t"));
		rule_text(&chain->rules[i], out);
		text_addc(out, '\n');
	}
	text_add(out, SLICE("\t}\n"));
}

char *ruleset_text(const struct ruleset *rules)
{
	struct text out = {0};
	char *text;

	text_addf(&out, "table inet %s {\n", rules->table);
	for (unsigned i = 0; i < rules->n_timeouts; i++)
		add_timeout(&out, rules->timeouts[i]);
	for (unsigned i = 0; i < rules->n_sets; i++) {
		if (i)
			text_addc(&out, '\n');
		add_set(&out, rules->sets[i]);
	}
	for (unsigned i = 0; i < rules->n_chains; i++) {
		if (i || rules->n_sets)
			text_addc(&out, '\n');
		add_chain(&out, rules->chains[i]);
	}
	text_add(&out, SLICE("}\n"));
	text = xstrdup(text_str(&out));
	text_release(&out);
	return text;
}
