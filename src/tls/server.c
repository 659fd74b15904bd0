#include "server.h"

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fail.h"
#include "identity.h"
#include "library.h"
#include "policy.h"
#include "sni.h"
#include "ticket.h"

struct tls_server {
	_Atomic unsigned refs;
	const struct tls_policy *policy;
	struct tls_identity **identities; /* first: default; references */
	size_t n_identities;
	struct sni *sni;
	bool weighs_curves;  /* several ECDSA certificates: look what fits */
	unsigned char *alpn; /* as on the wire; owned */
	unsigned n_alpn_octets;
	struct ticket_keys *tickets; /* one reference, or NULL */
	struct client_auth *mutual;  /* owned; NULL: clients are not asked */
	unsigned char context[EVP_MAX_MD_SIZE];
	unsigned n_context;
	SSL_CTX **contexts; /* one for each worker */
	/* What has come in its place, for each worker; references. NULL:
	 * nothing yet. Each is that worker's. */
	struct tls_server **successors;
	unsigned n_workers;
};

/* TLS 1.3 ties a curve to each signature scheme; RFC 8446 4.2.3. */
static unsigned curves_of_schemes(SSL *ssl)
{
	unsigned char sign, hash;
	unsigned curves = 0;
	int n = SSL_get_sigalgs(ssl, 0, NULL, NULL, NULL, &sign, &hash);

	for (int i = 0; i < n; i++) {
		SSL_get_sigalgs(ssl, i, NULL, NULL, NULL, &sign, &hash);
		if (sign != 3)
			continue;
		curves |= hash == 4   ? CURVE_P256
			  : hash == 5 ? CURVE_P384
			  : hash == 6 ? CURVE_P521
				      : 0;
	}
	return n ? curves : CURVE_ALL;
}

/* Before, the groups told which; RFC 8422 section 4. */
static unsigned curves_of_groups(SSL *ssl)
{
	int groups[64];
	int n = (int)SSL_get1_groups(ssl, NULL);
	unsigned curves = 0;

	if (n <= 0 || n > (int)ARRAY_SIZE(groups))
		return CURVE_ALL;
	SSL_get1_groups(ssl, groups);
	for (int i = 0; i < n; i++)
		curves |= groups[i] == NID_X9_62_prime256v1 ? CURVE_P256
			  : groups[i] == NID_secp384r1      ? CURVE_P384
			  : groups[i] == NID_secp521r1      ? CURVE_P521
							    : 0;
	return curves;
}

static unsigned curves_of(SSL *ssl)
{
	return SSL_version(ssl) >= TLS1_3_VERSION ? curves_of_schemes(ssl)
						  : curves_of_groups(ssl);
}

static bool offer(SSL *ssl, const struct tls_identity *id)
{
	return !id ||
	       SSL_use_cert_and_key(ssl, id->leaf, id->key, id->chain, 1) == 1;
}

/*
 * Called in full handshakes only, once the client's wishes are known. The
 * default certificate is in place already. Two of different kinds may stand
 * side by side: OpenSSL knows which one the client can use.
 */
static int on_certificate(SSL *ssl, void *arg)
{
	const struct tls_server *s = arg;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	struct sni_choice choice;

	if (!name)
		return 1;
	sni_choose(s->sni, slice_of(name), clock_wall_s(),
		   s->weighs_curves ? curves_of(ssl) : CURVE_ALL, &choice);
	if (!choice.matched)
		return 1;
	SSL_certs_clear(ssl);
	return offer(ssl, choice.ecdsa) && offer(ssl, choice.rsa);
}

/* Any name is welcome; saying so makes OpenSSL remember it for the log. */
static int on_server_name(SSL *ssl, int *alert, void *arg)
{
	(void)ssl;
	(void)alert;
	(void)arg;
	return SSL_TLSEXT_ERR_OK;
}

/*
 * Whether HTTP/2 may be spoken over this cipher: of TLS 1.2, RFC 9113 (9.2.2
 * and appendix A) takes those alone that have keys of their own for each
 * connection and authenticate what they encrypt.
 */
static bool is_fit_for_h2(const SSL *ssl)
{
	const SSL_CIPHER *cipher = SSL_get_pending_cipher(ssl);
	int kx;

	if (SSL_version(ssl) >= TLS1_3_VERSION)
		return true;
	if (!cipher || SSL_version(ssl) < TLS1_2_VERSION ||
	    !SSL_CIPHER_is_aead(cipher))
		return false;
	kx = SSL_CIPHER_get_kx_nid(cipher);
	return kx == NID_kx_ecdhe || kx == NID_kx_dhe;
}

