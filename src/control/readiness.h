/*
 * readiness.h - /livez and /readyz: whether this process is alive, and whether
 * clients should be sent to it.
 *
 * Floor: control.  Control thread.  Source: the API server of Kubernetes for
 * names and answers.
 */
#ifndef WEIR_CONTROL_READINESS_H
#define WEIR_CONTROL_READINESS_H

#include "web.h"

/* Pages; `arg` is the daemon. */

/* 200 "ok", or 503 with a line for each worker that does not turn. */
void livez_page(void *arg, const struct web_request *q, struct web_answer *a);

/*
 * 200 "ok", or 503 with a line for each reason. ?listener=NAME:PORT asks for
 * one listener alone; 404 when there is none of that name.
 */
void readyz_page(void *arg, const struct web_request *q, struct web_answer *a);

#endif
