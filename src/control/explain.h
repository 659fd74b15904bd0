/*
 * explain.h - what would become of a request, and why.
 *
 * Asks the functions that requests ask, in their order, and writes down what
 * each was given and said. Nothing is counted, no turn is taken.
 *
 * Floor: control.  Source: weir(8), explain request.
 */
#ifndef WEIR_CONTROL_EXPLAIN_H
#define WEIR_CONTROL_EXPLAIN_H

#include <jansson.h>

#include "balance/pick.h"
#include "model/inquiry.h"

/* Rules that an answer has at most, but for those whose host or path matched.
 */
enum { EXPLAIN_RULES_MAX = 100, EXPLAIN_FIELDS_MAX = 200 };

/* A request as it was asked about. */
struct explain {
	const struct snapshot *snap; /* one reference */
	const struct listener *listener;
	json_t *request; /* one reference: texts below point into it */
	struct inquiry inquiry;
	struct inquiry_field fields[EXPLAIN_FIELDS_MAX];
	struct inquiry_answer answer;
	struct route_scratch scratch;
};

/*
 * Reads the members "url", "method", "headers", "from" and "load_balancer" of
 * a request and asks. Returns what came of it, for explain_free(), or NULL
 * with *error: a new reference to an answer that says what is wrong.
 */
struct explain *explain_new(struct snapshot *snap, json_t *request,
			    json_t **error);
void explain_free(struct explain *e);

/* The action, where the request comes to a forward, else NULL. */
const struct forward *explain_forward(const struct explain *e);

/* What a worker would do with a forward next. */
struct explain_turn {
	const struct target_group *group; /* NULL: no weight at all */
	bool group_sticky;                /* a cookie of the request says so */
	char target[ADDR_TEXT_MAX];       /* empty: none */
};

/*
 * The whole answer; a new reference.
 *
 * turn    NULL: nobody was asked, and the file speaks alone, without health
 */
json_t *explain_to_json(const struct explain *e,
			const struct explain_turn *turn);

#endif
