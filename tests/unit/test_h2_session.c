/*
 * test_h2_session.c - what a session does with many streams, and with time.
 *
 * The client at the other end is nghttp2; the clock is moved by hand.
 */
#include "stream/h2_session.h"

#include <nghttp2/nghttp2.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "unit.h"

enum { START_MS = 1000000, MOST = 64, FRAMES = 256 };

struct world {
	struct loop loop;
	struct conn us, them;
	struct h2_session *hs;
	struct stream *streams[MOST]; /* of ours, as they began */
	unsigned n_begun, n_told;
	unsigned glitches[GLITCH_KINDS + 1];
	bool answers; /* each request, at once, with a page */

	nghttp2_session *ng;
	int32_t frames[FRAMES]; /* streams of DATA, in order */
	unsigned n_frames, n_goaways, n_pings;
	int32_t last_ids[4];
	uint32_t reset_code;
	bool holds_pings; /* it does not answer them */
};

/* -- ours ------------------------------------------------------------------ */

static void answer(struct stream *s)
{
	struct field fields[1];
	struct http_head head = {.fields = fields, .status = 200};
	struct outgoing out = {
		.head = &head,
		.body = {BODY_LENGTH, 5},
		.content = SLICE("hello"),
	};

	assert_true(s->ops->write_head(s, &out));
}

static bool on_request(struct h2_session *hs, struct stream *s)
{
	struct world *w = h2_session_owner(hs);
	struct field fields[HEAD_FIELDS_MAX];
	struct http_head head = {
		.fields = fields,
		.max_fields = HEAD_FIELDS_MAX,
	};
	enum reason why;

	assert_true(w->n_begun < MOST);
	w->streams[w->n_begun++] = s;
	h2_stream_use(s, w);
	assert_int_equal(s->ops->read_head(s, &head, &why), IO_DONE);
	s->ops->drop_head(s, &head);
	if (w->answers) {
		answer(s);
		s->ops->finish(s, true);
	}
	return true;
}

static void on_stream(struct h2_session *hs, struct stream *s)
{
	struct world *w = h2_session_owner(hs);

	(void)s;
	w->n_told++;
}

static void on_left(struct h2_session *hs)
{
	(void)hs;
}

static void on_glitch(struct h2_session *hs, enum glitch g, const char *text)
{
	struct world *w = h2_session_owner(hs);

	(void)text;
	w->glitches[g]++;
}

static const struct h2_owner owner = {
	.request = on_request,
	.ready = on_stream,
	.left = on_left,
	.glitch = on_glitch,
};

static void on_us(struct conn *c)
{
	h2_session_run(list_entry(c, struct world, us)->hs);
}

static void on_nobody(struct conn *c)
{
	(void)c;
}

static void on_gather(struct conn *c)
{
	h2_session_gather(list_entry(c, struct world, us)->hs);
}

static const struct conn_ops us_ops = {
	.ready = on_us,
	.expired = on_nobody,
	.gather = on_gather,
};
static const struct conn_ops them_ops = {
	.ready = on_nobody,
	.expired = on_nobody,
};

/* -- theirs ---------------------------------------------------------------- */

static int on_frame(nghttp2_session *ng, const nghttp2_frame *frame, void *arg)
{
	struct world *w = arg;

	(void)ng;
	switch (frame->hd.type) {
	case NGHTTP2_DATA:
		if (w->n_frames < FRAMES)
			w->frames[w->n_frames++] = frame->hd.stream_id;
		break;
	case NGHTTP2_GOAWAY:
		w->last_ids[w->n_goaways++ & 3] = frame->goaway.last_stream_id;
		break;
	case NGHTTP2_RST_STREAM:
		w->reset_code = frame->rst_stream.error_code;
		break;
	case NGHTTP2_PING:
		w->n_pings++;
		if (!w->holds_pings)
			nghttp2_submit_ping(ng, NGHTTP2_FLAG_ACK,
					    frame->ping.opaque_data);
		break;
	}
	return 0;
}

