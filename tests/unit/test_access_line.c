/* test_access_line.c - the lines of alb-compatibility.md, "Access log". */
#include "unit.h"

#include <stdlib.h>

#include "proxy/access_line.h"

enum { ROOM = 512 * 1024 };

static char room[ROOM];

#define T(kind, value) [ACCESS_##kind] = SLICE_INIT(value)

/* An ordinary request over TLS. */
static struct access_facts ordinary(void)
{
	return (struct access_facts){
		.text =
			{
				T(METHOD, "GET"),
				T(TARGET_URI, "/cart?id=7"),
				T(HOST, "shop.example"),
				T(USER_AGENT, "curl/8.5.0"),
				T(TRACE_ID,
				  "Root=1-69a41252-0a1b2c3d4e5f60718293a4b5"),
				T(BALANCER, "shop"),
				T(RESOURCE, "app/shop/0123456789abcdef"),
				T(DNS_NAME, "shop-0123456789abcdef.elb.eu-local"
					    "-1.localhost"),
				T(REGION, "eu-local-1"),
				T(ACCOUNT, "000000000000"),
				T(PLACE, "weir.yaml"),
				T(GROUP, "web"),
				T(GROUP_ARN,
				  "arn:aws:elasticloadbalancing:eu-local-1:"
				  "000000000000:targetgroup/web/"
				  "fedcba9876543210"),
				T(TARGET, "10.0.3.9:8080"),
				T(CONNECTION,
				  "TID_00112233445566778899aabbccddeeff"),
				T(CLIENT, "198.51.100.7"),
				T(SERVER, "10.0.0.1"),
				T(TLS_PROTOCOL, "TLSv1.2"),
				T(TLS_CIPHER, "ECDHE-RSA-AES128-GCM-SHA256"),
				T(SERVER_NAME, "shop.example"),
				T(CERTIFICATE, "tls/shop.pem"),
				T(CERTIFICATE_ID, "shop"),
			},
		.ended_us = 1772360130123456,
		.created_us = 1772360130098000,
		.request_ms = 1,
		.target_ms = 24,
		.response_ms = 0,
		.connect_ms = -1,
		.total_ms = 25,
		.received = 312,
		.sent = 1893,
		.generation = 3,
		.priority = 10,
		.place_line = 14,
		.port = 443,
		.client_port = 51544,
		.status = 200,
		.target_status = 200,
		.rule = RULE_MET,
		.actions = ACTED_FORWARD,
		.version = HTTP_1_1,
		.sticky = STICKY_KEPT,
		.tries = 1,
		.is_https = true,
		.forwards = true,
	};
}

static struct slice alb(const struct access_facts *f)
{
	struct writer w = writer_make(room, ROOM);

	access_line_alb(&w, f);
	assert_false(w.overflow);
	assert_int_equal(w.at[-1], '\n');
	return slice_make(room, (size_t)(w.at - room) - 1);
}

static struct slice json(const struct access_facts *f)
{
	struct writer w = writer_make(room, ROOM);

	access_line_json(&w, f);
	assert_false(w.overflow);
	assert_int_equal(w.at[-1], '\n');
	return slice_make(room, (size_t)(w.at - room) - 1);
}

/* The n-th field, from 1, with its quotes; counts like a strict reader. */
static struct slice field(struct slice line, int n)
{
	for (;;) {
		size_t end;

		if (line.p[0] == '"')
			end = slice_find(slice_from(line, 1), '"') + 2;
		else
			end = slice_find(line, ' ');
		if (--n == 0)
			return slice_first(line, end);
		assert_true(end < line.n && line.p[end] == ' ');
		line = slice_from(line, end + 1);
	}
}

