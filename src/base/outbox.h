/*
 * outbox.h - records from many threads to one that alone writes them.
 *
 * A pipe, a terminal or a disk may keep whoever writes to it waiting for ever.
 * So a thread that must not wait puts what it has to say into an outbox of its
 * own: bounded, without a lock, and without a system call unless the writer
 * sleeps. The writer's thread takes it from there, in the order of each outbox.
 * What does not fit is dropped and counted.
 *
 *	struct writer *w = writer_new(deliver, arg);
 *	struct outbox *mine = writer_outbox(w, 64 * 1024);
 *
 *	writer_start(w);
 *	outbox_put(mine, 0, SLICE("a line\n"));
 *	if (writer_stop(w, 1000))
 *		writer_free(w);
 *
 * Floor: base.
 */
#ifndef WEIR_BASE_OUTBOX_H
#define WEIR_BASE_OUTBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "slice.h"

struct outbox;
struct writer;

/*
 * Writes one record, or several in one; may wait as long as it likes. `tag` is
 * what was given to outbox_put(): which file, say. Returns 0, or an errno: the
 * record counts as lost. The writer's thread alone.
 */
typedef int writer_deliver_fn(void *arg, uint32_t tag, struct slice record);

/* Without a thread yet: what is put waits. Never NULL. */
struct writer *writer_new(writer_deliver_fn *deliver, void *arg);

/*
 * An outbox for the calling thread, which alone may put into it. It lives as
 * long as the writer. `octets` is a power of two from 4096 on; a record of
 * half of that less 8 always fits into an empty one. Never NULL. Any thread.
 */
struct outbox *writer_outbox(struct writer *w, size_t octets);

/* Starts the thread, with all signals blocked. Returns 0, or -1 with errno. */
int writer_start(struct writer *w);

/*
 * Waits until all is written that was put before, at most `wait_ms`, and ends
 * the thread; starts it for that if it never was. Nobody may put any more.
 * Returns whether it has ended; if not, it hangs in a write, and the writer
 * must not be freed. Once only.
 */
bool writer_stop(struct writer *w, unsigned wait_ms);

/* Once writer_stop() has returned true. */
void writer_free(struct writer *w);

struct writer_counts {
	uint64_t records; /* written */
	uint64_t lost;    /* did not fit, or could not be written */
	int last_error;   /* errno of the last that could not; 0: none */
};
/* Any thread, at any time. */
void writer_read_counts(struct writer *w, struct writer_counts *out);

/* Copies a record; false: there is no room for it, and it is counted. */
bool outbox_put(struct outbox *o, uint32_t tag, struct slice record);

/* Records for which there was no room so far. The outbox's own thread. */
uint64_t outbox_lost(const struct outbox *o);

#endif
