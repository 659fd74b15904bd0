/* The configuration in force as one file; config.h has the contract. */
#include <stdarg.h>
#include <stdlib.h>

#include "base/fail.h"
#include "files.h"
#include "model/state.h"
#include "read.h"

/* Of a mapping; NULL: it has no such key. */
static struct entry *find_entry(const struct node *map, struct slice name)
{
	for (size_t i = 0; i < map->n; i++)
		if (slice_eq(map->entries[i].key->text, name))
			return &map->entries[i];
	return NULL;
}

static void add_entry(struct tree *t, struct node *map, const char *name,
		      struct node *value)
{
	struct entry *entries =
		ARENA_ARRAY(&t->arena, map->n + 1, struct entry);

	for (size_t i = 0; i < map->n; i++)
		entries[i] = map->entries[i];
	entries[map->n] = (struct entry){node_scalar(t, name, &map->at), value};
	map->entries = entries;
	map->n++;
	map->n_room = 0;
}

static struct node *scalar(struct tree *t, const struct place *at,
			   const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static struct node *scalar(struct tree *t, const struct place *at,
			   const char *format, ...)
{
	va_list args;
	struct node *n;
	char *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		fail_no_memory();
	va_end(args);
	n = node_scalar(t, text, at);
	free(text);
	return n;
}

/* A text of run time, in which "${" means itself. */
static struct node *literal(struct tree *t, const struct place *at,
			    struct slice s)
{
	char *room = arena_alloc(&t->arena, 2 * s.n + 1), *to = room;

	for (size_t i = 0; i < s.n; i++) {
		if (slice_starts(slice_from(s, i), SLICE("${")))
			*to++ = '$';
		*to++ = s.p[i];
	}
	return node_scalar(t, room, at);
}

static struct node *target_node(struct tree *t, const struct place *at,
				const struct target *target)
{
	struct node *map = node_map(t, node_scalar(t, "id", at),
				    literal(t, at, target->id));

	if (target->kind != TARGET_UNIX)
		add_entry(t, map, "port", scalar(t, at, "%u", target->port));
	if (target->weight != 1)
		add_entry(t, map, "weight",
			  scalar(t, at, "%u", target->weight));
	if (!slice_eq(target->zone, SLICE("all")))
		add_entry(t, map, "availability_zone",
			  literal(t, at, target->zone));
	if (target->backup)
		add_entry(t, map, "backup", scalar(t, at, "true"));
	return map;
}

static void say_drained(FILE *to, const struct target_group *g,
			const struct target *t)
{
	fprintf(to,
		"# drained at run time, which a file cannot say: %.*s "
		"%.*s",
		SLICE_ARG(g->name), SLICE_ARG(t->id));
	if (t->port)
		fprintf(to, " port %u", t->port);
	fputc('\n', to);
}

/* The file's own elements stand in the order of the group's targets. */
static void lay_group(struct tree *t, struct node *map,
		      const struct target_group *g, FILE *to)
{
	struct entry *entry = find_entry(map, SLICE("targets"));
	const struct node *old = entry ? node_as_list(t, entry->value) : NULL;
	struct node *list = ARENA_NEW(&t->arena, struct node);
	size_t n;
	const struct target *targets = group_targets(g, &n);

	if (targets == g->targets || (old ? old->n : 0) != g->n_targets)
		return;
	*list = (struct node){.kind = NODE_LIST, .at = map->at};
	list->items = ARENA_ARRAY(&t->arena, n, struct node *);
	for (size_t i = 0; i < n; i++) {
		if (targets[i].laid == LAID_DEREGISTERED)
			continue;
		if (targets[i].laid == LAID_DRAINED)
			say_drained(to, g, &targets[i]);
		list->items[list->n++] =
			i < g->n_targets && targets[i].laid != LAID_REGISTERED
				? old->items[i]
				: target_node(t, &map->at, &targets[i]);
	}
	if (entry)
		entry->value = list;
	else
		add_entry(t, map, "targets", list);
}

/* Those of all files stand in the order of the snapshot's. */
static void lay_groups(struct tree *t, const struct node *root,
		       const struct snapshot *snap, FILE *to)
{
	size_t at = 0;

	for (size_t i = 0; i < root->n; i++) {
		const struct node *list;

		if (!slice_eq(root->entries[i].key->text,
			      SLICE("target_groups")))
			continue;
		list = node_as_list(t, root->entries[i].value);
		if (list != root->entries[i].value)
			root->entries[i].value = (struct node *)(uintptr_t)list;
		for (size_t k = 0; k < list->n && at < snap->n_groups; k++)
			if (list->items[k]->kind == NODE_MAP)
				lay_group(t, list->items[k],
					  &snap->groups[at++], to);
	}
}

char *config_export(const struct config_texts *texts,
		    const struct snapshot *snap)
{
	static const struct config_options plain = {0};
	struct snapshot *scratch = snapshot_new();
	struct diag ignored = {0};
	struct tree tree = {
		.names = &scratch->arena, .diag = &ignored, .literal = true};
	struct reader r = {
		.snap = scratch,
		.arena = &scratch->arena,
		.tree = &tree,
		.diag = &ignored,
		.options = &plain,
	};
	const struct node *root = files_join(&tree, scratch, texts);
	char *text = NULL;
	size_t n;
	FILE *to = root ? open_memstream(&text, &n) : NULL;

	if (to) {
		lay_groups(&tree, root, snap, to);
		print_as_written(&r, root, to);
		if (fclose(to))
			fail_no_memory();
	}
	tree_release(&tree);
	diag_release(&ignored);
	snapshot_unref(scratch);
	return text;
}
