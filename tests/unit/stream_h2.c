/*
 * stream_h2.c - the speaker of HTTP/2 for test_stream.c: nghttp2 itself.
 */
#include <nghttp2/nghttp2.h>
#include <stdio.h>

#include "stream/h2_session.h"
#include "stream_world.h"
#include "unit.h"

struct h2_peer {
	nghttp2_session *ng;
	int32_t id;
	/* What it says next. */
	char says[64];
	size_t n_says;
	bool ends;
	/* What it has heard and nobody has asked for. */
	unsigned n_heads;
	char fields[512];
	char body[256];
	size_t n_body, n_all;
	bool head_ended, body_ended, was_reset;
};

/* -- ours ------------------------------------------------------------------ */

static bool on_request(struct h2_session *hs, struct stream *s)
{
	struct world *w = h2_session_owner(hs);

	w->s = s;
	w->n_told++;
	h2_stream_use(s, w);
	return true;
}

static void on_stream(struct h2_session *hs, struct stream *s)
{
	struct world *w = h2_session_owner(hs);

	assert_ptr_equal(w->s, s);
	w->n_told++;
}

static void on_left(struct h2_session *hs)
{
	struct world *w = h2_session_owner(hs);

	w->s = NULL;
	w->n_over++;
	w->over = h2_session_end(hs) == H2_GOES_ON ? H1_KEEP : H1_CLOSE;
}

static void on_glitch(struct h2_session *hs, enum glitch g, const char *text)
{
	(void)hs;
	(void)g;
	(void)text;
}

static const struct h2_owner owner = {
	.request = on_request,
	.ready = on_stream,
	.left = on_left,
	.glitch = on_glitch,
};

static void on_us(struct conn *c)
{
	h2_session_run(list_entry(c, struct world, us)->h2);
}

static void on_nobody(struct conn *c)
{
	(void)c;
}

static void on_gather(struct conn *c)
{
	h2_session_gather(list_entry(c, struct world, us)->h2);
}

static const struct conn_ops us_ops = {
	.ready = on_us,
	.expired = on_nobody,
	.gather = on_gather,
};

/* -- theirs ---------------------------------------------------------------- */

static int on_field(nghttp2_session *ng, const nghttp2_frame *frame,
		    const uint8_t *name, size_t n_name, const uint8_t *value,
		    size_t n_value, uint8_t flags, void *arg)
{
	struct h2_peer *p = ((struct world *)arg)->peer;
	size_t at = strlen(p->fields);

	(void)ng;
	(void)frame;
	(void)flags;
	snprintf(p->fields + at, sizeof(p->fields) - at, "%.*s: %.*s\n",
		 (int)n_name, (const char *)name, (int)n_value,
		 (const char *)value);
	return 0;
}

static int on_frame(nghttp2_session *ng, const nghttp2_frame *frame, void *arg)
{
	struct h2_peer *p = ((struct world *)arg)->peer;
	bool ends = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;

	(void)ng;
	switch (frame->hd.type) {
	case NGHTTP2_HEADERS:
		p->n_heads++;
		p->id = frame->hd.stream_id;
		p->head_ended = ends;
		break;
	case NGHTTP2_DATA:
		p->body_ended |= ends;
		break;
	case NGHTTP2_RST_STREAM:
		p->was_reset = true;
		break;
	}
	return 0;
}

static int on_data(nghttp2_session *ng, uint8_t flags, int32_t id,
		   const uint8_t *data, size_t n, void *arg)
{
	struct h2_peer *p = ((struct world *)arg)->peer;
	size_t room = sizeof(p->body) - p->n_body;

	(void)ng;
	(void)flags;
	(void)id;
	memcpy(p->body + p->n_body, data, n < room ? n : room);
	p->n_body += n < room ? n : room;
	p->n_all += n;
	return 0;
}

static ssize_t on_read(nghttp2_session *ng, int32_t id, uint8_t *buf,
		       size_t most, uint32_t *flags,
		       nghttp2_data_source *source, void *arg)
{
	struct h2_peer *p = ((struct world *)arg)->peer;
	size_t n = p->n_says;

	(void)ng;
	(void)id;
	(void)source;
	assert_true(n <= most);
	if (n == 0 && !p->ends)
		return NGHTTP2_ERR_DEFERRED;
	memcpy(buf, p->says, n);
	p->n_says = 0;
	if (p->ends)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

static void turn(struct world *w)
{
	struct h2_peer *p = w->peer;
	const uint8_t *out;
	ssize_t n;

	if (w->deaf || !conn_is_open(&w->them))
		return;
	conn_fill(&w->them);
	while (w->them.in.n > 0) {
		struct slice front = chain_front(&w->them.in);

		assert_true(nghttp2_session_mem_recv(p->ng,
						     (const uint8_t *)front.p,
						     front.n) >= 0);
		chain_drain(&w->them.in, front.n);
	}
	while ((n = nghttp2_session_mem_send(p->ng, &out)) > 0) {
		chain_copy(&w->them.out,
			   slice_make((const char *)out, (size_t)n));
		conn_dirty(&w->them);
	}
}

static void begin_theirs(struct world *w)
{
	nghttp2_session_callbacks *cb;
	nghttp2_option *option;

	w->peer = xcalloc(1, sizeof(*w->peer));
	assert_int_equal(nghttp2_session_callbacks_new(&cb), 0);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_field);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
	/* It takes a length without a body for an answer to GET, as one to
	 * HEAD has it. */
	assert_int_equal(nghttp2_option_new(&option), 0);
	nghttp2_option_set_no_http_messaging(option, 1);
	if (w->row->is_front)
		nghttp2_session_client_new2(&w->peer->ng, cb, w, option);
	else
		nghttp2_session_server_new2(&w->peer->ng, cb, w, option);
	nghttp2_option_del(option);
	nghttp2_session_callbacks_del(cb);
	nghttp2_submit_settings(w->peer->ng, 0, NULL, 0);
}

