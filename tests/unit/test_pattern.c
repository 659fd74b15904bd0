/* test_pattern.c - ALB's wildcards, and the dialect of regular expressions. */
#include <stdlib.h>

#include "unit.h"

#include "base/arena.h"
#include "http/pattern.h"

enum { FOLD = PATTERN_FOLD, ESC = PATTERN_ESCAPES };

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define Q64 "????????????????????????????????????????????????????????????????"

static const struct {
	const char *pattern;
	unsigned flags;
	const char *text;
	bool matches;
	enum pattern_kind kind;
} cases[] = {
	{"", 0, "", true, PATTERN_LITERAL},
	{"", 0, "a", false, PATTERN_LITERAL},
	{"a.b", 0, "a.b", true, PATTERN_LITERAL},
	{"a.b", 0, "axb", false, PATTERN_LITERAL},
	{"a", 0, "A", false, PATTERN_LITERAL},
	{"aB", FOLD, "Ab", true, PATTERN_LITERAL},
	{"*", 0, "", true, PATTERN_PREFIX},
	{"*", 0, "a/b", true, PATTERN_PREFIX},
	{"/img/*", 0, "/img/", true, PATTERN_PREFIX},
	{"/img/*", 0, "/img/a/b", true, PATTERN_PREFIX},
	{"/img/*", 0, "/img", false, PATTERN_PREFIX},
	{"/IMG/*", FOLD, "/img/A", true, PATTERN_PREFIX},
	{"*.example.com", 0, "test.example.com", true, PATTERN_SUFFIX},
	{"*.example.com", 0, "example.com", false, PATTERN_SUFFIX},
	{"*.example.com", FOLD, "a.EXAMPLE.com", true, PATTERN_SUFFIX},
	{"*.com", 0, "com", false, PATTERN_SUFFIX},
	{"/img/*/pics", 0, "/img/a/b/pics", true, PATTERN_WILDCARD},
	{"/img/*/pics", 0, "/img/pics", false, PATTERN_WILDCARD},
	{"/img/*/pics", 0, "/img//pics", true, PATTERN_WILDCARD},
	{"/img/*/pics", 0, "/img/a/pics/x", false, PATTERN_WILDCARD},
	{"?", 0, "a", true, PATTERN_WILDCARD},
	{"?", 0, "", false, PATTERN_WILDCARD},
	{"?", 0, "ab", false, PATTERN_WILDCARD},
	{"?", 0, "\xff", true, PATTERN_WILDCARD},
	{"a?c", FOLD, "AbC", true, PATTERN_WILDCARD},
	{"**", 0, "", true, PATTERN_WILDCARD},
	{"*a*", 0, "bab", true, PATTERN_WILDCARD},
	{"*a*", 0, "bbb", false, PATTERN_WILDCARD},
	{"*?", 0, "", false, PATTERN_WILDCARD},
	{"*ab*ab", 0, "abab", true, PATTERN_WILDCARD},
	{"*ab*ab", 0, "ab", false, PATTERN_WILDCARD},
	{"a*b*c", 0, "abbbc", true, PATTERN_WILDCARD},
	{"a*b*c", 0, "acb", false, PATTERN_WILDCARD},
	{"*z?z*", FOLD, "aZ-zb", true, PATTERN_WILDCARD},

	{"\\*", 0, "\\", true, PATTERN_PREFIX},
	{"\\*", ESC, "*", true, PATTERN_LITERAL},
	{"\\*", ESC, "a", false, PATTERN_LITERAL},
	{"\\?", ESC, "?", true, PATTERN_LITERAL},
	{"\\\\*", ESC, "\\abc", true, PATTERN_PREFIX},
	{"a\\b", ESC, "a\\b", true, PATTERN_LITERAL},
	{"a\\", ESC, "a\\", true, PATTERN_LITERAL},
	{"?\\**", ESC, "a*b", true, PATTERN_WILDCARD},
	{"?\\**", ESC, "ab*", false, PATTERN_WILDCARD},

	/* One word of the automaton and more, and just between. */
	{"*" A64, 0, "b" A64, true, PATTERN_SUFFIX},
	{"*a" A64 "*", 0, "b" A64 "ab", true, PATTERN_WILDCARD},
	{"*a" A64 "*", 0, A64, false, PATTERN_WILDCARD},
	{Q64, 0, A64, true, PATTERN_WILDCARD},
	{Q64, 0, A64 "a", false, PATTERN_WILDCARD},
	{Q64 "*" Q64, 0, A64 "b" A64, true, PATTERN_WILDCARD},
	{Q64 "*b" Q64, 0, A64 "b" A64, true, PATTERN_WILDCARD},
	{Q64 "*b" Q64, 0, A64 A64 "b", false, PATTERN_WILDCARD},
};

