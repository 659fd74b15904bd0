/* test_tls_server.c - certificates by name and client, sessions resumed over
 * workers, reloads and new ticket keys, findings about listeners. */
#include "tls/server.h"

#include <stdlib.h>

#include "base/clock.h"
#include "certs.h"
#include "tls/identity.h"
#include "tls/policy.h"
#include "tls/ticket.h"
#include "tls_pair.h"
#include "unit.h"

enum { HOUR = TICKET_PERIOD_S };

static int set_up(void **state)
{
	struct cert_spec ec = {.key = "P-256", .names = "a.example"};
	struct cert_spec both_ec = {.key = "P-256", .names = "*.both.example"};
	struct cert_spec both_rsa = {.key = "RSA-2048",
				     .names = "x.both.example"};
	struct cert_spec p521 = {.key = "P-521", .names = "*.both.example"};

	if (certs_enter(state))
		return -1;
	clock_fake(0, time(NULL));
	pair_write_certs();
	cert_write(&ec, "a.pem", "a.key");
	cert_write(&both_ec, "both-ec.pem", NULL);
	cert_write(&both_rsa, "both-rsa.pem", NULL);
	cert_write(&p521, "both-521.pem", NULL);
	return 0;
}

/* -- which certificate ----------------------------------------------------- */

static const struct {
	const char *what, *name, *sigalgs; /* NULL: all */
	int newest;
	const char *expect; /* the file; NULL: no handshake */
} choices[] = {
	{"no name", NULL, NULL, TLS1_3_VERSION, "rsa.pem"},
	{"unknown name", "other.example", NULL, TLS1_3_VERSION, "rsa.pem"},
	{"by name", "a.example", NULL, TLS1_3_VERSION, "a.pem"},
	{"by name, 1.2", "A.Example", NULL, TLS1_2_VERSION, "a.pem"},
	{"by name, 1.0", "a.example", NULL, TLS1_VERSION, "a.pem"},
	{"name with ECDSA only, client without", "a.example", "RSA-PSS+SHA256",
	 TLS1_3_VERSION, "rsa.pem"},
	{"the same, 1.2", "a.example", "RSA+SHA256", TLS1_2_VERSION, "rsa.pem"},
	{"ECDSA before RSA", "x.both.example", NULL, TLS1_3_VERSION,
	 "both-521.pem"},
	{"RSA where the client wants it", "x.both.example", "RSA-PSS+SHA256",
	 TLS1_3_VERSION, "both-rsa.pem"},
	{"RSA where the client wants it, 1.2", "x.both.example", "RSA+SHA256",
	 TLS1_2_VERSION, "both-rsa.pem"},
	{"a curve that the client knows", "x.both.example", "ECDSA+SHA256",
	 TLS1_3_VERSION, "both-ec.pem"},
	{"ECDSA by wildcard", "y.both.example", NULL, TLS1_2_VERSION,
	 "both-521.pem"},
};

static struct tls_server *many(void)
{
	static const struct tls_certificate_spec certs[] = {
		{.chain = "rsa.pem"},      {.chain = "a.pem", .key = "a.key"},
		{.chain = "both-ec.pem"},  {.chain = "both-rsa.pem"},
		{.chain = "both-521.pem"},
	};
	struct tls_server_spec spec = {
		.policy = SLICE("ELBSecurityPolicy-TLS13-1-0-2021-06"),
		.certificates = certs,
		.n_certificates = ARRAY_SIZE(certs),
		.n_workers = 1,
	};
	struct diag d = {0};
	struct tls_server *s = tls_server_new(&spec, &d);

	assert_non_null(s);
	assert_int_equal(d.n_errors + d.n_warnings, 0);
	diag_release(&d);
	return s;
}

static void test_the_certificate_fits_name_and_client(void **state)
{
	struct tls_server *server = many();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(choices); i++) {
		SSL *ssl = stranger_new(choices[i].newest);
		const struct tls_identity *id;
		struct end s;
		X509 *got;

		print_message("# %s\n", choices[i].what);
		end_init(&s, tls_filter_accept(server, 0));
		if (choices[i].name)
			SSL_set_tlsext_host_name(ssl, choices[i].name);
		if (choices[i].sigalgs)
			assert_int_equal(
				SSL_set1_sigalgs_list(ssl, choices[i].sigalgs),
				1);
		assert_true(stranger_shake(ssl, &s));
		got = SSL_get1_peer_certificate(ssl);
		for (size_t j = 0;
		     (id = tls_server_identity(server, j)) != NULL; j++)
			if (X509_cmp(id->leaf, got) == 0)
				break;
		assert_non_null(id);
		assert_string_equal(id->file, choices[i].expect);
		X509_free(got);
		SSL_free(ssl);
		end_free(&s);
	}
	tls_server_unref(server);
}

