/* test_sticky.c - a cookie comes back to its group, in its time, or not. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "balance/sticky.h"
#include "http/h1_parse.h"
#include "http/h1_write.h"

enum { NOW = 1700000000, LASTS = 3600 };

#define KEY "0011223344556677889900112233445566778899001122334455667788990011"
static const uint64_t identity = 0xfedcba9876543210u;

static struct sealer *sealer;
static const struct target_group web = {
	.name = SLICE_INIT("web"),
	.stickiness = {.enabled = true,
		       .duration_s = LASTS,
		       .cookie = SLICE_INIT("AWSALB"),
		       .twin = SLICE_INIT("AWSALBCORS")},
};

static int setup(void **state)
{
	struct seal_keys keys;
	char why[64];

	(void)state;
	if (seal_keys_parse(SLICE("1 " KEY "\n"), &keys, why, sizeof(why)))
		return -1;
	sealer = sealer_new(&keys);
	return sealer ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	sealer_free(sealer);
	return 0;
}

static const struct {
	const char *name;
	int64_t age_s;
	bool opens;
} ages[] = {
	{"at once", 0, true},
	{"in its last second", LASTS, true},
	{"a second late", LASTS + 1, false},
	{"made by a clock that is ahead", -300, true},
	{"made in the future", -301, false},
};

static void test_a_value_holds_as_long_as_the_group_says(void **state)
{
	char value[STICKY_VALUE_OCTETS];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ages); i++) {
		size_t n = sticky_seal(sealer, &web, identity, NOW, value,
				       sizeof(value));
		uint64_t got = 0;

		print_message("# %s\n", ages[i].name);
		assert_int_equal(n, STICKY_VALUE_OCTETS);
		assert_int_equal(sticky_open(sealer, &web, slice_make(value, n),
					     NOW + ages[i].age_s, &got),
				 ages[i].opens);
		assert_int_equal(got, ages[i].opens ? identity : 0);
	}
}

static void test_another_group_takes_no_notice(void **state)
{
	struct target_group api = web;
	char value[STICKY_VALUE_OCTETS];
	size_t n =
		sticky_seal(sealer, &web, identity, NOW, value, sizeof(value));
	uint64_t got;

	(void)state;
	api.name = SLICE("api");
	assert_false(
		sticky_open(sealer, &api, slice_make(value, n), NOW, &got));
}

static void test_what_clients_make_up_is_no_cookie(void **state)
{
	static const char *const made_up[] = {
		"",
		"x",
		"\"\"",
		("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		 "AA"),
		"%41%41%41%41",
		"../../../../etc/passwd",
	};
	uint64_t got;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(made_up); i++)
		assert_false(sticky_open(sealer, &web, slice_of(made_up[i]),
					 NOW, &got));
}

/* What the response sets is what the next request brings. */
static void read_back(const char *fields, uint64_t *got, bool *came,
		      bool *opened)
{
	struct field room[8];
	struct http_head head = {.fields = room, .max_fields = 8};
	char text[1024];
	enum reason why;
	int n = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n%s\r\n",
			 fields);

	assert_int_equal(h1_parse_request(slice_make(text, (size_t)n),
					  &h1_request_limits, &head, &why),
			 H1_DONE);
	*opened = sticky_of_head(sealer, &web, &head, NOW + 10, got, came);
}

/* One value: its name, what is sealed, and the rest. */
static struct slice check_value(const struct field *f, const char *first,
				const char *last)
{
	const size_t n = STICKY_VALUE_OCTETS;
	size_t at = strlen(first);

	assert_slice(f->name, "set-cookie");
	assert_int_equal(f->value.n, at + n + strlen(last));
	assert_slice(slice_first(f->value, at), first);
	assert_slice(slice_from(f->value, at + n), last);
	return slice_make(f->value.p + at, n);
}

static void test_both_cookies_are_set(void **state)
{
#define REST "; Expires=Tue, 21 Nov 2023 22:13:20 GMT; Path=/"
	struct field fields[STICKY_FIELDS];
	char room[512];
	struct writer w = writer_make(room, sizeof(room));
	struct slice one, other;

	(void)state;
	assert_int_equal(sticky_fields(fields, &w, sealer, &web, identity, NOW),
			 STICKY_FIELDS);
	one = check_value(&fields[0], "AWSALB=", REST);
	other = check_value(&fields[1],
			    "AWSALBCORS=", REST "; SameSite=None; Secure");
	assert_true(slice_eq(one, other));

	w = writer_make(room, 64);
	assert_int_equal(sticky_fields(fields, &w, sealer, &web, identity, NOW),
			 0);
}

static void test_the_twin_wins(void **state)
{
	char good[STICKY_VALUE_OCTETS], twin[STICKY_VALUE_OCTETS], text[512];
	int n = STICKY_VALUE_OCTETS;
	bool came, opened;
	uint64_t got;

	(void)state;
	sticky_seal(sealer, &web, identity, NOW, good, sizeof(good));
	sticky_seal(sealer, &web, 42, NOW, twin, sizeof(twin));

	read_back("Cookie: a=b\r\n", &got, &came, &opened);
	assert_false(came);
	assert_false(opened);

	snprintf(text, sizeof(text), "Cookie: a=b; AWSALB=%.*s\r\n", n, good);
	read_back(text, &got, &came, &opened);
	assert_true(came && opened);
	assert_int_equal(got, identity);

	snprintf(text, sizeof(text), "Cookie: AWSALB=%.*s; AWSALBCORS=%.*s\r\n",
		 n, good, n, twin);
	read_back(text, &got, &came, &opened);
	assert_true(came && opened);
	assert_int_equal(got, 42);

	snprintf(text, sizeof(text), "Cookie: AWSALB=%.*s; AWSALBCORS=x\r\n", n,
		 good);
	read_back(text, &got, &came, &opened);
	assert_true(came);
	assert_false(opened);
}

