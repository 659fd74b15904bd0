/*
 * steps.h - how many steps the data path takes, the same on every machine.
 *
 * tests/sim/local.mk compiles its sources once more with trace-pc, so that
 * each basic block calls the counter; what the C library does for a block is
 * added by its length. The program itself is not touched by this.
 *
 * This file is included before each of these sources.
 */
#ifndef WEIR_TESTS_STEPS_H
#define WEIR_TESTS_STEPS_H

#include <stdint.h>
#include <string.h>

extern uint64_t steps_taken;

/* Octets that the C library looks at, or copies, in one step. */
enum { STEP_OCTETS = 16 };

static inline void *steps_memchr(const void *s, int c, size_t n)
{
	void *found = memchr(s, c, n);

	if (found)
		n = (size_t)((char *)found - (const char *)s);
	steps_taken += n / STEP_OCTETS;
	return found;
}

static inline int steps_memcmp(const void *a, const void *b, size_t n)
{
	steps_taken += n / STEP_OCTETS;
	return memcmp(a, b, n);
}

static inline void *steps_memcpy(void *to, const void *from, size_t n)
{
	steps_taken += n / STEP_OCTETS;
	return memcpy(to, from, n);
}

#define memchr(s, c, n)     steps_memchr(s, c, n)
#define memcmp(a, b, n)     steps_memcmp(a, b, n)
#define memcpy(to, from, n) steps_memcpy(to, from, n)

#endif
