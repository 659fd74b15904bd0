#include "explain.h"

#include <stdlib.h>

#include "admin.h"
#include "base/fail.h"
#include "explain_parts.h"
#include "status.h"

/* -- the question ---------------------------------------------------------- */

static struct slice text_of(const json_t *o, const char *key,
			    const char *otherwise)
{
	const json_t *value = json_object_get(o, key);

	return json_is_string(value) ? slice_make(json_string_value(value),
						  json_string_length(value))
				     : slice_of(otherwise);
}

/* "headers": [[name, value], ...] */
static bool take_fields(struct explain *e, const json_t *headers)
{
	const json_t *one;
	size_t i;

	if (headers && !json_is_array(headers))
		return false;
	json_array_foreach (headers, i, one) {
		const json_t *name = json_array_get(one, 0);
		const json_t *value = json_array_get(one, 1);

		if (i == EXPLAIN_FIELDS_MAX || !json_is_string(name) ||
		    !json_is_string(value))
			return false;
		e->fields[e->inquiry.n_fields++] = (struct inquiry_field){
			slice_make(json_string_value(name),
				   json_string_length(name)),
			slice_trim(slice_make(json_string_value(value),
					      json_string_length(value)))};
	}
	return true;
}

static json_t *find_listener(struct explain *e)
{
	struct slice name = {0};
	unsigned n_found;

	if (json_object_get(e->request, "load_balancer")) {
		name = text_of(e->request, "load_balancer", "");
		if (!snapshot_find_balancer(e->snap, name))
			return admin_error("there is no load balancer \"%.*s\"",
					   SLICE_ARG(name));
	}
	e->listener =
		inquiry_listener(e->snap, name, &e->inquiry.url, &n_found);
	if (n_found == 0)
		return admin_error("no listener has protocol %s and port %u",
				   protocol_name(e->inquiry.url.protocol),
				   e->inquiry.url.port);
	if (n_found > 1)
		return admin_error("%u listeners have protocol %s and port %u: "
				   "name a load balancer",
				   n_found,
				   protocol_name(e->inquiry.url.protocol),
				   e->inquiry.url.port);
	return NULL;
}

/* Returns what is wrong, or NULL. */
static json_t *take_request(struct explain *e)
{
	struct slice url = text_of(e->request, "url", "");
	struct slice from = text_of(e->request, "from", "127.0.0.1");

	e->inquiry.method = text_of(e->request, "method", "GET");
	e->inquiry.fields = e->fields;
	if (!inquiry_split(url, &e->inquiry.url))
		return admin_error("\"%.*s\" is not the URL of a request, such "
				   "as http://example.com:8080/path?query",
				   SLICE_ARG(url));
	if (!addr_parse_ip(from, 0, &e->inquiry.peer))
		return admin_error("\"%.*s\" is not an address",
				   SLICE_ARG(from));
	if (!take_fields(e, json_object_get(e->request, "headers")))
		return admin_error("\"headers\" is a list of pairs of texts, "
				   "at most %d",
				   EXPLAIN_FIELDS_MAX);
	return find_listener(e);
}

struct explain *explain_new(struct snapshot *snap, json_t *request,
			    json_t **error)
{
	struct explain *e = xcalloc(1, sizeof(*e));

	e->snap = snapshot_ref(snap);
	e->request = json_incref(request);
	e->scratch.patterns = pattern_scratch_new();
	*error = e->scratch.patterns ? take_request(e)
				     : admin_error("memory is out");
	if (!*error &&
	    !inquiry_ask(&e->inquiry, e->listener, &e->scratch, &e->answer))
		*error = admin_error("no request can be written with these: "
				     "url without spaces, tokens as method and "
				     "names, no line ends");
	if (!*error)
		return e;
	explain_free(e);
	return NULL;
}

void explain_free(struct explain *e)
{
	if (!e)
		return;
	inquiry_release(&e->answer);
	pattern_scratch_free(e->scratch.patterns);
	json_decref(e->request);
	snapshot_unref((struct snapshot *)(uintptr_t)e->snap);
	free(e);
}

const struct forward *explain_forward(const struct explain *e)
{
	const struct rule *rule = e->answer.decision.rule;

	return e->answer.reason == REASON_NONE &&
			       rule->action.kind == ACTION_FORWARD
		       ? &rule->action.forward
		       : NULL;
}

/* -- the answer ------------------------------------------------------------ */

static json_t *request_json(const struct explain *e)
{
	const struct inquiry *q = &e->inquiry;
	json_t *headers = json_array();
	char peer[ADDR_TEXT_MAX];

	for (size_t i = 0; i < q->n_fields; i++)
		json_array_append_new(
			headers,
			json_pack("[o, o]", status_text(q->fields[i].name),
				  status_text(q->fields[i].value)));
	return json_pack(
		"{s:o, s:O, s:o, s:o}", "method", status_text(q->method), "url",
		json_object_get(e->request, "url"), "headers", headers, "from",
		status_text(slice_make(peer, addr_format_ip(&q->peer, peer))));
}

