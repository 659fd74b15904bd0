#include "counts.h"

#include <stdlib.h>

#include "base/fail.h"
#include "model/snapshot.h"

enum kind {
	KIND_BALANCER = 'b',
	KIND_LISTENER = 'l',
	KIND_RULE = 'r',
	KIND_GROUP = 'g'
};

/* Names have 32 octets at most; more would be a fault of config. */
enum { KEY_MAX = 1 + 256 + 2 + sizeof(uint32_t) };

static struct slice key_of(char room[KEY_MAX], enum kind kind,
			   struct slice name, uint16_t port)
{
	if (name.n > KEY_MAX - 3 - sizeof(uint32_t))
		BUG("name of %zu octets", name.n);
	room[0] = (char)kind;
	room[1] = (char)(port >> 8);
	room[2] = (char)port;
	if (name.n)
		memcpy(room + 3, name.p, name.n);
	return slice_make(room, 3 + name.n);
}

static void remember(struct count_table *table, struct slice key, void *object)
{
	map_put(&table->by_key, slice_make(slice_dup(key), key.n), object);
}

/* Zeroed, on a cache line of its own, so that no row shares one. */
static void *counts_alloc(size_t size)
{
	size_t all = (size + 63) & ~(size_t)63;
	void *p = aligned_alloc(64, all);

	if (!p)
		fail_no_memory();
	return memset(p, 0, all);
}

static bool is_full(const struct count_table *table, unsigned n)
{
	return n >= (table->most ? table->most : COUNTS_MAX);
}

/* -- making ---------------------------------------------------------------- */

static struct balancer_state *balancer_get(struct count_table *table,
					   struct slice name)
{
	char room[KEY_MAX];
	struct slice key = key_of(room, KIND_BALANCER, name, 0);
	struct balancer_state *lb = map_get(&table->by_key, key);

	if (lb)
		return lb;
	lb = xcalloc(1, sizeof(*lb));
	lb->name = slice_make(slice_dup(name), name.n);
	if (!table->balancers)
		table->balancers_end = &table->balancers;
	*table->balancers_end = lb;
	table->balancers_end = &lb->next;
	remember(table, key, lb);
	return lb;
}

static struct listener_state *listener_get(struct count_table *table,
					   struct slice name, uint16_t port)
{
	char room[KEY_MAX];
	struct slice key = key_of(room, KIND_LISTENER, name, port);
	struct listener_state *l = map_get(&table->by_key, key);

	if (l)
		return l;
	if (port && is_full(table, table->n_listeners))
		return listener_get(table, SLICE(COUNTS_OTHERS), 0);
	l = counts_alloc(sizeof(*l) + table->n_workers * sizeof(l->tally[0]));
	l->balancer = balancer_get(table, name);
	l->port = port;
	l->n_workers = table->n_workers;
	l->next = l->balancer->listeners;
	l->balancer->listeners = l;
	table->n_listeners++;
	remember(table, key, l);
	return l;
}

static struct rule_counts *rule_get(struct count_table *table,
				    struct listener_state *l, uint32_t priority)
{
	char room[KEY_MAX];
	struct slice key = key_of(room, KIND_RULE, l->balancer->name, l->port);
	struct rule_counts *r;

	memcpy(room + key.n, &priority, sizeof(priority));
	key.n += sizeof(priority);
	r = map_get(&table->by_key, key);
	if (r)
		return r;
	if (priority && table->n_rules >= COUNTS_RULES_MAX)
		return rule_get(table, l, 0);
	r = counts_alloc(sizeof(*r) + table->n_workers * sizeof(r->tally[0]));
	r->priority = priority;
	r->n_workers = table->n_workers;
	r->next = l->rules;
	l->rules = r;
	table->n_rules++;
	remember(table, key, r);
	return r;
}

static void attach_rules(struct count_table *table, struct listener *l)
{
	l->default_rule.counts = rule_get(table, l->state, 0);
	for (size_t i = 0; i < l->n_rules; i++)
		l->rules[i].counts =
			rule_get(table, l->state, l->rules[i].priority);
}

static struct group_counts *group_get(struct count_table *table,
				      struct slice name)
{
	char room[KEY_MAX];
	struct slice key = key_of(room, KIND_GROUP, name, 0);
	struct group_counts *g = map_get(&table->by_key, key);

