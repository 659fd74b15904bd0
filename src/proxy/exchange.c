/*
 * exchange.c - the life of one request and its response.
 *
 *   READ_HEAD --> ROUTE --> CONNECT --> FORWARD --> RELAY --> FINISH
 *                   ^           |           |                   ^
 *                   +-- retry --+-----------+--> TUNNEL --------+
 *   any state before RELAY, when we answer  --> REPLY ----------+
 *   any state, when nobody is there to answer ------------------+
 *
 * Events do not choose what happens: they note what the sockets can do and
 * call exch_run(), which steps until the exchange must wait. Bodies move in
 * pumps (pump.c); a state here says how far the messages are.
 *
 * Floor: proxy.
 */
#include "exchange.h"

#include <errno.h>
#include <stdlib.h>

#include "base/fail.h"
#include "proxy/pump.h"
#include "proxy/reply.h"
#include "proxy/steps.h"
#include "stream/h1_stream.h"

enum { FREE_EXCHANGES_MAX = 256 };

static enum next step_forward(struct exchange *x);
static enum next step_relay(struct exchange *x);
static enum next step_reply(struct exchange *x);

#define TO(state) (1u << EXCH_##state)

static const struct {
	const char *name;
	enum next (*step)(struct exchange *x);
	unsigned leads_to;
} states[] = {
	[EXCH_READ_HEAD] = {"read-head", request_step,
			    TO(ROUTE) | TO(REPLY) | TO(FINISH)},
	[EXCH_ROUTE] = {"route", route_step,
			TO(CONNECT) | TO(REPLY) | TO(FINISH)},
	[EXCH_CONNECT] = {"connect", connect_step,
			  TO(FORWARD) | TO(ROUTE) | TO(REPLY) | TO(FINISH)},
	[EXCH_FORWARD] = {"forward", step_forward,
			  TO(RELAY) | TO(TUNNEL) | TO(ROUTE) | TO(REPLY) |
				  TO(FINISH)},
	[EXCH_RELAY] = {"relay", step_relay, TO(FINISH)},
	[EXCH_TUNNEL] = {"tunnel", tunnel_step, TO(FINISH)},
	[EXCH_REPLY] = {"reply", step_reply, TO(FINISH)},
	[EXCH_FINISH] = {"finish", finish_step, 0},
};

enum next exch_enter(struct exchange *x, enum exch_state state)
{
	if (!(states[x->state].leads_to & (1u << state)))
		BUG("exchange: %s -> %s", states[x->state].name,
		    states[state].name);
	x->state = (uint8_t)state;
	return NEXT_GO;
}

const struct view *exch_view(const struct exchange *x)
{
	return x->view;
}

struct exchange *exch_new(struct worker *w, struct client *c)
{
	struct exchange *x = w->free_exchanges;
	struct view *view = c->acceptor->last ? c->acceptor->last : w->view;

	if (x) {
		w->free_exchanges = x->next_free;
		w->n_free_exchanges--;
	} else {
		x = malloc(sizeof(*x));
		if (!x)
			return NULL;
	}
	*x = (struct exchange){
		.worker = w,
		.client = c,
		.view = view_enter(view),
		.listener = c->acceptor->listener,
		.front = {.ops = &h1_front_ops, .conn = &c->conn},
	};
	count(w, COUNT_REQUESTS_ALL);
	w->n_exchanges++;
	gauge_set(&w->seen_exchanges, w->n_exchanges);
	return x;
}

void exch_leave_view(struct exchange *x)
{
	bool was_replaced = x->view != x->worker->view;

	view_leave(x->view);
	x->view = NULL;
	x->listener = NULL;
	x->rule = NULL;
	x->group = NULL;
	if (was_replaced)
		worker_show_generations(x->worker);
}

static void exch_free(struct exchange *x)
{
	struct worker *w = x->worker;

	piece_release(&x->request);
	if (x->target)
		state_unref(x->target);
	if (x->avoid)
		state_unref(x->avoid);
	if (x->view)
		exch_leave_view(x);
	free(x->tunnel);
	w->n_exchanges--;
	gauge_set(&w->seen_exchanges, w->n_exchanges);
	worker_note_refusals(w);
	if (w->draining)
		worker_maybe_idle(w);
	if (w->n_free_exchanges == FREE_EXCHANGES_MAX) {
		free(x);
		return;
	}
	x->next_free = w->free_exchanges;
	w->free_exchanges = x;
	w->n_free_exchanges++;
}

