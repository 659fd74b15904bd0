/*
 * trust.h - who asks, where proxies in front of us may say so.
 *
 * Floor: model.  Pure.  Source: weir.yaml(5), trusted_addresses.
 */
#ifndef WEIR_MODEL_TRUST_H
#define WEIR_MODEL_TRUST_H

#include "http/head.h"
#include "model/listener.h"

/* Whether what a peer says of others is kept. Without trusted_addresses it is,
 * as on AWS. */
bool trust_peer(const struct load_balancer *lb, const struct addr *peer);

/* X-Forwarded-* and Forwarded, by a name that came. */
bool trust_is_needed(struct slice name);

/*
 * The address of the client: for a trusted peer the rightmost one in
 * X-Forwarded-For that is not trusted itself, else the peer's. An entry that
 * is no address ends the search: who wrote it knew no better, and what stands
 * before it may be anybody's.
 */
struct addr trust_client(const struct load_balancer *lb,
			 const struct http_head *head, const struct addr *peer);
/* The same as text, without a port. Returns its octets. */
size_t trust_client_address(const struct load_balancer *lb,
			    const struct http_head *head,
			    const struct addr *peer, char out[ADDR_TEXT_MAX]);

#endif
