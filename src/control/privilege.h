/*
 * privilege.h - from root to an ordinary user with one capability.
 *
 * Started as root we read and bind, then become settings.user and keep
 * CAP_NET_BIND_SERVICE alone, so that a reload can still open low ports.
 * Started by anybody else we stay who we are.
 *
 * Floor: control.  Source: weir(8); capabilities(7).
 */
#ifndef WEIR_CONTROL_PRIVILEGE_H
#define WEIR_CONTROL_PRIVILEGE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/diag.h"
#include "model/snapshot.h"

/* Who we are going to be. */
struct identity {
	bool changes; /* false: we stay as we are */
	char name[64];
	uid_t uid;
	gid_t gid;
};

/*
 * Finds out who the settings want us to be. Returns 0, or -1 after a finding:
 * there is no such user.
 */
int identity_find(const struct snapshot *snap, struct identity *out,
		  struct diag *diag);

/*
 * Does something as the identity and comes back: in a process of its own,
 * which ends with the deed. `deed` writes a sentence to `why`, or nothing
 * when all is well.
 *
 * why, size  gets that sentence; empty, too, when no process can be had
 *
 * Returns whether all is well. Before any thread is started.
 */
bool identity_try(const struct identity *id,
		  void (*deed)(const void *arg, char *why, size_t size),
		  const void *arg, char *why, size_t size);

/*
 * Makes the folder of a file and the ones above it, as far as they are
 * missing; the last one belongs to the identity. Returns 0, or -1 with
 * errno.
 */
int identity_make_folder(const struct identity *id, struct slice file,
			 mode_t mode);

/*
 * Becomes the identity, for good: groups, user, capabilities, and no way to
 * gain more. Before any thread is started. Returns 0, or -1 after a line in
 * the log; the process must not go on then.
 */
int identity_become(const struct identity *id);

#endif
