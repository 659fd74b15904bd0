#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fail.h"
#include "h2_inside.h"

void *h2_session_owner(const struct h2_session *hs)
{
	return hs->owner;
}

void h2_dirty(struct h2_session *hs)
{
	conn_dirty(hs->conn);
}

void h2_tell(struct h2_stream *s)
{
	struct h2_session *hs = s->session;

	if (!s->user || !list_is_empty(&s->told))
		return;
	list_push_back(&hs->told, &s->told);
	if (!hs->running)
		loop_again(hs->conn->loop, hs->conn);
}

/* -- ends ------------------------------------------------------------------ */

void h2_die(struct h2_session *hs, enum h2_end end, enum glitch why)
{
	if (hs->life == H2_OVER)
		return;
	hs->life = H2_OVER;
	hs->end = (uint8_t)end;
	hs->fault = (uint8_t)why;
	list_foreach (node, &hs->streams)
		h2_stream_break(list_entry(node, struct h2_stream, node));
	loop_again(hs->conn->loop, hs->conn);
}

/* Our last word, written by hand: what nghttp2 has queued is no use any more,
 * and may be what it ends for. */
static void write_goaway(struct h2_session *hs, uint32_t code)
{
	uint32_t last =
		(uint32_t)nghttp2_session_get_last_proc_stream_id(hs->ng);
	const char frame[H2_FRAME_HEAD + 8] = {
		[2] = 8,
		[3] = NGHTTP2_GOAWAY,
		[9] = (char)(last >> 24),
		[10] = (char)(last >> 16),
		[11] = (char)(last >> 8),
		[12] = (char)last,
		[16] = (char)code,
	};

	chain_copy(&hs->conn->out, slice_make(frame, sizeof(frame)));
	h2_dirty(hs);
}

static void fail(struct h2_session *hs, enum glitch why, uint32_t code)
{
	if (hs->life == H2_OVER)
		return;
	write_goaway(hs, code);
	h2_die(hs, H2_FAILED, why);
}

static void fail_by_budget(struct h2_session *hs)
{
	enum glitch why = (enum glitch)hs->budget.why;

	fail(hs, why,
	     why == GLITCH_PROTOCOL ? NGHTTP2_PROTOCOL_ERROR
				    : NGHTTP2_ENHANCE_YOUR_CALM);
}

/* What nghttp2 cannot go on behind. */
static void fail_by_library(struct h2_session *hs, int error)
{
	if (hs->budget.is_over) {
		fail_by_budget(hs);
		return;
	}
	switch (error) {
	case NGHTTP2_ERR_FLOODED:
		h2_budget_end(&hs->budget, GLITCH_QUEUED);
		fail(hs, GLITCH_QUEUED, NGHTTP2_ENHANCE_YOUR_CALM);
		break;
	case NGHTTP2_ERR_TOO_MANY_CONTINUATIONS:
		h2_budget_end(&hs->budget, GLITCH_CONTINUATION);
		fail(hs, GLITCH_CONTINUATION, NGHTTP2_ENHANCE_YOUR_CALM);
		break;
	case NGHTTP2_ERR_BAD_CLIENT_MAGIC:
		hs->ops->glitch(hs, GLITCH_PREFACE, NULL);
		fail(hs, GLITCH_PREFACE, NGHTTP2_PROTOCOL_ERROR);
		break;
	default:
		fail(hs, GLITCH_PROTOCOL, NGHTTP2_INTERNAL_ERROR);
	}
}

void h2_session_break(struct h2_session *hs)
{
	if (hs->life == H2_OVER)
		return;
	write_goaway(hs, NGHTTP2_NO_ERROR);
	h2_die(hs, H2_FAILED, GLITCH_KINDS);
}

static bool is_quiet(const struct h2_session *hs)
{
	return hs->n_streams == 0 && !nghttp2_session_want_write(hs->ng);
}

