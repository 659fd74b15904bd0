/*
 * h1_in.c - heads that come over HTTP/1.x, and what they say of their
 * connection.
 *
 * Floor: stream.
 */
#include "h1_stream.h"
#include "http/admit.h"
#include "http/hops.h"

/* More than any head may have: what lies behind is another message's. */
enum { HEAD_MAX = 96 * 1024, JOIN_MIN = 4096 };

typedef enum h1_result parse_fn(struct slice in, const struct h1_limits *limits,
				struct http_head *head, enum reason *why);

/* How much to copy together, where `n` octets in one piece were no whole head.
 * Step by step, because most heads are short, and behind one that lies across
 * two chunks there may be a hundred KiB of others. */
static size_t more_of(const struct chain *in, size_t n)
{
	size_t want = n < JOIN_MIN / 2 ? JOIN_MIN : 2 * n;

	if (want > HEAD_MAX)
		want = HEAD_MAX;
	return want < in->n ? want : in->n;
}

/* One attempt at what is in the chain. Most heads lie in one chunk; only one
 * that does not is copied together. */
static enum io parse(struct h1_stream *h, struct http_head *head,
		     enum reason *why, parse_fn *parse_it)
{
	struct chain *in = &h->conn->in;
	uint32_t scanned = h->scanned;

	h->scanned = in->n;
	for (;;) {
		struct slice front = chain_front(in);
		enum h1_result result = H1_MORE;

		if (scanned < front.n &&
		    (scanned == 0 || h1_head_end(front, scanned)))
			result = parse_it(front, h->limits, head, why);
		if (result == H1_DONE)
			return IO_DONE;
		if (result == H1_BAD) {
			head->method_id = METHOD_OTHER;
			return IO_FAILED;
		}
		if (front.n == in->n || front.n >= HEAD_MAX)
			return IO_AGAIN;
		if (!chain_linearise(in, more_of(in, front.n))) {
			*why = REASON_OVERLOADED;
			return IO_FAILED;
		}
	}
}

static enum io read_head(struct h1_stream *h, struct http_head *head,
			 enum reason *why, parse_fn *parse_it)
{
	struct conn *c = h->conn;

	*why = REASON_NONE;
	if (h->stream.error)
		return IO_FAILED;
	for (;;) {
		uint32_t before = c->in.n;
		enum io io;

		if (before > h->scanned) {
			io = parse(h, head, why, parse_it);
			if (io != IO_AGAIN)
				return io;
		}
		io = conn_fill(c);
		if (c->in.n != before)
			continue;
		/* The filter has octets, and nothing to put them into; no
		 * event would bring us here again. */
		if (io == IO_DONE && chain_room(&c->in)) {
			*why = REASON_OVERLOADED;
			return IO_FAILED;
		}
		if (io == IO_FAILED)
			return h1_broke(h);
		return io == IO_DONE ? IO_AGAIN : io;
	}
}

static bool keeps(const struct http_head *head, enum hops_word word)
{
	bool is_old = head->version < HTTP_1_1;

	switch (word) {
	case HOPS_NOTHING:
		return !is_old;
	case HOPS_KEEP_ALIVE:
		return true;
	case HOPS_CLOSE:
		return false;
	case HOPS_LIST:
		break;
	}
	return is_old ? head_has_token(head, NAME_CONNECTION,
				       SLICE("keep-alive"))
		      : !head_has_token(head, NAME_CONNECTION, SLICE("close"));
}

/* -- requests -------------------------------------------------------------- */

/* The record that TLS begins with (RFC 8446 5.1), as far as it has come, on a
 * port without TLS. No request begins like that. */
static bool is_client_hello(const struct conn *c)
{
	struct slice in = chain_front(&c->in);

	return !c->filter && in.n > 0 && in.p[0] == 0x16 &&
	       (in.n == 1 || in.p[1] == 3);
}

/* As ALB: WebSockets, and nothing else. */
static bool asks_for_websocket(const struct http_head *head)
{
	return head_has(head, NAME_UPGRADE) && head->version >= HTTP_1_1 &&
	       head->method_id == METHOD_GET &&
	       head_has_token(head, NAME_CONNECTION, SLICE("upgrade")) &&
	       head_has_token(head, NAME_UPGRADE, SLICE("websocket"));
}

