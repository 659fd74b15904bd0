/* test_h2_head.c - lists of HTTP/2 against heads, both ways (RFC 9113 8). */
#include "unit.h"

#include <stdlib.h>

#include "stream/h2_head.h"

static struct h2_block block;
static struct field room[HEAD_FIELDS_MAX];

/* Names and values in turn, ended by NULL. */
static enum h2_verdict read_list(enum h2_kind kind, const char *const *list)
{
	h2_block_begin(&block, kind);
	for (; *list; list += 2)
		assert_int_equal(h2_block_add(&block, slice_of(list[0]),
					      slice_of(list[1])),
				 H2_ADDED);
	return h2_block_end(&block);
}

static struct http_head head_of_block(uint64_t *length)
{
	struct http_head head = {.fields = room, .max_fields = HEAD_FIELDS_MAX};

	if (!h2_block_head(h2_block_text(&block), &head, length))
		*length = UINT64_MAX;
	return head;
}

#define GET                                                                    \
	":method", "GET", ":scheme", "https", ":authority", "a.test", ":path"
#define POST ":method", "POST", ":scheme", "https", ":path", "/"

static const struct {
	const char *name;
	enum h2_kind kind;
	const char *list[16];
	enum h2_fault fault;
} cases[] = {
	{"plain", H2_REQUEST, {GET, "/", "accept", "*/*"}, H2_SOUND},
	{"any order",
	 H2_REQUEST,
	 {":path", "/", ":scheme", "http", ":method", "PUT", "host", "a"},
	 H2_SOUND},
	{"no authority, no host", H2_REQUEST, {POST}, H2_SOUND},
	{"a token of a method",
	 H2_REQUEST,
	 {":method", "M-SEARCH", ":scheme", "http", ":path", "/"},
	 H2_SOUND},
	{"options of all",
	 H2_REQUEST,
	 {":method", "OPTIONS", ":scheme", "http", ":path", "*"},
	 H2_SOUND},
	{"connect",
	 H2_REQUEST,
	 {":method", "CONNECT", ":authority", "a.test:443"},
	 H2_SOUND},
	{"te trailers", H2_REQUEST, {GET, "/", "te", "trailers"}, H2_SOUND},
	{"an empty value", H2_REQUEST, {GET, "/", "a", ""}, H2_SOUND},
	{"text beyond ASCII",
	 H2_REQUEST,
	 {GET, "/\xc3\xa4", "a", "\xff"},
	 H2_SOUND},
	{"a tab inside", H2_REQUEST, {GET, "/", "a", "b\tc"}, H2_SOUND},
	{"an underscore", H2_REQUEST, {GET, "/", "a_b", "c"}, H2_SOUND},

	/* 8.2.1 */
	{"upper case", H2_REQUEST, {GET, "/", "Accept", "x"}, H2_NAME_ODD},
	{"empty name", H2_REQUEST, {GET, "/", "", "x"}, H2_NAME_EMPTY},
	{"space in a name", H2_REQUEST, {GET, "/", "a b", "x"}, H2_NAME_ODD},
	{"colon in a name", H2_REQUEST, {GET, "/", "a:b", "x"}, H2_NAME_ODD},
	{"CR in a name", H2_REQUEST, {GET, "/", "a\rb", "x"}, H2_NAME_ODD},
	{"0x80 in a name", H2_REQUEST, {GET, "/", "a\x80", "x"}, H2_NAME_ODD},
	{"DEL in a name", H2_REQUEST, {GET, "/", "a\x7f", "x"}, H2_NAME_ODD},
	{"CR", H2_REQUEST, {GET, "/", "a", "b\rc"}, H2_VALUE_ODD},
	{"LF", H2_REQUEST, {GET, "/", "a", "b\nc: d"}, H2_VALUE_ODD},
	{"a control", H2_REQUEST, {GET, "/", "a", "b\001"}, H2_VALUE_ODD},
	{"leading space", H2_REQUEST, {GET, "/", "a", " b"}, H2_VALUE_ODD},
	{"trailing tab", H2_REQUEST, {GET, "/", "a", "b\t"}, H2_VALUE_ODD},
	{"space alone", H2_REQUEST, {GET, "/", "a", " "}, H2_VALUE_ODD},

	/* 8.2.2 */
	{"connection",
	 H2_REQUEST,
	 {GET, "/", "connection", "close"},
	 H2_CONNECTION},
	{"keep-alive",
	 H2_REQUEST,
	 {GET, "/", "keep-alive", "1"},
	 H2_CONNECTION},
	{"proxy-connection",
	 H2_REQUEST,
	 {GET, "/", "proxy-connection", "x"},
	 H2_CONNECTION},
	{"upgrade", H2_REQUEST, {GET, "/", "upgrade", "h2c"}, H2_CONNECTION},
	{"transfer-encoding",
	 H2_REQUEST,
	 {POST, "transfer-encoding", "chunked"},
	 H2_CONNECTION},
	{"te gzip", H2_REQUEST, {GET, "/", "te", "gzip"}, H2_CONNECTION},
	{"te both",
	 H2_REQUEST,
	 {GET, "/", "te", "trailers, gzip"},
	 H2_CONNECTION},

	/* 8.3 */
	{"unknown", H2_REQUEST, {GET, "/", ":odd", "x"}, H2_PSEUDO_UNKNOWN},
	{"extended connect",
	 H2_REQUEST,
	 {":method", "CONNECT", ":protocol", "websocket"},
	 H2_PSEUDO_UNKNOWN},
	{"bare colon", H2_REQUEST, {GET, "/", ":", "x"}, H2_PSEUDO_UNKNOWN},
	{"status in a request",
	 H2_REQUEST,
	 {GET, "/", ":status", "200"},
	 H2_PSEUDO_UNKNOWN},
	{"path twice",
	 H2_REQUEST,
	 {GET, "/", ":path", "/"},
	 H2_PSEUDO_REPEATED},
	{"late",
	 H2_REQUEST,
	 {":method", "GET", "a", "b", ":path", "/"},
	 H2_PSEUDO_LATE},
	{"no method",
	 H2_REQUEST,
	 {":scheme", "http", ":path", "/"},
	 H2_PSEUDO_MISSING},
	{"no scheme",
	 H2_REQUEST,
	 {":method", "GET", ":path", "/"},
	 H2_PSEUDO_MISSING},
	{"no path",
	 H2_REQUEST,
	 {":method", "GET", ":scheme", "http"},
	 H2_PSEUDO_MISSING},
	{"nothing", H2_REQUEST, {NULL}, H2_PSEUDO_MISSING},
	{"connect with a path",
	 H2_REQUEST,
	 {":method", "CONNECT", ":authority", "a:1", ":path", "/"},
	 H2_PSEUDO_MISSING},
	{"connect to nowhere",
	 H2_REQUEST,
	 {":method", "CONNECT"},
	 H2_PSEUDO_MISSING},
	{"empty method", H2_REQUEST, {":method", ""}, H2_METHOD_ODD},
	{"a space in the method",
	 H2_REQUEST,
	 {":method", "GET / HTTP/1.1"},
	 H2_METHOD_ODD},
	{"LF in the method", H2_REQUEST, {":method", "GET\n"}, H2_METHOD_ODD},
	{"ftp", H2_REQUEST, {":scheme", "ftp"}, H2_SCHEME_ODD},
	{"empty scheme", H2_REQUEST, {":scheme", ""}, H2_SCHEME_ODD},
	{"a scheme with more",
	 H2_REQUEST,
	 {":scheme", "http://x/?"},
	 H2_SCHEME_ODD},
	{"empty path", H2_REQUEST, {GET, ""}, H2_PATH_ODD},
	{"no slash", H2_REQUEST, {GET, "x"}, H2_PATH_ODD},
	{"absolute form", H2_REQUEST, {GET, "http://b/"}, H2_PATH_ODD},
	{"asterisk and more", H2_REQUEST, {GET, "*x"}, H2_PATH_ODD},
	{"asterisk with GET", H2_REQUEST, {GET, "*"}, H2_PATH_ODD},
	{"a space in the path", H2_REQUEST, {GET, "/ HTTP/1.1"}, H2_PATH_ODD},
	{"CRLF in the path", H2_REQUEST, {GET, "/\r\na: b"}, H2_PATH_ODD},
	{"tab in the path", H2_REQUEST, {GET, "/\t"}, H2_PATH_ODD},
	{"DEL in the path", H2_REQUEST, {GET, "/\x7f"}, H2_PATH_ODD},
	{"user", H2_REQUEST, {":authority", "u@a.test"}, H2_AUTHORITY_ODD},
	{"slash", H2_REQUEST, {":authority", "a.test/"}, H2_AUTHORITY_ODD},
	{"query", H2_REQUEST, {":authority", "a.test?"}, H2_AUTHORITY_ODD},
	{"fragment", H2_REQUEST, {":authority", "a.test#"}, H2_AUTHORITY_ODD},
	{"port 0", H2_REQUEST, {":authority", "a.test:0"}, H2_AUTHORITY_ODD},
	{"a port too high",
	 H2_REQUEST,
	 {":authority", "a.test:65536"},
	 H2_AUTHORITY_ODD},
	{"a port in letters",
	 H2_REQUEST,
	 {":authority", "a.test:http"},
	 H2_AUTHORITY_ODD},
	{"empty authority", H2_REQUEST, {":authority", ""}, H2_AUTHORITY_ODD},
	{"CRLF in the authority",
	 H2_REQUEST,
	 {":authority", "a\r\nb"},
	 H2_AUTHORITY_ODD},

	/* 8.3.1 */
	{"the same host",
	 H2_REQUEST,
	 {GET, "/", "host", "A.test:443"},
	 H2_SOUND},
	{"another host",
	 H2_REQUEST,
	 {GET, "/", "host", "b.test"},
	 H2_AUTHORITY_UNLIKE_HOST},
	{"another port",
	 H2_REQUEST,
	 {GET, "/", "host", "a.test:80"},
	 H2_AUTHORITY_UNLIKE_HOST},
	{"an empty host",
	 H2_REQUEST,
	 {GET, "/", "host", ""},
	 H2_AUTHORITY_UNLIKE_HOST},
	{"host twice",
	 H2_REQUEST,
	 {POST, "host", "a", "host", "a"},
	 H2_HOST_REPEATED},

	/* 8.1.1 */
	{"a length", H2_REQUEST, {POST, "content-length", "12"}, H2_SOUND},
	{"no number",
	 H2_REQUEST,
	 {POST, "content-length", "+1"},
	 H2_LENGTH_ODD},
	{"a list of lengths",
	 H2_REQUEST,
	 {POST, "content-length", "1, 1"},
	 H2_LENGTH_ODD},
	{"an empty length",
	 H2_REQUEST,
	 {POST, "content-length", ""},
	 H2_LENGTH_ODD},
	{"too long a length",
	 H2_REQUEST,
	 {POST, "content-length", "18446744073709551616"},
	 H2_LENGTH_ODD},
	{"twice",
	 H2_REQUEST,
	 {POST, "content-length", "1", "content-length", "1"},
	 H2_LENGTH_ODD},

	/* 8.3.2 */
	{"answer", H2_RESPONSE, {":status", "200", "a", "b"}, H2_SOUND},
	{"interim", H2_RESPONSE, {":status", "103", "link", "x"}, H2_SOUND},
	{"no status", H2_RESPONSE, {"a", "b"}, H2_PSEUDO_MISSING},
	{"status twice",
	 H2_RESPONSE,
	 {":status", "200", ":status", "200"},
	 H2_PSEUDO_REPEATED},
	{"method in an answer",
	 H2_RESPONSE,
	 {":method", "GET"},
	 H2_PSEUDO_UNKNOWN},
	{"switching", H2_RESPONSE, {":status", "101"}, H2_STATUS_ODD},
	{"two digits", H2_RESPONSE, {":status", "20"}, H2_STATUS_ODD},
	{"below", H2_RESPONSE, {":status", "099"}, H2_STATUS_ODD},
	{"a phrase", H2_RESPONSE, {":status", "200 OK"}, H2_STATUS_ODD},
	{"a coding",
	 H2_RESPONSE,
	 {":status", "200", "transfer-encoding", "chunked"},
	 H2_CONNECTION},
	{"upper case of a target",
	 H2_RESPONSE,
	 {":status", "200", "Etag", "x"},
	 H2_NAME_ODD},

	/* 8.1 */
	{"trailers", H2_TRAILERS, {"grpc-status", "0"}, H2_SOUND},
	{"none", H2_TRAILERS, {NULL}, H2_SOUND},
	{"a pseudo-field",
	 H2_TRAILERS,
	 {":status", "200"},
	 H2_PSEUDO_IN_TRAILERS},
	{"connection behind",
	 H2_TRAILERS,
	 {"connection", "close"},
	 H2_CONNECTION},
};

