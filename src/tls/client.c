#include "client.h"

#include <openssl/ssl.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/fail.h"
#include "base/map.h"
#include "library.h"
#include "policy.h"

struct kept_session {
	SSL_SESSION *session; /* one reference */
	char target[];        /* key of the map */
};

struct client_worker {
	SSL_CTX *ctx;
	struct map sessions; /* target -> struct kept_session */
};

struct tls_client {
	_Atomic unsigned refs;
	unsigned n_workers;
	struct client_worker workers[];
};

static int set_alpn(SSL_CTX *ctx, const struct tls_client_spec *spec)
{
	unsigned char wire[256];
	size_t n = 0;

	for (size_t i = 0; i < spec->n_alpn; i++) {
		size_t len = strlen(spec->alpn[i]);

		assert(len > 0 && n + 1 + len <= sizeof(wire));
		wire[n++] = (unsigned char)len;
		memcpy(wire + n, spec->alpn[i], len);
		n += len;
	}
	/* The one function of OpenSSL that returns 0 for success. */
	return n ? SSL_CTX_set_alpn_protos(ctx, wire, (unsigned)n) : 0;
}

static void forget_sessions(struct map *sessions)
{
	struct map_slot *slot;
	size_t at = 0;

	while ((slot = map_next(sessions, &at)) != NULL) {
		struct kept_session *kept = slot->value;

		SSL_SESSION_free(kept->session);
		free(kept);
	}
	map_release(sessions);
}

/* A target gave us a session, or a ticket for one. Returns 1: the reference
 * is ours now; 0: it is not. */
static int on_session(SSL *ssl, SSL_SESSION *session)
{
	const struct tls_client_link *link = SSL_get_app_data(ssl);
	struct map *sessions;
	struct kept_session *kept;

	if (!link || !link->target.n)
		return 0;
	sessions = &link->client->workers[link->worker].sessions;
	kept = map_get(sessions, link->target);
	if (kept) {
		SSL_SESSION_free(kept->session);
		kept->session = session;
		return 1;
	}
	if (sessions->n_used >= CLIENT_SESSIONS_MAX)
		forget_sessions(sessions);
	kept = malloc(sizeof(*kept) + link->target.n);
	if (!kept)
		return 0;
	kept->session = session;
	memcpy(kept->target, link->target.p, link->target.n);
	map_put(sessions, slice_make(kept->target, link->target.n), kept);
	return 1;
}

static SSL_CTX *make_context(const struct tls_client_spec *spec,
			     struct diag *diag)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (!ctx)
		goto fail;
	/* Targets may be as old as they like: nothing is verified anyway. */
	SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION |
					 SSL_OP_LEGACY_SERVER_CONNECT);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_RELEASE_BUFFERS);
	/* Ours is keyed by target, which OpenSSL's cannot be. */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT |
						    SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, on_session);
	if (tls_policy_apply(spec->policy, ctx, NULL, diag)) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	if (set_alpn(ctx, spec) == 0)
		return ctx;

fail:
	diag_error(diag, NULL, NULL, "TLS towards targets cannot be set up: %s",
		   library_reason());
	SSL_CTX_free(ctx);
	return NULL;
}

struct tls_client *tls_client_new(const struct tls_client_spec *spec,
				  struct diag *diag)
{
	struct tls_client *c = xcalloc(
		1, sizeof(*c) + spec->n_workers * sizeof(c->workers[0]));
	struct diag twice = {0};
	bool ok = true;

	assert(spec->n_workers > 0);
	c->refs = 1;
	c->n_workers = spec->n_workers;
	for (unsigned w = 0; w < c->n_workers && ok; w++) {
		c->workers[w].ctx = make_context(spec, w ? &twice : diag);
		ok = c->workers[w].ctx != NULL;
	}
	diag_release(&twice);
	if (ok)
		return c;
	tls_client_unref(c);
	return NULL;
}

struct tls_client *tls_client_ref(struct tls_client *c)
{
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

void tls_client_unref(struct tls_client *c)
{
	if (!c ||
	    atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (unsigned w = 0; w < c->n_workers; w++) {
		forget_sessions(&c->workers[w].sessions);
		SSL_CTX_free(c->workers[w].ctx);
	}
	free(c);
}

SSL_CTX *tls_client_context(const struct tls_client *c, unsigned worker)
{
	assert(worker < c->n_workers);
	return c->workers[worker].ctx;
}

SSL_SESSION *tls_client_session(const struct tls_client_link *link)
{
	struct kept_session *kept = NULL;

	if (link->target.n)
		kept = map_get(&link->client->workers[link->worker].sessions,
			       link->target);
	return kept && SSL_SESSION_is_resumable(kept->session) ? kept->session
							       : NULL;
}
