/*
 * test_stream.c - what every stream promises to its user, whatever protocol
 * carries it (stream/stream.h).
 *
 * A table of cases over a table of streams: each case is run with each of
 * them. A protocol that joins brings a speaker, who knows what its messages
 * look like to the one at the other end, and a row.
 */
#include "stream/stream.h"

#include <stdio.h>
#include <sys/socket.h>

#include "certs.h"
#include "stream_world.h"
#include "tls/policy.h"
#include "tls_pair.h"
#include "unit.h"

enum { LIMIT = 64 * 1024, TURNS = 12 };

static struct tls_server *server;
static struct tls_client *client;

/* -- both ends ------------------------------------------------------------- */

static void on_us(struct conn *c)
{
	list_entry(c, struct world, us)->n_told++;
}

static void on_nobody(struct conn *c)
{
	(void)c;
}

static const struct conn_ops us_ops = {
	.ready = on_us,
	.expired = on_nobody,
};
static const struct conn_ops them_ops = {
	.ready = on_nobody,
	.expired = on_nobody,
};

static void on_over(struct h1_stream *h, enum h1_over how)
{
	struct world *w = list_entry(h, struct world, h1);

	w->n_over++;
	w->over = how;
}

void world_settle(struct world *w)
{
	for (int i = 0; i < TURNS; i++) {
		loop_turn(&w->loop, false);
		if (w->peer)
			w->row->speaker->turn(w);
	}
}

static void shake_hands(struct world *w)
{
	struct conn *accepts = w->row->is_front ? &w->us : &w->them;
	struct conn *connects = w->row->is_front ? &w->them : &w->us;

	accepts->filter = tls_filter_accept(server, 0);
	connects->filter = tls_filter_connect(client, 0, SLICE("ec.example"),
					      SLICE("ec.example"), SLICE(""));
	conn_dirty(connects);
	for (int i = 0; i < TURNS; i++) {
		loop_turn(&w->loop, false);
		conn_fill(&w->us);
		conn_fill(&w->them);
	}
	assert_true(conn_is_established(&w->us));
	assert_true(conn_is_established(&w->them));
	world_settle(w);
}

static void begin_h1(struct world *w)
{
	const struct h1_client facts = {.desync = DESYNC_DEFENSIVE};

	if (w->row->is_front)
		h1_front_begin(&w->h1, &w->us, &facts, on_over);
	else
		h1_back_begin(&w->h1, &w->us, on_over);
	w->s = &w->h1.stream;
}

static struct world *world_new(const struct row *row)
{
	struct world *w = xcalloc(1, sizeof(*w));
	int fds[2];

	w->row = row;
	loop_init(&w->loop);
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	assert_int_equal(conn_open(&w->us, &w->loop, fds[0], &us_ops, LIMIT),
			 0);
	assert_int_equal(
		conn_open(&w->them, &w->loop, fds[1], &them_ops, 1 << 20), 0);
	if (row->tls)
		shake_hands(w);
	row->speaker->begin(w);
	return w;
}

static void world_free(struct world *w)
{
	w->row->speaker->end(w);
	conn_close(&w->us);
	conn_close(&w->them);
	loop_release(&w->loop);
	free(w);
}

/* What the other end sends. */
static void say(struct world *w, const char *text)
{
	assert_true(chain_copy(&w->them.out, slice_of(text)));
	conn_dirty(&w->them);
	world_settle(w);
}

/* All that the other end has received is this, and then it is forgotten. */
static void hear(struct world *w, const char *text)
{
	struct chain *in = &w->them.in;

	world_settle(w);
	conn_fill(&w->them);
	assert_true(chain_linearise(in, in->n));
	assert_slice(chain_front(in), text);
	chain_drain(in, in->n);
}

/* -- a speaker of HTTP/1.1 ------------------------------------------------- */

