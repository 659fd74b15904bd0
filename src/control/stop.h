/*
 * stop.h - the end of the process, in good order.
 *
 * The first request stops the workers from accepting and lets what runs
 * finish within settings.shutdown_timeout_seconds; the second ends it at
 * once.
 *
 * Floor: control.  Control thread.
 */
#ifndef WEIR_CONTROL_STOP_H
#define WEIR_CONTROL_STOP_H

struct daemon;

/* TERM or INT came. */
void stop_asked(struct daemon *d);

/* The last line. */
void stop_say_end(const struct daemon *d);

#endif
