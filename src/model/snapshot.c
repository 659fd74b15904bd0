#include "snapshot.h"

#include <stdlib.h>

#include "base/fail.h"

struct snapshot_cleanup {
	struct snapshot_cleanup *next;
	void (*free_it)(void *object);
	void *object;
};

struct snapshot *snapshot_new(void)
{
	struct snapshot *snap = xcalloc(1, sizeof(*snap));

	atomic_init(&snap->refs, 1);
	return snap;
}

struct snapshot *snapshot_ref(struct snapshot *snap)
{
	atomic_fetch_add_explicit(&snap->refs, 1, memory_order_relaxed);
	return snap;
}

static void unref(void *object)
{
	snapshot_unref(object);
}

struct snapshot *snapshot_again(struct snapshot *old)
{
	struct snapshot *snap = snapshot_new();

	*snap = *old;
	atomic_init(&snap->refs, 1);
	snap->arena = (struct arena){0};
	snap->cleanups = NULL;
	snap->life = NULL;
	snapshot_on_free(snap, unref, snapshot_ref(old));
	return snap;
}

void snapshot_unref(struct snapshot *snap)
{
	/* acq_rel: the thread that frees must see what all others wrote. */
	if (!snap || atomic_fetch_sub_explicit(&snap->refs, 1,
					       memory_order_acq_rel) != 1)
		return;
	for (struct snapshot_cleanup *c = snap->cleanups; c; c = c->next)
		c->free_it(c->object);
	arena_release(&snap->arena);
	free(snap);
}

void snapshot_on_free(struct snapshot *snap, void (*free_it)(void *object),
		      void *object)
{
	struct snapshot_cleanup *c =
		ARENA_NEW(&snap->arena, struct snapshot_cleanup);

	*c = (struct snapshot_cleanup){snap->cleanups, free_it, object};
	snap->cleanups = c;
}

struct load_balancer *snapshot_find_balancer(const struct snapshot *snap,
					     struct slice name)
{
	for (size_t i = 0; i < snap->n_balancers; i++)
		if (slice_eq(snap->balancers[i].name, name))
			return &snap->balancers[i];
	return NULL;
}

struct target_group *snapshot_find_group(const struct snapshot *snap,
					 struct slice name)
{
	for (size_t i = 0; i < snap->n_groups; i++)
		if (slice_eq(snap->groups[i].name, name))
			return &snap->groups[i];
	return NULL;
}

/* -- rules that choose between groups -------------------------------------- */

static int number_cmp(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int forward_cmp(const struct forward *a, const struct forward *b)
{
	int order = number_cmp(a->n_groups, b->n_groups);

	for (size_t i = 0; order == 0 && i < a->n_groups; i++) {
		order = slice_cmp(a->groups[i].group->name,
				  b->groups[i].group->name);
		if (order == 0)
			order = number_cmp(a->groups[i].weight,
					   b->groups[i].weight);
	}
	return order;
}

int weighted_rule_cmp(const struct weighted_rule *a,
		      const struct weighted_rule *b)
{
	int order = slice_cmp(a->listener->balancer->name,
			      b->listener->balancer->name);

	if (order == 0)
		order = number_cmp(a->listener->port, b->listener->port);
	/* The default rule has priority 0, which no other one has. */
	if (order == 0)
		order = number_cmp(a->rule->priority, b->rule->priority);
	return order ? order
		     : forward_cmp(&a->rule->action.forward,
				   &b->rule->action.forward);
}

static int weighted_sort(const void *left, const void *right)
{
	return weighted_rule_cmp(left, right);
}

static bool is_weighted(const struct rule *rule)
{
	const struct forward *f = &rule->action.forward;

	return rule->action.kind == ACTION_FORWARD &&
	       (f->n_groups > 1 || f->stickiness.enabled);
}

static void note_rule(struct snapshot *snap, const struct listener *l,
		      struct rule *rule)
{
	struct forward *f = &rule->action.forward;

	if (!is_weighted(rule))
		return;
	snap->weighted[snap->n_weighted++] = (struct weighted_rule){l, rule};
	f->first_credit = (uint32_t)snap->n_credits;
	snap->n_credits += f->n_groups;
}

void snapshot_note_forwards(struct snapshot *snap)
{
	size_t most = snap->n_listeners; /* default rules */

	for (size_t b = 0; b < snap->n_balancers; b++)
		for (size_t i = 0; i < snap->balancers[b].n_listeners; i++)
			most += snap->balancers[b].listeners[i].n_rules;
	snap->weighted = ARENA_ARRAY(&snap->arena, most, struct weighted_rule);
	for (size_t b = 0; b < snap->n_balancers; b++)
		for (size_t i = 0; i < snap->balancers[b].n_listeners; i++) {
			struct listener *l = &snap->balancers[b].listeners[i];

			for (size_t r = 0; r < l->n_rules; r++)
				note_rule(snap, l, &l->rules[r]);
			note_rule(snap, l, &l->default_rule);
		}
	if (snap->n_weighted)
		qsort(snap->weighted, snap->n_weighted, sizeof(*snap->weighted),
		      weighted_sort);
}

bool snapshot_has_logs(const struct snapshot *snap)
{
	for (size_t i = 0; i < snap->n_balancers; i++)
		if (snap->balancers[i].access_log.enabled ||
		    snap->balancers[i].connection_log.enabled)
			return true;
	return false;
}

/* -- health check logs ----------------------------------------------------- */

static void note_check_log(struct snapshot *snap, struct target_group *g,
			   const struct line_log *log)
{
	struct check_log *new;

	for (const struct check_log *c = g->check_logs; c; c = c->next)
		if (slice_eq(c->log->path, log->path))
			return;
	new = ARENA_NEW(&snap->arena, struct check_log);
	*new = (struct check_log){g->check_logs, log};
	g->check_logs = new;
}

static void note_check_logs(struct snapshot *snap, const struct rule *rule,
			    const struct line_log *log)
{
	const struct forward *f = &rule->action.forward;

	if (rule->action.kind != ACTION_FORWARD)
		return;
	for (size_t i = 0; i < f->n_groups; i++)
		note_check_log(snap, f->groups[i].group, log);
}

void snapshot_note_check_logs(struct snapshot *snap)
{
	for (size_t b = 0; b < snap->n_balancers; b++) {
		const struct load_balancer *lb = &snap->balancers[b];

		if (!lb->check_log.enabled)
			continue;
		for (size_t i = 0; i < lb->n_listeners; i++) {
			const struct listener *l = &lb->listeners[i];

			for (size_t r = 0; r < l->n_rules; r++)
				note_check_logs(snap, &l->rules[r],
						&lb->check_log);
			note_check_logs(snap, &l->default_rule, &lb->check_log);
		}
	}
}
