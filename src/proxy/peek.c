#include "proxy/peek.h"

#include <stdio.h>
#include <stdlib.h>

#include "balance/sticky.h"
#include "base/clock.h"
#include "base/fail.h"
#include "proxy/core.h"
#include "proxy/view.h"

/* The turn is taken with credits of its own. */
static const struct target_group *next_group(const struct view *view,
					     const struct forward *f)
{
	int64_t *credits = xcalloc(f->n_groups, sizeof(*credits));
	const struct target_group *group;

	memcpy(credits, view->credits + f->first_credit,
	       f->n_groups * sizeof(*credits));
	group = share_next(f, credits);
	free(credits);
	return group;
}

static const struct target_state *next_target(struct worker *w,
					      const struct peek *p)
{
	struct pick_table *table = view_table(w->view, p->group);
	const struct target_state *found = NULL;
	uint64_t identity;
	bool came;

	if (p->group->stickiness.enabled && w->sealer &&
	    sticky_of_head(w->sealer, p->group, p->head, clock_wall_s(),
			   &identity, &came))
		found = pick_find(table, identity);
	return found ? found : pick_peek(table);
}

static void look(struct worker *w, struct peek *p)
{
	const struct target_state *target;

	if (p->forward->stickiness.enabled && w->sealer)
		p->group = sticky_group_of_head(w->sealer, p->forward, p->head,
						clock_wall_s());
	p->group_sticky = p->group != NULL;
	if (!p->group)
		p->group = next_group(w->view, p->forward);
	target = p->group ? next_target(w, p) : NULL;
	if (target)
		snprintf(p->target, sizeof(p->target), "%s", target->name);
}

static void peek(void *arg)
{
	struct peek *p = arg;
	struct worker *w = p->worker;

	p->is_served = w->view && w->view->snap == p->snap;
	if (p->is_served)
		look(w, p);
	atomic_store_explicit(&p->done, true, memory_order_release);
}

void worker_peek(struct peek *p)
{
	p->group = NULL;
	p->target[0] = '\0';
	atomic_init(&p->done, false);
	loop_post(&p->worker->loop, peek, p);
}
