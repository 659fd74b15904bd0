#include "schema.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fail.h"
#include "parse.h"
#include "read.h"

/* NAMES_MAX: keys of one mapping that are compared with names of rows before
 * it is known to be wrong. */
enum { HINTS_MAX = 100, NAMES_MAX = 32 };

/* From malloc. */
static char *sentence_of(const char *format, va_list args)
{
	char *sentence;

	if (vasprintf(&sentence, format, args) < 0)
		fail_no_memory();
	return sentence;
}

void complain(struct reader *r, const struct place *at, const char *hint,
	      const char *format, ...)
{
	va_list args;
	char *sentence;

	va_start(args, format);
	sentence = sentence_of(format, args);
	va_end(args);
	diag_error(r->diag, at, hint, "%s", sentence);
	free(sentence);
}

void aws_refuses(struct reader *r, const struct place *at, const char *format,
		 ...)
{
	va_list args;
	char *sentence;

	va_start(args, format);
	sentence = sentence_of(format, args);
	va_end(args);
	complain(r, at, NULL, "%s (settings.strict_aws_limits)", sentence);
	free(sentence);
}

void warn(struct reader *r, const struct place *at, const char *hint,
	  const char *format, ...)
{
	va_list args;
	char *sentence;

	va_start(args, format);
	sentence = sentence_of(format, args);
	va_end(args);
	diag_warning(r->diag, at, hint, "%s", sentence);
	free(sentence);
}

const char *first_at(struct reader *r, const struct place *at)
{
	return arena_printf(&r->tree->arena, "first at %s:%u:%u",
			    at->file ? at->file : "?", at->line, at->column);
}

/* -- the word that was meant ----------------------------------------------- */

const char *nearest_hint(struct reader *r, const struct nearest *n)
{
	if (!n->best)
		return NULL;
	return arena_printf(&r->tree->arena, "did you mean \"%s\"?", n->best);
}

/* -- which row is meant ---------------------------------------------------- */

/* Name of a key, and what a walk through nested mappings has put before it. */
struct path {
	char text[KEY_NAME_MAX + 1];
	size_t n;
};

static bool path_add(struct path *p, struct slice name)
{
	if (p->n + name.n > KEY_NAME_MAX)
		return false;
	memcpy(p->text + p->n, name.p, name.n);
	p->n += name.n;
	p->text[p->n] = '\0';
	return strlen(p->text) == p->n;
}

static const struct key *row_named(const struct key *keys, const char *name)
{
	for (const struct key *k = keys; k->name; k++)
		if (strcmp(k->name, name) == 0)
			return k;
	return NULL;
}

/* The row with a table of its own that the beginning of `name` leads into. */
static const struct key *row_into(const struct key *keys, const char *name)
{
	for (const struct key *k = keys; k->name; k++) {
		size_t n = strlen(k->name);

		if ((k->type->shape & SHAPE_MAP) && !(k->flags & KEY_FREE) &&
		    strncmp(name, k->name, n) == 0 && name[n] == '.')
			return k;
	}
	return NULL;
}

/* Whether rows stand below `name`, as "stickiness." for "stickiness". */
static bool has_rows_below(const struct key *keys, const char *name)
{
	size_t n = strlen(name);

	for (const struct key *k = keys; k->name; k++)
		if (strncmp(k->name, name, n) == 0 && k->name[n] == '.')
			return true;
	return false;
}

static size_t count_dots(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '.';
	return n;
}

/* Compares a name with as many parts of a row as it has itself. */
static const char *near_row(struct reader *r, const struct key *keys,
			    const struct path *before, const char *word)
{
	struct nearest n = nearest_to(word);
	size_t dots = count_dots(word);

	if (r->diag->n_errors > HINTS_MAX)
		return NULL;
	for (const struct key *k = keys; k->name; k++) {
		const char *rest = k->name + before->n;
		size_t skip = dots, end = 0;

		if (strncmp(k->name, before->text, before->n) != 0)
			continue;
		while (rest[end] && (rest[end] != '.' || skip-- > 0))
			end++;
		nearest_try(
			&n,
			arena_slice(&r->tree->arena, slice_make(rest, end)).p);
		if (rest[end])
			nearest_try(&n, rest);
	}
	return nearest_hint(r, &n);
}

