#include "craft.h"

#include <string.h>

enum { MAGIC = 0x77656972 }; /* "weir" */

static void put16(uint8_t *at, unsigned v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static void put32(uint8_t *at, uint32_t v)
{
	put16(at, v >> 16);
	put16(at + 2, v & 0xffff);
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
	       (uint32_t)at[2] << 8 | at[3];
}

static uint32_t sum(const uint8_t *at, size_t n)
{
	uint32_t s = 0;

	for (size_t i = 0; i < n; i++)
		s += i % 2 ? at[i] : (uint32_t)at[i] << 8;
	return s;
}

static unsigned fold(uint32_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return ~s & 0xffff;
}

/* The transport header; the checksum's offset in it, or 0. */
static size_t put_transport(const struct nft_packet *p, uint8_t *at,
			    size_t *checksum)
{
	*checksum = 0;
	switch (p->protocol) {
	case IPPROTO_TCP:
		put16(at, p->sport);
		put16(at + 2, p->dport);
		put32(at + 4, 1000);
		at[12] = 5 << 4;
		at[13] = p->tcp_flags;
		put16(at + 14, 1000);
		*checksum = 16;
		return 20;
	case IPPROTO_UDP:
		put16(at, p->sport);
		put16(at + 2, p->dport);
		*checksum = 6;
		return 8;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		at[0] = p->icmp_type;
		at[1] = p->icmp_code;
		put16(at + 4, p->sport);
		*checksum = 2;
		return 8;
	default:
		return 8;
	}
}

/* Of the addresses, as both families count them. */
static uint32_t pseudo_sum(const struct nft_packet *p, size_t octets)
{
	size_t n = p->source.family == 4 ? 4 : 16;

	if (p->protocol == IPPROTO_ICMP)
		return 0;
	return sum(p->source.octets, n) + sum(p->destination.octets, n) +
	       p->protocol + (uint32_t)octets;
}

static size_t put_ip(const struct nft_packet *p, uint8_t *at, size_t payload)
{
	if (p->source.family == 4) {
		at[0] = 0x45;
		put16(at + 2, (unsigned)(20 + payload));
		at[8] = 64;
		at[9] = p->protocol;
		memcpy(at + 12, p->source.octets, 4);
		memcpy(at + 16, p->destination.octets, 4);
		put16(at + 10, fold(sum(at, 20)));
		return 20;
	}
	at[0] = 0x60;
	put16(at + 4, (unsigned)payload);
	at[6] = p->protocol;
	at[7] = 64;
	memcpy(at + 8, p->source.octets, 16);
	memcpy(at + 24, p->destination.octets, 16);
	return 40;
}

size_t craft(const struct nft_packet *p, uint32_t mark, uint8_t out[CRAFT_MAX])
{
	size_t ip = p->source.family == 4 ? 20 : 40, checksum, head;

	memset(out, 0, CRAFT_MAX);
	head = put_transport(p, out + ip, &checksum);
	put32(out + ip + head, MAGIC);
	put32(out + ip + head + 4, mark);
	head += 8;
	if (p->protocol == IPPROTO_UDP)
		put16(out + ip + 4, (unsigned)head);
	if (checksum)
		put16(out + ip + checksum,
		      fold(sum(out + ip, head) + pseudo_sum(p, head)));
	return put_ip(p, out, head) + head;
}

uint32_t craft_mark(const uint8_t *packet, size_t octets)
{
	size_t ip = octets > 0 && packet[0] >> 4 == 4 ? 20 : 40;
	size_t total, expect;
	uint8_t protocol;

	if (octets < ip + 16)
		return 0;
	protocol = packet[ip == 20 ? 9 : 6];
	total = ip == 20 ? (size_t)packet[2] << 8 | packet[3]
			 : 40u + ((size_t)packet[4] << 8 | packet[5]);
	expect = ip + (protocol == IPPROTO_TCP ? 28 : 16);
	if (total != expect || octets < total ||
	    get32(packet + total - 8) != MAGIC)
		return 0;
	return get32(packet + total - 4);
}
