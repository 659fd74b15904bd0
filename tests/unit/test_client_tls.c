/* test_client_tls.c - targets that are verified, and that verify us;
 * alb-headers-tls 8. */
#include "tls/client.h"

#include "certs.h"
#include "pki.h"
#include "tls/client_fields.h"
#include "tls/identity.h"
#include "tls/policy.h"
#include "tls/ticket.h"
#include "tls/trust.h"
#include "tls_pair.h"
#include "unit.h"

enum { DAY = 86400 };

static int set_up(void **state)
{
	static const struct person_spec root = {.cn = "root", .is_ca = true};
	static const struct person_spec other = {.cn = "other", .is_ca = true};
	static const struct person_spec good = {
		.cn = "target", .san = "DNS:a.example,DNS:*.b.example"};
	static const struct person_spec by_address = {
		.cn = "target", .san = "IP:10.0.0.5,IP:2001:db8::1"};
	static const struct person_spec late = {.cn = "target",
						.san = "DNS:a.example",
						.starts_s = -2 * DAY,
						.ends_s = -DAY};
	static const struct person_spec for_clients = {
		.cn = "target", .san = "DNS:a.example", .usage = "clientAuth"};
	static const struct person_spec old = {
		.cn = "target", .san = "DNS:a.example", .digest = "SHA1"};
	static const struct person_spec me = {.cn = "weir"};
	const struct {
		const struct person_spec *spec;
		const char *file;
	} all[] = {
		{&good, "good.pem"}, {&by_address, "address.pem"},
		{&late, "late.pem"}, {&for_clients, "clients.pem"},
		{&old, "old.pem"},   {&me, "me.pem"},
	};
	struct person ca, strange, one;

	if (certs_enter(state))
		return -1;
	ca = person_new(&root, NULL);
	strange = person_new(&other, NULL);
	person_write(&ca, "root.pem", false);
	person_write(&strange, "strange.pem", false);
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		one = person_new(all[i].spec, &ca);
		person_write(&one, all[i].file, true);
		person_free(&one);
	}
	one = person_new(&good, NULL);
	person_write(&one, "self.pem", true);
	person_free(&one);
	person_free(&ca);
	person_free(&strange);
	return 0;
}

static struct tls_server *serve(const char *file, enum mutual_mode mode)
{
	const struct tls_certificate_spec cert = {.chain = file};
	struct tls_server_spec spec = {
		.policy = SLICE("ELBSecurityPolicy-TLS13-1-0-2021-06"),
		.certificates = &cert,
		.n_certificates = 1,
		.n_workers = 1,
		.mutual = {.mode = mode},
	};
	struct diag d = {0};
	struct tls_server *s = tls_server_new(&spec, &d);

	assert_non_null(s);
	diag_release(&d);
	return s;
}

static struct tls_client *client(const char *bundle, const char *server_name,
				 const char *identity)
{
	struct diag d = {0};
	struct trust_spec files = {.bundle = {.path = bundle}};
	struct tls_client_spec spec = {
		.policy = tls_target_policy(4),
		.n_workers = 1,
		.trust = bundle ? trust_load(&files, &d) : NULL,
		.server_name = slice_of(server_name),
		.identity =
			identity ? tls_identity_load(identity, NULL, NULL, &d)
				 : NULL,
	};
	struct tls_client *c = tls_client_new(&spec, &d);

	assert_non_null(c);
	assert_int_equal(d.n_errors, 0);
	trust_unref(spec.trust);
	tls_identity_unref(spec.identity);
	diag_release(&d);
	return c;
}

static const struct {
	const char *what, *file, *bundle;
	const char *server_name;
	const char *called; /* what the target is known as */
	const char *reason; /* "": good */
} cases[] = {
	{"its name", "good.pem", "root.pem", "", "a.example", ""},
	{"its name to the root", "good.pem", "root.pem", "", "a.example.", ""},
	{"by wildcard", "good.pem", "root.pem", "", "x.b.example", ""},
	{"two labels for one", "good.pem", "root.pem", "", "x.y.b.example",
	 "hostname mismatch"},
	{"another name", "good.pem", "root.pem", "", "c.example",
	 "hostname mismatch"},
	{"the name of the file", "good.pem", "root.pem", "a.example",
	 "10.0.0.9", ""},
	{"its address", "address.pem", "root.pem", "", "10.0.0.5", ""},
	{"its address of version 6", "address.pem", "root.pem", "",
	 "2001:db8::1", ""},
	{"another address", "address.pem", "root.pem", "", "10.0.0.6",
	 "IP address mismatch"},
	{"an address without one", "good.pem", "root.pem", "", "10.0.0.5",
	 "IP address mismatch"},
	{"expired", "late.pem", "root.pem", "", "a.example",
	 "certificate has expired"},
	{"for clients", "clients.pem", "root.pem", "", "a.example",
	 "unsuitable certificate purpose"},
	{"SHA-1", "old.pem", "root.pem", "", "a.example",
	 "CA signature digest algorithm too weak"},
	{"of itself", "self.pem", "root.pem", "", "a.example",
	 "self-signed certificate"},
	{"another authority", "good.pem", "strange.pem", "", "a.example",
	 "unable to get local issuer certificate"},
	{"unverified", "late.pem", NULL, "", "c.example", ""},
};

