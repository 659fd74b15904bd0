/* test_rewrite.c - what becomes of a head on its way through; one table for
 * each page of AWS's on request headers. */
#include "proxy/rewrite.h"

#include "base/clock.h"
#include "http/desync.h"
#include "http/framing.h"
#include "http/h1_parse.h"
#include "http/hops.h"
#include "net/addr.h"
#include "unit.h"

#include <stdio.h>

#define TRACE                                                                  \
	"X-Amzn-Trace-Id: Root=1-67891233-0000000000000001"                    \
	"00000002"

static struct scratch scratch;
static struct load_balancer balancer;
static struct listener listener;
static const struct sent nothing_sent;

static void reset(void)
{
	balancer = (struct load_balancer){
		.name = SLICE("web"),
		.dns_name = SLICE("web.localhost"),
		.xff_mode = XFF_APPEND,
	};
	listener = (struct listener){
		.balancer = &balancer,
		.port = 80,
		.port_text = SLICE("80"),
		.protocol = PROTOCOL_HTTP,
		.amzn_names = {SLICE("x-amzn-tls-version"),
			       SLICE("x-amzn-tls-cipher-suite")},
	};
}

static void parse_request(const char *text, struct http_head *head)
{
	enum reason why;

	*head = (struct http_head){
		.fields = scratch.in_fields,
		.max_fields = HEAD_FIELDS_MAX,
	};
	assert_int_equal(h1_parse_request(slice_of(text), &h1_request_limits,
					  head, &why),
			 H1_DONE);
}

/* "Name: value" lines, each ended by LF; the order is that of the fields. To
 * whom a request goes is written as Host, in front of them. */
static char *text_of(const struct http_head *head, const char *only)
{
	static char text[65536];
	struct writer w = writer_make(text, sizeof(text) - 1);

	if (head->method.n && (!only || !strcmp(only, "Host"))) {
		writer_literal(&w, "Host: ");
		writer_put(&w, head->authority);
		writer_char(&w, '\n');
	}
	for (size_t i = 0; i < head->n_fields; i++) {
		const struct field *f = &head->fields[i];

		if (only && !slice_eq_fold(f->name, slice_of(only)))
			continue;
		writer_put(&w, f->name);
		writer_literal(&w, ": ");
		writer_put(&w, f->value);
		writer_char(&w, '\n');
	}
	assert_false(w.overflow);
	*w.at = '\0';
	return text;
}

static enum reason rewrite_head(struct http_head *head, const char *peer,
				struct http_head *out,
				struct rewrite_notes *notes)
{
	struct decision decision;
	struct addr addr;
	struct request_facts facts = {
		.listener = &listener,
		.decision = &decision,
		.sent = &nothing_sent,
		.peer = &addr,
		.random = {1, 2},
		.now_s = 0x67891233,
	};

	assert_true(addr_parse(slice_of(peer), &addr));
	hops_leave_out(head, hops_word(head));
	decision = (struct decision){.host = balancer.dns_name};
	assert_true(uri_split(head->target, head->method_id, &decision.uri));
	if (head_has(head, NAME_HOST))
		assert_true(host_split(head_find(head, NAME_HOST)->value,
				       &decision.host, &decision.host_port));
	if (decision.uri.authority.n)
		assert_true(host_split(decision.uri.authority, &decision.host,
				       &decision.host_port));
	assert_true(host_lower(decision.host, scratch.route.host,
			       sizeof(scratch.route.host), &decision.host));
	*notes = (struct rewrite_notes){false, false};
	return rewrite_request(head, &facts, &scratch, out, notes);
}

static enum reason rewrite(const char *request, const char *peer,
			   struct http_head *out, struct rewrite_notes *notes)
{
	struct http_head head;

	parse_request(request, &head);
	return rewrite_head(&head, peer, out, notes);
}

/* -- section 1 ------------------------------------------------------------- */

