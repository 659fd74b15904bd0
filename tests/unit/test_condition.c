/* test_condition.c - conditions as they are written against requests as they
 * are sent.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "config/config.h"
#include "http/h1_parse.h"
#include "model/route.h"

static struct route_scratch scratch;

static int setup(void **state)
{
	(void)state;
	scratch.patterns = pattern_scratch_new();
	return scratch.patterns ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	pattern_scratch_free(scratch.patterns);
	return 0;
}

static struct snapshot *load(const char *conditions)
{
	static const char form[] =
		"prefix_lists:\n"
		"  - {name: office, entries: [{cidr: 192.0.2.0/24},"
		" {cidr: \"2001:db8::/32\"}]}\n"
		"load_balancers:\n"
		"  - name: web\n"
		"    listeners:\n"
		"      - port: 80\n"
		"        rules:\n"
		"          - priority: 1\n"
		"            conditions: %s\n"
		"            actions: {fixed_response: {status_code: 200}}\n"
		"        default_actions: {fixed_response: {status_code: "
		"404}}\n";
	struct diag diag = {0};
	char text[2048];
	int n = snprintf(text, sizeof(text), form, conditions);
	struct snapshot *snap = config_load_text(
		"t.yaml", slice_make(text, (size_t)n), NULL, &diag);

	for (unsigned i = 0; i < diag.n_findings; i++)
		print_message("%s\n", diag.findings[i].sentence);
	diag_release(&diag);
	assert_non_null(snap);
	return snap;
}

static struct decision decide(const struct snapshot *snap, const char *request,
			      const char *from)
{
	struct field fields[110];
	struct http_head head = {.fields = fields, .max_fields = 110};
	struct addr peer = {.len = 0};
	static char text[20 * 1024];
	enum reason why;
	int n = snprintf(text, sizeof(text), "%s\r\n", request);

	if (from)
		assert_true(addr_parse_ip(slice_of(from), 1, &peer));
	assert_int_equal(h1_parse_request(slice_make(text, (size_t)n),
					  &h1_request_limits, &head, &why),
			 H1_DONE);
	return route_decide(snap->balancers[0].listeners, &head, &peer,
			    &scratch);
}

static bool is_met(const struct snapshot *snap, const char *request,
		   const char *from)
{
	struct decision d = decide(snap, request, from);

	assert_int_equal(d.reason, REASON_NONE);
	return !d.rule->is_default;
}

#define GET(target, more) "GET " target " HTTP/1.1\r\nHost: a\r\n" more

/* clang-format off */
static const struct {
	const char *conditions, *request, *from;
	bool met;
} rows[] = {
#define ENV "{http_header: {http_header_name: X-Env, values: [stag*, 'a\\*b']}}"
	{ENV, GET("/", "X-Env: staging\r\n"), 0, true},
	{ENV, GET("/", "x-env: STAGING\r\n"), 0, true},
	{ENV, GET("/", "X-Env: prod\r\nX-ENV: stag\r\n"), 0, true},
	{ENV, GET("/", "X-Env: on staging\r\n"), 0, false},
	{ENV, GET("/", "X_Env: staging\r\n"), 0, false},
	{ENV, GET("/", "X-Env: A*B\r\n"), 0, true},
	{ENV, GET("/", "X-Env: axb\r\n"), 0, false},
	{ENV, GET("/", ""), 0, false},
	{"{http_header: {http_header_name: X-Env, values: '*'}}",
	 GET("/", "X-Env:\r\n"), 0, true},
	{"{http_header: {http_header_name: X-Env, values: '?*'}}",
	 GET("/", "X-Env:\r\n"), 0, false},
	{"{http_header: {http_header_name: X-Env, regex_values: '^v[0-9]$'}}",
	 GET("/", "X-Env: V7\r\n"), 0, true},
	/* Those that have a number, that end here, and that are taken out. */
	{"{http_header: {http_header_name: user-agent, values: '*curl*'}}",
	 GET("/", "User-Agent: curl/8\r\n"), 0, true},
	{"{http_header: {http_header_name: Connection, values: 'close'}}",
	 GET("/", "Connection: close\r\n"), 0, true},
	{"{http_header: {http_header_name: X-Amzn-Tls-Version, values: 'a'}}",
	 GET("/", "X-Amzn-Oidc-Data: b\r\nX-AMZN-Tls-Version: a\r\n"), 0, true},
	{"{http_header: {http_header_name: X-Amzn-Tls-Version, values: 'b'}}",
	 GET("/", "X-Amzn-Oidc-Data: b\r\nX-AMZN-Tls-Version: a\r\n"), 0, false},
	{"[{http_header: {http_header_name: A, values: '1'}},"
	 " {http_header: {http_header_name: B, values: '2'}}]",
	 GET("/", "A: 1\r\nB: 2\r\n"), 0, true},
	{"[{http_header: {http_header_name: A, values: '1'}},"
	 " {http_header: {http_header_name: A, values: '2'}}]",
	 GET("/", "A: 1\r\nA: 2\r\n"), 0, true},
	{"[{http_header: {http_header_name: A, values: '1'}},"
	 " {http_header: {http_header_name: B, values: '2'}}]",
	 GET("/", "A: 1\r\n"), 0, false},

	{"{http_request_method: [PUT, PURGE]}", "PURGE / HTTP/1.1\r\nHost: a\r\n",
	 0, true},
	{"{http_request_method: [PUT, PURGE]}", "Purge / HTTP/1.1\r\nHost: a\r\n",
	 0, false},
	{"{http_request_method: GET}", "HEAD / HTTP/1.1\r\nHost: a\r\n", 0,
	 false},

#define PAIRS "{query_string: [{key: version, value: v1}, {value: '*beta*'}]}"
	{PAIRS, GET("/?version=v1", ""), 0, true},
	{PAIRS, GET("/?a=b&VERSION=V1", ""), 0, true},
	{PAIRS, GET("/?version=v1x", ""), 0, false},
	{PAIRS, GET("/?xversion=v1", ""), 0, false},
	{PAIRS, GET("/?version=v2&other=v1", ""), 0, false},
	{PAIRS, GET("/?x=isbetaonly", ""), 0, true},
	{PAIRS, GET("/?isbetaonly", ""), 0, false},
	{PAIRS, GET("/?versio%6e=v1", ""), 0, false},
	{PAIRS, GET("/version=v1", ""), 0, false},
	{PAIRS, GET("/", ""), 0, false},
	{"{query_string: {key: debug, value: '*'}}", GET("/?debug", ""), 0, true},
	{"{query_string: {key: debug, value: '?*'}}", GET("/?debug=", ""), 0,
	 false},
	{"{query_string: {key: 'd*', value: '?'}}", GET("/?debug=1", ""), 0,
	 true},
	{"{query_string: {value: '*'}}", GET("/?", ""), 0, false},
	{"{query_string: {value: '*'}}", GET("/?&&", ""), 0, false},
	{"{query_string: {key: a, value: b=c}}", GET("/?a=b=c", ""), 0, true},
	{"{query_string: {key: a, value: 'x\\?y\\*'}}", GET("/?a=x?Y*", ""), 0,
	 true},
	{"{query_string: {key: a, value: 'x\\?y\\*'}}", GET("/?a=xzyz", ""), 0,
	 false},
	{"[{query_string: {key: a, value: '1'}},"
	 " {query_string: {key: b, value: '2'}}]", GET("/?b=2&a=1", ""), 0, true},
	{"[{query_string: {key: a, value: '1'}},"
	 " {query_string: {key: b, value: '2'}}]", GET("/?b=2&a=2", ""), 0, false},

#define IP "{source_ip: [10.0.0.0/8, \"fd00::/8\", {prefix_list: office}]}"
	{IP, GET("/", ""), "10.255.0.1", true},
	{IP, GET("/", ""), "11.0.0.1", false},
	{IP, GET("/", ""), "::ffff:10.0.0.1", true},
	{IP, GET("/", ""), "fd12::1", true},
	{IP, GET("/", ""), "fe80::1", false},
	{IP, GET("/", ""), "192.0.2.77", true},
	{IP, GET("/", ""), "2001:db8::1", true},
	{IP, GET("/", ""), NULL, false},
	{IP, GET("/", "X-Forwarded-For: 10.0.0.1\r\n"), "11.0.0.1", false},
	{"{source_ip: 0.0.0.0/0}", GET("/", ""), "::1", false},
	{"[{source_ip: 10.0.0.0/8}, {path_pattern: /a}, {host_header: a}]",
	 GET("/a", ""), "10.0.0.1", true},
	{"[{source_ip: 10.0.0.0/8}, {path_pattern: /a}, {host_header: a}]",
	 GET("/a", ""), "9.0.0.1", false},
};
/* clang-format on */