static void regress_targets_are_verified(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tls_server *server = serve(cases[i].file, MUTUAL_OFF);
		struct tls_client *c =
			client(cases[i].bundle, cases[i].server_name, NULL);
		struct end s, e;

		print_message("# %s\n", cases[i].what);
		end_init(&s, tls_filter_accept(server, 0));
		end_init(&e, tls_filter_connect(c, 0, SLICE("a.example"),
						SLICE("t"),
						slice_of(cases[i].called)));
		pair_run(&s, &e, 65536);
		assert_string_equal(tls_filter_reason(e.f), cases[i].reason);
		assert_int_equal(e.f->established, cases[i].reason[0] == '\0');
		if (cases[i].reason[0])
			assert_int_equal(tls_filter_failure(e.f),
					 TLS_PEER_REFUSED);
		end_free(&s);
		end_free(&e);
		tls_client_unref(c);
		tls_server_unref(server);
	}
}

static void test_the_name_of_the_file_is_asked_for(void **state)
{
	struct tls_server *server = serve("good.pem", MUTUAL_OFF);
	struct tls_client *c = client(NULL, "a.example", NULL);
	struct end s, e;

	(void)state;
	end_init(&s, tls_filter_accept(server, 0));
	end_init(&e, tls_filter_connect(c, 0, SLICE("host.example"), SLICE("t"),
					SLICE("10.0.0.1")));
	pair_run(&s, &e, 65536);
	assert_slice(tls_filter_server_name(s.f), "a.example");
	end_free(&s);
	end_free(&e);
	tls_client_unref(c);
	tls_server_unref(server);
}

/* Many servers know no such name and show their default certificate. */
static void regress_the_name_that_is_asked_for_ends_without_a_dot(void **state)
{
	static const char *const hosts[] = {"a.example.", "a.example", "."};
	static const char *const names[] = {"a.example", "a.example", "."};
	struct tls_server *server = serve("good.pem", MUTUAL_OFF);
	struct tls_client *c = client(NULL, "", NULL);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
		struct end s, e;

		end_init(&s, tls_filter_accept(server, 0));
		end_init(&e, tls_filter_connect(c, 0, slice_of(hosts[i]),
						SLICE("t"), SLICE("10.0.0.1")));
		pair_run(&s, &e, 65536);
		assert_slice(tls_filter_server_name(s.f), names[i]);
		end_free(&s);
		end_free(&e);
	}
	tls_client_unref(c);
	tls_server_unref(server);
}

static void test_a_path_has_nothing_to_verify(void **state)
{
	struct tls_client *c = client("root.pem", "", NULL);

	(void)state;
	assert_null(tls_filter_connect(c, 0, SLICE("a.example"), SLICE("t"),
				       SLICE("")));
	tls_client_unref(c);
}

static void test_our_certificate_is_shown(void **state)
{
	struct tls_server *server = serve("good.pem", MUTUAL_PASSTHROUGH);
	struct tls_client *c = client(NULL, "", "me.pem");
	struct end s, e;

	(void)state;
	end_init(&s, tls_filter_accept(server, 0));
	end_init(&e, tls_filter_connect(c, 0, SLICE("a.example"), SLICE("t"),
					SLICE("")));
	pair_run(&s, &e, 65536);
	assert_slice(tls_filter_client_fields(s.f)->subject, "CN=weir,C=US");
	end_free(&s);
	end_free(&e);
	tls_client_unref(c);
	tls_server_unref(server);
}

static bool connect_as(struct tls_server *server, struct tls_client *c,
		       const char *called)
{
	struct end s, e;
	bool resumed;

	end_init(&s, tls_filter_accept(server, 0));
	end_init(&e, tls_filter_connect(c, 0, SLICE(""), SLICE("10.0.0.5:443"),
					slice_of(called)));
	pair_run(&s, &e, 65536);
	resumed = tls_filter_resumed(e.f);
	assert_int_equal(e.f->established, strcmp(called, "a.example") == 0);
	end_free(&s);
	end_free(&e);
	return resumed;
}

/* A session is not verified again, so it must not serve another name that
 * has the same address. */
static void test_a_session_belongs_to_the_name(void **state)
{
	struct ticket_keys *keys = ticket_keys_new(0);
	const struct tls_certificate_spec cert = {.chain = "good.pem"};
	struct tls_server_spec spec = {
		.certificates = &cert,
		.n_certificates = 1,
		.n_workers = 1,
		.tickets = keys,
	};
	struct diag d = {0};
	struct tls_server *server = tls_server_new(&spec, &d);
	struct tls_client *c = client("root.pem", "", NULL);

	(void)state;
	assert_false(connect_as(server, c, "a.example"));
	assert_true(connect_as(server, c, "a.example"));
	assert_false(connect_as(server, c, "c.example"));
	tls_client_unref(c);
	tls_server_unref(server);
	ticket_keys_unref(keys);
	diag_release(&d);
}

static void test_prints_tell_clients_apart(void **state)
{
	struct tls_client *all[] = {
		client(NULL, "", NULL),
		client("root.pem", "", NULL),
		client("strange.pem", "", NULL),
		client("root.pem", "a.example", NULL),
		client(NULL, "", "me.pem"),
		client("root.pem", "", NULL),
	};
	const size_t n = ARRAY_SIZE(all);

	(void)state;
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < i; j++)
			assert_int_equal(tls_client_print(all[i]) ==
						 tls_client_print(all[j]),
					 i == 5 && j == 1);
	for (size_t i = 0; i < n; i++)
		tls_client_unref(all[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(regress_targets_are_verified),
		cmocka_unit_test(
			regress_the_name_that_is_asked_for_ends_without_a_dot),
		cmocka_unit_test(test_the_name_of_the_file_is_asked_for),
		cmocka_unit_test(test_a_path_has_nothing_to_verify),
		cmocka_unit_test(test_our_certificate_is_shown),
		cmocka_unit_test(test_a_session_belongs_to_the_name),
		cmocka_unit_test(test_prints_tell_clients_apart),
	};

	return cmocka_run_group_tests(tests, set_up, certs_leave);
}
