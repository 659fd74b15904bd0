#include "web_request.h"

#include "http/query.h"
#include "http/uri.h"
#include "net/addr.h"

const struct h1_limits web_limits = {
	.line = WEB_HEAD_MAX,
	.field = WEB_HEAD_MAX,
	.head = WEB_HEAD_MAX,
};

/* An address cannot be rebound to us: a page that is asked for under it is
 * ours already. */
static bool host_is_address(struct slice host)
{
	struct addr ignored;

	if (host.n > 2 && host.p[0] == '[')
		host = slice_make(host.p + 1, host.n - 2);
	return addr_parse_ip(host, 1, &ignored);
}

static bool host_is_ours(const struct web_names *names, struct slice host)
{
	if (host_is_address(host))
		return true;
	host = host_without_last_dot(host);
	if (slice_eq_fold(host, SLICE("localhost")))
		return true;
	for (size_t i = 0; i < names->n_hosts; i++)
		if (slice_eq_fold(host, names->hosts[i]))
			return true;
	return false;
}

/* 0 or a status. HTTP/1.0 need not say a host, and no browser speaks it. */
static unsigned judge_host(const struct http_head *head,
			   const struct web_names *names, struct slice said)
{
	const struct field *f = head_find(head, NAME_HOST);
	struct slice host;
	uint16_t port;

	if (!f && head->version < HTTP_1_1 && said.n == 0)
		return 0;
	if (!f || head_next(head, NAME_HOST, f))
		return 400;
	/* RFC 9112 3.2.2: the target's is the one that counts. The other one
	 * is looked at too: nothing is gained by a difference. */
	if (said.n && !host_split(said, &host, &port))
		return 400;
	if (said.n && !host_is_ours(names, host))
		return 421;
	if (!host_split(f->value, &host, &port))
		return 400;
	return host_is_ours(names, host) ? 0 : 421;
}

/* Cuts the prefix off; false when the path is not below it. */
static bool cut_prefix(struct slice prefix, struct slice *path)
{
	struct slice rest;

	if (!slice_starts(*path, prefix))
		return false;
	rest = slice_from(*path, prefix.n);
	if (rest.n == 0)
		rest = SLICE("/");
	*path = rest;
	return rest.p[0] == '/';
}

unsigned web_read_request(const struct http_head *head,
			  const struct web_names *names, char *room,
			  struct web_request *out)
{
	struct uri uri;
	unsigned why;

	if (head->method_id != METHOD_GET && head->method_id != METHOD_HEAD)
		return 405;
	if (!uri_split(head->target, head->method_id, &uri))
		return 400;
	why = judge_host(head, names, uri.authority);
	if (why)
		return why;
	*out = (struct web_request){.head = head, .query = uri.query};
	if (!uri_normalise(uri.path, room, WEB_PATH_ROOM, &out->path))
		return 400;
	return cut_prefix(names->path_prefix, &out->path) ? 0 : 404;
}

static size_t read_escapes(struct slice text, char *room, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < text.n && n < size; i++) {
		int high = -1, low = -1;

		if (text.p[i] == '%' && text.n - i > 2) {
			high = ascii_hex(text.p[i + 1]);
			low = ascii_hex(text.p[i + 2]);
		}
		if (high >= 0 && low >= 0) {
			room[n++] = (char)(high << 4 | low);
			i += 2;
		} else {
			room[n++] = text.p[i];
			if (text.p[i] == '+')
				room[n - 1] = ' ';
		}
	}
	return n;
}

bool web_parameter(const struct web_request *q, struct slice key, char *room,
		   size_t size, struct slice *value)
{
	struct slice rest = q->query, name, its;

	while (query_next(&rest, &name, &its)) {
		if (!slice_eq(name, key))
			continue;
		*value = slice_make(room, read_escapes(its, room, size));
		return true;
	}
	return false;
}
