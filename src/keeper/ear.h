/*
 * ear.h - the process that stays listens to what is dropped: while somebody
 * watches, and always in mode: report.
 *
 * However many packets the kernel has to tell, so many are read in a tenth of
 * a second and no more; what does not fit into the buffer meanwhile is counted.
 *
 * Floor: keeper.
 */
#ifndef WEIR_KEEPER_EAR_H
#define WEIR_KEEPER_EAR_H

#include "keeper.h"
#include "kernel/nflog.h"
#include "net/loop.h"

enum {
	EAR_WINDOW_MS = 100,
	EAR_PACKETS = 200,    /* in a window */
	EAR_AGAIN_MS = 10000, /* where it could not be opened */
};

struct ear {
	struct loop *loop;
	struct keeper *keeper;
	struct nflog log;
	struct loop_watch *watch; /* NULL: closed, or it rests */
	struct loop_watch *rest;
	uint64_t window_ms; /* when this one began */
	unsigned left;      /* packets of it */
	uint64_t told_lost;
	uint64_t failed_ms; /* 0: it could be opened */
};

void ear_init(struct ear *e, struct loop *loop, struct keeper *keeper);
/* Opens or closes it, as the keeper wants. */
void ear_turn(struct ear *e);
void ear_release(struct ear *e);

#endif
