/* test_framing.c - one row for each rule of RFC 9112 6.3, named after it. */
#include "unit.h"

#include "http/framing.h"
#include "http/head.h"

#define CL "content-length"
#define TE "Transfer-Encoding"

/* A head of up to three fields; valid until the next call. */
static struct http_head head_of(const char *const fields[][2], size_t n)
{
	static struct field room[3];
	struct http_head head = {.fields = room,
				 .max_fields = 3,
				 .version = HTTP_1_1,
				 .method_id = METHOD_POST,
				 .status = 200};

	for (size_t i = 0; i < n && fields[i][0]; i++) {
		struct slice name = slice_of(fields[i][0]);

		room[i] = (struct field){
			.name = name,
			.value = slice_of(fields[i][1]),
			.id = (uint8_t)name_of(name),
		};
		head.present |= NAME_BIT(room[i].id);
		head.n_fields++;
	}
	return head;
}

static const struct {
	const char *name;
	const char *fields[3][2];
	int status;
	struct framing expect;
} cases[] = {
	{"no body", {{"host", "a"}}, 0, {FRAMING_NONE, 0, false}},
	{"length", {{CL, "42"}}, 0, {FRAMING_LENGTH, 42, false}},
	{"length 0", {{CL, "0"}}, 0, {FRAMING_LENGTH, 0, false}},
	{"4 and 4", {{CL, "4"}, {CL, "4"}}, 0, {FRAMING_LENGTH, 4, true}},
	{"4 and 04", {{CL, "4"}, {CL, "04"}}, 0, {FRAMING_LENGTH, 4, true}},
	{"any case", {{TE, "ChunKed"}}, 0, {FRAMING_CHUNKED, 0, false}},
	{"CL.TE", {{CL, "4"}, {TE, "chunked"}}, 0, {FRAMING_CHUNKED, 0, true}},
	{"TE.CL", {{TE, "chunked"}, {CL, "4"}}, 0, {FRAMING_CHUNKED, 0, true}},
	{"2^64-1 octets",
	 {{CL, "18446744073709551615"}},
	 0,
	 {FRAMING_LENGTH, UINT64_MAX, false}},
	{"4 and 5", {{CL, "4"}, {CL, "5"}}, 400},
	{"4 and nothing", {{CL, "4"}, {CL, ""}}, 400},
	{"list of lengths", {{CL, "4, 4"}}, 400},
	{"signed length", {{CL, "+4"}}, 400},
	{"negative length", {{CL, "-4"}}, 400},
	{"hex length", {{CL, "0x4"}}, 400},
	{"empty length", {{CL, ""}}, 400},
	{"2^64 octets", {{CL, "18446744073709551616"}}, 400},
	{"chunked twice", {{TE, "chunked"}, {TE, "chunked"}}, 400},
	{"chunked twice in one", {{TE, "chunked, chunked"}}, 400},
	{"chunked, then identity", {{TE, "chunked"}, {TE, "identity"}}, 400},
	{"chunked not last", {{TE, "chunked, gzip"}}, 400},
	{"coding we do not speak", {{TE, "gzip, chunked"}}, 501},
	{"gzip alone", {{TE, "gzip"}}, 501},
	{"coding nobody knows", {{TE, "xchunked"}}, 400},
	{"no coding", {{TE, ""}}, 400},
	{"only commas", {{TE, ", ,"}}, 400},
	{"chunked in quotes", {{TE, "\"chunked\""}}, 400},
	{"chunked with VT", {{TE, "\vchunked"}}, 400},
	{"chunked with a parameter", {{TE, "chunked;a=b"}}, 400},
	{"identity", {{TE, "identity"}}, 0, {FRAMING_NONE, 0, true}},
	{"identity and a length",
	 {{TE, "identity"}, {CL, "4"}},
	 0,
	 {FRAMING_LENGTH, 4, true}},
};

static void test_every_rule(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct http_head head = head_of(cases[i].fields, 3);
		struct framing got = {0};

		print_message("# %s\n", cases[i].name);
		assert_int_equal(framing_of_request(&head, &got),
				 cases[i].status);
		if (cases[i].status)
			continue;
		assert_int_equal(got.kind, cases[i].expect.kind);
		assert_int_equal(got.length, cases[i].expect.length);
		assert_int_equal(got.doubtful, cases[i].expect.doubtful);
	}
}

static const struct {
	const char *line, *first, *second;
} lists[] = {
	{"gzip, chunked", "gzip", "chunked"},
	{"gzip, deflate", "gzip", "deflate"},
	{"chunked, gzip", "chunked", "gzip"},
	{"chunked, chunked", "chunked", "chunked"},
	{"xgzip, gzip", "xgzip", "gzip"},
	{"identity, chunked", "identity", "chunked"},
};

/* RFC 9110 5.3: lines of one name are one list. */
static void regress_codings_on_two_lines_are_one_list(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		const char *one[][2] = {{TE, lists[i].line}};
		const char *two[][2] = {{TE, lists[i].first},
					{TE, lists[i].second}};
		struct framing got;
		struct http_head head = head_of(one, 1);
		int status = framing_of_request(&head, &got);

		print_message("# %s\n", lists[i].line);
		head = head_of(two, 2);
		assert_int_equal(framing_of_request(&head, &got), status);
		assert_int_not_equal(status, 0);
	}
}

