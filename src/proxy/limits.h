/*
 * limits.h - limits, as requests and connections meet them.
 *
 * Floor: proxy.  Source: weir.yaml(5), limits.
 */
#ifndef WEIR_PROXY_LIMITS_H
#define WEIR_PROXY_LIMITS_H

#include "model/limit.h"
#include "proxy/exchange.h"

struct addr;

/* Places that a request or a connection holds, and what its body may have. */
struct held {
	uint64_t body_most;   /* octets; UINT64_MAX: any */
	uint64_t body_report; /* the same, of limits that only report */
	/* Of the limits that these two come from. */
	const struct limit_counts *body_limit, *body_counts;
	unsigned n;
	bool outlives; /* the snapshot: a reference is held for each */
	struct held_place {
		struct limit_state *state;
		_Atomic uint64_t *place;
	} places[LIMIT_USES_MAX];
};

/*
 * Asks the limits of a listener or of a rule, in their order. What it passed
 * before it is refused stays counted, and held until limits_end().
 *
 * Returns REASON_NONE, or why it is refused; then x->retry_after_s is set for
 * REASON_RATE_LIMITED.
 */
enum reason limits_ask(struct exchange *x, const struct http_head *head,
		       const struct limit_uses *all);

/* The exchange goes on without its snapshot. */
void limits_outlive(struct exchange *x);

/* The body is longer than it may be: counts that, and says why. */
enum reason limits_body(struct exchange *x);
/* The body is over, or its end will not be seen: limits that only report look
 * at it. x->held is not NULL. */
void limits_look_at_body(struct exchange *x);

/* The request is over: gives its places back, before it leaves its view. */
void limits_end(struct exchange *x);

/*
 * A connection, before anything is read from it. False: it is refused, and
 * that has been counted and logged. *held is NULL or to be given to
 * limits_leave(), once.
 */
bool limits_let_in(struct worker *w, const struct listener *l,
		   const struct addr *peer, struct held **held);
void limits_leave(struct held *held);

#endif
