#include "readiness.h"

#include <stdlib.h>

#include "balance/pick.h"
#include "base/fail.h"
#include "daemon.h"
#include "pulse.h"

/* "web:443", with room for any name that a file may have. */
enum { LISTENER_TEXT_MAX = 128 };

/* -- /livez ---------------------------------------------------------------- */

void livez_page(void *arg, const struct web_request *q, struct web_answer *a)
{
	const struct daemon *d = arg;

	(void)q;
	for (unsigned w = 0; w < d->n_workers; w++) {
		uint64_t owed_ms = pulse_owed_ms(d, w);

		if (owed_ms <= PULSE_LATE_MS)
			continue;
		a->status = 503;
		text_addf(&a->body, "worker %u has not turned for %llu s\n", w,
			  (unsigned long long)(owed_ms / 1000));
	}
	if (a->status == 200)
		text_add(&a->body, SLICE("ok\n"));
}

/* -- /readyz --------------------------------------------------------------- */

/* A walk over all that may be a reason. There may be thousands of groups: so
 * the lines of an answer are made as it leaves. */
struct readiness {
	const struct daemon *daemon;
	struct snapshot *snap;           /* one reference */
	const struct listener *listener; /* NULL: all of them */
	bool said_phase;
	unsigned worker; /* the next to look at */
	size_t group;    /* likewise */
};

static void readiness_free(void *state)
{
	struct readiness *r = state;

	snapshot_unref(r->snap);
	free(r);
}

static bool worker_is_ready(struct readiness *r, struct text *line)
{
	struct worker_gauges gauges;
	unsigned w = r->worker++;

	worker_read_gauges(r->daemon->workers[w], &gauges);
	if (gauges.generation == 0)
		text_addf(line, "worker %u does not serve yet\n", w);
	else if (gauges.paused)
		text_addf(line,
			  "worker %u accepts no connections: no descriptor "
			  "is free\n",
			  w);
	return line->n == 0;
}

static bool rule_leads_to(const struct rule *rule, const struct target_group *g)
{
	const struct forward *f = &rule->action.forward;

	if (rule->action.kind != ACTION_FORWARD)
		return false;
	for (size_t i = 0; i < f->n_groups; i++)
		if (f->groups[i].group == g)
			return true;
	return false;
}

static bool listener_leads_to(const struct listener *l,
			      const struct target_group *g)
{
	for (size_t i = 0; i < l->n_rules; i++)
		if (rule_leads_to(&l->rules[i], g))
			return true;
	return rule_leads_to(&l->default_rule, g);
}

static bool group_has_healthy(const struct target_group *g)
{
	struct roster *roster = group_state_roster(g->state);
	bool has = pick_has_healthy(g, roster);

	roster_unref(roster);
	return has;
}

static bool group_is_ready(struct readiness *r, struct text *line)
{
	const struct target_group *g = &r->snap->groups[r->group++];

	if (!g->is_used || !g->health_check.enabled ||
	    (r->listener && !listener_leads_to(r->listener, g)) ||
	    group_has_healthy(g))
		return true;
	text_addf(line, "target group %.*s: no target is healthy\n",
		  SLICE_ARG(g->name));
	return false;
}

/* Appends the next reason; false: there is none left. */
static bool readiness_next(struct readiness *r, struct text *line)
{
	bool stops = r->daemon->phase == DAEMON_DRAINING;

	if (stops && !r->said_phase) {
		r->said_phase = true;
		text_add(line, SLICE("draining\n"));
		return true;
	}
	while (r->worker < r->daemon->n_workers)
		if (!worker_is_ready(r, line))
			return true;
	while (r->group < r->snap->n_groups)
		if (!group_is_ready(r, line))
			return true;
	return false;
}

static bool more_reasons(struct web_answer *a)
{
	return readiness_next(a->state, &a->body);
}

static const struct listener *find_listener(const struct snapshot *snap,
					    struct slice text)
{
	for (size_t b = 0; b < snap->n_balancers; b++) {
		const struct load_balancer *lb = &snap->balancers[b];

		for (size_t i = 0; i < lb->n_listeners; i++) {
			struct text its = {0};
			bool is_it;

			text_addf(&its, "%.*s:%u", SLICE_ARG(lb->name),
				  lb->listeners[i].port);
			is_it = slice_eq(text_slice(&its), text);
			text_release(&its);
			if (is_it)
				return &lb->listeners[i];
		}
	}
	return NULL;
}

void readyz_page(void *arg, const struct web_request *q, struct web_answer *a)
{
	const struct daemon *d = arg;
	char room[LISTENER_TEXT_MAX];
	struct slice name;
	struct readiness *r;
	const struct listener *l = NULL;

	if (web_parameter(q, SLICE("listener"), room, sizeof(room), &name)) {
		l = find_listener(d->snap, name);
		if (!l) {
			web_say(a, 404,
				"no such listener: NAME:PORT, as in "
				"web:443");
			return;
		}
	}
	r = xcalloc(1, sizeof(*r));
	*r = (struct readiness){
		.daemon = d,
		.snap = snapshot_ref(d->snap),
		.listener = l,
	};
	a->state = r;
	a->release = readiness_free;
	if (readiness_next(r, &a->body)) {
		a->status = 503;
		a->more = more_reasons;
	} else {
		text_add(&a->body, SLICE("ok\n"));
	}
}