enum h2_end h2_session_end(const struct h2_session *hs)
{
	if (hs->life == H2_OVER)
		return (enum h2_end)hs->end;
	return (hs->life == H2_LAST || hs->peer_ends) && is_quiet(hs)
		       ? H2_DONE
		       : H2_GOES_ON;
}

enum glitch h2_session_fault(const struct h2_session *hs)
{
	return (enum glitch)hs->fault;
}

/* -- the time -------------------------------------------------------------- */

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a == 0 || (b && b < a) ? b : a;
}

/* When to look next; 0: never. */
static uint64_t next_look(const struct h2_session *hs)
{
	uint64_t at_ms = 0;

	if (!hs->heard)
		at_ms = hs->began_ms + hs->preface_ms;
	if (hs->life == H2_NOTICED)
		at_ms = earlier(at_ms, hs->noticed_ms + H2_LAST_WORD_MS);
	if (hs->quiet_ms && hs->idle_ms)
		at_ms = earlier(at_ms, hs->quiet_ms + hs->idle_ms);
	if (hs->n_streams > hs->n_users && hs->idle_ms)
		/* Not each of them: an eighth late is soon enough. */
		at_ms = earlier(at_ms, clock_now_ms() + 1 + hs->idle_ms / 8);
	return at_ms;
}

static void set_timer(struct h2_session *hs)
{
	uint64_t at_ms = next_look(hs);

	/* Later is looked for when it comes up. */
	if (at_ms && (hs->timer.at_ms == 0 || at_ms < hs->timer.at_ms))
		loop_deadline(hs->conn->loop, &hs->timer, at_ms);
}

static void say_the_last(struct h2_session *hs)
{
	if (hs->life != H2_NOTICED)
		return;
	hs->life = H2_LAST;
	nghttp2_submit_goaway(hs->ng, NGHTTP2_FLAG_NONE,
			      nghttp2_session_get_last_proc_stream_id(hs->ng),
			      NGHTTP2_NO_ERROR, NULL, 0);
	h2_dirty(hs);
}

/* Streams whose user has gone and whose peer takes next to nothing. */
static void reset_those_that_stand(struct h2_session *hs)
{
	list_foreach_safe (node, &hs->streams) {
		struct h2_stream *s = list_entry(node, struct h2_stream, node);

		if (!h2_stream_lingers(s) ||
		    s->moved_ms + hs->idle_ms > clock_now_ms())
			continue;
		h2_budget_spend(&hs->budget, GLITCH_STALLED);
		h2_stream_reset(s, NGHTTP2_CANCEL);
	}
}

static void on_timer(struct deadline *d)
{
	struct h2_session *hs = list_entry(d, struct h2_session, timer);
	uint64_t now_ms = clock_now_ms();

	if (hs->life == H2_OVER)
		return;
	if (!hs->heard && now_ms >= hs->began_ms + hs->preface_ms) {
		hs->ops->glitch(hs, GLITCH_PREFACE, NULL);
		fail(hs, GLITCH_PREFACE, NGHTTP2_SETTINGS_TIMEOUT);
		return;
	}
	if (hs->life == H2_NOTICED &&
	    now_ms >= hs->noticed_ms + H2_LAST_WORD_MS)
		say_the_last(hs);
	if (hs->quiet_ms && now_ms >= hs->quiet_ms + hs->idle_ms)
		h2_session_shut(hs);
	if (hs->n_streams > hs->n_users && hs->idle_ms)
		reset_those_that_stand(hs);
	loop_again(hs->conn->loop, hs->conn);
}

void h2_session_shut(struct h2_session *hs)
{
	if (hs->life != H2_OPEN)
		return;
	hs->life = H2_NOTICED;
	hs->noticed_ms = clock_now_ms();
	if (hs->is_server) {
		nghttp2_submit_shutdown_notice(hs->ng);
	} else {
		/* Servers begin nothing that could be lost. */
		say_the_last(hs);
	}
	h2_dirty(hs);
	set_timer(hs);
}

/* -- what comes ------------------------------------------------------------ */

