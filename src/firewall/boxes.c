/*
 * boxes.c - a sweep along the axis.
 *
 * Between two borders the same grants are in force everywhere. For each such
 * stretch: their networks in order, without those that lie in others (two
 * prefixes nest or are disjoint), siblings joined. A box stays open while
 * the following stretches repeat it.
 *
 * Floor: firewall.
 */
#include "boxes.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

struct piece {
	struct cidr cidr;
	uint32_t *owners; /* in the scratch of its list */
	unsigned n_owners;
	uint32_t first; /* where the box began */
};

struct sweep {
	struct arena *arena;
	const struct box_grant *grants; /* by network; an index is a rank */
	uint32_t *active, *merged;      /* ranks, ascending */
	size_t n_active;
	struct piece *open, *now; /* by network */
	size_t n_open, n_now;
	uint32_t *open_owners, *now_owners; /* scratch: one for each grant */
	struct box *boxes;
	size_t n_boxes, n_room;
};

static int by_network(const void *a, const void *b)
{
	const struct box_grant *x = a, *y = b;
	int order = cidr_cmp(&x->cidr, &y->cidr);

	if (order)
		return order;
	return x->owner < y->owner ? -1 : x->owner > y->owner;
}

static int by_number(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

struct start {
	uint32_t first, rank;
};

static int by_start(const void *a, const void *b)
{
	const struct start *x = a, *y = b;

	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return x->rank < y->rank ? -1 : x->rank > y->rank;
}

/* Lets go of grants that ended and takes in those that begin. */
static void sweep_advance(struct sweep *s, uint32_t at,
			  const struct start *starts, size_t n_starts)
{
	size_t n = 0, k = 0;
	uint32_t *old = s->active;

	for (size_t i = 0; i < s->n_active; i++) {
		if (s->grants[old[i]].last < at)
			continue;
		for (; k < n_starts && starts[k].rank < old[i]; k++)
			s->merged[n++] = starts[k].rank;
		s->merged[n++] = old[i];
	}
	for (; k < n_starts; k++)
		s->merged[n++] = starts[k].rank;
	s->active = s->merged;
	s->merged = old;
	s->n_active = n;
}

static bool same_owners(const struct piece *a, const struct piece *b)
{
	return a->n_owners == b->n_owners &&
	       memcmp(a->owners, b->owners, a->n_owners * sizeof(*a->owners)) ==
		       0;
}

static bool are_siblings(const struct cidr *a, const struct cidr *b)
{
	struct cidr parent;

	if (a->bits != b->bits || a->bits == 0)
		return false;
	parent = cidr_make(a->family, a->octets, a->bits - 1u);
	return cidr_contains(&parent, b);
}

/* Two halves with the same owners are one. They are neighbours in order. */
static void join_siblings(struct sweep *s)
{
	while (s->n_now >= 2) {
		struct piece *a = &s->now[s->n_now - 2];
		const struct piece *b = &s->now[s->n_now - 1];

		if (!are_siblings(&a->cidr, &b->cidr) || !same_owners(a, b))
			return;
		a->cidr = cidr_make(a->cidr.family, a->cidr.octets,
				    a->cidr.bits - 1u);
		s->n_now--;
	}
}

/* The networks of one stretch, from the grants in force. */
static void sweep_collect(struct sweep *s, uint32_t at)
{
	size_t n_owners = 0;

	s->n_now = 0;
	for (size_t i = 0; i < s->n_active;) {
		const struct cidr *cidr = &s->grants[s->active[i]].cidr;
		struct piece *p;
		size_t end = i;

		while (end < s->n_active &&
		       cidr_eq(&s->grants[s->active[end]].cidr, cidr))
			end++;
		if (s->n_now &&
		    cidr_contains(&s->now[s->n_now - 1].cidr, cidr)) {
			i = end;
			continue;
		}
		p = &s->now[s->n_now++];
		*p = (struct piece){.cidr = *cidr, .first = at};
		p->owners = s->now_owners + n_owners;
		for (; i < end; i++) {
			uint32_t owner = s->grants[s->active[i]].owner;

			if (p->n_owners == 0 ||
			    p->owners[p->n_owners - 1] != owner)
				p->owners[p->n_owners++] = owner;
		}
		n_owners += p->n_owners;
		join_siblings(s);
	}
}

static void sweep_emit(struct sweep *s, const struct piece *p, uint32_t last)
{
	uint32_t *owners = ARENA_ARRAY(s->arena, p->n_owners, uint32_t);

	memcpy(owners, p->owners, p->n_owners * sizeof(*owners));
	if (s->n_boxes == s->n_room) {
		s->n_room = s->n_room ? s->n_room * 2 : 64;
		s->boxes = xrealloc(s->boxes, s->n_room * sizeof(*s->boxes));
	}
	s->boxes[s->n_boxes++] =
		(struct box){p->cidr, p->first, last, owners, p->n_owners};
}

/* What this stretch repeats stays open; what it does not is finished. */
static void sweep_settle(struct sweep *s, uint32_t at)
{
	struct piece *old = s->open;
	uint32_t *old_owners = s->open_owners;
	size_t k = 0;

	for (size_t i = 0; i < s->n_open; i++) {
		int order = -1;

		while (k < s->n_now &&
		       cidr_cmp(&s->now[k].cidr, &old[i].cidr) < 0)
			k++;
		if (k < s->n_now)
			order = cidr_cmp(&old[i].cidr, &s->now[k].cidr);
		if (order == 0 && same_owners(&old[i], &s->now[k]))
			s->now[k].first = old[i].first;
		else
			sweep_emit(s, &old[i], at - 1);
	}
	s->open = s->now;
	s->n_open = s->n_now;
	s->now = old;
	s->open_owners = s->now_owners;
	s->now_owners = old_owners;
}

static uint32_t *borders_of(const struct box_grant *grants, size_t n,
			    size_t *n_borders)
{
	uint32_t *borders = xcalloc(n * 2, sizeof(*borders));
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		borders[i * 2] = grants[i].first;
		borders[i * 2 + 1] = grants[i].last + 1;
	}
	qsort(borders, n * 2, sizeof(*borders), by_number);
	for (size_t i = 0; i < n * 2; i++)
		if (kept == 0 || borders[kept - 1] != borders[i])
			borders[kept++] = borders[i];
	*n_borders = kept;
	return borders;
}

