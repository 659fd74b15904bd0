/*
 * h2_stream.c - one id of a session: what comes on it, and its end.
 *
 * Floor: stream.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/fail.h"
#include "h2_inside.h"
#include "http/trailers.h"

struct h2_stream *h2_stream_new(struct h2_session *hs, int32_t id)
{
	struct h2_stream *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	*s = (struct h2_stream){
		.stream =
			{
				.ops = hs->is_server ? &h2_front_ops
						     : &h2_back_ops,
				.keep = true,
				.number = (uint32_t)id,
				.stalled = hs->is_server
						   ? REASON_HTTP2_STALLED
						   : REASON_TARGET_STALLED,
			},
		.session = hs,
		.id = id,
		.is_open = id != 0,
		.began_ms = clock_now_ms(),
		.moved_ms = clock_now_ms(),
	};
	list_init(&s->told);
	list_init(&s->waiting);
	chain_init(&s->in, UINT32_MAX);
	chain_init(&s->out, UINT32_MAX);
	chain_init(&s->texts, UINT32_MAX);
	list_push_back(&hs->streams, &s->node);
	hs->n_streams++;
	hs->quiet_ms = 0;
	return s;
}

static void free_stream(struct h2_stream *s)
{
	struct h2_session *hs = s->session;

	h2_stream_drop_in(s);
	h2_drop_out(s);
	for (unsigned i = 0; i < s->n_heads; i++)
		piece_release(&s->heads[i]);
	piece_release(&s->trailers);
	hs->held_heads -= s->held_heads;
	list_remove(&s->node);
	list_remove(&s->told);
	list_remove(&s->waiting);
	if (--hs->n_streams == 0) {
		hs->quiet_ms = clock_now_ms();
		h2_block_release(&hs->block);
		if (hs->life != H2_OPEN || hs->peer_ends)
			loop_again(hs->conn->loop, hs->conn);
	}
	free(s);
}

static void free_if_over(struct h2_stream *s)
{
	if (!s->user && !s->is_open)
		free_stream(s);
}

void h2_stream_use(struct stream *s, void *user)
{
	struct h2_stream *h = h2_of(s);

	assert(!h->user && user);
	h->user = user;
	h->session->n_users++;
}

void *h2_stream_user(const struct stream *s)
{
	return h2_of_const(s)->user;
}

bool h2_stream_lingers(const struct h2_stream *s)
{
	return !s->user && s->is_open && list_is_empty(&s->told);
}

void h2_stream_break(struct h2_stream *s)
{
	s->was_reset = true;
	h2_drop_out(s);
	h2_tell(s);
}

/* A message each way is over in the usual way. */
static bool is_whole(const struct h2_stream *s)
{
	return s->ended && s->end_sent;
}

void h2_stream_closed(struct h2_stream *s, uint32_t code)
{
	struct h2_session *hs = s->session;

	s->is_open = false;
	if (!is_whole(s)) {
		s->was_reset = true;
		if (!s->stream.code)
			s->stream.code = code;
		s->stream.refused |= !hs->is_server &&
				     code == NGHTTP2_REFUSED_STREAM;
		h2_drop_out(s);
		if (hs->is_server && !s->end_sent && !s->is_given_up &&
		    hs->life != H2_OVER)
			h2_budget_reset(&hs->budget,
					clock_now_ms() - s->began_ms);
		h2_tell(s);
	}
	/* One that waited for its turn never gets it. */
	if (!s->user)
		list_remove(&s->told);
	free_if_over(s);
}

void h2_stream_reset(struct h2_stream *s, uint32_t code)
{
	struct h2_session *hs = s->session;

	s->was_reset = true;
	h2_drop_out(s);
	h2_stream_drop_in(s);
	h2_tell(s);
	if (!s->is_open || hs->life == H2_OVER)
		return;
	nghttp2_submit_rst_stream(hs->ng, NGHTTP2_FLAG_NONE, s->id, code);
	h2_dirty(hs);
}

/* -- heads that come ------------------------------------------------------- */

/* What of the body can be known now. */
static void note_body(struct h2_stream *s, const struct http_head *head,
		      bool has_length, uint64_t length)
{
	struct stream *st = &s->stream;
	bool omitted = s->head_only || head->status == 304;

	s->length_known = has_length && !omitted && head->status != 204;
	st->in.length = has_length ? length : 0;
	if (s->ended && s->came == 0) {
		st->in.kind = omitted && has_length ? BODY_OMITTED : BODY_NONE;
		st->in_done = !s->length_known || length == 0;
		return;
	}
	st->in.kind = has_length || s->ended ? BODY_LENGTH : BODY_UNKNOWN;
	/* All of it is here. */
	if (!has_length && s->ended)
		st->in.length = s->came;
}

/* More or less has come than Content-Length says. */
static bool length_is_wrong(const struct h2_stream *s)
{
	return s->length_known && (s->came > s->stream.in.length ||
				   (s->ended && s->came < s->stream.in.length));
}

