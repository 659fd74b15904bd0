/*
 * dispatch.c - from the rule that a request meets to a connection to one of
 * its targets, and to another one where the first cannot have it.
 *
 * Floor: proxy.
 */
#include <errno.h>

#include "balance/passive.h"
#include "balance/pick.h"
#include "base/clock.h"
#include "base/fail.h"
#include "proxy/client.h"
#include "proxy/limits.h"
#include "proxy/steps.h"

void exch_give_upstream_back(struct exchange *x, bool reusable)
{
	if (x->back)
		x->back->ops->finish(x->back, reusable);
	x->attempt.upstream = NULL;
	x->back = NULL;
}

static bool is_idempotent(unsigned method)
{
	/* RFC 9110 9.2.2. */
	return method == METHOD_GET || method == METHOD_HEAD ||
	       method == METHOD_PUT || method == METHOD_DELETE ||
	       method == METHOD_OPTIONS;
}

static struct tally *tally_of(const struct exchange *x)
{
	return &x->attempt.target->tally[x->worker->number];
}

void exch_leave_target(struct exchange *x)
{
	struct tally *tally;
	uint64_t in, out;

	if (x->attempt.outstanding)
		atomic_fetch_sub_explicit(&x->attempt.target->outstanding, 1,
					  memory_order_relaxed);
	x->attempt.outstanding = false;
	if (x->attempt.is_open)
		tally_add(&tally_of(x)->left, 1);
	x->attempt.is_open = false;
	if (!x->attempt.dispatched)
		return;
	tally = tally_of(x);
	x->back->ops->octets(x->back, &in, &out);
	tally_add(&tally->ended, 1);
	if (!x->attempt.has_response)
		tally_add(&tally->unanswered, 1);
	tally_add(&tally->octets_in, in);
	tally_add(&tally->octets_out, out);
	x->attempt.dispatched = false;
}

/*
 *	octets sent  connection  method      body sent  another try
 *	none, or it  any         any         no, or it  yes; the second time
 *	says so                              was kept   that it says so: no
 *	some         warm        idempotent  no         yes, the connection
 *	                                                was stale
 *	otherwise, and when its time to drain is over   no
 *	when one octet of an answer has come            no
 */
static bool may_try_again(const struct exchange *x)
{
	const struct attempt *a = &x->attempt;

	if (x->record.n_targets >= TRIES_TARGETS || a->target_spoke)
		return false;
	if (!a->upstream)
		return true;
	switch (x->back->ops->reach(x->back)) {
	case REACH_NONE:
		return kept_is_whole(&x->kept, x->back->out_octets) &&
		       !a->was_refused;
	case REACH_SENT:
		break;
	case REACH_ANSWERED:
		return false;
	}
	return x->user.is_warm && !a->upstream->is_cut &&
	       x->back->out_octets == 0 && is_idempotent(x->asked.method) &&
	       a->reason == REASON_TARGET_CLOSED;
}

/* The group of now; one that is gone is as it was. */
static const struct target_group *group_of_now(const struct exchange *x)
{
	const struct view *newest = x->worker->view;
	const struct target_group *group;

	if (x->view == newest)
		return x->group;
	group = snapshot_find_group(newest->snap, x->group->name);
	return group ? group : x->group;
}

/* Our own limits say nothing about the target, and a queue that is full says
 * that it is there. */
static void note_failed_connect(struct exchange *x, enum reason reason)
{
	const struct target_group *group = group_of_now(x);
	struct target_state *target = x->attempt.target;
	struct upstream *u = x->attempt.upstream;
	struct log_line l;

	/* Of all that waited for one connection the first tells. */
	if (u && u->was_noted)
		return;
	if (u)
		u->was_noted = true;
	if (reason == REASON_OVERLOADED || x->attempt.queue_full ||
	    !passive_note_failure(target, &group->passive, clock_now_ms()))
		return;
	group_state_touch(group->state);
	count_target(x->worker, target, COUNT_RESTS);
	if (!worker_log(x->worker, &l, LOG_WARNING, "target rests"))
		return;
	log_str(&l, "reason", reason_token(reason));
	log_slice(&l, "target_group", group->name);
	log_str(&l, "target", target->name);
	log_num(&l, "seconds", (int64_t)(group->passive.rest_ms / 1000));
	log_end(&l);
}

/* Over a warm connection it only tells something about one that had been
 * given up. */
static void note_connected(struct exchange *x)
{
	struct target_state *target = x->attempt.target;
	const struct target_group *group;

	if (!target->connect_failures)
		return;
	group = group_of_now(x);
	if ((!x->user.is_warm || passive_is_suspect(target, &group->passive)) &&
	    passive_note_success(target, clock_now_ms()))
		group_state_touch(group->state);
}

