/*
 * pages.h - error pages of the configuration, in answers of ours.
 *
 * Floor: proxy.  Source: weir.yaml(5), error_pages.
 */
#ifndef WEIR_PROXY_PAGES_H
#define WEIR_PROXY_PAGES_H

#include "model/page.h"
#include "proxy/exchange.h"

/* What pages say of a request, kept since its head is gone when it is
 * answered. */
struct told {
	struct slice host;     /* lower case, without port; empty: unknown */
	struct slice trace_id; /* what its target is sent */
	char octets[];
};

/* For configurations whose pages ask for it. Without memory, or where it is
 * not understood, pages leave it out. */
void pages_note(struct exchange *x, const struct http_head *head);

/* The target group's, else the listener's, else the load balancer's; NULL:
 * none is for this code. */
const struct error_page *pages_find(const struct exchange *x, unsigned status);

/*
 * The page for an answer with `status`, whose octets the caller frees. NULL:
 * it has none to fill in, *body is the file's; or memory is out and *body is
 * empty.
 */
char *pages_write(struct exchange *x, const struct error_page *page,
		  enum reason reason, unsigned status, struct slice *body);

#endif
