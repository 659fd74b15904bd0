#include "edits.h"

#include "base/clock.h"
#include "http/field_edits.h"
#include "model/trust.h"
#include "proxy/client.h"
#include "proxy/core.h"
#include "proxy/rewrite.h"

static struct slice rule_name(const struct rule *rule, char *room, size_t size)
{
	struct writer w = writer_make(room, size);

	if (rule->is_default)
		return SLICE("default");
	writer_u64(&w, rule->priority);
	return slice_make(room, (size_t)(w.at - room));
}

struct slice edits_trace_id(struct worker *w, const struct http_head *head)
{
	struct writer text =
		writer_make(w->scratch.trace_id, sizeof(w->scratch.trace_id));
	const struct request_facts facts = {
		.random = {worker_random(w), worker_random(w)},
		.now_s = clock_wall_s(),
	};

	if (w->scratch.trace.n == 0)
		w->scratch.trace = rewrite_trace_id(head, &facts, &text);
	return w->scratch.trace;
}

/* What is known without the request. */
static void fill_outside(const struct exchange *x, struct places *p)
{
	const struct listener *l = x->listener;
	struct addr peer = client_peer(x->client);
	const struct route_facts facts = {
		.protocol = l->protocol == PROTOCOL_HTTPS ? SLICE("https")
							  : SLICE("http"),
		.port = l->port,
	};

	memset(p->values, 0, sizeof(p->values));
	route_fill(&facts, p->port, p->values);
	p->values[PLACE_CLIENT_ADDRESS] =
		slice_make(p->client, addr_format_ip(&peer, p->client));
	p->values[PLACE_SERVER_NAME] = client_server_name(x->client);
	if (x->record.rule)
		p->values[PLACE_RULE] =
			rule_name(x->record.rule, p->rule, sizeof(p->rule));
	if (x->group)
		p->values[PLACE_TARGET_GROUP] = x->group->name;
}

static void fill_all(struct exchange *x, const struct http_head *head,
		     const struct decision *decision, unsigned holes,
		     struct places *p)
{
	const struct load_balancer *lb = x->listener->balancer;
	struct addr peer = client_peer(x->client);

	fill_outside(x, p);
	p->values[PLACE_HOST] = decision->host;
	p->values[PLACE_PATH] =
		slice_from(decision->uri.path, decision->uri.path.p[0] == '/');
	p->values[PLACE_QUERY] = decision->uri.query;
	p->values[PLACE_CLIENT_ADDRESS] = slice_make(
		p->client, trust_client_address(lb, head, &peer, p->client));
	if (holes & PLACE_BIT(PLACE_TRACE_ID))
		p->values[PLACE_TRACE_ID] = edits_trace_id(x->worker, head);
}

/* Keeps the values for an answer. */
static enum reason keep(struct exchange *x, const struct field_edits *edits,
			const struct slice *values)
{
	struct scratch *scratch = &x->worker->scratch;
	struct writer w = writer_make(scratch->text, sizeof(scratch->text));
	size_t n;
	char *room;

	field_edits_fill(&w, edits, values);
	if (w.overflow)
		return REASON_FIELD_TOO_LARGE;
	n = (size_t)(w.at - scratch->text);
	room = piece_claim(n);
	if (!room)
		return REASON_OVERLOADED;
	memcpy(room, scratch->text, n);
	x->filled = piece_take(n);
	return REASON_NONE;
}

enum reason edits_fill(struct exchange *x, const struct http_head *head,
		       const struct decision *decision, struct places *places)
{
	const struct field_edits *request = x->record.rule->request_edits;
	const struct field_edits *response = x->record.rule->response_edits;
	unsigned holes = (request ? request->holes : 0) |
			 (response ? response->holes : 0);

	if (!holes)
		return REASON_NONE;
	fill_all(x, head, decision, holes, places);
	if (!response || !response->holes)
		return REASON_NONE;
	return keep(x, response, places->values);
}

void edits_fill_answer(struct exchange *x, const struct field_edits *edits)
{
	struct places places;

	if (!edits->holes || x->filled.chunk)
		return;
	fill_outside(x, &places);
	keep(x, edits, places.values); /* else they are left out */
}
