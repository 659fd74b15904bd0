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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_findings_are_sorted_and_quoted),
		cmocka_unit_test(test_more_than_the_limit_is_counted),
		cmocka_unit_test(test_a_terminal_is_not_given_orders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
