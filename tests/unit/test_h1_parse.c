/* test_h1_parse.c - RFC 9112 2 to 5, its attacks, and every cut of them. */
#include <stdio.h>
#include <stdlib.h>

#include "unit.h"

#include "http/h1_parse.h"

#define LINE "GET / HTTP/1.1\r\n"
#define HOST "Host: a\r\n"

/* A text that may contain NUL. */
#define IN(literal) SLICE_INIT(literal)

static struct field room[8];

static struct http_head fresh(void)
{
	return (struct http_head){.fields = room, .max_fields = 8};
}

static enum h1_result request(struct slice in, struct http_head *head,
			      enum reason *why)
{
	*why = REASON_NONE;
	return h1_parse_request(in, &h1_request_limits, head, why);
}

static const struct {
	const char *name;
	struct slice in;
	const char *method, *target;
	enum http_version version;
	uint32_t quirks;
	unsigned n_fields;
	const char *field_name, *field_value; /* of the last one */
	enum name id;
	uint8_t field_quirks;
} good[] = {
	{"minimal", IN(LINE HOST "\r\n"), "GET", "/", HTTP_1_1, 0, 1, "Host",
	 "a", NAME_HOST, 0},
	{"no field", IN("GET / HTTP/1.0\r\n\r\n"), "GET", "/", HTTP_1_0, 0, 0,
	 NULL, NULL, NAME_OTHER, 0},
	{"custom method", IN("M-SEARCH * HTTP/1.1\r\n" HOST "\r\n"), "M-SEARCH",
	 "*", HTTP_1_1, 0, 1, "Host", "a", NAME_HOST, 0},
	{"absolute", IN("GET http://a/b?c HTTP/1.1\r\n" HOST "\r\n"), "GET",
	 "http://a/b?c", HTTP_1_1, 0, 1, "Host", "a", NAME_HOST, 0},
	{"space around a value", IN(LINE "A: \t b c\t \r\n\r\n"), "GET", "/",
	 HTTP_1_1, 0, 1, "A", "b c", NAME_OTHER, 0},
	{"empty value", IN(LINE "A:\r\n\r\n"), "GET", "/", HTTP_1_1, 0, 1, "A",
	 "", NAME_OTHER, 0},
	{"colon in a value", IN(LINE "Host: a:80\r\n\r\n"), "GET", "/",
	 HTTP_1_1, 0, 1, "Host", "a:80", NAME_HOST, 0},
	{"UTF-8 in a value", IN(LINE "A: \xc3\xa9\r\n\r\n"), "GET", "/",
	 HTTP_1_1, 0, 1, "A", "\xc3\xa9", NAME_OTHER, 0},
	{"empty lines first", IN("\r\n\r\n" LINE HOST "\r\n"), "GET", "/",
	 HTTP_1_1, 0, 1, "Host", "a", NAME_HOST, 0},
	{"body behind it", IN(LINE HOST "\r\nGET"), "GET", "/", HTTP_1_1, 0, 1,
	 "Host", "a", NAME_HOST, 0},
	{"long runs",
	 IN("GET /0123456789abcdef0123456789abcdef HTTP/1.1\r\n"
	    "Accept-0123456789-abcdef-0123456789: "
	    "0123456789\tabcdef0123456789abcdef\r\n\r\n"),
	 "GET", "/0123456789abcdef0123456789abcdef", HTTP_1_1, 0, 1,
	 "Accept-0123456789-abcdef-0123456789",
	 "0123456789\tabcdef0123456789abcdef", NAME_OTHER, 0},

	/* Odd, for desync to judge. */
	{"bare LF", IN("GET / HTTP/1.1\nHost: a\n\n"), "GET", "/", HTTP_1_1,
	 QUIRK_BARE_LF, 1, "Host", "a", NAME_HOST, 0},
	{"underscore", IN(LINE "X_A: b\r\n\r\n"), "GET", "/", HTTP_1_1, 0, 1,
	 "X_A", "b", NAME_OTHER, FIELD_ODD_NAME},
	{"name with a comma", IN(LINE "X,A: b\r\n\r\n"), "GET", "/", HTTP_1_1,
	 QUIRK_BAD_NAME | QUIRK_LEAVE_OUT, 1, "X,A", "b", NAME_OTHER,
	 FIELD_ODD_NAME | FIELD_BAD_NAME | FIELD_LEAVE_OUT},
	{"name in UTF-8", IN(LINE "X\xc3\xa9: b\r\n\r\n"), "GET", "/", HTTP_1_1,
	 QUIRK_BAD_NAME | QUIRK_LEAVE_OUT, 1, "X\xc3\xa9", "b", NAME_OTHER,
	 FIELD_ODD_NAME | FIELD_BAD_NAME | FIELD_LEAVE_OUT},
	{"control in a value", IN(LINE "A: b\x01\r\n\r\n"), "GET", "/",
	 HTTP_1_1, QUIRK_CONTROL, 1, "A", "b\x01", NAME_OTHER, FIELD_CONTROL},
	{"DEL in a value", IN(LINE "A: b\x7f\r\n\r\n"), "GET", "/", HTTP_1_1,
	 QUIRK_CONTROL, 1, "A", "b\x7f", NAME_OTHER, FIELD_CONTROL},
	{"no name", IN(LINE ": b\r\n\r\n"), "GET", "/", HTTP_1_1,
	 QUIRK_EMPTY_NAME | QUIRK_LEAVE_OUT, 1, "", "b", NAME_OTHER,
	 FIELD_ODD_NAME | FIELD_EMPTY_NAME | FIELD_LEAVE_OUT},
	{"line of spaces", IN(LINE "A: b\r\n \t\r\n\r\n"), "GET", "/", HTTP_1_1,
	 QUIRK_FOLDED | QUIRK_EMPTY_NAME | QUIRK_LEAVE_OUT, 2, "", "",
	 NAME_OTHER,
	 FIELD_ODD_NAME | FIELD_EMPTY_NAME | FIELD_FOLDED | FIELD_LEAVE_OUT},
	{"obs-fold", IN(LINE "A: b\r\n c\r\n\r\n"), "GET", "/", HTTP_1_1,
	 QUIRK_FOLDED, 2, "c", "", NAME_OTHER, FIELD_FOLDED},
	{"obs-fold with a field", IN(LINE "A: b\r\n\tX: y\r\n\r\n"), "GET", "/",
	 HTTP_1_1, QUIRK_FOLDED, 2, "X", "y", NAME_OTHER, FIELD_FOLDED},
	{"obs-fold hides Host", IN(LINE "A: b\r\n Host: y\r\n\r\n"), "GET", "/",
	 HTTP_1_1, QUIRK_FOLDED | QUIRK_LEAVE_OUT, 2, "Host", "y", NAME_OTHER,
	 FIELD_FOLDED | FIELD_LEAVE_OUT},
	{"obs-fold hides a coding",
	 IN(LINE "A: b\r\n Transfer-Encoding: chunked\r\n\r\n"), "GET", "/",
	 HTTP_1_1, QUIRK_FOLDED | QUIRK_LEAVE_OUT | QUIRK_SUSPICIOUS, 2,
	 "Transfer-Encoding", "chunked", NAME_OTHER,
	 FIELD_FOLDED | FIELD_LEAVE_OUT | FIELD_LIKE_CODING},
	{"NUL in a value", IN(LINE "A: b\0c\r\n\r\n"), "GET", "/", HTTP_1_1,
	 QUIRK_BAD_FIELD | QUIRK_CONTROL | QUIRK_LEAVE_OUT, 1, "A", NULL,
	 NAME_OTHER, FIELD_CONTROL | FIELD_LEAVE_OUT},
	{"CR in a value", IN(LINE "A: b\rB: c\r\n\r\n"), "GET", "/", HTTP_1_1,
	 QUIRK_BAD_FIELD | QUIRK_CONTROL | QUIRK_LEAVE_OUT, 1, "A", "b\rB: c",
	 NAME_OTHER, FIELD_CONTROL | FIELD_LEAVE_OUT},
	{"CR CR LF", IN(LINE "A: b\r\r\n\r\n"), "GET", "/", HTTP_1_1,
	 QUIRK_BAD_FIELD | QUIRK_CONTROL | QUIRK_LEAVE_OUT, 1, "A", "b\r",
	 NAME_OTHER, FIELD_CONTROL | FIELD_LEAVE_OUT},
	{"bad method", IN("G@T / HTTP/1.1\r\n" HOST "\r\n"), "G@T", "/",
	 HTTP_1_1, QUIRK_BAD_METHOD, 1, "Host", "a", NAME_HOST, 0},
	{"space in the target", IN("GET /a b HTTP/1.1\r\n" HOST "\r\n"), "GET",
	 "/a b", HTTP_1_1, QUIRK_SPACE_IN_URI, 1, "Host", "a", NAME_HOST, 0},
	{"two spaces", IN("GET  /a HTTP/1.1\r\n" HOST "\r\n"), "GET", "/a",
	 HTTP_1_1, QUIRK_SPACE_IN_URI, 1, "Host", "a", NAME_HOST, 0},
	{"two versions", IN("GET /a HTTP/1.1 HTTP/1.1\r\n" HOST "\r\n"), "GET",
	 "/a HTTP/1.1", HTTP_1_1, QUIRK_SPACE_IN_URI, 1, "Host", "a", NAME_HOST,
	 0},
	{"control in the target", IN("GET /\x01 HTTP/1.1\r\n" HOST "\r\n"),
	 "GET", "/\x01", HTTP_1_1, QUIRK_CONTROL_IN_URI, 1, "Host", "a",
	 NAME_HOST, 0},
	{"CR in the target", IN("GET /\rX HTTP/1.1\r\n" HOST "\r\n"), "GET",
	 "/\rX", HTTP_1_1, QUIRK_BAD_URI, 1, "Host", "a", NAME_HOST, 0},
	{"HTTP/1.2", IN("GET / HTTP/1.2\r\n" HOST "\r\n"), "GET", "/", HTTP_1_1,
	 QUIRK_ODD_VERSION, 1, "Host", "a", NAME_HOST, 0},
	{"space behind the version", IN("GET / HTTP/1.1 \r\n" HOST "\r\n"),
	 "GET", "/", HTTP_1_1, QUIRK_ODD_VERSION, 1, "Host", "a", NAME_HOST, 0},
	{"two spaces before the version", IN("GET /  HTTP/1.1\r\n" HOST "\r\n"),
	 "GET", "/", HTTP_1_1, QUIRK_ODD_VERSION, 1, "Host", "a", NAME_HOST, 0},
	{"no version at all", IN("GET / http/1.1\r\n" HOST "\r\n"), "GET", "/",
	 HTTP_1_0, QUIRK_BAD_VERSION, 1, "Host", "a", NAME_HOST, 0},
	{"HTTP/1.10", IN("GET / HTTP/1.10\r\n" HOST "\r\n"), "GET", "/",
	 HTTP_1_0, QUIRK_BAD_VERSION, 1, "Host", "a", NAME_HOST, 0},
	{"two lengths",
	 IN(LINE "Content-Length: 1\r\ncontent-length: 1\r\n\r\n"), "GET", "/",
	 HTTP_1_1, QUIRK_REPEATED_LENGTH, 2, "content-length", "1",
	 NAME_CONTENT_LENGTH, 0},
	{"two codings",
	 IN(LINE "Transfer-Encoding: a\r\nTransfer-Encoding: b\r\n\r\n"), "GET",
	 "/", HTTP_1_1, QUIRK_REPEATED_CODING, 2, "Transfer-Encoding", "b",
	 NAME_TRANSFER_ENCODING, 0},
};

