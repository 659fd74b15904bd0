/*
 * history.h - what was counted in each ten seconds of the last hour, or of
 * settings.history_seconds.
 *
 * Series belong to names, like the counters that they are made of: listeners
 * and target groups, HISTORY_SERIES of each at most. Where there are more,
 * those with most requests are remembered: one that gets more in a step than
 * another did in all the time takes its place.
 *
 * Floor: control.  Control thread.
 */
#ifndef WEIR_CONTROL_HISTORY_H
#define WEIR_CONTROL_HISTORY_H

#include <jansson.h>
#include <stdint.h>
#include <time.h>

struct daemon;
struct history;
struct listener_state; /* model/counts.h */

enum {
	HISTORY_STEP_S = 10,
	HISTORY_SERIES = 64,
	/* Of an answer; more steps than that are told together. */
	HISTORY_POINTS = 360,
};

/* Remembers what is over since the last step. Often: once a second. */
void history_tend(struct daemon *d);

/* NULL is allowed. */
void history_free(struct history *h);

/* Points from `since_s` on, and the events since then. */
json_t *history_to_json(const struct daemon *d, time_t since_s);

/* Requests and connections that a listener turned away in the last `seconds`,
 * as far as that is remembered. */
uint64_t history_shed(const struct daemon *d, const struct listener_state *l,
		      unsigned seconds);

/* The command "history". */
json_t *history_answer(struct daemon *d, const json_t *request, uint64_t *memo);

#endif
