#include "h1_stream.h"

#include <errno.h>

#include "base/fail.h"
#include "http/h1_parse.h"
#include "http/trailers.h"

/* A run of octets shorter than this is copied behind the one before: a slice
 * of its own would cost more than it carries. */
enum { RUN_MIN = 128 };

/* Once so much waits, it is written at once and not at the end of the turn:
 * the blocks come back to the pool while they are still in the cache. */
enum { WRITE_EARLY = 64 * 1024 };

enum io h1_broke(struct h1_stream *h)
{
	h->stream.error = h->conn->error == ENOBUFS ? STREAM_NO_ROOM
						    : STREAM_BROKEN;
	return IO_FAILED;
}

static enum io broken(struct stream *s, enum stream_error error)
{
	s->error = (uint8_t)error;
	return IO_FAILED;
}

/* -- bodies that come ------------------------------------------------------ */

void h1_expect_body(struct h1_stream *h, const struct framing *framing)
{
	static const struct {
		enum h1_coding coding;
		enum body_kind kind;
	} of[] = {
		[FRAMING_NONE] = {H1_PLAIN, BODY_NONE},
		[FRAMING_LENGTH] = {H1_PLAIN, BODY_LENGTH},
		[FRAMING_CHUNKED] = {H1_CHUNKED, BODY_UNKNOWN},
		[FRAMING_CLOSE] = {H1_TO_END, BODY_UNKNOWN},
	};

	h->in_coding = (uint8_t)of[framing->kind].coding;
	h->stream.in.kind = of[framing->kind].kind;
	h->stream.in.length = framing->length;
	h->stream.in_done =
		framing->kind == FRAMING_NONE ||
		(framing->kind == FRAMING_LENGTH && framing->length == 0);
}

static size_t min_size(size_t a, uint64_t b)
{
	return a < b ? a : (size_t)b;
}

static bool take_run(struct chain *to, struct chain *in, struct slice data)
{
	if (data.n < RUN_MIN)
		return chain_copy(to, data);
	return chain_append(to, in->first->chunk, data.p, data.n);
}

/* Keeps what was consumed of the trailer section. Nearly always that is an
 * empty line in one piece, and nothing is kept. */
static void keep_trailers(struct h1_stream *h, struct slice used,
			  uint16_t before)
{
	uint16_t n = (uint16_t)(h->coding.trailers - before);
	struct chain *in = &h->conn->in;

	if (n == 0 || (n == 2 && before == 0 && used.p[used.n - 1] == '\n'))
		return;
	h->stream.has_trailers = true;
	chain_append(&h->trailers, in->first->chunk, used.p + used.n - n, n);
}

static bool read_trailers(struct stream *s, struct http_head *trailers)
{
	struct chain *all = &h1_of(s)->trailers;
	enum reason why;

	if (!chain_linearise(all, all->n) ||
	    h1_parse_trailers(chain_front(all), &h1_response_limits, trailers,
			      &why) != H1_DONE)
		return false;
	trailers_leave_out(trailers);
	return true;
}

/* Decodes what is in the chain, as far as `most` allows; IO_AGAIN: it needs
 * more octets or more room. */
static enum io take_chunked(struct h1_stream *h, struct chain *to, size_t most)
{
	struct chain *in = &h->conn->in;

	while (in->n > 0 && most > 0) {
		/* So that no piece is longer than there is room for. */
		struct slice front = slice_first(chain_front(in), most);
		uint16_t before = h->coding.trailers;
		struct slice data;
		size_t used;

		if (front.n == 0) {
			chain_drain(in, 0);
			return broken(&h->stream, STREAM_BROKEN);
		}
		switch (chunked_next(&h->coding, front, &used, &data)) {
		case CHUNKED_DATA:
			if (!take_run(to, in, data))
				return broken(&h->stream, STREAM_NO_ROOM);
			most -= data.n;
			break;
		case CHUNKED_MORE:
			keep_trailers(h, slice_first(front, used), before);
			break;
		case CHUNKED_DONE:
			keep_trailers(h, slice_first(front, used), before);
			chain_drain(in, used);
			h->stream.in_done = true;
			return IO_DONE;
		case CHUNKED_BAD:
			return broken(&h->stream, STREAM_BAD_BODY);
		}
		chain_drain(in, used);
	}
	return IO_AGAIN;
}

