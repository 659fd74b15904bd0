/*
 * diff_command.h - the command "diff" of the admin socket.
 *
 * Floor: control.  Control thread.
 */
#ifndef WEIR_CONTROL_DIFF_COMMAND_H
#define WEIR_CONTROL_DIFF_COMMAND_H

#include <jansson.h>
#include <stdint.h>

struct daemon;

/* Answers of the admin socket; admin.h has the contract. */
json_t *diff_answer(struct daemon *d, const json_t *request, uint64_t *memo);

#endif
