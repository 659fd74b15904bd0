/*
 * fuzz.h - what every fuzz target includes.
 *
 * A target defines LLVMFuzzerTestOneInput() and checks properties of what it
 * calls, not only that it survives. Built with `configure --enable-fuzz
 * CC=clang` libFuzzer drives it (`make fuzz`); else replay.c runs it over its
 * corpus in `make check`.
 */
#ifndef WEIR_TESTS_FUZZ_H
#define WEIR_TESTS_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fail.h"
#include "base/slice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A property that holds for each input. */
#define HOLDS(condition)                                                       \
	do {                                                                   \
		if (!(condition))                                              \
			BUG("does not hold: %s", #condition);                  \
	} while (0)

static inline struct slice fuzz_slice(const uint8_t *data, size_t size)
{
	return slice_make((const char *)data, size);
}

/* Takes one octet off, for choices that the target makes; 0 when empty. */
static inline uint8_t fuzz_octet(struct slice *in)
{
	uint8_t octet = in->n ? (uint8_t)in->p[0] : 0;

	*in = slice_from(*in, 1);
	return octet;
}

/* Whether `part` lies in `whole`; the empty slice lies anywhere. */
static inline bool fuzz_within(struct slice part, struct slice whole)
{
	return part.n == 0 ||
	       (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

#endif
