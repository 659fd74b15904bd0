#include "slow_start.h"

/* A hundredth at the beginning: some requests have to come. */
enum { SHARE_LEAST = FACTOR_ONE / 100 };

uint32_t slow_start_share(const struct target_state *s,
			  const struct target_group *g, uint64_t now_ms)
{
	uint64_t since =
		atomic_load_explicit(&s->slow_since_ms, memory_order_relaxed);
	uint64_t gone = now_ms > since ? now_ms - since : 0;
	uint32_t share;

	if (since == 0 || gone >= g->slow_start_ms)
		return FACTOR_ONE;
	share = (uint32_t)(gone * FACTOR_ONE / g->slow_start_ms);
	return share < SHARE_LEAST ? SHARE_LEAST : share;
}

static bool serves_in_full(const struct target_state *s,
			   const struct target_group *g, uint64_t now_ms)
{
	enum health health = (enum health)s->health;

	return (health == HEALTH_HEALTHY || health == HEALTH_UNAVAILABLE) &&
	       slow_start_share(s, g, now_ms) == FACTOR_ONE;
}

void slow_start_begin(struct target_state *s, const struct target_group *g,
		      const struct roster *roster, uint64_t now_ms)
{
	bool is_new = !s->was_healthy;

	slow_start_end(s);
	s->was_healthy = true;
	if (g->slow_start_ms == 0)
		return;
	for (size_t i = 0; i < roster->n_members; i++) {
		const struct target_state *other = roster->members[i].state;

		if (other == s || !serves_in_full(other, g, now_ms) ||
		    (is_new && other->batch == s->batch))
			continue;
		atomic_store_explicit(&s->slow_since_ms, now_ms ? now_ms : 1,
				      memory_order_relaxed);
		return;
	}
}
