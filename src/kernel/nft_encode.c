/*
 * nft_encode.c - rules and sets -> the kernel's expressions.
 *
 * Floor: kernel.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>

#include <libnftnl/expr.h>
#include <libnftnl/udata.h>

#include "base/clock.h"
#include "base/fail.h"
#include "nft_wire.h"

/* clang-format off */
const struct wire_field wire_fields[N_FIELDS] = {
	[FIELD_IIFNAME] = {WIRE_META, NFT_META_IIFNAME, false},
	[FIELD_OIFNAME] = {WIRE_META, NFT_META_OIFNAME, false},
	[FIELD_NFPROTO] = {WIRE_META, NFT_META_NFPROTO, false},
	[FIELD_L4PROTO] = {WIRE_META, NFT_META_L4PROTO, false},
	[FIELD_SKUID] = {WIRE_META, NFT_META_SKUID, false},
	[FIELD_SADDR4] = {WIRE_NETWORK, 12, false},
	[FIELD_DADDR4] = {WIRE_NETWORK, 16, false},
	[FIELD_SADDR6] = {WIRE_NETWORK, 8, false},
	[FIELD_DADDR6] = {WIRE_NETWORK, 24, false},
	[FIELD_SPORT] = {WIRE_TRANSPORT, 0, false},
	[FIELD_DPORT] = {WIRE_TRANSPORT, 2, false},
	[FIELD_ICMP_TYPE] = {WIRE_TRANSPORT, 0, false},
	[FIELD_ICMP_CODE] = {WIRE_TRANSPORT, 1, false},
	[FIELD_ICMPV6_TYPE] = {WIRE_TRANSPORT, 0, false},
	[FIELD_ICMPV6_CODE] = {WIRE_TRANSPORT, 1, false},
	[FIELD_TCP_FLAGS] = {WIRE_TRANSPORT, 13, false},
	[FIELD_CT_STATE] = {WIRE_CT, NFT_CT_STATE, false},
	[FIELD_CT_STATUS] = {WIRE_CT, NFT_CT_STATUS, false},
	[FIELD_CT_DADDR4] = {WIRE_CT, NFT_CT_DST_IP, true},
	[FIELD_CT_DADDR6] = {WIRE_CT, NFT_CT_DST_IP6, true},
	[FIELD_CT_DPORT] = {WIRE_CT, NFT_CT_PROTO_DST, true},
	[FIELD_FIB_DADDR] = {WIRE_FIB, NFTA_FIB_F_DADDR, false},
};
/* clang-format on */

static struct nftnl_expr *add_expr(struct nftnl_rule *r, const char *name)
{
	struct nftnl_expr *e = nft_need(nftnl_expr_alloc(name));

	nftnl_rule_add_expr(r, e);
	return e;
}

/* -- matches --------------------------------------------------------------- */

static void load_field(struct nftnl_rule *r, enum nft_field field, uint32_t reg,
		       uint32_t octets)
{
	const struct wire_field *w = &wire_fields[field];
	struct nftnl_expr *e;

	switch (w->source) {
	case WIRE_META:
		e = add_expr(r, "meta");
		nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, w->key);
		nftnl_expr_set_u32(e, NFTNL_EXPR_META_DREG, reg);
		return;
	case WIRE_CT:
		e = add_expr(r, "ct");
		nftnl_expr_set_u32(e, NFTNL_EXPR_CT_KEY, w->key);
		nftnl_expr_set_u32(e, NFTNL_EXPR_CT_DREG, reg);
		if (w->original)
			nftnl_expr_set_u8(e, NFTNL_EXPR_CT_DIR, 0);
		return;
	case WIRE_FIB:
		e = add_expr(r, "fib");
		nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_RESULT,
				   NFT_FIB_RESULT_ADDRTYPE);
		nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_FLAGS, w->key);
		nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_DREG, reg);
		return;
	case WIRE_NETWORK:
	case WIRE_TRANSPORT:
		e = add_expr(r, "payload");
		nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_BASE,
				   w->source == WIRE_NETWORK
					   ? NFT_PAYLOAD_NETWORK_HEADER
					   : NFT_PAYLOAD_TRANSPORT_HEADER);
		nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET, w->key);
		nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_LEN, octets);
		nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_DREG, reg);
		return;
	}
	BUG("source %d", (int)w->source);
}

