#include "worker.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/journal.h"
#include "net/piece.h"
#include "proxy/accept.h"
#include "proxy/client.h"
#include "proxy/core.h"
#include "proxy/error_ring.h"
#include "proxy/exchange.h"
#include "proxy/upstream.h"
#include "tls/server.h"

uint64_t worker_random(struct worker *w)
{
	/* xorshift128+ */
	uint64_t a = w->random_state[0], b = w->random_state[1];

	w->random_state[0] = b;
	a ^= a << 23;
	w->random_state[1] = a ^ b ^ (a >> 18) ^ (b >> 5);
	return w->random_state[1] + b;
}

static bool log_within(struct log_budget *budget, struct worker *w,
		       struct log_line *l, enum log_level level,
		       const char *sentence)
{
	unsigned left_out;

	if (!log_is_on(level))
		return false;
	if (!log_budget_take(budget, WORKER_LOG_LINES, &left_out)) {
		count(w, COUNT_LOG_HELD);
		return false;
	}
	log_begin(l, level, sentence);
	if (left_out)
		log_num(l, "left_out", left_out);
	return true;
}

static void on_pen_is_due(struct deadline *d)
{
	struct worker *w = list_entry(d, struct worker, pen_is_due);

	journal_hand_over(w->pen);
}

void worker_put_line(struct worker *w, struct journal *j,
		     const struct writer *line)
{
	const char *start = journal_room(w->pen);
	bool due = false;

	if (line->overflow) {
		journal_lose(j);
		count(w, COUNT_LINES_LOST);
	} else if (journal_put(w->pen, j,
			       slice_make(start, (size_t)(line->at - start)),
			       &due)) {
		count(w, COUNT_LINES);
	} else {
		count(w, COUNT_LINES_LOST);
	}
	if (due)
		loop_deadline(&w->loop, &w->pen_is_due,
			      clock_now_ms() + JOURNAL_DELAY_MS);
}

bool worker_log(struct worker *w, struct log_line *l, enum log_level level,
		const char *sentence)
{
	return log_within(&w->log_budget, w, l, level, sentence);
}

bool worker_log_end(struct worker *w, struct log_line *l, enum log_level level,
		    const char *sentence)
{
	return log_within(&w->end_budget, w, l, level, sentence);
}

/* -- messages -------------------------------------------------------------- */

struct adoption {
	struct worker *worker;
	struct snapshot *snap;
	struct seal_keys keys;
	bool has_keys;
	size_t n_endpoints;
	struct endpoint endpoints[];
};

/* Exchanges, and connections that may ask yet on listeners that are gone. */
static void show_old(const struct worker *w, struct view *view)
{
	unsigned exchanges = view->users, connections = 0;

	list_foreach (node, &w->acceptors) {
		const struct acceptor *a =
			list_entry(node, struct acceptor, node);

		if (a->last != view)
			continue;
		exchanges--;
		connections += a->n_asking;
	}
	view_show(view, exchanges,
		  connections > exchanges ? connections : exchanges);
}

void worker_show_generations(struct worker *w)
{
	const struct view *oldest =
		list_entry(w->views.prev, struct view, node);

	list_foreach (node, &w->views)
		if (node != &w->view->node)
			show_old(w, list_entry(node, struct view, node));
	gauge_set(&w->seen_generation, w->view->snap->generation);
	gauge_set(&w->seen_oldest, oldest->snap->generation);
}

static void adopt_keys(struct worker *w, const struct adoption *a)
{
	sealer_free(w->sealer);
	w->sealer = a->has_keys ? sealer_new(&a->keys) : NULL;
	if (a->has_keys && !w->sealer)
		log_say(LOG_ERROR, "stickiness is off: the key cannot be "
				   "set up");
}

