#include "listening.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/fail.h"
#include "net/sock.h"

static struct listening *listening_of(int fd)
{
	struct listening *l;

	if (fd < 0)
		return NULL;
	l = xcalloc(1, sizeof(*l));
	atomic_init(&l->refs, 1);
	l->fd = fd;
	return l;
}

struct listening *listening_open(const struct addr *addr)
{
	return listening_of(sock_listen(addr));
}

struct listening *listening_open_alone(const struct addr *addr)
{
	return listening_of(sock_listen_alone(addr));
}

void listening_unref(struct listening *l)
{
	if (!l ||
	    atomic_fetch_sub_explicit(&l->refs, 1, memory_order_acq_rel) != 1)
		return;
	close(l->fd);
	free(l);
}
