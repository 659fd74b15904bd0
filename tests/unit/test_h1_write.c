/* test_h1_write.c - text that fits, and text that does not. */
#include "unit.h"

#include <stdio.h>

#include "http/h1_write.h"

/* Against printf, at each number of digits and around each power of ten. */
static void test_digits(void **state)
{
	uint64_t value = 1;

	(void)state;
	for (int power = 0; power < 20; power++, value *= 10)
		for (int off = -1; off <= 1; off++) {
			char room[64], decimal[32], hex[16];
			struct writer w = writer_make(room, sizeof(room));
			uint64_t v = value * 7 / 3 + (uint64_t)off;

			writer_u64(&w, v);
			snprintf(decimal, sizeof(decimal), "%llu",
				 (unsigned long long)v);
			writer_hex(&w, (uint32_t)v);
			snprintf(hex, sizeof(hex), "%08x", (uint32_t)v);
			*w.at = '\0';
			assert_memory_equal(room, decimal, strlen(decimal));
			assert_string_equal(room + strlen(decimal), hex);
		}
	for (uint64_t v = 0; v < 1100; v++) {
		char room[DECIMAL_MAX], decimal[32];
		struct slice got = decimal_of(v, room);

		snprintf(decimal, sizeof(decimal), "%llu",
			 (unsigned long long)v);
		assert_true(slice_eq(got, slice_of(decimal)));
	}
}

static void test_a_head(void **state)
{
	char room[256];
	struct writer w = writer_make(room, sizeof(room));

	(void)state;
	writer_status_line(&w, 503);
	writer_field(&w, SLICE("Server"), SLICE("awselb/2.0"));
	writer_field_u64(&w, SLICE("Content-Length"), 162);
	writer_field(&w, SLICE("X-Empty"), SLICE(""));
	writer_char(&w, 'x');
	writer_u64(&w, UINT64_MAX);
	writer_u64(&w, 0);
	writer_literal(&w, "\r\n");
	assert_false(w.overflow);
	assert_slice(slice_make(room, (size_t)(w.at - room)),
		     "HTTP/1.1 503 Service Temporarily Unavailable\r\n"
		     "Server: awselb/2.0\r\n"
		     "Content-Length: 162\r\n"
		     "X-Empty: \r\n"
		     "x184467440737095516150\r\n");
}

static const struct {
	unsigned status;
	const char *line;
} lines[] = {
	{200, "HTTP/1.1 200 OK\r\n"},
	{302, "HTTP/1.1 302 Moved Temporarily\r\n"},
	{400, "HTTP/1.1 400 Bad Request\r\n"},
	{408, "HTTP/1.1 408 Request Time-out\r\n"},
	{414, "HTTP/1.1 414 Request-URI Too Large\r\n"},
	{463, "HTTP/1.1 463 \r\n"},
	{504, "HTTP/1.1 504 Gateway Time-out\r\n"},
	{561, "HTTP/1.1 561 \r\n"},
};

static void test_status_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		char room[64];
		struct writer w = writer_make(room, sizeof(room));

		writer_status_line(&w, lines[i].status);
		assert_slice(slice_make(room, (size_t)(w.at - room)),
			     lines[i].line);
	}
}

static void test_targets_leave_with_one_reading(void **state)
{
	char room[64];
	struct writer w = writer_make(room, sizeof(room));

	(void)state;
	writer_target(&w, SLICE("/a?b=c"));
	writer_char(&w, '|');
	writer_target(&w, SLICE(" /a b\x01\x7f"));
	writer_char(&w, '|');
	writer_target(&w, SLICE("\xc3\xa9%20"));
	assert_slice(slice_make(room, (size_t)(w.at - room)),
		     "/a?b=c|%20/a%20b%01%7F|%C3%A9%20");
}

/* Whatever is written, nothing is touched behind the end, and a short text
 * that would still fit behind one that did not is not written, either. */
static void test_overflow_stays(void **state)
{
	(void)state;
	for (size_t n = 0; n < 60; n++) {
		char room[80];
		struct writer w = writer_make(room, n);

		memset(room, '#', sizeof(room));
		writer_status_line(&w, 404);
		if (w.overflow)
			assert_ptr_equal(w.at, room);
		writer_field(&w, SLICE("name"), SLICE("value"));
		if (n < 24)
			assert_ptr_equal(w.at, room);
		writer_target(&w, SLICE("/a b"));
		writer_u64(&w, 12345);
		writer_char(&w, 'x');
		assert_int_equal(w.overflow, n < 24 + 13 + 6 + 5 + 1);
		assert_true(w.at <= room + n);
		for (size_t i = n; i < sizeof(room); i++)
			assert_int_equal(room[i], '#');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_digits),
		cmocka_unit_test(test_a_head),
		cmocka_unit_test(test_status_lines),
		cmocka_unit_test(test_targets_leave_with_one_reading),
		cmocka_unit_test(test_overflow_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
