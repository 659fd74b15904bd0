/*
 * field_edits.h - fields that the configuration takes out of heads and puts
 * into them.
 *
 * What a listener and one of its rules say is put together once, when the
 * configuration is read: one set of names whose fields do not pass, one list
 * of fields that are written.
 *
 * Names are the same as name_same() says.
 *
 * Floor: http.  Pure; any thread.  Source: weir.yaml(5), header fields.
 */
#ifndef WEIR_HTTP_FIELD_EDITS_H
#define WEIR_HTTP_FIELD_EDITS_H

#include <stdbool.h>
#include <stdint.h>

#include "http/template.h"

struct arena;

/* A field to write. */
struct field_edit {
	struct slice name; /* as written */
	struct template value;
};

enum {
	FIELD_EDITS_EACH = 64,       /* of removed, set and added ones */
	FIELD_EDIT_VALUE_MAX = 4096, /* octets of a value as written */
	FIELD_EDITS_MAX = 4 * FIELD_EDITS_EACH, /* that are written */
};

/* What one mapping of the configuration says; done in this order. */
struct field_changes {
	struct slice *remove; /* names */
	size_t n_remove;
	struct field_edit *set; /* in place of all of that name */
	size_t n_set;
	struct field_edit *add; /* beside them */
	size_t n_add;
};

/* Read-only once made; shared by all threads. */
struct field_edits {
	struct slice *gone; /* in order of name_cmp() */
	size_t n_gone;
	uint64_t gone_lengths; /* bit n % 64 for a name of n octets */
	struct field_edit *fields;
	size_t n_fields;
	unsigned holes; /* set of PLACE_BIT(): what values need */
};

/*
 * Puts together what a listener and a rule say, the listener's first.
 *
 * listener, rule  NULL: nothing
 * ours            names of which only weir speaks: what came under them is
 *                 dropped and what the others write under them left out
 *
 * Returns what is in the arena, or NULL when there is nothing to do.
 */
const struct field_edits *field_edits_make(struct arena *arena,
					   const struct field_changes *listener,
					   const struct field_changes *rule,
					   const struct slice *ours,
					   size_t n_ours);

bool field_edits_has(const struct field_edits *edits, struct slice name);

/* Whether a field that came under that name ends here. */
static inline bool field_edits_drop(const struct field_edits *edits,
				    struct slice name)
{
	return (edits->gone_lengths >> name.n % 64 & 1) &&
	       field_edits_has(edits, name);
}

/* The value needs no request to be known. */
static inline bool field_edit_is_constant(const struct field_edit *edit)
{
	return edit->value.n_parts == 1 &&
	       edit->value.parts[0].kind == PLACE_LITERAL;
}

/*
 * Writes the values that are not constant, each with a LF behind it, for
 * field_edits_next(). `values` as for template_write(); a LF in one is
 * written as an escape.
 */
void field_edits_fill(struct writer *w, const struct field_edits *edits,
		      const struct slice *values);

/*
 * Walks the fields that are written: true, and one of them, until there is
 * none left. Those whose value came out empty are left out.
 *
 * at      0 to begin with
 * filled  what field_edits_fill() wrote; cut on the way
 */
bool field_edits_next(const struct field_edits *edits, size_t *at,
		      struct slice *filled, struct slice *name,
		      struct slice *value);

#endif
