/* test_transform.c - what a transform makes of host and URL. */
#include "unit.h"

#include "base/arena.h"
#include "http/transform.h"

static struct arena arena;
static struct pattern_scratch *scratch;
static struct pattern pattern;
static char room[TRANSFORM_OCTETS_MAX];

static bool compile(struct transform *t, enum transform_kind kind,
		    struct slice regex, struct slice replace, size_t *at)
{
	const char *why;

	*t = (struct transform){
		.kind = kind,
		.regex = regex,
		.replace = replace,
		.pattern = &pattern,
	};
	assert_true(pattern_compile_regex(
		&arena, regex, kind == TRANSFORM_HOST ? PATTERN_FOLD : 0,
		&pattern, &why, at));
	return transform_compile(&arena, t, &why, at);
}

static enum transform_status apply(const struct transform *t, struct slice text,
				   struct slice *out)
{
	enum transform_status status =
		transform_apply(t, text, scratch, room, out);

	pattern_release(&pattern);
	return status;
}

static const struct {
	const char *name;
	enum transform_kind kind;
	const char *regex, *replace, *text;
	enum transform_status status;
	const char *result;
} cases[] = {
	/* AWS: rule transforms, examples. */
	{"host of the manual", TRANSFORM_HOST, "^mywebsite-(.+).com$",
	 "internal.dev.$1.myweb.com", "mywebsite-eu.com", TRANSFORM_SUCCESS,
	 "internal.dev.eu.myweb.com"},
	{"URL of the manual", TRANSFORM_URL, "^/dp/([A-Za-z0-9]+)/?$",
	 "/product.php?id=$1", "/dp/B0/", TRANSFORM_SUCCESS,
	 "/product.php?id=B0"},
	/* Routing 7. */
	{"nothing found", TRANSFORM_URL, "^/v1/", "/", "/v2/a",
	 TRANSFORM_UNCHANGED, NULL},
	{"the first alone", TRANSFORM_URL, "a", "b", "/aa?a", TRANSFORM_SUCCESS,
	 "/ba?a"},
	{"what stands around stays", TRANSFORM_URL, "/v1", "", "/x/v1/y",
	 TRANSFORM_SUCCESS, "/x/y"},
	{"the query is seen", TRANSFORM_URL, "\\?a=(.*)$", "?b=$1", "/p?a=1",
	 TRANSFORM_SUCCESS, "/p?b=1"},
	{"the whole match", TRANSFORM_URL, "^/.*", "/x$0", "/a",
	 TRANSFORM_SUCCESS, "/x/a"},
	{"a dollar", TRANSFORM_URL, "^/a$", "/$$1", "/a", TRANSFORM_SUCCESS,
	 "/$1"},
	{"a group that took no part", TRANSFORM_URL, "^/(a)?(b)", "/[$1$2]",
	 "/b", TRANSFORM_SUCCESS, "/[b]"},
	{"$12 without group 12", TRANSFORM_URL, "^/(.)", "/$12", "/a",
	 TRANSFORM_SUCCESS, "/a2"},
	{"$12 with group 12", TRANSFORM_URL,
	 "^/(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)(k)(l)", "/$12$1$123",
	 "/abcdefghijkl", TRANSFORM_SUCCESS, "/lal3"},
	{"$05 is $0 and 5", TRANSFORM_URL, "^/", "/$05", "/", TRANSFORM_SUCCESS,
	 "//5"},
	{"an empty match", TRANSFORM_URL, "$", "x", "/a", TRANSFORM_SUCCESS,
	 "/ax"},
	{"case matters in URLs", TRANSFORM_URL, "^/A$", "/b", "/a",
	 TRANSFORM_UNCHANGED, NULL},
	{"but not in hosts", TRANSFORM_HOST, "^API\\.", "x.", "api.a",
	 TRANSFORM_SUCCESS, "x.a"},
	{"a port for the host", TRANSFORM_HOST, "^.*$", "a:81", "b",
	 TRANSFORM_SUCCESS, "a:81"},
	{"IPv6", TRANSFORM_HOST, "^.*$", "[::1]:81", "b", TRANSFORM_SUCCESS,
	 "[::1]:81"},
	/* Nothing of this may reach a target. */
	{"empty path", TRANSFORM_URL, "^.*$", "", "/a", TRANSFORM_INVALID_PATH,
	 NULL},
	{"relative path", TRANSFORM_URL, "^/", "", "/a", TRANSFORM_INVALID_PATH,
	 NULL},
	{"a query alone", TRANSFORM_URL, "^/", "", "/?a",
	 TRANSFORM_INVALID_PATH, NULL},
	{"a whole URL", TRANSFORM_URL, "^", "http://a", "/",
	 TRANSFORM_INVALID_PATH, NULL},
	{"space in path", TRANSFORM_URL, "a", " ", "/a", TRANSFORM_INVALID_PATH,
	 NULL},
	{"CR LF in path", TRANSFORM_URL, "a", " HTTP/1.1\r\nx: y", "/a",
	 TRANSFORM_INVALID_PATH, NULL},
	{"UTF-8 in path", TRANSFORM_URL, "a", "\xc3\xa9", "/a",
	 TRANSFORM_INVALID_PATH, NULL},
	{"fragment", TRANSFORM_URL, "a", "#", "/a", TRANSFORM_INVALID_PATH,
	 NULL},
	{"empty host", TRANSFORM_HOST, "^.*$", "", "a", TRANSFORM_INVALID_HOST,
	 NULL},
	{"slash in host", TRANSFORM_HOST, "$", "/", "a", TRANSFORM_INVALID_HOST,
	 NULL},
	{"user in host", TRANSFORM_HOST, "^", "root@", "a",
	 TRANSFORM_INVALID_HOST, NULL},
	{"CR LF in host", TRANSFORM_HOST, "$", "\r\nX: y", "a",
	 TRANSFORM_INVALID_HOST, NULL},
	{"bad port", TRANSFORM_HOST, "$", ":65536", "a", TRANSFORM_INVALID_HOST,
	 NULL},
};