static const struct {
	const char *name;
	enum xff_mode mode;
	bool port;
	const char *peer, *came, *sent;
} forwarded[] = {
	{"append to nothing", XFF_APPEND, false, "127.0.0.1:5", "",
	 "X-Forwarded-For: 127.0.0.1\n"},
	{"append", XFF_APPEND, false, "127.0.0.1:5",
	 "X-Forwarded-For: 127.0.0.4\r\n",
	 "X-Forwarded-For: 127.0.0.4, 127.0.0.1\n"},
	{"append to several lines", XFF_APPEND, false, "127.0.0.1:5",
	 "X-Forwarded-For: 1.1.1.1\r\nx-forwarded-for: 2.2.2.2, 3.3.3.3\r\n",
	 "X-Forwarded-For: 1.1.1.1, 2.2.2.2, 3.3.3.3, 127.0.0.1\n"},
	{"append with port", XFF_APPEND, true, "127.0.0.1:5", "",
	 "X-Forwarded-For: 127.0.0.1:5\n"},
	{"IPv6 without port has no brackets", XFF_APPEND, false, "[::1]:5",
	 "X-Forwarded-For: 127.0.0.4\r\n", "X-Forwarded-For: 127.0.0.4, ::1\n"},
	{"IPv6 with port has", XFF_APPEND, true, "[2001:db8::7]:65535", "",
	 "X-Forwarded-For: [2001:db8::7]:65535\n"},
	{"preserve nothing", XFF_PRESERVE, true, "127.0.0.1:5", "", ""},
	{"preserve", XFF_PRESERVE, true, "127.0.0.1:5",
	 "X-Forwarded-For: 127.0.0.4\r\n", "X-Forwarded-For: 127.0.0.4\n"},
	{"remove", XFF_REMOVE, true, "127.0.0.1:5",
	 "X-Forwarded-For: 127.0.0.4\r\n", ""},
	{"an empty one counts for nothing", XFF_APPEND, false, "127.0.0.1:5",
	 "X-Forwarded-For:\r\n", "X-Forwarded-For: 127.0.0.1\n"},
};

static void test_forwarded_for(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(forwarded); i++) {
		struct rewrite_notes notes;
		struct http_head out;
		char request[512];

		print_message("# %s\n", forwarded[i].name);
		reset();
		balancer.xff_mode = forwarded[i].mode;
		balancer.xff_client_port = forwarded[i].port;
		snprintf(request, sizeof(request),
			 "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n",
			 forwarded[i].came);
		assert_int_equal(
			rewrite(request, forwarded[i].peer, &out, &notes),
			REASON_NONE);
		assert_string_equal(text_of(&out, "X-Forwarded-For"),
				    forwarded[i].sent);
	}
}

static void test_more_than_30_addresses_are_463(void **state)
{
	struct rewrite_notes notes;
	struct http_head out;
	char request[2048];
	int n;

	(void)state;
	for (int entries = 30; entries <= 31; entries++) {
		reset();
		balancer.xff_mode = XFF_REMOVE;
		n = snprintf(request, sizeof(request),
			     "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: ");
		for (int i = 0; i < entries; i++)
			n += snprintf(request + n, sizeof(request) - (size_t)n,
				      "%s10.0.0.%d",
				      i == 0    ? ""
				      : i == 15 ? "\r\nX-Forwarded-For: "
						: ",",
				      i);
		snprintf(request + n, sizeof(request) - (size_t)n, "\r\n\r\n");
		assert_int_equal(rewrite(request, "127.0.0.1:5", &out, &notes),
				 entries == 30 ? REASON_NONE
					       : REASON_XFF_TOO_LONG);
	}
}

/* Whoever reads the field cuts at commas, whatever was quoted. */
static void regress_quotes_hide_no_forwarded_addresses(void **state)
{
	struct rewrite_notes notes;
	struct http_head out;
	char request[2048];

	(void)state;
	for (int entries = 30; entries <= 31; entries++) {
		int n = snprintf(request, sizeof(request),
				 "GET / HTTP/1.1\r\nHost: a\r\n"
				 "X-Forwarded-For: \"10.0.0.1");

		reset();
		for (int i = 1; i < entries; i++)
			n += snprintf(request + n, sizeof(request) - (size_t)n,
				      ",10.0.0.%d", i);
		snprintf(request + n, sizeof(request) - (size_t)n, "\r\n\r\n");
		assert_int_equal(rewrite(request, "127.0.0.1:5", &out, &notes),
				 entries == 30 ? REASON_NONE
					       : REASON_XFF_TOO_LONG);
	}
}

