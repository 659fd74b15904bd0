/*
 * least.h - the target with the fewest outstanding requests.
 *
 * Outstanding requests are divided by the weight. Among equals turns are
 * taken, as often as the weights say; so a group that has nothing to do is
 * served as by round robin.
 *
 *	each request  looks at all targets: linear in their number
 *
 * Floor: balance.  Not thread-safe, but for the counts that it reads.
 * Source: AWS: routing algorithms.
 */
#ifndef WEIR_BALANCE_LEAST_H
#define WEIR_BALANCE_LEAST_H

#include "balance/round_robin.h"

/* As rr_next(). */
struct target_state *least_next(struct round_robin *ring,
				const struct target_state *avoid);

#endif
