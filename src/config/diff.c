/* What two configurations differ in, by their objects; config.h has the
 * contract. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fail.h"
#include "base/text.h"
#include "config/target.h"
#include "files.h"
#include "read.h"

/* Lists of objects, and what tells these apart. */
static const struct kind {
	const char *list;   /* the row that holds them */
	const char *object; /* what one of them is called */
	const char *by;
} kinds[] = {
	{"load_balancers", "load_balancer", "name"},
	{"listeners", "listener", "port"},
	{"rules", "rule", "priority"},
	{"target_groups", "target_group", "name"},
	{"targets", "target", "id"},
	{"security_groups", "security_group", "name"},
	{"prefix_lists", "prefix_list", "name"},
	{"instances", "instance", "name"},
	{"subnets", "subnet", "name"},
	{"network_acls", "network_acl", "name"},
};

struct differ {
	struct reader *r; /* of both trees: for scratch */
	struct config_changes *out;
};

/* Where in the configuration we are. */
struct spot {
	const char *object; /* "listener web:443" */
	const char *owner;  /* "web:443": what objects inside are named by */
	const char *prefix; /* "health_check."; "" at the top of an object */
};

static void compare_maps(struct differ *d, const struct spot *s,
			 const struct key *keys, const struct node *file,
			 const struct node *now);

/* -- values as one line ---------------------------------------------------- */

static void flow(struct differ *d, struct text *out, const struct key *k,
		 const struct node *v);

static void flow_text(struct text *out, struct slice s)
{
	bool plain = s.n > 0;

	for (size_t i = 0; i < s.n; i++)
		plain &= s.p[i] > ' ' && !strchr("\"\\,[]{}", s.p[i]);
	if (plain) {
		text_add(out, s);
		return;
	}
	text_addc(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < ' ')
			text_addf(out, "\\x%02x", c);
		else if (c == '"' || c == '\\')
			text_addf(out, "\\%c", c);
		else
			text_addc(out, (char)c);
	}
	text_addc(out, '"');
}

static void flow_map(struct differ *d, struct text *out, const struct key *keys,
		     const struct node *map)
{
	struct given given[KEYS_MAX] = {{0}};
	const char *between = "";

	text_addc(out, '{');
	if (keys)
		schema_sort(d->r, map, "", keys, given);
	for (const struct key *k = keys; k && k->name; k++) {
		if (!given[k - keys].value)
			continue;
		text_addf(out, "%s%s: ", between, k->name);
		flow(d, out, k, given[k - keys].value);
		between = ", ";
	}
	for (size_t i = 0; !keys && i < map->n; i++) {
		text_add(out, slice_of(between));
		flow_text(out, map->entries[i].key->text);
		text_add(out, SLICE(": "));
		flow(d, out, NULL, map->entries[i].value);
		between = ", ";
	}
	text_addc(out, '}');
}

/* One element may stand without its brackets, so it always does. */
static void flow(struct differ *d, struct text *out, const struct key *k,
		 const struct node *v)
{
	if (v->kind == NODE_SCALAR) {
		flow_text(out, k && k->flags & KEY_SECRET ? SLICE("********")
							  : v->text);
	} else if (v->kind == NODE_MAP) {
		flow_map(d, out, k ? k->keys : NULL, v);
	} else {
		if (v->n != 1)
			text_addc(out, '[');
		for (size_t i = 0; i < v->n; i++) {
			if (i)
				text_add(out, SLICE(", "));
			flow(d, out, k, v->items[i]);
		}
		if (v->n != 1)
			text_addc(out, ']');
	}
}

/* -- changes --------------------------------------------------------------- */

static char *flow_or_null(struct differ *d, const struct key *k,
			  const struct node *v)
{
	struct text text = {0};
	char *line;

	if (!v)
		return NULL;
	flow(d, &text, k, v);
	line = xstrdup(text_str(&text));
	text_release(&text);
	return line;
}

