#include "pki.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

static EVP_PKEY *make_key(const char *type)
{
	if (strncmp(type, "RSA-", 4) == 0)
		return EVP_RSA_gen((unsigned)strtoul(type + 4, NULL, 10));
	if (strncmp(type, "P-", 2) == 0)
		return EVP_EC_gen(type);
	return EVP_PKEY_Q_keygen(NULL, NULL, type);
}

static const EVP_MD *digest_for(EVP_PKEY *key, const char *name)
{
	return EVP_PKEY_is_a(key, "ED25519")
		       ? NULL
		       : EVP_get_digestbyname(name ? name : "SHA256");
}

static void add(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	assert(ext && X509_add_ext(x, ext, -1) == 1);
	X509_EXTENSION_free(ext);
}

static void pad(X509 *x, size_t octets)
{
	char *text = malloc(octets + 1);

	assert(text);
	memset(text, 'x', octets);
	text[octets] = '\0';
	add(x, NID_netscape_comment, text);
	free(text);
}

static void add_extensions(X509 *x, const struct person_spec *spec)
{
	add(x, NID_basic_constraints,
	    spec->is_ca ? "critical,CA:TRUE" : "CA:FALSE");
	if (spec->usage)
		add(x, NID_ext_key_usage, spec->usage);
	if (spec->san)
		add(x, NID_subject_alt_name, spec->san);
	if (spec->padding)
		pad(x, spec->padding);
}

struct person person_new(const struct person_spec *spec,
			 const struct person *issuer)
{
	bool usual = spec->starts_s == 0 && spec->ends_s == 0;
	struct person p = {X509_new(),
			   make_key(spec->key ? spec->key : "P-256")};
	const struct person *by = issuer ? issuer : &p;
	static long serial = 0x03a5b0;

	assert(p.x && p.key && X509_set_version(p.x, X509_VERSION_3) == 1);
	ASN1_INTEGER_set(X509_get_serialNumber(p.x), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(p.x),
			usual ? -3600 : spec->starts_s);
	X509_gmtime_adj(X509_getm_notAfter(p.x),
			usual ? 365 * 86400L : spec->ends_s);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(p.x), "C",
				   MBSTRING_ASC, (const unsigned char *)"US",
				   -1, -1, 0);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(p.x), "CN",
				   MBSTRING_UTF8,
				   (const unsigned char *)spec->cn, -1, -1, 0);
	X509_set_issuer_name(p.x, X509_get_subject_name(by->x));
	X509_set_pubkey(p.x, p.key);
	add_extensions(p.x, spec);
	assert(X509_sign(p.x, by->key, digest_for(by->key, spec->digest)) > 0);
	return p;
}

void person_free(struct person *p)
{
	X509_free(p->x);
	EVP_PKEY_free(p->key);
	*p = (struct person){NULL, NULL};
}

void person_write(const struct person *p, const char *path, bool with_key)
{
	FILE *f = fopen(path, "a");

	assert(f && PEM_write_X509(f, p->x) == 1);
	if (with_key)
		assert(PEM_write_PrivateKey(f, p->key, NULL, NULL, 0, NULL,
					    NULL) == 1);
	fclose(f);
}

static void add_revoked(X509_CRL *crl, const struct person *p)
{
	X509_REVOKED *entry = X509_REVOKED_new();
	ASN1_TIME *now = X509_gmtime_adj(NULL, 0);

	X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(p->x));
	X509_REVOKED_set_revocationDate(entry, now);
	assert(X509_CRL_add0_revoked(crl, entry) == 1);
	ASN1_TIME_free(now);
}

void crl_write(const struct person *issuer, const struct person *signer,
	       const struct person *revoked, long starts_s, long ends_s,
	       const char *path)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *starts = X509_gmtime_adj(NULL, starts_s);
	ASN1_TIME *ends = X509_gmtime_adj(NULL, ends_s);
	FILE *f = fopen(path, "a");

	assert(crl && f && X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer->x));
	X509_CRL_set1_lastUpdate(crl, starts);
	X509_CRL_set1_nextUpdate(crl, ends);
	if (revoked)
		add_revoked(crl, revoked);
	X509_CRL_sort(crl);
	assert(X509_CRL_sign(crl, signer->key, digest_for(signer->key, NULL)) >
	       0);
	assert(PEM_write_X509_CRL(f, crl) == 1);
	fclose(f);
	ASN1_TIME_free(starts);
	ASN1_TIME_free(ends);
	X509_CRL_free(crl);
}
