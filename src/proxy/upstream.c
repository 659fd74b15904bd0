#include "upstream.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fail.h"
#include "proxy/core.h"
#include "proxy/exchange.h"
#include "tls/client.h"
#include "tls/tls_filter.h"

static void free_upstream(struct retired *r)
{
	free(list_entry(r, struct upstream, retired));
}

static void close_upstream(struct upstream *u)
{
	struct worker *w = u->worker;

	conn_close(&u->conn);
	list_remove(&u->node);
	w->n_upstreams--;
	gauge_set(&w->seen_upstreams, w->n_upstreams);
	count(w, COUNT_TARGET_CLOSED);
	loop_retire(&w->loop, &u->retired, free_upstream);
}

static void close_idle(struct upstream *u)
{
	u->pool->n_idle--;
	close_upstream(u);
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
	if (u->exchange) {
		exch_run(u->exchange);
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
	struct upstream *u = (struct upstream *)conn;

	if (u->exchange)
		exch_expired(u->exchange, conn);
	else
		close_idle(u);
}

static const struct conn_ops upstream_ops = {on_ready, on_expired};

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
	list_init(&pool->idle);
	list_init(&pool->busy);
	w->pools[t->slot] = pool;
	return pool;
}

static void begin_use(struct upstream *u, struct exchange *x)
{
	u->exchange = x;
	u->written0 = u->conn.n_written;
	u->read0 = u->conn.n_read;
	u->conn.unsure = false; /* to write to it will tell */
	list_push_front(&u->pool->busy, &u->node);
}

static struct upstream *take_warm(struct upstream_pool *pool,
				  const struct upstream_spec *spec,
				  struct exchange *x)
{
	bool tls = spec->group->protocol == PROTOCOL_HTTPS;

	while (!list_is_empty(&pool->idle)) {
		struct upstream *u =
			list_entry(pool->idle.next, struct upstream, node);

		/* The others have been idle for longer. */
		if (spec->unsafe && may_be_closing(u))
			return NULL;
		list_remove(&u->node);
		pool->n_idle--;
		/* It closed in this turn and was not heard yet, or the group
		 * speaks another protocol since a reload. */
		if (u->is_tls != tls || !is_quiet(&u->conn)) {
			close_upstream(u);
			continue;
		}
		u->is_warm = true;
		begin_use(u, x);
		return u;
	}
	return NULL;
}

static bool add_tls(struct upstream *u, const struct upstream_spec *spec,
		    const struct view *view)
{
	if (!u->is_tls)
		return true;
	u->conn.filter = tls_filter_connect(
		view->snap->target_tls, u->worker->number, spec->server_name,
		slice_of(spec->target->name));
	return u->conn.filter != NULL;
}

static int begin_connect(struct upstream *u, const struct upstream_spec *spec)
{
	return conn_connect(&u->conn, &u->worker->loop, &spec->target->addr,
			    &upstream_ops, CHAIN_LIMIT);
}

static struct upstream *connect_new(struct worker *w,
				    struct upstream_pool *pool,
				    const struct upstream_spec *spec,
				    struct exchange *x)
{
	struct upstream *u = calloc(1, sizeof(*u));
	int error;

	if (!u)
		return NULL;
	u->worker = w;
	u->pool = pool;
	u->is_tls = spec->group->protocol == PROTOCOL_HTTPS;
	list_init(&u->node);
	if (begin_connect(u, spec) &&
	    (errno != EMFILE || !upstream_shed(w) || begin_connect(u, spec))) {
		error = errno;
		free(u);
		errno = error;
		return NULL;
	}
	w->n_upstreams++;
	gauge_set(&w->seen_upstreams, w->n_upstreams);
	count(w, COUNT_TARGET_CONNECTIONS);
	begin_use(u, x);
	if (!add_tls(u, spec, exch_view(x))) {
		close_upstream(u);
		errno = ENOMEM;
		return NULL;
	}
	return u;
}

struct upstream *upstream_take(struct worker *w,
			       const struct upstream_spec *spec,
			       struct exchange *x)
{
	struct upstream_pool *pool = pool_of(w, spec->target);
	struct upstream *u = spec->fresh ? NULL : take_warm(pool, spec, x);

	if (u) {
		count(w, COUNT_TARGET_REUSED);
	} else {
		u = connect_new(w, pool, spec, x);
		if (!u)
			return NULL;
		conn_deadline(&u->conn, spec->connect_ms);
	}
	u->idle_ms = spec->idle_ms;
	return u;
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
	while (!list_is_empty(&pool->idle))
		close_idle(list_entry(pool->idle.next, struct upstream, node));
}

void upstream_give_back(struct upstream *u, bool reusable)
{
	struct upstream_pool *pool = u->pool;
	struct conn *c = &u->conn;

	u->exchange = NULL;
	list_remove(&u->node);
	if (!reusable || c->error || c->peer_closing || c->peer_closed ||
	    c->in.n || c->held || conn_unsent(c) || c->connecting ||
	    is_leaving(pool->state) || pool->n_idle >= UPSTREAM_IDLE_MAX) {
		close_upstream(u);
	} else {
		list_push_front(&pool->idle, &u->node);
		pool->n_idle++;
		u->since_ms = clock_now_ms();
		conn_deadline(c, u->idle_ms);
		if (c->readable)
			loop_again(c->loop, c);
	}
	if (is_leaving(pool->state) && list_is_empty(&pool->busy)) {
		drop_idle(pool);
		free_pool(u->worker, pool);
	}
}

void upstream_cut(struct worker *w, const struct target_state *target)
{
	struct upstream_pool *pool =
		target->slot < w->n_pools ? w->pools[target->slot] : NULL;

	if (!pool || pool->state != target)
		return;
	drop_idle(pool);
	list_foreach (node, &pool->busy) {
		struct upstream *u = list_entry(node, struct upstream, node);

		/* The exchange sees a target that has closed. */
		u->conn.error = ECONNABORTED;
		u->is_cut = true;
		loop_again(&w->loop, &u->conn);
	}
	if (list_is_empty(&pool->busy))
		free_pool(w, pool);
}

void upstream_sweep(struct worker *w)
{
	for (uint32_t i = 0; i < w->n_pools; i++) {
		struct upstream_pool *pool = w->pools[i];

		if (!pool || !is_leaving(pool->state))
			continue;
		drop_idle(pool);
		if (list_is_empty(&pool->busy))
			free_pool(w, pool);
	}
}

bool upstream_shed(struct worker *w)
{
	bool had_some = false;

	for (uint32_t i = 0; i < w->n_pools; i++) {
		if (!w->pools[i] || w->pools[i]->n_idle == 0)
			continue;
		had_some = true;
		drop_idle(w->pools[i]);
	}
	return had_some;
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
