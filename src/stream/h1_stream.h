/*
 * h1_stream.h - HTTP/1.x on a connection.
 *
 * What only HTTP/1.x has is here and nowhere above: the chunked coding, where
 * bodies end, Connection and Upgrade, 100 Continue, the rules of 1.0, which of
 * two readings of a head is dangerous, and that a message pair has the whole
 * connection.
 *
 *   h1_stream.c  bodies and ends    h1_in.c  heads that come
 *                                   h1_out.c heads that leave
 *
 * Floor: stream.  Source: RFC 9112; RFC 9110 7.6 to 7.8, 10.1.1.
 */
#ifndef WEIR_STREAM_H1_STREAM_H
#define WEIR_STREAM_H1_STREAM_H

#include "http/chunked.h"
#include "http/framing.h"
#include "http/h1_parse.h"
#include "net/conn.h"
#include "stream/stream.h"

/* On a connection from a client: reads requests. */
extern const struct stream_ops h1_front_ops;
/* On a connection to a target: reads responses. */
extern const struct stream_ops h1_back_ops;

/* What becomes of the connection once the stream is over. */
enum h1_over {
	H1_KEEP,  /* it serves the next message pair */
	H1_CLOSE, /* it ends; nothing more of the peer is awaited */
	H1_DROP,  /* it ends; the peer may still be sending */
	H1_ABORT, /* it ends behind half a message; the peer will see that */
	H1_RESET, /* the same, but its end would look like the end of the
		   * message, or the target has left: so it is reset */
};

enum h1_coding {
	H1_PLAIN, /* as many octets as were announced, or none */
	H1_CHUNKED,
	H1_TO_END, /* until the connection ends */
};

struct h1_stream {
	struct stream stream; /* first: comes back from it */
	struct conn *conn;    /* borrowed */
	/* Tells the owner of the connection; called once. */
	void (*over)(struct h1_stream *h, enum h1_over how);
	uint64_t in0, out0;             /* of the connection, when this began */
	const struct h1_limits *limits; /* of heads that come; static */
	struct chunked coding;          /* with H1_CHUNKED */
	struct chain trailers;          /* that came: all of their section */
	uint32_t scanned; /* octets of a head that is not complete */
	uint8_t in_coding, out_coding; /* enum h1_coding */
	uint8_t desync_mode;           /* enum desync_mode; of a front */
	uint8_t refusal; /* enum reason: every request is refused */
	bool is_front : 1;
	bool http_1_0 : 1;       /* the client speaks HTTP/1.0 */
	bool asks_continue : 1;  /* with Expect: 100-continue */
	bool head_only : 1;      /* HEAD was sent: its answer has no body */
	bool answered : 1;       /* a final head was written */
	bool takes_trailers : 1; /* the client said so with TE */
	bool switched : 1;       /* octets of another protocol */
};

/* What a front is told of its client. */
struct h1_client {
	enum desync_mode desync;
	enum reason refusal; /* REASON_NONE, or why nothing is served */
	/* NULL: h1_request_limits, those of load balancers. Static. */
	const struct h1_limits *limits;
};

/*
 * A message pair begins. `over` is called with finish() and reset(), and the
 * stream may begin anew from there.
 */
void h1_front_begin(struct h1_stream *h, struct conn *c,
		    const struct h1_client *client,
		    void (*over)(struct h1_stream *h, enum h1_over how));
void h1_back_begin(struct h1_stream *h, struct conn *c,
		   void (*over)(struct h1_stream *h, enum h1_over how));

/* -- for the files of h1_stream alone -------------------------------------- */

static inline struct h1_stream *h1_of(struct stream *s)
{
	return (struct h1_stream *)s;
}

static inline const struct h1_stream *h1_of_const(const struct stream *s)
{
	return (const struct h1_stream *)s;
}

/* The body that comes is framed like this. */
void h1_expect_body(struct h1_stream *h, const struct framing *framing);
/* The connection broke: why, to the user. Returns IO_FAILED. */
enum io h1_broke(struct h1_stream *h);

/* h1_in.c */
enum io h1_read_request(struct stream *s, struct http_head *head,
			enum reason *why);
enum io h1_read_response(struct stream *s, struct http_head *head,
			 enum reason *why);

/* h1_out.c */
bool h1_prepare(const struct http_head *head, const struct body *body,
		struct prepared *out);
bool h1_send(struct stream *s, const struct prepared *request);
bool h1_write_head(struct stream *s, const struct outgoing *out);
bool h1_invite(struct stream *s);

#endif