static void check_good(size_t i, struct http_head *head)
{
	const struct field *last = head->fields + head->n_fields - 1;

	assert_slice(head->method, good[i].method);
	assert_slice(head->target, good[i].target);
	assert_int_equal(head->version, good[i].version);
	assert_int_equal(head->quirks, good[i].quirks);
	assert_int_equal(head->n_fields, good[i].n_fields);
	if (!good[i].field_name)
		return;
	assert_slice(last->name, good[i].field_name);
	if (good[i].field_value)
		assert_slice(last->value, good[i].field_value);
	assert_int_equal(last->id, good[i].id);
	assert_int_equal(last->quirks, good[i].field_quirks);
	assert_true(head_has(head, good[i].id));
}

static void test_requests_and_every_cut_of_them(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct http_head head = fresh();
		enum reason why;

		print_message("# %s\n", good[i].name);
		assert_int_equal(request(good[i].in, &head, &why), H1_DONE);
		check_good(i, &head);
		for (size_t n = 0; n < good[i].in.n; n++) {
			struct slice cut = slice_first(good[i].in, n);
			size_t whole = head.octets;
			struct http_head part = fresh();

			assert_int_equal(request(cut, &part, &why),
					 n < whole ? H1_MORE : H1_DONE);
		}
	}
}