static void test_what_is_malformed(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		enum h2_verdict verdict;

		print_message("# %s\n", cases[i].name);
		verdict = read_list(cases[i].kind, cases[i].list);
		assert_string_equal(h2_fault_text(block.fault),
				    h2_fault_text(cases[i].fault));
		assert_int_equal(verdict,
				 cases[i].fault ? H2_MALFORMED : H2_GOOD);
	}
}

/* NUL has no C string. */
static void test_nul(void **state)
{
	static const struct {
		struct slice name, value;
		enum h2_fault fault;
	} with_nul[] = {
		{SLICE_INIT("a\0b"), SLICE_INIT("c"), H2_NAME_ODD},
		{SLICE_INIT("a"), SLICE_INIT("b\0c"), H2_VALUE_ODD},
		{SLICE_INIT(":path"), SLICE_INIT("/\0"), H2_PATH_ODD},
		{SLICE_INIT(":method"), SLICE_INIT("GET\0"), H2_METHOD_ODD},
		{SLICE_INIT(":authority"), SLICE_INIT("a\0b"),
		 H2_AUTHORITY_ODD},
		{SLICE_INIT(":path\0"), SLICE_INIT("/"), H2_PSEUDO_UNKNOWN},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(with_nul); i++) {
		h2_block_begin(&block, H2_REQUEST);
		h2_block_add(&block, with_nul[i].name, with_nul[i].value);
		assert_int_equal(h2_block_end(&block), H2_MALFORMED);
		assert_int_equal(block.fault, with_nul[i].fault);
	}
}

