/*
 * metrics_parts.h - a row of the table of metrics, and what it is read from.
 *
 * Floor: control.
 */
#ifndef WEIR_CONTROL_METRICS_PARTS_H
#define WEIR_CONTROL_METRICS_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/histogram.h"
#include "model/counts.h"
#include "model/state.h"

struct daemon;
struct limit_counts; /* model/limit.h */

/* Whose metric it is. Families are left out in the order of this list; those
 * of the process never are. */
enum metric_of {
	OF_RULE,
	OF_TARGET,
	OF_CERTIFICATE,
	OF_GROUP,
	OF_LISTENER,
	OF_LIMIT,
	OF_LOG,
	OF_ADVICE,
	OF_CONFIG,
	OF_PROCESS,
	METRIC_SCOPES
};

enum metric_type {
	METRIC_COUNTER,
	METRIC_GAUGE,
	METRIC_INFO,
	METRIC_HISTOGRAM,
};

enum { TARGET_STATES = HEALTH_UNAVAILABLE + 1 };

/* Of a group, as it was when the page was begun. */
struct group_gauges {
	uint32_t states[TARGET_STATES];
	uint32_t anomalous, mitigated;
	bool dns, routing; /* healthy enough for either */
};

/* What has series of its own. Which members are there depends on its scope. */
struct metric_object {
	size_t labels_at, labels_n; /* in the text of the page */
	struct daemon *daemon;
	const struct listener_state *listener;
	const struct rule_counts *rule;
	const struct group_counts *group;
	bool has_tls; /* a listener */
	struct group_gauges gauges;
	struct target_state *target; /* one reference */
	const struct limit_counts *limit;
	uint64_t lines, lost; /* of a log */
	int64_t expires_s;    /* a certificate; since 1970 */
};

/* It cannot be told: there is no such series. */
#define METRIC_ABSENT UINT64_MAX

struct metric {
	const char *name; /* of its samples, but for histograms */
	const char *help; /* a sentence, CloudWatch's name in brackets */
	enum metric_of of;
	enum metric_type type;
	/* Series for each object: one where `n` is 0, else for each i below n,
	 * told apart by labels[i], or by `key` and what token() gives. */
	unsigned n;
	const char *const *labels;
	const char *key;
	const char *(*token)(unsigned i);
	bool skips_zero; /* most are, and stay so */
	unsigned parts;  /* a value of 1 is so many; 0: whole numbers */
	uint64_t (*read)(const struct metric_object *o, unsigned i);
	void (*read_histogram)(const struct metric_object *o,
			       struct histogram_sum *out);
};

extern const struct metric metrics_table[];
extern const size_t n_metrics;

/* The ends of the buckets of histograms; the last one, +Inf, is not among
 * them. */
struct metric_bucket {
	const char *text; /* in seconds */
	uint32_t ms;      /* lengths are whole milliseconds */
};
enum { METRIC_BUCKETS = 16 };
extern const struct metric_bucket metric_buckets[METRIC_BUCKETS];

#endif
