/*
 * rewrite.h - what becomes of a head on its way through.
 *
 * Those that say who asked are added. Fields that concern one connection only
 * were marked when the head was read; those that the next connection needs are
 * added when it is written. Pure: a head and facts become another head, whose
 * slices point into the first, into the facts and into the scratch.
 *
 * Floor: proxy.  Source: AWS: HTTP headers and Application
 * Load Balancers, request tracing, header modification.
 */
#ifndef WEIR_PROXY_REWRITE_H
#define WEIR_PROXY_REWRITE_H

#include "base/reason.h"
#include "http/field_edits.h"
#include "model/listener.h"
#include "model/sent.h"
#include "proxy/scratch.h"

struct client_fields; /* tls/client_fields.h */

/* Who asked, and how. */
struct request_facts {
	const struct listener *listener;
	const struct decision *decision;
	const struct sent *sent; /* what its transforms made */
	const struct addr *peer;
	bool stranger; /* what the peer says of others is dropped */
	const struct field_edits *edits;      /* NULL: none */
	const struct slice *places;           /* for edits with holes */
	struct slice trace_id;                /* empty: to be made */
	const char *tls_version, *tls_cipher; /* NULL without TLS */
	const struct client_fields *client;   /* its certificate; or NULL */
	uint64_t random[2];                   /* for the trace id */
	time_t now_s;
};

/* What targets get as X-Amzn-Trace-Id; of the facts it needs the last two. */
struct slice rewrite_trace_id(const struct http_head *in,
			      const struct request_facts *facts,
			      struct writer *w);

/* Fields that were left out or let through though their name is odd. */
struct rewrite_notes {
	bool dropped_invalid, passed_invalid;
};

/*
 * Fills `out` with what a target is sent.
 *
 * Returns REASON_NONE, or why the request cannot be sent on:
 * REASON_XFF_TOO_LONG, REASON_FIELD_TOO_LARGE (no room for what we add).
 */
enum reason rewrite_request(const struct http_head *in,
			    const struct request_facts *facts,
			    struct scratch *scratch, struct http_head *out,
			    struct rewrite_notes *notes);

/* What is added to an answer. */
struct response_facts {
	const struct listener *listener;
	const struct field *cookies; /* borrowed */
	size_t n_cookies;
	const struct field_edits *edits; /* NULL: none */
	struct slice filled;             /* field_edits_fill() */
};

/*
 * Fills `out` with what the client is sent. False when there is no room for
 * what we add.
 */
bool rewrite_response(const struct http_head *in,
		      const struct response_facts *facts,
		      struct scratch *scratch, struct http_head *out);

#endif
