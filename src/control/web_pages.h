/*
 * web_pages.h - admin.listen of the daemon: where it is, and what is there.
 *
 * Like a listener's its socket lives as long as its address is configured: a
 * new one is opened before a configuration is accepted, and closed with the
 * configuration that has another.
 *
 * Floor: control.  Control thread.
 */
#ifndef WEIR_CONTROL_WEB_PAGES_H
#define WEIR_CONTROL_WEB_PAGES_H

#include "base/diag.h"
#include "model/snapshot.h"

struct daemon;
struct listening; /* net/listening.h */
struct web;

/* Zeroed: off. */
struct web_place {
	struct addr addr; /* len 0: none */
	struct web *web;  /* of the daemon's; NULL: it is not open */
};

/*
 * Opens the socket that a snapshot wants, unless `now` has it.
 *
 * socket  one reference; NULL when nothing has to be opened
 *
 * Returns 0, or -1 after a finding.
 */
int web_pages_open(const struct web_place *now, const struct snapshot *snap,
		   struct listening **socket, struct diag *diag);

/* d->snap is another one, for which the socket was opened. To be called while
 * the one of before is still there. */
void web_pages_follow(struct daemon *d, struct listening *socket_take);

void web_pages_close(struct web_place *place);

#endif
