#include "chunk.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/fail.h"

static _Thread_local struct {
	struct chunk *free; /* newest first */
	size_t n_free;
	size_t most, in_use; /* octets */
	uint64_t refusals;
} pool = {.most = SIZE_MAX};

void chunk_pool_init(size_t most_octets)
{
	pool.most = most_octets;
}

void chunk_pool_release(void)
{
	while (pool.free) {
		struct chunk *c = pool.free;

		pool.free = c->next;
		free(c);
	}
	pool.n_free = 0;
}

size_t chunk_pool_in_use(void)
{
	return pool.in_use;
}

uint64_t chunk_pool_refusals(void)
{
	return pool.refusals;
}

static bool is_within_limit(size_t size)
{
	return pool.in_use < pool.most && pool.most - pool.in_use >= size;
}

struct chunk *chunk_new_large(size_t room)
{
	struct chunk *c = NULL;

	if (is_within_limit(room + sizeof(*c)))
		c = malloc(sizeof(*c) + room);
	if (!c) {
		pool.refusals++;
		return NULL;
	}
	pool.in_use += room + sizeof(*c);
	*c = (struct chunk){.refs = 1, .room = (uint32_t)room};
	return c;
}

struct chunk *chunk_new(void)
{
	struct chunk *c = pool.free;

	/* Those that are kept do not count before they are used again. */
	if (!c || !is_within_limit(CHUNK_ALLOC))
		return chunk_new_large(CHUNK_OCTETS);
	pool.free = c->next;
	pool.n_free--;
	pool.in_use += CHUNK_ALLOC;
	c->refs = 1;
	c->used = 0;
	return c;
}

void chunk_free(struct chunk *c)
{
	pool.in_use -= c->room + sizeof(*c);
	if (c->room != CHUNK_OCTETS || pool.n_free == CHUNK_KEPT) {
		free(c);
		return;
	}
	c->next = pool.free;
	pool.free = c;
	pool.n_free++;
}
