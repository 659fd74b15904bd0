/*
 * counts.c - what rules have let in, also before their counters in the
 * kernel began anew.
 *
 * A rule of the file may become another rule or element of the kernel, which
 * counts from zero: when a group grows beyond what is tried one by one, when
 * the boxes of a large group are cut in another way, when a table is restored.
 * Whatever an id has less than at the look before is kept here, so that its
 * sum never shrinks.
 *
 * Floor: keeper.
 */
#include "state.h"

struct count {
	struct keeper_tally lost; /* by counters that are no more */
	struct keeper_tally seen; /* at the last look */
};

static void tallies_add(struct keeper_tallies *t, struct slice id,
			const struct nft_live *live)
{
	struct keeper_tally *tally = map_get(&t->by_id, id);

	if (!tally) {
		tally = ARENA_NEW(&t->arena, struct keeper_tally);
		map_put(&t->by_id, arena_slice(&t->arena, id), tally);
	}
	tally->packets += live->packets;
	tally->octets += live->octets;
}

/* A comment has one id, or those of all rules that a box stands for. */
static void add_ids(struct keeper_tallies *t, const char *comment,
		    const struct nft_live *live)
{
	struct slice rest = slice_of(comment);

	while (rest.p) {
		struct slice id = slice_cut(&rest, ',');

		id.n = slice_find(id, ' ');
		if (slice_starts(id, SLICE("sgr-")))
			tallies_add(t, id, live);
	}
}

static void add_up(struct keeper_tallies *t, const struct ruleset *now)
{
	for (unsigned i = 0; now && i < now->n_chains; i++) {
		const struct nft_chain *c = now->chains[i];

		for (unsigned k = 0; k < c->n_rules; k++)
			if (c->rules[k].comment)
				add_ids(t, c->rules[k].comment,
					&c->rules[k].live);
	}
	for (unsigned i = 0; now && i < now->n_sets; i++) {
		const struct nft_set *s = now->sets[i];

		for (unsigned k = 0; k < s->n_elements; k++)
			if (s->elements[k].comment)
				add_ids(t, s->elements[k].comment,
					&s->elements[k].live);
	}
}

void keeper_tallies_release(struct keeper_tallies *t)
{
	map_release(&t->by_id);
	arena_release(&t->arena);
	*t = (struct keeper_tallies){0};
}

static void count_look(struct count *c, struct keeper_tally now)
{
	if (now.packets < c->seen.packets)
		c->lost.packets += c->seen.packets - now.packets;
	if (now.octets < c->seen.octets)
		c->lost.octets += c->seen.octets - now.octets;
	c->seen = now;
}

void keeper_count(struct keeper *k, const struct ruleset *now, bool settled)
{
	struct keeper_tallies live = {0}, counts = {0};
	struct map_slot *slot;
	size_t at = 0;

	add_up(&live, now);
	/* Ids that are no more: while nothing is settled they may return. */
	while (!settled && (slot = map_next(&k->counts.by_id, &at)) != NULL)
		if (!map_get(&live.by_id, slot->key))
			tallies_add(&live, slot->key,
				    &(const struct nft_live){0});
	at = 0;
	while ((slot = map_next(&live.by_id, &at)) != NULL) {
		const struct count *old = map_get(&k->counts.by_id, slot->key);
		struct count *c = ARENA_NEW(&counts.arena, struct count);

		if (old)
			*c = *old;
		count_look(c, *(const struct keeper_tally *)slot->value);
		map_put(&counts.by_id, arena_slice(&counts.arena, slot->key),
			c);
	}
	keeper_tallies_release(&live);
	keeper_tallies_release(&k->counts);
	k->counts = counts;
}

struct keeper_tally keeper_counted(const struct keeper *k, const char *id)
{
	const struct count *c = map_get(&k->counts.by_id, slice_of(id));

	if (!c)
		return (struct keeper_tally){0};
	return (struct keeper_tally){c->lost.packets + c->seen.packets,
				     c->lost.octets + c->seen.octets};
}
