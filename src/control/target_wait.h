/*
 * target_wait.h - a change to targets whose answer has to wait: for the workers
 * to have seen it, for targets to be healthy, or for nothing to be in flight.
 *
 * Floor: control.  Control thread.
 */
#ifndef WEIR_CONTROL_TARGET_WAIT_H
#define WEIR_CONTROL_TARGET_WAIT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/slice.h"

struct daemon;
struct target;
struct target_group;

enum target_wait_for { TARGET_WAIT_HEALTHY, TARGET_WAIT_IDLE };

enum { TARGET_WAIT_MAX_S = 86400 };

struct target_wait {
	struct list node;
	uint64_t id;
	enum target_wait_for wait_for;
	char *group;     /* name; owned */
	json_t *names;   /* "10.0.0.3:80"; owned */
	json_t *targets; /* [id, port]; owned */
	bool waits;      /* for more than the workers */
	bool is_register;
	bool changed;
	uint64_t wait_ms, begun_ms, asked_ms;
	uint64_t sweep; /* that each worker must have done */
};

/* As the member "wait" of the request says: true, for the deregistration
 * delay, or seconds. */
struct target_wait *target_wait_new(enum target_wait_for wait_for,
				    const struct target_group *g,
				    const json_t *request);
void target_wait_add(struct target_wait *w, const struct target *t);
void target_wait_free(struct target_wait *w);

/* The change is made: the answer, or NULL and a memo to go on with. */
json_t *target_wait_begin(struct daemon *d, struct target_wait *take,
			  uint64_t *memo);
json_t *target_wait_go_on(struct daemon *d, uint64_t *memo);

#endif