/* Between two events, so no exchange is in the middle of a step. */
static void adopt(void *arg)
{
	struct adoption *a = arg;
	struct worker *w = a->worker;
	struct view *old = w->view;

	w->view = view_new(a->snap, w->number, old);
	list_push_front(&w->views, &w->view->node);
	adopt_keys(w, a);
	if (!w->pen && w->journals && snapshot_has_logs(w->view->snap))
		w->pen = journals_pen(w->journals);
	accept_adopt(w, old, a->endpoints, a->n_endpoints);
	for (size_t i = 0; i < a->n_endpoints; i++)
		listening_unref(a->endpoints[i].socket);
	upstream_sweep(w);
	if (old)
		view_leave(old);
	worker_show_generations(w);
	seal_keys_wipe(&a->keys);
	free(a);
}

void worker_adopt(struct worker *w, struct snapshot *snap_take,
		  const struct seal_keys *keys,
		  const struct endpoint *endpoints, size_t n_endpoints)
{
	struct adoption *a =
		xcalloc(1, sizeof(*a) + n_endpoints * sizeof(*endpoints));

	a->worker = w;
	a->snap = snap_take;
	if (keys) {
		a->keys = *keys;
		a->has_keys = true;
	}
	a->n_endpoints = n_endpoints;
	for (size_t i = 0; i < n_endpoints; i++) {
		a->endpoints[i] = endpoints[i];
		listening_ref(endpoints[i].socket);
	}
	loop_post(&w->loop, adopt, a);
}

void worker_maybe_idle(struct worker *w)
{
	if (w->n_exchanges > 0)
		return;
	list_foreach_safe (node, &w->clients)
		client_hurry(list_entry(node, struct client, node));
}

static void drain(void *arg)
{
	struct worker *w = arg;

	w->draining = true;
	accept_stop(w);
	list_foreach_safe (node, &w->clients)
		client_drain(list_entry(node, struct client, node));
	worker_maybe_idle(w);
}

void worker_drain(struct worker *w)
{
	loop_post(&w->loop, drain, w);
}

static void beat(void *arg)
{
	struct worker *w = arg;

	gauge_add(&w->seen_beats, 1);
}

void worker_beat(struct worker *w)
{
	loop_post(&w->loop, beat, w);
}

struct ending {
	struct worker *worker;
	uint64_t generation;
};

static void end_generations(void *arg)
{
	struct ending *e = arg;
	struct worker *w = e->worker;

	w->ended_generation = e->generation;
	list_foreach_safe (node, &w->clients)
		client_cut(list_entry(node, struct client, node));
	worker_show_generations(w);
	free(e);
}

void worker_end_generations(struct worker *w, uint64_t generation)
{
	struct ending *e = xmalloc(sizeof(*e));

	*e = (struct ending){w, generation};
	loop_post(&w->loop, end_generations, e);
}

struct cut {
	struct worker *worker;
	struct target_state *state;
};

static void cut(void *arg)
{
	struct cut *c = arg;

	upstream_cut(c->worker, c->state);
	/* Tables of views may still hold it in a roster that was replaced. */
	list_foreach (node, &c->worker->views)
		view_refresh(list_entry(node, struct view, node));
	state_unref(c->state);
	free(c);
}

void worker_cut_target(struct worker *w, struct target_state *state_take)
{
	struct cut *c = xmalloc(sizeof(*c));

	*c = (struct cut){w, state_take};
	loop_post(&w->loop, cut, c);
}

static void sweep(void *arg)
{
	struct worker *w = arg;

	upstream_sweep(w);
	/* Behind what this turn has counted, for who reads it. */
	atomic_fetch_add_explicit(&w->seen_sweeps, 1, memory_order_release);
}

void worker_sweep(struct worker *w)
{
	loop_post(&w->loop, sweep, w);
}

void worker_post(struct worker *w, void (*fn)(void *arg), void *arg)
{
	loop_post(&w->loop, fn, arg);
}

struct tls_swap {
	struct worker *worker;
	struct tls_server *served, *next;
};

static void swap_tls(void *arg)
{
	struct tls_swap *s = arg;

	tls_server_replace(s->served, s->worker->number, s->next);
	tls_server_unref(s->served);
	tls_server_unref(s->next);
	free(s);
}

