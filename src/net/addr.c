#include "addr.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "base/fail.h"

_Static_assert(ADDR_TEXT_MAX > INET6_ADDRSTRLEN + sizeof("[]:65535"),
	       "a path is longer than any IP");

bool addr_parse_ip(struct slice text, uint16_t port, struct addr *out)
{
	char ip[INET6_ADDRSTRLEN];
	struct addr a = {.len = 0};

	if (text.n == 0 || text.n >= sizeof(ip) || memchr(text.p, '\0', text.n))
		return false;
	memcpy(ip, text.p, text.n);
	ip[text.n] = '\0';
	if (inet_pton(AF_INET, ip, &a.in.sin_addr) == 1) {
		a.in.sin_family = AF_INET;
		a.in.sin_port = htons(port);
		a.len = sizeof(a.in);
	} else if (inet_pton(AF_INET6, ip, &a.in6.sin6_addr) == 1) {
		a.in6.sin6_family = AF_INET6;
		a.in6.sin6_port = htons(port);
		a.len = sizeof(a.in6);
	} else {
		return false;
	}
	*out = a;
	return true;
}

static bool parse_path(struct slice path, struct addr *out)
{
	struct addr a = {.len = 0};

	if (path.n == 0 || path.p[0] != '/' ||
	    path.n >= sizeof(a.un.sun_path) || memchr(path.p, '\0', path.n))
		return false;
	a.un.sun_family = AF_UNIX;
	memcpy(a.un.sun_path, path.p, path.n);
	a.len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.n +
			    1);
	*out = a;
	return true;
}

static bool parse_port(struct slice text, uint16_t *port)
{
	uint64_t value;

	if (text.n > 5 || !slice_to_u64(text, &value) || value == 0 ||
	    value > UINT16_MAX)
		return false;
	*port = (uint16_t)value;
	return true;
}

bool addr_parse(struct slice text, struct addr *out)
{
	struct slice ip, rest;
	uint16_t port;
	size_t end;

	if (slice_starts(text, SLICE("unix:")))
		return parse_path(slice_from(text, 5), out);
	if (text.n > 0 && text.p[0] == '[') {
		end = slice_find(text, ']');
		if (end == text.n)
			return false;
		ip = slice_make(text.p + 1, end - 1);
		if (slice_find(ip, ':') == ip.n)
			return false; /* brackets are for IPv6 */
		end++;
	} else {
		end = slice_find(text, ':');
		ip = slice_first(text, end);
	}
	rest = slice_from(text, end);
	return rest.n > 1 && rest.p[0] == ':' &&
	       parse_port(slice_from(rest, 1), &port) &&
	       addr_parse_ip(ip, port, out);
}

static bool is_mapped(const struct addr *a)
{
	return a->sa.sa_family == AF_INET6 &&
	       IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr);
}

bool addr_is_any(const struct addr *a)
{
	static const struct in6_addr any = IN6ADDR_ANY_INIT;

	if (a->sa.sa_family == AF_INET6)
		return memcmp(&a->in6.sin6_addr, &any, sizeof(any)) == 0;
	return a->sa.sa_family == AF_INET &&
	       a->in.sin_addr.s_addr == htonl(INADDR_ANY);
}

bool addr_is_v4(const struct addr *a)
{
	return a->sa.sa_family == AF_INET || is_mapped(a);
}

/* Octets to digits by hand: this runs for every connection. */
static size_t format_v4(const uint8_t *octets, char *out)
{
	char *at = out;

	for (int i = 0; i < 4; i++) {
		unsigned v = octets[i];

		if (i)
			*at++ = '.';
		if (v >= 100)
			*at++ = (char)('0' + v / 100);
		if (v >= 10)
			*at++ = (char)('0' + v / 10 % 10);
		*at++ = (char)('0' + v % 10);
	}
	return (size_t)(at - out);
}

/* `out` has room for INET6_ADDRSTRLEN. */
static size_t format_ip(const struct addr *a, char *out)
{
	if (a->sa.sa_family == AF_INET)
		return format_v4((const uint8_t *)&a->in.sin_addr, out);
	if (is_mapped(a))
		return format_v4(a->in6.sin6_addr.s6_addr + 12, out);
	if (a->sa.sa_family == AF_INET6 &&
	    inet_ntop(AF_INET6, &a->in6.sin6_addr, out, INET6_ADDRSTRLEN))
		return strlen(out);
	memcpy(out, "unix", 4);
	return 4;
}

size_t addr_format_ip(const struct addr *a, char out[ADDR_TEXT_MAX])
{
	return format_ip(a, out);
}

static size_t format_port(uint16_t port, char *out)
{
	return (size_t)snprintf(out, sizeof(":65535"), ":%u", port);
}

size_t addr_format(const struct addr *a, char out[ADDR_TEXT_MAX])
{
	size_t n;

	if (a->sa.sa_family == AF_UNIX) {
		size_t path = strnlen(a->un.sun_path, sizeof(a->un.sun_path));

		memcpy(out, "unix:", 5);
		memcpy(out + 5, a->un.sun_path, path);
		return 5 + path;
	}
	if (addr_is_v4(a)) {
		n = format_ip(a, out);
	} else {
		out[0] = '[';
		n = 1 + format_ip(a, out + 1);
		out[n++] = ']';
	}
	return n + format_port(addr_port(a), out + n);
}

uint16_t addr_port(const struct addr *a)
{
	switch (a->sa.sa_family) {
	case AF_INET:
		return ntohs(a->in.sin_port);
	case AF_INET6:
		return ntohs(a->in6.sin6_port);
	default:
		return 0;
	}
}

void addr_set_port(struct addr *a, uint16_t port)
{
	if (a->sa.sa_family == AF_INET)
		a->in.sin_port = htons(port);
	else if (a->sa.sa_family == AF_INET6)
		a->in6.sin6_port = htons(port);
}

bool addr_to_cidr(const struct addr *a, struct cidr *out)
{
	const uint8_t *octets = a->in6.sin6_addr.s6_addr;

	if (a->len == 0)
		return false;
	if (a->sa.sa_family == AF_INET)
		*out = cidr_make(4, (const uint8_t *)&a->in.sin_addr, 32);
	else if (a->sa.sa_family != AF_INET6)
		return false;
	else if (IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr))
		*out = cidr_make(4, octets + 12, 32);
	else
		*out = cidr_make(6, octets, 128);
	return true;
}

bool addr_is_loopback(const struct addr *addr)
{
	switch (addr->sa.sa_family) {
	case AF_INET:
		return ntohl(addr->in.sin_addr.s_addr) >> 24 == 127;
	case AF_INET6:
		return IN6_IS_ADDR_LOOPBACK(&addr->in6.sin6_addr);
	default:
		return false;
	}
}

bool addr_eq(const struct addr *a, const struct addr *b)
{
	if (a->sa.sa_family != b->sa.sa_family)
		return false;
	switch (a->sa.sa_family) {
	case AF_INET:
		return a->in.sin_port == b->in.sin_port &&
		       a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
	case AF_INET6:
		return a->in6.sin6_port == b->in6.sin6_port &&
		       memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr,
			      sizeof(a->in6.sin6_addr)) == 0;
	default:
		return a->len == b->len &&
		       strncmp(a->un.sun_path, b->un.sun_path,
			       sizeof(a->un.sun_path)) == 0;
	}
}
