/* test_policy.c - a policy is what OpenSSL then really offers. */
#include "tls/policy.h"

#include <openssl/ssl.h>

#include "base/text.h"
#include "unit.h"

/* "v=1.0-1.2 CIPHER CIPHER ..." of a context. */
static void describe(SSL_CTX *ctx, struct text *out)
{
	STACK_OF(SSL_CIPHER) *all = SSL_CTX_get_ciphers(ctx);
	long newest = SSL_CTX_get_max_proto_version(ctx);
	long oldest = SSL_CTX_get_min_proto_version(ctx);

	text_addf(out, "1.%ld-1.%ld", oldest - TLS1_VERSION,
		  newest - TLS1_VERSION);
	for (int i = 0; i < sk_SSL_CIPHER_num(all); i++) {
		const SSL_CIPHER *c = sk_SSL_CIPHER_value(all, i);
		bool is_new = strncmp(SSL_CIPHER_get_name(c), "TLS_", 4) == 0;

		if (is_new ? newest < TLS1_3_VERSION : oldest > TLS1_2_VERSION)
			continue;
		text_addf(out, " %s", SSL_CIPHER_get_name(c));
	}
}

#define T128 " TLS_AES_128_GCM_SHA256"
#define T256 " TLS_AES_256_GCM_SHA384"
#define TCHA " TLS_CHACHA20_POLY1305_SHA256"
#define G128 " ECDHE-ECDSA-AES128-GCM-SHA256 ECDHE-RSA-AES128-GCM-SHA256"
#define G256 " ECDHE-ECDSA-AES256-GCM-SHA384 ECDHE-RSA-AES256-GCM-SHA384"
#define C128 " ECDHE-ECDSA-AES128-SHA256 ECDHE-RSA-AES128-SHA256"
#define C256 " ECDHE-ECDSA-AES256-SHA384 ECDHE-RSA-AES256-SHA384"
#define S128 " ECDHE-ECDSA-AES128-SHA ECDHE-RSA-AES128-SHA"
#define S256 " ECDHE-ECDSA-AES256-SHA ECDHE-RSA-AES256-SHA"
#define Z256 " ECDHE-RSA-AES256-SHA ECDHE-ECDSA-AES256-SHA"
#define RSAS                                                                   \
	" AES128-GCM-SHA256 AES128-SHA256 AES128-SHA"                          \
	" AES256-GCM-SHA384 AES256-SHA256 AES256-SHA"

/* Written out once more from AWS's page. */
static const struct {
	const char *name, *expect;
} cases[] = {
	{"ELBSecurityPolicy-2016-08",
	 "1.0-1.2" G128 C128 S128 G256 C256 S256 RSAS},
	{"ELBSecurityPolicy-TLS-1-2-Ext-2018-06",
	 "1.2-1.2" G128 C128 S128 G256 C256 S256 RSAS},
	{"ELBSecurityPolicy-TLS13-1-0-2021-06",
	 "1.0-1.3" T128 T256 TCHA G128 C128 S128 G256 C256 S256 RSAS},
	{"ELBSecurityPolicy-TLS13-1-2-Res-2021-06",
	 "1.2-1.3" T128 T256 TCHA G128 G256},
	{"ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09",
	 "1.2-1.3" T128 T256 TCHA G128 G256},
	{"ELBSecurityPolicy-TLS13-1-2-2021-06",
	 "1.2-1.3" T128 T256 TCHA G128 C128 G256 C256},
	{"ELBSecurityPolicy-TLS13-1-2-Ext1-2021-06",
	 "1.2-1.3" T128 T256 TCHA G128 C128 G256 C256
	 " AES128-GCM-SHA256 AES128-SHA256 AES256-GCM-SHA384 AES256-SHA256"},
	{"ELBSecurityPolicy-TLS13-1-3-2021-06", "1.3-1.3" T128 T256 TCHA},
	{"ELBSecurityPolicy-TLS13-1-3-FIPS-2023-04", "1.3-1.3" T128 T256},
	{"ELBSecurityPolicy-TLS13-1-2-Ext0-FIPS-2023-04",
	 "1.2-1.3" T128 T256 G128 C128 S128 G256 C256 Z256},
	{"ELBSecurityPolicy-FS-2018-06",
	 "1.0-1.2" G128 C128 S128 G256 C256 Z256},
	{"ELBSecurityPolicy-FS-1-2-Res-2020-10", "1.2-1.2" G128 G256},
	{"ELBSecurityPolicy-FS-1-2-Res-2019-08", "1.2-1.2" G128 C128 G256 C256},
	{"ELBSecurityPolicy-TLS13-1-3-RFC9151-FIPS-2023-07", "1.3-1.3" T256},
	{"ELBSecurityPolicy-TLS13-1-2-Ext0-RFC9151-FIPS-2023-07",
	 "1.2-1.3" T256 G256 " AES256-GCM-SHA384"},
	{"ELBSecurityPolicy-TLS13-1-2-RFC9151-INTEROP4-FIPS-2023-07",
	 "1.2-1.3" T256 T128 G256 G128 C256 C128 S256 S128
	 " AES256-GCM-SHA384 AES256-SHA256 AES256-SHA"
	 " AES128-GCM-SHA256 AES128-SHA256 AES128-SHA"},
};