/* The default is ECDSA, which comes first; but it is for another name. */
static void test_a_default_that_would_be_preferred(void **state)
{
	struct tls_server *server = pair_server(NULL, NULL, "a");
	SSL *ssl = stranger_new(TLS1_3_VERSION);
	struct end s;
	X509 *got;

	(void)state;
	end_init(&s, tls_filter_accept(server, 0));
	SSL_set_tlsext_host_name(ssl, "rsa.example");
	assert_true(stranger_shake(ssl, &s));
	got = SSL_get1_peer_certificate(ssl);
	assert_int_equal(X509_cmp(tls_server_identity(server, 1)->leaf, got),
			 0);
	X509_free(got);
	SSL_free(ssl);
	end_free(&s);
	tls_server_unref(server);
}

/* -- sessions -------------------------------------------------------------- */

/* Connects, with an earlier session if there is one; returns the new one and
 * whether the earlier one was taken up again. */
static SSL_SESSION *visit(struct tls_server *server, unsigned worker,
			  int version, SSL_SESSION *earlier, bool *resumed)
{
	SSL *ssl = stranger_new(version);
	SSL_SESSION *session;
	struct end s;
	char c;

	end_init(&s, tls_filter_accept(server, worker));
	SSL_set_tlsext_host_name(ssl, "ec.example");
	if (earlier)
		assert_int_equal(SSL_set_session(ssl, earlier), 1);
	assert_true(stranger_shake(ssl, &s));
	/* Tickets of TLS 1.3 come behind the handshake. */
	assert_true(SSL_read(ssl, &c, 1) <= 0);
	*resumed = SSL_session_reused(ssl);
	assert_int_equal(tls_filter_resumed(s.f), *resumed);
	assert_slice(tls_filter_server_name(s.f), "ec.example");
	session = SSL_get1_session(ssl);
	SSL_shutdown(ssl);
	SSL_free(ssl);
	end_free(&s);
	return session;
}

static bool can_resume(struct tls_server *server, unsigned worker, int version,
		       SSL_SESSION *earlier)
{
	SSL_SESSION *copy = SSL_SESSION_dup(earlier);
	bool resumed;

	SSL_SESSION_free(visit(server, worker, version, copy, &resumed));
	SSL_SESSION_free(copy);
	return resumed;
}

static void check_tickets(int version)
{
	struct ticket_keys *keys = ticket_keys_new(0);
	struct tls_server *server = pair_server(NULL, keys, "web:443");
	struct tls_server *reloaded = pair_server(NULL, keys, "web:443");
	struct tls_server *other = pair_server(NULL, keys, "api:443");
	struct tls_server *stricter = pair_server(
		"ELBSecurityPolicy-TLS13-1-2-2021-06", keys, "web:443");
	SSL_SESSION *first, *later;
	bool resumed;

	first = visit(server, 0, version, NULL, &resumed);
	assert_false(resumed);
	assert_true(SSL_SESSION_has_ticket(first));
	assert_true(SSL_SESSION_get_ticket_lifetime_hint(first) ==
		    TICKET_LIFETIME_S);
	assert_true(can_resume(server, 1, version, first));
	assert_true(can_resume(reloaded, 0, version, first));
	assert_false(can_resume(other, 0, version, first));
	assert_false(can_resume(stricter, 0, version, first));

	assert_int_equal(ticket_rotate(keys, HOUR - 1), 0);
	assert_int_equal(ticket_rotate(keys, HOUR), 1);
	assert_int_equal(ticket_rotate(keys, HOUR), 0);
	assert_true(can_resume(server, 1, version, first));
	assert_int_equal(ticket_rotate(keys, 2 * HOUR), 1);
	later = visit(server, 1, version, first, &resumed);
	assert_true(resumed);
	assert_int_equal(ticket_rotate(keys, 3 * HOUR), 1);
	assert_false(can_resume(server, 0, version, first));
	/* Now the key is wiped, too. */
	assert_int_equal(ticket_rotate(keys, 3 * HOUR), 0);
	assert_false(can_resume(server, 0, version, first));
	/* Its successor was sealed with a newer key. */
	assert_true(can_resume(server, 0, version, later));

	SSL_SESSION_free(first);
	SSL_SESSION_free(later);
	tls_server_unref(server);
	tls_server_unref(reloaded);
	tls_server_unref(other);
	tls_server_unref(stricter);
	ticket_keys_unref(keys);
}

