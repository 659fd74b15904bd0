#include "access_line.h"

#include <stdlib.h>

#include "base/fail.h"
#include "base/line.h"

static const struct slice action_names[] = {
	SLICE_INIT("rewrite"),
	SLICE_INIT("forward"),
	SLICE_INIT("redirect"),
	SLICE_INIT("fixed-response"),
};

/* -- parts that both forms need -------------------------------------------- */

enum { CODE_MAX = 4 };

static struct slice type_of(const struct access_facts *f)
{
	if (f->is_tunnel)
		return f->is_https ? SLICE("wss") : SLICE("ws");
	if (f->version == HTTP_2)
		return f->is_grpc ? SLICE("grpcs") : SLICE("h2");
	return f->is_https ? SLICE("https") : SLICE("http");
}

static struct slice scheme_of(const struct access_facts *f)
{
	return f->is_https ? SLICE("https") : SLICE("http");
}

static struct slice version_of(const struct access_facts *f)
{
	static const struct slice texts[] = {
		[HTTP_1_0] = SLICE_INIT("HTTP/1.0"),
		[HTTP_1_1] = SLICE_INIT("HTTP/1.1"),
		[HTTP_2] = SLICE_INIT("HTTP/2.0"),
	};

	return texts[f->version];
}

/* "http://a/b" is the host of a request and its "/b"; without a host in front
 * both are what they are. */
static struct slice without_authority(struct slice target,
				      struct slice *authority)
{
	size_t colon = slice_find(target, ':');
	struct slice rest = slice_from(target, colon);
	size_t end = 0;

	if (target.n == 0 || target.p[0] == '/' ||
	    !slice_starts(rest, SLICE("://")))
		return target;
	rest = slice_from(rest, 3);
	while (end < rest.n && rest.p[end] != '/' && rest.p[end] != '?')
		end++;
	*authority = slice_first(rest, end);
	return slice_from(rest, end);
}

static bool is_port(struct slice text)
{
	for (size_t i = 0; i < text.n; i++)
		if (!ascii_is_digit(text.p[i]))
			return false;
	return true;
}

static struct slice without_port(struct slice host)
{
	size_t at = host.n;

	while (at > 0 && host.p[at - 1] != ':' && host.p[at - 1] != ']')
		at--;
	return at > 0 && host.p[at - 1] == ':' && is_port(slice_from(host, at))
		       ? slice_first(host, at - 1)
		       : host;
}

static bool has_head(const struct access_facts *f)
{
	return f->text[ACCESS_METHOD].n > 0;
}

/* -- as ALB ---------------------------------------------------------------- */

/* One that needs no escapes, whoever chose the names. */
static void put_known(struct writer *w, struct slice value)
{
	if (value.n)
		writer_put(w, value);
	else
		writer_char(w, '-');
	writer_char(w, ' ');
}

/* An address and a port. */
static void put_peer(struct writer *w, struct slice address, unsigned port)
{
	bool is_v6 = slice_find(address, ':') < address.n;

	if (is_v6)
		writer_char(w, '[');
	writer_put(w, address);
	if (is_v6)
		writer_char(w, ']');
	writer_char(w, ':');
	writer_u64(w, port);
}

static void put_status(struct writer *w, unsigned status)
{
	if (status)
		writer_u64(w, status);
	else
		writer_char(w, '-');
}

/* Field 13. */
static void put_request(struct writer *w, const struct access_facts *f)
{
	struct slice host = f->text[ACCESS_HOST];
	struct slice target =
		without_authority(f->text[ACCESS_TARGET_URI], &host);

	writer_char(w, '"');
	line_escaped(w, has_head(f) ? f->text[ACCESS_METHOD] : SLICE("-"));
	writer_char(w, ' ');
	writer_put(w, scheme_of(f));
	writer_literal(w, "://");
	host = without_port(host);
	line_escaped(w, host.n ? host : f->text[ACCESS_DNS_NAME]);
	writer_char(w, ':');
	writer_u64(w, f->port);
	if (has_head(f)) {
		line_escaped(w, target);
		writer_char(w, ' ');
		writer_put(w, version_of(f));
	} else {
		writer_literal(w, "- -");
	}
	writer_literal(w, "\" ");
}

