#include "check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "check_call.h"
#include "http/chunked.h"
#include "http/framing.h"
#include "http/h1_parse.h"
#include "http/pattern.h"
#include "net/conn.h"
#include "tls/client.h"
#include "tls/tls_filter.h"

enum {
	/* More than h1_response_limits.head: the parser says when it is too
	 * much, not the chain. */
	CHECK_IN_LIMIT = 40 * 1024,
	/* Of a body that is looked at. */
	CHECK_BODY_MAX = 64 * 1024,
};

/* A body as it comes, for checks that look at it. */
struct check_body {
	struct framing framing;
	struct chunked coding;
	size_t n;
	char text[CHECK_BODY_MAX];
};

struct check {
	struct conn conn;
	struct retired retired;
	struct check_pool *pool;
	struct check *next_free, *next;
	struct check_spec spec;
	size_t looked; /* octets of the head that were parsed in vain */
	uint16_t code; /* of the answer, once its head is there; 0: not yet */
	struct check_body *body; /* owned; NULL: not looked at, or not yet */
	struct check_call *call; /* owned; NULL: not HTTP/2, or not yet */
	bool asked;              /* the request is in conn.out, or beyond */
	bool over;
};

struct check_pool {
	struct loop *loop;
	struct check *free, *all;
	struct field fields[HEAD_FIELDS_MAX]; /* of the head being parsed */
	struct pattern_scratch *patterns;     /* NULL: no body was looked at */
};

static void give_back(struct retired *r)
{
	struct check *c = list_entry(r, struct check, retired);

	c->next_free = c->pool->free;
	c->pool->free = c;
}

static void end(struct check *c, const struct check_outcome *outcome)
{
	c->over = true;
	check_call_free(c->call);
	c->call = NULL;
	conn_close(&c->conn);
	loop_retire(c->pool->loop, &c->retired, give_back);
	free(c->body);
	c->body = NULL;
	tls_client_unref(c->spec.tls);
	if (outcome)
		c->spec.end(c->spec.arg, outcome);
}

/* Our own fault, or the target's? */
static struct check_outcome broken_by(int error)
{
	struct check_outcome outcome = {.result = CHECK_BROKEN,
					.detail = strerror(error)};

	switch (error) {
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case ENOBUFS:
	case EADDRNOTAVAIL: /* no port of ours is free */
		outcome.result = CHECK_INTERNAL;
		break;
	default:
		break;
	}
	return outcome;
}

/* What broke a connection; TLS says more than EPROTO. */
static void end_by(struct check *c, int error)
{
	struct check_outcome outcome = broken_by(error);
	const struct filter *tls = c->conn.filter;
	char detail[CHECK_DETAIL_MAX];

	if (error == EPROTO && tls) {
		snprintf(detail, sizeof(detail), "TLS: %s",
			 tls_filter_reason(tls));
		outcome.detail = detail;
	}
	end(c, &outcome);
}

static void end_broken(struct check *c, const char *detail)
{
	end(c,
	    &(struct check_outcome){.result = CHECK_BROKEN, .detail = detail});
}