static void test_every_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct snapshot *snap = load(rows[i].conditions);

		print_message("# %s %s\n", rows[i].conditions, rows[i].request);
		assert_int_equal(is_met(snap, rows[i].request, rows[i].from),
				 rows[i].met);
		snapshot_unref(snap);
	}
}

/* 100 pairs without '=', and the one that is asked for behind them. */
static void test_many_pairs(void **state)
{
	struct snapshot *snap = load("{query_string: {key: z, value: '*'}}");
	char request[256], pairs[201];

	(void)state;
	for (int i = 0; i < 200; i++)
		pairs[i] = i % 2 ? '&' : 'a';
	pairs[200] = '\0';
	snprintf(request, sizeof(request), "GET /?%s HTTP/1.1\r\nHost: a\r\n",
		 pairs);
	assert_false(is_met(snap, request, NULL));
	request[strlen("GET /?") + 198] = 'z';
	assert_true(is_met(snap, request, NULL));
	snapshot_unref(snap);
}

/* On values of nearly 16 KiB: one that is easy, one that goes back a lot. */
static void test_regexes_on_long_values(void **state)
{
	enum { OCTETS = 16 * 1024 - 16 };
	struct snapshot *easy = load("{http_header: {http_header_name: A, "
				     "regex_values: '^a+b$'}}");
	struct snapshot *hard = load("{http_header: {http_header_name: A, "
				     "regex_values: '^(a{1,100}){1,100}c$'}}");
	static char request[17 * 1024] = "GET / HTTP/1.1\r\nHost: a\r\nA: ";
	size_t n = strlen(request);

	(void)state;
	memset(request + n, 'a', OCTETS);
	memcpy(request + n + OCTETS, "b\r\n", sizeof("b\r\n"));
	assert_true(is_met(easy, request, NULL));
	assert_int_equal(decide(hard, request, NULL).reason,
			 REASON_PATTERN_GAVE_UP);
	snapshot_unref(easy);
	snapshot_unref(hard);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_row),
		cmocka_unit_test(test_many_pairs),
		cmocka_unit_test(test_regexes_on_long_values),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
