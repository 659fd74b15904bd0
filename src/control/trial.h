/*
 * trial.h - what a start would refuse, found without starting.
 *
 * A start looks here before it opens anything, and `weir check` looks at the
 * rest, too: both say the same words.
 *
 * Floor: control.  Before any thread is started: a process is forked.
 */
#ifndef WEIR_CONTROL_TRIAL_H
#define WEIR_CONTROL_TRIAL_H

#include "base/diag.h"
#include "privilege.h"

/*
 * Whether the key of sticky cookies can be read by the identity, or made if
 * there is none; it is not made. Returns 0, or -1 after a finding.
 */
int trial_of_keys(const struct snapshot *snap, const struct identity *id,
		  struct diag *diag);

/* Parts of it, for other files that are made if they are missing. A sentence in
 * `why`, or nothing where all is well. */
bool trial_has_folder(const char *path);
void trial_of_folder(const char *path, char *why, size_t size);
/* Where there is none: whether we could make it. */
bool trial_can_make_folder(const char *path, char *why, size_t size);

/* All of it: the user, the key, the ports. Reports errors for what a start
 * would refuse wherever it is tried, warnings for what depends on the moment
 * or on who asks. */
void trial_of_world(const struct snapshot *snap, struct diag *diag);

#endif
