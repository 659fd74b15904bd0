/*
 * tunnel.h - an upgraded connection, and what it keeps of its configuration.
 *
 * Floor: proxy.  One thread.
 */
#ifndef WEIR_PROXY_TUNNEL_H
#define WEIR_PROXY_TUNNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct exchange;

/* What is asked for after the view has been left. One allocation, owned by
 * the exchange. */
struct tunnel {
	struct slice listener, group; /* names, in `names` */
	uint64_t idle_ms;             /* for the last octets of one side */
	uint16_t port;                /* of the listener */
	char names[];
};

/*
 * The answer 101 has been written. From here on the exchange has no view, no
 * listener, no rule and no group, but x->tunnel. False, and nothing has
 * changed, when memory is out.
 */
bool tunnel_begin(struct exchange *x);

/* The step of EXCH_TUNNEL is in steps.h. */

#endif