static void on_glitch(struct h2_budget *b, enum glitch g)
{
	struct h2_session *hs = list_entry(b, struct h2_session, budget);

	hs->ops->glitch(hs, g, NULL);
}

static void feed_slice(struct h2_session *hs)
{
	struct chain *in = &hs->conn->in;
	struct slice front = chain_front(in);
	ssize_t used;

	if (!h2_budget_read(&hs->budget, front)) {
		fail_by_budget(hs);
		return;
	}
	hs->chunk = in->first->chunk;
	used = nghttp2_session_mem_recv(hs->ng, (const uint8_t *)front.p,
					front.n);
	hs->chunk = NULL;
	chain_drain(in, front.n);
	if (used < 0 || hs->budget.is_over)
		fail_by_library(hs, (int)used);
	else if (nghttp2_session_get_outbound_queue_size(hs->ng) >
		 H2_QUEUE_MOST) {
		h2_budget_end(&hs->budget, GLITCH_QUEUED);
		fail(hs, GLITCH_QUEUED, NGHTTP2_ENHANCE_YOUR_CALM);
	}
}

/* Requests that wait for their turn stop the reading, so that one packet with
 * hundreds of them holds up nobody else on this thread. */
static void feed(struct h2_session *hs)
{
	while (hs->conn->in.n > 0 && hs->life != H2_OVER &&
	       list_is_empty(&hs->fresh))
		feed_slice(hs);
	h2_give_back(hs);
	/* All that the peer began before it knew has come by now. */
	if (hs->heard_back)
		say_the_last(hs);
}

static void read_in(struct h2_session *hs)
{
	struct conn *c = hs->conn;
	enum io io;

	if (!list_is_empty(&hs->fresh))
		return;
	io = conn_fill(c);
	feed(hs);
	if (hs->life == H2_OVER)
		return;
	if (io == IO_DONE || c->in.n)
		loop_again(c->loop, c);
	else if (io == IO_CLOSED || io == IO_FAILED || c->write_error)
		h2_die(hs, H2_GONE, GLITCH_KINDS);
}

/* -- users ----------------------------------------------------------------- */

static void begin_requests(struct h2_session *hs)
{
	struct list *node;

	if (hs->turn != hs->conn->loop->n_turns)
		hs->n_begun_now = 0;
	hs->turn = hs->conn->loop->n_turns;
	while (hs->n_begun_now < H2_BEGIN_MOST && hs->life != H2_OVER &&
	       (node = list_pop_front(&hs->fresh)) != NULL) {
		struct h2_stream *s = list_entry(node, struct h2_stream, told);

		hs->n_begun_now++;
		if (!hs->ops->request(hs, &s->stream))
			h2_stream_reset(s, NGHTTP2_REFUSED_STREAM);
	}
}

static void tell_users(struct h2_session *hs)
{
	struct list now, *node;

	list_take(&now, &hs->told);
	while ((node = list_pop_front(&now)) != NULL)
		hs->ops->ready(
			hs, &list_entry(node, struct h2_stream, told)->stream);
}

void h2_session_run(struct h2_session *hs)
{
	hs->running = true;
	if (hs->life != H2_OVER)
		read_in(hs);
	begin_requests(hs);
	tell_users(hs);
	hs->running = false;
	if (hs->life != H2_OVER && nghttp2_session_want_write(hs->ng))
		h2_dirty(hs);
	if (hs->life != H2_OVER &&
	    (!list_is_empty(&hs->told) || !list_is_empty(&hs->fresh)))
		loop_again(hs->conn->loop, hs->conn);
	set_timer(hs);
}

void h2_session_each(struct h2_session *hs, void (*fn)(struct stream *s))
{
	list_foreach_safe (node, &hs->streams) {
		struct h2_stream *s = list_entry(node, struct h2_stream, node);

		if (s->user)
			fn(&s->stream);
	}
}

struct stream *h2_session_find(const struct h2_session *hs,
			       bool (*fn)(struct stream *s, const void *arg),
			       const void *arg)
{
	list_foreach (node, &hs->streams) {
		struct h2_stream *s = list_entry(node, struct h2_stream, node);

		if (s->user && fn(&s->stream, arg))
			return &s->stream;
	}
	return NULL;
}

