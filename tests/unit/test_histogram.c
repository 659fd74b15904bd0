/* test_histogram.c - each length has one cell, and the bounds are ends. */
#include "unit.h"

#include "base/histogram.h"

static void test_every_length_is_in_its_cell(void **state)
{
	unsigned last = 0;

	(void)state;
	for (uint64_t ms = 0; ms <= 2 * HISTOGRAM_MOST_MS; ms++) {
		unsigned cell = histogram_cell(ms);

		assert_true(cell < HISTOGRAM_CELLS);
		assert_true(ms <= histogram_end_ms(cell));
		assert_true(cell == 0 || ms > histogram_end_ms(cell - 1));
		assert_true(cell == last || cell == last + 1);
		last = cell;
	}
	assert_int_equal(last, HISTOGRAM_CELLS - 1);
	assert_int_equal(histogram_cell(UINT64_MAX), HISTOGRAM_CELLS - 1);
	assert_int_equal(histogram_cell(1ull << 32), HISTOGRAM_CELLS - 1);
}

static void test_bounds_that_are_asked_for_are_ends(void **state)
{
	static const uint64_t bounds[] = {1,    5,     10,    25,   50,
					  100,  250,   500,   1000, 2500,
					  5000, 10000, 30000, 60000};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bounds); i++)
		assert_int_equal(histogram_end_ms(histogram_cell(bounds[i])),
				 bounds[i]);
}

static void test_sums_and_quantiles(void **state)
{
	static struct histogram one, two;
	struct histogram_sum sum = {0};

	(void)state;
	assert_int_equal(histogram_quantile(&sum, 0.5), 0);
	for (uint64_t ms = 1; ms <= 100; ms++)
		histogram_add(ms & 1 ? &one : &two, ms);
	histogram_add(&two, 1000000);
	histogram_read(&one, &sum);
	histogram_read(&two, &sum);
	assert_int_equal(sum.n, 101);
	assert_int_equal(sum.sum_ms, 5050 + 1000000);
	assert_int_equal(histogram_up_to(&sum, 0), 0);
	assert_int_equal(histogram_up_to(&sum, 25), 25);
	assert_int_equal(histogram_up_to(&sum, 100), 100);
	assert_int_equal(histogram_up_to(&sum, UINT64_MAX), 101);
	assert_int_equal(histogram_quantile(&sum, 0), 1);
	assert_int_equal(histogram_quantile(&sum, 0.5), 55);
	assert_int_equal(histogram_quantile(&sum, 0.99), 100);
	assert_int_equal(histogram_quantile(&sum, 1), HISTOGRAM_MOST_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_length_is_in_its_cell),
		cmocka_unit_test(test_bounds_that_are_asked_for_are_ends),
		cmocka_unit_test(test_sums_and_quantiles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