/* No octet behind what is given may be looked at: each cut is copied to the
 * end of a block of its own, for the address sanitizer to watch. */
static void test_nothing_behind_the_end_is_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		for (size_t n = 1; n <= good[i].in.n; n++) {
			struct slice cut = slice_first(good[i].in, n);
			char *copy = slice_dup(cut);
			char *tight = xrealloc(copy, n);
			struct http_head head = fresh();
			enum reason why;

			request(slice_make(tight, n), &head, &why);
			free(tight);
		}
	}
}

static const struct {
	const char *name;
	struct slice in;
	enum reason why;
} bad[] = {
	{"HTTP/0.9", IN("GET /\r\n"), REASON_MALFORMED},
	{"no target", IN("GET HTTP/1.1\r\n" HOST "\r\n"), REASON_MALFORMED},
	{"empty target", IN("GET  HTTP/1.1\r\n" HOST "\r\n"), REASON_MALFORMED},
	{"version 0.9", IN("GET / HTTP/0.9\r\n\r\n"), REASON_MALFORMED},
	{"one word", IN("GET\r\n\r\n"), REASON_MALFORMED},
	{"space first", IN(" GET / HTTP/1.1\r\n\r\n"), REASON_MALFORMED},
	{"TLS ClientHello", IN("\x16\x03\x01\x02"), REASON_MALFORMED},
	{"UTF-8 first", IN("\xef\xbb\xbfGET / "), REASON_MALFORMED},
	{"CR first", IN("\rGET / HTTP/1.1\r\n\r\n"), REASON_MALFORMED},
	{"five empty lines", IN("\r\n\r\n\r\n\r\n\r\n"), REASON_MALFORMED},
	{"no colon", IN(LINE "Host\r\n\r\n"), REASON_MALFORMED},
	{"space before a colon", IN(LINE "Content-Length : 5\r\n\r\n"),
	 REASON_MALFORMED},
	{"tab before a colon", IN(LINE HOST "X\t: 5\r\n\r\n"),
	 REASON_MALFORMED},
	{"spaces before a colon", IN(LINE HOST "X \t : 5\r\n\r\n"),
	 REASON_MALFORMED},
	{"space before the first field", IN(LINE " " HOST "\r\n"),
	 REASON_MALFORMED},
	{"tab before the first field", IN(LINE "\t" HOST HOST "\r\n"),
	 REASON_MALFORMED},
	{"spaces for a first field", IN(LINE "  \r\n" HOST "\r\n"),
	 REASON_MALFORMED},
	{"HTTP/2 preface", IN("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
	 REASON_HTTP_VERSION},
	{"HTTP/3.0", IN("GET / HTTP/3.0\r\n\r\n"), REASON_HTTP_VERSION},
	{"nine fields",
	 IN(LINE "a:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\n\r\n"),
	 REASON_TOO_MANY_FIELDS},
};

static void test_what_is_no_request(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct http_head head = fresh();
		enum reason why;

		print_message("# %s\n", bad[i].name);
		assert_int_equal(request(bad[i].in, &head, &why), H1_BAD);
		assert_int_equal(why, bad[i].why);
		for (size_t n = 0; n < bad[i].in.n; n++)
			assert_int_not_equal(
				request(slice_first(bad[i].in, n), &head, &why),
				H1_DONE);
	}
}

