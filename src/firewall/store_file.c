/* Rulesets in files, written and read piece by piece. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"
#include "store.h"
#include "store_check.h"
#include "store_parts.h"

/* A ruleset as one JSON value takes some ten times its own memory, so it is
 * written piece by piece. All of this ends in ferror(). */
static void write_json(FILE *to, const json_t *json)
{
	/* A file cut short for want of memory would look like a whole one. */
	if (json_dumpf(json, to, JSON_COMPACT | JSON_ENCODE_ANY) && !ferror(to))
		fail_no_memory();
}

static void write_piece(FILE *to, const char *between, json_t *piece_take)
{
	fputs(between, to);
	write_json(to, piece_take);
	json_decref(piece_take);
}

static void write_set(FILE *to, const char *between, const struct nft_set *set)
{
	json_t *json = store_set_head_json(set);
	char *head = json_dumps(json, JSON_COMPACT);

	if (!head)
		fail_no_memory();
	/* Its closing brace comes behind the elements. */
	fprintf(to, "%s%.*s,\"elements\":[", between, (int)strlen(head) - 1,
		head);
	for (unsigned i = 0; i < set->n_elements; i++)
		write_piece(to, i ? "," : "",
			    store_element_json(&set->elements[i]));
	fputs("]}", to);
	free(head);
	json_decref(json);
}

static void write_head(FILE *to, const struct ruleset *rules)
{
	char hash[RULES_HASH_MAX];

	ruleset_hash(rules, true, hash);
	fprintf(to, "{\"version\":%d,\"hash\":\"%s\",\"table\":", STORE_VERSION,
		hash);
	write_piece(to, "", json_string(rules->table));
}

static void write_rules(FILE *to, const struct ruleset *rules)
{
	const char *between = "";

	write_head(to, rules);
	fputs(",\"timeouts\":[", to);
	for (unsigned i = 0; i < rules->n_timeouts; i++)
		write_piece(to, i ? "," : "",
			    store_timeout_json(rules->timeouts[i]));
	fputs("],\"sets\":[", to);
	for (unsigned i = 0; i < rules->n_sets; i++) {
		if (rules->sets[i]->foreign)
			continue;
		write_set(to, between, rules->sets[i]);
		between = ",\n";
	}
	fputs("],\"chains\":[", to);
	for (unsigned i = 0; i < rules->n_chains; i++)
		write_piece(to, i ? ",\n" : "",
			    store_chain_json(rules->chains[i]));
	fputs("]}\n", to);
}

static void write_rules_or_none(FILE *to, const void *rules)
{
	if (rules)
		write_rules(to, rules);
	else
		write_piece(to, "", store_to_json(NULL));
}

static void write_document(FILE *to, const void *json)
{
	write_json(to, json);
}

int store_write(const char *path, const json_t *json)
{
	return file_replace(path, 0600, write_document, json);
}

int store_save(const char *path, const struct ruleset *rules)
{
	return file_replace(path, 0600, write_rules_or_none, rules);
}

int store_link(const char *from, const char *to)
{
	char *aside = xasprintf("%s.new", to);
	int result, error;

	/* One that was left behind. */
	unlink(aside);
	result = link(from, aside);
	if (result == 0)
		result = rename(aside, to);
	error = errno;
	/* Two names of one file stay as they are when one takes the place of
	 * the other. */
	unlink(aside);
	free(aside);
	errno = error;
	return result;
}

bool store_has(const char *path, const struct ruleset *rules)
{
	char hash[RULES_HASH_MAX], wanted[80], found[sizeof(wanted)];
	FILE *from = rules ? fopen(path, "re") : NULL;
	bool same;

	if (!from)
		return false;
	ruleset_hash(rules, true, hash);
	snprintf(wanted, sizeof(wanted), "{\"version\":%d,\"hash\":\"%s\",",
		 STORE_VERSION, hash);
	same = fgets(found, (int)strlen(wanted) + 1, from) &&
	       strcmp(found, wanted) == 0;
	fclose(from);
	return same;
}

/* -- reading --------------------------------------------------------------- */

/* NULL with errno for what is no file of ours. */
static FILE *open_file(const char *path)
{
	FILE *from = fopen(path, "re");
	struct stat st;

	if (!from)
		return NULL;
	if (fstat(fileno(from), &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_size <= STORE_OCTETS_MAX)
		return from;
	fclose(from);
	errno = EINVAL;
	return NULL;
}

json_t *store_read(const char *path)
{
	FILE *from = open_file(path);
	json_t *json;

	if (!from)
		return NULL;
	json = json_loadf(from, JSON_REJECT_DUPLICATES, NULL);
	fclose(from);
	if (json_is_object(json))
		return json;
	json_decref(json);
	errno = EINVAL;
	return NULL;
}

/* One value, of which more follows. */
static json_t *read_piece(FILE *from)
{
	return json_loadf(from,
			  JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK |
				  JSON_DECODE_ANY,
			  NULL);
}

static bool read_word(FILE *from, const char *word)
{
	for (; *word; word++)
		if (getc(from) != *word)
			return false;
	return true;
}

/* The rest of a list behind its bracket, each element by `read`. */
static bool read_list(FILE *from, struct ruleset *rules,
		      bool (*read)(struct ruleset *rules, const json_t *o))
{
	int c = getc(from);
	bool good = true;

	if (c == ']')
		return true;
	ungetc(c, from);
	do {
		json_t *piece = read_piece(from);

		good = piece && read(rules, piece);
		json_decref(piece);
		c = getc(from);
		if (c == ',' && (c = getc(from)) != '\n') {
			ungetc(c, from);
			c = ',';
		}
	} while (good && (c == ',' || c == '\n'));
	return good && c == ']';
}

/* As write_rules() wrote it. A tree of the whole file would take ten times its
 * octets. */
static struct ruleset *read_rules(FILE *from)
{
	char hash[RULES_HASH_MAX], table[64];
	struct ruleset *rules;
	int version;

	if (fscanf(from,
		   "{\"version\":%d,\"hash\":\"%17[0-9a-f]\","
		   "\"table\":\"%63[A-Za-z0-9._-]\"",
		   &version, hash, table) != 3 ||
	    version != STORE_VERSION)
		return NULL;
	rules = ruleset_new(table);
	if (read_word(from, ",\"timeouts\":[") &&
	    read_list(from, rules, store_timeout_read) &&
	    read_word(from, ",\"sets\":[") &&
	    read_list(from, rules, store_set_read) &&
	    read_word(from, ",\"chains\":[") &&
	    read_list(from, rules, store_chain_read) &&
	    read_word(from, "}\n") && store_check(rules)) {
		ruleset_finish(rules);
		return rules;
	}
	ruleset_free(rules);
	return NULL;
}

/* "No table", and files of an earlier version. */
static int load_whole(const char *path, struct ruleset **rules)
{
	json_t *json = store_read(path);
	int result;

	if (!json)
		return -1;
	result = store_from_json(json, rules);
	json_decref(json);
	if (result)
		errno = EINVAL;
	return result;
}

int store_load(const char *path, struct ruleset **rules)
{
	FILE *from = open_file(path);

	*rules = NULL;
	if (!from)
		return -1;
	*rules = read_rules(from);
	fclose(from);
	return *rules ? 0 : load_whole(path, rules);
}
