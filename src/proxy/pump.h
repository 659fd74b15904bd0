/*
 * pump.h - one direction of octets: a body, or half a tunnel.
 *
 * A pump moves what has come as far as there is room, and holds nothing back.
 * When the receiver is full, the sender is not read any more: so TCP tells
 * the sender to wait, and no more than two chains of octets are held.
 *
 * Floor: proxy.  One thread.
 */
#ifndef WEIR_PROXY_PUMP_H
#define WEIR_PROXY_PUMP_H

#include "proxy/kept.h"
#include "stream/stream.h"

struct pump {
	struct stream *from, *to; /* borrowed */
	struct kept *kept; /* gets what is moved, too; NULL: nobody does */
	uint64_t most;            /* octets of the body that may come */
	bool is_over;             /* with IO_FAILED: more than these came, and
				   * the rest was not passed on */
	uint8_t error; /* enum stream_error, with IO_FAILED: of `from`, or of
			* `to` where it had no room for its framing */
};

static inline struct pump pump_make(struct stream *from, struct stream *to)
{
	return (struct pump){.from = from, .to = to, .most = UINT64_MAX};
}

/* All has come and its end was written. */
static inline bool pump_is_done(const struct pump *p)
{
	return p->from->in_done && p->to->out_done;
}

/*
 * Moves what there is.
 *   IO_DONE    all of it was moved and its end written
 *   IO_AGAIN   an event of either side will bring more
 *   IO_CLOSED  `from` closed before the end
 *   IO_FAILED  p->error
 */
enum io pump_run(struct pump *p);

#endif