static void complain_unknown(struct reader *r, const struct node *key,
			     const struct path *before, const char *what,
			     const struct key *keys)
{
	const char *hint = space_hint(r, key);

	complain(r, &key->at,
		 hint ? hint : near_row(r, keys, before, key->text.p),
		 "unknown key \"%s%s\" in %s", before->text, key->text.p, what);
}

/* -- collecting what was given --------------------------------------------- */

static void give(struct reader *r, const struct key *keys, const struct key *k,
		 const struct node *key, struct node *value,
		 struct given *given)
{
	struct given *g = &given[k - keys];
	bool maps = g->value && g->value->kind == NODE_MAP &&
		    value->kind == NODE_MAP && (k->type->shape & SHAPE_MAP);

	if (!g->value) {
		*g = (struct given){key, value};
	} else if (k->flags & KEY_APPENDS) {
		g->value = node_concat(r->tree, node_as_list(r->tree, g->value),
				       node_as_list(r->tree, value));
	} else if (maps && !(k->flags & KEY_FREE)) {
		g->value = node_concat(r->tree, g->value, value);
	} else {
		complain(r, &key->at, first_at(r, &g->key->at),
			 "\"%s\" is given twice", k->name);
	}
}

/* The part of a key behind a row's name and its dot, as a key of its own. */
static struct node *key_behind(struct reader *r, const struct node *key,
			       size_t skip)
{
	struct node *rest = ARENA_NEW(&r->tree->arena, struct node);

	*rest = *key;
	rest->text = slice_from(key->text, skip);
	rest->at = node_part(key, skip, rest->text.n);
	if (!key->plain)
		rest->exact = false;
	return rest;
}

static void collect(struct reader *r, const struct node *map,
		    const struct path *before, const char *what,
		    const struct key *keys, struct given *given)
{
	for (size_t i = 0; i < map->n; i++) {
		const struct node *key = map->entries[i].key;
		struct node *value = map->entries[i].value;
		struct path path = *before;
		const struct key *k;

		if (key->broken)
			continue;
		if (!path_add(&path, key->text)) {
			complain_unknown(r, key, before, what, keys);
		} else if ((k = row_named(keys, path.text)) != NULL) {
			give(r, keys, k, key, value, given);
		} else if ((k = row_into(keys, path.text)) != NULL) {
			size_t skip = strlen(k->name) + 1 - before->n;

			give(r, keys, k, key,
			     node_map(r->tree, key_behind(r, key, skip), value),
			     given);
		} else if (!has_rows_below(keys, path.text)) {
			complain_unknown(r, key, before, what, keys);
		} else if (value->kind == NODE_MAP) {
			path_add(&path, SLICE("."));
			collect(r, value, &path, what, keys, given);
		} else {
			complain(r, &value->at, NULL,
				 "\"%s\" must be a mapping, not %s", path.text,
				 node_kind_name(value));
		}
	}
}

/* -- reading --------------------------------------------------------------- */

static bool is_nothing(const struct node *v)
{
	return v->kind == NODE_SCALAR && v->plain &&
	       (v->text.n == 0 || slice_eq(v->text, SLICE("~")) ||
		slice_eq(v->text, SLICE("null")));
}

static bool is_known(const struct key *keys, const char *name)
{
	return row_named(keys, name) || row_into(keys, name) ||
	       has_rows_below(keys, name);
}

/* Whether it begins as an element would. */
static bool is_element(const struct key *keys, const struct node *v)
{
	return v->kind == NODE_MAP && v->n > 0 &&
	       is_known(keys, v->entries[0].key->text.p);
}

/* "web: {port: 80}, api: {port: 81}" in place of a list: none of the keys is
 * one, and either the values look like elements or no key is near to one. */
