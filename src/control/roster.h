/*
 * roster.h - who is in each target group now, and who is on the way out.
 *
 * A group is configured as addresses and names; its roster has one member for
 * each address there is at the moment. Rosters are made anew when a
 * configuration is taken over and when an answer of the resolver changes;
 * target states are found again by group and address, so health and tallies
 * live on.
 *
 * What leaves is draining: it gets no new requests, may finish what it has
 * for the deregistration delay, and is then cut.
 *
 *	(new) --> in a roster --> draining --> cut, forgotten
 *	               ^--- is back ---+
 *
 * Who was drained at run time (LAID_DRAINED) is in no roster either, but stays
 * until it is resumed or taken out.
 *
 * Floor: control.  Control thread.  Source: AWS: registration and
 * deregistration of targets.
 */
#ifndef WEIR_CONTROL_ROSTER_H
#define WEIR_CONTROL_ROSTER_H

#include "model/snapshot.h"
#include "model/state.h"

struct rosters;

/* What the rosters need from others. */
struct rosters_ops {
	/* The addresses behind a name, their ports 0; borrowed until the next
	 * turn. 0 while there is no answer. */
	size_t (*lookup)(void *arg, struct slice name,
			 const struct addr **addresses);
	/* The delay of this target is over: end what it still has. The state
	 * is borrowed. */
	void (*cut)(void *arg, struct target_state *state);
};

/* More addresses than this behind one name are left out. */
enum { ROSTER_NAME_ADDRESSES_MAX = 128 };

struct rosters *rosters_new(unsigned n_workers, const struct rosters_ops *ops,
			    void *arg);
/* After all workers have ended and all snapshots are gone. */
void rosters_free(struct rosters *r);

/* Gives each group of a sealed snapshot its group_state, which dies with
 * it. Before anybody else sees the snapshot. */
void rosters_attach(struct snapshot *snap);

/*
 * Publishes the rosters of a snapshot that has group states, where they have
 * changed. Targets that are in none of them any more begin to drain, targets
 * that are back stop. The snapshot may be the one of before, after the answer
 * for a name has changed, or another.
 */
void rosters_update(struct rosters *r, const struct snapshot *snap);

/* Ends delays that are over and frees states that nobody refers to. To be
 * called about once a second, and when the next delay ends: in so many
 * milliseconds as it returns, UINT64_MAX where nobody drains. */
uint64_t rosters_tend(struct rosters *r);

/* What was counted for all targets there are and were. */
uint64_t rosters_count(const struct rosters *r, enum target_counter c);

/* Walks all, also those who drain: start with *at = 0; NULL ends. Borrowed. */
const struct target_state *rosters_next(const struct rosters *r, size_t *at);

/* Walks those who drain: start with *at = 0; NULL ends. *left_ms gets what is
 * left of the delay, UINT64_MAX for who was drained at run time. Borrowed. */
const struct target_state *rosters_next_draining(const struct rosters *r,
						 size_t *at, uint64_t *left_ms);

#endif
