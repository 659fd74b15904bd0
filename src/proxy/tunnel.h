/*
 * tunnel.h - an upgraded connection, and what it keeps of its configuration.
 *
 * Floor: proxy.  One thread.
 */
#ifndef WEIR_PROXY_TUNNEL_H
#define WEIR_PROXY_TUNNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "model/listener.h"

struct access_facts;
struct exchange;

/* What is asked for after the view has been left. One allocation, owned by
 * the exchange; record.listener and record.group lie in it. */
struct tunnel {
	uint64_t idle_ms; /* for the last octets of one side */
	bool front_broke; /* the target gets the rest, then a reset */
	bool reset;       /* one side was, and so is the other */
	/* For the access log: */
	struct line_log log;        /* with a reference to its journal */
	struct access_facts *facts; /* owned; NULL: it is not logged */
	char names[];
};

/*
 * The answer 101 has been written. From here on the exchange has no view, no
 * listener, no rule and no group, but x->tunnel. False, and nothing has
 * changed, when memory is out.
 */
bool tunnel_begin(struct exchange *x);

/* Frees it. */
void tunnel_end(struct exchange *x);

/* The step of EXCH_TUNNEL is in steps.h. */

#endif
