#include "proxy_header.h"

#include <string.h>

static const char v1_start[] = "PROXY ";
static const char v2_start[] = "\r\n\r\n\0\r\nQUIT\n";

enum {
	V1_START = sizeof(v1_start) - 1,
	V2_START = sizeof(v2_start) - 1,
	V2_LOCAL = 0x20,
	V2_PROXY = 0x21,
	OVER_TCP4 = 0x11,
	OVER_TCP6 = 0x21,
	OVER_UNIX = 0x31,
	OVER_UNSPEC = 0x00,
	TLV_CRC32C = 0x03,
	TLV_HEAD = 3, /* type and length */
	PORT_DIGITS = 5,
};

/* Whether what came agrees with a start, as far as both go. */
static bool agrees(struct slice seen, const char *start, size_t n)
{
	return memcmp(seen.p, start, seen.n < n ? seen.n : n) == 0;
}

/* -- version 1 ------------------------------------------------------------- */

/* One word, and the single space behind it; the last one has none. */
static struct slice take_word(struct slice *rest)
{
	return slice_cut(rest, ' ');
}

/* As it is written: no sign, no zero before it. */
static bool read_port(struct slice text, uint16_t *port)
{
	uint32_t value = 0;

	if (text.n == 0 || text.n > PORT_DIGITS ||
	    (text.n > 1 && text.p[0] == '0'))
		return false;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
		value = value * 10 + (uint32_t)(text.p[i] - '0');
	}
	*port = (uint16_t)value;
	return value <= UINT16_MAX;
}

static bool read_end(struct slice ip, struct slice port, int family,
		     struct addr *out)
{
	uint16_t number;

	return read_port(port, &number) && addr_parse_ip(ip, number, out) &&
	       out->sa.sa_family == family;
}

/* "TCP4 203.0.113.7 198.51.100.1 40000 443" */
static bool read_line(struct slice line, struct proxy_header *out)
{
	struct slice kind = take_word(&line), from, to, from_port;
	int family;

	if (slice_eq(kind, SLICE("UNKNOWN"))) {
		out->is_local = true;
		return true;
	}
	if (slice_eq(kind, SLICE("TCP4")))
		family = AF_INET;
	else if (slice_eq(kind, SLICE("TCP6")))
		family = AF_INET6;
	else
		return false;
	from = take_word(&line);
	to = take_word(&line);
	from_port = take_word(&line);
	return line.p && read_end(from, from_port, family, &out->source) &&
	       read_end(to, line, family, &out->destination);
}

static enum proxy_seen read_v1(struct slice seen, struct proxy_header *out)
{
	struct slice line = slice_first(seen, PROXY_V1_MAX);
	size_t end = slice_find(line, '\n');

	if (seen.n < V1_START)
		return PROXY_MORE;
	if (end == line.n)
		return line.n < PROXY_V1_MAX ? PROXY_MORE : PROXY_BAD;
	if (line.p[end - 1] != '\r')
		return PROXY_BAD;
	out->octets = end + 1;
	line = slice_make(line.p + V1_START, end - 1 - V1_START);
	return read_line(line, out) ? PROXY_GOOD : PROXY_BAD;
}

/* -- version 2 ------------------------------------------------------------- */

static uint32_t number_at(const char *p, size_t octets)
{
	uint32_t value = 0;

	for (size_t i = 0; i < octets; i++)
		value = value << 8 | (uint8_t)p[i];
	return value;
}

uint32_t proxy_crc32c(uint32_t so_far, const void *octets, size_t n)
{
	/* Of each value of four bits. */
	static const uint32_t parts[16] = {
		0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1,
		0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
		0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
		0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
	};
	const uint8_t *p = octets;
	uint32_t crc = ~so_far;

	for (size_t i = 0; i < n; i++) {
		crc ^= p[i];
		crc = crc >> 4 ^ parts[crc & 15];
		crc = crc >> 4 ^ parts[crc & 15];
	}
	return ~crc;
}

