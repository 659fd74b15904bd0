/*
 * conns.h - which connections from clients a worker has, and what they do.
 *
 * A question goes to all workers at once, and each writes its rows at the end
 * of a turn. Who has very many of them is not held up by it: CONNS_LOOK are
 * looked at.
 *
 * Floor: proxy.
 */
#ifndef WEIR_PROXY_CONNS_H
#define WEIR_PROXY_CONNS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "net/addr.h"

struct listener_state; /* model/counts.h */
struct worker;

enum {
	CONNS_LOOK = 16384,
	CONNS_ID_MAX = 40,
	CONNS_TLS_MAX = 12,
	CONNS_CLIENT_MAX = 64,
};

struct conns_row {
	const struct listener_state *listener; /* lives as long as we do */
	const char *protocol, *state;          /* static */
	uint64_t open_ms, idle_ms;             /* for so long */
	uint64_t octets_in, octets_out;
	uint64_t generation; /* 0: of none any more */
	uint64_t requests;
	unsigned under_way; /* of these */
	char id[CONNS_ID_MAX], client[CONNS_CLIENT_MAX], tls[CONNS_TLS_MAX];
	char target[ADDR_TEXT_MAX]; /* of a request under way; or empty */
};

struct conns_question {
	/* Given. */
	const struct listener_state *listener; /* NULL: any */
	const char *target; /* owned by the asker; NULL: any */
	unsigned n_rows;    /* at most */
	/* Found; to be read once nobody is left. */
	_Atomic unsigned n_left;   /* workers that have not answered */
	_Atomic unsigned n_taken;  /* rows; may be more than there are */
	_Atomic uint64_t total;    /* connections that fit */
	_Atomic uint64_t unlooked; /* that nobody looked at */
	struct conns_row rows[];
};

/* Posts it to one of the n_left workers. Control thread; returns at once. */
void worker_ask_conns(struct worker *w, struct conns_question *q);

static inline bool conns_are_there(const struct conns_question *q)
{
	return atomic_load_explicit(&q->n_left, memory_order_acquire) == 0;
}

#endif
