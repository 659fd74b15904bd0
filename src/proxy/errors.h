/*
 * errors.h - notes a request that comes to nothing, for error_ring.h.
 *
 * Never one that a rule redirects or answers. What a request said is known
 * while its head is there; later what was sent to a target tells, or what the
 * access log kept.
 *
 * Floor: proxy.  One thread.
 */
#ifndef WEIR_PROXY_ERRORS_H
#define WEIR_PROXY_ERRORS_H

struct exchange;
struct http_head; /* http/head.h */

/*
 * Notes an exchange that has a reason, once.
 *
 * head  of the request; NULL: it is not there any more
 */
void errors_note(struct exchange *x, const struct http_head *head);

#endif