static bool begins_with_h2(const struct tls_server *s)
{
	return s->n_alpn_octets >= 3 && memcmp(s->alpn, "\2h2", 3) == 0;
}

static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *n_out,
		   const unsigned char *offered, unsigned n_offered, void *arg)
{
	const struct tls_server *s = arg;
	unsigned skip = begins_with_h2(s) && !is_fit_for_h2(ssl) ? 3 : 0;
	unsigned char *chosen;

	if (SSL_select_next_proto(&chosen, n_out, s->alpn + skip,
				  s->n_alpn_octets - skip, offered,
				  n_offered) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static int set_tickets(const struct tls_server *s, SSL_CTX *ctx)
{
	/* A cache would cost more than it gives, and be of one worker. */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	if (SSL_CTX_set_session_id_context(ctx, s->context, s->n_context) != 1)
		return -1;
	if (s->tickets)
		return ticket_install(s->tickets, ctx);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
	return SSL_CTX_set_num_tickets(ctx, 0) == 1 ? 0 : -1;
}

static SSL_CTX *make_context(const struct tls_server *s, const struct place *at,
			     struct diag *diag)
{
	const struct tls_identity *id = s->identities[0];
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (!ctx)
		goto fail;
	SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE |
					 SSL_OP_NO_RENEGOTIATION |
					 SSL_OP_NO_COMPRESSION);
	/* Chains come and go, so writes are tried again from elsewhere. */
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_RELEASE_BUFFERS);
	if (tls_policy_apply(s->policy, ctx, at, diag)) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	if (SSL_CTX_use_cert_and_key(ctx, id->leaf, id->key, id->chain, 1) !=
		    1 ||
	    set_tickets(s, ctx) ||
	    (s->mutual && client_auth_install(s->mutual, ctx)))
		goto fail;
	if (s->n_identities > 1)
		SSL_CTX_set_cert_cb(ctx, on_certificate, (void *)(uintptr_t)s);
	SSL_CTX_set_tlsext_servername_callback(ctx, on_server_name);
	if (s->n_alpn_octets)
		SSL_CTX_set_alpn_select_cb(ctx, on_alpn, (void *)(uintptr_t)s);
	return ctx;

fail:
	diag_error(diag, at, NULL, "TLS cannot be set up: %s",
		   library_reason());
	SSL_CTX_free(ctx);
	return NULL;
}

/* OpenSSL has a veto of its own, e.g. on digests; better now than in the
 * middle of a handshake. */
static void try_identities(struct tls_server *s,
			   const struct tls_server_spec *spec,
			   struct diag *diag)
{
	struct diag twice = {0};
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (ctx && tls_policy_apply(s->policy, ctx, NULL, &twice) == 0)
		for (size_t i = 0; i < s->n_identities; i++) {
			struct tls_identity *id = s->identities[i];

			if (SSL_CTX_use_cert_and_key(ctx, id->leaf, id->key,
						     id->chain, 1) != 1)
				diag_error(diag, &spec->certificates[i].place,
					   NULL, "%s cannot be served: %s",
					   id->file, library_reason());
		}
	SSL_CTX_free(ctx);
	diag_release(&twice);
	library_forget();
}

static void load_identities(struct tls_server *s,
			    const struct tls_server_spec *spec,
			    struct diag *diag)
{
	unsigned n_ecdsa = 0;

	s->identities = xcalloc(spec->n_certificates, sizeof(*s->identities));
	for (size_t i = 0; i < spec->n_certificates; i++) {
		const struct tls_certificate_spec *c = &spec->certificates[i];
		struct tls_identity *id =
			tls_identity_load(c->chain, c->key, &c->place, diag);

		if (!id)
			continue;
		tls_identity_name(id,
				  slice_of(c->written ? c->written : c->chain));
		s->identities[s->n_identities++] = id;
		n_ecdsa += id->kind == TLS_KEY_ECDSA;
	}
	s->weighs_curves = n_ecdsa > 1;
}

static void find_policy(struct tls_server *s,
			const struct tls_server_spec *spec, struct diag *diag)
{
	s->policy = tls_policy_find(spec->policy.n ? spec->policy
						   : SLICE(POLICY_DEFAULT));
	if (!s->policy)
		diag_error(diag, &spec->policy_place, NULL,
			   "there is no security policy \"%.*s\"",
			   SLICE_ARG(spec->policy));
}

