/*
 * scratch.h - room that a worker needs while it takes one step, and not
 * between two steps.
 *
 * Heads are parsed, rewritten and sent in one step, so one set of fields for
 * each worker is enough; a request that waits for its answer holds none.
 *
 * Floor: proxy.  One for each worker.
 */
#ifndef WEIR_PROXY_SCRATCH_H
#define WEIR_PROXY_SCRATCH_H

#include "http/field_edits.h"
#include "http/h1_write.h"
#include "http/head.h"
#include "model/route.h"
#include "proxy/access_line.h"

enum {
	/* A rewritten head may have more than the one that came. */
	SCRATCH_FIELDS_OUT = HEAD_FIELDS_MAX + 32 + FIELD_EDITS_MAX,
	/* Values made by us: forwarded addresses joined, a trace id, a host,
	 * a Location, cookies. A head is 64 KiB at most. */
	SCRATCH_TEXT = 96 * 1024,
	/* One that came is in a head of 7 KiB at most. */
	SCRATCH_TRACE_ID = 8 * 1024,
};

struct scratch {
	struct field in_fields[HEAD_FIELDS_MAX];
	struct field out_fields[SCRATCH_FIELDS_OUT];
	struct route_scratch route;
	struct slice noted[ACCESS_KEPT]; /* for access logs */
	char client_address[ADDR_TEXT_MAX];
	struct slice trace; /* of the request, once it was asked for; in: */
	char trace_id[SCRATCH_TRACE_ID];
	char text[SCRATCH_TEXT];
};

#endif
