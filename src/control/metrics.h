/*
 * metrics.h - what is counted and what holds now, as Prometheus reads it.
 *
 * The families stand in one table (metrics_table.c). A page has them one behind
 * the other, each with its series: those of the objects of the configuration in
 * force. Counters belong to names (model/counts.h), so they go on over a
 * reload, also for what was gone meanwhile.
 *
 * A page is made a few KiB at a time: whoever reads it slowly, or a large one,
 * keeps nobody waiting. Workers are only read from.
 *
 * Where there would be more series than settings.metrics.max_series, whole
 * families are left out, and named.
 *
 * Floor: control.  Control thread.  Source: Prometheus text format 0.0.4,
 * OpenMetrics 1.0; CloudWatch for the names in brackets.
 */
#ifndef WEIR_CONTROL_METRICS_H
#define WEIR_CONTROL_METRICS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "web.h"

struct daemon;
struct metrics;

enum metrics_format { METRICS_PROMETHEUS, METRICS_OPENMETRICS };

/* What somebody wants who sends this Accept; empty: none was sent. */
enum metrics_format metrics_format_of(struct slice accept);

/* A page of now. The daemon outlives it. Never NULL. */
struct metrics *metrics_begin(struct daemon *d, enum metrics_format format);
/* Appends the next part, about METRICS_PART octets; false: there was nothing
 * left. */
bool metrics_go_on(struct metrics *m, struct text *out);
void metrics_end(struct metrics *m);

enum { METRICS_PART = 8 * 1024 };

/* /metrics; `arg` is the daemon. */
void metrics_page(void *arg, const struct web_request *q, struct web_answer *a);

/* The whole of it for the admin socket: a member "text". */
json_t *metrics_answer(struct daemon *d, const json_t *request, uint64_t *memo);

#endif
