/*
 * pump.h - one direction of a body.
 *
 * A pump moves what has come as far as there is room, and holds nothing back.
 * When the receiver is full, the sender is not read any more: so TCP tells
 * the sender to wait, and no more than two chains of octets are held.
 *
 * Floor: proxy.  One thread.
 */
#ifndef WEIR_PROXY_PUMP_H
#define WEIR_PROXY_PUMP_H

#include "stream/stream.h"

/*
 * Moves the body of one stream to the other.
 *   IO_DONE    all of it was moved and its end written
 *   IO_AGAIN   an event of either connection will bring more
 *   IO_CLOSED  `from` closed before the end of the body
 *   IO_FAILED  `from` is broken (from->bad_coding: the coding is), or there
 *              is no memory (its error is ENOBUFS)
 */
enum io pump_body(struct stream *from, struct stream *to);

/*
 * Moves octets without a message around them, after an upgrade.
 *   IO_AGAIN   an event of either connection will bring more
 *   IO_CLOSED  `from` has ended and all of it was moved
 *   IO_FAILED  `from` is broken
 */
enum io pump_octets(struct conn *from, struct conn *to);

#endif
