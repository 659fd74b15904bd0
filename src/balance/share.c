#include "balance/share.h"

/* Turns that credits are moved on at their start; each costs n_groups. */
enum { BEGIN_TURNS_MAX = 64 };

struct target_group *share_next(const struct forward *forward, int64_t *credits)
{
	const struct weighted_group *groups = forward->groups;
	size_t richest = 0;
	int64_t total = 0;

	if (forward->n_groups == 1)
		return groups[0].weight ? groups[0].group : NULL;
	for (size_t i = 0; i < forward->n_groups; i++) {
		credits[i] += groups[i].weight;
		total += groups[i].weight;
		/* One without weight has no credit, but neither may another. */
		if (groups[i].weight &&
		    (!groups[richest].weight || credits[i] > credits[richest]))
			richest = i;
	}
	if (total == 0)
		return NULL;
	credits[richest] -= total;
	return groups[richest].group;
}

static const struct weighted_rule *find_same(const struct snapshot *old,
					     const struct weighted_rule *rule)
{
	size_t low = 0, high = old ? old->n_weighted : 0;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = weighted_rule_cmp(&old->weighted[middle], rule);

		if (order == 0)
			return &old->weighted[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static void move_on(const struct forward *f, int64_t *credits, unsigned worker,
		    unsigned n_workers)
{
	uint64_t total = 0, turns;

	for (size_t i = 0; i < f->n_groups; i++)
		total += f->groups[i].weight;
	turns = worker % n_workers * total / n_workers % BEGIN_TURNS_MAX;
	while (turns--)
		share_next(f, credits);
}

void share_begin(const struct snapshot *snap, int64_t *credits, unsigned worker,
		 const struct snapshot *old, const int64_t *old_credits)
{
	unsigned n_workers = snap->settings.workers ? snap->settings.workers
						    : 1;

	for (size_t i = 0; i < snap->n_weighted; i++) {
		const struct weighted_rule *rule = &snap->weighted[i], *was;
		const struct forward *f = &rule->rule->action.forward;
		int64_t *to = credits + f->first_credit;

		was = find_same(old, rule);
		for (size_t g = 0; g < f->n_groups; g++)
			to[g] = was ? old_credits[was->rule->action.forward
							  .first_credit +
						  g]
				    : 0;
		if (!was)
			move_on(f, to, worker, n_workers);
	}
}
