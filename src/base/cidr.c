#include "cidr.h"

#include <arpa/inet.h>
#include <string.h>

static unsigned octets_of(const struct cidr *c)
{
	return c->family == 4 ? 4 : 16;
}

/* The mask of one octet under a prefix of `bits`. */
static uint8_t mask_at(unsigned octet, unsigned bits)
{
	if (bits >= octet * 8 + 8)
		return 0xff;
	if (bits <= octet * 8)
		return 0;
	return (uint8_t)(0xff00u >> (bits - octet * 8));
}

struct cidr cidr_make(uint8_t family, const uint8_t *octets, unsigned bits)
{
	struct cidr c = {.family = family == 4 ? 4 : 6};

	c.bits = (uint8_t)(bits > cidr_bits_max(&c) ? cidr_bits_max(&c) : bits);
	for (unsigned i = 0; i < octets_of(&c); i++)
		c.octets[i] = octets[i] & mask_at(i, c.bits);
	return c;
}

bool cidr_parse_address(struct slice text, struct cidr *out)
{
	char copy[INET6_ADDRSTRLEN];
	uint8_t octets[16];

	/* inet_pton ends at a NUL and would take what stands before it. */
	if (text.n == 0 || text.n >= sizeof(copy) ||
	    slice_find(text, '\0') != text.n)
		return false;
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';

	if (inet_pton(AF_INET, copy, octets) == 1)
		*out = cidr_make(4, octets, 32);
	else if (inet_pton(AF_INET6, copy, octets) == 1)
		*out = cidr_make(6, octets, 128);
	else
		return false;
	return true;
}

enum cidr_fault cidr_parse(struct slice text, struct cidr *out)
{
	struct slice rest = text;
	struct slice address = slice_cut(&rest, '/');
	struct cidr whole;
	uint64_t bits;

	if (!cidr_parse_address(address, &whole))
		return CIDR_MALFORMED;
	if (!rest.p) {
		*out = whole;
		return CIDR_NO_LENGTH;
	}
	if (rest.n > 3 || (rest.n > 1 && rest.p[0] == '0') ||
	    !slice_to_u64(rest, &bits) || bits > cidr_bits_max(&whole))
		return CIDR_BAD_LENGTH;

	*out = cidr_make(whole.family, whole.octets, (unsigned)bits);
	return memcmp(out->octets, whole.octets, sizeof(whole.octets)) == 0
		       ? CIDR_FINE
		       : CIDR_HOST_BITS;
}

static char *put_number(char *out, unsigned number)
{
	if (number >= 100)
		*out++ = (char)('0' + number / 100);
	if (number >= 10)
		*out++ = (char)('0' + number / 10 % 10);
	*out++ = (char)('0' + number % 10);
	*out = '\0';
	return out;
}

/* Each rule of a large file prints some, and inet_ntop() takes a format. */
static const char *format4(const uint8_t *octets, char out[CIDR_TEXT_MAX])
{
	char *end = out;

	for (unsigned i = 0; i < 4; i++) {
		if (i)
			*end++ = '.';
		end = put_number(end, octets[i]);
	}
	return out;
}

const char *cidr_format_address(const struct cidr *c, char out[CIDR_TEXT_MAX])
{
	if (c->family == 4)
		return format4(c->octets, out);
	out[0] = '\0';
	inet_ntop(AF_INET6, c->octets, out, CIDR_TEXT_MAX);
	return out;
}

const char *cidr_format(const struct cidr *c, char out[CIDR_TEXT_MAX])
{
	char *end = out + strlen(cidr_format_address(c, out));

	*end++ = '/';
	put_number(end, c->bits);
	return out;
}

bool cidr_contains(const struct cidr *outer, const struct cidr *inner)
{
	if (outer->family != inner->family || outer->bits > inner->bits)
		return false;
	for (unsigned i = 0; i * 8 < outer->bits; i++)
		if ((inner->octets[i] & mask_at(i, outer->bits)) !=
		    outer->octets[i])
			return false;
	return true;
}

int cidr_cmp(const struct cidr *a, const struct cidr *b)
{
	int order;

	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	order = memcmp(a->octets, b->octets, sizeof(a->octets));
	if (order)
		return order;
	return (int)a->bits - (int)b->bits;
}

void cidr_last(const struct cidr *c, uint8_t out[16])
{
	memset(out, 0, 16);
	for (unsigned i = 0; i < octets_of(c); i++)
		out[i] = c->octets[i] | (uint8_t)~mask_at(i, c->bits);
}
