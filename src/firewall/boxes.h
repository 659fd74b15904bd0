/*
 * boxes.h - many overlapping grants -> few boxes that do not overlap.
 *
 * A grant admits a network on a stretch of an axis: ports of a protocol, say.
 * A large group becomes one interval set of such boxes, and the kernel
 * refuses sets whose elements overlap in most ways; so they must not overlap
 * at all.
 *
 * The boxes admit exactly what the grants admit. Each remembers which grants
 * cover all of it. Neighbours are joined only where those are the same: then
 * a counter of a box is a counter of rules, and a changed rule changes no
 * other box.
 *
 * Pure. Floor: firewall.
 */
#ifndef WEIR_FIREWALL_BOXES_H
#define WEIR_FIREWALL_BOXES_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/cidr.h"

struct box_grant {
	struct cidr cidr;     /* all of one family */
	uint32_t first, last; /* on the axis; last below UINT32_MAX */
	uint32_t owner;       /* the caller's number for the rule */
};

struct box {
	struct cidr cidr;
	uint32_t first, last;
	const uint32_t *owners; /* ascending, each once */
	unsigned n_owners;      /* at least 1 */
};

/* The boxes lie in the arena. Puts `grants` in another order. */
struct box *boxes_of(struct arena *arena, struct box_grant *grants, size_t n,
		     size_t *n_boxes);

#endif
