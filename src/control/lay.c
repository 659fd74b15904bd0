#include "lay.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/fail.h"
#include "base/log.h"
#include "base/map.h"
#include "config/target.h"
#include "model/state.h"
#include "runtime.h"
#include "status.h"

const char *laid_name(enum laid laid)
{
	switch (laid) {
	case LAID_NOT:
		break;
	case LAID_REGISTERED:
		return "registered";
	case LAID_DRAINED:
		return "drained";
	case LAID_DEREGISTERED:
		return "deregistered";
	}
	return "";
}

json_t *lay_name(const struct target *t)
{
	if (t->kind == TARGET_UNIX)
		return status_text(t->id);
	return json_sprintf(slice_find(t->id, ':') < t->id.n ? "[%.*s]:%u"
							     : "%.*s:%u",
			    SLICE_ARG(t->id), t->port);
}

struct slice lay_key(char room[LAY_KEY_MAX], struct slice id, uint16_t port)
{
	char ip[ADDR_TEXT_MAX];
	struct addr addr;
	int n;

	if (addr_parse_ip(id, port, &addr))
		id = slice_make(ip, addr_format_ip(&addr, ip));
	n = snprintf(room, LAY_KEY_MAX, "%.*s %u",
		     (int)(id.n < 300 ? id.n : 300), id.p, port);
	for (int i = 0; i < n && !slice_starts(id, SLICE("unix:")); i++)
		room[i] = ascii_lower(room[i]);
	return slice_make(room, (size_t)n);
}

/* -- one group ------------------------------------------------------------- */

/* A group while it is laid over. */
struct laying {
	const struct target_group *g;
	struct laid_targets *laid;
	struct map by_key; /* -> its place among the targets, plus one */
	struct target_reader *reader;
	struct diag *diag; /* of the reader */
	struct diag *warn; /* gets what is left out */
};

static void note_key(struct laying *l, size_t at)
{
	const struct target *t = &l->laid->targets[at];
	char room[LAY_KEY_MAX];
	struct slice key = lay_key(room, t->id, t->port);

	map_put(&l->by_key, arena_slice(&l->laid->arena, key),
		(void *)(at + 1));
}

/* SIZE_MAX: there is none. */
static size_t place_of(const struct laying *l, struct slice id, uint16_t port)
{
	char room[LAY_KEY_MAX];
	void *at = map_get(&l->by_key, lay_key(room, id, port));

	return at ? (size_t)at - 1 : SIZE_MAX;
}

static struct slice id_of(const json_t *entry)
{
	return slice_of(json_string_value(json_object_get(entry, "id")));
}

static uint16_t port_of(const json_t *entry)
{
	return (uint16_t)json_integer_value(json_object_get(entry, "port"));
}

/* A number of an entry as a user writes it, or else that of the file. */
static struct slice number_of(const json_t *entry, const char *key,
			      char room[24], bool has_other, uint32_t other)
{
	const json_t *n = json_object_get(entry, key);
	int length = 0;

	if (n)
		length = snprintf(room, 24, "%lld",
				  (long long)json_integer_value(n));
	else if (has_other)
		length = snprintf(room, 24, "%u", other);
	return slice_make(room, (size_t)length);
}

/* What an entry leaves open is as the file has it. */
static bool read_entry(struct laying *l, const json_t *entry,
		       const struct target *was, struct target *out)
{
	const json_t *zone = json_object_get(entry, "zone");
	const json_t *backup = json_object_get(entry, "backup");
	bool is_backup = backup ? json_is_true(backup) : was && was->backup;
	char port[24], weight[24];
	struct target_words words = {
		.from = "overlay",
		.id = id_of(entry),
		.port = number_of(entry, "port", port, false, 0),
		.weight = number_of(entry, "weight", weight, was != NULL,
				    was ? was->weight : 0),
		.zone = zone  ? slice_of(json_string_value(zone))
			: was ? was->zone
			      : SLICE(""),
		.backup = is_backup ? SLICE("true") : SLICE("false"),
	};

	return target_read(l->reader, l->g, &words, &l->laid->arena, out);
}

static void warn_left_out(struct laying *l, const json_t *entry)
{
	const char *why = l->diag->n_findings ? l->diag->findings[0].sentence
					      : "it cannot be read";

	diag_warning(l->warn, NULL, NULL,
		     "the target \"%.*s\", which was registered at run time in "
		     "\"%.*s\", is left out: %s",
		     SLICE_ARG(id_of(entry)), SLICE_ARG(l->g->name), why);
	diag_release(l->diag);
}

