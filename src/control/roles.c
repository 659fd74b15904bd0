#include "roles.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/sock.h"

static int find_group(const struct snapshot *snap, struct slice named,
		      const char *key, bool *has, gid_t *gid, struct diag *diag)
{
	const struct place file = {.file = snap->file.p};
	const struct group *group;
	char *name;

	*has = named.n > 0;
	if (!*has)
		return 0;
	name = slice_dup(named);
	group = getgrnam(name);
	if (group)
		*gid = group->gr_gid;
	else
		diag_error(diag, &file, "make one, or name another",
			   "settings.admin.%s: there is no group \"%s\" on "
			   "this machine",
			   key, name);
	free(name);
	return group ? 0 : -1;
}

int roles_find(const struct snapshot *snap, const struct identity *id,
	       struct roles *out, struct diag *diag)
{
	const struct settings *s = &snap->settings;
	int result;

	*out = (struct roles){.uid = id->uid, .admin_gid = id->gid};
	result = find_group(snap, s->admin_group, "admin_group",
			    &out->has_admin, &out->admin_gid, diag);
	return find_group(snap, s->read_group, "read_group", &out->has_read,
			  &out->read_gid, diag)
		       ? -1
		       : result;
}

static bool is_member(const struct admin_peer *peer, gid_t gid)
{
	if (peer->gid == gid)
		return true;
	for (size_t i = 0; i < peer->n_groups; i++)
		if (peer->groups[i] == gid)
			return true;
	return false;
}

enum role role_of(const struct roles *roles, const struct admin_peer *peer)
{
	if (peer->uid == 0 || peer->uid == roles->uid ||
	    is_member(peer, roles->admin_gid))
		return ROLE_ADMIN;
	if (roles->has_read && is_member(peer, roles->read_gid))
		return ROLE_READ;
	return ROLE_NONE;
}

int roles_give_socket(const struct roles *roles, const struct identity *id,
		      const char *path)
{
	int fd = sock_open_file(path), result, error;
	char name[32];

	if (fd < 0)
		return -1;
	result = id->changes || roles->has_admin
			 ? fchownat(fd, "", id->changes ? id->uid : (uid_t)-1,
				    roles->admin_gid, AT_EMPTY_PATH)
			 : 0;
	/* By its descriptor, as above: a path may lead elsewhere by now. */
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	if (result == 0 && roles->has_read)
		result = chmod(name, 0666);
	error = errno;
	close(fd);
	errno = error;
	return result;
}