static const struct {
	const char *name; /* with its one colon at most */
	uint8_t quirks;
} likes[] = {
	{"Transfer-Encoding", 0},
	{"Content-Length", 0},
	{"Transfer_Encoding", FIELD_LIKE_CODING},
	{"TransferEncoding", FIELD_LIKE_CODING},
	{"Transfer--Encoding", FIELD_LIKE_CODING},
	{"-Transfer-Encoding", FIELD_LIKE_CODING},
	{"Transfer-Encoding-", FIELD_LIKE_CODING},
	{"Transfer-Encoding\x0c", FIELD_LIKE_CODING},
	{"Trans fer-Encoding", FIELD_LIKE_CODING},
	{"\x01Transfer-Encoding", FIELD_LIKE_CODING},
	{"Tran\xc5\xbf"
	 "fer-Encoding",
	 FIELD_LIKE_CODING},
	{"Transfer-Encod\xc4\xb1ng", FIELD_LIKE_CODING},
	{"Content_Length", FIELD_LIKE_LENGTH},
	{"ContentLength", FIELD_LIKE_LENGTH},
	{"content length", FIELD_LIKE_LENGTH},
	{"Content-Length\x0b", FIELD_LIKE_LENGTH},
	{"Content.Length", FIELD_LIKE_LENGTH},
	{"Content-Encoding", 0},
	{"Content-Language", 0},
	{"Content-Lengths", 0},
	{"X-Content-Length", 0},
	{"Transfer-Encoding-X", 0},
	{"Con-tent-Length", 0},
};

