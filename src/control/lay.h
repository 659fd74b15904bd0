/*
 * lay.h - changes of run time laid over the configuration in force.
 *
 * The groups of a snapshot stay as they are; their states (model/state.h) get
 * lists of targets in which the overlay has had its say, and rosters are made
 * of those. So a change costs no generation, and workers see it by the epoch
 * that they look at for every request.
 *
 * Floor: control.  Control thread.
 */
#ifndef WEIR_CONTROL_LAY_H
#define WEIR_CONTROL_LAY_H

#include <jansson.h>

#include "base/diag.h"
#include "model/snapshot.h"

/* Room for a key that lay_key() writes. */
enum { LAY_KEY_MAX = 512 };

/* "10.0.0.1 80": the same for all ways to write a target. */
struct slice lay_key(char room[LAY_KEY_MAX], struct slice id, uint16_t port);

/*
 * Lays a document (control/runtime.h; NULL: nothing) over the groups of a
 * snapshot that has group states. Entries that the tables refuse, such as an
 * instance that is no more, are left out with a warning.
 */
void lay_over(struct snapshot *snap, const json_t *doc, struct diag *diag);

/* The same for one of its groups, after a change to that alone. */
void lay_over_group(struct snapshot *snap, struct target_group *g,
		    const json_t *doc, struct diag *diag);

/*
 * Takes out of a document what it need not say any more: what the file now says
 * itself, with a line in the log; what is of a group that is gone, with a
 * warning in *diag. Returns whether anything went.
 */
bool lay_prune(json_t *doc, const struct snapshot *snap, struct diag *diag);

/* An array of what the overlay makes different; see interfaces of `weir
 * overlay`. A new reference. */
json_t *lay_differences(const struct snapshot *snap);

const char *laid_name(enum laid laid); /* "registered" */

/* "10.0.0.3:8080", "app.example:80", "unix:/run/app.sock" */
json_t *lay_name(const struct target *t);

#endif
