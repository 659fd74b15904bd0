/*
 * h2_out.c - what leaves on one id of a session.
 *
 * Lists are kept as text until their frame has left; nghttp2 points into them.
 * Bodies wait in the stream's chain, and move to the connection's when it is
 * their turn and both windows allow.
 *
 * Floor: stream.
 */
#include "base/clock.h"
#include "base/fail.h"
#include "h2_inside.h"
#include "http/h1_write.h"

/* -- texts ----------------------------------------------------------------- */

static struct piece take_text(const struct writer *w, const char *start,
			      size_t need)
{
	if (w->overflow)
		BUG("a list of more than %zu octets", need);
	return piece_take((size_t)(w->at - start));
}

/* Keeps a text until its frame has left. */
static void keep_text(struct h2_stream *s, const struct piece *text)
{
	chain_append_piece(&s->texts, text);
	s->n_queued++;
	s->held_heads += text->n;
	s->session->held_heads += text->n;
}

static void drop_texts(struct h2_stream *s)
{
	uint32_t n = s->texts.n < s->held_heads ? s->texts.n : s->held_heads;

	s->held_heads -= n;
	s->session->held_heads -= n;
	chain_release(&s->texts);
}

void h2_list_sent(struct h2_stream *s)
{
	if (s->n_queued && --s->n_queued == 0)
		drop_texts(s);
}

/* -- heads ----------------------------------------------------------------- */

/* Room to spare for the method, the target and the version, for people. */
enum { LINE_MAX = 32 };

static void write_line(struct writer *w, const struct http_head *head)
{
	writer_put(w, head->method);
	writer_char(w, ' ');
	writer_target(w, head->target);
	writer_literal(w, " HTTP/2.0");
}

/* The line for people, the host, and then the list. */
bool h2_prepare(const struct http_head *head, const struct body *body,
		struct prepared *out)
{
	size_t need = h2_put_max(head) + LINE_MAX + head->method.n +
		      3 * head->target.n + head->authority.n;
	char *start = piece_claim(need);
	struct writer w;

	if (!start)
		return false;
	w = writer_make(start, need);
	write_line(&w, head);
	out->line = slice_make(start, (size_t)(w.at - start));
	out->host = slice_first(slice_make(w.at, head->authority.n),
				http_host_octets(head->authority));
	writer_put(&w, slice_first(head->authority, out->host.n));
	h2_put_request(&w, head, body);
	out->text = take_text(&w, start, need);
	out->body = *body;
	out->head_only = head->method_id == METHOD_HEAD;
	return true;
}

static void promise_body(struct h2_stream *s, const struct body *body)
{
	s->stream.out = *body;
	s->stream.out_done = body->kind == BODY_NONE ||
			     body->kind == BODY_OMITTED ||
			     (body->kind == BODY_LENGTH && body->length == 0);
	s->has_provider = !s->stream.out_done;
}

static const nghttp2_data_provider provider = {.read_callback = h2_read_out};

bool h2_send(struct stream *st, const struct prepared *request)
{
	struct h2_stream *s = h2_of(st);
	struct h2_session *hs = s->session;
	struct slice list =
		slice_from(slice_make(request->text.p, request->text.n),
			   request->line.n + request->host.n);
	nghttp2_nv nv[H2_LIST_MAX];
	size_t n = h2_list(list, nv, H2_LIST_MAX);

	if (hs->life == H2_OVER)
		return false;
	s->head_only = request->head_only;
	promise_body(s, &request->body);
	s->id = nghttp2_submit_request(hs->ng, NULL, nv, n,
				       s->has_provider ? &provider : NULL, s);
	if (s->id < 0) {
		s->id = 0;
		return false;
	}
	s->is_open = true;
	hs->n_begun++;
	h2_budget_opened(&hs->budget);
	keep_text(s, &request->text);
	h2_dirty(hs);
	return true;
}

/* False: there is no room, or nobody who would read it. */
static bool write_list(struct h2_stream *s, const struct outgoing *out,
		       struct piece *text)
{
	size_t need = h2_put_max(out->head);
	struct h2_session *hs = s->session;
	struct writer w;
	char *start;

