/*
 * request.c - from the octets of a request to the rule that it meets and the
 * text that its target is sent.
 *
 * All of it happens in one step: heads live in the worker's scratch, and what
 * outlasts the step is the text alone.
 *
 * Floor: proxy.
 */
#include <stdlib.h>

#include "balance/hash_key.h"
#include "balance/sticky.h"
#include "balance/sticky_app.h"
#include "base/clock.h"
#include "base/fail.h"
#include "http/admit.h"
#include "model/trust.h"
#include "proxy/access_log.h"
#include "proxy/client.h"
#include "proxy/edits.h"
#include "proxy/errors.h"
#include "proxy/gate.h"
#include "proxy/limits.h"
#include "proxy/pages.h"
#include "proxy/reply.h"
#include "proxy/rewrite.h"
#include "proxy/steps.h"

static void count_notes(const struct exchange *x,
			const struct rewrite_notes *notes)
{
	struct worker *w = x->worker;

	if (notes->dropped_invalid)
		count_listener(w, x->counted, COUNT_INVALID_FIELD_DROPPED);
	if (notes->passed_invalid)
		count_listener(w, x->counted, COUNT_INVALID_FIELD_PASSED);
}

static enum reason write_request(struct exchange *x,
				 const struct http_head *head,
				 const struct decision *decision,
				 const struct sent *sent,
				 const struct places *places)
{
	const struct field_edits *edits = x->record.rule->request_edits;
	bool has_places = edits && edits->holes;
	struct worker *w = x->worker;
	const struct addr *peer = decision->in.peer;
	struct rewrite_notes notes = {false, false};
	struct request_facts facts = {
		.listener = x->listener,
		.decision = decision,
		.sent = sent,
		.peer = peer,
		.stranger = x->listener->balancer->trusted &&
			    !trust_peer(x->listener->balancer, peer),
		.edits = edits,
		.tls_version = client_tls_version(x->client),
		.tls_cipher = client_tls_cipher(x->client),
		.client = client_certificate(x->client),
		.random = {worker_random(w), worker_random(w)},
		.now_s = clock_wall_s(),
	};
	struct http_head out;
	enum reason reason;

	if (has_places)
		facts.places = places->values;
	facts.trace_id = w->scratch.trace;
	reason = rewrite_request(head, &facts, &w->scratch, &out, &notes);
	out.secure = x->group->protocol == PROTOCOL_HTTPS;
	count_notes(x, &notes);
	if (reason)
		return reason;
	if (!upstream_ops(x->group)->prepare(&out, &x->front->in,
					     &x->asked.request))
		return REASON_OVERLOADED;
	x->record.line = x->asked.request.line;
	return REASON_NONE;
}

/* The one that the client is kept at, else the one whose turn it is; NULL: none
 * has any weight. */
static const struct target_group *choose_group(struct exchange *x,
					       const struct http_head *head,
					       const struct forward *forward)
{
	struct sealer *sealer = x->worker->sealer;
	const struct target_group *group = NULL;

	if (forward->stickiness.enabled && sealer)
		group = sticky_group_of_head(sealer, forward, head,
					     clock_wall_s());
	if (group)
		return group;
	if (x->log && forward->stickiness.enabled && sealer &&
	    sticky_group_is_broken(sealer, head))
		x->record.error_reason = "AWSALBTGCookieInvalid";
	return view_share(x->view, forward);
}

/* False: one of its transforms failed. */
static bool transform(struct exchange *x, const struct decision *decision,
		      struct sent *sent)
{
	sent_make(decision, &x->worker->scratch.route, sent);
	x->record.transform = (uint8_t)sent->status;
	if (transform_failed(sent->status))
		return false;
	if (sent->status == TRANSFORM_SUCCESS)
		x->record.actions |= ACTED_REWRITE;
	if (x->log)
		access_log_note_sent(x, decision, sent);
	return true;
}

/* Whether the cookies lead to a target; *came: whether any came. */
static bool read_session(struct exchange *x, const struct http_head *head,
			 bool *came)
{
	struct sealer *sealer = x->worker->sealer;
	struct asked *asked = &x->asked;

	if (x->group->stickiness.type != STICKY_APP_COOKIE)
		return sticky_of_head(sealer, x->group, head, clock_wall_s(),
				      &asked->sticky_identity, came);
	asked->app = malloc(sizeof(*asked->app));
	return asked->app &&
	       app_sticky_of_head(sealer, x->group, head, clock_wall_s(),
				  asked->app, &asked->sticky_identity, came);
}

