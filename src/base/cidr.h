/*
 * cidr.h - an address with a prefix length, for rules about addresses.
 *
 * One type for both families and for single addresses (a prefix of full
 * length). Sockets have an address type of their own, with ports; this one
 * is for filters: security groups, network ACLs, source-ip conditions.
 *
 * Floor: base.  Source: RFC 4632, section 3.1; RFC 4291, section 2.3.
 */
#ifndef WEIR_BASE_CIDR_H
#define WEIR_BASE_CIDR_H

#include <stdbool.h>
#include <stdint.h>

#include "slice.h"

struct cidr {
	uint8_t family;     /* 4 or 6 */
	uint8_t bits;       /* 0 to 32, or 0 to 128 */
	uint8_t octets[16]; /* network order; zero behind the prefix, and
			     * behind the fourth octet in family 4 */
};

/* What can be wrong with the text of one. */
enum cidr_fault {
	CIDR_FINE,
	CIDR_MALFORMED,  /* not an address at all */
	CIDR_NO_LENGTH,  /* an address without "/n"; *out has full length */
	CIDR_BAD_LENGTH, /* a length that is no number or too large */
	CIDR_HOST_BITS,  /* bits set behind the prefix; *out is the network
			  * that was meant */
};

/* Octets for the longest text, with its terminating zero. */
enum { CIDR_TEXT_MAX = 50 };

/*
 * Reads "10.0.0.0/8" or "2001:db8::/32". Strict: no leading zeros in IPv4,
 * no zones, no spaces. *out is meaningful after CIDR_FINE, CIDR_NO_LENGTH
 * and CIDR_HOST_BITS, so that the caller may be lenient or say what to write.
 */
enum cidr_fault cidr_parse(struct slice text, struct cidr *out);

/* Reads an address alone, without "/n"; gives it the full length. */
bool cidr_parse_address(struct slice text, struct cidr *out);

/* From octets in network order: 4 of them in family 4, 16 in family 6. Clears
 * what stands behind the prefix. `bits` too large counts as full length. */
struct cidr cidr_make(uint8_t family, const uint8_t *octets, unsigned bits);

/* Always with "/n"; returns `out`. */
const char *cidr_format(const struct cidr *c, char out[CIDR_TEXT_MAX]);

/* The address alone. */
const char *cidr_format_address(const struct cidr *c, char out[CIDR_TEXT_MAX]);

/* 32 or 128. */
static inline unsigned cidr_bits_max(const struct cidr *c)
{
	return c->family == 4 ? 32 : 128;
}

/* One address, not a network. */
static inline bool cidr_is_address(const struct cidr *c)
{
	return c->bits == cidr_bits_max(c);
}

/* Every address of `inner` is in `outer`. Families never contain each other. */
bool cidr_contains(const struct cidr *outer, const struct cidr *inner);

/* By family, then address, then length: a network comes before its parts. */
int cidr_cmp(const struct cidr *a, const struct cidr *b);

static inline bool cidr_eq(const struct cidr *a, const struct cidr *b)
{
	return cidr_cmp(a, b) == 0;
}

/* The last address of the network: 4 or 16 octets; the rest of out is zero. */
void cidr_last(const struct cidr *c, uint8_t out[16]);

#endif