	if (s->was_reset || !s->is_open || hs->life == H2_OVER ||
	    hs->held_heads + need > 2 * H2_HEADS_MOST)
		return false;
	start = piece_claim(need);
	if (!start)
		return false;
	w = writer_make(start, need);
	h2_put_answer(&w, out->head, &out->body);
	*text = take_text(&w, start, need);
	return true;
}

static int submit_head(struct h2_stream *s, const struct outgoing *out,
		       struct slice list)
{
	nghttp2_session *ng = s->session->ng;
	nghttp2_nv nv[H2_LIST_MAX];
	size_t n = h2_list(list, nv, H2_LIST_MAX);

	if (out->head->status < 200)
		return nghttp2_submit_headers(ng, NGHTTP2_FLAG_NONE, s->id,
					      NULL, nv, n, NULL);
	return nghttp2_submit_response(ng, s->id, nv, n,
				       s->has_provider ? &provider : NULL);
}

/* A short body that is at hand: all of it. */
static bool keep_content(struct h2_stream *s, struct slice content)
{
	char *at = piece_claim(content.n);
	struct piece piece;

	if (!at)
		return false;
	memcpy(at, content.p, content.n);
	piece = piece_take(content.n);
	chain_append_piece(&s->out, &piece);
	piece_release(&piece);
	s->session->held_out += (uint32_t)content.n;
	s->stream.out_octets += content.n;
	s->stream.out_done = s->ends = true;
	s->is_packed = true;
	return true;
}

bool h2_write_head(struct stream *st, const struct outgoing *out)
{
	struct h2_stream *s = h2_of(st);
	struct piece text;

	/* RFC 9113 8.6: there is no such status. */
	if (out->head->status == 101)
		return false;
	if (!write_list(s, out, &text))
		return false;
	if (out->head->status >= 200) {
		promise_body(s, &out->body);
		st->keep = st->keep && !out->last;
	}
	if (out->head->status >= 200 && out->content.n &&
	    !keep_content(s, out->content)) {
		piece_release(&text);
		return false;
	}
	keep_text(s, &text);
	if (submit_head(s, out, slice_make(text.p, text.n))) {
		h2_list_sent(s);
		piece_release(&text);
		return false;
	}
	piece_release(&text);
	h2_dirty(s->session);
	return true;
}

/* -- bodies ---------------------------------------------------------------- */

static void resume(struct h2_stream *s)
{
	if (s->deferred) {
		s->deferred = false;
		nghttp2_session_resume_data(s->session->ng, s->id);
	}
	h2_dirty(s->session);
}

bool h2_write_body(struct stream *st, struct chain *from)
{
	struct h2_stream *s = h2_of(st);

	if (from->n == 0)
		return true;
	if (s->was_reset) {
		chain_release(from);
		return true;
	}
	if (s->out.n == 0)
		s->moved_ms = clock_now_ms();
	st->out_octets += from->n;
	s->session->held_out += from->n;
	chain_move(&s->out, from, from->n);
	s->is_packed = false;
	resume(s);
	return true;
}

/* Octets of a short body that cannot leave now: they are not to hold the chunks
 * that they were read into. */
void h2_pack_out(struct h2_stream *s)
{
	struct chain own;

	if (s->is_packed || s->out.n == 0 || s->out.n > H2_PROGRESS)
		return;
	s->is_packed = true;
	chain_init(&own, UINT32_MAX);
	while (s->out.n > 0 && chain_keep(&own, chain_front(&s->out)))
		chain_drain(&s->out, chain_front(&s->out).n);
	chain_move(&own, &s->out, s->out.n);
	s->out = own;
}

static bool keep_trailers(struct h2_stream *s, const struct http_head *trailers)
{
	size_t need = h2_put_max(trailers);
	char *start = piece_claim(need);
	struct writer w;

	if (!start)
		return false;
	w = writer_make(start, need);
	h2_put_trailers(&w, trailers);
	s->last = take_text(&w, start, need);
	if (s->last.n == 0)
		piece_release(&s->last);
	return true;
}

bool h2_end_body(struct stream *st, const struct http_head *trailers)
{
	struct h2_stream *s = h2_of(st);

	if (st->out_done)
		return true;
	st->out_done = true;
	if (s->was_reset)
		return true;
	if (trailers && !keep_trailers(s, trailers)) {
		st->error = STREAM_NO_ROOM;
		return false;
	}
	s->ends = true;
	resume(s);
	return true;
}

