/*
 * tunnel.c - an upgraded connection: octets flow until both sides have ended.
 *
 * A tunnel may live for weeks. So it holds nothing that others share: not the
 * configuration that it began in, and not the chunk in which the head of its
 * request lay beside those of others.
 *
 * Floor: proxy.
 */
#include "proxy/tunnel.h"

#include <stdlib.h>

#include "proxy/pump.h"
#include "proxy/steps.h"

static struct tunnel *tunnel_new(const struct exchange *x)
{
	struct slice listener = x->listener->balancer->name;
	struct slice group = x->group->name;
	struct tunnel *t = malloc(sizeof(*t) + listener.n + group.n);

	if (!t)
		return NULL;
	memcpy(t->names, listener.p, listener.n);
	memcpy(t->names + listener.n, group.p, group.n);
	t->listener = slice_make(t->names, listener.n);
	t->group = slice_make(t->names + listener.n, group.n);
	t->port = x->listener->port;
	t->idle_ms = x->listener->balancer->idle_timeout_ms;
	return t;
}

bool tunnel_begin(struct exchange *x)
{
	const struct load_balancer *lb = x->listener->balancer;

	x->tunnel = tunnel_new(x);
	if (!x->tunnel)
		return false;
	conn_idle_deadline(x->front.conn, lb->tunnel_idle_ms);
	conn_idle_deadline(x->back.conn, lb->tunnel_idle_ms);
	piece_shed(&x->request, &x->line);
	x->server_name = slice_make("", 0);
	client_asks_no_more(x->client);
	exch_leave_view(x);
	return true;
}

enum flow {
	FLOW_ON,
	FLOW_ENDED,  /* and the other side has been told */
	FLOW_BROKEN, /* all that came before has been passed on */
};

/* One direction. A write that failed was told of a reset, and what the peer
 * had sent before it may still be read. */
static enum flow flow(struct conn *from, struct conn *to, bool ended)
{
	enum io io;

	if (ended)
		return from->error || from->write_error ? FLOW_BROKEN
							: FLOW_ENDED;
	if (from->write_error)
		from->readable = true;
	io = pump_octets(from, to);
	if (io == IO_FAILED)
		return FLOW_BROKEN;
	if (io != IO_CLOSED)
		return from->write_error && !from->readable && from->in.n == 0
			       ? FLOW_BROKEN
			       : FLOW_ON;
	/* A reset that a write was told of reads as an orderly end. */
	if (from->write_error)
		return FLOW_BROKEN;
	conn_shut_after_write(to);
	return FLOW_ENDED;
}

/* The target is reset once it has what the client sent before its reset. */
static enum next wait_for_target(struct exchange *x)
{
	struct conn *back = x->back.conn;
	enum io io = conn_fill(back);

	chain_drain(&back->in, back->in.n);
	if (io == IO_FAILED || back->write_error || conn_is_delivered(back))
		return exch_enter(x, EXCH_FINISH);
	if (io == IO_DONE)
		loop_again(back->loop, back);
	if (conn_unsent(back))
		back->wants_room = true;
	else
		conn_ask_later(back);
	return NEXT_WAIT;
}

static enum next client_broke(struct exchange *x)
{
	x->cut = true;
	x->reset = true;
	x->client_broke = true;
	conn_reset_at_close(x->back.conn);
	/* In all: what it sends meanwhile is dropped, and buys no time. */
	conn_deadline(x->back.conn, x->tunnel->idle_ms);
	return wait_for_target(x);
}

static enum next target_broke(struct exchange *x)
{
	/* It was us, since its time to drain is over: an orderly end. */
	if (!x->upstream->is_cut) {
		x->cut = true;
		x->reset = true;
	}
	return exch_enter(x, EXCH_FINISH);
}

enum next tunnel_step(struct exchange *x)
{
	struct conn *front = x->front.conn, *back = x->back.conn;
	enum flow up, down;

	if (x->client_broke)
		return wait_for_target(x);
	up = flow(front, back, x->front_ended);
	down = flow(back, front, x->back_ended);
	if (down == FLOW_BROKEN)
		return target_broke(x);
	if (up == FLOW_BROKEN)
		return client_broke(x);
	x->front_ended = up == FLOW_ENDED;
	x->back_ended = down == FLOW_ENDED;
	if (!x->front_ended || !x->back_ended)
		return NEXT_WAIT;
	/* The client's connection lingers until all has left; the target's is
	 * closed with the exchange. */
	if (conn_unsent(back)) {
		back->wants_room = true;
		conn_idle_deadline(back, x->tunnel->idle_ms);
		return NEXT_WAIT;
	}
	return exch_enter(x, EXCH_FINISH);
}