static void test_wildcards(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct arena arena = {0};
		struct pattern p;

		print_message("# %s on %s\n", cases[i].pattern, cases[i].text);
		assert_true(pattern_compile(&arena, slice_of(cases[i].pattern),
					    cases[i].flags, &p));
		assert_int_equal(p.kind, cases[i].kind);
		assert_int_equal(
			pattern_match(&p, slice_of(cases[i].text), NULL),
			cases[i].matches);
		pattern_release(&p);
		arena_release(&arena);
	}
}

static void test_every_octet_can_be_in_a_pattern(void **state)
{
	struct arena arena = {0};
	struct pattern p;
	char text[2 * 256 + 1];
	size_t n = 0;

	(void)state;
	for (int twice = 0; twice < 2; twice++)
		for (int c = 0; c < 256; c++)
			if (c != '*' && c != '?')
				text[n++] = (char)c;
	text[n] = '*';
	text[n + 1] = '?';
	assert_true(pattern_compile(&arena, slice_make(text, n + 2), 0, &p));
	assert_int_equal(p.n_wildcards, 2);
	assert_int_equal(p.kind, PATTERN_WILDCARD);
	assert_int_equal(pattern_match(&p, slice_make(text, n + 1), NULL),
			 PATTERN_YES);
	assert_int_equal(pattern_match(&p, slice_make(text, n), NULL),
			 PATTERN_NO);
	text[n - 1] ^= 1;
	assert_int_equal(pattern_match(&p, slice_make(text, n + 1), NULL),
			 PATTERN_NO);
	arena_release(&arena);
}

static void test_a_pattern_has_a_longest_length(void **state)
{
	struct arena arena = {0};
	struct pattern p;
	char text[PATTERN_OCTETS_MAX + 1];

	(void)state;
	memset(text, '?', sizeof(text));
	assert_true(pattern_compile(
		&arena, slice_make(text, PATTERN_OCTETS_MAX), 0, &p));
	assert_int_equal(
		pattern_match(&p, slice_make(text, PATTERN_OCTETS_MAX), NULL),
		PATTERN_YES);
	assert_false(
		pattern_compile(&arena, slice_make(text, sizeof(text)), 0, &p));
	arena_release(&arena);
}

static const struct {
	const char *regex;
	unsigned flags;
	const char *text;
	bool matches;
} regexes[] = {
	{"^/v[0-9]+/users", 0, "/v12/users/7", true},
	{"^/v[0-9]+/users", 0, "/vx/users", false},
	{"users$", 0, "/v1/users", true},
	{"users$", 0, "/v1/users\n", false},
	{"b+", 0, "abc", true},
	{"ABC", 0, "abc", false},
	{"ABC", FOLD, "abc", true},
	{"(?i)ABC", 0, "abc", true},
	{"(?:a|b)(c)", 0, "bc", true},
	{"(?<name>a)", 0, "a", true},
	{"(?P<name>a)", 0, "a", true},
	{"a*?b", 0, "aab", true},
	{"a{2,3}?b", 0, "aab", true},
	{"[]a]", 0, "]", true},
	{"[^]a]", 0, "]", false},
	{"[[:alpha:]+]", 0, "+", true},
	{"[*+?]+", 0, "+", true},
	{"[(?=]", 0, "=", true},
	{"\\(\\?=", 0, "(?=", true},
	{"\\*+", 0, "**", true},
	{"\\Q(?=*+\\E", 0, "(?=*+", true},
	{"a\\.b", 0, "a.b", true},
	{"\\x41\\d\\w", 0, "A1b", true},
	{"a+\\+", 0, "aa+", true},
	{"", 0, "", true},
	{"^.$", 0, "\xff", true},
};

