/*
 * reason.h - why weir answered, or ended a request, on its own.
 *
 * One token for each cause, the same in the log line, in the counter, in
 * `weir status` and in the field weir-reason. `reasons.def` has one row for
 * each.
 *
 * Floor: base.
 */
#ifndef WEIR_BASE_REASON_H
#define WEIR_BASE_REASON_H

enum reason {
	REASON_NONE,
#define X(symbol, token, status, sentence) REASON_##symbol,
#include "reasons.def"
#undef X
	REASON_KINDS
};

/* "target-refused"; "-" for REASON_NONE. */
const char *reason_token(enum reason r);
/* The status to answer with; 0 where the rule says it (fixed-response). */
int reason_status(enum reason r);
/* A sentence for people. */
const char *reason_sentence(enum reason r);
/* True when the client's request is at fault, or what it asks for is not
 * served: no worry of ours, whatever the status. */
int reason_is_clients(enum reason r);
/* True for an action that somebody asked for: a redirect, a fixed response. */
int reason_is_action(enum reason r);

#endif
