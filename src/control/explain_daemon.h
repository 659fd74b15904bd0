/*
 * explain_daemon.h - the command "explain" of the admin socket.
 *
 * Floor: control.  Control thread.
 */
#ifndef WEIR_CONTROL_EXPLAIN_DAEMON_H
#define WEIR_CONTROL_EXPLAIN_DAEMON_H

#include <jansson.h>
#include <stdint.h>

struct daemon;

/* As an admin_answer_fn: NULL while a worker is asked. */
json_t *explain_answer(struct daemon *d, const json_t *request, uint64_t *memo);

/* Frees what nobody has fetched; once no worker runs any more. */
void explain_end(struct daemon *d);

#endif
