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
 *	no                   none, 1.0    dns_name
 *	no                   none, other  bad: RFC 9112, 3.2; 9113, 8.3.1
 *	any                  several      bad, unless all are forwarded
 */
static bool host_of(const struct listener *l, const struct http_head *head,
		    const struct uri *uri, struct slice *host)
{
	const struct field *field = head_find(head, NAME_HOST);

	if (!field && head->version >= HTTP_1_1)
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

struct slice route_host(const struct listener *l, const struct http_head *head,
			struct route_scratch *scratch)
{
	struct decision d = {0};

	if (!uri_split(head->target, (enum method)head->method_id, &d.uri) ||
	    !read_host(l, head, scratch, &d))
		return SLICE("");
	return d.host;
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

void route_fill(const struct route_facts *facts, char port[PORT_TEXT_MAX],
		struct slice values[PLACE_KINDS])
{
	struct writer w = writer_make(port, PORT_TEXT_MAX);
	struct slice path = facts->path;

	writer_u64(&w, facts->port);
	/* "/#{path}" is the default, so the slash is not part of it. */
	if (path.n && path.p[0] == '/')
		path = slice_from(path, 1);
	values[PLACE_PROTOCOL] = facts->protocol;
	values[PLACE_HOST] = facts->host;
	values[PLACE_PORT] = slice_make(port, (size_t)(w.at - port));
	values[PLACE_PATH] = path;
	values[PLACE_QUERY] = facts->query;
}

size_t redirect_location(const struct redirect *redirect,
			 const struct route_facts *facts, char *out,
			 size_t size)
{
	struct slice values[PLACE_KINDS] = {{0}};
	struct writer w = writer_make(out, size);
	char port[PORT_TEXT_MAX];
	char *query;

	route_fill(facts, port, values);
	template_write(&w, &redirect->protocol, values);
	writer_literal(&w, "://");
	template_write(&w, &redirect->host, values);
	writer_char(&w, ':');
	template_write(&w, &redirect->port, values);
	template_write(&w, &redirect->path, values);

	/* Whether the query is empty shows only once it is written. */
	query = w.at;
	writer_char(&w, '?');
	template_write(&w, &redirect->query, values);
	if (!w.overflow && w.at == query + 1)
		w.at = query;
	return w.overflow ? 0 : (size_t)(w.at - out);
}
