#include "conn.h"

#include <errno.h>
#include <event2/event.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"

enum {
	CONN_MAGIC = 0x636f6e6e,
	/* Reads for one event before the other connections get their turn. */
	READ_TURNS = 4,
	/* Times that more is gathered and written, likewise. */
	WRITE_TURNS = 8,
	WRITE_SLICES = 64,
};

/* libevent calls this; it notes facts and tells the owner, nothing else. */
static void on_event(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	assert(c->magic == CONN_MAGIC && c->fd == (int)fd);
	loop_began(c->loop);
	c->readable |= (what & EV_READ) != 0;
	c->writable |= (what & EV_WRITE) != 0;
	c->peer_closing |= (what & EV_CLOSED) != 0;
	if (c->connecting) {
		socklen_t size = sizeof(c->error);

		c->connecting = false;
		if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &c->error, &size))
			c->error = errno;
	}
	if ((what & EV_WRITE) && conn_unsent(c))
		conn_dirty(c);
	c->ops->ready(c);
}

/* Octets that flow have only noted when: the deadline is moved here. */
static void on_deadline(struct deadline *d)
{
	struct conn *c = list_entry(d, struct conn, deadline);
	uint64_t at_ms = c->moved_ms + c->idle_ms;

	assert(c->magic == CONN_MAGIC);
	if (c->idle_ms && at_ms > clock_now_ms())
		loop_deadline(c->loop, d, at_ms);
	else
		c->ops->expired(c);
}

static int start(struct conn *c, struct loop *l, int fd,
		 const struct conn_ops *ops, uint32_t limit, short more)
{
	const short what = EV_READ | EV_CLOSED | EV_ET | EV_PERSIST;

	*c = (struct conn){
		.magic = CONN_MAGIC,
		.fd = fd,
		.loop = l,
		.ops = ops,
		.moved_ms = clock_now_ms(),
		.writable = true,
	};
	chain_init(&c->in, limit);
	chain_init(&c->out, limit);
	deadline_init(&c->deadline, on_deadline);
	list_init(&c->again);
	list_init(&c->doubt);
	if (event_assign(&c->ev, l->base, fd, what | more, on_event, c) ||
	    event_add(&c->ev, NULL)) {
		c->fd = -1;
		return -1;
	}
	return 0;
}

int conn_open(struct conn *c, struct loop *l, int fd_take,
	      const struct conn_ops *ops, uint32_t limit)
{
	return start(c, l, fd_take, ops, limit, 0);
}

