#include "upstream.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fail.h"
#include "proxy/core.h"
#include "tls/client.h"
#include "tls/tls_filter.h"

static void free_upstream(struct retired *r)
{
	free(list_entry(r, struct upstream, retired));
}

void upstream_close(struct upstream *u)
{
	struct worker *w = u->worker;

	h2_session_free(u->session);
	u->session = NULL;
	conn_close(&u->conn);
	list_remove(&u->node);
	w->n_upstreams--;
	gauge_set(&w->seen_upstreams, w->n_upstreams);
	count_target(w, u->pool->state, COUNT_TARGET_CLOSED);
	loop_retire(&w->loop, &u->retired, free_upstream);
}

static void close_idle(struct upstream *u)
{
	u->pool->n_idle--;
	upstream_close(u);
}

/*
 * Targets close idle connections after some seconds, often without saying
 * how many, and a request that crosses the FIN is lost. What the target did
 * once it will do again: from then on a request that cannot be sent twice
 * keeps its distance from that moment.
 */
enum {
	PATIENCE_MIN_MS = 1000, /* sooner is a restart, not a habit */
	PATIENCE_MARGIN_MS = 1000,
	PATIENCE_HOLDS_MS = 600 * 1000,
};

static void learn_patience(struct upstream_pool *pool, uint64_t idle_ms)
{
	bool old = clock_now_ms() - pool->learned_ms > PATIENCE_HOLDS_MS;

	if (idle_ms < PATIENCE_MIN_MS ||
	    (pool->patience_ms && idle_ms > pool->patience_ms && !old))
		return;
	pool->patience_ms = idle_ms;
	pool->learned_ms = clock_now_ms();
}

static bool may_be_closing(const struct upstream *u)
{
	uint64_t idle_ms = clock_now_ms() - u->since_ms;

	return u->pool->patience_ms &&
	       idle_ms + PATIENCE_MARGIN_MS >= u->pool->patience_ms;
}

/* An idle connection has nothing to say: whatever comes ends it. That it may
 * be written to again is no news, a read that filled all it was given left
 * perhaps nothing behind, and of TLS, tickets may still come. */
static bool is_quiet(struct conn *c)
{
	if (c->peer_closing || c->error || c->write_error)
		return false;
	return !c->readable || (conn_fill(c) == IO_AGAIN && c->in.n == 0);
}

static void on_ready(struct conn *conn)
{
	struct upstream *u = (struct upstream *)conn;

	if (!conn_is_open(conn))
		return;
	if (u->user) {
		u->user->ready(u->user);
		return;
	}
	if (is_quiet(conn))
		return;
	if (conn->peer_closing)
		learn_patience(u->pool, clock_now_ms() - u->since_ms);
	close_idle(u);
}

static void on_expired(struct conn *conn)
{
	close_idle((struct upstream *)conn); /* who uses it keeps the time */
}

static const struct conn_ops upstream_conn_ops = {
	.ready = on_ready,
	.expired = on_expired,
};

static struct upstream_pool *pool_of(struct worker *w, struct target_state *t)
{
	struct upstream_pool *pool;

	if (t->slot >= w->n_pools) {
		uint32_t n = t->slot + 16;

		w->pools =
			xrealloc(w->pools, n * sizeof(struct upstream_pool *));
		memset(w->pools + w->n_pools, 0,
		       (n - w->n_pools) * sizeof(struct upstream_pool *));
		w->n_pools = n;
	}
	pool = w->pools[t->slot];
	if (pool)
		return pool;
	pool = xcalloc(1, sizeof(*pool));
	pool->state = state_ref(t);
	for (unsigned i = 0; i < ARRAY_SIZE(pool->idle); i++) {
		list_init(&pool->idle[i]);
		list_init(&pool->shared[i]);
	}
	list_init(&pool->busy);
	list_init(&pool->full);
	w->pools[t->slot] = pool;
	return pool;
}

static bool is_leaving(const struct target_state *t)
{
	return t->health == HEALTH_DRAINING;
}

static void free_pool(struct worker *w, struct upstream_pool *pool)
{
	w->pools[pool->state->slot] = NULL;
	state_unref(pool->state);
	free(pool);
}

static void drop_idle(struct upstream_pool *pool)
{
	upstream_drop_shared(pool);
	for (unsigned i = 0; i < ARRAY_SIZE(pool->idle); i++)
		while (!list_is_empty(&pool->idle[i]))
			close_idle(list_entry(pool->idle[i].next,
					      struct upstream, node));
}

static bool is_unused(const struct upstream_pool *pool)
{
	return list_is_empty(&pool->busy) && pool->n_shared == 0;
}