static enum io take(struct h1_stream *h, struct chain *to, size_t most)
{
	struct stream *s = &h->stream;
	struct chain *in = &h->conn->in;

	switch ((enum h1_coding)h->in_coding) {
	case H1_PLAIN:
		chain_move(to, in, min_size(most, stream_in_left(s)));
		return IO_AGAIN;
	case H1_TO_END:
		chain_move(to, in, most);
		return IO_AGAIN;
	case H1_CHUNKED:
		return take_chunked(h, to, most);
	}
	BUG("coding %d", h->in_coding);
}

/* After a write that failed, a reset reads as an orderly end: the write was
 * told of it, and nobody is told twice. */
static enum io peer_has_ended(struct h1_stream *h)
{
	struct stream *s = &h->stream;

	if (h->conn->write_error && h->switched)
		return broken(s, STREAM_BROKEN);
	if (h->in_coding != H1_TO_END || h->conn->write_error)
		return IO_CLOSED;
	s->in_done = true;
	return IO_DONE;
}

static enum io read_body(struct stream *s, struct chain *to, size_t most)
{
	struct h1_stream *h = h1_of(s);
	struct conn *c = h->conn;

	if (s->in_done)
		return IO_DONE;
	if (s->error)
		return IO_FAILED;
	if (h->switched && c->write_error)
		c->readable = true;
	for (;;) {
		uint32_t before = to->n;
		enum io io = take(h, to, most);

		s->in_octets += to->n - before;
		most -= to->n - before;
		if (h->in_coding == H1_PLAIN && stream_in_left(s) == 0) {
			s->in_done = true;
			return IO_DONE;
		}
		if (io != IO_AGAIN || most == 0)
			return io;
		before = c->in.n;
		io = conn_fill(c);
		if (c->in.n > before)
			continue;
		if (io == IO_CLOSED)
			return peer_has_ended(h);
		if (io == IO_FAILED)
			return h1_broke(h);
		/* Of a tunnel the write that failed was told of a reset, and
		 * all that came before it has been read by now. */
		if (h->switched && c->write_error && !c->readable)
			return broken(s, STREAM_BROKEN);
		return IO_AGAIN;
	}
}

static void drop_head(struct stream *s, const struct http_head *head)
{
	struct h1_stream *h = h1_of(s);

	h->scanned = 0;
	chain_drain(&h->conn->in, head->octets);
}

static void again(struct stream *s)
{
	loop_again(h1_of(s)->conn->loop, h1_of(s)->conn);
}

/* -- bodies that leave ----------------------------------------------------- */

static bool write_body(struct stream *s, struct chain *from)
{
	struct h1_stream *h = h1_of(s);
	struct chain *out = &h->conn->out;
	char size[CHUNKED_HEAD_MAX];

	if (from->n == 0)
		return true;
	conn_dirty(h->conn);
	s->out_octets += from->n;
	if (h->out_coding != H1_CHUNKED) {
		chain_move(out, from, from->n);
		return true;
	}
	if (chain_copy(out, slice_make(size, chunked_head(size, from->n)))) {
		chain_move(out, from, from->n);
		if (chain_copy(out, SLICE("\r\n")))
			return true;
	}
	broken(s, STREAM_NO_ROOM);
	return false;
}

static bool write_trailers(struct chain *out, const struct http_head *trailers)
{
	bool all = chain_copy(out, SLICE("0\r\n"));

	for (size_t i = 0; i < trailers->n_fields; i++)
		if (!(trailers->fields[i].quirks & FIELD_LEAVE_OUT))
			all = all &&
			      chain_copy(out, trailers->fields[i].name) &&
			      chain_copy(out, SLICE(": ")) &&
			      chain_copy(out, trailers->fields[i].value) &&
			      chain_copy(out, SLICE("\r\n"));
	return all && chain_copy(out, SLICE("\r\n"));
}

