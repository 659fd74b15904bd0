#include "field_edits.h"

#include <stdlib.h>

#include "base/arena.h"
#include "names.h"

static int cmp_names(const void *left, const void *right)
{
	const struct slice *a = left, *b = right;

	return name_cmp(*a, *b);
}

bool field_edits_has(const struct field_edits *edits, struct slice name)
{
	return edits->n_gone && bsearch(&name, edits->gone, edits->n_gone,
					sizeof(name), cmp_names);
}

/* -- putting together ------------------------------------------------------ */

static bool is_among(const struct slice *names, size_t n, struct slice name)
{
	for (size_t i = 0; i < n; i++)
		if (name_same(names[i], name))
			return true;
	return false;
}

static void let_go(struct field_edits *e, struct slice name)
{
	e->gone[e->n_gone++] = name;
	e->gone_lengths |= UINT64_C(1) << name.n % 64;
}

static void put_field(struct field_edits *e, const struct field_edit *edit)
{
	e->fields[e->n_fields++] = *edit;
	for (size_t i = 0; i < edit->value.n_parts; i++)
		e->holes |= PLACE_BIT(edit->value.parts[i].kind);
	e->holes &= ~PLACE_BIT(PLACE_LITERAL);
}

static bool is_changed(const struct field_changes *c, struct slice name)
{
	if (is_among(c->remove, c->n_remove, name))
		return true;
	for (size_t i = 0; i < c->n_set; i++)
		if (name_same(c->set[i].name, name))
			return true;
	return false;
}

/* Adds what `c` writes, unless `later` takes it away again. */
static void put_changes(struct field_edits *e, const struct field_changes *c,
			const struct field_changes *later,
			const struct slice *ours, size_t n_ours)
{
	for (size_t i = 0; i < c->n_remove; i++)
		let_go(e, c->remove[i]);
	for (size_t i = 0; i < c->n_set; i++)
		let_go(e, c->set[i].name);
	for (size_t i = 0; i < c->n_set + c->n_add; i++) {
		const struct field_edit *edit =
			i < c->n_set ? &c->set[i] : &c->add[i - c->n_set];

		if (!is_among(ours, n_ours, edit->name) &&
		    !is_changed(later, edit->name))
			put_field(e, edit);
	}
}

const struct field_edits *field_edits_make(struct arena *arena,
					   const struct field_changes *listener,
					   const struct field_changes *rule,
					   const struct slice *ours,
					   size_t n_ours)
{
	static const struct field_changes nothing = {0};
	const struct field_changes *first = listener ? listener : &nothing;
	const struct field_changes *second = rule ? rule : &nothing;
	size_t n_fields =
		first->n_set + first->n_add + second->n_set + second->n_add;
	size_t n_gone = first->n_remove + second->n_remove + n_fields + n_ours;
	struct field_edits *e;

	if (n_gone == 0)
		return NULL;
	e = ARENA_NEW(arena, struct field_edits);
	e->gone = ARENA_ARRAY(arena, n_gone, struct slice);
	e->fields = ARENA_ARRAY(arena, n_fields, struct field_edit);
	put_changes(e, first, second, ours, n_ours);
	put_changes(e, second, &nothing, ours, n_ours);
	for (size_t i = 0; i < n_ours; i++)
		let_go(e, ours[i]);
	if (e->n_gone)
		qsort(e->gone, e->n_gone, sizeof(*e->gone), cmp_names);
	return e;
}

/* -- at work --------------------------------------------------------------- */

void field_edits_fill(struct writer *w, const struct field_edits *edits,
		      const struct slice *values)
{
	for (size_t i = 0; i < edits->n_fields; i++) {
		const struct field_edit *edit = &edits->fields[i];

		if (field_edit_is_constant(edit))
			continue;
		template_write(w, &edit->value, values);
		writer_char(w, '\n');
	}
}

bool field_edits_next(const struct field_edits *edits, size_t *at,
		      struct slice *filled, struct slice *name,
		      struct slice *value)
{
	while (*at < edits->n_fields) {
		const struct field_edit *edit = &edits->fields[(*at)++];

		*name = edit->name;
		*value = field_edit_is_constant(edit)
				 ? edit->value.parts[0].text
				 : slice_trim(slice_cut(filled, '\n'));
		if (value->n > 0)
			return true;
	}
	return false;
}
