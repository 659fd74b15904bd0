/*
 * conns.h - the connections from clients, as their workers tell.
 *
 * Floor: control.  Control thread.
 */
#ifndef WEIR_CONTROL_CONNS_H
#define WEIR_CONTROL_CONNS_H

#include <jansson.h>
#include <stdint.h>

struct daemon;

enum { CONNS_DEFAULT = 1000, CONNS_MOST = 10000 };

/* The command "conns". */
json_t *conns_answer(struct daemon *d, const json_t *request, uint64_t *memo);

/* After the workers have ended. */
void conns_end(struct daemon *d);

#endif
