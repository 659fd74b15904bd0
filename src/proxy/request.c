/*
 * request.c - from the octets of a request to the rule that it meets and the
 * text that its target is sent.
 *
 * All of it happens in one step: heads live in the worker's scratch, and what
 * outlasts the step is the text alone.
 *
 * Floor: proxy.
 */
#include "balance/sticky.h"
#include "base/clock.h"
#include "base/fail.h"
#include "http/desync.h"
#include "proxy/reply.h"
#include "proxy/rewrite.h"
#include "proxy/steps.h"
#include "stream/h1_stream.h"
#include "tls/tls_filter.h"

static void note_client(struct exchange *x, const struct http_head *head)
{
	x->method = head->method_id;
	x->http_1_0 = head->version < HTTP_1_1;
	x->keep = x->http_1_0 ? head_has_token(head, NAME_CONNECTION,
					       SLICE("keep-alive"))
			      : !head_has(head, NAME_CONNECTION) ||
					!head_has_token(head, NAME_CONNECTION,
							SLICE("close"));
	/* As ALB: WebSockets, and nothing else. */
	x->wants_upgrade =
		head_has(head, NAME_UPGRADE) && !x->http_1_0 &&
		head->method_id == METHOD_GET &&
		head_has_token(head, NAME_CONNECTION, SLICE("upgrade")) &&
		head_has_token(head, NAME_UPGRADE, SLICE("websocket"));
}

/* Whether the request may pass at all; sets how its body is framed. */
static enum reason judge(struct exchange *x, struct http_head *head)
{
	struct framing framing;
	int status;

	switch (desync_judge(head, x->listener->balancer->desync, &x->desync)) {
	case DESYNC_PASS:
		break;
	case DESYNC_PASS_AND_CLOSE:
		x->doubtful = true;
		break;
	case DESYNC_REFUSE:
		count(x->worker, COUNT_DESYNC);
		return REASON_DESYNC;
	}
	if (x->desync.class != DESYNC_COMPLIANT)
		count(x->worker, COUNT_DESYNC);
	status = framing_of_request(head, &framing);
	if (status)
		return status == 501 ? REASON_TRANSFER_CODING
				     : REASON_BAD_FRAMING;
	x->doubtful |= framing.doubtful;
	stream_expect_body(&x->front, &framing);
	if (head->method_id == METHOD_TRACE ||
	    head->method_id == METHOD_CONNECT)
		return REASON_METHOD;
	return REASON_NONE;
}

/* The body that was announced with Expect may come (RFC 9110 10.1.1); ALB
 * says so at once. Only a request of 1.1 can ask. */
static void invite_body(struct exchange *x, const struct http_head *head)
{
	if (!head_has(head, NAME_EXPECT) || x->http_1_0 || x->front.in_done ||
	    !head_has_token(head, NAME_EXPECT, SLICE("100-continue")))
		return;
	chain_copy(&x->front.conn->out, SLICE("HTTP/1.1 100 Continue\r\n\r\n"));
	conn_dirty(x->front.conn);
}

static void count_notes(struct worker *w, const struct rewrite_notes *notes)
{
	if (notes->dropped_invalid)
		count(w, COUNT_INVALID_FIELD_DROPPED);
	if (notes->passed_invalid)
		count(w, COUNT_INVALID_FIELD_PASSED);
}

/* Host stands first in the text, without its port for TLS. */
static struct slice name_of_host(struct slice host)
{
	size_t end = host.n && host.p[0] == '[' ? slice_find(host, ']') + 1
						: slice_find(host, ':');

	return slice_first(host, end);
}

static enum reason write_request(struct exchange *x, struct http_head *head,
				 const struct decision *decision)
{
	struct worker *w = x->worker;
	const struct filter *tls = x->client->conn.filter;
	struct addr peer = client_peer(x->client);
	struct rewrite_notes notes = {false, false};
	struct request_facts facts = {
		.listener = x->listener,
		.decision = decision,
		.peer = &peer,
		.framing = &x->front.in,
		.upgrade = x->wants_upgrade,
		.tls_version = tls ? tls_filter_version(tls) : NULL,
		.tls_cipher = tls ? tls_filter_cipher(tls) : NULL,
		.random = {worker_random(w), worker_random(w)},
		.now_s = clock_wall_s(),
	};
	struct http_head out;
	enum reason reason =
		rewrite_request(head, &facts, &w->scratch, &out, &notes);
	struct slice line;

	count_notes(w, &notes);
	if (reason)
		return reason;
	x->request = h1_head_text(&out, SLICE(""));
	if (!x->request.chunk)
		return REASON_OVERLOADED;
	line = slice_make(x->request.p, x->request.n);
	x->line = slice_first(line, slice_find(line, '\r'));
	line = slice_from(line, x->line.n + 2 + sizeof("Host: ") - 1);
	x->server_name =
		name_of_host(slice_first(line, slice_find(line, '\r')));
	return REASON_NONE;
}