static void test_tickets_of_tls13(void **state)
{
	(void)state;
	check_tickets(TLS1_3_VERSION);
}

static void test_tickets_of_tls12(void **state)
{
	(void)state;
	check_tickets(TLS1_2_VERSION);
}

static void test_one_ticket_a_handshake(void **state)
{
	struct ticket_keys *keys = ticket_keys_new(0);
	struct tls_server *server = pair_server(NULL, keys, "a");

	(void)state;
	assert_int_equal(SSL_CTX_get_num_tickets(tls_server_context(server, 1)),
			 1);
	tls_server_unref(server);
	ticket_keys_unref(keys);
}

static void test_a_long_sleep_makes_all_tickets_old(void **state)
{
	struct ticket_keys *keys = ticket_keys_new(0);
	struct tls_server *server = pair_server(NULL, keys, "a");
	SSL_SESSION *first;
	bool resumed;

	(void)state;
	first = visit(server, 0, TLS1_3_VERSION, NULL, &resumed);
	assert_int_equal(ticket_rotate(keys, 1000 * HOUR), TICKET_READ_KEYS);
	assert_int_equal(ticket_rotate(keys, 1000 * HOUR), 0);
	assert_false(can_resume(server, 0, TLS1_3_VERSION, first));
	/* The clock was years ahead and is set right: keys still change. */
	assert_int_equal(ticket_rotate(keys, 999 * HOUR), 0);
	assert_int_equal(ticket_rotate(keys, 1000 * HOUR), 1);
	/* Many times around the ring. */
	for (int i = 1; i < 100; i++)
		assert_int_equal(ticket_rotate(keys, (1000 + i) * HOUR), 1);
	SSL_SESSION_free(first);
	first = visit(server, 0, TLS1_3_VERSION, NULL, &resumed);
	assert_true(can_resume(server, 0, TLS1_3_VERSION, first));
	SSL_SESSION_free(first);
	tls_server_unref(server);
	ticket_keys_unref(keys);
}

static void test_without_keys_nothing_is_resumed(void **state)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	struct tls_server *server = pair_server(NULL, NULL, "a");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		bool resumed;
		SSL_SESSION *first =
			visit(server, 0, versions[i], NULL, &resumed);

		assert_false(SSL_SESSION_has_ticket(first));
		assert_false(can_resume(server, 0, versions[i], first));
		SSL_SESSION_free(first);
	}
	tls_server_unref(server);
}

static bool reaches(struct tls_server *server, struct tls_client *client,
		    unsigned worker, const char *target)
{
	struct end s, c;
	bool resumed;

	end_init(&s, tls_filter_accept(server, 0));
	end_init(&c, tls_filter_connect(client, worker, SLICE("ec.example"),
					slice_of(target), SLICE("")));
	pair_run(&s, &c, 65536);
	assert_true(s.f->established && c.f->established);
	resumed = tls_filter_resumed(c.f);
	assert_int_equal(tls_filter_resumed(s.f), resumed);
	end_free(&s);
	end_free(&c);
	return resumed;
}

static void test_sessions_with_targets_are_kept(void **state)
{
	static const char *const policies[] = {
		"ELBSecurityPolicy-2016-08",
		"ELBSecurityPolicy-TLS13-1-0-2021-06"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		struct ticket_keys *keys = ticket_keys_new(0);
		struct tls_server *server =
			pair_server(policies[i], keys, "target");
		struct tls_client *client = pair_client(policies[i]);
		char name[16];

		assert_false(reaches(server, client, 0, "10.0.0.1:443"));
		assert_true(reaches(server, client, 0, "10.0.0.1:443"));
		assert_true(reaches(server, client, 0, "10.0.0.1:443"));
		assert_false(reaches(server, client, 0, "10.0.0.2:443"));
		assert_false(reaches(server, client, 0, ""));
		assert_false(reaches(server, client, 0, ""));
		/* Workers share nothing. */
		assert_false(reaches(server, client, 1, "10.0.0.1:443"));
		tls_server_unref(server);

		/* Other keys: the session is refused, not the connection. */
		server = pair_server(policies[i], NULL, "target");
		assert_false(reaches(server, client, 0, "10.0.0.1:443"));
		tls_server_unref(server);

		/* Their number has a limit. */
		server = pair_server(policies[i], keys, "target");
		for (int n = 0; i == 1 && n < CLIENT_SESSIONS_MAX; n++) {
			snprintf(name, sizeof(name), "t%d", n);
			assert_false(reaches(server, client, 0, name));
		}
		tls_server_unref(server);
		tls_client_unref(client);
		ticket_keys_unref(keys);
	}
}

