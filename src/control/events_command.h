/*
 * events_command.h - the command "events" of the admin socket.
 *
 * Floor: control.  Control thread.
 */
#ifndef WEIR_CONTROL_EVENTS_COMMAND_H
#define WEIR_CONTROL_EVENTS_COMMAND_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct daemon;

/* Answers of the admin socket; admin.h has the contract. */
json_t *events_answer(struct daemon *d, const json_t *request, uint64_t *memo);

/* "2026-11-21T14:03:00Z"; NULL is 0. False: it is no such time. */
bool events_read_since(const json_t *text, time_t *since);

#endif
