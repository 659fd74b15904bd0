/*
 * h2_frames.c - what nghttp2 tells of the frames that come and leave.
 *
 * No user takes a step in here: nghttp2 must not be called from within itself
 * but to submit. What users have to know they are told afterwards.
 *
 * Floor: stream.
 */
#include "base/clock.h"
#include "base/fail.h"
#include "h2_inside.h"

static struct h2_stream *stream_at(struct h2_session *hs, int32_t id)
{
	return nghttp2_session_get_stream_user_data(hs->ng, id);
}

/* Octets that came, and had to be read before anything could be said. */
static void note_octets(struct h2_stream *s, size_t n)
{
	s->n_in += n + H2_FRAME_HEAD;
	s->moved_ms = clock_now_ms();
}

/* -- lists that come ------------------------------------------------------- */

/* Whether a client may begin another stream. */
static bool has_room(const struct h2_session *hs, bool has_body)
{
	/* Beyond three quarters, so that what has begun goes on. */
	return hs->n_streams < hs->streams_most &&
	       hs->held_heads < H2_HEADS_MOST &&
	       !(has_body && hs->held_in > hs->in_most / 4 * 3);
}

static int refuse(struct h2_session *hs, int32_t id)
{
	h2_budget_spend(&hs->budget, GLITCH_REFUSED);
	h2_budget_reset(&hs->budget, 0);
	return nghttp2_submit_rst_stream(hs->ng, NGHTTP2_FLAG_NONE, id,
					 NGHTTP2_REFUSED_STREAM);
}

static int begin_request(struct h2_session *hs, const nghttp2_frame *frame)
{
	/* In turns, whatever the client would like: priorities are read and
	 * forgotten. */
	const nghttp2_extpri in_turns = {.urgency = 3, .inc = 1};
	bool has_body = !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM);
	int32_t id = frame->hd.stream_id;
	struct h2_stream *s;

	h2_budget_opened(&hs->budget);
	h2_block_begin(&hs->block, H2_REQUEST);
	hs->n_begun++;
	s = has_room(hs, has_body) ? h2_stream_new(hs, id) : NULL;
	if (!s)
		return refuse(hs, id);
	nghttp2_session_set_stream_user_data(hs->ng, id, s);
	nghttp2_session_change_extpri_stream_priority(hs->ng, id, &in_turns, 1);
	return 0;
}

static int on_begin_headers(nghttp2_session *ng, const nghttp2_frame *frame,
			    void *arg)
{
	struct h2_session *hs = arg;
	const struct h2_stream *s;

	(void)ng;
	if (frame->hd.type != NGHTTP2_HEADERS)
		return 0;
	if (frame->headers.cat == NGHTTP2_HCAT_REQUEST)
		return begin_request(hs, frame);
	s = stream_at(hs, frame->hd.stream_id);
	h2_block_begin(&hs->block,
		       s && s->head_came ? H2_TRAILERS : H2_RESPONSE);
	return 0;
}

/* nghttp2 itself refuses a stream beyond those announced, where SETTINGS are
 * not acknowledged yet: without a begin_headers, and so uncounted but for this.
 */
static int on_invalid(nghttp2_session *ng, const nghttp2_frame *frame,
		      int error, void *arg)
{
	struct h2_session *hs = arg;

	(void)ng;
	if (frame->hd.type == NGHTTP2_HEADERS &&
	    error == NGHTTP2_ERR_REFUSED_STREAM) {
		h2_budget_opened(&hs->budget);
		h2_budget_spend(&hs->budget, GLITCH_REFUSED);
		h2_budget_reset(&hs->budget, 0);
	}
	return 0;
}

static int on_header(nghttp2_session *ng, const nghttp2_frame *frame,
		     const uint8_t *name, size_t n_name, const uint8_t *value,
		     size_t n_value, uint8_t flags, void *arg)
{
	struct h2_session *hs = arg;

	(void)ng;
	(void)frame;
	(void)flags;
	switch (h2_block_add(&hs->block, slice_make((const char *)name, n_name),
			     slice_make((const char *)value, n_value))) {
	case H2_ADDED:
		return 0;
	case H2_FLOOD:
		h2_budget_end(&hs->budget, GLITCH_HEADER_LIST);
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	case H2_NO_MEMORY:
		hs->no_memory = true;
		return 0;
	}
	return 0;
}

