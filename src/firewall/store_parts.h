/*
 * store_parts.h - the parts of a stored ruleset as JSON; private to store*.c.
 *
 * Floor: firewall.
 */
#ifndef WEIR_FIREWALL_STORE_PARTS_H
#define WEIR_FIREWALL_STORE_PARTS_H

#include <jansson.h>

#include "ruleset.h"

/* The form of the file; another number is another form. */
enum { STORE_VERSION = 1 };

/* New references. */
json_t *store_timeout_json(const struct nft_timeout *t);
json_t *store_set_head_json(const struct nft_set *set); /* no elements */
json_t *store_element_json(const struct nft_element *e);
json_t *store_chain_json(const struct nft_chain *chain);

/* Add what stands there; false when it is none of ours. */
bool store_timeout_read(struct ruleset *rules, const json_t *o);
bool store_set_read(struct ruleset *rules, const json_t *o);
bool store_chain_read(struct ruleset *rules, const json_t *o);

#endif