static bool is_by_name(struct reader *r, const struct key *k,
		       const struct node *v)
{
	const unsigned wanted = SHAPE_LIST | SHAPE_MAP;
	struct path nothing = {.n = 0};
	bool elements = true, near = false;

	if (v->kind != NODE_MAP || v->n == 0 || !k->keys ||
	    (k->type->shape & wanted) != wanted || (k->flags & KEY_OR_MAP))
		return false;
	for (size_t i = 0; i < v->n && i < NAMES_MAX; i++) {
		const struct entry *e = &v->entries[i];

		if (is_known(k->keys, e->key->text.p))
			return false;
		elements &= is_element(k->keys, e->value);
		near |= near_row(r, k->keys, &nothing, e->key->text.p) != NULL;
	}
	return elements || (v->n > 1 && !near);
}

static void parse_value(struct reader *r, const struct key *k,
			const struct node *key, const struct node *value,
			void *object)
{
	void *slot = k->offset == NO_SLOT ? NULL : (char *)object + k->offset;
	const char *hint = k->flags & KEY_REQUIRED ? NULL
			   : k->type->shape & SHAPE_LIST
				   ? "write [] for none"
				   : "leave the key out for its default";

	r->key_at = key->at;
	if (value->hash_follows)
		hint = "a text with \"#{...}\" needs quotes";
	if (value->broken)
		return;
	if (is_nothing(value) && !k->refusal)
		complain(r, &key->at, hint, "\"%s\" has no value", k->name);
	else if (is_by_name(r, k, value))
		complain(r, &value->at, "begin each element with \"- \"",
			 "\"%s\" must be a list, not a mapping of names",
			 k->name);
	else
		k->type->parse(r, k, value, slot);
}

void schema_sort(struct reader *r, const struct node *map, const char *what,
		 const struct key *keys, struct given *given)
{
	struct path nothing = {.n = 0};

	collect(r, map, &nothing, what, keys, given);
}

struct node *schema_fallback(struct reader *r, const struct key *k,
			     const struct place *at)
{
	struct node *n = node_scalar(r->tree, k->fallback, at);

	if (strcmp(k->fallback, "{}") == 0)
		n->kind = NODE_MAP;
	else if (strcmp(k->fallback, "[]") == 0)
		n->kind = NODE_LIST;
	return n;
}

void read_mapping(struct reader *r, const struct node *map, const char *what,
		  const struct key *keys, void *object)
{
	struct given given[KEYS_MAX] = {{0}};

	schema_sort(r, map, what, keys, given);
	for (const struct key *k = keys; k->name; k++) {
		const struct given *g = &given[k - keys];

		assert(k - keys < KEYS_MAX);
		if (g->value)
			parse_value(r, k, g->key, g->value, object);
		else if (k->fallback && k->offset != NO_SLOT)
			k->type->parse(r, k, schema_fallback(r, k, &map->at),
				       (char *)object + k->offset);
		else if (k->flags & KEY_REQUIRED)
			complain(r, &map->at, NULL, "%s lacks \"%s\"", what,
				 k->name);
	}
}

const struct key *read_one_key(struct reader *r, const struct node *map,
			       const char *what, const struct key *keys,
			       const struct node **value)
{
	struct given given[KEYS_MAX] = {{0}};
	unsigned before = r->diag->n_errors;
	const struct key *found = NULL;

	if (!want_map(r, what, map))
		return NULL;
	schema_sort(r, map, what, keys, given);
	for (const struct key *k = keys; k->name; k++) {
		const struct given *g = &given[k - keys];

		if (!g->value)
			continue;
		if (found) {
			complain(r, &g->key->at, "begin a new element",
				 "%s has exactly one key", what);
			return NULL;
		}
		if (is_nothing(g->value) && !k->refusal) {
			complain(r, &g->key->at, NULL, "\"%s\" has no value",
				 k->name);
			return NULL;
		}
		found = k;
		*value = g->value;
		r->key_at = g->key->at;
	}
	if (!found && r->diag->n_errors == before)
		complain(r, &map->at, NULL, "%s has no key", what);
	return found;
}
