/*
 * pick.c - the roster and the healths of a moment become a table.
 *
 *	health        registered  healthy  usable  usable when failing open
 *	initial       yes         no       no      yes
 *	healthy       yes         yes      yes     yes
 *	unhealthy     yes         no       no      yes
 *	unavailable   yes         yes      yes     yes
 *	draining      no          no       no      no
 *	unused        no          no       no      no
 */
#include "balance/pick.h"

#include <stdlib.h>
#include <sys/random.h>

#include "balance/least.h"
#include "balance/passive.h"
#include "balance/slow_start.h"
#include "balance/weighted_random.h"
#include "base/fail.h"

/* Weights of a slow start are made anew after a part of its time, but not
 * more often than this. */
enum { RAMP_PARTS = 200, RAMP_LEAST_MS = 50, RAMP_MOST_MS = 1000 };

/* -- algorithms ------------------------------------------------------------ */

static struct target_state *next_in_turn(struct pick_table *table,
					 const struct target_state *avoid)
{
	return rr_next(&table->ring, avoid);
}

static struct target_state *next_least(struct pick_table *table,
				       const struct target_state *avoid)
{
	return least_next(&table->ring, avoid);
}

static struct target_state *next_random(struct pick_table *table,
					const struct target_state *avoid)
{
	return random_next(&table->ring, avoid, &table->random);
}

/* To add an algorithm is to add a file and a row. */
static const struct {
	struct target_state *(*next)(struct pick_table *table,
				     const struct target_state *avoid);
	bool ramps;       /* new targets may have a slow start */
	bool mitigates;   /* anomalous targets may get less */
	bool counts_load; /* needs target_state.outstanding */
} algorithms[ALGORITHM_KINDS] = {
	[ALGORITHM_ROUND_ROBIN] = {next_in_turn, .ramps = true},
	[ALGORITHM_LEAST] = {next_least, .counts_load = true},
	[ALGORITHM_RANDOM] = {next_random, .mitigates = true},
	/* Who has not what is hashed takes turns. */
	[ALGORITHM_HASH] = {next_in_turn},
};

/* -- who takes traffic ----------------------------------------------------- */

enum {
	REGISTERED = 1,
	HEALTHY = 2,
	BACKUP = 4,
	RESTS = 8,
	SERVES = 16,
};

static const uint8_t standing[] = {
	[HEALTH_INITIAL] = REGISTERED,
	[HEALTH_HEALTHY] = REGISTERED | HEALTHY,
	[HEALTH_UNHEALTHY] = REGISTERED,
	[HEALTH_UNUSED] = 0,
	[HEALTH_DRAINING] = 0,
	[HEALTH_UNAVAILABLE] = REGISTERED | HEALTHY,
};

static uint8_t standing_of(const struct member *m)
{
	return standing[atomic_load_explicit(&m->state->health,
					     memory_order_relaxed)];
}

/* Either threshold is enough. */
static bool too_few(const struct healthy_minimum *least, size_t n_healthy,
		    size_t n_registered)
{
	return n_healthy < least->count ||
	       n_healthy * 100 < least->percentage * n_registered;
}

static int identity_cmp(const void *left, const void *right)
{
	uint64_t a = (*(struct rr_target *const *)left)->state->identity;
	uint64_t b = (*(struct rr_target *const *)right)->state->identity;

	return (a > b) - (a < b);
}

/* Where a worker begins: spread evenly over the targets, so that the first
 * requests of all workers do not meet at one. A ring that was there before
 * goes on where it stood. */
static size_t beginning(const struct pick_table *table, size_t n,
			unsigned worker, unsigned n_workers)
{
	if (table->begun || n_workers == 0)
		return table->ring.cursor;
	return worker % n_workers * n / n_workers;
}

/* What is built aside; one block of memory. */
struct draft {
	const struct target_group *group;
	const struct roster *roster;
	struct rr_target *targets;
	struct rr_target **by_identity; /* behind the targets */
	uint8_t *standings;             /* behind these; of each member */
	uint64_t now_ms, look_again_ms;
	bool fails_open, zone_is_empty;
	size_t n;
};

