/* test_cookie.c - pairs that clients send, and what we set. */
#include "unit.h"

#include "http/cookie.h"
#include "http/h1_write.h"
#include "http/head.h"

static const struct {
	const char *field, *name, *value; /* NULL: not found */
} cases[] = {
	{"a=b", "a", "b"},
	{"a=b; c=d", "c", "d"},
	{"a=b;c=d", "c", "d"},
	{" a=b ;\tc=d ", "c", "d"},
	{"a=1; a=2", "a", "1"},
	{"a=", "a", ""},
	{"a=b=c", "a", "b=c"},
	{"a=\"b\"", "a", "\"b\""},
	{"a=b,c=d", "a", "b,c=d"},
	{"a=b,c=d", "c", NULL},
	{"A=b", "a", NULL},
	{"aa=b", "a", NULL},
	{"xa=b", "a", NULL},
	{"b=a=c", "a", NULL},
	{"a", "a", NULL},
	{"a ;a=b", "a", "b"},
	{"a =b", "a", NULL},
	{"a b=c", "a b", NULL},
	{"a\xe9=b", "a\xe9", NULL},
	{"=a", "a", NULL},
	{"=; a=b", "a", "b"},
	{";;; a=b;;", "a", "b"},
	{"x=\"; a=b\"", "a", "b\""},
	{"", "a", NULL},
	{";", "a", NULL},
};

static void test_the_first_of_a_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct slice value;

		print_message("# %s\n", cases[i].field);
		assert_int_equal(cookie_find(slice_of(cases[i].field),
					     slice_of(cases[i].name), &value),
				 cases[i].value != NULL);
		if (cases[i].value)
			assert_slice(value, cases[i].value);
	}
}

static void test_all_cookie_fields_are_read(void **state)
{
	struct field fields[] = {
		{.name = SLICE("Cookie"),
		 .value = SLICE("a=1"),
		 .id = NAME_COOKIE},
		{.name = SLICE("X-Cookie"), .value = SLICE("b=0")},
		{.name = SLICE("cookie"),
		 .value = SLICE("b=2"),
		 .id = NAME_COOKIE},
	};
	struct http_head head = {.fields = fields,
				 .n_fields = 3,
				 .present = NAME_BIT(NAME_COOKIE)};
	struct slice value;

	(void)state;
	assert_true(cookie_of_head(&head, SLICE("b"), &value));
	assert_slice(value, "2");
	assert_false(cookie_of_head(&head, SLICE("c"), &value));
}

static void test_what_a_target_sets(void **state)
{
	(void)state;
	assert_true(set_cookie_is(SLICE("a=b; Path=/"), SLICE("a")));
	assert_true(set_cookie_is(SLICE("a="), SLICE("a")));
	assert_false(set_cookie_is(SLICE("b=c; a=d"), SLICE("a")));
	assert_false(set_cookie_is(SLICE("a"), SLICE("a")));
	assert_false(set_cookie_is(SLICE("A=b"), SLICE("a")));
}

static const struct {
	struct set_cookie cookie;
	const char *line;
} lines[] = {
	{{SLICE_INIT("AWSALB"), SLICE_INIT("v"), 1772146193, 0, 0, 0},
	 "AWSALB=v; Expires=Thu, 26 Feb 2026 22:49:53 GMT; "
	 "Path=/"},
	{{SLICE_INIT("AWSALBCORS"), SLICE_INIT("v"), 1772146193, 1, 0, 0},
	 "AWSALBCORS=v; Expires=Thu, 26 Feb 2026 22:49:53 GMT; "
	 "Path=/; SameSite=None; Secure"},
	{{SLICE_INIT("a"), SLICE_INIT("b"), 0, 0, 1, 1},
	 "a=b; Path=/; HttpOnly; Secure"},
};

static void test_what_we_set(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		char room[256];
		struct writer w = writer_make(room, sizeof(room));

		cookie_write(&w, &lines[i].cookie);
		assert_slice(slice_make(room, (size_t)(w.at - room)),
			     lines[i].line);
		w = writer_make(room, strlen(lines[i].line) - 1);
		cookie_write(&w, &lines[i].cookie);
		assert_true(w.overflow);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_first_of_a_name),
		cmocka_unit_test(test_all_cookie_fields_are_read),
		cmocka_unit_test(test_what_a_target_sets),
		cmocka_unit_test(test_what_we_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