void upstream_leave_pool(struct worker *w, struct upstream_pool *pool)
{
	if (!is_leaving(pool->state) || !is_unused(pool))
		return;
	drop_idle(pool);
	free_pool(w, pool);
}

/* The stream is over: keeps the connection warm, or closes it. */
static void give_back(struct h1_stream *h, enum h1_over how)
{
	struct upstream *u = list_entry(h, struct upstream, h1);
	struct upstream_pool *pool = u->pool;
	struct conn *c = &u->conn;

	u->user = NULL;
	list_remove(&u->node);
	if (how != H1_KEEP || c->error || c->peer_closing || c->peer_closed ||
	    c->in.n || c->held || conn_unsent(c) || c->connecting ||
	    is_leaving(pool->state) || pool->n_idle >= UPSTREAM_IDLE_MAX) {
		upstream_close(u);
	} else {
		list_push_front(&pool->idle[u->lane], &u->node);
		pool->n_idle++;
		u->since_ms = clock_now_ms();
		conn_deadline(c, u->idle_ms);
		if (c->readable)
			loop_again(c->loop, c);
	}
	upstream_leave_pool(u->worker, pool);
}

static void begin_use(struct upstream *u, struct upstream_user *user)
{
	u->user = user;
	user->stream = &u->h1.stream;
	u->conn.unsure = false; /* to write to it will tell */
	conn_deadline(&u->conn, 0);
	h1_back_begin(&u->h1, &u->conn, give_back);
	list_push_front(&u->pool->busy, &u->node);
}

const struct stream_ops *upstream_ops(const struct target_group *group)
{
	return group->version == VERSION_HTTP1 ? &h1_back_ops : &h2_back_ops;
}

unsigned upstream_lane(const struct upstream_spec *spec)
{
	return spec->tls ? 1 + spec->rank : 0;
}

uint64_t upstream_print(const struct upstream_spec *spec)
{
	return spec->tls ? tls_client_print(spec->tls) : 0;
}

static struct upstream *take_warm(struct upstream_pool *pool,
				  const struct upstream_spec *spec,
				  struct upstream_user *user)
{
	struct list *idle = &pool->idle[upstream_lane(spec)];

	while (!list_is_empty(idle)) {
		struct upstream *u =
			list_entry(idle->next, struct upstream, node);

		/* The others have been idle for longer. */
		if (spec->unsafe && may_be_closing(u))
			return NULL;
		list_remove(&u->node);
		pool->n_idle--;
		/* It closed in this turn and was not heard yet, or the group
		 * trusts another certificate since a reload. */
		if (u->tls_print != upstream_print(spec) ||
		    !is_quiet(&u->conn)) {
			upstream_close(u);
			continue;
		}
		user->is_warm = true;
		begin_use(u, user);
		return u;
	}
	return NULL;
}

static bool add_tls(struct upstream *u, const struct upstream_spec *spec)
{
	char room[ADDR_TEXT_MAX];

	if (!spec->tls)
		return true;
	u->conn.filter = tls_filter_connect(spec->tls, u->worker->number,
					    spec->server_name,
					    slice_of(spec->target->name),
					    state_tls_name(spec->target, room));
	return u->conn.filter != NULL;
}

static int begin_connect(struct upstream *u, const struct upstream_spec *spec,
			 const struct conn_ops *ops)
{
	return conn_connect(&u->conn, &u->worker->loop, &spec->target->addr,
			    ops, CHAIN_LIMIT);
}

struct upstream *upstream_connect(struct worker *w, struct upstream_pool *pool,
				  const struct upstream_spec *spec,
				  const struct conn_ops *ops)
{
	struct upstream *u = calloc(1, sizeof(*u));
	int error;

	if (!u)
		return NULL;
	u->worker = w;
	u->pool = pool;
	u->lane = (uint8_t)upstream_lane(spec);
	u->tls_print = upstream_print(spec);
	list_init(&u->node);
	if (begin_connect(u, spec, ops) &&
	    (errno != EMFILE || !upstream_shed(w) ||
	     begin_connect(u, spec, ops))) {
		error = errno;
		free(u);
		errno = error;
		return NULL;
	}
	w->n_upstreams++;
	gauge_set(&w->seen_upstreams, w->n_upstreams);
	count_target(w, pool->state, COUNT_TARGET_CONNECTIONS);
	if (!add_tls(u, spec)) {
		upstream_close(u);
		errno = ENOMEM;
		return NULL;
	}
	return u;
}

static struct upstream *connect_new(struct worker *w,
				    struct upstream_pool *pool,
				    const struct upstream_spec *spec,
				    struct upstream_user *user)
{
	struct upstream *u =
		spec->http2
			? upstream_share_new(w, pool, spec, user)
			: upstream_connect(w, pool, spec, &upstream_conn_ops);

