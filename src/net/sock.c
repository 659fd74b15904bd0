#include "sock.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* As long as net.core.somaxconn allows; the kernel cuts it. */
enum { BACKLOG = 65535 };

static int close_with(int fd, int error)
{
	close(fd);
	errno = error;
	return -1;
}

static int listen_on(const struct addr *addr, int is_shared)
{
	int family = addr->sa.sa_family, one = 1;
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &is_shared,
		       sizeof(is_shared)) ||
	    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one)) ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) ||
	    (family == AF_INET6 &&
	     setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one))) ||
	    bind(fd, &addr->sa, addr->len) || listen(fd, BACKLOG))
		return close_with(fd, errno);
	return fd;
}

int sock_listen(const struct addr *addr)
{
	return listen_on(addr, 1);
}

int sock_listen_alone(const struct addr *addr)
{
	return listen_on(addr, 0);
}

static bool somebody_answers(const struct addr *addr)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	/* Refused alone means that nobody is there; who is too busy, or does
	 * not want us, is alive. */
	bool alive = fd < 0 || connect(fd, &addr->sa, addr->len) == 0 ||
		     errno != ECONNREFUSED;

	if (fd >= 0)
		close(fd);
	return alive;
}

/* The folder of a path; *name is the rest of it. A descriptor, or -1 with
 * errno. */
static int open_folder(const char *path, const char **name)
{
	const char *slash = strrchr(path, '/');
	char folder[sizeof(((struct sockaddr_un *)0)->sun_path)] = ".";

	*name = slash ? slash + 1 : path;
	if (slash) {
		size_t n = slash == path ? 1 : (size_t)(slash - path);

		memcpy(folder, path, n);
		folder[n] = '\0';
	}
	return open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* Whatever is no socket is somebody's file. Returns 0, or -1 with errno. */
static int remove_socket(const char *path)
{
	struct stat st;
	const char *name;
	int folder = open_folder(path, &name), result = -1;

	if (folder < 0)
		return -1;
	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		errno = ENOTSOCK;
		if (S_ISSOCK(st.st_mode))
			result = unlinkat(folder, name, 0);
	}
	return result ? close_with(folder, errno) : close(folder);
}

static int bind_file(int fd, const struct addr *addr)
{
	mode_t before = umask(0117);
	int result = bind(fd, &addr->sa, addr->len);

	umask(before);
	return result;
}

int sock_listen_path(const char *path)
{
	size_t n = strlen(path);
	struct addr addr = {.len = sizeof(addr.un)};
	int fd;

	if (n >= sizeof(addr.un.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	addr.un.sun_family = AF_UNIX;
	memcpy(addr.un.sun_path, path, n + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (bind_file(fd, &addr)) {
		if (errno != EADDRINUSE || somebody_answers(&addr) ||
		    remove_socket(path) || bind_file(fd, &addr))
			return close_with(fd, errno);
	}
	if (listen(fd, 64))
		return close_with(fd, errno);
	return fd;
}

int sock_dial_path(const char *path, unsigned patience_s)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	const struct timeval patience = {.tv_sec = patience_s};
	int fd;

	if (strlen(path) >= sizeof(to.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(to.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	return close_with(fd, errno);
}

/* Whom one reaches through this file says who made it. */
static bool leads_to_us(int file)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	struct ucred who = {0};
	socklen_t n = sizeof(who);
	bool ours;

	snprintf(to.sun_path, sizeof(to.sun_path), "/proc/self/fd/%d", file);
	ours = fd >= 0 &&
	       connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0 &&
	       getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0 &&
	       who.pid == getpid();
	if (fd >= 0)
		close(fd);
	return ours;
}

int sock_open_file(const char *path)
{
	int file = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (file < 0 || leads_to_us(file))
		return file;
	return close_with(file, ESTALE);
}

int sock_accept(int fd, struct addr *peer)
{
	peer->len = sizeof(peer->un);
	return accept4(fd, &peer->sa, &peer->len, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

bool sock_own_address(int fd, struct addr *out)
{
	*out = (struct addr){.len = sizeof(out->un)};
	return getsockname(fd, &out->sa, &out->len) == 0;
}
