/*
 * passive.h - a target that cannot be connected to rests for a while.
 *
 *	        failure_count connects in a row fail
 *	serves --------------------------------------> rests
 *	  ^                                           |     ^
 *	  |            rest_seconds are over, and one |     |
 *	  |            request has come that may try: v     |
 *	  +---- its connect succeeds ---------- on trial ---+
 *	                                          its connect fails
 *
 * A health check that passes ends a rest too. Health checks alone would take
 * seconds to find a target that swallows SYNs, and each request in between
 * would wait for the connect timeout. The count is one for all workers:
 * otherwise each of them would have to find out for itself. It is written only
 * when a connect fails, or is the first to succeed after that.
 *
 * Floor: balance.  Any thread.
 */
#ifndef WEIR_BALANCE_PASSIVE_H
#define WEIR_BALANCE_PASSIVE_H

#include "model/group.h"
#include "model/state.h"

/* A connect to the target failed. True when it begins to rest: then touch the
 * group. */
bool passive_note_failure(struct target_state *s,
			  const struct passive_checks *checks, uint64_t now_ms);

/* The slow half of passive_note_success(). */
bool passive_forgive(struct target_state *s, uint64_t now_ms);

/* A connect, or a health check, succeeded. True when it rested: then touch
 * the group. */
static inline bool passive_note_success(struct target_state *s, uint64_t now_ms)
{
	return __builtin_expect(atomic_load_explicit(&s->connect_failures,
						     memory_order_relaxed) != 0,
				0) &&
	       passive_forgive(s, now_ms);
}

/* Whether the next connect decides if it rests on. */
static inline bool passive_is_suspect(const struct target_state *s,
				      const struct passive_checks *checks)
{
	uint32_t failures = atomic_load_explicit(&s->connect_failures,
						 memory_order_relaxed);

	return failures && checks->failure_count &&
	       failures >= checks->failure_count;
}

/* How long it still rests; 0: it does not. */
static inline uint64_t passive_rest_ms(const struct target_state *s,
				       uint64_t now_ms)
{
	uint64_t until =
		atomic_load_explicit(&s->rests_until_ms, memory_order_relaxed);

	return until > now_ms ? until - now_ms : 0;
}

/* For a suspect whose rest is over: true for one caller alone, whose request
 * tries it; for the others it rests on. Touch the group then. */
bool passive_begin_trial(struct target_state *s,
			 const struct passive_checks *checks, uint64_t now_ms);

#endif
