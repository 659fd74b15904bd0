/*
 * nft_decode.c - the kernel's expressions -> rules and sets.
 *
 * Reads what nft_encode.c writes, and what nft(8) makes of our text. An
 * expression that is neither makes the rule foreign: it is shown, compared
 * as different and replaced, never half understood.
 *
 * Floor: kernel.
 */
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <stdlib.h>

#include <libnftnl/expr.h>
#include <libnftnl/udata.h>

#include "base/fail.h"
#include "firewall/draft.h"
#include "nft_wire.h"

/* What stands in the registers, and what became of it so far. */
struct reader {
	struct ruleset *rules;
	struct draft draft;
	enum nft_field loads[KEY_FIELDS_MAX];
	uint32_t octets; /* of the last load */
	unsigned n_loads;
	enum nft_field second; /* nft joins neighbours in a header into one
				* load: the other one; N_FIELDS: none */
	bool used;             /* by a comparison: the next load begins anew */
	const uint8_t *mask;   /* borrowed from the expression; NULL: none */
	struct nft_log *log;
	struct nft_rule rule;
	bool foreign;
};

static void note_load(struct reader *rd, enum nft_field field, uint32_t octets)
{
	if (rd->used)
		rd->n_loads = 0;
	rd->used = false;
	rd->second = N_FIELDS;
	rd->mask = NULL;
	rd->octets = octets;
	if (field == N_FIELDS || rd->n_loads == KEY_FIELDS_MAX)
		rd->foreign = true;
	else
		rd->loads[rd->n_loads++] = field;
}

static enum nft_field field_of(enum wire_source source, uint32_t key,
			       bool original)
{
	for (enum nft_field f = 0; f < N_FIELDS; f++)
		if (wire_fields[f].source == source &&
		    wire_fields[f].key == key &&
		    wire_fields[f].original == original)
			return f;
	return N_FIELDS;
}

/* Offsets of a transport header mean what the protocol says. */
static enum nft_field transport_field(const struct reader *rd, uint32_t offset,
				      uint32_t octets)
{
	int protocol = rd->draft.protocol - 1;

	if (octets == 2 && offset <= 2)
		return offset == 0   ? FIELD_SPORT
		       : offset == 2 ? FIELD_DPORT
				     : N_FIELDS;
	if (octets != 1)
		return N_FIELDS;
	if (protocol == IPPROTO_ICMP && offset <= 1)
		return offset == 0 ? FIELD_ICMP_TYPE : FIELD_ICMP_CODE;
	if (protocol == IPPROTO_ICMPV6 && offset <= 1)
		return offset == 0 ? FIELD_ICMPV6_TYPE : FIELD_ICMPV6_CODE;
	return protocol == IPPROTO_TCP && offset == 13 ? FIELD_TCP_FLAGS
						       : N_FIELDS;
}

/* Both ports, or type and code. */
static bool read_joined(struct reader *rd, uint32_t octets)
{
	int protocol = rd->draft.protocol - 1;

	if (octets == 4 &&
	    (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP)) {
		note_load(rd, FIELD_SPORT, octets);
		rd->second = FIELD_DPORT;
	} else if (octets == 2 && protocol == IPPROTO_ICMP) {
		note_load(rd, FIELD_ICMP_TYPE, octets);
		rd->second = FIELD_ICMP_CODE;
	} else if (octets == 2 && protocol == IPPROTO_ICMPV6) {
		note_load(rd, FIELD_ICMPV6_TYPE, octets);
		rd->second = FIELD_ICMPV6_CODE;
	} else {
		return false;
	}
	return true;
}

static void read_payload(struct reader *rd, const struct nftnl_expr *e)
{
	uint32_t base = nftnl_expr_get_u32(e, NFTNL_EXPR_PAYLOAD_BASE);
	uint32_t offset = nftnl_expr_get_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET);
	uint32_t octets = nftnl_expr_get_u32(e, NFTNL_EXPR_PAYLOAD_LEN);
	enum nft_field field = N_FIELDS;

	if (base == NFT_PAYLOAD_NETWORK_HEADER)
		field = field_of(WIRE_NETWORK, offset, false);
	else if (base == NFT_PAYLOAD_TRANSPORT_HEADER)
		field = transport_field(rd, offset, octets);
	if (base == NFT_PAYLOAD_TRANSPORT_HEADER && offset == 0 &&
	    read_joined(rd, octets))
		return;
	if (field != N_FIELDS && octets > nft_fields[field].octets)
		field = N_FIELDS;
	note_load(rd, field, octets);
}