static json_t *listener_json(const struct listener *l)
{
	return json_pack("{s:o, s:i, s:s, s:o}", "load_balancer",
			 status_text(l->balancer->name), "port", (int)l->port,
			 "protocol", protocol_name(l->protocol), "place",
			 explain_place(&l->place));
}

static json_t *refusal_json(enum reason reason)
{
	return json_pack("{s:i, s:s}", "status", reason_status(reason),
			 "reason", reason_token(reason));
}

/* The answer of a rule's redirect; its address is made as a worker makes it. */
static json_t *redirect_json(const struct explain *e, const struct redirect *r)
{
	const struct decision *d = &e->answer.decision;
	const struct route_facts facts = {
		.protocol = e->listener->protocol == PROTOCOL_HTTPS
				    ? SLICE("https")
				    : SLICE("http"),
		.host = d->host,
		.port = e->listener->port,
		.path = d->uri.path,
		.query = d->uri.query,
	};
	char location[REDIRECT_LOCATION_MAX];
	size_t n = redirect_location(r, &facts, location, sizeof(location));

	if (n == 0)
		return refusal_json(REASON_REDIRECT_TOO_LONG);
	return json_pack("{s:i, s:o, s:s}", "status", (int)r->status,
			 "location", status_text(slice_make(location, n)),
			 "reason", reason_token(REASON_REDIRECT));
}

/* What weir answers by itself; a request that was refused reached no rule. */
static json_t *answer_json(const struct explain *e, enum reason reason)
{
	const struct rule *rule = e->answer.decision.rule;

	if (reason == REASON_NONE && rule->action.kind == ACTION_FIXED_RESPONSE)
		return json_pack("{s:i, s:s}", "status",
				 (int)rule->action.fixed.status, "reason",
				 reason_token(REASON_FIXED_RESPONSE));
	if (reason == REASON_NONE && rule->action.kind == ACTION_REDIRECT)
		return redirect_json(e, &rule->action.redirect);
	return refusal_json(reason);
}

static json_t *transforms_json(const struct inquiry_answer *a)
{
	json_t *list = json_array();

	for (size_t i = 0; i < a->n_transforms; i++) {
		const struct inquiry_transform *t = &a->transforms[i];
		json_t *o = json_pack("{s:s, s:o}", "type",
				      transform_kind_name(t->kind), "before",
				      status_text(t->before));

		if (t->status == TRANSFORM_SUCCESS)
			json_object_set_new(o, "after", status_text(t->after));
		if (t->status != TRANSFORM_UNCHANGED)
			json_object_set_new(
				o, "status",
				json_string(transform_status_name(t->status)));
		json_array_append_new(list, o);
	}
	return list;
}

/* What its target would get. */
static json_t *sent_json(const struct explain *e)
{
	const struct inquiry_answer *a = &e->answer;
	size_t size = a->head.octets * URI_ESCAPED + TRANSFORM_OCTETS_MAX;
	char *room = xmalloc(2 * size);
	struct writer w = writer_make(room, size);
	struct writer escaped = writer_make(room + size, size);
	struct slice host =
		sent_host(e->listener, &a->head, &a->decision, &a->sent, &w);
	json_t *o;

	writer_target(&escaped, sent_target(&a->decision, &a->sent, &w));
	o = json_pack("{s:o, s:o, s:o}", "method",
		      status_text(e->inquiry.method), "target",
		      status_text(slice_make(
			      room + size, (size_t)(escaped.at - room) - size)),
		      "host", status_text(host));
	free(room);
	return o;
}

json_t *explain_to_json(const struct explain *e,
			const struct explain_turn *turn)
{
	const struct rule *rule = e->answer.decision.rule;
	enum reason reason = e->answer.reason;
	json_t *o = admin_ok();

	json_object_set_new(o, "request", request_json(e));
	json_object_set_new(o, "source", json_string(turn ? "daemon" : "file"));
	if (turn)
		json_object_set_new(
			o, "generation",
			json_integer((json_int_t)e->snap->generation));
	json_object_set_new(o, "listener", listener_json(e->listener));
	if (reason)
		json_object_set_new(o, "refused",
				    json_pack("{s:i, s:s, s:s}", "status",
					      reason_status(reason), "reason",
					      reason_token(reason), "sentence",
					      reason_sentence(reason)));
	explain_put_rules(o, e);
	if (rule && reason == REASON_NONE) {
		json_object_set_new(o, "rule", explain_rule_name(rule));
		json_object_set_new(o, "actions",
				    json_pack("[{s:s}]", "type",
					      action_name(rule->action.kind)));
	}
	if (e->answer.n_transforms)
		json_object_set_new(o, "transforms",
				    transforms_json(&e->answer));
	if (explain_forward(e))
		json_object_set_new(o, "sent", sent_json(e));
	if (explain_forward(e))
		reason = explain_put_targets(o, e, turn);
	if (reason || !explain_forward(e))
		json_object_set_new(o, "answer", answer_json(e, reason));
	return o;
}
