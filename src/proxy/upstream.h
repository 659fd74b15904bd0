/*
 * upstream.h - connections to targets: made, kept warm, used again.
 *
 *   CONNECTING --> BUSY <--> IDLE
 *        |           |        |
 *        +-----------+--------+--> closed
 *
 * Floor: proxy.  One thread.
 */
#ifndef WEIR_PROXY_UPSTREAM_H
#define WEIR_PROXY_UPSTREAM_H

#include "base/list.h"
#include "model/group.h"
#include "model/state.h"
#include "net/conn.h"

struct exchange;
struct worker;

/* What a worker keeps for one target. Outlives views: a reload finds its
 * warm connections again. */
struct upstream_pool {
	struct target_state *state; /* one reference */
	struct list idle;           /* newest first */
	struct list busy;
	unsigned n_idle;
	/* How long the target lets a connection lie idle, learned when it
	 * closes one; 0: not known. And when that was learned. */
	uint64_t patience_ms, learned_ms;
};

/* Warm connections to one target that a worker keeps. */
enum { UPSTREAM_IDLE_MAX = 1024 };

struct upstream {
	struct conn conn; /* first: comes back from it */
	struct worker *worker;
	struct upstream_pool *pool;
	struct exchange *exchange; /* NULL while idle */
	struct list node;          /* in the pool */
	struct retired retired;
	uint64_t idle_ms;         /* how long it may lie idle */
	uint64_t since_ms;        /* when it became idle */
	uint64_t written0, read0; /* of conn, when this exchange began */
	bool is_tls;
	bool is_warm; /* served an exchange before this one */
	bool is_cut;  /* by upstream_cut() */
};

struct upstream_spec {
	struct target_state *target; /* borrowed */
	const struct target_group *group;
	struct slice server_name; /* for TLS */
	uint64_t connect_ms, idle_ms;
	bool fresh;  /* no warm one */
	bool unsafe; /* cannot be sent twice: not over a connection that the
		      * target may be about to close */
};

/*
 * Takes a warm connection to the target or begins to connect; `x` is told of
 * its events. NULL with errno when not even that is possible.
 */
struct upstream *upstream_take(struct worker *w,
			       const struct upstream_spec *spec,
			       struct exchange *x);

/* The exchange is over: keeps the connection warm, or closes it. */
void upstream_give_back(struct upstream *u, bool reusable);

/* Not one octet of this exchange has reached the kernel. */
static inline bool upstream_is_untouched(const struct upstream *u)
{
	return u->conn.n_written == u->written0;
}

/* The target has begun to answer, perhaps with less than a head. */
static inline bool upstream_has_spoken(const struct upstream *u)
{
	return u->conn.n_read != u->read0;
}

/* Ends what is under way to a target whose time is over. */
void upstream_cut(struct worker *w, const struct target_state *target);
/* No descriptor is free: gives up the warm ones. False: there were none. */
bool upstream_shed(struct worker *w);
/* Drops warm connections to targets that left the configuration. */
void upstream_sweep(struct worker *w);
/* At the end of the worker: closes all idle ones and frees the pools. */
void upstream_release(struct worker *w);

#endif
