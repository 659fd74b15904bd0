/* test_other_lines.c - connection logs and health check logs. */
#include "unit.h"

#include "control/check_line.h"
#include "proxy/connection_line.h"
#include "tls/client_fields.h"

enum { ROOM = 64 * 1024 };

static char room[ROOM];
#define ID SLICE("TID_00112233445566778899aabbccddeeff")

static struct slice made(const struct writer *w)
{
	assert_false(w->overflow);
	assert_int_equal(w->at[-1], '\n');
	return slice_make(room, (size_t)(w->at - room) - 1);
}

static const struct client_fields certificate = {
	.serial = SLICE_INIT("03A5B1"),
	.subject = SLICE_INIT("CN=a \"b\",O=x"),
	.validity = SLICE_INIT("NotBefore=2026-01-01T00:00:00Z;"
			       "NotAfter=2027-01-01T00:00:00Z"),
};

static struct connection_facts over_tls(void)
{
	return (struct connection_facts){
		.at_us = 1772360129900112,
		.client = SLICE("198.51.100.7"),
		.server = SLICE("10.0.0.1"),
		.client_port = 51544,
		.port = 443,
		.balancer = SLICE("shop"),
		.resource = SLICE("app/shop/0123456789abcdef"),
		.tls_protocol = SLICE("TLSv1.3"),
		.tls_cipher = SLICE("TLS_AES_128_GCM_SHA256"),
		.tls_group = SLICE("x25519"),
		.alpn = SLICE("http/1.1"),
		.handshake_ms = 4,
		.is_tls = true,
		.id = ID,
	};
}

/* Observability, section 6. */
static void test_connections(void **state)
{
	struct connection_facts f = over_tls();
	struct writer w = writer_make(room, ROOM);

	(void)state;
	connection_line_alb(&w, &f);
	assert_slice(made(&w),
		     "2026-03-01T10:15:29.900112Z 198.51.100.7 51544 443 "
		     "TLSv1.3 TLS_AES_128_GCM_SHA256 0.004 \"-\" - - Success "
		     "TID_00112233445566778899aabbccddeeff x25519 "
		     "app/shop/0123456789abcdef 10.0.0.1");
	f.certificate = &certificate;
	w = writer_make(room, ROOM);
	connection_line_json(&w, &f);
	assert_slice(made(&w),
		     "{\"time\":\"2026-03-01T10:15:29.900112Z\","
		     "\"client\":\"198.51.100.7\",\"client_port\":51544,"
		     "\"listener\":443,\"load_balancer\":\"shop\","
		     "\"server_address\":\"10.0.0.1\","
		     "\"tls_protocol\":\"TLSv1.3\","
		     "\"tls_cipher\":\"TLS_AES_128_GCM_SHA256\","
		     "\"tls_handshake_seconds\":0.004,\"tls_group\":\"x25519\","
		     "\"alpn\":\"http/1.1\",\"subject\":\"CN=a \\\"b\\\",O=x\","
		     "\"not_before\":\"2026-01-01T00:00:00Z\","
		     "\"not_after\":\"2027-01-01T00:00:00Z\","
		     "\"serial\":\"03A5B1\",\"verify_status\":\"Success\","
		     "\"id\":\"TID_00112233445566778899aabbccddeeff\"}");
}

