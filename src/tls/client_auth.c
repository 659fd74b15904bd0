#include "client_auth.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "base/fail.h"
#include "client_fields.h"
#include "library.h"
#include "trust.h"

struct client_auth {
	enum mutual_mode mode;
	struct trust *trust; /* one reference, or NULL */
	bool ignore_expiry, advertise_ca_names;
};

const char *client_code_text(enum client_code code)
{
	static const char *const texts[] = {"",
#define X(symbol, text) text,
					    CLIENT_CODES(X)
#undef X
	};

	return texts[code];
}

/* -- what kinds are taken -------------------------------------------------- */

/* AWS: RSA of 2048 to 8192 bits, three curves. */
static bool is_fine_key(X509 *x)
{
	EVP_PKEY *key = X509_get0_pubkey(x);
	int bits = key ? EVP_PKEY_get_bits(key) : 0;
	char curve[32];

	if (key && (EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "RSA-PSS")))
		return bits >= 2048 && bits <= 8192;
	return key && EVP_PKEY_is_a(key, "EC") &&
	       EVP_PKEY_get_group_name(key, curve, sizeof(curve), NULL) == 1 &&
	       (strcmp(curve, "prime256v1") == 0 ||
		strcmp(curve, "secp384r1") == 0 ||
		strcmp(curve, "secp521r1") == 0);
}

static bool is_fine_signature(X509 *x)
{
	int digest = NID_undef, key = NID_undef;

	X509_get_signature_info(x, &digest, &key, NULL, NULL);
	return (digest == NID_sha256 || digest == NID_sha384 ||
		digest == NID_sha512) &&
	       (key == NID_rsaEncryption || key == NID_rsassaPss ||
		key == NID_X9_62_id_ecPublicKey);
}

static bool is_fine_kind(X509 *x)
{
	return is_fine_key(x) && is_fine_signature(x);
}

/* The last one is the administrator's choice. */
static bool is_fine_chain(STACK_OF(X509) * chain)
{
	for (int i = 1; i + 1 < sk_X509_num(chain); i++)
		if (!is_fine_kind(sk_X509_value(chain, i)))
			return false;
	return true;
}

/* -- the verdict ----------------------------------------------------------- */

static enum client_code code_of(int error)
{
	switch (error) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return CLIENT_CODE_EXPIRED;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return CLIENT_CODE_NOT_YET_VALID;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		return CLIENT_CODE_UNTRUSTED;
	case X509_V_ERR_CERT_CHAIN_TOO_LONG:
		return CLIENT_CODE_CHAIN_TOO_DEEP;
	case X509_V_ERR_CERT_REVOKED:
		return CLIENT_CODE_CRL_HIT;
	case X509_V_ERR_CRL_SIGNATURE_FAILURE:
	case X509_V_ERR_CRL_NOT_YET_VALID:
	case X509_V_ERR_CRL_HAS_EXPIRED:
	case X509_V_ERR_ERROR_IN_CRL_LAST_UPDATE_FIELD:
	case X509_V_ERR_ERROR_IN_CRL_NEXT_UPDATE_FIELD:
		return CLIENT_CODE_CRL_BROKEN;
	case X509_V_ERR_INVALID_PURPOSE:
		return CLIENT_CODE_PURPOSE;
	}
	return CLIENT_CODE_INVALID;
}

static SSL *ssl_of(X509_STORE_CTX *ctx)
{
	return X509_STORE_CTX_get_ex_data(ctx,
					  SSL_get_ex_data_X509_STORE_CTX_idx());
}

/* An authority without a list has revoked nobody. */
static int on_verdict(int ok, X509_STORE_CTX *ctx, bool ignore_expiry)
{
	int error = X509_STORE_CTX_get_error(ctx);

	if (ok || error == X509_V_ERR_UNABLE_TO_GET_CRL)
		return 1;
	return ignore_expiry && error == X509_V_ERR_CERT_HAS_EXPIRED &&
	       X509_STORE_CTX_get_error_depth(ctx) == 0;
}

static int strict_verdict(int ok, X509_STORE_CTX *ctx)
{
	return on_verdict(ok, ctx, false);
}

static int verdict_without_expiry(int ok, X509_STORE_CTX *ctx)
{
	return on_verdict(ok, ctx, true);
}

static enum client_code verify(const struct client_auth *a, X509_STORE_CTX *ctx)
{
	X509 *leaf = X509_STORE_CTX_get0_cert(ctx);

