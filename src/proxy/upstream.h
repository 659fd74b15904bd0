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
#include "stream/h1_stream.h"

struct snapshot;
struct worker;

/* Part of whoever uses an upstream: an exchange, a flow. */
struct upstream_user {
	/* Something changed: it came about or failed, octets came or left. */
	void (*ready)(struct upstream_user *user);
};

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
	struct conn conn;    /* first: comes back from it */
	struct h1_stream h1; /* of its user */
	struct worker *worker;
	struct upstream_pool *pool;
	struct upstream_user *user; /* NULL while idle */
	struct list node;           /* in the pool */
	struct retired retired;
	uint64_t idle_ms;  /* how long it may lie idle */
	uint64_t since_ms; /* when it became idle */
	bool is_tls;
	bool is_warm; /* served somebody before its user */
	bool is_cut;  /* by upstream_cut() */
};

struct upstream_spec {
	struct target_state *target; /* borrowed */
	const struct target_group *group;
	const struct snapshot *snap; /* that the group is of */
	struct slice server_name;    /* for TLS */
	uint64_t idle_ms;            /* for which it may be kept afterwards */
	bool fresh;                  /* no warm one */
	bool unsafe; /* cannot be sent twice: not over a connection that the
		      * target may be about to close */
};

/*
 * Takes a warm connection to the target or begins to connect; `user` is told
 * of its events. NULL, with the reason, when not even that is possible; errno
 * is EAGAIN where the target is there and its queue of connects is full, which
 * Unix sockets tell. It is given back by finishing or resetting its stream, at
 * any time.
 */
struct upstream *upstream_take(struct worker *w,
			       const struct upstream_spec *spec,
			       struct upstream_user *user, enum reason *why);

/* The protocol that targets of this group are spoken to in, for what needs no
 * connection: stream_ops.prepare. */
const struct stream_ops *upstream_ops(const struct target_group *group);

static inline struct stream *upstream_stream(struct upstream *u)
{
	return &u->h1.stream;
}

enum upstream_progress {
	UPSTREAM_CONNECTING,
	UPSTREAM_SHAKING_HANDS, /* connected; TLS is being agreed on */
	UPSTREAM_READY,         /* its stream may be used */
	UPSTREAM_FAILED,
};

/* How far it is. Counts a failure, and gives the reason for it. */
enum upstream_progress upstream_progress(struct upstream *u, enum reason *why);

/* Ends what is under way to a target whose time is over. */
void upstream_cut(struct worker *w, const struct target_state *target);
/* No descriptor is free: gives up the warm ones. False: there were none. */
bool upstream_shed(struct worker *w);
/* Drops warm connections to targets that left the configuration. */
void upstream_sweep(struct worker *w);
/* At the end of the worker: closes all idle ones and frees the pools. */
void upstream_release(struct worker *w);

#endif
