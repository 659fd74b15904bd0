/* test_uri.c - targets, paths and hosts: RFC 9112 3.2 and RFC 3986. */
#include <stdlib.h>

#include "unit.h"

#include "http/h1_write.h"
#include "http/uri.h"

static const struct {
	const char *target;
	enum method method;
	bool good;
	enum uri_form form;
	const char *scheme, *authority, *path, *query, *rest;
} targets[] = {
	{"/", METHOD_GET, true, URI_ORIGIN, "", "", "/", "", "/"},
	{"/a/b?c=d?e", METHOD_GET, true, URI_ORIGIN, "", "", "/a/b", "c=d?e",
	 "/a/b?c=d?e"},
	{"/?", METHOD_GET, true, URI_ORIGIN, "", "", "/", "", "/?"},
	{"//a/b", METHOD_GET, true, URI_ORIGIN, "", "", "//a/b", "", "//a/b"},
	{"/http://a/", METHOD_GET, true, URI_ORIGIN, "", "", "/http://a/", "",
	 "/http://a/"},
	{"http://a:80/b?c", METHOD_GET, true, URI_ABSOLUTE, "http", "a:80",
	 "/b", "c", "/b?c"},
	{"HTTPS://A", METHOD_GET, true, URI_ABSOLUTE, "HTTPS", "A", "/", "",
	 ""},
	{"http://a?b", METHOD_GET, true, URI_ABSOLUTE, "http", "a", "/", "b",
	 "?b"},
	{"http://u@a/", METHOD_GET, true, URI_ABSOLUTE, "http", "u@a", "/", "",
	 "/"},
	{"*", METHOD_OPTIONS, true, URI_ASTERISK, "", "", "*", "", "*"},
	{"http://a", METHOD_OPTIONS, true, URI_ABSOLUTE, "http", "a", "*", "",
	 "*"},
	{"http://a/", METHOD_OPTIONS, true, URI_ABSOLUTE, "http", "a", "/", "",
	 "/"},
	{"", METHOD_GET},
	{"*", METHOD_GET},
	{"*/", METHOD_OPTIONS},
	{"a", METHOD_GET},
	{"a:443", METHOD_CONNECT},
	{"?a", METHOD_GET},
	{"/a#b", METHOD_GET},
	{"/a?b#c", METHOD_GET},
	{"ftp://a/", METHOD_GET},
	{"http:/a/", METHOD_GET},
	{"http:a", METHOD_GET},
	{"http:///a", METHOD_GET},
	{"http://?a", METHOD_GET},
	{"javascript:alert(1)", METHOD_GET},
};

static void test_targets(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		struct uri uri;

		print_message("# %s\n", targets[i].target);
		assert_int_equal(uri_split(slice_of(targets[i].target),
					   targets[i].method, &uri),
				 targets[i].good);
		if (!targets[i].good)
			continue;
		assert_int_equal(uri.form, targets[i].form);
		assert_slice(uri.scheme, targets[i].scheme);
		assert_slice(uri.authority, targets[i].authority);
		assert_slice(uri.path, targets[i].path);
		assert_slice(uri.query, targets[i].query);
		assert_slice(uri.rest, targets[i].rest);
		assert_int_equal(uri.has_query,
				 strchr(targets[i].target, '?') != NULL);
	}
}

static const struct {
	const char *path, *normal;
} paths[] = {
	{"/", "/"},
	{"/a.b/c..d", "/a.b/c..d"},
	{"/a//b", "/a//b"},
	{"/%41%7e%2D%2e_", "/A~-._"},
	{"/%2f%2F", "/%2F%2F"},
	{"/%c3%a9", "/%C3%A9"},
	{"/%3a%3A", "/%3A%3A"},
	{"/%00", "/%00"},
	{"/%2541", "/%2541"},
	{"/%", "/%"},
	{"/%4", "/%4"},
	{"/%zz", "/%zz"},
	{"/.", "/"},
	{"/..", "/"},
	{"/./", "/"},
	{"/../", "/"},
	{"/../..", "/"},
	{"/a/.", "/a/"},
	{"/a/./b", "/a/b"},
	{"/a/..", "/"},
	{"/a/../b", "/b"},
	{"/a/b/../c", "/a/c"},
	{"/a/b/..", "/a/"},
	{"/a/b/../../c", "/c"},
	{"/a/../../../c", "/c"},
	{"/a//../b", "/a/b"},
	{"/a/...", "/a/..."},
	{"/.a", "/.a"},
	{"/..a/b", "/..a/b"},
	{"/a/.b", "/a/.b"},
	{"/admin/%2e%2e/x", "/x"},
	{"/x/%2E./admin", "/admin"},
	{"/x/.%2e/admin", "/admin"},
	{"/x%2f../admin", "/x%2F../admin"},
	{"/%2e", "/"},
	{"/mid/content=5/../6", "/mid/6"},
	{"/\xe9", "/%E9"},
	{"/a\xa0", "/a%A0"},
	{"/\xc3\xa9/../\xff", "/%FF"},
	{"/a b\x01\x7f", "/a%20b%01%7F"},
	{"/a.b\x80", "/a.b%80"},
	{"*", "*"},
};

