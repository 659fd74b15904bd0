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
#include "ports.h"
#include "tls/seal.h"

struct daemon;
struct snapshot;

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
 */
bool reload_run(struct daemon *d, enum config_tests tests);

/* Whether all workers serve this generation, or a later one. */
bool reload_is_adopted(const struct daemon *d, uint64_t generation);

void reload_report_release(struct reload_report *report);

/* Settings that a running process does not change. Zeroed: not started. */
struct kept_settings {
	char *user, *admin_socket; /* owned */
	uint64_t max_connections;
};

void kept_settings_release(struct kept_settings *kept);

/* -- the steps, which a start takes too ------------------------------------ */

/* What a snapshot needs before it can be served. Zeroed it is empty. */
struct world {
	struct snapshot *snap; /* one reference */
	struct ports ports;
	struct seal_keys keys; /* n is 0: no group is sticky */
};

/* Each step returns 0, or -1 after at least one finding; then release it. */
int world_load(struct world *next, struct daemon *d, enum config_tests tests,
	       struct diag *diag);
int world_open_ports(struct world *next, struct daemon *d, struct diag *diag);
int world_read_keys(struct world *next, struct diag *diag);

/* Whether the key of sticky cookies is needed at all. */
bool world_needs_keys(const struct snapshot *snap);

/* Gives a world to workers, prober and resolver; it is then empty. */
void world_publish(struct world *next_take, struct daemon *d);

void world_release(struct world *next);

#endif
