/*
 * sighting.h - a packet that was dropped, or would have been, as far as it can
 * be told from its first octets.
 *
 * The octets come from whoever sends to this machine. What they do not say,
 * or say in a way that cannot be read, stays zero.
 *
 * Pure. Floor: firewall.  Source: RFC 791, 8200, 9293, 768, 792, 4443.
 */
#ifndef WEIR_FIREWALL_SIGHTING_H
#define WEIR_FIREWALL_SIGHTING_H

#include "tell.h"
#include "verdict.h"

/* So many octets of a packet are looked at: the headers of IPv6 with some
 * extensions, and what of TCP counts. */
enum { SIGHTING_OCTETS = 160 };

struct sighting {
	uint64_t at_ms;               /* wall clock, since 1970 */
	char prefix[TELL_PREFIX_MAX]; /* which rule said so; see tell_parse() */
	struct nft_packet packet;     /* hook, interfaces and what is seen of
				       * the packet; ct_state is CT_NEW */
	uint32_t octets;              /* of the whole packet */
	bool has_ports;               /* else sport, dport, the type of ICMP and
				       * flags mean nothing */
};

/*
 * Reads a packet that begins with its IP header; at most the first octets of
 * it are there. Sets addresses, protocol, ports, flags and length, and leaves
 * the rest of *out. False: this is no IPv4 and no IPv6.
 */
bool sighting_read(struct slice packet, struct sighting *out);

/* TCP that is no SYN: in the middle of its flow, or an answer. No rule is
 * missing for it. */
bool sighting_is_of_flow(const struct sighting *s);

/* "tcp 203.0.113.7:40000 > 10.0.1.11:22 syn, 60 octets, in eth0, out veth1".
 * The port is that which the sender used. */
void sighting_words(const struct sighting *s, struct text *out);

#endif
