/*
 * exchange.c - the life of one request and its response.
 *
 *   READ_HEAD --> ROUTE --> CONNECT --> SHAKE_HANDS --> FORWARD --> RELAY
 *                   ^         | |           |            | | |        |
 *                   |         | +-----------|----->------+ | |        |
 *                   +- retry -+-------------+--------------+ |        |
 *                                                         TUNNEL      |
 *   any state before RELAY, when we answer  --> REPLY        |        |
 *                                                 +--> FINISH <-------+
 *   any state, when nobody is there to answer ------------+
 *
 * Events do not choose what happens: they note what the sockets can do and
 * call exch_run(), which steps until the exchange must wait. Bodies move in
 * pumps (pump.c); a state here says how far the messages are.
 *
 * Floor: proxy.
 */
#include "exchange.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/fail.h"
#include "proxy/client.h"
#include "proxy/limits.h"
#include "proxy/reply.h"
#include "proxy/steps.h"

enum {
	FREE_EXCHANGES_MAX = 256,
	TRACE_LINES = 1000, /* a second that a worker writes about states */
};

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
			  TO(SHAKE_HANDS) | TO(FORWARD) | TO(ROUTE) |
				  TO(REPLY) | TO(FINISH)},
	[EXCH_SHAKE_HANDS] = {"shake-hands", handshake_step,
			      TO(FORWARD) | TO(ROUTE) | TO(REPLY) | TO(FINISH)},
	[EXCH_FORWARD] = {"forward", forward_step,
			  TO(RELAY) | TO(TUNNEL) | TO(ROUTE) | TO(REPLY) |
				  TO(FINISH)},
	[EXCH_RELAY] = {"relay", relay_step, TO(FINISH)},
	[EXCH_TUNNEL] = {"tunnel", tunnel_step, TO(FINISH)},
	[EXCH_REPLY] = {"reply", reply_step, TO(FINISH)},
	[EXCH_FINISH] = {"finish", finish_step, 0},
};

const char *exch_state_name(enum exch_state state)
{
	return states[state].name;
}

static void trace(struct exchange *x, enum exch_state state)
{
	struct addr peer = client_peer(x->client);
	char text[ADDR_TEXT_MAX];
	struct log_line l;
	unsigned left_out;

	if (!log_budget_take(&x->worker->trace_budget, TRACE_LINES, &left_out))
		return;
	log_begin(&l, LOG_DEBUG, "a request goes on");
	if (left_out)
		log_num(&l, "left_out", left_out);
	log_slice(&l, "client", slice_make(text, addr_format(&peer, text)));
	log_str(&l, "from", states[x->state].name);
	log_str(&l, "to", states[state].name);
	if (x->attempt.target)
		log_str(&l, "target", x->attempt.target->name);
	if (x->record.reason)
		log_str(&l, "reason", reason_token(x->record.reason));
	log_end(&l);
}

enum next exch_enter(struct exchange *x, enum exch_state state)
{
	if (!(states[x->state].leads_to & (1u << state)))
		BUG("exchange: %s -> %s", states[x->state].name,
		    states[state].name);
	if (__builtin_expect(log_is_on(LOG_DEBUG), 0))
		trace(x, state);
	x->state = (uint8_t)state;
	return NEXT_GO;
}

/* -- beginning and end of its memory --------------------------------------- */

static void on_deadline(struct deadline *d);

static void on_upstream(struct upstream_user *user)
{
	exch_run(list_entry(user, struct exchange, user));
}

static struct exchange *exch_take(struct worker *w)
{
	struct exchange *x = w->free_exchanges;

	if (x) {
		w->free_exchanges = x->next_free;
		w->n_free_exchanges--;
		return x;
	}
	x = malloc(sizeof(*x));
	if (x)
		deadline_init(&x->deadline, on_deadline);
	return x;
}

struct exchange *exch_new(struct worker *w, struct client *c,
			  struct stream *front)
{
	struct exchange *x = exch_take(w);
	struct view *view = c->acceptor->last ? c->acceptor->last : w->view;
	const size_t kept = offsetof(struct exchange, worker);