/* Section 4.3, the first example. */
static void test_a_request_over_tls(void **state)
{
	struct access_facts f = ordinary();

	(void)state;
	assert_slice(
		alb(&f),
		"https 2026-03-01T10:15:30.123456Z app/shop/0123456789abcdef "
		"198.51.100.7:51544 10.0.3.9:8080 0.001 0.024 0.000 200 200 "
		"312 1893 \"GET https://shop.example:443/cart?id=7 HTTP/1.1\" "
		"\"curl/8.5.0\" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 "
		"arn:aws:elasticloadbalancing:eu-local-1:000000000000:"
		"targetgroup/web/fedcba9876543210 "
		"\"Root=1-69a41252-0a1b2c3d4e5f60718293a4b5\" "
		"\"shop.example\" "
		"\"arn:aws:acm:eu-local-1:000000000000:certificate/shop\" 10 "
		"2026-03-01T10:15:30.098000Z \"forward\" \"-\" \"-\" "
		"\"10.0.3.9:8080\" \"200\" \"-\" \"-\" "
		"TID_00112233445566778899aabbccddeeff \"-\" \"-\" \"-\" "
		"10.0.0.1 \"-\" \"-\"");
}

/* Section 4.3, the second: nothing that could be read. */
static void test_a_request_that_is_none(void **state)
{
	struct access_facts f = {
		.text =
			{
				T(RESOURCE, "app/shop/0123456789abcdef"),
				T(DNS_NAME, "shop-0123456789abcdef.elb.eu-local"
					    "-1.localhost"),
				T(CONNECTION,
				  "TID_ffeeddccbbaa99887766554433221100"),
				T(CLIENT, "198.51.100.7"),
				T(SERVER, "10.0.0.1"),
			},
		.ended_us = 1772360131000871,
		.created_us = 1772360131000871,
		.request_ms = -1,
		.target_ms = -1,
		.response_ms = -1,
		.connect_ms = -1,
		.sent = 272,
		.port = 80,
		.client_port = 51550,
		.status = 400,
	};

	(void)state;
	assert_slice(
		alb(&f),
		"http 2026-03-01T10:15:31.000871Z app/shop/0123456789abcdef "
		"198.51.100.7:51550 - -1 -1 -1 400 - 0 272 "
		"\"- http://shop-0123456789abcdef.elb.eu-local-1.localhost:80- "
		"-\" \"-\" - - - \"-\" \"-\" \"-\" - "
		"2026-03-01T10:15:31.000000Z \"-\" \"-\" \"-\" \"-\" \"-\" "
		"\"-\" \"-\" TID_ffeeddccbbaa99887766554433221100 \"-\" \"-\" "
		"\"-\" 10.0.0.1 \"-\" \"-\"");
	f.reason = REASON_MALFORMED;
	assert_slice(json(&f),
		     "{\"time\":\"2026-03-01T10:15:31.000871Z\","
		     "\"created\":\"2026-03-01T10:15:31.000871Z\","
		     "\"type\":\"http\",\"listener\":80,"
		     "\"id\":\"TID_ffeeddccbbaa99887766554433221100\","
		     "\"client\":\"198.51.100.7\",\"client_port\":51550,"
		     "\"client_address\":\"198.51.100.7\","
		     "\"server_address\":\"10.0.0.1\",\"generation\":0,"
		     "\"status\":400,\"reason\":\"malformed-request\","
		     "\"total_seconds\":0.000,\"received_octets\":0,"
		     "\"sent_octets\":272}");
}

static void set_text(struct access_facts *f, enum access_text kind,
		     const char *text)
{
	f->text[kind] = slice_of(text);
}