static void h1_say_head(struct world *w, enum body_kind kind)
{
	static const char *const requests[] = {
		[BODY_NONE] = "GET /a HTTP/1.1\r\nHost: a\r\n",
		[BODY_LENGTH] = "POST /a HTTP/1.1\r\nHost: a\r\n"
				"Content-Length: 5\r\n",
		[BODY_UNKNOWN] = "POST /a HTTP/1.1\r\nHost: a\r\n"
				 "Transfer-Encoding: chunked\r\n",
	};
	static const char *const answers[] = {
		[BODY_NONE] = "HTTP/1.1 204 No Content\r\n",
		[BODY_LENGTH] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n",
		[BODY_UNKNOWN] = "HTTP/1.1 200 OK\r\n"
				 "Transfer-Encoding: chunked\r\n",
	};

	say(w, w->row->is_front ? requests[kind] : answers[kind]);
	say(w, "Connection: x-hop, TE\r\nX-Hop: 1\r\nX-End: 2\r\n"
	       "TE: trailers\r\n\r\n");
}

static void h1_body_text(char *out, size_t size, enum body_kind kind,
			 const char *octets, bool last)
{
	char chunk[64] = "";

	if (kind == BODY_UNKNOWN && *octets)
		snprintf(chunk, sizeof(chunk), "%zx\r\n%s\r\n", strlen(octets),
			 octets);
	snprintf(out, size, "%s%s", kind == BODY_UNKNOWN ? chunk : octets,
		 kind == BODY_UNKNOWN && last ? "0\r\n\r\n" : "");
}

static void h1_say_body(struct world *w, enum body_kind kind,
			const char *octets, bool last)
{
	char text[128];

	h1_body_text(text, sizeof(text), kind, octets, last);
	say(w, text);
}

static void h1_say_nonsense(struct world *w)
{
	say(w, "x\r\n");
}

static void h1_hear_head(struct world *w, enum body_kind kind)
{
	static const char *const framing[] = {
		[BODY_NONE] = "",
		[BODY_LENGTH] = "Content-Length: 5\r\n",
		[BODY_UNKNOWN] = "Transfer-Encoding: chunked\r\n",
		[BODY_OMITTED] = "Content-Length: 5\r\n",
	};
	char text[256];

	if (w->row->is_front)
		snprintf(text, sizeof(text),
			 "HTTP/1.1 200 Fine\r\nX-Mine: 1\r\n%s\r\n",
			 framing[kind]);
	else
		snprintf(text, sizeof(text),
			 "GET /a%%20b HTTP/1.1\r\nHost: a:8080\r\n%s"
			 "X-Mine: 1\r\n\r\n",
			 framing[kind]);
	hear(w, text);
}

static void h1_hear_body(struct world *w, enum body_kind kind,
			 const char *octets, bool last)
{
	char text[128];

	h1_body_text(text, sizeof(text), kind, octets, last);
	hear(w, text);
}

static void h1_hear_nothing(struct world *w)
{
	hear(w, "");
}

/* A connection has no word for it but its end. */
static void h1_hear_reset(struct world *w)
{
	assert_true(w->over == H1_ABORT || w->over == H1_RESET);
}

static void h1_drop(struct world *w)
{
	conn_fill(&w->them);
	chain_drain(&w->them.in, w->them.in.n);
}

static void h1_end(struct world *w)
{
	(void)w;
}

static void h1_hear_trailers(struct world *w)
{
	/* Targets of HTTP/1.1 are sent none. */
	hear(w, w->row->is_front ? "0\r\nX-Mine: 1\r\n\r\n" : "0\r\n\r\n");
}

static const struct speaker h1_speaker = {
	.begin = begin_h1,
	.end = h1_end,
	.say_head = h1_say_head,
	.say_body = h1_say_body,
	.say_nonsense = h1_say_nonsense,
	.hear_head = h1_hear_head,
	.hear_body = h1_hear_body,
	.hear_trailers = h1_hear_trailers,
	.hear_nothing = h1_hear_nothing,
	.hear_reset = h1_hear_reset,
	.drop = h1_drop,
};

static const struct row rows[] = {
	{"requests of HTTP/1", &h1_speaker, true, false, false, false},
	{"requests of HTTP/1 over TLS", &h1_speaker, true, true, false, false},
	{"answers of HTTP/1", &h1_speaker, false, false, false, false},
	{"answers of HTTP/1 over TLS", &h1_speaker, false, true, false, false},
	{"requests of HTTP/2", &h2_speaker, true, false, true, true},
	{"requests of HTTP/2 over TLS", &h2_speaker, true, true, true, true},
	{"answers of HTTP/2", &h2_speaker, false, false, false, true},
	{"answers of HTTP/2 over TLS", &h2_speaker, false, true, false, true},
};

