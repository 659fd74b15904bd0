#include "roster.h"

#include <stdlib.h>

#include "balance/maglev.h"
#include "balance/slow_start.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"

/* One for each slot of the state table that is in use. */
struct resident {
	struct target_state *state; /* one reference; NULL: free */
	uint64_t seen;              /* the update in which it was a member */
	uint64_t delay_ms;          /* deregistration delay of its group */
	uint64_t drains_until_ms;   /* 0: it does not drain */
	bool is_held;               /* drained at run time: without an end */
};

struct rosters {
	struct state_table table;
	const struct rosters_ops *ops;
	void *arg;
	struct resident *residents; /* by slot */
	size_t n_residents;
	uint64_t updates; /* counts calls of rosters_update */
};

/* Members of one group while they are collected. */
struct gathering {
	struct member *members;
	size_t n, room;
};

struct rosters *rosters_new(unsigned n_workers, const struct rosters_ops *ops,
			    void *arg)
{
	struct rosters *r = xcalloc(1, sizeof(*r));

	r->table.n_workers = n_workers;
	r->ops = ops;
	r->arg = arg;
	return r;
}

void rosters_free(struct rosters *r)
{
	if (!r)
		return;
	state_table_release(&r->table);
	free(r->residents);
	free(r);
}

static void free_group_state(void *object)
{
	group_state_free(object);
}

void rosters_attach(struct snapshot *snap)
{
	for (size_t i = 0; i < snap->n_groups; i++) {
		struct target_group *g = &snap->groups[i];

		g->state = group_state_new();
		snapshot_on_free(snap, free_group_state, g->state);
	}
}

/* -- health of those who come, stay and leave ------------------------------ */

static void set_health(struct target_state *s, enum health health,
		       enum health_reason reason)
{
	if (s->health == (uint8_t)health)
		return;
	slow_start_end(s);
	s->health = (uint8_t)health;
	s->health_reason = (uint8_t)reason;
	s->health_since_s = (uint64_t)clock_wall_s();
}

/* The checks' own verdicts stay; the rest follows from the group. */
static void settle_health(struct target_state *s, const struct target_group *g)
{
	if (!g->is_used) {
		set_health(s, HEALTH_UNUSED, HEALTH_NOT_IN_USE);
		return;
	}
	if (!g->health_check.enabled) {
		set_health(s, HEALTH_UNAVAILABLE, HEALTH_CHECK_DISABLED);
		return;
	}
	if (s->health == HEALTH_UNUSED || s->health == HEALTH_UNAVAILABLE ||
	    s->health == HEALTH_DRAINING)
		set_health(s, HEALTH_INITIAL, HEALTH_REGISTRATION_IN_PROGRESS);
	if (s->health_since_s == 0)
		s->health_since_s = (uint64_t)clock_wall_s();
}

static void log_target(const char *sentence, const struct target_state *s)
{
	struct log_line l;

	log_begin(&l, LOG_INFO, sentence);
	log_slice(&l, "target_group", s->group);
	log_str(&l, "target", s->name);
	log_end(&l);
}

static struct resident *resident_of(struct rosters *r, struct target_state *s)
{
	size_t old = r->n_residents;

	if (s->slot >= old) {
		r->n_residents = (size_t)s->slot * 2 + 16;
		r->residents = xrealloc(
			r->residents, r->n_residents * sizeof(struct resident));
		memset(r->residents + old, 0,
		       (r->n_residents - old) * sizeof(struct resident));
	}
	return &r->residents[s->slot];
}

/* -- collecting ------------------------------------------------------------ */

/* It stays, without new requests, until it is resumed or taken out. */
static void hold(struct resident *home)
{
	if (!home->is_held)
		log_target("target is drained", home->state);
	home->is_held = true;
	set_health(home->state, HEALTH_DRAINING, HEALTH_DEREGISTRATION);
}

static void admit(struct rosters *r, struct gathering *in,
		  const struct target_group *g, const struct target *t,
		  const struct addr *addr)
{
	struct target_state *s = state_get(&r->table, g->name, t->id, addr);
	struct resident *home = resident_of(r, s);
	bool was_leaving = home->drains_until_ms || home->is_held;
	bool is_new = !home->state;

	s->is_named = t->kind == TARGET_NAME;
	if (home->seen == r->updates) { /* the same address twice */
		state_unref(s);
		return;
	}
	if (is_new)
		home->state = state_ref(s);
	home->seen = r->updates;
	home->delay_ms = g->deregistration_delay_ms;
	home->drains_until_ms = 0;
	if (t->laid == LAID_DRAINED) {
		hold(home);
		state_unref(s);
		return;
	}
	if (was_leaving)
		log_target("target is back", s);
	if (was_leaving || is_new) {
		s->batch = r->updates;
		s->was_healthy = false;
	}
	home->is_held = false;
	settle_health(s, g);

	if (in->n == in->room) {
		in->room = in->room * 2 + 8;
		in->members =
			xrealloc(in->members, in->room * sizeof(struct member));
	}
	in->members[in->n++] = (struct member){
		.state = s,
		.zone = t->zone,
		.check_addr = *addr,
		.weight = t->weight,
		.backup = t->backup,
	};
	if (g->health_check.port)
		addr_set_port(&in->members[in->n - 1].check_addr,
			      g->health_check.port);
}

