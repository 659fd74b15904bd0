/*
 * pulse.h - whether the workers still turn.
 *
 * A worker without connections sleeps for ever, so it has to be asked: a letter
 * about once a second, and no other before that one was read. Late is who has
 * had one for long. Time in which control itself stood still counts for nobody.
 *
 * Floor: control.  Control thread.
 */
#ifndef WEIR_CONTROL_PULSE_H
#define WEIR_CONTROL_PULSE_H

#include <stdbool.h>
#include <stdint.h>

struct daemon;

/* Of one worker; zeroed it was never asked. */
struct pulse {
	uint64_t n_asked;
	uint64_t asked_ms; /* the last letter */
};

enum { PULSE_LATE_MS = 5000 };

/* Asks those who have answered. To be called about once a second. */
void pulse_tend(struct daemon *d);

/* How long a worker has owed an answer; 0: it does not. */
uint64_t pulse_owed_ms(const struct daemon *d, unsigned worker);

#endif
