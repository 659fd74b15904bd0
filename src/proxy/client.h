/*
 * client.h - a connection from a client, between and during its requests.
 *
 *   HANDSHAKE --> IDLE <--> BUSY --> LINGER --> closed
 *   (TLS only)      |        |-----> CUT --------^
 *                   |____________________________|
 *
 * While it is idle it holds no buffer, no head and no exchange.
 *
 * Floor: proxy.  One thread.
 */
#ifndef WEIR_PROXY_CLIENT_H
#define WEIR_PROXY_CLIENT_H

#include "base/list.h"
#include "net/conn.h"
#include "proxy/accept.h"

struct exchange;
struct worker;

enum client_state {
	CLIENT_HANDSHAKE, /* TLS is being agreed on */
	CLIENT_IDLE,      /* between requests */
	CLIENT_BUSY,      /* an exchange is under way */
	CLIENT_CUT,       /* the answer was cut short: what there is of it still
			   * leaves, and then a reset */
	CLIENT_LINGER,    /* our last octet has left; what still comes is
			   * dropped, so that the client reads our answer
			   * before it meets a reset */
	CLIENT_CLOSED,
};

/* An IP endpoint in 28 octets; a struct addr has room for a path. */
union peer {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

struct client {
	struct conn conn;          /* first: comes back from it */
	struct acceptor *acceptor; /* one use of it */
	struct exchange *exchange; /* while CLIENT_BUSY */
	struct list node;          /* in worker->clients */
	struct retired retired;
	uint64_t opened_ms;
	uint64_t keep_alive_ms; /* the attribute in force at the opening */
	union peer peer;
	uint8_t state;         /* enum client_state */
	bool hurried;          /* client_hurry() was called */
	bool asks_no_more;     /* client_asks_no_more() was called */
	bool is_plain;         /* plain HTTP came to a TLS port */
	uint64_t last_idle_ms; /* once it asks no more */
};

/* Takes a fresh connection over, with the place that was taken for it; closes
 * it when there is no memory. */
void client_new(struct worker *w, struct acceptor *a, int fd_take,
		const struct addr *peer);

/* What becomes of a connection after an exchange. */
enum client_end {
	CLIENT_KEEP,  /* it waits for the next request */
	CLIENT_CLOSE, /* it ends; the whole request has been read */
	CLIENT_DROP,  /* it ends; the client may still be sending */
};

/* The exchange is over; what was written still leaves. */
void client_done(struct client *c, enum client_end end);

/* The exchange was cut short: what was written still leaves, then the
 * connection ends. With `reset` the client is told by a reset, because the
 * end alone would look like the end of the body. */
void client_abort(struct client *c, bool reset);

/* It became a tunnel: whatever becomes of its listener is nothing to it. */
void client_asks_no_more(struct client *c);

/* No request is under way on it: it may send one more within a second, whose
 * answer will be the last. For a worker that drains. */
void client_hurry(struct client *c);

/* Ends it, whatever runs on it: the worker stops. */
void client_end(struct client *c);

/* Whether the answer that is about to be written must be the last. */
bool client_must_close(const struct client *c);

struct addr client_peer(const struct client *c);

#endif
