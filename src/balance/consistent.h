/*
 * consistent.h - the same target for the same hash, as long as it can be used.
 *
 * The slots are those of the roster (maglev.h), shared by all workers. What
 * becomes of a slot while its own target takes nothing is found out when it is
 * first asked for, and remembered until the ring of targets is built anew.
 *
 *	each request  one load; the first one for a slot of a target that
 *	              cannot be used: a hash for each turn of those that can
 *
 * Floor: balance.  Not thread-safe: each worker has its own.
 */
#ifndef WEIR_BALANCE_CONSISTENT_H
#define WEIR_BALANCE_CONSISTENT_H

#include <stdbool.h>

#include "balance/round_robin.h"

struct roster; /* model/state.h */

/* Zeroed it has nothing to choose from. */
struct consistent {
	const struct roster *roster; /* borrowed; has slots */
	/* 0 is "none", and "not asked yet"; else one more than a place in the
	 * ring. */
	uint16_t *by_slot;   /* owned; HASH_SLOTS, and behind them: */
	uint16_t *by_member; /* of the roster */
	uint32_t divisor;    /* of all weights */
};

/*
 * For a ring of members of the roster, in their order there. It stays zeroed
 * where the roster has no slots, or memory is out: then turns are taken.
 */
void consistent_init(struct consistent *c, const struct roster *roster,
		     const struct round_robin *ring);
void consistent_release(struct consistent *c);

static inline bool consistent_is_there(const struct consistent *c)
{
	return c->by_slot != NULL;
}

/* The target of a hash, other than `avoid`, which may be NULL; NULL: none. */
struct target_state *consistent_find(struct consistent *c,
				     const struct round_robin *ring,
				     uint64_t hash,
				     const struct target_state *avoid);

#endif