static bool draft_init(struct draft *d, const struct roster *r,
		       const struct target_group *group)
{
	size_t each = sizeof(*d->targets) + sizeof(*d->by_identity) + 1;

	*d = (struct draft){
		.group = group,
		.roster = r,
		.targets = calloc(r->n_members + 1, each),
		.now_ms = clock_now_ms(),
		.look_again_ms = UINT64_MAX,
	};
	if (!d->targets)
		return false;
	d->by_identity = (struct rr_target **)(d->targets + r->n_members);
	d->standings = (uint8_t *)(d->by_identity + r->n_members);
	return true;
}

static bool is_in_zone(const struct member *m, struct slice zone)
{
	return zone.n == 0 || slice_eq(m->zone, zone) ||
	       slice_eq(m->zone, SLICE("all"));
}

/* Each health is read once: they move while we look. */
static void draft_look(struct draft *d)
{
	bool here = false, elsewhere = false;

	for (size_t i = 0; i < d->roster->n_members; i++) {
		const struct member *m = &d->roster->members[i];
		uint8_t s = standing_of(m);

		if (!is_in_zone(m, d->group->zone)) {
			elsewhere |= (s & REGISTERED) != 0;
			continue;
		}
		here |= (s & REGISTERED) != 0;
		d->standings[i] = m->backup ? s | BACKUP : s;
	}
	d->zone_is_empty = elsewhere && !here;
}

/* Members whose standing has all of `has` and none of `lacks`. */
static size_t draft_count(const struct draft *d, uint8_t has, uint8_t lacks)
{
	size_t n = 0;

	for (size_t i = 0; i < d->roster->n_members; i++)
		n += (d->standings[i] & (has | lacks)) == has;
	return n;
}

/* Half of those that could serve may rest, the first that do; the others
 * serve, since somebody has to. */
static void draft_rest(struct draft *d, uint8_t has, uint8_t lacks)
{
	size_t left = draft_count(d, has, lacks) / 2;

	if (d->group->passive.failure_count == 0)
		return;
	for (size_t i = 0; i < d->roster->n_members && left; i++) {
		const struct target_state *s = d->roster->members[i].state;
		uint64_t rest_ms = passive_rest_ms(s, d->now_ms);

		if ((d->standings[i] & (has | lacks)) != has || rest_ms == 0 ||
		    !passive_is_suspect(s, &d->group->passive))
			continue;
		d->standings[i] |= RESTS;
		left--;
		if (d->now_ms + rest_ms < d->look_again_ms)
			d->look_again_ms = d->now_ms + rest_ms;
	}
}

/* Those that take traffic get SERVES. */
static void draft_choose(struct draft *d, uint8_t has, uint8_t lacks)
{
	for (size_t i = 0; i < d->roster->n_members; i++)
		if ((d->standings[i] & (has | lacks)) == has)
			d->standings[i] |= SERVES;
}

/*
 *	primaries  backups   who serves
 *	enough     any       healthy primaries
 *	some, but  any       all registered primaries (fail open)
 *	too few
 *	none       some      healthy backups
 *	none       none      all registered primaries, without any the backups
 */
static void draft_judge(struct draft *d)
{
	size_t registered, healthy;

	draft_look(d);
	draft_rest(d, HEALTHY, 0);
	if (draft_count(d, HEALTHY, BACKUP | RESTS) == 0 &&
	    draft_count(d, HEALTHY | BACKUP, RESTS) > 0) {
		draft_choose(d, HEALTHY | BACKUP, RESTS);
		return;
	}
	registered = draft_count(d, REGISTERED, BACKUP);
	healthy = draft_count(d, HEALTHY, BACKUP);
	if (registered == 0) {
		d->fails_open = draft_count(d, REGISTERED, 0) > 0;
		draft_choose(d, REGISTERED, RESTS);
		return;
	}
	d->fails_open =
		healthy < registered &&
		too_few(&d->group->routing_minimum, healthy, registered);
	if (d->fails_open)
		draft_rest(d, REGISTERED, BACKUP | HEALTHY);
	draft_choose(d, d->fails_open ? REGISTERED : HEALTHY, BACKUP | RESTS);
}