static void test_look_alikes_of_framing_fields(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(likes); i++) {
		struct http_head head = fresh();
		enum reason why;
		char in[128];
		int n = snprintf(in, sizeof(in), LINE "%s: 4\r\n\r\n",
				 likes[i].name);
		uint8_t all = FIELD_LIKE_CODING | FIELD_LIKE_LENGTH;

		print_message("# %s\n", likes[i].name);
		assert_int_equal(
			request(slice_make(in, (size_t)n), &head, &why),
			H1_DONE);
		assert_int_equal(room[0].quirks & all, likes[i].quirks);
		assert_int_equal(!!(room[0].quirks & FIELD_LEAVE_OUT),
				 likes[i].quirks != 0);
		assert_int_equal(!!(head.quirks & QUIRK_SUSPICIOUS),
				 likes[i].quirks != 0);
	}
}

/* A text of `n` octets between two others; freed by the caller. */
static char *stretched(const char *before, size_t n, const char *after)
{
	char *fill = xmalloc(n + 1), *text;

	memset(fill, 'a', n);
	fill[n] = '\0';
	text = xasprintf("%s%s%s", before, fill, after);
	free(fill);
	return text;
}

static const struct {
	const char *name, *before;
	size_t n;
	const char *after;
	enum h1_result result;
	enum reason why;
} sizes[] = {
	{"line of 16 KiB", "GET /", 16384 - 16, " HTTP/1.1\r\n\r\n", H1_DONE},
	{"line over it", "GET /", 16384 - 15, " HTTP/1.1\r\n\r\n", H1_BAD,
	 REASON_URI_TOO_LONG},
	{"line without end", "GET /", 16384 - 4, "", H1_BAD,
	 REASON_URI_TOO_LONG},
	{"line still within", "GET /", 16384 - 5, "", H1_MORE},
	{"field of 16 KiB", LINE "a:", 16384 - 4, "\r\n\r\n", H1_DONE},
	{"field over it", LINE "a:", 16384 - 3, "\r\n\r\n", H1_BAD,
	 REASON_FIELD_TOO_LARGE},
	{"odd field over it", LINE "a_:", 16384 - 4, "\r\n\r\n", H1_BAD,
	 REASON_FIELD_TOO_LARGE},
	{"field without end", LINE "a:", 16384 - 1, "", H1_BAD,
	 REASON_FIELD_TOO_LARGE},
	{"field still within", LINE "a:", 16384 - 2, "", H1_MORE},
	{"name without end", LINE, 16384 + 1, "", H1_BAD,
	 REASON_FIELD_TOO_LARGE},
};