static bool is_connecting(const struct exchange *x)
{
	return x->state == EXCH_CONNECT || x->state == EXCH_SHAKE_HANDS;
}

/* AWS: routing.http2.rst_stream_error_forwarding.enabled. Codes of RFC 9113,
 * section 7. */
bool exch_note_reset(struct exchange *x)
{
	enum {
		INTERNAL_ERROR = 0x2,
		REFUSED_STREAM = 0x7,
		CANCEL = 0x8,
		ENHANCE_YOUR_CALM = 0xb,
	};

	if (!x->back || !x->group->forwards_resets)
		return false;
	switch (x->back->code) {
	case INTERNAL_ERROR:
	case REFUSED_STREAM:
	case CANCEL:
	case ENHANCE_YOUR_CALM:
		x->record.target_error = (uint8_t)x->back->code;
		x->front->code = x->back->code;
		return true;
	default:
		return false;
	}
}

enum next exch_target_failed(struct exchange *x, enum reason reason)
{
	struct attempt *a = &x->attempt;
	bool again, is_reset;

	if (a->upstream && a->upstream->is_cut)
		reason = REASON_DEREGISTERED;
	else if (is_connecting(x))
		note_failed_connect(x, reason);
	a->reason = (uint8_t)reason;
	x->record.tries[x->record.n_tries - 1].reason = (uint8_t)reason;
	again = may_try_again(x);
	/* A stale connection says nothing about its target. */
	if (!again || !a->upstream || !x->user.is_warm)
		tally_add(&tally_of(x)->failures, 1);
	exch_leave_target(x);
	if (!again) {
		is_reset = exch_note_reset(x);
		exch_give_upstream_back(x, false);
		return is_reset ? exch_give_up(x, reason)
				: exch_answer(x, reason);
	}
	a->was_refused = a->upstream && x->back->refused;
	a->retry_same = a->upstream && x->user.is_warm && !a->was_refused;
	a->fresh_only = true;
	a->avoid_upstream = a->upstream;
	exch_give_upstream_back(x, false);
	a->avoid = a->target;
	a->target = NULL;
	count_group(x->worker, x->group, COUNT_RETRIES);
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
	const struct target_group *group = group_of_now(x);

	return view_table(group == x->group ? x->view : x->worker->view, group);
}

static struct target_state *choose(struct exchange *x, struct pick_table *table)
{
	const struct asked *asked = &x->asked;
	struct target_state *t;

	if (table->failed_open)
		count_group(x->worker, x->group, COUNT_FAIL_OPEN);
	if (x->attempt.retry_same) {
		t = pick_find(table, x->attempt.avoid->identity);
		if (t)
			return t;
	}
	if (asked->has_sticky && x->record.n_targets == 0) {
		t = pick_find(table, asked->sticky_identity);
		if (t)
			return t;
	}
	if (asked->came_sticky && x->record.n_targets == 0)
		count_group(x->worker, x->group,
			    asked->app ? COUNT_APP_NON_STICKY
				       : COUNT_NON_STICKY);
	t = asked->has_hash ? pick_hashed(table, asked->hash, x->attempt.avoid)
			    : pick_next(table, x->attempt.avoid);
	/* It looked at nothing of the request and is there: another connection
	 * to it will do. */
	return t || !x->attempt.was_refused
		       ? t
		       : pick_find(table, x->attempt.avoid->identity);
}

static void begin_try(struct exchange *x, struct target_state *t,
		      bool counts_load)
{
	struct record *r = &x->record;

	assert(r->n_tries < TRIES_MAX);
	r->tries[r->n_tries++].target = state_ref(t);
	r->connected_ms = 0;
	/* A fresh connection to the same target asks no other one. */
	if (t != x->attempt.avoid && r->n_targets++ == 0) {
		count_group(x->worker, x->group, COUNT_REQUESTS);
		if (__builtin_expect(r->is_grpc, 0))
			count_group(x->worker, x->group, COUNT_GRPC_REQUESTS);
	}
	x->attempt.target = t;
	x->attempt.is_open = true;
	tally_add(&tally_of(x)->begun, 1);
	x->attempt.outstanding = counts_load;
	if (counts_load)
		atomic_fetch_add_explicit(&t->outstanding, 1,
					  memory_order_relaxed);
}

static enum reason reason_of_no_target(const struct exchange *x,
				       const struct pick_table *table)
{
	if (x->record.n_targets)
		return (enum reason)x->attempt.reason;
	return table->zone_is_empty ? REASON_NO_ZONE_TARGET : REASON_NO_TARGET;
}

enum next route_step(struct exchange *x)
{
	struct pick_table *table = targets_of(x);
	struct target_state *t = choose(x, table);

