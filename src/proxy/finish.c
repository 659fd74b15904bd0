/*
 * finish.c - the end of an exchange: counted, told, connections given back.
 *
 * Floor: proxy.
 */
#include "base/clock.h"
#include "proxy/access_log.h"
#include "proxy/client.h"
#include "proxy/errors.h"
#include "proxy/limits.h"
#include "proxy/steps.h"

static enum log_level level_of(enum reason reason)
{
	if (reason_is_action(reason))
		return LOG_DEBUG;
	return reason_is_clients(reason) ? LOG_INFO : LOG_WARNING;
}

static void log_reason(struct exchange *x)
{
	const struct record *r = &x->record;
	enum reason reason = (enum reason)r->reason;
	char peer[ADDR_TEXT_MAX];
	struct addr a;
	struct log_line l;

	tally_add(&x->counted->tally[x->worker->number].reasons[reason], 1);
	if (!worker_log(x->worker, &l, level_of(reason),
			r->is_answered && !r->is_cut ? "answered a request"
						     : "ended a request"))
		return;
	a = client_peer(x->client);
	log_str(&l, "reason", reason_token(reason));
	log_num(&l, "status", r->status ? r->status : reason_status(reason));
	log_slice(&l, "listener", r->listener);
	log_num(&l, "port", r->port);
	log_slice(&l, "client", slice_make(peer, addr_format(&a, peer)));
	if (r->limited.n)
		log_slice(&l, "limit", r->limited);
	if (reason == REASON_PATTERN_GAVE_UP)
		log_num(&l, "rule", r->rule->priority);
	if (r->line.n)
		log_slice(&l, "request", slice_first(r->line, 256));
	if (r->group.n)
		log_slice(&l, "target_group", r->group);
	if (x->attempt.target)
		log_str(&l, "target", x->attempt.target->name);
	if (r->n_targets)
		log_num(&l, "tries", r->n_targets);
	if (reason == REASON_TRANSFORM_FAILED)
		log_str(&l, "transform", transform_status_name(r->transform));
	if (r->desync.class != DESYNC_COMPLIANT) {
		log_str(&l, "classification",
			desync_class_text(r->desync.class));
		log_str(&l, "classification_reason",
			desync_reason_text(r->desync.reason));
	}
	log_end(&l);
}

static void count_end(struct exchange *x)
{
	const struct record *r = &x->record;
	struct worker *w = x->worker;

	count_listener(w, x->counted, COUNT_REQUESTS_ENDED);
	exch_leave_target(x);
	if (!r->reason)
		return;
	errors_note(x, NULL);
	log_reason(x);
	/* What was cut short was the target's answer, and is counted. */
	if (r->is_answered && r->is_cut)
		return;
	switch ((r->status ? r->status
			   : (unsigned)reason_status((enum reason)r->reason)) /
		100) {
	case 2:
		count_listener(w, x->counted, COUNT_ELB_2XX);
		break;
	case 3:
		count_listener(w, x->counted, COUNT_ELB_3XX);
		break;
	case 4:
		count_listener(w, x->counted, COUNT_ELB_4XX);
		break;
	case 5:
		count_listener(w, x->counted, COUNT_ELB_5XX);
		break;
	}
}

/* The group is not known any more in a tunnel, which is no answer either. */
static void note_times(struct exchange *x)
{
	const struct record *r = &x->record;
	unsigned number = x->worker->number;

	histogram_add(&x->counted->tally[number].durations,
		      r->done_ms - r->began_ms);
	if (x->group && r->answered_ms && r->connected_ms)
		histogram_add(&x->group->counts->tally[number].response_times,
			      r->answered_ms - r->connected_ms);
}

/* Octets of a body that a target reads along with the head, or nearly so. */
enum { BODY_AT_ONCE = 16 * 1024 };

/*
 * A target that has not read the whole body closes after its answer (RFC 9112
 * 9.3), often without having said so: in the midst of the next request. That
 * it has read it nobody can tell, since kernels take megabytes; but who
 * answers early, or refuses a long body, probably has not.
 */
static bool body_may_be_unread(const struct exchange *x)
{
	return x->attempt.came_early ||
	       (x->record.status >= 300 && x->back->out_octets > BODY_AT_ONCE);
}

/* Nothing is under way to the target any more, as far as is known here. */
static bool target_is_clean(const struct exchange *x)
{
	return !x->record.is_cut && !x->record.reason && x->front->in_done &&
	       !body_may_be_unread(x);
}

enum next finish_step(struct exchange *x)
{
	struct stream *front = x->front;
	struct record *r = &x->record;

	r->done_ms = clock_now_ms();
	front->ops->octets(front, &r->octets_in, &r->octets_out);
	if (x->held)
		limits_look_at_body(x);
	count_end(x);
	if (r->is_cut && front->ops->reset_code && !r->target_error)
		r->elb_error = (uint8_t)front->ops->reset_code(
			front, (enum reason)r->reason);
	if (__builtin_expect(x->log != NULL, 0))
		access_log_end(x);
	if (!x->tunnel && r->head_ms)
		note_times(x);
	if (x->back)
		exch_give_upstream_back(x, target_is_clean(x));
	if (x->tunnel ? x->tunnel->reset : r->is_cut)
		front->ops->reset(front, (enum reason)r->reason);
	else
		front->ops->finish(front, true);
	return NEXT_DONE;
}