	if (!x)
		return NULL;
	memset((char *)x + kept, 0, sizeof(*x) - kept);
	x->worker = w;
	x->client = c;
	x->view = view_enter(view);
	x->listener = c->acceptor->listener;
	x->front = front;
	x->user.ready = on_upstream;
	x->record.began_ms = clock_now_ms();
	x->record.listener = x->listener->balancer->name;
	x->record.port = x->listener->port;
	x->counted = x->listener->state;
	if (x->listener->balancer->access_log.journal)
		x->log = &x->listener->balancer->access_log;
	count_listener(w, x->counted, COUNT_REQUESTS_ALL);
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
	x->group = NULL;
	x->record.rule = NULL;
	if (was_replaced)
		worker_show_generations(x->worker);
}

static void exch_release(struct exchange *x)
{
	loop_forget(&x->worker->loop, &x->deadline);
	free(x);
}

static void exch_free(struct exchange *x)
{
	struct worker *w = x->worker;

	x->deadline.at_ms = 0;
	prepared_release(&x->asked.request);
	piece_release(&x->filled);
	if (x->log)
		piece_release(&x->noted.text);
	kept_release(&x->kept);
	free(x->asked.app);
	free(x->told);
	if (x->held)
		limits_end(x);
	for (unsigned i = 0; i < x->record.n_tries; i++)
		state_unref(x->record.tries[i].target);
	if (x->view)
		exch_leave_view(x);
	if (x->tunnel)
		tunnel_end(x);
	w->n_exchanges--;
	gauge_set(&w->seen_exchanges, w->n_exchanges);
	worker_note_refusals(w);
	if (w->draining)
		worker_maybe_idle(w);
	if (w->n_free_exchanges == FREE_EXCHANGES_MAX) {
		exch_release(x);
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
		exch_release(x);
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

/* -- endings --------------------------------------------------------------- */

enum next exch_give_up(struct exchange *x, enum reason reason)
{
	const struct upstream *u = x->attempt.upstream;

	if (u && u->is_cut) {
		reason = REASON_DEREGISTERED;
		if (x->tunnel)
			x->tunnel->reset = true;
	}
	x->record.reason = (uint8_t)reason;
	x->record.is_cut = true;
	return exch_enter(x, EXCH_FINISH);
}

enum reason exch_reason_of(enum stream_error error, enum reason otherwise)
{
	return error == STREAM_NO_ROOM ? REASON_OVERLOADED : otherwise;
}

enum reason exch_reason_of_target(const struct exchange *x,
				  enum reason otherwise)
{
	if (x->back->error == STREAM_NO_ROOM)
		return REASON_OVERLOADED;
	return upstream_reason(x->attempt.upstream, x->back, otherwise);
}

enum next exch_answer(struct exchange *x, enum reason reason)
{
	unsigned status = (unsigned)reason_status(reason);
	bool goes_on;

	if (x->record.is_answered)
		return exch_give_up(x, reason);
	x->record.reason = (uint8_t)reason;
	/* After a fault of the request the next octet on the connection has
	 * no agreed meaning; after one of the target it has. */
	goes_on = x->front->in_done &&
		  (status >= 500 || status == 463 || status == 429) &&
		  status != 505 && status != 501 &&
		  !client_must_close(x->client);
	if (!reply_error(x, reason, !goes_on))
		return exch_give_up(x, reason);
	return exch_enter(x, EXCH_REPLY);
}

void exch_end(struct exchange *x)
{
	exch_give_up(x, REASON_STOPPING);
	exch_run(x);
}

bool exch_is_overdue(const struct exchange *x)
{
	return x->view && view_is_overdue(x->worker, x->view);
}

void exch_cut(struct exchange *x, enum reason reason)
{
	/* What has begun to leave is told by its end; ours is about to. */
	if (x->state == EXCH_REPLY)
		exch_give_up(x, (enum reason)x->record.reason);
	else
		exch_answer(x, reason);
	exch_run(x);
}

bool exch_client_has_gone(struct exchange *x)
{
	const struct stream_ops *ops = x->front->ops;

	return ops->peer(x->front) >= PEER_DEAF ||
	       (x->front->in_done && ops->is_gone(x->front) != GONE_NOT);
}

/* -- time ------------------------------------------------------------------ */

static void set_deadline(struct exchange *x, uint64_t at_ms)
{
	loop_deadline(&x->worker->loop, &x->deadline, at_ms);
}

void exch_wait(struct exchange *x, uint64_t ms)
{
	x->client_ms = x->target_ms = 0;
	set_deadline(x, ms ? clock_now_ms() + ms : 0);
}

static uint64_t shorter_wait(const struct exchange *x)
{
	return x->client_ms < x->target_ms ? x->client_ms : x->target_ms;
}

void exch_wait_each(struct exchange *x, uint64_t client_ms, uint64_t target_ms)
{
	x->client_ms = client_ms;
	x->target_ms = target_ms;
	set_deadline(x, clock_now_ms() + shorter_wait(x));
}

void exch_wait_idle(struct exchange *x, uint64_t ms)
{
	if (ms)
		exch_wait_each(x, ms, ms);
	else
		exch_wait(x, 0);
}

/* Both messages were relayed but for the end of the request, or are not. */
static bool only_uploads(const struct exchange *x)
{
	return x->state == EXCH_RELAY && pump_is_done(&x->down);
}

/* Whom it waits for, who is the one who is late. */
static const struct stream *awaited(const struct exchange *x)
{
	const struct stream *front = x->front, *back = x->back;

	switch ((enum exch_state)x->state) {
	case EXCH_READ_HEAD:
	case EXCH_ROUTE:
	case EXCH_REPLY:
	case EXCH_FINISH:
		return front;
	case EXCH_CONNECT:
	case EXCH_SHAKE_HANDS:
		return back;
	case EXCH_RELAY:
		if (!only_uploads(x))
			return front->ops->has_unsent(front) ? front : back;
		break;
	case EXCH_FORWARD:
		if (pump_is_done(&x->up) || back->ops->peer(back) >= PEER_DEAF)
			return back;
		break;
	case EXCH_TUNNEL:
		return front->ops->moved_ms(front) < back->ops->moved_ms(back)
			       ? front
			       : back;
	}
	/* The body of the request comes from one and goes to the other. */
	return back->ops->has_unsent(back) ? back : front;
}

static enum next too_late(struct exchange *x)
{
	bool is_client = awaited(x) == x->front;

	switch ((enum exch_state)x->state) {
	case EXCH_READ_HEAD:
		return exch_answer(x, REASON_CLIENT_TIMEOUT);
	case EXCH_CONNECT:
		return exch_target_failed(x, REASON_TARGET_CONNECT_TIMEOUT);
	case EXCH_SHAKE_HANDS:
		return exch_target_failed(x, REASON_TARGET_TLS_TIMEOUT);
	case EXCH_FORWARD:
		return exch_answer(x, is_client ? REASON_CLIENT_TIMEOUT
						: REASON_TARGET_SILENT);
	case EXCH_RELAY:
		if (!only_uploads(x))
			return exch_give_up(x,
					    (enum reason)awaited(x)->stalled);
		/* The answer is complete. */
		/* fallthrough */
	case EXCH_REPLY:
		x->front->keep = false;
		return exch_enter(x, EXCH_FINISH);
	case EXCH_TUNNEL:
		x->record.is_cut = true;
		return exch_enter(x, EXCH_FINISH);
	case EXCH_ROUTE:
	case EXCH_FINISH:
		break;
	}
	BUG("exchange expired in %s", states[x->state].name);
}

static void on_deadline(struct deadline *d)
{
	struct exchange *x = list_entry(d, struct exchange, deadline);
	const struct stream *s = awaited(x);
	uint64_t idle_ms = s == x->back ? x->target_ms : x->client_ms;
	uint64_t at_ms = idle_ms ? s->ops->moved_ms(s) + idle_ms : 0;
	uint64_t now_ms = clock_now_ms();

	if (at_ms > now_ms) {
		/* By then the other one may be waited for, and less long. */
		if (at_ms > now_ms + shorter_wait(x))
			at_ms = now_ms + shorter_wait(x);
		set_deadline(x, at_ms);
		return;
	}
	too_late(x);
	exch_run(x);
}
