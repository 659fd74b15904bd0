/*
 * histogram.h - how long things took: how many of each length.
 *
 * Written by one thread, read by others, like all tallies. Lengths are whole
 * milliseconds; a cell has all those above the end of the one before it, up to
 * its own end, so that each bound that people ask for (5, 10, 25, 50 ... 60000)
 * is the end of a cell:
 *
 *	0 1 2 ... 10          eleven cells of one millisecond
 *	15 20 ... 100         eighteen of five
 *	150 200 ... 1000      eighteen of fifty
 *	1500 ... 10000        eighteen of five hundred
 *	15000 ... 100000      eighteen of five thousand
 *	and one for what took longer
 *
 * Floor: base.
 */
#ifndef WEIR_BASE_HISTOGRAM_H
#define WEIR_BASE_HISTOGRAM_H

#include "counter.h"

enum {
	HISTOGRAM_SINGLES = 11,
	HISTOGRAM_DECADE = 18,
	HISTOGRAM_CELLS = HISTOGRAM_SINGLES + 4 * HISTOGRAM_DECADE + 1,
	HISTOGRAM_MOST_MS = 100000,
};

struct histogram {
	tally_cell cells[HISTOGRAM_CELLS];
	tally_cell sum_ms;
};

/* The cell of a length. */
static inline unsigned histogram_cell(uint64_t ms)
{
	uint32_t n = (uint32_t)ms;

	if (__builtin_expect(ms < HISTOGRAM_SINGLES, 1))
		return n;
	if (ms <= 100)
		return HISTOGRAM_SINGLES + (n - 11) / 5;
	if (ms <= 1000)
		return HISTOGRAM_SINGLES + HISTOGRAM_DECADE + (n - 101) / 50;
	if (ms <= 10000)
		return HISTOGRAM_SINGLES + 2 * HISTOGRAM_DECADE +
		       (n - 1001) / 500;
	if (ms <= HISTOGRAM_MOST_MS)
		return HISTOGRAM_SINGLES + 3 * HISTOGRAM_DECADE +
		       (n - 10001) / 5000;
	return HISTOGRAM_CELLS - 1;
}

/* One more of that length; two cells that only this thread writes. */
static inline void histogram_add(struct histogram *h, uint64_t ms)
{
	tally_add(&h->cells[histogram_cell(ms)], 1);
	tally_add(&h->sum_ms, ms);
}

/* What readers make of them: the sum over workers, of now, or of a time. */
struct histogram_sum {
	uint64_t cells[HISTOGRAM_CELLS];
	uint64_t n, sum_ms;
};

/* Adds what a worker has counted. */
void histogram_read(const struct histogram *h, struct histogram_sum *sum);

/* The end of a cell, in milliseconds; UINT64_MAX for the last one. */
uint64_t histogram_end_ms(unsigned cell);

/* How many took `ms` at most; exact where that is the end of a cell, else up to
 * the end before it. */
uint64_t histogram_up_to(const struct histogram_sum *sum, uint64_t ms);

/* The length that a part (0 to 1) of them did not pass, in milliseconds: the
 * end of its cell. 0 when there is none; HISTOGRAM_MOST_MS for longer ones. */
uint64_t histogram_quantile(const struct histogram_sum *sum, double part);

#endif
