#include "whereabouts.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/fail.h"
#include "base/map.h"

struct whereabouts {
	struct arena arena;
	struct map instance_of, is_local; /* by address */
};

enum { KEY_OCTETS = 17 };

static struct slice key_of(const struct cidr *address, char out[KEY_OCTETS])
{
	out[0] = (char)address->family;
	memcpy(out + 1, address->octets, KEY_OCTETS - 1);
	return slice_make(out, KEY_OCTETS);
}

/* The first who says so has it. */
static void note_place(struct whereabouts *w, struct map *map,
		       const struct cidr *addresses, unsigned n,
		       const void *value)
{
	for (unsigned i = 0; i < n; i++) {
		char octets[KEY_OCTETS];
		struct slice key = key_of(&addresses[i], octets);

		if (!map_get(map, key))
			map_put(map, arena_slice(&w->arena, key),
				(void *)(uintptr_t)value);
	}
}

struct whereabouts *whereabouts_new(const struct firewall_config *config)
{
	struct whereabouts *w = xcalloc(1, sizeof(*w));
	const struct instance *host = firewall_host(config);

	for (unsigned i = 0; i < config->n_instances; i++) {
		const struct instance *in = &config->instances[i];

		note_place(w, &w->instance_of, in->addresses, in->n_addresses,
			   in);
	}
	if (host && host->n_addresses == 0)
		note_place(w, &w->instance_of, config->addresses,
			   config->n_addresses, host);
	note_place(w, &w->is_local, config->addresses, config->n_addresses, w);
	if (host)
		note_place(w, &w->is_local, host->addresses, host->n_addresses,
			   w);
	return w;
}

void whereabouts_free(struct whereabouts *w)
{
	if (!w)
		return;
	map_release(&w->instance_of);
	map_release(&w->is_local);
	arena_release(&w->arena);
	free(w);
}

const struct instance *whereabouts_instance(const struct whereabouts *w,
					    const struct cidr *address)
{
	char octets[KEY_OCTETS];

	return map_get(&w->instance_of, key_of(address, octets));
}

bool whereabouts_is_local(const struct whereabouts *w,
			  const struct cidr *address)
{
	char octets[KEY_OCTETS];

	return address_is_loopback(address) ||
	       map_get(&w->is_local, key_of(address, octets)) != NULL;
}
