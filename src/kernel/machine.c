#include "machine.h"

#include <errno.h>
#include <ifaddrs.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fail.h"

/* Lines of /etc/resolv.conf and /proc/net/tcp are shorter. */
enum { LINE_OCTETS = 512 };

/* As glibc: more are never asked. */
enum { RESOLVERS_MAX = 3 };

/* -- addresses ------------------------------------------------------------- */

static bool is_loopback(const struct cidr *c)
{
	static const uint8_t one[16] = {[15] = 1};

	return c->family == 4 ? c->octets[0] == 127
			      : memcmp(c->octets, one, sizeof(one)) == 0;
}

static bool is_link_local(const struct cidr *c)
{
	return c->family == 4
		       ? c->octets[0] == 169 && c->octets[1] == 254
		       : c->octets[0] == 0xfe && (c->octets[1] & 0xc0) == 0x80;
}

static bool cidr_of(const struct sockaddr *sa, struct cidr *out)
{
	if (sa && sa->sa_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, sa, sizeof(in));
		*out = cidr_make(4, (const uint8_t *)&in.sin_addr, 32);
		return true;
	}
	if (sa && sa->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;

		memcpy(&in6, sa, sizeof(in6));
		*out = cidr_make(6, (const uint8_t *)&in6.sin6_addr, 128);
		return true;
	}
	return false;
}

static int by_cidr(const void *a, const void *b)
{
	return cidr_cmp(a, b);
}

/* In order and each once, so that the same addresses give the same rules. */
static unsigned sort_addresses(struct cidr *list, unsigned n)
{
	unsigned kept = 0;

	if (n)
		qsort(list, n, sizeof(*list), by_cidr);
	for (unsigned i = 0; i < n; i++)
		if (kept == 0 || !cidr_eq(&list[kept - 1], &list[i]))
			list[kept++] = list[i];
	return kept;
}

static int fill_addresses(struct firewall_config *config, struct arena *arena)
{
	struct ifaddrs *all = NULL;
	struct cidr *list, one;
	unsigned n = 0;

	config->addresses = NULL;
	config->n_addresses = 0;
	if (getifaddrs(&all))
		return -1;
	for (struct ifaddrs *i = all; i; i = i->ifa_next)
		n++;
	list = ARENA_ARRAY(arena, n, struct cidr);
	n = 0;
	for (struct ifaddrs *i = all; i; i = i->ifa_next)
		if (cidr_of(i->ifa_addr, &one) && !is_loopback(&one) &&
		    !is_link_local(&one))
			list[n++] = one;
	freeifaddrs(all);
	config->addresses = list;
	config->n_addresses = sort_addresses(list, n);
	return 0;
}

/* -- resolvers ------------------------------------------------------------- */

int machine_resolvers(const char *file, struct cidr *list, unsigned room,
		      bool *has_stub)
{
	FILE *from = fopen(file, "re");
	char line[LINE_OCTETS];
	unsigned n = 0;

	*has_stub = false;
	if (!from)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
	while (n < room && fgets(line, sizeof(line), from)) {
		struct slice rest = slice_of(line), word;

		rest.n = strcspn(line, "\r\n%");
		if (!slice_starts(rest, SLICE("nameserver")))
			continue;
		word = slice_trim(slice_from(rest, 10));
		if (!cidr_parse_address(word, &list[n]))
			continue;
		if (is_loopback(&list[n]))
			*has_stub = true;
		else
			n++;
	}
	if (ferror(from)) {
		fclose(from);
		errno = EIO;
		return -1;
	}
	fclose(from);
	return (int)n;
}

enum { RESOLV_CONF, RESOLVED };

const char *const machine_resolver_files[] = {
	[RESOLV_CONF] = "/etc/resolv.conf",
	[RESOLVED] = "/run/systemd/resolve/resolv.conf",
	NULL,
};

static int fill_resolvers(struct firewall_config *config, struct arena *arena)
{
	struct cidr *list = ARENA_ARRAY(arena, 2 * RESOLVERS_MAX, struct cidr);
	int n, more = 0;
	bool has_stub;

	n = machine_resolvers(machine_resolver_files[RESOLV_CONF], list,
			      RESOLVERS_MAX, &has_stub);
	/* The stub is of this machine; whom it asks stands elsewhere. */
	if (n >= 0 && has_stub)
		more = machine_resolvers(machine_resolver_files[RESOLVED],
					 list + n, RESOLVERS_MAX, &has_stub);
	if (n < 0 || more < 0)
		return -1;
	config->resolvers = list;
	config->n_resolvers = sort_addresses(list, (unsigned)(n + more));
	return 0;
}

/* -- the balancer's user --------------------------------------------------- */

