/*
 * nflog.h - hears the packets that rules give to an NFLOG group.
 *
 * The kernel keeps what is not read in the buffer of one socket, and throws
 * away what does not fit; numbers that are missing tell how much that was. So
 * whoever reads too little is late, never in the way.
 *
 * Floor: kernel.  Not thread-safe.
 * Source: linux/netfilter/nfnetlink_log.h.
 */
#ifndef WEIR_KERNEL_NFLOG_H
#define WEIR_KERNEL_NFLOG_H

#include "firewall/sighting.h"

struct nflog {
	int fd; /* readable when there is something to hear; -1: closed */
	uint32_t next; /* number of the next packet */
	uint64_t lost; /* packets that did not fit into the buffer */
};

/* Packets come in bundles, this much later at most. */
enum { NFLOG_LATE_MS = 50 };

/*
 * Begins to listen. Returns 0, or -1 with errno: EPERM where another process
 * has the group, or CAP_NET_ADMIN is missing; EOPNOTSUPP where the kernel has
 * no NFLOG.
 */
int nflog_open(struct nflog *l, uint16_t group);
void nflog_close(struct nflog *l);

/* This kernel does not tell the flow of a packet, and so no port that it was
 * sent to before translation. False where nobody may ask. */
bool nflog_lacks_flows(void);

/* Calls `saw` for each packet that has come, and stops when there were `most`
 * of them or a few more. Returns how many. */
unsigned nflog_hear(struct nflog *l, unsigned most,
		    void (*saw)(void *arg, const struct sighting *s),
		    void *arg);

#endif
