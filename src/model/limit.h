/*
 * limit.h - how much one client, or all of them, may ask for.
 *
 * A limit holds for the process, however many workers it has, so workers do
 * write in common here: one atomic word for each key, never a lock. The word
 * of a rate is the time at which the next request would be due, that of a
 * count the number that is held.
 *
 * Keys stand in buckets of LIMIT_WAYS; a bucket that is full forgets the key
 * whose time is longest past. So a table has a fixed size, whoever asks, and
 * one question looks at one bucket.
 *
 *	limit (arena of the snapshot, as configured)
 *	  '--> limit_state (by name; found again by a reload): the tables
 *	limit_use (limit, at one listener) --> limit_counts (for ever): tallies
 *
 * Floor: model.  Source: weir.yaml(5), limits.  The rate is the generic cell
 * rate algorithm, ITU-T I.371, annex A.
 */
#ifndef WEIR_MODEL_LIMIT_H
#define WEIR_MODEL_LIMIT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/counter.h"
#include "base/diag.h"
#include "base/map.h"
#include "base/slice.h"

struct cidr;
struct snapshot;

enum {
	LIMIT_WAYS = 16,      /* keys in one bucket */
	LIMIT_BUCKETS = 8192, /* of a table: twice the room that 65,536 keys
			       * need, so that hardly a bucket has too many */
	LIMITS_MAX = 16,      /* in one list */
	LIMIT_USES_MAX = 3 * LIMITS_MAX, /* that one request may meet */
};

struct limit_bucket {
	_Alignas(64) _Atomic uint64_t keys[LIMIT_WAYS]; /* 0: free */
	_Atomic uint64_t words[LIMIT_WAYS];
};

struct limit_keys {
	uint64_t mask; /* buckets less one; power of two */
	struct limit_bucket buckets[];
};

/* What a question to a table came to. */
enum limit_answer {
	LIMIT_PASSES,
	LIMIT_REFUSES,
	LIMIT_UNKNOWN, /* there was no room to remember the key: it passes, and
			* nothing is held */
};

/* Zeroed pages, which cost memory once they are used. NULL: none left. */
struct limit_keys *limit_keys_new(unsigned n_buckets);
void limit_keys_free(struct limit_keys *keys);

/*
 * One request at `now_ns` of a rate with one in `interval_ns`, of which so
 * many as fit in `span_ns` may come at once. A refused one is not counted, and
 * *wait_ns is when the next would pass. A clock that has jumped back costs the
 * key one burst, not the time of the jump. *forgot: a key made room whose time
 * was not over.
 */
enum limit_answer limit_rate(struct limit_keys *keys, uint64_t key,
			     uint64_t interval_ns, uint64_t span_ns,
			     uint64_t now_ns, uint64_t *wait_ns, bool *forgot);

/* Holds one of `most` places; *place is where, with LIMIT_PASSES. */
enum limit_answer limit_hold(struct limit_keys *keys, uint64_t key,
			     uint32_t most, _Atomic uint64_t **place);

static inline void limit_let_go(_Atomic uint64_t *place)
{
	atomic_fetch_sub_explicit(place, 1, memory_order_relaxed);
}

/* A client by its address: IPv6 by its /64. NULL: one without an address. */
uint64_t limit_key_of_client(const struct cidr *address);
uint64_t limit_key_of_text(struct slice text);
enum { LIMIT_KEY_OF_ALL = 1 };

/* -- as configured --------------------------------------------------------- */

enum limit_per { LIMIT_CLIENT, LIMIT_ALL, LIMIT_HEADER, LIMIT_COOKIE };

/* The tables of one limit. Any thread may hold on to it; control frees it. */
struct limit_state {
	_Atomic unsigned refs; /* snapshots, and places held beyond them */
	struct slice key;      /* owned */
	/* NULL unless some configuration wanted it. */
	struct limit_keys *rates, *requests, *connections;
};

struct limit {
	struct slice name;
	enum limit_per per;
	struct slice field;   /* name of the header field or cookie */
	uint8_t field_id;     /* enum name of http/names.h */
	uint64_t interval_ns; /* of a rate; 0: none */
	uint64_t span_ns;     /* burst times interval */
	uint32_t requests;    /* at a time; 0: no limit */
	uint32_t connections; /* at a time; 0: no limit */
	uint64_t body;        /* octets; UINT64_MAX: no limit */
	bool report;          /* mode: who would be refused passes */
	struct slice whose;   /* which list it stands in; with the name unique
			       * in the configuration */
	struct limit_state *state; /* one reference, the snapshot's; NULL until
				    * control starts to serve it */
	struct place place;
};

/* What was refused, or would have been; as long as the process. */
struct limit_counts {
	struct limit_counts *next;
	struct slice key, balancer, name; /* owned */
	uint16_t port;
	bool report;
	unsigned n_workers;
	struct limit_tally {
		_Alignas(64) tally_cell refused;
	} tally[];
};

/* A limit at a listener, which counts for itself what load balancers limit in
 * common. */
struct limit_use {
	struct limit *limit;
	struct limit_counts *counts; /* NULL until control starts to serve */
};

struct limit_uses {
	struct limit_use *uses;
	size_t n;
};

/* All there were; control thread. Zeroed but for n_workers it is empty. */
struct limit_table {
	unsigned n_workers;
	struct map states, counts; /* by key */
	struct limit_counts *first, **end;
	unsigned n_counts;
};

enum { LIMIT_COUNTS_MAX = 16384 }; /* further ones share one, "(others)" */

/* Gives each limit of a sealed snapshot its tables and counts, made or found
 * again; frees tables that nobody has any more. Before anybody else sees the
 * snapshot. */
void limits_attach(struct limit_table *table, struct snapshot *snap);

/* After all workers have ended and all snapshots have gone. */
void limits_release(struct limit_table *table);

/* Any thread. */
static inline void limit_state_ref(struct limit_state *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
}

static inline void limit_state_unref(struct limit_state *s)
{
	atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel);
}

uint64_t limit_count(const struct limit_counts *c);

#endif