static void test_proto_and_port_are_ours_to_say(void **state)
{
	struct rewrite_notes notes;
	struct http_head out;

	(void)state;
	reset();
	listener.protocol = PROTOCOL_HTTPS;
	listener.port_text = SLICE("8443");
	rewrite("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: gopher\r\n"
		"X-Forwarded-Port: 70\r\n\r\n",
		"127.0.0.1:5", &out, &notes);
	assert_string_equal(text_of(&out, "X-Forwarded-Proto"),
			    "X-Forwarded-Proto: https\n");
	assert_string_equal(text_of(&out, "X-Forwarded-Port"),
			    "X-Forwarded-Port: 8443\n");
}

/* -- section 2 ------------------------------------------------------------- */

static const struct {
	const char *came, *sent;
} traces[] = {
	{NULL, "Root=1-67891233-000000000000000100000002"},
	{"Root=1-5-a", "Self=1-67891233-000000000000000100000002;Root=1-5-a"},
	{"Root=1-5-a;CalledFrom=app",
	 "Self=1-67891233-000000000000000100000002;Root=1-5-a;CalledFrom=app"},
	{"Self=1-9-b;Root=1-5-a",
	 "Self=1-67891233-000000000000000100000002;Root=1-5-a"},
	{"CalledFrom=app",
	 "Root=1-67891233-000000000000000100000002;CalledFrom=app"},
	{"", "Root=1-67891233-000000000000000100000002"},
};

static void test_trace_ids(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(traces); i++) {
		struct rewrite_notes notes;
		struct http_head out;
		char request[512], sent[512];

		reset();
		snprintf(request, sizeof(request),
			 "GET / HTTP/1.1\r\nHost: a\r\n%s%s%s\r\n",
			 traces[i].came ? "X-Amzn-Trace-Id: " : "",
			 traces[i].came ? traces[i].came : "",
			 traces[i].came ? "\r\n" : "");
		snprintf(sent, sizeof(sent), "X-Amzn-Trace-Id: %s\n",
			 traces[i].sent);
		rewrite(request, "127.0.0.1:5", &out, &notes);
		assert_string_equal(text_of(&out, "X-Amzn-Trace-Id"), sent);
	}
}

static void test_a_large_head_gets_a_fresh_root(void **state)
{
	static char request[9000];
	struct rewrite_notes notes;
	struct http_head out;
	int n;

	(void)state;
	reset();
	n = snprintf(request, sizeof(request),
		     "GET / HTTP/1.1\r\nHost: a\r\n"
		     "X-Amzn-Trace-Id: Root=1-5-a;Evil=x\r\nX: ");
	memset(request + n, 'x', 7200);
	memcpy(request + n + 7200, "\r\n\r\n", 5);
	rewrite(request, "127.0.0.1:5", &out, &notes);
	assert_string_equal(text_of(&out, "X-Amzn-Trace-Id"),
			    "X-Amzn-Trace-Id: "
			    "Root=1-67891233-000000000000000100000002\n");
}

/* -- section 3 ------------------------------------------------------------- */

static const struct {
	uint16_t port;
	bool preserve;
	const char *request, *sent;
} hosts[] = {
	{80, false, "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n",
	 "Host: example.com\n"},
	{443, false, "GET / HTTP/1.1\r\nHost: Example.COM:80\r\n\r\n",
	 "Host: example.com\n"},
	{80, true, "GET / HTTP/1.1\r\nHost: Example.COM:80\r\n\r\n",
	 "Host: Example.COM:80\n"},
	{80, false,
	 "GET https://dns_name/x HTTP/1.1\r\nHost: example.com\r\n\r\n",
	 "Host: dns_name\n"},
	{80, true,
	 "GET https://dns_name/x HTTP/1.1\r\nHost: example.com\r\n\r\n",
	 "Host: example.com\n"},
	{8080, false, "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n",
	 "Host: example.com:8080\n"},
	{8080, false, "GET / HTTP/1.1\r\nHost: example.com:8080\r\n\r\n",
	 "Host: example.com:8080\n"},
	{8080, true, "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n",
	 "Host: example.com\n"},
	{80, false, "GET / HTTP/1.0\r\n\r\n", "Host: web.localhost\n"},
	{80, true, "GET / HTTP/1.0\r\n\r\n", "Host: web.localhost\n"},
};

