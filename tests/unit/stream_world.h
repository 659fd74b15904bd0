/*
 * stream_world.h - a stream, its connection and the one at the other end, for
 * test_stream.c; each protocol that joins brings a speaker.
 */
#ifndef WEIR_TESTS_STREAM_WORLD_H
#define WEIR_TESTS_STREAM_WORLD_H

#include "net/conn.h"
#include "stream/h1_stream.h"
#include "stream/stream.h"

struct h2_session;
struct h2_peer;
struct world;

/* The one at the other end, who speaks a protocol by hand. A head is the whole
 * of it; a body of BODY_LENGTH is "hello". */
struct speaker {
	/* Both ends are there; w->s is ours, or comes with its first head. */
	void (*begin)(struct world *w);
	void (*end)(struct world *w);
	/* After each turn of the loop; NULL: nothing is to be done. */
	void (*turn)(struct world *w);
	void (*say_head)(struct world *w, enum body_kind kind);
	void (*say_body)(struct world *w, enum body_kind kind,
			 const char *octets, bool last);
	/* Octets that no body can go on with. */
	void (*say_nonsense)(struct world *w);
	void (*hear_head)(struct world *w, enum body_kind kind);
	void (*hear_body)(struct world *w, enum body_kind kind,
			  const char *octets, bool last);
	void (*hear_trailers)(struct world *w);
	void (*hear_nothing)(struct world *w);
	void (*hear_reset)(struct world *w);
	/* Takes what has come, and forgets it. */
	void (*drop)(struct world *w);
};

struct row {
	const char *name;
	const struct speaker *speaker;
	bool is_front, tls;
	/* The stream is there once a head has come, not before. */
	bool by_head;
	/* The connection is not its own: it goes on whatever becomes of the
	 * stream, and no other protocol takes it over. */
	bool one_of_many;
};

struct world {
	const struct row *row;
	struct loop loop;
	struct conn us, them;
	struct stream *s;
	unsigned n_told; /* the user was told that something changed */
	unsigned n_over;
	enum h1_over over;
	bool deaf;  /* the other end does not read */
	bool asked; /* we have sent a head */

	struct h1_stream h1;
	struct h2_session *h2;
	struct h2_peer *peer;
};

/* Some turns of the loop. */
void world_settle(struct world *w);

extern const struct speaker h2_speaker;

#endif
