/* test_client_auth.c - certificates of clients: which get in, with which code
 * the others are refused, what targets are told; alb-headers-tls 7. */
#include "tls/client_auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "certs.h"
#include "pki.h"
#include "tls/client_fields.h"
#include "tls/policy.h"
#include "tls/ticket.h"
#include "tls/trust.h"
#include "tls_pair.h"
#include "unit.h"

enum { DAY = 86400, HOUR = 3600 };

/* Who there is. An authority's children name it as issuer. */
enum who {
	NOBODY,
	ROOT,
	STRANGE_ROOT,
	CA1,
	CA2,
	CA3,
	CA4,
	CA5,
	NO_CA,
	ALICE,
	DEPTH4,
	DEPTH5,
	EXPIRED,
	TOO_EARLY,
	REVOKED,
	OF_REVOKED,
	STRANGER,
	SELF_SIGNED,
	OF_NO_CA,
	FOR_SERVERS,
	WEAK,
	EDWARDS,
	OLD_DIGEST,
	ODD_CURVE,
	LARGE,
	HUGE,
	STRONG,
	PEOPLE
};

static const struct {
	struct person_spec spec;
	enum who issuer;
} said[PEOPLE] = {
	[ROOT] = {{.cn = "root", .is_ca = true}, NOBODY},
	[STRANGE_ROOT] = {{.cn = "other", .is_ca = true}, NOBODY},
	[CA1] = {{.cn = "ca1", .is_ca = true}, ROOT},
	[CA2] = {{.cn = "ca2", .is_ca = true}, CA1},
	[CA3] = {{.cn = "ca3", .is_ca = true}, CA2},
	[CA4] = {{.cn = "ca4", .is_ca = true}, CA3},
	[CA5] = {{.cn = "ca5", .is_ca = true}, CA4},
	[NO_CA] = {{.cn = "no ca"}, ROOT},
	[ALICE] = {{.cn = "Alice, \xc3\x84\r\n", .usage = "clientAuth"}, ROOT},
	[DEPTH4] = {{.cn = "depth4"}, CA4},
	[DEPTH5] = {{.cn = "depth5"}, CA5},
	[EXPIRED] = {{.cn = "late", .starts_s = -2 * DAY, .ends_s = -DAY},
		     ROOT},
	[TOO_EARLY] = {{.cn = "early", .starts_s = DAY, .ends_s = 2 * DAY},
		       ROOT},
	[REVOKED] = {{.cn = "revoked"}, ROOT},
	[OF_REVOKED] = {{.cn = "below"}, CA1},
	[STRANGER] = {{.cn = "stranger"}, STRANGE_ROOT},
	[SELF_SIGNED] = {{.cn = "self"}, NOBODY},
	[OF_NO_CA] = {{.cn = "of no ca"}, NO_CA},
	[FOR_SERVERS] = {{.cn = "server", .usage = "serverAuth"}, ROOT},
	[WEAK] = {{.cn = "weak", .key = "RSA-1024"}, ROOT},
	[EDWARDS] = {{.cn = "edwards", .key = "ED25519"}, ROOT},
	[OLD_DIGEST] = {{.cn = "old", .digest = "SHA1"}, ROOT},
	[ODD_CURVE] = {{.cn = "odd", .key = "P-224"}, ROOT},
	[LARGE] = {{.cn = "large", .padding = 60 * 1024 - 600}, ROOT},
	[HUGE] = {{.cn = "huge", .padding = 70 * 1024}, ROOT},
	[STRONG] = {{.cn = "strong", .key = "RSA-2048"}, ROOT},
};

static struct person people[PEOPLE];

static int set_up(void **state)
{
	if (certs_enter(state))
		return -1;
	pair_write_certs();
	for (int i = ROOT; i < PEOPLE; i++)
		people[i] = person_new(&said[i].spec,
				       said[i].issuer ? &people[said[i].issuer]
						      : NULL);
	person_write(&people[ROOT], "root.pem", false);
	person_write(&people[ROOT], "two.pem", false);
	person_write(&people[STRANGE_ROOT], "two.pem", false);
	crl_write(&people[ROOT], &people[ROOT], &people[REVOKED], -HOUR, DAY,
		  "root.crl");
	crl_write(&people[ROOT], &people[ROOT], &people[CA1], -HOUR, DAY,
		  "ca1.crl");
	crl_write(&people[ROOT], &people[ROOT], NULL, -DAY, -HOUR, "late.crl");
	crl_write(&people[ROOT], &people[ROOT], NULL, HOUR, DAY, "early.crl");
	crl_write(&people[ROOT], &people[STRANGE_ROOT], NULL, -HOUR, DAY,
		  "forged.crl");
	crl_write(&people[CA1], &people[CA1], &people[OF_REVOKED], -HOUR, DAY,
		  "outside.crl");
	crl_write(&people[CA1], &people[ROOT], NULL, -HOUR, DAY,
		  "outside-forged.crl");
	return 0;
}

