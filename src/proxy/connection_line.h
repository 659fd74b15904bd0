/*
 * connection_line.h - a connection from a client, as a line of a connection
 * log: made or failed.
 *
 * Floor: proxy.  Pure; any thread.  Source: AWS: "Connection logs for your
 * Application Load Balancer"; weir-logs(5).
 */
#ifndef WEIR_PROXY_CONNECTION_LINE_H
#define WEIR_PROXY_CONNECTION_LINE_H

#include <stdbool.h>

#include "base/writer.h"

struct client_fields; /* tls/client_fields.h */

/* Slices are borrowed; an empty one: there is none, or it is not known. */
struct connection_facts {
	uint64_t at_us; /* established or failed; wall clock, microseconds */
	struct slice client, server; /* addresses without ports */
	uint16_t client_port, port;  /* the second is the listener's */
	struct slice balancer;       /* name */
	struct slice resource;       /* "app/web/ed7a33350498100c" */
	struct slice tls_protocol, tls_cipher, tls_group, alpn;
	int64_t handshake_ms; /* negative: without TLS, or it failed */
	const struct client_fields *certificate; /* of the client; or NULL */
	bool is_tls;                             /* it was to be TLS */
	const char *code;    /* why it failed, in AWS's words; NULL: it did
			      * not */
	struct slice reason; /* our token, of one that failed */
	struct slice id;     /* "TID_" and 32 digits */
};

/* With a newline. What does not fit sets w->overflow. */
void connection_line_alb(struct writer *w, const struct connection_facts *f);
void connection_line_json(struct writer *w, const struct connection_facts *f);

#endif
