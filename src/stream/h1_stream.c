#include "h1_stream.h"

#include "base/fail.h"
#include "http/h1_parse.h"
#include "http/h1_write.h"

/* A run of octets shorter than this is copied behind the one before: a slice
 * of its own would cost more than it carries. */
enum { RUN_MIN = 128 };

typedef enum h1_result parse_fn(struct slice in, const struct h1_limits *limits,
				struct http_head *head, enum reason *why);

/* More than any head may have: what lies behind is another message's. */
enum { HEAD_MAX = 96 * 1024, JOIN_MIN = 4096 };

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
static enum io parse(struct stream *s, struct http_head *head, enum reason *why,
		     parse_fn *parse_it, const struct h1_limits *limits)
{
	struct chain *in = &s->conn->in;
	uint32_t scanned = s->scanned;

	s->scanned = in->n;
	for (;;) {
		struct slice front = chain_front(in);
		enum h1_result result = H1_MORE;

		if (scanned < front.n &&
		    (scanned == 0 || h1_head_end(front, scanned)))
			result = parse_it(front, limits, head, why);
		if (result == H1_DONE)
			return IO_DONE;
		if (result == H1_BAD)
			return IO_FAILED;
		if (front.n == in->n || front.n >= HEAD_MAX)
			return IO_AGAIN;
		if (!chain_linearise(in, more_of(in, front.n))) {
			*why = REASON_OVERLOADED;
			return IO_FAILED;
		}
	}
}

