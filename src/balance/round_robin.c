#include "balance/round_robin.h"

/* Turns that a weighted ring is moved on at its start; each costs n. */
enum { BEGIN_TURNS_MAX = 64 };

void rr_init(struct round_robin *ring, struct rr_target *targets, size_t n,
	     size_t begin)
{
	*ring = (struct round_robin){.targets = targets, .n = n};
	if (n == 0)
		return;
	for (size_t i = 0; i < n; i++) {
		targets[i].credit = 0;
		targets[i].below = ring->total_weight;
		ring->total_weight += targets[i].weight;
		ring->is_weighted |= targets[i].weight != targets[0].weight;
	}
	if (!ring->is_weighted) {
		ring->cursor = begin % n;
		return;
	}
	for (begin %= BEGIN_TURNS_MAX; begin; begin--)
		rr_next(ring, NULL);
}

static struct target_state *next_equal(struct round_robin *ring,
				       const struct target_state *avoid)
{
	for (size_t tries = 0; tries < ring->n; tries++) {
		struct target_state *state = ring->targets[ring->cursor].state;

		if (++ring->cursor == ring->n)
			ring->cursor = 0;
		if (state != avoid)
			return state;
	}
	return NULL;
}

/* The one to avoid gains nothing either: else it would be owed all the turns
 * that it missed, and get them in a row. */
static struct target_state *next_weighted(struct round_robin *ring,
					  const struct target_state *avoid)
{
	struct rr_target *richest = NULL;
	int64_t gained = 0;

	for (size_t i = 0; i < ring->n; i++) {
		struct rr_target *t = &ring->targets[i];

		if (t->state == avoid)
			continue;
		t->credit += (int64_t)t->weight;
		gained += (int64_t)t->weight;
		if (!richest || t->credit > richest->credit)
			richest = t;
	}
	if (!richest)
		return NULL;
	richest->credit -= gained;
	if (++ring->cursor == ring->n)
		ring->cursor = 0;
	return richest->state;
}

struct target_state *rr_next(struct round_robin *ring,
			     const struct target_state *avoid)
{
	return ring->is_weighted ? next_weighted(ring, avoid)
				 : next_equal(ring, avoid);
}
