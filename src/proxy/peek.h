/*
 * peek.h - what a worker would do next, without doing it.
 *
 * Floor: proxy.
 */
#ifndef WEIR_PROXY_PEEK_H
#define WEIR_PROXY_PEEK_H

#include <stdatomic.h>

#include "model/snapshot.h"
#include "net/addr.h"

struct http_head;
struct route_input;
struct worker;

/* The asker's memory, until it is done. */
struct peek {
	/* Given; borrowed. */
	struct worker *worker;
	const struct snapshot *snap;
	const struct forward *forward;
	const struct http_head *head;    /* for its cookies */
	const struct route_input *input; /* for what groups hash */

	/* Found; to be read once `done` is there. */
	bool is_served; /* the worker serves `snap`; else nothing is found */
	bool group_sticky;
	const struct target_group *group; /* NULL: no group has any weight */
	char target[ADDR_TEXT_MAX];       /* its name; empty: none */
	_Atomic bool done;
};

/* Posts the question to p->worker. Control thread; returns at once. */
void worker_peek(struct peek *p);

static inline bool peek_is_done(const struct peek *p)
{
	return atomic_load_explicit(&p->done, memory_order_acquire);
}

#endif
