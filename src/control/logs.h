/*
 * logs.h - the files of a configuration's logs: opened, and told of when lines
 * are lost.
 *
 * Floor: control.  Control thread.
 */
#ifndef WEIR_CONTROL_LOGS_H
#define WEIR_CONTROL_LOGS_H

#include <jansson.h>

#include "base/diag.h"
#include "model/snapshot.h"
#include "privilege.h"

struct journals;

/* Makes the folders of logs, as far as they are missing and that is allowed:
 * opening the files tells of those that cannot be made. */
void logs_make_folders(const struct snapshot *snap, const struct identity *id);

/*
 * Whether the identity can open each file, or make it; none is made. Returns
 * 0, or -1 after findings. Before any thread is started.
 */
int logs_try(const struct snapshot *snap, const struct identity *id,
	     struct diag *diag);

/* Opens all that are enabled, for the life of the snapshot; those who are the
 * same as before stay as they are. Returns 0, or -1 after findings. */
int logs_open(struct snapshot *snap, struct journals *js, struct diag *diag);

/* Once a second: closes what nobody uses any more, and says at most once a
 * minute which file has lost lines. */
void logs_tend(struct journals *js);

/* Adds an object for each file: its path, lines, lost, last_error. */
void logs_status(const struct journals *js, json_t *list);

/* What came of opening all of them anew: "files" and "failed". */
void logs_report(const struct journals *js, json_t *o);

#endif
