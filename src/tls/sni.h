/*
 * sni.h - server name -> certificate.
 *
 * Built on load: each name knows its certificates, best first, so a listener
 * with thousands of them costs a handshake two looks into a hash table and
 * no allocation. The order is AWS's: ECDSA before RSA where the client can
 * use it, not expired, larger hash, longer key, later end.
 *
 * Floor: tls.  Immutable once made; any thread.
 * Source: AWS: "Application Load Balancers: certificate list".
 */
#ifndef WEIR_TLS_SNI_H
#define WEIR_TLS_SNI_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "base/slice.h"

struct sni;
struct tls_identity;

/* Curves of ECDSA keys that a client can verify; bits. */
enum {
	CURVE_P256 = 1,
	CURVE_P384 = 2,
	CURVE_P521 = 4,
	CURVE_ALL = 7,
};

/*
 * What to offer: at most one certificate of each kind. OpenSSL takes the
 * ECDSA one when the client can use it, else the other.
 */
struct sni_choice {
	const struct tls_identity *ecdsa, *rsa; /* borrowed; one may be NULL */
	bool matched; /* by name; false: these are the default */
};

/* The first identity is the default. Borrows them for its life. */
struct sni *sni_new(struct tls_identity *const *ids, size_t n_ids);
void sni_free(struct sni *sni);

/*
 * Chooses for a name as the client sent it; empty: none was sent.
 *
 * now     seconds since 1970; what has expired is used only where nothing
 *         else of its kind matches
 * curves  bits of what the client can verify
 *
 * A list of certificates does not hold the default one, unless it is there a
 * second time. Where the name matches the list with ECDSA only and the
 * default has RSA, the default is what remains for a client without ECDSA.
 */
void sni_choose(const struct sni *sni, struct slice name, time_t now,
		unsigned curves, struct sni_choice *out);

/* Whether any certificate, the default one too, is for this name. */
bool sni_knows(const struct sni *sni, struct slice name);

#endif
