/*
 * target_commands.h - targets changed at run time: register, deregister, drain,
 * resume, and the overlay that keeps it.
 *
 *	check --> overlay on the disk --> rosters --> workers have seen it
 *	  '------------'-- error: nothing has changed
 *
 * Floor: control.  Control thread.
 */
#ifndef WEIR_CONTROL_TARGET_COMMANDS_H
#define WEIR_CONTROL_TARGET_COMMANDS_H

#include <jansson.h>
#include <stdint.h>

struct daemon;
struct diag;
struct snapshot;
struct target_group;

/* Answers of the admin socket; admin.h has the contract. */
json_t *register_answer(struct daemon *d, const json_t *request,
			uint64_t *memo);
json_t *deregister_answer(struct daemon *d, const json_t *request,
			  uint64_t *memo);
json_t *drain_answer(struct daemon *d, const json_t *request, uint64_t *memo);
json_t *resume_answer(struct daemon *d, const json_t *request, uint64_t *memo);
json_t *overlay_answer(struct daemon *d, const json_t *request, uint64_t *memo);

/* The configuration in force, with the overlay, as one file. */
json_t *export_answer(struct daemon *d, const json_t *request, uint64_t *memo);

/* What they share. Whether anything can be changed now; NULL: it can. */
json_t *target_refuse_change(const struct daemon *d);
json_t *target_unknown_group(const struct daemon *d, const char *name);
/* Keeps a document and serves by it, for one group that it changes or for all
 * (NULL). NULL: it is so; else why not, and nothing has changed. */
json_t *target_commit(struct daemon *d, struct target_group *g, json_t *doc);
/* Serves by the document there is. */
void target_lay_now(struct daemon *d, struct target_group *g);

/* Forgets those who still wait: the process ends. */
void target_waits_end(struct daemon *d);

/*
 * This configuration is the one in force, for good: takes out of the overlay
 * what the file says by now, or what has no group any more, and writes it.
 */
void overlay_catch_up(struct daemon *d, const struct snapshot *snap,
		      struct diag *diag);

#endif