/* In parts of FACTOR_ONE of the configured weight. */
static uint32_t draft_share(struct draft *d, const struct target_state *s)
{
	const struct target_group *g = d->group;
	uint64_t step = g->slow_start_ms / RAMP_PARTS;
	uint32_t share;

	if (g->mitigates && algorithms[g->algorithm].mitigates)
		return s->factor;
	if (g->slow_start_ms == 0 || !algorithms[g->algorithm].ramps)
		return FACTOR_ONE;
	share = slow_start_share(s, g, d->now_ms);
	if (share == FACTOR_ONE)
		return share;
	step = step < RAMP_LEAST_MS  ? RAMP_LEAST_MS
	       : step > RAMP_MOST_MS ? RAMP_MOST_MS
				     : step;
	if (d->now_ms + step < d->look_again_ms)
		d->look_again_ms = d->now_ms + step;
	return share;
}

static void draft_fill(struct draft *d)
{
	for (size_t i = 0; i < d->roster->n_members; i++) {
		const struct member *m = &d->roster->members[i];
		struct rr_target *t = &d->targets[d->n];

		if (!(d->standings[i] & SERVES))
			continue;
		t->state = m->state;
		t->weight = (uint64_t)m->weight * draft_share(d, m->state);
		d->by_identity[d->n++] = t;
	}
	qsort(d->by_identity, d->n, sizeof(*d->by_identity), identity_cmp);
}

