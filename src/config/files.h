/*
 * files.h - a configuration file and those that it includes, as one mapping.
 *
 * Floor: config.
 */
#ifndef WEIR_CONFIG_FILES_H
#define WEIR_CONFIG_FILES_H

#include "config/config.h"
#include "config/node.h"
#include "model/snapshot.h"

enum { FILES_MAX = 1024 };

/*
 * Reads `file`, notes it in snap->files and follows its "include". The topmost
 * mappings of all files are put behind each other in one; the tables append
 * lists and report what is given twice. Returns NULL after a finding when a
 * file could not be read, since everything that it defines would be missing.
 * `keep` gets the texts, unless it is NULL.
 */
const struct node *files_load(struct tree *t, struct snapshot *snap,
			      const char *file, struct config_texts *keep);

/* The same from texts that were kept. */
const struct node *files_join(struct tree *t, struct snapshot *snap,
			      const struct config_texts *texts);

/* Adds to snap->files. `at`: where it is named; NULL: the main file. */
void files_note(struct snapshot *snap, struct slice path,
		const struct place *at);

#endif
