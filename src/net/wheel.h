/*
 * wheel.h - coarse deadlines that cost a store to move.
 *
 * A deadline is a number in its owner. Moving it later is a store: the wheel
 * looks when the old slot comes up and puts the node on to where the deadline
 * is now. Slots are 250 ms wide: a deadline fires up to one slot late, never
 * early.
 *
 * Floor: net.  One thread.
 */
#ifndef WEIR_NET_WHEEL_H
#define WEIR_NET_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

enum { WHEEL_SLOT_MS = 250, WHEEL_SLOTS = 512 };

/* Part of whoever waits, who finds itself again from it. */
struct deadline {
	/* It has passed; at_ms is 0 again. Called once, from the loop. */
	void (*fire)(struct deadline *d);
	struct list node;   /* in a slot, or by itself */
	uint64_t at_ms;     /* 0: none */
	uint64_t looked_ms; /* when the wheel will look next */
};

struct wheel {
	struct list slots[WHEEL_SLOTS];
	uint64_t done_ms; /* slots up to here have been looked at */
	unsigned n_nodes;
};

void wheel_init(struct wheel *w, uint64_t now_ms);

static inline void deadline_init(struct deadline *d,
				 void (*fire)(struct deadline *d))
{
	*d = (struct deadline){.fire = fire};
	list_init(&d->node);
}

/* For wheel_set() alone: it does not wait in a slot, or in one too late. */
void wheel_place(struct wheel *w, struct deadline *d);

/* Sets or moves a deadline; at_ms 0 means none: it may still be in a slot, and
 * its memory is not to go before wheel_remove(). */
static inline void wheel_set(struct wheel *w, struct deadline *d,
			     uint64_t at_ms)
{
	d->at_ms = at_ms;
	/* Where it waits already, the wheel will see for itself. */
	if (at_ms &&
	    (list_is_empty(&d->node) || at_ms + WHEEL_SLOT_MS <= d->looked_ms))
		wheel_place(w, d);
}
void wheel_remove(struct wheel *w, struct deadline *d);

/* Takes one deadline that has passed off the wheel, or returns NULL when
 * there is none left at this time. Its at_ms is then 0. */
struct deadline *wheel_expired(struct wheel *w, uint64_t now_ms);

#endif
