#include "maglev.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/fail.h"
#include "model/state.h"
#include "net/addr.h"

enum {
	SEED_HASH = 0,
	SEED_OFFSET = 1,
	SEED_SKIP = 2,
	SEED_BID = 3,
	NOBODY = UINT16_MAX,
};

/* How a target walks through the slots: it wants `next`, then each `skip`
 * further. */
struct walk {
	struct slice name;
	uint32_t next, skip;
	uint32_t turns;
	uint16_t place; /* in the caller's list */
};

static int walk_cmp(const void *left, const void *right)
{
	const struct walk *a = left, *b = right;

	return slice_cmp(a->name, b->name);
}

static struct walk *walks_begin(const struct maglev_target *targets, size_t n)
{
	struct walk *walks = xcalloc(n, sizeof(*walks));

	for (size_t i = 0; i < n; i++) {
		const struct slice name = targets[i].name;

		walks[i] = (struct walk){
			.name = name,
			.next = (uint32_t)(XXH64(name.p, name.n, SEED_OFFSET) %
					   HASH_SLOTS),
			.skip = (uint32_t)(XXH64(name.p, name.n, SEED_SKIP) %
						   (HASH_SLOTS - 1) +
					   1),
			.turns = targets[i].turns,
			.place = (uint16_t)i,
		};
	}
	qsort(walks, n, sizeof(*walks), walk_cmp);
	return walks;
}

/* The next slot on its way that is nobody's. There is one: the skip of a prime
 * number of slots comes by all of them. */
static void walk_take(struct walk *w, uint16_t *slots)
{
	uint32_t slot = w->next;

	while (slots[slot] != NOBODY)
		slot = (slot + w->skip) % HASH_SLOTS;
	slots[slot] = w->place;
	w->next = (slot + w->skip) % HASH_SLOTS;
}

void maglev_fill(uint16_t slots[static HASH_SLOTS],
		 const struct maglev_target *targets, size_t n)
{
	struct walk *walks = walks_begin(targets, n);
	size_t left = HASH_SLOTS;

	for (size_t i = 0; i < HASH_SLOTS; i++)
		slots[i] = NOBODY;
	while (left)
		for (size_t i = 0; i < n && left; i++)
			for (uint32_t t = 0; t < walks[i].turns && left; t++) {
				walk_take(&walks[i], slots);
				left--;
			}
	free(walks);
}

uint64_t maglev_bid(const struct maglev_target *target, uint32_t slot)
{
	char text[ADDR_TEXT_MAX + sizeof("#4294967295") + sizeof(slot)];
	const uint32_t octets = htonl(slot);
	size_t n = target->name.n;
	uint64_t most;

	memcpy(text, target->name.p, n);
	memcpy(text + n, &octets, sizeof(octets));
	most = XXH64(text, n + sizeof(octets), SEED_BID);
	for (uint32_t turn = 1; turn < target->turns; turn++) {
		size_t end = n + (size_t)snprintf(text + n, sizeof(text) - n,
						  "#%u", turn);
		uint64_t bid;

		memcpy(text + end, &octets, sizeof(octets));
		bid = XXH64(text, end + sizeof(octets), SEED_BID);
		if (bid > most)
			most = bid;
	}
	return most;
}

uint16_t *maglev_of_roster(const struct roster *roster)
{
	struct maglev_target *targets;
	uint32_t divisor = 0;
	uint64_t turns = 0;
	uint16_t *slots;

	if (roster->n_members == 0 || roster->n_members >= HASH_SLOTS)
		return NULL;
	for (size_t i = 0; i < roster->n_members; i++)
		divisor = weight_divisor(divisor, roster->members[i].weight);
	targets = xcalloc(roster->n_members, sizeof(*targets));
	for (size_t i = 0; i < roster->n_members; i++) {
		targets[i] = (struct maglev_target){
			slice_of(roster->members[i].state->name),
			roster->members[i].weight / divisor,
		};
		turns += targets[i].turns;
	}
	slots = turns > HASH_TURNS_MAX ? NULL
				       : malloc(HASH_SLOTS * sizeof(*slots));
	if (slots)
		maglev_fill(slots, targets, roster->n_members);
	free(targets);
	return slots;
}

uint64_t maglev_hash_address(const struct addr *addr, uint8_t protocol)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	uint8_t octets[17] = {0};
	struct cidr cidr;

	if (addr_to_cidr(addr, &cidr)) {
		const bool is_v4 = cidr.family == 4;

		memcpy(octets, mapped, is_v4 ? sizeof(mapped) : 0);
		memcpy(octets + (is_v4 ? sizeof(mapped) : 0), cidr.octets,
		       is_v4 ? 4 : 16);
	}
	octets[16] = protocol;
	return XXH64(octets, sizeof(octets), SEED_HASH);
}

uint64_t maglev_hash_text(struct slice text)
{
	return XXH64(text.p, text.n, SEED_HASH);
}
