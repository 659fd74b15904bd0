/* test_chunked.c - RFC 9112 7.1 and the ways to misread it. */
#include "unit.h"

#include "http/chunked.h"

#define EXT_64                                                                 \
	";aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define EXT_256 EXT_64 EXT_64 EXT_64 EXT_64

static const struct {
	const char *name;
	const char *in;
	enum chunked_result result;
	const char *data;
	size_t rest;     /* octets that are not the body's */
	size_t trailers; /* octets of the trailer section */
} cases[] = {
	{"empty body", "0\r\n\r\n", CHUNKED_DONE, "", 0, 2},
	{"one chunk", "5\r\nhello\r\n0\r\n\r\n", CHUNKED_DONE, "hello", 0, 2},
	{"two chunks", "2\r\nhe\r\n003\r\nllo\r\n0\r\n\r\n", CHUNKED_DONE,
	 "hello", 0, 2},
	{"hex in both cases",
	 "a\r\n0123456789\r\nB\r\nabcdefghijk\r\n0\r\n\r\n", CHUNKED_DONE,
	 "0123456789abcdefghijk", 0, 2},
	{"next request behind it", "0\r\n\r\nGET", CHUNKED_DONE, "", 3, 2},
	{"extension", "1;a=\"b\"\r\nx\r\n0;z\r\n\r\n", CHUNKED_DONE, "x", 0, 2},
	{"trailers", "0\r\na: b\r\nc:d\r\n\r\nX", CHUNKED_DONE, "", 1, 13},
	{"zeros as last chunk", "000\r\n\r\n", CHUNKED_DONE, "", 0, 2},
	{"cut in the size", "5", CHUNKED_MORE, "", 0, 0},
	{"cut in the data", "5\r\nhe", CHUNKED_MORE, "he", 0, 0},
	{"cut in the trailers", "0\r\na: b\r\n", CHUNKED_MORE, "", 0, 6},
	{"CRLF in the data", "2\r\n\r\n\r\n0\r\n\r\n", CHUNKED_DONE, "\r\n", 0,
	 2},

	{"extension of 256", "0" EXT_256 "\r\n\r\n", CHUNKED_DONE, "", 0, 2},

	{"no size", "\r\n", CHUNKED_BAD, ""},
	{"extension without size", ";a\r\n", CHUNKED_BAD, ""},
	{"no hex digit", "g\r\n", CHUNKED_BAD, ""},
	{"0x", "0x5\r\nhello", CHUNKED_BAD, ""},
	{"sign", "+5\r\nhello", CHUNKED_BAD, ""},
	{"space before the size", " 5\r\nhello", CHUNKED_BAD, ""},
	{"space behind the size", "5 \r\nhello", CHUNKED_BAD, ""},
	{"space before the extension", "5 ;a\r\nhello", CHUNKED_BAD, ""},
	{"bare LF behind the size", "5\nhello", CHUNKED_BAD, ""},
	{"bare CR behind the size", "5\rhello", CHUNKED_BAD, ""},
	{"bare LF in the extension", "5;a\nhello", CHUNKED_BAD, ""},
	{"CR in the extension", "5;a\rb\r\nhello", CHUNKED_BAD, ""},
	{"data longer than said", "2\r\nhello", CHUNKED_BAD, "he"},
	{"bare LF behind the data", "2\r\nhe\n0\r\n\r\n", CHUNKED_BAD, "he"},
	{"bare CR behind the data", "2\r\nhe\r0\r\n\r\n", CHUNKED_BAD, "he"},
	{"17 digits", "00000000000000001\r\n", CHUNKED_BAD, ""},
	{"bare LF ends the trailers", "0\r\n\n", CHUNKED_BAD, ""},
	{"bare LF in the trailers", "0\r\na: b\n\r\n", CHUNKED_BAD, ""},
	{"CR in the trailers", "0\r\na: \rb\r\n\r\n", CHUNKED_BAD, ""},
	{"CR for an end", "0\r\n\rX", CHUNKED_BAD, ""},
	{"extension of 257", "1;" EXT_256 "\r\n", CHUNKED_BAD, ""},
};

