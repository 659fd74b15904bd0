#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fail.h"

static _Thread_local const struct file_lent *lent_files;
static _Thread_local size_t n_lent_files;

void file_lend(const struct file_lent *lent, size_t n)
{
	lent_files = lent;
	n_lent_files = n;
}

/* Of what was lent; -1 with errno ENOENT: it was not. */
static int open_lent(const char *path)
{
	char *here = path[0] == '/' ? NULL : getcwd(NULL, 0);
	char *whole = here ? xasprintf("%s/%s", here, path) : xstrdup(path);
	int fd = -1;

	errno = ENOENT;
	for (size_t i = 0; i < n_lent_files && fd < 0; i++)
		if (strcmp(lent_files[i].path, whole) == 0)
			fd = fcntl(lent_files[i].fd, F_DUPFD_CLOEXEC, 0);
	if (fd >= 0)
		(void)lseek(fd, 0, SEEK_SET);
	free(whole);
	free(here);
	return fd;
}

int file_open(const char *path)
{
	int fd = n_lent_files ? open_lent(path) : -1;

	if (fd >= 0)
		return fd;
	return open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
}

/* Asked before each read: a FIFO that nobody has opened for writing yet would
 * pass for an empty file. Whatever is no pipe is always ready. */
static int wait_for(int fd)
{
	struct pollfd one = {.fd = fd, .events = POLLIN};
	int ready;

	do
		ready = poll(&one, 1, FILE_PATIENCE_MS);
	while (ready < 0 && errno == EINTR);
	if (ready == 0)
		errno = ETIMEDOUT;
	return ready > 0 ? 0 : -1;
}

ssize_t file_read(int fd, void *room, size_t size)
{
	ssize_t got;

	do {
		if (wait_for(fd))
			return -1;
		got = read(fd, room, size);
	} while (got < 0 && (errno == EINTR || errno == EAGAIN));
	return got;
}

/* -- files that are replaced ----------------------------------------------- */

char *file_folder(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return xstrdup(".");
	return xasprintf("%.*s", slash == path ? 1 : (int)(slash - path), path);
}

/* A rename outlives a loss of power once its folder is on the disk. */
static void sync_folder(const char *path)
{
	char *folder = file_folder(path);
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0) {
		(void)fsync(fd);
		close(fd);
	}
	free(folder);
}

static int write_file(int fd, void (*write_it)(FILE *to, const void *what),
		      const void *what)
{
	FILE *to = fdopen(fd, "w");

	if (!to) {
		close(fd);
		return -1;
	}
	write_it(to, what);
	if (ferror(to) || fflush(to) || fsync(fileno(to))) {
		int error = errno;

		fclose(to);
		errno = error;
		return -1;
	}
	return fclose(to);
}

int file_replace(const char *path, mode_t mode,
		 void (*write_it)(FILE *to, const void *what), const void *what)
{
	char *aside = xasprintf("%s.new", path);
	int fd = open(aside,
		      O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
		      mode);
	int result = -1, error;

	if (fd >= 0)
		result = write_file(fd, write_it, what);
	if (result == 0)
		result = rename(aside, path);
	error = errno;
	if (result && fd >= 0)
		unlink(aside);
	free(aside);
	if (result == 0)
		sync_folder(path);
	errno = error;
	return result;
}

int file_remove(const char *path)
{
	if (unlink(path))
		return errno == ENOENT ? 0 : -1;
	sync_folder(path);
	return 0;
}

char *file_state_home(void)
{
	const char *said = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	const struct passwd *pw;

	if (said && said[0] == '/')
		return xstrdup(said);
	if (!home || home[0] != '/') {
		pw = getpwuid(geteuid());
		home = pw ? pw->pw_dir : NULL;
	}
	return home ? xasprintf("%s/.local/state", home) : NULL;
}
