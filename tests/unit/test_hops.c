/* test_hops.c - which fields Connection names (RFC 9110 7.6.1). */
#include "unit.h"

#include <stdio.h>

#include "http/hops.h"

static struct field room[HEAD_FIELDS_MAX];

/* A head whose fields have these names, ended by NULL; values of Connection
 * stand behind it, as "Connection=a, b". */
static struct http_head head_of(const char *const *names)
{
	struct http_head head = {
		.fields = room,
		.max_fields = HEAD_FIELDS_MAX,
	};

	for (; *names; names++) {
		struct slice text = slice_of(*names);
		struct slice name = slice_first(text, slice_find(text, '='));

		room[head.n_fields] = (struct field){
			.name = name,
			.value = slice_from(text, name.n + 1),
			.id = (uint8_t)name_of(name),
		};
		head.present |= NAME_BIT(room[head.n_fields++].id);
	}
	return head;
}

static const struct {
	const char *name;
	const char *fields[6];
	const char *named; /* digits of those that are */
} cases[] = {
	{"no Connection", {"a", "b"}, ""},
	{"nothing named", {"Connection=", "a"}, ""},
	{"the usual", {"Connection=keep-alive, Upgrade, close", "Upgrade"}, ""},
	{"one", {"a", "Connection=b", "b"}, "2"},
	{"any case", {"X-Hop", "Connection=close, x-hOP"}, "0"},
	{"all of a name", {"a", "b", "A", "Connection=a", "a"}, "024"},
	{"two lines", {"Connection=a", "b", "a", "Connection=b"}, "12"},
	{"Connection itself", {"Connection=connection", "a"}, "0"},
	{"a known one", {"Connection=TE, x", "TE", "x"}, "12"},
	{"only the beginning", {"Connection=ab", "a", "abc"}, ""},
	{"quotes name nothing", {"Connection=\"a, b\"", "a", "b"}, ""},
	{"empty members", {"Connection=, ,a,,", "a"}, "1"},
};

static void test_fields_that_are_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct http_head head = head_of(cases[i].fields);
		struct hops hops;

		print_message("# %s\n", cases[i].name);
		hops_find(&head, &hops);
		for (size_t k = 0; k < head.n_fields; k++)
			assert_int_equal(hops_has(&hops, k),
					 strchr(cases[i].named, '0' + (int)k) !=
						 NULL);
	}
}

/* As many fields as there may be, and names longer than one block. */
static void test_a_full_head(void **state)
{
	static char names[HEAD_FIELDS_MAX][128];
	const char *list[HEAD_FIELDS_MAX + 1] = {"Connection="};
	struct http_head head;
	struct hops hops;

	(void)state;
	for (int i = 1; i < HEAD_FIELDS_MAX; i++) {
		snprintf(names[i], sizeof(names[i]), "%0*dx%d", i % 3 * 50 + 1,
			 0, i);
		list[i] = names[i];
	}
	list[HEAD_FIELDS_MAX] = NULL;
	for (int named = 1; named < HEAD_FIELDS_MAX; named++) {
		head = head_of(list);
		room[0].value = slice_of(names[named]);
		hops_find(&head, &hops);
		for (int i = 0; i < HEAD_FIELDS_MAX; i++)
			assert_int_equal(hops_has(&hops, (size_t)i),
					 i == named);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields_that_are_named),
		cmocka_unit_test(test_a_full_head),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