static void add(struct differ *d, enum config_change_kind kind,
		const struct spot *s, const char *name, char *file_take,
		char *now_take, const struct node *at)
{
	struct config_changes *c = d->out;

	if (c->n == CONFIG_CHANGES_MAX) {
		c->n_left_out++;
		free(file_take);
		free(now_take);
		return;
	}
	if (c->n % 64 == 0)
		c->rows = xrealloc(c->rows, (c->n + 64) * sizeof(*c->rows));
	c->rows[c->n++] = (struct config_change){
		.kind = kind,
		.object = xstrdup(s->object),
		.key = name ? xasprintf("%s%s", s->prefix, name) : NULL,
		.file = file_take,
		.now = now_take,
		.place = xasprintf("%s:%u", at->at.file, at->at.line),
	};
}

void config_changes_release(struct config_changes *changes)
{
	for (size_t i = 0; i < changes->n; i++) {
		free(changes->rows[i].object);
		free(changes->rows[i].key);
		free(changes->rows[i].file);
		free(changes->rows[i].now);
		free(changes->rows[i].place);
	}
	free(changes->rows);
	*changes = (struct config_changes){0};
}

/* Secrets are compared as they are, and shown as they may be. */
static bool is_secret_changed(const struct key *k, const struct node *file,
			      const struct node *now)
{
	return k->flags & KEY_SECRET && file && now &&
	       !slice_eq(file->text, now->text);
}

static void compare_values(struct differ *d, const struct spot *s,
			   const struct key *k, const struct node *file,
			   const struct node *now)
{
	char *one = flow_or_null(d, k, file), *other = flow_or_null(d, k, now);

	if ((one && other && strcmp(one, other) == 0 &&
	     !is_secret_changed(k, file, now)) ||
	    (!one && !other)) {
		free(one);
		free(other);
		return;
	}
	add(d,
	    !other ? CONFIG_ADDED
	    : one  ? CONFIG_CHANGED
		   : CONFIG_REMOVED,
	    s, k->name, one, other, file ? file : now);
}

/* -- objects --------------------------------------------------------------- */

static const struct kind *kind_of(const struct key *k)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (k->keys && strcmp(kinds[i].list, k->name) == 0)
			return &kinds[i];
	return NULL;
}

static struct slice text_of(const struct node *map, const char *name)
{
	for (size_t i = 0; i < map->n; i++)
		if (slice_eq(map->entries[i].key->text, slice_of(name)) &&
		    map->entries[i].value->kind == NODE_SCALAR)
			return map->entries[i].value->text;
	return SLICE("");
}

/* "10.0.0.1:80" as the mapping that it stands for. */
static const struct node *whole_target(struct tree *t, const struct node *v)
{
	struct slice id = v->text;
	struct node *map, *value;
	uint16_t port = 0;

	if (v->kind != NODE_SCALAR || !target_cut_port(&id, &port))
		return v;
	value = node_scalar(t, arena_slice(&t->arena, id).p, &v->at);
	map = node_map(t, node_scalar(t, "id", &v->at), value);
	if (port == 0)
		return map;
	map->entries = ARENA_ARRAY(&t->arena, 2, struct entry);
	map->entries[0] = (struct entry){node_scalar(t, "id", &v->at), value};
	map->entries[1] = (struct entry){
		node_scalar(t, "port", &v->at),
		node_scalar(t, arena_printf(&t->arena, "%u", port), &v->at)};
	map->n = 2;
	return map;
}

/* "web:443" for a listener of "web". */
static const char *object_name(struct differ *d, const struct spot *s,
			       const struct kind *kind, const struct node *map)
{
	struct arena *scratch = &d->r->tree->arena;
	struct slice by = text_of(map, kind->by);

	if (strcmp(kind->by, "port") == 0)
		return arena_printf(
			scratch, "%s:%.*s%s", s->owner, SLICE_ARG(by),
			slice_eq(text_of(map, "protocol"), SLICE("UDP"))
				? "/UDP"
				: "");
	if (strcmp(kind->by, "id") == 0) {
		struct slice port = text_of(map, "port");

		return arena_printf(scratch, "%s %.*s%s%.*s", s->owner,
				    SLICE_ARG(by), port.n ? ":" : "",
				    SLICE_ARG(port));
	}
	if (strcmp(kind->by, "priority") == 0)
		return arena_printf(scratch, "%s %.*s", s->owner,
				    SLICE_ARG(by));
	return arena_slice(scratch, by).p;
}

static struct spot spot_of(struct differ *d, const struct kind *kind,
			   const char *name)
{
	return (struct spot){
		.object = arena_printf(&d->r->tree->arena, "%s %s",
				       kind->object, name),
		.owner = name,
		.prefix = "",
	};
}

