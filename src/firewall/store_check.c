#include "store_check.h"

#include <netinet/in.h>
#include <string.h>

static bool is_text(const char *text, size_t most)
{
	size_t n = text ? strlen(text) : 0;

	for (size_t i = 0; i < n; i++)
		if (text[i] < ' ' || text[i] > '~' || text[i] == '"' ||
		    text[i] == '\\')
			return false;
	return n <= most;
}

static bool is_address(uint8_t type)
{
	return type == TYPE_IPV4_ADDR || type == TYPE_IPV6_ADDR;
}

/* -- verdicts -------------------------------------------------------------- */

static bool check_target(const struct ruleset *rules,
			 const struct nft_verdict *v)
{
	bool leads = v->kind == VERDICT_JUMP || v->kind == VERDICT_GOTO;
	const struct nft_chain *chain =
		v->chain ? ruleset_chain(rules, v->chain) : NULL;

	return leads ? chain && chain->hook == HOOK_NONE : !v->chain;
}

/* -- rules ----------------------------------------------------------------- */

static bool check_lookup(const struct ruleset *rules, const struct nft_match *m)
{
	const struct nft_set *set = ruleset_set(rules, m->set);

	if (!set || set->n_types != m->n_fields ||
	    set->map != (m->op == OP_VMAP))
		return false;
	for (unsigned i = 0; i < m->n_fields; i++)
		if (nft_fields[m->fields[i]].type != set->types[i])
			return false;
	return true;
}

static bool check_match(const struct ruleset *rules, const struct nft_match *m)
{
	const struct nft_field_info *field = &nft_fields[m->fields[0]];

	switch ((enum nft_op)m->op) {
	case OP_EQ:
	case OP_NE:
		return field->type != TYPE_IFNAME || m->value[15] == 0;
	case OP_RANGE:
		return field->type != N_TYPES && field->type != TYPE_IFNAME;
	case OP_PREFIX:
		if (m->fields[0] == FIELD_IIFNAME)
			return m->bits > 0 && m->bits % 8 == 0 &&
			       m->bits < field->octets * 8;
		return is_address(field->type) && m->bits <= field->octets * 8;
	case OP_ANY_BIT:
		return m->fields[0] == FIELD_CT_STATE ||
		       m->fields[0] == FIELD_CT_STATUS;
	case OP_FLAGS_NE:
		return m->fields[0] == FIELD_TCP_FLAGS;
	case OP_LOOKUP:
	case OP_VMAP:
		return check_lookup(rules, m);
	}
	return false;
}

static bool check_rule(const struct ruleset *rules, const struct nft_rule *r)
{
	for (unsigned i = 0; i < r->n_matches; i++) {
		bool last = i + 1 == r->n_matches;

		if (!check_match(rules, &r->matches[i]))
			return false;
		if (r->matches[i].op == OP_VMAP &&
		    (!last || r->verdict.kind != VERDICT_NONE))
			return false;
	}
	return check_target(rules, &r->verdict) &&
	       is_text(r->comment, COMMENT_MAX - 1) &&
	       (!r->log || is_text(r->log->prefix, COMMENT_MAX - 1)) &&
	       (!r->timeout || ruleset_timeout(rules, r->timeout));
}

/* -- sets ------------------------------------------------------------------ */

static bool check_element(const struct ruleset *rules,
			  const struct nft_set *set,
			  const struct nft_element *e)
{
	unsigned octets = set_key_octets(set);
	static const uint8_t zero[KEY_OCTETS_MAX];

	return (e->verdict.kind != VERDICT_NONE) == set->map &&
	       check_target(rules, &e->verdict) &&
	       is_text(e->comment, COMMENT_MAX - 1) &&
	       memcmp(e->first + octets, zero, sizeof(zero) - octets) == 0 &&
	       memcmp(e->last + octets, zero, sizeof(zero) - octets) == 0 &&
	       (set->interval ||
		memcmp(e->first, e->last, sizeof(e->first)) == 0);
}

static bool check_set(const struct ruleset *rules, const struct nft_set *set)
{
	unsigned octets = 0;

	for (unsigned i = 0; i < set->n_types; i++) {
		octets += (nft_types[set->types[i]].octets + 3u) & ~3u;
		if (set->interval && set->types[i] == TYPE_IFNAME)
			return false;
	}
	if (octets > KEY_OCTETS_MAX || !is_text(set->comment, COMMENT_MAX - 1))
		return false;
	for (unsigned i = 0; i < set->n_elements; i++)
		if (!check_element(rules, set, &set->elements[i]))
			return false;
	return true;
}

/* -- all of it ------------------------------------------------------------- */

static bool check_chain(const struct ruleset *rules,
			const struct nft_chain *chain)
{
	if (!is_text(chain->comment, COMMENT_MAX - 1))
		return false;
	for (unsigned i = 0; i < chain->n_rules; i++)
		if (!check_rule(rules, &chain->rules[i]))
			return false;
	return true;
}

bool store_check(const struct ruleset *rules)
{
	for (unsigned i = 0; i < rules->n_sets; i++)
		if (!check_set(rules, rules->sets[i]))
			return false;
	for (unsigned i = 0; i < rules->n_chains; i++)
		if (!check_chain(rules, rules->chains[i]))
			return false;
	for (unsigned i = 0; i < rules->n_timeouts; i++)
		if (rules->timeouts[i]->protocol != IPPROTO_TCP &&
		    rules->timeouts[i]->protocol != IPPROTO_UDP)
			return false;
	return true;
}
