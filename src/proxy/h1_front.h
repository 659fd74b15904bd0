/*
 * h1_front.h - requests of HTTP/1.x on a client's connection, one behind the
 * other.
 *
 *   IDLE <--> BUSY
 *
 * While it is idle it holds no buffer, no head and no exchange.
 *
 * Floor: proxy.  One thread.
 */
#ifndef WEIR_PROXY_H1_FRONT_H
#define WEIR_PROXY_H1_FRONT_H

#include "stream/h1_stream.h"

struct exchange;
struct front_ops;

extern const struct front_ops h1_front;

/* Part of a client. */
struct h1_front {
	struct h1_stream stream;
	struct exchange *exchange; /* NULL between two requests */
};

#endif
