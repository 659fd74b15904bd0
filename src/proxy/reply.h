/*
 * reply.h - answers that weir makes itself, in ALB's shape.
 *
 * Floor: proxy.  Source: what Application Load Balancers answer.
 */
#ifndef WEIR_PROXY_REPLY_H
#define WEIR_PROXY_REPLY_H

#include "proxy/exchange.h"

/*
 * Each writes a whole answer to the client. `last`: it is told to ask nothing
 * more. False when the buffers are at their limit: then nothing was written
 * and the connection is to be closed.
 */
bool reply_error(struct exchange *x, enum reason reason, bool last);
bool reply_fixed(struct exchange *x, const struct fixed_response *fixed,
		 bool last);
bool reply_redirect(struct exchange *x, unsigned status, struct slice location,
		    bool last);

#endif
