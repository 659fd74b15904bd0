/*
 * state.h - what outlives a snapshot: targets as they are, not as configured.
 *
 * A target_state is one address that can be asked: its health, its tallies.
 * It is keyed by group and address, so a reload finds it again. A group_state
 * is the changing side of one group of one snapshot: its roster (who is in it
 * now) and an epoch that tells workers to look again. Control and prober
 * write, workers read:
 *
 *   group --> group_state --> roster --> target_state
 *             epoch           immutable  health (atomic), tally[w] (worker w)
 *
 * Floor: model.  Source: AWS: health checks and deregistration of
 * targets.
 */
#ifndef WEIR_MODEL_STATE_H
#define WEIR_MODEL_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "base/counter.h"
#include "base/map.h"
#include "model/group.h"
#include "net/addr.h"

enum health {
	HEALTH_INITIAL, /* registered, not one check has succeeded yet */
	HEALTH_HEALTHY,
	HEALTH_UNHEALTHY,
	HEALTH_UNUSED,      /* no rule uses the group */
	HEALTH_DRAINING,    /* left the configuration; old requests end */
	HEALTH_UNAVAILABLE, /* health checks are disabled: takes traffic */
};

/* AWS's reason codes (API: TargetHealth). */
enum health_reason {
	HEALTH_NO_REASON,
	HEALTH_REGISTRATION_IN_PROGRESS,
	HEALTH_INITIAL_CHECKING,
	HEALTH_CODE_MISMATCH,
	HEALTH_TIMEOUT,
	HEALTH_FAILED_CHECKS,
	HEALTH_INTERNAL_ERROR,
	HEALTH_NOT_IN_USE,
	HEALTH_DEREGISTRATION,
	HEALTH_CHECK_DISABLED,
};

/* What one worker counts for one target; written by that worker alone. */
struct tally {
	_Alignas(64) tally_cell begun; /* tries: a connect, perhaps a request */
	tally_cell left;               /* of these, over */
	tally_cell requests;           /* sent to it */
	tally_cell ended;              /* of these, over */
	tally_cell unanswered;         /* ended without a response */
	tally_cell responses[6];       /* by class: [2] is 2xx; [0] other */
	tally_cell failures;           /* connects that failed */
	tally_cell octets_in, octets_out; /* bodies and heads, from and to it */
	tally_cell counters[TARGET_COUNTERS];
};

/* Answers and errors of a target in about one period; balance/anomaly.h. */
struct anomaly_window {
	uint64_t seen, seen_errors; /* of the tallies, when last looked at */
	double n, errors;
};

/* Parts of a weight: one is all of it. */
enum { FACTOR_ONE = 10000 };

struct target_state {
	_Atomic unsigned refs;    /* rosters, and exchanges under way */
	uint32_t slot;            /* index in every worker's table */
	struct slice group;       /* name; owned */
	struct slice id;          /* as configured: address or name; owned */
	char name[ADDR_TEXT_MAX]; /* "10.0.0.5:80", for logs and tables */
	struct addr addr;         /* never changes */
	_Atomic bool is_named;    /* the id is a host name; by control */
	_Atomic uint8_t health;   /* enum health; written by control */
	_Atomic uint8_t health_reason;   /* enum health_reason; likewise */
	_Atomic uint16_t health_code;    /* of the last check that speaks for
					  * the health; 0: none */
	_Atomic uint64_t health_since_s; /* wall clock of the last change */
	uint64_t identity; /* of id and address; same on every node:
			    * what a sticky cookie names */
	unsigned n_workers;
	/* Requests that were given to it and are not over, of all workers:
	 * one count for all, since the fewest of one worker need not be the
	 * fewest. Kept for least_outstanding_requests alone. */
	_Alignas(64) _Atomic int32_t outstanding;
	/* Passive checks. Workers write both, but only when a connect fails,
	 * or is the first after one that failed. */
	_Alignas(64) _Atomic uint32_t connect_failures; /* in a row */
	_Atomic uint64_t rests_until_ms; /* clock_now_ms(); 0: never */
	/* Written by control. */
	_Atomic uint64_t slow_since_ms; /* its slow start began; 0: none */
	_Atomic uint32_t factor;        /* of its weight, FACTOR_ONE at most */
	_Atomic bool is_anomalous;
	/* Control thread alone. */
	struct anomaly_window window;
	uint64_t batch;       /* those that were registered together have the
			       * same; grows */
	bool was_healthy;     /* since it was registered */
	struct tally tally[]; /* one for each worker */
};

