/*
 * kept.h - the first octets of a body, until it is clear that they need not be
 * sent again.
 *
 * A target that speaks HTTP/2 may say that it looked at nothing of a request
 * which it has, body and all: it is about to end, or has too much to do. As
 * long as all of the body so far is kept, another one can be asked. They are
 * references to octets that were received; nothing is copied.
 *
 * Floor: proxy.  One thread.  Source: RFC 9113, sections 6.8 and 8.7.
 */
#ifndef WEIR_PROXY_KEPT_H
#define WEIR_PROXY_KEPT_H

#include "net/chain.h"

struct stream;

enum {
	/* Octets of one body. */
	KEPT_MAX = 64 * 1024,
	/* Of all bodies of one client: what it makes us hold beside what waits
	 * for a target. Who is over it is not asked a second time for. */
	KEPT_OF_CLIENT_MAX = 256 * 1024,
};

/* A zeroed one keeps nothing yet. */
struct kept {
	struct chain octets;
	uint32_t *in_all; /* of the client; borrowed; set before kept_add() */
	bool is_over;     /* there was more, or it is of no use any more */
};

/* Takes references to what the chain holds. */
void kept_add(struct kept *kept, const struct chain *octets);

/* Whether the first `n` octets of the body, which were sent, are there. */
static inline bool kept_is_whole(const struct kept *kept, uint64_t n)
{
	return kept->octets.n == n;
}

/* Writes them to a stream; false when there is no room. */
bool kept_send(const struct kept *kept, struct stream *to);

/* Nothing is sent again. Twice is harmless. */
static inline void kept_release(struct kept *kept)
{
	if (kept->octets.n) {
		*kept->in_all -= kept->octets.n;
		chain_release(&kept->octets);
	}
	kept->is_over = true;
}

#endif