/* -- what the user of a stream does ---------------------------------------- */

static enum io read_head(struct world *w, struct http_head *head)
{
	static struct field fields[16];
	enum reason why;
	enum io io;

	*head = (struct http_head){.fields = fields, .max_fields = 16};
	io = w->s->ops->read_head(w->s, head, &why);
	assert_int_equal(why, REASON_NONE);
	return io;
}

static void send_head(struct world *w, enum body_kind kind);

/* Where nothing can come before it was asked for. */
static void ask_first(struct world *w)
{
	if (w->row->is_front || !w->row->one_of_many || w->asked)
		return;
	send_head(w, BODY_NONE);
	world_settle(w);
}

/* The other end begins a message, and its head is read. */
static void receive_head(struct world *w, enum body_kind kind)
{
	struct http_head head;

	ask_first(w);
	w->row->speaker->say_head(w, kind);
	assert_int_equal(read_head(w, &head), IO_DONE);
	w->s->ops->drop_head(w->s, &head);
}

/* Reads once; what came is this. */
static enum io read_body(struct world *w, const char *text, size_t most)
{
	struct chain body;
	enum io io;

	chain_init(&body, UINT32_MAX);
	io = w->s->ops->read_body(w->s, &body, most);
	assert_true(chain_linearise(&body, body.n));
	assert_slice(chain_front(&body), text);
	chain_release(&body);
	return io;
}

static const struct field mine = {
	.name = SLICE_INIT("X-Mine"),
	.value = SLICE_INIT("1"),
};

/* A head with one field of no importance. */
static struct http_head head_of(const struct world *w)
{
	static struct field fields[1];
	struct http_head head = {
		.fields = fields,
		.n_fields = 1,
		.version = HTTP_1_1,
	};

	fields[0] = mine;
	if (w->row->is_front) {
		head.status = 200;
		head.phrase = SLICE("Fine");
		return head;
	}
	head.method = SLICE("GET");
	head.method_id = METHOD_GET;
	head.target = SLICE("/a b");
	head.authority = SLICE("a:8080");
	return head;
}

static void send_head(struct world *w, enum body_kind kind)
{
	const struct http_head head = head_of(w);
	const struct body body = {kind, 5};
	struct outgoing out = {.head = &head, .body = body, .n_leading = 1};
	struct prepared request = {0};

	w->asked = true;
	if (w->row->is_front) {
		assert_true(w->s->ops->write_head(w->s, &out));
		return;
	}
	assert_true(w->s->ops->prepare(&head, &body, &request));
	assert_true(w->s->ops->send(w->s, &request));
	prepared_release(&request);
}

static void send_body(struct world *w, const char *text)
{
	struct chain body;

	chain_init(&body, UINT32_MAX);
	assert_true(chain_copy(&body, slice_of(text)));
	assert_true(w->s->ops->write_body(w->s, &body));
	assert_int_equal(body.n, 0);
}

/* Both messages, from the first octet to the last. */
static void exchange(struct world *w)
{
	receive_head(w, BODY_NONE);
	if (!w->asked)
		send_head(w, BODY_NONE);
	world_settle(w);
	assert_true(w->s->in_done && w->s->out_done);
}

/* -- what comes ------------------------------------------------------------ */

static void case_a_head_that_is_not_there(struct world *w)
{
	struct http_head head;

	ask_first(w);
	assert_int_equal(read_head(w, &head), IO_AGAIN);
	assert_false(w->s->in_done);
	w->row->speaker->say_head(w, BODY_NONE);
	assert_true(w->n_told > 0);
	assert_int_equal(read_head(w, &head), IO_DONE);
	assert_true(w->s->in_done);
	assert_int_equal(w->s->in.kind, BODY_NONE);
	assert_true(w->s->keep);
}

