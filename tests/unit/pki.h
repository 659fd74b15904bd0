/* pki.h - authorities, what they issue and what they revoke, for a test. */
#ifndef WEIR_TESTS_PKI_H
#define WEIR_TESTS_PKI_H

#include <openssl/x509.h>
#include <stdbool.h>

struct person {
	X509 *x;
	EVP_PKEY *key;
};

struct person_spec {
	const char *cn;
	const char *key;       /* as in certs.h; NULL: "P-256" */
	const char *digest;    /* NULL: "SHA256" */
	const char *usage;     /* extended key usage; NULL: none */
	const char *san;       /* "DNS:a.example"; NULL: none */
	long starts_s, ends_s; /* from now; both 0: an hour ago to a year */
	bool is_ca;
	size_t padding; /* octets of a comment in it */
};

/* Signed by `issuer`; NULL: by itself. */
struct person person_new(const struct person_spec *spec,
			 const struct person *issuer);
void person_free(struct person *p);

/* Appends to files, the certificate first. */
void person_write(const struct person *p, const char *path, bool with_key);

/* Writes a list of `issuer` that `signer` signs; `revoked` may be NULL. */
void crl_write(const struct person *issuer, const struct person *signer,
	       const struct person *revoked, long starts_s, long ends_s,
	       const char *path);

#endif
