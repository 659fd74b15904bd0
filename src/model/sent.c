#include "sent.h"

/* The path as rules see it, and the query behind it. */
static bool url_of(const struct decision *d, struct route_scratch *scratch,
		   struct slice *url)
{
	struct writer w = writer_make(scratch->path, sizeof(scratch->path));

	*url = d->path;
	if (d->uri.query.n == 0)
		return true;
	if (d->path.p == scratch->path)
		writer_take(&w, d->path.n);
	else
		writer_put(&w, d->path);
	writer_char(&w, '?');
	writer_target(&w, d->uri.query);
	*url = slice_make(scratch->path, (size_t)(w.at - scratch->path));
	return !w.overflow;
}

enum transform_status sent_transform(const struct transform *t,
				     const struct decision *decision,
				     struct route_scratch *scratch,
				     struct slice *before, struct slice *after)
{
	if (t->kind == TRANSFORM_HOST)
		*before = host_without_last_dot(decision->host);
	else if (!url_of(decision, scratch, before))
		return TRANSFORM_BUFFER_TOO_SMALL;
	return transform_apply(t, *before, scratch->patterns,
			       scratch->made[t->kind], after);
}

void sent_make(const struct decision *decision, struct route_scratch *scratch,
	       struct sent *out)
{
	const struct rule *rule = decision->rule;

	*out = (struct sent){.status = TRANSFORM_UNCHANGED};
	for (size_t i = 0; i < rule->n_transforms; i++) {
		const struct transform *t = &rule->transforms[i];
		struct slice before, after;
		enum transform_status status =
			sent_transform(t, decision, scratch, &before, &after);

		if (status == TRANSFORM_UNCHANGED)
			continue;
		out->status = status;
		if (transform_failed(status))
			return;
		if (t->kind == TRANSFORM_HOST)
			out->host = after;
		else
			out->target = after;
	}
}

/* AWS: host header preservation. What is preserved is sent as it came;
 * otherwise lower case, with the port of the listener unless it is 80 or 443,
 * which are never written. */
struct slice sent_host(const struct listener *l, const struct http_head *head,
		       const struct decision *decision, const struct sent *sent,
		       struct writer *w)
{
	const char *start = w->at;

	if (sent->host.p)
		return sent->host;
	if (l->balancer->preserve_host_header && head_has(head, NAME_HOST))
		return head_find(head, NAME_HOST)->value;
	if (l->port == 80 || l->port == 443)
		return decision->host;
	writer_put(w, decision->host);
	writer_char(w, ':');
	writer_u64(w, decision->host_port ? decision->host_port : l->port);
	return slice_make(start, (size_t)(w->at - start));
}

/* RFC 9112 3.2.2 and 3.2.4: to an origin the path goes, not the whole URI;
 * "*" is one. */
struct slice sent_target(const struct decision *decision,
			 const struct sent *sent, struct writer *w)
{
	const struct uri *uri = &decision->uri;
	const char *start = w->at;

	if (sent->target.p)
		return sent->target;
	if (uri->rest.n > 0 && uri->rest.p[0] != '?')
		return uri->rest;
	writer_char(w, '/');
	writer_put(w, uri->rest);
	return slice_make(start, (size_t)(w->at - start));
}