/* A field that ends here is marked, and others are not. */
static void case_fields_that_end_here(struct world *w)
{
	struct http_head head;
	const struct field *f;

	ask_first(w);
	w->row->speaker->say_head(w, BODY_NONE);
	assert_int_equal(read_head(w, &head), IO_DONE);
	f = head_find_text(&head, SLICE("x-hop"));
	assert_true(!f || (f->quirks & FIELD_LEAVE_OUT));
	f = head_find_text(&head, SLICE("x-end"));
	assert_non_null(f);
	assert_false(f->quirks & FIELD_LEAVE_OUT);
}

static void case_a_body_of_a_known_length(struct world *w)
{
	receive_head(w, BODY_LENGTH);
	assert_int_equal(w->s->in.kind, BODY_LENGTH);
	assert_int_equal(w->s->in.length, 5);
	assert_int_equal(read_body(w, "", LIMIT), IO_AGAIN);
	w->row->speaker->say_body(w, BODY_LENGTH, "hel", false);
	assert_int_equal(read_body(w, "he", 2), IO_AGAIN);
	assert_int_equal(read_body(w, "l", LIMIT), IO_AGAIN);
	assert_int_equal(stream_in_left(w->s), 2);
	w->row->speaker->say_body(w, BODY_LENGTH, "lo", true);
	assert_int_equal(read_body(w, "lo", LIMIT), IO_DONE);
	assert_true(w->s->in_done);
	assert_int_equal(w->s->in_octets, 5);
	assert_int_equal(read_body(w, "", LIMIT), IO_DONE);
}

static void case_a_body_of_no_known_length(struct world *w)
{
	receive_head(w, BODY_UNKNOWN);
	assert_int_equal(w->s->in.kind, BODY_UNKNOWN);
	w->row->speaker->say_body(w, BODY_UNKNOWN, "hello", false);
	assert_int_equal(read_body(w, "hel", 3), IO_AGAIN);
	assert_int_equal(read_body(w, "lo", LIMIT), IO_AGAIN);
	assert_false(w->s->in_done);
	w->row->speaker->say_body(w, BODY_UNKNOWN, "", true);
	assert_int_equal(read_body(w, "", LIMIT), IO_DONE);
	assert_true(w->s->in_done);
	assert_int_equal(w->s->in_octets, 5);
}

static void case_a_body_that_is_cut(struct world *w)
{
	receive_head(w, BODY_LENGTH);
	w->row->speaker->say_body(w, BODY_LENGTH, "hel", false);
	conn_shut_after_write(&w->them);
	world_settle(w);
	assert_int_equal(read_body(w, "hel", LIMIT), IO_CLOSED);
	assert_false(w->s->in_done);
}

static void case_a_body_that_makes_no_sense(struct world *w)
{
	receive_head(w, BODY_UNKNOWN);
	w->row->speaker->say_nonsense(w);
	assert_int_equal(read_body(w, "", LIMIT), IO_FAILED);
	assert_int_equal(w->s->error, STREAM_BAD_BODY);
	assert_int_equal(read_body(w, "", LIMIT), IO_FAILED);
}

/* -- what leaves ----------------------------------------------------------- */

static void receive_if_asked(struct world *w)
{
	if (w->row->is_front)
		receive_head(w, BODY_NONE);
}

static void case_a_message_without_a_body(struct world *w)
{
	receive_if_asked(w);
	send_head(w, BODY_NONE);
	assert_true(w->s->out_done);
	w->row->speaker->hear_head(w, BODY_NONE);
}

static void case_a_message_of_a_known_length(struct world *w)
{
	receive_if_asked(w);
	send_head(w, BODY_LENGTH);
	assert_false(w->s->out_done);
	w->row->speaker->hear_head(w, BODY_LENGTH);
	send_body(w, "hel");
	send_body(w, "");
	w->row->speaker->hear_body(w, BODY_LENGTH, "hel", false);
	send_body(w, "lo");
	assert_true(w->s->ops->end_body(w->s, NULL));
	w->row->speaker->hear_body(w, BODY_LENGTH, "lo", true);
	assert_true(w->s->out_done);
	assert_int_equal(w->s->out_octets, 5);
	assert_true(w->s->ops->end_body(w->s, NULL));
	w->row->speaker->hear_nothing(w);
}