/* Field 20. */
static void put_certificate(struct writer *w, const struct access_facts *f)
{
	if (f->is_resumed) {
		writer_literal(w, "\"session-reused\" ");
		return;
	}
	if (f->text[ACCESS_CERTIFICATE_ID].n == 0) {
		writer_literal(w, "\"-\" ");
		return;
	}
	writer_literal(w, "\"arn:aws:acm:");
	writer_put(w, f->text[ACCESS_REGION]);
	writer_char(w, ':');
	writer_put(w, f->text[ACCESS_ACCOUNT]);
	writer_literal(w, ":certificate/");
	writer_put(w, f->text[ACCESS_CERTIFICATE_ID]);
	writer_literal(w, "\" ");
}

/* Field 21. */
static void put_rule(struct writer *w, const struct access_facts *f)
{
	switch ((enum access_rule)f->rule) {
	case RULE_UNKNOWN:
		writer_char(w, '-');
		break;
	case RULE_FAILED:
		writer_literal(w, "-1");
		break;
	case RULE_MET:
		writer_u64(w, f->priority);
		break;
	}
	writer_char(w, ' ');
}

/* Field 23. */
static void put_actions(struct writer *w, const struct access_facts *f)
{
	const char *before = "\"";

	if (!f->actions) {
		writer_literal(w, "\"-\" ");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(action_names); i++) {
		if (!(f->actions & (1u << i)))
			continue;
		writer_char(w, *before);
		writer_put(w, action_names[i]);
		before = ",";
	}
	writer_literal(w, "\" ");
}

static void put_word(struct writer *w, struct slice value)
{
	line_word(w, value);
	writer_char(w, ' ');
}

static void put_quoted(struct writer *w, struct slice value)
{
	line_quoted(w, value);
	writer_char(w, ' ');
}

static void put_times(struct writer *w, const struct access_facts *f)
{
	line_seconds(w, f->request_ms);
	writer_char(w, ' ');
	line_seconds(w, f->target_ms);
	writer_char(w, ' ');
	line_seconds(w, f->response_ms);
	writer_char(w, ' ');
}

/* Fields 1 to 12. */
static void put_what_happened(struct writer *w, const struct access_facts *f)
{
	put_known(w, type_of(f));
	line_time(w, f->ended_us);
	writer_char(w, ' ');
	put_known(w, f->text[ACCESS_RESOURCE]);
	put_peer(w, f->text[ACCESS_CLIENT], f->client_port);
	writer_char(w, ' ');
	put_word(w, f->text[ACCESS_TARGET]);
	put_times(w, f);
	put_status(w, f->status);
	writer_char(w, ' ');
	put_status(w, f->target_status);
	writer_char(w, ' ');
	writer_u64(w, f->received);
	writer_char(w, ' ');
	writer_u64(w, f->sent);
	writer_char(w, ' ');
}

/* Fields 23 to 29. */
static void put_outcome(struct writer *w, const struct access_facts *f)
{
	put_actions(w, f);
	put_quoted(w, f->text[ACCESS_REDIRECT_URL]);
	put_quoted(w, slice_of(f->error_reason));
	put_quoted(w, f->text[ACCESS_TARGET]);
	writer_char(w, '"');
	put_status(w, f->target_status);
	writer_literal(w, "\" ");
	put_quoted(w, slice_of(desync_class_text(f->desync.class)));
	put_quoted(w, slice_of(desync_reason_text(f->desync.reason)));
}

/* "0x8"; empty: there was none. */
static struct slice code_text(uint8_t code, char room[static CODE_MAX])
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;

	if (code == 0)
		return SLICE("");
	room[n++] = '0';
	room[n++] = 'x';
	if (code > 15)
		room[n++] = hex[code >> 4];
	room[n++] = hex[code & 15];
	return slice_make(room, n);
}

