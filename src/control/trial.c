#include "trial.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"
#include "logs.h"
#include "ports.h"
#include "roles.h"
#include "tls/seal.h"
#include "world.h"

/* -- the key of sticky cookies --------------------------------------------- */

/* Cuts the last name off; false when nothing is left to cut. */
static bool cut_name(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash || strcmp(path, "/") == 0)
		return false;
	slash[slash == path] = '\0';
	return true;
}

static void try_folder(const char *folder, char *why, size_t size)
{
	if (access(folder, W_OK | X_OK))
		snprintf(why, size, "cannot write to the folder %s: %s", folder,
			 strerror(errno));
}

void trial_of_folder(const char *path, char *why, size_t size)
{
	char *folder = file_folder(path);

	try_folder(folder, why, size);
	free(folder);
}

/* A file that is there is read by the one function that reads it, which would
 * make one that is not. */
static void try_key(const void *arg, char *why, size_t size)
{
	const char *path = arg;
	struct seal_keys keys = {0};

	if (access(path, F_OK) == 0) {
		seal_keys_load(path, &keys, why, size);
		seal_keys_wipe(&keys);
		return;
	}
	trial_of_folder(path, why, size);
}

/* Folders that are missing are made before we become somebody else. */
bool trial_can_make_folder(const char *path, char *why, size_t size)
{
	char *folder = file_folder(path);

	while (access(folder, F_OK) && errno == ENOENT && cut_name(folder))
		;
	try_folder(folder, why, size);
	free(folder);
	return !*why;
}

bool trial_has_folder(const char *path)
{
	char *folder = file_folder(path);
	bool has = access(folder, F_OK) == 0;

	free(folder);
	return has;
}

int trial_of_keys(const struct snapshot *snap, const struct identity *id,
		  struct diag *diag)
{
	const struct place file = {.file = snap->file.p};
	char *path, why[256] = "";
	bool good;

	if (!world_needs_keys(snap))
		return 0;
	path = slice_dup(snap->settings.stickiness_key_file);
	good = trial_has_folder(path)
		       ? identity_try(id, try_key, path, why, sizeof(why))
		       : trial_can_make_folder(path, why, sizeof(why));
	if (!good)
		diag_error(diag, &file,
			   "settings.stickiness_key_file says where it is",
			   "the key for sticky cookies, %s: %s", path, why);
	free(path);
	return good ? 0 : -1;
}

/* -- the whole ------------------------------------------------------------- */

/* The process that listens on the admin socket; 0: nobody answers. */
static pid_t running_weir(const struct settings *s)
{
	struct addr to = {.len = sizeof(to.un)};
	struct ucred peer = {0};
	socklen_t n = sizeof(peer);
	pid_t found = 0;
	int fd;

	if (s->admin_socket.n >= sizeof(to.un.sun_path))
		return 0;
	to.un.sun_family = AF_UNIX;
	memcpy(to.un.sun_path, s->admin_socket.p, s->admin_socket.n);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && connect(fd, &to.sa, to.len) == 0 &&
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0)
		found = peer.pid;
	if (fd >= 0)
		close(fd);
	return found;
}

/* An ordinary user stays who it is: a start by root is another matter. */
static void warn_of_user(const struct snapshot *snap, struct diag *diag)
{
	const struct place file = {.file = snap->file.p};
	const struct settings *s = &snap->settings;
	char *name = slice_dup(s->user);

	if (geteuid() != 0 && !s->user_is_default && !getpwnam(name))
		diag_warning(diag, &file,
			     "make one, or name another in settings.user",
			     "there is no user \"%s\" on this machine", name);
	free(name);
}

static void try_files(const struct snapshot *snap, const struct identity *id,
		      struct diag *diag)
{
	trial_of_keys(snap, id, diag);
	logs_try(snap, id, diag);
}

void trial_of_world(const struct snapshot *snap, struct diag *diag)
{
	struct identity id;
	struct roles roles;

	warn_of_user(snap, diag);
	if (!identity_find(snap, &id, diag)) {
		roles_find(snap, &id, &roles, diag);
		try_files(snap, &id, diag);
	}
	ports_try(snap, running_weir(&snap->settings), diag);
}