static void case_a_message_of_no_known_length(struct world *w)
{
	receive_if_asked(w);
	send_head(w, BODY_UNKNOWN);
	w->row->speaker->hear_head(w, BODY_UNKNOWN);
	send_body(w, "hel");
	w->row->speaker->hear_body(w, BODY_UNKNOWN, "hel", false);
	send_body(w, "lo");
	assert_true(w->s->ops->end_body(w->s, NULL));
	w->row->speaker->hear_body(w, BODY_UNKNOWN, "lo", true);
	assert_int_equal(w->s->out_octets, 5);
}

static void case_a_message_whose_body_is_left_out(struct world *w)
{
	receive_if_asked(w);
	send_head(w, BODY_OMITTED);
	assert_true(w->s->out_done);
	w->row->speaker->hear_head(w, BODY_OMITTED);
}

static void case_trailers(struct world *w)
{
	struct http_head trailers = head_of(w);

	receive_if_asked(w);
	send_head(w, BODY_UNKNOWN);
	w->row->speaker->hear_head(w, BODY_UNKNOWN);
	assert_true(w->s->ops->end_body(w->s, &trailers));
	w->row->speaker->hear_trailers(w);
}

/* What was prepared can be sent as often as need be, and tells its parts. */
static void case_a_request_that_is_prepared(struct world *w)
{
	const struct http_head head = head_of(w);
	const struct body body = {.kind = BODY_NONE};
	struct prepared request = {0};

	if (w->row->is_front)
		return;
	assert_true(w->s->ops->prepare(&head, &body, &request));
	assert_slice(request.host, "a");
	assert_slice(slice_first(request.line, 9), "GET /a%20");
	for (int i = 0; i < (w->row->one_of_many ? 1 : 2); i++) {
		assert_true(w->s->ops->send(w->s, &request));
		w->row->speaker->hear_head(w, BODY_NONE);
	}
	prepared_shed(&request);
	assert_slice(slice_first(request.line, 9), "GET /a%20");
	prepared_shed(&request);
	prepared_release(&request);
}

/* -- limits ---------------------------------------------------------------- */

static void case_room(struct world *w)
{
	static char block[LIMIT / 8 + 1];
	const struct stream_ops *ops;
	size_t before;

	memset(block, 'x', sizeof(block) - 1);
	receive_if_asked(w);
	ops = w->s->ops;
	w->deaf = true;
	assert_true(ops->room(w->s) > 0);
	assert_false(ops->has_unsent(w->s));
	send_head(w, BODY_UNKNOWN);
	assert_true(ops->has_unsent(w->s));
	for (int i = 0; i < 1000 && ops->room(w->s) > 0; i++) {
		send_body(w, block);
		ops->push(w->s);
		world_settle(w);
	}
	assert_int_equal(ops->room(w->s), 0);
	ops->want_room(w->s);
	w->n_told = 0;
	before = w->them.in.n;
	for (int i = 0; i < 1000 && w->n_told == 0; i++) {
		w->row->speaker->drop(w);
		world_settle(w);
	}
	assert_int_equal(before, 0);
	assert_true(w->n_told > 0);
	assert_true(ops->room(w->s) > 0);
}

static void case_again(struct world *w)
{
	world_settle(w);
	w->n_told = 0;
	w->s->ops->again(w->s);
	loop_turn(&w->loop, false);
	assert_int_equal(w->n_told, 1);
}

/* -- the one at the other end ---------------------------------------------- */

static void case_a_peer_that_ends(struct world *w)
{
	assert_int_equal(w->s->ops->peer(w->s), PEER_THERE);
	conn_shut_after_write(&w->them);
	world_settle(w);
	assert_true(w->s->ops->peer(w->s) >= PEER_CLOSING);
}

/* The write fails; what the peer said before is still to be had. */
static void case_a_peer_that_takes_nothing_more(struct world *w)
{
	receive_head(w, BODY_LENGTH);
	w->row->speaker->say_body(w, BODY_LENGTH, "hello", true);
	conn_close(&w->them);
	send_head(w, BODY_UNKNOWN);
	conn_write_out(&w->us);
	assert_int_equal(w->s->ops->peer(w->s), PEER_DEAF);
	assert_int_equal(read_body(w, "hello", LIMIT), IO_DONE);
}