	if (!t)
		return exch_answer(x, reason_of_no_target(x, table));
	begin_try(x, t, table->counts_load);
	return exch_enter(x, EXCH_CONNECT);
}

static enum next begin_connect(struct exchange *x)
{
	const struct load_balancer *lb = x->listener->balancer;
	const uint64_t connect_ms = x->group->target_connect_ms
					    ? x->group->target_connect_ms
					    : lb->target_connect_ms;
	struct upstream_spec spec = {
		.target = x->attempt.target,
		.tls = x->group->tls ? x->group->tls[lb->target_rank] : NULL,
		.rank = lb->target_rank,
		.server_name = x->asked.request.host,
		.idle_ms = lb->idle_timeout_ms,
		.http2 = x->group->version != VERSION_HTTP1,
		.word_ms = connect_ms + lb->target_tls_handshake_ms,
		.fresh = x->attempt.fresh_only,
		.avoid = x->attempt.avoid_upstream,
		/* A body is not kept, so it cannot be sent again either. */
		.unsafe = !is_idempotent(x->asked.method) ||
			  x->front->in.kind != BODY_NONE,
	};
	enum reason why;
	struct upstream *u;

	assert((x->group->protocol == PROTOCOL_HTTPS) == (spec.tls != NULL));
	u = upstream_take(x->worker, &spec, &x->user, &why);
	x->attempt.queue_full = !u && errno == EAGAIN;
	if (!u)
		return exch_target_failed(x, why);
	x->record.connecting_ms = x->user.is_warm ? 0 : clock_now_ms();
	x->attempt.upstream = u;
	x->back = x->user.stream;
	x->up = pump_make(x->front, x->back);
	if (x->held)
		x->up.most = x->held->body_most;
	x->down = pump_make(x->back, x->front);
	exch_wait(x, x->user.is_warm ? 0 : connect_ms);
	return NEXT_GO;
}

/* Too many waited for one connection: on to another one of this target. */
static enum next connect_elsewhere(struct exchange *x)
{
	x->attempt.fresh_only = true;
	x->attempt.avoid_upstream = x->attempt.upstream;
	exch_give_upstream_back(x, false);
	return begin_connect(x);
}

static enum next begin_forward(struct exchange *x)
{
	const uint64_t idle_ms = x->listener->balancer->idle_timeout_ms;
	struct stream *back = x->back;

	x->record.connected_ms = clock_now_ms();
	tally_add(&tally_of(x)->requests, 1);
	x->attempt.dispatched = true;
	note_connected(x);
	if (!back->ops->send(back, &x->asked.request) ||
	    (x->kept.octets.n && !kept_send(&x->kept, back)))
		return exch_target_failed(x, REASON_OVERLOADED);
	if (x->group->version != VERSION_HTTP1) {
		x->kept.in_all = &x->client->kept_octets;
		x->up.kept = &x->kept;
	}
	exch_wait_each(x, idle_ms,
		       x->group->target_response_ms
			       ? x->group->target_response_ms
			       : idle_ms);
	return exch_enter(x, EXCH_FORWARD);
}

/* The target is not there yet; meanwhile the client may leave. */
static enum next wait_for_target(struct exchange *x)
{
	if (x->front->in_done)
		return exch_client_has_gone(x)
			       ? exch_give_up(x, REASON_CLIENT_GONE)
			       : NEXT_WAIT;
	switch (x->front->ops->is_gone(x->front)) {
	case GONE_NOT:
		break;
	case GONE_WAITING:
		return exch_give_up(x, REASON_CLIENT_GONE);
	case GONE_IN_BODY:
		return exch_give_up(x, REASON_CLIENT_CUT_BODY);
	}
	return NEXT_WAIT;
}

static enum next begin_handshake(struct exchange *x)
{
	if (x->state == EXCH_SHAKE_HANDS)
		return wait_for_target(x);
	exch_wait(x, x->listener->balancer->target_tls_handshake_ms);
	return exch_enter(x, EXCH_SHAKE_HANDS);
}

/* One of the two states in which there is no stream to the target yet. */
static enum next go_on_connecting(struct exchange *x)
{
	enum reason why;

	switch (upstream_progress(x->attempt.upstream, &why)) {
	case UPSTREAM_CONNECTING:
		return wait_for_target(x);
	case UPSTREAM_SHAKING_HANDS:
		return begin_handshake(x);
	case UPSTREAM_READY:
		return begin_forward(x);
	case UPSTREAM_CROWDED:
		return connect_elsewhere(x);
	case UPSTREAM_FAILED:
		break;
	}
	return exch_target_failed(x, why);
}

enum next connect_step(struct exchange *x)
{
	return x->back ? go_on_connecting(x) : begin_connect(x);
}

enum next handshake_step(struct exchange *x)
{
	return go_on_connecting(x);
}