/* Numbers of the machine's order are kept in network order by us. */
static const uint8_t *in_wire_order(enum nft_field field, const uint8_t *value,
				    uint8_t out[16])
{
	uint32_t number;

	memcpy(out, value, 16);
	if (nft_fields[field].host_order) {
		memcpy(&number, value, sizeof(number));
		number = ntohl(number);
		memcpy(out, &number, sizeof(number));
	}
	return out;
}

static void encode_compare(struct nftnl_rule *r, uint32_t op,
			   enum nft_field field, const uint8_t *value,
			   uint32_t octets)
{
	struct nftnl_expr *e = add_expr(r, "cmp");
	uint8_t wire[16];

	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_OP, op);
	nft_must(nftnl_expr_set(e, NFTNL_EXPR_CMP_DATA,
				in_wire_order(field, value, wire), octets));
}

static void encode_mask(struct nftnl_rule *r, enum nft_field field,
			const uint8_t *bits, uint32_t octets)
{
	struct nftnl_expr *e = add_expr(r, "bitwise");
	static const uint8_t zero[16];
	uint8_t wire[16];

	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_OP, NFT_BITWISE_BOOL);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_LEN, octets);
	nft_must(nftnl_expr_set(e, NFTNL_EXPR_BITWISE_MASK,
				in_wire_order(field, bits, wire), octets));
	nft_must(nftnl_expr_set(e, NFTNL_EXPR_BITWISE_XOR, zero, octets));
}

/* Whole octets of an address are loaded alone; other lengths are masked. */
static void put_prefix(struct nftnl_rule *r, const struct nft_match *m)
{
	enum nft_field field = m->fields[0];
	uint32_t octets = nft_fields[field].octets;
	uint8_t bits[16] = {0};

	if (m->bits % 8 == 0) {
		load_field(r, field, NFT_REG_1, m->bits / 8u);
		encode_compare(r, NFT_CMP_EQ, field, m->value, m->bits / 8u);
		return;
	}
	for (unsigned i = 0; i < m->bits; i++)
		bits[i / 8] |= (uint8_t)(0x80 >> i % 8);
	load_field(r, field, NFT_REG_1, octets);
	encode_mask(r, field, bits, octets);
	encode_compare(r, NFT_CMP_EQ, field, m->value, octets);
}

static void put_lookup(struct nftnl_rule *r, const struct nft_match *m)
{
	struct nftnl_expr *e;
	uint32_t at = 0;

	for (unsigned i = 0; i < m->n_fields; i++) {
		uint32_t octets = nft_fields[m->fields[i]].octets;

		/* Registers of 16 octets, or by fours where none begins. */
		load_field(r, m->fields[i],
			   at % 16 ? NFT_REG32_00 + at / 4
				   : NFT_REG_1 + at / 16,
			   octets);
		at += (octets + 3) & ~3u;
	}
	e = add_expr(r, "lookup");
	nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
	nft_must(nftnl_expr_set_str(e, NFTNL_EXPR_LOOKUP_SET, m->set));
	if (m->op == OP_VMAP)
		nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_DREG, NFT_REG_VERDICT);
}

