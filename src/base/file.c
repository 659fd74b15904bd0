#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "fail.h"

int file_open(const char *path)
{
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
