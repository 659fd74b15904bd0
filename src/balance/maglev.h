/*
 * maglev.h - a table in which a change of targets moves few of the others'.
 *
 * Every slot belongs to one target; a hash modulo HASH_SLOTS finds it. The
 * table is made of the names of the registered targets alone, so that all
 * nodes with the same file have the same one. A slot whose target cannot be
 * used goes, by itself, to the usable one that bids most for it: what belongs
 * to others stays where it is, and two nodes that differ about one target
 * differ about its slots only.
 *
 *	offset = XXH64(name, seed 1) mod 65537
 *	skip   = XXH64(name, seed 2) mod 65536 + 1
 *	bid    = XXH64(name and slot, seed 3), the highest of its turns
 *
 * A name is what people read: "10.0.0.5:80", "[2001:db8::1]:53". tests/unit/
 * test_maglev.c has vectors for whoever builds the same table elsewhere.
 *
 * Floor: balance.  Pure; any thread.  Source: Eisenbud and others, "Maglev: A
 * Fast and Reliable Software Network Load Balancer", 3.4; weir.yaml(5),
 * consistent_hash.
 */
#ifndef WEIR_BALANCE_MAGLEV_H
#define WEIR_BALANCE_MAGLEV_H

#include <stddef.h>
#include <stdint.h>

#include "model/group.h"

struct addr;
struct roster;

struct maglev_target {
	struct slice name; /* at most ADDR_TEXT_MAX octets */
	uint32_t turns;    /* at least 1: its weight, divided by the greatest
			    * common divisor of all */
};

/*
 * Fills the table with places in `targets`, which may stand in any order.
 *
 * n  from 1 to HASH_SLOTS - 1; their turns add up to HASH_TURNS_MAX at most
 */
void maglev_fill(uint16_t slots[static HASH_SLOTS],
		 const struct maglev_target *targets, size_t n);

/* What a target bids for a slot; costs a hash for each of its turns. */
uint64_t maglev_bid(const struct maglev_target *target, uint32_t slot);

/*
 * The table of those in a roster, by their places in it; the caller frees.
 * NULL when memory is out, or there are none, or more of them or of their turns
 * than slots: such a group takes turns.
 */
uint16_t *maglev_of_roster(const struct roster *roster);

/* What is hashed of an address: its 16 octets, those of IPv4 as mapped into
 * IPv6, and the number of the IP protocol behind them. */
uint64_t maglev_hash_address(const struct addr *addr, uint8_t protocol);
/* What is hashed of a text. */
uint64_t maglev_hash_text(struct slice text);

#endif
