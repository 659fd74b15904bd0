/*
 * chain.h - a queue of octets made of slices of chunks.
 *
 * Octets go in at the end by reading from a socket, by copying, or by moving
 * slices from another chain; they leave at the front. Moving a body from one
 * connection to another copies nothing. Every chain has a hard limit; an
 * empty chain holds no chunk.
 *
 * Floor: net.  One thread; uses that thread's chunk pool.
 */
#ifndef WEIR_NET_CHAIN_H
#define WEIR_NET_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/slice.h"
#include "net/chunk.h"

struct seg {
	struct seg *next;
	struct chunk *chunk; /* one reference */
	char *p;
	uint32_t n;
};

struct chain {
	struct seg *first, *last; /* NULL when empty */
	uint32_t n;               /* octets in it */
	uint32_t limit;           /* octets it may hold */
};

/* iovecs that chain_reserve fills at most. */
enum { CHAIN_ROOM_MAX = 5 };

static inline void chain_init(struct chain *c, uint32_t limit)
{
	*c = (struct chain){.limit = limit};
}

static inline bool chain_is_empty(const struct chain *c)
{
	return c->n == 0;
}

/* Octets that may still go in. */
static inline size_t chain_room(const struct chain *c)
{
	return c->n < c->limit ? c->limit - c->n : 0;
}

/*
 * Offers room at the end: the tail of the last chunk and fresh ones, at most
 * `pieces` of both (up to CHAIN_ROOM_MAX), and never more than the limit
 * allows. Returns the octets offered, 0 when the chain is full or the pool is
 * empty. The room is taken up by chain_commit, which must follow before
 * anything else.
 */
size_t chain_reserve(struct chain *c, int pieces, struct iovec *room,
		     int *n_room);
/* The first `n` octets of what was offered are now in the chain. */
void chain_commit(struct chain *c, const struct iovec *room, int n_room,
		  size_t n);

/* The slices at the front, at most `max`; returns how many. */
int chain_gather(const struct chain *c, struct iovec *out, int max);

/* Drops `n` octets at the front; n is at most c->n. */
void chain_drain(struct chain *c, size_t n);
/* Drops everything. */
void chain_release(struct chain *c);

/* The first slice; empty when the chain is. */
static inline struct slice chain_front(const struct chain *c)
{
	return c->first ? slice_make(c->first->p, c->first->n)
			: slice_make("", 0);
}

/* Makes the first `n` octets (at most c->n) one slice, copying if need be.
 * Returns false, and changes nothing, when the pool is empty. */
bool chain_linearise(struct chain *c, size_t n);

/* Moves up to `n` octets from the front of one to the end of the other,
 * whatever the limit of the other is: slices, or a copy where they are few
 * and follow on, so that a short body leaves with its head in one piece.
 * Returns the octets moved. */
size_t chain_move(struct chain *to, struct chain *from, size_t n);

/* Appends a slice of a chunk; takes a reference of its own. */
bool chain_append(struct chain *c, struct chunk *chunk, const char *p,
		  size_t n);
/* Appends a copy, whatever the limit is; false when the pool is empty. */
bool chain_copy(struct chain *c, struct slice text);

/* The same, in a block of its own size, or 2 KiB, where there is no room behind
 * what is there: for a few octets that may lie for long, and would hold a
 * whole chunk else. */
bool chain_keep(struct chain *c, struct slice text);

/*
 * Room for `need` octets in one piece at the end, to be written by hand and
 * then taken up with chain_claimed(c, used), used <= need. NULL when the
 * pool is empty. Whatever the limit is.
 */
char *chain_claim(struct chain *c, size_t need);
void chain_claimed(struct chain *c, size_t used);

/* Frees what this thread keeps for its chains; before it ends, and when all of
 * them are empty. */
void chain_release_kept(void);

#endif