static void put_match(struct nftnl_rule *r, const struct nft_match *m)
{
	static const uint8_t zero[16];
	enum nft_field field = m->fields[0];
	uint32_t octets = nft_fields[field].octets;

	switch ((enum nft_op)m->op) {
	case OP_LOOKUP:
	case OP_VMAP:
		put_lookup(r, m);
		return;
	case OP_PREFIX:
		put_prefix(r, m);
		return;
	case OP_EQ:
	case OP_NE:
		load_field(r, field, NFT_REG_1, octets);
		encode_compare(r, m->op == OP_EQ ? NFT_CMP_EQ : NFT_CMP_NEQ,
			       field, m->value, octets);
		return;
	case OP_RANGE:
		load_field(r, field, NFT_REG_1, octets);
		encode_compare(r, NFT_CMP_GTE, field, m->value, octets);
		encode_compare(r, NFT_CMP_LTE, field, m->last, octets);
		return;
	case OP_ANY_BIT:
		load_field(r, field, NFT_REG_1, octets);
		encode_mask(r, field, m->value, octets);
		encode_compare(r, NFT_CMP_NEQ, field, zero, octets);
		return;
	case OP_FLAGS_NE:
		load_field(r, field, NFT_REG_1, octets);
		encode_mask(r, field, m->last, octets);
		encode_compare(r, NFT_CMP_NEQ, field, m->value, octets);
		return;
	}
	BUG("operation %d", (int)m->op);
}

/* -- statements ------------------------------------------------------------ */

static void put_log(struct nftnl_rule *r, const struct nft_log *log)
{
	struct nftnl_expr *e = add_expr(r, "limit");

	nftnl_expr_set_u64(e, NFTNL_EXPR_LIMIT_RATE, log->rate_per_second);
	nftnl_expr_set_u64(e, NFTNL_EXPR_LIMIT_UNIT, 1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_LIMIT_BURST, log->burst);
	nftnl_expr_set_u32(e, NFTNL_EXPR_LIMIT_TYPE, NFT_LIMIT_PKTS);
	nftnl_expr_set_u32(e, NFTNL_EXPR_LIMIT_FLAGS, 0);
	e = add_expr(r, "log");
	nft_must(nftnl_expr_set_str(e, NFTNL_EXPR_LOG_PREFIX, log->prefix));
	if (log->group >= 0)
		nftnl_expr_set_u16(e, NFTNL_EXPR_LOG_GROUP,
				   (uint16_t)log->group);
}

static uint32_t verdict_number(enum nft_verdict_kind kind)
{
	switch (kind) {
	case VERDICT_ACCEPT:
		return NF_ACCEPT;
	case VERDICT_DROP:
		return NF_DROP;
	case VERDICT_RETURN:
		return (uint32_t)NFT_RETURN;
	case VERDICT_JUMP:
		return (uint32_t)NFT_JUMP;
	case VERDICT_GOTO:
		return (uint32_t)NFT_GOTO;
	case VERDICT_NONE:
		break;
	}
	BUG("verdict %d has no number", (int)kind);
}

static void put_verdict(struct nftnl_rule *r, const struct nft_verdict *v)
{
	struct nftnl_expr *e = add_expr(r, "immediate");

	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_VERDICT, verdict_number(v->kind));
	if (v->chain)
		nft_must(nftnl_expr_set_str(e, NFTNL_EXPR_IMM_CHAIN, v->chain));
}

static struct nftnl_udata_buf *comment_data(uint8_t type, const char *comment)
{
	struct nftnl_udata_buf *b =
		nft_need(nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN));

	nftnl_udata_put_strz(b, type, comment);
	return b;
}

struct nftnl_rule *wire_rule(const char *table, const struct nft_chain *chain,
			     const struct nft_rule *rule)
{
	struct nftnl_rule *r = nft_need(nftnl_rule_alloc());

	nftnl_rule_set_u32(r, NFTNL_RULE_FAMILY, NFPROTO_INET);
	nft_must(nftnl_rule_set_str(r, NFTNL_RULE_TABLE, table));
	nft_must(nftnl_rule_set_str(r, NFTNL_RULE_CHAIN, chain->name));
	for (unsigned i = 0; i < rule->n_matches; i++)
		put_match(r, &rule->matches[i]);
	if (rule->timeout) {
		struct nftnl_expr *e = add_expr(r, "objref");

		nftnl_expr_set_u32(e, NFTNL_EXPR_OBJREF_IMM_TYPE,
				   NFT_OBJECT_CT_TIMEOUT);
		nft_must(nftnl_expr_set_str(e, NFTNL_EXPR_OBJREF_IMM_NAME,
					    rule->timeout));
	}
	if (rule->log)
		put_log(r, rule->log);
	if (rule->counter)
		add_expr(r, "counter");
	if (rule->verdict.kind != VERDICT_NONE)
		put_verdict(r, &rule->verdict);
	if (rule->comment) {
		struct nftnl_udata_buf *b =
			comment_data(NFTNL_UDATA_RULE_COMMENT, rule->comment);

		nft_must(nftnl_rule_set_data(r, NFTNL_RULE_USERDATA,
					     nftnl_udata_buf_data(b),
					     nftnl_udata_buf_len(b)));
		nftnl_udata_buf_free(b);
	}
	return r;
}

