/*
 * h2_front.h - requests of HTTP/2 on a client's connection, many at a time.
 *
 * Each is an exchange of its own, with its own rule and target; the session
 * (stream/h2_session.h) keeps them apart. The connection ends when the session
 * does: by itself, since its time is over, or for what the client did.
 *
 * Floor: proxy.  One thread.
 */
#ifndef WEIR_PROXY_H2_FRONT_H
#define WEIR_PROXY_H2_FRONT_H

struct front_ops;

extern const struct front_ops h2_front;

#endif