/* -- what becomes of a sound one ------------------------------------------- */

static void test_a_request(void **state)
{
	static const char *const list[] = {GET,
					   "/x?y",
					   "cookie",
					   "a=1",
					   "te",
					   "trailers",
					   "cookie",
					   "b=2",
					   "host",
					   "A.TEST",
					   "content-length",
					   "0",
					   "content_length",
					   "7",
					   "cookie",
					   "c=3",
					   "x-y",
					   "z",
					   NULL};
	uint64_t length;
	struct http_head head;

	(void)state;
	assert_int_equal(read_list(H2_REQUEST, list), H2_GOOD);
	head = head_of_block(&length);
	assert_slice(head.method, "GET");
	assert_int_equal(head.method_id, METHOD_GET);
	assert_int_equal(head.version, HTTP_2);
	assert_slice(head.target, "/x?y");
	assert_true(head.secure);
	assert_true(head.takes_trailers);
	assert_int_equal(length, 0);

	/* Host is what :authority says, and there once. */
	assert_int_equal(head.n_fields, 6);
	assert_slice(head_find(&head, NAME_HOST)->value, "a.test");
	assert_null(head_next(&head, NAME_HOST, head_find(&head, NAME_HOST)));
	/* RFC 9113 8.2.3 */
	assert_slice(head_find(&head, NAME_COOKIE)->value, "a=1; b=2; c=3");
	assert_null(
		head_next(&head, NAME_COOKIE, head_find(&head, NAME_COOKIE)));
	assert_true(head_find(&head, NAME_TE)->quirks & FIELD_LEAVE_OUT);
	/* A target of the CGI kind reads this as Content-Length. */
	assert_true(head_find_text(&head, SLICE("content_length"))->quirks &
		    FIELD_LEAVE_OUT);
	assert_true(head.odd_names);
}

