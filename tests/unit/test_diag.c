/* test_diag.c - findings come in the order of the file, with a caret. */
#include "base/diag.h"

#include <stdlib.h>

#include "unit.h"

static void test_findings_are_sorted_and_quoted(void **state)
{
	struct diag d = {0};
	struct place late = {"weir.yaml", 3, 5, 3};
	struct place early = {"weir.yaml", 1, 1, 1};
	char *text;

	(void)state;
	diag_add_source(&d, "weir.yaml", SLICE("one\ntwo\n\twbe: 1\n"));
	diag_error(&d, &late, "did you mean \"web\"?", "no group \"%s\"",
		   "wbe");
	diag_warning(&d, &early, NULL, "first");
	text = diag_to_text(&d);
	assert_string_equal(text, "weir.yaml:1:1: warning: first\n"
				  "    1 | one\n"
				  "      | ^\n"
				  "weir.yaml:3:5: error: no group \"wbe\"\n"
				  "    3 | \twbe: 1\n"
				  "      | \t   ^~~ did you mean \"web\"?\n");
	assert_int_equal(d.n_errors, 1);
	assert_int_equal(d.n_warnings, 1);
	free(text);
	diag_release(&d);
}

static void test_more_than_the_limit_is_counted(void **state)
{
	struct diag d = {0};

	(void)state;
	for (int i = 0; i < DIAG_FINDINGS_MAX + 5; i++)
		diag_error(&d, NULL, NULL, "again");
	assert_int_equal(d.n_findings, DIAG_FINDINGS_MAX);
	assert_int_equal(d.n_errors, DIAG_FINDINGS_MAX + 5);
	diag_release(&d);
}

static void test_a_terminal_is_not_given_orders(void **state)
{
	struct diag d = {0};
	char *text;

	(void)state;
	diag_error(&d, NULL, NULL, "no group \"%s\"", "a\033[2J\nb\177");
	text = diag_to_text(&d);
	assert_string_equal(text, "error: no group \"a?[2J?b?\"\n");
	free(text);
	diag_release(&d);
}

/* A thousand findings in a line of a megabyte are not a gigabyte of text. */
static void regress_a_long_line_is_quoted_in_part(void **state)
{
	struct diag d = {0};
	struct place place = {"a.json", 1, 50001, 3};
	char *line = xmalloc(100001), *text;

	(void)state;
	memset(line, '.', 100000);
	memset(line + 50000, '!', 3);
	line[100000] = '\0';
	diag_add_source(&d, "a.json", slice_of(line));
	diag_error(&d, &place, "here", "loud");
	text = diag_to_text(&d);
	assert_true(strlen(text) < 500);
	assert_non_null(strstr(text, "a.json:1:50001: error: loud\n"));
	/* The caret stands under what is meant. */
	assert_int_equal(strstr(text, "!!!") - strstr(text, "    1 | "),
			 strstr(text, "^~~ here") - strstr(text, "      | "));
	free(text);
	free(line);
	diag_release(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_findings_are_sorted_and_quoted),
		cmocka_unit_test(test_more_than_the_limit_is_counted),
		cmocka_unit_test(test_a_terminal_is_not_given_orders),
		cmocka_unit_test(regress_a_long_line_is_quoted_in_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
