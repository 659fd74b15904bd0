/*
 * dispatch.c - from the rule that a request meets to a connection to one of
 * its targets, and to another one where the first cannot have it.
 *
 * Floor: proxy.
 */
#include <errno.h>

#include "balance/pick.h"
#include "proxy/steps.h"
#include "stream/h1_stream.h"

/* Targets that one request may be given to. */
enum { TRIES_MAX = 2 };

void exch_give_upstream_back(struct exchange *x, bool reusable)
{
	if (x->upstream)
		upstream_give_back(x->upstream, reusable);
	x->upstream = NULL;
	x->back.conn = NULL;
}

static bool is_idempotent(unsigned method)
{
	/* RFC 9110 9.2.2. */
	return method == METHOD_GET || method == METHOD_HEAD ||
	       method == METHOD_PUT || method == METHOD_DELETE ||
	       method == METHOD_OPTIONS;
}

void exch_leave_target(struct exchange *x)
{
	const struct upstream *u = x->upstream;
	struct tally *tally;

	if (!x->dispatched)
		return;
	tally = &x->target->tally[x->worker->number];
	tally_add(&tally->ended, 1);
	if (!x->has_response)
		tally_add(&tally->unanswered, 1);
	tally_add(&tally->octets_in, u->conn.n_read - u->read0);
	tally_add(&tally->octets_out, u->conn.n_written - u->written0);
	x->dispatched = false;
}

/*
 *	octets sent  connection  method      body read  another try
 *	none         any         any         no         yes
 *	some         warm        idempotent  no         yes, the connection
 *	                                                was stale
 *	otherwise, and when its time to drain is over   no
 *	when one octet of an answer has come            no
 */
static bool may_try_again(const struct exchange *x)
{
	const struct upstream *u = x->upstream;

	if (x->tries >= TRIES_MAX || x->target_spoke || x->back.out_octets)
		return false;
	if (!u)
		return true;
	if (upstream_has_spoken(u))
		return false;
	if (upstream_is_untouched(u))
		return true;
	return u->is_warm && !u->is_cut && is_idempotent(x->method) &&
	       x->try_reason == REASON_TARGET_CLOSED;
}

enum next exch_target_failed(struct exchange *x, enum reason reason)
{
	bool again;

	x->try_reason = (uint8_t)reason;
	again = may_try_again(x);
	tally_add(&x->target->tally[x->worker->number].failures, 1);
	exch_leave_target(x);
	if (!again) {
		exch_give_upstream_back(x, false);
		return exch_answer(x, reason);
	}
	/* A stale connection says nothing about its target. */
	x->retry_same = x->upstream && x->upstream->is_warm;
	x->fresh_only = true;
	exch_give_upstream_back(x, false);
	if (x->avoid)
		state_unref(x->avoid);
	x->avoid = x->target;
	x->target = NULL;
	count(x->worker, COUNT_RETRIES);
	return exch_enter(x, EXCH_ROUTE);
}

/*
 * The targets that the group has now. The rules are those of the view that the
 * request entered; behind them targets may have come, gone or fallen ill since
 * a reload, and only the newest view hears of that. A group that is gone has
 * no others than it had.
 */
static struct pick_table *targets_of(struct exchange *x)
{
	struct view *newest = x->worker->view;
	const struct target_group *group;

	if (x->view == newest)
		return view_table(newest, x->group);
	group = snapshot_find_group(newest->snap, x->group->name);
	return group ? view_table(newest, group)
		     : view_table(x->view, x->group);
}

static struct target_state *choose(struct exchange *x)
{
	struct pick_table *table = targets_of(x);
	struct target_state *t;

	if (table->failed_open)
		count(x->worker, COUNT_FAIL_OPEN);
	if (x->retry_same) {
		t = pick_find(table, x->avoid->identity);
		if (t)
			return t;
	}
	if (x->has_sticky && x->tries == 0) {
		t = pick_find(table, x->sticky_identity);
		if (t)
			return t;
	}
	if (x->came_sticky && x->tries == 0)
		count(x->worker, COUNT_NON_STICKY);
	return pick_next(table, x->avoid);
}

enum next route_step(struct exchange *x)
{
	struct target_state *t = choose(x);

	if (!t)
		return exch_answer(x,
				   x->tries ? x->try_reason : REASON_NO_TARGET);
	x->target = state_ref(t);
	/* A fresh connection to the same target asks no other one. */
	if (t != x->avoid && x->tries++ == 0)
		count(x->worker, COUNT_REQUESTS);
	return exch_enter(x, EXCH_CONNECT);
}

