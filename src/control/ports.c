#include "ports.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "net/sock.h"

/* Takes the sockets of row i over from `now`, which may have them. */
static bool keep_row(struct ports *p, size_t i, const struct ports *now)
{
	for (size_t j = 0; j < now->n; j++) {
		if (!addr_eq(&now->rows[j].addr, &p->rows[i].addr))
			continue;
		for (unsigned w = 0; w < p->n_workers; w++)
			p->rows[w * p->n + i].socket =
				listening_ref(now->rows[w * now->n + j].socket);
		return true;
	}
	return false;
}

static bool is_any(const struct addr *addr)
{
	return addr->sa.sa_family == AF_INET
		       ? addr->in.sin_addr.s_addr == htonl(INADDR_ANY)
		       : IN6_IS_ADDR_UNSPECIFIED(&addr->in6.sin6_addr);
}

/* Whether one of the first n rows is all addresses of the family and the
 * other one of these, on the same port. */
static bool has_beside(const struct endpoint *rows, size_t n,
		       const struct addr *addr)
{
	for (size_t i = 0; i < n; i++) {
		const struct addr *other = &rows[i].addr;

		if (other->sa.sa_family == addr->sa.sa_family &&
		    addr_port(other) == addr_port(addr) &&
		    is_any(other) != is_any(addr))
			return true;
	}
	return false;
}

const char *ports_hint(int error, const struct addr *addr,
		       char room[PORTS_HINT_MAX])
{
	char owner[128];

	switch (error) {
	case EACCES:
	case EPERM:
		return addr_port(addr) < 1024
			       ? "ports below 1024 need root or the capability "
				 "CAP_NET_BIND_SERVICE"
			       : NULL;
	case EADDRINUSE:
		if (!ports_owner(addr, owner, sizeof(owner)))
			return "another process listens there";
		snprintf(room, PORTS_HINT_MAX, "%s listens there", owner);
		return room;
	case EADDRNOTAVAIL:
		return "this machine does not have that address";
	case EMFILE:
	case ENFILE:
		return "raise the limit of open files";
	default:
		return NULL;
	}
}

static bool is_wildcard_v6(const struct addr *addr)
{
	return addr->sa.sa_family == AF_INET6 && is_any(addr);
}

static void complain_port(struct diag *diag, enum severity severity,
			  const struct listener *l, const struct addr *addr,
			  int error)
{
	char text[ADDR_TEXT_MAX], room[PORTS_HINT_MAX];

	text[addr_format(addr, text)] = '\0';
	(severity == SEVERITY_ERROR ? diag_error : diag_warning)(
		diag, &l->place, ports_hint(error, addr, room),
		"cannot listen on %s: %s", text, strerror(error));
}

/* Who listens on all addresses can do without IPv6. */
static bool is_spare(const struct listener *l, const struct addr *addr,
		     int error)
{
	return is_wildcard_v6(addr) && l->balancer->n_addresses > 1 &&
	       (error == EAFNOSUPPORT || error == EADDRNOTAVAIL);
}

/*
 * With SO_REUSEPORT the kernel would let us share a port with any process of
 * our user, another weir for one, and half of the connections would go
 * there. So we ask first without it, but where we ourselves are in the way.
 * Returns 0 or an errno.
 */
static int probe_port(const struct addr *addr)
{
	int family = addr->sa.sa_family, one = 1, error = 0;
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    (family == AF_INET6 &&
	     setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one))) ||
	    bind(fd, &addr->sa, addr->len))
		error = errno;
	close(fd);
	return error;
}

enum opened { OPENED, WITHOUT, FAILED };

/* Opens one address for all workers: row i of each. */
static enum opened open_row(struct ports *p, size_t i, const struct ports *now,
			    const struct listener *l, struct diag *diag)
{
	const struct addr *addr = &p->rows[i].addr;
	bool ours = has_beside(now->rows, now->n, addr) ||
		    has_beside(p->rows, i, addr);

	for (unsigned w = 0; w < p->n_workers; w++) {
		int error = w == 0 && !ours ? probe_port(addr) : 0;
		struct listening *socket = error ? NULL : listening_open(addr);

		p->rows[w * p->n + i].socket = socket;
		if (socket)
			continue;
		error = error ? error : errno;
		if (w == 0 && is_spare(l, addr, error)) {
			diag_warning(diag, &l->place, NULL,
				     "this machine has no IPv6: port %u "
				     "listens on IPv4 only",
				     l->port);
			return WITHOUT;
		}
		complain_port(diag, SEVERITY_ERROR, l, addr, error);
		return FAILED;
	}
	return OPENED;
}