static enum io bad_body(struct h2_stream *s)
{
	if (!s->was_reset) {
		h2_budget_spend(&s->session->budget, GLITCH_MALFORMED);
		h2_stream_reset(s, NGHTTP2_PROTOCOL_ERROR);
	}
	s->stream.error = STREAM_BAD_BODY;
	return IO_FAILED;
}

static enum io no_head(struct h2_stream *s, enum reason *why)
{
	if (s->refusal) {
		*why = (enum reason)s->refusal;
		return IO_FAILED;
	}
	if (s->stream.error)
		return IO_FAILED;
	return s->was_reset || s->ended ? IO_CLOSED : IO_AGAIN;
}

static bool is_final(const struct h2_stream *s, const struct http_head *head)
{
	return s->session->is_server || head->status >= 200;
}

enum io h2_read_head(struct stream *st, struct http_head *head,
		     enum reason *why)
{
	struct h2_stream *s = h2_of(st);
	bool has_length;
	uint64_t length;

	*why = REASON_NONE;
	if (s->n_heads == 0 || (s->refusal && !s->session->is_server))
		return no_head(s, why);
	has_length = h2_block_head(slice_make(s->heads[0].p, s->heads[0].n),
				   head, &length);
	s->head_only |= s->session->is_server && head->method_id == METHOD_HEAD;
	if (is_final(s, head))
		note_body(s, head, has_length, length);
	if (s->refusal) {
		*why = (enum reason)s->refusal;
		return IO_FAILED;
	}
	if (!length_is_wrong(s))
		return IO_DONE;
	bad_body(s);
	*why = s->session->is_server ? REASON_MALFORMED
				     : REASON_TARGET_MALFORMED;
	return IO_FAILED;
}

static void drop_head(struct stream *st, const struct http_head *head)
{
	struct h2_stream *s = h2_of(st);

	(void)head;
	if (s->n_heads == 0)
		return;
	piece_release(&s->heads[0]);
	s->n_heads--;
	memmove(s->heads, s->heads + 1, s->n_heads * sizeof(s->heads[0]));
	s->heads[s->n_heads] = (struct piece){0};
}

static bool invite(struct stream *s)
{
	(void)s; /* no 100 is sent; the window is the invitation */
	return true;
}

static bool read_trailers(struct stream *st, struct http_head *trailers)
{
	const struct h2_stream *s = h2_of(st);
	uint64_t length;

	h2_block_head(slice_make(s->trailers.p, s->trailers.n), trailers,
		      &length);
	trailers_leave_out(trailers);
	return true;
}

/* -- bodies that come ------------------------------------------------------ */

/* The user has taken `n` octets, or will never. */
static void taken(struct h2_stream *s, size_t n)
{
	struct h2_session *hs = s->session;

	hs->held_in -= (uint32_t)n;
	if (n == 0 || hs->life == H2_OVER)
		return;
	if (s->is_open && !s->ended && s->user)
		nghttp2_session_consume_stream(hs->ng, s->id, n);
	h2_give_back(hs);
	if (nghttp2_session_want_write(hs->ng))
		h2_dirty(hs);
}

void h2_stream_drop_in(struct h2_stream *s)
{
	size_t n = s->in.n;

	chain_release(&s->in);
	taken(s, n);
}

enum io h2_read_body(struct stream *st, struct chain *to, size_t most)
{
	struct h2_stream *s = h2_of(st);
	size_t n;

	if (st->in_done)
		return IO_DONE;
	if (st->error)
		return IO_FAILED;
	if (length_is_wrong(s))
		return bad_body(s);
	n = chain_move(to, &s->in, most);
	st->in_octets += n;
	taken(s, n);
	if (s->in.n > 0)
		return IO_AGAIN;
	if (s->ended) {
		st->in_done = true;
		return IO_DONE;
	}
	return s->was_reset ? IO_CLOSED : IO_AGAIN;
}

static void again(struct stream *s)
{
	h2_tell(h2_of(s));
	loop_again(h2_of(s)->session->conn->loop, h2_of(s)->session->conn);
}

/* -- what leaves ----------------------------------------------------------- */

/* If much waits to leave, it leaves now: what waits comes back to the pool. */
static void push(struct stream *s)
{
	struct h2_session *hs = h2_of(s)->session;

	if (hs->held_out >= H2_OUT_MARK && hs->conn->writable &&
	    conn_unsent(hs->conn) < H2_OUT_MARK)
		conn_write_out(hs->conn);
}

static bool has_unsent(const struct stream *st)
{
	const struct h2_stream *s = h2_of_const(st);

	if (s->was_reset)
		return false;
	return s->out.n > 0 || s->n_queued > 0 ||
	       (st->out_done && !s->end_sent);
}

static void want_room(struct stream *st)
{
	struct h2_stream *s = h2_of(st);

	if (list_is_empty(&s->waiting))
		list_push_back(&s->session->waiting, &s->waiting);
}

/* -- the one at the other end ---------------------------------------------- */

static enum stream_peer peer(const struct stream *st)
{
	const struct h2_stream *s = h2_of_const(st);

	if (st->error == STREAM_BROKEN)
		return PEER_GONE;
	if (!s->was_reset)
		return PEER_THERE;
	/* A server that has answered may take no more (RFC 9113 8.1). */
	return s->ended && !s->session->is_server ? PEER_DEAF : PEER_GONE;
}

