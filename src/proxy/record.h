/*
 * record.h - what is known of a request when it is over.
 *
 * The steps of an exchange fill it in; log lines, access logs, metrics and
 * histograms read it, and nothing else of the exchange. So it can be asked
 * for what happened when neither connection is there any more.
 *
 * Times are the clock of the turn in which it happened (base/clock.h), in
 * milliseconds: what happens in one turn of the loop took no time. A finer
 * clock would have to be read for each request.
 *
 * Floor: proxy.  One thread.
 */
#ifndef WEIR_PROXY_RECORD_H
#define WEIR_PROXY_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/reason.h"
#include "base/slice.h"
#include "http/desync.h"

struct rule;
struct target_state;

/* One attempt to have it answered. A warm connection that was stale is one,
 * and the fresh one to the same target another. */
struct
try {
	struct target_state *target; /* one reference */
	uint8_t reason; /* enum reason: why it failed; REASON_NONE: it did not
			 * or it is under way */
};

enum {
	TRIES_TARGETS = 2, /* that one request may be given to */
	TRIES_MAX = TRIES_TARGETS + 1,
};

struct record {
	/* 0: it did not come to that. */
	uint64_t began_ms;      /* its first octets were there */
	uint64_t head_ms;       /* its whole head was */
	uint64_t connecting_ms; /* it began to connect to the last target, over
				 * no warm connection */
	uint64_t connected_ms;  /* the connection to the last target was */
	uint64_t answered_ms;   /* the first octets of an answer came back */
	uint64_t replied_ms;    /* the target's head went on to the client */
	uint64_t done_ms;       /* all was over */

	/* To and from the client: heads, bodies, framing. Of the connection,
	 * before TLS. Once it is over. */
	uint64_t octets_in, octets_out;

	struct slice listener, group; /* names; group is empty before a rule
				       * forwards */
	struct slice line;            /* of the request, as targets are sent it;
				       * empty when none would be */
	const char *error_reason;     /* AWS's code for the access log; static;
				       * NULL: none */
	struct slice limited;         /* name of the limit that refused it, or
				       * would have; empty: none */
	const struct rule *rule;      /* NULL before it is known, and in a
				       * tunnel, which outlives it */
	struct desync desync;         /* how the request was classified */
	struct try tries[TRIES_MAX];

	uint16_t port;          /* of the listener */
	uint16_t status;        /* sent to the client; 0: none */
	uint16_t target_status; /* of the target's answer; 0: none */
	uint8_t reason;         /* enum reason: why weir answered or ended it */
	uint8_t method;         /* enum method */
	uint8_t n_tries;        /* in `tries` */
	uint8_t n_targets;      /* that were asked */
	/* Code with which the target reset its stream, where it was passed on;
	 * 0: none was. */
	uint8_t target_error;
	uint8_t elb_error; /* the same of ours, where it was not the target's */
	uint8_t actions;   /* that were done: set of enum access_action */
	uint8_t transform; /* enum transform_status: of its rule's */
	bool is_grpc;      /* a call of gRPC */
	bool is_answered;  /* a final head has left */
	bool is_cut;       /* what was sent is not whole */
	bool is_noted;     /* among the errors */
};

#endif
