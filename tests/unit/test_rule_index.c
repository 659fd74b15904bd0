/* test_rule_index.c - the index finds what reading the rules in order does.
 *
 * The values are few and alike, so that random rules overlap, repeat each
 * other and differ in one octet; the requests are made of the same pieces.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "http/head.h"
#include "http/pattern.h"
#include "model/rule_index.h"

static struct pattern_scratch *scratch;

static int setup(void **state)
{
	(void)state;
	scratch = pattern_scratch_new();
	return scratch ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	pattern_scratch_free(scratch);
	return 0;
}

/* -- making rules ---------------------------------------------------------- */

static void condition_init(struct arena *arena, struct condition *c,
			   enum condition_kind kind, size_t n_values)
{
	c->kind = kind;
	c->values = ARENA_ARRAY(arena, n_values, struct slice);
	c->patterns = ARENA_ARRAY(arena, n_values, const struct pattern *);
	c->n_values = n_values;
}

static void condition_set(struct arena *arena, struct condition *c, size_t i,
			  const char *value)
{
	struct pattern *p = ARENA_NEW(arena, struct pattern);
	unsigned flags = c->kind == CONDITION_HOST_HEADER ? PATTERN_FOLD : 0;
	const char *why = NULL;
	size_t at;

	c->values[i] = arena_slice(arena, slice_of(value));
	c->patterns[i] = p;
	if (c->is_regex)
		assert_true(pattern_compile_regex(arena, c->values[i], flags, p,
						  &why, &at));
	else
		pattern_compile(arena, c->values[i], flags, p);
}

static void rules_release(struct rule *rules, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < rules[i].n_conditions; j++) {
			struct condition *c = &rules[i].conditions[j];

			for (size_t k = 0; c->is_regex && k < c->n_values; k++)
				pattern_release((struct pattern *)(uintptr_t)
							c->patterns[k]);
		}
}

/* One rule: a host, a path, or both; NULL: no such condition. */
static void rule_init(struct arena *arena, struct rule *rule, const char *host,
		      const char *path)
{
	rule->conditions = ARENA_ARRAY(arena, 2, struct condition);
	if (host) {
		struct condition *c = &rule->conditions[rule->n_conditions++];

		condition_init(arena, c, CONDITION_HOST_HEADER, 1);
		condition_set(arena, c, 0, host);
	}
	if (path) {
		struct condition *c = &rule->conditions[rule->n_conditions++];

		condition_init(arena, c, CONDITION_PATH_PATTERN, 1);
		condition_set(arena, c, 0, path);
	}
}

/* -- rows ------------------------------------------------------------------ */

/* clang-format off */
static const struct {
	const char *name;
	const char *rules[4][2]; /* host and path */
	const char *host, *path;
	int expect; /* -1: none */
} rows[] = {
	{"no rule", {{0}}, "a.com", "/", -1},
	{"host", {{"a.com", 0}}, "a.com", "/", 0},
	{"host as written in capitals", {{"A.Com", 0}}, "a.com", "/", 0},
	{"path knows case", {{0, "/A"}}, "a.com", "/a", -1},
	{"the first one wins", {{0, "/*"}, {"a.com", "/x"}}, "a.com", "/x", 0},
	{"a better one elsewhere", {{"b.com", 0}, {"*.com", "/x"}, {"a.com", 0}},
	 "a.com", "/x", 1},
	{"both conditions", {{"a.com", "/x"}, {"a.com", "/y"}}, "a.com", "/y",
	 1},
	{"a star wants its dot", {{"*.a.com", 0}}, "a.com", "/", -1},
	{"a star takes several labels", {{"*.a.com", 0}}, "x.y.a.com", "/", 0},
	{"a star crosses slashes", {{0, "/img/*/pics"}}, "a", "/img/1/2/pics",
	 0},
	{"a prefix wants its slash", {{0, "/p/*"}}, "a", "/p", -1},
	{"a prefix may be all", {{0, "/p/*"}}, "a", "/p/", 0},
	{"a question mark is one character", {{0, "/?"}}, "a", "/", -1},
	{"everything", {{"*", "*"}}, "", "/", 0},
	{"an empty host", {{"a.com", 0}, {"*", "/"}}, "", "/", 1},
};
/* clang-format on */

static void test_every_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct route_input in = {slice_of(rows[i].host),
					 slice_of(rows[i].path)};
		struct arena arena = {0};
		struct rule rules[4] = {{0}};
		const struct rule *got;
		bool gave_up;
		size_t n = 0;

		print_message("# %s\n", rows[i].name);
		while (n < 4 && (rows[i].rules[n][0] || rows[i].rules[n][1])) {
			rule_init(&arena, &rules[n], rows[i].rules[n][0],
				  rows[i].rules[n][1]);
			n++;
		}
		got = rule_index_find(rule_index_build(&arena, rules, n), &in,
				      scratch, &gave_up);
		assert_false(gave_up);
		assert_int_equal(got ? got - rules : -1, rows[i].expect);
		arena_release(&arena);
	}
}

