/*
 * maintenance.h - load balancers and listeners that are shut at run time.
 *
 *	check --> overlay on the disk --> listener states, which workers read
 *	  '------------'-- error: nothing has changed
 *
 * What the configuration shuts stays shut; what is shut here is so beside it,
 * over reloads and restarts, until it is switched off.
 *
 * Floor: control.  Control thread.  Source: weir(8), maintenance.
 */
#ifndef WEIR_CONTROL_MAINTENANCE_H
#define WEIR_CONTROL_MAINTENANCE_H

#include <jansson.h>
#include <stdint.h>

#include "base/diag.h"

struct daemon;
struct snapshot;

/* Networks that one entry allows at most. */
enum { MAINTENANCE_ALLOW_MAX = 256 };

/* An answer of the admin socket; admin.h has the contract. */
json_t *maintenance_answer(struct daemon *d, const json_t *request,
			   uint64_t *memo);

/* Shuts the listeners of a snapshot as the overlay says. Entries without their
 * listener are left alone with a warning: it may come back. */
void maintenance_lay(struct daemon *d, const struct snapshot *snap,
		     struct diag *diag);

/* Frees what listeners are shut with; after all workers have ended. */
void maintenance_release(struct daemon *d);

#endif
