#include "line.h"

#include <time.h>

static const char hex_digits[] = "0123456789abcdef";

/* -- text ------------------------------------------------------------------ */

/* What no value holds as it is. */
static bool is_odd(char c)
{
	return (unsigned char)c < ' ' || c == '"' || c == '\\' || c == 0x7f;
}

#define EACH(octet) (0x0101010101010101u * (uint8_t)(octet))

static uint64_t has_zero(uint64_t v)
{
	return (v - EACH(1)) & ~v & EACH(0x80);
}

/* Whether eight octets may stand as they are; false may be wrong. */
static inline bool are_plain(const char *p, char also)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return !(((v - EACH(' ')) & ~v & EACH(0x80)) | has_zero(v ^ EACH('"')) |
		 has_zero(v ^ EACH('\\')) | has_zero(v ^ EACH(0x7f)) |
		 has_zero(v ^ EACH(also)));
}

void line_octet(struct writer *w, unsigned char octet)
{
	char *to = writer_take(w, 2);

	if (!to)
		return;
	to[0] = hex_digits[octet >> 4];
	to[1] = hex_digits[octet & 15];
}

static void put_octet(struct writer *w, char c)
{
	writer_literal(w, "\\x");
	line_octet(w, (unsigned char)c);
}

static void put_escaped(struct writer *w, struct slice value, char also)
{
	size_t from = 0;

	for (size_t i = 0; i < value.n; i++) {
		while (i + 8 < value.n && are_plain(value.p + i, also))
			i += 8;
		if (i + 8 >= value.n && value.n >= 8 &&
		    are_plain(value.p + value.n - 8, also))
			break;
		if (!is_odd(value.p[i]) && value.p[i] != also)
			continue;
		writer_put(w, slice_make(value.p + from, i - from));
		put_octet(w, value.p[i]);
		from = i + 1;
	}
	writer_put(w, slice_from(value, from));
}

void line_escaped(struct writer *w, struct slice value)
{
	put_escaped(w, value, '"');
}

void line_quoted(struct writer *w, struct slice value)
{
	writer_char(w, '"');
	if (value.n)
		put_escaped(w, value, '"');
	else
		writer_char(w, '-');
	writer_char(w, '"');
}

void line_word(struct writer *w, struct slice value)
{
	if (value.n)
		put_escaped(w, value, ' ');
	else
		writer_char(w, '-');
}

/* -- numbers --------------------------------------------------------------- */

void line_digits(struct writer *w, uint64_t value, int n)
{
	char *to = writer_take(w, (size_t)n);

	if (!to)
		return;
	for (int i = n - 1; i >= 0; i--, value /= 10)
		to[i] = (char)('0' + value % 10);
}

void line_seconds(struct writer *w, int64_t ms)
{
	if (ms < 0) {
		writer_literal(w, "-1");
		return;
	}
	writer_u64(w, (uint64_t)ms / 1000);
	writer_char(w, '.');
	line_digits(w, (uint64_t)ms % 1000, 3);
}

void line_seconds_exactly(struct writer *w, uint64_t ns)
{
	writer_u64(w, ns / 1000000000);
	writer_char(w, '.');
	line_digits(w, ns % 1000000000, 9);
}

enum { SECOND_OCTETS = sizeof("2026-03-01T10:15:30.") - 1 };

static void write_second(char *room, time_t second)
{
	struct writer w = writer_make(room, SECOND_OCTETS);
	struct tm tm;

	gmtime_r(&second, &tm);
	line_digits(&w, (uint64_t)tm.tm_year + 1900, 4);
	writer_char(&w, '-');
	line_digits(&w, (uint64_t)tm.tm_mon + 1, 2);
	writer_char(&w, '-');
	line_digits(&w, (uint64_t)tm.tm_mday, 2);
	writer_char(&w, 'T');
	line_digits(&w, (uint64_t)tm.tm_hour, 2);
	writer_char(&w, ':');
	line_digits(&w, (uint64_t)tm.tm_min, 2);
	writer_char(&w, ':');
	line_digits(&w, (uint64_t)tm.tm_sec, 2);
	writer_char(&w, '.');
}

