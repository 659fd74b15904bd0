/*
 * errors.h - what weir answered or ended by itself last, over all workers.
 *
 * Floor: control.  Control thread.
 */
#ifndef WEIR_CONTROL_ERRORS_H
#define WEIR_CONTROL_ERRORS_H

#include <jansson.h>
#include <stdint.h>

#include "base/slice.h"

struct daemon;

/*
 * The newest first.
 *
 * limit   at most so many, ERRORS_KEPT at most
 * reason  those of it alone; empty: of all
 */
json_t *errors_to_json(const struct daemon *d, unsigned limit,
		       struct slice reason);

/* The command "errors". */
json_t *errors_answer(struct daemon *d, const json_t *request, uint64_t *memo);

#endif
