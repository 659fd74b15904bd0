/* test_sni.c - which certificate answers to which name. */
#include "tls/sni.h"

#include "tls/identity.h"
#include "unit.h"

enum { NOW = 1000000, LATER = NOW + 1000, LATEST = NOW + 2000 };

static struct slice names[][2] = {
	{SLICE_INIT("default.example"), SLICE_INIT("*.example.net")},
	{SLICE_INIT("www.example.com"), SLICE_INIT("example.com")},
	{SLICE_INIT("*.example.com"), SLICE_INIT("*.example.org")},
	{SLICE_INIT("both.example"), SLICE_INIT("x")},
	{SLICE_INIT("both.example"), SLICE_INIT("x")},
	{SLICE_INIT("many.example"), SLICE_INIT("x")},
	{SLICE_INIT("many.example"), SLICE_INIT("many.example")},
	{SLICE_INIT("many.example"), SLICE_INIT("x")},
	{SLICE_INIT("old.example"), SLICE_INIT("*.old.example")},
	{SLICE_INIT("old.example"), SLICE_INIT("a.old.example")},
	{SLICE_INIT("curve.example"), SLICE_INIT("x")},
	{SLICE_INIT("curve.example"), SLICE_INIT("x")},
};

#define ID(number, key, bits, digest, end)                                     \
	[number] = {.names = names[number],                                    \
		    .n_names = 2,                                              \
		    .kind = TLS_KEY_##key,                                     \
		    .key_bits = bits,                                          \
		    .digest_bits = digest,                                     \
		    .not_after = end}

static struct tls_identity ids[] = {
	ID(0, RSA, 2048, 256, LATER), /* the default */
	ID(1, ECDSA, 256, 256, LATER),
	ID(2, RSA, 2048, 256, LATER),
	ID(3, RSA, 2048, 256, LATER),
	ID(4, ECDSA, 256, 256, LATER),
	ID(5, RSA, 4096, 256, LATER),
	ID(6, RSA, 2048, 384, LATER),
	ID(7, RSA, 4096, 256, LATEST),
	ID(8, ECDSA, 384, 384, NOW - 1), /* expired */
	ID(9, ECDSA, 256, 256, LATER),
	ID(10, ECDSA, 521, 256, LATER),
	ID(11, ECDSA, 256, 256, LATER),
};

enum { NONE = -1 };

static const struct {
	const char *what, *name;
	int ecdsa, rsa;
	bool matched;
	unsigned curves; /* 0: all */
} cases[] = {
	{"no name", "", NONE, 0, false, 0},
	{"unknown name", "unknown.test", NONE, 0, false, 0},
	{"the default is not in the list", "default.example", NONE, 0, false,
	 0},
	{"exact, and the default for those without ECDSA", "example.com", 1, 0,
	 true, 0},
	{"any case", "EXAMPLE.com", 1, 0, true, 0},
	{"a dot at the end", "example.com.", 1, 0, true, 0},
	{"exact and wildcard side by side", "www.example.com", 1, 2, true, 0},
	{"wildcard", "other.example.com", NONE, 2, true, 0},
	{"a wildcard is one label", "a.b.example.com", NONE, 0, false, 0},
	{"a wildcard is not the name itself", "example.org", NONE, 0, false, 0},
	{"nor an empty label", ".example.org", NONE, 0, false, 0},
	{"a star is not a name", "*.example.com.evil", NONE, 0, false, 0},
	{"ECDSA and RSA of one name", "both.example", 4, 3, true, 0},
	{"the larger hash wins over the longer key", "many.example", NONE, 6,
	 true, 0},
	{"what has expired comes last", "old.example", 9, 0, true, 0},
	{"also against a wildcard", "a.old.example", 9, 0, true, 0},
	{"but is better than another name", "b.old.example", 8, 0, true, 0},
	{"the longest curve", "curve.example", 10, 0, true, 0},
	{"that the client can verify", "curve.example", 11, 0, true,
	 CURVE_P256 | CURVE_P384},
	{"no curve at all", "curve.example", NONE, 0, false, CURVE_P384},
	{"a lone dot", ".", NONE, 0, false, 0},
};

static const struct tls_identity *id_at(int number)
{
	return number == NONE ? NULL : &ids[number];
}

static struct sni *make(void)
{
	struct tls_identity *all[ARRAY_SIZE(ids)];

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		all[i] = &ids[i];
	return sni_new(all, ARRAY_SIZE(ids));
}

static void test_every_name(void **state)
{
	struct sni *sni = make();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sni_choice got;

		print_message("# %s\n", cases[i].what);
		sni_choose(sni, slice_of(cases[i].name), NOW,
			   cases[i].curves ? cases[i].curves : CURVE_ALL, &got);
		assert_ptr_equal(got.ecdsa, id_at(cases[i].ecdsa));
		assert_ptr_equal(got.rsa, id_at(cases[i].rsa));
		assert_int_equal(got.matched, cases[i].matched);
	}
	sni_free(sni);
}

static void test_what_expires_while_we_run_steps_back(void **state)
{
	struct sni *sni = make();
	struct sni_choice got;

	(void)state;
	sni_choose(sni, SLICE("many.example"), LATER + 1, CURVE_ALL, &got);
	assert_ptr_equal(got.rsa, &ids[7]);
	sni_free(sni);
}

static void test_names_that_no_dns_has(void **state)
{
	static char text[4096];
	struct sni *sni = make();
	struct sni_choice got;

	(void)state;
	memset(text, 'a', sizeof(text));
	sni_choose(sni, slice_make(text, sizeof(text)), NOW, CURVE_ALL, &got);
	assert_false(got.matched);
	sni_choose(sni, slice_make("example.com\0x", 13), NOW, CURVE_ALL, &got);
	assert_false(got.matched);
	sni_free(sni);
}

static void test_who_is_known(void **state)
{
	struct sni *sni = make();

	(void)state;
	assert_true(sni_knows(sni, SLICE("Default.Example")));
	assert_true(sni_knows(sni, SLICE("a.example.net")));
	assert_true(sni_knows(sni, SLICE("www.example.com")));
	assert_true(sni_knows(sni, SLICE("x.example.org")));
	assert_false(sni_knows(sni, SLICE("")));
	assert_false(sni_knows(sni, SLICE("example.net")));
	assert_false(sni_knows(sni, SLICE("unknown")));
	sni_free(sni);
}

static void test_one_certificate_only(void **state)
{
	struct tls_identity *one = &ids[4];
	struct sni *sni = sni_new(&one, 1);
	struct sni_choice got;

	(void)state;
	sni_choose(sni, SLICE("both.example"), NOW, CURVE_ALL, &got);
	assert_ptr_equal(got.ecdsa, one);
	assert_null(got.rsa);
	sni_free(sni);
	sni_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_name),
		cmocka_unit_test(test_what_expires_while_we_run_steps_back),
		cmocka_unit_test(test_names_that_no_dns_has),
		cmocka_unit_test(test_who_is_known),
		cmocka_unit_test(test_one_certificate_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
