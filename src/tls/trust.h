/*
 * trust.h - whom we believe: certificates of authorities, and what they have
 * revoked.
 *
 * Loaded and judged once, on the control thread; then immutable and shared by
 * all workers and by all that name the same files. Signatures of revocation
 * lists are checked here, and not again in each handshake: a list may have
 * 50 MB.
 *
 * Floor: tls.  Source: AWS: mutual authentication, trust stores; RFC 5280.
 */
#ifndef WEIR_TLS_TRUST_H
#define WEIR_TLS_TRUST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"

struct trust;
struct stack_st_X509_NAME;
struct x509_store_st;

/* Files larger than this are refused. */
enum {
	TRUST_BUNDLE_MAX = 4 * 1024 * 1024,
	TRUST_CRL_MAX = 64 * 1024 * 1024,
};

struct trust_file {
	const char *path;
	struct place place;
};

/* Everything is borrowed for the call. */
struct trust_spec {
	struct trust_file bundle; /* path NULL: the store of the system */
	const struct trust_file *crls;
	size_t n_crls;
	bool strict; /* settings.strict_aws_limits */
};

/*
 * Returns a trust with one reference, or NULL after errors: a file that
 * cannot be read, a bundle without a certificate, a list that its authority
 * has not signed. Authorities and lists whose time is over are warnings.
 *
 * Control thread only: reads files.
 */
struct trust *trust_load(const struct trust_spec *spec, struct diag *diag);
struct trust *trust_ref(struct trust *t);
/* Any thread; the last one frees. NULL is allowed. */
void trust_unref(struct trust *t);

/* For SSL_CTX and X509_STORE_CTX; borrowed. A missing list for an authority
 * is reported to the callback as X509_V_ERR_UNABLE_TO_GET_CRL. */
struct x509_store_st *trust_store(const struct trust *t);

/* The subjects of all authorities, borrowed; empty for the system's store. */
const struct stack_st_X509_NAME *trust_names(const struct trust *t);

/* Octets that these subjects have in a CertificateRequest. */
size_t trust_names_octets(const struct trust *t);

/* Equal where the files have the same contents. */
uint64_t trust_print(const struct trust *t);

#endif