/* A target's own text may end up on a terminal. */
static void keep_visible(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

/* Where a redirect leads tells most about what is wrong with the path. */
static void end_status(struct check *c, unsigned status, struct slice to)
{
	char detail[CHECK_DETAIL_MAX];

	snprintf(detail, sizeof(detail),
		 to.n ? "status %u to %.*s" : "status %u", status,
		 SLICE_ARG(to));
	keep_visible(detail);
	end(c, &(struct check_outcome){.result = CHECK_ANSWERED,
				       .code = (uint16_t)status,
				       .detail = detail});
}

static void end_answered(struct check *c, const struct http_head *head)
{
	const struct field *to =
		head->status / 100 == 3 ? head_find(head, NAME_LOCATION) : NULL;

	end_status(c, head->status, to ? to->value : SLICE(""));
}

/* Interim responses come before the answer (RFC 9110 15.2); 101 was not
 * asked for, so it is one. */
static bool is_interim(const struct http_head *head)
{
	return head->status < 200 && head->status != 101;
}

/* -- bodies ---------------------------------------------------------------- */

static void end_of_body(struct check *c, struct slice body)
{
	struct check_pool *pool = c->pool;
	char detail[CHECK_DETAIL_MAX];

	if (!pool->patterns)
		pool->patterns = pattern_scratch_new();
	switch (pool->patterns
			? pattern_match(c->spec.body, body, pool->patterns)
			: PATTERN_GAVE_UP) {
	case PATTERN_YES:
		snprintf(detail, sizeof(detail), "status %u", c->code);
		end(c, &(struct check_outcome){.result = CHECK_ANSWERED,
					       .code = c->code,
					       .detail = detail});
		return;
	case PATTERN_NO:
		snprintf(detail, sizeof(detail),
			 "status %u, and the body is another than wanted",
			 c->code);
		end(c, &(struct check_outcome){.result = CHECK_OTHER_BODY,
					       .code = c->code,
					       .detail = detail});
		return;
	case PATTERN_GAVE_UP:
		end_broken(c, "the body needs too much effort to look at");
		return;
	}
}

static struct slice text_of(const struct check_body *body)
{
	return slice_make(body->text, body->n);
}

/* Keeps a piece; false when no more is looked at. */
static bool keep_piece(struct check_body *body, struct slice piece)
{
	size_t room = CHECK_BODY_MAX - body->n;

	piece = slice_first(piece, piece.n < room ? piece.n : room);
	if (piece.n)
		memcpy(body->text + body->n, piece.p, piece.n);
	body->n += piece.n;
	return body->n < CHECK_BODY_MAX;
}

/* What has come in chunks; true when that was all there is to look at. */
static bool take_chunks(struct check *c, struct slice in, bool *bad)
{
	struct check_body *body = c->body;

	while (in.n) {
		struct slice piece;
		size_t used;

		switch (chunked_next(&body->coding, in, &used, &piece)) {
		case CHUNKED_MORE:
			return false;
		case CHUNKED_DATA:
			if (!keep_piece(body, piece))
				return true;
			break;
		case CHUNKED_DONE:
			return true;
		case CHUNKED_BAD:
			*bad = true;
			return true;
		}
		in = slice_from(in, used);
	}
	return false;
}

static bool take_plain(struct check *c, struct slice in)
{
	struct check_body *body = c->body;

	if (!keep_piece(body, in))
		return true;
	return body->framing.kind == FRAMING_LENGTH &&
	       body->n >= body->framing.length;
}

/* As look(), once the head has come. */
static bool look_at_body(struct check *c)
{
	struct chain *in = &c->conn.in;
	bool done = c->body->framing.kind == FRAMING_NONE, bad = false;

	while (!done && in->n > 0) {
		struct slice got = chain_front(in);

		done = c->body->framing.kind == FRAMING_CHUNKED
			       ? take_chunks(c, got, &bad)
			       : take_plain(c, got);
		if (!done)
			chain_drain(in, got.n);
	}
	if (bad)
		end_broken(c, "the chunked coding of the body is broken");
	else if (done)
		end_of_body(c, text_of(c->body));
	return done;
}

/* The head is there: what matters now is the body. */
static bool begin_body(struct check *c, const struct http_head *head)
{
	c->body = xcalloc(1, sizeof(*c->body));
	c->code = head->status;
	if (framing_of_response(head, false, false, &c->body->framing)) {
		end_broken(c, "the length of the body is in doubt");
		return true;
	}
	chain_drain(&c->conn.in, head->octets);
	return look_at_body(c);
}

/* Looks at what has arrived; true when that ended the check. */
static bool look(struct check *c)
{
	struct chain *in = &c->conn.in;

	if (c->body)
		return look_at_body(c);
	while (in->n > 0 && chain_linearise(in, in->n)) {
		struct http_head head = {.fields = c->pool->fields,
					 .max_fields = HEAD_FIELDS_MAX};
		struct slice got = chain_front(in);
		enum reason why;

		if (c->looked && !h1_head_end(got, c->looked))
			return false;
		switch (h1_parse_response(got, &h1_response_limits, &head,
					  &why)) {
		case H1_MORE:
			c->looked = got.n;
			return false;
		case H1_BAD:
			end_broken(c, reason_sentence(why));
			return true;
		case H1_DONE:
			break;
		}
		if (!is_interim(&head) && c->spec.body)
			return begin_body(c, &head);
		if (!is_interim(&head)) {
			end_answered(c, &head);
			return true;
		}
		chain_drain(in, head.octets);
		c->looked = 0;
	}
	return false;
}

static void read_answer(struct check *c)
{
	enum io io;
	int error;

	do {
		io = conn_fill(&c->conn);
		error = c->conn.error;
		/* An answer counts even if the connection broke behind it. */
		if (look(c))
			return;
	} while (io == IO_DONE && c->body); /* which made room */
	switch (io) {
	case IO_AGAIN:
		return;
	case IO_DONE:
		end_broken(c, "the answer has no end");
		return;
	case IO_CLOSED:
		if (c->body && c->body->framing.kind == FRAMING_CLOSE) {
			end_of_body(c, text_of(c->body));
			return;
		}
		end_broken(c, "closed before the answer was complete");
		return;
	case IO_FAILED:
		end_by(c, error);
		return;
	}
}

/* The server name in a Host: none where that is an address. */
static struct slice server_name_of(struct slice host)
{
	struct addr ignored;
	struct slice name = slice_first(host, slice_find(host, ':'));

	if (host.n && host.p[0] == '[')
		return SLICE("");
	return addr_parse_ip(name, 0, &ignored) ? SLICE("") : name;
}

/* -- HTTP/2 ---------------------------------------------------------------- */

static bool begin_call(struct check *c)
{
	const struct check_call_spec spec = {
		.path = c->spec.path,
		.host = c->spec.sent_host,
		.secure = c->spec.over_tls,
		.is_grpc = c->spec.version == VERSION_GRPC,
		.body_most = c->spec.body ? CHECK_BODY_MAX : 0,
	};

	c->call = check_call_new(&c->conn, &spec);
	return c->call != NULL;
}

static void end_grpc(struct check *c, const struct check_call_answer *answer)
{
	char detail[CHECK_DETAIL_MAX];

	if (answer->grpc_status == CALL_NO_GRPC_STATUS) {
		snprintf(detail, sizeof(detail), "status %u and no grpc-status",
			 answer->status);
		end_broken(c, detail);
		return;
	}
	snprintf(detail, sizeof(detail), "grpc-status %d", answer->grpc_status);
	end(c, &(struct check_outcome){.result = CHECK_ANSWERED,
				       .code = (uint16_t)answer->grpc_status,
				       .detail = detail});
}

static void end_call(struct check *c, const struct check_call_answer *answer)
{
	c->code = answer->status;
	if (c->spec.version == VERSION_GRPC)
		end_grpc(c, answer);
	else if (c->spec.body)
		end_of_body(c, answer->body);
	else
		end_status(c, answer->status, answer->location);
}

static void run_call(struct check *c)
{
	struct conn *conn = &c->conn;
	struct check_call_answer answer;
	enum io io = IO_AGAIN;

	if (!conn_is_established(conn))
		io = conn_fill(conn);
	if (io == IO_FAILED || io == IO_CLOSED) {
		end_by(c, conn->error ? conn->error : EPROTO);
		return;
	}
	if (!conn_is_established(conn))
		return;
	if (conn->filter &&
	    !slice_eq(tls_filter_alpn(conn->filter), SLICE("h2"))) {
		end_broken(c, reason_sentence(REASON_TARGET_NO_HTTP2));
		return;
	}
	switch (check_call_run(c->call, &answer)) {
	case CALL_WAITS:
		return;
	case CALL_ANSWERED:
		end_call(c, &answer);
		return;
	case CALL_BROKEN:
		end_broken(c, answer.detail);
		return;
	}
}

/* Once connected: a filter if there is to be TLS, then the request. */
static bool begin(struct check *c)
{
	struct conn *conn = &c->conn;

	c->asked = true;
	if (c->spec.over_tls) {
		conn->filter =
			tls_filter_connect(c->spec.tls, c->spec.tls_worker,
					   server_name_of(c->spec.host),
					   c->spec.name, c->spec.verify_name);
		if (!conn->filter)
			return false;
	}
	if (c->spec.version != VERSION_HTTP1)
		return begin_call(c);
	if (!chain_copy(&conn->out, c->spec.request))
		return false;
	conn_dirty(conn);
	return true;
}

static void on_ready(struct conn *conn)
{
	struct check *c = list_entry(conn, struct check, conn);

	if (c->over || conn->connecting)
		return;
	if (conn->error && conn->in.n == 0)
		end_by(c, conn->error);
	else if (c->spec.request.n == 0)
		end(c, &(struct check_outcome){.result = CHECK_CONNECTED});
	else if (!c->asked && !begin(c))
		end_by(c, ENOBUFS);
	else if (c->call)
		run_call(c);
	else
		read_answer(c);
}

static void on_expired(struct conn *conn)
{
	(void)conn; /* no deadline is set: the prober keeps the time */
}

static void on_gather(struct conn *conn)
{
	struct check *c = list_entry(conn, struct check, conn);

	if (c->call)
		check_call_gather(c->call);
}

static const struct conn_ops check_conn_ops = {
	.ready = on_ready,
	.expired = on_expired,
	.gather = on_gather,
};

static struct check *take(struct check_pool *pool)
{
	struct check *c = pool->free;

	if (c) {
		pool->free = c->next_free;
		return c;
	}
	c = xcalloc(1, sizeof(*c));
	c->pool = pool;
	c->next = pool->all;
	pool->all = c;
	return c;
}

struct check *check_start(struct check_pool *pool,
			  const struct check_spec *spec,
			  struct check_outcome *failed)
{
	struct check *c = take(pool);

	c->spec = *spec;
	c->looked = 0;
	c->code = 0;
	c->asked = c->over = false;
	c->call = NULL;
	if (spec->over_tls && !spec->tls) {
		*failed = (struct check_outcome){.result = CHECK_INTERNAL,
						 .detail = "no TLS"};
		give_back(&c->retired);
		return NULL;
	}
	if (conn_connect(&c->conn, pool->loop, spec->addr, &check_conn_ops,
			 CHECK_IN_LIMIT)) {
		*failed = broken_by(errno);
		give_back(&c->retired);
		return NULL;
	}
	/* A reload may take the snapshot while the check is under way. */
	if (c->spec.tls)
		tls_client_ref(c->spec.tls);
	return c;
}

void check_time_out(struct check *c)
{
	const char *detail = c->conn.connecting  ? "no connection in time"
			     : c->spec.request.n ? "no answer in time"
						 : NULL;

	end(c,
	    &(struct check_outcome){.result = CHECK_TIMEOUT, .detail = detail});
}

void check_cancel(struct check *c)
{
	end(c, NULL);
}

struct check_pool *check_pool_new(struct loop *loop)
{
	struct check_pool *pool = xcalloc(1, sizeof(*pool));

	pool->loop = loop;
	return pool;
}

void check_pool_free(struct check_pool *pool)
{
	struct check *c;

	if (!pool)
		return;
	pattern_scratch_free(pool->patterns);
	while ((c = pool->all) != NULL) {
		pool->all = c->next;
		free(c);
	}
	free(pool);
}
