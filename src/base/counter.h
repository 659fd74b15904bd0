/*
 * counter.h - tallies that one thread writes and others read.
 *
 * Each worker owns one array; nobody else writes it, so adding is a load, an
 * add and a store, without a lock and without a bounce of the cache line.
 * Readers sum the arrays. `counters.def` has one row for each.
 *
 * Floor: base.
 */
#ifndef WEIR_BASE_COUNTER_H
#define WEIR_BASE_COUNTER_H

#include <stdatomic.h>
#include <stdint.h>

enum counter {
#define X(symbol, name, help) COUNT_##symbol,
#include "counters.def"
#undef X
	COUNTER_KINDS
};

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

/* The name in `weir status` and in metrics: AWS's where AWS has one. */
const char *counter_name(enum counter c);
/* One sentence for people. */
const char *counter_help(enum counter c);

#endif
