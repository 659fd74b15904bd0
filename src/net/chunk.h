/*
 * chunk.h - blocks of 16 KiB that octets are read into.
 *
 * A chunk is counted by the slices that point into it; the last one gives it
 * back to the pool of its thread, newest first, so the next read finds it in
 * the cache. The pool has a limit: when it is reached chunk_new() returns
 * NULL, the counter moves, and the caller sheds load.
 *
 * Floor: net.  One pool for each thread.
 */
#ifndef WEIR_NET_CHUNK_H
#define WEIR_NET_CHUNK_H

#include <stddef.h>
#include <stdint.h>

struct chunk {
	uint32_t refs;
	uint32_t used;      /* octets of data that somebody has written */
	uint32_t room;      /* octets of data in all */
	struct chunk *next; /* in the pool */
	char data[];
};

enum {
	CHUNK_ALLOC = 16 * 1024,
	CHUNK_OCTETS = CHUNK_ALLOC - (int)sizeof(struct chunk),
	CHUNK_KEPT = 64, /* free chunks that a pool keeps for the next burst */
};

/* Sets how many octets this thread may hold in chunks; called once by the
 * thread before it takes any. */
void chunk_pool_init(size_t most_octets);
/* Frees what the pool keeps. All chunks must have come back. */
void chunk_pool_release(void);
/* Octets in chunks that are in use now, and how often the limit was hit. */
size_t chunk_pool_in_use(void);
uint64_t chunk_pool_refusals(void);

/* With one reference, or NULL at the limit. */
struct chunk *chunk_new(void);
/* For a head that does not fit into 16 KiB: one piece of `room` octets. */
struct chunk *chunk_new_large(size_t room);

static inline struct chunk *chunk_ref(struct chunk *c)
{
	c->refs++;
	return c;
}

void chunk_free(struct chunk *c);

static inline void chunk_unref(struct chunk *c)
{
	if (--c->refs == 0)
		chunk_free(c);
}

#endif
