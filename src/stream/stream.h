/*
 * stream.h - one request and its response, as a protocol carries them.
 *
 * An exchange joins two streams: it reads a head from one and writes it to
 * the other, then lets bodies flow. With HTTP/1.x a stream is the whole
 * connection for as long as one message pair lasts; with HTTP/2 it is one id
 * among many. Who uses a stream knows neither: bodies are plain octets, heads
 * have no field that concerns one connection only, and how a message is
 * framed, kept apart from the next one or given up is the stream's affair.
 *
 * Nobody is called back with data. The owner of what carries the stream (a
 * client, an upstream) tells its user that something changed, and the user
 * asks.
 *
 * Floor: stream.  One thread.
 */
#ifndef WEIR_STREAM_STREAM_H
#define WEIR_STREAM_STREAM_H

#include "base/reason.h"
#include "http/desync.h"
#include "http/head.h"
#include "net/chain.h"
#include "net/io.h"
#include "net/piece.h"

struct stream;

enum body_kind {
	BODY_NONE,    /* nothing follows the head */
	BODY_LENGTH,  /* exactly `length` octets follow */
	BODY_UNKNOWN, /* octets follow until their end is told */
	BODY_OMITTED, /* nothing follows; where the same answer has a body, it
		       * is of `length` octets: HEAD, 304 */
};

/* What is known of a body before it comes. */
struct body {
	enum body_kind kind;
	uint64_t length; /* octets */
};

/* Why a stream does not go on; it stays so. */
enum stream_error {
	STREAM_OK,
	STREAM_BROKEN,   /* its connection broke, or the peer reset it */
	STREAM_BAD_BODY, /* what frames the body makes no sense */
	STREAM_NO_ROOM,  /* our own limit of buffers */
};

/* What has become of the one at the other end. Ordered. */
enum stream_peer {
	PEER_THERE,
	PEER_CLOSING, /* has announced its end; more may have come before */
	PEER_DEAF,    /* takes nothing more; what it sent may still be read */
	PEER_GONE,    /* and nothing more is to be read */
};

/* Whether one who should wait for an answer has left instead. */
enum stream_gone {
	GONE_NOT,
	GONE_WAITING, /* the whole message came before */
	GONE_IN_BODY, /* it had not sent all of it */
};

/* How far a request has got; decides who may be asked again. */
enum stream_reach {
	REACH_NONE,     /* the peer has seen nothing of it, or says so */
	REACH_SENT,     /* it may be at work on it */
	REACH_ANSWERED, /* octets of an answer have come */
};

/* A request as a protocol sends it, written down once and sent as often as it
 * has to be. Zeroed it is empty. */
struct prepared {
	struct piece text; /* one reference */
	struct body body;
	/* In `text`: */
	struct slice line; /* method, target and version, for people */
	struct slice host; /* to whom it goes, without the port */
	bool head_only;    /* HEAD: its answer has no body */
};

static inline void prepared_release(struct prepared *p)
{
	piece_release(&p->text);
	*p = (struct prepared){0};
}

/* Goes on with the line alone, in memory of its own: when nothing is sent
 * again and only the log will ask. Twice is harmless. */
static inline void prepared_shed(struct prepared *p)
{
	if (p->line.n == 0 || p->line.n == p->text.n)
		return;
	if (piece_shed(&p->text, &p->line))
		p->host = slice_make("", 0);
}

/* An answer, interim or final, that is to leave. */
struct outgoing {
	/* Its fields are those that every protocol has: none of framing. */
	const struct http_head *head;
	struct body body;
	struct slice content; /* of a short body that is at hand: all of it */
	/* So many fields stand before those that the protocol adds. */
	uint16_t n_leading;
	bool is_ours; /* weir answers: the phrase is the usual one, and it is
		       * said that a connection goes on */
	bool last;    /* the peer is told to send no other request */
};

struct stream_ops {
	/* -- what comes -- */

	/*
	 * Reads the next head. The head's fields and max_fields are set by
	 * the caller; its slices live until drop_head(). Sets s->in, s->keep
	 * and what else is known of the message.
	 *   IO_DONE    *head is filled; what ends at this connection is
	 *              marked FIELD_LEAVE_OUT
	 *   IO_AGAIN   not complete yet
	 *   IO_CLOSED  the peer ended
	 *   IO_FAILED  *why says what is wrong; the head is filled if it could
	 *              be read, else its method is empty; REASON_NONE:
	 *              s->error
	 */
	enum io (*read_head)(struct stream *s, struct http_head *head,
			     enum reason *why);
	/* The octets of the head are not needed any more. */
	void (*drop_head)(struct stream *s, const struct http_head *head);
	/* The body may come: who asked before sending it is told so. False
	 * when there is no room. */
	bool (*invite)(struct stream *s);
	/*
	 * Moves body octets that have arrived to the end of `to`, `most` of
	 * them at most.
	 *   IO_DONE    that was the end of the body
	 *   IO_AGAIN   more will come
	 *   IO_CLOSED  the peer closed before the end
	 *   IO_FAILED  s->error
	 */
	enum io (*read_body)(struct stream *s, struct chain *to, size_t most);
	/*
	 * Behind the end of the body, with s->has_trailers: what followed it,
	 * where what may not stand there is marked FIELD_LEAVE_OUT. The head's
	 * fields and max_fields are set by the caller; its slices live until
	 * finish(). False: it cannot be read, and is left out.
	 */
	bool (*read_trailers)(struct stream *s, struct http_head *trailers);
	/* There is more, and others have their turn first: the user is told
	 * once more in this turn of the loop. */
	void (*again)(struct stream *s);

