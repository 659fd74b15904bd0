#include "certs.h"

#include <ftw.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"

static char folder[] = "/tmp/weir-certs-XXXXXX";

int certs_enter(void **state)
{
	(void)state;
	return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int drop(const char *path, const struct stat *st, int type,
		struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

int certs_leave(void **state)
{
	(void)state;
	return chdir("/") ? -1 : nftw(folder, drop, 8, FTW_DEPTH | FTW_PHYS);
}

static EVP_PKEY *make_key(const char *type)
{
	if (strncmp(type, "RSA-", 4) == 0)
		return EVP_RSA_gen((unsigned)strtoul(type + 4, NULL, 10));
	if (strncmp(type, "P-", 2) == 0)
		return EVP_EC_gen(type);
	return EVP_PKEY_Q_keygen(NULL, NULL, type);
}

/* Making RSA keys takes its time, and most tests do not mind. */
static EVP_PKEY *key_of(const struct cert_spec *spec)
{
	static struct {
		const char *type;
		EVP_PKEY *key;
	} made[8];
	size_t i = 0;

	if (spec->fresh_key)
		return make_key(spec->key);
	while (made[i].type && strcmp(made[i].type, spec->key) != 0)
		assert(++i < ARRAY_SIZE(made));
	if (!made[i].type) {
		made[i].type = spec->key;
		made[i].key = make_key(spec->key);
	}
	EVP_PKEY_up_ref(made[i].key);
	return made[i].key;
}

static void add_names(X509 *x, const char *names)
{
	char *text = xstrdup("");
	char *copy = xstrdup(names), *save = NULL;
	X509_EXTENSION *ext;

	for (char *one = strtok_r(copy, ",", &save); one;
	     one = strtok_r(NULL, ",", &save)) {
		char *longer =
			xasprintf("%s%sDNS:%s", text, text[0] ? "," : "", one);

		free(text);
		text = longer;
	}
	ext = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, text);
	assert(ext && X509_add_ext(x, ext, -1) == 1);
	X509_EXTENSION_free(ext);
	free(copy);
	free(text);
}

static X509 *make_cert(const struct cert_spec *spec, EVP_PKEY *key)
{
	bool usual = spec->starts_s == 0 && spec->ends_s == 0;
	const char *cn = spec->cn ? spec->cn : "test";
	const EVP_MD *md = strcmp(spec->key, "ED25519") == 0
				   ? NULL
				   : EVP_get_digestbyname(spec->digest
								  ? spec->digest
								  : "SHA256");
	X509 *x = X509_new();
	static long serial;

	assert(x && X509_set_version(x, X509_VERSION_3) == 1);
	ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(x), usual ? -3600 : spec->starts_s);
	X509_gmtime_adj(X509_getm_notAfter(x),
			usual ? 365 * 86400L : spec->ends_s);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
				   (const unsigned char *)cn, -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	X509_set_pubkey(x, key);
	if (spec->names)
		add_names(x, spec->names);
	assert(X509_sign(x, key, md) > 0);
	return x;
}

void cert_write(const struct cert_spec *spec, const char *chain_path,
		const char *key_path)
{
	EVP_PKEY *key = key_of(spec);
	X509 *x = make_cert(spec, key);
	FILE *f = fopen(chain_path, "w");

	assert(f && PEM_write_X509(f, x) == 1);
	if (key_path) {
		fclose(f);
		f = fopen(key_path, "w");
	}
	assert(f && PEM_write_PrivateKey(
			    f, key, spec->passphrase ? EVP_aes_128_cbc() : NULL,
			    NULL, 0, NULL,
			    (void *)(uintptr_t)spec->passphrase) == 1);
	fclose(f);
	X509_free(x);
	EVP_PKEY_free(key);
}

void file_write(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert(f && fputs(text, f) >= 0);
	fclose(f);
}

void file_append(const char *path, const char *from)
{
	FILE *to = fopen(path, "a"), *f = fopen(from, "r");
	int c;

	assert(to && f);
	while ((c = fgetc(f)) != EOF)
		fputc(c, to);
	fclose(f);
	fclose(to);
}
