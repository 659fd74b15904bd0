#include "client.h"

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/fail.h"
#include "base/map.h"
#include "base/text.h"
#include "identity.h"
#include "library.h"
#include "policy.h"
#include "trust.h"

/* Of OpenSSL's levels: 112 bits, so no SHA-1 and no RSA below 2048 bits,
 * however old a version the policy allows. */
enum { VERIFY_LEVEL = 2 };

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
	struct trust *trust;           /* one reference; NULL: no verifying */
	struct tls_identity *identity; /* one reference, or NULL */
	char *server_name;             /* owned; "" for none */
	uint64_t print;
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

static int on_certificate(X509_STORE_CTX *ctx, void *arg)
{
	int result;

	(void)arg;
	X509_VERIFY_PARAM_set_auth_level(X509_STORE_CTX_get0_param(ctx),
					 VERIFY_LEVEL);
	result = X509_verify_cert(ctx);
	/* A bad signature in the queue would hide what it means. */
	library_forget();
	return result;
}

static bool set_verify(SSL_CTX *ctx, const struct tls_client_spec *spec)
{
	if (!spec->trust) {
		SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
		return true;
	}
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, on_certificate, NULL);
	return SSL_CTX_set1_verify_cert_store(ctx, trust_store(spec->trust)) ==
	       1;
}

static bool set_identity(SSL_CTX *ctx, const struct tls_identity *id)
{
	return !id || SSL_CTX_use_cert_and_key(ctx, id->leaf, id->key,
					       id->chain, 1) == 1;
}

static SSL_CTX *make_context(const struct tls_client_spec *spec,
			     struct diag *diag)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (!ctx)
		goto fail;
	/* Targets may be as old as they like. */
	SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION |
					 SSL_OP_LEGACY_SERVER_CONNECT);
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
	if (set_alpn(ctx, spec) == 0 && set_verify(ctx, spec) &&
	    set_identity(ctx, spec->identity))
		return ctx;

fail:
	diag_error(diag, NULL, NULL, "TLS towards targets cannot be set up: %s",
		   library_reason());
	SSL_CTX_free(ctx);
	return NULL;
}

static void add_identity(struct text *t, const struct tls_identity *id)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (id && X509_digest(id->leaf, EVP_sha256(), digest, &n) == 1)
		text_add(t, slice_make((const char *)digest, n));
}

static uint64_t print_of(const struct tls_client_spec *spec)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	struct text t = {0};
	uint64_t print = 0;

	text_addf(&t, "%s\n%d %llx\n%.*s\n", spec->policy->name,
		  spec->trust != NULL,
		  spec->trust ? (unsigned long long)trust_print(spec->trust)
			      : 0,
		  SLICE_ARG(spec->server_name));
	add_identity(&t, spec->identity);
	if (EVP_Digest(t.p, t.n, digest, NULL, EVP_sha256(), NULL) == 1)
		memcpy(&print, digest, sizeof(print));
	text_release(&t);
	return print ? print : 1;
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
	c->trust = spec->trust ? trust_ref(spec->trust) : NULL;
	c->identity = spec->identity ? tls_identity_ref(spec->identity) : NULL;
	c->server_name = slice_dup(spec->server_name);
	c->print = print_of(spec);
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
	trust_unref(c->trust);
	tls_identity_unref(c->identity);
	free(c->server_name);
	free(c);
}

uint64_t tls_client_print(const struct tls_client *c)
{
	return c->print;
}

bool tls_client_verifies(const struct tls_client *c)
{
	return c->trust != NULL;
}

struct slice tls_client_server_name(const struct tls_client *c)
{
	return slice_of(c->server_name);
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
