/*
 * events_command.h - the command "events" of the admin socket.
 *
 * Floor: control.  Control thread.
 */
#ifndef WEIR_CONTROL_EVENTS_COMMAND_H
#define WEIR_CONTROL_EVENTS_COMMAND_H

#include <jansson.h>
#include <stdint.h>

struct daemon;

/* Answers of the admin socket; admin.h has the contract. */
json_t *events_answer(struct daemon *d, const json_t *request, uint64_t *memo);

#endif
