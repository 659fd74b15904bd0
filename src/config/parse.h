/*
 * parse.h - the types of values: what a text must be, and what it becomes.
 *
 * Floor: config.
 */
#ifndef WEIR_CONFIG_PARSE_H
#define WEIR_CONFIG_PARSE_H

#include "config/schema.h"

extern const struct type type_boolean;  /* bool */
extern const struct type type_seconds;  /* uint64_t, milliseconds */
extern const struct type type_duration; /* uint64_t, whole seconds */
extern const struct type type_count;    /* uint32_t */
extern const struct type type_size;     /* uint64_t, octets; 10m */
extern const struct type type_port;     /* uint16_t; 1 to 65535 */
extern const struct type type_text;     /* struct slice */
extern const struct type type_path;     /* struct slice: of a file, whole */
extern const struct type type_word;     /* int or enum, by key->words */
extern const struct type type_name32;   /* struct slice; of AWS's form */
extern const struct type type_name64;   /* struct slice */
/* A row of what is part of the language, and refused until it is built. */
#define NOT_BUILT(its_name, its_doc, its_absent)                               \
	{                                                                      \
		its_name, &type_not_built, NO_SLOT, .doc = its_doc,            \
						    .absent = its_absent       \
	}
extern const struct type type_not_built; /* refused: part of the language */
extern const struct type type_only;      /* takes the fallback alone */
extern const struct type type_refused; /* never taken; key->refusal says why */

/* "port:80" is a text: says that "port: 80" was meant; else NULL. */
const char *space_hint(struct reader *r, const struct node *v);

/* For parsers that are not in a table. Each reports and returns false when the
 * node is not what it should be. `name` is what findings call it. */
bool want_scalar(struct reader *r, const char *name, const struct node *v);
bool want_map(struct reader *r, const char *name, const struct node *v);
bool want_number(struct reader *r, const char *name, const struct node *v,
		 double *out);
bool want_integer(struct reader *r, const char *name, const struct node *v,
		  uint64_t *out);
bool in_range(struct reader *r, const struct key *k, const struct node *v,
	      double value);
bool want_name(struct reader *r, const char *name, const struct node *v,
	       size_t longest, struct slice *out);
/* The index of the word, or -1 after a finding. */
int want_word(struct reader *r, const char *name, const struct node *v,
	      const struct word *words);

/* A file name as it can be opened: relative ones start at the folder of the
 * file they stand in. */
struct slice resolve_path(struct arena *arena, const struct node *v);

#endif