/* -- chains and sets ------------------------------------------------------- */

static uint32_t hook_number(enum nft_hook hook)
{
	switch (hook) {
	case HOOK_INPUT:
		return NF_INET_LOCAL_IN;
	case HOOK_FORWARD:
		return NF_INET_FORWARD;
	case HOOK_OUTPUT:
		return NF_INET_LOCAL_OUT;
	case HOOK_PREROUTING:
		return NF_INET_PRE_ROUTING;
	case HOOK_NONE:
		break;
	}
	BUG("hook %d has no number", (int)hook);
}

struct nftnl_chain *wire_chain(const char *table, const struct nft_chain *chain)
{
	struct nftnl_chain *c = nft_need(nftnl_chain_alloc());

	nftnl_chain_set_u32(c, NFTNL_CHAIN_FAMILY, NFPROTO_INET);
	nft_must(nftnl_chain_set_str(c, NFTNL_CHAIN_TABLE, table));
	nft_must(nftnl_chain_set_str(c, NFTNL_CHAIN_NAME, chain->name));
	if (chain->hook != HOOK_NONE) {
		nftnl_chain_set_u32(c, NFTNL_CHAIN_HOOKNUM,
				    hook_number(chain->hook));
		nftnl_chain_set_s32(c, NFTNL_CHAIN_PRIO, chain->priority);
		nft_must(nftnl_chain_set_str(c, NFTNL_CHAIN_TYPE, "filter"));
		nftnl_chain_set_u32(c, NFTNL_CHAIN_POLICY, NF_ACCEPT);
	}
	if (chain->comment) {
		struct nftnl_udata_buf *b =
			comment_data(NFTNL_UDATA_CHAIN_COMMENT, chain->comment);

		nft_must(nftnl_chain_set_data(c, NFTNL_CHAIN_USERDATA,
					      nftnl_udata_buf_data(b),
					      nftnl_udata_buf_len(b)));
		nftnl_udata_buf_free(b);
	}
	return c;
}

/* The kernel takes all times or none. These are its own, and nft's. */
static const uint32_t tcp_times[NFTNL_CTTIMEOUT_ARRAY_MAX] = {
	[NFTNL_CTTIMEOUT_TCP_SYN_SENT] = 120,
	[NFTNL_CTTIMEOUT_TCP_SYN_RECV] = 60,
	[NFTNL_CTTIMEOUT_TCP_ESTABLISHED] = 432000,
	[NFTNL_CTTIMEOUT_TCP_FIN_WAIT] = 120,
	[NFTNL_CTTIMEOUT_TCP_CLOSE_WAIT] = 60,
	[NFTNL_CTTIMEOUT_TCP_LAST_ACK] = 30,
	[NFTNL_CTTIMEOUT_TCP_TIME_WAIT] = 120,
	[NFTNL_CTTIMEOUT_TCP_CLOSE] = 10,
	[NFTNL_CTTIMEOUT_TCP_SYN_SENT2] = 120,
	[NFTNL_CTTIMEOUT_TCP_RETRANS] = 300,
	[NFTNL_CTTIMEOUT_TCP_UNACK] = 300,
};

static const uint32_t udp_times[NFTNL_CTTIMEOUT_ARRAY_MAX] = {
	[NFTNL_CTTIMEOUT_UDP_UNREPLIED] = 30,
	[NFTNL_CTTIMEOUT_UDP_REPLIED] = 120,
};

