#include "snapshot.h"

#include <stdlib.h>

#include "base/fail.h"

struct snapshot_cleanup {
	struct snapshot_cleanup *next;
	void (*free_it)(void *object);
	void *object;
};

struct snapshot *snapshot_new(void)
{
	struct snapshot *snap = xcalloc(1, sizeof(*snap));

	atomic_init(&snap->refs, 1);
	return snap;
}

struct snapshot *snapshot_ref(struct snapshot *snap)
{
	atomic_fetch_add_explicit(&snap->refs, 1, memory_order_relaxed);
	return snap;
}

void snapshot_unref(struct snapshot *snap)
{
	/* acq_rel: the thread that frees must see what all others wrote. */
	if (!snap || atomic_fetch_sub_explicit(&snap->refs, 1,
					       memory_order_acq_rel) != 1)
		return;
	for (struct snapshot_cleanup *c = snap->cleanups; c; c = c->next)
		c->free_it(c->object);
	arena_release(&snap->arena);
	free(snap);
}

void snapshot_on_free(struct snapshot *snap, void (*free_it)(void *object),
		      void *object)
{
	struct snapshot_cleanup *c =
		ARENA_NEW(&snap->arena, struct snapshot_cleanup);

	*c = (struct snapshot_cleanup){snap->cleanups, free_it, object};
	snap->cleanups = c;
}

struct target_group *snapshot_find_group(const struct snapshot *snap,
					 struct slice name)
{
	for (size_t i = 0; i < snap->n_groups; i++)
		if (slice_eq(snap->groups[i].name, name))
			return &snap->groups[i];
	return NULL;
}
