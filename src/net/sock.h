/*
 * sock.h - making listening sockets.
 *
 * Floor: net.
 */
#ifndef WEIR_NET_SOCK_H
#define WEIR_NET_SOCK_H

#include <stdbool.h>

#include "net/addr.h"

/*
 * A non-blocking listening socket with SO_REUSEPORT, so that each worker has
 * a queue of its own. TCP_NODELAY and SO_KEEPALIVE are set here and inherited
 * by what is accepted; IPv6 sockets take IPv6 only. Returns -1 with errno.
 */
int sock_listen(const struct addr *addr);

/* The same without SO_REUSEPORT: nobody listens there beside us. */
int sock_listen_alone(const struct addr *addr);

/* A stream socket on a path, mode 0660; an old socket file there that nobody
 * answers on is replaced. Returns -1 with errno (EADDRINUSE: it is alive;
 * ENOTSOCK: there is a file that is no socket, and it stays). Before threads
 * make files: the file has its mode from umask(2) and is never without it. */
int sock_listen_path(const char *path);

/* A blocking connection to a socket on a path, for a command; each read and
 * write waits so many seconds at most. Returns -1 with errno. */
int sock_dial_path(const char *path, unsigned patience_s);

/* The file of a socket of ours that listens on a path, opened with O_PATH, so
 * that it can be given away whatever becomes of the path. Returns -1 with
 * errno; ESTALE: what stands there does not lead to us. */
int sock_open_file(const char *path);

/* The address of our end; false with errno. */
bool sock_own_address(int fd, struct addr *out);

/* Accepts one connection, non-blocking and closed on exec. Returns -1 with
 * errno; EAGAIN when another worker was faster. */
int sock_accept(int fd, struct addr *peer);

#endif
