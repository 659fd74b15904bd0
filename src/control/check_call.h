/*
 * check_call.h - the one request of a health check over HTTP/2: GET, or a call
 * of gRPC with an empty message.
 *
 * Floor: control.  Control thread.  Source: AWS: target group health checks;
 * gRPC over HTTP/2.
 */
#ifndef WEIR_CONTROL_CHECK_CALL_H
#define WEIR_CONTROL_CHECK_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct check_call;
struct conn;

struct check_call_spec {
	struct slice path, host; /* borrowed during the call */
	bool secure;             /* the scheme is https */
	bool is_grpc;
	size_t body_most; /* octets of the answer's body that are wanted */
};

enum { CALL_NO_GRPC_STATUS = -1 };

struct check_call_answer {
	uint16_t status;
	int grpc_status;       /* or CALL_NO_GRPC_STATUS */
	struct slice body;     /* as far as it was wanted; borrowed */
	struct slice location; /* of a redirect, cut where it is long;
				* borrowed */
	const char *detail;    /* why there is no answer; static */
};

/* Begins a session on the connection, which is borrowed, and writes the
 * request. NULL when memory is out. */
struct check_call *check_call_new(struct conn *c,
				  const struct check_call_spec *spec);
void check_call_free(struct check_call *call);

enum check_call_state {
	CALL_WAITS,
	CALL_ANSWERED,
	CALL_BROKEN, /* answer->detail says why */
};

/* For conn_ops.ready: reads on. */
enum check_call_state check_call_run(struct check_call *call,
				     struct check_call_answer *answer);
/* For conn_ops.gather. */
void check_call_gather(struct check_call *call);

#endif
