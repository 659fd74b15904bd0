/* test_health.c - rows of results, one letter each, and where they lead.
 *
 *	+ a code that matches    c TCP connected
 *	- a code that does not   t timeout   b broken   i our own fault
 */
#include "unit.h"

#include "balance/health.h"

static struct code_range only_200[] = {{200, 200}};

static const struct health_check check = {
	.rise = 3,
	.fall = 2,
	.matcher = only_200,
	.n_matcher = 1,
};

/* clang-format off */
static const struct {
	const char *name;
	enum health from;
	const char *results;
	enum health to;
	enum health_reason reason;
	unsigned changes;
} rows[] = {
	{"one success makes a new target healthy", HEALTH_INITIAL, "+",
	 HEALTH_HEALTHY, HEALTH_NO_REASON, 1},
	{"a connect is a success", HEALTH_INITIAL, "c",
	 HEALTH_HEALTHY, HEALTH_NO_REASON, 1},
	{"one failure leaves a new target new", HEALTH_INITIAL, "-",
	 HEALTH_INITIAL, HEALTH_INITIAL_CHECKING, 0},
	{"a failure first, then one success", HEALTH_INITIAL, "-+",
	 HEALTH_HEALTHY, HEALTH_NO_REASON, 1},
	{"failures make a new target unhealthy", HEALTH_INITIAL, "--",
	 HEALTH_UNHEALTHY, HEALTH_CODE_MISMATCH, 1},
	{"fewer failures than fall", HEALTH_HEALTHY, "-",
	 HEALTH_HEALTHY, HEALTH_NO_REASON, 0},
	{"failures that are not in a row", HEALTH_HEALTHY, "-+-+-+",
	 HEALTH_HEALTHY, HEALTH_NO_REASON, 0},
	{"failures in a row", HEALTH_HEALTHY, "+--",
	 HEALTH_UNHEALTHY, HEALTH_CODE_MISMATCH, 1},
	{"failures of different kinds count together", HEALTH_HEALTHY, "tb",
	 HEALTH_UNHEALTHY, HEALTH_FAILED_CHECKS, 1},
	{"the last failure says why", HEALTH_HEALTHY, "bt",
	 HEALTH_UNHEALTHY, HEALTH_TIMEOUT, 1},
	{"the reason moves on", HEALTH_HEALTHY, "--t",
	 HEALTH_UNHEALTHY, HEALTH_TIMEOUT, 1},
	{"fewer successes than rise", HEALTH_UNHEALTHY, "++",
	 HEALTH_UNHEALTHY, HEALTH_NO_REASON, 0},
	{"successes that are not in a row", HEALTH_UNHEALTHY, "++-++",
	 HEALTH_UNHEALTHY, HEALTH_CODE_MISMATCH, 0},
	{"successes in a row", HEALTH_UNHEALTHY, "-+++",
	 HEALTH_HEALTHY, HEALTH_NO_REASON, 1},
	{"there and back", HEALTH_INITIAL, "+--+++ii",
	 HEALTH_UNHEALTHY, HEALTH_INTERNAL_ERROR, 4},
	{"another body than wanted", HEALTH_HEALTHY, "oo",
	 HEALTH_UNHEALTHY, HEALTH_FAILED_CHECKS, 1},
	{"another body, and another code", HEALTH_HEALTHY, "oO",
	 HEALTH_UNHEALTHY, HEALTH_CODE_MISMATCH, 1},
	{"draining is not the checks' to change", HEALTH_DRAINING, "+++---",
	 HEALTH_DRAINING, HEALTH_NO_REASON, 0},
	{"nor is unused", HEALTH_UNUSED, "+++---",
	 HEALTH_UNUSED, HEALTH_NO_REASON, 0},
	{"nor is unavailable", HEALTH_UNAVAILABLE, "------",
	 HEALTH_UNAVAILABLE, HEALTH_NO_REASON, 0},
};
/* clang-format on */

static enum check_result result_of(char letter, uint16_t *code)
{
	*code = letter == '+' || letter == 'o' ? 200 : 503;
	switch (letter) {
	case 'c':
		return CHECK_CONNECTED;
	case 't':
		return CHECK_TIMEOUT;
	case 'b':
		return CHECK_BROKEN;
	case 'o':
	case 'O':
		return CHECK_OTHER_BODY;
	case 'i':
		return CHECK_INTERNAL;
	default:
		return CHECK_ANSWERED;
	}
}

static void test_every_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct health_track track = {0};
		enum health health = rows[i].from;
		enum health_reason reason = HEALTH_NO_REASON;
		unsigned changes = 0;

		print_message("# %s\n", rows[i].name);
		for (const char *r = rows[i].results; *r; r++) {
			enum health before = health;
			uint16_t code;
			enum check_result result = result_of(*r, &code);
			bool changed = health_note(&track, &check, result, code,
						   &health, &reason);

			assert_int_equal(changed, health != before);
			changes += changed;
		}
		assert_int_equal(health, rows[i].to);
		assert_int_equal(reason, rows[i].reason);
		assert_int_equal(changes, rows[i].changes);
	}
}

static void test_matcher_takes_codes_and_ranges(void **state)
{
	const struct code_range some[] = {{200, 202}, {301, 301}};

	(void)state;
	assert_true(matcher_matches(some, 2, 200));
	assert_true(matcher_matches(some, 2, 202));
	assert_true(matcher_matches(some, 2, 301));
	assert_false(matcher_matches(some, 2, 199));
	assert_false(matcher_matches(some, 2, 203));
	assert_false(matcher_matches(some, 2, 302));
	assert_false(matcher_matches(some, 0, 200));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_row),
		cmocka_unit_test(test_matcher_takes_codes_and_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