static void lay_registered(struct laying *l, const json_t *entries)
{
	const json_t *entry;
	size_t i;

	json_array_foreach (entries, i, entry) {
		size_t at = place_of(l, id_of(entry), port_of(entry));
		struct target *old = at == SIZE_MAX ? NULL
						    : &l->laid->targets[at];
		struct target t;

		if (!read_entry(l, entry, old, &t)) {
			warn_left_out(l, entry);
			continue;
		}
		t.laid = LAID_REGISTERED;
		if (!old)
			at = l->laid->n++;
		else
			t.place = old->place;
		l->laid->targets[at] = t;
		if (!old)
			note_key(l, at);
	}
}

static void lay_mark(struct laying *l, const json_t *entries, enum laid laid)
{
	const json_t *entry;
	size_t i;

	json_array_foreach (entries, i, entry) {
		size_t at = place_of(l, id_of(entry), port_of(entry));

		if (at != SIZE_MAX)
			l->laid->targets[at].laid = laid;
	}
}

static void lay_group(struct target_group *g, struct target_reader *reader,
		      struct diag *scratch, const json_t *doc,
		      struct diag *warn)
{
	char name[64];
	const json_t *lists[RUNTIME_LISTS];
	struct laying l = {
		.g = g, .reader = reader, .diag = scratch, .warn = warn};
	size_t n = 0;

	snprintf(name, sizeof(name), "%.*s", SLICE_ARG(g->name));
	for (int i = 0; i < RUNTIME_LISTS; i++) {
		lists[i] = runtime_entries(doc, name, (enum runtime_list)i);
		n += json_array_size(lists[i]);
	}
	if (n == 0) {
		group_state_lay(g->state, NULL);
		return;
	}
	l.laid = xcalloc(1, sizeof(*l.laid));
	l.laid->n = g->n_targets;
	l.laid->targets =
		ARENA_ARRAY(&l.laid->arena, g->n_targets + n, struct target);
	for (size_t i = 0; i < g->n_targets; i++) {
		l.laid->targets[i] = g->targets[i];
		note_key(&l, i);
	}
	lay_registered(&l, lists[RUNTIME_REGISTERED]);
	lay_mark(&l, lists[RUNTIME_DRAINED], LAID_DRAINED);
	lay_mark(&l, lists[RUNTIME_DEREGISTERED], LAID_DEREGISTERED);
	map_release(&l.by_key);
	group_state_lay(g->state, l.laid);
}

void lay_over_group(struct snapshot *snap, struct target_group *g,
		    const json_t *doc, struct diag *diag)
{
	struct diag scratch = {0};
	struct target_reader *reader = target_reader_new(snap, &scratch);

	lay_group(g, reader, &scratch, doc, diag);
	target_reader_free(reader);
	diag_release(&scratch);
}

void lay_over(struct snapshot *snap, const json_t *doc, struct diag *diag)
{
	struct diag scratch = {0};
	struct target_reader *reader = target_reader_new(snap, &scratch);

	for (size_t i = 0; i < snap->n_groups; i++)
		lay_group(&snap->groups[i], reader, &scratch, doc, diag);
	target_reader_free(reader);
	diag_release(&scratch);
}

/* -- what the file has caught up with -------------------------------------- */

/* A target of the file by id and port, the map made once for a group. */
static void map_group(struct map *by_key, struct arena *arena,
		      const struct target_group *g)
{
	for (size_t i = 0; i < g->n_targets; i++) {
		char room[LAY_KEY_MAX];
		struct slice key =
			lay_key(room, g->targets[i].id, g->targets[i].port);

		map_put(by_key, arena_slice(arena, key),
			(void *)(uintptr_t)&g->targets[i]);
	}
}

static bool is_said(const json_t *entry, const struct target *t)
{
	const json_t *weight = json_object_get(entry, "weight");
	const json_t *zone = json_object_get(entry, "zone");
	const json_t *backup = json_object_get(entry, "backup");

	return (!weight || json_integer_value(weight) == t->weight) &&
	       (!zone ||
		slice_eq(slice_of(json_string_value(zone)), t->zone)) &&
	       (!backup || json_is_true(backup) == t->backup);
}