void line_time(struct writer *w, uint64_t at_us)
{
	/* Most lines are of the second of the one before. */
	static _Thread_local char text[SECOND_OCTETS];
	static _Thread_local time_t second = -1;
	time_t at = (time_t)(at_us / 1000000);

	if (at != second) {
		write_second(text, at);
		second = at;
	}
	writer_put(w, slice_make(text, sizeof(text)));
	line_digits(w, at_us % 1000000, 6);
	writer_char(w, 'Z');
}

/* -- JSON ------------------------------------------------------------------ */

char *json_open(struct writer *w)
{
	return w->at;
}

/* Each member begins with a comma; the first one's is the brace. */
void json_close(struct writer *w, char *start)
{
	if (w->at == start)
		writer_char(w, '{');
	else
		*start = '{';
	writer_char(w, '}');
}

static bool are_ascii(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return !(v & EACH(0x80));
}

/* Octets of the character that begins here (RFC 3629 4); 0: it is none. */
static size_t character(const unsigned char *p, size_t n)
{
	static const struct {
		unsigned char first, last, least, most; /* of the second */
		size_t n;
	} forms[] = {
		{0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
		{0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3},
		{0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
		{0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
	};

	if (p[0] < 0x80)
		return 1;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (p[0] < forms[i].first || p[0] > forms[i].last)
			continue;
		if (n < forms[i].n || p[1] < forms[i].least ||
		    p[1] > forms[i].most)
			return 0;
		for (size_t k = 2; k < forms[i].n; k++)
			if ((p[k] & 0xc0) != 0x80)
				return 0;
		return forms[i].n;
	}
	return 0;
}

static void put_json_octet(struct writer *w, char c)
{
	if (c == '"' || c == '\\') {
		writer_char(w, '\\');
		writer_char(w, c);
		return;
	}
	writer_literal(w, "\\u00");
	line_octet(w, (unsigned char)c);
}

void json_escaped(struct writer *w, struct slice value)
{
	size_t from = 0, i = 0;

	while (i < value.n) {
		size_t n = 0;

		while (i + 8 < value.n && are_plain(value.p + i, '"') &&
		       are_ascii(value.p + i))
			i += 8;
		if (i + 8 >= value.n && value.n >= 8 &&
		    are_plain(value.p + value.n - 8, '"') &&
		    are_ascii(value.p + value.n - 8))
			break;
		if (!is_odd(value.p[i]))
			n = character((const unsigned char *)value.p + i,
				      value.n - i);
		if (n) {
			i += n;
			continue;
		}
		writer_put(w, slice_make(value.p + from, i - from));
		put_json_octet(w, value.p[i]);
		from = ++i;
	}
	writer_put(w, slice_from(value, from));
}

void json_quoted(struct writer *w, struct slice value)
{
	writer_char(w, '"');
	json_escaped(w, value);
	writer_char(w, '"');
}

void json_name(struct writer *w, struct slice name)
{
	char *to = writer_take(w, name.n + 4);

	if (!to)
		return;
	to[0] = ',';
	to[1] = '"';
	memcpy(to + 2, name.p, name.n);
	to[name.n + 2] = '"';
	to[name.n + 3] = ':';
}

void json_text(struct writer *w, struct slice name, struct slice value)
{
	if (value.n == 0)
		return;
	json_name(w, name);
	json_quoted(w, value);
}

void json_number(struct writer *w, struct slice name, uint64_t value)
{
	json_name(w, name);
	writer_u64(w, value);
}

void json_time(struct writer *w, struct slice name, uint64_t at_us)
{
	json_name(w, name);
	writer_char(w, '"');
	line_time(w, at_us);
	writer_char(w, '"');
}

void json_seconds(struct writer *w, struct slice name, int64_t ms)
{
	if (ms < 0)
		return;
	json_name(w, name);
	line_seconds(w, ms);
}
