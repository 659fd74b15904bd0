/*
 * runtime.h - what was changed at run time, as a document and as a file.
 *
 *	{"version":1,"changed":"2026-11-21T12:06:38Z","target_groups":{"app":{
 *		"registered":[{"id":"10.0.0.7","port":80,"weight":2}],
 *		"deregistered":[{"id":"10.0.0.3","port":80}],
 *		"drained":[{"id":"10.0.0.4","port":80}]}}}
 *
 * A change makes a new document, which is written, synced and renamed before
 * anything else comes of it. What a document does to a configuration is in
 * lay.h. Members that are not known are kept as they are: others lay more of
 * their own beside target groups.
 *
 * Floor: control.  Control thread.  Source: settings.overlay_file of
 * weir.yaml(5).
 */
#ifndef WEIR_CONTROL_RUNTIME_H
#define WEIR_CONTROL_RUNTIME_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum {
	RUNTIME_VERSION = 1,
	RUNTIME_ENTRIES_MAX = 10000, /* of all groups together */
	RUNTIME_OCTETS_MAX = 16 << 20,
	RUNTIME_ID_MAX = 255, /* octets: a host name has 253 */
};

/* The lists of a group, by their names in the document. */
enum runtime_list {
	RUNTIME_REGISTERED,
	RUNTIME_DEREGISTERED,
	RUNTIME_DRAINED,
	RUNTIME_LISTS
};

/* Zeroed: no file was asked for, nothing was changed. */
struct runtime {
	char *path;  /* owned; NULL: nothing can be changed */
	json_t *doc; /* owned; NULL: nothing is changed */
	char *why;   /* the file is broken: a sentence; owned; NULL: it is not.
		      * It is left alone until it is dropped */
};

void runtime_release(struct runtime *o);

/*
 * Reads the file at a start. One that is not there changes nothing; one that is
 * broken, or of a later version, neither: then o->why says so.
 */
void runtime_load(struct runtime *o, const char *path);

/*
 * Makes a document the one that holds, once it is on the disk, whole and
 * synced. Returns 0, or -1 with errno and everything as it was.
 */
int runtime_save(struct runtime *o, json_t *doc_take);

/* Removes the file, whatever is in it. Returns 0, or -1 with errno. */
int runtime_drop(struct runtime *o);

/* What o->doc says; an empty one where there is none. A copy of its own. */
json_t *runtime_copy(const struct runtime *o);

/*
 * Reads and checks the text of a file: that its form is right, not that there
 * are such groups. Returns a document, or NULL and a sentence in *why, which
 * the caller frees.
 */
json_t *runtime_parse(struct slice text, char **why);

/* Entries of all groups. */
size_t runtime_count(const json_t *doc);

const char *runtime_list_name(enum runtime_list list);

/* The entries of a group; NULL: it has none. Borrowed. */
const json_t *runtime_entries(const json_t *doc, const char *group,
			      enum runtime_list list);

/* An entry of a group by id and port, a port of 0 for a path; NULL: there is
 * none. Borrowed. */
const json_t *runtime_find(const json_t *doc, const char *group,
			   enum runtime_list list, struct slice id,
			   uint16_t port);

/* Puts an entry in place of the one with its id and port, or behind the
 * others. */
void runtime_put(json_t *doc, const char *group, enum runtime_list list,
		 json_t *entry_take);

/* Takes an entry away; whether it was there. A group without any goes too. */
bool runtime_take(json_t *doc, const char *group, enum runtime_list list,
		  struct slice id, uint16_t port);

/* {"id":...,"port":...} */
json_t *runtime_entry(struct slice id, uint16_t port);

/* Two ids that mean one target: as addresses, else as names without case. */
bool runtime_same_id(struct slice a, struct slice b);

#endif
