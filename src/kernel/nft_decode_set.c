/*
 * nft_decode_set.c - the kernel's chains, sets and elements -> ours.
 *
 * Floor: kernel.
 */
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <stdlib.h>

#include <libnftnl/expr.h>
#include <libnftnl/udata.h>

#include "base/clock.h"
#include "base/fail.h"
#include "nft_wire.h"

struct wanted {
	uint8_t type;
	struct slice found;
};

static int find_comment(const struct nftnl_udata *attr, void *arg)
{
	struct wanted *w = arg;

	if (nftnl_udata_type(attr) == w->type)
		w->found = slice_make(nftnl_udata_get(attr),
				      nftnl_udata_len(attr));
	return 0;
}

const char *unwire_comment(struct ruleset *rules, uint8_t type,
			   const void *data, uint32_t octets)
{
	struct wanted w = {.type = type};

	if (!data || nftnl_udata_parse(data, octets, find_comment, &w) < 0 ||
	    w.found.n == 0)
		return NULL;
	if (w.found.p[w.found.n - 1] == '\0')
		w.found.n--;
	return arena_slice(&rules->arena, w.found).p;
}

bool unwire_verdict(struct ruleset *rules, uint32_t number, const char *chain,
		    struct nft_verdict *out)
{
	switch ((int)number) {
	case NF_ACCEPT:
		out->kind = VERDICT_ACCEPT;
		return true;
	case NF_DROP:
		out->kind = VERDICT_DROP;
		return true;
	case NFT_RETURN:
		out->kind = VERDICT_RETURN;
		return true;
	case NFT_JUMP:
	case NFT_GOTO:
		if (!chain)
			return false;
		out->kind = (int)number == NFT_JUMP ? VERDICT_JUMP
						    : VERDICT_GOTO;
		out->chain = arena_strdup(&rules->arena, chain);
		return true;
	default:
		return false;
	}
}

void unwire_chain(struct ruleset *rules, const struct nftnl_chain *from)
{
	const char *name = nftnl_chain_get_str(from, NFTNL_CHAIN_NAME);
	struct nft_chain *chain;
	uint32_t octets = 0;
	const void *data =
		nftnl_chain_get_data(from, NFTNL_CHAIN_USERDATA, &octets);

	if (ruleset_chain(rules, name))
		return;
	chain = ruleset_add_chain(rules, name);
	chain->comment =
		unwire_comment(rules, NFTNL_UDATA_CHAIN_COMMENT, data, octets);
	if (!nftnl_chain_is_set(from, NFTNL_CHAIN_HOOKNUM))
		return;
	chain->priority = nftnl_chain_get_s32(from, NFTNL_CHAIN_PRIO);
	switch (nftnl_chain_get_u32(from, NFTNL_CHAIN_HOOKNUM)) {
	case NF_INET_LOCAL_IN:
		chain->hook = HOOK_INPUT;
		break;
	case NF_INET_FORWARD:
		chain->hook = HOOK_FORWARD;
		break;
	case NF_INET_LOCAL_OUT:
		chain->hook = HOOK_OUTPUT;
		break;
	case NF_INET_PRE_ROUTING:
		chain->hook = HOOK_PREROUTING;
		break;
	default:
		chain->foreign = true;
	}
	if (strcmp(nftnl_chain_get_str(from, NFTNL_CHAIN_TYPE), "filter") ||
	    nftnl_chain_get_u32(from, NFTNL_CHAIN_POLICY) != NF_ACCEPT)
		chain->foreign = true;
}

/* False when one of the types is none of ours. */
static bool read_types(uint32_t number, uint8_t *types, unsigned *n)
{
	uint8_t reversed[KEY_FIELDS_MAX];

	for (*n = 0; number; number >>= 6, (*n)++) {
		enum nft_type t = 0;

		while (t < N_TYPES && nft_types[t].number != (number & 0x3f))
			t++;
		if (t == N_TYPES || *n == KEY_FIELDS_MAX)
			return false;
		reversed[*n] = (uint8_t)t;
	}
	for (unsigned i = 0; i < *n; i++)
		types[i] = reversed[*n - 1 - i];
	return *n > 0;
}

static bool has_counter(const struct nftnl_set *from, bool *foreign)
{
	const struct nftnl_expr *e;

	if (nftnl_set_is_set(from, NFTNL_SET_EXPRESSIONS))
		*foreign = true;
	if (!nftnl_set_is_set(from, NFTNL_SET_EXPR))
		return false;
	e = nftnl_set_get(from, NFTNL_SET_EXPR);
	if (strcmp(nftnl_expr_get_str(e, NFTNL_EXPR_NAME), "counter") != 0)
		*foreign = true;
	return true;
}

void unwire_set(struct ruleset *rules, const struct nftnl_set *from)
{
	const char *name = nftnl_set_get_str(from, NFTNL_SET_NAME);
	uint32_t flags = nftnl_set_get_u32(from, NFTNL_SET_FLAGS), octets = 0;
	const void *data =
		nftnl_set_get_data(from, NFTNL_SET_USERDATA, &octets);
	uint8_t types[KEY_FIELDS_MAX] = {0};
	unsigned n_types = 0;
	bool known = read_types(nftnl_set_get_u32(from, NFTNL_SET_KEY_TYPE),
				types, &n_types);
	struct nft_set *set;

	/* A set without a name comes and goes with its rule. */
	if ((flags & NFT_SET_ANONYMOUS) || ruleset_set(rules, name))
		return;
	set = ruleset_add_set(rules, name, types, known ? n_types : 1);
	set->foreign = !known ||
		       (flags & ~(uint32_t)(NFT_SET_INTERVAL | NFT_SET_MAP |
					    NFT_SET_CONCAT | NFT_SET_EXPR |
					    NFT_SET_TIMEOUT));
	set->timeout = flags & NFT_SET_TIMEOUT;
	set->interval = flags & NFT_SET_INTERVAL;
	set->map = flags & NFT_SET_MAP;
	set->counter = has_counter(from, &set->foreign);
	set->comment =
		unwire_comment(rules, NFTNL_UDATA_SET_COMMENT, data, octets);
}

