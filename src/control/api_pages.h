/*
 * api_pages.h - what the commands of the admin socket answer, over HTTP.
 *
 * Reading ones alone, and those that need no worker's answer: a page may not
 * wait.
 *
 * Floor: control.  Control thread.
 */
#ifndef WEIR_CONTROL_API_PAGES_H
#define WEIR_CONTROL_API_PAGES_H

#include "web.h"

/* Pages; `arg` is the daemon. An answer with "ok":false has the status 400. */
void api_status_page(void *arg, const struct web_request *q,
		     struct web_answer *a);
void api_targets_page(void *arg, const struct web_request *q,
		      struct web_answer *a);
void api_rules_page(void *arg, const struct web_request *q,
		    struct web_answer *a);
void api_certs_page(void *arg, const struct web_request *q,
		    struct web_answer *a);
/* ?limit=N&reason=TOKEN */
void api_errors_page(void *arg, const struct web_request *q,
		     struct web_answer *a);
/* ?since=2026-11-21T14:03:00Z */
void api_history_page(void *arg, const struct web_request *q,
		      struct web_answer *a);

#endif
