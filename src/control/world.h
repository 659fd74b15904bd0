/*
 * world.h - all that a configuration needs before it can be served.
 *
 * A start and a reload take the same steps; until the last one nothing has
 * happened to the world that is served:
 *
 *	load --> open ports --> read keys --> publish
 *
 * Floor: control.  Control thread.
 */
#ifndef WEIR_CONTROL_WORLD_H
#define WEIR_CONTROL_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "config/config.h"
#include "ports.h"
#include "tls/seal.h"

struct daemon;
struct listening; /* net/listening.h */
struct snapshot;

/* Settings that a running process does not change. Zeroed: not started. */
struct kept_settings {
	char *user, *admin_socket, *overlay_file; /* owned */
	char *admin_group, *read_group;           /* likewise */
	uint64_t max_connections;
};

void kept_settings_release(struct kept_settings *kept);

/* What a snapshot needs before it can be served. Zeroed it is empty. */
struct world {
	struct snapshot *snap;     /* one reference */
	struct config_texts texts; /* that it was made of */
	struct ports ports;
	struct listening *web; /* for admin.listen; NULL: none was opened */
	struct seal_keys keys; /* n is 0: no group is sticky */
	bool is_again;         /* it was served before: snapshot_again() */
	bool waits;            /* it has to be confirmed */
};

/* Each step returns 0, or -1 after at least one finding; then release it. */
/* given: texts to be read in place of the files; NULL: the files. */
int world_load(struct world *next, struct daemon *d, enum config_tests tests,
	       const struct config_texts *given, struct diag *diag);
int world_open_ports(struct world *next, struct daemon *d, struct diag *diag);
int world_read_keys(struct world *next, struct diag *diag);

/* Whether the key of sticky cookies is needed at all. */
bool world_needs_keys(const struct snapshot *snap);

/* Gives a world to workers, prober and resolver; it is then empty. What of the
 * overlay fits it no more is said in *diag. */
void world_publish(struct world *next_take, struct daemon *d,
		   struct diag *diag);

void world_release(struct world *next);

#endif