/* Takes row i out of each worker's part. */
static void drop_row(struct ports *p, size_t i)
{
	size_t to = 0;

	for (size_t at = 0; at < p->n * p->n_workers; at++)
		if (at % p->n != i)
			p->rows[to++] = p->rows[at];
	p->n--;
}

static size_t count_addresses(const struct snapshot *snap)
{
	size_t n = 0;

	for (size_t b = 0; b < snap->n_balancers; b++)
		n += snap->balancers[b].n_addresses *
		     snap->balancers[b].n_listeners;
	return n;
}

static void plan_row(struct ports *p, size_t i, const struct listener *l,
		     const struct addr *address)
{
	struct endpoint row = {*address, l->index, NULL};

	addr_set_port(&row.addr, l->port);
	for (unsigned w = 0; w < p->n_workers; w++)
		p->rows[w * p->n + i] = row;
}

static bool plan_listener(struct ports *p, size_t *at, const struct ports *now,
			  const struct listener *l, struct diag *diag)
{
	bool good = true;

	for (size_t a = 0; a < l->balancer->n_addresses; a++) {
		plan_row(p, *at, l, &l->balancer->addresses[a]);
		if (keep_row(p, *at, now)) {
			++*at;
			continue;
		}
		switch (open_row(p, *at, now, l, diag)) {
		case WITHOUT:
			drop_row(p, *at);
			continue;
		case FAILED:
			good = false;
			break;
		case OPENED:
			break;
		}
		++*at;
	}
	return good;
}

int ports_open(struct ports *next, const struct ports *now,
	       const struct snapshot *snap, unsigned n_workers,
	       struct diag *diag)
{
	size_t at = 0;
	bool good = true;

	*next = (struct ports){.n_workers = n_workers};
	next->n = count_addresses(snap);
	next->rows = xcalloc(next->n * n_workers + 1, sizeof(*next->rows));
	for (size_t b = 0; b < snap->n_balancers; b++)
		for (size_t i = 0; i < snap->balancers[b].n_listeners; i++)
			good &= plan_listener(next, &at, now,
					      &snap->balancers[b].listeners[i],
					      diag);
	if (good)
		return 0;
	ports_release(next);
	return -1;
}

/* Where /proc does not tell, it is the likely one. */
static bool is_of(pid_t running, const struct addr *addr)
{
	char ignored[128];
	pid_t owner = running ? ports_owner(addr, ignored, sizeof(ignored)) : 0;

	return running && (owner == 0 || owner == running);
}

static void try_address(const struct listener *l, const struct addr *address,
			pid_t running, struct diag *diag)
{
	struct addr addr = *address;
	int error;

	addr_set_port(&addr, l->port);
	error = probe_port(&addr);
	switch (error) {
	case 0:
		break;
	case EADDRINUSE:
		if (!is_of(running, &addr))
			complain_port(diag, SEVERITY_WARNING, l, &addr, error);
		break;
	case EACCES:
	case EPERM:
		complain_port(diag, SEVERITY_WARNING, l, &addr, error);
		break;
	default:
		if (!is_spare(l, &addr, error))
			complain_port(diag, SEVERITY_ERROR, l, &addr, error);
		break;
	}
}

void ports_try(const struct snapshot *snap, pid_t running, struct diag *diag)
{
	for (size_t b = 0; b < snap->n_balancers; b++) {
		const struct load_balancer *lb = &snap->balancers[b];

		for (size_t i = 0; i < lb->n_listeners; i++)
			for (size_t a = 0; a < lb->n_addresses; a++)
				try_address(&lb->listeners[i],
					    &lb->addresses[a], running, diag);
	}
}

int ports_give(const struct ports *p, uid_t uid, gid_t gid)
{
	for (size_t i = 0; i < p->n * p->n_workers; i++)
		if (fchown(p->rows[i].socket->fd, uid, gid))
			return -1;
	return 0;
}

void ports_let_go(struct ports *p)
{
	for (size_t i = 0; i < p->n * p->n_workers; i++) {
		listening_unref(p->rows[i].socket);
		p->rows[i].socket = NULL;
	}
}

void ports_release(struct ports *p)
{
	ports_let_go(p);
	free(p->rows);
	*p = (struct ports){0};
}