static void test_connect_asks_for_its_authority(void **state)
{
	static const char *const list[] = {":method", "CONNECT", ":authority",
					   "a.test:443", NULL};
	uint64_t length;
	struct http_head head;

	(void)state;
	assert_int_equal(read_list(H2_REQUEST, list), H2_GOOD);
	head = head_of_block(&length);
	assert_int_equal(head.method_id, METHOD_CONNECT);
	assert_slice(head.target, "a.test:443");
	assert_int_equal(length, UINT64_MAX);
}

static void test_an_answer(void **state)
{
	static const char *const list[] = {":status",
					   "404",
					   "content-length",
					   "12",
					   "content_length",
					   "1",
					   "cookie",
					   "a",
					   "cookie",
					   "b",
					   NULL};
	uint64_t length;
	struct http_head head;

	(void)state;
	assert_int_equal(read_list(H2_RESPONSE, list), H2_GOOD);
	head = head_of_block(&length);
	assert_int_equal(head.status, 404);
	assert_slice(head.phrase, "Not Found");
	assert_int_equal(length, 12);
	/* What a target says of its own is left as it is. */
	assert_int_equal(head.n_fields, 4);
	assert_int_equal(head.quirks, 0);
}

static void test_trailers(void **state)
{
	static const char *const list[] = {"grpc-status",
					   "0",
					   "content-length",
					   "x",
					   "set-cookie",
					   "a",
					   "content-encoding",
					   "gzip",
					   "host",
					   "b",
					   NULL};
	uint64_t length;
	struct http_head head;

	(void)state;
	assert_int_equal(read_list(H2_TRAILERS, list), H2_GOOD);
	head = head_of_block(&length);
	assert_int_equal(head.n_fields, 5);
	assert_int_equal(head.fields[0].quirks, 0);
	for (size_t i = 1; i < head.n_fields; i++)
		assert_true(head.fields[i].quirks & FIELD_LEAVE_OUT);
}

