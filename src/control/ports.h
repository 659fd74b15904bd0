/*
 * ports.h - the listening sockets of all workers, keyed by address.
 *
 * Closing a SO_REUSEPORT socket drops the connections in its queue, so a
 * socket lives as long as its address is configured, over all reloads: it is
 * here, and workers borrow it. New ones are opened before a configuration is
 * accepted: if one of them cannot be had, nothing has happened yet.
 *
 * Floor: control.
 */
#ifndef WEIR_CONTROL_PORTS_H
#define WEIR_CONTROL_PORTS_H

#include <sys/types.h>

#include "base/diag.h"
#include "model/snapshot.h"
#include "proxy/worker.h"

/* A zeroed one has no ports. */
struct ports {
	unsigned n_workers;
	size_t n;              /* addresses */
	struct endpoint *rows; /* n for worker 0, then n for worker 1...; with a
				* reference to each socket; owned */
};

/*
 * Plans the ports of a snapshot: the sockets that `now` has are shared with it,
 * the others opened, one for each worker.
 *
 * next  zeroed; owned by the caller afterwards, after an error too
 *
 * Returns 0, or -1 after one finding for each address that cannot be had;
 * then nothing stays open. IPv6 on a machine without it is a warning where
 * the load balancer has other addresses.
 */
int ports_open(struct ports *next, const struct ports *now,
	       const struct snapshot *snap, unsigned n_workers,
	       struct diag *diag);

/* The n endpoints of one worker. */
static inline const struct endpoint *ports_of(const struct ports *p,
					      unsigned worker)
{
	return p->rows + p->n * worker;
}

/*
 * Makes the sockets those of another user. SO_REUSEPORT lets nobody else
 * beside them: without it, who is no longer root could not listen on
 * 127.0.0.1:80 next to its own 0.0.0.0:80. Returns 0, or -1 with errno.
 */
int ports_give(const struct ports *p, uid_t uid, gid_t gid);

/* Leaves the sockets to the workers that still accept from them, before these
 * are told to stop; the addresses stay, for people. */
void ports_let_go(struct ports *p);

/* Lets go and frees. */
void ports_release(struct ports *p);

/*
 * Finds out which ports of a snapshot could not be had, without having them:
 * nobody can connect meanwhile.
 *
 * running  a weir that holds ports of its own, which is no finding; 0: none
 *
 * What will not change by itself is an error (an address that this machine
 * does not have), what may is a warning (somebody else is there, the rights
 * of who asks).
 */
void ports_try(const struct snapshot *snap, pid_t running, struct diag *diag);

/* What to do about an errno of bind(2) and its like; NULL when that says it
 * all. It may stand in the room. */
enum { PORTS_HINT_MAX = 192 };
const char *ports_hint(int error, const struct addr *addr,
		       char room[PORTS_HINT_MAX]);

/* Writes "nginx, process 4711", who listens on this address, as far as /proc
 * tells us. Returns the process, or 0 when it does not. */
pid_t ports_owner(const struct addr *addr, char *out, size_t size);

#endif
