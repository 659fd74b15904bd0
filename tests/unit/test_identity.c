/* test_identity.c - what is said about certificates and keys that are not
 * good enough, and what is read out of those that are. */
#include "tls/identity.h"

#include <stdlib.h>
#include <unistd.h>

#include "certs.h"
#include "unit.h"

#define EC                                                                     \
	{                                                                      \
		.key = "P-256"                                                 \
	}
#define RSA                                                                    \
	{                                                                      \
		.key = "RSA-2048"                                              \
	}

/* The findings of one load, as text; *id gets what was loaded. */
static char *load(const char *chain, const char *key, struct tls_identity **id)
{
	struct diag d = {0};
	char *text;

	*id = tls_identity_load(chain, key, NULL, &d);
	assert_true((*id == NULL) == (d.n_errors == 1));
	text = diag_to_text(&d);
	diag_release(&d);
	return text;
}

static void assert_finding(const char *chain, const char *key,
			   const char *expect)
{
	struct tls_identity *id;
	char *text = load(chain, key, &id);

	print_message("# %s", text[0] ? text : "nothing\n");
	if (expect)
		assert_non_null(strstr(text, expect));
	else
		assert_string_equal(text, "");
	tls_identity_unref(id);
	free(text);
}

static void test_what_is_refused(void **state)
{
	struct cert_spec ec = EC, other = {.key = "P-256", .fresh_key = true};
	struct cert_spec weak = {.key = "RSA-1024"}, ed = {.key = "ED25519"};
	struct cert_spec locked = {.key = "P-256", .passphrase = "secret"};

	(void)state;
	cert_write(&ec, "a.pem", "a.key");
	cert_write(&other, "b.pem", "b.key");
	cert_write(&weak, "weak.pem", NULL);
	cert_write(&ed, "ed.pem", NULL);
	cert_write(&locked, "locked.pem", "locked.key");
	file_write("text.pem", "not at all\n");
	file_write("broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n"
				 "-----END CERTIFICATE-----\n");
	file_write("broken.key", "-----BEGIN PRIVATE KEY-----\nAAAA\n"
				 "-----END PRIVATE KEY-----\n");
	file_write("empty.pem", "");

	assert_finding("none.pem", NULL,
		       "error: none.pem cannot be read: No such file");
	assert_finding(".", NULL, ". cannot be read: Is a directory");
	assert_finding("a.pem", "none.key", "none.key cannot be read");
	assert_finding("text.pem", NULL, "text.pem is not a PEM file");
	assert_finding("empty.pem", NULL, "empty.pem is not a PEM file");
	assert_finding("a.pem", "text.pem", "text.pem is not a PEM file");
	assert_finding("a.key", "a.key", "a.key holds no certificate");
	assert_finding("a.pem", NULL, "a.pem holds no private key");
	assert_finding("broken.pem", "a.key",
		       "broken.pem holds a certificate that cannot be read");
	assert_finding("a.pem", "broken.key",
		       "broken.key holds a private key that cannot be read");
	assert_finding("a.pem", "b.key",
		       "the private key in b.key is not that of the "
		       "certificate in a.pem");
	assert_finding("locked.pem", "locked.key", "under a passphrase");
	assert_finding("weak.pem", NULL, "an RSA key of 1024 bits is too weak");
	assert_finding("ed.pem", NULL, "only RSA and ECDSA");
}

static void test_what_is_too_large_is_refused(void **state)
{
	FILE *f = fopen("large.pem", "w");

	(void)state;
	assert_non_null(f);
	assert_int_equal(ftruncate(fileno(f), IDENTITY_FILE_MAX + 1), 0);
	fclose(f);
	assert_finding("large.pem", NULL, "File too large");
}