void access_line_alb(struct writer *w, const struct access_facts *f)
{
	char code[CODE_MAX];

	put_what_happened(w, f);
	put_request(w, f);
	put_quoted(w, f->text[ACCESS_USER_AGENT]);
	put_known(w, f->text[ACCESS_TLS_CIPHER]);
	put_known(w, f->text[ACCESS_TLS_PROTOCOL]);
	put_known(w, f->text[ACCESS_GROUP_ARN]);
	put_quoted(w, f->text[ACCESS_TRACE_ID]);
	put_quoted(w, f->text[ACCESS_SERVER_NAME]);
	put_certificate(w, f);
	put_rule(w, f);
	line_time(w, f->created_us / 1000 * 1000);
	writer_char(w, ' ');
	put_outcome(w, f);
	put_known(w, f->text[ACCESS_CONNECTION]);
	put_quoted(w, f->text[ACCESS_TRANSFORMED_HOST]);
	put_quoted(w, f->text[ACCESS_TRANSFORMED_URI]);
	put_quoted(w, slice_of(transform_status_name(
			      (enum transform_status)f->transform)));
	put_known(w, f->text[ACCESS_SERVER]);
	put_quoted(w, code_text(f->target_error, code));
	line_quoted(w, code_text(f->elb_error, code));
	writer_char(w, '\n');
}

/* -- as JSON --------------------------------------------------------------- */

static void add_names(struct writer *w, const struct access_facts *f)
{
	struct slice client = f->text[ACCESS_CLIENT];
	struct slice behind = f->text[ACCESS_CLIENT_ADDRESS];

	json_time(w, SLICE("time"), f->ended_us);
	json_time(w, SLICE("created"), f->created_us);
	json_text(w, SLICE("type"), type_of(f));
	json_text(w, SLICE("load_balancer"), f->text[ACCESS_BALANCER]);
	json_number(w, SLICE("listener"), f->port);
	json_text(w, SLICE("id"), f->text[ACCESS_CONNECTION]);
	json_text(w, SLICE("trace_id"), f->text[ACCESS_TRACE_ID]);
	json_text(w, SLICE("client"), client);
	json_number(w, SLICE("client_port"), f->client_port);
	json_text(w, SLICE("client_address"), behind.n ? behind : client);
	json_text(w, SLICE("server_address"), f->text[ACCESS_SERVER]);
	json_text(w, SLICE("tls_protocol"), f->text[ACCESS_TLS_PROTOCOL]);
	json_text(w, SLICE("tls_cipher"), f->text[ACCESS_TLS_CIPHER]);
	json_text(w, SLICE("server_name"), f->text[ACCESS_SERVER_NAME]);
	json_text(w, SLICE("certificate"),
		  f->is_resumed ? SLICE("session-reused")
				: f->text[ACCESS_CERTIFICATE]);
}

static void add_request(struct writer *w, const struct access_facts *f)
{
	struct slice host = f->text[ACCESS_HOST];
	struct slice query =
		without_authority(f->text[ACCESS_TARGET_URI], &host);
	struct slice path = slice_cut(&query, '?');

	if (!has_head(f))
		return;
	json_text(w, SLICE("method"), f->text[ACCESS_METHOD]);
	json_text(w, SLICE("scheme"), scheme_of(f));
	json_text(w, SLICE("host"), host);
	json_text(w, SLICE("path"), path);
	json_text(w, SLICE("query"), query);
	json_text(w, SLICE("version"), version_of(f));
	if (f->stream)
		json_number(w, SLICE("stream"), f->stream);
	json_text(w, SLICE("user_agent"), f->text[ACCESS_USER_AGENT]);
}

static void add_rule(struct writer *w, const struct access_facts *f)
{
	if (f->rule == RULE_UNKNOWN)
		return;
	if (f->priority)
		json_number(w, SLICE("rule"), f->priority);
	else
		json_text(w, SLICE("rule"), SLICE("default"));
	json_name(w, SLICE("place"));
	writer_char(w, '"');
	json_escaped(w, f->text[ACCESS_PLACE]);
	writer_char(w, ':');
	writer_u64(w, f->place_line);
	writer_char(w, '"');
}

static void add_actions(struct writer *w, const struct access_facts *f)
{
	char before = '[';

	if (!f->actions)
		return;
	json_name(w, SLICE("actions"));
	for (size_t i = 0; i < ARRAY_SIZE(action_names); i++) {
		if (!(f->actions & (1u << i)))
			continue;
		writer_char(w, before);
		json_quoted(w, action_names[i]);
		before = ',';
	}
	writer_char(w, ']');
}