static void test_every_rule(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct transform t;
		struct slice out;
		size_t at;

		print_message("# %s\n", cases[i].name);
		assert_true(compile(&t, cases[i].kind, slice_of(cases[i].regex),
				    slice_of(cases[i].replace), &at));
		assert_int_equal(apply(&t, slice_of(cases[i].text), &out),
				 cases[i].status);
		if (cases[i].result)
			assert_true(slice_eq(out, slice_of(cases[i].result)));
	}
}

static const struct {
	const char *replace;
	size_t at;
} broken[] = {
	{"$", 0},  {"a$", 1},  {"$x", 0},   {"$1$2", 2},
	{"$9", 0}, {"$$$", 2}, {"${1}", 0}, {"/$ 1", 1},
};

static void test_a_dollar_needs_a_group(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		struct transform t;
		size_t at;

		print_message("# %s\n", broken[i].replace);
		assert_false(compile(&t, TRANSFORM_URL, SLICE("(a)"),
				     slice_of(broken[i].replace), &at));
		assert_int_equal(at, broken[i].at);
		pattern_release(&pattern);
	}
}

/* A text of n octets: '/', then a's, then `last`. */
static struct slice long_text(size_t n, const char *last)
{
	char *text = arena_alloc(&arena, n);
	size_t tail = strlen(last);

	memset(text, 'a', n);
	text[0] = '/';
	memcpy(text + n - tail, last, tail);
	return slice_make(text, n);
}

static void test_16_kib_and_no_more(void **state)
{
	static const struct {
		size_t n;
		enum transform_status status;
	} sizes[] = {
		{TRANSFORM_OCTETS_MAX - 1, TRANSFORM_SUCCESS},
		{TRANSFORM_OCTETS_MAX, TRANSFORM_BUFFER_TOO_SMALL},
		{3 * TRANSFORM_OCTETS_MAX, TRANSFORM_BUFFER_TOO_SMALL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct transform t;
		struct slice out;
		size_t at;

		assert_true(compile(&t, TRANSFORM_URL, SLICE("^/"), SLICE("/b"),
				    &at));
		assert_int_equal(apply(&t, long_text(sizes[i].n, ""), &out),
				 sizes[i].status);
	}
}

/* On a path of 16 KiB: what is found there is found, what takes more effort
 * than it may is an error and no other result. */
static void test_effort_on_long_paths(void **state)
{
	static const struct {
		const char *regex, *replace, *last;
		enum transform_status status;
		const char *end;
	} rows[] = {
		{"^/(a*)\\.php$", "/$1", ".php", TRANSFORM_SUCCESS, "aa"},
		{"\\.php$", "", ".php", TRANSFORM_SUCCESS, "aa"},
		{"([a-z]+)\\.php$", "x", ".php", TRANSFORM_SUCCESS, "/x"},
		{"^/.*/(.*)$", "/$1", "/b/c", TRANSFORM_SUCCESS, "/c"},
		{"^/(a|aa)+(b)$", "/$2", "b", TRANSFORM_SUCCESS, "/b"},
		{"^/(a|aa)+c$", "/", "b", TRANSFORM_UNCHANGED, NULL},
		{"^/(a*)*(a*)*c$", "/", "b", TRANSFORM_UNCHANGED, NULL},
		{".*a.*a.*a.*[bc]$", "/", "d", TRANSFORM_UNCHANGED, NULL},
		{"^/(a*)*(a*)*(a*)*[^a]c$", "/", "bc", TRANSFORM_SUCCESS, "/"},
		{"(a|aa)+(b|aab)c", "/", "bbc/aabc", TRANSFORM_REPLACE_ERROR,
		 NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct transform t;
		struct slice out;
		size_t at;

		print_message("# %s\n", rows[i].regex);
		assert_true(compile(&t, TRANSFORM_URL, slice_of(rows[i].regex),
				    slice_of(rows[i].replace), &at));
		assert_int_equal(
			apply(&t, long_text(TRANSFORM_OCTETS_MAX, rows[i].last),
			      &out),
			rows[i].status);
		if (rows[i].end)
			assert_true(
				slice_ends_fold(out, slice_of(rows[i].end)));
	}
}

static int set_up(void **state)
{
	(void)state;
	scratch = pattern_scratch_new();
	return scratch ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	pattern_scratch_free(scratch);
	arena_release(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_rule),
		cmocka_unit_test(test_a_dollar_needs_a_group),
		cmocka_unit_test(test_16_kib_and_no_more),
		cmocka_unit_test(test_effort_on_long_paths),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
