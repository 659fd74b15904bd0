/*
 * exchange.h - one request and its response.
 *
 * Floor: proxy.  One thread.
 */
#ifndef WEIR_PROXY_EXCHANGE_H
#define WEIR_PROXY_EXCHANGE_H

#include "base/reason.h"
#include "http/desync.h"
#include "proxy/client.h"
#include "proxy/tunnel.h"
#include "proxy/upstream.h"
#include "proxy/view.h"
#include "stream/stream.h"

enum exch_state {
	EXCH_READ_HEAD, /* the request head is still arriving */
	EXCH_ROUTE,     /* the rule is known: choose a target */
	EXCH_CONNECT,   /* take a warm connection to it or open one */
	EXCH_FORWARD,   /* request is under way; no response head yet */
	EXCH_RELAY,     /* response head sent; bodies flow until both end */
	EXCH_TUNNEL,    /* upgraded: octets flow until both sides close */
	EXCH_REPLY,     /* we answer on our own; x->reason says why */
	EXCH_FINISH,    /* count, log, give connections back */
};

struct exchange {
	struct worker *worker;
	struct client *client;
	struct upstream *upstream;        /* NULL unless one is in use */
	struct view *view;                /* entered; NULL in a tunnel */
	const struct listener *listener;  /* NULL in a tunnel */
	const struct rule *rule;          /* NULL before it is known */
	const struct target_group *group; /* NULL unless a rule forwards */
	struct tunnel *tunnel;            /* owned; NULL unless it is one */
	struct target_state *target;      /* one reference, or NULL */
	struct target_state *avoid;       /* one reference: was tried */
	struct exchange *next_free;

	struct stream front, back;
	struct piece request;     /* head as sent to targets; kept for another
				   * try and for the log */
	struct slice server_name; /* in `request`: outgoing host */
	struct slice line;        /* in `request`: method and target */
	uint64_t sticky_identity;
	struct desync desync; /* what the request was judged to be */

	uint16_t status;    /* sent to the client; 0: none yet */
	uint16_t n_interim; /* 1xx that were passed on */
	uint8_t state;      /* enum exch_state; written by enter() */
	uint8_t reason;     /* enum reason */
	uint8_t method;     /* enum method */
	uint8_t tries;      /* targets that were asked */
	uint8_t try_reason; /* enum reason: why the last try failed */

	bool keep : 1;          /* the client wants to go on */
	bool http_1_0 : 1;      /* the client speaks HTTP/1.0 */
	bool wants_upgrade : 1; /* a WebSocket was asked for */
	bool has_sticky : 1;    /* sticky_identity is of a good cookie */
	bool came_sticky : 1;   /* a cookie came, good or not */
	bool answered : 1;      /* a final head has left */
	bool target_spoke : 1;  /* an answer, or an interim one, has begun */
	bool has_response : 1;  /* this try has one, and it was counted */
	bool target_closes : 1; /* its connection cannot be used again */
	bool came_early : 1;    /* the answer did, before the whole request
				 * had left */
	bool doubtful : 1;      /* the desync mode wants both to close */
	bool retry_same : 1;    /* a warm connection was stale: the same
				 * target is asked again, if it may be */
	bool fresh_only : 1;    /* no warm connection for the next try */
	bool cut : 1;           /* the response was cut short */
	bool waits_head : 1;    /* the deadline of the head is running */
	bool in_handshake : 1;  /* the deadline of the handshake is, too */
	bool dispatched : 1;    /* counted for x->target */
	bool reset : 1;         /* the client is told so by a reset */
	bool shed : 1;          /* `request` is the line alone */
	/* Of a tunnel. */
	bool front_ended : 1, back_ended : 1;
	bool client_broke : 1; /* the target gets the rest, then a reset */
};

/* For a client that has octets for us. NULL when memory is out. */
struct exchange *exch_new(struct worker *w, struct client *c);

/* Steps until it must wait or is over. */
void exch_run(struct exchange *x);

/* The deadline of one of its connections has passed. */
void exch_expired(struct exchange *x, struct conn *conn);

/* Ends it and its connections now: the worker stops. */
void exch_end(struct exchange *x);

const struct view *exch_view(const struct exchange *x);

/* Frees what the worker keeps for the next ones. */
void exch_release_free(struct worker *w);

#endif