unsigned h2_session_streams(const struct h2_session *hs)
{
	return hs->n_streams;
}

unsigned h2_session_users(const struct h2_session *hs)
{
	return hs->n_users;
}

uint64_t h2_session_begun(const struct h2_session *hs)
{
	return hs->n_begun;
}

/* -- what leaves ----------------------------------------------------------- */

/* Those who wait for room, where it is worth a step. */
static void wake_waiting(struct h2_session *hs)
{
	list_foreach_safe (node, &hs->waiting) {
		struct h2_stream *s =
			list_entry(node, struct h2_stream, waiting);

		if (h2_room(&s->stream) < H2_PROGRESS && s->out.n)
			continue;
		list_remove(&s->waiting);
		h2_tell(s);
	}
}

void h2_session_gather(struct h2_session *hs)
{
	struct chain *out = &hs->conn->out;

	while (hs->life != H2_OVER && out->n < H2_OUT_MARK) {
		const uint8_t *frame;
		ssize_t n = nghttp2_session_mem_send(hs->ng, &frame);

		if (n == 0)
			break;
		if (n > 0 &&
		    chain_copy(out, slice_make((const char *)frame, (size_t)n)))
			continue;
		h2_die(hs, H2_GONE, GLITCH_KINDS);
	}
	if (hs->fault_sent)
		h2_die(hs, H2_FAILED, GLITCH_PROTOCOL);
	if (hs->held_out > 0 && out->n < H2_OUT_MARK)
		list_foreach (node, &hs->streams)
			h2_pack_out(list_entry(node, struct h2_stream, node));
	if (!list_is_empty(&hs->waiting))
		wake_waiting(hs);
	if (h2_session_end(hs) != H2_GOES_ON)
		loop_again(hs->conn->loop, hs->conn);
}

void h2_give_back(struct h2_session *hs)
{
	/* What may come already. */
	uint32_t open = H2_CONN_WINDOW - hs->owed, n;

	if (hs->owed == 0 || hs->life == H2_OVER ||
	    hs->held_in + open >= hs->in_most)
		return;
	n = hs->in_most - hs->held_in - open;
	if (n > hs->owed)
		n = hs->owed;
	hs->owed -= n;
	nghttp2_session_consume_connection(hs->ng, n);
}

/* -- beginning and end ----------------------------------------------------- */

static nghttp2_option *make_option(const struct h2_options *o)
{
	nghttp2_option *option;

	if (nghttp2_option_new(&option))
		return NULL;
	nghttp2_option_set_no_auto_window_update(option, 1);
	nghttp2_option_set_no_http_messaging(option, 1); /* h2_head.c does */
	nghttp2_option_set_no_closed_streams(option, 1);
	nghttp2_option_set_max_outbound_ack(option, 1000);
	nghttp2_option_set_max_settings(option, 32);
	nghttp2_option_set_max_continuations(option, H2_CONTINUATIONS_MAX);
	/* It does not weigh resets against what was served; h2_budget does. */
	nghttp2_option_set_stream_reset_rate_limit(option, 100000, 10000);
	nghttp2_option_set_max_reserved_remote_streams(option, 0);
	nghttp2_option_set_peer_max_concurrent_streams(option, o->streams);
	nghttp2_option_set_max_send_header_block_length(option, 512 * 1024);
	return option;
}

