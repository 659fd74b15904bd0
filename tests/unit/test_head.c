/* test_head.c - names and methods by number, lists of tokens. */
#include "unit.h"

#include "http/head.h"

static void test_every_name_is_known_in_any_case(void **state)
{
	(void)state;
	for (int name = NAME_OTHER + 1; name < NAME_KINDS; name++) {
		struct slice text = name_text((enum name)name);
		char upper[40];

		print_message("# %s\n", text.p);
		if (name == NAME_X_AMZN_SPOOFED)
			continue;
		assert_int_equal(name_of(text), name);
		assert_true(text.n < sizeof(upper));
		for (size_t i = 0; i < text.n; i++)
			upper[i] = text.p[i] >= 'a' ? (char)(text.p[i] & 0xdf)
						    : text.p[i];
		assert_int_equal(name_of(slice_make(upper, text.n)), name);

		/* No other octet in any place passes for the one there. */
		for (size_t i = 0; i < text.n; i++) {
			char kept = upper[i];

			for (int c = 0; c < 256; c++) {
				upper[i] = (char)c;
				if (ascii_lower((char)c) != text.p[i])
					assert_int_not_equal(
						name_of(slice_make(upper,
								   text.n)),
						name);
			}
			upper[i] = kept;
		}
		assert_int_not_equal(name_of(slice_first(text, text.n - 1)),
				     name);
	}
}

static const struct {
	const char *text;
	enum name name;
} names[] = {
	{"", NAME_OTHER},
	{"x", NAME_OTHER},
	{"hosts", NAME_OTHER},
	{"accept", NAME_OTHER},
	{"x-amzn-", NAME_OTHER},
	{"x-amzn-tls", NAME_OTHER},
	{"x-amzn-foo-bar-baz", NAME_OTHER},
	{"X-Amzn-Tls-Version", NAME_X_AMZN_SPOOFED},
	{"x-amzn-tls-cipher-suite", NAME_X_AMZN_SPOOFED},
	{"X-Amzn-Mtls-Clientcert", NAME_X_AMZN_SPOOFED},
	{"X-Amzn-Mtls-Clientcert-Serial-Number", NAME_X_AMZN_SPOOFED},
	{"x-amzn-oidc-data", NAME_X_AMZN_SPOOFED},
	{"x-amzn-oidc-accesstoken", NAME_X_AMZN_SPOOFED},
	{"x_amzn_oidc_data", NAME_X_AMZN_SPOOFED},
	{"X_Amzn-Oidc_Identity", NAME_X_AMZN_SPOOFED},
};

static void test_what_only_weir_may_say_is_one_number(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		print_message("# %s\n", names[i].text);
		assert_int_equal(name_of(slice_of(names[i].text)),
				 names[i].name);
	}
}

static void test_methods_compare_with_case(void **state)
{
	(void)state;
	assert_int_equal(method_of(SLICE("GET")), METHOD_GET);
	assert_int_equal(method_of(SLICE("HEAD")), METHOD_HEAD);
	assert_int_equal(method_of(SLICE("POST")), METHOD_POST);
	assert_int_equal(method_of(SLICE("PUT")), METHOD_PUT);
	assert_int_equal(method_of(SLICE("DELETE")), METHOD_DELETE);
	assert_int_equal(method_of(SLICE("OPTIONS")), METHOD_OPTIONS);
	assert_int_equal(method_of(SLICE("PATCH")), METHOD_PATCH);
	assert_int_equal(method_of(SLICE("TRACE")), METHOD_TRACE);
	assert_int_equal(method_of(SLICE("CONNECT")), METHOD_CONNECT);
	assert_int_equal(method_of(SLICE("get")), METHOD_OTHER);
	assert_int_equal(method_of(SLICE("PURGE")), METHOD_OTHER);
	assert_int_equal(method_of(SLICE("")), METHOD_OTHER);
}

static const struct {
	const char *value;
	const char *items; /* joined with '|' */
} lists[] = {
	{"", ""},
	{"close", "close"},
	{"a, b", "a|b"},
	{" a ,\tb ", "a|b"},
	{",, a,,b,", "a|b"},
	{"\"a, b\", c", "\"a, b\"|c"},
	{"\"a\\\", b\", c", "\"a\\\", b\"|c"},
	{"\"never closed, b", "\"never closed, b"},
};

static void test_lists_leave_out_empty_members(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		struct slice rest = slice_of(lists[i].value), item;
		char got[64];
		size_t n = 0;

		print_message("# %s\n", lists[i].value);
		while (list_next(&rest, &item)) {
			if (n)
				got[n++] = '|';
			memcpy(got + n, item.p, item.n);
			n += item.n;
		}
		assert_slice(slice_make(got, n), lists[i].items);
	}
}

static void test_tokens_are_looked_for_in_every_field(void **state)
{
	struct field fields[] = {
		{.name = SLICE("Connection"),
		 .value = SLICE("keep-alive, x-a"),
		 .id = NAME_CONNECTION},
		{.name = SLICE("X-A"), .value = SLICE("1")},
		{.name = SLICE("connection"),
		 .value = SLICE("Close"),
		 .id = NAME_CONNECTION},
		{.name = SLICE("x-a"), .value = SLICE("2")},
	};
	struct http_head head = {
		.fields = fields,
		.n_fields = 4,
		.present = NAME_BIT(NAME_CONNECTION) | NAME_BIT(NAME_OTHER),
	};

	(void)state;
	assert_true(head_has_token(&head, NAME_CONNECTION, SLICE("close")));
	assert_true(head_has_token(&head, NAME_CONNECTION, SLICE("X-A")));
	assert_false(head_has_token(&head, NAME_CONNECTION, SLICE("clos")));
	assert_false(head_has_token(&head, NAME_UPGRADE, SLICE("close")));
	assert_ptr_equal(head_find(&head, NAME_CONNECTION), &fields[0]);
	assert_ptr_equal(head_next(&head, NAME_CONNECTION, &fields[0]),
			 &fields[2]);
	assert_null(head_next(&head, NAME_CONNECTION, &fields[2]));
	assert_null(head_find(&head, NAME_HOST));
	assert_ptr_equal(head_find_text(&head, SLICE("x-a")), &fields[1]);
	assert_ptr_equal(head_next_text(&head, SLICE("X-A"), &fields[1]),
			 &fields[3]);
	assert_null(head_find_text(&head, SLICE("x-b")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_name_is_known_in_any_case),
		cmocka_unit_test(test_what_only_weir_may_say_is_one_number),
		cmocka_unit_test(test_methods_compare_with_case),
		cmocka_unit_test(test_lists_leave_out_empty_members),
		cmocka_unit_test(test_tokens_are_looked_for_in_every_field),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