/* -- the property ---------------------------------------------------------- */

static uint64_t seed = 0x9e3779b97f4a7c15u;

static size_t below(size_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (size_t)(seed % n);
}

static const char *const host_values[] = {
	"a.com",   "b.com",    "A.com",   "a.b.com",  "*.com",
	"*.b.com", "*com",     "*b.com",  "a.*",      "a*",
	"?.com",   "??.com",   "*",       "**",       "*a*.com",
	"*.*",     "a*b.com",  "c.b.?om", "",         "*.a.b.com",
	"*c.com",  "AB.*.com", "AB.B.*m", "?b.b.com", "ab.?b.*",
};
static const char *const path_values[] = {
	"/",      "/a",  "/b",     "/A",         "/a/",     "/a/b",
	"/a/*",   "/a*", "/a/b/*", "/*",         "*",       "*.js",
	"*/b",    "*b",  "/?",     "/??",        "/a/?",    "/*/b",
	"/*b*/c", "**",  "/a/**",  "/b.js",      "",        "/ab/*",
	"/b/*",   "/b*", "/a/*/b", "/a?b/*b.js", "*/?/a/b",
};
static const char *const host_regexes[] = {"^a", "b\\.com$", "^[ab]\\.com$",
					   "c"};
static const char *const path_regexes[] = {"^/a/[a-b]+$", "b$", "^/a", "\\.js"};
static const char *const methods[] = {"GET", "PUT", "LOCK"};
static const char *const host_pieces[] = {"a", "b", "ab", "com", "c"};
static const char *const path_pieces[] = {"/", "a", "b", "/a", "/b", ".js"};

static const char *any_of(const char *const *list, size_t n)
{
	return list[below(n)];
}

static const char *any_value(const struct condition *c)
{
	bool host = c->kind == CONDITION_HOST_HEADER;

	if (c->is_regex)
		return host ? any_of(host_regexes, ARRAY_SIZE(host_regexes))
			    : any_of(path_regexes, ARRAY_SIZE(path_regexes));
	return host ? any_of(host_values, ARRAY_SIZE(host_values))
		    : any_of(path_values, ARRAY_SIZE(path_values));
}

/* Mostly as AWS allows it; sometimes more conditions, or so many values that
 * their pairs are not all indexed. */
static void random_rule(struct arena *arena, struct rule *rule)
{
	size_t n = below(10) ? 1 + below(2) : below(5);
	bool many = below(20) == 0;

	rule->conditions = ARENA_ARRAY(arena, n, struct condition);
	rule->n_conditions = n;
	for (size_t i = 0; i < n; i++) {
		struct condition *c = &rule->conditions[i];
		enum condition_kind kind = below(2) ? CONDITION_HOST_HEADER
						    : CONDITION_PATH_PATTERN;
		size_t n_values = many ? 18 : 1 + below(3);

		if (below(4) == 0) {
			condition_init(arena, c, CONDITION_HTTP_REQUEST_METHOD,
				       1);
			c->values[0] = slice_of(any_of(methods, 3));
			continue;
		}
		condition_init(arena, c, kind, n_values);
		c->is_regex = below(8) == 0;
		for (size_t v = 0; v < n_values; v++)
			condition_set(arena, c, v, any_value(c));
	}
}

static struct slice random_text(char *room, size_t size, bool host)
{
	size_t n = 0, pieces = below(5);

	while (pieces--) {
		const char *piece =
			host ? any_of(host_pieces, ARRAY_SIZE(host_pieces))
			     : any_of(path_pieces, ARRAY_SIZE(path_pieces));
		const char *dot = host && pieces ? "." : "";

		n += (size_t)snprintf(room + n, size - n, "%s%s", piece, dot);
	}
	return slice_make(room, n);
}

static const struct rule *first_met(const struct rule *rules, size_t n,
				    const struct route_input *in)
{
	for (size_t i = 0; i < n; i++)
		if (rule_is_met(&rules[i], in, scratch) == PATTERN_YES)
			return &rules[i];
	return NULL;
}

static void test_the_index_agrees_with_reading_in_order(void **state)
{
	enum { SETS = 3000, RULES = 60, REQUESTS = 40 };
	unsigned found = 0;

	(void)state;
	for (unsigned set = 0; set < SETS; set++) {
		struct arena arena = {0};
		struct rule rules[RULES] = {{0}};
		size_t n = below(below(2) ? 8 : RULES);
		struct rule_index *index;

		for (size_t i = 0; i < n; i++)
			random_rule(&arena, &rules[i]);
		index = rule_index_build(&arena, rules, n);
		for (unsigned r = 0; r < REQUESTS; r++) {
			char host[64], path[64];
			const struct http_head head = {
				.method = slice_of(any_of(methods, 3))};
			const struct route_input in = {
				random_text(host, sizeof(host), true),
				random_text(path, sizeof(path), false),
				.head = &head};
			const struct rule *right = first_met(rules, n, &in);
			bool gave_up;

			assert_ptr_equal(
				rule_index_find(index, &in, scratch, &gave_up),
				right);
			assert_false(gave_up);
			found += right != NULL;
		}
		rules_release(rules, n);
		arena_release(&arena);
	}
	/* The requests are about the rules, and not all met by the first. */
	assert_in_range(found, SETS * REQUESTS / 4, SETS * REQUESTS - 1);
}