static bool end_body(struct stream *s, const struct http_head *trailers)
{
	struct h1_stream *h = h1_of(s);
	struct chain *out = &h->conn->out;

	if (s->out_done)
		return true;
	s->out_done = true;
	if (h->switched)
		conn_shut_after_write(h->conn);
	if (h->out_coding != H1_CHUNKED)
		return true;
	conn_dirty(h->conn);
	if (trailers && h->takes_trailers ? write_trailers(out, trailers)
					  : chain_copy(out, CHUNKED_END))
		return true;
	broken(s, STREAM_NO_ROOM);
	return false;
}

static void push(struct stream *s)
{
	struct conn *c = h1_of(s)->conn;

	if (c->out.n >= WRITE_EARLY && c->writable)
		conn_write_out(c);
}

static void switch_over(struct stream *s)
{
	struct h1_stream *h = h1_of(s);

	h->switched = true;
	h->in_coding = h->out_coding = H1_TO_END;
	s->in.kind = s->out.kind = BODY_UNKNOWN;
	s->in_done = s->out_done = false;
	s->keep = false;
}

static size_t room(const struct stream *s)
{
	return chain_room(&h1_of_const(s)->conn->out);
}

static bool has_unsent(const struct stream *s)
{
	return conn_unsent(h1_of_const(s)->conn) > 0;
}

static void want_room(struct stream *s)
{
	h1_of(s)->conn->wants_room = true;
}

/* -- the one at the other end ---------------------------------------------- */

static enum stream_peer peer(const struct stream *s)
{
	const struct conn *c = h1_of_const(s)->conn;

	if (s->error == STREAM_BROKEN || c->error)
		return PEER_GONE;
	if (c->write_error)
		return c->readable || c->peer_closing ? PEER_DEAF : PEER_GONE;
	return c->peer_closing ? PEER_CLOSING : PEER_THERE;
}

/* A FIN alone may come from a client that had announced that it sends no more;
 * from others it means that nobody waits. */
static enum stream_gone is_gone_waiting(struct h1_stream *h)
{
	struct conn *c = h->conn;
	enum io io = conn_look_for_end(c);

	return io == IO_FAILED || (io == IO_CLOSED && c->in.n == 0 &&
				   h->stream.keep)
		       ? GONE_WAITING
		       : GONE_NOT;
}

/* Its body is read as far as there is room, since its end, or a reset, lies
 * behind it. The end of one in chunks is not looked for: whoever reads the
 * body will find it. */
static enum stream_gone is_gone_in_body(struct h1_stream *h)
{
	const struct stream *s = &h->stream;
	bool known = s->in.kind == BODY_LENGTH;
	uint64_t left = known ? stream_in_left(s) : 1;
	struct conn *c = h->conn;
	enum io io = conn_look_for_end(c);

	if (io == IO_FAILED || (io == IO_CLOSED && c->in.n < left))
		return GONE_IN_BODY;
	return io == IO_CLOSED && known && c->in.n == left && s->keep
		       ? GONE_WAITING
		       : GONE_NOT;
}

static enum stream_gone is_gone(struct stream *s)
{
	struct h1_stream *h = h1_of(s);

	if (s->in_done && (h->conn->error || h->conn->write_error))
		return GONE_WAITING;
	if (!h->conn->readable && !h->conn->peer_closing)
		return GONE_NOT;
	return s->in_done ? is_gone_waiting(h) : is_gone_in_body(h);
}

static uint64_t moved_ms(const struct stream *s)
{
	return h1_of_const(s)->conn->moved_ms;
}

/* What lies in the chains behind this request is the next one's; answers are
 * counted when they are written. To and from targets the kernel's word counts,
 * for it decides whether they may have seen anything. */
