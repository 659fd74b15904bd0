/*
 * gate.h - what is asked of a request before the rules are: challenges of a
 * certificate authority, maintenance, limits; in this order.
 *
 * Floor: proxy.  Source: weir.yaml(5), acme_challenge_directory, maintenance,
 * limits.
 */
#ifndef WEIR_PROXY_GATE_H
#define WEIR_PROXY_GATE_H

#include <stdatomic.h>

#include "model/counts.h"
#include "proxy/exchange.h"

/* A challenge's answer: RFC 8555 8.3 wants some dozens of octets. */
enum { CHALLENGE_MAX = 16 * 1024, CHALLENGE_TOKEN_MAX = 128 };

/*
 * The file that a challenge asks for, in `room`; *n is its octets. False: it
 * is no challenge, or there is no such file; then the rules decide. Reads a
 * small file in the worker's thread, and only for that path.
 */
bool gate_challenge(struct exchange *x, const struct http_head *head,
		    char room[CHALLENGE_MAX], size_t *n);

/* What the listener was shut with at run time; NULL: nothing. Holds until the
 * step is over. */
static inline const struct maintenance *
gate_maintenance(const struct exchange *x)
{
	return atomic_load_explicit(&x->counted->maintenance,
				    memory_order_acquire);
}

/* Maintenance and the limits of the listener: REASON_NONE or why it does not
 * pass; then x->retry_after_s is set where it is to be said. */
enum reason gate_ask(struct exchange *x, const struct http_head *head);

#endif