static void test_each_of_ten_thousand_is_found(void **state)
{
	enum { N = 10000 };
	struct arena arena = {0};
	struct rule *rules = ARENA_ARRAY(&arena, N, struct rule);
	struct rule_index *index;
	char host[64], path[64];
	bool gave_up;

	(void)state;
	for (unsigned i = 0; i < N; i++) {
		snprintf(host, sizeof(host), "h%u.example.com", i / 4);
		snprintf(path, sizeof(path), i % 4 == 3 ? "/*" : "/p%u/*", i);
		rule_init(&arena, &rules[i], host, path);
	}
	index = rule_index_build(&arena, rules, N);
	for (unsigned i = 0; i < N; i++) {
		struct route_input in = {.host = slice_make(host, 0)};

		in.host.n = (size_t)snprintf(host, sizeof(host),
					     "h%u.example.com", i / 4);
		in.path.p = path;
		in.path.n = (size_t)snprintf(path, sizeof(path), "/p%u/x", i);
		assert_ptr_equal(rule_index_find(index, &in, scratch, &gave_up),
				 &rules[i]);
	}
	arena_release(&arena);
}

/* -- effort ---------------------------------------------------------------- */

/* Too much for either matcher on a text of forty times "a". */
#define HARD "(a{1,100}){1,100}[bc]$"

/* One rule: regular expressions for host and path; NULL: no such condition. A
 * value that begins with "=" is a plain one. */
static void hard_rule_init(struct arena *arena, struct rule *rule,
			   const char *host, const char *path)
{
	const char *values[] = {host, path};

	rule->conditions = ARENA_ARRAY(arena, 2, struct condition);
	for (unsigned kind = 0; kind < 2; kind++) {
		struct condition *c = &rule->conditions[rule->n_conditions];
		const char *value = values[kind];

		if (!value)
			continue;
		rule->n_conditions++;
		condition_init(arena, c, (enum condition_kind)kind, 1);
		c->is_regex = *value != '=';
		condition_set(arena, c, 0, value + !c->is_regex);
	}
}

/* clang-format off */
static const struct {
	const char *name;
	const char *rules[4][2]; /* host and path */
	int expect;              /* -1: none */
	bool gave_up;
} hard_rows[] = {
	{"a path", {{0, HARD}, {0, "=*"}}, 0, true},
	{"a host", {{HARD, 0}, {0, "=*"}}, 0, true},
	{"a host with a path that is met", {{HARD, "=*"}, {0, "=*"}}, 0, true},
	{"a host with a path that is not", {{HARD, "=/x"}, {0, "=*"}}, 1, false},
	{"a path with a host that is not", {{"=x", HARD}, {0, "=*"}}, 1, false},
	{"both", {{HARD, HARD}}, 0, true},
	{"behind the rule that is met", {{0, "=*"}, {0, HARD}}, 0, false},
	{"nothing else", {{0, "=/x"}, {0, HARD}}, 1, true},
	{"the first of two", {{"=x", 0}, {0, HARD}, {HARD, 0}}, 1, true},
	{"a plain one before it", {{HARD, "=/x"}, {"=*", "^a"}, {HARD, 0}}, 1,
	 false},
};
/* clang-format on */

static void regress_no_rule_decides_behind_one_that_gave_up(void **state)
{
	static const char text[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	const struct route_input in = {slice_of(text), slice_of(text)};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hard_rows); i++) {
		struct arena arena = {0};
		struct rule rules[4] = {{0}};
		const struct rule *got;
		bool gave_up = false;
		size_t n = 0;

		print_message("# %s\n", hard_rows[i].name);
		for (; n < 4 &&
		       (hard_rows[i].rules[n][0] || hard_rows[i].rules[n][1]);
		     n++)
			hard_rule_init(&arena, &rules[n],
				       hard_rows[i].rules[n][0],
				       hard_rows[i].rules[n][1]);
		got = rule_index_find(rule_index_build(&arena, rules, n), &in,
				      scratch, &gave_up);
		assert_int_equal(got ? got - rules : -1, hard_rows[i].expect);
		assert_int_equal(gave_up, hard_rows[i].gave_up);
		rules_release(rules, n);
		arena_release(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_row),
		cmocka_unit_test(test_the_index_agrees_with_reading_in_order),
		cmocka_unit_test(test_each_of_ten_thousand_is_found),
		cmocka_unit_test(
			regress_no_rule_decides_behind_one_that_gave_up),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
