/*
 * confirm.h - a reload that has to be confirmed, or else goes back by itself.
 *
 *	confirmed --reload --confirm--> waiting --confirm, reload--> confirmed
 *	     ^                            | |
 *	     |       the time is over     | +-- the process ends: a start comes
 *up
 *	     +----------------------------+     with what was confirmed last
 *
 * What was confirmed last is kept as it was served, so that the way back needs
 * no file; and as texts in the state folder, beside the overlay, for a start.
 *
 * Floor: control.  Control thread.
 */
#ifndef WEIR_CONTROL_CONFIRM_H
#define WEIR_CONTROL_CONFIRM_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"

struct daemon;
struct snapshot;

enum { CONFIRM_LEAST_S = 1, CONFIRM_MOST_S = 86400 };

/* A zeroed one: nothing waits. */
struct confirm {
	struct snapshot *snap;     /* confirmed last; one reference */
	struct config_texts texts; /* that it was made of */
	char *path;                /* where these are kept; owned */
	uint64_t ends_ms;          /* clock_now_ms(); 0: nothing waits */
	bool has_failed;           /* the way back did, and that was said */
	struct loop_watch *timer;
};

/* "confirmed.json" in the folder of the overlay file. From malloc. */
char *confirm_path(struct slice overlay_file);

/*
 * Keeps what is served now, so that another one can be tried. Nothing when
 * something waits already. Returns 0, or -1 after a finding: it cannot be kept.
 */
int confirm_prepare(struct daemon *d, const struct snapshot *next,
		    struct diag *diag);

/* The other one is served: the clock starts, anew. */
void confirm_begin(struct daemon *d, unsigned seconds);

/* What is served is final: nothing waits any more. */
void confirm_end(struct daemon *d);

/* Frees it; what is on the disk stays for the next start. */
void confirm_release(struct confirm *c);

json_t *confirm_answer(struct daemon *d, const json_t *request, uint64_t *memo);

/*
 * What a process that ended while it waited has left, for a start. Returns
 * whether there is anything; what cannot be used is said in the log, and left
 * where it is.
 */
bool confirm_find(const char *path, struct config_texts *texts);

#endif
