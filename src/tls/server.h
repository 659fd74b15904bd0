/*
 * server.h - the TLS side of a listener: policy, certificates, tickets.
 *
 * Made on load, checked as a whole, then immutable: one OpenSSL context for
 * each worker, since contexts that are shared cost locks. Certificates are
 * shared, and chosen by the name that the client asks for.
 *
 * Floor: tls.  Source: AWS: HTTPS listeners.
 */
#ifndef WEIR_TLS_SERVER_H
#define WEIR_TLS_SERVER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"
#include "base/slice.h"
#include "client_auth.h"

struct tls_identity;
struct tls_policy;
struct tls_server;
struct ticket_keys;
struct ssl_ctx_st;
struct tls_label;
struct x509_st;

struct tls_certificate_spec {
	const char *chain; /* path of a PEM file, leaf first */
	const char *key;   /* path; NULL: in the same file */
	struct place place;
	const char *written; /* the first path, as the configuration writes
			      * it; NULL: the same */
};

/* Everything is borrowed for the call. */
struct tls_server_spec {
	struct slice policy; /* full name; empty: POLICY_DEFAULT */
	struct place policy_place;
	const struct tls_certificate_spec *certificates; /* first: default */
	size_t n_certificates;                           /* at least 1 */
	unsigned n_workers;                              /* at least 1 */

	/* Names in the order of our preference, e.g. {"h2", "http/1.1"}; a
	 * client that offers none of them goes on without. n_alpn 0: off. */
	const char *const *alpn;
	size_t n_alpn;

	/* Made once by control, so that clients can resume after a reload;
	 * gets a reference. NULL: no resumption. */
	struct ticket_keys *tickets;

	/* What names the listener over reloads, e.g. "web:443". A ticket is
	 * taken only where it was given. */
	struct slice context;

	/* Zeroed: clients are not asked. Otherwise there is no resumption: a
	 * certificate is judged in each handshake. */
	struct client_auth_spec mutual;
};

/*
 * Loads and checks all of it; goes on after a finding. Returns a server with
 * one reference, or NULL when there was an error. Control thread only.
 */
struct tls_server *tls_server_new(const struct tls_server_spec *spec,
				  struct diag *diag);

struct tls_server *tls_server_ref(struct tls_server *s);
/* Any thread; connections hold references, so it may outlive its listener.
 * NULL is allowed. */
void tls_server_unref(struct tls_server *s);

const struct tls_policy *tls_server_policy(const struct tls_server *s);

/* The certificates in the order of the file, for reports; NULL behind the
 * last one. The first is the default. */
const struct tls_identity *tls_server_identity(const struct tls_server *s,
					       size_t index);

/*
 * Certificates have changed: from now on new connections of this worker get
 * `next`, of which a reference is kept as long as `s` lives or the next call.
 * In the worker's thread.
 */
void tls_server_replace(struct tls_server *s, unsigned worker,
			struct tls_server *next);
/* What new connections of a worker get. In its thread. */
struct tls_server *tls_server_now(struct tls_server *s, unsigned worker);

/* The context of one worker; for tls_filter. */
struct ssl_ctx_st *tls_server_context(const struct tls_server *s,
				      unsigned worker);

/* What a certificate of it is called, borrowed; NULL: it is none of it. */
struct tls_label *tls_server_label(const struct tls_server *s,
				   const struct x509_st *leaf);

/* Whether some certificate, the default one too, is for this name. */
bool tls_server_knows(const struct tls_server *s, struct slice server_name);

#endif
