/* Limits of AWS that only the whole can break; a single value is checked
 * where it is read. */
#include "base/fail.h"
#include "http/pattern.h"
#include "read.h"

enum {
	AWS_BALANCERS = 50,
	AWS_GROUPS = 3000,
	AWS_RULES = 100,
	AWS_GROUPS_OF_BALANCER = 100,
	AWS_TARGETS_OF_BALANCER = 1000,
	AWS_VERIFY_LISTENERS = 2,
	AWS_TRUST_STORES = 20,
	AWS_VALUES_OF_RULE = 5,
	AWS_VALUES_OF_CONDITION = 3,
	AWS_WILDCARDS = 6,
};

/* What one load balancer adds up to. */
struct sums {
	size_t n_rules, n_groups, n_targets, n_verify;
};

static void too_many(struct reader *r, const struct place *at, size_t n,
		     size_t most, const char *of_what)
{
	if (n > most)
		aws_refuses(r, at, "AWS takes at most %zu %s, not %zu", most,
			    of_what, n);
}

/* `users`: for each group the load balancer that uses it. */
static void add_groups(struct reader *r, struct load_balancer *lb,
		       const struct rule *rule, struct load_balancer **users,
		       struct sums *sums)
{
	const struct forward *f = &rule->action.forward;

	if (rule->action.kind != ACTION_FORWARD)
		return;
	for (size_t i = 0; i < f->n_groups; i++) {
		const struct target_group *g = f->groups[i].group;
		struct load_balancer **user = &users[g->index];

		if (!*user) {
			*user = lb;
			sums->n_groups++;
			sums->n_targets += g->n_targets;
		} else if (*user != lb) {
			aws_refuses(r, &rule->action.place,
				    "on AWS the target group \"%.*s\" can only "
				    "belong to one load balancer, and \"%.*s\" "
				    "uses it",
				    SLICE_ARG(g->name),
				    SLICE_ARG((*user)->name));
		}
	}
}

static void check_balancer(struct reader *r, struct load_balancer *lb,
			   struct load_balancer **users)
{
	struct sums sums = {0, 0, 0, 0};

	for (size_t i = 0; i < lb->n_listeners; i++) {
		const struct listener *l = &lb->listeners[i];

		sums.n_rules += l->n_rules;
		sums.n_verify += l->verifies_clients;
		for (size_t j = 0; j < l->n_rules; j++)
			add_groups(r, lb, &l->rules[j], users, &sums);
		add_groups(r, lb, &l->default_rule, users, &sums);
	}
	too_many(r, &lb->place, sums.n_rules, AWS_RULES,
		 "rules in a load balancer");
	too_many(r, &lb->place, sums.n_groups, AWS_GROUPS_OF_BALANCER,
		 "target groups for a load balancer");
	too_many(r, &lb->place, sums.n_targets, AWS_TARGETS_OF_BALANCER,
		 "targets for a load balancer");
	too_many(r, &lb->place, sums.n_verify, AWS_VERIFY_LISTENERS,
		 "listeners that verify clients in a load balancer");
}

void check_strict(struct reader *r)
{
	struct snapshot *snap = r->snap;
	const struct place whole = {.file = snap->file.p};
	struct load_balancer **users = ARENA_ARRAY(
		&r->tree->arena, snap->n_groups + 1, struct load_balancer *);

	too_many(r, &whole, snap->n_balancers, AWS_BALANCERS, "load balancers");
	too_many(r, &whole, snap->n_groups, AWS_GROUPS, "target groups");
	too_many(r, &whole, r->trusts.n_used, AWS_TRUST_STORES, "trust stores");
	for (size_t i = 0; i < snap->n_balancers; i++)
		check_balancer(r, &snap->balancers[i], users);
}

/* -- one rule -------------------------------------------------------------- */

/* AWS takes as many as one likes of these in a rule. */
static bool may_repeat(enum condition_kind kind)
{
	return kind == CONDITION_HTTP_HEADER || kind == CONDITION_QUERY_STRING;
}

/* What an escape makes literal does not count. */
static size_t wildcards_of(const struct condition *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n_values && c->patterns && !c->is_regex;
	     i++) {
		n += c->patterns[i]->n_wildcards;
		if (c->key_patterns && c->key_patterns[i])
			n += c->key_patterns[i]->n_wildcards;
	}
	return n;
}

void check_rule_strictly(struct reader *r, const struct rule *rule)
{
	size_t values = 0, wildcards = 0;
	unsigned seen = 0;

	for (size_t i = 0; i < rule->n_conditions; i++) {
		const struct condition *c = &rule->conditions[i];

		values += c->n_values;
		wildcards += wildcards_of(c);
		if (c->n_values > AWS_VALUES_OF_CONDITION)
			aws_refuses(
				r, &c->place,
				"AWS takes at most %d values in a condition",
				AWS_VALUES_OF_CONDITION);
		if (seen & 1u << c->kind && !may_repeat(c->kind))
			aws_refuses(r, &c->place,
				    "AWS takes one condition of this kind in a "
				    "rule");
		seen |= 1u << c->kind;
	}
	if (values > AWS_VALUES_OF_RULE)
		aws_refuses(r, &rule->place,
			    "AWS takes at most %d values in a rule",
			    AWS_VALUES_OF_RULE);
	if (wildcards > AWS_WILDCARDS)
		aws_refuses(r, &rule->place,
			    "AWS takes at most %d wildcards in a rule",
			    AWS_WILDCARDS);
}