static void admit_name(struct rosters *r, struct gathering *in,
		       const struct target_group *g, const struct target *t)
{
	const struct addr *found;
	size_t n = r->ops->lookup(r->arg, t->id, &found);

	if (n > ROSTER_NAME_ADDRESSES_MAX)
		n = ROSTER_NAME_ADDRESSES_MAX;
	for (size_t i = 0; i < n; i++) {
		struct addr addr = found[i];

		addr_set_port(&addr, t->port);
		admit(r, in, g, t, &addr);
	}
}

static bool member_eq(const struct member *a, const struct member *b)
{
	return a->state == b->state && a->weight == b->weight &&
	       a->backup == b->backup && slice_eq(a->zone, b->zone) &&
	       addr_eq(&a->check_addr, &b->check_addr);
}

static bool is_same(const struct roster *roster, const struct gathering *in)
{
	if (roster->n_members != in->n)
		return false;
	for (size_t i = 0; i < in->n; i++)
		if (!member_eq(&roster->members[i], &in->members[i]))
			return false;
	return true;
}

static void update_group(struct rosters *r, const struct target_group *g)
{
	struct gathering in = {0};
	struct roster *old = group_state_roster(g->state);
	size_t n;
	const struct target *targets = group_targets(g, &n);

	for (size_t i = 0; i < n; i++) {
		const struct target *t = &targets[i];

		if (t->laid == LAID_DEREGISTERED)
			continue;
		if (t->kind == TARGET_NAME)
			admit_name(r, &in, g, t);
		else
			admit(r, &in, g, t, &t->addr);
	}
	if (is_same(old, &in)) {
		for (size_t i = 0; i < in.n; i++)
			state_unref(in.members[i].state);
	} else {
		struct roster *roster = roster_new(in.members, in.n);

		if (g->algorithm == ALGORITHM_HASH)
			roster->slots = maglev_of_roster(roster);
		group_state_publish(g->state, roster);
	}
	roster_unref(old);
	free(in.members);
}

/* -- leaving --------------------------------------------------------------- */

static void begin_drain(struct rosters *r, struct resident *home,
			const struct snapshot *snap)
{
	struct target_state *s = home->state;
	const struct target_group *g = snapshot_find_group(snap, s->group);
	uint64_t delay_ms = g ? g->deregistration_delay_ms : home->delay_ms;
	struct log_line l;

	set_health(s, HEALTH_DRAINING, HEALTH_DEREGISTRATION);
	home->is_held = false;
	home->drains_until_ms = clock_now_ms() + delay_ms;
	if (home->drains_until_ms == 0)
		home->drains_until_ms = 1;
	log_begin(&l, LOG_INFO, "target is draining");
	log_slice(&l, "target_group", s->group);
	log_str(&l, "target", s->name);
	log_fmt(&l, "seconds", "%.3g", (double)delay_ms / 1000);
	log_end(&l);
	(void)r;
}

static void end_drain(struct rosters *r, struct resident *home)
{
	struct target_state *s = home->state;

	log_target("target has left", s);
	r->ops->cut(r->arg, s);
	*home = (struct resident){0};
	state_unref(s);
}

void rosters_update(struct rosters *r, const struct snapshot *snap)
{
	r->updates++;
	for (size_t i = 0; i < snap->n_groups; i++)
		update_group(r, &snap->groups[i]);
	for (size_t i = 0; i < r->n_residents; i++) {
		struct resident *home = &r->residents[i];

		if (home->state && home->seen != r->updates &&
		    !home->drains_until_ms)
			begin_drain(r, home, snap);
	}
}

uint64_t rosters_tend(struct rosters *r)
{
	uint64_t now = clock_now_ms(), next = UINT64_MAX;

	for (size_t i = 0; i < r->n_residents; i++) {
		struct resident *home = &r->residents[i];

		if (!home->drains_until_ms)
			continue;
		if (home->drains_until_ms <= now)
			end_drain(r, home);
		else if (home->drains_until_ms - now < next)
			next = home->drains_until_ms - now;
	}
	state_table_sweep(&r->table);
	return next;
}

uint64_t rosters_count(const struct rosters *r, enum target_counter c)
{
	return state_table_count(&r->table, c);
}

const struct target_state *rosters_next_draining(const struct rosters *r,
						 size_t *at, uint64_t *left_ms)
{
	uint64_t now = clock_now_ms();

	while (*at < r->n_residents) {
		const struct resident *home = &r->residents[(*at)++];
		uint64_t until = home->is_held ? UINT64_MAX
					       : home->drains_until_ms;

		if (!until)
			continue;
		*left_ms = until == UINT64_MAX ? UINT64_MAX
			   : until > now       ? until - now
					       : 0;
		return home->state;
	}
	return NULL;
}

const struct target_state *rosters_next(const struct rosters *r, size_t *at)
{
	while (*at < r->n_residents)
		if (r->residents[(*at)++].state)
			return r->residents[*at - 1].state;
	return NULL;
}
