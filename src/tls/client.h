/*
 * client.h - TLS towards targets.
 *
 * Certificates of targets are not verified, as on AWS: the network between
 * balancer and target is trusted, the encryption serves rules that ask for
 * it. Who does not trust it names whom to believe. The last session with each
 * target is kept, so that a new connection to it costs no signature.
 *
 * Floor: tls.  Source: AWS: security policies for back-end connections.
 */
#ifndef WEIR_TLS_CLIENT_H
#define WEIR_TLS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/slice.h"

struct ssl_ctx_st;
struct ssl_session_st;
struct tls_client;
struct tls_identity;
struct tls_policy;
struct trust;

/* Targets of which a worker keeps a session; beyond it begins anew. */
enum { CLIENT_SESSIONS_MAX = 1024 };

struct tls_client_spec {
	const struct tls_policy *policy; /* tls_target_policy() */
	unsigned n_workers;      /* at least 1; one more for health checks */
	const char *const *alpn; /* as in tls_server_spec; usually {"h2"} */
	size_t n_alpn;
	struct trust *trust; /* gets a reference; NULL: verify nothing */
	/* For the server name indication and to be verified, in place of
	 * those of a connection. Empty: none. */
	struct slice server_name;
	struct tls_identity *identity; /* for targets that ask; gets a
					* reference; NULL: none */
};

/* Returns a client with one reference, or NULL after an error. */
struct tls_client *tls_client_new(const struct tls_client_spec *spec,
				  struct diag *diag);
struct tls_client *tls_client_ref(struct tls_client *c);
/* Any thread; connections hold references. NULL is allowed. */
void tls_client_unref(struct tls_client *c);

/* Equal, over reloads too, where a connection that one of two clients made is
 * as good as one of the other: the same policy, authorities, name and
 * certificate. Never 0. */
uint64_t tls_client_print(const struct tls_client *c);

/*
 * What ties an SSL to its target; lives in the filter, which sets it as the
 * SSL's app data before the handshake.
 */
struct tls_client_link {
	struct tls_client *client; /* borrowed */
	unsigned worker;
	struct slice target; /* borrowed; empty: sessions are not kept */
};

/* For tls_filter. */
bool tls_client_verifies(const struct tls_client *c);
struct slice tls_client_server_name(const struct tls_client *c); /* borrowed */

/* For tls_filter, on the thread of the worker. */
struct ssl_ctx_st *tls_client_context(const struct tls_client *c,
				      unsigned worker);
/* The session kept for a target, borrowed; NULL: none that is of use. */
struct ssl_session_st *tls_client_session(const struct tls_client_link *link);

#endif
