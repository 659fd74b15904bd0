#include "least.h"

#include "model/state.h"

/* Times the largest weight it still fits 64 bits. */
enum { LOAD_MAX = 1 << 30 };

static uint32_t load_of(const struct target_state *s)
{
	int32_t n = atomic_load_explicit(&s->outstanding, memory_order_relaxed);

	return n < 0 ? 0 : n > LOAD_MAX ? LOAD_MAX : (uint32_t)n;
}

/* Whether `a` has less to do for its weight than `b`: below 0; or as much. */
static int load_cmp(const struct rr_target *a, const struct rr_target *b)
{
	uint64_t left = a->load * b->weight, right = b->load * a->weight;

	return (left > right) - (left < right);
}

/* The first of those with the least, counted from the cursor. Notes the load
 * of each: it moves while we look. */
static struct rr_target *find_least(struct round_robin *ring,
				    const struct target_state *avoid)
{
	struct rr_target *least = NULL;
	size_t at = ring->cursor;

	for (size_t i = 0; i < ring->n; i++) {
		struct rr_target *t = &ring->targets[at];

		at = at + 1 == ring->n ? 0 : at + 1;
		if (t->state == avoid)
			continue;
		t->load = load_of(t->state);
		if (!least || load_cmp(t, least) < 0)
			least = t;
	}
	return least;
}

/* Among those that have as little as `least` the weights decide, as in
 * rr_next(). */
static struct rr_target *break_tie(struct round_robin *ring,
				   struct rr_target *least,
				   const struct target_state *avoid)
{
	struct rr_target *richest = NULL;
	int64_t gained = 0;

	for (size_t i = 0; i < ring->n; i++) {
		struct rr_target *t = &ring->targets[i];

		if (t->state == avoid || load_cmp(t, least) != 0)
			continue;
		t->credit += (int64_t)t->weight;
		gained += (int64_t)t->weight;
		if (!richest || t->credit > richest->credit)
			richest = t;
	}
	richest->credit -= gained;
	return richest;
}

struct target_state *least_next(struct round_robin *ring,
				const struct target_state *avoid)
{
	struct rr_target *least = find_least(ring, avoid);

	if (!least)
		return NULL;
	if (ring->is_weighted)
		least = break_tie(ring, least, avoid);
	ring->cursor = (size_t)(least - ring->targets) + 1;
	if (ring->cursor == ring->n)
		ring->cursor = 0;
	return least->state;
}
