/*
 * state.h - the inside of a keeper; private to keeper*.c.
 *
 * Floor: keeper.
 */
#ifndef WEIR_KEEPER_KEEPER_STATE_H
#define WEIR_KEEPER_KEEPER_STATE_H

#include "base/log.h"
#include "firewall/overlay.h"
#include "keeper.h"
#include "kernel/machine.h"
#include "watch.h"

/* Rules that were in force: of a file, or from a state file of ours, or read
 * from the kernel. */
struct keeper_past {
	bool is_known;         /* false: FILE_BEFORE has it, if there is one */
	struct intent *intent; /* owned, without rules perhaps; NULL: `rules`
				* counts */
	struct ruleset *rules; /* owned; NULL: no table */
};

/* Hashes of intent_hash(), "": of nothing known. More refused rules than
 * this, and the oldest are forgotten. */
enum { REFUSED_MAX = 16 };

struct keeper_memory {
	char applied[RULES_HASH_MAX]; /* and confirmed */
	char before[RULES_HASH_MAX];  /* to which rollback goes */
	char waiting[RULES_HASH_MAX]; /* to be confirmed */
	char refused[REFUSED_MAX][RULES_HASH_MAX];
	unsigned n_refused;
	bool closed; /* firewall.at_start of the last file that could be read */
};

/* Packets and octets that one rule of the file let in, whatever number of
 * rules of the kernel it became. */
struct keeper_tally {
	uint64_t packets, octets;
};

/* By id of a rule; what the values are, their maker knows. */
struct keeper_tallies {
	struct map by_id;
	struct arena arena;
	size_t n_gone; /* forgotten, and still in the arena */
};

struct keeper_drift {
	unsigned n_seen, n_repaired;
	bool is_there; /* now, and not repaired */
	bool is_open;  /* of that kind that lets all pass */
	bool fails;    /* the last repair; told once */
	time_t at_s;
	char *text; /* the last one, a line for each step; owned */
	uint64_t repaired_ms, wait_ms;
};

/* Flows that are being ended; see cut.c. */
enum { CUT_ANSWERS = 8 };

struct keeper_cut {
	bool is_due; /* the command has changed the rules, and wants it */
	pid_t pid;   /* of the child; 0: none */
	int fd;      /* from which its result comes */
	uint64_t number;
	/* By number: of this one and those before, which may not have been
	 * fetched yet. NULL: none. */
	json_t *answers[CUT_ANSWERS];
};

/* The file, compared with what is in force. */
enum keeper_edit { EDIT_NONE, EDIT_PENDING, EDIT_INVALID, EDIT_REFUSED };

/*
 *	OUTSIDE --apply --confirm--> WAITS --confirm, rollback--> HOLDS
 *	   |                                                        ^
 *	   |---- apply, start, rollback, flush ---------------------|
 *	   |---- start with nothing else known --> CLOSED ----------|
 *	   '---- found waiting --> FOUND ---- rollback, apply ------'
 *
 * WAITS goes back to OUTSIDE when it is handed over, FOUND when it is
 * confirmed. HOLDS and CLOSED wait again with the next --confirm.
 */
enum keeper_state {
	KEEPER_OUTSIDE, /* this process has brought nothing into force, or has
			 * handed over what it had */
	KEEPER_FOUND,   /* the same, and a change that another process let wait
			 * is ours to confirm or to take back */
	KEEPER_WAITS,   /* what it brought into force is to be confirmed */
	KEEPER_HOLDS,   /* what it brought into force stays */
	KEEPER_CLOSED,  /* it has no rules but those of at_start: closed */
};

struct keeper {
	const char *file;
	char *folder; /* owned; NULL: no files */
	struct kernel *kernel;

	/* What should be in force: of the file, or what was restored. */
	bool keeps;              /* the process stays: `weir sg keep` */
	enum keeper_state state; /* written by keeper_enter() */
	struct intent *intent;   /* NULL: `restored` counts */
	struct ruleset *restored;

	/* What the kernel had when we left it. Where that is the same as rules
	 * of ours, `has` is these, and they need no second copy in `now`. */
	struct ruleset *now;
	const struct ruleset *has; /* borrowed from intent or restored */
	uint32_t generation;
	bool knows_now; /* else the three mean nothing */

	bool is_saved; /* FILE_IN_FORCE has what is wanted */

	struct keeper_past before; /* for rollback */
	struct keeper_memory memory;
	struct overlay overlay;
	uint64_t handed_ms; /* of a wait that another process began; 0: none */
	bool unguarded;     /* ruleset_guard() is too much for this kernel */
	bool untold;        /* and so is tell_lay() */
	/* Of a change that waits; 0: none, or another process has the time.
	 * Written by keeper_enter(). */
	uint64_t deadline_ms;
	time_t applied_s;

