/*
 * proxy_header.h - PROXY headers: what a proxy says of the connection that it
 * passes on, before the first octet of it.
 *
 * Strict: one text or one run of octets for what it says, and every length fits
 * what it counts. The addresses of a header are believed by who knows its
 * sender; here they are only read.
 *
 * Floor: net.  Pure; any thread.  Source: haproxy's proxy-protocol.txt, 2.1
 * and 2.2; RFC 3720 B.4 (CRC32C).
 */
#ifndef WEIR_NET_PROXY_HEADER_H
#define WEIR_NET_PROXY_HEADER_H

#include "base/slice.h"
#include "net/addr.h"

struct writer;

enum {
	PROXY_V1_MAX = 107,  /* with CR LF */
	PROXY_MAX = 4096,    /* of version 2, with its 16 octets; more is
			      * refused */
	PROXY_TELLS_IN = 16, /* so many octets tell that it is no header */
	PROXY_V2_LEAST = 16,
};

enum proxy_seen {
	PROXY_MORE, /* nothing is certain yet */
	PROXY_NONE, /* that is no PROXY header */
	PROXY_GOOD,
	PROXY_BAD, /* it begins as one and is malformed */
};

struct proxy_header {
	size_t octets; /* of the whole header */
	/* It speaks for itself (LOCAL), or does not know, or of something that
	 * has no IP address (UNKNOWN, AF_UNIX): the ends of the connection are
	 * what they are. Else both addresses are there. */
	bool is_local;
	struct addr source, destination;
};

/* Looks at what has come of a connection so far, PROXY_MAX octets at least
 * where there are so many. `out` is filled with PROXY_GOOD. */
enum proxy_seen proxy_header_read(struct slice seen, struct proxy_header *out);

/* CRC32C of octets; begins as 0, and goes on with what it gave. */
uint32_t proxy_crc32c(uint32_t so_far, const void *octets, size_t n);

#endif
