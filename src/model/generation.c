#include "generation.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "model/snapshot.h"

static void unref(void *object)
{
	generation_unref(object);
}

struct generation *generation_begin(struct snapshot *snap, unsigned n_workers)
{
	size_t size = sizeof(struct generation) +
		      n_workers * sizeof(struct generation_cell);
	struct generation *g = aligned_alloc(64, (size + 63) & ~(size_t)63);

	if (!g)
		fail_no_memory();
	memset(g, 0, size);
	atomic_init(&g->refs, 2);
	list_init(&g->node);
	g->number = snap->generation;
	g->since_s = clock_wall_s();
	g->n_workers = n_workers;
	snap->life = g;
	snapshot_on_free(snap, unref, g);
	return g;
}

void generation_unref(struct generation *g)
{
	if (atomic_fetch_sub_explicit(&g->refs, 1, memory_order_acq_rel) == 1)
		free(g);
}

static unsigned look(const _Atomic unsigned *cell)
{
	return atomic_load_explicit(cell, memory_order_relaxed);
}

struct generation_sum generation_sum(const struct generation *g)
{
	struct generation_sum sum = {0};

	for (unsigned w = 0; w < g->n_workers; w++) {
		sum.workers += look(&g->cells[w].is_alive);
		sum.exchanges += look(&g->cells[w].exchanges);
		sum.connections += look(&g->cells[w].connections);
	}
	return sum;
}