static void put_time(uint32_t *to, uint32_t seconds)
{
	if (seconds)
		*to = seconds;
}

struct nftnl_obj *wire_timeout(const char *table,
			       const struct nft_timeout *timeout)
{
	struct nftnl_obj *o = nft_need(nftnl_obj_alloc());
	bool tcp = timeout->protocol == IPPROTO_TCP;
	uint32_t times[NFTNL_CTTIMEOUT_ARRAY_MAX];

	memcpy(times, tcp ? tcp_times : udp_times, sizeof(times));
	if (tcp) {
		put_time(&times[NFTNL_CTTIMEOUT_TCP_ESTABLISHED],
			 timeout->established_s);
	} else {
		put_time(&times[NFTNL_CTTIMEOUT_UDP_UNREPLIED],
			 timeout->unreplied_s);
		put_time(&times[NFTNL_CTTIMEOUT_UDP_REPLIED],
			 timeout->replied_s);
	}
	nftnl_obj_set_u32(o, NFTNL_OBJ_FAMILY, NFPROTO_INET);
	nftnl_obj_set_str(o, NFTNL_OBJ_TABLE, table);
	nftnl_obj_set_str(o, NFTNL_OBJ_NAME, timeout->name);
	nftnl_obj_set_u32(o, NFTNL_OBJ_TYPE, NFT_OBJECT_CT_TIMEOUT);
	nftnl_obj_set_u16(o, NFTNL_OBJ_CT_TIMEOUT_L3PROTO, NFPROTO_INET);
	nftnl_obj_set_u8(o, NFTNL_OBJ_CT_TIMEOUT_L4PROTO, timeout->protocol);
	nftnl_obj_set_data(o, NFTNL_OBJ_CT_TIMEOUT_ARRAY, times, sizeof(times));
	return o;
}

/* What nft's listing needs to print keys in the right order of octets. */
static void put_set_data(struct nftnl_set *s, const struct nft_set *set)
{
	enum { HOST_ENDIAN = 1, BIG_ENDIAN_KEY = 2 };
	struct nftnl_udata_buf *b =
		nft_need(nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN));
	uint32_t order = set->n_types > 1               ? 0
			 : set->types[0] == TYPE_IFNAME ? HOST_ENDIAN
							: BIG_ENDIAN_KEY;

	nftnl_udata_put_u32(b, NFTNL_UDATA_SET_KEYBYTEORDER, order);
	if (set->map)
		nftnl_udata_put_u32(b, NFTNL_UDATA_SET_DATABYTEORDER, 0);
	if (set->comment)
		nftnl_udata_put_strz(b, NFTNL_UDATA_SET_COMMENT, set->comment);
	nft_must(nftnl_set_set_data(s, NFTNL_SET_USERDATA,
				    nftnl_udata_buf_data(b),
				    nftnl_udata_buf_len(b)));
	nftnl_udata_buf_free(b);
}

struct nftnl_set *wire_set(const char *table, const struct nft_set *set,
			   uint32_t id)
{
	struct nftnl_set *s = nft_need(nftnl_set_alloc());
	uint8_t lengths[KEY_FIELDS_MAX] = {0};
	uint32_t flags = 0, type = 0;

	for (unsigned i = 0; i < set->n_types; i++) {
		type = type << 6 | nft_types[set->types[i]].number;
		lengths[i] = nft_types[set->types[i]].octets;
	}
	flags |= set->interval ? NFT_SET_INTERVAL : 0;
	flags |= set->map ? NFT_SET_MAP : 0;
	flags |= set->timeout ? NFT_SET_TIMEOUT : 0;
	flags |= set->interval && set->n_types > 1 ? NFT_SET_CONCAT : 0;

	nftnl_set_set_u32(s, NFTNL_SET_FAMILY, NFPROTO_INET);
	nft_must(nftnl_set_set_str(s, NFTNL_SET_TABLE, table));
	nft_must(nftnl_set_set_str(s, NFTNL_SET_NAME, set->name));
	nftnl_set_set_u32(s, NFTNL_SET_ID, id);
	nftnl_set_set_u32(s, NFTNL_SET_FLAGS, flags);
	nftnl_set_set_u32(s, NFTNL_SET_KEY_TYPE, type);
	/* A single key has its own length, a concatenation is padded. */
	nftnl_set_set_u32(s, NFTNL_SET_KEY_LEN,
			  set->n_types > 1 ? set_key_octets(set) : lengths[0]);
	if (set->map)
		nftnl_set_set_u32(s, NFTNL_SET_DATA_TYPE, NFT_DATA_VERDICT);
	if (set->interval && set->n_types > 1)
		nft_must(nftnl_set_set_data(s, NFTNL_SET_DESC_CONCAT, lengths,
					    set->n_types));
	if (set->counter)
		nftnl_set_add_expr(s, nft_need(nftnl_expr_alloc("counter")));
	put_set_data(s, set);
	return s;
}

