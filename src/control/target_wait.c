#include "target_wait.h"

#include <stdlib.h>

#include "admin.h"
#include "base/clock.h"
#include "base/fail.h"
#include "daemon.h"
#include "lay.h"
#include "model/state.h"
#include "runtime.h"
#include "status.h"
#include "target_commands.h"

enum {
	/* A worker that turns in none of it is stuck. */
	SWEEP_LIMIT_MS = 30 * 1000,
	/* Who has not asked for so long has gone. */
	GONE_MS = 5 * 1000,
};

struct target_wait *target_wait_new(enum target_wait_for wait_for,
				    const struct target_group *g,
				    const json_t *request)
{
	const json_t *wait = json_object_get(request, "wait");
	struct target_wait *w = xcalloc(1, sizeof(*w));

	list_init(&w->node);
	w->wait_for = wait_for;
	w->group = slice_dup(g->name);
	w->names = json_array();
	w->targets = json_array();
	w->wait_ms = g->deregistration_delay_ms;
	w->waits = json_is_true(wait) || json_is_number(wait);
	if (json_is_number(wait))
		w->wait_ms = (uint64_t)(json_number_value(wait) * 1000);
	return w;
}

void target_wait_add(struct target_wait *w, const struct target *t)
{
	json_array_append_new(w->names, lay_name(t));
	json_array_append_new(
		w->targets,
		json_pack("[o, i]", status_text(t->id), (int)t->port));
}

void target_wait_free(struct target_wait *w)
{
	list_remove(&w->node);
	json_decref(w->names);
	json_decref(w->targets);
	free(w->group);
	free(w);
}

/* -- what it waits for ----------------------------------------------------- */

static bool is_swept(const struct daemon *d, const struct target_wait *w)
{
	for (unsigned i = 0; i < d->n_workers; i++) {
		struct worker_gauges gauges;

		worker_read_gauges(d->workers[i], &gauges);
		if (gauges.sweeps < w->sweep)
			return false;
	}
	return true;
}

static bool is_one(const struct target_wait *w, const struct target_state *s)
{
	const json_t *t;
	size_t i;

	if (!slice_eq(s->group, slice_of(w->group)))
		return false;
	json_array_foreach (w->targets, i, t)
		if (json_integer_value(json_array_get(t, 1)) ==
			    addr_port(&s->addr) &&
		    runtime_same_id(
			    slice_of(json_string_value(json_array_get(t, 0))),
			    s->id))
			return true;
	return false;
}

struct tally_of_wait {
	uint64_t in_flight;
	size_t n, n_usable, n_unused;
};

static void look(const struct daemon *d, const struct target_wait *w,
		 struct tally_of_wait *out)
{
	const struct target_state *s;
	size_t at = 0;

	*out = (struct tally_of_wait){0};
	while ((s = rosters_next(d->rosters, &at))) {
		if (!is_one(w, s))
			continue;
		out->n++;
		out->in_flight += target_tries_open(s);
		out->n_usable += s->health == HEALTH_HEALTHY ||
				 s->health == HEALTH_UNAVAILABLE;
		out->n_unused += s->health == HEALTH_UNUSED;
	}
}

/* -- the answer ------------------------------------------------------------ */

static json_t *finish(struct daemon *d, struct target_wait *w, json_t *answer,
		      const struct tally_of_wait *now)
{
	if (w->is_register)
		json_object_set(answer, "target", json_array_get(w->names, 0));
	else
		json_object_set(answer, "targets", w->names);
	if (!w->is_register)
		json_object_set_new(answer, "in_flight",
				    json_integer((json_int_t)now->in_flight));
	json_object_set_new(answer, "generation",
			    json_integer((json_int_t)d->snap->generation));
	json_object_set_new(answer, "changed", json_boolean(w->changed));
	target_wait_free(w);
	return answer;
}

static json_t *late(const struct target_wait *w,
		    const struct tally_of_wait *now)
{
	if (w->wait_for == TARGET_WAIT_IDLE)
		return admin_error("it is in force, but after %.3g s %llu "
				   "requests are still in flight there",
				   (double)w->wait_ms / 1000,
				   (unsigned long long)now->in_flight);
	if (now->n == 0)
		return admin_error("it is in force, but its name has no "
				   "address");
	return admin_error("it is in force, but after %.3g s it is not healthy",
			   (double)w->wait_ms / 1000);
}

static bool has_come(const struct target_wait *w,
		     const struct tally_of_wait *now)
{
	return w->wait_for == TARGET_WAIT_IDLE
		       ? now->in_flight == 0
		       : now->n > 0 && now->n_usable == now->n;
}

static json_t *try_answer(struct daemon *d, struct target_wait *w)
{
	uint64_t waited_ms = clock_now_ms() - w->begun_ms;
	struct tally_of_wait now;

	w->asked_ms = clock_now_ms();
	if (!is_swept(d, w)) {
		if (waited_ms < SWEEP_LIMIT_MS)
			return NULL;
		look(d, w, &now);
		return finish(d, w,
			      admin_error("not every worker has seen the "
					  "change yet"),
			      &now);
	}
	look(d, w, &now);
	if (!w->waits || has_come(w, &now))
		return finish(d, w, admin_ok(), &now);
	if (w->wait_for == TARGET_WAIT_HEALTHY && now.n_unused)
		return finish(
			d, w,
			admin_error("it is in force, but no rule forwards "
				    "to the target group \"%s\", so it is "
				    "not checked",
				    w->group),
			&now);
	return waited_ms < w->wait_ms ? NULL
				      : finish(d, w, late(w, &now), &now);
}

/* Those whose client has gone. */
static void sweep_gone(struct daemon *d)
{
	list_foreach_safe (node, &d->target_waits) {
		struct target_wait *w =
			list_entry(node, struct target_wait, node);

		if (clock_now_ms() - w->asked_ms > GONE_MS)
			target_wait_free(w);
	}
}

json_t *target_wait_begin(struct daemon *d, struct target_wait *take,
			  uint64_t *memo)
{
	struct target_wait *w = take;

	sweep_gone(d);
	w->id = ++d->n_target_waits;
	w->begun_ms = clock_now_ms();
	w->sweep = ++d->n_sweeps;
	for (unsigned i = 0; i < d->n_workers; i++)
		worker_sweep(d->workers[i]);
	list_push_front(&d->target_waits, &w->node);
	*memo = w->id;
	return try_answer(d, w);
}

json_t *target_wait_go_on(struct daemon *d, uint64_t *memo)
{
	list_foreach (node, &d->target_waits) {
		struct target_wait *w =
			list_entry(node, struct target_wait, node);

		if (w->id == *memo)
			return try_answer(d, w);
	}
	return admin_error("what was asked is not known any more");
}

void target_waits_end(struct daemon *d)
{
	list_foreach_safe (node, &d->target_waits)
		target_wait_free(list_entry(node, struct target_wait, node));
}
