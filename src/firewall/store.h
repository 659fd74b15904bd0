/*
 * store.h - rulesets in files, for the time after a restart.
 *
 * The keeper must be able to bring back the last rules in force when the file
 * is broken, and `weir sg rollback` those before the last apply. The form is
 * JSON, one ruleset a file; what stands there is not trusted: what is no
 * ruleset of ours is refused as a whole.
 *
 * Floor: firewall.
 */
#ifndef WEIR_FIREWALL_STORE_H
#define WEIR_FIREWALL_STORE_H

#include <jansson.h>

#include "ruleset.h"

/* A file larger than this is not read. */
enum { STORE_OCTETS_MAX = 256 << 20 };

/* NULL stands for "no table" and becomes null. What is foreign is left out. A
 * new reference. */
json_t *store_to_json(const struct ruleset *rules);

/* Returns 0 and *rules, NULL for null; or -1 when it is no ruleset. */
int store_from_json(const json_t *json, struct ruleset **rules);

/* A JSON document in a file; NULL with errno: ENOENT, or EINVAL for what is
 * no object. A new reference. */
json_t *store_read(const char *path);

/* Writes it aside and renames it, as store_save() does. */
int store_write(const char *path, const json_t *json);

/*
 * Writes it aside and renames it, so that a crash leaves the old file or the
 * new one. Returns 0, or -1 with errno.
 */
int store_save(const char *path, const struct ruleset *rules);

/* The same for a file that is there already. */
int store_link(const char *from, const char *to);

/* Whether the file is what store_save() would write: its beginning says so. */
bool store_has(const char *path, const struct ruleset *rules);

/* Returns 0, or -1 with errno: ENOENT, or EINVAL for what is no ruleset. */
int store_load(const char *path, struct ruleset **rules);

#endif
