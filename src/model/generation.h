/*
 * generation.h - the life of a configuration: since when, and what still runs
 * in it.
 *
 * Each worker keeps one cell of it up to date, when something leaves a view
 * that has been replaced: so a request in the newest one costs nothing here.
 * Upgraded connections hold on to no generation.
 *
 * Floor: model.  Cells: one worker writes, control reads.
 */
#ifndef WEIR_MODEL_GENERATION_H
#define WEIR_MODEL_GENERATION_H

#include <stdatomic.h>
#include <stdint.h>
#include <time.h>

#include "base/list.h"

struct snapshot;

struct generation_cell {
	/* The worker has a view of it. */
	_Alignas(64) _Atomic unsigned is_alive;
	/* Of a view that was replaced: what runs in it, and on how many
	 * connections at least; idle ones of a listener that is gone too. */
	_Atomic unsigned exchanges, connections;
};

struct generation {
	_Atomic unsigned refs; /* the snapshot, and control's list */
	struct list node;      /* control's, newest first */
	uint64_t number;
	time_t since_s;
	uint64_t replaced_ms; /* clock_now_ms(); 0: it is the newest */
	unsigned n_workers;
	struct generation_cell cells[]; /* one for each worker */
};

/* Gives a snapshot a generation of its own, by its number, and returns another
 * reference. Before anybody else sees the snapshot. */
struct generation *generation_begin(struct snapshot *snap, unsigned n_workers);

/* Any thread. */
void generation_unref(struct generation *g);

struct generation_sum {
	unsigned workers; /* that have a view of it */
	uint64_t exchanges, connections;
};
struct generation_sum generation_sum(const struct generation *g);

#endif
