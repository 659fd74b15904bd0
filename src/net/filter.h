/*
 * filter.h - what may stand between a socket and the chains of a connection.
 *
 * With a filter, the connection reads and writes the filter's raw chains, and
 * the filter moves octets between these and the plain ones. It never touches
 * the socket, so a filtered connection costs the system calls of a plain one.
 * Implemented by tls/tls_filter.
 *
 *   socket -> raw_in -> decode -> conn.in      conn.out -> encode -> raw_out
 *
 * Floor: net.
 */
#ifndef WEIR_NET_FILTER_H
#define WEIR_NET_FILTER_H

#include "net/chain.h"
#include "net/io.h"

struct filter;

struct filter_ops {
	/*
	 * Turns what is in raw_in into plain octets at the end of `plain`, as
	 * far as its limit allows; may leave octets for the peer in raw_out.
	 *   IO_DONE    `plain` is full, and there may be more
	 *   IO_AGAIN   needs more in raw_in
	 *   IO_CLOSED  the peer ended its side in an orderly way
	 *   IO_FAILED  broken; what is in raw_out (an alert) may still leave
	 */
	enum io (*decode)(struct filter *f, struct chain *plain);
	/*
	 * Turns plain octets into raw ones while raw_out has room.
	 *   IO_DONE    `plain` is empty
	 *   IO_AGAIN   raw_out is full, or the handshake is not over
	 *   IO_FAILED  broken
	 */
	enum io (*encode)(struct filter *f, struct chain *plain);
	/* Says goodbye to the peer in raw_out (close_notify). */
	void (*goodbye)(struct filter *f);
	void (*free)(struct filter *f);
};

/* First member of whatever implements it. */
struct filter {
	const struct filter_ops *ops;
	struct chain raw_in, raw_out;
	bool established; /* the handshake is over: plain octets may flow */
};

#endif
