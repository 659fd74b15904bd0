/*
 * plan.h - from the rules that are in force to the rules that should be.
 *
 * The difference of two rulesets, as steps in an order that the kernel takes:
 *
 *	new chains, sets and timeouts
 *	rules that go, rules that come
 *	elements that go, elements that come
 *	chains, sets and timeouts that nobody needs any more
 *
 * so that a rule or an element never points to nothing. It is one transaction,
 * unless sets come or go: a kernel shows the rules of a commit before the
 * elements of a set that came with it, and a packet in between would find the
 * set empty. Then there are three. The first makes what no packet meets yet,
 * new sets with their elements and new chains that no hook leads to. The
 * second alone changes what becomes of packets, and all of that. The third
 * removes what no packet meets any more. Rules that stay keep
 * their counters, elements that stay keep theirs, base chains are never made
 * again. The order of rules within a chain is the new one, unless all of them
 * accept: then it means nothing, and a rule that moved in the file stays.
 *
 * A table that somebody has switched off is switched on again.
 *
 * Only where the kernel has something of our table's name that is not ours
 * (a set with another key, a chain with another hook) is the table made anew.
 *
 * Pure. Floor: firewall.
 */
#ifndef WEIR_FIREWALL_PLAN_H
#define WEIR_FIREWALL_PLAN_H

#include "base/arena.h"
#include "ruleset.h"

enum plan_kind {
	PLAN_DELETE_TABLE,
	PLAN_ADD_TABLE,
	PLAN_ADD_CHAIN,
	PLAN_ADD_SET,
	PLAN_ADD_TIMEOUT,
	PLAN_DELETE_RULE,
	PLAN_ADD_RULE,
	PLAN_DELETE_ELEMENT,
	PLAN_ADD_ELEMENT,
	PLAN_DELETE_CHAIN,
	PLAN_DELETE_SET,
	PLAN_DELETE_TIMEOUT,
};

/* The transactions of a plan, in their order; each may be empty. */
enum plan_phase { PHASE_PREPARE, PHASE_SWITCH, PHASE_TIDY, N_PHASES };

/* What is added points into the new ruleset, what goes into the old one. */
struct plan_step {
	enum plan_kind kind;
	enum plan_phase phase;
	const struct nft_chain *chain; /* chains and rules */
	const struct nft_rule *rule;
	const struct nft_rule *before; /* PLAN_ADD_RULE: an old rule that
					* stays; NULL: at the end */
	const struct nft_set *set;     /* sets and elements */
	const struct nft_element *element;
	const struct nft_timeout *timeout;
};

struct plan {
	const char *table; /* borrowed from the new ruleset */
	struct plan_step *steps;
	unsigned n_steps, n_room;
	unsigned ends[N_PHASES]; /* behind the last step of each */
	bool fresh;              /* there was no table, or it is made anew */
	uint32_t old_flags;      /* of the table that stays */
	struct arena arena;      /* texts of rules */
};

/*
 * `old` is what the kernel has (NULL: no such table), `new` what it should
 * have; both must outlive the plan. Differences of comments on chains and
 * sets alone are no differences: the kernel cannot change those. Where a chain
 * of `old` is the same_as another, that is one of `new`.
 */
struct plan *plan_make(const struct ruleset *old, const struct ruleset *new);
void plan_free(struct plan *plan);

/* The two have the same rules. Where this is false, they still may: only
 * their texts decide. */
bool plan_same_rules(const struct nft_chain *a, const struct nft_chain *b);
bool plan_same_rule(const struct nft_rule *a, const struct nft_rule *b);

static inline bool plan_is_empty(const struct plan *plan)
{
	return plan->n_steps == 0;
}

/* Whether there is anything to do from one to the other; NULL: no table. */
bool plan_differs(const struct ruleset *old, const struct ruleset *new);

/* The steps for people, a line each: "+ sg-web-in: tcp dport 80 accept". The
 * caller frees it. */
char *plan_text(const struct plan *plan);

/* Where in the file the reason for a step stands. */
struct place plan_place(const struct plan_step *step);

#endif
