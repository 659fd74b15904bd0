#include "consistent.h"

#include <stdlib.h>

#include "balance/maglev.h"
#include "model/state.h"

void consistent_init(struct consistent *c, const struct roster *roster,
		     const struct round_robin *ring)
{
	size_t n = 0;

	*c = (struct consistent){0};
	if (!roster->slots)
		return;
	c->by_slot =
		calloc(HASH_SLOTS + roster->n_members, sizeof(*c->by_slot));
	if (!c->by_slot)
		return;
	c->roster = roster;
	c->by_member = c->by_slot + HASH_SLOTS;
	for (size_t i = 0; i < roster->n_members; i++) {
		const struct member *m = &roster->members[i];

		c->divisor = weight_divisor(c->divisor, m->weight);
		if (n < ring->n && ring->targets[n].state == m->state)
			c->by_member[i] = (uint16_t)++n;
	}
}

void consistent_release(struct consistent *c)
{
	free(c->by_slot);
	*c = (struct consistent){0};
}

/* The one of the ring that bids most for a slot, as one more than its place;
 * 0: there is none. */
static uint16_t highest_bidder(const struct consistent *c, uint32_t slot,
			       const struct target_state *avoid)
{
	uint16_t best = 0;
	uint64_t most = 0;

	for (size_t i = 0; i < c->roster->n_members; i++) {
		const struct member *m = &c->roster->members[i];
		const struct maglev_target t = {slice_of(m->state->name),
						m->weight / c->divisor};
		uint64_t bid;

		if (!c->by_member[i] || m->state == avoid)
			continue;
		bid = maglev_bid(&t, slot);
		if (best && bid <= most)
			continue;
		most = bid;
		best = c->by_member[i];
	}
	return best;
}

struct target_state *consistent_find(struct consistent *c,
				     const struct round_robin *ring,
				     uint64_t hash,
				     const struct target_state *avoid)
{
	uint32_t slot = (uint32_t)(hash % HASH_SLOTS);
	uint16_t found = c->by_slot[slot];

	if (!found) {
		found = c->by_member[c->roster->slots[slot]];
		if (!found)
			found = highest_bidder(c, slot, NULL);
		c->by_slot[slot] = found;
	}
	if (found && ring->targets[found - 1].state == avoid)
		found = highest_bidder(c, slot, avoid);
	return found ? ring->targets[found - 1].state : NULL;
}