/* Who is in a group now. Immutable. */
struct member {
	struct target_state *state; /* one reference */
	struct slice zone;          /* a zone or "all"; the roster's */
	struct addr check_addr;     /* where health checks go */
	uint32_t weight;            /* at least 1 */
	bool backup;                /* only while no other one is usable */
};

/* One block: the members, and the text of their zones behind them. */
struct roster {
	_Atomic unsigned refs;
	size_t n_members;
	uint16_t *slots; /* owned; of balance/maglev.h, by places in
			  * `members`. NULL: the group does not hash */
	struct member members[];
};

/* Targets of a group with the changes of run time laid over them. */
struct laid_targets {
	struct arena arena; /* what they point to */
	struct target *targets;
	size_t n;
};

struct group_state {
	_Atomic uint64_t epoch; /* grows when the roster or a health changes */
	pthread_mutex_t lock;   /* guards `roster`; held for a ref, never while
				 * anything is done */
	struct roster *roster;  /* never NULL once published */
	struct laid_targets *laid; /* owned; NULL: as configured. Control */
};

/* All target states by key; control thread only. */
struct state_table {
	struct map by_key;
	struct target_state **by_slot; /* NULL: free for reuse */
	uint32_t n_slots;
	unsigned n_workers;
	uint64_t gone[TARGET_COUNTERS]; /* of those that were freed */
};

/*
 * Finds the state of an address in a group or makes it, HEALTH_INITIAL.
 * Returns it with one more reference. Control thread.
 */
struct target_state *state_get(struct state_table *table, struct slice group,
			       struct slice id, const struct addr *addr);

/* What the target's certificate is for: the host name that it is known by,
 * else its address; empty for a path. `room` may be what it points to. */
struct slice state_tls_name(const struct target_state *s,
			    char room[ADDR_TEXT_MAX]);

/* Any thread. The memory goes when control calls state_table_sweep(). */
static inline struct target_state *state_ref(struct target_state *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

static inline void state_unref(struct target_state *s)
{
	atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel);
}

/* Frees states that nobody refers to any more. Control thread. */
void state_table_sweep(struct state_table *table);
void state_table_release(struct state_table *table);

/* Requests that were given to it and are not over, also those that wait to be
 * connected; tunnels too. Of a worker that has not yet seen a change one more
 * may come. */
uint64_t target_tries_open(const struct target_state *s);

/* What was counted for one target, by all workers. */
uint64_t target_count(const struct target_state *s, enum target_counter c);
/* For all there are and were. Control thread. */
uint64_t state_table_count(const struct state_table *table,
			   enum target_counter c);

/* Takes over the references of `members`; copies the zones. */
struct roster *roster_new(const struct member *members_take, size_t n);
void roster_unref(struct roster *roster);

struct group_state *group_state_new(void);
void group_state_free(struct group_state *gs);
/* Puts `roster_take` in place of the old one and moves the epoch. Control. */
void group_state_publish(struct group_state *gs, struct roster *roster_take);
/* Has these in place of what is configured; NULL: that again. Control. */
void group_state_lay(struct group_state *gs, struct laid_targets *laid_take);
void laid_targets_free(struct laid_targets *laid);
/* The targets of a group, with changes of run time; also those that are
 * LAID_DEREGISTERED. Borrowed until the next group_state_lay(). Control. */
const struct target *group_targets(const struct target_group *g, size_t *n);
/* The roster of now, with a reference of its own. Any thread. */
struct roster *group_state_roster(struct group_state *gs);
/* Tells workers that a health has changed. Control. */
void group_state_touch(struct group_state *gs);

static inline uint64_t group_state_epoch(const struct group_state *gs)
{
	return atomic_load_explicit(&gs->epoch, memory_order_acquire);
}

const char *health_name(enum health h);               /* "healthy" */
const char *health_reason_code(enum health_reason r); /* "Target.Timeout" */
const char *health_reason_text(enum health_reason r);

#endif