static struct rr_target *find_target(const struct pick_table *table,
				     uint64_t identity)
{
	size_t low = 0, high = table->ring.n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		struct rr_target *t = table->by_identity[middle];

		if (t->state->identity == identity)
			return t;
		if (t->state->identity < identity)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/*
 * What targets are owed goes with them into the new ring: where weights move
 * several times a second, a light one would never have its turn. The sum is 0
 * again, so that one who is new is neither behind nor ahead.
 */
static void carry_credits(struct round_robin *ring,
			  const struct pick_table *from)
{
	size_t n = 0;
	int64_t sum = 0;

	if (!ring->is_weighted || !from->ring.is_weighted)
		return;
	ring->cursor = from->ring.cursor % ring->n;
	for (size_t i = 0; i < ring->n; i++) {
		struct rr_target *t = &ring->targets[i];
		const struct rr_target *was =
			find_target(from, t->state->identity);

		t->credit = was ? was->credit : 0;
		sum += t->credit;
		n += was != NULL;
	}
	for (size_t i = 0; i < ring->n && n; i++)
		if (find_target(from, ring->targets[i].state->identity))
			ring->targets[i].credit -= sum / (int64_t)n;
}

static void begin_random(struct pick_table *table)
{
	while (table->random == 0)
		if (getrandom(&table->random, sizeof(table->random), 0) < 0)
			table->random = (uintptr_t)table;
}

void pick_rebuild(struct pick_table *table, struct group_state *gs,
		  const struct target_group *group, unsigned worker)
{
	/* Before the roster and the healths: what moves later than this shows
	 * as another epoch next time. */
	uint64_t epoch = group_state_epoch(gs);
	struct roster *roster = group_state_roster(gs);
	unsigned n_workers =
		roster->n_members ? roster->members[0].state->n_workers : 0;
	struct round_robin ring;
	struct draft d;

	if (!draft_init(&d, roster, group)) {
		roster_unref(roster);
		return;
	}
	draft_judge(&d);
	draft_fill(&d);
	rr_init(&ring, d.targets, d.n,
		beginning(table, d.n, worker, n_workers));
	carry_credits(&ring, table);
	begin_random(table);

	consistent_release(&table->consistent);
	free(table->ring.targets);
	roster_unref(table->roster);
	*table = (struct pick_table){
		.epoch = epoch,
		.look_again_ms = d.look_again_ms,
		.roster = roster,
		.group = group,
		.gs = gs,
		.ring = ring,
		.by_identity = d.by_identity,
		.random = table->random,
		.begun = d.n != 0,
		.failed_open = d.fails_open,
		.zone_is_empty = d.zone_is_empty,
		.counts_load = algorithms[group->algorithm].counts_load,
	};
	if (group->algorithm == ALGORITHM_HASH)
		consistent_init(&table->consistent, roster, &table->ring);
}

/* -- picking --------------------------------------------------------------- */

/*
 * A target whose connects failed is tried by one request for each rest. False
 * when another one does that: for us it rests on, but where it is only in the
 * table because too many rest.
 */
static bool may_try(struct pick_table *table, struct target_state *s)
{
	const struct passive_checks *checks = &table->group->passive;
	uint64_t now_ms = clock_now_ms();

	if (__builtin_expect(!passive_is_suspect(s, checks), 1))
		return true;
	if (passive_rest_ms(s, now_ms) > 0)
		return table->epoch == group_state_epoch(table->gs);
	if (!passive_begin_trial(s, checks, now_ms))
		return false;
	group_state_touch(table->gs);
	return true;
}

/* By the hash where there is one, else by the algorithm. */
static struct target_state *next_target(struct pick_table *table,
					const uint64_t *hash,
					const struct target_state *avoid)
{
	if (table->ring.n == 0)
		return NULL;
	if (hash && consistent_is_there(&table->consistent))
		return consistent_find(&table->consistent, &table->ring, *hash,
				       avoid);
	return algorithms[table->group->algorithm].next(table, avoid);
}

static inline struct target_state *pick_target(struct pick_table *table,
					       const uint64_t *hash,
					       const struct target_state *avoid)
{
	struct target_state *s = next_target(table, hash, avoid);

	if (!s || may_try(table, s))
		return s;
	pick_rebuild(table, table->gs, table->group, 0);
	return next_target(table, hash, avoid);
}

struct target_state *pick_next(struct pick_table *table,
			       const struct target_state *avoid)
{
	return pick_target(table, NULL, avoid);
}

struct target_state *pick_hashed(struct pick_table *table, uint64_t hash,
				 const struct target_state *avoid)
{
	return pick_target(table, &hash, avoid);
}

struct target_state *pick_peek(const struct pick_table *table,
			       const uint64_t *identity, const uint64_t *hash)
{
	const struct rr_target *named = identity ? find_target(table, *identity)
						 : NULL;
	struct pick_table aside = *table;
	struct target_state *next;

	if (named || table->ring.n == 0)
		return named ? named->state : NULL;
	aside.ring.targets = xcalloc(table->ring.n, sizeof(*named));
	memcpy(aside.ring.targets, table->ring.targets,
	       table->ring.n * sizeof(*named));
	next = next_target(&aside, hash, NULL);
	free(aside.ring.targets);
	return next;
}

struct target_state *pick_find(struct pick_table *table, uint64_t identity)
{
	struct rr_target *t = find_target(table, identity);

	return t && may_try(table, t->state) ? t->state : NULL;
}

void pick_inherit(struct pick_table *table, const struct pick_table *from)
{
	table->ring.cursor = from->ring.cursor;
	table->begun = from->begun;
}

void pick_release(struct pick_table *table)
{
	consistent_release(&table->consistent);
	free(table->ring.targets);
	roster_unref(table->roster);
	*table = (struct pick_table){0};
}

bool pick_has_healthy(const struct target_group *group,
		      const struct roster *roster)
{
	for (size_t i = 0; i < roster->n_members; i++) {
		const struct member *m = &roster->members[i];

		if (is_in_zone(m, group->zone) && standing_of(m) & HEALTHY)
			return true;
	}
	return false;
}

bool pick_zone_in_use(const struct target_group *group,
		      const struct roster *roster)
{
	size_t n_registered = 0, n_healthy = 0;

	for (size_t i = 0; i < roster->n_members; i++) {
		const struct member *m = &roster->members[i];

		if (!is_in_zone(m, group->zone))
			continue;
		n_registered += (standing_of(m) & REGISTERED) != 0;
		n_healthy += (standing_of(m) & HEALTHY) != 0;
	}
	return !too_few(&group->dns_minimum, n_healthy, n_registered);
}
