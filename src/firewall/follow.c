/*
 * follow.c - rulesets and the addresses of the machine.
 *
 * What was compiled long ago, and brought back from a state file, has the
 * addresses of then.
 *
 * Floor: firewall.
 */
#include <string.h>

#include "base/fail.h"
#include "draft.h"
#include "ruleset.h"

/* Behind connection tracking, -200, and before destinations are translated,
 * -100: behind that nobody sees any more whose address it was. */
enum { GUARD_PRIORITY = -110 };

#define GUARD_CHAIN "prerouting-fresh"
#define DROP_CHAIN  "drop-fresh"

static bool has_address(const struct nft_set *set, unsigned n,
			const struct cidr *address)
{
	for (unsigned i = 0; i < n; i++)
		if (memcmp(set->elements[i].first, address->octets,
			   sizeof(address->octets)) == 0)
			return true;
	return false;
}

static bool is_among(const struct nft_element *e, uint8_t family,
		     const struct cidr *addresses, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (addresses[i].family == family &&
		    memcmp(e->first, addresses[i].octets,
			   sizeof(addresses[i].octets)) == 0)
			return true;
	return false;
}

static bool follow_set(struct nft_set *set, const struct cidr *addresses,
		       unsigned n)
{
	uint8_t family = set->types[0] == TYPE_IPV4_ADDR ? 4 : 6;
	unsigned was = set->n_elements, kept = 0;
	const char *comment = NULL;
	bool changed;

	for (unsigned i = 0; i < was; i++) {
		const struct nft_element *e = &set->elements[i];

		comment = e->own ? e->comment : comment;
		if (!e->own || is_among(e, family, addresses, n))
			set->elements[kept++] = *e;
	}
	set->n_elements = kept;
	changed = kept < was;
	for (unsigned i = 0; i < n; i++) {
		struct nft_element *e;

		if (addresses[i].family != family ||
		    has_address(set, set->n_elements, &addresses[i]))
			continue;
		e = set_add_element(set);
		memcpy(e->first, addresses[i].octets,
		       sizeof(addresses[i].octets));
		memcpy(e->last, e->first, sizeof(e->last));
		e->own = true;
		e->comment = comment;
		changed = true;
	}
	return changed;
}

bool ruleset_follow(struct ruleset *rules, const struct cidr *addresses,
		    unsigned n)
{
	bool changed = false;

	for (unsigned i = 0; i < rules->n_sets; i++)
		if (rules->sets[i]->follows)
			changed |= follow_set(rules->sets[i], addresses, n);
	if (changed)
		ruleset_finish(rules);
	return changed;
}

bool ruleset_reports(const struct ruleset *rules)
{
	for (unsigned i = 0; i < rules->n_chains; i++) {
		const struct nft_chain *c = rules->chains[i];

		if (strncmp(c->name, "p-", 2) == 0 && c->n_rules)
			return c->rules[c->n_rules - 1].verdict.kind !=
			       VERDICT_DROP;
	}
	return false;
}

/* -- addresses that nobody knows yet --------------------------------------- */

static void accept_these(struct ruleset *rules, struct nft_chain *chain,
			 const struct draft *d)
{
	draft_put(d, rules, chain, VERDICT_ACCEPT, NULL);
}

/* The machine has them, but no rule is about them. */
static void accept_link_local(struct ruleset *rules, struct nft_chain *chain)
{
	const struct cidr networks[] = {
		cidr_make(4, (const uint8_t[16]){169, 254}, 16),
		cidr_make(6, (const uint8_t[16]){0xfe, 0x80}, 10),
	};

	for (size_t i = 0; i < ARRAY_SIZE(networks); i++) {
		struct draft d = {0};

		draft_address(&d, SIDE_DESTINATION, &networks[i]);
		accept_these(rules, chain, &d);
	}
}

static void accept_known(struct ruleset *rules, struct nft_chain *chain)
{
	struct draft established = {0}, lo = {0}, others = {0}, all = {0};

	draft_ct(&established, FIELD_CT_STATE, CT_ESTABLISHED | CT_RELATED);
	accept_these(rules, chain, &established);
	draft_interface(&lo, FIELD_IIFNAME, "lo");
	accept_these(rules, chain, &lo);
	draft_not_local(&others);
	accept_these(rules, chain, &others);
	for (uint8_t family = 4; family <= 6; family += 2) {
		struct draft d = {0};

		draft_lookup(&d, family == 4 ? "host4" : "host6",
			     address_field(SIDE_DESTINATION, family), N_FIELDS,
			     N_FIELDS);
		accept_these(rules, chain, &d);
	}
	accept_link_local(rules, chain);
	draft_put(&all, rules, chain, VERDICT_JUMP, "always-in");
}

void ruleset_guard(struct ruleset *rules)
{
	const struct nft_set *four = ruleset_set(rules, "host4");
	struct draft all = {0};
	struct nft_chain *chain;

	if (!four || !four->follows || !ruleset_set(rules, "host6") ||
	    !ruleset_chain(rules, "always-in") ||
	    ruleset_chain(rules, GUARD_CHAIN))
		return;
	chain = ruleset_add_chain(rules, DROP_CHAIN);
	chain->comment = "to an address that the machine got just now";
	draft_put(&all, rules, chain,
		  ruleset_reports(rules) ? VERDICT_ACCEPT : VERDICT_DROP, NULL)
		->counter = true;
	chain = ruleset_add_chain(rules, GUARD_CHAIN);
	chain->hook = HOOK_PREROUTING;
	chain->priority = GUARD_PRIORITY;
	accept_known(rules, chain);
	draft_put(&all, rules, chain, VERDICT_GOTO, DROP_CHAIN);
	ruleset_finish(rules);
}

bool ruleset_unguard(struct ruleset *rules)
{
	bool was = ruleset_chain(rules, GUARD_CHAIN) != NULL;

	ruleset_remove_chain(rules, GUARD_CHAIN);
	ruleset_remove_chain(rules, DROP_CHAIN);
	return was;
}
