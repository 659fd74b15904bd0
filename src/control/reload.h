/*
 * reload.h - from the old world to the new one, or not at all.
 *
 *	load --> open ports, read keys --> rosters --> workers adopt
 *	  '---------------'-- finding: all thrown away, the old world runs on
 *
 * A reload is one deed of the control thread, so there is never a second one
 * under way. Workers take the new snapshot at the end of their turns.
 *
 * Floor: control.
 */
#ifndef WEIR_CONTROL_RELOAD_H
#define WEIR_CONTROL_RELOAD_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/diag.h"
#include "config/config.h"

struct daemon;

/* What became of a reload. A zeroed one: there was none. */
struct reload_report {
	time_t at_s;
	bool ok;
	bool invalid;        /* the file itself is at fault */
	uint64_t generation; /* that runs now */
	json_t *findings;    /* an array; owned */
	char *text;          /* the same for people; owned */
};

/*
 * Reads the file again and serves it if it is good. The outcome stands in
 * d->last_reload and in the log. Returns whether the new world came. A file
 * whose "tests" fail is not good, but with TESTS_SKIP.
 *
 * confirm_s  so long the new world waits to be confirmed (control/confirm.h);
 * 0: it is final, and so is one that waited
 */
bool reload_run(struct daemon *d, enum config_tests tests, unsigned confirm_s);

/* Whether all workers serve this generation, or a later one. */
bool reload_is_adopted(const struct daemon *d, uint64_t generation);

void reload_report_release(struct reload_report *report);

#endif
