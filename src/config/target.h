/*
 * target.h - targets that come at run time, read by the tables of the file.
 *
 * Floor: config.  Source: weir.yaml(5), "targets" of a target group.
 */
#ifndef WEIR_CONFIG_TARGET_H
#define WEIR_CONFIG_TARGET_H

#include "base/arena.h"
#include "base/diag.h"
#include "model/snapshot.h"

struct target_reader;

/* As a user writes them; an empty one is not given. */
struct target_words {
	const char *from; /* what findings call the place; NULL: none */
	struct slice id;  /* without a port, unless it is a path */
	struct slice port, weight, zone, backup;
};

/* Reads targets for groups of this snapshot; both are borrowed. */
struct target_reader *target_reader_new(const struct snapshot *snap,
					struct diag *diag);
void target_reader_free(struct target_reader *t);

/*
 * The same checks as those of the file: an address, a name, a path or an
 * instance; a port of its own or of the group; the ranges. The text of *out is
 * in the arena. Returns false after a finding.
 */
bool target_read(struct target_reader *t, const struct target_group *g,
		 const struct target_words *words, struct arena *arena,
		 struct target *out);

/* Cuts ":port" off an id as it is typed: "10.0.0.1:80", "[::1]:80", "name:80".
 * *port stays as it is where there is none. False: it is no target. */
bool target_cut_port(struct slice *id, uint16_t *port);

#endif