static void test_limits_hold_before_the_end_has_come(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		char *text =
			stretched(sizes[i].before, sizes[i].n, sizes[i].after);
		struct http_head head = fresh();
		enum reason why;

		print_message("# %s\n", sizes[i].name);
		assert_int_equal(request(slice_of(text), &head, &why),
				 sizes[i].result);
		assert_int_equal(why, sizes[i].why);
		free(text);
	}
}

static void test_a_head_of_64_kib_is_the_largest(void **state)
{
	char *fields[4] = {
		stretched("a:", 16000, "\r\n"), stretched("b:", 16000, "\r\n"),
		stretched("c:", 16000, "\r\n"), stretched("d:", 16000, "\r\n")};
	size_t pad = 65536 - 16 - 4 * 16004 - 4 - 2;
	char *last = stretched("e:", pad, "\r\n\r\n");
	char *text = xasprintf(LINE "%s%s%s%s%s", fields[0], fields[1],
			       fields[2], fields[3], last);
	char *longer = xasprintf("\r\n%s", text);
	struct http_head head = fresh();
	enum reason why;

	(void)state;
	assert_int_equal(request(slice_of(text), &head, &why), H1_DONE);
	assert_int_equal(head.octets, 65536);
	assert_int_equal(request(slice_of(longer), &head, &why), H1_BAD);
	assert_int_equal(why, REASON_FIELD_TOO_LARGE);
	assert_int_equal(
		request(slice_first(slice_of(longer), 65537), &head, &why),
		H1_BAD);
	for (size_t i = 0; i < 4; i++)
		free(fields[i]);
	free(last);
	free(text);
	free(longer);
}

