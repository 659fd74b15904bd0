/*
 * identity.h - who we are: a certificate chain and its private key.
 *
 * Loaded and judged once, on the control thread; then immutable and shared by
 * all workers, whose contexts hold references of their own. What decides
 * between several certificates for one name is read out here, so that nobody
 * has to look into a certificate while a client waits.
 *
 * Floor: tls.  Source: AWS: "SSL certificates for your Application Load
 * Balancer", RFC 6125 section 6.4.
 */
#ifndef WEIR_TLS_IDENTITY_H
#define WEIR_TLS_IDENTITY_H

#include <stdatomic.h>
#include <stddef.h>
#include <time.h>

#include "base/diag.h"
#include "base/slice.h"
#include "object_id.h"

/* In the order in which they are preferred. */
enum tls_key { TLS_KEY_ECDSA, TLS_KEY_RSA, TLS_KEY_KINDS };

/* How a certificate is called, for logs. Connections hold on to it and not to
 * the certificate, since they may live for weeks. */
struct tls_label {
	_Atomic unsigned refs;
	char id[CERTIFICATE_ID_OCTETS];
	char file[]; /* path of the chain */
};

struct tls_label *tls_label_ref(struct tls_label *label);
/* Any thread; the last one frees. NULL is allowed. */
void tls_label_unref(struct tls_label *label);

struct tls_identity {
	_Atomic unsigned refs;
	struct tls_label *label;     /* one reference; NULL before
				      * tls_identity_name() */
	struct x509_st *leaf;        /* owned */
	struct stack_st_X509 *chain; /* owned; without the leaf; or NULL */
	struct evp_pkey_st *key;     /* owned */
	char *file;                  /* of the chain, as given; owned */

	/* DNS names, lower case, without a dot at the end: the subject
	 * alternative names or, where there are none, the common name. A
	 * wildcard begins with "*.". Owned. */
	struct slice *names;
	size_t n_names;

	enum tls_key kind;
	unsigned key_bits;
	unsigned digest_bits; /* of the signature on it: 256 for SHA-256, 0
			       * for one older than SHA-1 */
	time_t not_before, not_after;
	char *serial;                 /* hexadecimal, lower case; owned */
	char *issuer;                 /* as RFC 2253 writes names; owned */
	char fingerprint[2 * 32 + 1]; /* SHA-256, hexadecimal */
};

/* Whole days until it ends; below 0 once it has. */
static inline int tls_identity_days_left(const struct tls_identity *id,
					 time_t now)
{
	time_t left = id->not_after - now;

	return (int)(left >= 0 ? left / 86400 : -((86399 - left) / 86400));
}

/* A file larger than this is refused. */
enum { IDENTITY_FILE_MAX = 1024 * 1024 };

/*
 * Loads a chain (the leaf comes first) and its key from PEM files.
 *
 * chain  path
 * key    path; NULL: the key is in the same file as the chain
 * at     where findings belong; may be NULL
 *
 * Returns an identity with one reference, or NULL after one error that names
 * the file at fault: unreadable, not PEM, no certificate, no key, a key under
 * a passphrase, a key of another certificate, RSA below 2048 bits, neither
 * RSA nor ECDSA. Expired, not yet valid and chains out of order are warnings.
 *
 * Control thread only: reads files.
 */
struct tls_identity *tls_identity_load(const char *chain, const char *key,
				       const struct place *at,
				       struct diag *diag);

/* Gives it the label of its path as the configuration writes it. Before it is
 * shared. */
void tls_identity_name(struct tls_identity *id, struct slice path);

struct tls_identity *tls_identity_ref(struct tls_identity *id);
/* Any thread; the last one frees. NULL is allowed. */
void tls_identity_unref(struct tls_identity *id);

/* "RSA" or "ECDSA". */
const char *tls_key_name(enum tls_key kind);

#endif