	if (g)
		return g;
	if (is_full(table, table->n_groups) &&
	    !slice_eq(name, SLICE(COUNTS_OTHERS)))
		return group_get(table, SLICE(COUNTS_OTHERS));
	g = counts_alloc(sizeof(*g) + table->n_workers * sizeof(g->tally[0]));
	g->name = slice_make(slice_dup(name), name.n);
	g->n_workers = table->n_workers;
	if (!table->groups)
		table->groups_end = &table->groups;
	*table->groups_end = g;
	table->groups_end = &g->next;
	table->n_groups++;
	remember(table, key, g);
	return g;
}

void counts_attach(struct count_table *table, struct snapshot *snap)
{
	for (size_t b = 0; b < snap->n_balancers; b++) {
		struct load_balancer *lb = &snap->balancers[b];

		for (size_t i = 0; i < lb->n_listeners; i++) {
			struct listener *l = &lb->listeners[i];

			l->state = listener_get(table, lb->name, l->port);
			attach_rules(table, l);
		}
	}
	for (size_t i = 0; i < snap->n_groups; i++)
		snap->groups[i].counts = group_get(table, snap->groups[i].name);
	table->limits.n_workers = table->n_workers;
	limits_attach(&table->limits, snap);
}

static void listener_free(struct listener_state *l)
{
	while (l->rules) {
		struct rule_counts *r = l->rules;

		l->rules = r->next;
		free(r);
	}
	free(l);
}

static void balancer_free(struct balancer_state *lb)
{
	while (lb->listeners) {
		struct listener_state *l = lb->listeners;

		lb->listeners = l->next;
		listener_free(l);
	}
	free((char *)(uintptr_t)lb->name.p);
	free(lb);
}

void counts_release(struct count_table *table)
{
	struct map_slot *entry;
	size_t at = 0;

	while (table->balancers) {
		struct balancer_state *lb = table->balancers;

		table->balancers = lb->next;
		balancer_free(lb);
	}
	while (table->groups) {
		struct group_counts *g = table->groups;

		table->groups = g->next;
		free((char *)(uintptr_t)g->name.p);
		free(g);
	}
	while ((entry = map_next(&table->by_key, &at)) != NULL)
		free((char *)(uintptr_t)entry->key.p);
	map_release(&table->by_key);
	limits_release(&table->limits);
	*table = (struct count_table){.n_workers = table->n_workers};
}

/* -- reading --------------------------------------------------------------- */

uint64_t listener_count(const struct listener_state *l, enum listener_counter c)
{
	uint64_t sum = 0;

	for (unsigned w = 0; w < l->n_workers; w++)
		sum += tally_read(&l->tally[w].counters[c]);
	return sum;
}

void listener_durations(const struct listener_state *l,
			struct histogram_sum *out)
{
	*out = (struct histogram_sum){0};
	for (unsigned w = 0; w < l->n_workers; w++)
		histogram_read(&l->tally[w].durations, out);
}

uint64_t rule_requests(const struct rule_counts *r)
{
	uint64_t sum = 0;

	for (unsigned w = 0; w < r->n_workers; w++)
		sum += tally_read(&r->tally[w].requests);
	return sum;
}

uint64_t listener_reasons(const struct listener_state *l, enum reason r)
{
	uint64_t sum = 0;

	for (unsigned w = 0; w < l->n_workers; w++)
		sum += tally_read(&l->tally[w].reasons[r]);
	return sum;
}

uint64_t balancer_count(const struct balancer_state *lb,
			enum listener_counter c)
{
	uint64_t sum = 0;

	for (const struct listener_state *l = lb->listeners; l; l = l->next)
		sum += listener_count(l, c);
	return sum;
}

uint64_t listener_glitches(const struct listener_state *l, enum glitch g)
{
	uint64_t sum = 0;

	for (unsigned w = 0; w < l->n_workers; w++)
		sum += tally_read(&l->tally[w].glitches[g]);
	return sum;
}

uint64_t balancer_reasons(const struct balancer_state *lb, enum reason r)
{
	uint64_t sum = 0;

	for (const struct listener_state *l = lb->listeners; l; l = l->next)
		sum += listener_reasons(l, r);
	return sum;
}

uint64_t group_count(const struct group_counts *g, enum group_counter c)
{
	uint64_t sum = 0;

	for (unsigned w = 0; w < g->n_workers; w++)
		sum += tally_read(&g->tally[w].counters[c]);
	return sum;
}

void group_response_times(const struct group_counts *g,
			  struct histogram_sum *out)
{
	*out = (struct histogram_sum){0};
	for (unsigned w = 0; w < g->n_workers; w++)
		histogram_read(&g->tally[w].response_times, out);
}
