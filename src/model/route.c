#include "model/route.h"

#include "http/h1_write.h"

/* -- the decision ---------------------------------------------------------- */

/*
 * Which text names the host:
 *
 *	target is absolute   Host         host is
 *	yes                  any          the authority
 *	no                   one          its value
 *	no                   empty        dns_name
 *	no                   none, 1.1    bad: RFC 9112, 3.2
 *	no                   none, other  dns_name
 *	any                  several      bad, unless all are forwarded
 */
static bool host_of(const struct listener *l, const struct http_head *head,
		    const struct uri *uri, struct slice *host)
{
	const struct field *field = head_find(head, NAME_HOST);

	if (!field && head->version == HTTP_1_1)
		return false;
	if (field && !l->balancer->preserve_host_header &&
	    head_next(head, NAME_HOST, field))
		return false;
	if (uri->form == URI_ABSOLUTE)
		*host = uri->authority;
	else
		*host = field ? field->value : (struct slice){0};
	return true;
}

static bool read_host(const struct listener *l, const struct http_head *head,
		      struct route_scratch *scratch, struct decision *d)
{
	struct slice host, name;

	if (!host_of(l, head, &d->uri, &host))
		return false;
	if (host.n == 0)
		name = l->balancer->dns_name;
	else if (!host_split(host, &name, &d->host_port))
		return false;
	return host_lower(name, scratch->host, sizeof(scratch->host), &d->host);
}

struct decision route_decide(const struct listener *l,
			     const struct http_head *head,
			     const struct addr *peer,
			     struct route_scratch *scratch)
{
	struct decision d = {.reason = REASON_BAD_URI};
	bool gave_up;

	if (!uri_split(head->target, (enum method)head->method_id, &d.uri) ||
	    !uri_normalise(d.uri.path, scratch->path, sizeof(scratch->path),
			   &d.path))
		return d;
	if (!read_host(l, head, scratch, &d)) {
		d.reason = REASON_BAD_HOST;
		return d;
	}
	d.in = (struct route_input){
		.host = host_without_last_dot(d.host),
		.path = d.path,
		.query = d.uri.query,
		.head = head,
		.peer = peer,
	};
	d.rule = rule_index_find(l->rule_index, &d.in, scratch->patterns,
				 &gave_up);
	if (!d.rule)
		d.rule = &l->default_rule;
	d.reason = gave_up ? REASON_PATTERN_GAVE_UP : REASON_NONE;
	return d;
}

/* -- redirects ------------------------------------------------------------- */

static void put_part(struct writer *w, const struct template_part *part,
		     const struct route_facts *facts)
{
	struct slice path = facts->path;

	switch (part->kind) {
	case PLACE_LITERAL:
		writer_put(w, part->text);
		return;
	case PLACE_PROTOCOL:
		writer_put(w, facts->protocol);
		return;
	case PLACE_HOST:
		writer_put(w, facts->host);
		return;
	case PLACE_PORT:
		writer_u64(w, facts->port);
		return;
	case PLACE_PATH:
		/* "/#{path}" is the default, so the slash is not part of it. */
		if (path.n && path.p[0] == '/')
			path = slice_from(path, 1);
		writer_target(w, path);
		return;
	case PLACE_QUERY:
		writer_target(w, facts->query);
		return;
	}
}

static void put_template(struct writer *w, const struct template *t,
			 const struct route_facts *facts)
{
	for (size_t i = 0; i < t->n_parts; i++)
		put_part(w, &t->parts[i], facts);
}

size_t redirect_location(const struct redirect *redirect,
			 const struct route_facts *facts, char *out,
			 size_t size)
{
	struct writer w = writer_make(out, size);
	char *query;

	put_template(&w, &redirect->protocol, facts);
	writer_literal(&w, "://");
	put_template(&w, &redirect->host, facts);
	writer_char(&w, ':');
	put_template(&w, &redirect->port, facts);
	put_template(&w, &redirect->path, facts);

	/* Whether the query is empty shows only once it is written. */
	query = w.at;
	writer_char(&w, '?');
	put_template(&w, &redirect->query, facts);
	if (!w.overflow && w.at == query + 1)
		w.at = query;
	return w.overflow ? 0 : (size_t)(w.at - out);
}
