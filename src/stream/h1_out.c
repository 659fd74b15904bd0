/*
 * h1_out.c - heads that leave over HTTP/1.x, each in one piece of text.
 *
 * Here alone are start lines written, and the fields that frame a message and
 * govern its connection.
 *
 * Floor: stream.
 */
#include "base/fail.h"
#include "h1_stream.h"
#include "http/h1_write.h"

/* What is added to the fields of a head: a start line without its variable
 * parts, a length, Connection and Upgrade without its value. */
enum { ADDED_MAX = 256 };

static size_t octets_of(const struct http_head *head)
{
	/* A target may grow threefold where it is escaped. */
	size_t n = ADDED_MAX + head->method.n + 3 * head->target.n +
		   head->phrase.n + head->authority.n + head->protocol.n;

	for (size_t i = 0; i < head->n_fields; i++)
		n += head->fields[i].name.n + head->fields[i].value.n + 4;
	return n;
}

static void write_fields(struct writer *w, const struct http_head *head,
			 size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		writer_field(w, head->fields[i].name, head->fields[i].value);
}

static void write_framing(struct writer *w, const struct body *body,
			  enum h1_coding coding)
{
	if (body->kind == BODY_LENGTH || body->kind == BODY_OMITTED)
		writer_field_u64(w, SLICE("Content-Length"), body->length);
	else if (coding == H1_CHUNKED)
		writer_field(w, SLICE("Transfer-Encoding"), SLICE("chunked"));
}

static struct piece take_text(const struct writer *w, const char *start,
			      size_t need)
{
	if (w->overflow)
		BUG("a head of more than %zu octets", need);
	return piece_take((size_t)(w->at - start));
}

/* -- requests -------------------------------------------------------------- */

static enum h1_coding coding_of_request(const struct body *body)
{
	return body->kind == BODY_UNKNOWN ? H1_CHUNKED : H1_PLAIN;
}

/* What we say stands first: a target that stops reading fields at one of the
 * client's has read it by then. */
bool h1_prepare(const struct http_head *head, const struct body *body,
		struct prepared *out)
{
	size_t need = octets_of(head);
	char *start = piece_claim(need);
	struct writer w;

	if (!start)
		return false;
	w = writer_make(start, need);
	writer_put(&w, head->method);
	writer_char(&w, ' ');
	writer_target(&w, head->target);
	writer_literal(&w, " HTTP/1.1");
	out->line = slice_make(start, (size_t)(w.at - start));
	writer_literal(&w, "\r\nHost: ");
	out->host = slice_first(slice_make(w.at, head->authority.n),
				http_host_octets(head->authority));
	writer_put(&w, head->authority);
	writer_literal(&w, "\r\n");
	write_framing(&w, body, coding_of_request(body));
	if (head->protocol.n) {
		writer_field(&w, SLICE("Connection"), SLICE("Upgrade"));
		writer_field(&w, SLICE("Upgrade"), head->protocol);
	}
	write_fields(&w, head, 0, head->n_fields);
	writer_literal(&w, "\r\n");
	out->text = take_text(&w, start, need);
	out->body = *body;
	out->head_only = head->method_id == METHOD_HEAD;
	return true;
}

/* What has no body, or an empty one, is over with its head. */
static void promise_body(struct h1_stream *h, const struct body *body,
			 enum h1_coding coding)
{
	h->stream.out = *body;
	h->out_coding = (uint8_t)coding;
	h->stream.out_done = body->kind == BODY_NONE ||
			     body->kind == BODY_OMITTED ||
			     (body->kind == BODY_LENGTH && body->length == 0);
}

bool h1_send(struct stream *s, const struct prepared *request)
{
	struct h1_stream *h = h1_of(s);

	if (!chain_append(&h->conn->out, request->text.chunk, request->text.p,
			  request->text.n))
		return false;
	conn_dirty(h->conn);
	h->head_only = request->head_only;
	promise_body(h, &request->body, coding_of_request(&request->body));
	return true;
}

/* -- answers --------------------------------------------------------------- */

bool h1_invite(struct stream *s)
{
	struct h1_stream *h = h1_of(s);

	if (!h->asks_continue)
		return true;
	h->asks_continue = false;
	conn_dirty(h->conn);
	return chain_copy(&h->conn->out,
			  SLICE("HTTP/1.1 100 Continue\r\n\r\n"));
}

static void write_status(struct writer *w, const struct outgoing *out)
{
	const struct http_head *head = out->head;

	if (out->is_ours) {
		writer_status_line(w, head->status);
		return;
	}
	writer_literal(w, "HTTP/1.1 ");
	writer_u64(w, head->status);
	writer_char(w, ' ');
	writer_put(w, head->phrase);
	writer_literal(w, "\r\n");
}

/* How the connection goes on. Who sends Upgrade names it here (RFC 9110 7.8);
 * clients of 1.0, and those whom we answer as ALB does, are told that it goes
 * on. */
static void write_connection(struct writer *w, const struct h1_stream *h,
			     const struct outgoing *out)
{
	struct slice protocol = out->head->protocol;
	bool says = h->http_1_0 || out->is_ours;
	struct slice options = SLICE("");

	if (out->head->status == 101)
		options = SLICE("Upgrade");
	else if (!h->stream.keep)
		options = protocol.n ? SLICE("close, Upgrade") : SLICE("close");
	else if (says)
		options = protocol.n ? SLICE("keep-alive, Upgrade")
				     : SLICE("keep-alive");
	else if (protocol.n)
		options = SLICE("Upgrade");
	if (options.n)
		writer_field(w, SLICE("Connection"), options);
	if (protocol.n)
		writer_field(w, SLICE("Upgrade"), protocol);
}

static void write_answer(struct writer *w, const struct h1_stream *h,
			 const struct outgoing *out)
{
	const struct http_head *head = out->head;
	size_t n_leading = out->n_leading < head->n_fields ? out->n_leading
							   : head->n_fields;

	write_status(w, out);
	write_fields(w, head, 0, n_leading);
	if (head->status >= 200)
		write_framing(w, &out->body, (enum h1_coding)h->out_coding);
	if (head->status >= 200 || head->status == 101)
		write_connection(w, h, out);
	write_fields(w, head, n_leading, head->n_fields);
	writer_literal(w, "\r\n");
	writer_put(w, out->content);
}

static enum h1_coding coding_of_answer(const struct h1_stream *h,
				       const struct body *body)
{
	if (body->kind != BODY_UNKNOWN)
		return H1_PLAIN;
	return h->http_1_0 ? H1_TO_END : H1_CHUNKED;
}

bool h1_write_head(struct stream *s, const struct outgoing *out)
{
	struct h1_stream *h = h1_of(s);
	unsigned status = out->head->status;
	size_t need = octets_of(out->head) + out->content.n;
	char *start;
	struct writer w;
	struct piece text;

	/* RFC 9110 15.2: clients of 1.0 know no interim answers. */
	if (status < 200 && status != 101 && h->http_1_0)
		return true;
	start = piece_claim(need);
	if (!start)
		return false;
	if (status >= 200) {
		enum h1_coding coding = coding_of_answer(h, &out->body);

		promise_body(h, &out->body, coding);
		s->out_done |= out->content.n > 0;
		s->out_octets += out->content.n;
		s->keep = s->keep && !out->last && !s->in_doubt &&
			  coding != H1_TO_END;
		h->answered = true;
	}
	w = writer_make(start, need);
	write_answer(&w, h, out);
	text = take_text(&w, start, need);
	chain_append_piece(&h->conn->out, &text);
	piece_release(&text);
	conn_dirty(h->conn);
	return true;
}
