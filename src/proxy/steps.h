/*
 * steps.h - what the steps of an exchange share, over the files that take
 * them: request.c, dispatch.c, response.c, relay.c, tunnel.c, finish.c and
 * exchange.c.
 *
 * Floor: proxy.
 */
#ifndef WEIR_PROXY_STEPS_H
#define WEIR_PROXY_STEPS_H

#include "proxy/core.h"
#include "proxy/exchange.h"

enum next {
	NEXT_GO,   /* the state changed: step again */
	NEXT_WAIT, /* nothing to do before an event or the deadline */
	NEXT_DONE, /* the exchange is over */
};

/* The only function that changes x->state. */
enum next exch_enter(struct exchange *x, enum exch_state state);

/* From now on weir answers, with this reason; too late for that, the
 * exchange ends with the connection. */
enum next exch_answer(struct exchange *x, enum reason reason);

/* Ends without an answer: nobody would read it, or it is too late. */
enum next exch_give_up(struct exchange *x, enum reason reason);

/* Its time is over in so many milliseconds; 0: never. */
void exch_wait(struct exchange *x, uint64_t ms);
/* Its time is over once the one who is waited for has not moved an octet for
 * so long; 0: never. Who that is, is asked when it comes to it. */
void exch_wait_idle(struct exchange *x, uint64_t ms);
/* The same, with a time for each of the two; neither is 0. */
void exch_wait_each(struct exchange *x, uint64_t client_ms, uint64_t target_ms);

/* Whether the client has left while its answer is awaited. While its body is
 * awaited, the one who moves the body is told. */
bool exch_client_has_gone(struct exchange *x);

/* Why a stream broke: our own limit of buffers, or `otherwise`. */
enum reason exch_reason_of(enum stream_error error, enum reason otherwise);

/* The same of the target's stream, where its protocol says more. */
enum reason exch_reason_of_target(const struct exchange *x,
				  enum reason otherwise);

/* The target that was asked cannot answer: another one is asked if nothing
 * can happen twice, else we answer with this reason. */
enum next exch_target_failed(struct exchange *x, enum reason reason);

/* The target reset its stream: where the group says so, the client's is reset
 * with the same code. Returns whether it will be. */
bool exch_note_reset(struct exchange *x);

/* Its part in the tallies of its target is over; the connection is still
 * there. Twice is harmless. */
void exch_leave_target(struct exchange *x);

/* Goes on without its view, and all that belongs to it. */
void exch_leave_view(struct exchange *x);

/* The connection to the target is not this exchange's any more. */
void exch_give_upstream_back(struct exchange *x, bool reusable);

/* request.c: reads the head, finds the rule, writes what targets will get. */
enum next request_step(struct exchange *x);

/* dispatch.c: chooses a target; takes or makes a connection to it. */
enum next route_step(struct exchange *x);
enum next connect_step(struct exchange *x);
enum next handshake_step(struct exchange *x);

/* response.c: reads the target's head and writes it to the client.
 *   NEXT_GO  the state changed;  NEXT_WAIT  no whole head yet  */
enum next response_step(struct exchange *x);

/* relay.c: bodies flow, before and behind the head of the answer; what is left
 * of a body that nobody wants is dropped. */
enum next forward_step(struct exchange *x);
enum next relay_step(struct exchange *x);
enum next reply_step(struct exchange *x);

/* tunnel.c: octets go both ways. */
enum next tunnel_step(struct exchange *x);

/* finish.c: the exchange is over. Only NEXT_DONE. */
enum next finish_step(struct exchange *x);

#endif
