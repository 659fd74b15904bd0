/* test_slice.c - comparing, trimming, cutting and reading numbers. */
#include "unit.h"

static const struct {
	const char *text;
	bool is_number;
	uint64_t value;
} numbers[] = {
	{"0", true, 0},
	{"42", true, 42},
	{"007", true, 7},
	{"18446744073709551615", true, UINT64_MAX},
	{"18446744073709551616", false, 0},
	{"99999999999999999999999", false, 0},
	{"", false, 0},
	{"+4", false, 0},
	{"-4", false, 0},
	{" 4", false, 0},
	{"4 ", false, 0},
	{"4,4", false, 0},
	{"0x4", false, 0},
};

static void test_only_digits_are_a_number(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		uint64_t got = 0;

		print_message("# \"%s\"\n", numbers[i].text);
		assert_int_equal(slice_to_u64(slice_of(numbers[i].text), &got),
				 numbers[i].is_number);
		assert_int_equal(got, numbers[i].value);
	}
}

static void test_case_folds_for_ascii_only(void **state)
{
	(void)state;
	assert_true(slice_eq_fold(SLICE("Host"), SLICE("hOST")));
	assert_false(slice_eq_fold(SLICE("Host"), SLICE("Hos")));
	assert_false(slice_eq_fold(SLICE("["), SLICE("{")));
	assert_true(slice_ends_fold(SLICE("gzip, Chunked"), SLICE("chunked")));
	assert_false(slice_ends_fold(SLICE("ked"), SLICE("chunked")));
	assert_true(slice_starts_fold(SLICE("Bearer x"), SLICE("bearer ")));
}

static void test_cut_walks_every_part(void **state)
{
	struct slice rest = SLICE("a,,b,");

	(void)state;
	assert_slice(slice_cut(&rest, ','), "a");
	assert_slice(slice_cut(&rest, ','), "");
	assert_slice(slice_cut(&rest, ','), "b");
	assert_non_null(rest.p);
	assert_slice(slice_cut(&rest, ','), "");
	assert_null(rest.p);
}

static void test_order_is_by_octets(void **state)
{
	(void)state;
	assert_true(slice_cmp(SLICE("a"), SLICE("b")) < 0);
	assert_true(slice_cmp(SLICE("a"), SLICE("aa")) < 0);
	assert_true(slice_cmp(SLICE("\xff"), SLICE("a")) > 0);
	assert_int_equal(slice_cmp(SLICE(""), SLICE("")), 0);
	assert_slice(slice_trim(SLICE(" \t a b \t")), "a b");
	assert_slice(slice_trim(SLICE("  ")), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_digits_are_a_number),
		cmocka_unit_test(test_case_folds_for_ascii_only),
		cmocka_unit_test(test_cut_walks_every_part),
		cmocka_unit_test(test_order_is_by_octets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