/* -- limits ---------------------------------------------------------------- */

static enum h2_add add_long(const char *name, size_t octets)
{
	char *value = xmalloc(octets);
	enum h2_add add;

	memset(value, '/', octets);
	add = h2_block_add(&block, slice_of(name), slice_make(value, octets));
	free(value);
	return add;
}

static void begin_request(void)
{
	h2_block_begin(&block, H2_REQUEST);
	h2_block_add(&block, SLICE(":method"), SLICE("GET"));
	h2_block_add(&block, SLICE(":scheme"), SLICE("https"));
}

static void begin_sound_request(void)
{
	begin_request();
	h2_block_add(&block, SLICE(":path"), SLICE("/"));
}

static void assert_refused(enum reason why)
{
	uint64_t length;
	struct http_head head;

	assert_int_equal(h2_block_end(&block), H2_REFUSED);
	assert_int_equal(block.why, why);
	head = head_of_block(&length);
	assert_int_equal(head.method_id, METHOD_GET);
}

/* Those of HTTP/1.1, so that what passes here passes there. */
static void test_limits(void **state)
{
	(void)state;
	begin_request();
	add_long(":path", 16 * 1024 - sizeof("GET  HTTP/1.1\r\n") + 1);
	assert_int_equal(h2_block_end(&block), H2_GOOD);
	begin_request();
	add_long(":path", 16 * 1024 - sizeof("GET  HTTP/1.1\r\n") + 2);
	assert_refused(REASON_URI_TOO_LONG);

	begin_sound_request();
	add_long("x", 16 * 1024 - sizeof("x: \r\n") + 1);
	assert_int_equal(h2_block_end(&block), H2_GOOD);
	begin_sound_request();
	add_long("x", 16 * 1024 - sizeof("x: \r\n") + 2);
	assert_refused(REASON_FIELD_TOO_LARGE);

	begin_sound_request();
	for (int i = 0; i < 5; i++)
		assert_int_equal(add_long("x", 15 * 1024), H2_ADDED);
	assert_refused(REASON_FIELD_TOO_LARGE);

	begin_sound_request();
	for (int i = 0; i < HEAD_FIELDS_MAX; i++)
		h2_block_add(&block, SLICE("x"), SLICE(""));
	assert_int_equal(h2_block_end(&block), H2_GOOD);
	begin_sound_request();
	for (int i = 0; i <= HEAD_FIELDS_MAX; i++)
		h2_block_add(&block, SLICE("x"), SLICE(""));
	assert_refused(REASON_TOO_MANY_FIELDS);

	/* Host, which is made of the authority, counts. */
	begin_sound_request();
	h2_block_add(&block, SLICE(":authority"), SLICE("a.test"));
	for (int i = 0; i < HEAD_FIELDS_MAX; i++)
		h2_block_add(&block, SLICE("x"), SLICE(""));
	assert_refused(REASON_TOO_MANY_FIELDS);

	h2_block_begin(&block, H2_RESPONSE);
	h2_block_add(&block, SLICE(":status"), SLICE("200"));
	add_long("x", 33 * 1024);
	assert_int_equal(h2_block_end(&block), H2_REFUSED);
	assert_int_equal(block.why, REASON_TARGET_HEAD_TOO_LARGE);
}

