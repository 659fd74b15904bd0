/*
 * keeper.h - the rules in force: who applies them, confirms, goes back, and
 * notices when they are not what they should be.
 *
 *	        apply                    confirm
 *	in force ----> waiting (a timer) --------> in force
 *	   ^  ^            |
 *	   |  '------------'  rollback, or nobody confirmed in time
 *	   '-- drift: somebody else changed our table: repaired, or reported
 *
 * One object does this in three processes: in `weir sg keep`, which stays; in
 * `weir sg apply` and its sisters where no keeper runs; and in the small
 * process that `apply --confirm` leaves behind then, because a shell that
 * dies must confirm nothing.
 *
 * What was in force and what came before stand in files too (firewall/
 * store.h), for the next process.
 *
 * Floor: keeper.  One thread.  Source: weir-sg(8).
 */
#ifndef WEIR_KEEPER_KEEPER_H
#define WEIR_KEEPER_KEEPER_H

#include <jansson.h>
#include <stdbool.h>
#include <time.h>

#include "kernel/intent.h"
#include "kernel/kernel.h"

struct keeper_options {
	const char *file;      /* of the configuration; borrowed */
	const char *folder;    /* of state files; NULL: none are kept */
	struct kernel *kernel; /* becomes the keeper's */
};

struct keeper;

/* Reads what an earlier keeper left in the folder; changes nothing yet. */
struct keeper *keeper_new(const struct keeper_options *options);
void keeper_free(struct keeper *k); /* NULL is allowed; reverts nothing */

/* Where state files are kept: STATE_DIRECTORY, or the place of the system or
 * of the user. The caller frees it. */
char *keeper_folder(void);

/*
 * Warns of what keeps these rules, or a keeper of them, from working on this
 * machine. Changes nothing; silent for whoever could not apply them.
 */
void keeper_check(const struct ruleset *wanted, struct diag *diag);

/* -- commands -------------------------------------------------------------- */

/*
 * An admin_answer_fn whose `arg` is the keeper. What can be asked:
 *
 *	{"command":"apply","file":F,"confirm":SECONDS,"cut":true,
 *	 "force":true,"session":"SSH_CONNECTION of the shell"}
 *	{"command":"diff","file":F,"session":...}
 *	{"command":"confirm"}  {"command":"rollback"}  {"command":"flush"}
 *	{"command":"status"}
 *	{"command":"allow","group":G,"protocol":"tcp","port":22,"cidr":C,
 *	 "seconds":3600}, "revoke" likewise
 *	{"command":"block","cidr":C,"seconds":3600,"session":...,"force":true},
 *	"unblock" likewise
 *	{"command":"overlay","drop":true}
 *	{"command":"suggest","group":G}
 *	{"command":"watch","group":G,"watcher":N,"after":N}; without the last
 *	two it begins, and an answer names those for the next question
 *
 * Findings stand under "text"; "invalid" tells that the file is at fault, and
 * "other_file" that the keeper has another one. A keeper that stays gives no
 * answer (NULL) while flows are being ended: ask again.
 */
json_t *keeper_answer(void *keeper, const json_t *request, uint64_t *memo);

/* -- what the process that stays does beside them -------------------------- */

/*
 * The first deed of `weir sg keep`: brings the file into force; the last
 * rules in force, if the file is invalid or if the process before died
 * waiting for a confirmation. Returns 0, or -1 after a line in the log: the
 * kernel refuses, and nothing can be kept.
 */
int keeper_start(struct keeper *k);

/* A keeper that starts takes the timer over. The first is asked where the
 * change waits and returns the milliseconds that are left, 0 if nothing waits;
 * the second is told before keeper_start(). */
uint64_t keeper_hand_over(struct keeper *k);
void keeper_take_over(struct keeper *k, uint64_t left_ms);

/* Something waits to be confirmed until then. 0: nothing waits. */
uint64_t keeper_deadline_ms(const struct keeper *k);

/* Goes back if the deadline has passed. */
void keeper_tick(struct keeper *k);

/* Goes back now if something waits: the process ends. */
void keeper_abandon(struct keeper *k);

/* Tables of the kernel have changed. Returns 0, or in how many milliseconds
 * it wants to be called again: repairs that follow each other wait longer. */
uint64_t keeper_look_at_kernel(struct keeper *k);

/* Addresses of the machine have changed. */
void keeper_look_at_machine(struct keeper *k);

/* Now and then: has the file been edited and not applied? */
void keeper_look_at_file(struct keeper *k);

/* -- what is dropped ------------------------------------------------------- */

struct sighting;

/* Somebody watches, or the rules report and do not drop: packets are to be
 * heard. Asked after each command, and now and then. */
bool keeper_wants_to_hear(const struct keeper *k);
/* They are heard from now on, or not, and why; 0: nobody wants to. */
void keeper_hears(struct keeper *k, bool is_open, int error);
/* One packet that was heard, and so many that were told and not heard. */
void keeper_saw(struct keeper *k, const struct sighting *s);
void keeper_lost(struct keeper *k, uint64_t packets);

/* -- processes (run.c) ----------------------------------------------------- */

/* `weir sg keep`. Returns the exit status. */
int keeper_keep(const char *file);

/*
 * Answers one request in this process, for commands where no keeper runs.
 * With a "confirm" that has to be waited for, a process is left behind that
 * holds the timer and listens on `socket`. Returns a new reference.
 */
json_t *keeper_answer_alone(const char *file, const char *socket,
			    const json_t *request);

#endif
