#include "state.h"

#include <stdlib.h>
#include <xxhash.h>

#include "base/fail.h"

/* Keys are "group\0id\0address": a NUL stands in none of them. */
static struct slice key_of(char *room, size_t size, struct slice group,
			   struct slice id, const struct addr *addr)
{
	char text[ADDR_TEXT_MAX];
	size_t n = addr_format(addr, text), at = 0;
	const struct slice parts[] = {group, id, slice_make(text, n)};

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (at + parts[i].n + 1 > size)
			BUG("key of %zu octets", at + parts[i].n);
		memcpy(room + at, parts[i].p, parts[i].n);
		at += parts[i].n;
		room[at++] = '\0';
	}
	return slice_make(room, at);
}

/* Group 32, id up to a host name of 253 or a path, address: well below. */
enum { KEY_MAX = 1024 };

/* The address alone and no secret: the same number on every node that shares
 * the file and the key, so cookies hold on all of them. */
static uint64_t identity_of(struct slice id, const char *name)
{
	return XXH3_64bits_withSeed(name, strlen(name),
				    XXH3_64bits(id.p, id.n));
}

static uint32_t free_slot(struct state_table *table)
{
	uint32_t slot = 0;

	while (slot < table->n_slots && table->by_slot[slot])
		slot++;
	if (slot == table->n_slots) {
		table->n_slots++;
		table->by_slot =
			xrealloc(table->by_slot,
				 table->n_slots * sizeof(*table->by_slot));
	}
	return slot;
}

/* One block: the state, its tallies, and the text behind them. */
static struct target_state *state_new(struct state_table *table,
				      struct slice group, struct slice id,
				      const struct addr *addr)
{
	size_t size = sizeof(struct target_state) +
		      table->n_workers * sizeof(struct tally);
	size_t all = (size + group.n + id.n + 63) & ~(size_t)63;
	struct target_state *s = aligned_alloc(64, all);
	char *text;

	if (!s)
		fail_no_memory();
	memset(s, 0, all);
	text = (char *)s + size;
	memcpy(text, group.p, group.n);
	memcpy(text + group.n, id.p, id.n);
	s->group = slice_make(text, group.n);
	s->id = slice_make(text + group.n, id.n);
	s->addr = *addr;
	s->name[addr_format(addr, s->name)] = '\0';
	s->identity = identity_of(id, s->name);
	s->n_workers = table->n_workers;
	s->health = HEALTH_INITIAL;
	s->factor = FACTOR_ONE;
	s->health_reason = HEALTH_REGISTRATION_IN_PROGRESS;
	s->slot = free_slot(table);
	table->by_slot[s->slot] = s;
	return s;
}

struct target_state *state_get(struct state_table *table, struct slice group,
			       struct slice id, const struct addr *addr)
{
	char room[KEY_MAX];
	struct slice key = key_of(room, sizeof(room), group, id, addr);
	struct target_state *s = map_get(&table->by_key, key);

	if (!s) {
		s = state_new(table, group, id, addr);
		map_put(&table->by_key, slice_make(slice_dup(key), key.n), s);
	}
	return state_ref(s);
}

struct slice state_tls_name(const struct target_state *s,
			    char room[ADDR_TEXT_MAX])
{
	if (s->is_named)
		return s->id;
	if (s->addr.sa.sa_family == AF_UNIX)
		return slice_make(NULL, 0);
	return slice_make(room, addr_format_ip(&s->addr, room));
}

static void state_forget(struct state_table *table, struct map_slot *entry)
{
	struct target_state *s = entry->value;
	char *key = (char *)(uintptr_t)entry->key.p;

	for (int c = 0; c < TARGET_COUNTERS; c++)
		table->gone[c] += target_count(s, (enum target_counter)c);
	table->by_slot[s->slot] = NULL;
	map_remove(&table->by_key, entry->key);
	free(key);
	free(s);
}

void state_table_sweep(struct state_table *table)
{
	struct map_slot *entry;
	size_t at = 0;

	while ((entry = map_next(&table->by_key, &at)) != NULL) {
		struct target_state *s = entry->value;

		if (atomic_load_explicit(&s->refs, memory_order_acquire))
			continue;
		state_forget(table, entry);
		at = 0; /* removal moves entries */
	}
}

void state_table_release(struct state_table *table)
{
	struct map_slot *entry;
	size_t at = 0;

	while ((entry = map_next(&table->by_key, &at)) != NULL) {
		state_forget(table, entry);
		at = 0;
	}
	map_release(&table->by_key);
	free(table->by_slot);
	*table = (struct state_table){0};
}

uint64_t target_tries_open(const struct target_state *s)
{
	uint64_t begun = 0, left = 0;

	/* `left` first, so that it is never the larger one. */
	for (unsigned w = 0; w < s->n_workers; w++) {
		left += tally_read(&s->tally[w].left);
		begun += tally_read(&s->tally[w].begun);
	}
	return begun - left;
}

uint64_t target_count(const struct target_state *s, enum target_counter c)
{
	uint64_t sum = 0;

	for (unsigned w = 0; w < s->n_workers; w++)
		sum += tally_read(&s->tally[w].counters[c]);
	return sum;
}

