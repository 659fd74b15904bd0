/*
 * schema.h - the table engine: one row says all there is to know about a key.
 *
 * The reader, "did you mean", the JSON Schema, `weir check --print` and the
 * check of weir.yaml(5) come from the same rows. A default is text, read by
 * the same function as a user's text, so that it can be printed and can never
 * be out of range.
 *
 * A name may have dots: "stickiness.enabled" is met by that key as well as by
 * "stickiness: {enabled: ...}". Rows are read in the order of their table,
 * whatever the order in the file, so a row may rely on those above it.
 *
 * Floor: config.
 */
#ifndef WEIR_CONFIG_SCHEMA_H
#define WEIR_CONFIG_SCHEMA_H

#include <stddef.h>
#include <stdint.h>

#include "base/near.h"
#include "config/node.h"

struct key;
struct reader;

/* Rows that one table may have, and octets of a name with its dots. */
enum { KEYS_MAX = 96, KEY_NAME_MAX = 128 };

enum shape {
	SHAPE_TEXT = 1,
	SHAPE_NUMBER = 2,
	SHAPE_BOOLEAN = 4,
	SHAPE_MAP = 8,      /* by the rows of key->keys, where it has them */
	SHAPE_LIST = 16,    /* of the other shapes; one may stand alone */
	SHAPE_ONE_KEY = 32, /* with SHAPE_MAP: exactly one key of the table */
};

/* How a value is read. */
struct type {
	/* Reports for itself; fills the slot if it can. The slot is NULL for
	 * keys that have none. */
	void (*parse)(struct reader *r, const struct key *k,
		      const struct node *value, void *slot);
	unsigned shape;      /* set of enum shape */
	const char *pattern; /* regular expression for the JSON Schema */
};

/* A word that a value can be, and what it means. */
struct word {
	const char *text;
	int value;
	const char *refusal; /* why it cannot be taken; NULL: it can */
};

struct range {
	double least, most; /* both 0: no limit */
};

enum key_flag {
	KEY_REQUIRED = 1,
	KEY_APPENDS = 2, /* lists of several files are put together */
	KEY_SECRET = 4,  /* never printed */
	KEY_FREE = 8, /* a mapping whose keys are the user's: dots are dots */
	KEY_OR_MAP = 16, /* a list of texts, or a mapping in its place */
	KEY_HIDDEN = 32, /* of no interest once it is read */
	KEY_PATH = 64,   /* texts are names of files, as of type_path */
};

enum { NO_SLOT = -1 };

/* Other rows for the mapping inside, where another key of the same object has
 * that word: defaults and limits differ then, the names do not. */
struct key_variant {
	const char *key, *word;
	const struct key *keys;
};

struct key {
	const char *name;
	const struct type *type;
	ptrdiff_t offset;     /* of the slot in the object, or NO_SLOT */
	const char *fallback; /* default as a user writes it; NULL: none */
	struct range any;     /* what makes sense */
	struct range aws;     /* binds only with strict_aws_limits */
	const char *doc;      /* a sentence */
	unsigned flags;       /* set of enum key_flag */
	const char *absent;   /* without fallback: what holds then, in words */
	const struct word *words; /* ends with text NULL */
	const struct key *keys; /* of the mapping inside; ends with name NULL */
	const struct key_variant *variant; /* of `keys`; NULL: none */
	const char *refusal;               /* for types that refuse: why */
	const char *values; /* what it can be, in words, where type, words
			     * and range do not tell */
};

struct text; /* base/text.h */

/* values.c: appends what a key can be: "HTTP, HTTPS; not built yet: TCP".
 * Returns whether the manual has to list it: what "a text" or a boolean is,
 * it says once for all. */
bool key_values(const struct key *k, struct text *out);

/*
 * Fills `object` from a mapping, by the rows of `keys`. `what` names the
 * mapping in findings: "a listener". Goes on after a finding, so that one
 * check shows all there is to mend.
 */
void read_mapping(struct reader *r, const struct node *map, const char *what,
		  const struct key *keys, void *object);

/*
 * For an element that has exactly one key, such as a condition. Returns the
 * row and its value, or NULL after a finding.
 */
const struct key *read_one_key(struct reader *r, const struct node *map,
			       const char *what, const struct key *keys,
			       const struct node **value);

/* What the user wrote for one row. */
struct given {
	const struct node *key;
	struct node *value; /* NULL: nothing */
};

/* Sorts the entries of a mapping to the rows that they are for; `given` has
 * one element for each row. Reports what fits no row. */
void schema_sort(struct reader *r, const struct node *map, const char *what,
		 const struct key *keys, struct given *given);

/* The default of a row as a node; "{}" and "[]" are what they look like. */
struct node *schema_fallback(struct reader *r, const struct key *k,
			     const struct place *at);

/* -- saying what is wrong -------------------------------------------------- */

void complain(struct reader *r, const struct place *at, const char *hint,
	      const char *format, ...) __attribute__((format(printf, 4, 5)));
void warn(struct reader *r, const struct place *at, const char *hint,
	  const char *format, ...) __attribute__((format(printf, 4, 5)));

/* What weir takes and AWS does not, where settings.strict_aws_limits asks for
 * that; the sentence is given without saying so. */
void aws_refuses(struct reader *r, const struct place *at, const char *format,
		 ...) __attribute__((format(printf, 3, 4)));

/* "first at weir.yaml:3:5", in the reader's scratch. */
const char *first_at(struct reader *r, const struct place *at);

/* -- the word that was meant ----------------------------------------------- */

/* `did you mean "best"?` in the reader's scratch; NULL when nothing is near. */
const char *nearest_hint(struct reader *r, const struct nearest *n);

#endif