static void test_hosts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
		struct rewrite_notes notes;
		struct http_head out;

		print_message("# %u %s", hosts[i].port, hosts[i].request);
		reset();
		listener.port = hosts[i].port;
		balancer.preserve_host_header = hosts[i].preserve;
		rewrite(hosts[i].request, "127.0.0.1:5", &out, &notes);
		assert_string_equal(text_of(&out, "Host"), hosts[i].sent);
	}
}

static void test_names_that_are_no_names(void **state)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\n"
				      "X_Odd: 1\r\nX-Good: 2\r\n\r\n";
	struct rewrite_notes notes;
	struct http_head out;

	(void)state;
	reset();
	rewrite(request, "127.0.0.1:5", &out, &notes);
	assert_string_equal(text_of(&out, "X_Odd"), "X_Odd: 1\n");
	assert_true(notes.passed_invalid);
	balancer.drop_invalid_header_fields = true;
	rewrite(request, "127.0.0.1:5", &out, &notes);
	assert_string_equal(text_of(&out, "X_Odd"), "");
	assert_string_equal(text_of(&out, "X-Good"), "X-Good: 2\n");
	assert_true(notes.dropped_invalid);
}

/* A name with one octet in it that may be anything. */
static const struct {
	const char *before, *after;
} places[] = {{"", ""}, {"", "b-c"}, {"a", "-c"}, {"a-b", ""}};

enum { SWEPT_OCTETS = 128 };

/* The head that has it; returns its octets. */
static size_t swept(size_t place, char octet, char *text)
{
	struct writer w = writer_make(text, SWEPT_OCTETS);

	writer_literal(&w, "POST / HTTP/1.1\r\nHost: a\r\n"
			   "Content-Length: 4\r\n");
	writer_put(&w, slice_of(places[place].before));
	writer_char(&w, octet);
	writer_put(&w, slice_of(places[place].after));
	writer_literal(&w, ": v\r\nX-Last: 1\r\n\r\n");
	assert_false(w.overflow);
	return (size_t)(w.at - text);
}

