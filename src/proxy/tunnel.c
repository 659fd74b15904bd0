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

/* One direction; false when the tunnel is broken. */
static bool flow(struct conn *from, struct conn *to, bool *ended)
{
	if (from->write_error || from->error)
		return false;
	if (*ended || pump_octets(from, to) == IO_AGAIN)
		return true;
	*ended = true;
	conn_shut_after_write(to);
	return !from->error;
}

enum next tunnel_step(struct exchange *x)
{
	struct conn *front = x->front.conn, *back = x->back.conn;
	bool front_ended = x->front_ended, back_ended = x->back_ended;
	bool whole = flow(front, back, &front_ended) &&
		     flow(back, front, &back_ended);

	x->front_ended = front_ended;
	x->back_ended = back_ended;
	if (whole && !(front_ended && back_ended))
		return NEXT_WAIT;
	/* The client's connection lingers until all has left; the target's is
	 * closed with the exchange. */
	if (whole && conn_unsent(back)) {
		back->wants_room = true;
		conn_idle_deadline(back, x->tunnel->idle_ms);
		return NEXT_WAIT;
	}
	return exch_enter(x, EXCH_FINISH);
}