static int tear_down(void **state)
{
	for (int i = ROOT; i < PEOPLE; i++)
		person_free(&people[i]);
	return certs_leave(state);
}

static struct trust *load(const char *bundle, const char *crl, bool strict,
			  struct diag *d)
{
	struct trust_file list = {.path = crl};
	struct trust_spec spec = {
		.bundle = {.path = bundle},
		.crls = &list,
		.n_crls = crl != NULL,
		.strict = strict,
	};

	return trust_load(&spec, d);
}

struct rig {
	struct tls_server *server;
	struct end end;
	SSL *client;
};

static struct tls_server *serve(struct client_auth_spec *mutual,
				struct ticket_keys *tickets)
{
	static const struct tls_certificate_spec cert = {.chain = "rsa.pem"};
	struct tls_server_spec spec = {
		.policy = SLICE("ELBSecurityPolicy-TLS13-1-0-2021-06"),
		.certificates = &cert,
		.n_certificates = 1,
		.n_workers = 1,
		.tickets = tickets,
		.mutual = *mutual,
	};
	struct diag d = {0};
	struct tls_server *s = tls_server_new(&spec, &d);

	assert_non_null(s);
	diag_release(&d);
	trust_unref(mutual->trust);
	return s;
}

/* Issuers go along as far as the root, which stays at home. */
static void use(SSL *ssl, enum who who)
{
	if (!who)
		return;
	assert_int_equal(SSL_use_certificate(ssl, people[who].x), 1);
	assert_int_equal(SSL_use_PrivateKey(ssl, people[who].key), 1);
	for (enum who by = said[who].issuer; by && said[by].issuer;
	     by = said[by].issuer)
		assert_int_equal(SSL_add1_chain_cert(ssl, people[by].x), 1);
}

static bool shake(struct rig *rig, struct client_auth_spec mutual, enum who who,
		  int newest)
{
	rig->server = serve(&mutual, NULL);
	rig->client = stranger_new(newest);
	use(rig->client, who);
	end_init(&rig->end, tls_filter_accept(rig->server, 0));
	return stranger_shake(rig->client, &rig->end);
}

static void end_rig(struct rig *rig)
{
	SSL_free(rig->client);
	end_free(&rig->end);
	tls_server_unref(rig->server);
}

/* -- who gets in ----------------------------------------------------------- */

static const struct {
	const char *what;
	enum who who;
	const char *code; /* "": gets in */
	const char *crl;
	bool ignore_expiry;
} verdicts[] = {
	{"a good one", ALICE, "", NULL, false},
	{"a good one, with a list", ALICE, "", "root.crl", false},
	{"RSA of 2048 bits", STRONG, "", NULL, false},
	{"four between leaf and root", DEPTH4, "", NULL, false},
	{"a list of the root alone", DEPTH4, "", "root.crl", false},
	{"five between", DEPTH5, "ClientCertMaxChainDepthExceeded", NULL,
	 false},
	{"expired", EXPIRED, "ClientCertExpired", NULL, false},
	{"expired, which is ignored", EXPIRED, "", NULL, true},
	{"not yet valid", TOO_EARLY, "ClientCertNotYetValid", NULL, true},
	{"revoked", REVOKED, "ClientCertCrlHit", "root.crl", false},
	{"revoked, and nobody knows", REVOKED, "", NULL, false},
	{"its authority is revoked", OF_REVOKED, "ClientCertCrlHit", "ca1.crl",
	 false},
	{"a list that has run out", ALICE, "ClientCertCrlProcessingError",
	 "late.crl", true},
	{"a list of tomorrow", ALICE, "ClientCertCrlProcessingError",
	 "early.crl", false},
	{"a list of who is not in the bundle", OF_REVOKED, "ClientCertCrlHit",
	 "outside.crl", false},
	{"the same, forged", OF_REVOKED, "ClientCertCrlProcessingError",
	 "outside-forged.crl", false},
	{"another root", STRANGER, "ClientCertUntrusted", NULL, true},
	{"of itself", SELF_SIGNED, "ClientCertUntrusted", NULL, false},
	{"of one that is no authority", OF_NO_CA, "ClientCertInvalid", NULL,
	 false},
	{"for servers", FOR_SERVERS, "ClientCertPurposeInvalid", NULL, false},
	{"RSA of 1024 bits", WEAK, "ClientCertTypeUnsupported", NULL, false},
	{"Ed25519", EDWARDS, "ClientCertTypeUnsupported", NULL, false},
	{"SHA-1", OLD_DIGEST, "ClientCertTypeUnsupported", NULL, false},
	{"60 KiB", LARGE, "ClientCertMaxSizeExceeded", NULL, false},
	{"70 KiB", HUGE, "ClientCertMaxSizeExceeded", NULL, false},
	{"none", NOBODY, "UnmappedConnectionError", NULL, false},
};

