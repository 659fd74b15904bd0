/*
 * journal.h - files of lines that many threads fill and one thread writes.
 *
 * A journal is a file, by its path: whoever names the same path has the same
 * journal. Threads put lines into an outbox of their own (outbox.h); the
 * writer's thread takes them from there and writes many at once. Nobody waits
 * for a disk. A line leaves whole or is lost, and then counted for its file:
 *
 *	no room in the outbox   the disk is slower than the lines come
 *	a write that failed     the disk is full, say; what was written of the
 *	                        line is taken back
 *	the file is gone        until it can be opened again
 *
 * A file that somebody has removed is made again, and one that somebody has
 * moved is written to until journals_reopen().
 *
 * Floor: base.
 */
#ifndef WEIR_BASE_JOURNAL_H
#define WEIR_BASE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "slice.h"

struct journal;
struct journal_pen;
struct journals;

enum {
	/* Octets of a line, with its newline. More than any that is made. */
	JOURNAL_LINE_MAX = 512 * 1024,
	/* A line that was put is in its file so long after, or before. */
	JOURNAL_DELAY_MS = 1000,
};

/* Without a thread yet. Never NULL. */
struct journals *journals_new(void);
/* Starts the thread. Returns 0, or -1 with errno. Control thread. */
int journals_start(struct journals *js);
/*
 * Has all lines written that were put before, and waits for that `wait_ms` at
 * most. Nobody may put any more. What cannot be freed, because a write hangs,
 * stays. NULL is allowed.
 */
void journals_free(struct journals *js, unsigned wait_ms);

/*
 * The journal of a path, which is opened if it is not yet; made, with the mode
 * 0640, where it is missing. Returns one reference, or NULL with errno. Control
 * thread; may wait for the disk.
 */
struct journal *journals_open(struct journals *js, const char *path);

/* Any thread. A journal that nobody refers to is closed by journals_sweep(). */
struct journal *journal_ref(struct journal *j);
void journal_unref(struct journal *j); /* NULL is allowed */

/* Closes files that nobody writes to any more. Control thread. */
void journals_sweep(struct journals *js);

/*
 * Opens a file as a journal would, but makes none: 0, or an errno. Where it is
 * missing, ENOENT.
 */
int journal_try(const char *path);

/* -- lines ----------------------------------------------------------------- */

/* What a thread puts lines with. Never NULL; lives as long as the journals.
 * Any thread. */
struct journal_pen *journals_pen(struct journals *js);

/* Room for one line, JOURNAL_LINE_MAX octets, until the next call. */
char *journal_room(struct journal_pen *pen);

/*
 * Puts a line; `text` ends with a newline. It may wait where it is until
 * journal_hand_over(): *pen_is_due tells that some line does since now. The
 * pen's thread.
 *
 * Returns false when it was lost.
 */
bool journal_put(struct journal_pen *pen, struct journal *j, struct slice text,
		 bool *pen_is_due);

/* A line that could not even be made. The pen's thread. */
void journal_lose(struct journal *j);

/* Has the writer take what waits. Costs a system call if it sleeps. */
void journal_hand_over(struct journal_pen *pen);

/* -- opening them anew ----------------------------------------------------- */

/* The writer opens all files anew, each under its path. Returns the number of
 * this wish. Control thread; does not wait. */
uint64_t journals_reopen(struct journals *js);
/* Whether that has been done. */
bool journals_are_reopened(const struct journals *js, uint64_t wish);

/* -- how they are ---------------------------------------------------------- */

struct journal_status {
	const char *path; /* borrowed */
	uint64_t lines;   /* written */
	uint64_t lost;
	int last_error; /* errno why lines were lost last; 0: none were, or
			 * for want of room in front of the writer */
	int open_error; /* errno of the last attempt to open it; 0: it is
			 * open */
};

/*
 * Of each journal in use, in no order; `*at` begins with NULL. False: there is
 * none left. Control thread.
 */
bool journals_next(const struct journals *js, struct journal **at,
		   struct journal_status *out);

/* Lines of it that were lost since this was last told, and that is so long ago,
 * or it never was; 0: none, or not yet. Control thread. */
uint64_t journal_tell_lost(struct journal *j, uint64_t now_ms,
			   uint64_t every_ms);

#endif
