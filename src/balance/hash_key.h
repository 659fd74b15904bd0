/*
 * hash_key.h - what of a request decides, where its group hashes.
 *
 * Floor: balance.  Pure; any thread.  Source: weir.yaml(5),
 * load_balancing.algorithm.hash_key.
 */
#ifndef WEIR_BALANCE_HASH_KEY_H
#define WEIR_BALANCE_HASH_KEY_H

#include "model/group.h"
#include "model/rule_index.h"

/* False when the request has no such part: then turns are taken. Of several
 * fields, cookies or pairs of one name the first counts. */
bool hash_key_of(const struct hash_key *key, const struct route_input *in,
		 uint64_t *hash);

#endif