void exch_release_free(struct worker *w)
{
	while (w->free_exchanges) {
		struct exchange *x = w->free_exchanges;

		w->free_exchanges = x->next_free;
		free(x);
	}
	w->n_free_exchanges = 0;
}

void exch_run(struct exchange *x)
{
	enum next next;

	do
		next = states[x->state].step(x);
	while (next == NEXT_GO);
	if (next == NEXT_DONE)
		exch_free(x);
}

/* -- endings ------------------------------------------------------------ */

enum next exch_give_up(struct exchange *x, enum reason reason)
{
	x->reason = (uint8_t)reason;
	x->cut = true;
	return exch_enter(x, EXCH_FINISH);
}

enum reason exch_reason_of(const struct conn *c, enum reason otherwise)
{
	return c->error == ENOBUFS ? REASON_OVERLOADED : otherwise;
}

enum next exch_answer(struct exchange *x, enum reason reason)
{
	unsigned status = (unsigned)reason_status(reason);

	if (x->answered)
		return exch_give_up(x, reason);
	x->reason = (uint8_t)reason;
	/* After a fault of the request the next octet on the connection has
	 * no agreed meaning; after one of the target it has. */
	x->keep = x->keep && x->front.in_done && !x->doubtful &&
		  (status >= 500 || status == 463) && status != 505 &&
		  status != 501 && !client_must_close(x->client);
	if (!reply_error(x, reason, x->keep))
		return exch_give_up(x, reason);
	return exch_enter(x, EXCH_REPLY);
}

void exch_end(struct exchange *x)
{
	exch_give_up(x, REASON_STOPPING);
	exch_run(x);
}

/* -- the message pair ---------------------------------------------------- */

/*
 * A FIN alone may come from a client that had announced that it sends no more;
 * from others it means that nobody waits.
 */
bool exch_client_has_gone(struct exchange *x)
{
	struct conn *c = x->front.conn;
	enum io io;

	if (c->error || c->write_error)
		return true;
	if (!x->front.in_done || (!c->readable && !c->peer_closing))
		return false;
	io = conn_look_for_end(c);
	return io == IO_FAILED || (io == IO_CLOSED && c->in.n == 0 && x->keep);
}

/* Moves what has come of the request body; NEXT_WAIT: all is well. */
static enum next upload(struct exchange *x)
{
	if (x->back.out_done && x->front.in_done)
		return NEXT_WAIT;
	if (x->front.in.kind != FRAMING_NONE && x->back.conn->write_error) {
		/* It takes no more; its answer may have come before. */
		x->target_closes = true;
		return NEXT_WAIT;
	}
	switch (pump_body(&x->front, &x->back)) {
	case IO_DONE:
	case IO_AGAIN:
		return NEXT_WAIT;
	case IO_CLOSED:
		return exch_give_up(x, REASON_CLIENT_CUT_BODY);
	case IO_FAILED:
		break;
	}
	if (x->front.bad_coding)
		return exch_answer(x, REASON_BAD_CHUNK);
	return exch_give_up(
		x, exch_reason_of(x->front.conn, REASON_CLIENT_CUT_BODY));
}

static enum next step_forward(struct exchange *x)
{
	struct conn *back = x->back.conn;
	enum next next = upload(x);

	if (next != NEXT_WAIT)
		return next;
	next = response_step(x);
	if (next != NEXT_WAIT)
		return next;
	if (back->write_error && !back->readable && !back->peer_closing)
		return exch_target_failed(x, REASON_TARGET_CLOSED);
	if (exch_client_has_gone(x))
		return exch_give_up(x, REASON_CLIENT_GONE);
	return NEXT_WAIT;
}

/* Nothing is sent a second time, and a stream may go on for days: of the
 * request the line alone is kept, for the log, out of the chunk that it shares
 * with others. */
static void shed_request(struct exchange *x)
{
	if (x->shed)
		return;
	x->shed = true;
	piece_shed(&x->request, &x->line);
	x->server_name = slice_make("", 0);
}

static enum next step_relay(struct exchange *x)
{
	enum io io;