static void regress_each_failure_has_its_code(void **state)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(verdicts) * 2; i++) {
		struct diag d = {0};
		struct client_auth_spec mutual = {
			.mode = MUTUAL_VERIFY,
			.trust = load("root.pem", verdicts[i / 2].crl, false,
				      &d),
			.ignore_expiry = verdicts[i / 2].ignore_expiry,
		};
		struct rig rig;
		bool in;

		print_message("# %s\n", verdicts[i / 2].what);
		in = shake(&rig, mutual, verdicts[i / 2].who, versions[i % 2]);
		assert_string_equal(
			client_code_text(tls_filter_client_code(rig.end.f)),
			verdicts[i / 2].code);
		assert_int_equal(in, verdicts[i / 2].code[0] == '\0');
		if (!in)
			assert_int_equal(tls_filter_failure(rig.end.f),
					 TLS_PEER_REFUSED);
		end_rig(&rig);
		diag_release(&d);
	}
}

static void test_passthrough_takes_anybody(void **state)
{
	static const enum who all[] = {EXPIRED, SELF_SIGNED, WEAK,   DEPTH5,
				       LARGE,   REVOKED,     EDWARDS};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		struct rig rig;

		assert_true(shake(
			&rig,
			(struct client_auth_spec){.mode = MUTUAL_PASSTHROUGH},
			all[i], TLS1_3_VERSION));
		assert_true(tls_filter_client_fields(rig.end.f)->chain.n > 0);
		assert_int_equal(tls_filter_client_fields(rig.end.f)->leaf.n,
				 0);
		end_rig(&rig);
	}
}

static void test_passthrough_takes_nobody_too(void **state)
{
	struct rig rig;

	(void)state;
	assert_true(shake(&rig,
			  (struct client_auth_spec){.mode = MUTUAL_PASSTHROUGH},
			  NOBODY, TLS1_3_VERSION));
	assert_null(tls_filter_client_fields(rig.end.f));
	end_rig(&rig);
}

static void test_nobody_is_asked_without(void **state)
{
	struct rig rig;

	(void)state;
	assert_true(shake(&rig, (struct client_auth_spec){.mode = MUTUAL_OFF},
			  ALICE, TLS1_3_VERSION));
	assert_null(tls_filter_client_fields(rig.end.f));
	end_rig(&rig);
}

/* -- what targets are told ------------------------------------------------- */

static void decode_pem(struct slice text, X509 *expect)
{
	char *plain = malloc(text.n + 1), *to = plain;
	BIO *bio;
	X509 *x;

	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] != '%') {
			*to++ = text.p[i];
		} else {
			*to++ = text.p[i + 1] == '2' ? ' ' : '\n';
			i += 2;
		}
	bio = BIO_new_mem_buf(plain, (int)(to - plain));
	x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	assert_non_null(x);
	assert_int_equal(X509_cmp(x, expect), 0);
	X509_free(x);
	BIO_free(bio);
	free(plain);
}