static void sweep_run(struct sweep *s, size_t n)
{
	struct start *starts = xcalloc(n, sizeof(*starts));
	size_t n_borders, from = 0;
	uint32_t *borders = borders_of(s->grants, n, &n_borders);

	for (size_t i = 0; i < n; i++)
		starts[i] = (struct start){s->grants[i].first, (uint32_t)i};
	qsort(starts, n, sizeof(*starts), by_start);

	/* At the last border nothing is in force, so all boxes end there. */
	for (size_t b = 0; b < n_borders; b++) {
		size_t to = from;

		while (to < n && starts[to].first == borders[b])
			to++;
		sweep_advance(s, borders[b], starts + from, to - from);
		sweep_collect(s, borders[b]);
		sweep_settle(s, borders[b]);
		from = to;
	}
	free(borders);
	free(starts);
}

struct box *boxes_of(struct arena *arena, struct box_grant *grants, size_t n,
		     size_t *n_boxes)
{
	struct sweep s = {.arena = arena, .grants = grants};
	struct box *boxes;

	*n_boxes = 0;
	if (n == 0)
		return NULL;
	qsort(grants, n, sizeof(*grants), by_network);
	s.active = xcalloc(n, sizeof(*s.active));
	s.merged = xcalloc(n, sizeof(*s.merged));
	s.open = xcalloc(n, sizeof(*s.open));
	s.now = xcalloc(n, sizeof(*s.now));
	s.open_owners = xcalloc(n, sizeof(*s.open_owners));
	s.now_owners = xcalloc(n, sizeof(*s.now_owners));
	sweep_run(&s, n);

	boxes = ARENA_ARRAY(arena, s.n_boxes, struct box);
	memcpy(boxes, s.boxes, s.n_boxes * sizeof(*boxes));
	*n_boxes = s.n_boxes;
	free(s.active);
	free(s.merged);
	free(s.open);
	free(s.now);
	free(s.open_owners);
	free(s.now_owners);
	free(s.boxes);
	return boxes;
}
