#include "view.h"

#include <stdlib.h>

#include "base/fail.h"

/* What runs in it is shown once it was replaced. */
static void view_show_alive(struct view *view, unsigned is_alive)
{
	if (!view->cell)
		return;
	view_show(view, 0, 0);
	atomic_store_explicit(&view->cell->is_alive, is_alive,
			      memory_order_relaxed);
}

struct view *view_new(struct snapshot *snap_take, unsigned worker,
		      const struct view *old)
{
	struct view *view =
		xcalloc(1, sizeof(*view) + snap_take->n_groups *
						   sizeof(struct group_view));

	view->snap = snap_take;
	view->users = 1;
	view->worker = worker;
	list_init(&view->node);
	if (snap_take->life)
		view->cell = &snap_take->life->cells[worker];
	view_show_alive(view, 1);
	view->credits = xcalloc(snap_take->n_credits + 1, sizeof(int64_t));
	share_begin(snap_take, view->credits, worker, old ? old->snap : NULL,
		    old ? old->credits : NULL);
	for (size_t i = 0; i < snap_take->n_groups; i++) {
		const struct target_group *group = &snap_take->groups[i];
		const struct target_group *was =
			old ? snapshot_find_group(old->snap, group->name)
			    : NULL;

		view->groups[i].group = group;
		if (was)
			pick_inherit(&view->groups[i].table,
				     &old->groups[was->index].table);
	}
	return view;
}

void view_leave(struct view *view)
{
	assert(view->users > 0);
	if (--view->users > 0)
		return;
	for (size_t i = 0; i < view->snap->n_groups; i++)
		pick_release(&view->groups[i].table);
	list_remove(&view->node);
	view_show_alive(view, 0);
	snapshot_unref(view->snap);
	free(view->credits);
	free(view);
}

void view_refresh(struct view *view)
{
	for (size_t i = 0; i < view->snap->n_groups; i++)
		if (view->groups[i].table.roster)
			view_table(view, view->groups[i].group);
}
