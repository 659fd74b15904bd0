#include "notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

enum { NOTIFY_MAX = 1024 };

/* Connected while we may still reach it: who was root then and is not now
 * could not open the path again. */
static int notify_fd = -1;

static void dial(void)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	const char *path = getenv("NOTIFY_SOCKET");
	size_t length = path ? strlen(path) : 0;
	socklen_t size =
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);

	if (length < 2 || length >= sizeof(to.sun_path) ||
	    (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(to.sun_path, path, length);
	/* The abstract namespace: its names begin with a zero. */
	if (path[0] == '@')
		to.sun_path[0] = '\0';
	notify_end();
	notify_fd =
		socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (notify_fd >= 0 && connect(notify_fd, (struct sockaddr *)&to, size))
		notify_end();
}

void notify_begin(void)
{
	dial();
}

void notify_end(void)
{
	if (notify_fd >= 0)
		close(notify_fd);
	notify_fd = -1;
}

/* Twice: the manager may have made its socket anew. */
static void send_text(const char *text, size_t n)
{
	int error = 0;

	if (!getenv("NOTIFY_SOCKET"))
		return;
	for (int i = 0; i < 2; i++) {
		if (notify_fd < 0)
			dial();
		if (notify_fd >= 0 &&
		    (send(notify_fd, text, n, MSG_NOSIGNAL) >= 0 ||
		     errno == EAGAIN))
			return;
		error = errno;
		notify_end();
	}
	log_say(LOG_WARNING, "the service manager cannot be told: %s",
		strerror(error));
}

void notify_send(const char *format, ...)
{
	char text[NOTIFY_MAX];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (n >= (int)sizeof(text))
		n = sizeof(text) - 1;
	if (n > 0)
		send_text(text, (size_t)n);
}

void notify_reloading(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	notify_send("RELOADING=1\nMONOTONIC_USEC=%" PRIu64 "\n"
		    "STATUS=Reading the configuration again",
		    (uint64_t)now.tv_sec * 1000000 +
			    (uint64_t)now.tv_nsec / 1000);
}
