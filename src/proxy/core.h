/*
 * core.h - a worker's belongings, as the parts of the data path see them.
 *
 * Floor: proxy.  One thread.
 */
#ifndef WEIR_PROXY_CORE_H
#define WEIR_PROXY_CORE_H

#include <pthread.h>

#include "base/log.h"
#include "model/counts.h"
#include "net/chunk.h"
#include "net/loop.h"
#include "proxy/scratch.h"
#include "proxy/view.h"
#include "proxy/worker.h"
#include "tls/seal.h"

struct error_ring; /* proxy/error_ring.h */
struct exchange;
struct journal;
struct journal_pen;
struct journals;
struct upstream_pool;

/* Octets that each chain of a connection holds at most: more than the largest
 * head (80 KiB), and enough for reads of 64 KiB. */
enum { CHAIN_LIMIT = 128 * 1024 };

struct worker {
	struct loop loop;
	unsigned number;
	uint64_t most_connections;       /* from clients, of all workers */
	_Atomic uint64_t *n_connections; /* these; see worker_options */
	size_t most_octets;
	pthread_t thread;

	struct view *view; /* the newest; NULL before the first */
	struct list views; /* all alive, newest first */
	uint64_t
		ended_generation; /* the time of it and of older ones is over */
	struct list acceptors;
	struct list clients;          /* every connection from a client */
	struct sealer *sealer;        /* NULL without stickiness */
	struct upstream_pool **pools; /* by target_state.slot; may be NULL */
	uint32_t n_pools;
	struct exchange *free_exchanges; /* LIFO */
	unsigned n_free_exchanges, n_exchanges;
	uint64_t n_clients, n_upstreams;
	struct error_ring *errors; /* owned; NULL: memory was out */
	bool draining;
	uint64_t random_state[2];
	struct journals *journals;  /* borrowed; NULL: none */
	struct journal_pen *pen;    /* of `journals`; NULL before there was a
				     * log of lines */
	struct deadline pen_is_due; /* what was put is handed over */
	struct log_budget log_budget;
	struct log_budget end_budget;   /* for connections that had to end */
	struct log_budget trace_budget; /* for states of exchanges */
	uint64_t seen_refusals;         /* of the chunk pool, counted so far */

	_Alignas(64) tally_cell counters[WORKER_COUNTERS];
	/* Gauges that other threads read. */
	_Atomic uint64_t seen_clients, seen_upstreams, seen_exchanges;
	_Atomic uint64_t seen_generation, seen_oldest, seen_sweeps;
	_Atomic uint64_t seen_paused, seen_beats;

	struct scratch scratch;
};

/* Counted once, for the nearest object: one store. */
static inline void count_n(struct worker *w, enum worker_counter c, uint64_t n)
{
	tally_add(&w->counters[c], n);
}

static inline void count(struct worker *w, enum worker_counter c)
{
	count_n(w, c, 1);
}

static inline void count_listener_n(struct worker *w, struct listener_state *l,
				    enum listener_counter c, uint64_t n)
{
	tally_add(&l->tally[w->number].counters[c], n);
}

static inline void count_listener(struct worker *w, struct listener_state *l,
				  enum listener_counter c)
{
	count_listener_n(w, l, c, 1);
}

static inline void count_group(struct worker *w, const struct target_group *g,
			       enum group_counter c)
{
	tally_add(&g->counts->tally[w->number].counters[c], 1);
}

static inline void count_target(struct worker *w, struct target_state *t,
				enum target_counter c)
{
	tally_add(&t->tally[w->number].counters[c], 1);
}

/* Its time is over: worker_end_generations(). */
static inline bool view_is_overdue(const struct worker *w,
				   const struct view *view)
{
	return view != w->view && view->snap->generation <= w->ended_generation;
}

static inline void gauge_set(_Atomic uint64_t *gauge, uint64_t value)
{
	atomic_store_explicit(gauge, value, memory_order_relaxed);
}

static inline void gauge_add(_Atomic uint64_t *gauge, int64_t n)
{
	gauge_set(gauge, atomic_load_explicit(gauge, memory_order_relaxed) +
				 (uint64_t)n);
}

/* Counts what the chunk pool refused since the last call. */
static inline void worker_note_refusals(struct worker *w)
{
	uint64_t refusals = chunk_pool_refusals();

	if (refusals == w->seen_refusals)
		return;
	count_n(w, COUNT_POOL_EMPTY, refusals - w->seen_refusals);
	w->seen_refusals = refusals;
}

/* A place among settings.max_connections; false: there is none left. */
static inline bool worker_take_place(struct worker *w)
{
	if (atomic_fetch_add_explicit(w->n_connections, 1,
				      memory_order_relaxed) <
	    w->most_connections)
		return true;
	atomic_fetch_sub_explicit(w->n_connections, 1, memory_order_relaxed);
	return false;
}

static inline void worker_leave_place(struct worker *w)
{
	atomic_fetch_sub_explicit(w->n_connections, 1, memory_order_relaxed);
}

/* A worker without a thread, as tests want it; what worker_start() does, in
 * its parts: new, enter and leave (both in the thread that serves), free. */
struct worker *worker_new(const struct worker_options *options);
void worker_enter(struct worker *w);
void worker_leave(struct worker *w);
void worker_free(struct worker *w);

/* Not secret: for trace ids. */
uint64_t worker_random(struct worker *w);

/* A view came or went: tells which generations are alive. */
void worker_show_generations(struct worker *w);

/* Something ended while draining: perhaps that was the last. */
void worker_maybe_idle(struct worker *w);

/* Lines a second that a worker writes about requests and connections. */
enum { WORKER_LOG_LINES = 50 };

/* Begins a line about a request or a connection, unless there have been too
 * many in this second. */
bool worker_log(struct worker *w, struct log_line *l, enum log_level level,
		const char *sentence);
/* The same, beside what is told of requests, of which an attack makes many
 * before its connection ends. */
bool worker_log_end(struct worker *w, struct log_line *l, enum log_level level,
		    const char *sentence);

/* Puts a line that was written to journal_room(w->pen). */
void worker_put_line(struct worker *w, struct journal *j,
		     const struct writer *line);

#endif