	/* -- what leaves -- */

	/*
	 * Writes a request down: head->method, target, authority, protocol
	 * and fields. Needs no stream. False when the pool is empty.
	 */
	bool (*prepare)(const struct http_head *head, const struct body *body,
			struct prepared *out);
	/* Sends it; the body that was promised follows. */
	bool (*send)(struct stream *s, const struct prepared *request);
	/*
	 * Writes the head of an answer. The body follows, unless it is in
	 * out->content; an interim answer has none. s->keep is false then if
	 * the peer was told so. One that the peer cannot read is left out.
	 * False when there is no room: nothing was written.
	 */
	bool (*write_head)(struct stream *s, const struct outgoing *out);
	/* Frames and sends what is in `from`, all of it. False: s->error. */
	bool (*write_body)(struct stream *s, struct chain *from);
	/* Ends the body. `trailers` is NULL or has fields, which are left out
	 * where there is no place for them. False: s->error. */
	bool (*end_body)(struct stream *s, const struct http_head *trailers);
	/* If much waits to leave, it leaves now and not at the end of the
	 * turn. */
	void (*push)(struct stream *s);
	/* The head with status 101 has come or was written: from here on both
	 * bodies are another protocol's octets, until each side ends. NULL
	 * where no head asks for another protocol. */
	void (*switch_over)(struct stream *s);

	/* Octets that may be written now without going over a limit. */
	size_t (*room)(const struct stream *s);
	/* Something was written and has not left. */
	bool (*has_unsent)(const struct stream *s);
	/* The user is told once some of it has. */
	void (*want_room)(struct stream *s);

	/* -- the one at the other end -- */

	enum stream_peer (*peer)(const struct stream *s);
	/* Looks for the end of one that waits for its answer. May read ahead,
	 * as far as there is room. */
	enum stream_gone (*is_gone)(struct stream *s);
	/* When octets last came from it or left to it; turn's clock. */
	uint64_t (*moved_ms)(const struct stream *s);
	/* Octets of this message pair, heads and framing included. */
	void (*octets)(const struct stream *s, uint64_t *in, uint64_t *out);
	enum stream_reach (*reach)(const struct stream *s);

	/* -- the end; afterwards the stream is not the user's any more -- */

	/*
	 * Both messages are over, or nobody wants the rest. `keep`: what
	 * carries it may be used again, as far as the user knows.
	 */
	void (*finish)(struct stream *s, bool keep);
	/* What reset() would tell the peer, in the protocol's own code; NULL
	 * where it has none. */
	uint32_t (*reset_code)(const struct stream *s, enum reason why);
	/* What was written is not whole: it leaves, and then the stream ends
	 * in a way that nobody takes for the end of the message. */
	void (*reset)(struct stream *s, enum reason why);
	/* To be called before reset() where nothing of what was written may be
	 * lost by it. What still comes is dropped.
	 *   IO_DONE   the peer has it all, or never will
	 *   IO_AGAIN  not yet: the user is told */
	enum io (*deliver)(struct stream *s);
};

/* First member of whatever implements it. All but `keep` is written by the
 * stream alone. */
struct stream {
	const struct stream_ops *ops;
	struct body in, out; /* of the message that comes, that leaves */
	uint64_t in_octets, out_octets; /* of the bodies, so far */
	struct desync desync;           /* how a request was classified */
	/* What the peer gave as the cause of its reset, in its protocol's
	 * words; what reset() gives in place of ours. 0: none. */
	uint32_t code;
	/* Which one of its connection's it is, for logs; 0: the only one. */
	uint32_t number;
	uint8_t error; /* enum stream_error */
	/* enum reason: what it is called when the peer takes no more. */
	uint8_t stalled;
	bool refused;      /* the peer says that it looked at nothing of it */
	bool in_done;      /* the whole body has come */
	bool has_trailers; /* and something behind it */
	bool out_done;     /* its end was written */
	bool in_doubt;     /* what came can be read in two ways: neither of the
			    * connections that carry it is used again */
	bool asks; /* who sends it may wait for invite() with its body */
	bool keep; /* the connection goes on behind this message pair; the
		    * user may take that back */
};

/* Octets of the body that are still to come; meaningful with BODY_LENGTH. */
static inline uint64_t stream_in_left(const struct stream *s)
{
	return s->in.length - s->in_octets;
}

/* Whose time is over, not by what it did: to its user it is as one that broke.
 * Somebody still has to tell the user. */
static inline void stream_break(struct stream *s)
{
	s->error = STREAM_BROKEN;
}

#endif
