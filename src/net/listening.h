/*
 * listening.h - a listening socket that several hold.
 *
 * Control has a reference for as long as the address is configured, so that
 * the socket can be given to others; a worker has one for as long as it
 * accepts. Closing a socket resets what waits in its queue, so whoever wants it
 * closed drops his reference first, and the worker after it has taken them.
 *
 * Floor: net.  Any thread.
 */
#ifndef WEIR_NET_LISTENING_H
#define WEIR_NET_LISTENING_H

#include <stdatomic.h>

#include "net/addr.h"

struct listening {
	_Atomic unsigned refs;
	int fd; /* never changes */
};

/* sock_listen() with one reference. NULL with errno. */
struct listening *listening_open(const struct addr *addr);
/* sock_listen_alone(), likewise. */
struct listening *listening_open_alone(const struct addr *addr);

static inline struct listening *listening_ref(struct listening *l)
{
	atomic_fetch_add_explicit(&l->refs, 1, memory_order_relaxed);
	return l;
}

/* The last one closes. NULL is allowed. */
void listening_unref(struct listening *l);

#endif
