/*
 * upstream.h - connections to targets: made, kept warm, used again.
 *
 *   CONNECTING --> BUSY <--> IDLE
 *        |           |        |
 *        +-----------+--------+--> closed
 *
 * Of HTTP/1.x a connection has one user at a time, of HTTP/2 as many as the
 * target lets have streams on it: requests of all clients share few
 * connections.
 *
 *	upstream.c     taken, made, given back    upstream_h2.c  shared ones
 *
 * Floor: proxy.  One thread.
 */
#ifndef WEIR_PROXY_UPSTREAM_H
#define WEIR_PROXY_UPSTREAM_H

#include "base/list.h"
#include "model/group.h"
#include "model/state.h"
#include "stream/h1_stream.h"
#include "stream/h2_session.h"
#include "tls/policy.h"

struct tls_client;
struct worker;

/* Part of whoever uses an upstream: an exchange, a flow. */
struct upstream_user {
	/* Something changed: it came about or failed, octets came or left. */
	void (*ready)(struct upstream_user *user);
	/* Set by upstream_take(). */
	struct stream *stream; /* borrowed */
	bool is_warm; /* over a connection that served somebody before */
};

/* What a worker keeps for one target. Outlives views: a reload finds its
 * warm connections again. */
struct upstream_pool {
	struct target_state *state; /* one reference */
	/* Newest first, apart by policy: plain ones, then those of each
	 * rank of tls/policy.h. */
	struct list idle[1 + TARGET_RANKS];
	struct list busy;
	unsigned n_idle;
	/* Of HTTP/2: those that may have room for a stream, likewise apart,
	 * and those that have none. */
	struct list shared[1 + TARGET_RANKS];
	struct list full;
	unsigned n_shared; /* in these lists */
	/* How long the target lets a connection lie idle, learned when it
	 * closes one; 0: not known. And when that was learned. */
	uint64_t patience_ms, learned_ms;
};

/* Warm connections to one target that a worker keeps. */
enum { UPSTREAM_IDLE_MAX = 1024 };

struct upstream {
	struct conn conn;           /* first: comes back from it */
	struct h1_stream h1;        /* of its user; of HTTP/1.x */
	struct h2_session *session; /* owned; NULL: HTTP/1.x */
	struct worker *worker;
	struct upstream_pool *pool;
	struct upstream_user *user; /* NULL while idle, and of HTTP/2 */
	struct list node;           /* in the pool */
	struct retired retired;
	uint64_t idle_ms;   /* how long it may lie idle */
	uint64_t since_ms;  /* when it became idle */
	uint64_t tls_print; /* of the client that made it; 0: plain */
	uint8_t lane;       /* which list of idle ones is its */
	uint8_t why;        /* enum reason: of HTTP/2, why it is of no use */
	bool is_up;         /* of HTTP/2: requests may be sent */
	bool is_running;    /* of HTTP/2: its users take their steps */
	bool is_cut;        /* by upstream_cut() */
	bool was_noted;     /* that it did not come about */
};

struct upstream_spec {
	struct target_state *target; /* borrowed */
	struct tls_client *tls;      /* borrowed; NULL: plain */
	unsigned rank;               /* of the policy of `tls` */
	struct slice server_name;    /* for TLS */
	uint64_t idle_ms;            /* for which it may be kept afterwards */
	bool http2;
	uint64_t word_ms; /* of HTTP/2: time in which its first frame comes */
	bool fresh;       /* no warm one; of HTTP/2: not `avoid` */
	const struct upstream *avoid; /* compared only: it may have gone */
	bool unsafe; /* cannot be sent twice: not over a connection that the
		      * target may be about to close */
};

/*
 * Takes a warm connection to the target or begins to connect, and sets what
 * `user` has of it; it is told of its events. NULL, with the reason, when not
 * even that is possible; errno is EAGAIN where the target is there and its
 * queue of connects is full, which Unix sockets tell. It is given back by
 * finishing or resetting its stream, at any time.
 */
struct upstream *upstream_take(struct worker *w,
			       const struct upstream_spec *spec,
			       struct upstream_user *user, enum reason *why);

/* The protocol that targets of this group are spoken to in, for what needs no
 * connection: stream_ops.prepare. */
const struct stream_ops *upstream_ops(const struct target_group *group);

enum upstream_progress {
	UPSTREAM_CONNECTING,
	UPSTREAM_SHAKING_HANDS, /* connected; TLS is being agreed on */
	UPSTREAM_READY,         /* its stream may be used */
	UPSTREAM_CROWDED, /* more wait for it than the target takes: another
			   * one is to be taken */
	UPSTREAM_FAILED,
};

/* How far it is. Counts a failure, and gives the reason for it. */
enum upstream_progress upstream_progress(struct upstream *u, enum reason *why);

/* Why the stream of a connection that came about does not go on, where more is
 * known than `otherwise`. */
enum reason upstream_reason(const struct upstream *u, const struct stream *s,
			    enum reason otherwise);

/* Ends what is under way to a target whose time is over. */
void upstream_cut(struct worker *w, const struct target_state *target);
/* No descriptor is free: gives up the warm ones. False: there were none. */
bool upstream_shed(struct worker *w);
/* Drops warm connections to targets that left the configuration. */
void upstream_sweep(struct worker *w);
/* At the end of the worker: closes all idle ones and frees the pools. */
void upstream_release(struct worker *w);

/* -- for the files of upstream alone --------------------------------------- */

/* Frees it once its target has left and nothing is under way. */
void upstream_leave_pool(struct worker *w, struct upstream_pool *pool);
/* A connection that is on its way, in no list yet. NULL, with errno. */
struct upstream *upstream_connect(struct worker *w, struct upstream_pool *pool,
				  const struct upstream_spec *spec,
				  const struct conn_ops *ops);
void upstream_close(struct upstream *u);
enum reason upstream_why_not(int error);
enum reason upstream_why_no_tls(const struct conn *c);
unsigned upstream_lane(const struct upstream_spec *spec);
uint64_t upstream_print(const struct upstream_spec *spec);

struct upstream *upstream_take_shared(struct upstream_pool *pool,
				      const struct upstream_spec *spec,
				      struct upstream_user *user);
struct upstream *upstream_share_new(struct worker *w,
				    struct upstream_pool *pool,
				    const struct upstream_spec *spec,
				    struct upstream_user *user);
enum upstream_progress upstream_shared_progress(struct upstream *u,
						enum reason *why);
/* Closes those without streams. */
void upstream_drop_shared(struct upstream_pool *pool);
void upstream_cut_shared(struct upstream_pool *pool);

#endif
