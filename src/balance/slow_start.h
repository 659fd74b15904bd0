/*
 * slow_start.h - a new target gets its share bit by bit.
 *
 * It begins when a target becomes healthy while another one of its group
 * serves in full, and ends when its time is over or its health is. Those that
 * were registered together do not wait for each other: a group that begins
 * does so at once. The share grows in proportion to the time.
 *
 * Floor: balance.  Source: AWS: slow start mode.
 */
#ifndef WEIR_BALANCE_SLOW_START_H
#define WEIR_BALANCE_SLOW_START_H

#include "model/group.h"
#include "model/state.h"

/* The target became healthy. Control thread. */
void slow_start_begin(struct target_state *s, const struct target_group *g,
		      const struct roster *roster, uint64_t now_ms);

/* It is not healthy any more, or was deregistered. Control thread. */
static inline void slow_start_end(struct target_state *s)
{
	atomic_store_explicit(&s->slow_since_ms, 0, memory_order_relaxed);
}

/* The part of FACTOR_ONE that it gets now; FACTOR_ONE when it is not in slow
 * start. Any thread. */
uint32_t slow_start_share(const struct target_state *s,
			  const struct target_group *g, uint64_t now_ms);

#endif