static void test_what_openssl_offers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct tls_policy *p =
			tls_policy_find(slice_of(cases[i].name));
		SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
		struct text got = {0};
		struct diag d = {0};

		print_message("# %s\n", cases[i].name);
		assert_non_null(p);
		assert_int_equal(tls_policy_apply(p, ctx, NULL, &d), 0);
		describe(ctx, &got);
		assert_string_equal(text_str(&got), cases[i].expect);
		text_release(&got);
		diag_release(&d);
		SSL_CTX_free(ctx);
	}
}

static unsigned traits_in(const char *name)
{
	return (strstr(name, "TLS13") ? POLICY_TLS13 : 0) |
	       (strstr(name, "-PQ-") ? POLICY_PQ : 0) |
	       (strstr(name, "FIPS") ? POLICY_FIPS : 0) |
	       (strstr(name, "RFC9151") ? POLICY_RFC9151 : 0);
}

/* The name of a policy says most of what it is. */
static void test_every_policy_is_what_its_name_says(void **state)
{
	const struct tls_policy *p;
	size_t n = 0;

	(void)state;
	for (; (p = tls_policy_at(n)) != NULL; n++) {
		SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
		struct diag d = {0};
		bool warns = (p->traits & POLICY_PQ) &&
			     !tls_policy_has_hybrid_groups();

		print_message("# %s\n", p->name);
		assert_ptr_equal(tls_policy_find(slice_of(p->name)), p);
		assert_int_equal(p->traits, traits_in(p->name));
		assert_int_equal(p->newest == TLS1_3_VERSION,
				 (p->traits & POLICY_TLS13) != 0);
		assert_int_equal(p->suites[0] != '\0',
				 p->newest == TLS1_3_VERSION);
		assert_int_equal(p->ciphers[0] != '\0',
				 p->oldest <= TLS1_2_VERSION);
		if (strstr(p->name, "TLS13-1-"))
			assert_int_equal(p->oldest - TLS1_VERSION,
					 strstr(p->name, "TLS13-1-")[8] - '0');
		assert_int_equal(tls_policy_apply(p, ctx, NULL, &d), 0);
		assert_int_equal(d.n_warnings, warns);
		diag_release(&d);
		SSL_CTX_free(ctx);
	}
	assert_int_equal(n, 44);
}

static void test_names_are_taken_as_they_are(void **state)
{
	(void)state;
	assert_null(tls_policy_find(SLICE("")));
	assert_null(tls_policy_find(SLICE("2016-08")));
	assert_null(tls_policy_find(SLICE("elbsecuritypolicy-2016-08")));
	assert_null(tls_policy_find(SLICE("ELBSecurityPolicy-2016-08 ")));
	assert_non_null(tls_policy_find(SLICE(POLICY_DEFAULT)));
}

#define E(name) "ELBSecurityPolicy-" name

static const struct {
	const char *listeners[3];
	const char *expect;
} towards[] = {
	{{NULL}, E("2016-08")},
	{{E("FS-2018-06")}, E("2016-08")},
	{{E("2016-08"), E("TLS13-1-2-2021-06")}, E("TLS13-1-0-2021-06")},
	{{E("TLS13-1-2-2021-06"), E("TLS13-1-3-PQ-2025-09")},
	 E("TLS13-1-0-PQ-2025-09")},
	{{E("TLS13-1-3-PQ-2025-09"), E("TLS13-1-3-FIPS-2023-04")},
	 E("TLS13-1-0-FIPS-2023-04")},
	{{E("TLS13-1-3-FIPS-2023-04"), E("TLS13-1-3-FIPS-PQ-2025-09")},
	 E("TLS13-1-0-FIPS-PQ-2025-09")},
	{{E("TLS13-1-3-FIPS-PQ-2025-09"), NULL,
	  E("TLS13-1-3-RFC9151-FIPS-2023-07")},
	 E("TLS13-1-2-RFC9151-INTEROP4-FIPS-2023-07")},
};

static void test_targets_follow_the_listeners(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(towards); i++) {
		const struct tls_policy *all[3];

		for (size_t j = 0; j < 3; j++)
			all[j] = tls_policy_find(
				slice_of(towards[i].listeners[j]));
		assert_string_equal(
			tls_target_policy(tls_target_rank(all, 3))->name,
			towards[i].expect);
	}
	assert_string_equal(tls_target_policy(tls_target_rank(NULL, 0))->name,
			    E("2016-08"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_openssl_offers),
		cmocka_unit_test(test_every_policy_is_what_its_name_says),
		cmocka_unit_test(test_names_are_taken_as_they_are),
		cmocka_unit_test(test_targets_follow_the_listeners),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
