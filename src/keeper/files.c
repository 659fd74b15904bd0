/* The state files of a keeper: rules in force, rules before, a change that
 * waits. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/log.h"
#include "firewall/store.h"
#include "state.h"

enum { LOCK_TRIES = 200, LOCK_US = 10 * 1000 };

static const char *const names[] = {
	[FILE_IN_FORCE] = "in-force.json",
	[FILE_BEFORE] = "before.json",
	[FILE_WAITING] = "waiting.json",
};

char *keeper_folder(void)
{
	const char *of_unit = getenv("STATE_DIRECTORY");
	char *of_user, *folder;

	/* systemd names several with colons between them. */
	if (of_unit && of_unit[0] == '/')
		return slice_dup(slice_first(
			slice_of(of_unit), slice_find(slice_of(of_unit), ':')));
	of_user = geteuid() ? file_state_home() : NULL;
	folder = xasprintf("%s/weir-sg",
			   of_user ? of_user : LOCALSTATEDIR "/lib");
	free(of_user);
	return folder;
}

static char *path_of(const struct keeper *k, enum keeper_file file)
{
	return k->folder ? xasprintf("%s/%s", k->folder, names[file]) : NULL;
}

int keeper_lock(const struct keeper *k)
{
	int fd;

	if (!k->folder)
		return -1;
	/* If that fails, keeper_save() says why. */
	mkdir(k->folder, 0750);
	fd = open(k->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; fd >= 0 && i < LOCK_TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
			return fd;
		usleep(LOCK_US);
	}
	return fd;
}

void keeper_unlock(int lock)
{
	if (lock < 0)
		return;
	/* A child may have it open still. */
	flock(lock, LOCK_UN);
	close(lock);
}

int keeper_make_folder(const struct keeper *k)
{
	return k->folder && mkdir(k->folder, 0750) && errno != EEXIST ? -1 : 0;
}

/* Rules before the last ones are those that were in force, which stand in a
 * file already: a large ruleset takes a second to write. */
static int keeper_write(const struct keeper *k, enum keeper_file file,
			const char *path, const struct ruleset *rules)
{
	char *in_force = path_of(k, FILE_IN_FORCE);
	int result = -1;

	if (file != FILE_IN_FORCE && store_has(in_force, rules))
		result = store_link(in_force, path);
	free(in_force);
	return result ? store_save(path, rules) : 0;
}

int keeper_save(struct keeper *k, enum keeper_file file,
		const struct ruleset *rules)
{
	char *path = path_of(k, file);
	int result = 0, error;

	if (path)
		result = keeper_make_folder(k)
				 ? -1
				 : keeper_write(k, file, path, rules);
	error = errno;
	if (result)
		log_say(LOG_WARNING,
			"cannot keep the rules in %s: %s; after a restart "
			"nothing can bring them back",
			path, strerror(error));
	/* Old rules in force are better than none. */
	if (result && file != FILE_IN_FORCE)
		unlink(path);
	if (path && result == 0)
		k->is_saved |= file == FILE_IN_FORCE;
	free(path);
	errno = error;
	return result;
}

bool keeper_is_saved(const struct keeper *k, const struct ruleset *rules)
{
	char *path = path_of(k, FILE_IN_FORCE);
	bool is = path && store_has(path, rules);

	free(path);
	return is;
}

bool keeper_load(struct keeper *k, enum keeper_file file,
		 struct ruleset **rules)
{
	char *path = path_of(k, file);
	bool found = path && store_load(path, rules) == 0;

	if (path && !found && errno != ENOENT)
		log_say(LOG_WARNING, "cannot read %s: %s", path,
			errno == EINVAL ? "these are no rules of ours"
					: strerror(errno));
	free(path);
	if (found && *rules) {
		overlay_strip(*rules);
		ruleset_unguard(*rules);
		tell_strip(*rules);
	}
	if (found && *rules && (*rules)->n_chains == 0) {
		ruleset_free(*rules);
		*rules = NULL;
	}
	return found;
}

bool keeper_has(const struct keeper *k, enum keeper_file file)
{
	char *path = path_of(k, file);
	bool has = path && access(path, F_OK) == 0;

	free(path);
	return has;
}

void keeper_forget(struct keeper *k, enum keeper_file file)
{
	char *path = path_of(k, file);

	if (path && unlink(path) && errno != ENOENT)
		log_say(LOG_WARNING, "cannot remove %s: %s", path,
			strerror(errno));
	free(path);
}