static int submit_settings(struct h2_session *hs, const struct h2_options *o)
{
	const nghttp2_settings_entry server[] = {
		{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, o->streams},
		{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, o->window},
		{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, H2_REQUEST_LIST_MAX},
		{NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
	};
	const nghttp2_settings_entry client[] = {
		{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
		{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, o->window},
		{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, H2_RESPONSE_LIST_MAX},
	};

	return o->is_server ? nghttp2_submit_settings(hs->ng, 0, server,
						      ARRAY_SIZE(server))
			    : nghttp2_submit_settings(hs->ng, 0, client,
						      ARRAY_SIZE(client));
}

static bool begin(struct h2_session *hs, const struct h2_options *o)
{
	nghttp2_session_callbacks *callbacks = h2_callbacks();
	nghttp2_option *option = make_option(o);
	bool all = callbacks && option &&
		   (o->is_server
			    ? nghttp2_session_server_new2(&hs->ng, callbacks,
							  hs, option)
			    : nghttp2_session_client_new2(&hs->ng, callbacks,
							  hs, option)) == 0;

	nghttp2_session_callbacks_del(callbacks);
	nghttp2_option_del(option);
	return all && submit_settings(hs, o) == 0 &&
	       nghttp2_session_set_local_window_size(hs->ng, NGHTTP2_FLAG_NONE,
						     0, H2_CONN_WINDOW) == 0;
}

struct h2_session *h2_session_new(struct conn *c, const struct h2_options *o)
{
	struct h2_session *hs = calloc(1, sizeof(*hs));

	if (!hs)
		return NULL;
	*hs = (struct h2_session){
		.conn = c,
		.ops = o->ops,
		.owner = o->owner,
		.is_server = o->is_server,
		.streams_most = o->streams,
		.in_most = o->in_most,
		.out_floor = H2_OUT_SHARED / o->streams,
		.preface_ms = o->preface_ms,
		.idle_ms = o->idle_ms,
		.began_ms = clock_now_ms(),
		.quiet_ms = clock_now_ms(),
	};
	list_init(&hs->streams);
	list_init(&hs->fresh);
	list_init(&hs->told);
	list_init(&hs->waiting);
	deadline_init(&hs->timer, on_timer);
	h2_budget_begin(&hs->budget,
			o->is_server ? NGHTTP2_CLIENT_MAGIC_LEN : 0, on_glitch);
	if (!begin(hs, o)) {
		h2_session_free(hs);
		return NULL;
	}
	h2_dirty(hs);
	set_timer(hs);
	return hs;
}

static void free_stream(struct h2_stream *s)
{
	assert(!s->user);
	if (s->is_open)
		h2_stream_closed(s, NGHTTP2_NO_ERROR);
}

void h2_session_free(struct h2_session *hs)
{
	if (!hs)
		return;
	hs->life = H2_OVER;
	loop_forget(hs->conn->loop, &hs->timer);
	list_foreach_safe (node, &hs->streams)
		free_stream(list_entry(node, struct h2_stream, node));
	nghttp2_session_del(hs->ng);
	h2_block_release(&hs->block);
	free(hs);
}

/* -- for one that begins streams ------------------------------------------- */

static uint32_t most_of_peer(const struct h2_session *hs)
{
	return nghttp2_session_get_remote_settings(
		hs->ng, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

bool h2_session_is_heard(const struct h2_session *hs)
{
	return hs->heard;
}

bool h2_session_is_crowded(const struct h2_session *hs)
{
	return hs->n_streams > most_of_peer(hs);
}

bool h2_session_peer_ends(const struct h2_session *hs)
{
	return hs->peer_ends;
}

unsigned h2_session_room(const struct h2_session *hs)
{
	uint32_t most = most_of_peer(hs);

	if (hs->life != H2_OPEN || hs->peer_ends ||
	    !nghttp2_session_check_request_allowed(hs->ng))
		return 0;
	if (most > hs->streams_most)
		most = hs->streams_most;
	return hs->n_streams < most ? most - hs->n_streams : 0;
}

bool h2_session_is_blocked(const struct h2_session *hs)
{
	return nghttp2_session_get_remote_window_size(hs->ng) <= 0;
}

struct stream *h2_session_open(struct h2_session *hs, void *user)
{
	struct h2_stream *s;

	if (h2_session_room(hs) == 0)
		return NULL;
	s = h2_stream_new(hs, 0);
	if (!s)
		return NULL;
	h2_stream_use(&s->stream, user);
	return &s->stream;
}