static enum io read_head(struct stream *s, struct http_head *head,
			 enum reason *why, parse_fn *parse_it,
			 const struct h1_limits *limits)
{
	struct conn *c = s->conn;

	*why = REASON_NONE;
	for (;;) {
		uint32_t before = c->in.n;
		enum io io;

		if (before > s->scanned) {
			io = parse(s, head, why, parse_it, limits);
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
		return io == IO_DONE ? IO_AGAIN : io;
	}
}

static enum io read_request(struct stream *s, struct http_head *head,
			    enum reason *why)
{
	return read_head(s, head, why, h1_parse_request, &h1_request_limits);
}

static enum io read_response(struct stream *s, struct http_head *head,
			     enum reason *why)
{
	return read_head(s, head, why, h1_parse_response, &h1_response_limits);
}

static void drop_head(struct stream *s, const struct http_head *head)
{
	s->scanned = 0;
	chain_drain(&s->conn->in, head->octets);
}

static size_t min_size(size_t a, uint64_t b)
{
	return a < b ? a : (size_t)b;
}

/* Decodes what is in the chain, as far as `most` allows; IO_AGAIN: it needs
 * more octets or more room. */
static enum io take_chunked(struct stream *s, struct chain *to, size_t most)
{
	struct chain *in = &s->conn->in;

	while (in->n > 0 && most > 0) {
		/* So that no piece is longer than there is room for. */
		struct slice front = slice_first(chain_front(in), most);
		struct slice data;
		size_t used;

		if (front.n == 0) {
			chain_drain(in, 0);
			return IO_FAILED;
		}
		switch (chunked_next(&s->coding, front, &used, &data)) {
		case CHUNKED_DATA:
			if (data.n < RUN_MIN) {
				if (!chain_copy(to, data)) {
					s->conn->error = ENOBUFS;
					return IO_FAILED;
				}
			} else {
				chain_append(to, in->first->chunk, data.p,
					     data.n);
			}
			most -= data.n;
			break;
		case CHUNKED_MORE:
			break;
		case CHUNKED_DONE:
			chain_drain(in, used);
			s->in_done = true;
			return IO_DONE;
		case CHUNKED_BAD:
			s->bad_coding = true;
			return IO_FAILED;
		}
		chain_drain(in, used);
	}
	return IO_AGAIN;
}

static enum io take(struct stream *s, struct chain *to, size_t most)
{
	struct chain *in = &s->conn->in;

	switch (s->in.kind) {
	case FRAMING_NONE:
		s->in_done = true;
		return IO_DONE;
	case FRAMING_LENGTH:
		s->in_left -= chain_move(to, in, min_size(most, s->in_left));
		s->in_done = s->in_left == 0;
		return s->in_done ? IO_DONE : IO_AGAIN;
	case FRAMING_CLOSE:
		chain_move(to, in, most);
		return IO_AGAIN;
	case FRAMING_CHUNKED:
		return take_chunked(s, to, most);
	}
	BUG("framing %d", (int)s->in.kind);
}

static enum io read_body(struct stream *s, struct chain *to, size_t most)
{
	struct conn *c = s->conn;

	if (s->in_done)
		return IO_DONE;
	for (;;) {
		uint32_t before = to->n;
		enum io io = take(s, to, most);

		if (io != IO_AGAIN)
			return io;
		most -= to->n - before;
		if (most == 0)
			return IO_AGAIN;
		before = c->in.n;
		io = conn_fill(c);
		if (c->in.n > before)
			continue;
		if (io != IO_CLOSED)
			return io == IO_DONE ? IO_AGAIN : io;
		/* After a write that failed, a reset reads as an orderly end:
		 * the write was told of it, and nobody is told twice. */
		if (s->in.kind != FRAMING_CLOSE || c->write_error)
			return IO_CLOSED;
		s->in_done = true;
		return IO_DONE;
	}
}

static bool write_body(struct stream *s, struct chain *from)
{
	struct chain *out = &s->conn->out;
	char size[CHUNKED_HEAD_MAX];

	if (from->n == 0)
		return true;
	conn_dirty(s->conn);
	s->out_octets += from->n;
	if (s->out.kind != FRAMING_CHUNKED) {
		chain_move(out, from, from->n);
		return true;
	}
	if (!chain_copy(out, slice_make(size, chunked_head(size, from->n))))
		return false;
	chain_move(out, from, from->n);
	return chain_copy(out, SLICE("\r\n"));
}

static bool end_body(struct stream *s)
{
	if (s->out_done)
		return true;
	s->out_done = true;
	if (s->out.kind != FRAMING_CHUNKED)
		return true;
	conn_dirty(s->conn);
	return chain_copy(&s->conn->out, CHUNKED_END);
}

const struct stream_ops h1_front_ops = {
	.read_head = read_request,
	.drop_head = drop_head,
	.read_body = read_body,
	.write_body = write_body,
	.end_body = end_body,
};

const struct stream_ops h1_back_ops = {
	.read_head = read_response,
	.drop_head = drop_head,
	.read_body = read_body,
	.write_body = write_body,
	.end_body = end_body,
};

static size_t text_octets(const struct http_head *head)
{
	/* A target may grow threefold where it is escaped. */
	size_t n = 64 + head->method.n + 3 * head->target.n + head->phrase.n;

	for (size_t i = 0; i < head->n_fields; i++)
		n += head->fields[i].name.n + head->fields[i].value.n + 4;
	return n;
}

static void write_start_line(struct writer *w, const struct http_head *head)
{
	if (head->method.n) {
		writer_put(w, head->method);
		writer_char(w, ' ');
		writer_target(w, head->target);
		writer_literal(w, " HTTP/1.1\r\n");
		return;
	}
	writer_literal(w, "HTTP/1.1 ");
	writer_u64(w, head->status);
	writer_char(w, ' ');
	writer_put(w, head->phrase);
	writer_literal(w, "\r\n");
}

struct piece h1_head_text(const struct http_head *head, struct slice more)
{
	size_t need = text_octets(head) + more.n;
	char *room = piece_claim(need);
	struct writer w;

	if (!room)
		return (struct piece){0};
	w = writer_make(room, need);
	write_start_line(&w, head);
	for (size_t i = 0; i < head->n_fields; i++)
		writer_field(&w, head->fields[i].name, head->fields[i].value);
	writer_put(&w, more);
	writer_literal(&w, "\r\n");
	if (w.overflow)
		BUG("a head of more than %zu octets", need);
	return piece_take((size_t)(w.at - room));
}