static const struct {
	const char *name;
	struct slice in;
	enum h1_result result;
	unsigned status;
	enum http_version version;
	const char *phrase;
	unsigned n_fields;
	const char *field_name, *field_value;
	enum reason why;
} answers[] = {
	{"200", IN("HTTP/1.1 200 OK\r\nServer: x\r\n\r\n"), H1_DONE, 200,
	 HTTP_1_1, "OK", 1, "Server", "x", 0},
	{"1.0", IN("HTTP/1.0 404 Not Found\r\n\r\n"), H1_DONE, 404, HTTP_1_0,
	 "Not Found", 0, NULL, NULL, 0},
	{"empty phrase", IN("HTTP/1.1 204 \r\n\r\n"), H1_DONE, 204, HTTP_1_1,
	 "", 0, NULL, NULL, 0},
	{"no phrase", IN("HTTP/1.1 204\r\n\r\n"), H1_DONE, 204, HTTP_1_1, "", 0,
	 NULL, NULL, 0},
	{"bare LF", IN("HTTP/1.1 200 OK\nA: b\n\n"), H1_DONE, 200, HTTP_1_1,
	 "OK", 1, "A", "b", 0},
	{"space before the colon", IN("HTTP/1.1 200 OK\r\nServer : b\r\n\r\n"),
	 H1_DONE, 200, HTTP_1_1, "OK", 1, "Server", "b", 0},
	{"underscore", IN("HTTP/1.1 200 OK\r\nA_b: c\r\n\r\n"), H1_DONE, 200,
	 HTTP_1_1, "OK", 1, "A_b", "c", 0},
	{"UTF-8 phrase", IN("HTTP/1.1 200 \xc3\xa9\r\n\r\n"), H1_DONE, 200,
	 HTTP_1_1, "\xc3\xa9", 0, NULL, NULL, 0},
	{"garbage", IN("hello"), H1_BAD, .why = REASON_TARGET_MALFORMED},
	{"HTTP/2", IN("HTTP/2 200 OK\r\n\r\n"), H1_BAD,
	 .why = REASON_TARGET_MALFORMED},
	{"empty line first", IN("\r\nHTTP/1.1 200 OK\r\n\r\n"), H1_BAD,
	 .why = REASON_TARGET_MALFORMED},
	{"two digits", IN("HTTP/1.1 20 OK\r\n\r\n"), H1_BAD,
	 .why = REASON_TARGET_MALFORMED},
	{"four digits", IN("HTTP/1.1 2000 OK\r\n\r\n"), H1_BAD,
	 .why = REASON_TARGET_MALFORMED},
	{"99", IN("HTTP/1.1 099 OK\r\n\r\n"), H1_BAD,
	 .why = REASON_TARGET_MALFORMED},
	{"1000", IN("HTTP/1.1 1000 OK\r\n\r\n"), H1_BAD,
	 .why = REASON_TARGET_MALFORMED},
	{"CR in the phrase", IN("HTTP/1.1 200 O\rK\r\n\r\n"), H1_BAD,
	 .why = REASON_TARGET_MALFORMED},
	{"no colon", IN("HTTP/1.1 200 OK\r\nServer\r\n\r\n"), H1_BAD,
	 .why = REASON_TARGET_MALFORMED},
	{"obs-fold", IN("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n"), H1_BAD,
	 .why = REASON_TARGET_MALFORMED},
	{"folded field", IN("HTTP/1.1 200 OK\r\nA: b\r\n c: d\r\n\r\n"), H1_BAD,
	 .why = REASON_TARGET_MALFORMED},
	{"no name", IN("HTTP/1.1 200 OK\r\n: b\r\n\r\n"), H1_BAD,
	 .why = REASON_TARGET_MALFORMED},
	{"NUL in a value", IN("HTTP/1.1 200 OK\r\nA: \0\r\n\r\n"), H1_BAD,
	 .why = REASON_TARGET_MALFORMED},
	{"response splitting", IN("HTTP/1.1 200 OK\r\nA: b\rC: d\r\n\r\n"),
	 H1_BAD, .why = REASON_TARGET_MALFORMED},
};

static void test_responses_and_every_cut_of_them(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		struct http_head head = fresh();
		enum reason why = 0;

		print_message("# %s\n", answers[i].name);
		assert_int_equal(h1_parse_response(answers[i].in,
						   &h1_response_limits, &head,
						   &why),
				 answers[i].result);
		assert_int_equal(why, answers[i].why);
		for (size_t n = 0; n < answers[i].in.n; n++) {
			struct slice cut = slice_first(answers[i].in, n);
			struct http_head part = fresh();
			enum h1_result r = h1_parse_response(
				cut, &h1_response_limits, &part, &why);

			assert_int_not_equal(r, H1_DONE);
			if (answers[i].result == H1_DONE)
				assert_int_equal(r, H1_MORE);
		}
		if (answers[i].result != H1_DONE)
			continue;
		assert_int_equal(head.status, answers[i].status);
		assert_int_equal(head.version, answers[i].version);
		assert_slice(head.phrase, answers[i].phrase);
		assert_int_equal(head.n_fields, answers[i].n_fields);
		assert_int_equal(head.octets, answers[i].in.n);
		if (answers[i].field_name) {
			assert_slice(room[0].name, answers[i].field_name);
			assert_slice(room[0].value, answers[i].field_value);
		}
	}
}

