/*
 * big_endian.h - a number in octets, the same on every machine.
 *
 * Floor: base.
 */
#ifndef WEIR_BASE_BIG_ENDIAN_H
#define WEIR_BASE_BIG_ENDIAN_H

#include <stdint.h>

/* Eight octets. */
static inline void big_endian_put(uint8_t *to, uint64_t value)
{
	for (int i = 0; i < 8; i++)
		to[i] = (uint8_t)(value >> (56 - 8 * i));
}

static inline uint64_t big_endian_get(const uint8_t *from)
{
	uint64_t value = 0;

	for (int i = 0; i < 8; i++)
		value = value << 8 | from[i];
	return value;
}

#endif