/* What is malformed stays so, however long it is. */
static void test_malformed_and_too_long(void **state)
{
	(void)state;
	begin_sound_request();
	for (int i = 0; i < 5; i++)
		add_long("x", 15 * 1024);
	h2_block_add(&block, SLICE("connection"), SLICE("close"));
	assert_int_equal(h2_block_end(&block), H2_MALFORMED);
}

static void test_a_flood_ends(void **state)
{
	unsigned n = 0;

	(void)state;
	begin_sound_request();
	while (h2_block_add(&block, SLICE("x"), SLICE("")) == H2_ADDED)
		n++;
	assert_in_range(n, 128 * 1024 / 33 - 10, 128 * 1024 / 33);
	assert_in_range(block.room, 1, 128 * 1024);

	/* One that is malformed is no way around. */
	n = 0;
	begin_request();
	while (h2_block_add(&block, SLICE(""), SLICE("")) == H2_ADDED)
		n++;
	assert_in_range(n, 128 * 1024 / 32 - 10, 128 * 1024 / 32);
}

static void test_many_crumbs(void **state)
{
	uint64_t length;
	struct http_head head;

	(void)state;
	begin_sound_request();
	for (int i = 0; i < 1000; i++)
		h2_block_add(&block, SLICE("cookie"), SLICE("a=b"));
	h2_block_add(&block, SLICE("x"), SLICE("y"));
	assert_int_equal(h2_block_end(&block), H2_GOOD);
	head = head_of_block(&length);
	assert_int_equal(head.n_fields, 2);
	assert_slice(head.fields[0].value, "y");
	assert_int_equal(head.fields[1].value.n, 1000 * 3 + 999 * 2);

	/* Empty ones leave no space at an end. */
	begin_sound_request();
	h2_block_add(&block, SLICE("cookie"), SLICE(""));
	h2_block_add(&block, SLICE("cookie"), SLICE("a"));
	h2_block_add(&block, SLICE("cookie"), SLICE(""));
	h2_block_add(&block, SLICE("cookie"), SLICE("b"));
	h2_block_add(&block, SLICE("cookie"), SLICE(""));
	assert_int_equal(h2_block_end(&block), H2_GOOD);
	head = head_of_block(&length);
	assert_slice(head.fields[0].value, "a; b");

	/* Joined they are one field, with the limit of one. */
	begin_sound_request();
	add_long("cookie", 8 * 1024);
	add_long("cookie", 8 * 1024);
	assert_refused(REASON_FIELD_TOO_LARGE);
}

/* -- what leaves ----------------------------------------------------------- */

static char text[96 * 1024];

static struct slice put_request(const struct http_head *head,
				const struct body *body)
{
	struct writer w = writer_make(text, sizeof(text));

	h2_put_request(&w, head, body);
	assert_false(w.overflow);
	assert_in_range((size_t)(w.at - text), 1, h2_put_max(head));
	return slice_make(text, (size_t)(w.at - text));
}

static struct slice put_answer(const struct http_head *head,
			       const struct body *body)
{
	struct writer w = writer_make(text, sizeof(text));

	h2_put_answer(&w, head, body);
	assert_false(w.overflow);
	assert_in_range((size_t)(w.at - text), 1, h2_put_max(head));
	return slice_make(text, (size_t)(w.at - text));
}

static void assert_nv(const nghttp2_nv *nv, const char *name, const char *value)
{
	assert_slice(slice_make((const char *)nv->name, nv->namelen), name);
	assert_slice(slice_make((const char *)nv->value, nv->valuelen), value);
}