static void read_meta(struct reader *rd, const struct nftnl_expr *e)
{
	enum nft_field field = field_of(
		WIRE_META, nftnl_expr_get_u32(e, NFTNL_EXPR_META_KEY), false);

	note_load(rd, field, field == N_FIELDS ? 0 : nft_fields[field].octets);
}

static void read_ct(struct reader *rd, const struct nftnl_expr *e)
{
	bool directed = nftnl_expr_is_set(e, NFTNL_EXPR_CT_DIR);
	enum nft_field field = field_of(
		WIRE_CT, nftnl_expr_get_u32(e, NFTNL_EXPR_CT_KEY), directed);

	if (directed && nftnl_expr_get_u8(e, NFTNL_EXPR_CT_DIR) != 0)
		field = N_FIELDS;
	note_load(rd, field, field == N_FIELDS ? 0 : nft_fields[field].octets);
}

static void read_fib(struct reader *rd, const struct nftnl_expr *e)
{
	enum nft_field field = field_of(
		WIRE_FIB, nftnl_expr_get_u32(e, NFTNL_EXPR_FIB_FLAGS), false);

	if (nftnl_expr_get_u32(e, NFTNL_EXPR_FIB_RESULT) !=
	    NFT_FIB_RESULT_ADDRTYPE)
		field = N_FIELDS;
	note_load(rd, field, field == N_FIELDS ? 0 : nft_fields[field].octets);
}

static void from_wire_order(enum nft_field field, const uint8_t *data,
			    uint32_t octets, uint8_t out[16])
{
	uint32_t number;

	memset(out, 0, 16);
	memcpy(out, data, octets < 16 ? octets : 16);
	if (nft_fields[field].host_order) {
		memcpy(&number, out, sizeof(number));
		number = htonl(number);
		memcpy(out, &number, sizeof(number));
	}
}

static void read_bitwise(struct reader *rd, const struct nftnl_expr *e)
{
	uint32_t octets = 0;

	rd->mask = nftnl_expr_get(e, NFTNL_EXPR_BITWISE_MASK, &octets);
	if (rd->n_loads != 1 || rd->used || !rd->mask ||
	    octets != nft_fields[rd->loads[0]].octets)
		rd->foreign = true;
}

/* The length of the prefix that the mask is; 0: it is none. */
static unsigned bits_of(const uint8_t *mask, unsigned octets)
{
	unsigned bits = 0;

	while (bits < octets * 8 && mask[bits / 8] & (0x80u >> bits % 8))
		bits++;
	for (unsigned i = bits; i < octets * 8; i++)
		if (mask[i / 8] & (0x80u >> i % 8))
			return 0;
	return bits;
}

static struct nft_match *add_match(struct reader *rd, enum nft_op op)
{
	struct nft_match *m;

	if (rd->draft.n_matches == DRAFT_MATCHES_MAX) {
		rd->foreign = true;
		rd->draft.n_matches = 0;
	}
	m = &rd->draft.matches[rd->draft.n_matches++];
	*m = (struct nft_match){.op = (uint8_t)op, .n_fields = 1};
	m->fields[0] = (uint8_t)rd->loads[0];
	return m;
}

static bool is_address(enum nft_field field)
{
	return field == FIELD_SADDR4 || field == FIELD_DADDR4 ||
	       field == FIELD_SADDR6 || field == FIELD_DADDR6;
}

