/*
 * cidr_set.h - is this address in one of many networks?
 *
 * However many there are, a question costs as many steps as their number has
 * digits in base two.
 *
 * Floor: base.
 */
#ifndef WEIR_BASE_CIDR_SET_H
#define WEIR_BASE_CIDR_SET_H

#include "base/cidr.h"

struct arena;

/* Networks of which none is part of another, in order. Read-only once made. */
struct cidr_set {
	const struct cidr *networks;
	size_t n;
};

/* `networks` may nest and repeat; what is kept is the arena's. */
void cidr_set_make(struct arena *arena, const struct cidr *networks, size_t n,
		   struct cidr_set *out);

/* `address` has full length (cidr_is_address). */
bool cidr_set_has(const struct cidr_set *set, const struct cidr *address);

#endif
