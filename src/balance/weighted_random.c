#include "weighted_random.h"

/* splitmix64 (Steele, Lea, Flood 2014): all of its state is one number. */
static uint64_t draw(uint64_t *random)
{
	uint64_t z = *random += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* Sums of weights are far below 2^56, so what a modulo prefers is nothing. */
static uint64_t draw_below(uint64_t *random, uint64_t n)
{
	return draw(random) % n;
}

/* The last target that begins at the point or before. */
static const struct rr_target *target_at(const struct round_robin *ring,
					 uint64_t point)
{
	size_t low = 0, high = ring->n - 1;

	while (low < high) {
		size_t middle = high - (high - low) / 2;

		if (ring->targets[middle].below <= point)
			low = middle;
		else
			high = middle - 1;
	}
	return &ring->targets[low];
}

static const struct rr_target *find_state(const struct round_robin *ring,
					  const struct target_state *state)
{
	for (size_t i = 0; state && i < ring->n; i++)
		if (ring->targets[i].state == state)
			return &ring->targets[i];
	return NULL;
}

struct target_state *random_next(const struct round_robin *ring,
				 const struct target_state *avoid,
				 uint64_t *random)
{
	const struct rr_target *out = find_state(ring, avoid);
	uint64_t total = ring->total_weight - (out ? out->weight : 0), point;

	if (total == 0)
		return NULL;
	/* The one to avoid is cut out of the line. */
	point = draw_below(random, total);
	if (out && point >= out->below)
		point += out->weight;
	return target_at(ring, point)->state;
}
