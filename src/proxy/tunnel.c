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

#include "proxy/access_log.h"
#include "proxy/client.h"
#include "proxy/limits.h"
#include "proxy/steps.h"

/* Copies a name behind `at`. */
static struct slice keep_name(char *at, struct slice name)
{
	memcpy(at, name.p, name.n);
	return slice_make(at, name.n);
}

bool tunnel_begin(struct exchange *x)
{
	const struct load_balancer *lb = x->listener->balancer;
	struct slice listener = x->record.listener, group = x->record.group;
	struct tunnel *t = malloc(sizeof(*t) + listener.n + group.n);

	if (!t)
		return false;
	*t = (struct tunnel){.idle_ms = lb->idle_timeout_ms};
	x->tunnel = t;
	if (x->log && !access_log_tunnel(x)) {
		free(t);
		x->tunnel = NULL;
		return false;
	}
	x->record.listener = keep_name(t->names, listener);
	x->record.group = keep_name(t->names + listener.n, group);
	x->front->ops->switch_over(x->front);
	x->back->ops->switch_over(x->back);
	exch_wait_idle(x, lb->tunnel_idle_ms);
	prepared_shed(&x->asked.request);
	x->record.line = x->asked.request.line;
	client_asks_no_more(x->client);
	if (x->held)
		limits_outlive(x);
	exch_leave_view(x);
	return true;
}

void tunnel_end(struct exchange *x)
{
	access_log_release_tunnel(x);
	free(x->tunnel);
}

enum flow {
	FLOW_ON,
	FLOW_ENDED,  /* and the other side has been told */
	FLOW_BROKEN, /* all that came before has been passed on */
};

/* One direction. */
static enum flow flow(struct pump *p)
{
	const struct stream *from = p->from;

	if (pump_is_done(p))
		return from->ops->peer(from) >= PEER_DEAF ? FLOW_BROKEN
							  : FLOW_ENDED;
	switch (pump_run(p)) {
	case IO_DONE:
		return FLOW_ENDED;
	case IO_AGAIN:
		return FLOW_ON;
	case IO_CLOSED:
	case IO_FAILED:
		break;
	}
	return FLOW_BROKEN;
}

/* The target is reset once it has what the client sent before its reset. */
static enum next wait_for_target(struct exchange *x)
{
	return x->back->ops->deliver(x->back) == IO_AGAIN
		       ? NEXT_WAIT
		       : exch_enter(x, EXCH_FINISH);
}

static enum next client_broke(struct exchange *x)
{
	x->record.is_cut = true;
	x->tunnel->reset = true;
	x->tunnel->front_broke = true;
	/* In all: what it sends meanwhile is dropped, and buys no time. */
	exch_wait(x, x->tunnel->idle_ms);
	return wait_for_target(x);
}

static enum next target_broke(struct exchange *x)
{
	/* It was us, since its time to drain is over: an orderly end. */
	if (!x->attempt.upstream->is_cut) {
		x->record.is_cut = true;
		x->tunnel->reset = true;
	}
	return exch_enter(x, EXCH_FINISH);
}

enum next tunnel_step(struct exchange *x)
{
	const struct stream_ops *back = x->back->ops;
	enum flow up, down;

	if (x->tunnel->front_broke)
		return wait_for_target(x);
	up = flow(&x->up);
	down = flow(&x->down);
	if (down == FLOW_BROKEN)
		return target_broke(x);
	if (up == FLOW_BROKEN)
		return client_broke(x);
	if (up != FLOW_ENDED || down != FLOW_ENDED)
		return NEXT_WAIT;
	/* The client's connection lingers until all has left; the target's is
	 * closed with the exchange. */
	if (back->has_unsent(x->back)) {
		back->want_room(x->back);
		exch_wait_idle(x, x->tunnel->idle_ms);
		return NEXT_WAIT;
	}
	return exch_enter(x, EXCH_FINISH);
}
