#include "chunked.h"

#include "octets.h"

enum state {
	SIZE_FIRST, /* zero, so that a zeroed decoder is a new one */
	SIZE,
	EXTENSION,
	SIZE_LF,
	DATA,
	DATA_CR,
	DATA_LF,
	TRAILER_FIRST, /* at the start of a trailer line */
	TRAILER,
	TRAILER_LF,
	LAST_LF,
	DONE,
	BAD,
};

enum { SIZE_DIGITS_MAX = 16 };

static enum state take_digit(struct chunked *c, char octet)
{
	int digit = ascii_hex(octet);

	/* 7.1.1: recipients must expect overflow here. */
	if (digit < 0 || c->n_line == SIZE_DIGITS_MAX)
		return BAD;
	c->left = c->left << 4 | (unsigned)digit;
	c->n_line++;
	return SIZE;
}

static enum state take_size(struct chunked *c, char octet)
{
	if (octet == '\r')
		return SIZE_LF;
	if (octet != ';')
		return take_digit(c, octet);
	c->n_line = 0;
	return EXTENSION;
}

static enum state take_extension(struct chunked *c, char octet)
{
	if (octet == '\r')
		return SIZE_LF;
	if (octet_is(octet, OCTET_CONTROL) ||
	    ++c->n_line >= CHUNKED_EXTENSION_MAX)
		return BAD;
	return EXTENSION;
}

static enum state take_trailer(struct chunked *c, char octet)
{
	if (++c->trailers > CHUNKED_TRAILERS_MAX)
		return BAD;

	switch ((enum state)c->state) {
	case TRAILER_FIRST:
		if (octet == '\r')
			return LAST_LF;
		break;
	case TRAILER:
		if (octet == '\r')
			return TRAILER_LF;
		break;
	case TRAILER_LF:
		return octet == '\n' ? TRAILER_FIRST : BAD;
	default:
		return octet == '\n' ? DONE : BAD;
	}
	return octet_is(octet, OCTET_CONTROL) ? BAD : TRAILER;
}

/* One octet that is not data. */
static enum state take_octet(struct chunked *c, char octet)
{
	switch ((enum state)c->state) {
	case SIZE_FIRST:
		c->n_line = 0;
		c->trailers = 0;
		return take_digit(c, octet);
	case SIZE:
		return take_size(c, octet);
	case EXTENSION:
		return take_extension(c, octet);
	case SIZE_LF:
		if (octet != '\n')
			return BAD;
		return c->left ? DATA : TRAILER_FIRST;
	case DATA_CR:
		return octet == '\r' ? DATA_LF : BAD;
	case DATA_LF:
		return octet == '\n' ? SIZE_FIRST : BAD;
	case TRAILER_FIRST:
	case TRAILER:
	case TRAILER_LF:
	case LAST_LF:
		return take_trailer(c, octet);
	case DATA:
	case DONE:
	case BAD:
		break;
	}
	return BAD;
}

enum chunked_result chunked_next(struct chunked *c, struct slice in,
				 size_t *used, struct slice *data)
{
	size_t at = 0;

	while (c->state != DONE && c->state != BAD && at < in.n) {
		if (c->state == DATA) {
			size_t n = in.n - at;

			if (n > c->left)
				n = (size_t)c->left;
			*data = slice_make(in.p + at, n);
			*used = at + n;
			c->left -= n;
			if (c->left == 0)
				c->state = DATA_CR;
			return CHUNKED_DATA;
		}
		c->state = (uint8_t)take_octet(c, in.p[at++]);
	}

	*used = at;
	if (c->state == BAD)
		return CHUNKED_BAD;
	return c->state == DONE ? CHUNKED_DONE : CHUNKED_MORE;
}

size_t chunked_head(char out[static CHUNKED_HEAD_MAX], uint64_t size)
{
	unsigned bits = size ? 64 - (unsigned)__builtin_clzll(size) : 1;
	size_t n = (bits + 3) / 4;

	for (size_t i = n; i-- > 0; size >>= 4)
		out[i] = "0123456789abcdef"[size & 15];
	out[n] = '\r';
	out[n + 1] = '\n';
	return n + 2;
}