static enum next forward(struct exchange *x, const struct http_head *head,
			 const struct decision *decision)
{
	struct worker *w = x->worker;
	struct places places;
	struct sent sent;
	enum reason reason;
	bool came = false;

	x->group = choose_group(x, head, &decision->rule->action.forward);
	if (x->group)
		x->record.group = x->group->name;
	reason = edits_prepare(x, head, decision, &places);
	if (reason)
		return exch_answer(x, reason);
	if (!x->group)
		return exch_answer(x, REASON_NO_TARGET);
	if (!group_speaks(x->group, head, x->record.is_grpc))
		return exch_answer(x, REASON_PROTOCOL_MISMATCH);
	if (!transform(x, decision, &sent))
		return exch_answer(x, REASON_TRANSFORM_FAILED);
	x->record.actions |= ACTED_FORWARD;
	reason = write_request(x, head, decision, &sent, &places);
	if (reason)
		return exch_answer(x, reason);
	if (x->group->stickiness.enabled && w->sealer)
		x->asked.has_sticky = read_session(x, head, &came);
	x->asked.came_sticky = came;
	if (x->group->algorithm == ALGORITHM_HASH)
		x->asked.has_hash = hash_key_of(&x->group->hash_key,
						&decision->in, &x->asked.hash);
	/* ALB says so at once. */
	if (!x->front->ops->invite(x->front))
		return exch_answer(x, REASON_OVERLOADED);
	return exch_enter(x, EXCH_ROUTE);
}

/* What is left of a body that nobody wants may be read and dropped, if it is
 * short; else the connection ends after the answer. */
enum { DISCARD_MAX = 64 * 1024 };

static bool is_last(const struct exchange *x)
{
	const struct stream *front = x->front;

	if (client_must_close(x->client))
		return true;
	if (front->in_done)
		return false;
	/* Who asks first will not send what was not invited. */
	return front->in.kind != BODY_LENGTH || front->asks ||
	       stream_in_left(front) > DISCARD_MAX;
}

static enum next redirect(struct exchange *x, const struct http_head *head,
			  const struct decision *decision)
{
	const struct redirect *redirect = &decision->rule->action.redirect;
	struct scratch *scratch = &x->worker->scratch;
	struct route_facts facts = {
		.protocol = x->listener->protocol == PROTOCOL_HTTPS
				    ? SLICE("https")
				    : SLICE("http"),
		.host = decision->host,
		.port = x->listener->port,
		.path = decision->uri.path,
		.query = decision->uri.query,
	};
	struct places places;
	enum reason reason = edits_prepare(x, head, decision, &places);
	size_t n;

	if (reason)
		return exch_answer(x, reason);
	n = redirect_location(redirect, &facts, scratch->text,
			      REDIRECT_LOCATION_MAX);
	if (n == 0)
		return exch_answer(x, REASON_REDIRECT_TOO_LONG);
	x->record.reason = REASON_REDIRECT;
	x->record.actions = ACTED_REDIRECT;
	if (x->log)
		access_log_note_location(x, slice_make(scratch->text, n));
	count_listener(x->worker, x->counted, COUNT_REDIRECTS);
	if (!reply_redirect(x, redirect->status, slice_make(scratch->text, n),
			    is_last(x)))
		return exch_give_up(x, REASON_OVERLOADED);
	return exch_enter(x, EXCH_REPLY);
}

static enum next fixed_response(struct exchange *x,
				const struct http_head *head,
				const struct decision *decision)
{
	struct places places;
	enum reason reason = edits_prepare(x, head, decision, &places);

	if (reason)
		return exch_answer(x, reason);
	x->record.reason = REASON_FIXED_RESPONSE;
	x->record.actions = ACTED_FIXED_RESPONSE;
	count_listener(x->worker, x->counted, COUNT_FIXED_RESPONSES);
	if (!reply_fixed(x, &decision->rule->action.fixed, is_last(x)))
		return exch_give_up(x, REASON_OVERLOADED);
	return exch_enter(x, EXCH_REPLY);
}

static enum next follow_rule(struct exchange *x, const struct http_head *head)
{
	struct addr peer = client_peer(x->client);
	struct decision decision = route_decide(x->listener, head, &peer,
						&x->worker->scratch.route);
	enum reason reason;

	x->record.rule = decision.rule;
	if (decision.rule)
		tally_add(&decision.rule->counts->tally[x->worker->number]
				   .requests,
			  1);
	if (decision.reason)
		return exch_answer(x, decision.reason);
	if (decision.rule->limits.n) {
		reason = limits_ask(x, head, &decision.rule->limits);
		if (reason)
			return exch_answer(x, reason);
	}
	switch (decision.rule->action.kind) {
	case ACTION_FORWARD:
		return forward(x, head, &decision);
	case ACTION_REDIRECT:
		return redirect(x, head, &decision);
	case ACTION_FIXED_RESPONSE:
		return fixed_response(x, head, &decision);
	}
	BUG("action %d", (int)decision.rule->action.kind);
}

