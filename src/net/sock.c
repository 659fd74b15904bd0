#include "sock.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* As long as net.core.somaxconn allows; the kernel cuts it. */
enum { BACKLOG = 65535 };

static int close_with(int fd, int error)
{
	close(fd);
	errno = error;
	return -1;
}

int sock_listen(const struct addr *addr)
{
	int family = addr->sa.sa_family, one = 1;
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one)) ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) ||
	    (family == AF_INET6 &&
	     setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one))) ||
	    bind(fd, &addr->sa, addr->len) || listen(fd, BACKLOG))
		return close_with(fd, errno);
	return fd;
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

/* Whatever else stands there is somebody's file. */
static bool is_socket(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISSOCK(st.st_mode);
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
	if (bind(fd, &addr.sa, addr.len)) {
		if (errno != EADDRINUSE || somebody_answers(&addr))
			return close_with(fd, errno);
		if (!is_socket(path))
			return close_with(fd, ENOTSOCK);
		unlink(path);
		if (bind(fd, &addr.sa, addr.len))
			return close_with(fd, errno);
	}
	if (chmod(path, 0660) || listen(fd, 64))
		return close_with(fd, errno);
	return fd;
}

int sock_accept(int fd, struct addr *peer)
{
	peer->len = sizeof(peer->un);
	return accept4(fd, &peer->sa, &peer->len, SOCK_NONBLOCK | SOCK_CLOEXEC);
}
