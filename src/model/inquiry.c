#include "model/inquiry.h"

#include <stdlib.h>

#include "base/fail.h"
#include "http/h1_parse.h"
#include "http/h1_write.h"

bool inquiry_split(struct slice url, struct inquiry_url *out)
{
	struct slice rest = url, name;
	bool tls = slice_starts(rest, SLICE("https://"));
	uint16_t port = 0;
	size_t end;

	if (!tls && !slice_starts(rest, SLICE("http://")))
		return false;
	rest = slice_from(rest, tls ? 8 : 7);
	end = slice_find(rest, '/');
	if (slice_find(rest, '?') < end)
		return false;
	*out = (struct inquiry_url){
		.protocol = tls ? PROTOCOL_HTTPS : PROTOCOL_HTTP,
		.authority = slice_first(rest, end),
		.target = end < rest.n ? slice_from(rest, end) : SLICE("/"),
	};
	if (!host_split(out->authority, &name, &port))
		return false;
	out->port = port ? port : tls ? 443 : 80;
	return true;
}

const struct listener *inquiry_listener(const struct snapshot *snap,
					struct slice balancer,
					const struct inquiry_url *url,
					unsigned *n_found)
{
	const struct listener *found = NULL;

	*n_found = 0;
	for (size_t b = 0; b < snap->n_balancers; b++) {
		const struct load_balancer *lb = &snap->balancers[b];

		if (balancer.p && !slice_eq(lb->name, balancer))
			continue;
		for (size_t i = 0; i < lb->n_listeners; i++) {
			const struct listener *l = &lb->listeners[i];

			if (l->port != url->port ||
			    l->protocol != url->protocol)
				continue;
			if (!found)
				found = l;
			++*n_found;
		}
	}
	return found;
}

/* -- asking ---------------------------------------------------------------- */

static bool has_line_end(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\r' || s.p[i] == '\n' || s.p[i] == '\0')
			return true;
	return false;
}

static bool is_host(const struct inquiry_field *f)
{
	return slice_eq_fold(f->name, SLICE("Host"));
}

/* What would be read as something else than it was given as. */
static bool can_be_written(const struct inquiry *q)
{
	if (!http_is_token(q->method) || has_line_end(q->url.target) ||
	    slice_find(q->url.target, ' ') < q->url.target.n)
		return false;
	for (size_t i = 0; i < q->n_fields; i++)
		if (!http_is_token(q->fields[i].name) ||
		    has_line_end(q->fields[i].value))
			return false;
	return true;
}

static void put_field(struct writer *w, struct slice name, struct slice value)
{
	writer_put(w, name);
	writer_literal(w, ": ");
	writer_put(w, value);
	writer_literal(w, "\r\n");
}

static struct slice write_text(const struct inquiry *q, char **room)
{
	size_t size = q->method.n + q->url.target.n + q->url.authority.n + 64;
	bool has_host = false;
	struct writer w;

	for (size_t i = 0; i < q->n_fields; i++) {
		size += q->fields[i].name.n + q->fields[i].value.n + 4;
		has_host |= is_host(&q->fields[i]);
	}
	*room = xmalloc(size);
	w = writer_make(*room, size);
	writer_put(&w, q->method);
	writer_char(&w, ' ');
	writer_put(&w, q->url.target);
	writer_literal(&w, " HTTP/1.1\r\n");
	if (!has_host)
		put_field(&w, SLICE("Host"), q->url.authority);
	for (size_t i = 0; i < q->n_fields; i++)
		put_field(&w, q->fields[i].name, q->fields[i].value);
	writer_literal(&w, "\r\n");
	assert(!w.overflow);
	return slice_make(*room, (size_t)(w.at - *room));
}

static void note_transforms(struct route_scratch *scratch,
			    struct inquiry_answer *out)
{
	const struct rule *rule = out->decision.rule;

	for (size_t i = 0; i < rule->n_transforms; i++) {
		struct inquiry_transform *t = &out->transforms[i];

		t->kind = rule->transforms[i].kind;
		t->status = sent_transform(&rule->transforms[i], &out->decision,
					   scratch, &t->before, &t->after);
	}
	out->n_transforms = rule->n_transforms;
}

bool inquiry_speaks(const struct listener *l, const struct http_head *head,
		    const struct target_group *group)
{
	struct http_head came = *head;

	if (l->protocol == PROTOCOL_HTTPS && l->balancer->http2)
		came.version = HTTP_2;
	return group_speaks(group, &came,
			    came.version == HTTP_2 && http_is_grpc(&came));
}

static bool some_group_speaks(const struct listener *l,
			      const struct http_head *head,
			      const struct forward *f)
{
	for (size_t i = 0; i < f->n_groups; i++)
		if (inquiry_speaks(l, head, f->groups[i].group))
			return true;
	return f->n_groups == 0;
}

static enum reason decide(const struct inquiry *q, const struct listener *l,
			  struct slice text, struct route_scratch *scratch,
			  struct inquiry_answer *out)
{
	enum reason why = REASON_MALFORMED;

	out->head = (struct http_head){.fields = out->fields,
				       .max_fields = HEAD_FIELDS_MAX};
	if (h1_parse_request(text, &h1_request_limits, &out->head, &why) !=
	    H1_DONE)
		return why;
	why = http_admit(&out->head, l->balancer->desync, &out->admission);
	if (why)
		return why;
	if (!http_is_served(&out->head))
		return REASON_METHOD;
	out->decision = route_decide(l, &out->head, &q->peer, scratch);
	if (out->decision.reason)
		return out->decision.reason;
	if (out->decision.rule->action.kind != ACTION_FORWARD)
		return REASON_NONE;
	note_transforms(scratch, out);
	sent_make(&out->decision, scratch, &out->sent);
	if (!some_group_speaks(l, &out->head,
			       &out->decision.rule->action.forward))
		return REASON_PROTOCOL_MISMATCH;
	if (transform_failed(out->sent.status))
		return REASON_TRANSFORM_FAILED;
	return http_too_many_forwarded(&out->head) ? REASON_XFF_TOO_LONG
						   : REASON_NONE;
}

bool inquiry_ask(const struct inquiry *q, const struct listener *l,
		 struct route_scratch *scratch, struct inquiry_answer *out)
{
	out->text = NULL;
	out->decision = (struct decision){.rule = NULL};
	out->n_transforms = 0;
	out->sent = (struct sent){.status = TRANSFORM_UNCHANGED};
	if (!can_be_written(q))
		return false;
	out->reason = decide(q, l, write_text(q, &out->text), scratch, out);
	return true;
}

void inquiry_release(struct inquiry_answer *answer)
{
	free(answer->text);
	answer->text = NULL;
}