/* Whether the request may pass, and how its body is framed. */
static enum reason judge(struct h1_stream *h, struct http_head *head)
{
	struct stream *s = &h->stream;
	struct admission a;
	enum reason why =
		http_admit(head, (enum desync_mode)h->desync_mode, &a);

	s->desync = a.desync;
	s->in_doubt |= a.doubtful;
	if (why)
		return why;
	h1_expect_body(h, &a.framing);
	return REASON_NONE;
}

static enum reason note_request(struct h1_stream *h, struct http_head *head)
{
	enum hops_word word = hops_word(head);
	struct stream *s = &h->stream;
	enum reason why;

	h->http_1_0 = head->version < HTTP_1_1;
	s->keep = keeps(head, word);
	why = h->refusal ? (enum reason)h->refusal : judge(h, head);
	if (why)
		return why;
	s->asks = head_has(head, NAME_EXPECT);
	h->takes_trailers = head->takes_trailers =
		head_has(head, NAME_TE) &&
		head_has_token(head, NAME_TE, SLICE("trailers"));
	/* Only a request of 1.1 can ask (RFC 9110 10.1.1). */
	h->asks_continue =
		s->asks && !h->http_1_0 && !s->in_done &&
		head_has_token(head, NAME_EXPECT, SLICE("100-continue"));
	if (asks_for_websocket(head))
		head->protocol = SLICE("websocket");
	hops_leave_out(head, word);
	return REASON_NONE;
}

/* Why no head could be read: the wrong port, if it was that. */
static enum reason reason_of_port(const struct h1_stream *h,
				  enum reason otherwise)
{
	if (h->refusal)
		return (enum reason)h->refusal;
	return is_client_hello(h->conn) ? REASON_TLS_TO_HTTP : otherwise;
}

enum io h1_read_request(struct stream *s, struct http_head *head,
			enum reason *why)
{
	struct h1_stream *h = h1_of(s);
	enum io io = read_head(h, head, why, h1_parse_request);

	if (io != IO_DONE)
		head->method = SLICE("");
	if (io == IO_DONE)
		*why = note_request(h, head);
	else if (io == IO_FAILED && *why)
		*why = reason_of_port(h, *why);
	else if (io == IO_AGAIN && is_client_hello(h->conn))
		*why = REASON_TLS_TO_HTTP;
	return *why ? IO_FAILED : io;
}

/* -- responses ------------------------------------------------------------- */

/* A length that tells of a body which does not come. */
static void note_omitted(struct stream *s, const struct http_head *head,
			 const struct framing *framing)
{
	const struct field *length = head_find(head, NAME_CONTENT_LENGTH);

	if (framing->doubtful || !length ||
	    !slice_to_u64(length->value, &s->in.length))
		return;
	s->in.kind = BODY_OMITTED;
}

enum { STATUS_SWITCHING = 101, STATUS_UPGRADE_REQUIRED = 426 };

/* RFC 9110 15.5.22: a 426 says which protocols would be served. */
static void note_protocol(struct http_head *head)
{
	if (!head_has(head, NAME_UPGRADE) ||
	    (head->status != STATUS_SWITCHING &&
	     head->status != STATUS_UPGRADE_REQUIRED))
		return;
	head->protocol = head_find(head, NAME_UPGRADE)->value;
}

enum io h1_read_response(struct stream *s, struct http_head *head,
			 enum reason *why)
{
	struct h1_stream *h = h1_of(s);
	struct framing framing;
	enum hops_word word;
	enum io io = read_head(h, head, why, h1_parse_response);

	if (io != IO_DONE)
		return io;
	word = hops_word(head);
	note_protocol(head);
	hops_leave_out(head, word);
	if (head->status < 200)
		return IO_DONE;
	if (framing_of_response(head, h->head_only, false, &framing)) {
		*why = REASON_TARGET_MALFORMED;
		return IO_FAILED;
	}
	h1_expect_body(h, &framing);
	if (framing.kind == FRAMING_NONE &&
	    (h->head_only || head->status == 304))
		note_omitted(s, head, &framing);
	s->keep = keeps(head, word) && !framing.doubtful &&
		  framing.kind != FRAMING_CLOSE;
	return IO_DONE;
}