/* -- elements -------------------------------------------------------------- */

static uint32_t key_length(const struct nft_set *set)
{
	return set->n_types > 1 ? set_key_octets(set)
				: nft_types[set->types[0]].octets;
}

/* The key behind the range; false behind the last one of all. */
static bool next_key(const uint8_t *last, unsigned octets, uint8_t *out)
{
	memcpy(out, last, octets);
	for (unsigned i = octets; i > 0; i--)
		if (++out[i - 1] != 0)
			return true;
	return false;
}

static struct nftnl_set_elem *add_key(struct nftnl_set *to, const uint8_t *key,
				      uint32_t octets, uint32_t flags)
{
	struct nftnl_set_elem *e = nft_need(nftnl_set_elem_alloc());

	nft_must(nftnl_set_elem_set(e, NFTNL_SET_ELEM_KEY, key, octets));
	if (flags)
		nftnl_set_elem_set_u32(e, NFTNL_SET_ELEM_FLAGS, flags);
	nftnl_set_elem_add(to, e);
	return e;
}

/* Without a timeout an element would stay. */
static uint64_t left_ms(uint64_t ends_ms)
{
	uint64_t now = clock_now_ms();

	return ends_ms > now ? ends_ms - now : 1;
}

static void put_data(struct nftnl_set_elem *to, const struct nft_set *set,
		     const struct nft_element *e)
{
	if (set->map) {
		nftnl_set_elem_set_u32(to, NFTNL_SET_ELEM_VERDICT,
				       verdict_number(e->verdict.kind));
		if (e->verdict.chain)
			nft_must(nftnl_set_elem_set_str(
				to, NFTNL_SET_ELEM_CHAIN, e->verdict.chain));
	}
	if (e->ends_ms)
		nftnl_set_elem_set_u64(to, NFTNL_SET_ELEM_TIMEOUT,
				       left_ms(e->ends_ms));
	if (e->comment) {
		struct nftnl_udata_buf *b =
			comment_data(NFTNL_UDATA_SET_ELEM_COMMENT, e->comment);

		nft_must(nftnl_set_elem_set(to, NFTNL_SET_ELEM_USERDATA,
					    nftnl_udata_buf_data(b),
					    nftnl_udata_buf_len(b)));
		nftnl_udata_buf_free(b);
	}
}

unsigned wire_element(struct nftnl_set *to, const struct nft_set *set,
		      const struct nft_element *e, bool with_data)
{
	uint32_t octets = key_length(set);
	struct nftnl_set_elem *elem = add_key(to, e->first, octets, 0);
	uint8_t end[KEY_OCTETS_MAX];

	if (with_data)
		put_data(elem, set, e);
	if (!set->interval)
		return 1;
	if (set->n_types > 1) {
		nft_must(nftnl_set_elem_set(elem, NFTNL_SET_ELEM_KEY_END,
					    e->last, octets));
		return 1;
	}
	if (!next_key(e->last, octets, end))
		return 1;
	add_key(to, end, octets, NFT_SET_ELEM_INTERVAL_END);
	return 2;
}