static void case_one_that_is_broken_from_here(struct world *w)
{
	receive_head(w, BODY_LENGTH);
	stream_break(w->s);
	assert_int_equal(w->s->ops->peer(w->s), PEER_GONE);
	assert_int_equal(read_body(w, "", LIMIT), IO_FAILED);
	assert_int_equal(w->s->error, STREAM_BROKEN);
}

static void case_one_that_leaves_while_it_waits(struct world *w)
{
	receive_head(w, BODY_NONE);
	assert_int_equal(w->s->ops->is_gone(w->s), GONE_NOT);
	conn_close(&w->them);
	world_settle(w);
	assert_int_equal(w->s->ops->is_gone(w->s), GONE_WAITING);
}

static void case_one_that_leaves_in_its_body(struct world *w)
{
	receive_head(w, BODY_LENGTH);
	w->row->speaker->say_body(w, BODY_LENGTH, "hel", false);
	assert_int_equal(w->s->ops->is_gone(w->s), GONE_NOT);
	conn_close(&w->them);
	world_settle(w);
	assert_int_equal(w->s->ops->is_gone(w->s), GONE_IN_BODY);
}

static void case_octets_are_counted(struct world *w)
{
	uint64_t in, out;

	w->s->ops->octets(w->s, &in, &out);
	assert_int_equal(in, 0);
	assert_int_equal(out, 0);
	exchange(w);
	w->s->ops->octets(w->s, &in, &out);
	assert_true(in > 0);
	assert_true(out > 0);
	assert_int_equal(w->s->in_octets, 0);
	assert_int_equal(w->s->out_octets, 0);
}

static void case_how_far_a_request_has_got(struct world *w)
{
	if (w->row->is_front)
		return;
	assert_int_equal(w->s->ops->reach(w->s), REACH_NONE);
	send_head(w, BODY_NONE);
	assert_int_equal(w->s->ops->reach(w->s), REACH_NONE);
	world_settle(w);
	assert_int_equal(w->s->ops->reach(w->s), REACH_SENT);
	receive_head(w, BODY_NONE);
	assert_int_equal(w->s->ops->reach(w->s), REACH_ANSWERED);
}

static void case_octets_that_move_are_seen(struct world *w)
{
	uint64_t before = w->s->ops->moved_ms(w->s);

	assert_true(before > 0);
	receive_head(w, BODY_NONE);
	assert_true(w->s->ops->moved_ms(w->s) >= before);
}

/* -- another protocol ------------------------------------------------------ */

static void case_octets_of_another_protocol(struct world *w)
{
	const struct stream_ops *ops = w->s->ops;

	exchange(w);
	w->row->speaker->hear_head(w, BODY_NONE);
	ops->switch_over(w->s);
	assert_false(w->s->in_done || w->s->out_done);
	say(w, "x\r\n");
	assert_int_equal(read_body(w, "x\r\n", LIMIT), IO_AGAIN);
	send_body(w, "y");
	hear(w, "y");
	conn_shut_after_write(&w->them);
	world_settle(w);
	assert_int_equal(read_body(w, "", LIMIT), IO_DONE);
	/* The other direction goes on. */
	send_body(w, "z");
	hear(w, "z");
	assert_true(ops->end_body(w->s, NULL));
	world_settle(w);
	assert_int_equal(conn_fill(&w->them), IO_CLOSED);
	assert_true(w->s->in_done && w->s->out_done);
}

/* -- ends ------------------------------------------------------------------ */

static void case_an_end_that_keeps(struct world *w)
{
	exchange(w);
	w->s->ops->finish(w->s, true);
	assert_int_equal(w->n_over, 1);
	assert_int_equal(w->over, H1_KEEP);
}

static void case_an_end_that_does_not(struct world *w)
{
	exchange(w);
	w->s->ops->finish(w->s, false);
	assert_int_equal(w->n_over, 1);
	assert_true(w->over != H1_KEEP);
}

