#include "sighting.h"

#include <netinet/in.h>
#include <string.h>

#include "base/fail.h"

/* Octets of headers; RFC 791 3.1, RFC 8200 3 and 4. */
enum { IPV4_LEAST = 20, IPV6_HEADER = 40, EXTENSION_UNIT = 8 };
/* Extension headers that are walked. */
enum { EXTENSIONS_MAX = 8 };

static uint16_t number16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

/* What stands behind the IP header. */
static void read_transport(struct slice rest, struct sighting *out)
{
	const uint8_t *at = (const uint8_t *)rest.p;
	struct nft_packet *p = &out->packet;

	switch (p->protocol) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
		if (rest.n < 4)
			return;
		p->sport = number16(at);
		p->dport = number16(at + 2);
		if (p->protocol == IPPROTO_TCP && rest.n < 14)
			return;
		if (p->protocol == IPPROTO_TCP)
			p->tcp_flags = at[13];
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		if (rest.n < 2)
			return;
		p->icmp_type = at[0];
		p->icmp_code = at[1];
		break;
	default:
		return;
	}
	out->has_ports = true;
}

static bool read_ipv4(struct slice packet, struct sighting *out)
{
	const uint8_t *at = (const uint8_t *)packet.p;
	size_t header = (size_t)(at[0] & 15) * 4;

	if (packet.n < IPV4_LEAST || header < IPV4_LEAST)
		return false;
	out->octets = number16(at + 2);
	out->packet.protocol = at[9];
	out->packet.source = cidr_make(4, at + 12, 32);
	out->packet.destination = cidr_make(4, at + 16, 32);
	/* A later fragment has no ports. */
	if ((number16(at + 6) & 0x1fff) == 0 && packet.n > header)
		read_transport(slice_from(packet, header), out);
	return true;
}

static bool is_extension(uint8_t header)
{
	return header == IPPROTO_HOPOPTS || header == IPPROTO_ROUTING ||
	       header == IPPROTO_DSTOPTS || header == IPPROTO_FRAGMENT;
}

static bool read_ipv6(struct slice packet, struct sighting *out)
{
	const uint8_t *at = (const uint8_t *)packet.p;
	struct slice rest = slice_from(packet, IPV6_HEADER);
	uint8_t header;

	if (packet.n < IPV6_HEADER)
		return false;
	header = at[6];
	out->octets = IPV6_HEADER + (uint32_t)number16(at + 4);
	out->packet.source = cidr_make(6, at + 8, 128);
	out->packet.destination = cidr_make(6, at + 24, 128);
	for (unsigned i = 0; i < EXTENSIONS_MAX && is_extension(header); i++) {
		size_t size;

		if (rest.n < EXTENSION_UNIT)
			break;
		at = (const uint8_t *)rest.p;
		size = header == IPPROTO_FRAGMENT
			       ? EXTENSION_UNIT
			       : (size_t)(at[1] + 1) * EXTENSION_UNIT;
		/* A later fragment has no ports. */
		if (header == IPPROTO_FRAGMENT && number16(at + 2) >> 3)
			size = rest.n;
		header = at[0];
		rest = slice_from(rest, size < rest.n ? size : rest.n);
	}
	out->packet.protocol = header;
	read_transport(rest, out);
	return true;
}

bool sighting_read(struct slice packet, struct sighting *out)
{
	if (packet.n == 0)
		return false;
	switch ((uint8_t)packet.p[0] >> 4) {
	case 4:
		return read_ipv4(packet, out);
	case 6:
		return read_ipv6(packet, out);
	default:
		return false;
	}
}

bool sighting_is_of_flow(const struct sighting *s)
{
	const uint8_t mask = TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK;

	return s->packet.protocol == IPPROTO_TCP && s->has_ports &&
	       (s->packet.tcp_flags & mask) != TCP_SYN;
}

/* -- words ----------------------------------------------------------------- */

static void add_address(struct text *out, const struct cidr *address,
			bool has_port, uint16_t port)
{
	char words[CIDR_TEXT_MAX];

	cidr_format_address(address, words);
	if (!has_port)
		text_addf(out, "%s", words);
	else
		text_addf(out, address->family == 6 ? "[%s]:%u" : "%s:%u",
			  words, (unsigned)port);
}

static void add_flags(struct text *out, uint8_t flags)
{
	static const struct {
		uint8_t bit;
		const char *name;
	} names[] = {{TCP_SYN, "syn"},
		     {TCP_ACK, "ack"},
		     {TCP_FIN, "fin"},
		     {TCP_RST, "rst"}};
	bool first = true;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!(flags & names[i].bit))
			continue;
		text_addf(out, "%s%s", first ? " " : "+", names[i].name);
		first = false;
	}
}

static void add_icmp(struct text *out, const struct nft_packet *p)
{
	const char *name = icmp_type_name(p->protocol, p->icmp_type);

	if (name)
		text_addf(out, " %s", name);
	else
		text_addf(out, " type %u", (unsigned)p->icmp_type);
	if (p->icmp_code)
		text_addf(out, " code %u", (unsigned)p->icmp_code);
}

void sighting_words(const struct sighting *s, struct text *out)
{
	const struct nft_packet *p = &s->packet;
	bool icmp = p->protocol == IPPROTO_ICMP ||
		    p->protocol == IPPROTO_ICMPV6;
	bool ports = s->has_ports && !icmp;

	sg_protocol_text(p->protocol, out);
	text_addc(out, ' ');
	add_address(out, &p->source, ports, p->sport);
	text_add(out, SLICE(" > "));
	add_address(out, &p->destination, ports, p->dport);
	if (s->has_ports && icmp)
		add_icmp(out, p);
	if (ports && p->protocol == IPPROTO_TCP)
		add_flags(out, p->tcp_flags);
	text_addf(out, ", %u octets", (unsigned)s->octets);
	if (p->iifname[0])
		text_addf(out, ", in %s", p->iifname);
	if (p->oifname[0])
		text_addf(out, ", out %s", p->oifname);
}
