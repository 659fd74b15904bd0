/*
 * share.h - which group of a forward action takes the next request.
 *
 * Exact: of any run of as many requests as the weights add up to, each group
 * gets its weight, spread over the run (the smooth weighted round robin of
 * round_robin.h, of each worker by itself). Nobody looks at the health of the
 * targets: a group without any still gets its share, as on AWS.
 *
 * Floor: balance.  One thread for each set of credits.  Source: AWS: forward
 * actions.
 */
#ifndef WEIR_BALANCE_SHARE_H
#define WEIR_BALANCE_SHARE_H

#include <stdint.h>

#include "model/snapshot.h"

/*
 * The group that takes a request; NULL when all weights are 0: 503.
 *
 * credits  this worker's: forward->n_groups of them, from share_begin(); not
 *          touched when there is one group
 */
struct target_group *share_next(const struct forward *forward,
				int64_t *credits);

/*
 * The credits of a snapshot: those of `old` go on where they stand, for rules
 * that share out as before; for the others each worker begins elsewhere, so
 * that the first requests of all workers are not all for the largest group.
 *
 * old, old_credits  what was served before; NULL: nothing
 * credits           gets snap->n_credits of them
 */
void share_begin(const struct snapshot *snap, int64_t *credits, unsigned worker,
		 const struct snapshot *old, const int64_t *old_credits);

#endif