static void read_masked(struct reader *rd, uint32_t op, const uint8_t *value)
{
	enum nft_field field = rd->loads[0];
	unsigned octets = nft_fields[field].octets;
	static const uint8_t zero[16];
	struct nft_match *m;

	if (is_address(field) && op == NFT_CMP_EQ &&
	    bits_of(rd->mask, octets) > 0) {
		m = add_match(rd, OP_PREFIX);
		m->bits = (uint8_t)bits_of(rd->mask, octets);
		memcpy(m->value, value, 16);
	} else if (field == FIELD_TCP_FLAGS && op == NFT_CMP_NEQ) {
		m = add_match(rd, OP_FLAGS_NE);
		m->value[0] = value[0];
		m->last[0] = rd->mask[0];
	} else if ((field == FIELD_CT_STATE || field == FIELD_CT_STATUS) &&
		   op == NFT_CMP_NEQ && memcmp(value, zero, octets) == 0) {
		m = add_match(rd, OP_ANY_BIT);
		from_wire_order(field, rd->mask, octets, m->value);
	} else {
		rd->foreign = true;
	}
	rd->mask = NULL;
}

static void read_upper_bound(struct reader *rd, const uint8_t *value)
{
	struct nft_match *m =
		rd->draft.n_matches
			? &rd->draft.matches[rd->draft.n_matches - 1]
			: NULL;

	if (m && m->op == OP_RANGE && m->fields[0] == rd->loads[0])
		memcpy(m->last, value, 16);
	else
		rd->foreign = true;
}

static void read_plain(struct reader *rd, uint32_t op, const uint8_t *value,
		       uint32_t octets)
{
	enum nft_field field = rd->loads[0];
	struct nft_match *m;

	if (octets < nft_fields[field].octets) {
		if (op != NFT_CMP_EQ ||
		    !(is_address(field) || field == FIELD_IIFNAME)) {
			rd->foreign = true;
			return;
		}
		m = add_match(rd, OP_PREFIX);
		m->bits = (uint8_t)(octets * 8);
	} else if (op == NFT_CMP_EQ || op == NFT_CMP_NEQ) {
		m = add_match(rd, op == NFT_CMP_EQ ? OP_EQ : OP_NE);
		if (field == FIELD_L4PROTO && op == NFT_CMP_EQ)
			rd->draft.protocol = value[0] + 1;
	} else if (op == NFT_CMP_GTE) {
		m = add_match(rd, OP_RANGE);
	} else if (op == NFT_CMP_LTE) {
		read_upper_bound(rd, value);
		return;
	} else {
		rd->foreign = true;
		return;
	}
	memcpy(m->value, value, 16);
}

static void read_both(struct reader *rd, uint32_t op, const uint8_t *data)
{
	unsigned octets = nft_fields[rd->second].octets;

	if (op != NFT_CMP_EQ || rd->mask) {
		rd->foreign = true;
		return;
	}
	memcpy(add_match(rd, OP_EQ)->value, data, octets);
	rd->loads[0] = rd->second;
	memcpy(add_match(rd, OP_EQ)->value, data + octets, octets);
}

static void read_cmp(struct reader *rd, const struct nftnl_expr *e)
{
	uint32_t op = nftnl_expr_get_u32(e, NFTNL_EXPR_CMP_OP), octets = 0;
	const uint8_t *data = nftnl_expr_get(e, NFTNL_EXPR_CMP_DATA, &octets);
	uint8_t value[16] = {0};

	rd->used = true;
	/* Of a name, its beginning may be compared. */
	if (rd->n_loads != 1 || !data || octets == 0 || octets > rd->octets ||
	    (octets < rd->octets && (rd->loads[0] != FIELD_IIFNAME ||
				     rd->mask || rd->second != N_FIELDS))) {
		rd->foreign = true;
		return;
	}
	if (rd->second != N_FIELDS) {
		read_both(rd, op, data);
		return;
	}
	from_wire_order(rd->loads[0], data, octets, value);
	if (rd->mask)
		read_masked(rd, op, value);
	else
		read_plain(rd, op, value, octets);
}

