#include "writer.h"

#include <endian.h>

/* Two digits a division. */
struct slice decimal_of(uint64_t value, char room[DECIMAL_MAX])
{
	static const char pairs[] = "00010203040506070809"
				    "10111213141516171819"
				    "20212223242526272829"
				    "30313233343536373839"
				    "40414243444546474849"
				    "50515253545556575859"
				    "60616263646566676869"
				    "70717273747576777879"
				    "80818283848586878889"
				    "90919293949596979899";
	char *end = room + DECIMAL_MAX, *at = end;

	for (; value >= 100; value /= 100)
		memcpy(at -= 2, pairs + value % 100 * 2, 2);
	if (value >= 10)
		memcpy(at -= 2, pairs + value * 2, 2);
	else
		*--at = (char)('0' + value);
	return slice_make(at, (size_t)(end - at));
}

/* A nibble in each octet, all at once; those above 9 are letters. */
void writer_hex(struct writer *w, uint32_t value)
{
	char *to = writer_take(w, HEX_DIGITS);
	uint64_t x = value, letters;

	if (!to)
		return;
	x = (x | x << 16) & 0x0000ffff0000ffffu;
	x = (x | x << 8) & 0x00ff00ff00ff00ffu;
	x = (x | x << 4) & 0x0f0f0f0f0f0f0f0fu;
	letters = (x + 0x0606060606060606u) >> 4 & 0x0101010101010101u;
	x = htobe64(x + 0x3030303030303030u + letters * ('a' - '0' - 10));
	memcpy(to, &x, HEX_DIGITS);
}

void writer_u64(struct writer *w, uint64_t value)
{
	char room[DECIMAL_MAX];

	writer_put(w, decimal_of(value, room));
}
