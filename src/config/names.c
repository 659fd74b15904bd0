#include "names.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum {
	NAMES_IN_HINT = 10,
	/* After so many errors nobody is helped by hints any more. */
	HINTS_MAX = 100,
};

/* The objects of a section stand in one array, in the order of the file. */
static int by_place(const void *a, const void *b)
{
	const struct map_slot *const *one = a, *const *other = b;
	uintptr_t left = (uintptr_t)(*one)->value;
	uintptr_t right = (uintptr_t)(*other)->value;

	return (left > right) - (left < right);
}

/* "security_groups" for "security group". */
static const char *section_of(struct reader *r, const char *what)
{
	char *section = arena_printf(&r->tree->arena, "%ss", what);

	for (char *c = section; *c; c++)
		*c = *c == ' ' ? '_' : (char)tolower((unsigned char)*c);
	return section;
}

/* "web, api, ...", in the reader's scratch; `slots` are n names. */
static const char *names_list(struct reader *r, const struct map_slot **slots,
			      size_t n)
{
	struct arena *scratch = &r->tree->arena;
	const char *list = "";

	qsort(slots, n, sizeof(slots[0]), by_place);
	for (size_t i = 0; i < n && i < NAMES_IN_HINT; i++)
		list = arena_printf(scratch, "%s%s%.*s", list, i ? ", " : "",
				    SLICE_ARG(slots[i]->key));
	return n > NAMES_IN_HINT ? arena_printf(scratch, "%s, ...", list)
				 : list;
}

/* `did you mean "web"? (target_groups defined: web, api)` */
static const char *names_hint(struct reader *r, const struct map *map,
			      const char *what, const char *word)
{
	struct arena *scratch = &r->tree->arena;
	const struct map_slot **slots, *slot;
	struct nearest near = nearest_to(word);
	const char *did;
	size_t at = 0, n = 0;

	if (r->diag->n_errors >= HINTS_MAX)
		return NULL;
	if (map->n_used == 0)
		return arena_printf(scratch, "no %s is defined", what);
	slots = ARENA_ARRAY(scratch, map->n_used, const struct map_slot *);
	while ((slot = map_next(map, &at)) != NULL) {
		nearest_try(&near, arena_slice(scratch, slot->key).p);
		slots[n++] = slot;
	}
	did = nearest_hint(r, &near);
	return arena_printf(scratch, "%s%s(%s defined: %s)", did ? did : "",
			    did ? " " : "", section_of(r, what),
			    names_list(r, slots, n));
}

void *names_find(struct reader *r, const struct map *map, const char *what,
		 const struct node *name)
{
	void *object = map_get(map, name->text);

	if (!object)
		complain(r, &name->at, names_hint(r, map, what, name->text.p),
			 "%s \"%s\" is not defined", what, name->text.p);
	return object;
}

void names_define(struct reader *r, struct map *map, const char *what,
		  struct slice name, void *object, const struct place *place,
		  const struct place *(*twin_place)(const void *twin))
{
	void *twin = name.n ? map_get(map, name) : NULL;

	if (twin)
		complain(r, place, first_at(r, twin_place(twin)),
			 "the %s \"%.*s\" is defined twice", what,
			 SLICE_ARG(name));
	else if (name.n)
		map_put(map, name, object);
}