static enum reason reason_of_connect(int error)
{
	switch (error) {
	case ECONNREFUSED:
	case ECONNRESET:
	case ENOENT:
	case EAGAIN:
		return REASON_TARGET_REFUSED;
	case ETIMEDOUT:
		return REASON_TARGET_CONNECT_TIMEOUT;
	case EMFILE:
	case ENFILE:
	case ENOSPC: /* of epoll watches */
	case ENOMEM:
	case ENOBUFS:
	case EADDRNOTAVAIL:
		return REASON_OVERLOADED;
	default:
		return REASON_TARGET_UNREACHABLE;
	}
}

static enum next begin_connect(struct exchange *x)
{
	const struct load_balancer *lb = x->listener->balancer;
	struct upstream_spec spec = {
		.target = x->target,
		.group = x->group,
		.server_name = x->server_name,
		.connect_ms = lb->target_connect_ms,
		.idle_ms = lb->idle_timeout_ms,
		.fresh = x->fresh_only,
		/* A body is not kept, so it cannot be sent again either. */
		.unsafe = !is_idempotent(x->method) ||
			  x->front.in.kind != FRAMING_NONE,
	};

	x->in_handshake = false;
	x->upstream = upstream_take(x->worker, &spec, x);
	if (!x->upstream) {
		count(x->worker, COUNT_TARGET_CONNECT_ERRORS);
		return exch_target_failed(x, reason_of_connect(errno));
	}
	x->back = (struct stream){
		.ops = &h1_back_ops,
		.conn = &x->upstream->conn,
	};
	return NEXT_GO;
}

static enum next begin_forward(struct exchange *x)
{
	struct conn *c = x->back.conn;

	tally_add(&x->target->tally[x->worker->number].requests, 1);
	x->dispatched = true;
	chain_append_piece(&c->out, &x->request);
	conn_dirty(c);
	stream_promise_body(&x->back, &x->front.in);
	conn_idle_deadline(c, x->listener->balancer->idle_timeout_ms);
	return exch_enter(x, EXCH_FORWARD);
}

/*
 * Whether the client has left before there is a target. Its body is read as
 * far as there is room, since its end, or a reset, lies behind it. The end of
 * one in chunks is not looked for: the upload will find it.
 */
static enum reason why_client_left(struct exchange *x)
{
	const struct stream *front = &x->front;
	struct conn *c = front->conn;
	uint64_t left = front->in.kind == FRAMING_LENGTH ? front->in_left : 1;
	enum io io;

	if (front->in_done)
		return exch_client_has_gone(x) ? REASON_CLIENT_GONE
					       : REASON_NONE;
	if (!c->readable && !c->peer_closing)
		return REASON_NONE;
	io = conn_look_for_end(c);
	if (io == IO_FAILED || (io == IO_CLOSED && c->in.n < left))
		return REASON_CLIENT_CUT_BODY;
	if (io == IO_CLOSED && front->in.kind == FRAMING_LENGTH &&
	    c->in.n == left && x->keep)
		return REASON_CLIENT_GONE;
	return REASON_NONE;
}

/* The target is not there yet; meanwhile the client may leave. */
static enum next wait_for_target(struct exchange *x)
{
	enum reason why = why_client_left(x);

	return why ? exch_give_up(x, why) : NEXT_WAIT;
}

enum next connect_step(struct exchange *x)
{
	struct conn *c;

	if (!x->upstream)
		return begin_connect(x);
	c = x->back.conn;
	if (c->error) {
		count(x->worker, COUNT_TARGET_CONNECT_ERRORS);
		return exch_target_failed(x, reason_of_connect(c->error));
	}
	if (c->connecting)
		return wait_for_target(x);
	if (!conn_is_established(c)) {
		enum io io = conn_fill(c);

		if (io == IO_FAILED || io == IO_CLOSED || c->write_error) {
			count(x->worker, COUNT_TARGET_TLS_ERRORS);
			return exch_target_failed(x, REASON_TARGET_TLS);
		}
		if (!conn_is_established(c)) {
			const struct load_balancer *lb = x->listener->balancer;

			if (!x->in_handshake)
				conn_deadline(c, lb->target_tls_handshake_ms);
			x->in_handshake = true;
			return wait_for_target(x);
		}
	}
	return begin_forward(x);
}
