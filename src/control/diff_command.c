/*
 * diff_command.c - what a reload would change.
 *
 * Floor: control.
 */
#include "diff_command.h"

#include <stdlib.h>

#include "admin.h"
#include "daemon.h"
#include "status.h"

static void set_text(json_t *o, const char *key, const char *text)
{
	if (text)
		json_object_set_new(o, key, status_text(slice_of(text)));
}

static json_t *change_to_json(const struct config_change *c)
{
	static const char *const kinds[] = {
		[CONFIG_ADDED] = "added",
		[CONFIG_REMOVED] = "removed",
		[CONFIG_CHANGED] = "changed",
	};
	json_t *o = json_object();

	json_object_set_new(o, "kind", json_string(kinds[c->kind]));
	set_text(o, "object", c->object);
	set_text(o, "key", c->key);
	set_text(o, "file", c->file);
	set_text(o, "now", c->now);
	set_text(o, "place", c->place);
	return o;
}

static json_t *compare(const struct daemon *d, const struct config_texts *file)
{
	struct config_changes changes;
	json_t *answer = admin_ok(), *list = json_array();

	config_diff(file, &d->texts, &changes);
	for (size_t i = 0; i < changes.n; i++)
		json_array_append_new(list, change_to_json(&changes.rows[i]));
	json_object_set_new(answer, "changes", list);
	if (changes.n_left_out)
		json_object_set_new(
			answer, "left_out",
			json_integer((json_int_t)changes.n_left_out));
	config_changes_release(&changes);
	return answer;
}

static json_t *refuse(struct diag *diag)
{
	char *text = diag_to_text(diag);
	json_t *answer = admin_error("the file is not valid, so a reload would "
				     "change nothing");

	json_object_set_new(answer, "invalid", json_true());
	json_object_set_new(answer, "text", status_text(slice_of(text)));
	free(text);
	return answer;
}

/* Another file than ours only who may change what runs can name: findings
 * quote it. */
json_t *diff_answer(struct daemon *d, const json_t *request, uint64_t *memo)
{
	const json_t *named = json_object_get(request, "file");
	const char *file = named ? json_string_value(named) : d->file;
	struct config_texts texts = {0};
	const struct config_options options = {
		.keep = &texts,
		.n_workers = d->n_workers,
		.without_secrets = true,
		.tests = TESTS_SKIP,
	};
	struct diag diag = {0};
	struct snapshot *snap;
	json_t *answer;

	(void)memo;
	if (!file)
		return admin_error("\"file\" is the name of a file");
	snap = config_load(file, &options, &diag);
	answer = snap ? compare(d, &texts) : refuse(&diag);
	diag_release(&diag);
	snapshot_unref(snap);
	config_texts_release(&texts);
	return answer;
}
