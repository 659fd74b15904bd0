/*
 * finish.c - the end of an exchange: counted, told, connections given back.
 *
 * Floor: proxy.
 */
#include "proxy/steps.h"

static void log_reason(struct exchange *x)
{
	const struct tunnel *t = x->tunnel;
	enum reason reason = x->reason;
	enum log_level level = reason_is_clients(reason) ? LOG_INFO
							 : LOG_WARNING;
	char peer[ADDR_TEXT_MAX];
	struct addr a = client_peer(x->client);
	struct log_line l;

	tally_add(&x->worker->reasons[reason], 1);
	if (reason_is_action(reason))
		level = LOG_DEBUG;
	if (!worker_log(x->worker, &l, level,
			x->answered && !x->cut ? "answered a request"
					       : "ended a request"))
		return;
	log_str(&l, "reason", reason_token(reason));
	log_num(&l, "status", x->status ? x->status : reason_status(reason));
	log_slice(&l, "listener",
		  t ? t->listener : x->listener->balancer->name);
	log_num(&l, "port", t ? t->port : x->listener->port);
	log_slice(&l, "client", slice_make(peer, addr_format(&a, peer)));
	if (reason == REASON_PATTERN_GAVE_UP)
		log_num(&l, "rule", x->rule->priority);
	if (x->line.n)
		log_slice(&l, "request", slice_first(x->line, 256));
	if (t || x->group)
		log_slice(&l, "target_group", t ? t->group : x->group->name);
	if (x->target)
		log_str(&l, "target", x->target->name);
	if (x->tries)
		log_num(&l, "tries", x->tries);
	if (x->desync.class != DESYNC_COMPLIANT) {
		log_str(&l, "classification",
			desync_class_text(x->desync.class));
		log_str(&l, "classification_reason",
			desync_reason_text(x->desync.reason));
	}
	log_end(&l);
}

static void count_end(struct exchange *x)
{
	struct worker *w = x->worker;

	count(w, COUNT_REQUESTS_ENDED);
	exch_leave_target(x);
	if (!x->reason)
		return;
	log_reason(x);
	/* What was cut short was the target's answer, and is counted. */
	if (x->answered && x->cut)
		return;
	switch ((x->status ? x->status : (unsigned)reason_status(x->reason)) /
		100) {
	case 3:
		count(w, COUNT_ELB_3XX);
		break;
	case 4:
		count(w, COUNT_ELB_4XX);
		break;
	case 5:
		count(w, COUNT_ELB_5XX);
		break;
	}
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
	return x->came_early ||
	       (x->status >= 300 && x->back.out_octets > BODY_AT_ONCE);
}

/* Nothing is under way on the target's connection any more. */
static bool target_is_clean(const struct exchange *x)
{
	return !x->cut && !x->reason && x->back.in_done && x->back.out_done &&
	       x->front.in_done && !x->target_closes &&
	       !body_may_be_unread(x) && x->status != 101;
}

/* The end of the connection would be taken for the end of the body. */
static bool ends_like_its_end(const struct exchange *x)
{
	return x->answered && !x->front.out_done &&
	       x->front.out.kind == FRAMING_CLOSE;
}

enum next finish_step(struct exchange *x)
{
	struct client *c = x->client;

	count_end(x);
	exch_give_upstream_back(x, target_is_clean(x));
	if (x->cut)
		client_abort(c, x->reset || ends_like_its_end(x));
	else if (x->keep && x->front.in_done)
		client_done(c, CLIENT_KEEP);
	else
		client_done(c, x->front.in_done ? CLIENT_CLOSE : CLIENT_DROP);
	return NEXT_DONE;
}
