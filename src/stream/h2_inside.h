/*
 * h2_inside.h - what the files of h2_session share.
 *
 * Floor: stream.
 */
#ifndef WEIR_STREAM_H2_INSIDE_H
#define WEIR_STREAM_H2_INSIDE_H

#include "base/list.h"
#include "net/wheel.h"
#include "stream/h2_budget.h"
#include "stream/h2_head.h"
#include "stream/h2_session.h"

enum h2_life {
	H2_OPEN,
	H2_NOTICED, /* the peer was told that the end is near */
	H2_LAST,    /* and which stream is the last */
	H2_OVER,    /* `end` says how; streams are broken */
};

enum {
	/* Octets that wait in conn->out at most, but for one frame: what is
	 * there leaves in order, however urgent the rest. */
	H2_OUT_MARK = 64 * 1024,
	/* Of one DATA frame, so that it is one record of TLS with its head. */
	H2_DATA_MAX = 16 * 1024 - 64,
	/* The connection's window. */
	H2_CONN_WINDOW = 256 * 1024,
	/* Octets of one stream that wait for its window. */
	H2_STREAM_OUT_MOST = 64 * 1024,
	/* Of all of them, beyond what each stream may have in any case. */
	H2_OUT_SHARED = H2_OUT_MOST / 2,
	/* Frames that wait for one who does not read. */
	H2_QUEUE_MOST = 4096,
	/* Within which octets a stream has moved: less is standing still. */
	H2_PROGRESS = 4096,
	/* Answers that came for one stream before its user read the first. */
	H2_HEADS_WAIT = 4,
	H2_LAST_WORD_MS = 1000,
};

struct h2_session {
	struct conn *conn; /* borrowed */
	nghttp2_session *ng;
	const struct h2_owner *ops;
	void *owner;
	struct h2_budget budget;
	struct h2_block block; /* the list that is coming */
	struct list streams;   /* of h2_stream.node */
	struct list fresh;     /* of h2_stream.told: no user yet */
	struct list told;      /* of h2_stream.told */
	struct list waiting;   /* of h2_stream.waiting: want room */
	struct deadline timer; /* of the connection, and of streams without a
				* user */
	struct chunk *chunk;   /* that is being read */
	uint64_t n_begun;      /* streams */
	uint64_t quiet_ms;     /* since when there is none; 0: there are */
	uint64_t began_ms, noticed_ms;
	uint64_t preface_ms, idle_ms;
	uint32_t n_streams, n_users;
	uint32_t turn; /* of the loop; requests that began in it: */
	uint32_t n_begun_now;
	uint32_t streams_most, in_most, out_floor;
	uint32_t held_in, held_out, held_heads; /* octets */
	uint32_t owed; /* octets of the connection's window */
	uint8_t life;  /* enum h2_life */
	uint8_t end;   /* enum h2_end, with H2_OVER */
	uint8_t fault; /* enum glitch */
	bool is_server;
	bool running;    /* users are told before it returns */
	bool heard;      /* the peer's SETTINGS have come */
	bool peer_ends;  /* it has sent GOAWAY */
	bool heard_back; /* our PING has come back */
	bool fault_sent; /* nghttp2 has said that it is over */
	bool no_memory;
};

