/* test_desync.c - one row for each reason of AWS's table, and its mixtures. */
#include "unit.h"

#include "http/desync.h"
#include "http/h1_parse.h"

#define GET  "GET / HTTP/1.1\r\n"
#define POST "POST / HTTP/1.1\r\n"
#define CL   "Content-Length: "
#define TE   "Transfer-Encoding: "

#define IN(literal) SLICE_INIT(literal "\r\n\r\n")

static const struct {
	const char *name;
	struct slice in;
	enum desync_class class;
	enum desync_reason reason;
	bool no_reading;      /* refused in monitor as well */
	const char *left_out; /* digit of each field that is not forwarded */
} cases[] = {
	/* clang-format off */
	{"plain GET", IN(GET "Host: a"), DESYNC_COMPLIANT, DESYNC_NONE, 0, ""},
	{"POST", IN(POST CL "42"), DESYNC_COMPLIANT, DESYNC_NONE, 0, ""},
	{"chunked POST", IN(POST TE "chunked"), DESYNC_COMPLIANT, DESYNC_NONE,
	 0, ""},
	{"gzip, which gets 501", IN(POST TE "gzip, chunked"), DESYNC_COMPLIANT,
	 DESYNC_NONE, 0, ""},
	{"UTF-8 in a value", IN(GET "A: \xc3\xa9"), DESYNC_COMPLIANT,
	 DESYNC_NONE, 0, ""},
	{"underscore in a name", IN(GET "A_B: c"), DESYNC_COMPLIANT,
	 DESYNC_NONE, 0, ""},

	{"bare LF", IN("GET / HTTP/1.1\nHost: a"), DESYNC_ACCEPTABLE,
	 DESYNC_NON_COMPLIANT_HEADER, 0, ""},
	{"control in a value", IN(GET "A: \x01"), DESYNC_ACCEPTABLE,
	 DESYNC_NON_COMPLIANT_HEADER, 0, ""},
	{"UTF-8 in a name", IN(GET "\xc3\xa9: a"), DESYNC_ACCEPTABLE,
	 DESYNC_NON_COMPLIANT_HEADER, 0, "0"},
	{"space in a name", IN(GET "A b: c"), DESYNC_ACCEPTABLE,
	 DESYNC_NON_COMPLIANT_HEADER, 0, "0"},
	{"space in the URI", IN("GET /a b HTTP/1.1\r\nA: b"), DESYNC_ACCEPTABLE,
	 DESYNC_SPACE_IN_URI, 0, ""},
	{"HTTP/1.2", IN("GET / HTTP/1.2\r\nA: b"), DESYNC_ACCEPTABLE,
	 DESYNC_NON_COMPLIANT_VERSION, 0, ""},
	{"GET with length 0", IN(GET CL "0"), DESYNC_ACCEPTABLE,
	 DESYNC_GET_HEAD_ZERO_CONTENT_LENGTH, 0, ""},
	{"HEAD with length 0", IN("HEAD / HTTP/1.1\r\n" CL "00"),
	 DESYNC_ACCEPTABLE, DESYNC_GET_HEAD_ZERO_CONTENT_LENGTH, 0, ""},

	{"empty name", IN(GET ": a"), DESYNC_AMBIGUOUS, DESYNC_EMPTY_HEADER, 0,
	 "0"},
	{"line of spaces", IN(GET "A: b\r\n  "), DESYNC_AMBIGUOUS,
	 DESYNC_EMPTY_HEADER, 0, "1"},
	{"obs-fold", IN(GET "A: b\r\n c"), DESYNC_AMBIGUOUS,
	 DESYNC_NON_COMPLIANT_HEADER, 0, ""},
	{"control in the URI", IN("GET /\x7f HTTP/1.1\r\nA: b"),
	 DESYNC_AMBIGUOUS, DESYNC_AMBIGUOUS_URI, 0, ""},
	{"GET with a length", IN(GET CL "4"), DESYNC_AMBIGUOUS,
	 DESYNC_UNDEFINED_CONTENT_LENGTH_SEMANTICS, 0, ""},
	{"chunked GET", IN(GET TE "chunked"), DESYNC_AMBIGUOUS,
	 DESYNC_UNDEFINED_TRANSFER_ENCODING_SEMANTICS, 0, ""},
	{"chunked in 1.0", IN("POST / HTTP/1.0\r\n" TE "chunked"),
	 DESYNC_AMBIGUOUS, DESYNC_UNDEFINED_TRANSFER_ENCODING_SEMANTICS, 0,
	 ""},
	{"4 and 4", IN(POST CL "4\r\n" CL "4"), DESYNC_AMBIGUOUS,
	 DESYNC_DUPLICATE_CONTENT_LENGTH, 0, "1"},
	{"4, 04 and 4", IN(POST CL "4\r\nA: b\r\n" CL "04\r\n" CL "4"),
	 DESYNC_AMBIGUOUS, DESYNC_DUPLICATE_CONTENT_LENGTH, 0, "23"},
	{"CL.TE", IN(POST CL "4\r\n" TE "chunked"), DESYNC_AMBIGUOUS,
	 DESYNC_BOTH_TE_CL_PRESENT, 0, "0"},
	{"TE.CL", IN(POST TE "chunked\r\n" CL "4"), DESYNC_AMBIGUOUS,
	 DESYNC_BOTH_TE_CL_PRESENT, 0, "1"},
	{"length and identity", IN(POST TE "identity\r\n" CL "4"),
	 DESYNC_AMBIGUOUS, DESYNC_BOTH_TE_CL_PRESENT, 0, ""},
	{"Transfer_Encoding", IN(POST "Transfer_Encoding: chunked"),
	 DESYNC_AMBIGUOUS, DESYNC_SUSPICIOUS_HEADER, 0, "0"},
	{"Transfer Encoding", IN(POST "Transfer Encoding: chunked"),
	 DESYNC_AMBIGUOUS, DESYNC_SUSPICIOUS_HEADER, 0, "0"},
	{"folded Transfer-Encoding", IN(POST "A: b\r\n " TE "chunked"),
	 DESYNC_AMBIGUOUS, DESYNC_SUSPICIOUS_HEADER, 0, "1"},

	{"TE.TE", IN(POST CL "4\r\nTransfer_Encoding: chunked"), DESYNC_SEVERE,
	 DESYNC_SUSPICIOUS_TE_CL_PRESENT, 0, "1"},
	{"ContentLength and chunked", IN(POST "ContentLength: 4\r\n" TE "chunked"),
	 DESYNC_SEVERE, DESYNC_SUSPICIOUS_TE_CL_PRESENT, 0, "0"},
	{"CR in a value", IN(GET "A: b\rC: d"), DESYNC_SEVERE,
	 DESYNC_BAD_HEADER, 1, "0"},
	{"NUL in a name", IN(GET "A\0: b"), DESYNC_SEVERE, DESYNC_BAD_HEADER, 1,
	 "0"},
	{"NUL in the URI", IN("GET /\0 HTTP/1.1\r\nA: b"), DESYNC_SEVERE,
	 DESYNC_BAD_URI, 1, ""},
	{"CR in the URI", IN("GET /\r HTTP/1.1\r\nA: b"), DESYNC_SEVERE,
	 DESYNC_BAD_URI, 1, ""},
	{"version", IN("GET / HTTP/x\r\nA: b"), DESYNC_SEVERE,
	 DESYNC_BAD_VERSION, 0, ""},
	{"method", IN("GE(T / HTTP/1.1\r\nA: b"), DESYNC_SEVERE,
	 DESYNC_BAD_METHOD, 0, ""},
	{"tab in the method", IN("GE\tT / HTTP/1.1\r\nA: b"), DESYNC_SEVERE,
	 DESYNC_BAD_METHOD, 1, ""},
	{"4 and 5", IN(POST CL "4\r\n" CL "5"), DESYNC_SEVERE,
	 DESYNC_MULTIPLE_CONTENT_LENGTH, 1, "1"},
	{"4 and a hidden 5", IN(POST CL "4\r\nContent_Length: 5"),
	 DESYNC_SEVERE, DESYNC_MULTIPLE_CONTENT_LENGTH, 1, "1"},
	{"42, 42", IN(POST CL "42, 42"), DESYNC_SEVERE,
	 DESYNC_BAD_CONTENT_LENGTH, 1, ""},
	{"+4", IN(POST CL "+4"), DESYNC_SEVERE, DESYNC_BAD_CONTENT_LENGTH, 1,
	 ""},
	{"empty length", IN(POST CL), DESYNC_SEVERE, DESYNC_BAD_CONTENT_LENGTH,
	 1, ""},
	{"2^64", IN(POST CL "18446744073709551616"), DESYNC_SEVERE,
	 DESYNC_BAD_CONTENT_LENGTH, 1, ""},
	{"chunked, chunked", IN(POST TE "chunked, chunked"), DESYNC_SEVERE,
	 DESYNC_MULTIPLE_TRANSFER_ENCODING_CHUNKED, 1, ""},
	{"chunked in two fields", IN(POST TE "chunked\r\n" TE "chunked"),
	 DESYNC_SEVERE, DESYNC_MULTIPLE_TRANSFER_ENCODING_CHUNKED, 1, ""},
	{"xchunked", IN(POST TE "xchunked"), DESYNC_SEVERE,
	 DESYNC_BAD_TRANSFER_ENCODING, 1, ""},
	{"VT before chunked", IN(POST TE "\x0b" "chunked"), DESYNC_SEVERE,
	 DESYNC_BAD_TRANSFER_ENCODING, 1, ""},
	{"empty coding", IN(POST TE), DESYNC_SEVERE,
	 DESYNC_BAD_TRANSFER_ENCODING, 1, ""},
	{"comma behind chunked", IN(POST TE "chunked,"), DESYNC_SEVERE,
	 DESYNC_BAD_TRANSFER_ENCODING, 1, ""},
	{"chunked in quotes", IN(POST TE "\"chunked\""), DESYNC_SEVERE,
	 DESYNC_BAD_TRANSFER_ENCODING, 1, ""},

	/* The first of the worst class is told. */
	{"acceptable, then ambiguous", IN("GET /a b HTTP/1.1\r\n" CL "4"),
	 DESYNC_AMBIGUOUS, DESYNC_UNDEFINED_CONTENT_LENGTH_SEMANTICS, 0, ""},
	{"two ambiguous", IN(GET ": a\r\n" CL "4"), DESYNC_AMBIGUOUS,
	 DESYNC_EMPTY_HEADER, 0, "0"},
	{"a severe one that hides another",
	 IN("G@T /\r HTTP/1.1\r\nA: b"), DESYNC_SEVERE, DESYNC_BAD_METHOD, 1,
	 ""},
	/* clang-format on */
};

