/*
 * weighted_random.h - any target, as likely as its weight says.
 *
 * Floor: balance.  Not thread-safe: each worker has its own numbers.
 * Source: AWS: routing algorithms, automatic target weights.
 */
#ifndef WEIR_BALANCE_WEIGHTED_RANDOM_H
#define WEIR_BALANCE_WEIGHTED_RANDOM_H

#include "balance/round_robin.h"

/*
 * As rr_next(); the cost grows with the logarithm of the number of targets.
 *
 * random  where the sequence of numbers stands; any value, moved on
 */
struct target_state *random_next(const struct round_robin *ring,
				 const struct target_state *avoid,
				 uint64_t *random);

#endif