static void add_way(struct writer *w, const struct access_facts *f)
{
	static const struct slice sticky[] = {
		[STICKY_NONE] = SLICE_INIT("none"),
		[STICKY_NEW] = SLICE_INIT("new"),
		[STICKY_KEPT] = SLICE_INIT("kept"),
		[STICKY_MOVED] = SLICE_INIT("moved"),
	};

	add_rule(w, f);
	json_number(w, SLICE("generation"), f->generation);
	add_actions(w, f);
	json_text(w, SLICE("target_group"), f->text[ACCESS_GROUP]);
	json_text(w, SLICE("target"), f->text[ACCESS_TARGET]);
	if (f->tries)
		json_number(w, SLICE("tries"), f->tries);
	if (f->forwards)
		json_text(w, SLICE("sticky"), sticky[f->sticky]);
}

static void add_outcome(struct writer *w, const struct access_facts *f)
{
	char code[CODE_MAX];

	if (f->status)
		json_number(w, SLICE("status"), f->status);
	if (f->target_status)
		json_number(w, SLICE("target_status"), f->target_status);
	if (f->reason)
		json_text(w, SLICE("reason"),
			  slice_of(reason_token((enum reason)f->reason)));
	json_text(w, SLICE("error_reason"), slice_of(f->error_reason));
	json_text(w, SLICE("target_error_code"),
		  code_text(f->target_error, code));
	json_text(w, SLICE("elb_error_code"), code_text(f->elb_error, code));
	json_text(w, SLICE("redirect_url"), f->text[ACCESS_REDIRECT_URL]);
	json_seconds(w, SLICE("request_seconds"), f->request_ms);
	json_seconds(w, SLICE("target_seconds"), f->target_ms);
	json_seconds(w, SLICE("response_seconds"), f->response_ms);
	json_seconds(w, SLICE("total_seconds"), f->total_ms);
	json_seconds(w, SLICE("connect_seconds"), f->connect_ms);
	json_number(w, SLICE("received_octets"), f->received);
	json_number(w, SLICE("sent_octets"), f->sent);
}

static void add_judgements(struct writer *w, const struct access_facts *f)
{
	if (f->desync.class != DESYNC_COMPLIANT) {
		json_text(w, SLICE("classification"),
			  slice_of(desync_class_text(f->desync.class)));
		json_text(w, SLICE("classification_reason"),
			  slice_of(desync_reason_text(f->desync.reason)));
	}
	json_text(w, SLICE("transformed_host"),
		  f->text[ACCESS_TRANSFORMED_HOST]);
	json_text(w, SLICE("transformed_path"),
		  f->text[ACCESS_TRANSFORMED_URI]);
	if (f->transform != TRANSFORM_UNCHANGED)
		json_text(w, SLICE("transform_status"),
			  slice_of(transform_status_name(
				  (enum transform_status)f->transform)));
	json_text(w, SLICE("limited"), f->text[ACCESS_LIMITED]);
}

void access_line_json(struct writer *w, const struct access_facts *f)
{
	char *start = json_open(w);

	add_names(w, f);
	add_request(w, f);
	add_way(w, f);
	add_outcome(w, f);
	add_judgements(w, f);
	json_close(w, start);
	writer_char(w, '\n');
}

/* -- kept ------------------------------------------------------------------ */

struct access_facts *access_facts_copy(const struct access_facts *f)
{
	struct access_facts *copy;
	size_t n = 0;
	char *at;

	for (size_t i = 0; i < ACCESS_TEXTS; i++)
		n += f->text[i].n;
	copy = malloc(sizeof(*copy) + n);
	if (!copy)
		return NULL;
	*copy = *f;
	at = (char *)(copy + 1);
	for (size_t i = 0; i < ACCESS_TEXTS; i++) {
		if (f->text[i].n)
			memcpy(at, f->text[i].p, f->text[i].n);
		copy->text[i].p = at;
		at += f->text[i].n;
	}
	return copy;
}
