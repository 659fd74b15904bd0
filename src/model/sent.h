/*
 * sent.h - which host and which URL a target is asked for.
 *
 * Floor: model.  Pure.  Source: AWS: rule transforms, host header
 * preservation.
 */
#ifndef WEIR_MODEL_SENT_H
#define WEIR_MODEL_SENT_H

#include "http/h1_write.h"
#include "model/route.h"

/* What the transforms of a rule made of a request. */
struct sent {
	enum transform_status status; /* of the one that failed; without one,
				       * TRANSFORM_SUCCESS if any found
				       * something */
	struct slice host;            /* p is NULL: none changed it */
	struct slice target;          /* likewise */
};

/*
 * One transform: what it looks at, and what it makes of that. Both slices hold
 * as long as those of the decision; `after` is only for TRANSFORM_SUCCESS.
 */
enum transform_status sent_transform(const struct transform *t,
				     const struct decision *decision,
				     struct route_scratch *scratch,
				     struct slice *before, struct slice *after);

/* All of a rule, until one fails: then the answer is
 * REASON_TRANSFORM_FAILED and no target is asked. */
void sent_make(const struct decision *decision, struct route_scratch *scratch,
	       struct sent *out);

/*
 * The value of Host. Of several that are preserved it is the first. What has to
 * be put together is written to `w`.
 */
struct slice sent_host(const struct listener *l, const struct http_head *head,
		       const struct decision *decision, const struct sent *sent,
		       struct writer *w);

/* The request target, still without its escapes (writer_target). */
struct slice sent_target(const struct decision *decision,
			 const struct sent *sent, struct writer *w);

#endif
