#include "runtime.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/text.h"
#include "net/addr.h"
#include "status.h"

static const char *const list_names[RUNTIME_LISTS] = {
	[RUNTIME_REGISTERED] = "registered",
	[RUNTIME_DEREGISTERED] = "deregistered",
	[RUNTIME_DRAINED] = "drained",
};

const char *runtime_list_name(enum runtime_list list)
{
	return list_names[list];
}

/* -- is it one? ------------------------------------------------------------ */

static bool fault(char **why, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static bool fault(char **why, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (vasprintf(why, format, args) < 0)
		fail_no_memory();
	va_end(args);
	return false;
}

static bool is_number(const json_t *o, const char *key, json_int_t most)
{
	const json_t *n = json_object_get(o, key);

	return !n || (json_is_integer(n) && json_integer_value(n) >= 0 &&
		      json_integer_value(n) <= most);
}

static bool check_entry(const char *group, const json_t *o, char **why)
{
	const json_t *id = json_object_get(o, "id");
	const json_t *zone = json_object_get(o, "zone");
	const json_t *backup = json_object_get(o, "backup");

	if (!json_is_string(id) || json_string_length(id) == 0 ||
	    json_string_length(id) > RUNTIME_ID_MAX ||
	    strlen(json_string_value(id)) != json_string_length(id))
		return fault(why,
			     "an entry of the target group \"%.64s\" has no id",
			     group);
	if (!is_number(o, "port", UINT16_MAX) ||
	    !is_number(o, "weight", INT32_MAX) ||
	    (zone && !json_is_string(zone)) ||
	    (backup && !json_is_boolean(backup)))
		return fault(why,
			     "the entry \"%.255s\" of the target group "
			     "\"%.64s\" is malformed",
			     json_string_value(id), group);
	return true;
}

static bool check_group(const char *name, const json_t *group, size_t *n,
			char **why)
{
	const json_t *entry;
	size_t i;

	if (!json_is_object(group))
		return fault(why, "the target group \"%.64s\" is no object",
			     name);
	for (int list = 0; list < RUNTIME_LISTS; list++) {
		const json_t *all = json_object_get(group, list_names[list]);

		if (all && !json_is_array(all))
			return fault(why, "\"%s\" of \"%.64s\" is no list",
				     list_names[list], name);
		json_array_foreach (all, i, entry)
			if (!check_entry(name, entry, why))
				return false;
		*n += json_array_size(all);
	}
	return true;
}

static bool check(const json_t *doc, char **why)
{
	const json_t *version = json_object_get(doc, "version");
	json_t *groups = json_object_get(doc, "target_groups"), *group;
	const char *name;
	size_t n = 0;

	if (!json_is_integer(version) || json_integer_value(version) < 1)
		return fault(why, "it has no \"version\"");
	if (json_integer_value(version) > RUNTIME_VERSION)
		return fault(why,
			     "it is of version %lld, of a later weir; this one "
			     "knows version %d",
			     (long long)json_integer_value(version),
			     RUNTIME_VERSION);
	if (groups && !json_is_object(groups))
		return fault(why, "\"target_groups\" is no object");
	json_object_foreach (groups, name, group)
		if (!check_group(name, group, &n, why))
			return false;
	if (n > RUNTIME_ENTRIES_MAX)
		return fault(why, "it has %zu entries, and %d are allowed", n,
			     RUNTIME_ENTRIES_MAX);
	return true;
}

json_t *runtime_parse(struct slice text, char **why)
{
	json_error_t error;
	json_t *doc;

	*why = NULL;
	doc = json_loadb(text.p ? text.p : "", text.n, JSON_REJECT_DUPLICATES,
			 &error);
	if (doc && !json_is_object(doc)) {
		json_decref(doc);
		fault(why, "it is no JSON object");
		return NULL;
	}
	if (!doc) {
		fault(why, "it is not JSON: %s", error.text);
		return NULL;
	}
	if (check(doc, why))
		return doc;
	json_decref(doc);
	return NULL;
}

/* -- the file -------------------------------------------------------------- */

void runtime_release(struct runtime *o)
{
	json_decref(o->doc);
	free(o->path);
	free(o->why);
	*o = (struct runtime){0};
}

/* 0, or -1 with errno. */
static int read_all(const char *path, struct text *out)
{
	int fd = file_open(path), error;
	char block[65536];
	ssize_t got = -1;

	if (fd < 0)
		return -1;
	do {
		got = file_read(fd, block, sizeof(block));
		if (got > 0)
			text_add(out, slice_make(block, (size_t)got));
	} while (got > 0 && out->n <= RUNTIME_OCTETS_MAX);
	error = got > 0 ? EFBIG : errno;
	close(fd);
	errno = error;
	return got ? -1 : 0;
}

void runtime_load(struct runtime *o, const char *path)
{
	struct text text = {0};

	runtime_release(o);
	o->path = xstrdup(path);
	if (read_all(path, &text) == 0)
		o->doc = runtime_parse(text_slice(&text), &o->why);
	else if (errno != ENOENT && errno != ENOTDIR)
		o->why = xstrdup(strerror(errno));
	text_release(&text);
}

static void write_doc(FILE *to, const void *doc)
{
	if (json_dumpf(doc, to, JSON_INDENT(1)) && !ferror(to))
		fail_no_memory();
	fputc('\n', to);
}

int runtime_save(struct runtime *o, json_t *doc_take)
{
	int result = -1;

	json_object_set_new(doc_take, "changed",
			    status_time((uint64_t)clock_wall_s()));
	errno = EBUSY;
	if (o->path && !o->why)
		result = file_replace(o->path, 0640, write_doc, doc_take);
	if (result) {
		json_decref(doc_take);
		return -1;
	}
	json_decref(o->doc);
	o->doc = doc_take;
	return 0;
}

int runtime_drop(struct runtime *o)
{
	if (o->path && file_remove(o->path))
		return -1;
	json_decref(o->doc);
	free(o->why);
	o->doc = NULL;
	o->why = NULL;
	return 0;
}

/* -- documents ------------------------------------------------------------- */

json_t *runtime_copy(const struct runtime *o)
{
	return o->doc ? json_deep_copy(o->doc)
		      : json_pack("{s:i, s:{}}", "version", RUNTIME_VERSION,
				  "target_groups");
}

size_t runtime_count(const json_t *doc)
{
	json_t *group;
	const char *name;
	size_t n = 0;

	json_object_foreach (json_object_get(doc, "target_groups"), name, group)
		for (int list = 0; list < RUNTIME_LISTS; list++)
			n += json_array_size(
				json_object_get(group, list_names[list]));
	return n;
}

static json_t *entries(const json_t *doc, const char *group,
		       enum runtime_list list)
{
	const json_t *groups = json_object_get(doc, "target_groups");

	return json_object_get(json_object_get(groups, group),
			       list_names[list]);
}

const json_t *runtime_entries(const json_t *doc, const char *group,
			      enum runtime_list list)
{
	return entries(doc, group, list);
}

bool runtime_same_id(struct slice a, struct slice b)
{
	struct addr one, other;

	if (slice_eq_fold(a, b))
		return !slice_starts(a, SLICE("unix:")) || slice_eq(a, b);
	return addr_parse_ip(a, 1, &one) && addr_parse_ip(b, 1, &other) &&
	       addr_eq(&one, &other);
}

static size_t index_of(const json_t *all, struct slice id, uint16_t port)
{
	const json_t *o;
	size_t i;

	json_array_foreach (all, i, o) {
		const json_t *its = json_object_get(o, "id");

		if (json_integer_value(json_object_get(o, "port")) == port &&
		    runtime_same_id(slice_of(json_string_value(its)), id))
			return i;
	}
	return SIZE_MAX;
}

const json_t *runtime_find(const json_t *doc, const char *group,
			   enum runtime_list list, struct slice id,
			   uint16_t port)
{
	const json_t *all = entries(doc, group, list);
	size_t i = index_of(all, id, port);

	return i == SIZE_MAX ? NULL : json_array_get(all, i);
}

/* Made where it is missing. */
static json_t *member(json_t *o, const char *key, json_t *(*make)(void))
{
	json_t *its = json_object_get(o, key);

	if (its)
		return its;
	its = make();
	json_object_set_new(o, key, its);
	return its;
}

void runtime_put(json_t *doc, const char *group, enum runtime_list list,
		 json_t *entry_take)
{
	json_t *groups = member(doc, "target_groups", json_object);
	json_t *all = member(member(groups, group, json_object),
			     list_names[list], json_array);
	const json_t *id = json_object_get(entry_take, "id");
	const json_t *port = json_object_get(entry_take, "port");
	size_t i = index_of(all, slice_of(json_string_value(id)),
			    (uint16_t)json_integer_value(port));

	if (i == SIZE_MAX)
		json_array_append_new(all, entry_take);
	else
		json_array_set_new(all, i, entry_take);
}

bool runtime_take(json_t *doc, const char *group, enum runtime_list list,
		  struct slice id, uint16_t port)
{
	json_t *groups = json_object_get(doc, "target_groups");
	json_t *all = entries(doc, group, list);
	json_t *its = json_object_get(groups, group);
	size_t i = index_of(all, id, port);

	if (i == SIZE_MAX)
		return false;
	json_array_remove(all, i);
	if (json_array_size(all) == 0)
		json_object_del(its, list_names[list]);
	if (json_object_size(its) == 0)
		json_object_del(groups, group);
	return true;
}

json_t *runtime_entry(struct slice id, uint16_t port)
{
	json_t *o = json_object();

	json_object_set_new(o, "id", status_text(id));
	if (port)
		json_object_set_new(o, "port", json_integer(port));
	return o;
}