static void begin(struct world *w)
{
	const struct h2_options options = {
		.ops = &owner,
		.owner = w,
		.is_server = w->row->is_front,
		.streams = 100,
		.window = H2_WINDOW,
		.in_most = H2_IN_MOST,
		.preface_ms = 1000000,
		.idle_ms = 1000000,
	};

	begin_theirs(w);
	w->us.ops = &us_ops;
	w->h2 = h2_session_new(&w->us, &options);
	assert_non_null(w->h2);
	world_settle(w);
	if (!w->row->is_front)
		w->s = h2_session_open(w->h2, w);
	w->n_told = 0;
}

static void end(struct world *w)
{
	if (w->s)
		w->s->ops->finish(w->s, false);
	h2_session_free(w->h2);
	w->us.ops = NULL;
	nghttp2_session_del(w->peer->ng);
	free(w->peer);
}

/* -- what they say --------------------------------------------------------- */

#define NV(name, value)                                                        \
	{                                                                      \
		(uint8_t *)(uintptr_t)(name), (uint8_t *)(uintptr_t)(value),   \
			strlen(name), strlen(value), NGHTTP2_NV_FLAG_NONE      \
	}

static void say_head(struct world *w, enum body_kind kind)
{
	const nghttp2_data_provider body = {.read_callback = on_read};
	const nghttp2_data_provider *source = kind == BODY_NONE ? NULL : &body;
	const nghttp2_nv request[] = {
		NV(":method", kind == BODY_NONE ? "GET" : "POST"),
		NV(":scheme", "https"),
		NV(":path", "/a"),
		NV(":authority", "a"),
		NV("x-end", "2"),
		NV("te", "trailers"),
		NV("content-length", "5"),
	};
	const nghttp2_nv answer[] = {
		NV(":status", kind == BODY_NONE ? "204" : "200"),
		NV("x-end", "2"),
		NV("content-length", "5"),
	};
	size_t less = kind == BODY_LENGTH ? 0 : 1;

	if (w->row->is_front)
		assert_true(nghttp2_submit_request(w->peer->ng, NULL, request,
						   7 - less, source, NULL) > 0);
	else
		assert_int_equal(nghttp2_submit_response(w->peer->ng,
							 w->peer->id, answer,
							 3 - less, source),
				 0);
	world_settle(w);
}

static void say_body(struct world *w, enum body_kind kind, const char *octets,
		     bool last)
{
	struct h2_peer *p = w->peer;

	(void)kind;
	p->n_says = strlen(octets);
	memcpy(p->says, octets, p->n_says);
	p->ends = last;
	nghttp2_session_resume_data(p->ng, w->row->is_front ? 1 : p->id);
	world_settle(w);
}

/* Trailers that end nothing. */
static void say_nonsense(struct world *w)
{
	const nghttp2_nv trailers[] = {NV("x-end", "2")};

	nghttp2_submit_headers(w->peer->ng, NGHTTP2_FLAG_NONE,
			       w->row->is_front ? 1 : w->peer->id, NULL,
			       trailers, 1, NULL);
	world_settle(w);
}

/* -- what they hear -------------------------------------------------------- */

static void hear_head(struct world *w, enum body_kind kind)
{
	struct h2_peer *p = w->peer;
	bool has_length = kind == BODY_LENGTH || kind == BODY_OMITTED;

	world_settle(w);
	assert_int_equal(p->n_heads, 1);
	assert_non_null(strstr(p->fields, "x-mine: 1\n"));
	assert_non_null(strstr(p->fields, w->row->is_front
						  ? ":status: 200\n"
						  : ":path: /a%20b\n"));
	assert_int_equal(strstr(p->fields, "content-length: 5\n") != NULL,
			 has_length);
	assert_int_equal(p->head_ended,
			 kind == BODY_NONE || kind == BODY_OMITTED);
	p->n_heads = 0;
	p->fields[0] = '\0';
}

static void hear_body(struct world *w, enum body_kind kind, const char *octets,
		      bool last)
{
	struct h2_peer *p = w->peer;

	(void)kind;
	world_settle(w);
	assert_slice(slice_make(p->body, p->n_body), octets);
	assert_int_equal(p->body_ended, last);
	p->n_body = 0;
	p->body_ended = false;
}

static void hear_trailers(struct world *w)
{
	struct h2_peer *p = w->peer;

	world_settle(w);
	assert_false(p->body_ended);
	assert_int_equal(p->n_heads, 1);
	assert_true(p->head_ended);
	assert_non_null(strstr(p->fields, "x-mine: 1\n"));
}

static void hear_nothing(struct world *w)
{
	world_settle(w);
	assert_int_equal(w->peer->n_heads, 0);
	assert_int_equal(w->peer->n_body, 0);
}

static void hear_reset(struct world *w)
{
	hear_body(w, BODY_LENGTH, "hel", false);
	assert_true(w->peer->was_reset);
}

static void drop(struct world *w)
{
	w->deaf = false;
	w->peer->n_body = 0;
}

const struct speaker h2_speaker = {
	.begin = begin,
	.end = end,
	.turn = turn,
	.say_head = say_head,
	.say_body = say_body,
	.say_nonsense = say_nonsense,
	.hear_head = hear_head,
	.hear_body = hear_body,
	.hear_trailers = hear_trailers,
	.hear_nothing = hear_nothing,
	.hear_reset = hear_reset,
	.drop = drop,
};