static void read_range(struct reader *rd, const struct nftnl_expr *e)
{
	uint32_t octets = 0;
	const void *from =
		nftnl_expr_get(e, NFTNL_EXPR_RANGE_FROM_DATA, &octets);
	const void *to = nftnl_expr_get(e, NFTNL_EXPR_RANGE_TO_DATA, &octets);
	struct nft_match *m;

	rd->used = true;
	if (rd->n_loads != 1 || !from || !to || rd->mask ||
	    octets != rd->octets ||
	    nftnl_expr_get_u32(e, NFTNL_EXPR_RANGE_OP) != NFT_RANGE_EQ) {
		rd->foreign = true;
		return;
	}
	m = add_match(rd, OP_RANGE);
	from_wire_order(rd->loads[0], from, octets, m->value);
	from_wire_order(rd->loads[0], to, octets, m->last);
}

static void read_lookup(struct reader *rd, const struct nftnl_expr *e)
{
	bool map = nftnl_expr_is_set(e, NFTNL_EXPR_LOOKUP_DREG);
	struct nft_match *m;

	rd->used = true;
	if (rd->n_loads == 0 || rd->mask ||
	    (nftnl_expr_is_set(e, NFTNL_EXPR_LOOKUP_FLAGS) &&
	     nftnl_expr_get_u32(e, NFTNL_EXPR_LOOKUP_FLAGS) != 0)) {
		rd->foreign = true;
		return;
	}
	m = add_match(rd, map ? OP_VMAP : OP_LOOKUP);
	m->n_fields = (uint8_t)rd->n_loads;
	for (unsigned i = 0; i < rd->n_loads; i++)
		m->fields[i] = (uint8_t)rd->loads[i];
	m->set = arena_strdup(&rd->rules->arena,
			      nftnl_expr_get_str(e, NFTNL_EXPR_LOOKUP_SET));
}

static void read_immediate(struct reader *rd, const struct nftnl_expr *e)
{
	const char *chain =
		nftnl_expr_is_set(e, NFTNL_EXPR_IMM_CHAIN)
			? nftnl_expr_get_str(e, NFTNL_EXPR_IMM_CHAIN)
			: NULL;

	if (!nftnl_expr_is_set(e, NFTNL_EXPR_IMM_VERDICT) ||
	    !unwire_verdict(rd->rules,
			    nftnl_expr_get_u32(e, NFTNL_EXPR_IMM_VERDICT),
			    chain, &rd->rule.verdict))
		rd->foreign = true;
}

static struct nft_log *log_of(struct reader *rd)
{
	if (!rd->log) {
		rd->log = ARENA_NEW(&rd->rules->arena, struct nft_log);
		rd->log->prefix = "";
		rd->log->group = -1;
	}
	return rd->log;
}

static void read_limit(struct reader *rd, const struct nftnl_expr *e)
{
	struct nft_log *log = log_of(rd);

	log->rate_per_second =
		(uint32_t)nftnl_expr_get_u64(e, NFTNL_EXPR_LIMIT_RATE);
	log->burst = nftnl_expr_get_u32(e, NFTNL_EXPR_LIMIT_BURST);
	if (nftnl_expr_get_u64(e, NFTNL_EXPR_LIMIT_UNIT) != 1 ||
	    nftnl_expr_get_u32(e, NFTNL_EXPR_LIMIT_TYPE) != NFT_LIMIT_PKTS ||
	    nftnl_expr_get_u32(e, NFTNL_EXPR_LIMIT_FLAGS) != 0)
		rd->foreign = true;
}

static void read_log(struct reader *rd, const struct nftnl_expr *e)
{
	struct nft_log *log = log_of(rd);

	rd->rule.log = log;
	if (nftnl_expr_is_set(e, NFTNL_EXPR_LOG_PREFIX))
		log->prefix = arena_strdup(
			&rd->rules->arena,
			nftnl_expr_get_str(e, NFTNL_EXPR_LOG_PREFIX));
	if (nftnl_expr_is_set(e, NFTNL_EXPR_LOG_GROUP))
		log->group = nftnl_expr_get_u16(e, NFTNL_EXPR_LOG_GROUP);
}

static void read_counter(struct reader *rd, const struct nftnl_expr *e)
{
	rd->rule.counter = true;
	rd->rule.live.packets = nftnl_expr_get_u64(e, NFTNL_EXPR_CTR_PACKETS);
	rd->rule.live.octets = nftnl_expr_get_u64(e, NFTNL_EXPR_CTR_BYTES);
}

