/*
 * fuzz_h2_session.c - frames of a peer, with a fake exchange behind them.
 *
 * The first octet says which role is ours and what the users of streams do;
 * the rest are the peer's octets behind its preface, cut into pieces whose
 * lengths the first octets say. Whatever comes, what is held is what the
 * streams hold, within the limits, and at the end nothing is.
 */
#include "fuzz.h"

#include <sys/socket.h>
#include <unistd.h>

#include "net/loop.h"
#include "stream/h2_inside.h"

enum { TURNS = 6, USERS = 3, PIECES = 8 };

struct fake {
	struct loop loop;
	struct conn us;
	int them;
	struct h2_session *hs;
	uint8_t choices;
};

static struct fake *fake_of(struct h2_session *hs)
{
	return h2_session_owner(hs);
}

/* -- what an exchange would do --------------------------------------------- */

static bool read_head(struct stream *s)
{
	struct field fields[HEAD_FIELDS_MAX];
	struct http_head head = {
		.fields = fields,
		.max_fields = HEAD_FIELDS_MAX,
	};
	enum reason why;
	bool done = s->ops->read_head(s, &head, &why) == IO_DONE;

	HOLDS(!done || why == REASON_NONE);
	if (done)
		s->ops->drop_head(s, &head);
	return done;
}

static void answer(struct stream *s, enum body_kind kind)
{
	struct field fields[] = {
		{.name = SLICE_INIT("X-Mine"), .value = SLICE_INIT("1")}};
	struct http_head head = {
		.fields = fields,
		.n_fields = 1,
		.max_fields = 1,
		.status = 200,
	};
	struct outgoing out = {
		.head = &head,
		.body = {kind, 5},
		.content = kind == BODY_LENGTH ? SLICE("hello") : SLICE(""),
	};

	s->ops->write_head(s, &out);
}

/* Gives back what has come; false once it is over. */
static bool echo(struct stream *s)
{
	struct chain body;
	enum io io;

	chain_init(&body, UINT32_MAX);
	io = s->ops->read_body(s, &body, s->ops->room(s));
	if (!s->out_done && s->out.kind == BODY_UNKNOWN)
		s->ops->write_body(s, &body);
	chain_release(&body);
	if (io == IO_DONE && !s->out_done)
		s->ops->end_body(s, NULL);
	if (io == IO_AGAIN && s->ops->room(s) == 0)
		s->ops->want_room(s);
	return io == IO_AGAIN && s->ops->peer(s) < PEER_DEAF;
}

static void leave(struct fake *f, struct stream *s)
{
	if (f->choices & 4)
		s->ops->reset(s, REASON_TARGET_CUT);
	else
		s->ops->finish(s, true);
}

static void on_stream(struct h2_session *hs, struct stream *s)
{
	struct fake *f = fake_of(hs);

	if (!f->hs)
		return;
	if (!hs->is_server && !read_head(s) && s->ops->peer(s) < PEER_DEAF)
		return;
	if (!echo(s))
		leave(f, s);
}

static bool on_request(struct h2_session *hs, struct stream *s)
{
	struct fake *f = fake_of(hs);

	if (f->choices & 8 && h2_session_streams(hs) > 2)
		return false;
	h2_stream_use(s, f);
	if (!read_head(s)) {
		s->ops->finish(s, false);
		return true;
	}
	answer(s, f->choices & 2 ? BODY_LENGTH : BODY_UNKNOWN);
	on_stream(hs, s);
	return true;
}

static void on_left(struct h2_session *hs)
{
	(void)hs;
}

static void on_glitch(struct h2_session *hs, enum glitch g, const char *text)
{
	(void)hs;
	HOLDS(g <= GLITCH_KINDS && (g < GLITCH_KINDS || text));
}

static const struct h2_owner owner = {
	.request = on_request,
	.ready = on_stream,
	.left = on_left,
	.glitch = on_glitch,
};

/* -- what holds ------------------------------------------------------------ */

