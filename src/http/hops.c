#include "hops.h"

#include "base/fail.h"
#include "base/map.h"

enum { SLOTS = 2 * HEAD_FIELDS_MAX }; /* a power of two, half empty */

/* Fields by their name, whatever its case: open addressing. */
struct table {
	const struct http_head *head;
	/* 1 + the index of the first field of that name; 0: free. */
	uint16_t slots[SLOTS];
	/* For each field the first one of its name. */
	uint16_t first[HEAD_FIELDS_MAX];
};

/* As for maps, nobody outside can choose names that collide. */
static uint64_t hash_name(struct slice name)
{
	enum { BLOCK = 64 };
	char text[sizeof(uint64_t) + BLOCK];
	uint64_t hash = 0;

	do {
		struct slice part = slice_first(name, BLOCK);

		memcpy(text, &hash, sizeof(hash));
		for (size_t i = 0; i < part.n; i++)
			text[sizeof(hash) + i] = ascii_lower(part.p[i]);
		hash = hash_slice(slice_make(text, sizeof(hash) + part.n));
		name = slice_from(name, part.n);
	} while (name.n > 0);
	return hash;
}

/* Where the fields of that name are, or would be. */
static uint16_t *table_slot(struct table *t, struct slice name)
{
	size_t at = hash_name(name) & (SLOTS - 1);

	while (t->slots[at] &&
	       !slice_eq_fold(t->head->fields[t->slots[at] - 1].name, name))
		at = (at + 1) & (SLOTS - 1);
	return &t->slots[at];
}

static void table_fill(struct table *t, const struct http_head *head)
{
	t->head = head;
	memset(t->slots, 0, sizeof(t->slots));
	for (uint16_t i = 0; i < head->n_fields; i++) {
		uint16_t *slot = table_slot(t, head->fields[i].name);

		if (!*slot)
			*slot = (uint16_t)(i + 1);
		t->first[i] = (uint16_t)(*slot - 1);
	}
}

/* Options that are no field. */
static bool is_usual(struct slice option)
{
	return slice_eq_fold(option, SLICE("keep-alive")) ||
	       slice_eq_fold(option, SLICE("close")) ||
	       slice_eq_fold(option, SLICE("upgrade"));
}

static bool names_fields(const struct http_head *head)
{
	const struct field *f = NULL;

	while ((f = head_next(head, NAME_CONNECTION, f)) != NULL) {
		struct slice rest = f->value, option;

		while (list_next(&rest, &option))
			if (!is_usual(option))
				return true;
	}
	return false;
}

static void name_fields(struct table *t, bool *named)
{
	const struct field *f = NULL;

	while ((f = head_next(t->head, NAME_CONNECTION, f)) != NULL) {
		struct slice rest = f->value, option;

		while (list_next(&rest, &option)) {
			uint16_t first = *table_slot(t, option);

			if (first)
				named[first - 1] = true;
		}
	}
}

void hops_find(const struct http_head *head, struct hops *out)
{
	struct table t;

	assert(head->n_fields <= HEAD_FIELDS_MAX);
	out->any = names_fields(head);
	if (!out->any)
		return;
	table_fill(&t, head);
	memset(out->named, 0, sizeof(out->named));
	name_fields(&t, out->named);
	for (size_t i = 0; i < head->n_fields; i++)
		out->named[i] = out->named[t.first[i]];
}