static void test_fields_of_a_verified_client(void **state)
{
	struct diag d = {0};
	const struct client_fields *f;
	struct rig rig;

	(void)state;
	assert_true(shake(&rig,
			  (struct client_auth_spec){
				  .mode = MUTUAL_VERIFY,
				  .trust = load("root.pem", NULL, false, &d)},
			  ALICE, TLS1_3_VERSION));
	f = tls_filter_client_fields(rig.end.f);
	assert_true(slice_starts(f->serial, SLICE("03A5")));
	assert_true(slice_eq(f->issuer, SLICE("CN=root,C=US")));
	assert_true(slice_eq(f->subject,
			     SLICE("CN=Alice\\, \\C3\\84\\0D\\0A,C=US")));
	assert_int_equal(f->validity.n, 10 + 20 + 1 + 9 + 20);
	assert_true(slice_starts(f->validity, SLICE("NotBefore=20")));
	assert_true(slice_starts(slice_from(f->validity, 30),
				 SLICE(";NotAfter=20")));
	assert_int_equal(f->validity.p[f->validity.n - 1], 'Z');
	decode_pem(f->leaf, people[ALICE].x);
	assert_int_equal(f->chain.n, 0);
	end_rig(&rig);
	diag_release(&d);
}

static void test_a_refused_client_is_named_in_logs(void **state)
{
	struct diag d = {0};
	struct rig rig;

	(void)state;
	assert_false(shake(&rig,
			   (struct client_auth_spec){
				   .mode = MUTUAL_VERIFY,
				   .trust = load("root.pem", NULL, false, &d)},
			   EXPIRED, TLS1_3_VERSION));
	assert_true(slice_eq(tls_filter_client_fields(rig.end.f)->subject,
			     SLICE("CN=late,C=US")));
	assert_string_equal(tls_filter_reason(rig.end.f),
			    "certificate has expired");
	end_rig(&rig);
	diag_release(&d);
}

static void test_a_chain_passes_whole(void **state)
{
	struct slice text;
	unsigned n = 0;
	struct rig rig;

	(void)state;
	assert_true(shake(&rig,
			  (struct client_auth_spec){.mode = MUTUAL_PASSTHROUGH},
			  DEPTH4, TLS1_2_VERSION));
	text = tls_filter_client_fields(rig.end.f)->chain;
	decode_pem(text, people[DEPTH4].x);
	for (size_t i = 0; i < text.n; i++)
		n += slice_starts(slice_from(text, i),
				  SLICE("-----BEGIN%20CERTIFICATE-----%0A"));
	assert_int_equal(n, 5);
	end_rig(&rig);
}

/* -- the rest -------------------------------------------------------------- */

static void test_no_session_comes_back(void **state)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	struct ticket_keys *keys = ticket_keys_new(0);

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct client_auth_spec mutual = {.mode = MUTUAL_PASSTHROUGH};
		struct tls_server *server = serve(&mutual, keys);
		SSL *ssl = stranger_new(versions[i]);
		struct end s;
		char none[1];

		use(ssl, ALICE);
		end_init(&s, tls_filter_accept(server, 0));
		assert_true(stranger_shake(ssl, &s));
		SSL_read(ssl, none, sizeof(none));
		assert_false(SSL_SESSION_has_ticket(SSL_get0_session(ssl)));
		SSL_free(ssl);
		end_free(&s);
		tls_server_unref(server);
	}
	ticket_keys_unref(keys);
}

static void test_names_of_authorities_are_sent_if_asked(void **state)
{
	(void)state;
	for (int on = 0; on < 2; on++) {
		struct diag d = {0};
		struct rig rig;

		assert_true(
			shake(&rig,
			      (struct client_auth_spec){
				      .mode = MUTUAL_VERIFY,
				      .trust = load("two.pem", NULL, false, &d),
				      .advertise_ca_names = on},
			      ALICE, TLS1_3_VERSION));
		assert_int_equal(
			sk_X509_NAME_num(SSL_get0_peer_CA_list(rig.client)) > 0
				? sk_X509_NAME_num(
					  SSL_get0_peer_CA_list(rig.client))
				: 0,
			on ? 2 : 0);
		end_rig(&rig);
		diag_release(&d);
	}
}

/* -- trust stores ---------------------------------------------------------- */

