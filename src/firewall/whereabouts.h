/*
 * whereabouts.h - whose is an address? for those who ask often.
 *
 * The functions of model/host.h walk over all instances. Whoever has ten
 * thousands of flows to ask about makes a table first.
 *
 * Floor: firewall.
 */
#ifndef WEIR_FIREWALL_WHEREABOUTS_H
#define WEIR_FIREWALL_WHEREABOUTS_H

#include "model/host.h"

struct whereabouts;

/* Borrows the configuration. */
struct whereabouts *whereabouts_new(const struct firewall_config *config);
void whereabouts_free(struct whereabouts *w); /* NULL is allowed */

/* Like firewall_instance_at() and firewall_is_local(). */
const struct instance *whereabouts_instance(const struct whereabouts *w,
					    const struct cidr *address);
bool whereabouts_is_local(const struct whereabouts *w,
			  const struct cidr *address);

#endif