static void compare_objects(struct differ *d, const struct spot *s,
			    const struct key *k, const struct kind *kind,
			    const struct node *file, const struct node *now)
{
	struct tree *t = d->r->tree;
	const struct node empty = {.kind = NODE_LIST};
	const struct node *f = file ? node_as_list(t, file) : &empty;
	const struct node *n = now ? node_as_list(t, now) : &empty;
	struct map old = {0};

	for (size_t i = 0; i < n->n; i++) {
		const struct node *one = whole_target(t, n->items[i]);

		map_put(&old, slice_of(object_name(d, s, kind, one)),
			(void *)(uintptr_t)one);
	}
	for (size_t i = 0; i < f->n; i++) {
		const struct node *one = whole_target(t, f->items[i]);
		const char *name = object_name(d, s, kind, one);
		struct spot in = spot_of(d, kind, name);
		const struct node *was = map_remove(&old, slice_of(name));

		if (was)
			compare_maps(d, &in, k->keys, one, was);
		else
			add(d, CONFIG_ADDED, &in, NULL, NULL, NULL, one);
	}
	for (size_t i = 0; i < n->n; i++) {
		const struct node *one = whole_target(t, n->items[i]);
		const char *name = object_name(d, s, kind, one);
		struct spot in = spot_of(d, kind, name);

		if (map_remove(&old, slice_of(name)))
			add(d, CONFIG_REMOVED, &in, NULL, NULL, NULL, one);
	}
	map_release(&old);
}

static bool is_map(const struct key *k, const struct node *v)
{
	return k->keys && !(k->type->shape & SHAPE_LIST) && v &&
	       v->kind == NODE_MAP;
}

static void compare_row(struct differ *d, const struct spot *s,
			const struct key *k, const struct node *file,
			const struct node *now)
{
	const struct kind *kind = kind_of(k);
	struct spot in = *s;

	if (kind) {
		compare_objects(d, s, k, kind, file, now);
	} else if (is_map(k, file) && is_map(k, now)) {
		if (*s->object)
			in.prefix = arena_printf(&d->r->tree->arena, "%s%s.",
						 s->prefix, k->name);
		else
			in.object = k->name;
		compare_maps(d, &in, k->keys, file, now);
	} else {
		if (!*s->object)
			in.object = k->name;
		compare_values(d, &in, k, file, now);
	}
}

static void compare_maps(struct differ *d, const struct spot *s,
			 const struct key *keys, const struct node *file,
			 const struct node *now)
{
	struct given *f = xcalloc(KEYS_MAX, sizeof(*f));
	struct given *n = xcalloc(KEYS_MAX, sizeof(*n));

	schema_sort(d->r, file, "", keys, f);
	schema_sort(d->r, now, "", keys, n);
	for (const struct key *k = keys; k->name; k++) {
		const struct node *one = f[k - keys].value;
		const struct node *other = n[k - keys].value;

		if ((!one && !other) || k->flags & KEY_HIDDEN)
			continue;
		if (!one && k->fallback)
			one = schema_fallback(d->r, k, &file->at);
		if (!other && k->fallback)
			other = schema_fallback(d->r, k, &now->at);
		compare_row(d, s, k, one, other);
	}
	free(f);
	free(n);
}

/* -- the whole ------------------------------------------------------------- */

void config_diff(const struct config_texts *file,
		 const struct config_texts *now, struct config_changes *out)
{
	static const struct config_options plain = {0};
	struct snapshot *scratch = snapshot_new();
	struct diag ignored = {0};
	struct tree tree = {.names = &scratch->arena, .diag = &ignored};
	struct reader r = {
		.snap = scratch,
		.arena = &scratch->arena,
		.tree = &tree,
		.diag = &ignored,
		.options = &plain,
	};
	struct differ d = {&r, out};
	const struct spot top = {.object = "", .owner = "", .prefix = ""};
	const struct node *one = files_join(&tree, scratch, file);
	const struct node *other = files_join(&tree, scratch, now);

	*out = (struct config_changes){0};
	if (one && other)
		compare_maps(&d, &top, root_keys, one, other);
	tree_release(&tree);
	diag_release(&ignored);
	snapshot_unref(scratch);
}
