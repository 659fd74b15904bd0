#include "pump.h"

/* Chains that one pump fills and empties before the other connections get
 * their turn; a sender and a receiver that are both fast never stop it. */
enum { PUMP_TURNS = 4 };

/* Not inlined: its room is large, and hardly ever used. */
static __attribute__((noinline)) bool end_with_trailers(struct stream *from,
							struct stream *to)
{
	struct field fields[HEAD_FIELDS_MAX];
	struct http_head trailers = {
		.fields = fields,
		.max_fields = HEAD_FIELDS_MAX,
	};

	return to->ops->end_body(to, from->ops->read_trailers(from, &trailers)
					     ? &trailers
					     : NULL);
}

static bool end(struct stream *from, struct stream *to)
{
	return from->has_trailers ? end_with_trailers(from, to)
				  : to->ops->end_body(to, NULL);
}

/* One chain full. *full: there may be more where it came from. */
static enum io pump_once(struct pump *p, bool *full)
{
	struct stream *from = p->from, *to = p->to;
	size_t room = to->ops->room(to);
	struct chain some;
	bool sent;
	enum io io;

	*full = false;
	if (room == 0 && !from->in_done) {
		to->ops->want_room(to);
		return IO_AGAIN;
	}
	chain_init(&some, UINT32_MAX);
	io = from->ops->read_body(from, &some, room);
	*full = io == IO_AGAIN && some.n == room;
	if (from->in_octets > p->most) {
		chain_release(&some);
		p->is_over = true;
		return IO_FAILED;
	}
	if (p->kept)
		kept_add(p->kept, &some);
	sent = to->ops->write_body(to, &some) &&
	       (io != IO_DONE || end(from, to));
	chain_release(&some);
	if (!sent) {
		p->error = to->error;
		return IO_FAILED;
	}
	if (io == IO_FAILED)
		p->error = from->error;
	to->ops->push(to);
	return io;
}

enum io pump_run(struct pump *p)
{
	for (int turn = 0; turn < PUMP_TURNS; turn++) {
		bool full;
		enum io io = pump_once(p, &full);

		if (!full || p->to->ops->peer(p->to) >= PEER_DEAF)
			return io;
	}
	p->from->ops->again(p->from);
	return IO_AGAIN;
}