void worker_swap_tls(struct worker *w, struct tls_server *served,
		     struct tls_server *next)
{
	struct tls_swap *s = xmalloc(sizeof(*s));

	*s = (struct tls_swap){w, tls_server_ref(served), tls_server_ref(next)};
	loop_post(&w->loop, swap_tls, s);
}

static void stop(void *arg)
{
	struct worker *w = arg;

	loop_stop(&w->loop);
}

void worker_stop(struct worker *w)
{
	loop_post(&w->loop, stop, w);
}

/* -- the thread ------------------------------------------------------------ */

/* What is still open when the time is over. */
static void end_clients(struct worker *w)
{
	list_foreach_safe (node, &w->clients)
		client_end(list_entry(node, struct client, node));
}

struct worker *worker_new(const struct worker_options *options)
{
	struct worker *w = aligned_alloc(64, (sizeof(*w) + 63) & ~(size_t)63);

	if (!w)
		return NULL;
	memset(w, 0, sizeof(*w));
	w->number = options->number;
	w->most_octets = options->most_octets;
	w->most_connections = options->most_connections;
	w->n_connections = options->n_connections;
	w->journals = options->journals;
	w->errors = error_ring_new();
	deadline_init(&w->pen_is_due, on_pen_is_due);
	list_init(&w->views);
	list_init(&w->acceptors);
	list_init(&w->clients);
	loop_init(&w->loop);
	if (getrandom(w->random_state, sizeof(w->random_state), 0) < 0)
		w->random_state[0] = (uintptr_t)w | 1;
	return w;
}

void worker_enter(struct worker *w)
{
	log_set_worker((int)w->number);
	chunk_pool_init(w->most_octets);
	w->seen_refusals = chunk_pool_refusals();
	w->scratch.route.patterns = pattern_scratch_new();
}

void worker_leave(struct worker *w)
{
	accept_stop(w);
	end_clients(w);
	upstream_release(w);
	/* Retired connections go with the last turn. */
	loop_turn(&w->loop, false);
	loop_forget(&w->loop, &w->pen_is_due);
	if (w->view)
		view_leave(w->view);
	exch_release_free(w);
	sealer_free(w->sealer);
	pattern_scratch_free(w->scratch.route.patterns);
	piece_room_release();
	chain_release_kept();
	chunk_pool_release();
}

void worker_free(struct worker *w)
{
	loop_release(&w->loop);
	error_ring_free(w->errors);
	free(w);
}

static void *run(void *arg)
{
	struct worker *w = arg;

	worker_enter(w);
	loop_run(&w->loop);
	worker_leave(w);
	return NULL;
}

struct worker *worker_start(const struct worker_options *options)
{
	struct worker *w = worker_new(options);
	sigset_t all, old;
	int error;

	if (!w)
		return NULL;
	/* Signals are for the control thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = pthread_create(&w->thread, NULL, run, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (error) {
		worker_free(w);
		errno = error;
		return NULL;
	}
	return w;
}

void worker_join(struct worker *w)
{
	pthread_join(w->thread, NULL);
	worker_free(w);
}

const tally_cell *worker_counters(const struct worker *w)
{
	return w->counters;
}

const struct error_ring *worker_errors(const struct worker *w)
{
	return w->errors;
}

static uint64_t gauge(const _Atomic uint64_t *g)
{
	return atomic_load_explicit(g, memory_order_relaxed);
}

void worker_read_gauges(const struct worker *w, struct worker_gauges *out)
{
	*out = (struct worker_gauges){
		.client_connections = gauge(&w->seen_clients),
		.target_connections = gauge(&w->seen_upstreams),
		.requests_under_way = gauge(&w->seen_exchanges),
		.generation = gauge(&w->seen_generation),
		.oldest_generation = gauge(&w->seen_oldest),
		.paused = gauge(&w->seen_paused),
		.beats = gauge(&w->seen_beats),
		.sweeps = atomic_load_explicit(&w->seen_sweeps,
					       memory_order_acquire),
	};
}