	if (x->front.conn->error || x->front.conn->write_error)
		return exch_give_up(x, REASON_CLIENT_GONE);
	if (upload(x) != NEXT_WAIT)
		return NEXT_GO;
	io = x->front.out_done && x->back.in_done
		     ? IO_DONE
		     : pump_body(&x->back, &x->front);
	switch (io) {
	case IO_DONE:
		break;
	case IO_AGAIN:
		if (exch_client_has_gone(x))
			return exch_give_up(x, REASON_CLIENT_GONE);
		shed_request(x);
		return NEXT_WAIT;
	case IO_CLOSED:
		return exch_give_up(x, REASON_TARGET_CUT);
	case IO_FAILED:
		return exch_give_up(
			x, x->back.bad_coding
				   ? REASON_TARGET_BAD_CHUNK
				   : exch_reason_of(x->back.conn,
						    REASON_TARGET_CUT));
	}
	/* The answer came before the whole body had been sent. A target that
	 * goes on reading gets the rest; one that does not, gets no more. */
	if (x->target_closes || x->back.conn->peer_closing)
		return exch_enter(x, EXCH_FINISH);
	if (!x->front.in_done)
		return NEXT_WAIT;
	if (conn_unsent(x->back.conn)) {
		x->back.conn->wants_room = true;
		return NEXT_WAIT;
	}
	return exch_enter(x, EXCH_FINISH);
}

/* The answer has been written; what is left of a short body is dropped, so
 * that the connection can go on. */
static enum next step_reply(struct exchange *x)
{
	while (x->keep && !x->front.in_done) {
		struct chain waste;
		enum io io;

		chain_init(&waste, UINT32_MAX);
		io = x->front.ops->read_body(&x->front, &waste, CHAIN_LIMIT);
		if (io == IO_AGAIN && waste.n == 0)
			return NEXT_WAIT;
		chain_release(&waste);
		if (io == IO_CLOSED || io == IO_FAILED)
			x->keep = false;
	}
	return exch_enter(x, EXCH_FINISH);
}

/* -- time ------------------------------------------------------------------ */

static enum next expired_forward(struct exchange *x, struct conn *conn)
{
	bool uploading = !(x->front.in_done && x->back.out_done) &&
			 !x->back.conn->write_error;

	/* The one who is waited for is the one who is late. */
	if (uploading && conn_unsent(x->back.conn) == 0)
		return conn == x->front.conn
			       ? exch_answer(x, REASON_CLIENT_TIMEOUT)
			       : NEXT_WAIT;
	if (conn == x->front.conn)
		return NEXT_WAIT;
	return exch_answer(x, REASON_TARGET_SILENT);
}

static enum next expired_relay(struct exchange *x, struct conn *conn)
{
	bool client_is_full = conn_unsent(x->front.conn) > 0;

	/* The answer is complete, and only the upload does not go on. */
	if (x->front.out_done && x->back.in_done) {
		x->keep = false;
		return exch_enter(x, EXCH_FINISH);
	}
	if (client_is_full)
		return conn == x->front.conn
			       ? exch_give_up(x, REASON_CLIENT_STALLED)
			       : NEXT_WAIT;
	if (conn == x->front.conn)
		return NEXT_WAIT;
	return exch_give_up(x, REASON_TARGET_STALLED);
}

static enum next expired(struct exchange *x, struct conn *conn)
{
	switch ((enum exch_state)x->state) {
	case EXCH_READ_HEAD:
		return exch_answer(x, REASON_CLIENT_TIMEOUT);
	case EXCH_CONNECT:
		if (conn == x->front.conn)
			return NEXT_WAIT;
		return exch_target_failed(
			x, x->in_handshake ? REASON_TARGET_TLS_TIMEOUT
					   : REASON_TARGET_CONNECT_TIMEOUT);
	case EXCH_FORWARD:
		return expired_forward(x, conn);
	case EXCH_RELAY:
		return expired_relay(x, conn);
	case EXCH_REPLY:
		x->keep = false;
		return exch_enter(x, EXCH_FINISH);
	case EXCH_TUNNEL:
		x->cut = true;
		return exch_enter(x, EXCH_FINISH);
	case EXCH_ROUTE:
	case EXCH_FINISH:
		break;
	}
	BUG("exchange expired in %s", states[x->state].name);
}

void exch_expired(struct exchange *x, struct conn *conn)
{
	if (expired(x, conn) == NEXT_GO)
		exch_run(x);
	else
		conn_idle_deadline(conn,
				   x->listener->balancer->idle_timeout_ms);
}
