#include "trust.h"

#include "base/cidr_set.h"

static bool is_listed(const struct load_balancer *lb, const struct addr *a)
{
	struct cidr address;

	return addr_to_cidr(a, &address) && cidr_set_has(lb->trusted, &address);
}

bool trust_peer(const struct load_balancer *lb, const struct addr *peer)
{
	return !lb->trusted || is_listed(lb, peer);
}

bool trust_is_needed(struct slice name)
{
	return name_starts(name, SLICE("x-forwarded-")) ||
	       name_same(name, SLICE("forwarded"));
}

/* As it is appended: with or without a port. */
static bool read_entry(struct slice entry, struct addr *out)
{
	if (addr_parse_ip(entry, 0, out))
		return true;
	if (entry.n > 2 && entry.p[0] == '[' && entry.p[entry.n - 1] == ']')
		return addr_parse_ip(slice_make(entry.p + 1, entry.n - 2), 0,
				     out);
	return !slice_starts(entry, SLICE("unix:")) && addr_parse(entry, out);
}

struct addr trust_client(const struct load_balancer *lb,
			 const struct http_head *head, const struct addr *peer)
{
	const struct field *f = NULL;
	struct addr client = *peer;

	if (!lb->trusted || !is_listed(lb, peer))
		return client;
	while ((f = head_next(head, NAME_X_FORWARDED_FOR, f)) != NULL) {
		struct slice rest = f->value;

		while (rest.p) {
			struct slice entry = slice_trim(slice_cut(&rest, ','));
			struct addr a;

			if (entry.n == 0)
				continue;
			if (!read_entry(entry, &a))
				client = *peer;
			else if (!is_listed(lb, &a))
				client = a;
		}
	}
	return client;
}

size_t trust_client_address(const struct load_balancer *lb,
			    const struct http_head *head,
			    const struct addr *peer, char out[ADDR_TEXT_MAX])
{
	struct addr client = trust_client(lb, head, peer);

	return addr_format_ip(&client, out);
}