/* Section 4: fields 1 and 4, 13. */
static void test_types_peers_and_request_lines(void **state)
{
	static const struct {
		bool https, tunnel;
		const char *client, *method, *target, *host;
		uint16_t port;
		uint8_t version;
		const char *type, *peer, *line;
	} rows[] = {
		{false, false, "1.2.3.4", "GET", "/", "a", 80, HTTP_1_1, "http",
		 "1.2.3.4:9", "\"GET http://a:80/ HTTP/1.1\""},
		{true, false, "::1", "GET", "/", "a:8443", 443, HTTP_1_0,
		 "https", "[::1]:9", "\"GET https://a:443/ HTTP/1.0\""},
		{false, true, "1.2.3.4", "GET", "/ws", "[::1]:80", 80, HTTP_1_1,
		 "ws", "1.2.3.4:9", "\"GET http://[::1]:80/ws HTTP/1.1\""},
		{true, true, "1.2.3.4", "GET", "/ws", "[::1]", 443, HTTP_1_1,
		 "wss", "1.2.3.4:9", "\"GET https://[::1]:443/ws HTTP/1.1\""},
		/* The authority of the target wins over Host. */
		{false, false, "1.2.3.4", "GET", "http://b:81/x?y", "a", 80,
		 HTTP_1_1, "http", "1.2.3.4:9",
		 "\"GET http://b:80/x?y HTTP/1.1\""},
		{false, false, "1.2.3.4", "GET", "/http://b/", "a", 80,
		 HTTP_1_1, "http", "1.2.3.4:9",
		 "\"GET http://a:80/http://b/ HTTP/1.1\""},
		{false, false, "1.2.3.4", "GET", "http://b?q", "a", 80,
		 HTTP_1_1, "http", "1.2.3.4:9",
		 "\"GET http://b:80?q HTTP/1.1\""},
		{false, false, "1.2.3.4", "OPTIONS", "*", "a", 80, HTTP_1_1,
		 "http", "1.2.3.4:9", "\"OPTIONS http://a:80* HTTP/1.1\""},
		/* Without a Host: ours. */
		{false, false, "1.2.3.4", "GET", "/", "", 80, HTTP_1_0, "http",
		 "1.2.3.4:9",
		 "\"GET http://shop-0123456789abcdef.elb.eu-local-1.localhost"
		 ":80/ HTTP/1.0\""},
		{false, false, "1.2.3.4", "GET", "/a\"b\\c", "x\ty:z", 80,
		 HTTP_1_1, "http", "1.2.3.4:9",
		 "\"GET http://x\\x09y:z:80/a\\x22b\\x5cc HTTP/1.1\""},
		{false, false, "1.2.3.4", "GET", "/", "a:", 80, HTTP_1_1,
		 "http", "1.2.3.4:9", "\"GET http://a:80/ HTTP/1.1\""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct access_facts f = ordinary();

		f.is_https = rows[i].https;
		f.is_tunnel = rows[i].tunnel;
		f.port = rows[i].port;
		f.client_port = 9;
		f.version = rows[i].version;
		set_text(&f, ACCESS_CLIENT, rows[i].client);
		set_text(&f, ACCESS_METHOD, rows[i].method);
		set_text(&f, ACCESS_TARGET_URI, rows[i].target);
		set_text(&f, ACCESS_HOST, rows[i].host);
		assert_slice(field(alb(&f), 1), rows[i].type);
		assert_slice(field(alb(&f), 4), rows[i].peer);
		assert_slice(field(alb(&f), 13), rows[i].line);
	}
}

/* Section 4: each "-". */
static void test_what_there_is_not(void **state)
{
	static const struct {
		enum access_text kind;
		int field;
		const char *text;
	} rows[] = {
		{ACCESS_TARGET, 5, "-"},
		{ACCESS_USER_AGENT, 14, "\"-\""},
		{ACCESS_TLS_CIPHER, 15, "-"},
		{ACCESS_TLS_PROTOCOL, 16, "-"},
		{ACCESS_GROUP_ARN, 17, "-"},
		{ACCESS_TRACE_ID, 18, "\"-\""},
		{ACCESS_SERVER_NAME, 19, "\"-\""},
		{ACCESS_CERTIFICATE_ID, 20, "\"-\""},
		{ACCESS_REDIRECT_URL, 24, "\"-\""},
		{ACCESS_TARGET, 26, "\"-\""},
		{ACCESS_TRANSFORMED_HOST, 31, "\"-\""},
		{ACCESS_TRANSFORMED_URI, 32, "\"-\""},
		{ACCESS_SERVER, 34, "-"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct access_facts f = ordinary();

		f.text[rows[i].kind] = SLICE("");
		assert_slice(field(alb(&f), rows[i].field), rows[i].text);
		assert_slice(field(alb(&f), 36), "\"-\"");
	}
}

/* Section 4: fields 9, 10, 27; 20; 21; 23 and 4.1; 25; 28 and 29; 33. */
static void test_numbers_rules_and_actions(void **state)
{
	static const struct {
		uint8_t rule;
		uint32_t priority;
		uint8_t actions;
		uint16_t target_status;
		bool resumed;
		struct desync desync;
		const char *error;
		uint8_t transform;
		const char *fields[8]; /* 10 20 21 23 25 28 29 33 */
	} rows[] = {
		{RULE_MET,
		 50000,
		 ACTED_FORWARD | ACTED_REWRITE,
		 404,
		 true,
		 {DESYNC_COMPLIANT, DESYNC_NONE},
		 NULL,
		 TRANSFORM_SUCCESS,
		 {"404", "\"session-reused\"", "50000", "\"rewrite,forward\"",
		  "\"-\"", "\"-\"", "\"-\"", "\"TransformSuccess\""}},
		{RULE_MET,
		 0,
		 ACTED_REDIRECT,
		 0,
		 false,
		 {DESYNC_AMBIGUOUS, DESYNC_EMPTY_HEADER},
		 NULL,
		 TRANSFORM_UNCHANGED,
		 {"-", NULL, "0", "\"redirect\"", "\"-\"", "\"Ambiguous\"",
		  "\"EmptyHeader\"", "\"-\""}},
		{RULE_FAILED,
		 7,
		 0,
		 0,
		 false,
		 {DESYNC_COMPLIANT, DESYNC_NONE},
		 NULL,
		 TRANSFORM_UNCHANGED,
		 {"-", NULL, "-1", "\"-\"", "\"-\"", "\"-\"", "\"-\"",
		  "\"-\""}},
		{RULE_UNKNOWN,
		 0,
		 0,
		 0,
		 false,
		 {DESYNC_SEVERE, DESYNC_BAD_HEADER},
		 "AWSALBTGCookieInvalid",
		 TRANSFORM_INVALID_HOST,
		 {"-", NULL, "-", "\"-\"", "\"AWSALBTGCookieInvalid\"",
		  "\"Severe\"", "\"BadHeader\"", "\"TransformInvalidHost\""}},
		{RULE_MET,
		 3,
		 ACTED_FIXED_RESPONSE,
		 0,
		 false,
		 {DESYNC_COMPLIANT, DESYNC_NONE},
		 NULL,
		 TRANSFORM_UNCHANGED,
		 {"-", NULL, "3", "\"fixed-response\"", "\"-\"", "\"-\"",
		  "\"-\"", "\"-\""}},
	};
	static const int numbers[] = {10, 20, 21, 23, 25, 28, 29, 33};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct access_facts f = ordinary();

		f.rule = rows[i].rule;
		f.priority = rows[i].priority;
		f.actions = rows[i].actions;
		f.target_status = rows[i].target_status;
		f.is_resumed = rows[i].resumed;
		f.desync = rows[i].desync;
		f.error_reason = rows[i].error;
		f.transform = rows[i].transform;
		for (size_t k = 0; k < ARRAY_SIZE(numbers); k++)
			if (rows[i].fields[k])
				assert_slice(field(alb(&f), numbers[k]),
					     rows[i].fields[k]);
	}
}

/* interfaces.md 3. */
static void test_json(void **state)
{
	struct access_facts f = ordinary();

	(void)state;
	set_text(&f, ACCESS_CLIENT_ADDRESS, "203.0.113.9");
	set_text(&f, ACCESS_TRANSFORMED_URI, "/b");
	f.transform = TRANSFORM_SUCCESS;
	f.actions |= ACTED_REWRITE;
	f.connect_ms = 4;
	f.desync =
		(struct desync){DESYNC_ACCEPTABLE, DESYNC_NON_COMPLIANT_HEADER};
	assert_slice(
		json(&f),
		"{\"time\":\"2026-03-01T10:15:30.123456Z\","
		"\"created\":\"2026-03-01T10:15:30.098000Z\","
		"\"type\":\"https\",\"load_balancer\":\"shop\","
		"\"listener\":443,"
		"\"id\":\"TID_00112233445566778899aabbccddeeff\","
		"\"trace_id\":\"Root=1-69a41252-0a1b2c3d4e5f60718293a4b5\","
		"\"client\":\"198.51.100.7\",\"client_port\":51544,"
		"\"client_address\":\"203.0.113.9\","
		"\"server_address\":\"10.0.0.1\",\"tls_protocol\":\"TLSv1.2\","
		"\"tls_cipher\":\"ECDHE-RSA-AES128-GCM-SHA256\","
		"\"server_name\":\"shop.example\","
		"\"certificate\":\"tls/shop.pem\",\"method\":\"GET\","
		"\"scheme\":\"https\",\"host\":\"shop.example\","
		"\"path\":\"/cart\",\"query\":\"id=7\","
		"\"version\":\"HTTP/1.1\",\"user_agent\":\"curl/8.5.0\","
		"\"rule\":10,\"place\":\"weir.yaml:14\",\"generation\":3,"
		"\"actions\":[\"rewrite\",\"forward\"],"
		"\"target_group\":\"web\",\"target\":\"10.0.3.9:8080\","
		"\"tries\":1,\"sticky\":\"kept\",\"status\":200,"
		"\"target_status\":200,\"request_seconds\":0.001,"
		"\"target_seconds\":0.024,\"response_seconds\":0.000,"
		"\"total_seconds\":0.025,\"connect_seconds\":0.004,"
		"\"received_octets\":312,\"sent_octets\":1893,"
		"\"classification\":\"Acceptable\","
		"\"classification_reason\":\"NonCompliantHeader\","
		"\"transformed_path\":\"/b\","
		"\"transform_status\":\"TransformSuccess\"}");
}

static void test_a_copy_is_whole(void **state)
{
	struct access_facts f = ordinary(), *copy = access_facts_copy(&f);
	static char first[ROOM];
	struct slice line = alb(&f);

	(void)state;
	memcpy(first, line.p, line.n);
	first[line.n] = '\0';
	memset(f.text, 0, sizeof(f.text));
	assert_slice(alb(copy), first);
	free(copy);
}

/* A line that does not fit is none. */
static void test_no_room(void **state)
{
	struct access_facts f = ordinary();
	size_t n = alb(&f).n + 1, m = json(&f).n + 1;

	(void)state;
	for (size_t i = 0; i < n; i++) {
		struct writer w = writer_make(room, i);

		access_line_alb(&w, &f);
		assert_true(w.overflow);
	}
	for (size_t i = 0; i < m; i++) {
		struct writer w = writer_make(room, i);

		access_line_json(&w, &f);
		assert_true(w.overflow);
	}
}

static void test_requests_of_http_2(void **state)
{
	struct access_facts f = ordinary();

	(void)state;
	f.version = HTTP_2;
	f.stream = 7;
	assert_slice(field(alb(&f), 1), "h2");
	assert_slice(field(alb(&f), 13),
		     "\"GET https://shop.example:443/cart?id=7 HTTP/2.0\"");
	assert_slice(field(alb(&f), 35), "\"-\"");
	f.is_grpc = true;
	f.target_error = 8;
	f.elb_error = 0xb;
	assert_slice(field(alb(&f), 1), "grpcs");
	assert_slice(field(alb(&f), 35), "\"0x8\"");
	f.elb_error = 0x1f;
	assert_non_null(strstr(json(&f).p, "\"target_error_code\":\"0x8\","
					   "\"elb_error_code\":\"0x1f\""));
	assert_non_null(strstr(json(&f).p, "\"stream\":7,"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_request_over_tls),
		cmocka_unit_test(test_a_request_that_is_none),
		cmocka_unit_test(test_types_peers_and_request_lines),
		cmocka_unit_test(test_what_there_is_not),
		cmocka_unit_test(test_requests_of_http_2),
		cmocka_unit_test(test_numbers_rules_and_actions),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_a_copy_is_whole),
		cmocka_unit_test(test_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
