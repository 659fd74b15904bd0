/*
 * outbox.h - records from many threads to one that alone writes them.
 *
 * A pipe, a terminal or a disk may keep whoever writes to it waiting for ever.
 * So a thread that must not wait puts what it has to say into an outbox of its
 * own: bounded, without a lock, and without a system call unless the courier
 * sleeps. The courier's thread takes it from there, in the order of each
 * outbox. What does not fit is dropped and counted.
 *
 *	struct courier *c = courier_new(deliver, arg);
 *	struct outbox *mine = courier_outbox(c, 64 * 1024);
 *
 *	courier_start(c);
 *	outbox_put(mine, 0, SLICE("a line\n"));
 *	if (courier_stop(c, 1000))
 *		courier_free(c);
 *
 * Floor: base.
 */
#ifndef WEIR_BASE_OUTBOX_H
#define WEIR_BASE_OUTBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "slice.h"

struct outbox;
struct courier;

/*
 * Writes one record, or several in one; may wait as long as it likes. `tag` is
 * what was given to outbox_put(): which file, say. Returns 0, or an errno: the
 * record counts as lost. The courier's thread alone.
 */
typedef int courier_deliver_fn(void *arg, uint32_t tag, struct slice record);

/* Without a thread yet: what is put waits. Never NULL. */
struct courier *courier_new(courier_deliver_fn *deliver, void *arg);

/*
 * An outbox for the calling thread, which alone may put into it. It lives as
 * long as the courier. `octets` is a power of two from 4096 on; a record of
 * half of that less 8 always fits into an empty one. Never NULL. Any thread.
 */
struct outbox *courier_outbox(struct courier *c, size_t octets);

/* Starts the thread, with all signals blocked. Returns 0, or -1 with errno. */
int courier_start(struct courier *c);

/*
 * What the courier's thread does after each round through the outboxes, before
 * it may sleep: for who gathers records. Before the start.
 */
void courier_at_pause(struct courier *c, void (*pause)(void *arg));

/* Has the thread make a round, even where there is nothing to take. Any
 * thread. */
void courier_call(struct courier *c);

/*
 * Rounds that are over. Once it has grown by two, all is delivered that was
 * put before it was asked for. Any thread.
 */
uint64_t courier_rounds(const struct courier *c);

/*
 * Waits until all is written that was put before, at most `wait_ms`, and ends
 * the thread; starts it for that if it never was. Nobody may put any more.
 * Returns whether it has ended; if not, it hangs in a write, and the courier
 * must not be freed. Once only.
 */
bool courier_stop(struct courier *c, unsigned wait_ms);

/* Once courier_stop() has returned true. */
void courier_free(struct courier *c);

struct courier_counts {
	uint64_t records; /* written */
	uint64_t lost;    /* did not fit, or could not be written */
	int last_error;   /* errno of the last that could not; 0: none */
};
/* Any thread, at any time. */
void courier_read_counts(struct courier *c, struct courier_counts *out);

/* Copies a record; false: there is no room for it, and it is counted. */
bool outbox_put(struct outbox *o, uint32_t tag, struct slice record);

/*
 * The same, but the courier may sleep on. Returns the octets that wait in the
 * outbox, marks included; 0: there was no room. outbox_hand_over() has them
 * taken.
 */
size_t outbox_put_quietly(struct outbox *o, uint32_t tag, struct slice record);
void outbox_hand_over(struct outbox *o);

/* Records for which there was no room so far. The outbox's own thread. */
uint64_t outbox_lost(const struct outbox *o);

#endif
