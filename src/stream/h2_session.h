/*
 * h2_session.h - HTTP/2 on a connection, for either role.
 *
 * A session turns what comes on its connection into streams, each of which is
 * a struct stream (stream.h) for its user, and what users write into frames.
 * Whoever owns the connection owns the session: it lets the session run when
 * the connection is ready, and gather before the connection writes
 * (conn_ops.gather). Users are told by the owner.
 *
 *	OPEN --> NOTICED --> LAST --> OVER
 *	  |_________|__________|_______^
 *
 * NOTICED: the peer was told that the end is near, and may still begin streams
 * until it has heard of it. LAST: what began before goes on, nothing new does.
 *
 * Flow control is back-pressure: a stream's window grows only as its user
 * takes octets. The connection's window is given back as they come, so that
 * one slow stream does not hold up the others, as far as one connection may
 * make us hold octets at all (h2_options.in_most).
 *
 *	h2_session.c  life, reading, writing    h2_frames.c  what nghttp2 tells
 *	h2_stream.c   what comes on a stream    h2_out.c     what leaves on one
 *	h2_budget.c   what peers may do         h2_head.c    fields
 *
 * Floor: stream.  One thread.  Source: RFC 9113.
 */
#ifndef WEIR_STREAM_H2_SESSION_H
#define WEIR_STREAM_H2_SESSION_H

#include "base/glitch.h"
#include "net/conn.h"
#include "stream/stream.h"

struct h2_session;

/* The owner's side. None of these may free the session. */
struct h2_owner {
	/* A client has begun a stream, whose head is there; it has a user from
	 * here on (h2_stream_use). False: it is refused. Servers only. */
	bool (*request)(struct h2_session *hs, struct stream *s);
	/* Something changed for the user of this stream. */
	void (*ready)(struct h2_session *hs, struct stream *s);
	/* A stream has no user any more: there may be room for another, or the
	 * session may be over. */
	void (*left)(struct h2_session *hs);
	/* The peer did something that is in glitches.def. With `text`, which
	 * says for people what was malformed, there is nothing to count. */
	void (*glitch)(struct h2_session *hs, enum glitch g, const char *text);
};

struct h2_options {
	const struct h2_owner *ops; /* borrowed */
	void *owner;
	bool is_server;
	uint32_t streams; /* at a time: of a client, that the peer may begin;
			   * else, that are begun at most */
	uint32_t window;  /* octets that a peer may send on a new stream */
	/* Octets of bodies that have come and that nobody has taken, and those
	 * that may come, of all streams. */
	uint32_t in_most;
	uint64_t preface_ms; /* within which the peer has to say a first word */
	uint64_t idle_ms;    /* without a stream, or without progress on one
			      * that has no user any more */
};

enum {
	/* A connection from a client holds as much in all: of bodies... */
	H2_IN_MOST = 512 * 1024,
	H2_OUT_MOST = 512 * 1024,
	/* ...and of heads. */
	H2_HEADS_MOST = 512 * 1024,
	H2_WINDOW = 65535,
	/* Requests that begin in one turn of the loop. */
	H2_BEGIN_MOST = 16,
};

/* Its first words are written. NULL when memory is out. `c` is borrowed. */
struct h2_session *h2_session_new(struct conn *c, const struct h2_options *o);
/* No stream may have a user. NULL is allowed. */
void h2_session_free(struct h2_session *hs);

void *h2_session_owner(const struct h2_session *hs);

/*
 * Reads what has come, lets requests begin, and tells users what changed. For
 * conn_ops.ready. Users' steps happen in it.
 */
void h2_session_run(struct h2_session *hs);
/* Writes frames to conn->out, as far as they should wait there. */
void h2_session_gather(struct h2_session *hs);

/* Ends it as soon as what has begun is over, without losing a request that the
 * peer has begun meanwhile. Twice is harmless. */
void h2_session_shut(struct h2_session *hs);
/* Ends it with its streams: their users find them broken. */
void h2_session_break(struct h2_session *hs);

enum h2_end {
	H2_GOES_ON,
	H2_DONE,   /* nothing is under way, and nothing more will be */
	H2_FAILED, /* our last word, which says why, is in conn->out */
	H2_GONE,   /* the peer closed, or the connection broke */
};

/* What the owner has to do with the connection; anything but H2_GOES_ON only
 * once no stream has a user. */
enum h2_end h2_session_end(const struct h2_session *hs);
/* With H2_FAILED: why. */
enum glitch h2_session_fault(const struct h2_session *hs);

/* Streams that have a user, or are not over. */
unsigned h2_session_streams(const struct h2_session *hs);
/* Those that have a user. */
unsigned h2_session_users(const struct h2_session *hs);
/* Streams that have begun on it, all told. */
uint64_t h2_session_begun(const struct h2_session *hs);
/* The first stream with a user of which fn says so, or NULL. */
struct stream *h2_session_find(const struct h2_session *hs,
			       bool (*fn)(struct stream *s, const void *arg),
			       const void *arg);
/* Calls fn for each stream that has a user; fn may end it. */
void h2_session_each(struct h2_session *hs, void (*fn)(struct stream *s));

/* -- for one that begins streams ------------------------------------------- */

/* Streams that may begin now: within the peer's limit and ours; 0 once either
 * side has said that it ends. */
unsigned h2_session_room(const struct h2_session *hs);
/* The connection's window is closed: what is written waits for the peer. */
bool h2_session_is_blocked(const struct h2_session *hs);
/* The peer's settings have come: h2_session_room() is its word. */
bool h2_session_is_heard(const struct h2_session *hs);
/* More streams wait to begin than the peer lets be there. */
bool h2_session_is_crowded(const struct h2_session *hs);
/* The peer has sent GOAWAY. */
bool h2_session_peer_ends(const struct h2_session *hs);
/* A stream for `user`, which begins with stream_ops.send. NULL when there is
 * no room. */
struct stream *h2_session_open(struct h2_session *hs, void *user);

/* -- for users ------------------------------------------------------------- */

void h2_stream_use(struct stream *s, void *user);
/* NULL once it has none. */
void *h2_stream_user(const struct stream *s);

/* On a client's session: prepares requests, reads answers. */
extern const struct stream_ops h2_back_ops;

#endif