/* nft turns the order of octets of a protocol in a key: one octet, so
 * nothing happens. */
static void read_byteorder(struct reader *rd, const struct nftnl_expr *e)
{
	if (nftnl_expr_get_u32(e, NFTNL_EXPR_BYTEORDER_LEN) != 1)
		rd->foreign = true;
}

static void read_timeout(struct reader *rd, const struct nftnl_expr *e)
{
	if (nftnl_expr_get_u32(e, NFTNL_EXPR_OBJREF_IMM_TYPE) !=
	    NFT_OBJECT_CT_TIMEOUT)
		rd->foreign = true;
	else
		rd->rule.timeout = arena_strdup(
			&rd->rules->arena,
			nftnl_expr_get_str(e, NFTNL_EXPR_OBJREF_IMM_NAME));
}

static int read_expr(struct nftnl_expr *e, void *arg)
{
	static const struct {
		const char *name;
		void (*read)(struct reader *rd, const struct nftnl_expr *e);
	} readers[] = {
		{"payload", read_payload},
		{"meta", read_meta},
		{"ct", read_ct},
		{"fib", read_fib},
		{"bitwise", read_bitwise},
		{"cmp", read_cmp},
		{"range", read_range},
		{"lookup", read_lookup},
		{"immediate", read_immediate},
		{"limit", read_limit},
		{"log", read_log},
		{"counter", read_counter},
		{"objref", read_timeout},
		{"byteorder", read_byteorder},
	};
	const char *name = nftnl_expr_get_str(e, NFTNL_EXPR_NAME);
	struct reader *rd = arg;

	for (size_t i = 0; i < ARRAY_SIZE(readers); i++) {
		if (strcmp(readers[i].name, name) != 0)
			continue;
		readers[i].read(rd, e);
		return 0;
	}
	rd->foreign = true;
	return 0;
}

void unwire_rule(struct ruleset *rules, const struct nftnl_rule *rule)
{
	struct nft_chain *chain = ruleset_chain(
		rules, nftnl_rule_get_str(rule, NFTNL_RULE_CHAIN));
	struct reader rd = {.rules = rules, .second = N_FIELDS};
	struct nft_match *matches;
	uint32_t octets = 0;
	const void *data =
		nftnl_rule_get_data(rule, NFTNL_RULE_USERDATA, &octets);

	if (!chain)
		return;
	nftnl_expr_foreach((struct nftnl_rule *)(uintptr_t)rule, read_expr,
			   &rd);
	matches = ARENA_ARRAY(&rules->arena, rd.draft.n_matches,
			      struct nft_match);
	memcpy(matches, rd.draft.matches,
	       rd.draft.n_matches * sizeof(*matches));
	rd.rule.matches = matches;
	rd.rule.n_matches = rd.draft.n_matches;
	rd.rule.comment =
		unwire_comment(rules, NFTNL_UDATA_RULE_COMMENT, data, octets);
	rd.rule.live.handle = nftnl_rule_get_u64(rule, NFTNL_RULE_HANDLE);
	rd.rule.live.foreign = rd.foreign || (rd.log && !rd.rule.log);
	*chain_add_rule(chain) = rd.rule;
}

/* Is its set one that we could make again? */
static bool has_known_sets(const struct ruleset *rules,
			   const struct nft_rule *rule)
{
	for (unsigned i = 0; i < rule->n_matches; i++) {
		const char *name = rule->matches[i].set;
		const struct nft_set *set = name ? ruleset_set(rules, name)
						 : NULL;

		if (name && (!set || set->foreign))
			return false;
	}
	return true;
}

void unwire_lookups(struct ruleset *rules)
{
	for (unsigned i = 0; i < rules->n_chains; i++) {
		struct nft_chain *chain = rules->chains[i];

		for (unsigned k = 0; k < chain->n_rules; k++)
			if (!has_known_sets(rules, &chain->rules[k]))
				chain->rules[k].live.foreign = true;
	}
}