static void test_connections_without_tls_and_failed_ones(void **state)
{
	struct connection_facts f = {
		.at_us = 1772360129900112,
		.client = SLICE("::1"),
		.server = SLICE("::1"),
		.client_port = 1,
		.port = 80,
		.resource = SLICE("app/shop/0123456789abcdef"),
		.handshake_ms = -1,
		.id = ID,
	};
	struct writer w = writer_make(room, ROOM);

	(void)state;
	connection_line_alb(&w, &f);
	assert_slice(made(&w),
		     "2026-03-01T10:15:29.900112Z ::1 1 80 - - - \"-\" - - - "
		     "TID_00112233445566778899aabbccddeeff - "
		     "app/shop/0123456789abcdef ::1");
	f.is_tls = true;
	f.code = "ClientCertExpired";
	f.reason = SLICE("client-certificate");
	f.certificate = &certificate;
	w = writer_make(room, ROOM);
	connection_line_alb(&w, &f);
	assert_slice(made(&w), "2026-03-01T10:15:29.900112Z ::1 1 80 - - - "
			       "\"CN=a \\x22b\\x22,O=x\" "
			       "NotBefore=2026-01-01T00:00:00Z;"
			       "NotAfter=2027-01-01T00:00:00Z 03A5B1 "
			       "Failed:ClientCertExpired "
			       "TID_00112233445566778899aabbccddeeff - "
			       "app/shop/0123456789abcdef ::1");
	w = writer_make(room, ROOM);
	f.certificate = NULL;
	connection_line_json(&w, &f);
	assert_slice(made(&w),
		     "{\"time\":\"2026-03-01T10:15:29.900112Z\","
		     "\"client\":\"::1\",\"client_port\":1,\"listener\":80,"
		     "\"server_address\":\"::1\","
		     "\"verify_status\":\"Failed:ClientCertExpired\","
		     "\"id\":\"TID_00112233445566778899aabbccddeeff\","
		     "\"reason\":\"client-certificate\"}");
}

/* Observability, section 7. */
static void test_health_checks(void **state)
{
	struct check_facts f = {
		.protocol = PROTOCOL_HTTP,
		.at_us = 1772360100000123,
		.latency_ns = 3114870,
		.target = SLICE("10.0.3.9:8080"),
		.id = SLICE("app.example"),
		.group = SLICE("web"),
		.passed = true,
		.code = 200,
		.result = CHECK_ANSWERED,
		.state = HEALTH_HEALTHY,
	};
	struct writer w = writer_make(room, ROOM);

	(void)state;
	check_line_alb(&w, &f);
	assert_slice(made(&w), "http 2026-03-01T10:15:00.000123Z 0.003114870 "
			       "10.0.3.9:8080 web PASS 200 -");
	w = writer_make(room, ROOM);
	check_line_json(&w, &f);
	assert_slice(made(&w),
		     "{\"time\":\"2026-03-01T10:15:00.000123Z\","
		     "\"type\":\"http\",\"target\":\"10.0.3.9:8080\","
		     "\"id\":\"app.example\",\"target_group\":\"web\","
		     "\"status\":\"PASS\",\"code\":200,"
		     "\"seconds\":0.003114870,\"state\":\"healthy\"}");
}

static void test_reasons_of_failed_checks(void **state)
{
	static const struct {
		enum check_result result;
		uint16_t code;
		const char *end;
	} rows[] = {
		{CHECK_ANSWERED, 404, "FAIL 404 ResponseCodeMismatch"},
		{CHECK_ANSWERED, 301, "FAIL 301 ResponseCodeMismatch"},
		{CHECK_ANSWERED, 500, "FAIL 500 TargetError"},
		{CHECK_ANSWERED, 503, "FAIL 503 TargetError"},
		{CHECK_OTHER_BODY, 200, "FAIL 200 ResponseStringMismatch"},
		{CHECK_TIMEOUT, 0, "FAIL - TimedOut"},
		{CHECK_BROKEN, 0, "FAIL - ConnectionReset"},
		{CHECK_INTERNAL, 0, "FAIL - InternalError"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct check_facts f = {
			.protocol = PROTOCOL_HTTPS,
			.target = SLICE("10.0.3.9:8080"),
			.group = SLICE("web"),
			.code = rows[i].code,
			.result = rows[i].result,
			.state = HEALTH_UNHEALTHY,
		};
		struct writer w = writer_make(room, ROOM);
		struct slice line;

		check_line_alb(&w, &f);
		line = made(&w);
		assert_true(slice_starts(line, SLICE("https ")));
		assert_slice(slice_from(line, line.n - strlen(rows[i].end)),
			     rows[i].end);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_connections),
		cmocka_unit_test(test_connections_without_tls_and_failed_ones),
		cmocka_unit_test(test_health_checks),
		cmocka_unit_test(test_reasons_of_failed_checks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
