/*
 * fake_kernel.h - a kernel made of memory: takes plans as the real one does,
 * without privileges. A plan that the real one would refuse (a jump to a chain
 * that is not there, a chain or set in use, elements that overlap) is a bug.
 */
#ifndef WEIR_TESTS_FAKE_KERNEL_H
#define WEIR_TESTS_FAKE_KERNEL_H

#include "kernel/kernel.h"

struct fake_kernel {
	struct kernel kernel;
	struct ruleset *now; /* NULL: no table */
	uint32_t generation;
	bool refuses;     /* the next batch fails at its first rule */
	bool has_no_fib;  /* it refuses rules that ask for kinds of addresses */
	bool has_no_log;  /* it refuses rules that log */
	unsigned n_races; /* so many batches find the generation moved */
	bool has_no_rights;
	bool goes_blind;     /* after a batch nothing can be read any more */
	bool answers_lost;   /* of each batch */
	bool takes_nothing;  /* without a word */
	bool flushed_after;  /* the next batch; before anybody looks */
	const char *watched; /* a file; NULL: none */
	bool was_there;      /* the file, when the last batch came */
	const char *gate;    /* a FIFO that a cut waits for; NULL: none */
	const char *trouble; /* a warning; NULL: none */
	unsigned n_sent, n_cuts;
};

void fake_kernel_init(struct fake_kernel *f);
/* Keepers close what they are given; this one outlives them. */
void fake_kernel_release(struct fake_kernel *f);

/* Somebody else removes the first rule of a chain. */
void fake_kernel_meddle(struct fake_kernel *f, const char *chain);

/* Its rules as text, without those that tell a keeper of drops; "" without a
 * table. The caller frees it. */
char *fake_kernel_text(const struct fake_kernel *f);

#endif