static void test_a_request_leaves(void **state)
{
	struct field fields[] = {
		{.name = SLICE_INIT("X-Forwarded-For"),
		 .value = SLICE_INIT("192.0.2.1")},
		{.name = SLICE_INIT("authorization"),
		 .value = SLICE_INIT("secret")},
	};
	struct http_head head = {
		.fields = fields,
		.n_fields = ARRAY_SIZE(fields),
		.method = SLICE("POST"),
		.target = SLICE("/\xe4?\x7f"),
		.authority = SLICE("a.test:8443"),
		.secure = true,
		.takes_trailers = true,
	};
	struct body body = {.kind = BODY_LENGTH, .length = 42};
	nghttp2_nv nv[16];

	(void)state;
	assert_int_equal(h2_list(put_request(&head, &body), nv, 16), 8);
	assert_nv(&nv[0], ":method", "POST");
	assert_nv(&nv[1], ":scheme", "https");
	assert_nv(&nv[2], ":authority", "a.test:8443");
	assert_nv(&nv[3], ":path", "/%E4?%7F");
	assert_nv(&nv[4], "content-length", "42");
	assert_nv(&nv[5], "te", "trailers");
	assert_nv(&nv[6], "x-forwarded-for", "192.0.2.1");
	assert_nv(&nv[7], "authorization", "secret");
	assert_false(nv[6].flags & NGHTTP2_NV_FLAG_NO_INDEX);
	assert_true(nv[7].flags & NGHTTP2_NV_FLAG_NO_INDEX);

	head.secure = head.takes_trailers = false;
	body.kind = BODY_UNKNOWN;
	assert_int_equal(h2_list(put_request(&head, &body), nv, 16), 6);
	assert_nv(&nv[1], ":scheme", "http");
	assert_int_equal(h2_list(put_request(&head, &body), nv, 3), 3);
}

static void test_an_answer_leaves(void **state)
{
	struct field fields[] = {
		{.name = SLICE_INIT("Set-Cookie"), .value = SLICE_INIT("a")},
		{.name = SLICE_INIT("X"), .value = SLICE_INIT("a\001\tb")},
	};
	struct http_head head = {
		.fields = fields, .n_fields = 2, .status = 304};
	struct body body = {.kind = BODY_OMITTED, .length = 7};
	nghttp2_nv nv[16];

	(void)state;
	assert_int_equal(h2_list(put_answer(&head, &body), nv, 16), 4);
	assert_nv(&nv[0], ":status", "304");
	assert_nv(&nv[1], "content-length", "7");
	assert_nv(&nv[2], "set-cookie", "a");
	/* HTTP/2 knows no control characters. */
	assert_nv(&nv[3], "x", "a \tb");
	head.status = 103;
	assert_int_equal(h2_list(put_answer(&head, &body), nv, 16), 3);
}

static void test_trailers_leave(void **state)
{
	struct field fields[] = {
		{.name = SLICE_INIT("Grpc-Status"), .value = SLICE_INIT("0")},
		{.name = SLICE_INIT("Host"),
		 .value = SLICE_INIT("a"),
		 .quirks = FIELD_LEAVE_OUT},
	};
	struct http_head head = {.fields = fields, .n_fields = 2};
	struct writer w = writer_make(text, sizeof(text));
	nghttp2_nv nv[4];

	(void)state;
	h2_put_trailers(&w, &head);
	assert_int_equal(
		h2_list(slice_make(text, (size_t)(w.at - text)), nv, 4), 1);
	assert_nv(&nv[0], "grpc-status", "0");
}

static int leave(void **state)
{
	(void)state;
	h2_block_release(&block);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_malformed),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_a_request),
		cmocka_unit_test(test_connect_asks_for_its_authority),
		cmocka_unit_test(test_an_answer),
		cmocka_unit_test(test_trailers),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_malformed_and_too_long),
		cmocka_unit_test(test_a_flood_ends),
		cmocka_unit_test(test_many_crumbs),
		cmocka_unit_test(test_a_request_leaves),
		cmocka_unit_test(test_an_answer_leaves),
		cmocka_unit_test(test_trailers_leave),
	};

	return cmocka_run_group_tests(tests, NULL, leave);
}
