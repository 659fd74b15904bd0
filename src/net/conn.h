/*
 * conn.h - one non-blocking connection with two chains. Knows no HTTP.
 *
 * Its event is edge-triggered and added once: who stops reading must
 * remember, so the facts live in three booleans. Owners are told that
 * something changed and then ask; nobody is called back with data. Writes
 * leave at the end of the turn.
 *
 *   owner:  conn_fill -> look at c->in -> ... -> append to c->out, conn_dirty
 *
 * Floor: net.  One thread.
 */
#ifndef WEIR_NET_CONN_H
#define WEIR_NET_CONN_H

#include <event2/event_struct.h>
#include <stdbool.h>
#include <stdint.h>

#include "net/addr.h"
#include "net/chain.h"
#include "net/filter.h"
#include "net/io.h"
#include "net/loop.h"
#include "net/wheel.h"

struct conn_ops {
	/* Something changed: octets came, room came, the peer closed, the
	 * connection was made or broke. */
	void (*ready)(struct conn *c);
	/* The deadline has passed, and no octets have moved it meanwhile. */
	void (*expired)(struct conn *c);
	/* Octets are about to be written: who keeps his in another form puts
	 * them into c->out now. NULL: nobody does. */
	void (*gather)(struct conn *c);
};

struct conn {
	uint32_t magic; /* comes back through void * */
	int fd;         /* owned; -1 once closed */
	struct loop *loop;
	const struct conn_ops *ops;
	struct event ev;        /* edge-triggered, added once */
	struct event *ev_write; /* once a write fell short; else NULL; owned */
	struct filter *filter;  /* NULL or TLS; owned */
	struct chain in, out;   /* plain octets */
	struct deadline deadline;
	struct list again; /* in loop->again, or by itself */
	struct list doubt; /* in loop->doubts, or by itself */
	struct conn *next_dirty;
	uint64_t n_read, n_written; /* plain octets so far */
	uint64_t moved_ms; /* when the kernel last gave or took octets */
	uint32_t idle_ms;  /* the deadline is so much behind moved_ms; 0: it
			    * stays where it is */
	int error; /* errno of the connect or read that broke it; 0: none */
	int write_error;  /* errno of a write: nothing more leaves, but what the
			   * peer has sent may still be read */
	uint8_t appetite; /* enum appetite of conn.c: how much room the next
			   * read is given */
	bool is_dirty : 1;
	bool readable : 1;     /* the kernel may have octets for us */
	bool writable : 1;     /* no write fell short since the last edge */
	bool peer_closing : 1; /* FIN or RST was announced */
	bool peer_closed : 1;  /* conn_fill has reached the end */
	bool connecting : 1;   /* connect(2) is under way */
	bool unsure : 1;       /* the last read was short: the socket is empty,
				* or the peer has reset it */
	bool shut : 1;         /* our side ends once `out` is empty */
	bool sent_fin : 1;
	bool resets : 1; /* closing it is a reset */
	bool held : 1;   /* the filter has octets that `in` had no room for */
	bool wants_room : 1; /* the owner waits until some of `out` has left;
			      * set by the owner, cleared when it is woken */
};

/* Takes over a connected socket. `limit` bounds each chain. Returns -1 with
 * errno, and leaves the descriptor alone, when the kernel refuses the event. */
int conn_open(struct conn *c, struct loop *l, int fd_take,
	      const struct conn_ops *ops, uint32_t limit);

/* Starts to connect. Returns -1 with errno when that fails at once. While
 * c->connecting, wait for ready(): then c->connecting is false and c->error
 * tells how it ended. */
int conn_connect(struct conn *c, struct loop *l, const struct addr *to,
		 const struct conn_ops *ops, uint32_t limit);

/* Closes at once, drops what was not written. Twice is harmless. The memory
 * belongs to the owner, who keeps it until the end of the turn. */
void conn_close(struct conn *c);

static inline bool conn_is_open(const struct conn *c)
{
	return c->fd >= 0;
}

/* Sets the deadline to `ms` from now, wherever octets flow; 0: none. A store
 * in the usual case. */
void conn_deadline(struct conn *c, uint64_t ms);
/* The same, and octets that flow move it on. */
void conn_idle_deadline(struct conn *c, uint64_t ms);

/*
 * Moves octets from the socket into c->in.
 *
 * IO_DONE    c->in is at its limit; call again once there is room
 * IO_AGAIN   the socket is drained, or this connection has had its turn
 * IO_CLOSED  the peer sent all it will send; c->in may still hold octets
 * IO_FAILED  c->error says why; the connection is only fit to be closed
 */
enum io conn_fill(struct conn *c);

/* The same, for one who has no use for the octets now and waits for the end:
 * a reset behind the last of them is found, too, a little later. */
static inline enum io conn_look_for_end(struct conn *c)
{
	enum io io = conn_fill(c);

	/* Asked again behind a short read, it notes the doubt; no call. */
	return io == IO_AGAIN && c->unsure ? conn_fill(c) : io;
}

/* c->out has octets: they are written at the end of this turn. */
static inline void conn_dirty(struct conn *c)
{
	loop_dirty(c->loop, c);
}

/* Our side of the connection ends when c->out has been written. */
void conn_shut_after_write(struct conn *c);

/*
 * A reset takes back what the peer has not acknowledged, so that comes first.
 * From the first call on whoever closes the connection resets it; what comes
 * meanwhile is dropped.
 *   IO_DONE   it may be closed: the peer has all, or never will
 *   IO_AGAIN  not yet; the owner is told
 */
enum io conn_deliver(struct conn *c);

/* From here on the peer speaks through a filter: what of its octets is in c->in
 * goes there, and the next conn_fill() looks at it. */
void conn_begin_filter(struct conn *c, struct filter *filter_take);

/*
 * The peer speaks without the filter, which failed and has taken nothing from
 * raw_in: what came is plain, and so is all that follows. The filter is freed.
 */
void conn_go_plain(struct conn *c);

/* Octets that have been appended but not yet taken by the kernel. */
static inline size_t conn_unsent(const struct conn *c)
{
	return c->out.n + (c->filter ? c->filter->raw_out.n : 0);
}

/* True when plain octets may flow: connected, and the handshake is over. */
static inline bool conn_is_established(const struct conn *c)
{
	return !c->connecting && (!c->filter || c->filter->established);
}

/* For the loop alone. */
void conn_wake(struct conn *c);
void conn_ask(struct conn *c);
void conn_write_out(struct conn *c);

#endif
