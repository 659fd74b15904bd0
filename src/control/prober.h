/*
 * prober.h - asks targets whether they are well, once for all workers.
 *
 * One check is a fresh connection, one request and the head of the answer; a
 * verdict is stored in the target's state and the group is touched, so the
 * workers look again. A check starts an interval after the last one started,
 * however long the target takes. First checks begin within a second.
 *
 *	waiting --due--> running --answer, error or timeout--> waiting
 *
 * Hundreds of checks a second are to cost little: all probes wait in one heap
 * for one timer, which wakes for what is due in the same 20 ms at once.
 *
 * Floor: control.  Control thread.  Source: AWS: target group health
 * checks.
 */
#ifndef WEIR_CONTROL_PROBER_H
#define WEIR_CONTROL_PROBER_H

#include "model/snapshot.h"
#include "model/state.h"
#include "net/loop.h"

struct prober;

struct journal_pen; /* base/journal.h */

struct prober_counts {
	uint64_t started, passed, failed; /* checks, all in all */
	size_t n_probes, n_running;       /* now */
};

struct prober *prober_new(struct loop *loop);
/* Running checks are dropped. NULL is allowed. */
void prober_free(struct prober *p);

/* Who wants to hear of each change of a health: "It became unhealthy: ...". */
void prober_on_change(struct prober *p,
		      void (*changed)(void *arg, const struct target_state *s,
				      const char *sentence),
		      void *arg);
/* Lines of health check logs are put with it, and handed over by who owns
 * it. */
void prober_log_with(struct prober *p, struct journal_pen *pen);

/*
 * From now on checks the members of the used groups of this snapshot, whose
 * rosters have been published; keeps a reference to it. Probes of targets
 * that stay keep their place in time and what they know. To be called again
 * when a roster has changed.
 */
void prober_update(struct prober *p, struct snapshot *snap);

/* How the last check that failed did so, as the log has it; "" for a healthy
 * target and for one that is not checked. Until the next turn. */
const char *prober_detail(const struct prober *p, const struct target_state *s);

void prober_read_counts(const struct prober *p, struct prober_counts *out);

#endif
