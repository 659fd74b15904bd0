/*
 * piece.h - a text that several may hold: a head that was written once and
 * may have to be sent again.
 *
 * Pieces of all connections of a thread lie one behind the other in the same
 * chunks, so a request that waits for its answer holds its own few hundred
 * octets and not a chunk of 16 KiB, and what is written stays in the cache.
 *
 * Floor: net.  One thread.
 */
#ifndef WEIR_NET_PIECE_H
#define WEIR_NET_PIECE_H

#include "net/chain.h"

/* A zeroed piece is empty. */
struct piece {
	struct chunk *chunk; /* one reference; NULL when empty */
	const char *p;
	uint32_t n;
};

/* Room for `need` octets, to be written and then taken up by piece_take().
 * NULL when the pool is empty. */
char *piece_claim(size_t need);
/* The first `used` octets of the room are a piece now. */
struct piece piece_take(size_t used);
void piece_release(struct piece *piece);

/*
 * Goes on with a part of the text, in memory of its own: a piece that lives
 * for long would hold a whole chunk for its few octets, once the others in
 * that chunk have gone. False, and nothing has changed, when the pool is
 * empty; then the part is still where it was. *part is moved along.
 */
bool piece_shed(struct piece *piece, struct slice *part);

/* Appends the text of a piece; the chain takes a reference of its own. */
static inline void chain_append_piece(struct chain *c,
				      const struct piece *piece)
{
	chain_append(c, piece->chunk, piece->p, piece->n);
}

/* Gives the thread's room back; at its end. */
void piece_room_release(void);

#endif
