/*
 * client.h - a connection from a client: accepted, encrypted, closed.
 *
 *   ANNOUNCE --> HANDSHAKE --> OPEN --> LINGER --> closed
 *   (PROXY only) (TLS only)     |-----> CUT --------^
 *                               |___________________|
 *
 * While it is open a protocol has it, its front: requests of HTTP/1.x
 * (h1_front.c) or HTTP/2 (h2_front.c). A front uses the connection as it likes
 * and gives it back by client_leave(); what a client may still be told on its
 * way out is decided here.
 *
 * Floor: proxy.  One thread.
 */
#ifndef WEIR_PROXY_CLIENT_H
#define WEIR_PROXY_CLIENT_H

#include <arpa/inet.h>

#include "base/list.h"
#include "base/slice.h"
#include "net/conn.h"
#include "proxy/accept.h"
#include "proxy/h1_front.h"

struct client;
struct held;           /* proxy/limits.h */
struct client_fields;  /* tls/client_fields.h */
struct h2_session;     /* stream/h2_session.h */
struct listener_state; /* model/counts.h */
struct worker;

enum client_state {
	CLIENT_ANNOUNCE,  /* a PROXY header may come first */
	CLIENT_HANDSHAKE, /* TLS is being agreed on */
	CLIENT_OPEN,      /* its front has it */
	CLIENT_CUT,       /* the answer was cut short: what there is of it still
			   * leaves, and then a reset */
	CLIENT_LINGER,    /* our last octet has left; what still comes is
			   * dropped, so that the client reads our answer
			   * before it meets a reset */
	CLIENT_CLOSED,
};

/* What a protocol does with the connections that are its own. */
struct front_ops {
	/* The connection is there; with TLS the handshake is over. */
	void (*begin)(struct client *c);
	/* Something changed. */
	void (*ready)(struct client *c);
	/* The connection's deadline has passed. */
	void (*expired)(struct client *c);
	/* The worker begins to drain. NULL: the next answer will say so. */
	void (*drain)(struct client *c);
	/* It drains, and no request is under way anywhere: what does not wait
	 * for an answer ends soon. */
	void (*hurry)(struct client *c);
	/* The worker stops: whatever runs ends now. */
	void (*end)(struct client *c);
	/* What is overdue (exch_is_overdue) ends now, the rest goes on. */
	void (*cut)(struct client *c);
	/* conn_ops.gather; or NULL. */
	void (*gather)(struct client *c);
};

/* An IP endpoint in 28 octets; a struct addr has room for a path. */
union peer {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

enum { CLIENT_ID_OCTETS = 36 };

/* What logs call a connection. */
struct client_told {
	struct slice id;             /* "TID_" and 32 digits, at random */
	struct slice client, server; /* the address of each end, without port */
	char room[2 * INET6_ADDRSTRLEN], id_room[CLIENT_ID_OCTETS];
};

struct client {
	struct conn conn;               /* first: comes back from it */
	struct acceptor *acceptor;      /* one use of it */
	struct listener_state *counted; /* the listener's that took it */
	struct held *held;  /* owned; NULL: no limit on connections */
	uint64_t limit_key; /* of its address; 0: not asked for yet */
	const struct front_ops *front;
	struct h1_front h1;
	struct h2_session *h2; /* owned; NULL with HTTP/1.x */
	struct list node;      /* in worker->clients */
	struct retired retired;
	uint64_t opened_ms;
	uint64_t keep_alive_ms; /* the attribute in force at the opening */
	uint32_t kept_octets;   /* of bodies, for another try; see kept.h */
	union peer peer;
	struct client_told *told; /* owned; NULL before client_told() */
	uint32_t n_requests;      /* of HTTP/1.x */
	uint8_t state;            /* enum client_state; written by enter() */
	bool is_proxied; /* a trusted proxy connected: it has to say for whom */
	uint8_t refusal; /* enum reason: why nothing is served here */
	bool hurried;    /* client_hurry() was called */
	bool asks_no_more;     /* client_asks_no_more() was called */
	uint64_t last_idle_ms; /* once it asks no more */
};

/* Takes a fresh connection over, with the place that was taken for it; closes
 * it when there is no memory. */
void client_new(struct worker *w, struct acceptor *a, int fd_take,
		const struct addr *peer);

/* -- for its front --------------------------------------------------------- */

/* How a front gives the connection back. */
enum client_end {
	CLIENT_AT_ONCE, /* nothing is on its way to the client */
	CLIENT_READ,    /* the whole request has been read */
	CLIENT_UNREAD,  /* the client may still be sending */
	CLIENT_ABORT,   /* its last message is not whole, as it will see */
	CLIENT_RESET,   /* as it would not see: so it is told by a reset */
};

/* The connection ends; what was written still leaves. The front does nothing
 * more with it. */
void client_leave(struct client *c, enum client_end end);

/* How long it may be idle between two requests. */
uint64_t client_idle_ms(const struct client *c);

/* -- for an exchange ------------------------------------------------------- */

/* It became a tunnel: whatever becomes of its listener is nothing to it. */
void client_asks_no_more(struct client *c);

/* Whether the answer that is about to be written must be the last. */
bool client_must_close(const struct client *c);

struct addr client_peer(const struct client *c);

/* What TLS was agreed on; NULL without. */
const char *client_tls_version(const struct client *c);
const char *client_tls_cipher(const struct client *c);
/* What targets are told of its certificate; NULL without. Lives as long as
 * the client. */
const struct client_fields *client_certificate(const struct client *c);
/* What logs call it; found out at the first call. Lives as long as the
 * client. */
const struct client_told *client_told(struct client *c);

/* The name that it asked for; empty without TLS or without one. */
struct slice client_server_name(const struct client *c);

const char *client_state_name(enum client_state state);

/* -- for its worker -------------------------------------------------------- */

enum { CLIENT_LAST_REQUEST_MS = 1000 };

/* The worker begins to drain: it is told so, if its protocol has a word. */
void client_drain(struct client *c);

/* No request is under way on it: it may send one more within a second, whose
 * answer will be the last. For a worker that drains. */
void client_hurry(struct client *c);

/* Ends it, whatever runs on it: the worker stops. */
void client_end(struct client *c);

/* The time of generations that were replaced is over: what runs in them is cut,
 * and a connection that could only ask in one of them ends soon. */
void client_cut(struct client *c);

#endif
