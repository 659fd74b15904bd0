/*
 * upstream_h2.c - connections to targets that speak HTTP/2, which requests of
 * all clients of a worker share.
 *
 * Streams may be opened on a connection that is still on its way; nothing is
 * sent before the target has said how many of them it takes. Who is one too
 * many then goes elsewhere.
 *
 * Floor: proxy.
 */
#include <errno.h>

#include "base/fail.h"
#include "proxy/core.h"
#include "proxy/upstream.h"
#include "tls/tls_filter.h"

enum {
	/* On a connection, however many the target would take: beyond it they
	 * crowd each other, and one more connection costs little. */
	STREAMS_MOST = 100,
	/* Octets of answers that one connection may make us hold. */
	BODIES_MOST = 1024 * 1024,
	/* That a target may send on a stream before the client reads. */
	STREAM_WINDOW = 256 * 1024,
};

static struct upstream *upstream_of(const struct h2_session *hs)
{
	return h2_session_owner(hs);
}

/* -- one connection -------------------------------------------------------- */

static void close_shared(struct upstream *u)
{
	struct upstream_pool *pool = u->pool;
	struct worker *w = u->worker;

	pool->n_shared--;
	upstream_close(u);
	upstream_leave_pool(w, pool);
}

/* Nobody takes it any more; those who have it find their streams broken. */
static void fail(struct upstream *u, enum reason why,
		 enum target_counter counter)
{
	if (u->why)
		return;
	u->why = (uint8_t)why;
	count_target(u->worker, u->pool->state, counter);
	h2_session_break(u->session);
}

/* RFC 9113 3.3: over TLS the target has to choose it. */
static bool is_chosen(const struct conn *c)
{
	return !c->filter || slice_eq(tls_filter_alpn(c->filter), SLICE("h2"));
}

/* True once frames may come. */
static bool come_up(struct upstream *u)
{
	struct conn *c = &u->conn;
	enum io io;

	if (u->why || u->is_up)
		return !u->why;
	if (c->error) {
		fail(u, upstream_why_not(c->error),
		     COUNT_TARGET_CONNECT_ERRORS);
		return false;
	}
	if (!conn_is_established(c)) {
		io = conn_fill(c);
		if (io == IO_FAILED || io == IO_CLOSED || c->write_error) {
			fail(u, upstream_why_no_tls(c),
			     COUNT_TARGET_TLS_ERRORS);
			return false;
		}
	}
	if (conn_is_established(c) && !is_chosen(c))
		fail(u, REASON_TARGET_NO_HTTP2, COUNT_TARGET_TLS_ERRORS);
	return !u->why && conn_is_established(c);
}

static void tell(struct stream *s)
{
	struct upstream_user *user = h2_stream_user(s);

	user->ready(user);
}

/* Behind a session that is over, or one that nobody may use any more, there is
 * nothing to wait for. */
static bool is_over(const struct upstream *u)
{
	bool is_of_use = !u->why && !u->is_cut &&
			 u->pool->state->health != HEALTH_DRAINING;

	if (h2_session_users(u->session) > 0)
		return false;
	return !is_of_use || h2_session_end(u->session) != H2_GOES_ON;
}

static void on_ready(struct conn *conn)
{
	struct upstream *u = (struct upstream *)conn;

	if (!conn_is_open(conn) || conn->connecting)
		return;
	u->is_running = true;
	if (come_up(u) || u->why)
		h2_session_run(u->session);
	if (!u->is_up && !u->why && h2_session_is_heard(u->session)) {
		u->is_up = true;
		h2_session_each(u->session, tell);
	}
	u->is_running = false;
	if (is_over(u))
		close_shared(u);
}

static void on_expired(struct conn *conn)
{
	(void)conn; /* the session keeps the time */
}

static void on_gather(struct conn *conn)
{
	h2_session_gather(((struct upstream *)conn)->session);
}

static const struct conn_ops shared_conn_ops = {
	.ready = on_ready,
	.expired = on_expired,
	.gather = on_gather,
};

/* -- its session ----------------------------------------------------------- */

static void on_stream(struct h2_session *hs, struct stream *s)
{
	(void)hs;
	tell(s);
}

/* There may be room for another stream. */
static void on_left(struct h2_session *hs)
{
	struct upstream *u = upstream_of(hs);

	list_remove(&u->node);
	list_push_front(&u->pool->shared[u->lane], &u->node);
	if (is_over(u))
		loop_again(u->conn.loop, &u->conn);
}

static void on_glitch(struct h2_session *hs, enum glitch g, const char *text)
{
	struct upstream *u = upstream_of(hs);
	struct log_line l;

	if (!worker_log(u->worker, &l, LOG_INFO, "a target breaks HTTP/2"))
		return;
	log_slice(&l, "target_group", u->pool->state->group);
	log_str(&l, "target", u->pool->state->name);
	if (g < GLITCH_KINDS)
		log_str(&l, "kind", glitch_token(g));
	if (text)
		log_str(&l, "detail", text);
	log_end(&l);
}