static void test_paths_that_rules_see(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		struct slice path = slice_of(paths[i].path), out, again;
		size_t size = path.n * URI_ESCAPED;
		char *room = xmalloc(size), other[256];

		print_message("# %s\n", paths[i].path);
		assert_true(uri_normalise(path, room, size, &out));
		assert_slice(out, paths[i].normal);
		assert_true(uri_normalise(out, other, sizeof(other), &again));
		assert_slice(again, paths[i].normal);
		free(room);
	}
}

/* What a target may strip must not hide a path from an exact rule: whatever
 * it is, rules and targets see the same. */
static void regress_rules_see_every_octet_as_it_is_sent(void **state)
{
	(void)state;
	for (unsigned c = 1; c < 256; c++) {
		char text[] = {'/', 'x', (char)c}, rules[9], sent[9];
		struct writer w = writer_make(sent, sizeof(sent));
		struct slice out;

		if (c == '%' || c == '/' || c == '.')
			continue;
		assert_true(uri_normalise(slice_make(text, 3), rules,
					  sizeof(rules), &out));
		writer_target(&w, slice_make(text, 3));
		assert_int_equal(out.n, w.at - sent);
		assert_memory_equal(out.p, sent, out.n);
		for (size_t i = 0; i < out.n; i++)
			assert_true(out.p[i] > 0x20 && out.p[i] < 0x7f);
	}
}

static void test_a_plain_path_is_not_copied(void **state)
{
	struct slice path = SLICE("/a/b.c/d"), out;
	char room[3];

	(void)state;
	assert_true(uri_normalise(path, room, 0, &out));
	assert_ptr_equal(out.p, path.p);
	assert_false(uri_normalise(SLICE("/a/./b"), room, sizeof(room), &out));
}

static const struct {
	const char *value, *name;
	uint16_t port;
} hosts[] = {
	{"example.com", "example.com", 0},
	{"Example.COM:8080", "Example.COM", 8080},
	{"a:", "a", 0},
	{"a:1", "a", 1},
	{"a:65535", "a", 65535},
	{"192.0.2.1:80", "192.0.2.1", 80},
	{"[::1]", "[::1]", 0},
	{"[2001:db8::1]:443", "[2001:db8::1]", 443},
	{"[::ffff:192.0.2.1]:1", "[::ffff:192.0.2.1]", 1},
	{"a_b.c~d", "a_b.c~d", 0},
	{"a%41", "a%41", 0},
	{"", NULL, 0},
	{":80", NULL, 0},
	{"a:0", NULL, 0},
	{"a:65536", NULL, 0},
	{"a:80a", NULL, 0},
	{"a:+80", NULL, 0},
	{"a:80:80", NULL, 0},
	{"a b", NULL, 0},
	{"a/b", NULL, 0},
	{"a?b", NULL, 0},
	{"a#b", NULL, 0},
	{"a\\b", NULL, 0},
	{"a\x01", NULL, 0},
	{"a\x80", NULL, 0},
	{"a%4", NULL, 0},
	{"u@a", NULL, 0},
	{"u:p@a", NULL, 0},
	{"::1", NULL, 0},
	{"[::1", NULL, 0},
	{"[::1]a", NULL, 0},
	{"[]", NULL, 0},
	{"[::1%25eth0]", NULL, 0},
	{"[v1.a]", "[v1.a]", 0},
	{"[vF.a:b!]:80", "[vF.a:b!]", 80},
	{"[V1f.~]", "[V1f.~]", 0},
	{"[v1.]", NULL, 0},
	{"[v.a]", NULL, 0},
	{"[vg.a]", NULL, 0},
	{"[v1]", NULL, 0},
	{"[v1.a/b]", NULL, 0},
	{"[v1.a%41]", NULL, 0},
	{"[1.2.3.4]", NULL, 0},
	{"[:::::::::::::::::::::::::::::::::::::::::::::::::::]", NULL, 0},
};

static void test_hosts(void **state)
{
	char longest[257];
	struct slice name;
	uint16_t port;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
		print_message("# %s\n", hosts[i].value);
		assert_int_equal(
			host_split(slice_of(hosts[i].value), &name, &port),
			hosts[i].name != NULL);
		if (!hosts[i].name)
			continue;
		assert_slice(name, hosts[i].name);
		assert_int_equal(port, hosts[i].port);
	}
	memset(longest, 'a', sizeof(longest));
	assert_true(host_split(slice_make(longest, 255), &name, &port));
	assert_false(host_split(slice_make(longest, 256), &name, &port));
}

static void test_hosts_in_lower_case(void **state)
{
	struct slice name = SLICE("example.com"), out;
	char room[16];

	(void)state;
	assert_true(host_lower(name, room, 0, &out));
	assert_ptr_equal(out.p, name.p);
	assert_true(host_lower(SLICE("ExAmple.[Z"), room, sizeof(room), &out));
	assert_slice(out, "example.[z");
	assert_false(host_lower(SLICE("A"), room, 0, &out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_paths_that_rules_see),
		cmocka_unit_test(regress_rules_see_every_octet_as_it_is_sent),
		cmocka_unit_test(test_a_plain_path_is_not_copied),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_hosts_in_lower_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
