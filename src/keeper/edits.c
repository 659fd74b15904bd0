/*
 * edits.c - the file of the configuration, when somebody edits it.
 *
 * Floor: keeper.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/map.h"
#include "kernel/list_file.h"
#include "kernel/machine.h"
#include "state.h"

static uint64_t hash_file(uint64_t sum, const char *path)
{
	struct {
		uint64_t sum, inode, size;
		int64_t s, ns;
	} all = {.sum = sum};
	struct stat st;

	if (stat(path, &st) == 0) {
		all.inode = st.st_ino;
		all.size = (uint64_t)st.st_size;
		all.s = st.st_mtim.tv_sec;
		all.ns = st.st_mtim.tv_nsec;
	}
	return hash_slice(slice_make((const char *)&all, sizeof(all)));
}

/* The files, and their folders: a file that an include finds may be new. */
static uint64_t files_look(const struct keeper *k)
{
	uint64_t sum = hash_file(0, k->file);
	const struct named_file *f = k->intent ? k->intent->snap->files : NULL;

	for (; f; f = f->next) {
		char *path = slice_dup(f->path);
		char *slash = strrchr(path, '/');

		sum = hash_file(sum, path);
		if (slash)
			*slash = '\0';
		sum = hash_file(sum, slash && slash > path ? path : ".");
		free(path);
	}
	return sum;
}

/* Name servers are always let through: they may change with the link. */
static uint64_t look_at_resolvers(void)
{
	uint64_t sum = 0;

	for (size_t i = 0; machine_resolver_files[i]; i++)
		sum = hash_file(sum, machine_resolver_files[i]);
	return sum;
}

void keeper_note_files(struct keeper *k)
{
	k->files_seen = files_look(k);
	k->resolvers_seen = look_at_resolvers();
}

/* NULL: it does not load. */
static enum keeper_edit edit_of(const struct keeper *k,
				const struct intent *intent)
{
	if (!intent)
		return EDIT_INVALID;
	return plan_differs(keeper_wanted(k),
			    intent_is_empty(intent) ? NULL : intent->rules)
		       ? EDIT_PENDING
		       : EDIT_NONE;
}

void keeper_judge_file(struct keeper *k)
{
	struct diag ignored = {0};
	struct intent *intent = keeper_load_intent(k, &ignored);
	char hash[RULES_HASH_MAX];

	k->edit = edit_of(k, intent);
	if (k->edit == EDIT_PENDING) {
		intent_hash(intent, hash);
		if (memory_is_refused(&k->memory, hash))
			k->edit = EDIT_REFUSED;
	}
	intent_free(intent);
	diag_release(&ignored);
}

static void note_edit(struct keeper *k, const struct intent *intent,
		      struct diag *diag)
{
	enum keeper_edit was = k->edit;

	free(k->edit_text);
	k->edit_text = intent ? NULL : diag_to_text(diag);
	k->edit = edit_of(k, intent);
	if (k->edit == EDIT_PENDING && was != EDIT_PENDING)
		log_say(LOG_WARNING, "%s was edited and is not applied",
			k->file);
	if (k->edit == EDIT_INVALID && was != EDIT_INVALID)
		log_say(LOG_WARNING, "%s was edited and is invalid", k->file);
}

void keeper_look_at_file(struct keeper *k)
{
	uint64_t seen = files_look(k), resolvers = look_at_resolvers();
	struct diag diag = {0};
	struct intent *intent;

	keeper_expire(k);
	if (resolvers != k->resolvers_seen) {
		k->resolvers_seen = resolvers;
		keeper_look_at_machine(k);
	}
	/* First what follows by itself, so that it is no edit. */
	if (k->intent && list_files_changed(&k->intent->config))
		keeper_look_at_machine(k);
	if (seen == k->files_seen)
		return;
	k->files_seen = seen;
	intent = keeper_load_intent(k, &diag);
	note_edit(k, intent, &diag);
	intent_free(intent);
	diag_release(&diag);
}
