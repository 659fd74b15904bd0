#include "writer.h"

struct slice decimal_of(uint64_t value, char room[DECIMAL_MAX])
{
	char *end = room + DECIMAL_MAX, *at = end;

	do
		*--at = (char)('0' + value % 10);
	while (value /= 10);
	return slice_make(at, (size_t)(end - at));
}

void writer_u64(struct writer *w, uint64_t value)
{
	char room[DECIMAL_MAX];

	writer_put(w, decimal_of(value, room));
}
