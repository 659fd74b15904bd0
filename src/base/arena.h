/*
 * arena.h - allocate many, free once.
 *
 * For objects that die together: a configuration, a parsed tree. Grows in
 * blocks; nothing is freed before the whole. Ends the process when memory is
 * out, so it is for the control thread and start-up, never for the data path.
 *
 * Floor: base.  Not thread-safe.
 */
#ifndef WEIR_BASE_ARENA_H
#define WEIR_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "slice.h"

struct arena_block;

struct arena {
	struct arena_block *blocks; /* newest first; owned */
	char *at, *end;             /* room in the newest block */
	size_t octets;              /* asked for so far, without the waste */
};

/* A zeroed arena is ready for use; there is no init. */
void arena_release(struct arena *arena);

/* Zeroed memory, aligned for any type. */
void *arena_alloc(struct arena *arena, size_t size)
	__attribute__((malloc, returns_nonnull));
/* Zeroed array; ends the process when n * size overflows. */
void *arena_array(struct arena *arena, size_t n, size_t size)
	__attribute__((returns_nonnull));
/* Copies with a terminating zero behind them. */
char *arena_strdup(struct arena *arena, const char *text);
struct slice arena_slice(struct arena *arena, struct slice text);
char *arena_printf(struct arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#define ARENA_NEW(arena, type) ((type *)arena_alloc((arena), sizeof(type)))
#define ARENA_ARRAY(arena, n, type)                                            \
	((type *)arena_array((arena), (n), sizeof(type)))

#endif
