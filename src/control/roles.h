/*
 * roles.h - who may do what through the admin socket.
 *
 * The peer's credentials decide: root and the daemon's user may do everything,
 * members of settings.admin.admin_group too, members of read_group may ask.
 *
 * Floor: control.  Source: unix(7), SO_PEERCRED and SO_PEERGROUPS;
 * weir.yaml(5).
 */
#ifndef WEIR_CONTROL_ROLES_H
#define WEIR_CONTROL_ROLES_H

#include <stdbool.h>
#include <sys/types.h>

#include "admin.h"
#include "privilege.h"

enum role { ROLE_NONE, ROLE_READ, ROLE_ADMIN };

struct roles {
	uid_t uid;       /* of the daemon */
	gid_t admin_gid; /* the daemon's own unless one is named */
	gid_t read_gid;
	bool has_admin, has_read; /* a group is named */
};

/* Finds the groups that the settings name. Returns 0, or -1 after a finding:
 * there is no such group. */
int roles_find(const struct snapshot *snap, const struct identity *id,
	       struct roles *out, struct diag *diag);

enum role role_of(const struct roles *roles, const struct admin_peer *peer);

/*
 * Lets those reach the socket who may: it belongs to the daemon's user and the
 * admin group, and with a read group everybody may connect. Returns 0, or -1
 * with errno.
 */
int roles_give_socket(const struct roles *roles, const struct identity *id,
		      const char *path);

#endif