/* The sum is over the header with zeros in its place. */
static bool crc_fits(struct slice header, size_t at)
{
	static const char zeros[4];
	uint32_t crc = proxy_crc32c(0, header.p, at);

	crc = proxy_crc32c(crc, zeros, sizeof(zeros));
	crc = proxy_crc32c(crc, header.p + at + sizeof(zeros),
			   header.n - at - sizeof(zeros));
	return crc == number_at(header.p + at, sizeof(zeros));
}

/* Each length must stay inside; at most one sum. */
static bool tlvs_are_good(struct slice header, size_t at)
{
	bool summed = false;

	while (at < header.n) {
		uint8_t type = (uint8_t)header.p[at];
		uint32_t n;

		if (header.n - at < TLV_HEAD)
			return false;
		n = number_at(header.p + at + 1, 2);
		at += TLV_HEAD;
		if (header.n - at < n)
			return false;
		if (type == TLV_CRC32C) {
			if (summed || n != 4 || !crc_fits(header, at))
				return false;
			summed = true;
		}
		at += n;
	}
	return true;
}

static struct addr addr_at(const char *ip, const char *port, int family)
{
	struct addr a = {0};

	if (family == AF_INET) {
		a.len = sizeof(a.in);
		a.in.sin_family = AF_INET;
		memcpy(&a.in.sin_addr, ip, sizeof(a.in.sin_addr));
	} else {
		a.len = sizeof(a.in6);
		a.in6.sin6_family = AF_INET6;
		memcpy(&a.in6.sin6_addr, ip, sizeof(a.in6.sin6_addr));
	}
	addr_set_port(&a, (uint16_t)number_at(port, 2));
	return a;
}

/* Octets of the addresses; -1: they are of something that is no stream. */
static int addresses_size(uint8_t over)
{
	switch (over) {
	case OVER_UNSPEC:
		return 0;
	case OVER_TCP4:
		return 12;
	case OVER_TCP6:
		return 36;
	case OVER_UNIX:
		return 216;
	default:
		return -1;
	}
}

static enum proxy_seen read_v2(struct slice seen, struct proxy_header *out)
{
	uint8_t command, over;
	struct slice header;
	const char *at;
	int size;

	if (seen.n < PROXY_V2_LEAST)
		return PROXY_MORE;
	command = (uint8_t)seen.p[12];
	over = (uint8_t)seen.p[13];
	out->octets = PROXY_V2_LEAST + number_at(seen.p + 14, 2);
	if ((command != V2_LOCAL && command != V2_PROXY) ||
	    out->octets > PROXY_MAX)
		return PROXY_BAD;
	if (seen.n < out->octets)
		return PROXY_MORE;
	header = slice_first(seen, out->octets);
	/* AWS's health checks say TCP4 and have no address. */
	if (command == V2_LOCAL)
		size = 0;
	else
		size = addresses_size(over);
	if (size < 0 || header.n - PROXY_V2_LEAST < (size_t)size)
		return PROXY_BAD;
	out->is_local = command == V2_LOCAL ||
			(over != OVER_TCP4 && over != OVER_TCP6);
	at = header.p + PROXY_V2_LEAST;
	if (!out->is_local && over == OVER_TCP4) {
		out->source = addr_at(at, at + 8, AF_INET);
		out->destination = addr_at(at + 4, at + 10, AF_INET);
	} else if (!out->is_local) {
		out->source = addr_at(at, at + 32, AF_INET6);
		out->destination = addr_at(at + 16, at + 34, AF_INET6);
	}
	/* What LOCAL says beside that is nobody's. */
	if (command == V2_LOCAL)
		return PROXY_GOOD;
	return tlvs_are_good(header, PROXY_V2_LEAST + (size_t)size) ? PROXY_GOOD
								    : PROXY_BAD;
}

enum proxy_seen proxy_header_read(struct slice seen, struct proxy_header *out)
{
	*out = (struct proxy_header){0};
	if (seen.n == 0)
		return PROXY_MORE;
	if (agrees(seen, v2_start, V2_START))
		return read_v2(seen, out);
	if (agrees(seen, v1_start, V1_START))
		return read_v1(seen, out);
	return PROXY_NONE;
}
