/*
 * check_world.h - what a good configuration may still find around it: a start
 * that would fail, names without an answer, files that a reload could not
 * read.
 *
 * Floor: cmd.
 */
#ifndef WEIR_CMD_CHECK_WORLD_H
#define WEIR_CMD_CHECK_WORLD_H

#include "base/diag.h"
#include "model/snapshot.h"

/* Seconds that all names together may take. */
enum { CHECK_NAMES_S = 5 };

/*
 * Adds errors for what a start would refuse (control/trial.h), and warnings
 * for what may be another world when the daemon starts. Looks names up in
 * threads of its own, which may outlive the call when the network does not
 * answer, and forks where it has to be somebody else; so it is for a command
 * that ends soon, never for the daemon.
 */
void check_world(const struct snapshot *snap, struct diag *diag);

#endif