static void test_regexes(void **state)
{
	struct pattern_scratch *scratch = pattern_scratch_new();

	(void)state;
	assert_non_null(scratch);
	for (size_t i = 0; i < ARRAY_SIZE(regexes); i++) {
		struct arena arena = {0};
		struct pattern p;
		const char *why = NULL;
		size_t at;

		print_message("# %s on %s\n", regexes[i].regex,
			      regexes[i].text);
		assert_true(pattern_compile_regex(
			&arena, slice_of(regexes[i].regex), regexes[i].flags,
			&p, &why, &at));
		assert_null(why);
		assert_int_equal(
			pattern_match(&p, slice_of(regexes[i].text), scratch),
			regexes[i].matches);
		pattern_release(&p);
		arena_release(&arena);
	}
	pattern_scratch_free(scratch);
}

static const struct {
	const char *regex;
	size_t at;
	const char *why; /* how the sentence begins */
} refused[] = {
	{"a(?=b)", 1, "look-ahead"},
	{"a(?!b)", 1, "look-ahead"},
	{"(?<=a)b", 0, "look-behind"},
	{"(?<!a)b", 0, "look-behind"},
	{"(?<*a)b", 0, "look-behind"},
	{"(?*a)b", 0, "look-around"},
	{"(a)\\1", 3, "back-references"},
	{"(?<n>a)\\k<n>", 7, "back-references"},
	{"(?P<n>a)(?P=n)", 8, "back-references"},
	{"(a)\\g1", 3, "back-references"},
	{"(a)\\g{-1}", 3, "back-references"},
	{"(?>a)", 0, "atomic"},
	{"a*+", 1, "possessive"},
	{"a++", 1, "possessive"},
	{"a?+", 1, "possessive"},
	{"a{2}+", 1, "possessive"},
	{"a{2,}+", 1, "possessive"},
	{"[a]*+", 3, "possessive"},
	{"(a)(?1)", 3, "subroutines"},
	{"(a)(?-1)", 3, "subroutines"},
	{"(?+1)(a)", 0, "subroutines"},
	{"(?&n)", 0, "subroutines"},
	{"(?P>n)", 0, "subroutines"},
	{"(?R)", 0, "subroutines"},
	{"(?0)", 0, "subroutines"},
	{"\\p{L}", 0, "Unicode"},
	{"\\PL", 0, "Unicode"},
	{"[a\\p{L}]", 2, "Unicode"},
	{"[[:alpha:]\\p{L}]", 10, "Unicode"},
	{"(*UTF)a", 0, "verbs"},
	{"(*pla:a)", 0, "verbs"},
	{"(?(1)a|b)", 0, "conditional"},
	{"(?|a|b)", 0, "branch"},
	{"(?C1)a", 0, "callouts"},
	{"(?#a)", 0, "comments"},
	{"(?x)a* +", 0, "only the flags"},
	{"(?i-x:a)", 0, "only the flags"},
	{"a\\K", 1, "\\K"},
	{"\\Qa\\Eb\\E", 6, "\\E"},
	{"\\R", 0, "\\C"},
	{"a\\", 1, "a backslash"},
	{"[a", 0, "a class"},
	{"[a\\", 2, "a backslash"},
	{"(a", 2, "missing closing parenthesis"},
	{"*", 0, "quantifier"},
	{"a)", 1, "unmatched"},
	{"(?i", 0, "a group"},
};