	if (i2d_X509(leaf, NULL) > CLIENT_LEAF_MAX)
		return CLIENT_CODE_TOO_LARGE;
	if (!is_fine_kind(leaf))
		return CLIENT_CODE_TYPE;
	X509_STORE_CTX_set_depth(ctx, CLIENT_CHAIN_MAX);
	X509_STORE_CTX_set_verify_cb(ctx, a->ignore_expiry
						  ? verdict_without_expiry
						  : strict_verdict);
	if (X509_verify_cert(ctx) != 1)
		return code_of(X509_STORE_CTX_get_error(ctx));
	return is_fine_chain(X509_STORE_CTX_get0_chain(ctx)) ? CLIENT_CODE_NONE
							     : CLIENT_CODE_TYPE;
}

/* What went on without OpenSSL's doing has to have a result too: it chooses
 * the alert, and ignored ones must not be seen later. What the queue holds of
 * bad signatures would hide that a certificate was refused. */
static int settle(X509_STORE_CTX *ctx, enum client_code code)
{
	if (code == CLIENT_CODE_NONE)
		X509_STORE_CTX_set_error(ctx, X509_V_OK);
	else if (X509_STORE_CTX_get_error(ctx) == X509_V_OK)
		X509_STORE_CTX_set_error(ctx, X509_V_ERR_CERT_REJECTED);
	library_forget();
	return code == CLIENT_CODE_NONE;
}

/* In place of OpenSSL's own check, once in a handshake in which a certificate
 * came; it looks for nothing else. */
static int on_certificate(X509_STORE_CTX *ctx, void *arg)
{
	const struct client_auth *a = arg;
	struct client_auth_link *link = SSL_get_app_data(ssl_of(ctx));
	X509 *leaf = X509_STORE_CTX_get0_cert(ctx);
	bool pass = a->mode == MUTUAL_PASSTHROUGH;

	if (!link->fields && i2d_X509(leaf, NULL) <= CLIENT_AUTH_OCTETS_MAX)
		link->fields = client_fields_new(
			leaf, pass ? X509_STORE_CTX_get0_untrusted(ctx) : NULL);
	if (!link->fields)
		link->code = CLIENT_CODE_INVALID;
	else if (!pass)
		link->code = verify(a, ctx);
	return settle(ctx, link->code);
}

enum client_code client_auth_code(const struct client_auth_link *link,
				  unsigned long error)
{
	if (link->code)
		return link->code;
	if (ERR_GET_LIB(error) == ERR_LIB_SSL &&
	    ERR_GET_REASON(error) == SSL_R_EXCESSIVE_MESSAGE_SIZE)
		return CLIENT_CODE_TOO_LARGE;
	return CLIENT_CODE_UNMAPPED;
}

/* -- life ------------------------------------------------------------------ */

struct client_auth *client_auth_new(const struct client_auth_spec *spec,
				    struct diag *diag)
{
	struct client_auth *a;

	if (spec->mode == MUTUAL_OFF)
		return NULL;
	assert((spec->mode == MUTUAL_VERIFY) == (spec->trust != NULL));
	if (spec->advertise_ca_names &&
	    trust_names_octets(spec->trust) >= CLIENT_AUTH_OCTETS_MAX) {
		diag_error(diag, &spec->place, NULL,
			   "the names of the authorities have %zu octets; at "
			   "most %d can be advertised",
			   trust_names_octets(spec->trust),
			   CLIENT_AUTH_OCTETS_MAX - 1);
		return NULL;
	}
	a = xcalloc(1, sizeof(*a));
	*a = (struct client_auth){
		.mode = spec->mode,
		.trust = spec->trust ? trust_ref(spec->trust) : NULL,
		.ignore_expiry = spec->ignore_expiry,
		.advertise_ca_names = spec->advertise_ca_names,
	};
	return a;
}

void client_auth_free(struct client_auth *a)
{
	if (!a)
		return;
	trust_unref(a->trust);
	free(a);
}

static int advertise(const struct client_auth *a, SSL_CTX *ctx)
{
	STACK_OF(X509_NAME) *names = SSL_dup_CA_list(
		(STACK_OF(X509_NAME) *)(uintptr_t)trust_names(a->trust));

	if (!names)
		return -1;
	SSL_CTX_set0_CA_list(ctx, names);
	return 0;
}

int client_auth_install(const struct client_auth *a, SSL_CTX *ctx)
{
	bool verifies = a->mode == MUTUAL_VERIFY;

	SSL_CTX_set_verify(ctx,
			   verifies ? SSL_VERIFY_PEER |
					      SSL_VERIFY_FAIL_IF_NO_PEER_CERT
				    : SSL_VERIFY_PEER,
			   NULL);
	SSL_CTX_set_cert_verify_callback(ctx, on_certificate,
					 (void *)(uintptr_t)a);
	SSL_CTX_set_max_cert_list(ctx, CLIENT_AUTH_OCTETS_MAX);
	if (verifies &&
	    SSL_CTX_set1_verify_cert_store(ctx, trust_store(a->trust)) != 1)
		return -1;
	return a->advertise_ca_names ? advertise(a, ctx) : 0;
}