static void test_a_file_of_keys_means_the_same_to_all(void **state)
{
	char folder[] = "/tmp/weir-sticky-XXXXXX", path[64], why[64] = "";
	char value[STICKY_VALUE_OCTETS];
	struct seal_keys keys;
	struct sealer *one, *other;
	uint64_t got;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/key", folder);
	assert_int_equal(seal_keys_load(path, &keys, why, sizeof(why)), 0);
	one = sealer_new(&keys);
	seal_keys_wipe(&keys);
	assert_int_equal(seal_keys_load(path, &keys, why, sizeof(why)), 0);
	other = sealer_new(&keys);
	seal_keys_wipe(&keys);

	sticky_seal(one, &web, identity, NOW, value, sizeof(value));
	assert_true(sticky_open(other, &web, slice_make(value, sizeof(value)),
				NOW, &got));
	assert_false(sticky_open(sealer, &web, slice_make(value, sizeof(value)),
				 NOW, &got));
	sealer_free(one);
	sealer_free(other);

	unlink(path);
	rmdir(folder);
	assert_int_equal(seal_keys_load(path, &keys, why, sizeof(why)), -1);
	assert_string_equal(why, "No such file or directory");
}

/* -- the group of a weighted forward --------------------------------------- */

static struct target_group blue = {.name = SLICE_INIT("blue")};
static struct target_group longest = {
	.name = SLICE_INIT("a-name-of-thirty-two-characters-")};
static struct weighted_group of_rule[] = {{&blue, 1}, {&longest, 0}};
static const struct forward rule = {
	.groups = of_rule,
	.n_groups = 2,
	.stickiness = {.enabled = true, .duration_s = LASTS},
};

static void test_the_cookie_of_a_group(void **state)
{
	char value[STICKY_GROUP_VALUE_OCTETS];
	struct slice text = slice_make(value, sizeof(value));

	(void)state;
	for (size_t i = 0; i < rule.n_groups; i++) {
		const struct target_group *g = of_rule[i].group;

		/* Also the one of weight 0. */
		assert_int_equal(
			sticky_group_seal(sealer, g, NOW, value, sizeof(value)),
			sizeof(value));
		for (size_t a = 0; a < ARRAY_SIZE(ages); a++)
			assert_ptr_equal(sticky_group_open(sealer, &rule, text,
							   NOW + ages[a].age_s),
					 ages[a].opens ? g : NULL);
	}
	/* A group that the rule does not choose from, and other cookies. */
	sticky_group_seal(sealer, &web, NOW, value, sizeof(value));
	assert_null(sticky_group_open(sealer, &rule, text, NOW));
	sticky_group_seal(sealer, &blue, NOW, value, sizeof(value));
	value[9] ^= 1;
	assert_null(sticky_group_open(sealer, &rule, text, NOW));
	sticky_seal(sealer, &blue, identity, NOW, value, sizeof(value));
	assert_null(sticky_group_open(
		sealer, &rule, slice_make(value, STICKY_VALUE_OCTETS), NOW));
	assert_null(sticky_group_open(sealer, &rule, SLICE(""), NOW));
}

static void test_which_cookie_of_a_group_counts(void **state)
{
	char one[STICKY_GROUP_VALUE_OCTETS], two[STICKY_GROUP_VALUE_OCTETS];
	struct field fields[1] = {{.id = NAME_COOKIE}};
	struct http_head head = {.fields = fields,
				 .n_fields = 1,
				 .present = NAME_BIT(NAME_COOKIE)};
	char text[512];

	(void)state;
	sticky_group_seal(sealer, &blue, NOW, one, sizeof(one));
	sticky_group_seal(sealer, &longest, NOW, two, sizeof(two));
	fields[0].value.p = text;
	fields[0].value.n = (size_t)snprintf(
		text, sizeof(text), "AWSALBTG=%.*s; AWSALBTGCORS=%.*s",
		(int)sizeof(one), one, (int)sizeof(two), two);
	assert_ptr_equal(sticky_group_of_head(sealer, &rule, &head, NOW),
			 &longest);
	fields[0].value.n = strlen("AWSALBTG=") + sizeof(one);
	assert_ptr_equal(sticky_group_of_head(sealer, &rule, &head, NOW),
			 &blue);
	assert_false(sticky_group_is_broken(sealer, &head));
	/* URL-encoded: not ours. */
	snprintf(text, sizeof(text), "AWSALBTG=%%%02X%.*s", one[0],
		 (int)sizeof(one) - 1, one + 1);
	fields[0].value.n = strlen(text);
	assert_null(sticky_group_of_head(sealer, &rule, &head, NOW));
	assert_true(sticky_group_is_broken(sealer, &head));
	fields[0].value = SLICE("a=b");
	assert_false(sticky_group_is_broken(sealer, &head));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_value_holds_as_long_as_the_group_says),
		cmocka_unit_test(test_another_group_takes_no_notice),
		cmocka_unit_test(test_what_clients_make_up_is_no_cookie),
		cmocka_unit_test(test_both_cookies_are_set),
		cmocka_unit_test(test_the_twin_wins),
		cmocka_unit_test(test_a_file_of_keys_means_the_same_to_all),
		cmocka_unit_test(test_the_cookie_of_a_group),
		cmocka_unit_test(test_which_cookie_of_a_group_counts),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