size_t h2_room(const struct stream *st)
{
	const struct h2_stream *s = h2_of_const(st);
	const struct h2_session *hs = s->session;
	size_t own, shared;

	if (s->out.n >= H2_STREAM_OUT_MOST)
		return 0;
	own = H2_STREAM_OUT_MOST - s->out.n;
	shared = hs->held_out < H2_OUT_SHARED ? H2_OUT_SHARED - hs->held_out
					      : 0;
	if (shared == 0)
		return s->out.n < hs->out_floor ? hs->out_floor - s->out.n : 0;
	return own < shared ? own : shared;
}

void h2_drop_out(struct h2_stream *s)
{
	s->session->held_out -= s->out.n;
	chain_release(&s->out);
	piece_release(&s->last);
	/* Lists that nghttp2 has not written yet it still points into. */
	if (!s->is_open || s->session->life == H2_OVER) {
		s->n_queued = 0;
		drop_texts(s);
	}
}

/* -- frames ---------------------------------------------------------------- */

static void submit_trailers(struct h2_stream *s)
{
	nghttp2_nv nv[H2_LIST_MAX];
	size_t n = h2_list(slice_make(s->last.p, s->last.n), nv, H2_LIST_MAX);

	keep_text(s, &s->last);
	if (nghttp2_submit_trailer(s->session->ng, s->id, nv, n))
		h2_list_sent(s);
	piece_release(&s->last);
}

static ssize_t nothing_to_send(struct h2_stream *s)
{
	if (s->rst_behind) {
		s->rst_behind = false;
		nghttp2_submit_rst_stream(s->session->ng, NGHTTP2_FLAG_NONE,
					  s->id, s->rst);
	}
	s->deferred = true;
	return NGHTTP2_ERR_DEFERRED;
}

ssize_t h2_read_out(nghttp2_session *ng, int32_t id, uint8_t *buf, size_t most,
		    uint32_t *flags, nghttp2_data_source *source, void *arg)
{
	struct h2_session *hs = arg;
	struct h2_stream *s = nghttp2_session_get_stream_user_data(ng, id);
	size_t n;

	(void)buf;
	(void)source;
	if (!s)
		return NGHTTP2_ERR_DEFERRED;
	if (hs->conn->out.n >= H2_OUT_MARK)
		return NGHTTP2_ERR_PAUSE;
	if (s->out.n == 0 && !s->ends)
		return nothing_to_send(s);
	n = s->out.n < most ? s->out.n : most;
	if (n > H2_DATA_MAX)
		n = H2_DATA_MAX;
	*flags |= NGHTTP2_DATA_FLAG_NO_COPY;
	if (s->ends && n == s->out.n) {
		*flags |= NGHTTP2_DATA_FLAG_EOF;
		if (s->last.chunk) {
			*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
			submit_trailers(s);
		}
	}
	return (ssize_t)n;
}

/* END_STREAM has left. */
void h2_note_end(struct h2_stream *s)
{
	s->end_sent = true;
	if (!s->rst_behind)
		return;
	s->rst_behind = false;
	nghttp2_submit_rst_stream(s->session->ng, NGHTTP2_FLAG_NONE, s->id,
				  s->rst);
}

/* Octets that trickle are no progress. */
static void note_progress(struct h2_stream *s, size_t n)
{
	s->n_out += n + H2_FRAME_HEAD;
	s->progress += (uint32_t)n;
	if (s->progress < H2_PROGRESS && s->out.n > 0)
		return;
	s->progress = 0;
	s->moved_ms = clock_now_ms();
}

int h2_send_out(nghttp2_session *ng, nghttp2_frame *frame, const uint8_t *head,
		size_t n, nghttp2_data_source *source, void *arg)
{
	struct h2_session *hs = arg;
	struct chain *out = &hs->conn->out;
	struct h2_stream *s =
		nghttp2_session_get_stream_user_data(ng, frame->hd.stream_id);

	(void)source;
	if (!s || s->out.n < n ||
	    !chain_copy(out, slice_make((const char *)head, H2_FRAME_HEAD)))
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	chain_move(out, &s->out, n);
	hs->held_out -= (uint32_t)n;
	h2_budget_moved(&hs->budget, n);
	note_progress(s, n);
	if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
		h2_note_end(s);
	return 0;
}
