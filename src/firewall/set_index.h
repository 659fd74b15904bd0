/*
 * set_index.h - which element of a set of boxes covers a key?
 *
 * The first field of a box is a network. Networks contain each other or do
 * not touch, so those around an address are few, and each knows the next
 * larger one. Within a network the other fields are one stretch after
 * another, found by halving.
 *
 * Sets that are no such thing (somebody else's) have no such order.
 *
 * Pure. Floor: firewall.
 */
#ifndef WEIR_FIREWALL_SET_INDEX_H
#define WEIR_FIREWALL_SET_INDEX_H

#include "ruleset.h"

struct set_index;

/* Of a set whose keys have several fields. Points to elements, so it is
 * worthless once one is added or moved. */
struct set_index *set_index_new(const struct nft_set *set);
void set_index_free(struct set_index *index); /* NULL is allowed */

/* False: the boxes are not as described above, and nothing can be found. */
bool set_index_is_ordered(const struct set_index *index);

/* The element that covers the key, or NULL. */
const struct nft_element *set_index_find(const struct set_index *index,
					 const uint8_t *key);

#endif