static enum stream_gone is_gone(struct stream *st)
{
	const struct h2_stream *s = h2_of(st);

	if (!s->was_reset && !st->error)
		return GONE_NOT;
	return st->in_done || s->ended ? GONE_WAITING : GONE_IN_BODY;
}

static uint64_t moved_ms(const struct stream *s)
{
	return h2_of_const(s)->moved_ms;
}

/* Answers are counted when they are written; what their lists come to is known
 * when they leave, and until then it is their text. */
static void octets(const struct stream *st, uint64_t *in, uint64_t *out)
{
	const struct h2_stream *s = h2_of_const(st);

	*in = s->n_in;
	*out = s->n_out;
	if (s->session->is_server)
		*out += s->texts.n + s->out.n;
}

static enum stream_reach reach(const struct stream *st)
{
	const struct h2_stream *s = h2_of_const(st);

	if (s->head_came || s->n_heads)
		return REACH_ANSWERED;
	return s->n_out == 0 || st->refused ? REACH_NONE : REACH_SENT;
}

/* -- ends ------------------------------------------------------------------ */

/* The stream is nobody's any more. */
static void leave(struct h2_stream *s)
{
	struct h2_session *hs = s->session;

	s->user = NULL;
	hs->n_users--;
	list_remove(&s->told);
	list_remove(&s->waiting);
	h2_stream_drop_in(s);
	free_if_over(s);
	hs->ops->left(hs);
}

/* What stands in `out` leaves, and then this. */
static void reset_behind(struct h2_stream *s, uint32_t code)
{
	if (!s->is_open || s->was_reset)
		return;
	if (s->out.n == 0 && s->n_queued == 0 && !(s->ends && !s->end_sent)) {
		h2_stream_reset(s, code);
		return;
	}
	s->rst_behind = true;
	s->rst = code;
}

static void finish(struct stream *st, bool keep)
{
	struct h2_stream *s = h2_of(st);

	(void)keep;
	if (!st->out_done) {
		s->is_given_up = !s->was_reset;
		h2_stream_reset(s, s->session->is_server
					   ? NGHTTP2_INTERNAL_ERROR
					   : NGHTTP2_CANCEL);
	} else if (!s->ended) {
		/* RFC 9113 8.1: the answer is whole; the rest of the request
		 * is not wanted. */
		reset_behind(s, s->session->is_server ? NGHTTP2_NO_ERROR
						      : NGHTTP2_CANCEL);
	}
	leave(s);
}

static uint32_t reset_code(const struct stream *st, enum reason why)
{
	const struct h2_stream *s = h2_of_const(st);

	if (st->code && !s->was_reset)
		return st->code;
	switch (why) {
	case REASON_HTTP2_STALLED:
	case REASON_CLIENT_GONE:
		return NGHTTP2_CANCEL;
	case REASON_STOPPING:
		return s->session->is_server ? NGHTTP2_INTERNAL_ERROR
					     : NGHTTP2_CANCEL;
	default:
		return NGHTTP2_INTERNAL_ERROR;
	}
}

static void reset(struct stream *st, enum reason why)
{
	struct h2_stream *s = h2_of(st);
	uint32_t code = reset_code(st, why);

	s->is_given_up = !s->was_reset;
	if (why == REASON_HTTP2_STALLED) {
		h2_budget_spend(&s->session->budget, GLITCH_STALLED);
		h2_stream_reset(s, code);
	} else {
		reset_behind(s, code);
	}
	leave(s);
}

static enum io deliver(struct stream *s)
{
	if (!has_unsent(s))
		return IO_DONE;
	want_room(s);
	return IO_AGAIN;
}

const struct stream_ops h2_front_ops = {
	.read_head = h2_read_head,
	.drop_head = drop_head,
	.invite = invite,
	.read_body = h2_read_body,
	.read_trailers = read_trailers,
	.again = again,
	.write_head = h2_write_head,
	.write_body = h2_write_body,
	.end_body = h2_end_body,
	.push = push,
	.room = h2_room,
	.has_unsent = has_unsent,
	.want_room = want_room,
	.peer = peer,
	.is_gone = is_gone,
	.moved_ms = moved_ms,
	.octets = octets,
	.reach = reach,
	.finish = finish,
	.reset_code = reset_code,
	.reset = reset,
	.deliver = deliver,
};

const struct stream_ops h2_back_ops = {
	.read_head = h2_read_head,
	.drop_head = drop_head,
	.read_body = h2_read_body,
	.read_trailers = read_trailers,
	.again = again,
	.prepare = h2_prepare,
	.send = h2_send,
	.write_body = h2_write_body,
	.end_body = h2_end_body,
	.push = push,
	.room = h2_room,
	.has_unsent = has_unsent,
	.want_room = want_room,
	.peer = peer,
	.is_gone = is_gone,
	.moved_ms = moved_ms,
	.octets = octets,
	.reach = reach,
	.finish = finish,
	.reset_code = reset_code,
	.reset = reset,
	.deliver = deliver,
};
