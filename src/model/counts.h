/*
 * counts.h - what workers count for listeners and target groups, over all
 * configurations.
 *
 * Objects are found by their names, so a reload finds what was counted before,
 * also for what was gone meanwhile. They stay as long as the process, so that
 * nobody has to hold on to them: a connection may outlive its listener by
 * weeks. Control makes and reads them, each worker writes its own rows:
 *
 *	listener -> listener_state -> balancer_state     (names)
 *	               tally[w]                          (worker w)
 *	group    -> group_counts
 *	               tally[w]
 *
 * A load balancer has no cells of its own: it is the sum of its listeners.
 * What is counted for targets stands in state.h.
 *
 * Floor: model.
 */
#ifndef WEIR_MODEL_COUNTS_H
#define WEIR_MODEL_COUNTS_H

#include <time.h>

#include "base/counter.h"
#include "base/glitch.h"
#include "base/histogram.h"
#include "base/map.h"
#include "base/reason.h"
#include "base/slice.h"
#include "model/limit.h"

struct maintenance; /* model/listener.h */
struct snapshot;

/* What one worker counts for one listener. */
struct listener_tally {
	_Alignas(64) tally_cell counters[LISTENER_COUNTERS];
	tally_cell reasons[REASON_KINDS];  /* answers of our own, and ends */
	tally_cell glitches[GLITCH_KINDS]; /* of peers of HTTP/2 */
	/* From the first octet of a request to the last of its answer; not of
	 * tunnels. */
	struct histogram durations;
};

/* What one worker counts for one target group. */
struct group_tally {
	_Alignas(64) tally_cell counters[GROUP_COUNTERS];
	/* From a target that has the request to its answer's first octet. */
	struct histogram response_times;
};

/* What one worker counts for one rule. */
struct rule_tally {
	_Alignas(64) tally_cell requests; /* that it decided */
};

struct balancer_state {
	struct balancer_state *next; /* by the time of the first load */
	struct slice name;           /* owned */
	struct listener_state *listeners;
};

struct rule_counts {
	struct rule_counts *next; /* of the same listener */
	uint32_t priority;        /* 0: the default rule */
	unsigned n_workers;
	struct rule_tally tally[];
};

struct listener_state {
	struct listener_state *next; /* of the same load balancer */
	struct balancer_state *balancer;
	struct rule_counts *rules; /* newest first */
	uint64_t remembered; /* requests at the last step of the history; of
			      * control */
	uint16_t port;
	unsigned n_workers;
	/* At run time; NULL: as the configuration says. Written by control. */
	const struct maintenance *_Atomic maintenance;
	/* Changed files that were served, or could not be. Control alone. */
	time_t shut_since_s; /* 0: it is not */
	uint64_t certificates_taken, certificates_refused;
	struct listener_tally tally[];
};

struct group_counts {
	struct group_counts *next;
	struct slice name; /* owned */
	/* Health checks, written by the control thread. */
	uint64_t checks_passed, checks_failed;
	uint64_t remembered; /* as of a listener */
	unsigned n_workers;
	struct group_tally tally[];
};

/* All there were since the start; control thread. Zeroed but for n_workers,
 * which does not change any more, it is empty. */
struct count_table {
	unsigned n_workers;
	unsigned most; /* listeners, and groups; 0: COUNTS_MAX */
	struct map by_key;
	struct balancer_state *balancers, **balancers_end;
	struct group_counts *groups, **groups_end;
	struct limit_table limits;
	unsigned n_listeners, n_groups, n_rules;
};

/*
 * Configurations that name everything anew for years must not fill the memory:
 * what comes beyond so many listeners, or groups, is counted together under
 * the name COUNTS_OTHERS, which no object can have, and port 0; what comes
 * beyond so many rules, with the default rule of its listener.
 */
enum { COUNTS_MAX = 16384, COUNTS_RULES_MAX = 131072 };
#define COUNTS_OTHERS "(others)"

/* Gives each listener, rule, group and limit of a sealed snapshot its own, made
 * or found again. Before anybody else sees the snapshot. */
void counts_attach(struct count_table *table, struct snapshot *snap);

/* After all workers have ended and all snapshots have gone. */
void counts_release(struct count_table *table);

/* Sums, while workers go on counting. */
uint64_t listener_count(const struct listener_state *l,
			enum listener_counter c);
void listener_durations(const struct listener_state *l,
			struct histogram_sum *out);
uint64_t rule_requests(const struct rule_counts *r);
void group_response_times(const struct group_counts *g,
			  struct histogram_sum *out);
uint64_t listener_reasons(const struct listener_state *l, enum reason r);
uint64_t listener_glitches(const struct listener_state *l, enum glitch g);
uint64_t balancer_count(const struct balancer_state *lb,
			enum listener_counter c);
uint64_t balancer_reasons(const struct balancer_state *lb, enum reason r);
uint64_t group_count(const struct group_counts *g, enum group_counter c);

#endif
