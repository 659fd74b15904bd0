/*
 * check_line.h - a health check that is over, as a line of a health check log.
 *
 * Floor: control.  Pure; any thread.  Source: AWS: "Health check logs for your
 * Application Load Balancer"; weir-logs(5).
 */
#ifndef WEIR_CONTROL_CHECK_LINE_H
#define WEIR_CONTROL_CHECK_LINE_H

#include "balance/health.h"
#include "base/writer.h"

/* Slices are borrowed. */
struct check_facts {
	enum protocol protocol;
	uint64_t at_us; /* it started; wall clock, microseconds */
	uint64_t latency_ns;
	struct slice target; /* "10.0.3.9:8080" */
	struct slice id;     /* of the target, as configured */
	struct slice group;
	bool passed;
	uint16_t code; /* of the answer; 0: none */
	enum check_result result;
	enum health state; /* of the target, after this check */
};

/* "TimedOut" and the like, in AWS's words; empty for one that passed. */
struct slice check_reason(const struct check_facts *f);

/* With a newline. What does not fit sets w->overflow. */
void check_line_alb(struct writer *w, const struct check_facts *f);
void check_line_json(struct writer *w, const struct check_facts *f);

#endif
