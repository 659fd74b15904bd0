/* The configuration as it is in force, in the words of the language: what is
 * written here can be read again and means the same. */
#include <stdlib.h>
#include <unistd.h>

#include "base/fail.h"
#include "read.h"

struct printer {
	struct reader *r;
	FILE *to;
	bool dash;       /* the next line begins an element of a list */
	bool as_written; /* without defaults, nothing masked, ${NAME} stays */
};

static void print_map(struct printer *p, const struct node *map,
		      const struct key *keys, int indent);
static void print_any(struct printer *p, const struct node *v, int indent);

/* -- scalars --------------------------------------------------------------- */

static bool is_plain(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!(ascii_is_digit(c) || strchr("._/-", c) ||
		      (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z')) ||
		    c == '\0')
			return false;
	}
	return s.n && s.p[0] != '-' && s.p[0] != '.' &&
	       !slice_eq(s, SLICE("null"));
}

/* These end a line in YAML although no editor shows them so. */
static size_t print_line_end(FILE *to, struct slice rest)
{
	static const struct {
		struct slice octets;
		const char *escape;
	} ends[] = {
		{SLICE_INIT("\xc2\x85"), "\\N"},
		{SLICE_INIT("\xe2\x80\xa8"), "\\L"},
		{SLICE_INIT("\xe2\x80\xa9"), "\\P"},
	};

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		if (!slice_starts(rest, ends[i].octets))
			continue;
		fputs(ends[i].escape, to);
		return ends[i].octets.n;
	}
	return 0;
}

static void print_scalar(const struct printer *p, struct slice s)
{
	FILE *to = p->to;
	size_t skip;

	if (is_plain(s)) {
		fprintf(to, "%.*s", SLICE_ARG(s));
		return;
	}
	fputc('"', to);
	for (size_t i = 0; i < s.n; i++) {
		struct slice rest = slice_from(s, i);
		unsigned char c = (unsigned char)s.p[i];

		skip = print_line_end(to, rest);
		if (skip)
			i += skip - 1;
		else if (c < ' ' || c == 0x7f)
			fprintf(to, "\\x%02x", c);
		else if (c == '"' || c == '\\')
			fprintf(to, "\\%c", c);
		else if (!p->as_written && slice_starts(rest, SLICE("${")))
			fputs("$$", to);
		else
			fputc(c, to);
	}
	fputc('"', to);
}

/* A file where it can be read again, whoever reads this and from where. */
static struct slice whole_path(struct printer *p, const struct node *v)
{
	struct arena *scratch = &p->r->tree->arena;
	struct slice path;
	char *here;

	if (p->as_written && slice_starts(v->text, SLICE("${")))
		return v->text;
	path = resolve_path(scratch, v);
	here = slice_starts(path, SLICE("/")) ? NULL : getcwd(NULL, 0);
	if (here)
		path = slice_of(arena_printf(scratch, "%s/%.*s", here,
					     SLICE_ARG(path)));
	free(here);
	return path;
}

static bool is_path(const struct key *k)
{
	return k && (k->type == &type_path || k->flags & KEY_PATH);
}

/* -- lines ----------------------------------------------------------------- */

static void begin_line(struct printer *p, int indent)
{
	if (p->dash)
		fprintf(p->to, "%*s- ", indent - 2, "");
	else
		fprintf(p->to, "%*s", indent, "");
	p->dash = false;
}

static void print_items(struct printer *p, const struct key *k,
			const struct node *v, int indent)
{
	const struct node *list = node_as_list(p->r->tree, v);

	if (list->n == 0) {
		fputs(" []\n", p->to);
		return;
	}
	fputc('\n', p->to);
	for (size_t i = 0; i < list->n; i++) {
		const struct node *one = list->items[i];

		p->dash = true;
		if (one->kind == NODE_MAP && k && k->keys) {
			print_map(p, one, k->keys, indent + 4);
		} else if (one->kind == NODE_MAP) {
			print_any(p, one, indent + 4);
		} else {
			begin_line(p, indent + 4);
			print_scalar(p, is_path(k) ? whole_path(p, one)
						   : one->text);
			fputc('\n', p->to);
		}
	}
}

/* A value without a table. */
static void print_any(struct printer *p, const struct node *v, int indent)
{
	for (size_t i = 0; i < v->n; i++) {
		const struct node *value = v->entries[i].value;

		begin_line(p, indent);
		print_scalar(p, v->entries[i].key->text);
		fputc(':', p->to);
		if (value->kind == NODE_SCALAR) {
			fputc(' ', p->to);
			print_scalar(p, value->text);
			fputc('\n', p->to);
		} else if (value->kind == NODE_LIST) {
			print_items(p, NULL, value, indent);
		} else {
			fputc('\n', p->to);
			print_any(p, value, indent + 2);
		}
	}
}

static void print_value(struct printer *p, const struct key *k,
			const struct node *v, int indent)
{
	struct slice text = v->text;
	bool is_list = k->type->shape & SHAPE_LIST;

	/* A mapping may stand for its list as well as be another form. */
	if (v->kind == NODE_LIST ||
	    (is_list && v->kind == NODE_MAP && !(k->flags & KEY_OR_MAP))) {
		print_items(p, k, v, indent);
	} else if (v->kind == NODE_MAP) {
		fputc('\n', p->to);
		if (k->keys)
			print_map(p, v, k->keys, indent + 2);
		else
			print_any(p, v, indent + 2);
	} else {
		if (is_path(k) && v->text.n)
			text = whole_path(p, v);
		fputc(' ', p->to);
		print_scalar(p, k->flags & KEY_SECRET && !p->as_written
					? SLICE("********")
					: text);
		fputc('\n', p->to);
	}
}

/* The rows that hold inside of one key, as its neighbours have it. */
static const struct key *rows_inside(const struct key *k,
				     const struct key *keys,
				     const struct given *given)
{
	const struct key_variant *variant = k->variant;
	const struct node *other = NULL;

	if (!variant)
		return k->keys;
	for (size_t i = 0; keys[i].name; i++)
		if (strcmp(keys[i].name, variant->key) == 0)
			other = given[i].value;
	return other && slice_eq(other->text, slice_of(variant->word))
		       ? variant->keys
		       : k->keys;
}

static void print_map(struct printer *p, const struct node *map,
		      const struct key *keys, int indent)
{
	struct given given[KEYS_MAX] = {{0}};

	schema_sort(p->r, map, "", keys, given);
	for (const struct key *k = keys; k->name; k++) {
		const struct node *v = given[k - keys].value;
		struct key row = *k;

		/* Where one value alone is possible it is only worth a line
		 * to the one who wrote it. */
		if (k->type == &type_not_built || k->type == &type_refused ||
		    (k->flags & KEY_HIDDEN) || (!v && k->type == &type_only) ||
		    (!v && !k->fallback && !k->absent) || (!v && p->as_written))
			continue;
		begin_line(p, indent);
		if (!v && !k->fallback) {
			fprintf(p->to, "# %s: %s\n", k->name, k->absent);
			continue;
		}
		fprintf(p->to, "%s:", k->name);
		row.keys = rows_inside(k, keys, given);
		print_value(p, &row, v ? v : schema_fallback(p->r, k, &map->at),
			    indent);
	}
}

void print_config(struct reader *r, const struct node *root, FILE *to)
{
	struct printer p = {.r = r, .to = to};

	print_map(&p, root, root_keys, 0);
}

void print_as_written(struct reader *r, const struct node *root, FILE *to)
{
	struct printer p = {.r = r, .to = to, .as_written = true};

	print_map(&p, root, root_keys, 0);
}