static void octets(const struct stream *s, uint64_t *in, uint64_t *out)
{
	const struct h1_stream *h = h1_of_const(s);
	const struct conn *c = h->conn;

	*in = c->n_read - (h->is_front ? c->in.n : 0) - h->in0;
	*out = c->n_written + (h->is_front ? c->out.n : 0) - h->out0;
}

static enum stream_reach reach(const struct stream *s)
{
	const struct h1_stream *h = h1_of_const(s);

	if (h->conn->n_read != h->in0)
		return REACH_ANSWERED;
	return h->conn->n_written == h->out0 ? REACH_NONE : REACH_SENT;
}

/* -- ends ------------------------------------------------------------------ */

static void finish(struct stream *s, bool keep)
{
	struct h1_stream *h = h1_of(s);
	/* Nothing that may still come of a tunnel is awaited. */
	enum h1_over how = s->in_done || h->switched ? H1_CLOSE : H1_DROP;

	if (keep && s->keep && s->in_done && s->out_done && !s->error &&
	    !h->conn->write_error)
		how = H1_KEEP;
	if (h->trailers.n)
		chain_release(&h->trailers);
	h->over(h, how);
}

static void reset(struct stream *s, enum reason why)
{
	struct h1_stream *h = h1_of(s);
	bool ends_like_its_end = h->switched || (h->answered && !s->out_done &&
						 h->out_coding == H1_TO_END);

	if (h->trailers.n)
		chain_release(&h->trailers);
	/* HTTP/1.x has no word for it; AWS resets at the end of the
	 * deregistration delay. */
	h->over(h, ends_like_its_end || why == REASON_DEREGISTERED ? H1_RESET
								   : H1_ABORT);
}

static enum io deliver(struct stream *s)
{
	return conn_deliver(h1_of(s)->conn);
}

/* -- beginnings ------------------------------------------------------------ */

void h1_front_begin(struct h1_stream *h, struct conn *c,
		    const struct h1_client *client,
		    void (*over)(struct h1_stream *h, enum h1_over how))
{
	*h = (struct h1_stream){
		.stream = {.ops = &h1_front_ops,
			   .stalled = REASON_CLIENT_STALLED},
		.conn = c,
		.over = over,
		.in0 = c->n_read - c->in.n,
		.out0 = c->n_written + c->out.n,
		.limits = client->limits ? client->limits : &h1_request_limits,
		.desync_mode = (uint8_t)client->desync,
		.refusal = (uint8_t)client->refusal,
		.is_front = true,
	};
}

void h1_back_begin(struct h1_stream *h, struct conn *c,
		   void (*over)(struct h1_stream *h, enum h1_over how))
{
	*h = (struct h1_stream){
		.stream = {.ops = &h1_back_ops,
			   .keep = true,
			   .stalled = REASON_TARGET_STALLED},
		.conn = c,
		.over = over,
		.in0 = c->n_read,
		.out0 = c->n_written,
		.limits = &h1_response_limits,
	};
}

/* All but the heads: the same whoever stands at the other end. */
#define BODIES_AND_ENDS                                                        \
	.drop_head = drop_head, .read_body = read_body,                        \
	.read_trailers = read_trailers, .again = again,                        \
	.write_body = write_body, .end_body = end_body, .push = push,          \
	.switch_over = switch_over, .room = room, .has_unsent = has_unsent,    \
	.want_room = want_room, .peer = peer, .is_gone = is_gone,              \
	.moved_ms = moved_ms, .octets = octets, .reach = reach,                \
	.finish = finish, .reset = reset, .deliver = deliver

const struct stream_ops h1_front_ops = {
	.read_head = h1_read_request,
	.invite = h1_invite,
	.write_head = h1_write_head,
	BODIES_AND_ENDS,
};

const struct stream_ops h1_back_ops = {
	.read_head = h1_read_response,
	.prepare = h1_prepare,
	.send = h1_send,
	BODIES_AND_ENDS,
};