/* Nobody may take what follows for the next message. */
static void case_an_end_before_all_has_come(struct world *w)
{
	receive_head(w, BODY_LENGTH);
	send_head(w, BODY_NONE);
	w->s->ops->finish(w->s, true);
	assert_int_equal(w->n_over, 1);
	assert_true(w->over != H1_KEEP);
}

static void case_a_reset(struct world *w)
{
	receive_if_asked(w);
	send_head(w, BODY_LENGTH);
	send_body(w, "hel");
	w->s->ops->reset(w->s, REASON_TARGET_CUT);
	assert_int_equal(w->n_over, 1);
	w->row->speaker->hear_reset(w);
}

/* What was written is not lost by the reset that follows. */
static void case_a_reset_behind_the_last_octet(struct world *w)
{
	static char block[4 * LIMIT];

	receive_if_asked(w);
	send_head(w, BODY_UNKNOWN);
	memset(block, 'x', sizeof(block) - 1);
	send_body(w, block);
	for (int i = 0; i < 1000; i++) {
		if (w->s->ops->deliver(w->s) == IO_DONE)
			break;
		conn_fill(&w->them);
		world_settle(w);
	}
	assert_false(w->s->ops->has_unsent(w->s));
	conn_fill(&w->them);
	assert_true(w->them.in.n >= sizeof(block) - 1);
}

#define CASE(name, needs)                                                      \
	{                                                                      \
#name, case_##name, needs                                      \
	}

/* What a row must have for a case to have a meaning. */
enum {
	ANY,
	STREAM = 1, /* that is there before its head */
	WHOLE = 2,  /* the connection is its own */
};

static const struct {
	const char *name;
	void (*run)(struct world *w);
	unsigned needs;
} cases[] = {
	CASE(a_head_that_is_not_there, STREAM),
	CASE(fields_that_end_here, ANY),
	CASE(a_body_of_a_known_length, ANY),
	CASE(a_body_of_no_known_length, ANY),
	CASE(a_body_that_is_cut, ANY),
	CASE(a_body_that_makes_no_sense, ANY),
	CASE(a_message_without_a_body, ANY),
	CASE(a_message_of_a_known_length, ANY),
	CASE(a_message_of_no_known_length, ANY),
	CASE(a_message_whose_body_is_left_out, ANY),
	CASE(trailers, ANY),
	CASE(a_request_that_is_prepared, ANY),
	CASE(room, ANY),
	CASE(again, STREAM),
	CASE(a_peer_that_ends, STREAM),
	CASE(a_peer_that_takes_nothing_more, WHOLE),
	CASE(one_that_is_broken_from_here, ANY),
	CASE(one_that_leaves_while_it_waits, ANY),
	CASE(one_that_leaves_in_its_body, ANY),
	CASE(octets_are_counted, STREAM),
	CASE(how_far_a_request_has_got, ANY),
	CASE(octets_that_move_are_seen, STREAM),
	CASE(octets_of_another_protocol, WHOLE),
	CASE(an_end_that_keeps, ANY),
	CASE(an_end_that_does_not, WHOLE),
	CASE(an_end_before_all_has_come, WHOLE),
	CASE(a_reset, ANY),
	CASE(a_reset_behind_the_last_octet, WHOLE),
};

static bool has_meaning(size_t i, const struct row *row)
{
	return !((cases[i].needs & STREAM) && row->by_head) &&
	       !((cases[i].needs & WHOLE) && row->one_of_many);
}

static void test_every_stream_keeps_its_promises(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (size_t k = 0; k < ARRAY_SIZE(rows); k++) {
			struct world *w;

			if (!has_meaning(i, &rows[k]))
				continue;
			w = world_new(&rows[k]);
			print_message("# %s: %s\n", rows[k].name,
				      cases[i].name);
			cases[i].run(w);
			world_free(w);
			piece_room_release();
			assert_int_equal(chunk_pool_in_use(), 0);
		}
}

static int set_up(void **state)
{
	certs_enter(state);
	pair_write_certs();
	server = pair_server(POLICY_DEFAULT, NULL, "");
	client = pair_client(NULL);
	return 0;
}

static int tear_down(void **state)
{
	tls_server_unref(server);
	tls_client_unref(client);
	return certs_leave(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_stream_keeps_its_promises),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
