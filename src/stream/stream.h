/*
 * stream.h - one request and its response on a connection, whatever the
 * protocol.
 *
 * An exchange joins two streams: it reads a head from one and writes it to
 * the other, then lets bodies flow. With HTTP/1.x a stream is the whole
 * connection for as long as one message pair lasts; with HTTP/2 it will be
 * one id among many. Bodies are plain octets here: framing is the stream's.
 *
 * Floor: stream.
 */
#ifndef WEIR_STREAM_STREAM_H
#define WEIR_STREAM_STREAM_H

#include "base/reason.h"
#include "http/chunked.h"
#include "http/framing.h"
#include "http/head.h"
#include "net/conn.h"
#include "net/piece.h"

struct stream;

struct stream_ops {
	/*
	 * Reads the next head. The head's fields and max_fields are set by
	 * the caller; its slices live until stream_drop_head().
	 *   IO_DONE    *head is filled
	 *   IO_AGAIN   not complete yet
	 *   IO_CLOSED  the peer ended; s->conn->in.n tells whether in a head
	 *   IO_FAILED  *why says what is wrong; REASON_NONE: the connection
	 *              broke
	 */
	enum io (*read_head)(struct stream *s, struct http_head *head,
			     enum reason *why);
	/* The octets of the head are not needed any more. */
	void (*drop_head)(struct stream *s, const struct http_head *head);
	/*
	 * Moves body octets that have arrived to the end of `to`, `most` of
	 * them at most. Needs s->in.
	 *   IO_DONE    that was the end of the body
	 *   IO_AGAIN   more will come
	 *   IO_CLOSED  the peer closed before the end
	 *   IO_FAILED  the coding is broken (s->bad_coding), or the connection
	 */
	enum io (*read_body)(struct stream *s, struct chain *to, size_t most);
	/* Frames and sends what is in `from`, all of it. Needs s->out. */
	bool (*write_body)(struct stream *s, struct chain *from);
	/* Ends the body. */
	bool (*end_body)(struct stream *s);
};

struct stream {
	const struct stream_ops *ops;
	struct conn *conn; /* borrowed */

	struct framing in;     /* how the body that comes is framed */
	uint64_t in_left;      /* octets, with FRAMING_LENGTH */
	struct chunked coding; /* with FRAMING_CHUNKED */
	uint32_t scanned;      /* octets of a head that is not complete */
	bool in_done;          /* the whole body has come */
	bool bad_coding;       /* the chunked coding was broken */

	struct framing out;  /* how the body that goes is framed */
	uint64_t out_octets; /* of the body, so far */
	bool out_done;       /* its end was written */
};

/* The body that is to come is framed like this. */
static inline void stream_expect_body(struct stream *s,
				      const struct framing *framing)
{
	s->in = *framing;
	s->in_left = framing->length;
	s->coding = (struct chunked){0};
	s->in_done = framing->kind == FRAMING_NONE ||
		     (framing->kind == FRAMING_LENGTH && framing->length == 0);
}

/* The body that will be written is framed like this. */
static inline void stream_promise_body(struct stream *s,
				       const struct framing *framing)
{
	s->out = *framing;
	s->out_octets = 0;
	s->out_done = framing->kind == FRAMING_NONE;
}

#endif
