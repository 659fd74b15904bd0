#include "announced.h"

#include "net/proxy_header.h"

/* A header from a stranger is one as soon as it cannot be anything else. */
static enum announced stranger_says(enum proxy_seen seen, size_t n)
{
	if (seen == PROXY_NONE)
		return ANNOUNCED_NOTHING;
	if (seen == PROXY_MORE && n < PROXY_TELLS_IN)
		return ANNOUNCED_LATER;
	return ANNOUNCED_BADLY;
}

static enum announced proxy_says(struct conn *conn, enum proxy_seen seen,
				 const struct proxy_header *header,
				 struct addr *client)
{
	switch (seen) {
	case PROXY_MORE:
		return ANNOUNCED_LATER;
	case PROXY_NONE:
	case PROXY_BAD:
		break;
	case PROXY_GOOD:
		chain_drain(&conn->in, header->octets);
		if (header->is_local)
			return ANNOUNCED_NOTHING;
		*client = header->source;
		return ANNOUNCED_CLIENT;
	}
	return ANNOUNCED_BADLY;
}

enum announced announced_look(struct conn *conn, bool trusted,
			      struct addr *client)
{
	size_t n = conn->in.n < PROXY_MAX ? conn->in.n : PROXY_MAX;
	struct proxy_header header;
	enum proxy_seen seen;

	if (n == 0)
		return ANNOUNCED_LATER;
	if (!chain_linearise(&conn->in, n))
		return ANNOUNCED_BADLY;
	seen = proxy_header_read(slice_first(chain_front(&conn->in), n),
				 &header);
	return trusted ? proxy_says(conn, seen, &header, client)
		       : stranger_says(seen, n);
}
