#include "proxy/kept.h"

#include "stream/stream.h"

static bool append(struct chain *to, const struct chain *from)
{
	for (const struct seg *s = from->first; s; s = s->next)
		if (!chain_append(to, s->chunk, s->p, s->n))
			return false;
	return true;
}

void kept_add(struct kept *kept, const struct chain *octets)
{
	if (kept->is_over)
		return;
	if (octets->n > KEPT_MAX - kept->octets.n ||
	    !append(&kept->octets, octets))
		kept_release(kept);
}

bool kept_send(const struct kept *kept, struct stream *to)
{
	struct chain again;
	bool sent;

	if (kept->octets.n == 0)
		return true;
	chain_init(&again, UINT32_MAX);
	sent = append(&again, &kept->octets) && to->ops->write_body(to, &again);
	chain_release(&again);
	return sent;
}
