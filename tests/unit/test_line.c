/* test_line.c - no value ends its field or its line. */
#include "unit.h"

#include <stdio.h>

#include "base/line.h"

enum { ROOM = 4096 };

static char room[ROOM];

static struct slice made(const struct writer *w)
{
	assert_false(w->overflow);
	return slice_make(room, (size_t)(w->at - room));
}

/* "Where our own choice is needed", 3: escaping. */
static void test_quotes_and_controls_are_escaped(void **state)
{
	static const struct {
		struct slice value;
		const char *quoted, *word;
	} rows[] = {
		{SLICE_INIT(""), "\"-\"", "-"},
		{SLICE_INIT("-"), "\"-\"", "-"},
		{SLICE_INIT("plain"), "\"plain\"", "plain"},
		{SLICE_INIT("a b"), "\"a b\"", "a\\x20b"},
		{SLICE_INIT("say \"hi\""), "\"say \\x22hi\\x22\"",
		 "say\\x20\\x22hi\\x22"},
		{SLICE_INIT("a\\b"), "\"a\\x5cb\"", "a\\x5cb"},
		{SLICE_INIT("a\r\nb\tc"), "\"a\\x0d\\x0ab\\x09c\"",
		 "a\\x0d\\x0ab\\x09c"},
		{SLICE_INIT("a\0b"), "\"a\\x00b\"", "a\\x00b"},
		{SLICE_INIT("\x7f\x1f"), "\"\\x7f\\x1f\"", "\\x7f\\x1f"},
		{SLICE_INIT("\xc3\xa9\xff"), "\"\xc3\xa9\xff\"",
		 "\xc3\xa9\xff"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct writer w = writer_make(room, ROOM);

		line_quoted(&w, rows[i].value);
		assert_slice(made(&w), rows[i].quoted);
		w = writer_make(room, ROOM);
		line_word(&w, rows[i].value);
		assert_slice(made(&w), rows[i].word);
	}
}

/* Wherever it stands: eight octets are looked at together. */
static void test_odd_octets_at_each_place(void **state)
{
	static const struct {
		char octet;
		const char *line, *json;
	} odd[] = {{'"', "\\x22", "\\\""},          {'\\', "\\x5c", "\\\\"},
		   {'\n', "\\x0a", "\\u000a"},      {0x7f, "\\x7f", "\\u007f"},
		   {(char)0x80, "\x80", "\\u0080"}, {' ', " ", " "}};
	char text[40], wanted[64];

	(void)state;
	for (size_t at = 0; at < sizeof(text); at++)
		for (size_t k = 0; k < ARRAY_SIZE(odd); k++) {
			struct writer w = writer_make(room, ROOM);
			int before = (int)at, after = 39 - before;

			memset(text, '~', sizeof(text));
			text[at] = odd[k].octet;
			snprintf(wanted, sizeof(wanted), "%.*s%s%.*s", before,
				 text, odd[k].line, after, text + at + 1);
			line_escaped(&w, slice_make(text, sizeof(text)));
			assert_slice(made(&w), wanted);
			snprintf(wanted, sizeof(wanted), "%.*s%s%.*s", before,
				 text, odd[k].json, after, text + at + 1);
			w = writer_make(room, ROOM);
			json_escaped(&w, slice_make(text, sizeof(text)));
			assert_slice(made(&w), wanted);
		}
}

static void test_times(void **state)
{
	static const struct {
		uint64_t at_us;
		const char *text;
	} rows[] = {
		{0, "1970-01-01T00:00:00.000000Z"},
		{1772360130123456, "2026-03-01T10:15:30.123456Z"},
		{1772360130098000, "2026-03-01T10:15:30.098000Z"},
		{1709164799999999, "2024-02-28T23:59:59.999999Z"},
		{1709164800000001, "2024-02-29T00:00:00.000001Z"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct writer w = writer_make(room, ROOM);

		line_time(&w, rows[i].at_us);
		assert_slice(made(&w), rows[i].text);
	}
}

static void test_seconds(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} rows[] = {
		{-1, "-1"},        {0, "0.000"},
		{1, "0.001"},      {24, "0.024"},
		{999, "0.999"},    {1000, "1.000"},
		{61010, "61.010"}, {86400000, "86400.000"},
	};
	struct writer w = writer_make(room, ROOM);

	(void)state;
	line_seconds_exactly(&w, 3114870);
	assert_slice(made(&w), "0.003114870");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		w = writer_make(room, ROOM);
		line_seconds(&w, rows[i].ms);
		assert_slice(made(&w), rows[i].text);
	}
}

