/*
 * node.h - a configuration file as a tree in which every node knows its place.
 *
 * A strict subset of YAML: one document, no tags, no anchors, no merge keys,
 * no tabs, no key twice. JSON is inside the subset. Scalars stay text; the
 * tables of schema.h decide what a text means, so "on" is never a boolean by
 * accident. References to the environment are replaced after the structure
 * is known, so a value can never add to it.
 *
 * Floor: config.  node_parse.c is the only user of libyaml.  Source: YAML 1.1;
 * weir.yaml(5).
 */
#ifndef WEIR_CONFIG_NODE_H
#define WEIR_CONFIG_NODE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/slice.h"

enum {
	NODE_DEPTH_MAX = 64,         /* brackets in brackets */
	NODE_OCTETS_MAX = 16 << 20,  /* of one file */
	NODE_COUNT_MAX = 2 << 20,    /* nodes of all files together */
	NODE_EXPANDED_MAX = 1 << 20, /* octets of a scalar with ${NAME} */
};

enum node_kind { NODE_SCALAR, NODE_LIST, NODE_MAP };

struct entry {
	struct node *key; /* always a scalar */
	struct node *value;
};

struct node {
	enum node_kind kind;
	bool plain;        /* a scalar without quotes */
	bool exact;        /* octets of text stand one by one in the file */
	bool hash_follows; /* an empty value with "#{" behind it */
	bool broken;       /* reported already; nobody needs to look again */
	struct place at;
	struct slice text; /* scalar; a zero follows */
	union {
		struct node **items;   /* list */
		struct entry *entries; /* map */
	};
	size_t n;      /* items or entries */
	size_t n_room; /* for how many of them; 0: it stands in a file */
};

/* All files of one configuration. */
struct tree {
	struct arena arena;  /* nodes and their text */
	struct arena *names; /* file names, which places keep; borrowed */
	struct diag *diag;   /* borrowed */
	/* Names of sections; the others are read past. NULL: all. */
	const char *const *sections;
	bool literal; /* ${NAME} stays as it is written */
	size_t n_nodes;
	size_t n_steps; /* characters and entries looked at to find places
			 * and to join mappings: linear in the octets */
};

void tree_release(struct tree *t);

/*
 * Turns the text of a file into a tree. `file` is what findings call it; it
 * is copied into t->names.
 *
 * Returns the topmost mapping (empty for an empty file), or NULL after a
 * finding that leaves nothing to go on with. Lesser faults (a tag, a key
 * twice) are reported and the tree is still returned.
 */
struct node *node_parse(struct tree *t, const char *file, struct slice text);

/* Nodes that stand in no file: for defaults and for merging. */
struct node *node_scalar(struct tree *t, const char *text,
			 const struct place *at);
struct node *node_map(struct tree *t, const struct node *key,
		      struct node *value);
/* A list or a map with what is in `a`, then what is in `b`. An `a` that came
 * from here itself is added to, so that joining many costs as much as they
 * have; any other stays as it is. */
struct node *node_concat(struct tree *t, const struct node *a,
			 const struct node *b);
/* The node itself for a list, else a list of which it is the one element. */
const struct node *node_as_list(struct tree *t, const struct node *n);

/* The same for as long as `room` lives: a firewall has a hundred thousand
 * lists of one element. */
struct node_one {
	struct node list;
	struct node *item;
};
const struct node *node_as_list_in(struct node_one *room, const struct node *n);

/* The place of `width` octets of a scalar's text; of all of it where the
 * text cannot be found in the file octet by octet. */
struct place node_part(const struct node *n, size_t offset, size_t width);

/* Octets of the key in "port:80", where the space behind the colon that makes
 * it one is missing; 0: it is something else. */
size_t node_key_without_space(struct slice text);

/* "a list"; for "must be a number, not a list". */
const char *node_kind_name(const struct node *n);

/* node_env.c: replaces ${NAME} and ${NAME:-default}; $${ becomes ${. */
void node_expand(struct tree *t, struct node *n);

#endif
