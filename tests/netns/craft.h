/* craft.h - packets, octet by octet, with right checksums. */
#ifndef WEIR_TESTS_CRAFT_H
#define WEIR_TESTS_CRAFT_H

#include <stddef.h>

#include "firewall/verdict.h"

enum { CRAFT_MAX = 200 };

/*
 * Writes the IP packet that `p` describes, with `mark` as its last four
 * octets. Ports and ICMP ids are taken from p->sport. Returns its octets.
 */
size_t craft(const struct nft_packet *p, uint32_t mark, uint8_t out[CRAFT_MAX]);

/* The mark of an IP packet that craft() made; 0: it is none of ours, or it
 * was answered or wrapped on its way. */
uint32_t craft_mark(const uint8_t *packet, size_t octets);

#endif
