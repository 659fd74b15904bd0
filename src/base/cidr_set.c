#include "cidr_set.h"

#include <stdlib.h>

#include "arena.h"

static int entry_cmp(const void *left, const void *right)
{
	return cidr_cmp(left, right);
}

void cidr_set_make(struct arena *arena, const struct cidr *networks, size_t n,
		   struct cidr_set *out)
{
	struct cidr *all = ARENA_ARRAY(arena, n, struct cidr);
	size_t kept = 0;

	if (n)
		memcpy(all, networks, n * sizeof(*all));
	if (n)
		qsort(all, n, sizeof(*all), entry_cmp);
	/* A network stands right before its parts. */
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || !cidr_contains(&all[kept - 1], &all[i]))
			all[kept++] = all[i];
	*out = (struct cidr_set){all, kept};
}

bool cidr_set_has(const struct cidr_set *set, const struct cidr *address)
{
	size_t low = 0, high = set->n;

	/* The last network that does not come behind the address. */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (cidr_cmp(&set->networks[middle], address) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 && cidr_contains(&set->networks[low - 1], address);
}
