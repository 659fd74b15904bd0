/*
 * announced.h - who a proxy in front of us says that a client is.
 *
 * Where a listener asks for PROXY headers, a connection from one of the
 * trusted addresses has to begin with one, and its source is the client for
 * all that follows: rules, logs, limits, X-Forwarded-For. Others are served as
 * they are, but what they say of somebody else is refused.
 *
 * Floor: proxy.  One thread.  Source: weir.yaml(5), proxy_protocol.enabled.
 */
#ifndef WEIR_PROXY_ANNOUNCED_H
#define WEIR_PROXY_ANNOUNCED_H

#include "net/conn.h"

enum announced {
	ANNOUNCED_LATER,   /* more has to come */
	ANNOUNCED_NOTHING, /* who connected is the client */
	ANNOUNCED_CLIENT,  /* *client is filled */
	ANNOUNCED_BADLY,   /* REASON_BAD_PROXY_HEADER */
};

/*
 * Looks at what conn_fill() gave, and takes the header off.
 *
 * trusted  whether who connected may say who the client is, and has to
 *
 * The octets looked at are PROXY_MAX at most, those of somebody who is not
 * trusted PROXY_TELLS_IN.
 */
enum announced announced_look(struct conn *conn, bool trusted,
			      struct addr *client);

#endif