static bool is_tchar(char c)
{
	return c && (strchr("!#$%&'*+-.^_`|~", c) || ascii_is_digit(c) ||
		     (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z'));
}

/* A name with this octet is sent if and only if it is a token of RFC 9110,
 * 5.6.2; and nothing else is lost with it. */
static void check_swept(size_t place, char octet, enum desync_mode mode)
{
	struct http_head head = {
		.fields = scratch.in_fields,
		.max_fields = HEAD_FIELDS_MAX,
	};
	char text[SWEPT_OCTETS];
	struct slice in = slice_make(text, swept(place, octet, text));
	struct rewrite_notes notes;
	struct http_head out;
	struct desync desync;
	enum reason why;
	char *sent;

	if (octet == ':' || octet == '\n')
		return; /* another name, another field */
	if (!*places[place].before && (octet == ' ' || octet == '\t'))
		return; /* a continuation */
	if (h1_parse_request(in, &h1_request_limits, &head, &why) != H1_DONE) {
		assert_false(is_tchar(octet));
		return;
	}
	if (desync_judge(&head, mode, &desync) == DESYNC_REFUSE) {
		assert_false(is_tchar(octet));
		return;
	}
	if (mode == DESYNC_STRICTEST)
		assert_true(is_tchar(octet));
	assert_int_equal(rewrite_head(&head, "127.0.0.1:5", &out, &notes),
			 REASON_NONE);
	assert_int_equal(notes.dropped_invalid, !is_tchar(octet));
	for (size_t i = 0; i < out.n_fields; i++)
		for (size_t k = 0; k < out.fields[i].name.n; k++)
			assert_true(is_tchar(out.fields[i].name.p[k]));
	sent = text_of(&out, NULL);
	assert_ptr_equal(strstr(sent, "Host: a\nX-Forwarded-For: "), sent);
	assert_non_null(strstr(sent, "X-Last: 1\n"));
	assert_int_equal(strstr(sent, ": v\n") != NULL, is_tchar(octet));
}

static void regress_names_that_are_no_token_are_never_sent(void **state)
{
	(void)state;
	reset();
	for (int octet = 0; octet < 256; octet++)
		for (size_t place = 0; place < ARRAY_SIZE(places); place++)
			for (int mode = DESYNC_MONITOR;
			     mode <= DESYNC_STRICTEST; mode++)
				check_swept(place, (char)octet,
					    (enum desync_mode)mode);
}

/* A target that stops reading fields somewhere has read ours by then. */
static void regress_our_fields_stand_before_the_clients(void **state)
{
	struct rewrite_notes notes;
	struct http_head out;

	(void)state;
	reset();
	balancer.tls_version_and_cipher_headers = true;
	rewrite("POST / HTTP/1.1\r\nAccept: */*\r\n"
		"X-Forwarded-For: 192.0.2.1\r\nX-Amzn-Trace-Id: Root=1-5-a\r\n"
		"X-Own: 1\r\nContent-Length: 4\r\nHost: a\r\n\r\n",
		"127.0.0.1:5", &out, &notes);
	assert_string_equal(text_of(&out, NULL),
			    "Host: a\n"
			    "X-Forwarded-For: 192.0.2.1, 127.0.0.1\n"
			    "X-Forwarded-Proto: http\n"
			    "X-Forwarded-Port: 80\n"
			    "X-Amzn-Trace-Id: "
			    "Self=1-67891233-000000000000000100000002;"
			    "Root=1-5-a\n"
			    "Accept: */*\n"
			    "X-Own: 1\n");
}

/* -- RFC 9110 7.6.1 -------------------------------------------------------- */

static void test_what_concerns_one_connection_ends_here(void **state)
{
	struct rewrite_notes notes;
	struct http_head out;

	(void)state;
	reset();
	rewrite("GET /p?q HTTP/1.1\r\nHost: a\r\nConnection: close, "
		"X-Secret\r\n"
		"Keep-Alive: timeout=5\r\nTE: trailers\r\nTrailer: x\r\n"
		"Proxy-Connection: close\r\nUpgrade: h2c\r\n"
		"Expect: 100-continue\r\nx-secret: 1\r\nAccept: */*\r\n"
		"x-amzn-oidc-identity: root\r\nX-Amzn-Mtls-Clientcert: x\r\n"
		"\r\n",
		"127.0.0.1:5", &out, &notes);
	assert_string_equal(text_of(&out, NULL),
			    "Host: a\n"
			    "X-Forwarded-For: 127.0.0.1\n"
			    "X-Forwarded-Proto: http\n"
			    "X-Forwarded-Port: 80\n" TRACE "\nAccept: */*\n");
	assert_slice(out.target, "/p?q");
}

static void test_a_client_cannot_name_our_fields_away(void **state)
{
	struct rewrite_notes notes;
	struct http_head out;

	(void)state;
	reset();
	rewrite("GET / HTTP/1.1\r\nHost: a\r\n"
		"Connection: Host, X-Forwarded-For, Cookie\r\n"
		"Cookie: AWSALB=x\r\n\r\n",
		"127.0.0.1:5", &out, &notes);
	assert_string_equal(text_of(&out, "Host"), "Host: a\n");
	assert_string_equal(text_of(&out, "Cookie"), "Cookie: AWSALB=x\n");
	assert_string_equal(text_of(&out, "X-Forwarded-For"),
			    "X-Forwarded-For: 127.0.0.1\n");
}

static void test_an_absolute_target_becomes_a_path(void **state)
{
	struct rewrite_notes notes;
	struct http_head out;

	(void)state;
	reset();
	rewrite("GET http://b.example HTTP/1.1\r\nHost: a\r\n\r\n",
		"127.0.0.1:5", &out, &notes);
	assert_slice(out.target, "/");
	rewrite("GET http://b.example?x=1 HTTP/1.1\r\nHost: a\r\n\r\n",
		"127.0.0.1:5", &out, &notes);
	assert_slice(out.target, "/?x=1");
}

/* RFC 9112 3.2.4. */
static void regress_options_of_a_whole_server_asks_for_an_asterisk(void **state)
{
	struct rewrite_notes notes;
	struct http_head out;

	(void)state;
	reset();
	rewrite("OPTIONS http://b.example HTTP/1.1\r\nHost: a\r\n\r\n",
		"127.0.0.1:5", &out, &notes);
	assert_slice(out.target, "*");
	rewrite("OPTIONS http://b.example?x HTTP/1.1\r\nHost: a\r\n\r\n",
		"127.0.0.1:5", &out, &notes);
	assert_slice(out.target, "/?x");
}

/* -- responses ------------------------------------------------------------- */

static void answer(const char *response, struct http_head *out)
{
	static struct field fields[64];
	const struct response_facts facts = {.listener = &listener};
	struct http_head head = {.fields = fields, .max_fields = 64};
	enum reason why;

	assert_int_equal(h1_parse_response(slice_of(response),
					   &h1_response_limits, &head, &why),
			 H1_DONE);
	hops_leave_out(&head, hops_word(&head));
	assert_true(rewrite_response(&head, &facts, &scratch, out));
}

#define DATE "Date: Thu, 01 Jan 1970 00:00:00 GMT\n"

/* What frames it and what governs its connection is written anew, behind. */
static void test_responses(void **state)
{
	struct http_head out;

	(void)state;
	reset();
	clock_fake(0, 0);
	answer("HTTP/1.1 200 OK\r\nServer: s\r\nConnection: x-hop\r\n"
	       "X-Hop: 1\r\nKeep-Alive: 5\r\nContent-Length: 2\r\n\r\n",
	       &out);
	assert_string_equal(text_of(&out, NULL), "Server: s\n" DATE);
	answer("HTTP/1.1 200 OK\r\nDate: x\r\nTransfer-Encoding: chunked\r\n"
	       "Trailer: y\r\nUpgrade: h2c\r\n\r\n",
	       &out);
	assert_string_equal(text_of(&out, NULL), "Date: x\n");
}

static void test_cookies_stand_behind_the_targets_own(void **state)
{
	struct field fields[8], cookie = {
					.name = SLICE("set-cookie"),
					.value = SLICE("AWSALB=v"),
				};
	const struct response_facts facts = {
		.listener = &listener,
		.cookies = &cookie,
		.n_cookies = 1,
	};
	struct http_head head = {.fields = fields, .max_fields = 8}, out;
	enum reason why;

	(void)state;
	reset();
	assert_int_equal(
		h1_parse_response(SLICE("HTTP/1.1 200 OK\r\nDate: x\r\n"
					"Set-Cookie: own=1\r\n\r\n"),
				  &h1_response_limits, &head, &why),
		H1_DONE);
	assert_true(rewrite_response(&head, &facts, &scratch, &out));
	assert_string_equal(text_of(&out, NULL), "Date: x\nSet-Cookie: own=1\n"
						 "set-cookie: AWSALB=v\n");
}

static void test_inserted_fields_replace_what_the_target_sent(void **state)
{
	struct response_field field = {
		.name = SLICE("Strict-Transport-Security"),
		.id = NAME_STRICT_TRANSPORT_SECURITY,
		.value = SLICE("max-age=1"),
	};
	struct http_head out;

	(void)state;
	reset();
	listener.response_fields = &field;
	listener.n_response_fields = 1;
	answer("HTTP/1.1 204 No Content\r\nDate: x\r\n"
	       "strict-transport-security: max-age=9\r\n\r\n",
	       &out);
	assert_string_equal(text_of(&out, NULL),
			    "Date: x\nStrict-Transport-Security: max-age=1\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forwarded_for),
		cmocka_unit_test(test_more_than_30_addresses_are_463),
		cmocka_unit_test(regress_quotes_hide_no_forwarded_addresses),
		cmocka_unit_test(test_proto_and_port_are_ours_to_say),
		cmocka_unit_test(test_trace_ids),
		cmocka_unit_test(test_a_large_head_gets_a_fresh_root),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_names_that_are_no_names),
		cmocka_unit_test(
			regress_names_that_are_no_token_are_never_sent),
		cmocka_unit_test(regress_our_fields_stand_before_the_clients),
		cmocka_unit_test(test_what_concerns_one_connection_ends_here),
		cmocka_unit_test(test_a_client_cannot_name_our_fields_away),
		cmocka_unit_test(test_an_absolute_target_becomes_a_path),
		cmocka_unit_test(
			regress_options_of_a_whole_server_asks_for_an_asterisk),
		cmocka_unit_test(test_responses),
		cmocka_unit_test(test_cookies_stand_behind_the_targets_own),
		cmocka_unit_test(
			test_inserted_fields_replace_what_the_target_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
