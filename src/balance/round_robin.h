/*
 * round_robin.h - each in turn, as often as its weight says.
 *
 * With equal weights a cursor goes round: constant cost. Otherwise the smooth
 * weighted round robin of nginx: each turn every target gains its weight, the
 * richest is taken and pays the sum of all, so that 5:1:1 gives a a b a c a a
 * and never five in a row.
 *
 * The ring of targets is also what the other algorithms choose from.
 *
 * Floor: balance.  Not thread-safe: each worker has its own.
 */
#ifndef WEIR_BALANCE_ROUND_ROBIN_H
#define WEIR_BALANCE_ROUND_ROBIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct target_state; /* model/state.h */

struct rr_target {
	struct target_state *state; /* borrowed */
	uint64_t weight;            /* at least 1 */
	int64_t credit;             /* in weights; the richest is next */
	uint64_t below;             /* sum of the weights before this one */
	uint32_t load;              /* outstanding requests, when last seen by
				     * least_next() */
};

/* A zeroed one is empty. */
struct round_robin {
	struct rr_target *targets; /* n of them; borrowed */
	size_t n;
	size_t cursor;         /* below n: whose turn it is; with weights only
				* how many turns there were */
	uint64_t total_weight; /* of all */
	bool is_weighted;      /* not all weights are equal */
};

/*
 * Starts over with these targets. `begin` is any number: how many turns have
 * been had already, so that two rings with different numbers take different
 * targets first.
 */
void rr_init(struct round_robin *ring, struct rr_target *targets, size_t n,
	     size_t begin);

/* The next target other than `avoid`, which may be NULL; NULL: none. */
struct target_state *rr_next(struct round_robin *ring,
			     const struct target_state *avoid);

#endif
