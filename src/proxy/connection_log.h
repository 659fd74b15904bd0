/*
 * connection_log.h - a connection's line in a connection log.
 *
 * Floor: proxy.  One thread.
 */
#ifndef WEIR_PROXY_CONNECTION_LOG_H
#define WEIR_PROXY_CONNECTION_LOG_H

#include "base/reason.h"
#include "model/listener.h"
#include "proxy/client.h"

void connection_log_write(struct client *c, enum reason why);

/* It is there, or it failed for this reason; a line where its load balancer
 * logs connections. Once for each. */
static inline void connection_log(struct client *c, enum reason why)
{
	if (c->acceptor->listener->balancer->connection_log.journal)
		connection_log_write(c, why);
}

#endif