static void test_strings_of_json(void **state)
{
	static const struct {
		struct slice value;
		const char *text;
	} rows[] = {
		{SLICE_INIT(""), "\"\""},
		{SLICE_INIT("a b"), "\"a b\""},
		{SLICE_INIT("\"\\/"), "\"\\\"\\\\/\""},
		{SLICE_INIT("\n\r\t\0"), "\"\\u000a\\u000d\\u0009\\u0000\""},
		{SLICE_INIT("\x7f"), "\"\\u007f\""},
		/* One character of each length, and the last one there is. */
		{SLICE_INIT("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"),
		 "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""},
		{SLICE_INIT("\xf4\x8f\xbf\xbf"), "\"\xf4\x8f\xbf\xbf\""},
		/* Too long, a surrogate, beyond the last, cut, stray. */
		{SLICE_INIT("\xc0\xaf"), "\"\\u00c0\\u00af\""},
		{SLICE_INIT("\xe0\x80\xaf"), "\"\\u00e0\\u0080\\u00af\""},
		{SLICE_INIT("\xed\xa0\x80"), "\"\\u00ed\\u00a0\\u0080\""},
		{SLICE_INIT("\xf4\x90\x80\x80"),
		 "\"\\u00f4\\u0090\\u0080\\u0080\""},
		{SLICE_INIT("\xe2\x82"), "\"\\u00e2\\u0082\""},
		{SLICE_INIT("\x80z\xff"), "\"\\u0080z\\u00ff\""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct writer w = writer_make(room, ROOM);

		json_quoted(&w, rows[i].value);
		assert_slice(made(&w), rows[i].text);
	}
}

static void test_objects_of_json(void **state)
{
	struct writer w = writer_make(room, ROOM);
	char *start = json_open(&w);

	(void)state;
	json_close(&w, start);
	assert_slice(made(&w), "{}");
	w = writer_make(room, ROOM);
	start = json_open(&w);
	json_text(&w, SLICE("none"), SLICE(""));
	json_text(&w, SLICE("a"), SLICE("x"));
	json_number(&w, SLICE("b"), 7);
	json_seconds(&w, SLICE("none"), -1);
	json_seconds(&w, SLICE("c"), 24);
	json_time(&w, SLICE("d"), 0);
	json_close(&w, start);
	assert_slice(made(&w), "{\"a\":\"x\",\"b\":7,\"c\":0.024,"
			       "\"d\":\"1970-01-01T00:00:00.000000Z\"}");
}

static void test_what_does_not_fit_is_told(void **state)
{
	(void)state;
	for (size_t n = 0; n < 40; n++) {
		struct writer w = writer_make(room, n);
		char *start = json_open(&w);

		memset(room, 'z', sizeof(room));
		json_text(&w, SLICE("name"), SLICE("a value\n of some octets"));
		json_time(&w, SLICE("t"), 1);
		json_close(&w, start);
		line_quoted(&w, SLICE("\\"));
		assert_true(w.overflow);
		assert_int_equal(room[n], 'z');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quotes_and_controls_are_escaped),
		cmocka_unit_test(test_odd_octets_at_each_place),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_seconds),
		cmocka_unit_test(test_strings_of_json),
		cmocka_unit_test(test_objects_of_json),
		cmocka_unit_test(test_what_does_not_fit_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
