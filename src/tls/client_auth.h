/*
 * client_auth.h - mutual TLS: certificates of clients, asked for and judged.
 *
 * Floor: tls.  Source: AWS: "Mutual authentication with TLS", "Connection
 * logs" (the codes).
 */
#ifndef WEIR_TLS_CLIENT_AUTH_H
#define WEIR_TLS_CLIENT_AUTH_H

#include <stdbool.h>

#include "base/diag.h"

struct client_auth;
struct client_fields;
struct ssl_ctx_st;
struct ssl_st;
struct trust;

enum mutual_mode {
	MUTUAL_OFF,
	MUTUAL_PASSTHROUGH, /* asked for, not judged, passed on */
	MUTUAL_VERIFY,      /* asked for and judged; none, no handshake */
};

/* Octets that a client's certificates may have together. */
enum { CLIENT_AUTH_OCTETS_MAX = 64 * 1024 };
/* Octets of a leaf that is verified. */
enum { CLIENT_LEAF_MAX = 16 * 1024 };
/* Authorities between a leaf and the trusted root. */
enum { CLIENT_CHAIN_MAX = 4 };

/* Why a handshake with a client failed, in AWS's words. */
/* clang-format off */
#define CLIENT_CODES(X)                                                        \
	X(CHAIN_TOO_DEEP, "ClientCertMaxChainDepthExceeded")                   \
	X(TOO_LARGE, "ClientCertMaxSizeExceeded")                              \
	X(CRL_HIT, "ClientCertCrlHit")                                         \
	X(CRL_BROKEN, "ClientCertCrlProcessingError")                          \
	X(UNTRUSTED, "ClientCertUntrusted")                                    \
	X(NOT_YET_VALID, "ClientCertNotYetValid")                              \
	X(EXPIRED, "ClientCertExpired")                                        \
	X(TYPE, "ClientCertTypeUnsupported")                                   \
	X(INVALID, "ClientCertInvalid")                                        \
	X(PURPOSE, "ClientCertPurposeInvalid")                                 \
	X(UNMAPPED, "UnmappedConnectionError")
/* clang-format on */

enum client_code {
	CLIENT_CODE_NONE,
#define X(symbol, text) CLIENT_CODE_##symbol,
	CLIENT_CODES(X)
#undef X
};

/* "ClientCertExpired"; "" for CLIENT_CODE_NONE. */
const char *client_code_text(enum client_code code);

/* Everything is borrowed for the call. */
struct client_auth_spec {
	enum mutual_mode mode;
	struct trust *trust; /* with MUTUAL_VERIFY; gets a reference */
	bool ignore_expiry;  /* of the leaf */
	bool advertise_ca_names;
	struct place place;
};

/*
 * Immutable; for as many contexts as there are. NULL with MUTUAL_OFF, and
 * after an error: there are too many names to advertise.
 */
struct client_auth *client_auth_new(const struct client_auth_spec *spec,
				    struct diag *diag);
void client_auth_free(struct client_auth *a); /* NULL is allowed */

/* The context must not outlive `a` in handshakes. 0, or -1 with words in
 * OpenSSL's queue. */
int client_auth_install(const struct client_auth *a, struct ssl_ctx_st *ctx);

/* What a handshake finds out. Lives in the filter, which sets it as the SSL's
 * app data; zeroed before. */
struct client_auth_link {
	struct client_fields *fields; /* owned; NULL: no certificate came */
	enum client_code code;        /* of the certificate */
};

/* The code of a handshake that failed: the certificate's, if that was it. */
enum client_code client_auth_code(const struct client_auth_link *link,
				  unsigned long error);

#endif