struct h2_stream {
	struct stream stream; /* first: comes back from it */
	struct h2_session *session;
	void *user; /* NULL: nobody */
	struct list node, told, waiting;
	struct chain in, out;
	struct piece heads[H2_HEADS_WAIT]; /* that came */
	struct piece trailers;             /* that came */
	struct chain texts;                /* of lists that have to leave */
	struct piece last;                 /* trailers that are to leave */
	uint64_t began_ms, moved_ms;
	uint64_t n_in, n_out; /* octets of its frames */
	uint64_t came;        /* octets of DATA */
	uint32_t held_heads;  /* octets: counted in the session */
	uint32_t progress;    /* octets since moved_ms */
	uint32_t rst;         /* code of the reset behind `out` */
	int32_t id;           /* 0: not yet */
	uint8_t n_heads;
	uint8_t n_queued;      /* lists that wait to leave */
	uint8_t refusal;       /* enum reason: its head is not taken */
	bool is_open : 1;      /* nghttp2 knows it */
	bool head_came : 1;    /* a final one */
	bool ended : 1;        /* all of it has come */
	bool was_reset : 1;    /* by the peer, or it does not go on */
	bool has_provider : 1; /* DATA may be asked for */
	bool deferred : 1;     /* and was in vain */
	bool ends : 1;         /* what is in `out` is the rest */
	bool end_sent : 1;
	bool is_given_up : 1;  /* by its user; what follows is not the peer's
				* fault */
	bool rst_behind : 1;   /* `rst` follows `out` */
	bool length_known : 1; /* stream.in.length is Content-Length */
	bool is_packed : 1;    /* `out` holds no more than it needs */
	bool head_only : 1;    /* HEAD was sent */
};

static inline struct h2_stream *h2_of(struct stream *s)
{
	return (struct h2_stream *)s;
}

static inline const struct h2_stream *h2_of_const(const struct stream *s)
{
	return (const struct h2_stream *)s;
}

/* -- h2_session.c -- */

/* The session ends now; `end` and why. */
void h2_die(struct h2_session *hs, enum h2_end end, enum glitch why);
/* The user of this stream is told, in this turn. */
void h2_tell(struct h2_stream *s);
/* Frames are to be written. */
void h2_dirty(struct h2_session *hs);
/* Gives the connection's window back, as far as it may be. */
void h2_give_back(struct h2_session *hs);

/* -- h2_frames.c -- */

/* For both roles; to be deleted. NULL when memory is out. */
nghttp2_session_callbacks *h2_callbacks(void);

/* -- h2_stream.c -- */

/* On a server's session. */
extern const struct stream_ops h2_front_ops;

struct h2_stream *h2_stream_new(struct h2_session *hs, int32_t id);
/* nghttp2 does not know it any more. */
void h2_stream_closed(struct h2_stream *s, uint32_t code);
/* Nothing of it will come or leave any more. */
void h2_stream_break(struct h2_stream *s);
/* Drops what its user will not read. */
void h2_stream_drop_in(struct h2_stream *s);
/* Whether it waits for the peer, and for nobody here, since that time. */
bool h2_stream_lingers(const struct h2_stream *s);
void h2_stream_reset(struct h2_stream *s, uint32_t code);
enum io h2_read_head(struct stream *s, struct http_head *head,
		     enum reason *why);
enum io h2_read_body(struct stream *s, struct chain *to, size_t most);

/* -- h2_out.c -- */

bool h2_prepare(const struct http_head *head, const struct body *body,
		struct prepared *out);
bool h2_send(struct stream *s, const struct prepared *request);
bool h2_write_head(struct stream *s, const struct outgoing *out);
bool h2_write_body(struct stream *s, struct chain *from);
bool h2_end_body(struct stream *s, const struct http_head *trailers);
size_t h2_room(const struct stream *s);
/* What has left of the texts of its lists may go. */
void h2_list_sent(struct h2_stream *s);
/* END_STREAM has left. */
void h2_note_end(struct h2_stream *s);
/* The peer takes nothing now. */
void h2_pack_out(struct h2_stream *s);
/* Drops what waits to leave. */
void h2_drop_out(struct h2_stream *s);
/* For nghttp2. */
ssize_t h2_read_out(nghttp2_session *ng, int32_t id, uint8_t *buf, size_t most,
		    uint32_t *flags, nghttp2_data_source *source, void *arg);
int h2_send_out(nghttp2_session *ng, nghttp2_frame *frame, const uint8_t *head,
		size_t n, nghttp2_data_source *source, void *arg);

#endif
