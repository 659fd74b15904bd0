/*
 * h1_stream.h - HTTP/1.x on a connection.
 *
 * Floor: stream.  Source: RFC 9112.
 */
#ifndef WEIR_STREAM_H1_STREAM_H
#define WEIR_STREAM_H1_STREAM_H

#include "stream/stream.h"

/* On a connection from a client: reads requests. */
extern const struct stream_ops h1_front_ops;
/* On a connection to a target: reads responses. */
extern const struct stream_ops h1_back_ops;

/*
 * Writes a head as text: a request when it has a method, else a response.
 * "HTTP/1.1" whatever its version is. `more` is whole lines of fields that
 * are not in it, or empty. Returns the text as a piece, empty when the pool
 * is, and leaves nothing out.
 */
struct piece h1_head_text(const struct http_head *head, struct slice more);

#endif