static void test_a_response_head_over_32_kib(void **state)
{
	char *text = stretched("HTTP/1.1 200 OK\r\nA: ", 32768, "\r\n\r\n");
	struct http_head head = fresh();
	enum reason why;

	(void)state;
	assert_int_equal(h1_parse_response(slice_of(text), &h1_response_limits,
					   &head, &why),
			 H1_BAD);
	assert_int_equal(why, REASON_TARGET_HEAD_TOO_LARGE);
	free(text);
}

static void test_trailers(void **state)
{
	struct http_head head = fresh();
	enum reason why;

	(void)state;
	assert_int_equal(h1_parse_trailers(SLICE("grpc-status: 0\r\n\r\n"),
					   &h1_response_limits, &head, &why),
			 H1_DONE);
	assert_slice(room[0].name, "grpc-status");
	assert_int_equal(h1_parse_trailers(SLICE("\r\n"), &h1_response_limits,
					   &head, &why),
			 H1_DONE);
	assert_int_equal(head.n_fields, 0);
	assert_int_equal(h1_parse_trailers(SLICE("a: b\r\n"),
					   &h1_response_limits, &head, &why),
			 H1_MORE);
	assert_int_equal(h1_parse_trailers(SLICE("a\r\n\r\n"),
					   &h1_response_limits, &head, &why),
			 H1_BAD);
}

/* Whoever waits for h1_head_end() misses no head, wherever it was cut. */
static void test_a_complete_head_is_noticed(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct http_head head = fresh();
		struct slice in = good[i].in;
		enum reason why;

		print_message("# %s\n", good[i].name);
		request(in, &head, &why);
		in = slice_first(in, head.octets);
		for (size_t from = 1; from < in.n; from++)
			assert_true(h1_head_end(in, from));
	}
	assert_false(h1_head_end(SLICE(LINE HOST), 3));
	assert_false(h1_head_end(SLICE(LINE HOST "A: b\r\n\r"), 20));
}

/* Of classes that nobody has defined; all peers let them pass. */
static void regress_statuses_from_600_to_999(void **state)
{
	(void)state;
	for (unsigned status = 600; status < 1000; status++) {
		struct http_head head = fresh();
		enum reason why;
		char in[64];
		int n = snprintf(in, sizeof(in), "HTTP/1.1 %u Odd\r\n\r\n",
				 status);

		assert_int_equal(h1_parse_response(slice_make(in, (size_t)n),
						   &h1_response_limits, &head,
						   &why),
				 H1_DONE);
		assert_int_equal(head.status, status);
	}
}

/* A head that trickles is not parsed again for each few KiB of it. */
static void regress_a_head_is_looked_at_again_at_doubled_sizes(void **state)
{
	char *text = stretched(LINE "a:", 65536, "");
	struct slice in = slice_of(text);
	size_t from = 1, octets = 0;

	(void)state;
	for (size_t n = 1; n <= in.n; n++) {
		if (!h1_head_end(slice_first(in, n), from))
			continue;
		octets += n;
		from = n;
	}
	assert_true(octets < 3 * in.n);

	/* And each limit is seen as soon as it is passed. */
	for (size_t limit = 16384; limit <= 65536; limit *= 2)
		assert_true(h1_head_end(slice_first(in, limit + 1), limit));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(regress_statuses_from_600_to_999),
		cmocka_unit_test(
			regress_a_head_is_looked_at_again_at_doubled_sizes),
		cmocka_unit_test(test_requests_and_every_cut_of_them),
		cmocka_unit_test(test_nothing_behind_the_end_is_read),
		cmocka_unit_test(test_what_is_no_request),
		cmocka_unit_test(test_look_alikes_of_framing_fields),
		cmocka_unit_test(test_limits_hold_before_the_end_has_come),
		cmocka_unit_test(test_a_head_of_64_kib_is_the_largest),
		cmocka_unit_test(test_responses_and_every_cut_of_them),
		cmocka_unit_test(test_a_response_head_over_32_kib),
		cmocka_unit_test(test_trailers),
		cmocka_unit_test(test_a_complete_head_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
