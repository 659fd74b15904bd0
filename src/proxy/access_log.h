/*
 * access_log.h - what an exchange keeps for its line, and the line at its end.
 *
 * The head of a request is gone when the request is over, so the texts of it
 * are copied together, once, while the worker has it. Only for exchanges with
 * x->log; those without pay for that question alone.
 *
 * Floor: proxy.  One thread.
 */
#ifndef WEIR_PROXY_ACCESS_LOG_H
#define WEIR_PROXY_ACCESS_LOG_H

#include "model/route.h"
#include "proxy/exchange.h"

struct sent;

/* A head could be read: its texts, in the scratch until
 * access_log_keep(). */
void access_log_note(struct exchange *x, const struct http_head *head);
/* And it is going to be answered: its trace id, which is in the scratch from
 * now on, and whom it comes from. */
void access_log_note_served(struct exchange *x, const struct http_head *head);
/* What transforms made of it. */
void access_log_note_sent(struct exchange *x, const struct decision *decision,
			  const struct sent *sent);
void access_log_note_location(struct exchange *x, struct slice location);

/* The step ends, and the head goes with it. */
void access_log_keep(struct exchange *x);

/* It may go on for long: what is kept leaves the chunk that it shares with
 * others. */
void access_log_shed(struct exchange *x);

/* A tunnel begins, and the view is left: writes down all that is known. False
 * when memory is out. */
bool access_log_tunnel(struct exchange *x);
void access_log_release_tunnel(struct exchange *x);

/* It is over: the line. */
void access_log_end(struct exchange *x);

#endif
