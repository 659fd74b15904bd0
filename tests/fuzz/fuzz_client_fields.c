/*
 * fuzz_client_fields.c - a client's certificate as text for targets.
 *
 * Whatever OpenSSL takes for a certificate becomes fields that can stand in a
 * head: visible ASCII and spaces, each within the text that was made. The
 * input is one certificate in DER, or several.
 */
#include "fuzz.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "tls/client_fields.h"

static void check_text(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		HOLDS(s.p[i] >= ' ' && s.p[i] <= '~');
}

static void check_times(struct slice s)
{
	static const char form[] = "NotBefore=0000-00-00T00:00:00Z;"
				   "NotAfter=0000-00-00T00:00:00Z";

	HOLDS(s.n == sizeof(form) - 1);
	for (size_t i = 0; i < s.n; i++)
		HOLDS(form[i] == '0' ? s.p[i] >= '0' && s.p[i] <= '9'
				     : s.p[i] == form[i]);
}

static void check_pem(struct slice s)
{
	HOLDS(slice_starts(s, SLICE("-----BEGIN%20CERTIFICATE-----%0A")));
	HOLDS(slice_ends_fold(s, SLICE("%0A-----END%20CERTIFICATE-----%0A")));
	for (size_t i = 0; i < s.n; i++)
		HOLDS(s.p[i] != ' ' && s.p[i] != '"' && s.p[i] != ',');
}

static void check(const struct client_fields *f, bool is_chain)
{
	check_text(f->issuer);
	check_text(f->subject);
	check_times(f->validity);
	for (size_t i = 0; i < f->serial.n; i++)
		HOLDS(strchr(i ? "0123456789ABCDEF" : "-0123456789ABCDEF",
			     f->serial.p[i]));
	check_pem(is_chain ? f->chain : f->leaf);
	HOLDS((is_chain ? f->leaf : f->chain).n == 0);
}

static void write_and_check(X509 *leaf, const STACK_OF(X509) * chain)
{
	struct client_fields *f = client_fields_new(leaf, chain);

	if (f)
		check(f, chain != NULL);
	free(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	STACK_OF(X509) *chain = sk_X509_new_null();
	const uint8_t *at = data;
	X509 *x;

	while (at < data + size &&
	       (x = d2i_X509(NULL, &at, (long)(data + size - at))) != NULL)
		sk_X509_push(chain, x);
	ERR_clear_error();
	if (sk_X509_num(chain) > 0) {
		write_and_check(sk_X509_value(chain, 0), NULL);
		write_and_check(sk_X509_value(chain, 0), chain);
	}
	sk_X509_pop_free(chain, X509_free);
	return 0;
}