static void test_what_is_only_worth_a_warning(void **state)
{
	struct cert_spec old = {
		.key = "P-256", .starts_s = -2 * 86400, .ends_s = -86400};
	struct cert_spec early = {
		.key = "P-256", .starts_s = 86400, .ends_s = 2 * 86400};
	struct cert_spec ec = EC, stranger = {.key = "P-384", .cn = "other"};

	(void)state;
	cert_write(&old, "old.pem", NULL);
	cert_write(&early, "early.pem", NULL);
	cert_write(&ec, "ec.pem", "ec.key");
	cert_write(&stranger, "stranger.pem", "stranger.key");
	file_append("ec.pem", "stranger.pem");

	assert_finding("old.pem", NULL,
		       "warning: the certificate in old.pem expired on 2");
	assert_finding("early.pem", NULL, "is not valid before 2");
	assert_finding("ec.pem", "ec.key",
		       "warning: ec.pem: certificate 2 did not sign");
	/* The order is wrong: the leaf is the second one. */
	assert_finding("ec.pem", "stranger.key",
		       "the certificate of the key must come first");
}

static void test_what_is_read_out(void **state)
{
	struct cert_spec rsa = {.key = "RSA-2048",
				.digest = "SHA384",
				.cn = "cn.example",
				.names = "WWW.Example.com,*.example.com,"
					 "f*.example.com,dot.example."};
	struct cert_spec ec = {.key = "P-384", .cn = "CN.Example"};
	struct tls_identity *id;
	char *text;

	(void)state;
	cert_write(&rsa, "rsa.pem", "rsa.key");
	cert_write(&ec, "cn.pem", NULL);

	text = load("rsa.pem", "rsa.key", &id);
	assert_string_equal(text, "");
	assert_int_equal(id->kind, TLS_KEY_RSA);
	assert_int_equal(id->key_bits, 2048);
	assert_int_equal(id->digest_bits, 384);
	assert_true(id->not_before < time(NULL) && id->not_after > time(NULL));
	assert_int_equal(id->n_names, 3);
	assert_slice(id->names[0], "www.example.com");
	assert_slice(id->names[1], "*.example.com");
	assert_slice(id->names[2], "dot.example");
	tls_identity_unref(id);
	free(text);

	/* Without alternative names the common name counts. */
	text = load("cn.pem", NULL, &id);
	assert_int_equal(id->kind, TLS_KEY_ECDSA);
	assert_int_equal(id->key_bits, 384);
	assert_int_equal(id->n_names, 1);
	assert_slice(id->names[0], "cn.example");
	tls_identity_unref(tls_identity_ref(id));
	tls_identity_unref(id);
	free(text);
}

static void test_key_and_chain_in_one_file_in_any_order(void **state)
{
	struct cert_spec rsa = RSA;

	(void)state;
	cert_write(&rsa, "one.pem", "one.key");
	file_append("one.key", "one.pem");
	assert_finding("one.key", NULL, NULL);
}

/* The vector of elbv2-api, section 10; the others by sha256sum. */
static void test_ids_are_the_same_everywhere(void **state)
{
	char id[OBJECT_ID_OCTETS], uuid[CERTIFICATE_ID_OCTETS];

	(void)state;
	object_id("load-balancer", SLICE("web"), id);
	assert_slice(slice_make(id, sizeof(id)), "ed7a33350498100c");
	object_id("target-group", SLICE("web"), id);
	assert_slice(slice_make(id, sizeof(id)), "f43c9e39cf55f03c");
	certificate_id(SLICE("tls/example.pem"), uuid);
	assert_slice(slice_make(uuid, sizeof(uuid)),
		     "6b2af1ff-672e-cab8-401f-e39865e0c2d4");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_refused),
		cmocka_unit_test(test_what_is_too_large_is_refused),
		cmocka_unit_test(test_what_is_only_worth_a_warning),
		cmocka_unit_test(test_what_is_read_out),
		cmocka_unit_test(test_ids_are_the_same_everywhere),
		cmocka_unit_test(test_key_and_chain_in_one_file_in_any_order),
	};

	return cmocka_run_group_tests(tests, certs_enter, certs_leave);
}
