#include "set_index.h"

#include <stdlib.h>

#include "base/fail.h"

enum { NOBODY = UINT32_MAX };

/* All boxes of one network. */
struct stretch {
	unsigned begin, end; /* in `order` */
	unsigned around;     /* the next larger one; NOBODY: none */
};

struct set_index {
	const struct nft_element **order; /* by network, larger ones first */
	struct stretch *stretches;
	unsigned n_stretches;
	unsigned octets; /* of the first field, as it stands */
	unsigned tail_at, tail_octets;
	bool is_ordered;
};

void set_index_free(struct set_index *index)
{
	if (!index)
		return;
	free(index->order);
	free(index->stretches);
	free(index);
}

/* -- order ----------------------------------------------------------------- */

/* Padding is zero, so that whole fields can be compared. */
static int by_network(const void *a, const void *b, void *arg)
{
	const struct nft_element *x = *(const struct nft_element *const *)a;
	const struct nft_element *y = *(const struct nft_element *const *)b;
	const struct set_index *i = arg;
	int order = memcmp(x->first, y->first, i->octets);

	if (order == 0)
		order = memcmp(y->last, x->last, i->octets);
	if (order == 0)
		order = memcmp(x->first + i->tail_at, y->first + i->tail_at,
			       i->tail_octets);
	return order;
}

static bool is_all(const uint8_t *first, const uint8_t *last, unsigned octets)
{
	for (unsigned i = 0; i < octets; i++)
		if (first[i] != 0 || last[i] != 0xff)
			return false;
	return true;
}

/* The fields behind the first are one stretch of numbers: up to some field
 * each is one value, behind it each is all values. */
static bool is_stretch(const struct nft_set *set, const struct nft_element *e)
{
	unsigned at = 0;
	bool is_range = false;

	for (unsigned i = 0; i < set->n_types; i++) {
		unsigned octets = nft_types[set->types[i]].octets;

		if (i > 0 && is_range &&
		    !is_all(e->first + at, e->last + at, octets))
			return false;
		if (i > 0)
			is_range |= memcmp(e->first + at, e->last + at,
					   octets) != 0;
		at += (octets + 3u) & ~3u;
	}
	return true;
}

static bool is_same_network(const struct set_index *index,
			    const struct nft_element *a,
			    const struct nft_element *b)
{
	return memcmp(a->first, b->first, index->octets) == 0 &&
	       memcmp(a->last, b->last, index->octets) == 0;
}

/* Those of one network must not overlap. */
static bool element_follows(const struct set_index *index,
			    const struct nft_element *a,
			    const struct nft_element *b)
{
	return memcmp(a->last + index->tail_at, b->first + index->tail_at,
		      index->tail_octets) < 0;
}

static const struct nft_element *network_of(const struct set_index *index,
					    unsigned stretch)
{
	return index->order[index->stretches[stretch].begin];
}

/* Begins the stretch of the network of order[at]. False: it lies across
 * another one. */
static bool begin_stretch(struct set_index *index, unsigned at)
{
	const struct nft_element *e = index->order[at];
	unsigned around = index->n_stretches ? index->n_stretches - 1 : NOBODY;

	while (around != NOBODY && memcmp(network_of(index, around)->last,
					  e->first, index->octets) < 0)
		around = index->stretches[around].around;
	if (around != NOBODY &&
	    memcmp(network_of(index, around)->last, e->last, index->octets) < 0)
		return false;
	index->stretches[index->n_stretches++] =
		(struct stretch){at, at, around};
	return true;
}

static bool find_stretches(struct set_index *index, const struct nft_set *set)
{
	for (unsigned i = 0; i < set->n_elements; i++) {
		const struct nft_element *e = index->order[i];
		const struct nft_element *before = i ? index->order[i - 1]
						     : NULL;

		if (!is_stretch(set, e))
			return false;
		if (!before || !is_same_network(index, before, e)) {
			if (!begin_stretch(index, i))
				return false;
		} else if (!element_follows(index, before, e)) {
			return false;
		}
		index->stretches[index->n_stretches - 1].end = i + 1;
	}
	return true;
}

struct set_index *set_index_new(const struct nft_set *set)
{
	struct set_index *index = xcalloc(1, sizeof(*index));

	index->octets = nft_types[set->types[0]].octets;
	index->tail_at = (index->octets + 3u) & ~3u;
	index->tail_octets = set_key_octets(set) - index->tail_at;
	index->order = xcalloc(set->n_elements + 1, sizeof(*index->order));
	index->stretches =
		xcalloc(set->n_elements + 1, sizeof(*index->stretches));
	for (unsigned i = 0; i < set->n_elements; i++)
		index->order[i] = &set->elements[i];
	if (set->n_elements)
		qsort_r(index->order, set->n_elements, sizeof(*index->order),
			by_network, index);
	index->is_ordered = find_stretches(index, set);
	return index;
}

bool set_index_is_ordered(const struct set_index *index)
{
	return index->is_ordered;
}

/* -- asking ---------------------------------------------------------------- */

static bool is_in(const struct nft_element *e, const uint8_t *key, unsigned at,
		  unsigned octets)
{
	return memcmp(e->first + at, key + at, octets) <= 0 &&
	       memcmp(e->last + at, key + at, octets) >= 0;
}

/* The last of order[begin] to order[end - 1] that does not begin behind the
 * key; NULL: all do. */
static const struct nft_element *find_tail(const struct set_index *index,
					   const struct stretch *s,
					   const uint8_t *key)
{
	unsigned low = s->begin, high = s->end;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;

		if (memcmp(index->order[middle]->first + index->tail_at,
			   key + index->tail_at, index->tail_octets) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low == s->begin ? NULL : index->order[low - 1];
}

/* The smallest network that begins last at or before the address. */
static unsigned find_network(const struct set_index *index, const uint8_t *key)
{
	unsigned low = 0, high = index->n_stretches;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;

		if (memcmp(network_of(index, middle)->first, key,
			   index->octets) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? low - 1 : NOBODY;
}

const struct nft_element *set_index_find(const struct set_index *index,
					 const uint8_t *key)
{
	unsigned at = find_network(index, key);

	for (; at != NOBODY; at = index->stretches[at].around) {
		const struct nft_element *e;

		if (!is_in(network_of(index, at), key, 0, index->octets))
			continue;
		e = find_tail(index, &index->stretches[at], key);
		if (e && is_in(e, key, index->tail_at, index->tail_octets))
			return e;
	}
	return NULL;
}