static void say_dropped(const char *group, enum runtime_list list,
			const json_t *entry)
{
	struct log_line l;

	log_begin(&l, LOG_INFO,
		  "the file now says what was changed at run time");
	log_str(&l, "target_group", group);
	log_slice(&l, "target", id_of(entry));
	log_num(&l, "port", port_of(entry));
	log_str(&l, "change", runtime_list_name(list));
	log_end(&l);
}

/* Of targets that stay in force, which of them the overlay registered. */
static bool is_moot(enum runtime_list list, const json_t *entry,
		    const struct target *t, const json_t *doc,
		    const char *group)
{
	switch (list) {
	case RUNTIME_REGISTERED:
		return t && is_said(entry, t);
	case RUNTIME_DEREGISTERED:
		return !t;
	case RUNTIME_DRAINED:
		return !t && !runtime_find(doc, group, RUNTIME_REGISTERED,
					   id_of(entry), port_of(entry));
	case RUNTIME_LISTS:
		break;
	}
	return false;
}

static bool prune_list(json_t *doc, const char *group, json_t *all,
		       enum runtime_list list, const struct map *by_key)
{
	bool any = false;

	for (size_t i = json_array_size(all); i-- > 0;) {
		json_t *entry = json_array_get(all, i);
		char room[LAY_KEY_MAX];
		const struct target *t = map_get(
			by_key, lay_key(room, id_of(entry), port_of(entry)));

		if (!is_moot(list, entry, t, doc, group))
			continue;
		say_dropped(group, list, entry);
		json_array_remove(all, i);
		any = true;
	}
	return any;
}

static bool prune_group(json_t *doc, const char *name, json_t *its,
			const struct target_group *g)
{
	struct map by_key = {0};
	struct arena arena = {0};
	bool any = false;

	map_group(&by_key, &arena, g);
	/* What is registered goes last: what is drained may need it. */
	for (int i = RUNTIME_LISTS; i-- > 0;) {
		const char *list = runtime_list_name((enum runtime_list)i);
		json_t *all = json_object_get(its, list);

		any |= prune_list(doc, name, all, (enum runtime_list)i,
				  &by_key);
		if (all && json_array_size(all) == 0)
			json_object_del(its, list);
	}
	map_release(&by_key);
	arena_release(&arena);
	return any;
}

bool lay_prune(json_t *doc, const struct snapshot *snap, struct diag *diag)
{
	json_t *groups = json_object_get(doc, "target_groups"), *its;
	const char *name;
	bool any = false;
	void *next;

	json_object_foreach_safe(groups, next, name, its)
	{
		const struct target_group *g =
			snapshot_find_group(snap, slice_of(name));

		if (g) {
			any |= prune_group(doc, name, its, g);
		} else {
			diag_warning(diag, NULL, NULL,
				     "what was changed at run time in the "
				     "target group \"%s\" is dropped: the file "
				     "has no such group",
				     name);
			any = true;
		}
		if (!g || json_object_size(its) == 0)
			json_object_del(groups, name);
	}
	return any;
}

/* -- differences ----------------------------------------------------------- */

static json_t *describe(const struct target *t)
{
	return json_sprintf("weight %u, zone %.*s%s", t->weight,
			    SLICE_ARG(t->zone), t->backup ? ", backup" : "");
}

static json_t *difference(const struct target_group *g, const struct target *t,
			  const struct target *file)
{
	json_t *o = json_object(), *its = describe(t);

	json_object_set_new(o, "target_group", status_text(g->name));
	json_object_set_new(o, "target", lay_name(t));
	json_object_set_new(o, "file",
			    file ? describe(file) : json_string("absent"));
	json_object_set_new(
		o, "now",
		t->laid == LAID_REGISTERED
			? json_sprintf("registered, %s", json_string_value(its))
			: json_string(laid_name(t->laid)));
	json_decref(its);
	return o;
}

json_t *lay_differences(const struct snapshot *snap)
{
	json_t *list = json_array();

	for (size_t i = 0; i < snap->n_groups; i++) {
		const struct target_group *g = &snap->groups[i];
		size_t n;
		const struct target *t = group_targets(g, &n);

		/* Those of the file come first, and in its order. */
		for (size_t k = 0; k < n; k++)
			if (t[k].laid != LAID_NOT)
				json_array_append_new(
					list,
					difference(g, &t[k],
						   k < g->n_targets
							   ? &g->targets[k]
							   : NULL));
	}
	return list;
}
