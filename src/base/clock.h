/*
 * clock.h - the time of this thread, read once in a turn of its loop.
 *
 * Deadlines are compared with a number that does not change while events are
 * handled; reading it costs a load. Tests move it by hand.
 *
 * Floor: base.  One clock for each thread.
 */
#ifndef WEIR_BASE_CLOCK_H
#define WEIR_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

extern _Thread_local uint64_t clock_thread_ms; /* monotonic */
extern _Thread_local time_t clock_thread_s;    /* since 1970 */
extern _Thread_local long clock_thread_ns;     /* of that second */

static inline uint64_t clock_now_ms(void)
{
	return clock_thread_ms;
}

/* Wall clock, seconds since 1970; as old as the turn. */
static inline time_t clock_wall_s(void)
{
	return clock_thread_s;
}

/* The same, microseconds since 1970. */
static inline uint64_t clock_wall_us(void)
{
	return (uint64_t)clock_thread_s * 1000000 +
	       (uint64_t)clock_thread_ns / 1000;
}

/*
 * Seconds since 1970 as the wall clock had them when this was first asked for,
 * counted on by a clock that nobody sets: what lasts an hour lasts an hour.
 * One thread of a process alone uses it.
 */
time_t clock_steady_s(void);

/* Its beginning, in milliseconds: another process of the same boot of the
 * machine that adopts it has the same time. */
int64_t clock_steady_begin_ms(void);
void clock_steady_adopt(int64_t begin_ms);

/* Reads the kernel's clocks. The loop calls this once in a turn. */
void clock_update(void);

/* From now on the time of this thread is this; clock_update() does nothing
 * any more. For tests. */
void clock_fake(uint64_t now_ms, time_t wall_s);

/* "Thu, 26 Feb 2026 22:49:53 GMT" (RFC 9110 5.6.7), 29 octets and no zero,
 * made anew once a second. Valid until the next call in this thread. */
const char *clock_http_date(void);
enum { CLOCK_HTTP_DATE_OCTETS = 29 };

/* Writes that form for any time; `out` gets 29 octets and no zero. */
void clock_format_http(time_t when, char *out);

#endif
