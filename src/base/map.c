#include "map.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>
#include <xxhash.h>

#include "fail.h"

static uint64_t hash_seed;
static pthread_once_t hash_once = PTHREAD_ONCE_INIT;

static void make_seed(void)
{
	if (getrandom(&hash_seed, sizeof(hash_seed), 0) !=
	    (ssize_t)sizeof(hash_seed))
		fail_exit("the system gives no random octets");
}

uint64_t hash_slice(struct slice key)
{
	pthread_once(&hash_once, make_seed);
	return XXH3_64bits_withSeed(key.p, key.n, hash_seed);
}

void map_release(struct map *map)
{
	free(map->slots);
	*map = (struct map){0};
}

/* The slot of the key, or the free one where it would go. */
static struct map_slot *slot_probe(const struct map *map, struct slice key,
				   uint64_t hash)
{
	size_t mask = map->n_slots - 1;

	for (size_t i = hash & mask;; i = (i + 1) & mask) {
		struct map_slot *s = &map->slots[i];

		if (!s->value || (s->hash == hash && slice_eq(s->key, key)))
			return s;
	}
}

void *map_get(const struct map *map, struct slice key)
{
	return map->n_used ? slot_probe(map, key, hash_slice(key))->value
			   : NULL;
}

static void map_resize(struct map *map, size_t n_slots)
{
	struct map old = *map;

	map->slots = xcalloc(n_slots, sizeof(*map->slots));
	map->n_slots = n_slots;
	for (size_t i = 0; i < old.n_slots; i++)
		if (old.slots[i].value)
			*slot_probe(map, old.slots[i].key, old.slots[i].hash) =
				old.slots[i];
	free(old.slots);
}

void *map_put(struct map *map, struct slice key, void *value)
{
	uint64_t hash = hash_slice(key);
	struct map_slot *s;
	void *old;

	assert(value);
	if (map->n_used * 4 >= map->n_slots * 3)
		map_resize(map, map->n_slots ? map->n_slots * 2 : 16);
	s = slot_probe(map, key, hash);
	old = s->value;
	if (!old)
		map->n_used++;
	*s = (struct map_slot){key, hash, value};
	return old;
}

void *map_remove(struct map *map, struct slice key)
{
	size_t mask = map->n_slots - 1, hole, i;
	struct map_slot *s;
	void *old;

	if (map->n_used == 0)
		return NULL;
	s = slot_probe(map, key, hash_slice(key));
	old = s->value;
	if (!old)
		return NULL;

	/* Close the gap, so that no search stops at it too early. */
	hole = (size_t)(s - map->slots);
	for (i = (hole + 1) & mask; map->slots[i].value; i = (i + 1) & mask) {
		size_t home = map->slots[i].hash & mask;

		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		map->slots[hole] = map->slots[i];
		hole = i;
	}
	map->slots[hole].value = NULL;
	map->n_used--;
	return old;
}

struct map_slot *map_next(const struct map *map, size_t *at)
{
	while (*at < map->n_slots) {
		struct map_slot *s = &map->slots[(*at)++];

		if (s->value)
			return s;
	}
	return NULL;
}
