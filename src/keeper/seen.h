/*
 * seen.h - new flows that no rule admits and that passed all the same, because
 * of mode: report; summed up by combination of groups, direction, protocol,
 * port and peer.
 *
 * In memory alone: a keeper that starts begins with nothing. The table has a
 * fixed size; a packet that finds it full takes the place of one that was seen
 * rarely and long ago, so a scan does not push out what comes again and again.
 *
 * Pure but for the memory. Floor: keeper.
 */
#ifndef WEIR_KEEPER_SEEN_H
#define WEIR_KEEPER_SEEN_H

#include "base/map.h"
#include "firewall/sighting.h"

enum { SEEN_MAX = 4096 };

/* Octets for the name of a chain of a profile, with its zero. */
enum { SEEN_CHAIN_MAX = 40 };

/* What is summed up; without padding that is not zero, for it is hashed. */
struct seen_key {
	char chain[SEEN_CHAIN_MAX]; /* of the profile: groups and direction */
	struct cidr peer;           /* who sent it, or to whom it went */
	uint16_t port;              /* tcp and udp; as the sender used it */
	uint8_t protocol;
	uint8_t icmp_type, icmp_code;
};

struct seen_flow {
	struct seen_key key;
	struct sighting sample; /* the first one */
	uint64_t packets;
	uint64_t last_ms; /* wall clock */
};

struct seen {
	struct seen_flow *flows; /* room for SEEN_MAX; from malloc, at first
				  * use */
	unsigned n;
	struct map by_key;
	uint32_t cursor;    /* where to look for a place */
	uint64_t packets;   /* in the table, or once in it */
	uint64_t forgotten; /* flows that lost their place */
	uint64_t middle;    /* packets in the middle of a flow */
	uint64_t unread;    /* whose ports cannot be told */
	uint64_t others;    /* that no security group decides about */
};

void seen_release(struct seen *seen);

/* Of a packet that passed. `words` are those of its prefix. */
void seen_add(struct seen *seen, const struct sighting *s,
	      const struct tell_words *words);

/* The chain of a profile decides about what is sent, not about what comes. */
bool seen_is_egress(const char *chain);

#endif
