/*
 * admit.h - may this request pass at all? Before rules are asked.
 *
 * Floor: http.  Pure; any thread.
 */
#ifndef WEIR_HTTP_ADMIT_H
#define WEIR_HTTP_ADMIT_H

#include "base/reason.h"
#include "http/desync.h"
#include "http/framing.h"

struct admission {
	struct desync desync;   /* what it was judged to be, in any case */
	struct framing framing; /* of its body; only with REASON_NONE */
	bool doubtful; /* it may pass, but both connections end with it */
};

/*
 * What the desync mode and the framing of the body say.
 *
 * head  as h1_parse_request() left it; may get marks of desync_judge()
 *
 * Returns REASON_NONE or why it is refused: REASON_DESYNC,
 * REASON_BAD_FRAMING, REASON_TRANSFER_CODING.
 */
enum reason http_admit(struct http_head *head, enum desync_mode mode,
		       struct admission *out);

/* TRACE shows what others added, CONNECT is for proxies of another kind. */
static inline bool http_is_served(const struct http_head *head)
{
	return head->method_id != METHOD_TRACE &&
	       head->method_id != METHOD_CONNECT;
}

/* X-Forwarded-For has more addresses than ALB takes, 30: REASON_XFF_TOO_LONG
 * where the request is forwarded. Commas count, quotes or not: whoever reads
 * this field cuts there. */
bool http_too_many_forwarded(const struct http_head *head);

#endif
