/*
 * client_fields.h - a client's certificate as text for targets and logs.
 *
 * Written once for each connection, in the handshake. All of it is visible
 * ASCII and spaces, whatever stands in the certificate.
 *
 * Floor: tls.  Source: AWS: "HTTP headers and mutual TLS"; RFC 2253.
 */
#ifndef WEIR_TLS_CLIENT_FIELDS_H
#define WEIR_TLS_CLIENT_FIELDS_H

#include <stdbool.h>

#include "base/slice.h"

struct stack_st_X509;
struct x509_st;

struct client_fields {
	struct slice serial;   /* "03A5B1"; "-" before a negative one */
	struct slice issuer;   /* "CN=ca,O=Example,C=US" */
	struct slice subject;  /* likewise; may be empty */
	struct slice validity; /* "NotBefore=...;NotAfter=..." */
	struct slice leaf;     /* PEM, URL-encoded; empty in passthrough */
	struct slice chain;    /* in passthrough: all of it, the leaf first */
	char text[];           /* what the slices point into */
};

/*
 * With `chain`, which has the leaf too, for passthrough; NULL: for verify.
 * Returns what the caller frees with free(3), or NULL when memory is out or
 * a date is none.
 */
struct client_fields *client_fields_new(struct x509_st *leaf,
					const struct stack_st_X509 *chain);

#endif