static void their_turn(struct world *w)
{
	const uint8_t *out;
	ssize_t n;

	conn_fill(&w->them);
	while (w->them.in.n > 0) {
		struct slice front = chain_front(&w->them.in);

		assert_true(nghttp2_session_mem_recv(w->ng,
						     (const uint8_t *)front.p,
						     front.n) >= 0);
		chain_drain(&w->them.in, front.n);
	}
	while ((n = nghttp2_session_mem_send(w->ng, &out)) > 0)
		assert_true(
			chain_copy(&w->them.out,
				   slice_make((const char *)out, (size_t)n)));
	conn_dirty(&w->them);
}

static void settle(struct world *w)
{
	for (int i = 0; i < 16; i++) {
		loop_turn(&w->loop, false);
		their_turn(w);
	}
}

static void after(struct world *w, uint64_t ms)
{
	clock_fake(START_MS + ms, 0);
	loop_expire(&w->loop);
	settle(w);
}

static void begin_client(struct world *w, uint32_t window)
{
	const nghttp2_settings_entry settings = {
		NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window};
	nghttp2_session_callbacks *cb;
	nghttp2_option *option;

	assert_int_equal(nghttp2_session_callbacks_new(&cb), 0);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
	assert_int_equal(nghttp2_option_new(&option), 0);
	nghttp2_option_set_no_auto_ping_ack(option, 1);
	assert_int_equal(nghttp2_session_client_new2(&w->ng, cb, w, option), 0);
	nghttp2_option_del(option);
	nghttp2_session_callbacks_del(cb);
	nghttp2_submit_settings(w->ng, 0, &settings, 1);
}

static struct world *world_new(uint32_t window)
{
	const struct h2_options options = {
		.ops = &owner,
		.is_server = true,
		.streams = MOST,
		.window = H2_WINDOW,
		.in_most = H2_IN_MOST,
		.preface_ms = 10000,
		.idle_ms = 60000,
	};
	struct world *w = xcalloc(1, sizeof(*w));
	struct h2_options o = options;
	int fds[2];

	clock_fake(START_MS, 0);
	loop_init(&w->loop);
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	assert_int_equal(conn_open(&w->us, &w->loop, fds[0], &us_ops, 1 << 17),
			 0);
	assert_int_equal(
		conn_open(&w->them, &w->loop, fds[1], &them_ops, 1 << 20), 0);
	o.owner = w;
	w->hs = h2_session_new(&w->us, &o);
	assert_non_null(w->hs);
	begin_client(w, window);
	return w;
}

static void end_stream(struct stream *s)
{
	s->ops->finish(s, false);
}

static void world_free(struct world *w)
{
	h2_session_each(w->hs, end_stream);
	h2_session_free(w->hs);
	nghttp2_session_del(w->ng);
	conn_close(&w->us);
	conn_close(&w->them);
	loop_release(&w->loop);
	free(w);
	piece_room_release();
	assert_int_equal(chunk_pool_in_use(), 0);
}

#define NV(name, value)                                                        \
	{                                                                      \
		(uint8_t *)(uintptr_t)(name), (uint8_t *)(uintptr_t)(value),   \
			strlen(name), strlen(value), NGHTTP2_NV_FLAG_NONE      \
	}

static void ask(struct world *w)
{
	const nghttp2_nv get[] = {NV(":method", "GET"), NV(":scheme", "https"),
				  NV(":path", "/a"), NV(":authority", "a")};

	assert_true(nghttp2_submit_request(w->ng, NULL, get, 4, NULL, NULL) >
		    0);
}

/* -- many streams ---------------------------------------------------------- */

static void test_sixteen_begin_in_a_turn(void **state)
{
	struct world *w = world_new(H2_WINDOW);

	(void)state;
	w->answers = true;
	settle(w);
	for (int i = 0; i < 40; i++)
		ask(w);
	their_turn(w);
	conn_write_out(&w->them);
	/* One packet, and three turns. */
	for (unsigned turn = 1; turn <= 3; turn++) {
		loop_turn(&w->loop, false);
		assert_int_equal(w->n_begun, turn < 3 ? turn * 16 : 40);
	}
	settle(w);
	assert_int_equal(w->n_frames, 40);
	world_free(w);
}

static void write_much(struct stream *s)
{
	static char block[60 * 1024];
	struct field fields[1];
	struct http_head head = {.fields = fields, .status = 200};
	struct outgoing out = {.head = &head, .body = {BODY_UNKNOWN, 0}};
	struct chain body;

	assert_true(s->ops->write_head(s, &out));
	chain_init(&body, UINT32_MAX);
	assert_true(chain_copy(&body, slice_make(block, sizeof(block))));
	assert_true(s->ops->write_body(s, &body));
	assert_true(s->ops->end_body(s, NULL));
	s->ops->finish(s, true);
}

