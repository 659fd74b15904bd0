/*
 * relay.c - bodies flow: the request's while its answer is awaited, both once
 * the answer has begun, and into nothing where weir has answered.
 *
 * Floor: proxy.
 */
#include "proxy/access_log.h"
#include "proxy/limits.h"
#include "proxy/steps.h"

/* Moves what has come of the request body; NEXT_WAIT: all is well. */
static enum next upload(struct exchange *x)
{
	struct pump *up = &x->up;

	if (pump_is_done(up))
		return NEXT_WAIT;
	if (x->front->in.kind != BODY_NONE &&
	    x->back->ops->peer(x->back) >= PEER_DEAF) {
		/* It takes no more; its answer may have come before. */
		x->back->keep = false;
		return NEXT_WAIT;
	}
	switch (pump_run(up)) {
	case IO_DONE:
	case IO_AGAIN:
		return NEXT_WAIT;
	case IO_CLOSED:
		return exch_give_up(x, REASON_CLIENT_CUT_BODY);
	case IO_FAILED:
		break;
	}
	if (up->is_over)
		return exch_answer(x, limits_body(x));
	if (up->error == STREAM_BAD_BODY)
		return exch_answer(x, REASON_BAD_CHUNK);
	return exch_give_up(x, exch_reason_of((enum stream_error)up->error,
					      REASON_CLIENT_CUT_BODY));
}

enum next forward_step(struct exchange *x)
{
	enum next next = upload(x);

	if (next != NEXT_WAIT)
		return next;
	next = response_step(x);
	if (next != NEXT_WAIT)
		return next;
	if (x->back->ops->peer(x->back) == PEER_GONE)
		return exch_target_failed(
			x, exch_reason_of_target(x, REASON_TARGET_CLOSED));
	if (exch_client_has_gone(x))
		return exch_give_up(x, REASON_CLIENT_GONE);
	return NEXT_WAIT;
}

static enum next target_cut(struct exchange *x)
{
	enum reason why = exch_reason_of_target(x, REASON_TARGET_CUT);

	exch_note_reset(x);
	return exch_give_up(x, why);
}

static enum next download(struct exchange *x)
{
	struct pump *down = &x->down;

	switch (pump_is_done(down) ? IO_DONE : pump_run(down)) {
	case IO_DONE:
		return NEXT_GO;
	case IO_AGAIN:
		if (exch_client_has_gone(x))
			return exch_give_up(x, REASON_CLIENT_GONE);
		/* Nothing is sent a second time, and a stream may go on for
		 * days: of the request the line alone is kept, out of the
		 * chunk that it shares with others. */
		prepared_shed(&x->asked.request);
		x->record.line = x->asked.request.line;
		access_log_shed(x);
		return NEXT_WAIT;
	case IO_CLOSED:
		return target_cut(x);
	case IO_FAILED:
		break;
	}
	if (down->error == STREAM_BAD_BODY)
		return exch_give_up(x, REASON_TARGET_BAD_CHUNK);
	if (down->error == STREAM_NO_ROOM)
		return exch_give_up(x, REASON_OVERLOADED);
	return target_cut(x);
}

enum next relay_step(struct exchange *x)
{
	const struct stream_ops *back = x->back->ops;

	if (x->front->ops->peer(x->front) >= PEER_DEAF)
		return exch_give_up(x, REASON_CLIENT_GONE);
	if (upload(x) != NEXT_WAIT)
		return NEXT_GO;
	if (download(x) == NEXT_WAIT)
		return NEXT_WAIT;
	if (x->state != EXCH_RELAY)
		return NEXT_GO;
	/* The answer came before the whole body had been sent. A target that
	 * goes on reading gets the rest; one that does not, gets no more. */
	if (!x->back->keep || back->peer(x->back) >= PEER_CLOSING)
		return exch_enter(x, EXCH_FINISH);
	if (!x->front->in_done)
		return NEXT_WAIT;
	if (back->has_unsent(x->back)) {
		back->want_room(x->back);
		return NEXT_WAIT;
	}
	return exch_enter(x, EXCH_FINISH);
}

/* The answer has been written; what is left of a short body is dropped, so
 * that the connection can go on. */
enum next reply_step(struct exchange *x)
{
	struct stream *front = x->front;

	while (front->keep && !front->in_done) {
		struct chain waste;
		size_t n;
		enum io io;

		chain_init(&waste, UINT32_MAX);
		io = front->ops->read_body(front, &waste, CHAIN_LIMIT);
		n = waste.n;
		chain_release(&waste);
		if (io == IO_AGAIN && n == 0) {
			if (!x->client_ms)
				exch_wait_idle(
					x,
					x->listener->balancer->idle_timeout_ms);
			return NEXT_WAIT;
		}
		if (io == IO_CLOSED || io == IO_FAILED)
			front->keep = false;
	}
	return exch_enter(x, EXCH_FINISH);
}
