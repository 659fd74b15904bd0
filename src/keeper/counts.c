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
#include <stdlib.h>

#include "base/fail.h"
#include "state.h"

struct count {
	struct keeper_tally lost; /* by counters that are no more */
	struct keeper_tally seen; /* at the last look */
	struct keeper_tally now;  /* at this look, so far */
	bool is_there;            /* at this look */
};

static struct count *tallies_count(struct keeper_tallies *t, struct slice id)
{
	struct count *c = map_get(&t->by_id, id);

	if (!c) {
		c = ARENA_NEW(&t->arena, struct count);
		map_put(&t->by_id, arena_slice(&t->arena, id), c);
	}
	return c;
}

static void tallies_add(struct keeper_tallies *t, struct slice id,
			struct nft_count live)
{
	struct count *c = tallies_count(t, id);

	c->is_there = true;
	c->now.packets += live.packets;
	c->now.octets += live.octets;
}

/* A comment has one id, or those of all rules that a box stands for. */
static void add_ids(struct keeper_tallies *t, const char *comment,
		    struct nft_count live)
{
	struct slice rest = slice_of(comment);

	while (rest.p) {
		struct slice id = slice_cut(&rest, ',');

		id.n = slice_find(id, ' ');
		if (slice_starts(id, SLICE("sgr-")))
			tallies_add(t, id, live);
	}
}

static struct nft_count count_of_live(const struct nft_live *live)
{
	return (struct nft_count){live->packets, live->octets};
}

static void add_up_chain(struct keeper_tallies *t, const struct nft_chain *c)
{
	const struct nft_chain *has = c->same_as ? c->same_as : c;

	for (unsigned i = 0; i < has->n_rules; i++)
		if (has->rules[i].comment)
			add_ids(t, has->rules[i].comment,
				c->same_as ? c->counts[i]
					   : count_of_live(&c->rules[i].live));
}

static void add_up(struct keeper_tallies *t, const struct ruleset *now)
{
	for (unsigned i = 0; now && i < now->n_chains; i++)
		add_up_chain(t, now->chains[i]);
	for (unsigned i = 0; now && i < now->n_sets; i++) {
		const struct nft_set *s = now->sets[i];

		for (unsigned k = 0; k < s->n_elements; k++)
			if (s->elements[k].comment)
				add_ids(t, s->elements[k].comment,
					count_of_live(&s->elements[k].live));
	}
}

void keeper_tallies_release(struct keeper_tallies *t)
{
	map_release(&t->by_id);
	arena_release(&t->arena);
	*t = (struct keeper_tallies){0};
}

static void count_look(struct count *c)
{
	if (c->now.packets < c->seen.packets)
		c->lost.packets += c->seen.packets - c->now.packets;
	if (c->now.octets < c->seen.octets)
		c->lost.octets += c->seen.octets - c->now.octets;
	c->seen = c->now;
}

static void tallies_compact(struct keeper_tallies *t)
{
	struct keeper_tallies left = {0};
	struct map_slot *slot;
	size_t at = 0;

	while ((slot = map_next(&t->by_id, &at)) != NULL)
		*tallies_count(&left, slot->key) =
			*(const struct count *)slot->value;
	keeper_tallies_release(t);
	*t = left;
}

/* Leaves out what is not there any more: `n` of them. */
static void tallies_sweep(struct keeper_tallies *t, size_t n)
{
	struct slice *gone = xcalloc(n, sizeof(*gone));
	struct map_slot *slot;
	size_t at = 0, n_gone = 0;

	while ((slot = map_next(&t->by_id, &at)) != NULL)
		if (!((const struct count *)slot->value)->is_there)
			gone[n_gone++] = slot->key;
	for (size_t i = 0; i < n_gone; i++)
		map_remove(&t->by_id, gone[i]);
	free(gone);
	/* The arena has no use for what was given back. */
	t->n_gone += n_gone;
	if (t->n_gone > t->by_id.n_used)
		tallies_compact(t);
}

void keeper_count(struct keeper *k, const struct ruleset *now, bool settled)
{
	struct map_slot *slot;
	size_t at = 0, n_over = 0;

	while ((slot = map_next(&k->counts.by_id, &at)) != NULL) {
		struct count *c = slot->value;

		c->now = (struct keeper_tally){0};
		c->is_there = false;
	}
	add_up(&k->counts, now);
	at = 0;
	while ((slot = map_next(&k->counts.by_id, &at)) != NULL) {
		struct count *c = slot->value;

		count_look(c);
		n_over += !c->is_there;
	}
	/* While nothing is settled they may return. */
	if (settled && n_over)
		tallies_sweep(&k->counts, n_over);
}

struct keeper_tally keeper_counted(const struct keeper *k, const char *id)
{
	const struct count *c = map_get(&k->counts.by_id, slice_of(id));

	if (!c)
		return (struct keeper_tally){0};
	return (struct keeper_tally){c->lost.packets + c->seen.packets,
				     c->lost.octets + c->seen.octets};
}
