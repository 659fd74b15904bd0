#include "arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "fail.h"

enum {
	BLOCK_OCTETS = 16 * 1024,
	/* Most of what is formatted fits into this. */
	LINE_OCTETS = 80,
};

struct arena_block {
	struct arena_block *older;
	_Alignas(max_align_t) char room[];
};

void arena_release(struct arena *arena)
{
	struct arena_block *block = arena->blocks;

	while (block) {
		struct arena_block *older = block->older;

		free(block);
		block = older;
	}
	*arena = (struct arena){0};
}

/* Something large gets a block of its own size; the rest of it is no loss. */
static void grow(struct arena *arena, size_t size)
{
	size_t room = size > BLOCK_OCTETS ? size : BLOCK_OCTETS;
	struct arena_block *block = xcalloc(1, sizeof(*block) + room);

	block->older = arena->blocks;
	arena->blocks = block;
	arena->at = block->room;
	arena->end = block->room + room;
}

/* Texts need no alignment, and a configuration has a hundred thousand. */
static void *take(struct arena *arena, size_t size)
{
	char *p;

	if (size > SIZE_MAX / 2)
		BUG("arena_alloc of %zu octets", size);
	if (!arena->at || (size_t)(arena->end - arena->at) < size)
		grow(arena, size);
	p = arena->at;
	arena->at += size;
	arena->octets += size;
	return p;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	const size_t align = _Alignof(max_align_t);
	/* Behind a text. */
	size_t odd = (uintptr_t)arena->at & (align - 1);

	if (odd && (size_t)(arena->end - arena->at) >= align - odd)
		arena->at += align - odd;
	else if (odd)
		arena->at = arena->end = NULL;
	return take(arena, size);
}

void *arena_array(struct arena *arena, size_t n, size_t size)
{
	size_t octets;

	if (__builtin_mul_overflow(n, size, &octets))
		BUG("arena_array of %zu times %zu octets", n, size);
	return arena_alloc(arena, octets);
}

struct slice arena_slice(struct arena *arena, struct slice text)
{
	char *copy = take(arena, text.n + 1);

	if (text.n)
		memcpy(copy, text.p, text.n);
	return slice_make(copy, text.n);
}

char *arena_strdup(struct arena *arena, const char *text)
{
	size_t size = strlen(text) + 1;

	return memcpy(take(arena, size), text, size);
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	char line[LINE_OCTETS];
	va_list args, again;
	char *text;
	int n;

	va_start(args, format);
	va_copy(again, args);
	n = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (n < 0)
		BUG("arena_printf with \"%s\"", format);
	text = take(arena, (size_t)n + 1);
	/* Seldom longer than there was room for. */
	if ((size_t)n < sizeof(line))
		memcpy(text, line, (size_t)n + 1);
	else
		vsnprintf(text, (size_t)n + 1, format, again);
	va_end(again);
	return text;
}