static const enum desync_verdict verdicts[][3] = {
	[DESYNC_COMPLIANT] = {DESYNC_PASS, DESYNC_PASS, DESYNC_PASS},
	[DESYNC_ACCEPTABLE] = {DESYNC_PASS, DESYNC_PASS, DESYNC_REFUSE},
	[DESYNC_AMBIGUOUS] = {DESYNC_PASS, DESYNC_PASS_AND_CLOSE,
			      DESYNC_REFUSE},
	[DESYNC_SEVERE] = {DESYNC_PASS, DESYNC_REFUSE, DESYNC_REFUSE},
};

static void check(size_t i, enum desync_mode mode)
{
	struct field room[8];
	struct http_head head = {.fields = room, .max_fields = 8};
	struct desync got;
	enum reason why;
	enum desync_verdict want = verdicts[cases[i].class][mode];

	assert_int_equal(
		h1_parse_request(cases[i].in, &h1_request_limits, &head, &why),
		H1_DONE);
	assert_int_equal(desync_judge(&head, mode, &got),
			 cases[i].no_reading ? DESYNC_REFUSE : want);
	assert_int_equal(got.class, cases[i].class);
	assert_int_equal(got.reason, cases[i].reason);
	for (unsigned k = 0; k < head.n_fields; k++)
		assert_int_equal(!!(room[k].quirks & FIELD_LEAVE_OUT),
				 strchr(cases[i].left_out, '0' + (int)k) !=
					 NULL);
	assert_int_equal(!!(head.quirks & QUIRK_LEAVE_OUT),
			 cases[i].left_out[0] != '\0');
}

static void test_every_reason_in_every_mode(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("# %s\n", cases[i].name);
		check(i, DESYNC_MONITOR);
		check(i, DESYNC_DEFENSIVE);
		check(i, DESYNC_STRICTEST);
	}
}

static void test_every_reason_has_a_row_and_a_name(void **state)
{
	(void)state;
	for (int reason = DESYNC_NONE; reason < DESYNC_REASONS; reason++) {
		bool found = false;

		print_message("# %s\n",
			      desync_reason_text((enum desync_reason)reason));
		for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
			found |= cases[i].reason == (enum desync_reason)reason;
		assert_true(found);
	}
	assert_string_equal(desync_class_text(DESYNC_COMPLIANT), "-");
	assert_string_equal(desync_class_text(DESYNC_SEVERE), "Severe");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_reason_in_every_mode),
		cmocka_unit_test(test_every_reason_has_a_row_and_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
