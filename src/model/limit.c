#include "limit.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "base/cidr.h"
#include "base/fail.h"
#include "model/snapshot.h"

/* Tries to take the place of another key, while others do the same. */
enum { TRIES = 4 };

/* Clocks of workers differ by a turn; who is further ahead has jumped back. */
#define SLACK_NS UINT64_C(1000000000)

/* -- keys ------------------------------------------------------------------ */

static size_t octets_of(unsigned n_buckets)
{
	return sizeof(struct limit_keys) +
	       n_buckets * sizeof(struct limit_bucket);
}

/* Pages that nobody has touched cost nothing, and begin as zeros. */
struct limit_keys *limit_keys_new(unsigned n_buckets)
{
	struct limit_keys *keys = mmap(NULL, octets_of(n_buckets),
				       PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert(n_buckets && (n_buckets & (n_buckets - 1)) == 0);
	if (keys == MAP_FAILED)
		return NULL;
	keys->mask = n_buckets - 1;
	return keys;
}

void limit_keys_free(struct limit_keys *keys)
{
	if (keys)
		munmap(keys, octets_of((unsigned)keys->mask + 1));
}

/* 0 marks a free place. */
static uint64_t not_zero(uint64_t hash)
{
	return hash ? hash : 1;
}

uint64_t limit_key_of_client(const struct cidr *address)
{
	/* A NUL first: no field of a request has one. */
	char octets[10] = {0};
	size_t n = address && address->family == 6 ? 8 : 4;

	if (!address)
		return not_zero(hash_slice(SLICE("")));
	octets[1] = (char)address->family;
	memcpy(octets + 2, address->octets, n);
	return not_zero(hash_slice(slice_make(octets, 2 + n)));
}

uint64_t limit_key_of_text(struct slice text)
{
	return not_zero(hash_slice(text));
}

/* -- tables ---------------------------------------------------------------- */

static uint64_t load(_Atomic uint64_t *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

/* Its place, or LIMIT_WAYS. Places are filled in their order. */
static unsigned find(struct limit_bucket *b, uint64_t key)
{
	unsigned i = 0;

	while (i < LIMIT_WAYS && load(&b->keys[i]) != key)
		i++;
	return i;
}

/* The first free place, else the one with the lowest word. */
static unsigned lowest(struct limit_bucket *b, uint64_t *key, uint64_t *word)
{
	unsigned best = 0;

	*word = UINT64_MAX;
	for (unsigned i = 0; i < LIMIT_WAYS; i++) {
		uint64_t k = load(&b->keys[i]);
		uint64_t w = k ? load(&b->words[i]) : 0;

		if (w < *word) {
			best = i;
			*key = k;
			*word = w;
		}
		if (!k)
			break;
	}
	return best;
}

/*
 * The word of a key, which it may have taken from another one: one whose word
 * is `stale` or lower if there is, else any if `any`. NULL: there is none.
 *
 * Between two threads a word may count for the key that it had before, once:
 * nobody waits for anybody to prevent that. What is held stays balanced, since
 * who holds a place knows the word and not the key.
 */
static _Atomic uint64_t *word_of(struct limit_keys *keys, uint64_t key,
				 uint64_t stale, bool any, bool *forgot)
{
	struct limit_bucket *b = &keys->buckets[(key >> 32) & keys->mask];

	for (int i = 0; i < TRIES; i++) {
		unsigned at = find(b, key);
		uint64_t old, word;

		if (at < LIMIT_WAYS)
			return &b->words[at];
		at = lowest(b, &old, &word);
		if (word > stale && !any)
			return NULL;
		if (!atomic_compare_exchange_strong_explicit(
			    &b->keys[at], &old, key, memory_order_relaxed,
			    memory_order_relaxed))
			continue;
		if (any)
			atomic_store_explicit(&b->words[at], 0,
					      memory_order_relaxed);
		*forgot = word > stale;
		return &b->words[at];
	}
	return NULL;
}

enum limit_answer limit_rate(struct limit_keys *keys, uint64_t key,
			     uint64_t interval_ns, uint64_t span_ns,
			     uint64_t now_ns, uint64_t *wait_ns, bool *forgot)
{
	_Atomic uint64_t *word = word_of(keys, key, now_ns, true, forgot);
	uint64_t due, next;

	if (!word)
		return LIMIT_UNKNOWN;
	due = load(word);
	do {
		if (due > now_ns + span_ns + SLACK_NS) {
			next = now_ns + span_ns;
			*wait_ns = interval_ns;
			continue;
		}
		next = (due > now_ns ? due : now_ns) + interval_ns;
		if (next > now_ns + span_ns) {
			*wait_ns = next - span_ns - now_ns;
			return LIMIT_REFUSES;
		}
	} while (!atomic_compare_exchange_weak_explicit(
		word, &due, next, memory_order_relaxed, memory_order_relaxed));
	return due > now_ns + span_ns + SLACK_NS ? LIMIT_REFUSES : LIMIT_PASSES;
}

enum limit_answer limit_hold(struct limit_keys *keys, uint64_t key,
			     uint32_t most, _Atomic uint64_t **place)
{
	bool forgot;
	_Atomic uint64_t *word = word_of(keys, key, 0, false, &forgot);
	uint64_t n;

	if (!word)
		return LIMIT_UNKNOWN;
	n = load(word);
	do {
		if (n >= most)
			return LIMIT_REFUSES;
	} while (!atomic_compare_exchange_weak_explicit(
		word, &n, n + 1, memory_order_relaxed, memory_order_relaxed));
	*place = word;
	return LIMIT_PASSES;
}

/* -- what outlives a snapshot ---------------------------------------------- */

static void state_free(struct limit_state *s)
{
	limit_keys_free(s->rates);
	limit_keys_free(s->requests);
	limit_keys_free(s->connections);
	free((char *)(uintptr_t)s->key.p);
	free(s);
}

/* Memory of what is no longer limited. */
static void sweep(struct limit_table *table)
{
	struct map_slot *entry;
	size_t at = 0;

	while ((entry = map_next(&table->states, &at)) != NULL) {
		struct limit_state *s = entry->value;

		if (atomic_load_explicit(&s->refs, memory_order_acquire))
			continue;
		map_remove(&table->states, s->key);
		state_free(s);
		at = 0;
	}
}

static void want_keys(struct limit_keys **keys, bool wanted,
		      const struct limit *l)
{
	if (!wanted || *keys)
		return;
	*keys = limit_keys_new(l->per == LIMIT_ALL ? 1 : LIMIT_BUCKETS);
	if (!*keys)
		fail_no_memory();
}

static struct limit_state *state_of(struct limit_table *table,
				    struct arena *arena, const struct limit *l)
{
	struct slice key = slice_of(arena_printf(
		arena, "%.*s/%.*s/%s", SLICE_ARG(l->whose), SLICE_ARG(l->name),
		l->per == LIMIT_ALL ? "all" : "each"));
	struct limit_state *s = map_get(&table->states, key);

	if (!s) {
		s = xcalloc(1, sizeof(*s));
		s->key = slice_make(slice_dup(key), key.n);
		map_put(&table->states, s->key, s);
	}
	want_keys(&s->rates, l->interval_ns > 0, l);
	want_keys(&s->requests, l->requests > 0, l);
	want_keys(&s->connections, l->connections > 0, l);
	return s;
}

static struct limit_counts *counts_of(struct limit_table *table,
				      struct arena *arena, struct slice lb,
				      uint16_t port, struct slice name,
				      bool report)
{
	struct slice key =
		slice_of(arena_printf(arena, "%.*s/%u/%.*s/%d", SLICE_ARG(lb),
				      port, SLICE_ARG(name), report));
	struct limit_counts *c = map_get(&table->counts, key);
	size_t size = sizeof(*c) + table->n_workers * sizeof(c->tally[0]);

	if (c)
		return c;
	if (port && table->n_counts >= LIMIT_COUNTS_MAX)
		return counts_of(table, arena, SLICE("(others)"), 0,
				 SLICE("(others)"), report);
	if (posix_memalign((void **)&c, 64, size))
		fail_no_memory();
	memset(c, 0, size);
	c->key = slice_make(slice_dup(key), key.n);
	c->balancer = slice_make(slice_dup(lb), lb.n);
	c->name = slice_make(slice_dup(name), name.n);
	c->port = port;
	c->report = report;
	c->n_workers = table->n_workers;
	if (!table->first)
		table->end = &table->first;
	*table->end = c;
	table->end = &c->next;
	table->n_counts++;
	map_put(&table->counts, c->key, c);
	return c;
}

static void unref(void *state)
{
	limit_state_unref(state);
}

static void attach(struct limit_table *table, struct snapshot *snap,
		   const struct listener *l, const struct limit_uses *all)
{
	for (size_t i = 0; i < all->n; i++) {
		struct limit_use *use = &all->uses[i];
		struct limit *limit = use->limit;

		use->counts = counts_of(table, &snap->arena, l->balancer->name,
					l->port, limit->name, limit->report);
		/* Listeners share those of their load balancer. */
		if (limit->state)
			continue;
		limit->state = state_of(table, &snap->arena, limit);
		limit_state_ref(limit->state);
		snapshot_on_free(snap, unref, limit->state);
	}
}

void limits_attach(struct limit_table *table, struct snapshot *snap)
{
	sweep(table);
	for (size_t b = 0; b < snap->n_balancers; b++) {
		const struct load_balancer *lb = &snap->balancers[b];

		for (size_t i = 0; i < lb->n_listeners; i++) {
			const struct listener *l = &lb->listeners[i];

			attach(table, snap, l, &l->limits);
			attach(table, snap, l, &l->default_rule.limits);
			for (size_t k = 0; k < l->n_rules; k++)
				attach(table, snap, l, &l->rules[k].limits);
		}
	}
}

void limits_release(struct limit_table *table)
{
	struct map_slot *entry;
	size_t at = 0;

	while ((entry = map_next(&table->states, &at)) != NULL)
		state_free(entry->value);
	while (table->first) {
		struct limit_counts *c = table->first;

		table->first = c->next;
		free((char *)(uintptr_t)c->key.p);
		free((char *)(uintptr_t)c->balancer.p);
		free((char *)(uintptr_t)c->name.p);
		free(c);
	}
	map_release(&table->states);
	map_release(&table->counts);
	*table = (struct limit_table){.n_workers = table->n_workers};
}

uint64_t limit_count(const struct limit_counts *c)
{
	uint64_t sum = 0;

	for (unsigned w = 0; w < c->n_workers; w++)
		sum += tally_read(&c->tally[w].refused);
	return sum;
}
