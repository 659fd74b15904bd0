#include "privilege.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/log.h"

int identity_find(const struct snapshot *snap, struct identity *out,
		  struct diag *diag)
{
	const struct settings *settings = &snap->settings;
	const struct place file = {.file = snap->file.p};
	char name[sizeof(out->name)];
	const struct passwd *pw;

	*out = (struct identity){.uid = geteuid(), .gid = getegid()};
	snprintf(name, sizeof(name), "%.*s", SLICE_ARG(settings->user));
	if (geteuid() != 0 || strcmp(name, "root") == 0)
		return 0;
	pw = getpwnam(name);
	if (!pw && settings->user_is_default)
		pw = getpwnam("nobody");
	if (!pw) {
		diag_error(diag, &file,
			   "make one, or name another in settings.user",
			   "there is no user \"%s\" on this machine", name);
		return -1;
	}
	out->changes = pw->pw_uid != 0;
	snprintf(out->name, sizeof(out->name), "%s", pw->pw_name);
	out->uid = pw->pw_uid;
	out->gid = pw->pw_gid;
	return 0;
}

static _Noreturn void try_as(const struct identity *id,
			     void (*deed)(const void *arg, char *why,
					  size_t size),
			     const void *arg, int out)
{
	char why[256] = "";

	if (initgroups(id->name, id->gid) || setgid(id->gid) || setuid(id->uid))
		_exit(1);
	deed(arg, why, sizeof(why));
	/* Shorter than a pipe is: it is written at once or not at all. */
	_exit(write(out, why, strlen(why)) < 0);
}

bool identity_try(const struct identity *id,
		  void (*deed)(const void *arg, char *why, size_t size),
		  const void *arg, char *why, size_t size)
{
	int ends[2];
	ssize_t n = 0;
	pid_t child;

	*why = '\0';
	if (!id->changes) {
		deed(arg, why, size);
		return !*why;
	}
	if (pipe(ends))
		return true;
	child = fork();
	if (child == 0)
		try_as(id, deed, arg, ends[1]);
	close(ends[1]);
	if (child > 0) {
		while ((n = read(ends[0], why, size - 1)) < 0 && errno == EINTR)
			;
		while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
			;
	}
	close(ends[0]);
	why[n > 0 ? n : 0] = '\0';
	return n <= 0;
}

/* One step of mkdir -p. Takes the descriptor of the folder above over; returns
 * that of the new one, or -1 with errno. What we made ourselves is no link. */
static int make_step(int above_take, const char *name, mode_t mode, bool *made)
{
	int fd = -1, error;

	*made = mkdirat(above_take, name, mode) == 0;
	if (*made || errno == EEXIST)
		fd = openat(above_take, name,
			    O_PATH | O_DIRECTORY | O_CLOEXEC |
				    (*made ? O_NOFOLLOW : 0));
	error = errno;
	close(above_take);
	errno = error;
	return fd;
}

/* mkdir -p; *made tells whether the last one is new. Returns its descriptor,
 * or -1 with errno. */
static int make_path(char *path, mode_t mode, bool *made)
{
	int fd = open(*path == '/' ? "/" : ".",
		      O_PATH | O_DIRECTORY | O_CLOEXEC);
	char *rest = path, *name;

	while (fd >= 0 && (name = strsep(&rest, "/")) != NULL)
		if (*name)
			fd = make_step(fd, name, rest ? 0755 : mode, made);
	return fd;
}

/* By its descriptor: as root, a path may lead elsewhere by now. */
static int give(const struct identity *id, int fd)
{
	return id->changes ? fchownat(fd, "", id->uid, id->gid, AT_EMPTY_PATH)
			   : 0;
}

int identity_make_folder(const struct identity *id, struct slice file,
			 mode_t mode)
{
	char *path = slice_dup(file), *slash;
	bool made = false;
	int fd, result;

	if (!path)
		return -1;
	slash = strrchr(path, '/');
	if (!slash || slash == path) {
		free(path); /* here or the root: nothing to make */
		return 0;
	}
	*slash = '\0';
	fd = make_path(path, mode, &made);
	free(path);
	if (fd < 0)
		return -1;
	result = made ? give(id, fd) : 0;
	close(fd);
	return result;
}

static int refuse(const char *what)
{
	log_say(LOG_ERROR, "cannot give up the rights of root: %s: %s", what,
		strerror(errno));
	return -1;
}

int identity_become(const struct identity *id)
{
	capng_flags_t flags = CAPNG_INIT_SUPP_GRP | CAPNG_CLEAR_BOUNDING;
	bool may_bind, may_clear;

	if (!id->changes)
		return 0;
	if (capng_get_caps_process())
		return refuse("capabilities of this process");
	may_bind = capng_have_capability(CAPNG_PERMITTED, CAP_NET_BIND_SERVICE);
	/* In some containers root may not change the bounding set. */
	may_clear = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
	if (!may_clear)
		flags &= ~(unsigned)CAPNG_CLEAR_BOUNDING;
	capng_clear(CAPNG_SELECT_BOTH);
	if (may_bind)
		capng_updatev(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED,
			      CAP_NET_BIND_SERVICE, -1);
	if (capng_change_id((int)id->uid, (int)id->gid, flags))
		return refuse("change of user");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return refuse("no_new_privs");
	/* Who checks, finds out. */
	if (geteuid() != id->uid || getuid() != id->uid || setuid(0) == 0)
		BUG("still root after becoming %s", id->name);
	return 0;
}
