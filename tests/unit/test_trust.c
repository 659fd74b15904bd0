/* test_trust.c - who asks, where proxies in front of us may say so. */
#include "unit.h"

#include "base/arena.h"
#include "base/cidr_set.h"
#include "http/h1_parse.h"
#include "model/trust.h"

static const struct {
	const char *name, *peer, *fields, *client;
} cases[] = {
	{"a stranger", "192.0.2.1:5", "X-Forwarded-For: 203.0.113.9\r\n",
	 "192.0.2.1"},
	{"a proxy that says nothing", "10.0.0.1:5", "", "10.0.0.1"},
	{"a proxy", "10.0.0.1:5", "X-Forwarded-For: 203.0.113.9\r\n",
	 "203.0.113.9"},
	{"two of them", "10.0.0.1:5",
	 "X-Forwarded-For: 203.0.113.9, 10.0.0.2\r\n", "203.0.113.9"},
	{"what the client says itself", "10.0.0.1:5",
	 "X-Forwarded-For: 1.1.1.1, 203.0.113.9, 10.0.0.2\r\n", "203.0.113.9"},
	{"on several lines", "10.0.0.1:5",
	 "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-For: 10.0.0.2\r\n",
	 "203.0.113.9"},
	{"nobody but proxies", "10.0.0.1:5", "X-Forwarded-For: 10.0.0.2\r\n",
	 "10.0.0.1"},
	{"with a port", "10.0.0.1:5", "X-Forwarded-For: 203.0.113.9:80\r\n",
	 "203.0.113.9"},
	{"IPv6", "[2001:db8::1]:5", "X-Forwarded-For: 2001:db9::1\r\n",
	 "2001:db9::1"},
	{"IPv6 in brackets", "[2001:db8::1]:5",
	 "X-Forwarded-For: [2001:db9::1]\r\n", "2001:db9::1"},
	{"IPv6 with a port", "[2001:db8::1]:5",
	 "X-Forwarded-For: [2001:db9::1]:80, [2001:db8::7]:8\r\n",
	 "2001:db9::1"},
	{"IPv4 in IPv6", "[::ffff:10.0.0.1]:5",
	 "X-Forwarded-For: 203.0.113.9\r\n", "203.0.113.9"},
	{"no address ends the search", "10.0.0.1:5",
	 "X-Forwarded-For: 1.1.1.1, unknown\r\n", "10.0.0.1"},
	{"behind it one may stand", "10.0.0.1:5",
	 "X-Forwarded-For: 1.1.1.1, unknown, 203.0.113.9\r\n", "203.0.113.9"},
	{"no path of a socket", "10.0.0.1:5",
	 "X-Forwarded-For: 1.1.1.1, unix:/a\r\n", "10.0.0.1"},
	{"empty ones", "10.0.0.1:5", "X-Forwarded-For: 203.0.113.9,, ,\r\n",
	 "203.0.113.9"},
};

static void test_the_rightmost_that_is_not_trusted(void **state)
{
	static const char *const proxies[] = {"10.0.0.0/8", "2001:db8::/32"};
	struct cidr all[ARRAY_SIZE(proxies)];
	struct arena arena = {0};
	struct cidr_set set;
	struct load_balancer lb = {.trusted = &set};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(proxies); i++)
		assert_int_equal(cidr_parse(slice_of(proxies[i]), &all[i]),
				 CIDR_FINE);
	cidr_set_make(&arena, all, ARRAY_SIZE(all), &set);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *text = arena_printf(
			&arena, "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n",
			cases[i].fields);
		struct field fields[8];
		struct http_head head = {.fields = fields, .max_fields = 8};
		char out[ADDR_TEXT_MAX];
		struct addr peer;
		enum reason why;
		size_t n;

		print_message("# %s\n", cases[i].name);
		assert_int_equal(h1_parse_request(slice_of(text),
						  &h1_request_limits, &head,
						  &why),
				 H1_DONE);
		assert_true(addr_parse(slice_of(cases[i].peer), &peer));
		n = trust_client_address(&lb, &head, &peer, out);
		assert_true(slice_eq(slice_make(out, n),
				     slice_of(cases[i].client)));
		assert_int_equal(trust_peer(&lb, &peer), i > 0);
	}
	arena_release(&arena);
}

static void test_without_a_list_everybody_is_believed(void **state)
{
	static const struct load_balancer lb;
	struct addr peer;

	(void)state;
	assert_true(addr_parse(SLICE("192.0.2.1:5"), &peer));
	assert_true(trust_peer(&lb, &peer));
}

static void test_what_needs_trust(void **state)
{
	(void)state;
	assert_true(trust_is_needed(SLICE("X-Forwarded-Host")));
	assert_true(trust_is_needed(SLICE("x_forwarded-For")));
	assert_true(trust_is_needed(SLICE("FORWARDED")));
	assert_false(trust_is_needed(SLICE("Forwarded-For")));
	assert_false(trust_is_needed(SLICE("X-Forwarded")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_rightmost_that_is_not_trusted),
		cmocka_unit_test(test_without_a_list_everybody_is_believed),
		cmocka_unit_test(test_what_needs_trust),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
