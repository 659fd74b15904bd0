/* What a keeper remembers beside rules: which were applied, and which were
 * refused. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/log.h"
#include "firewall/store.h"
#include "state.h"

/* -- refused rules --------------------------------------------------------- */

static void memory_forgive(struct keeper_memory *m, const char *hash)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < m->n_refused; i++)
		if (strcmp(m->refused[i], hash) != 0)
			memmove(m->refused[kept++], m->refused[i],
				sizeof(m->refused[i]));
	m->n_refused = kept;
}

static void memory_refuse(struct keeper_memory *m, const char *hash)
{
	if (!hash[0])
		return;
	memory_forgive(m, hash);
	/* The oldest makes room. */
	if (m->n_refused == REFUSED_MAX)
		memory_forgive(m, m->refused[0]);
	memcpy(m->refused[m->n_refused++], hash, sizeof(m->refused[0]));
}

bool memory_is_refused(const struct keeper_memory *m, const char *hash)
{
	for (unsigned i = 0; i < m->n_refused; i++)
		if (strcmp(m->refused[i], hash) == 0)
			return true;
	return false;
}

static void hash_copy(char to[RULES_HASH_MAX], const char *from)
{
	char hash[RULES_HASH_MAX];

	snprintf(hash, sizeof(hash), "%s", from);
	memcpy(to, hash, sizeof(hash));
}

void memory_apply(struct keeper_memory *m, const char *hash, bool changed)
{
	if (changed)
		hash_copy(m->before, m->applied);
	hash_copy(m->applied, hash);
	m->waiting[0] = '\0';
	memory_forgive(m, hash);
}

void memory_wait(struct keeper_memory *m, const char *hash)
{
	hash_copy(m->waiting, hash);
}

void memory_confirm(struct keeper_memory *m)
{
	char hash[RULES_HASH_MAX];

	hash_copy(hash, m->waiting);
	memory_apply(m, hash, true);
}

void memory_refuse_waiting(struct keeper_memory *m)
{
	memory_refuse(m, m->waiting);
	hash_copy(m->before, m->waiting);
	m->waiting[0] = '\0';
}

void memory_go_back(struct keeper_memory *m, bool changed)
{
	char now[RULES_HASH_MAX];

	if (m->waiting[0]) {
		memory_refuse_waiting(m);
		return;
	}
	hash_copy(now, m->applied);
	memory_refuse(m, now);
	hash_copy(m->applied, m->before);
	if (changed)
		hash_copy(m->before, now);
	memory_forgive(m, m->applied);
}

/* -- the file -------------------------------------------------------------- */

static char *path_of(const struct keeper *k)
{
	return k->folder ? xasprintf("%s/memory.json", k->folder) : NULL;
}

static void take_text(const json_t *from, const char *key,
		      char out[RULES_HASH_MAX])
{
	const char *text = json_string_value(json_object_get(from, key));

	if (text && strlen(text) == RULES_HASH_MAX - 1)
		hash_copy(out, text);
}

void keeper_recall(struct keeper *k)
{
	char *path = path_of(k);
	json_t *json = path ? store_read(path) : NULL;
	const json_t *list = json_object_get(json, "refused");

	free(path);
	if (!json)
		return;
	k->memory = (struct keeper_memory){0};
	take_text(json, "applied", k->memory.applied);
	take_text(json, "before", k->memory.before);
	take_text(json, "waiting", k->memory.waiting);
	k->memory.closed = json_is_true(json_object_get(json, "closed"));
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *hash = json_string_value(json_array_get(list, i));

		if (hash && strlen(hash) == RULES_HASH_MAX - 1)
			memory_refuse(&k->memory, hash);
	}
	json_decref(json);
}

int keeper_remember(struct keeper *k)
{
	const struct keeper_memory *m = &k->memory;
	char *path = path_of(k);
	json_t *refused, *json;
	int result;

	if (!path)
		return 0;
	refused = json_array();
	for (unsigned i = 0; i < m->n_refused; i++)
		json_array_append_new(refused, json_string(m->refused[i]));
	json = json_pack("{s:s, s:s, s:s, s:b, s:o}", "applied", m->applied,
			 "before", m->before, "waiting", m->waiting, "closed",
			 (int)m->closed, "refused", refused);
	result = keeper_make_folder(k) ? -1 : store_write(path, json);
	if (result)
		log_say(LOG_WARNING,
			"cannot write %s: %s; a start may apply rules that "
			"were refused",
			path, strerror(errno));
	json_decref(json);
	free(path);
	return result;
}
