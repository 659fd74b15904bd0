#include "access_log.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/journal.h"
#include "model/sent.h"
#include "model/trust.h"
#include "proxy/client.h"
#include "proxy/core.h"
#include "proxy/edits.h"
#include "tls/identity.h"
#include "tls/tls_filter.h"

/* -- texts that are kept --------------------------------------------------- */

static struct slice *noted(struct exchange *x)
{
	return x->worker->scratch.noted;
}

static struct slice value_of(const struct http_head *head, enum name name)
{
	const struct field *f = head_find(head, name);

	return f ? f->value : SLICE("");
}

void access_log_note(struct exchange *x, const struct http_head *head)
{
	struct slice *texts = noted(x);
	const struct field *agent;

	memset(texts, 0, ACCESS_KEPT * sizeof(*texts));
	if (head->method.n == 0)
		return;
	texts[ACCESS_METHOD] = head->method;
	texts[ACCESS_TARGET_URI] = head->target;
	texts[ACCESS_HOST] = value_of(head, NAME_HOST);
	agent = head_find_text(head, SLICE("user-agent"));
	if (agent)
		texts[ACCESS_USER_AGENT] =
			slice_first(agent->value, ACCESS_USER_AGENT_MAX);
	x->noted.version = head->version;
}

void access_log_note_served(struct exchange *x, const struct http_head *head)
{
	const struct load_balancer *lb = x->listener->balancer;
	struct addr peer = client_peer(x->client);
	char *room = x->worker->scratch.client_address;
	struct slice *texts = noted(x);

	texts[ACCESS_TRACE_ID] = edits_trace_id(x->worker, head);
	if (lb->trusted)
		texts[ACCESS_CLIENT_ADDRESS] = slice_make(
			room, trust_client_address(lb, head, &peer, room));
}

void access_log_note_sent(struct exchange *x, const struct decision *decision,
			  const struct sent *sent)
{
	struct slice *texts = noted(x);

	if (sent->status != TRANSFORM_SUCCESS)
		return;
	if (!slice_eq(sent->host, host_without_last_dot(decision->host)))
		texts[ACCESS_TRANSFORMED_HOST] = sent->host;
	if (!slice_eq(sent->target, decision->uri.rest))
		texts[ACCESS_TRANSFORMED_URI] = sent->target;
}

void access_log_note_location(struct exchange *x, struct slice location)
{
	noted(x)[ACCESS_REDIRECT_URL] = location;
}

void access_log_keep(struct exchange *x)
{
	const struct slice *texts = noted(x);
	struct noted *noted = &x->noted;
	size_t n = 0;
	char *at;

	for (size_t i = 0; i < ACCESS_KEPT; i++)
		n += texts[i].n;
	at = n ? piece_claim(n) : NULL;
	if (!at)
		return; /* the line will have no more than numbers */
	for (size_t i = 0; i < ACCESS_KEPT; i++) {
		if (texts[i].n)
			memcpy(at, texts[i].p, texts[i].n);
		at += texts[i].n;
		noted->n[i] = (uint16_t)texts[i].n;
	}
	noted->text = piece_take(n);
}

void access_log_shed(struct exchange *x)
{
	struct slice all = slice_make(x->noted.text.p, x->noted.text.n);

	if (!x->noted.is_alone && all.n)
		x->noted.is_alone = piece_shed(&x->noted.text, &all);
}

static void take_noted(const struct noted *noted, struct slice *texts)
{
	const char *at = noted->text.p;

	for (size_t i = 0; i < ACCESS_KEPT; i++) {
		texts[i] = slice_make(at, noted->n[i]);
		at += noted->n[i];
	}
}

/* -- facts ----------------------------------------------------------------- */

static void tell_client(const struct exchange *x, struct access_facts *f)
{
	struct addr peer = client_peer(x->client);
	const struct client_told *told = client_told(x->client);

	f->text[ACCESS_CLIENT] = told->client;
	f->text[ACCESS_SERVER] = told->server;
	f->client_port = addr_port(&peer);
	f->text[ACCESS_CONNECTION] = told->id;
}

static void tell_tls(const struct exchange *x, struct access_facts *f)
{
	const struct filter *tls = x->client->conn.filter;
	const struct tls_label *label;

	if (!tls)
		return;
	label = tls_filter_label(tls);
	f->text[ACCESS_TLS_PROTOCOL] = slice_of(tls_filter_version(tls));
	f->text[ACCESS_TLS_CIPHER] = slice_of(tls_filter_cipher(tls));
	if (tls_filter_sni_matched(tls))
		f->text[ACCESS_SERVER_NAME] = tls_filter_server_name(tls);
	f->is_resumed = tls_filter_resumed(tls);
	if (!label)
		return;
	f->text[ACCESS_CERTIFICATE] = slice_of(label->file);
	f->text[ACCESS_CERTIFICATE_ID] =
		slice_make(label->id, CERTIFICATE_ID_OCTETS);
}

