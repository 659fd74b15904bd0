/*
 * map.h - a hash table keyed by slice.
 *
 * Keys are borrowed and must live as long as their entry. Hashed by XXH3
 * with a secret made at start, so that nobody outside can choose collisions.
 *
 * Floor: base.  Not thread-safe for writers; any number of readers when
 * nobody writes.
 */
#ifndef WEIR_BASE_MAP_H
#define WEIR_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "slice.h"

struct map_slot {
	struct slice key; /* borrowed */
	uint64_t hash;
	void *value; /* NULL marks a free slot, so no entry has value NULL */
};

/* A zeroed map is empty and ready. */
struct map {
	struct map_slot *slots; /* power of two, open addressing; owned */
	size_t n_slots, n_used;
};

void map_release(struct map *map);

/* NULL when there is no such key. */
void *map_get(const struct map *map, struct slice key);

/* Sets or replaces; `value` is not NULL. Returns what was there before. */
void *map_put(struct map *map, struct slice key, void *value);

/* Returns what was there, or NULL. */
void *map_remove(struct map *map, struct slice key);

/* Walks all entries in no order: start with *at = 0; NULL ends the walk.
 * The map must not change meanwhile. */
struct map_slot *map_next(const struct map *map, size_t *at);

/* The hash that maps use; also for other tables over foreign input. */
uint64_t hash_slice(struct slice key);

#endif