	struct keeper_tallies counts; /* of counts.c */

	struct keeper_watch watch;

	struct keeper_drift drift;
	struct keeper_cut cut;
	enum keeper_edit edit;
	uint64_t files_seen; /* hash of names, times and sizes */
	uint64_t resolvers_seen;
	char *edit_text; /* owned; NULL: none */
};

/* The only function that changes the state and the deadline, which is 0 where
 * nothing waits. */
void keeper_enter(struct keeper *k, enum keeper_state state,
		  uint64_t deadline_ms);

/* Something waits to be confirmed. */
static inline bool keeper_waits(const struct keeper *k)
{
	return k->state == KEEPER_FOUND || k->state == KEEPER_WAITS;
}

/* What is wanted was brought into force by this process. */
static inline bool keeper_is_in_force(const struct keeper *k)
{
	return k->state >= KEEPER_WAITS;
}

/* What should be in force; NULL: no table. */
const struct ruleset *keeper_wanted(const struct keeper *k);

/* -- files.c --------------------------------------------------------------- */

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

/* Makes it, unless it is there; -1 with errno. Where no folder is used, 0. */
int keeper_make_folder(const struct keeper *k);

/*
 * Returns 0, or -1 after a warning in the log: what is in force counts more.
 * Then the rules in force that stood in the file before stay there; rules to
 * go back to are gone: no way back is better than a wrong one.
 */
int keeper_save(struct keeper *k, enum keeper_file file,
		const struct ruleset *rules);
/* Whether FILE_IN_FORCE has exactly these. */
bool keeper_is_saved(const struct keeper *k, const struct ruleset *rules);
/* Without what keeper_lay() laid over them. Returns whether there is one. */
bool keeper_load(struct keeper *k, enum keeper_file file,
		 struct ruleset **rules);
void keeper_forget(struct keeper *k, enum keeper_file file);
bool keeper_has(const struct keeper *k, enum keeper_file file);

/* -- memory.c -------------------------------------------------------------- */

/* Reads and writes the file; the second returns -1 after a warning. */
void keeper_recall(struct keeper *k);
int keeper_remember(struct keeper *k);

/* Rules of this hash are in force; `changed`: others were before. */
void memory_apply(struct keeper_memory *m, const char *hash, bool changed);
/* They wait to be confirmed; are confirmed; are not. */
void memory_wait(struct keeper_memory *m, const char *hash);
void memory_confirm(struct keeper_memory *m);
void memory_refuse_waiting(struct keeper_memory *m);
/* What waits or was applied is refused, the rules before are in force. */
void memory_go_back(struct keeper_memory *m, bool changed);
bool memory_is_refused(const struct keeper_memory *m, const char *hash);

/* -- hand_over.c ----------------------------------------------------------- */

/* Asks the process on this socket for its timer. Returns 0, or -1 with
 * EADDRINUSE: it is a keeper, or does not answer. */
int keeper_ask_timer(const char *socket, uint64_t *left_ms);

/* Goes on waiting for what another process applied. Returns 0, -1 after
 * findings, or 1: nothing waits. */
int keeper_start_handed(struct keeper *k, struct diag *diag);

/* -- overlay.c ------------------------------------------------------------- */

/* Reads the file of run-time entries; without one there are none. */
void keeper_load_overlay(struct keeper *k);

/* Takes away what has ended, in the kernel too. */
void keeper_expire(struct keeper *k);

/* {"command":"allow" | "revoke" | "block" | "unblock" | "overlay"} */
json_t *keeper_answer_overlay(struct keeper *k, const json_t *request);

/* NULL, or why there is no such group. */
json_t *keeper_check_group(const struct keeper *k, const char *name);

/* -- watch.c --------------------------------------------------------------- */

/* {"command":"watch"}; *memo is that of an admin_answer_fn. */
json_t *keeper_answer_watch(struct keeper *k, const json_t *request,
			    uint64_t *memo);

/* Names of the groups of a profile's chain, by the rules; a new reference. */
json_t *keeper_groups_of(const struct ruleset *rules, const char *chain);
bool keeper_names_group(const json_t *groups, const char *group);

/* For status; a new reference. */
json_t *keeper_watch_json(const struct keeper *k);
void keeper_watch_release(struct keeper *k);

/* -- suggest.c ------------------------------------------------------------- */

/* {"command":"suggest"} */
json_t *keeper_answer_suggest(struct keeper *k, const json_t *request);