static int malformed(struct h2_session *hs, struct h2_stream *s,
		     const char *text)
{
	h2_budget_spend(&hs->budget, GLITCH_MALFORMED);
	hs->ops->glitch(hs, GLITCH_KINDS, text);
	s->refusal = hs->is_server ? REASON_MALFORMED : REASON_TARGET_MALFORMED;
	if (s->head_came)
		s->stream.error = STREAM_BAD_BODY;
	h2_stream_reset(s, NGHTTP2_PROTOCOL_ERROR);
	return 0;
}

static bool keep_text(struct h2_stream *s, struct piece *piece)
{
	struct slice text = h2_block_text(&s->session->block);
	char *at = piece_claim(text.n ? text.n : 1);

	if (!at)
		return false;
	memcpy(at, text.p ? text.p : "", text.n);
	*piece = piece_take(text.n);
	s->held_heads += (uint32_t)text.n;
	s->session->held_heads += (uint32_t)text.n;
	return true;
}

static int end_trailers(struct h2_session *hs, struct h2_stream *s, bool ends)
{
	if (!ends)
		return malformed(hs, s, "trailers that end nothing");
	if (!keep_text(s, &s->trailers))
		h2_stream_reset(s, NGHTTP2_INTERNAL_ERROR);
	s->stream.has_trailers = true;
	return 0;
}

static int end_request(struct h2_session *hs, struct h2_stream *s)
{
	s->head_came = true;
	if (!keep_text(s, &s->heads[s->n_heads++])) {
		s->n_heads--;
		h2_stream_reset(s, NGHTTP2_REFUSED_STREAM);
		return 0;
	}
	list_push_back(&hs->fresh, &s->told);
	return 0;
}

static bool is_interim(struct slice text)
{
	struct h2_record record;
	struct slice name, value;

	return h2_next(&text, &record, &name, &value) &&
	       record.pseudo == H2_STATUS && value.n && value.p[0] == '1';
}

static int end_answer(struct h2_session *hs, struct h2_stream *s, bool ends)
{
	bool interim = is_interim(h2_block_text(&hs->block));

	if (interim && ends)
		return malformed(hs, s, "an interim answer that ends it");
	if (s->n_heads == H2_HEADS_WAIT)
		return malformed(hs, s, "interim answers in a row");
	s->head_came = !interim;
	if (keep_text(s, &s->heads[s->n_heads]))
		s->n_heads++;
	else
		h2_stream_reset(s, NGHTTP2_CANCEL);
	return 0;
}

static int end_list(struct h2_session *hs, struct h2_stream *s, bool ends)
{
	switch (hs->no_memory ? H2_REFUSED : h2_block_end(&hs->block)) {
	case H2_MALFORMED:
		return malformed(hs, s,
				 h2_fault_text((enum h2_fault)hs->block.fault));
	case H2_REFUSED:
		if (hs->no_memory) {
			hs->no_memory = false;
			h2_stream_reset(s, NGHTTP2_REFUSED_STREAM);
			return 0;
		}
		s->refusal = hs->block.why;
		break;
	case H2_GOOD:
		break;
	}
	if (hs->block.kind == H2_TRAILERS)
		return end_trailers(hs, s, ends);
	return hs->is_server ? end_request(hs, s) : end_answer(hs, s, ends);
}

static void end_of_message(struct h2_stream *s)
{
	s->ended = true;
	h2_tell(s);
}

static int on_headers(struct h2_session *hs, const nghttp2_frame *frame)
{
	bool ends = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
	struct h2_stream *s = stream_at(hs, frame->hd.stream_id);

	/* Refused, or reset by now. */
	if (!s || s->was_reset)
		return 0;
	note_octets(s, frame->hd.length);
	end_list(hs, s, ends);
	if (ends)
		end_of_message(s);
	else
		h2_tell(s);
	return 0;
}

/* -- bodies that come ------------------------------------------------------ */

/* Shorter runs are copied: one that nobody takes would hold a chunk of 16 KiB
 * for its few octets. */
enum { RUN_MIN = 4096 };