static const struct h2_owner owner_ops = {
	.ready = on_stream,
	.left = on_left,
	.glitch = on_glitch,
};

static bool begin_session(struct upstream *u, const struct upstream_spec *spec)
{
	const struct h2_options options = {
		.ops = &owner_ops,
		.owner = u,
		.streams = STREAMS_MOST,
		.window = STREAM_WINDOW,
		.in_most = BODIES_MOST,
		.preface_ms = spec->word_ms,
		.idle_ms = spec->idle_ms,
	};

	u->session = h2_session_new(&u->conn, &options);
	return u->session != NULL;
}

/* -- taken and made -------------------------------------------------------- */

static bool use(struct upstream *u, struct upstream_user *user)
{
	struct stream *s = h2_session_open(u->session, user);

	if (!s)
		return false;
	user->stream = s;
	user->is_warm = u->is_up;
	return true;
}

static void move_to_full(struct upstream *u)
{
	list_remove(&u->node);
	list_push_back(&u->pool->full, &u->node);
}

struct upstream *upstream_take_shared(struct upstream_pool *pool,
				      const struct upstream_spec *spec,
				      struct upstream_user *user)
{
	list_foreach_safe (node, &pool->shared[upstream_lane(spec)]) {
		struct upstream *u = list_entry(node, struct upstream, node);

		/* The group trusts another certificate since a reload. */
		if (u->tls_print != upstream_print(spec))
			h2_session_shut(u->session);
		if (u->why || u->is_cut || !h2_session_room(u->session)) {
			move_to_full(u);
			continue;
		}
		if ((spec->fresh && u == spec->avoid) ||
		    h2_session_is_blocked(u->session))
			continue;
		if (use(u, user))
			return u;
	}
	return NULL;
}

struct upstream *upstream_share_new(struct worker *w,
				    struct upstream_pool *pool,
				    const struct upstream_spec *spec,
				    struct upstream_user *user)
{
	struct upstream *u = upstream_connect(w, pool, spec, &shared_conn_ops);

	if (!u)
		return NULL;
	pool->n_shared++;
	list_push_front(&pool->shared[u->lane], &u->node);
	if (begin_session(u, spec) && use(u, user))
		return u;
	pool->n_shared--;
	upstream_close(u);
	errno = ENOMEM;
	return NULL;
}

enum upstream_progress upstream_shared_progress(struct upstream *u,
						enum reason *why)
{
	if (u->is_cut || u->why) {
		*why = u->is_cut ? REASON_DEREGISTERED : (enum reason)u->why;
		return UPSTREAM_FAILED;
	}
	if (h2_session_end(u->session) != H2_GOES_ON) {
		*why = upstream_reason(u, NULL, REASON_TARGET_CLOSED);
		return UPSTREAM_FAILED;
	}
	if (!conn_is_established(&u->conn))
		return u->conn.connecting ? UPSTREAM_CONNECTING
					  : UPSTREAM_SHAKING_HANDS;
	if (!u->is_up)
		return UPSTREAM_CONNECTING;
	return h2_session_is_crowded(u->session) ? UPSTREAM_CROWDED
						 : UPSTREAM_READY;
}

enum reason upstream_reason(const struct upstream *u, const struct stream *s,
			    enum reason otherwise)
{
	if (!u->session)
		return otherwise;
	switch (h2_session_end(u->session)) {
	case H2_FAILED:
		return u->is_cut ? otherwise : REASON_TARGET_MALFORMED;
	case H2_GONE:
		return otherwise;
	case H2_GOES_ON:
	case H2_DONE:
		break;
	}
	if (!s)
		return otherwise;
	return s->refused && h2_session_peer_ends(u->session)
		       ? REASON_TARGET_GOAWAY
		       : REASON_TARGET_RESET_STREAM;
}

/* -- ends ------------------------------------------------------------------ */

static void drop_unused(struct list *from)
{
	list_foreach_safe (node, from) {
		struct upstream *u = list_entry(node, struct upstream, node);

		if (u->is_running || h2_session_users(u->session) > 0)
			continue;
		u->pool->n_shared--;
		upstream_close(u);
	}
}

void upstream_drop_shared(struct upstream_pool *pool)
{
	for (unsigned i = 0; i < ARRAY_SIZE(pool->shared); i++)
		drop_unused(&pool->shared[i]);
	drop_unused(&pool->full);
}

static void cut(struct list *these)
{
	list_foreach (node, these) {
		struct upstream *u = list_entry(node, struct upstream, node);

		u->is_cut = true;
		h2_session_break(u->session);
		loop_again(u->conn.loop, &u->conn);
	}
}

void upstream_cut_shared(struct upstream_pool *pool)
{
	for (unsigned i = 0; i < ARRAY_SIZE(pool->shared); i++)
		cut(&pool->shared[i]);
	cut(&pool->full);
}
