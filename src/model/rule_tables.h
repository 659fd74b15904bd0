/*
 * rule_tables.h - what compiled rules look like: between rule_compile.c,
 * which makes them, and rule_index.c, which looks in them; for nobody else.
 *
 * Two levels of the same thing: a text_index over hosts, whose items are
 * text_indexes over paths, whose items are the rules that host and path lead
 * to. Rules that name neither host nor path stand beside it. "rank" is a rule's
 *position: lower is better.
 *
 *	text_index   any     what matches every text
 *	             exact   hash of the text
 *	             prefix  hash of its first octets, for each length in use
 *	             suffix  the same for its last octets
 *	             scan    everything else, by rank
 *
 * A pattern such as /a/?/b is found by its prefix and then asked itself.
 *
 * Floor: model.
 */
#ifndef WEIR_MODEL_RULE_TABLES_H
#define WEIR_MODEL_RULE_TABLES_H

#include "model/rule_index.h"

struct candidate {
	uint32_t rank;
	bool decided; /* who found it that way has met all its conditions */
};

/* How the texts are found that a pattern may match. */
enum lookup {
	LOOKUP_ANY,    /* every text */
	LOOKUP_EXACT,  /* the key itself */
	LOOKUP_PREFIX, /* what begins with the key */
	LOOKUP_SUFFIX, /* what ends with it */
	LOOKUP_SCAN,   /* what the pattern matches, nothing less */
	LOOKUP_KINDS
};

struct way {
	enum lookup lookup;
	bool sure;        /* what is found matches the pattern: else ask it */
	struct slice key; /* lower case for hosts; empty for ANY and SCAN */
	const struct pattern *pattern; /* only for SCAN */
};

/* All that one way leads to. */
struct item {
	struct way way;
	uint32_t rank;         /* the best below */
	uint32_t n_candidates; /* only of a path */
	union {
		struct text_index *paths;     /* of a host */
		struct candidate *candidates; /* of a path; by rank */
	};
};

struct slot {
	uint32_t hash;
	uint32_t item; /* from 1; 0: free */
};

struct table {
	struct slot *slots;
	uint32_t mask; /* slots less one; power of two */
};

/* A length that texts in a table have, and the best rank among these. */
struct length {
	uint32_t octets, rank;
};

struct length_table {
	struct table table;
	struct length *lengths; /* by rank */
	uint32_t n_lengths;
};

struct text_index {
	struct item *items;
	struct item *any;   /* NULL: none */
	struct table exact; /* slots NULL: none */
	struct length_table prefix, suffix;
	struct item **scan; /* by rank */
	uint32_t n_scan;
};

struct rule_index {
	const struct rule *rules;
	struct text_index hosts;
	struct item others; /* rules that name neither host nor path */
};

#endif
