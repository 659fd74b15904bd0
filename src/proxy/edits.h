/*
 * edits.h - what header edits of listener and rule need of an exchange.
 *
 * The head of a request is gone when its answer is written, so values for the
 * answer are written down before.
 *
 * Floor: proxy.
 */
#ifndef WEIR_PROXY_EDITS_H
#define WEIR_PROXY_EDITS_H

#include "model/route.h"
#include "proxy/exchange.h"

/* What the holes of values are filled with, and room for it. */
struct places {
	struct slice values[PLACE_KINDS];
	char port[PORT_TEXT_MAX];
	char client[ADDR_TEXT_MAX];
	char rule[sizeof("4294967295")];
};

enum reason edits_fill(struct exchange *x, const struct http_head *head,
		       const struct decision *decision, struct places *places);

/*
 * Once rule and target group are known: fills `places` as far as the rule's
 * edits need them, and writes down what its answer needs.
 *
 * Returns REASON_NONE, or why there is no room for it: REASON_OVERLOADED,
 * REASON_FIELD_TOO_LARGE.
 */
static inline enum reason edits_prepare(struct exchange *x,
					const struct http_head *head,
					const struct decision *decision,
					struct places *places)
{
	if (!x->record.rule->request_edits && !x->record.rule->response_edits)
		return REASON_NONE;
	return edits_fill(x, head, decision, places);
}

/* The trace id of the request that is read in this step, the same each time.
 * In the scratch. */
struct slice edits_trace_id(struct worker *w, const struct http_head *head);

void edits_fill_answer(struct exchange *x, const struct field_edits *edits);

/* Those for an answer, NULL: none. Their values are in x->filled from now on,
 * also where no rule was ever met: as far as something is known. */
static inline const struct field_edits *edits_of_answer(struct exchange *x)
{
	const struct field_edits *edits =
		x->record.rule ? x->record.rule->response_edits
			       : x->listener->response_edits;

	if (edits)
		edits_fill_answer(x, edits);
	return edits;
}

#endif
