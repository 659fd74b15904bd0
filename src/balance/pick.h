/*
 * pick.h - which target takes the next request.
 *
 * A pick table is what one worker knows of one group: the targets that take
 * traffic now, and whose turn it is. It is built from the group's roster when
 * the group's epoch has moved and used without locks until it moves again.
 *
 *	table stale?  -- yes -->  those of our zone  -->  usable targets
 *	     no |                  none is healthy: the backups, else all;
 *	        |                  too few are: all of them (fail open)
 *	        |                  at most half of these rest
 *	        v
 *	the group's algorithm, over usable targets and their weights
 *
 * Floor: balance.  One thread for each table.  Source: AWS: routing
 * algorithms, target group health.
 */
#ifndef WEIR_BALANCE_PICK_H
#define WEIR_BALANCE_PICK_H

#include "balance/consistent.h"
#include "balance/round_robin.h"
#include "base/clock.h"
#include "model/group.h"
#include "model/state.h"

/* A zeroed table is empty, and stale. */
struct pick_table {
	uint64_t epoch;         /* of the group when this was built */
	uint64_t look_again_ms; /* weights and rests change with time alone */
	struct roster *roster;  /* one reference: keeps the states alive; NULL
				 * before the first build */
	const struct target_group *group; /* as at the last refresh; borrowed */
	struct group_state *gs;           /* its changing side; borrowed */
	struct round_robin ring;
	struct consistent consistent;   /* zeroed unless the group hashes */
	struct rr_target **by_identity; /* sorted; ring.n of them; owned */
	uint64_t random;                /* of weighted_random; 0: not begun */
	bool begun;         /* ring.cursor is where some ring stood before */
	bool failed_open;   /* too few targets are healthy: count each pick as
			     * COUNT_FAIL_OPEN */
	bool zone_is_empty; /* there are targets, but none in our zone */
	bool counts_load;   /* target_state.outstanding is kept */
};

/* The slow half of pick_refresh(). */
void pick_rebuild(struct pick_table *table, struct group_state *gs,
		  const struct target_group *group, unsigned worker);

/*
 * Brings a table up to date; costs one load when nothing has changed. Call it
 * before pick_next() and pick_find().
 *
 * gs      the changing side of `group`
 * worker  this worker's number: workers begin at different targets
 *
 * When memory is out the table stays as it was and is tried again next time.
 */
static inline void pick_refresh(struct pick_table *table,
				struct group_state *gs,
				const struct target_group *group,
				unsigned worker)
{
	if (__builtin_expect((table->epoch != group_state_epoch(gs)) |
				     (clock_now_ms() >= table->look_again_ms),
			     0))
		pick_rebuild(table, gs, group, worker);
}

/*
 * The target whose turn it is, or NULL when there is none.
 *
 * avoid  a target that was just tried and is not to be picked again; then
 *        NULL also means that there is no other. NULL: none.
 *
 * Borrowed until the next pick_refresh(); keep it with state_ref().
 */
struct target_state *pick_next(struct pick_table *table,
			       const struct target_state *avoid);

/* The same for a request that has what its group hashes; takes no turn. */
struct target_state *pick_hashed(struct pick_table *table, uint64_t hash,
				 const struct target_state *avoid);

/*
 * Who would take a request that came now: the target a sticky cookie names, as
 * with pick_find(), else the one of pick_hashed() or pick_next(). Takes no
 * turn, no number and no trial.
 *
 * identity  NULL: no cookie
 * hash      NULL: the request has nothing that its group hashes
 */
struct target_state *pick_peek(const struct pick_table *table,
			       const uint64_t *identity, const uint64_t *hash);

/* The target a sticky cookie names, if it may be used now, else NULL.
 * Borrowed as with pick_next(). */
struct target_state *pick_find(struct pick_table *table, uint64_t identity);

/* A new table goes on where the table of the replaced view stood. */
void pick_inherit(struct pick_table *table, const struct pick_table *from);

/* Gives the references back; the table is then as zeroed. */
void pick_release(struct pick_table *table);

/* Whether somebody takes traffic without failing open, backups too. Any
 * thread. */
bool pick_has_healthy(const struct target_group *group,
		      const struct roster *roster);

/* Whether our zone has as many healthy targets as dns_failover wants: where
 * it has not, it would leave the DNS. Any thread. */
bool pick_zone_in_use(const struct target_group *group,
		      const struct roster *roster);

#endif
