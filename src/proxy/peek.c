#include "proxy/peek.h"

#include <stdio.h>
#include <stdlib.h>

#include "balance/hash_key.h"
#include "balance/sticky.h"
#include "balance/sticky_app.h"
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

/* Whether a cookie of the request leads to a target of the group. */
static bool read_session(struct worker *w, const struct peek *p,
			 uint64_t *identity)
{
	struct app_sessions sessions;
	time_t now_s = clock_wall_s();
	bool came;

	if (!p->group->stickiness.enabled || !w->sealer)
		return false;
	if (p->group->stickiness.type == STICKY_APP_COOKIE)
		return app_sticky_of_head(w->sealer, p->group, p->head, now_s,
					  &sessions, identity, &came);
	return sticky_of_head(w->sealer, p->group, p->head, now_s, identity,
			      &came);
}

static const struct target_state *next_target(struct worker *w,
					      const struct peek *p)
{
	const struct pick_table *table = view_table(w->view, p->group);
	uint64_t identity, hash;
	bool has_hash = p->group->algorithm == ALGORITHM_HASH &&
			hash_key_of(&p->group->hash_key, p->input, &hash);

	return pick_peek(table,
			 read_session(w, p, &identity) ? &identity : NULL,
			 has_hash ? &hash : NULL);
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