int conn_connect(struct conn *c, struct loop *l, const struct addr *to,
		 const struct conn_ops *ops, uint32_t limit)
{
	int family = to->sa.sa_family, one = 1, error;
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool waits;

	c->fd = -1;
	if (fd < 0)
		return -1;
	if (family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	waits = connect(fd, &to->sa, to->len) != 0;
	if (waits && errno != EINPROGRESS)
		goto fail;
	/* Its first edge says that it is connected, so both at once. */
	if (start(c, l, fd, ops, limit, EV_WRITE))
		goto fail;
	c->connecting = waits;
	return 0;

fail:
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

void conn_close(struct conn *c)
{
	if (c->fd < 0)
		return;
	loop_forget(c->loop, &c->deadline);
	list_remove(&c->again);
	list_remove(&c->doubt);
	if (c->ev_write) {
		event_free(c->ev_write);
		c->ev_write = NULL;
	}
	event_del(&c->ev);
	close(c->fd);
	c->fd = -1;
	c->readable = c->writable = false;
	if (c->filter) {
		c->filter->ops->free(c->filter);
		c->filter = NULL;
	}
	chain_release(&c->in);
	chain_release(&c->out);
}

static void set_deadline(struct conn *c, uint64_t ms)
{
	if (c->fd >= 0)
		loop_deadline(c->loop, &c->deadline,
			      ms ? clock_now_ms() + ms : 0);
}

void conn_deadline(struct conn *c, uint64_t ms)
{
	c->idle_ms = 0;
	set_deadline(c, ms);
}

void conn_idle_deadline(struct conn *c, uint64_t ms)
{
	c->idle_ms = (uint32_t)ms;
	set_deadline(c, ms);
}

/* Unless the doubt was settled meanwhile, by an event or a read. */
void conn_ask(struct conn *c)
{
	if (!c->unsure)
		return;
	c->unsure = false;
	c->readable = true;
	c->ops->ready(c);
}

void conn_wake(struct conn *c)
{
	if (c->fd >= 0)
		c->ops->ready(c);
}

/*
 * How much room a read is given: what the last one filled. Most reads are of
 * a request or a short answer, and one piece of room is the cheapest to read
 * into; a body finds 64 KiB after its second read.
 */
enum appetite { SMALL, MEDIUM, LARGE };

static const int pieces_for[] = {
	[SMALL] = 1,
	[MEDIUM] = 2,
	[LARGE] = CHAIN_ROOM_MAX,
};

static void learn(struct conn *c, size_t got, bool filled)
{
	if (filled)
		c->appetite += c->appetite < LARGE;
	else if (got > 2 * CHUNK_OCTETS)
		c->appetite = LARGE;
	else
		c->appetite = got > CHUNK_OCTETS / 2 ? MEDIUM : SMALL;
}

static ssize_t read_into(int fd, const struct iovec *room, int n_room)
{
	ssize_t got;

	do
		/* A plain buffer costs the kernel less than a vector. */
		got = n_room == 1 ? recv(fd, room->iov_base, room->iov_len, 0)
				  : readv(fd, room, n_room);
	while (got < 0 && errno == EINTR);
	return got;
}

/*
 * One read into a chain. IO_DONE: read something; IO_AGAIN: nothing there.
 * A short read drained the socket; no need to be told EAGAIN. Unless the peer
 * has closed: its FIN came with this edge and no other will announce it.
 */
static enum io read_once(struct conn *c, struct chain *into)
{
	struct iovec room[CHAIN_ROOM_MAX];
	int n_room;
	size_t size =
		chain_reserve(into, pieces_for[c->appetite], room, &n_room);
	ssize_t got;

	if (size == 0) {
		errno = ENOBUFS;
		return chain_room(into) ? IO_FAILED : IO_AGAIN;
	}
	got = read_into(c->fd, room, n_room);
	chain_commit(into, room, n_room, got > 0 ? (size_t)got : 0);
	if (got > 0) {
		bool filled = (size_t)got == size;

		learn(c, (size_t)got, filled);
		c->readable = filled || c->peer_closing;
		c->unsure = !c->readable;
		c->moved_ms = clock_now_ms();
		return IO_DONE;
	}
	if (got == 0) {
		c->readable = false;
		c->peer_closed = true;
		return IO_CLOSED;
	}
	if (errno == EAGAIN) {
		c->readable = c->unsure = false;
		return IO_AGAIN;
	}
	return IO_FAILED;
}

static enum io broke(struct conn *c)
{
	c->error = errno ? errno : EPROTO;
	c->readable = false;
	return IO_FAILED;
}

static enum io fill_plain(struct conn *c)
{
	for (int turn = 0; c->readable && turn < READ_TURNS; turn++) {
		if (chain_room(&c->in) == 0)
			return IO_DONE;
		switch (read_once(c, &c->in)) {
		case IO_DONE:
		case IO_AGAIN:
			break;
		case IO_CLOSED:
			return IO_CLOSED;
		case IO_FAILED:
			return broke(c);
		}
	}
	return c->peer_closed ? IO_CLOSED : IO_AGAIN;
}

static bool write_chain(struct conn *c, struct chain *out);

/* Runs the filter over what is in raw_in. */
static enum io decode(struct conn *c)
{
	struct filter *f = c->filter;
	bool waited = c->out.n && !f->established;
	enum io io = f->ops->decode(f, &c->in);
	int error;

	/* Handshakes, alerts and tickets answer without being asked; and what
	 * waited for the end of the handshake may leave. */
	if (f->raw_out.n || (waited && f->established))
		conn_dirty(c);
	c->held = io == IO_DONE;
	c->peer_closed |= io == IO_CLOSED;
	if (io != IO_FAILED)
		return io;
	error = errno == ENOBUFS ? ENOBUFS : EPROTO;
	/* Now or never: on a broken connection nothing is written any more,
	 * and the alert tells the peer why. */
	write_chain(c, &f->raw_out);
	errno = error;
	return broke(c);
}

static enum io fill_filtered(struct conn *c)
{
	/* What c->in had no room for the last time. */
	enum io io = c->held ? decode(c) : IO_AGAIN;

	for (int turn = 0; io == IO_AGAIN && c->readable && turn < READ_TURNS;
	     turn++) {
		if (read_once(c, &c->filter->raw_in) == IO_FAILED)
			return broke(c);
		io = decode(c);
	}
	return io == IO_AGAIN && c->peer_closed ? IO_CLOSED : io;
}

enum io conn_fill(struct conn *c)
{
	size_t before;
	enum io io;

	if (c->fd < 0 || c->error)
		return IO_FAILED;
	if (c->connecting)
		return IO_AGAIN;
	if (c->unsure && !c->readable)
		loop_doubt(c->loop, c);
	before = c->in.n;
	io = c->filter ? fill_filtered(c) : fill_plain(c);
	c->n_read += c->in.n - before;
	/* We stopped, not the kernel, so no edge will wake us. */
	if (io == IO_AGAIN && c->readable)
		loop_again(c->loop, c);
	return io;
}

/* What waits to be written never will be. What the peer said before it left is
 * there already, and its event may come later than this. */
static void broke_writing(struct conn *c, int error)
{
	c->write_error = error;
	c->readable = true;
	chain_release(&c->out);
	if (c->filter)
		chain_release(&c->filter->raw_out);
	loop_again(c->loop, c);
}

static void want_edge(struct conn *c)
{
	c->writable = false;
	if (c->ev_write || (c->ev.ev_events & EV_WRITE))
		return;
	c->ev_write = event_new(c->loop->base, c->fd,
				EV_WRITE | EV_ET | EV_PERSIST, on_event, c);
	if (!c->ev_write || event_add(c->ev_write, NULL))
		broke_writing(c, ENOMEM);
}

/* Writes a chain as far as the kernel takes it; false when it broke. */
static bool write_chain(struct conn *c, struct chain *out)
{
	while (out->n > 0 && c->writable) {
		struct iovec slices[WRITE_SLICES];
		int n = chain_gather(out, slices, WRITE_SLICES);
		size_t size = 0;
		ssize_t put;

		for (int i = 0; i < n; i++)
			size += slices[i].iov_len;
		put = n == 1 ? send(c->fd, slices[0].iov_base, size,
				    MSG_NOSIGNAL)
			     : writev(c->fd, slices, n);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0 && errno != EAGAIN)
			return false;
		if (put > 0) {
			chain_drain(out, (size_t)put);
			c->moved_ms = clock_now_ms();
		}
		if (put < 0 || (size_t)put < size)
			want_edge(c);
	}
	return true;
}

static bool write_filtered(struct conn *c)
{
	struct filter *f = c->filter;

	do {
		if (c->out.n && f->ops->encode(f, &c->out) == IO_FAILED) {
			errno = EPROTO;
			return false;
		}
		if (!write_chain(c, &f->raw_out))
			return false;
	} while (c->out.n && c->writable && f->established);
	return true;
}

/* Returns whether the end has been sent. */
static bool send_fin(struct conn *c)
{
	if (c->filter && c->filter->established) {
		c->filter->ops->goodbye(c->filter);
		if (!write_chain(c, &c->filter->raw_out)) {
			broke_writing(c, errno ? errno : EPIPE);
			return false;
		}
		if (conn_unsent(c))
			return false; /* the edge brings us here again */
	}
	c->sent_fin = true;
	shutdown(c->fd, SHUT_WR);
	return true;
}

static void write_what_is_there(struct conn *c)
{
	size_t before = conn_unsent(c), plain = c->out.n;
	bool ended = false;

	if (!(c->filter ? write_filtered(c) : write_chain(c, &c->out))) {
		c->n_written += plain - c->out.n;
		broke_writing(c, errno ? errno : EPIPE);
		return;
	}
	c->n_written += plain - c->out.n;
	if (c->shut && !c->sent_fin && conn_unsent(c) == 0)
		ended = send_fin(c);
	if (c->wants_room && (ended || conn_unsent(c) < before)) {
		c->wants_room = false;
		loop_again(c->loop, c);
	}
}

/* As often as all of it left at once, but not for ever: others wait. */
static void gather_and_write(struct conn *c)
{
	for (int turn = 0; turn < WRITE_TURNS; turn++) {
		c->ops->gather(c);
		if (conn_unsent(c) == 0 && !c->shut)
			return;
		write_what_is_there(c);
		if (!c->writable || c->write_error || conn_unsent(c) > 0)
			return;
	}
	loop_again(c->loop, c);
}

void conn_write_out(struct conn *c)
{
	if (c->fd < 0 || c->error || c->connecting || !c->writable)
		return;
	if (c->write_error)
		chain_release(&c->out);
	else if (__builtin_expect(c->ops->gather != NULL, 0))
		gather_and_write(c);
	else
		write_what_is_there(c);
}

void conn_shut_after_write(struct conn *c)
{
	c->shut = true;
	conn_dirty(c);
}

/* The peer's kernel has all that was appended, so a reset takes nothing back.
 * Costs a call once nothing is unsent. */
static bool is_delivered(const struct conn *c)
{
	int unacknowledged = 0;

	if (conn_unsent(c))
		return false;
	return ioctl(c->fd, SIOCOUTQ, &unacknowledged) || unacknowledged == 0;
}

static void reset_at_close(struct conn *c)
{
	const struct linger now = {.l_onoff = 1, .l_linger = 0};

	if (c->resets)
		return;
	c->resets = true;
	/* On a path it does nothing, and an end is all that can be told. */
	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

enum io conn_deliver(struct conn *c)
{
	enum io io;

	reset_at_close(c);
	io = conn_fill(c);
	chain_drain(&c->in, c->in.n);
	if (io == IO_FAILED || c->write_error || is_delivered(c))
		return IO_DONE;
	if (io == IO_DONE)
		loop_again(c->loop, c);
	if (conn_unsent(c)) {
		c->wants_room = true;
		return IO_AGAIN;
	}
	/* No event tells when the peer has acknowledged it. */
	c->unsure = true;
	loop_doubt(c->loop, c);
	return IO_AGAIN;
}

void conn_begin_filter(struct conn *c, struct filter *filter_take)
{
	c->filter = filter_take;
	c->n_read -= chain_move(&filter_take->raw_in, &c->in, c->in.n);
	c->held = true;
}

void conn_go_plain(struct conn *c)
{
	struct filter *f = c->filter;

	c->filter = NULL;
	c->n_read += chain_move(&c->in, &f->raw_in, f->raw_in.n);
	f->ops->free(f);
	c->error = 0;
	c->held = false;
	c->readable = true; /* the filter failed before the last read of a turn,
			     * perhaps, and no edge tells of the rest */
}
