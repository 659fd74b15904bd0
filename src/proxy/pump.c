#include "pump.h"

/* Once so much waits, it is written at once and not at the end of the turn:
 * the blocks come back to the pool while they are still in the cache. */
enum { WRITE_EARLY = 64 * 1024 };

/* Chains that one pump fills and empties before the other connections get
 * their turn; a sender and a receiver that are both fast never stop it. */
enum { PUMP_TURNS = 4 };

static void write_early(struct conn *to)
{
	if (to->out.n >= WRITE_EARLY && to->writable)
		conn_write_out(to);
}

enum io pump_body(struct stream *from, struct stream *to)
{
	for (int turn = 0; turn < PUMP_TURNS; turn++) {
		size_t room = chain_room(&to->conn->out);
		struct chain some;
		bool sent;
		enum io io;

		if (room == 0 && !from->in_done) {
			to->conn->wants_room = true;
			return IO_AGAIN;
		}
		chain_init(&some, UINT32_MAX);
		io = from->ops->read_body(from, &some, room);
		room -= some.n;
		sent = to->ops->write_body(to, &some) &&
		       (io != IO_DONE || to->ops->end_body(to));
		chain_release(&some);
		if (!sent) {
			from->conn->error = ENOBUFS;
			return IO_FAILED;
		}
		write_early(to->conn);
		if (io != IO_AGAIN || room > 0 || to->conn->write_error)
			return io;
	}
	loop_again(from->conn->loop, from->conn);
	return IO_AGAIN;
}

enum io pump_octets(struct conn *from, struct conn *to)
{
	size_t moved = 0;

	while (moved < PUMP_TURNS * (size_t)to->out.limit) {
		size_t room = chain_room(&to->out);
		enum io io;

		if (from->in.n && room) {
			moved += chain_move(&to->out, &from->in, room);
			conn_dirty(to);
			write_early(to);
			if (to->write_error)
				return IO_AGAIN;
			continue;
		}
		if (room == 0) {
			to->wants_room = true;
			return IO_AGAIN;
		}
		io = conn_fill(from);
		if (from->in.n == 0)
			return io == IO_DONE ? IO_AGAIN : io;
	}
	loop_again(from->loop, from);
	return IO_AGAIN;
}