static void tell_configuration(const struct exchange *x, struct access_facts *f)
{
	const struct load_balancer *lb = x->listener->balancer;
	const struct settings *settings = &x->view->snap->settings;
	const struct rule *rule = x->record.rule;

	f->text[ACCESS_BALANCER] = lb->name;
	f->text[ACCESS_RESOURCE] = lb->resource;
	f->text[ACCESS_DNS_NAME] = lb->dns_name;
	f->text[ACCESS_REGION] = settings->region;
	f->text[ACCESS_ACCOUNT] = settings->account_id;
	f->generation = x->view->snap->generation;
	f->is_https = x->listener->protocol == PROTOCOL_HTTPS;
	if (x->group) {
		f->text[ACCESS_GROUP] = x->group->name;
		f->text[ACCESS_GROUP_ARN] = x->group->arn;
		f->forwards = true;
	}
	if (!rule)
		return;
	f->rule = x->record.reason == REASON_PATTERN_GAVE_UP ? RULE_FAILED
							     : RULE_MET;
	f->priority = rule->priority;
	f->text[ACCESS_PLACE] = slice_of(rule->place.file);
	f->place_line = rule->place.line;
}

static enum access_sticky sticky_of(const struct exchange *x)
{
	const struct record *r = &x->record;
	const struct target_state *last;

	if (!x->group || !x->group->stickiness.enabled)
		return STICKY_NONE;
	if (!x->asked.came_sticky)
		return STICKY_NEW;
	last = r->n_tries ? r->tries[r->n_tries - 1].target : NULL;
	return x->asked.has_sticky && last &&
			       last->identity == x->asked.sticky_identity
		       ? STICKY_KEPT
		       : STICKY_MOVED;
}

/* Times 6 to 8. A target that closes instead of answering is as if it had not
 * been asked. */
static void tell_times(const struct record *r, struct access_facts *f)
{
	const struct try *last = r->n_tries ? &r->tries[r->n_tries - 1] : NULL;
	bool left = last && (last->reason == REASON_TARGET_CLOSED ||
			     last->reason == REASON_DEREGISTERED);

	f->request_ms = f->target_ms = f->response_ms = f->connect_ms = -1;
	if (!r->connected_ms)
		return;
	if (r->connecting_ms)
		f->connect_ms = (int64_t)(r->connected_ms - r->connecting_ms);
	if (left && !r->target_status)
		return;
	f->request_ms = (int64_t)(r->connected_ms - r->began_ms);
	if (r->answered_ms)
		f->target_ms = (int64_t)(r->answered_ms - r->connected_ms);
	if (r->target_status)
		f->response_ms = (int64_t)(r->replied_ms - r->answered_ms);
}

/* What is known once it is over; the rest may have been told long before. */
static void tell_end(const struct exchange *x, struct access_facts *f)
{
	const struct record *r = &x->record;
	enum reason reason = (enum reason)r->reason;

	f->ended_us = clock_wall_us();
	f->total_ms = (int64_t)(r->done_ms - r->began_ms);
	f->created_us = f->ended_us - (uint64_t)f->total_ms * 1000;
	f->received = r->octets_in;
	f->sent = r->octets_out;
	f->reason = r->reason;
	f->status = r->status ? r->status : (uint16_t)reason_status(reason);
}

static void tell(const struct exchange *x, struct access_facts *f)
{
	const struct record *r = &x->record;

	memset(f, 0, sizeof(*f));
	take_noted(&x->noted, f->text);
	tell_configuration(x, f);
	tell_client(x, f);
	tell_tls(x, f);
	tell_times(r, f);
	if (r->n_tries)
		f->text[ACCESS_TARGET] =
			slice_of(r->tries[r->n_tries - 1].target->name);
	f->port = r->port;
	f->version = x->noted.version;
	f->is_grpc = r->is_grpc;
	f->stream = x->front->number;
	f->target_error = r->target_error;
	f->elb_error = r->elb_error;
	f->target_status = r->target_status;
	f->tries = r->n_targets;
	f->actions = r->actions;
	f->transform = r->transform;
	f->error_reason = r->error_reason;
	f->text[ACCESS_LIMITED] = r->limited;
	f->desync = r->desync;
	f->sticky = (uint8_t)sticky_of(x);
}

/* -- lines ----------------------------------------------------------------- */

static void put(struct exchange *x, const struct access_facts *f)
{
	struct worker *w = x->worker;
	struct writer out = writer_make(journal_room(w->pen), JOURNAL_LINE_MAX);

	if (x->log->form == LOG_FORM_JSON)
		access_line_json(&out, f);
	else
		access_line_alb(&out, f);
	worker_put_line(w, x->log->journal, &out);
}

void access_log_end(struct exchange *x)
{
	struct access_facts facts;

	if (x->tunnel) {
		tell_end(x, x->tunnel->facts);
		put(x, x->tunnel->facts);
		return;
	}
	tell(x, &facts);
	tell_end(x, &facts);
	put(x, &facts);
}

bool access_log_tunnel(struct exchange *x)
{
	struct tunnel *t = x->tunnel;
	struct access_facts facts;

	tell(x, &facts);
	facts.is_tunnel = true;
	t->facts = access_facts_copy(&facts);
	if (!t->facts)
		return false;
	t->log = *x->log;
	journal_ref(t->log.journal);
	x->log = &t->log;
	piece_release(&x->noted.text);
	return true;
}

void access_log_release_tunnel(struct exchange *x)
{
	if (!x->tunnel->facts)
		return;
	journal_unref(x->tunnel->log.journal);
	free(x->tunnel->facts);
}
