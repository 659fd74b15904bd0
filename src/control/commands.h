/*
 * commands.h - what can be asked on the admin socket.
 *
 *	{"command":"status"}
 *	{"command":"targets"}
 *	{"command":"rules"}
 *	{"command":"certs"}
 *	{"command":"explain","url":"http://example.com/"}
 *	{"command":"reload","wait":true}
 *	{"command":"conns","limit":10,"listener":"web:443"}
 *	{"command":"metrics"}
 *	{"command":"history","since":"2026-11-21T14:03:00Z"}
 *	{"command":"errors","limit":10,"reason":"no-target"}
 *
 * Floor: control.  Control thread.
 */
#ifndef WEIR_CONTROL_COMMANDS_H
#define WEIR_CONTROL_COMMANDS_H

#include <jansson.h>
#include <stdint.h>

/* An admin_answer_fn whose `arg` is the struct daemon. */
json_t *command_answer(void *daemon, const json_t *request, uint64_t *memo);

#endif
