/*
 * route.h - which rule a request meets, and where a redirect leads.
 *
 * Pure: the same listener, head and peer give the same decision. What is
 * compared with rules is normalised first; what is forwarded stays as it was
 * sent.
 *
 * Floor: model.  Source: AWS: rule condition types, redirect actions.
 */
#ifndef WEIR_MODEL_ROUTE_H
#define WEIR_MODEL_ROUTE_H

#include "base/reason.h"
#include "http/head.h"
#include "http/pattern.h"
#include "http/template.h"
#include "http/transform.h"
#include "http/uri.h"
#include "model/listener.h"
#include "model/rule_index.h"

enum {
	ROUTE_HOST_MAX = 256, /* host_split() gives at most 255 */
	/* As long as a request line may be, each octet escaped. */
	ROUTE_PATH_MAX = 16 * 1024 * URI_ESCAPED,
	REDIRECT_LOCATION_MAX = 8 * 1024,
};

/*
 * Room for what normalising changes; one for each worker. The octets are
 * touched only when something has to be changed, so it needs no init but
 * `patterns`.
 */
struct route_scratch {
	struct pattern_scratch
		*patterns; /* borrowed; for regular expressions */
	char host[ROUTE_HOST_MAX];
	char path[ROUTE_PATH_MAX];
	/* What transforms make, by their kind. */
	char made[2][TRANSFORM_OCTETS_MAX];
};

/*
 * All slices point into the head, the listener or the scratch: they hold
 * until the head goes or the scratch is used for the next request. `rule`
 * lives as long as the snapshot.
 */
struct decision {
	enum reason reason;      /* REASON_NONE, or why there is no rule:
				  * REASON_BAD_URI, REASON_BAD_HOST; with
				  * REASON_PATTERN_GAVE_UP the rule whose
				  * regular expression it was */
	const struct rule *rule; /* never NULL with REASON_NONE; the default
				  * rule when no other is met */
	struct slice host;       /* lower case, without port; rules see it
				  * without a dot at its end */
	uint16_t host_port;      /* that came with it; 0: none */
	struct slice path;       /* normalised */
	struct uri uri;          /* as sent */
	struct route_input in;   /* what conditions were compared with */
};

/*
 * Decides what happens to a request.
 *
 * The host is the authority of an absolute-form target, else the first Host
 * field; without either (HTTP/1.0, or an empty Host) the dns_name of the load
 * balancer. REASON_BAD_HOST: it is malformed; HTTP/1.1 without a Host; or
 * several Host fields where only one could be forwarded (preserve_host_header
 * is off). REASON_PATTERN_GAVE_UP: a regular expression took more effort than
 * it may; the rules behind it must not be asked.
 *
 * peer  who sent it: the other end of the connection, or what a PROXY header
 *       says; an address of length 0 is in no network
 */
struct decision route_decide(const struct listener *l,
			     const struct http_head *head,
			     const struct addr *peer,
			     struct route_scratch *scratch);

/* The host alone, as in a decision; empty: it is malformed or missing. */
struct slice route_host(const struct listener *l, const struct http_head *head,
			struct route_scratch *scratch);

/* What the first placeholders of a template stand for. */
struct route_facts {
	struct slice protocol; /* "http" or "https" */
	struct slice host;     /* decision.host */
	uint16_t port;         /* of the listener */
	struct slice path;     /* as sent: uri.path */
	struct slice query;    /* as sent: uri.query */
};

enum { PORT_TEXT_MAX = sizeof("65535") };

/* Puts them to their places in what template_write() takes. */
void route_fill(const struct route_facts *facts, char port[PORT_TEXT_MAX],
		struct slice values[PLACE_KINDS]);

/*
 * Writes the value of Location: https://host:port/path?query. The port is
 * always written, as ALB does, and no '?' before an empty query. Spaces and
 * control characters leave as %20 and the like.
 *
 * out, size  the caller's; REDIRECT_LOCATION_MAX is what ALB allows
 *
 * Returns its octets, no zero behind them, or 0 when it does not fit: answer
 * with REASON_REDIRECT_TOO_LONG.
 */
size_t redirect_location(const struct redirect *redirect,
			 const struct route_facts *facts, char *out,
			 size_t size);

#endif
