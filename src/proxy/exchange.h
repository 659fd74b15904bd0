/*
 * exchange.h - one request and its response.
 *
 * It joins two streams and knows no protocol: what a client asked, the attempt
 * that is being made to have it answered, and the record of what happened are
 * three parts with one owner each.
 *
 * Floor: proxy.  One thread.
 */
#ifndef WEIR_PROXY_EXCHANGE_H
#define WEIR_PROXY_EXCHANGE_H

#include "net/wheel.h"
#include "proxy/access_line.h"
#include "proxy/kept.h"
#include "proxy/pump.h"
#include "proxy/record.h"
#include "proxy/tunnel.h"
#include "proxy/upstream.h"
#include "proxy/view.h"
#include "stream/stream.h"

struct app_sessions;
struct client;
struct held;
struct told;

enum exch_state {
	EXCH_READ_HEAD,   /* the request head is still arriving */
	EXCH_ROUTE,       /* the rule is known: choose a target */
	EXCH_CONNECT,     /* take a warm connection to it or open one */
	EXCH_SHAKE_HANDS, /* connected; TLS is being agreed on */
	EXCH_FORWARD,     /* request is under way; no response head yet */
	EXCH_RELAY,       /* response head sent; bodies flow until both end */
	EXCH_TUNNEL,      /* upgraded: octets flow until both sides close */
	EXCH_REPLY,       /* we answer on our own; the record says why */
	EXCH_FINISH,      /* count, log, give connections back */
};

/* What the client asked: fixed once the head has been read. */
struct asked {
	/* As targets are sent it; kept for another try and for the log. */
	struct prepared request;
	struct app_sessions *app; /* owned; NULL without app_cookie */
	uint64_t sticky_identity;
	uint64_t hash;
	uint8_t method;         /* enum method */
	bool has_hash : 1;      /* `hash` is of what its group hashes */
	bool has_sticky : 1;    /* sticky_identity is of a good cookie */
	bool came_sticky : 1;   /* a cookie came, good or not */
	bool wants_upgrade : 1; /* to another protocol */
};

/* The attempt that is being made to have it answered. */
struct attempt {
	struct upstream *upstream;   /* NULL unless one is in use */
	struct target_state *target; /* of the last try; NULL between two */
	struct target_state *avoid;  /* of the try before; NULL: none */
	/* Its connection; compared only, since it may have gone. */
	const struct upstream *avoid_upstream;
	uint16_t n_interim;    /* 1xx that were passed on */
	uint8_t reason;        /* enum reason: why the last one failed */
	bool retry_same : 1;   /* a warm connection was stale: the same target
				* is asked again, if it may be */
	bool fresh_only : 1;   /* no warm connection for the next try */
	bool was_refused : 1;  /* the target said that it looked at nothing of
				* what it was sent */
	bool dispatched : 1;   /* counted for `target` */
	bool queue_full : 1;   /* of connects, at `target`: it is there */
	bool is_open : 1;      /* begun, and not left yet */
	bool outstanding : 1;  /* counted in target->outstanding */
	bool target_spoke : 1; /* an answer, or an interim one, has begun */
	bool has_response : 1; /* there is an answer, and it was counted */
	bool came_early : 1;   /* the answer did, before the whole request had
				* left */
};

/* Texts of a request for its line in an access log, one behind the other. */
struct noted {
	struct piece text;       /* one reference */
	uint16_t n[ACCESS_KEPT]; /* octets of each, by enum access_text */
	uint8_t version;         /* enum http_version */
	bool is_alone;           /* in its chunk */
};

struct exchange {
	/* These two outlive one use of the memory: the wheel may still have
	 * the deadline of the last one, and moving it is a store. */
	struct deadline deadline;
	struct exchange *next_free;

	struct worker *worker;
	struct client *client;
	struct view *view;                /* entered; NULL in a tunnel */
	const struct listener *listener;  /* NULL in a tunnel */
	struct listener_state *counted;   /* the listener's; in a tunnel too */
	const struct target_group *group; /* NULL unless a rule forwards; NULL
					   * in a tunnel */
	const struct line_log *log;       /* of the listener; in a tunnel, the
					   * tunnel's; NULL: it is not
					   * logged */
	struct tunnel *tunnel;            /* owned; NULL unless it is one */
	struct held *held;                /* owned; NULL: no limit wants it */
	struct told *told;                /* owned; NULL: no page wants it */
	struct upstream_user user;        /* of attempt.upstream */

	struct stream *front; /* to the client; borrowed */
	struct stream *back;  /* to the target; NULL without an upstream */
	struct pump up, down; /* the request's body, the answer's */

	struct kept kept;    /* of the request's body, for another try */
	struct piece filled; /* values of header edits for the answer */

	struct asked asked;
	struct attempt attempt;
	struct record record;
	struct noted noted;

	/* The deadline is so much after the one who is waited for last moved;
	 * 0: it stays. */
	uint64_t client_ms, target_ms;
	uint32_t retry_after_s; /* in an answer of ours; 0: not said */
	uint8_t state;          /* enum exch_state; written by exch_enter() */
};

/* For a client that has octets for us, which will come over `front`. NULL when
 * memory is out. */
struct exchange *exch_new(struct worker *w, struct client *c,
			  struct stream *front);

/* Steps until it must wait or is over. */
void exch_run(struct exchange *x);

/* Ends it and its connections now: the worker stops. */
void exch_end(struct exchange *x);

/* Its time is over: weir answers with this reason, or where an answer has begun
 * to leave, cuts it. Not for tunnels. */
void exch_cut(struct exchange *x, enum reason reason);

/* It runs in a generation whose time is over. Tunnels run in none. */
bool exch_is_overdue(const struct exchange *x);

/* "relay", for people. */
const char *exch_state_name(enum exch_state state);

/* Frees what the worker keeps for the next ones. */
void exch_release_free(struct worker *w);

#endif
