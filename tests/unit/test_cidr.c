/* test_cidr.c - reading, printing, containing and ordering networks. */
#include "unit.h"

#include "base/arena.h"
#include "base/cidr.h"
#include "base/cidr_set.h"

static const struct {
	const char *text;
	enum cidr_fault fault;
	const char *meant; /* what *out prints as; NULL: nothing promised */
} texts[] = {
	{"10.0.0.0/8", CIDR_FINE, "10.0.0.0/8"},
	{"0.0.0.0/0", CIDR_FINE, "0.0.0.0/0"},
	{"192.0.2.7/32", CIDR_FINE, "192.0.2.7/32"},
	{"2001:db8::/32", CIDR_FINE, "2001:db8::/32"},
	{"::/0", CIDR_FINE, "::/0"},
	{"2001:DB8:0:0::1/128", CIDR_FINE, "2001:db8::1/128"},
	{"100.68.0.18/18", CIDR_HOST_BITS, "100.68.0.0/18"},
	{"2001:db8::1/32", CIDR_HOST_BITS, "2001:db8::/32"},
	{"10.1.2.3/9", CIDR_HOST_BITS, "10.0.0.0/9"},
	{"10.0.0.1", CIDR_NO_LENGTH, "10.0.0.1/32"},
	{"::1", CIDR_NO_LENGTH, "::1/128"},
	{"10.0.0.0/33", CIDR_BAD_LENGTH, NULL},
	{"10.0.0.0/", CIDR_BAD_LENGTH, NULL},
	{"10.0.0.0/08", CIDR_BAD_LENGTH, NULL},
	{"10.0.0.0/-1", CIDR_BAD_LENGTH, NULL},
	{"10.0.0.0/8/8", CIDR_BAD_LENGTH, NULL},
	{"::/129", CIDR_BAD_LENGTH, NULL},
	{"10.0.0/8", CIDR_MALFORMED, NULL},
	{"010.0.0.0/8", CIDR_MALFORMED, NULL},
	{"10.0.0.256/8", CIDR_MALFORMED, NULL},
	{" 10.0.0.0/8", CIDR_MALFORMED, NULL},
	{"fe80::1%eth0/64", CIDR_MALFORMED, NULL},
	{"", CIDR_MALFORMED, NULL},
	{"/8", CIDR_MALFORMED, NULL},
	{"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc/8",
	 CIDR_MALFORMED, NULL},
};

static void test_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		char out[CIDR_TEXT_MAX];
		struct cidr c;

		print_message("# \"%s\"\n", texts[i].text);
		assert_int_equal(cidr_parse(slice_of(texts[i].text), &c),
				 texts[i].fault);
		if (texts[i].meant)
			assert_string_equal(cidr_format(&c, out),
					    texts[i].meant);
	}
}

static void test_a_nul_is_no_end(void **state)
{
	struct cidr c;

	(void)state;
	assert_int_equal(cidr_parse(SLICE("10.0.0.0\0x/8"), &c),
			 CIDR_MALFORMED);
}

static struct cidr net(const char *text)
{
	struct cidr c = {0};

	assert_int_equal(cidr_parse(slice_of(text), &c), CIDR_FINE);
	return c;
}

static const struct {
	const char *outer, *inner;
	bool contains;
} pairs[] = {
	{"10.0.0.0/8", "10.0.0.0/8", true},
	{"10.0.0.0/8", "10.255.255.255/32", true},
	{"10.0.0.0/8", "11.0.0.0/32", false},
	{"10.0.0.0/9", "10.128.0.0/9", false},
	{"10.1.0.0/16", "10.0.0.0/8", false},
	{"0.0.0.0/0", "192.0.2.1/32", true},
	{"0.0.0.0/0", "::/0", false},
	{"::/0", "0.0.0.0/0", false},
	{"2001:db8::/33", "2001:db8:8000::/48", false},
	{"2001:db8::/33", "2001:db8:7fff::/48", true},
};

static void test_containing(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		struct cidr outer = net(pairs[i].outer);
		struct cidr inner = net(pairs[i].inner);

		print_message("# %s in %s\n", pairs[i].inner, pairs[i].outer);
		assert_int_equal(cidr_contains(&outer, &inner),
				 pairs[i].contains);
	}
}

static void test_a_network_comes_before_its_parts(void **state)
{
	struct cidr whole = net("10.0.0.0/8"), first = net("10.0.0.0/9");
	struct cidr second = net("10.128.0.0/9"), six = net("::/0");

	(void)state;
	assert_true(cidr_cmp(&whole, &first) < 0);
	assert_true(cidr_cmp(&first, &second) < 0);
	assert_true(cidr_cmp(&second, &six) < 0);
	assert_true(cidr_eq(&whole, &whole));
}

static void test_last_address(void **state)
{
	struct cidr c = net("10.0.0.0/9");
	uint8_t last[16], expect[16] = {10, 127, 255, 255};

	(void)state;
	cidr_last(&c, last);
	assert_memory_equal(last, expect, 16);
	c = net("::/0");
	cidr_last(&c, last);
	memset(expect, 0xff, 16);
	assert_memory_equal(last, expect, 16);
}

/* Against a look at each of them. */
static void test_many_networks(void **state)
{
	static const char *const networks[] = {
		"10.0.0.0/8",   "10.1.0.0/16", "10.1.2.3/32",   "192.0.2.0/24",
		"192.0.2.0/25", "0.0.0.0/32",  "2001:db8::/32", "2001:db8::/48",
		"::1/128",      "255.0.0.0/8", "10.0.0.0/8",
	};
	static const char *const addresses[] = {"9.255.255.255",
						"10.0.0.0",
						"10.1.2.3",
						"10.255.255.255",
						"11.0.0.0",
						"192.0.1.255",
						"192.0.2.0",
						"192.0.2.200",
						"192.0.3.0",
						"0.0.0.0",
						"0.0.0.1",
						"255.255.255.255",
						"::",
						"::1",
						"::2",
						"2001:db7::",
						"2001:db8:1::",
						"2001:db9::",
						"ffff:ffff::"};
	struct cidr all[ARRAY_SIZE(networks)];
	struct arena arena = {0};
	struct cidr_set set;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(networks); i++)
		assert_int_equal(cidr_parse(slice_of(networks[i]), &all[i]),
				 CIDR_FINE);
	for (size_t n = 0; n <= ARRAY_SIZE(networks); n++) {
		cidr_set_make(&arena, all, n, &set);
		for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
			bool expect = false;
			struct cidr a;

			assert_true(
				cidr_parse_address(slice_of(addresses[i]), &a));
			for (size_t k = 0; k < n; k++)
				expect |= cidr_contains(&all[k], &a);
			assert_int_equal(cidr_set_has(&set, &a), expect);
		}
	}
	arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_a_nul_is_no_end),
		cmocka_unit_test(test_containing),
		cmocka_unit_test(test_a_network_comes_before_its_parts),
		cmocka_unit_test(test_last_address),
		cmocka_unit_test(test_many_networks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
