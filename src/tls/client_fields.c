#include "client_fields.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "library.h"

enum { LINE_OCTETS = 48 }; /* 64 in base64; RFC 7468 section 2 */

static bool put(BIO *out, const void *p, size_t n)
{
	size_t done;

	return n == 0 || BIO_write_ex(out, p, n, &done) == 1;
}

static bool put_text(BIO *out, const char *text)
{
	return put(out, text, strlen(text));
}

static bool put_serial(BIO *out, const X509 *x)
{
	static const char hex[] = "0123456789ABCDEF";
	const ASN1_INTEGER *serial = X509_get0_serialNumber(x);
	const unsigned char *p = ASN1_STRING_get0_data(serial);
	int n = ASN1_STRING_length(serial);

	if (ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER &&
	    !put_text(out, "-"))
		return false;
	for (int i = 0; i < n; i++) {
		char pair[2] = {hex[p[i] >> 4], hex[p[i] & 15]};

		if (!put(out, pair, 2))
			return false;
	}
	return true;
}

static bool put_name(BIO *out, const X509_NAME *name)
{
	/* -1 is the failure; an empty name is 0 octets. */
	return X509_NAME_print_ex(out, name, 0, XN_FLAG_RFC2253) >= 0;
}

static bool put_time(BIO *out, const ASN1_TIME *t)
{
	struct tm tm;

	return ASN1_TIME_to_tm(t, &tm) == 1 &&
	       BIO_printf(out, "%04d-%02d-%02dT%02d:%02d:%02dZ",
			  tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
			  tm.tm_hour, tm.tm_min, tm.tm_sec) > 0;
}

static bool put_validity(BIO *out, const X509 *x)
{
	return put_text(out, "NotBefore=") &&
	       put_time(out, X509_get0_notBefore(x)) &&
	       put_text(out, ";NotAfter=") &&
	       put_time(out, X509_get0_notAfter(x));
}

/* AWS leaves + = / as they are; the rest of PEM is spaces and line ends. */
static bool put_pem(BIO *out, X509 *x)
{
	unsigned char *der = NULL;
	int n = i2d_X509(x, &der);
	bool ok = n > 0 && put_text(out, "-----BEGIN%20CERTIFICATE-----%0A");

	for (int at = 0; ok && at < n; at += LINE_OCTETS) {
		unsigned char line[LINE_OCTETS / 3 * 4 + 1];
		int part = n - at < LINE_OCTETS ? n - at : LINE_OCTETS;

		ok = put(out, line,
			 (size_t)EVP_EncodeBlock(line, der + at, part)) &&
		     put_text(out, "%0A");
	}
	OPENSSL_free(der);
	return ok && put_text(out, "-----END%20CERTIFICATE-----%0A");
}

static bool put_chain(BIO *out, const STACK_OF(X509) * chain)
{
	bool ok = true;

	for (int i = 0; ok && i < sk_X509_num(chain); i++)
		ok = put_pem(out, sk_X509_value(chain, i));
	return ok;
}

enum { PARTS = 6 };

/* Writes them behind each other; ends[i] is where part i ends. */
static bool write_parts(BIO *out, X509 *leaf, const STACK_OF(X509) * chain,
			size_t ends[PARTS])
{
	bool ok = put_serial(out, leaf);

	ends[0] = BIO_ctrl_pending(out);
	ok = ok && put_name(out, X509_get_issuer_name(leaf));
	ends[1] = BIO_ctrl_pending(out);
	ok = ok && put_name(out, X509_get_subject_name(leaf));
	ends[2] = BIO_ctrl_pending(out);
	ok = ok && put_validity(out, leaf);
	ends[3] = BIO_ctrl_pending(out);
	ok = ok && (chain || put_pem(out, leaf));
	ends[4] = BIO_ctrl_pending(out);
	ok = ok && (!chain || put_chain(out, chain));
	ends[5] = BIO_ctrl_pending(out);
	return ok;
}

static struct client_fields *copy_parts(BIO *out, const size_t ends[PARTS])
{
	struct client_fields *f = malloc(sizeof(*f) + ends[PARTS - 1]);
	struct slice parts[PARTS];
	const char *from;
	size_t at = 0;

	if (!f)
		return NULL;
	BIO_get_mem_data(out, &from);
	memcpy(f->text, from, ends[PARTS - 1]);
	for (int i = 0; i < PARTS; at = ends[i], i++)
		parts[i] = slice_make(f->text + at, ends[i] - at);
	f->serial = parts[0];
	f->issuer = parts[1];
	f->subject = parts[2];
	f->validity = parts[3];
	f->leaf = parts[4];
	f->chain = parts[5];
	return f;
}

struct client_fields *client_fields_new(X509 *leaf,
					const STACK_OF(X509) * chain)
{
	struct client_fields *fields = NULL;
	BIO *out = BIO_new(BIO_s_mem());
	size_t ends[PARTS];

	if (out && write_parts(out, leaf, chain, ends))
		fields = copy_parts(out, ends);
	BIO_free(out);
	library_forget();
	return fields;
}