/* Decodes what may come in pieces of `step` octets. */
static enum chunked_result decode(struct slice in, size_t step, char *data,
				  size_t *n_data, size_t *n_trailers)
{
	struct chunked c = {0};
	enum chunked_result result = CHUNKED_MORE;

	*n_data = 0;
	for (size_t at = 0; at < in.n && result == CHUNKED_MORE;) {
		struct slice piece = slice_first(slice_from(in, at), step);

		do {
			struct slice got;
			size_t used;

			result = chunked_next(&c, piece, &used, &got);
			assert_true(used <= piece.n);
			if (result == CHUNKED_DATA) {
				assert_true(got.n > 0);
				assert_ptr_equal(got.p + got.n, piece.p + used);
				memcpy(data + *n_data, got.p, got.n);
				*n_data += got.n;
			}
			piece = slice_from(piece, used);
			at += used;
		} while (result == CHUNKED_DATA);
	}
	*n_trailers = c.trailers;
	return result;
}

static void test_every_case_in_pieces_of_every_size(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct slice in = slice_of(cases[i].in);

		print_message("# %s\n", cases[i].name);
		for (size_t step = 1; step <= in.n; step++) {
			char data[512];
			size_t n_data, n_trailers;

			assert_int_equal(
				decode(in, step, data, &n_data, &n_trailers),
				cases[i].result);
			assert_slice(slice_make(data, n_data), cases[i].data);
			if (cases[i].result != CHUNKED_BAD)
				assert_int_equal(n_trailers, cases[i].trailers);
		}
	}
}

static void test_what_is_behind_the_body_is_not_consumed(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct slice in = slice_of(cases[i].in), data;
		struct chunked c = {0};
		enum chunked_result result;
		size_t used;

		if (cases[i].result != CHUNKED_DONE)
			continue;
		print_message("# %s\n", cases[i].name);
		do {
			result = chunked_next(&c, in, &used, &data);
			in = slice_from(in, used);
		} while (result == CHUNKED_DATA);
		assert_int_equal(result, CHUNKED_DONE);
		assert_int_equal(in.n, cases[i].rest);
		assert_int_equal(chunked_next(&c, in, &used, &data),
				 CHUNKED_DONE);
		assert_int_equal(used, 0);
	}
}

static void test_the_largest_chunk_does_not_overflow(void **state)
{
	struct slice in = SLICE("ffffffffffffffff\r\nab"), data;
	struct chunked c = {0};
	size_t used;

	(void)state;
	assert_int_equal(chunked_next(&c, in, &used, &data), CHUNKED_DATA);
	assert_slice(data, "ab");
	assert_int_equal(c.left, UINT64_MAX - 2);
}

static void test_trailers_are_bounded(void **state)
{
	struct chunked c = {0};
	struct slice data;
	size_t used, total = 0;
	enum chunked_result result;

	(void)state;
	assert_int_equal(chunked_next(&c, SLICE("0\r\n"), &used, &data),
			 CHUNKED_MORE);
	do {
		result = chunked_next(&c, SLICE("name: value\r\n"), &used,
				      &data);
		total += used;
		assert_true(total < 2 * CHUNKED_TRAILERS_MAX);
	} while (result == CHUNKED_MORE);
	assert_int_equal(result, CHUNKED_BAD);
	assert_int_equal(total, CHUNKED_TRAILERS_MAX + 1);
	assert_int_equal(chunked_next(&c, SLICE("\r\n"), &used, &data),
			 CHUNKED_BAD);
}

static const struct {
	uint64_t size;
	const char *text;
} heads[] = {
	{0, "0\r\n"},
	{1, "1\r\n"},
	{15, "f\r\n"},
	{16, "10\r\n"},
	{0x1a0, "1a0\r\n"},
	{65536, "10000\r\n"},
	{UINT64_MAX, "ffffffffffffffff\r\n"},
};

static void test_heads_of_chunks(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
		char out[CHUNKED_HEAD_MAX];
		size_t n = chunked_head(out, heads[i].size);

		assert_slice(slice_make(out, n), heads[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_case_in_pieces_of_every_size),
		cmocka_unit_test(test_what_is_behind_the_body_is_not_consumed),
		cmocka_unit_test(test_the_largest_chunk_does_not_overflow),
		cmocka_unit_test(test_trailers_are_bounded),
		cmocka_unit_test(test_heads_of_chunks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