static void test_codings_in_http_1_0_are_doubtful(void **state)
{
	const char *chunked[][2] = {{TE, "chunked"}};
	struct http_head head = head_of(chunked, 1);
	struct framing got;

	(void)state;
	head.version = HTTP_1_0;
	assert_int_equal(framing_of_request(&head, &got), 0);
	assert_true(got.doubtful);
}

static void test_look_alikes_are_doubtful(void **state)
{
	const char *none[][2] = {{"Transfer_Encoding", "chunked"}};
	struct http_head head = head_of(none, 1);
	struct framing got;

	(void)state;
	head.quirks = QUIRK_SUSPICIOUS;
	assert_int_equal(framing_of_request(&head, &got), 0);
	assert_int_equal(got.kind, FRAMING_NONE);
	assert_true(got.doubtful);
}

/* Answers that have no body, and what they say of one: whether what follows on
 * the connection may be it. */
static void regress_a_body_where_none_may_be_is_doubtful(void **state)
{
	static const struct {
		uint16_t status;
		bool head;
		const char *fields[2][2];
		bool doubtful;
	} rows[] = {
		{200, true, {{"a", "b"}}, false},
		{200, true, {{CL, "7"}}, false},
		{200, true, {{TE, "chunked"}}, false},
		{200, true, {{CL, "7"}, {TE, "chunked"}}, true},
		{200, true, {{CL, "7"}, {CL, "8"}}, true},
		{200, true, {{CL, "seven"}}, true},
		{204, false, {{"a", "b"}}, false},
		{204, false, {{CL, "0"}}, false},
		{204, false, {{CL, "7"}}, true},
		{204, false, {{TE, "chunked"}}, true},
		{304, false, {{CL, "0"}}, false},
		{304, false, {{CL, "7"}}, true},
		{304, false, {{TE, "chunked"}}, true},
		{304, false, {{CL, "0"}, {CL, "7"}}, true},
		{304, true, {{CL, "7"}}, false},
		{304, true, {{CL, "7"}, {CL, "8"}}, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t n = rows[i].fields[1][0] ? 2 : 1;
		struct http_head head = head_of(rows[i].fields, n);
		struct framing got;

		head.status = rows[i].status;
		assert_int_equal(
			framing_of_response(&head, rows[i].head, false, &got),
			0);
		assert_int_equal(got.kind, FRAMING_NONE);
		if (got.doubtful != rows[i].doubtful)
			fail_msg("row %zu: doubtful is %d", i, got.doubtful);
	}
}

static const struct {
	const char *name;
	uint16_t answer;
	bool head, connect;
	const char *fields[3][2];
	int status;
	struct framing expect;
} answers[] = {
	{"length", 200, 0, 0, {{CL, "7"}}, 0, {FRAMING_LENGTH, 7, false}},
	{"chunked", 200, 0, 0, {{TE, "chunked"}}, 0, {FRAMING_CHUNKED}},
	{"until close", 200, 0, 0, {{"a", "b"}}, 0, {FRAMING_CLOSE}},
	{"identity", 200, 0, 0, {{TE, "identity"}}, 0, {FRAMING_CLOSE, 0, 1}},
	{"to HEAD", 200, 1, 0, {{CL, "7"}}, 0, {FRAMING_NONE}},
	{"chunked to HEAD", 200, 1, 0, {{TE, "chunked"}}, 0, {FRAMING_NONE}},
	{"204", 204, 0, 0, {{CL, "7"}}, 0, {FRAMING_NONE, 0, 1}},
	{"304", 304, 0, 0, {{CL, "7"}}, 0, {FRAMING_NONE, 0, 1}},
	{"100", 100, 0, 0, {{CL, "7"}}, 0, {FRAMING_NONE, 0, 1}},
	{"101", 101, 0, 0, {{"upgrade", "websocket"}}, 0, {FRAMING_NONE}},
	{"2xx to CONNECT", 200, 0, 1, {{CL, "7"}}, 0, {FRAMING_NONE}},
	{"403 to CONNECT", 403, 0, 1, {{CL, "7"}}, 0, {FRAMING_LENGTH, 7}},
	{"both",
	 200,
	 0,
	 0,
	 {{CL, "7"}, {TE, "chunked"}},
	 0,
	 {FRAMING_CHUNKED, 0, true}},
	{"7 and 7",
	 200,
	 0,
	 0,
	 {{CL, "7"}, {CL, "7"}},
	 0,
	 {FRAMING_LENGTH, 7, true}},
	{"7 and 8", 200, 0, 0, {{CL, "7"}, {CL, "8"}}, 502},
	{"bad length", 200, 0, 0, {{CL, "7a"}}, 502},
	{"gzip, chunked", 200, 0, 0, {{TE, "gzip, chunked"}}, 502},
};

static void test_responses(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		struct http_head head = head_of(answers[i].fields, 3);
		struct framing got = {0};

		print_message("# %s\n", answers[i].name);
		head.status = answers[i].answer;
		assert_int_equal(framing_of_response(&head, answers[i].head,
						     answers[i].connect, &got),
				 answers[i].status);
		if (answers[i].status)
			continue;
		assert_int_equal(got.kind, answers[i].expect.kind);
		assert_int_equal(got.length, answers[i].expect.length);
		assert_int_equal(got.doubtful, answers[i].expect.doubtful);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_rule),
		cmocka_unit_test(regress_codings_on_two_lines_are_one_list),
		cmocka_unit_test(test_codings_in_http_1_0_are_doubtful),
		cmocka_unit_test(test_look_alikes_are_doubtful),
		cmocka_unit_test(test_responses),
		cmocka_unit_test(regress_a_body_where_none_may_be_is_doubtful),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