/* -- keeper.c -------------------------------------------------------------- */

/* Lays over rules what stands in no file: run-time entries, and while we stay
 * the guard of new addresses. */
void keeper_lay(const struct keeper *k, struct ruleset *rules);

/* The file as it is, with what is laid over it; NULL after findings. */
struct intent *keeper_load_intent(struct keeper *k, struct diag *diag);

/* In a process that applied nothing itself: what was in force last counts as
 * wanted, if a file knows. */
void keeper_adopt_last(struct keeper *k);

/* Whether anything was wanted before, be it no table. */
bool keeper_has_wanted(const struct keeper *k);
/* What is wanted, moved out; nothing is wanted then. */
struct keeper_past keeper_take_wanted(struct keeper *k);
void keeper_past_release(struct keeper_past *past);
/* NULL: no table. Not of rules that keeper_keep_past() has kept. */
const struct ruleset *keeper_past_rules(const struct keeper_past *past);
/* Writes what was before into its file, and gives up the memory for it. */
void keeper_keep_past(struct keeper *k);

/* Brings the run-time entries and the addresses of the machine into what is
 * wanted, and that into the kernel. Returns the number of steps, or -1 after
 * findings. */
int keeper_renew(struct keeper *k, bool always, struct diag *diag);

/*
 * Brings the kernel to what is wanted. Returns the number of steps, or -1
 * after findings. *before gets what was there; the caller's. NULL: nobody
 * asks, which saves the memory for it.
 */
int keeper_enforce(struct keeper *k, const struct ruleset *wanted,
		   struct ruleset **before, struct diag *diag);

/* What is wanted comes from this from now on; takes over either. */
void keeper_adopt(struct keeper *k, struct intent *intent_take,
		  struct ruleset *restored_take);

/* This is in force at that generation. */
void keeper_know(struct keeper *k, struct ruleset *now_take,
		 uint32_t generation);

/* Errors only, or warnings too, for the level LOG_WARNING. */
void keeper_log_findings(struct diag *diag, enum log_level level);

/* Sets k->edit: how the file compares with what is wanted now. */
void keeper_judge_file(struct keeper *k);

/* Remembers how the files of the configuration look now. */
void keeper_note_files(struct keeper *k);

/* The kernel has these rules of ours, so what was read of it is given up. */
void keeper_settle(struct keeper *k, const struct ruleset *ours);

/* What the kernel had, where that is known; NULL: no table. */
static inline const struct ruleset *keeper_now(const struct keeper *k)
{
	return k->has ? k->has : k->now;
}

/* To the system: a configuration that was compiled leaves holes of its size. */
void keeper_give_back(void);

/* Reads what is in force, unless that is known. Returns 0, or -1 after
 * findings. */
int keeper_read(struct keeper *k, struct diag *diag);

/* A change that another process let wait, and left behind when it died, is
 * ours from now on. */
void keeper_take_waiting(struct keeper *k);

int keeper_confirm(struct keeper *k);
/* Returns the number of steps, or -1 after findings. */
int keeper_rollback(struct keeper *k, struct diag *diag);
int keeper_flush(struct keeper *k, struct diag *diag);

/* -- cut.c ----------------------------------------------------------------- */

/*
 * Ends the flows that the rules of the intent do not admit, and says so in
 * the answer. Where the process stays, a child does it: then returns NULL,
 * and *memo is what keeper_cut_answer() wants.
 */
json_t *keeper_cut_begin(struct keeper *k, json_t *answer_take, uint64_t *memo);
/* NULL: it is not over. */
json_t *keeper_cut_answer(struct keeper *k, uint64_t memo);
/* One at a time: whoever applies has to wait. */
bool keeper_cut_runs(struct keeper *k);
/* The rules by which they end are going. */
void keeper_cut_stop(struct keeper *k);
void keeper_cut_release(struct keeper *k);

/* -- trouble.c ------------------------------------------------------------- */

/* Warnings; none where all is well. */
void keeper_find_trouble(struct keeper *k, struct diag *diag);

/* -- counts.c -------------------------------------------------------------- */

/* Looks at the counters of what is in force. `settled`: it is what is wanted,
 * so rules that are not there are over. */
void keeper_count(struct keeper *k, const struct ruleset *now, bool settled);
/* What the rule with this id has let in up to the last look; never less than
 * it was at a look before. */
struct keeper_tally keeper_counted(const struct keeper *k, const char *id);
void keeper_tallies_release(struct keeper_tallies *t);

/* -- status.c -------------------------------------------------------------- */

json_t *keeper_status(struct keeper *k);

#endif