static void copy_key(uint8_t out[KEY_OCTETS_MAX], struct nftnl_set_elem *from,
		     uint16_t attr)
{
	uint32_t octets = 0;
	const void *key = nftnl_set_elem_get(from, attr, &octets);

	memset(out, 0, KEY_OCTETS_MAX);
	if (key)
		memcpy(out, key,
		       octets < KEY_OCTETS_MAX ? octets : KEY_OCTETS_MAX);
}

struct element_reader {
	struct ruleset *rules;
	struct nft_set *set;
};

static int read_element(struct nftnl_set_elem *from, void *arg)
{
	struct element_reader *er = arg;
	struct nft_element *e = set_add_element(er->set);
	uint32_t octets = 0;
	const void *data =
		nftnl_set_elem_get(from, NFTNL_SET_ELEM_USERDATA, &octets);
	const struct nftnl_expr *counter;

	copy_key(e->first, from, NFTNL_SET_ELEM_KEY);
	copy_key(e->last, from,
		 er->set->interval && er->set->n_types > 1
			 ? NFTNL_SET_ELEM_KEY_END
			 : NFTNL_SET_ELEM_KEY);
	/* Taken for an end until unwire_settle() has joined the two. */
	if (nftnl_set_elem_is_set(from, NFTNL_SET_ELEM_FLAGS) &&
	    nftnl_set_elem_get_u32(from, NFTNL_SET_ELEM_FLAGS) &
		    NFT_SET_ELEM_INTERVAL_END)
		e->live.foreign = true;
	if (er->set->map && nftnl_set_elem_is_set(from, NFTNL_SET_ELEM_VERDICT))
		unwire_verdict(
			er->rules,
			nftnl_set_elem_get_u32(from, NFTNL_SET_ELEM_VERDICT),
			nftnl_set_elem_get_str(from, NFTNL_SET_ELEM_CHAIN),
			&e->verdict);
	if (nftnl_set_elem_is_set(from, NFTNL_SET_ELEM_EXPIRATION))
		e->ends_ms =
			clock_now_ms() +
			nftnl_set_elem_get_u64(from, NFTNL_SET_ELEM_EXPIRATION);
	e->comment = unwire_comment(er->rules, NFTNL_UDATA_SET_ELEM_COMMENT,
				    data, octets);
	if (er->set->counter &&
	    nftnl_set_elem_is_set(from, NFTNL_SET_ELEM_EXPR)) {
		counter =
			nftnl_set_elem_get(from, NFTNL_SET_ELEM_EXPR, &octets);
		e->live.packets =
			nftnl_expr_get_u64(counter, NFTNL_EXPR_CTR_PACKETS);
		e->live.octets =
			nftnl_expr_get_u64(counter, NFTNL_EXPR_CTR_BYTES);
	}
	return 0;
}

void unwire_elements(struct ruleset *rules, struct nft_set *set,
		     const struct nftnl_set *from)
{
	struct element_reader er = {rules, set};

	nftnl_set_elem_foreach((struct nftnl_set *)(uintptr_t)from,
			       read_element, &er);
}

/* An end comes before a start at the same key: the ranges touch there. */
static int by_key_and_end(const void *a, const void *b)
{
	const struct nft_element *x = a, *y = b;
	int order = element_cmp(x, y);

	return order ? order : (int)y->live.foreign - (int)x->live.foreign;
}

static void step_back(uint8_t *key, unsigned octets)
{
	for (unsigned i = octets; i > 0; i--)
		if (key[i - 1]-- != 0)
			return;
}

void unwire_settle(struct nft_set *set)
{
	unsigned octets = nft_types[set->types[0]].octets, kept = 0;
	struct nft_element *open = NULL;

	if (!set->interval || set->n_types > 1 || set->foreign ||
	    set->n_elements == 0)
		return;
	qsort(set->elements, set->n_elements, sizeof(*set->elements),
	      by_key_and_end);
	for (unsigned i = 0; i < set->n_elements; i++) {
		struct nft_element e = set->elements[i];

		if (e.live.foreign) {
			/* The one at zero closes nothing; nft writes it. */
			if (open) {
				memcpy(open->last, e.first, sizeof(e.first));
				step_back(open->last, octets);
			}
			open = NULL;
			continue;
		}
		memset(e.last, 0, sizeof(e.last));
		memset(e.last, 0xff, octets);
		open = &set->elements[kept++];
		*open = e;
	}
	set->n_elements = kept;
}

/* The name says it all: see struct nft_timeout. */
void unwire_timeout(struct ruleset *rules, const struct nftnl_obj *from)
{
	struct nftnl_obj *o = (struct nftnl_obj *)(uintptr_t)from;
	const char *name = nftnl_obj_get_str(o, NFTNL_OBJ_NAME);

	if (nftnl_obj_get_u32(o, NFTNL_OBJ_TYPE) == NFT_OBJECT_CT_TIMEOUT &&
	    !ruleset_timeout(rules, name))
		ruleset_add_timeout(rules, name);
}
