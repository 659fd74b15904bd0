#include "proxy/kept.h"

#include "stream/stream.h"

static void append(struct chain *to, const struct chain *from)
{
	for (const struct seg *s = from->first; s; s = s->next)
		chain_append(to, s->chunk, s->p, s->n);
}

void kept_add(struct kept *kept, const struct chain *octets)
{
	if (kept->is_over)
		return;
	if (octets->n > KEPT_MAX - kept->octets.n ||
	    octets->n > KEPT_OF_CLIENT_MAX - *kept->in_all) {
		kept_release(kept);
		return;
	}
	*kept->in_all += octets->n;
	append(&kept->octets, octets);
}

bool kept_send(const struct kept *kept, struct stream *to)
{
	struct chain again;
	bool sent;

	chain_init(&again, UINT32_MAX);
	append(&again, &kept->octets);
	sent = to->ops->write_body(to, &again);
	chain_release(&again);
	return sent;
}