uint64_t state_table_count(const struct state_table *table,
			   enum target_counter c)
{
	uint64_t sum = table->gone[c];

	for (uint32_t i = 0; i < table->n_slots; i++)
		if (table->by_slot[i])
			sum += target_count(table->by_slot[i], c);
	return sum;
}

struct roster *roster_new(const struct member *members_take, size_t n)
{
	size_t size = sizeof(struct roster) + n * sizeof(struct member);
	struct roster *r;
	char *text;

	for (size_t i = 0; i < n; i++)
		size += members_take[i].zone.n;
	r = xcalloc(1, size);
	atomic_init(&r->refs, 1);
	r->n_members = n;
	text = (char *)(r->members + n);
	for (size_t i = 0; i < n; i++) {
		struct member *m = &r->members[i];

		*m = members_take[i];
		if (m->zone.n)
			memcpy(text, m->zone.p, m->zone.n);
		m->zone.p = text;
		text += m->zone.n;
	}
	return r;
}

void roster_unref(struct roster *roster)
{
	if (!roster || atomic_fetch_sub_explicit(&roster->refs, 1,
						 memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < roster->n_members; i++)
		state_unref(roster->members[i].state);
	free(roster->slots);
	free(roster);
}

struct group_state *group_state_new(void)
{
	struct group_state *gs = xcalloc(1, sizeof(*gs));

	pthread_mutex_init(&gs->lock, NULL);
	gs->roster = roster_new(NULL, 0);
	atomic_init(&gs->epoch, 1);
	return gs;
}

void group_state_free(struct group_state *gs)
{
	if (!gs)
		return;
	roster_unref(gs->roster);
	laid_targets_free(gs->laid);
	pthread_mutex_destroy(&gs->lock);
	free(gs);
}

void group_state_publish(struct group_state *gs, struct roster *roster_take)
{
	struct roster *old;

	pthread_mutex_lock(&gs->lock);
	old = gs->roster;
	gs->roster = roster_take;
	pthread_mutex_unlock(&gs->lock);
	group_state_touch(gs);
	roster_unref(old);
}

void laid_targets_free(struct laid_targets *laid)
{
	if (laid)
		arena_release(&laid->arena);
	free(laid);
}

void group_state_lay(struct group_state *gs, struct laid_targets *laid_take)
{
	laid_targets_free(gs->laid);
	gs->laid = laid_take;
}

const struct target *group_targets(const struct target_group *g, size_t *n)
{
	const struct laid_targets *laid = g->state ? g->state->laid : NULL;

	*n = laid ? laid->n : g->n_targets;
	return laid ? laid->targets : g->targets;
}

struct roster *group_state_roster(struct group_state *gs)
{
	struct roster *roster;

	pthread_mutex_lock(&gs->lock);
	roster = gs->roster;
	atomic_fetch_add_explicit(&roster->refs, 1, memory_order_relaxed);
	pthread_mutex_unlock(&gs->lock);
	return roster;
}

void group_state_touch(struct group_state *gs)
{
	atomic_fetch_add_explicit(&gs->epoch, 1, memory_order_release);
}

const char *health_name(enum health h)
{
	static const char *const names[] = {
		[HEALTH_INITIAL] = "initial",
		[HEALTH_HEALTHY] = "healthy",
		[HEALTH_UNHEALTHY] = "unhealthy",
		[HEALTH_UNUSED] = "unused",
		[HEALTH_DRAINING] = "draining",
		[HEALTH_UNAVAILABLE] = "unavailable",
	};

	return names[h];
}

static const struct {
	const char *code, *text;
} health_reasons[] = {
	[HEALTH_NO_REASON] = {"", ""},
	[HEALTH_REGISTRATION_IN_PROGRESS] =
		{"Elb.RegistrationInProgress",
		 "Target registration is in progress"},
	[HEALTH_INITIAL_CHECKING] = {"Elb.InitialHealthChecking",
				     "Initial health checks in progress"},
	[HEALTH_CODE_MISMATCH] = {"Target.ResponseCodeMismatch",
				  "Health checks failed with these codes: "},
	[HEALTH_TIMEOUT] = {"Target.Timeout", "Request timed out"},
	[HEALTH_FAILED_CHECKS] = {"Target.FailedHealthChecks",
				  "Health checks failed"},
	[HEALTH_INTERNAL_ERROR] =
		{"Elb.InternalError",
		 "Health checks failed due to an internal error"},
	[HEALTH_NOT_IN_USE] = {"Target.NotInUse",
			       "Target group is not configured to receive "
			       "traffic from the load balancer"},
	[HEALTH_DEREGISTRATION] = {"Target.DeregistrationInProgress",
				   "Target deregistration is in progress"},
	[HEALTH_CHECK_DISABLED] = {"Target.HealthCheckDisabled",
				   "Health checks are disabled"},
};

const char *health_reason_code(enum health_reason r)
{
	return health_reasons[r].code;
}

const char *health_reason_text(enum health_reason r)
{
	return health_reasons[r].text;
}
