/*
 * counter.h - tallies that one thread writes and others read.
 *
 * Each worker owns one row for each object that is counted for; nobody else
 * writes it, so adding is a load, an add and a store, without a lock and
 * without a bounce of the cache line. Readers sum the rows. `counters.def` has
 * one line for each counter, and says for what it is counted.
 *
 * Floor: base.
 */
#ifndef WEIR_BASE_COUNTER_H
#define WEIR_BASE_COUNTER_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* One enum for each scope: the compiler tells whom a counter is not for. */
enum worker_counter {
#define WORKER(symbol, name, help) COUNT_##symbol,
#include "counters.def"
	WORKER_COUNTERS
};

enum listener_counter {
#define LISTENER(symbol, name, help) COUNT_##symbol,
#include "counters.def"
	LISTENER_COUNTERS
};

enum group_counter {
#define GROUP(symbol, name, help) COUNT_##symbol,
#include "counters.def"
	GROUP_COUNTERS
};

enum target_counter {
#define TARGET(symbol, name, help) COUNT_##symbol,
#include "counters.def"
	TARGET_COUNTERS
};

enum scope { SCOPE_WORKER, SCOPE_LISTENER, SCOPE_GROUP, SCOPE_TARGET };

/* A line of counters.def. */
struct counter {
	enum scope scope;
	unsigned index; /* in the enum of its scope */
	/* In `weir status` and in metrics: AWS's where AWS has one. */
	const char *name;
};

/* All of them, in their order in the file. */
extern const struct counter counters[];
extern const size_t n_counters;

typedef _Atomic uint64_t tally_cell;

/* Adds to a cell that only this thread writes. */
static inline void tally_add(tally_cell *cell, uint64_t n)
{
	atomic_store_explicit(
		cell, atomic_load_explicit(cell, memory_order_relaxed) + n,
		memory_order_relaxed);
}

static inline uint64_t tally_read(const tally_cell *cell)
{
	return atomic_load_explicit(cell, memory_order_relaxed);
}

#endif
