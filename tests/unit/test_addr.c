/* test_addr.c - what is an address and what only looks like one. */
#include "net/addr.h"

#include "unit.h"

static const struct {
	const char *text;
	bool good;
} cases[] = {
	{"127.0.0.1:80", true},
	{"[::1]:80", true},
	{"[2001:db8::1]:65535", true},
	{"unix:/run/app.sock", true},
	{"127.0.0.1", false},
	{"127.0.0.1:", false},
	{"127.0.0.1:0", false},
	{"127.0.0.1:65536", false},
	{"127.0.0.1:080808", false},
	{"127.0.0.1:+80", false},
	{"127.1:80", false},
	{"0127.0.0.1:80", false},
	{"::1:80", false},
	{"[127.0.0.1]:80", false},
	{"[::1]80", false},
	{"[::1", false},
	{"unix:app.sock", false},
	{"unix:", false},
	{"", false},
};

static void test_every_form(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char back[ADDR_TEXT_MAX];
		struct addr a;

		print_message("# %s\n", cases[i].text);
		assert_int_equal(addr_parse(slice_of(cases[i].text), &a),
				 cases[i].good);
		if (!cases[i].good)
			continue;
		assert_slice(slice_make(back, addr_format(&a, back)),
			     cases[i].text);
		assert_true(addr_eq(&a, &a));
	}
}

static void test_mapped_addresses_are_ipv4(void **state)
{
	char text[ADDR_TEXT_MAX];
	struct addr a;

	(void)state;
	assert_true(addr_parse_ip(SLICE("::ffff:192.0.2.209"), 1, &a));
	assert_true(addr_is_v4(&a));
	assert_slice(slice_make(text, addr_format_ip(&a, text)), "192.0.2.209");
	assert_slice(slice_make(text, addr_format(&a, text)), "192.0.2.209:1");
}

static void test_a_nul_ends_nothing(void **state)
{
	struct addr a;

	(void)state;
	assert_false(addr_parse_ip(slice_make("1.2.3.4\0x", 9), 1, &a));
	assert_false(addr_parse(slice_make("unix:/a\0b", 9), &a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_form),
		cmocka_unit_test(test_mapped_addresses_are_ipv4),
		cmocka_unit_test(test_a_nul_ends_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