static void test_what_no_linear_engine_can_do_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct arena arena = {0};
		struct pattern p;
		const char *why = NULL;
		size_t at = 99;

		print_message("# %s\n", refused[i].regex);
		assert_false(pattern_compile_regex(
			&arena, slice_of(refused[i].regex), 0, &p, &why, &at));
		assert_non_null(why);
		print_message("  %s\n", why);
		assert_true(
			slice_starts(slice_of(why), slice_of(refused[i].why)));
		assert_int_equal(at, refused[i].at);
		pattern_release(&p);
		arena_release(&arena);
	}
}

/* Compiles, matches `n` times "a" and `last`, and frees. */
static enum pattern_result match_run(struct pattern_scratch *scratch,
				     const char *regex, size_t n,
				     const char *last)
{
	struct arena arena = {0};
	struct pattern p;
	const char *why;
	size_t at, more = strlen(last);
	char *text = xmalloc(n + more);
	enum pattern_result result;

	memset(text, 'a', n);
	memcpy(text + n, last, more);
	assert_true(pattern_compile_regex(&arena, slice_of(regex), 0, &p, &why,
					  &at));
	result = pattern_match(&p, slice_make(text, n + more), scratch);
	pattern_release(&p);
	arena_release(&arena);
	free(text);
	return result;
}

static void test_effort_is_bounded(void **state)
{
	static const size_t lengths[] = {40, 4096, 16384, 65536};
	struct pattern_scratch *scratch = pattern_scratch_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++)
		assert_int_equal(match_run(scratch, "(a{1,100}){1,100}[bc]$",
					   lengths[i], ""),
				 PATTERN_GAVE_UP);
	pattern_scratch_free(scratch);
}

/* Where going back takes too long, or the text is too long for it. */
static void regress_regexes_decide_for_every_length(void **state)
{
	static const struct {
		const char *regex, *last;
		enum pattern_result result;
	} runs[] = {
		{"^a", "", PATTERN_YES},
		{"^(?:[a-z]|-)+$", "", PATTERN_YES},
		{"^(?:[a-z]|-)+$", "A", PATTERN_NO},
		{"a*a*a*[bc]", "", PATTERN_NO},
		{"a*a*a*[bc]", "b", PATTERN_YES},
		{"^.*a*a*[bc]", "", PATTERN_NO},
		{"^.*a*a*[bc]", "c", PATTERN_YES},
		{"(a|aa)+[bc]$", "bb", PATTERN_NO},
		{"(a|aa)+[bc]$", "b", PATTERN_YES},
		{".*a.*a.*[bc]", "", PATTERN_NO},
		{"b$", "\nb", PATTERN_YES},
		{"^b", "\nb", PATTERN_NO},
		{"(?m)^b", "\nb", PATTERN_YES},
		{"\\bb", "-b", PATTERN_YES},
		{"\\Q.*", ".*", PATTERN_YES},
		{"\\Q.*", "", PATTERN_NO},
		{"x|b", "b", PATTERN_YES},
		{"(?i)B", "b", PATTERN_YES},
	};
	static const size_t lengths[] = {100, 4096, 16384, 65536};
	struct pattern_scratch *scratch = pattern_scratch_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++)
		for (size_t k = 0; k < ARRAY_SIZE(lengths); k++) {
			print_message("# %s, %zu octets\n", runs[i].regex,
				      lengths[k]);
			assert_int_equal(match_run(scratch, runs[i].regex,
						   lengths[k], runs[i].last),
					 runs[i].result);
		}
	pattern_scratch_free(scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wildcards),
		cmocka_unit_test(test_every_octet_can_be_in_a_pattern),
		cmocka_unit_test(test_a_pattern_has_a_longest_length),
		cmocka_unit_test(test_regexes),
		cmocka_unit_test(test_what_no_linear_engine_can_do_is_refused),
		cmocka_unit_test(test_effort_is_bounded),
		cmocka_unit_test(regress_regexes_decide_for_every_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