static uint32_t balancer_uid(const struct settings *settings)
{
	char name[64];
	const struct passwd *pw;

	snprintf(name, sizeof(name), "%.*s", SLICE_ARG(settings->user));
	pw = getpwnam(name);
	if (!pw && settings->user_is_default)
		pw = getpwnam("nobody");
	return pw ? pw->pw_uid : geteuid();
}

int machine_fill(struct firewall_config *config,
		 const struct settings *settings, struct arena *arena,
		 struct diag *diag)
{
	config->balancer_uid = balancer_uid(settings);
	if (fill_addresses(config, arena))
		diag_error(diag, NULL, NULL,
			   "the addresses of this machine cannot be read: %s",
			   strerror(errno));
	else if (fill_resolvers(config, arena))
		diag_error(diag, NULL, NULL,
			   "the name servers of this machine cannot be read: "
			   "%s: %s",
			   machine_resolver_files[RESOLV_CONF],
			   strerror(errno));
	else
		return 0;
	return -1;
}

bool machine_follow(struct ruleset *rules)
{
	struct firewall_config config = {0};
	struct arena arena = {0};
	bool changed;

	changed = fill_addresses(&config, &arena) == 0 &&
		  ruleset_follow(rules, config.addresses, config.n_addresses);
	arena_release(&arena);
	return changed;
}

/* -- changes of addresses -------------------------------------------------- */

int machine_watch(void)
{
	const struct sockaddr_nl groups = {
		.nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR,
	};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
			NETLINK_ROUTE);
	int error;

	if (fd < 0)
		return -1;
	if (bind(fd, (const struct sockaddr *)&groups, sizeof(groups)) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

void machine_heard(int fd)
{
	char room[8192];

	/* What changed is read anew; ENOBUFS says only that much changed. */
	while (recv(fd, room, sizeof(room), 0) > 0 || errno == ENOBUFS)
		errno = 0;
}

/* -- ports that wait ------------------------------------------------------- */

struct heap {
	struct listening *list;
	size_t n, room;
};

static void add_listening(struct heap *h, const struct listening *l)
{
	for (size_t i = 0; i < h->n; i++)
		if (h->list[i].protocol == l->protocol &&
		    h->list[i].port == l->port &&
		    cidr_eq(&h->list[i].address, &l->address))
			return;
	if (h->n == h->room) {
		h->room = h->room * 2 + 32;
		h->list = xrealloc(h->list, h->room * sizeof(*h->list));
	}
	h->list[h->n++] = *l;
}

/* "0100007F" is 127.0.0.1: words of four octets in the machine's order. */
static bool read_hex_address(const char *text, struct cidr *out)
{
	size_t digits = strspn(text, "0123456789ABCDEFabcdef");
	uint8_t octets[16];

	if (digits != 8 && digits != 32)
		return false;
	for (size_t word = 0; word < digits / 8; word++) {
		char part[9] = {0};
		uint32_t number;

		memcpy(part, text + 8 * word, 8);
		number = (uint32_t)strtoul(part, NULL, 16);
		memcpy(octets + 4 * word, &number, 4);
	}
	*out = cidr_make(digits == 8 ? 4 : 6, octets, 128);
	return true;
}

/* "  0: 0100007F:1F90 00000000:0000 0A ..." */
static bool read_socket_line(const char *line, uint8_t protocol,
			     struct listening *out)
{
	const char *at = strchr(line, ':'), *port, *state;

	if (!at)
		return false;
	at += 1 + strspn(at + 1, " ");
	port = strchr(at, ':');
	if (!port || !read_hex_address(at, &out->address))
		return false;
	out->protocol = protocol;
	out->port = (uint16_t)strtoul(port + 1, NULL, 16);
	state = strchr(port, ' ');
	state = state ? strchr(state + 1, ' ') : NULL;
	/* LISTEN; for UDP, not connected. */
	return state && strtoul(state, NULL, 16) ==
				(protocol == IPPROTO_TCP ? 0x0aul : 0x07ul);
}

static void read_sockets(struct heap *h, const char *file, uint8_t protocol)
{
	char line[LINE_OCTETS];
	FILE *from = fopen(file, "re");
	struct listening one;

	while (from && fgets(line, sizeof(line), from))
		if (read_socket_line(line, protocol, &one) &&
		    !is_loopback(&one.address))
			add_listening(h, &one);
	if (from)
		fclose(from);
}

size_t machine_listening(struct listening **out)
{
	struct heap h = {0};

	read_sockets(&h, "/proc/net/tcp", IPPROTO_TCP);
	read_sockets(&h, "/proc/net/tcp6", IPPROTO_TCP);
	read_sockets(&h, "/proc/net/udp", IPPROTO_UDP);
	read_sockets(&h, "/proc/net/udp6", IPPROTO_UDP);
	*out = h.list;
	return h.n;
}
