/*
 * keeper_state.h - the inside of a keeper; private to keeper*.c.
 *
 * Floor: control.
 */
#ifndef WEIR_CONTROL_KEEPER_STATE_H
#define WEIR_CONTROL_KEEPER_STATE_H

#include "keeper.h"

/* Rules that were somewhere: from a file of ours, or read from the kernel. */
struct keeper_past {
	bool is_known;         /* false: there is no past */
	struct ruleset *rules; /* owned; NULL: no table */
};

struct keeper_drift {
	unsigned n_seen, n_repaired;
	bool is_there; /* now, and not repaired */
	time_t at_s;
	char *text; /* the last one, a line for each step; owned */
	uint64_t repaired_ms, wait_ms;
};

/* The file, compared with what is in force. */
enum keeper_edit { EDIT_NONE, EDIT_PENDING, EDIT_INVALID };

struct keeper {
	const char *file;
	char *folder; /* owned; NULL: no files */
	struct kernel *kernel;

	/* What should be in force: of the file, or what was restored. */
	bool keeps;            /* the process stays: `weir sg keep` */
	bool in_force;         /* false: nothing was applied by us yet */
	struct intent *intent; /* NULL: `restored` counts */
	struct ruleset *restored;

	/* What the kernel had when we left it. */
	struct ruleset *now;
	uint32_t generation;
	bool knows_now; /* else `now` and `generation` mean nothing */

	struct keeper_past before; /* for rollback */
	bool waits;
	uint64_t deadline_ms;
	time_t applied_s;

	struct keeper_drift drift;
	enum keeper_edit edit;
	uint64_t files_seen; /* hash of names, times and sizes */
	char *edit_text;     /* owned; NULL: none */
};

/* What should be in force; NULL: no table. */
const struct ruleset *keeper_wanted(const struct keeper *k);

/* -- keeper_files.c -------------------------------------------------------- */

/* FILE_WAITING is there while a change waits to be confirmed, from before it
 * reaches the kernel; its rules are those to go back to. */
enum keeper_file { FILE_IN_FORCE, FILE_BEFORE, FILE_WAITING };

/*
 * Keeps out the others who change the rules and these files. Whoever holds it
 * for seconds is stuck, and is not waited for. Returns what keeper_unlock()
 * wants, -1 if there is nothing to lock.
 */
int keeper_lock(const struct keeper *k);
void keeper_unlock(int lock);

/* Failures are warnings in the log: what is in force counts more. What stood
 * in the file is gone then: no way back is better than a wrong one. */
void keeper_save(struct keeper *k, enum keeper_file file,
		 const struct ruleset *rules);
/* Returns whether there is one. */
bool keeper_load(struct keeper *k, enum keeper_file file,
		 struct ruleset **rules);
void keeper_forget(struct keeper *k, enum keeper_file file);
bool keeper_has(const struct keeper *k, enum keeper_file file);

/* -- keeper.c -------------------------------------------------------------- */

/*
 * Brings the kernel to what is wanted. Returns the number of steps, or -1
 * after findings. *before gets what was there; the caller's.
 */
int keeper_enforce(struct keeper *k, const struct ruleset *wanted,
		   struct ruleset **before, struct diag *diag);

/* What is wanted comes from this from now on; takes over either. */
void keeper_adopt(struct keeper *k, struct intent *intent_take,
		  struct ruleset *restored_take);

/* Remembers how the files of the configuration look now. */
void keeper_note_files(struct keeper *k);

/* Reads what is in force, unless that is known. Returns 0, or -1 after
 * findings. */
int keeper_read(struct keeper *k, struct diag *diag);

/* NULL means no table. */
bool keeper_differ(const struct ruleset *now, const struct ruleset *wanted);

/* A change that another process let wait, and left behind when it died, is
 * ours from now on. */
void keeper_take_waiting(struct keeper *k);

int keeper_confirm(struct keeper *k);
/* Returns the number of steps, or -1 after findings. */
int keeper_rollback(struct keeper *k, struct diag *diag);
int keeper_flush(struct keeper *k, struct diag *diag);

/* -- keeper_status.c ------------------------------------------------------- */

json_t *keeper_status(struct keeper *k);

#endif
