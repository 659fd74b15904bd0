/*
 * health.h - results of checks become a verdict.
 *
 *	           one success                fall failures
 *	initial -----------------> healthy -----------------> unhealthy
 *	   |                          ^    rise successes         | ^
 *	   |                          +---------------------------+ |
 *	   +--------------------------------------------------------+
 *	                         fall failures
 *
 * Failures and successes count when they come in a row. The other states
 * (unused, draining, unavailable) are not the checks' to change.
 *
 * Floor: balance.  Pure.  Source: AWS: target group health checks.
 */
#ifndef WEIR_BALANCE_HEALTH_H
#define WEIR_BALANCE_HEALTH_H

#include "model/group.h"
#include "model/state.h"

enum check_result {
	CHECK_ANSWERED,   /* with a code: the matcher decides */
	CHECK_OTHER_BODY, /* with a code; the body is not the one wanted */
	CHECK_NO_STATUS,  /* a call of gRPC was answered without its code */
	CHECK_CONNECTED,  /* that was all the check asked for (TCP) */
	CHECK_TIMEOUT,    /* no whole response head in time */
	CHECK_BROKEN,     /* no connection, no TLS, or no HTTP */
	CHECK_INTERNAL,   /* our own fault: no descriptor, no memory */
};

/* What is kept for one target between checks. Zeroed it is ready. */
struct health_track {
	unsigned run;     /* results of one kind in a row, up to now */
	bool run_is_good; /* of which kind */
};

/*
 * Takes the result of one check.
 *
 * code    of the answer; only with CHECK_ANSWERED
 * health  the state of the target; moved when the verdict changes
 * reason  moved with it, and also while it stays unhealthy for another
 *         reason; HEALTH_NO_REASON for a healthy one
 *
 * Returns whether *health changed: only then is the group touched.
 */
bool health_note(struct health_track *track, const struct health_check *check,
		 enum check_result result, uint16_t code, enum health *health,
		 enum health_reason *reason);

/* Whether a code is in one of the ranges. */
bool matcher_matches(const struct code_range *ranges, size_t n_ranges,
		     uint16_t code);

#endif