static int on_data(nghttp2_session *ng, uint8_t flags, int32_t id,
		   const uint8_t *data, size_t n, void *arg)
{
	struct h2_session *hs = arg;
	struct h2_stream *s = stream_at(hs, id);
	struct slice run = slice_make((const char *)data, n);

	(void)flags;
	if (!s || !s->user) {
		/* One that waits for its turn has no user yet. */
		if (!s || list_is_empty(&s->told)) {
			nghttp2_session_consume_connection(ng, n);
			return 0;
		}
	}
	if (run.n < RUN_MIN ? !chain_keep(&s->in, run)
			    : !chain_append(&s->in, hs->chunk, run.p, run.n)) {
		nghttp2_session_consume_connection(ng, n);
		h2_stream_reset(s, NGHTTP2_INTERNAL_ERROR);
		return 0;
	}
	s->came += n;
	s->n_in += n;
	hs->held_in += (uint32_t)n;
	hs->owed += (uint32_t)n;
	h2_tell(s);
	return 0;
}

static void on_data_frame(struct h2_session *hs, const nghttp2_frame *frame)
{
	struct h2_stream *s = stream_at(hs, frame->hd.stream_id);

	if (!s) {
		h2_budget_spend(&hs->budget, GLITCH_CLOSED_STREAM);
		return;
	}
	note_octets(s, 0);
	if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
		end_of_message(s);
}

/* -- the rest that comes --------------------------------------------------- */

static int on_frame(nghttp2_session *ng, const nghttp2_frame *frame, void *arg)
{
	struct h2_session *hs = arg;

	(void)ng;
	switch (frame->hd.type) {
	case NGHTTP2_HEADERS:
		return on_headers(hs, frame);
	case NGHTTP2_DATA:
		on_data_frame(hs, frame);
		break;
	case NGHTTP2_SETTINGS:
		hs->heard = true;
		break;
	case NGHTTP2_GOAWAY:
		hs->peer_ends = true;
		break;
	case NGHTTP2_PING:
		hs->heard_back |= (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0;
		break;
	}
	return hs->budget.is_over ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

static int on_close(nghttp2_session *ng, int32_t id, uint32_t code, void *arg)
{
	struct h2_stream *s = stream_at(arg, id);

	(void)ng;
	if (s)
		h2_stream_closed(s, code);
	return 0;
}

/* -- what has left --------------------------------------------------------- */

/* Of our own notice the peer has heard when the PING behind it comes back;
 * nghttp2 would write one that is submitted earlier in front of it. */
static void on_goaway_sent(struct h2_session *hs, uint32_t code)
{
	static const uint8_t last_word[8] = "goodbye";

	if (code != NGHTTP2_NO_ERROR) {
		/* nghttp2 found it, and has said so. */
		hs->ops->glitch(hs, GLITCH_PROTOCOL, NULL);
		hs->fault_sent = true;
	} else if (hs->life == H2_NOTICED) {
		nghttp2_submit_ping(hs->ng, NGHTTP2_FLAG_NONE, last_word);
	}
}

static int on_sent(nghttp2_session *ng, const nghttp2_frame *frame, void *arg)
{
	struct h2_session *hs = arg;
	struct h2_stream *s;

	(void)ng;
	if (frame->hd.type == NGHTTP2_GOAWAY) {
		on_goaway_sent(hs, frame->goaway.error_code);
		return 0;
	}
	if (frame->hd.type == NGHTTP2_HEADERS) {
		s = stream_at(hs, frame->hd.stream_id);
		if (s) {
			s->n_out += frame->hd.length + H2_FRAME_HEAD;
			s->moved_ms = clock_now_ms();
			h2_list_sent(s);
			if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
				h2_note_end(s);
		}
	}
	return 0;
}

static int on_not_sent(nghttp2_session *ng, const nghttp2_frame *frame,
		       int error, void *arg)
{
	struct h2_stream *s = stream_at(arg, frame->hd.stream_id);

	(void)ng;
	(void)error;
	if (s && frame->hd.type == NGHTTP2_HEADERS)
		h2_list_sent(s);
	return 0;
}

nghttp2_session_callbacks *h2_callbacks(void)
{
	nghttp2_session_callbacks *cb;

	if (nghttp2_session_callbacks_new(&cb))
		return NULL;
	nghttp2_session_callbacks_set_on_begin_headers_callback(
		cb, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(
		cb, on_invalid);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_close);
	nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_sent);
	nghttp2_session_callbacks_set_on_frame_not_send_callback(cb,
								 on_not_sent);
	nghttp2_session_callbacks_set_send_data_callback(cb, h2_send_out);
	return cb;
}