static const struct {
	const char *bundle, *crl;
	bool strict;
	unsigned errors, warnings;
	const char *sentence; /* of the first finding */
} stores[] = {
	{"root.pem", "root.crl", true, 0, 0, NULL},
	{"rsa.key", NULL, false, 1, 0, "rsa.key holds no certificate"},
	{"none.pem", NULL, false, 1, 0,
	 "none.pem cannot be read: No such file or directory"},
	{"text.pem", NULL, false, 1, 0, "text.pem is not a PEM file"},
	{"cut.pem", NULL, false, 1, 0, "cut.pem holds a certificate that "},
	{"late.pem", NULL, false, 0, 1,
	 "late.pem: the time of certificate 1 is over: nobody gets in by it"},
	{"root.pem", "root.pem", false, 1, 0,
	 "root.pem holds no revocation list"},
	{"root.pem", "none.crl", false, 1, 0, "none.crl cannot be read: "},
	{"root.pem", "forged.crl", false, 1, 0,
	 "forged.crl: the authority that it names has not signed it"},
	{"root.pem", "outside.crl", false, 0, 1,
	 "outside.crl is of no authority in root.pem"},
	{"root.pem", "late.crl", false, 0, 1,
	 "late.crl has run out: certificates of its authority are refused "},
	{"odd.pem", NULL, false, 0, 0, NULL},
	{"odd.pem", NULL, true, 1, 0,
	 "odd.pem: line 2: AWS takes no empty lines, and between certificates "
	 "only lines that begin with # and have no -"},
	{"large.pem", NULL, true, 1, 0,
	 "large.pem: AWS takes certificates of at most 16 KB, and the one "},
	{"many.pem", NULL, true, 1, 0,
	 "AWS takes at most 25 certificates in a trust store, not 26"},
};

static void write_stores(void)
{
	struct person_spec spec = {.cn = "late ca",
				   .starts_s = -2 * DAY,
				   .ends_s = -DAY,
				   .is_ca = true};
	struct person late = person_new(&spec, NULL);

	person_write(&late, "late.pem", false);
	person_free(&late);
	file_write("text.pem", "certificate\n");
	file_write("cut.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n"
			      "-----END CERTIFICATE-----\n");
	file_write("rsa.key", "-----BEGIN PRIVATE KEY-----\nMIIB\n"
			      "-----END PRIVATE KEY-----\n");
	file_write("odd.pem", "# the root\n\n");
	file_append("odd.pem", "root.pem");
	person_write(&people[LARGE], "large.pem", false);
	for (int i = 0; i < 26; i++)
		person_write(&people[i % 2 ? ROOT : STRANGE_ROOT], "many.pem",
			     false);
}

static void test_what_is_said_of_a_store(void **state)
{
	(void)state;
	write_stores();
	for (size_t i = 0; i < ARRAY_SIZE(stores); i++) {
		struct diag d = {0};
		struct trust *t = load(stores[i].bundle, stores[i].crl,
				       stores[i].strict, &d);

		print_message("# %s %s\n", stores[i].bundle,
			      stores[i].crl ? stores[i].crl : "");
		assert_int_equal(d.n_errors, stores[i].errors);
		assert_int_equal(d.n_warnings, stores[i].warnings);
		if (stores[i].sentence)
			assert_true(
				slice_starts(slice_of(d.findings[0].sentence),
					     slice_of(stores[i].sentence)));
		assert_int_equal(t == NULL, stores[i].errors > 0);
		trust_unref(t);
		diag_release(&d);
	}
}

static void test_prints_tell_contents_apart(void **state)
{
	struct diag d = {0};
	struct trust *a = load("root.pem", NULL, false, &d);
	struct trust *b = load("root.pem", NULL, false, &d);
	struct trust *c = load("root.pem", "root.crl", false, &d);
	struct trust *e = load("two.pem", NULL, false, &d);

	(void)state;
	assert_true(trust_print(a) == trust_print(b));
	assert_true(trust_print(a) != trust_print(c));
	assert_true(trust_print(a) != trust_print(e));
	trust_unref(a);
	trust_unref(b);
	trust_unref(c);
	trust_unref(e);
	diag_release(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(regress_each_failure_has_its_code),
		cmocka_unit_test(test_passthrough_takes_anybody),
		cmocka_unit_test(test_passthrough_takes_nobody_too),
		cmocka_unit_test(test_nobody_is_asked_without),
		cmocka_unit_test(test_fields_of_a_verified_client),
		cmocka_unit_test(test_a_refused_client_is_named_in_logs),
		cmocka_unit_test(test_a_chain_passes_whole),
		cmocka_unit_test(test_no_session_comes_back),
		cmocka_unit_test(test_names_of_authorities_are_sent_if_asked),
		cmocka_unit_test(test_what_is_said_of_a_store),
		cmocka_unit_test(test_prints_tell_contents_apart),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