static enum next forward(struct exchange *x, struct http_head *head,
			 const struct decision *decision)
{
	const struct forward *forward = &decision->rule->action.forward;
	struct worker *w = x->worker;
	enum reason reason;
	bool came = false;

	x->group = pick_group(forward, &w->group_turn);
	if (!x->group)
		return exch_answer(x, REASON_NO_TARGET);
	reason = write_request(x, head, decision);
	if (reason)
		return exch_answer(x, reason);
	if (x->group->stickiness.enabled && w->sealer)
		x->has_sticky = sticky_of_head(w->sealer, x->group, head,
					       clock_wall_s(),
					       &x->sticky_identity, &came);
	x->came_sticky = came;
	invite_body(x, head);
	return exch_enter(x, EXCH_ROUTE);
}

/* What is left of a body that nobody wants may be read and dropped, if it is
 * short; else the connection ends after the answer. */
enum { DISCARD_MAX = 64 * 1024 };

static bool may_keep(const struct exchange *x, const struct http_head *head)
{
	if (!x->keep || x->doubtful || client_must_close(x->client))
		return false;
	if (x->front.in_done)
		return true;
	/* Who asks first will not send what was not invited. */
	return x->front.in.kind == FRAMING_LENGTH &&
	       x->front.in_left <= DISCARD_MAX && !head_has(head, NAME_EXPECT);
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
	size_t n = redirect_location(redirect, &facts, scratch->text,
				     REDIRECT_LOCATION_MAX);

	if (n == 0)
		return exch_answer(x, REASON_REDIRECT_TOO_LONG);
	x->keep = may_keep(x, head);
	x->reason = REASON_REDIRECT;
	count(x->worker, COUNT_REDIRECTS);
	if (!reply_redirect(x, redirect->status, slice_make(scratch->text, n),
			    x->keep))
		return exch_give_up(x, REASON_OVERLOADED);
	return exch_enter(x, EXCH_REPLY);
}

static enum next fixed_response(struct exchange *x,
				const struct http_head *head,
				const struct decision *decision)
{
	x->keep = may_keep(x, head);
	x->reason = REASON_FIXED_RESPONSE;
	count(x->worker, COUNT_FIXED_RESPONSES);
	if (!reply_fixed(x, &decision->rule->action.fixed, x->keep))
		return exch_give_up(x, REASON_OVERLOADED);
	return exch_enter(x, EXCH_REPLY);
}

static enum next act(struct exchange *x, struct http_head *head)
{
	struct decision decision =
		route_decide(x->listener, head, &x->worker->scratch.route);

	x->rule = decision.rule;
	if (decision.reason)
		return exch_answer(x, decision.reason);
	switch (x->rule->action.kind) {
	case ACTION_FORWARD:
		return forward(x, head, &decision);
	case ACTION_REDIRECT:
		return redirect(x, head, &decision);
	case ACTION_FIXED_RESPONSE:
		return fixed_response(x, head, &decision);
	}
	BUG("action %d", (int)x->rule->action.kind);
}

/* Until it is whole, the head must come within one idle timeout of its first
 * octet, so that a client that trickles is cut. */
static enum next wait_for_head(struct exchange *x)
{
	if (!x->waits_head)
		conn_deadline(x->front.conn,
			      x->listener->balancer->idle_timeout_ms);
	x->waits_head = true;
	return NEXT_WAIT;
}

/* The record that TLS begins with (RFC 8446 5.1), as far as it has come, on a
 * port without TLS. No request begins like that. */
static bool is_client_hello(const struct conn *c)
{
	struct slice in = chain_front(&c->in);

	return !c->filter && in.n > 0 && in.p[0] == 0x16 &&
	       (in.n == 1 || in.p[1] == 3);
}

/* Why no head could be read: the wrong port, if it was that. */
static enum reason reason_of_port(const struct exchange *x,
				  enum reason otherwise)
{
	if (x->client->is_plain)
		return REASON_HTTP_TO_TLS;
	return is_client_hello(x->front.conn) ? REASON_TLS_TO_HTTP : otherwise;
}

enum next request_step(struct exchange *x)
{
	struct http_head head = {
		.fields = x->worker->scratch.in_fields,
		.max_fields = HEAD_FIELDS_MAX,
	};
	enum reason why;
	enum next next;

	switch (x->front.ops->read_head(&x->front, &head, &why)) {
	case IO_DONE:
		break;
	case IO_AGAIN:
		if (is_client_hello(x->front.conn))
			return exch_answer(x, REASON_TLS_TO_HTTP);
		return wait_for_head(x);
	case IO_CLOSED:
		return exch_give_up(x, REASON_CLIENT_GONE);
	case IO_FAILED:
		x->front.in_done = false; /* nobody knows what follows */
		if (why)
			why = reason_of_port(x, why);
		return why ? exch_answer(x, why)
			   : exch_give_up(x,
					  exch_reason_of(x->front.conn,
							 REASON_CLIENT_GONE));
	}
	if (x->waits_head)
		conn_idle_deadline(x->front.conn,
				   x->listener->balancer->idle_timeout_ms);
	note_client(x, &head);
	why = x->client->is_plain ? REASON_HTTP_TO_TLS : judge(x, &head);
	next = why ? exch_answer(x, why) : act(x, &head);
	x->front.ops->drop_head(&x->front, &head);
	return next;
}