	if (u && !spec->http2)
		begin_use(u, user);
	return u;
}

static struct upstream *take_used(struct upstream_pool *pool,
				  const struct upstream_spec *spec,
				  struct upstream_user *user)
{
	if (spec->http2)
		return upstream_take_shared(pool, spec, user);
	return spec->fresh ? NULL : take_warm(pool, spec, user);
}

enum reason upstream_why_not(int error)
{
	switch (error) {
	case ECONNREFUSED:
	case ECONNRESET:
	case ENOENT:
	case EAGAIN:
		return REASON_TARGET_REFUSED;
	case ETIMEDOUT:
		return REASON_TARGET_CONNECT_TIMEOUT;
	case EMFILE:
	case ENFILE:
	case ENOSPC: /* of epoll watches */
	case ENOMEM:
	case ENOBUFS:
	case EADDRNOTAVAIL:
		return REASON_OVERLOADED;
	default:
		return REASON_TARGET_UNREACHABLE;
	}
}

struct upstream *upstream_take(struct worker *w,
			       const struct upstream_spec *spec,
			       struct upstream_user *user, enum reason *why)
{
	struct upstream_pool *pool = pool_of(w, spec->target);
	struct upstream *u;

	user->is_warm = false;
	u = take_used(pool, spec, user);
	if (u) {
		count_target(w, pool->state, COUNT_TARGET_REUSED);
	} else {
		u = connect_new(w, pool, spec, user);
		if (!u) {
			*why = upstream_why_not(errno);
			count_target(w, pool->state,
				     COUNT_TARGET_CONNECT_ERRORS);
			return NULL;
		}
	}
	u->idle_ms = spec->idle_ms;
	return u;
}

enum reason upstream_why_no_tls(const struct conn *c)
{
	return c->filter && tls_filter_failure(c->filter) == TLS_PEER_REFUSED
		       ? REASON_TARGET_CERTIFICATE
		       : REASON_TARGET_TLS;
}

enum upstream_progress upstream_progress(struct upstream *u, enum reason *why)
{
	struct conn *c = &u->conn;
	enum io io;

	if (u->session)
		return upstream_shared_progress(u, why);
	if (c->error || u->is_cut) {
		*why = u->is_cut ? REASON_DEREGISTERED
				 : upstream_why_not(c->error);
		count_target(u->worker, u->pool->state,
			     COUNT_TARGET_CONNECT_ERRORS);
		return UPSTREAM_FAILED;
	}
	if (c->connecting)
		return UPSTREAM_CONNECTING;
	if (conn_is_established(c))
		return UPSTREAM_READY;
	io = conn_fill(c);
	if (io == IO_FAILED || io == IO_CLOSED || c->write_error) {
		*why = upstream_why_no_tls(c);
		count_target(u->worker, u->pool->state,
			     COUNT_TARGET_TLS_ERRORS);
		return UPSTREAM_FAILED;
	}
	return conn_is_established(c) ? UPSTREAM_READY : UPSTREAM_SHAKING_HANDS;
}

void upstream_cut(struct worker *w, const struct target_state *target)
{
	struct upstream_pool *pool =
		target->slot < w->n_pools ? w->pools[target->slot] : NULL;

	if (!pool || pool->state != target)
		return;
	drop_idle(pool);
	upstream_cut_shared(pool);
	list_foreach (node, &pool->busy) {
		struct upstream *u = list_entry(node, struct upstream, node);

		/* Its user sees a target that has closed. */
		stream_break(&u->h1.stream);
		u->is_cut = true;
		loop_again(&w->loop, &u->conn);
	}
	if (is_unused(pool))
		free_pool(w, pool);
}

void upstream_sweep(struct worker *w)
{
	for (uint32_t i = 0; i < w->n_pools; i++) {
		struct upstream_pool *pool = w->pools[i];

		if (!pool || !is_leaving(pool->state))
			continue;
		drop_idle(pool);
		if (is_unused(pool))
			free_pool(w, pool);
	}
}

bool upstream_shed(struct worker *w)
{
	uint64_t before = w->n_upstreams;

	for (uint32_t i = 0; i < w->n_pools; i++)
		if (w->pools[i])
			drop_idle(w->pools[i]);
	return w->n_upstreams < before;
}

void upstream_release(struct worker *w)
{
	for (uint32_t i = 0; i < w->n_pools; i++) {
		if (!w->pools[i])
			continue;
		drop_idle(w->pools[i]);
		free_pool(w, w->pools[i]);
	}
	free(w->pools);
	w->pools = NULL;
	w->n_pools = 0;
}
