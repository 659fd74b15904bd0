/*
 * anomaly.h - which targets fail more often than the others, and what they
 * get for it.
 *
 * Every period the answers of 5xx and the connections that failed are
 * compared. A target is anomalous when it had ANOMALY_LEAST requests or more,
 * at least one in twenty failed, and that is both three times the median of
 * the others and more than chance would make of it (three standard deviations
 * of a target that fails as often as the others together). What a window holds
 * falls to an eighth with each period.
 *
 * Where the group mitigates, the weight of an anomalous target is halved each
 * period, down to a hundredth; once it is no longer anomalous, or has too few
 * requests to tell, it doubles. At most half of the targets are mitigated:
 * those that fail most.
 *
 * AWS publishes neither thresholds nor steps: these are ours.
 *
 * Floor: balance.  Control thread.  Source: AWS: automatic target weights.
 */
#ifndef WEIR_BALANCE_ANOMALY_H
#define WEIR_BALANCE_ANOMALY_H

#include "model/group.h"
#include "model/state.h"

enum {
	ANOMALY_PERIOD_MS = 5000,
	ANOMALY_TARGETS = 3, /* healthy ones, below which nothing is compared */
	ANOMALY_LEAST = 10,  /* requests in a window that can tell something */
	FACTOR_LEAST = FACTOR_ONE / 100,
};

/*
 * Ends a period of one group: reads the tallies, sets is_anomalous and factor
 * of each member. Returns whether a weight has changed: then touch the group.
 */
bool anomaly_period(const struct target_group *g, const struct roster *roster);

#endif
