/*
 * pick.c - the roster and the healths of a moment become a table.
 *
 *	health        registered  healthy  usable  usable when failing open
 *	initial       yes         no       no      yes
 *	healthy       yes         yes      yes     yes
 *	unhealthy     yes         no       no      yes
 *	unavailable   yes         yes      yes     yes
 *	draining      no          no       no      no
 *	unused        no          no       no      no
 */
#include "balance/pick.h"

#include <stdlib.h>

#include "base/fail.h"

enum { REGISTERED = 1, HEALTHY = 2 };

static const uint8_t standing[] = {
	[HEALTH_INITIAL] = REGISTERED,
	[HEALTH_HEALTHY] = REGISTERED | HEALTHY,
	[HEALTH_UNHEALTHY] = REGISTERED,
	[HEALTH_UNUSED] = 0,
	[HEALTH_DRAINING] = 0,
	[HEALTH_UNAVAILABLE] = REGISTERED | HEALTHY,
};

static uint8_t standing_of(const struct member *m)
{
	return standing[atomic_load_explicit(&m->state->health,
					     memory_order_relaxed)];
}

/* Either threshold is enough. */
static bool too_few(const struct healthy_minimum *least, size_t n_healthy,
		    size_t n_registered)
{
	return n_healthy < least->count ||
	       n_healthy * 100 < least->percentage * n_registered;
}

static int identity_cmp(const void *left, const void *right)
{
	uint64_t a = (*(struct rr_target *const *)left)->state->identity;
	uint64_t b = (*(struct rr_target *const *)right)->state->identity;

	return (a > b) - (a < b);
}

/* Where a worker begins: spread evenly over the targets, so that the first
 * requests of all workers do not meet at one. A ring that was there before
 * goes on where it stood. */
static size_t beginning(const struct pick_table *table, size_t n,
			unsigned worker, unsigned n_workers)
{
	if (table->begun || n_workers == 0)
		return table->ring.cursor;
	return worker % n_workers * n / n_workers;
}

/* What is built aside; one block of memory. */
struct draft {
	struct rr_target *targets;
	struct rr_target **by_identity; /* behind the targets */
	uint8_t *standings;             /* behind these; of each member */
	bool fails_open;
	size_t n;
};

static bool draft_init(struct draft *d, const struct roster *r)
{
	size_t each = sizeof(*d->targets) + sizeof(*d->by_identity) + 1;

	*d = (struct draft){.targets = calloc(r->n_members + 1, each)};
	if (!d->targets)
		return false;
	d->by_identity = (struct rr_target **)(d->targets + r->n_members);
	d->standings = (uint8_t *)(d->by_identity + r->n_members);
	return true;
}

/* Each health is read once: they move while we look. */
static void draft_judge(struct draft *d, const struct roster *r,
			const struct healthy_minimum *least)
{
	size_t n_registered = 0, n_healthy = 0;

	for (size_t i = 0; i < r->n_members; i++) {
		d->standings[i] = standing_of(&r->members[i]);
		n_registered += (d->standings[i] & REGISTERED) != 0;
		n_healthy += (d->standings[i] & HEALTHY) != 0;
	}
	d->fails_open = n_registered && n_healthy < n_registered &&
			too_few(least, n_healthy, n_registered);
}

static void draft_fill(struct draft *d, const struct roster *r)
{
	uint8_t needed = d->fails_open ? REGISTERED : HEALTHY;

	for (size_t i = 0; i < r->n_members; i++) {
		const struct member *m = &r->members[i];

		if (!(d->standings[i] & needed))
			continue;
		d->targets[d->n].state = m->state;
		d->targets[d->n].weight = m->weight ? m->weight : 1;
		d->by_identity[d->n] = &d->targets[d->n];
		d->n++;
	}
	qsort(d->by_identity, d->n, sizeof(*d->by_identity), identity_cmp);
}

void pick_rebuild(struct pick_table *table, struct group_state *gs,
		  const struct target_group *group, unsigned worker)
{
	/* Before the roster and the healths: what moves later than this shows
	 * as another epoch next time. */
	uint64_t epoch = group_state_epoch(gs);
	struct roster *roster = group_state_roster(gs);
	unsigned n_workers =
		roster->n_members ? roster->members[0].state->n_workers : 0;
	struct draft d;
	size_t begin;

	if (!draft_init(&d, roster)) {
		roster_unref(roster);
		return;
	}
	draft_judge(&d, roster, &group->routing_minimum);
	draft_fill(&d, roster);

	begin = beginning(table, d.n, worker, n_workers);
	pick_release(table);
	table->epoch = epoch;
	table->roster = roster;
	table->by_identity = d.by_identity;
	table->failed_open = d.fails_open;
	table->begun = d.n != 0;
	rr_init(&table->ring, d.targets, d.n, begin);
}

struct target_state *pick_next(struct pick_table *table,
			       const struct target_state *avoid)
{
	return rr_next(&table->ring, avoid);
}

struct target_state *pick_peek(const struct pick_table *table)
{
	struct round_robin ring = table->ring;
	struct target_state *next;

	if (ring.n == 0)
		return NULL;
	ring.targets = xcalloc(ring.n, sizeof(*ring.targets));
	memcpy(ring.targets, table->ring.targets,
	       ring.n * sizeof(*ring.targets));
	next = rr_next(&ring, NULL);
	free(ring.targets);
	return next;
}

struct target_state *pick_find(const struct pick_table *table,
			       uint64_t identity)
{
	size_t low = 0, high = table->ring.n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		struct target_state *s = table->by_identity[middle]->state;

		if (s->identity == identity)
			return s;
		if (s->identity < identity)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

void pick_inherit(struct pick_table *table, const struct pick_table *from)
{
	table->ring.cursor = from->ring.cursor;
	table->begun = from->begun;
}

void pick_release(struct pick_table *table)
{
	free(table->ring.targets);
	roster_unref(table->roster);
	*table = (struct pick_table){0};
}