static void set_alpn(struct tls_server *s, const struct tls_server_spec *spec)
{
	for (size_t i = 0; i < spec->n_alpn; i++) {
		size_t n = strlen(spec->alpn[i]);

		assert(n > 0 && n < 256);
		s->alpn = xrealloc(s->alpn, s->n_alpn_octets + n + 1);
		s->alpn[s->n_alpn_octets] = (unsigned char)n;
		memcpy(s->alpn + s->n_alpn_octets + 1, spec->alpn[i], n);
		s->n_alpn_octets += (unsigned)n + 1;
	}
}

/* A session of another policy could bring a cipher along that this one
 * does not have, so its name is part of the context. */
static int set_context(struct tls_server *s, const struct tls_server_spec *spec)
{
	char *text = xasprintf("%.*s\n%s", SLICE_ARG(spec->context),
			       s->policy->name);
	int done = EVP_Digest(text, strlen(text), s->context, &s->n_context,
			      EVP_sha256(), NULL);

	free(text);
	return done == 1 ? 0 : -1;
}

static int make_contexts(struct tls_server *s,
			 const struct tls_server_spec *spec, struct diag *diag)
{
	struct diag twice = {0};
	int result = 0;

	s->contexts = xcalloc(spec->n_workers, sizeof(SSL_CTX *));
	s->successors = xcalloc(spec->n_workers, sizeof(struct tls_server *));
	s->n_workers = spec->n_workers;
	for (unsigned w = 0; w < s->n_workers && result == 0; w++) {
		/* What there is to say is the same for all workers. */
		s->contexts[w] = make_context(s, &spec->policy_place,
					      w == 0 ? diag : &twice);
		result = s->contexts[w] ? 0 : -1;
	}
	diag_release(&twice);
	return result;
}

struct tls_server *tls_server_new(const struct tls_server_spec *spec,
				  struct diag *diag)
{
	struct tls_server *s = xcalloc(1, sizeof(*s));
	unsigned before = diag->n_errors;

	assert(spec->n_workers > 0);
	s->refs = 1;
	find_policy(s, spec, diag);
	load_identities(s, spec, diag);
	if (spec->n_certificates == 0)
		diag_error(diag, &spec->policy_place, NULL,
			   "a TLS listener needs a certificate");
	s->mutual = client_auth_new(&spec->mutual, diag);
	if (diag->n_errors != before)
		goto fail;

	set_alpn(s, spec);
	s->sni = sni_new(s->identities, s->n_identities);
	if (spec->tickets && !s->mutual)
		s->tickets = ticket_keys_ref(spec->tickets);
	try_identities(s, spec, diag);
	if (diag->n_errors != before)
		goto fail;
	if (set_context(s, spec) || make_contexts(s, spec, diag)) {
		if (diag->n_errors == before)
			diag_error(diag, &spec->policy_place, NULL,
				   "TLS cannot be set up: %s",
				   library_reason());
		goto fail;
	}
	return s;

fail:
	tls_server_unref(s);
	return NULL;
}

struct tls_server *tls_server_ref(struct tls_server *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

void tls_server_unref(struct tls_server *s)
{
	if (!s ||
	    atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (unsigned w = 0; w < s->n_workers; w++) {
		SSL_CTX_free(s->contexts[w]);
		tls_server_unref(s->successors[w]);
	}
	free(s->contexts);
	free(s->successors);
	sni_free(s->sni);
	for (size_t i = 0; i < s->n_identities; i++)
		tls_identity_unref(s->identities[i]);
	free(s->identities);
	ticket_keys_unref(s->tickets);
	client_auth_free(s->mutual);
	free(s->alpn);
	free(s);
}

void tls_server_replace(struct tls_server *s, unsigned worker,
			struct tls_server *next)
{
	struct tls_server *before = s->successors[worker];

	s->successors[worker] = tls_server_ref(next);
	tls_server_unref(before);
}

struct tls_server *tls_server_now(struct tls_server *s, unsigned worker)
{
	return s->successors[worker] ? s->successors[worker] : s;
}

const struct tls_policy *tls_server_policy(const struct tls_server *s)
{
	return s->policy;
}

const struct tls_identity *tls_server_identity(const struct tls_server *s,
					       size_t index)
{
	return index < s->n_identities ? s->identities[index] : NULL;
}

SSL_CTX *tls_server_context(const struct tls_server *s, unsigned worker)
{
	assert(worker < s->n_workers);
	return s->contexts[worker];
}

bool tls_server_knows(const struct tls_server *s, struct slice server_name)
{
	return sni_knows(s->sni, server_name);
}

struct tls_label *tls_server_label(const struct tls_server *s,
				   const struct x509_st *leaf)
{
	for (size_t i = 0; i < s->n_identities; i++)
		if (s->identities[i]->leaf == leaf)
			return s->identities[i]->label;
	return NULL;
}