static void test_streams_take_turns(void **state)
{
	struct world *w = world_new(1 << 20);

	(void)state;
	for (int i = 0; i < 3; i++)
		ask(w);
	settle(w);
	assert_int_equal(w->n_begun, 3);
	for (int i = 0; i < 3; i++)
		write_much(w->streams[i]);
	settle(w);
	/* None has another frame before each has had one. */
	assert_true(w->n_frames >= 12);
	for (int i = 0; i < 12; i += 3)
		assert_int_equal(w->frames[i] + w->frames[i + 1] +
					 w->frames[i + 2],
				 1 + 3 + 5);
	world_free(w);
}

/* -- time ------------------------------------------------------------------ */

static void test_no_first_word_in_time(void **state)
{
	struct world *w = world_new(H2_WINDOW);

	(void)state;
	loop_turn(&w->loop, false);
	clock_fake(START_MS + 10000 + WHEEL_SLOT_MS, 0);
	loop_expire(&w->loop);
	assert_int_equal(h2_session_end(w->hs), H2_FAILED);
	assert_int_equal(h2_session_fault(w->hs), GLITCH_PREFACE);
	assert_int_equal(w->glitches[GLITCH_PREFACE], 1);
	world_free(w);
}

static void test_an_idle_session_ends_in_two_steps(void **state)
{
	struct world *w = world_new(H2_WINDOW);

	(void)state;
	w->answers = true;
	ask(w);
	settle(w);
	/* What says nothing does not keep it. */
	after(w, 40000);
	nghttp2_submit_ping(w->ng, 0, NULL);
	settle(w);
	assert_int_equal(w->n_goaways, 0);
	after(w, 60000 + 2 * WHEEL_SLOT_MS);
	assert_int_equal(w->n_goaways, 2);
	assert_int_equal(w->last_ids[0], INT32_MAX);
	assert_int_equal(w->last_ids[1], 1);
	assert_int_equal(h2_session_end(w->hs), H2_DONE);
	world_free(w);
}

static void test_one_who_answers_no_ping_has_a_second(void **state)
{
	struct world *w = world_new(H2_WINDOW);

	(void)state;
	w->holds_pings = true;
	ask(w);
	settle(w);
	h2_session_shut(w->hs);
	h2_session_shut(w->hs);
	settle(w);
	assert_int_equal(w->n_goaways, 1);
	assert_int_equal(w->n_pings, 1);
	after(w, 1000 + 2 * WHEEL_SLOT_MS);
	assert_int_equal(w->n_goaways, 2);
	assert_int_equal(w->last_ids[1], 1);
	assert_int_equal(h2_session_end(w->hs), H2_GOES_ON);
	answer(w->streams[0]);
	w->streams[0]->ops->finish(w->streams[0], true);
	settle(w);
	assert_int_equal(h2_session_end(w->hs), H2_DONE);
	world_free(w);
}

/* The exchange is over; its answer waits for a window that does not open. */
static void test_what_waits_for_ever_is_reset(void **state)
{
	struct world *w = world_new(0);

	(void)state;
	w->answers = true;
	ask(w);
	settle(w);
	assert_int_equal(h2_session_streams(w->hs), 1);
	assert_int_equal(h2_session_users(w->hs), 0);
	after(w, 50000);
	assert_int_equal(h2_session_streams(w->hs), 1);
	after(w, 60000 + 60000 / 8);
	assert_int_equal(h2_session_streams(w->hs), 0);
	assert_int_equal(w->reset_code, NGHTTP2_CANCEL);
	assert_int_equal(w->glitches[GLITCH_STALLED], 1);
	assert_int_equal(h2_session_end(w->hs), H2_GOES_ON);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sixteen_begin_in_a_turn),
		cmocka_unit_test(test_streams_take_turns),
		cmocka_unit_test(test_no_first_word_in_time),
		cmocka_unit_test(test_an_idle_session_ends_in_two_steps),
		cmocka_unit_test(test_one_who_answers_no_ping_has_a_second),
		cmocka_unit_test(test_what_waits_for_ever_is_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
