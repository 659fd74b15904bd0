#include "passive.h"

bool passive_note_failure(struct target_state *s,
			  const struct passive_checks *checks, uint64_t now_ms)
{
	uint64_t until;

	if (checks->failure_count == 0)
		return false;
	if (atomic_fetch_add_explicit(&s->connect_failures, 1,
				      memory_order_relaxed) +
		    1 <
	    checks->failure_count)
		return false;
	until = atomic_exchange_explicit(&s->rests_until_ms,
					 now_ms + checks->rest_ms,
					 memory_order_relaxed);
	return until <= now_ms;
}

bool passive_forgive(struct target_state *s, uint64_t now_ms)
{
	atomic_store_explicit(&s->connect_failures, 0, memory_order_relaxed);
	return atomic_exchange_explicit(&s->rests_until_ms, 0,
					memory_order_relaxed) > now_ms;
}

bool passive_begin_trial(struct target_state *s,
			 const struct passive_checks *checks, uint64_t now_ms)
{
	uint64_t until =
		atomic_load_explicit(&s->rests_until_ms, memory_order_relaxed);

	return until <= now_ms &&
	       atomic_compare_exchange_strong_explicit(
		       &s->rests_until_ms, &until, now_ms + checks->rest_ms,
		       memory_order_relaxed, memory_order_relaxed);
}
