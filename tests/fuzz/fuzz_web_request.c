/*
 * fuzz_web_request.c - what admin.listen is asked.
 *
 * The first octet chooses the prefix. What is let through is GET or HEAD of a
 * path without dot segments, under an address or one of our own names.
 */
#include "fuzz.h"

#include "control/web_request.h"
#include "http/uri.h"
#include "net/addr.h"

static const struct slice hosts[] = {SLICE_INIT("weir.test")};

static bool is_known(struct slice host)
{
	struct addr ignored;

	host = host_without_last_dot(host);
	if (host.p[0] == '[')
		host = slice_make(host.p + 1, host.n - 2);
	return slice_eq_fold(host, SLICE("localhost")) ||
	       slice_eq_fold(host, hosts[0]) ||
	       addr_parse_ip(host, 1, &ignored);
}

static void check_host(const struct http_head *head)
{
	const struct field *f = head_find(head, NAME_HOST);
	struct slice name;
	uint16_t port;

	if (!f)
		HOLDS(head->version < HTTP_1_1);
	else
		HOLDS(host_split(f->value, &name, &port) && is_known(name));
}

static void check_path(struct slice path)
{
	HOLDS(path.n > 0 && path.p[0] == '/');
	while (path.p) {
		struct slice segment = slice_cut(&path, '/');

		HOLDS(!slice_eq(segment, SLICE(".")) &&
		      !slice_eq(segment, SLICE("..")));
	}
}

static void check_parameter(const struct web_request *q, struct slice key)
{
	char room[16];
	struct slice value;

	if (web_parameter(q, key, room, sizeof(room), &value))
		HOLDS(value.n <= sizeof(room) && value.n <= q->query.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char room[WEB_PATH_ROOM];
	struct slice in = fuzz_slice(data, size);
	bool has_prefix = fuzz_octet(&in) & 1;
	const struct web_names names = {
		.path_prefix = has_prefix ? SLICE("/weir") : SLICE(""),
		.hosts = hosts,
		.n_hosts = 1,
	};
	struct field fields[32];
	struct http_head head = {.fields = fields, .max_fields = 32};
	struct web_request q;
	enum reason why;
	unsigned status;

	if (h1_parse_request(in, &web_limits, &head, &why) != H1_DONE)
		return 0;
	HOLDS(head.octets <= WEB_HEAD_MAX);
	status = web_read_request(&head, &names, room, &q);
	if (status) {
		HOLDS(status >= 400 && status < 500);
		return 0;
	}
	HOLDS(head.method_id == METHOD_GET || head.method_id == METHOD_HEAD);
	check_host(&head);
	check_path(q.path);
	check_parameter(&q, SLICE("listener"));
	check_parameter(&q, SLICE(""));
	return 0;
}