/* NEXT_WAIT: it is no challenge. Apart, since its room is not for everybody's
 * stack. */
static enum next __attribute__((noinline))
answer_challenge(struct exchange *x, const struct http_head *head)
{
	char text[CHALLENGE_MAX];
	struct fixed_response fixed = {
		.status = 200,
		.content_type = SLICE("text/plain"),
	};
	size_t n;

	if (!gate_challenge(x, head, text, &n))
		return NEXT_WAIT;
	fixed.body = slice_make(text, n);
	x->record.reason = REASON_ACME_CHALLENGE;
	if (!reply_fixed(x, &fixed, is_last(x)))
		return exch_give_up(x, REASON_OVERLOADED);
	return exch_enter(x, EXCH_REPLY);
}

static enum next pass_gate(struct exchange *x, const struct http_head *head)
{
	enum reason reason;

	if (x->view->snap->page_holes)
		pages_note(x, head);
	if (x->listener->acme_challenges.n &&
	    answer_challenge(x, head) != NEXT_WAIT)
		return NEXT_GO;
	reason = gate_ask(x, head);
	return reason ? exch_answer(x, reason) : follow_rule(x, head);
}

static enum next act(struct exchange *x, const struct http_head *head)
{
	return x->listener->is_gated || gate_maintenance(x)
		       ? pass_gate(x, head)
		       : follow_rule(x, head);
}

/* Until it is whole, the head must come within one idle timeout of its first
 * octet, so that a client that trickles is cut. */
static enum next wait_for_head(struct exchange *x)
{
	if (!x->deadline.at_ms)
		exch_wait(x, x->listener->balancer->idle_timeout_ms);
	return NEXT_WAIT;
}

static void count_version(struct exchange *x, unsigned version)
{
	enum listener_counter c = COUNT_REQUESTS_1_1;

	if (version == HTTP_1_0)
		c = COUNT_REQUESTS_1_0;
	else if (version == HTTP_2)
		c = COUNT_REQUESTS_2;
	count_listener(x->worker, x->counted, c);
}

static void count_desync(struct exchange *x, unsigned class)
{
	static const enum listener_counter cells[] = {
		[DESYNC_ACCEPTABLE] = COUNT_DESYNC_ACCEPTABLE,
		[DESYNC_AMBIGUOUS] = COUNT_DESYNC_AMBIGUOUS,
		[DESYNC_SEVERE] = COUNT_DESYNC_SEVERE,
	};

	count_listener(x->worker, x->counted, COUNT_DESYNC);
	count_listener(x->worker, x->counted, cells[class]);
}

/* What is known of it, even if it is refused. */
static void note_request(struct exchange *x, const struct http_head *head)
{
	x->record.head_ms = clock_now_ms();
	x->record.method = x->asked.method = head->method_id;
	x->record.desync = x->front->desync;
	if (x->front->desync.class != DESYNC_COMPLIANT)
		count_desync(x, x->front->desync.class);
	x->asked.wants_upgrade = head->protocol.n > 0;
	x->worker->scratch.trace = SLICE("");
	if (__builtin_expect(x->log != NULL, 0))
		access_log_note(x, head);
	x->record.is_grpc = head->version == HTTP_2 && http_is_grpc(head);
}

static enum next refuse(struct exchange *x, enum reason why)
{
	enum stream_error error = (enum stream_error)x->front->error;

	return why ? exch_answer(x, why)
		   : exch_give_up(x, exch_reason_of(error, REASON_CLIENT_GONE));
}

static enum next serve(struct exchange *x, const struct http_head *head)
{
	if (__builtin_expect(x->log != NULL, 0))
		access_log_note_served(x, head);
	return http_is_served(head) ? act(x, head)
				    : exch_answer(x, REASON_METHOD);
}

enum next request_step(struct exchange *x)
{
	struct http_head head = {
		.fields = x->worker->scratch.in_fields,
		.max_fields = HEAD_FIELDS_MAX,
	};
	struct stream *front = x->front;
	enum reason why;
	enum next next;

	switch (front->ops->read_head(front, &head, &why)) {
	case IO_DONE:
		break;
	case IO_AGAIN:
		return wait_for_head(x);
	case IO_CLOSED:
		return exch_give_up(x, REASON_CLIENT_GONE);
	case IO_FAILED:
		note_request(x, &head);
		next = refuse(x, why);
		if (x->log)
			access_log_keep(x);
		errors_note(x, &head);
		if (head.method.n)
			front->ops->drop_head(front, &head);
		return next;
	}
	exch_wait(x, 0);
	note_request(x, &head);
	count_version(x, head.version);
	next = serve(x, &head);
	if (x->log)
		access_log_keep(x);
	if (__builtin_expect(x->record.reason, 0))
		errors_note(x, &head);
	front->ops->drop_head(front, &head);
	return next;
}