/* A connection keeps what it needs, though a reload took its listener. */
static void test_a_handshake_outlives_its_listener(void **state)
{
	struct ticket_keys *keys = ticket_keys_new(0);
	struct tls_server *server = pair_server(NULL, keys, "a");
	struct tls_client *client = pair_client(NULL);
	struct end s, c;

	(void)state;
	end_init(&s, tls_filter_accept(server, 0));
	end_init(&c, tls_filter_connect(client, 0, SLICE("rsa.example"),
					SLICE("t"), SLICE("")));
	tls_server_unref(server);
	tls_client_unref(client);
	ticket_keys_unref(keys);
	pair_run(&s, &c, 100);
	assert_true(s.f->established && c.f->established);
	assert_true(tls_filter_sni_matched(s.f));
	end_free(&s);
	end_free(&c);
}

/* -- findings -------------------------------------------------------------- */

static char *findings(const char *policy,
		      const struct tls_certificate_spec *certs, size_t n)
{
	struct tls_server_spec spec = {
		.policy = slice_of(policy),
		.policy_place = {"weir.yaml", 1, 1, 1},
		.certificates = certs,
		.n_certificates = n,
		.n_workers = 4,
	};
	struct diag d = {0};
	struct tls_server *s = tls_server_new(&spec, &d);
	char *text = diag_to_text(&d);

	assert_int_equal(s == NULL, d.n_errors > 0);
	tls_server_unref(s);
	diag_release(&d);
	return text;
}

static void test_all_findings_at_once(void **state)
{
	const struct tls_certificate_spec bad[] = {
		{"none.pem", NULL, {"weir.yaml", 3, 1, 1}},
		{"rsa.pem", NULL, {"weir.yaml", 4, 1, 1}},
		{"a.pem", "rsa.pem", {"weir.yaml", 5, 1, 1}},
	};
	char *text = findings("ELBSecurityPolicy-2016", bad, ARRAY_SIZE(bad));

	(void)state;
	assert_string_equal(
		text,
		"weir.yaml:1:1: error: there is no security policy "
		"\"ELBSecurityPolicy-2016\"\n"
		"weir.yaml:3:1: error: none.pem cannot be read: "
		"No such file or directory\n"
		"weir.yaml:5:1: error: the private key in rsa.pem is not that "
		"of the certificate in a.pem\n");
	free(text);

	text = findings(NULL, bad, 0);
	assert_string_equal(text, "weir.yaml:1:1: error: a TLS listener needs "
				  "a certificate\n");
	free(text);
}

static void test_post_quantum_is_said_once(void **state)
{
	const struct tls_certificate_spec one[] = {{.chain = "rsa.pem"}};
	char *text =
		findings("ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09", one, 1);

	(void)state;
	if (tls_policy_has_hybrid_groups())
		assert_string_equal(text, "");
	else
		assert_string_equal(
			text,
			"weir.yaml:1:1: warning: ssl_policy "
			"ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09: this "
			"OpenSSL has no post-quantum key exchange; only the "
			"classical groups are offered\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_certificate_fits_name_and_client),
		cmocka_unit_test(test_a_default_that_would_be_preferred),
		cmocka_unit_test(test_tickets_of_tls13),
		cmocka_unit_test(test_tickets_of_tls12),
		cmocka_unit_test(test_one_ticket_a_handshake),
		cmocka_unit_test(test_a_long_sleep_makes_all_tickets_old),
		cmocka_unit_test(test_without_keys_nothing_is_resumed),
		cmocka_unit_test(test_sessions_with_targets_are_kept),
		cmocka_unit_test(test_a_handshake_outlives_its_listener),
		cmocka_unit_test(test_all_findings_at_once),
		cmocka_unit_test(test_post_quantum_is_said_once),
	};

	return cmocka_run_group_tests(tests, set_up, certs_leave);
}