static void check(const struct h2_session *hs)
{
	uint64_t in = 0, out = 0, heads = 0;
	unsigned n = 0, users = 0;

	list_foreach (node, &hs->streams) {
		const struct h2_stream *s =
			list_entry(node, struct h2_stream, node);

		in += s->in.n;
		out += s->out.n;
		heads += s->held_heads;
		users += s->user != NULL;
		n++;
		HOLDS(s->user || s->is_open);
		HOLDS(s->out.n <= 2 * H2_STREAM_OUT_MOST);
	}
	HOLDS(in == hs->held_in && out == hs->held_out);
	HOLDS(heads == hs->held_heads && heads <= 2 * H2_HEADS_MOST);
	HOLDS(n == hs->n_streams && users == hs->n_users);
	HOLDS(n <= hs->streams_most);
	HOLDS(in <= hs->in_most + H2_CONN_WINDOW);
}

static void on_us(struct conn *c)
{
	struct fake *f = list_entry(c, struct fake, us);

	if (f->hs) {
		h2_session_run(f->hs);
		check(f->hs);
	}
}

static void on_nobody(struct conn *c)
{
	(void)c;
}

static void on_gather(struct conn *c)
{
	struct fake *f = list_entry(c, struct fake, us);

	if (f->hs)
		h2_session_gather(f->hs);
}

static const struct conn_ops ops = {
	.ready = on_us,
	.expired = on_nobody,
	.gather = on_gather,
};

static void turn(struct fake *f)
{
	char waste[4096];

	loop_turn(&f->loop, false);
	/* Some do not read. */
	while (!(f->choices & 16) && read(f->them, waste, sizeof(waste)) > 0)
		;
}

static void ask(struct fake *f)
{
	struct http_head head = {
		.method = SLICE("GET"),
		.method_id = METHOD_GET,
		.target = SLICE("/"),
		.authority = SLICE("a"),
	};
	const struct body body = {.kind = BODY_NONE};

	for (int i = 0; i < USERS; i++) {
		struct prepared request = {0};
		struct stream *s = h2_session_open(f->hs, f);

		if (!s)
			return;
		HOLDS(s->ops->prepare(&head, &body, &request));
		if (!s->ops->send(s, &request))
			s->ops->finish(s, false);
		prepared_release(&request);
	}
}

static void end_stream(struct stream *s)
{
	s->ops->finish(s, false);
}

static void run(struct fake *f, struct slice in)
{
	const struct h2_options options = {
		.ops = &owner,
		.owner = f,
		.is_server = f->choices & 1,
		.streams = 8,
		.window = H2_WINDOW,
		.in_most = H2_IN_MOST,
		.preface_ms = 1000000,
		.idle_ms = 1000000,
	};
	size_t step = 1 + in.n / PIECES;

	f->hs = h2_session_new(&f->us, &options);
	if (options.is_server)
		HOLDS(write(f->them, NGHTTP2_CLIENT_MAGIC,
			    NGHTTP2_CLIENT_MAGIC_LEN) > 0);
	else
		ask(f);
	while (in.n > 0 && h2_session_end(f->hs) == H2_GOES_ON) {
		struct slice piece = slice_first(in, step);

		if (write(f->them, piece.p, piece.n) <= 0)
			break;
		in = slice_from(in, step);
		turn(f);
	}
	if (f->choices & 32)
		h2_session_shut(f->hs);
	for (int i = 0; i < TURNS; i++)
		turn(f);
	check(f->hs);
	h2_session_break(f->hs);
	h2_session_each(f->hs, end_stream);
	h2_session_free(f->hs);
	f->hs = NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = fuzz_slice(data, size);
	struct fake f = {.choices = fuzz_octet(&in)};
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds))
		return 0;
	loop_init(&f.loop);
	HOLDS(conn_open(&f.us, &f.loop, fds[0], &ops, 128 * 1024) == 0);
	f.them = fds[1];
	run(&f, in);
	conn_close(&f.us);
	close(f.them);
	loop_release(&f.loop);
	piece_room_release();
	HOLDS(chunk_pool_in_use() == 0);
	return 0;
}
