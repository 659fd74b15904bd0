/*
 * view.h - one worker's side of a snapshot.
 *
 * Only that worker touches it, so an exchange that enters or leaves costs no
 * atomic operation. New exchanges enter the newest view; the last one out of
 * an old view frees it, and the last view frees the snapshot.
 *
 * Floor: proxy.  One thread.
 */
#ifndef WEIR_PROXY_VIEW_H
#define WEIR_PROXY_VIEW_H

#include "balance/pick.h"
#include "balance/share.h"
#include "base/list.h"
#include "model/generation.h"
#include "model/snapshot.h"

struct group_view {
	struct pick_table table;
	const struct target_group *group;
};

struct view {
	struct snapshot *snap; /* one reference, dropped by the last leave */
	unsigned users;        /* exchanges, plus the worker itself */
	unsigned worker;       /* number */
	struct generation_cell *cell; /* of the snapshot's life; or NULL */
	struct list node;             /* in the worker's list, newest first */
	int64_t *credits; /* snap->n_credits of them: balance/share.h */
	struct group_view groups[]; /* by target_group.index */
};

/* With one user. Carries on where the tables of `old` stand, for groups of
 * the same name and rules that share out alike; `old` may be NULL. */
struct view *view_new(struct snapshot *snap_take, unsigned worker,
		      const struct view *old);

static inline struct view *view_enter(struct view *view)
{
	view->users++;
	return view;
}

void view_leave(struct view *view);

/* Tells what runs in a view that was replaced. */
static inline void view_show(struct view *view, unsigned exchanges,
			     unsigned connections)
{
	if (!view->cell)
		return;
	atomic_store_explicit(&view->cell->exchanges, exchanges,
			      memory_order_relaxed);
	atomic_store_explicit(&view->cell->connections, connections,
			      memory_order_relaxed);
}

/* The pick table of a group, brought up to date. */
static inline struct pick_table *view_table(struct view *view,
					    const struct target_group *group)
{
	struct pick_table *table = &view->groups[group->index].table;

	pick_refresh(table, group->state, group, view->worker);
	return table;
}

/* The group whose turn it is in a forward action of this view; NULL: none has
 * any weight. */
static inline const struct target_group *
view_share(struct view *view, const struct forward *forward)
{
	return share_next(forward, view->credits + forward->first_credit);
}

/* Gives up what the tables of this view refer to as members of rosters that
 * have been replaced since. */
void view_refresh(struct view *view);

#endif
