/*
 * addr.h - a socket address: IPv4, IPv6 or a path.
 *
 * Floor: net.
 */
#ifndef WEIR_NET_ADDR_H
#define WEIR_NET_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/cidr.h"
#include "base/slice.h"

struct addr {
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	};
	socklen_t len; /* 0: no address */
};

/* Room for every form that addr_format writes, with its zero. */
enum {
	ADDR_TEXT_MAX =
		sizeof("unix:") + sizeof(((struct sockaddr_un *)0)->sun_path)
};

/* "10.0.0.1" or "::1", without brackets; the port becomes `port`. No names.
 * Returns false and leaves *out alone when it is neither. */
bool addr_parse_ip(struct slice text, uint16_t port, struct addr *out);

/* "10.0.0.1:80", "[::1]:80" or "unix:/path"; the port is required and not 0.*/
bool addr_parse(struct slice text, struct addr *out);

/* Writes the form that addr_parse reads; returns its octets. */
size_t addr_format(const struct addr *a, char out[ADDR_TEXT_MAX]);

/* The IP alone, without port and brackets; "unix" for a path. An IPv4
 * address that came in through an IPv6 socket is written as IPv4. */
size_t addr_format_ip(const struct addr *a, char out[ADDR_TEXT_MAX]);

uint16_t addr_port(const struct addr *a); /* 0 for a path */
void addr_set_port(struct addr *a, uint16_t port);
bool addr_is_any(const struct addr *a); /* 0.0.0.0, :: */
bool addr_is_v4(const struct addr *a);  /* also IPv4 mapped into IPv6 */
/* The IP alone, as filters have it; IPv4 mapped into IPv6 is IPv4. False for a
 * path, or no address. */
bool addr_to_cidr(const struct addr *a, struct cidr *out);
bool addr_is_loopback(const struct addr *addr); /* false for a path */
bool addr_eq(const struct addr *a, const struct addr *b);

#endif
