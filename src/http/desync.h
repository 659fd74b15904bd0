/*
 * desync.h - may a request with two readings pass?
 *
 * Request smuggling lives on requests that two servers understand
 * differently. ALB puts each into one of four classes, names the reason, and
 * a mode of the load balancer says what happens to each class:
 *
 *	class        monitor  defensive                 strictest
 *	compliant    pass     pass                      pass
 *	acceptable   pass     pass                      refuse
 *	ambiguous    pass     pass, then close both     refuse
 *	severe       pass*    refuse                    refuse
 *
 * (*) monitor passes what weir can write again with one reading. What has
 * none (contradicting lengths, a broken coding, NUL or CR) is refused in
 * each mode.
 *
 * Requests over HTTP/2 are framed by other means and are not judged here.
 *
 * Floor: http.  Pure; any thread.  Source: AWS: desync mitigation mode;
 * classification reasons of the access log; aws/http-desync-guardian.
 */
#ifndef WEIR_HTTP_DESYNC_H
#define WEIR_HTTP_DESYNC_H

#include "head.h"

enum desync_mode { DESYNC_MONITOR, DESYNC_DEFENSIVE, DESYNC_STRICTEST };

/* Ordered: worse is greater. */
enum desync_class {
	DESYNC_COMPLIANT,
	DESYNC_ACCEPTABLE,
	DESYNC_AMBIGUOUS,
	DESYNC_SEVERE,
};

/* Named as in the access log; see desync_reason_text(). */
enum desync_reason {
	DESYNC_NONE,
	DESYNC_NON_COMPLIANT_HEADER,
	DESYNC_SPACE_IN_URI,
	DESYNC_NON_COMPLIANT_VERSION,
	DESYNC_GET_HEAD_ZERO_CONTENT_LENGTH,
	DESYNC_EMPTY_HEADER,
	DESYNC_AMBIGUOUS_URI,
	DESYNC_UNDEFINED_CONTENT_LENGTH_SEMANTICS,
	DESYNC_UNDEFINED_TRANSFER_ENCODING_SEMANTICS,
	DESYNC_DUPLICATE_CONTENT_LENGTH,
	DESYNC_BOTH_TE_CL_PRESENT,
	DESYNC_SUSPICIOUS_HEADER,
	DESYNC_SUSPICIOUS_TE_CL_PRESENT,
	DESYNC_BAD_HEADER,
	DESYNC_BAD_URI,
	DESYNC_BAD_VERSION,
	DESYNC_BAD_METHOD,
	DESYNC_MULTIPLE_CONTENT_LENGTH,
	DESYNC_BAD_CONTENT_LENGTH,
	DESYNC_MULTIPLE_TRANSFER_ENCODING_CHUNKED,
	DESYNC_BAD_TRANSFER_ENCODING,
	DESYNC_REASONS
};

enum desync_verdict {
	DESYNC_PASS,
	DESYNC_PASS_AND_CLOSE, /* then close client and target connection */
	DESYNC_REFUSE,         /* 400, REASON_DESYNC, close */
};

struct desync {
	enum desync_class class;
	enum desync_reason reason; /* the first of the worst class */
};

/* The slow half of desync_judge(). */
enum desync_verdict desync_judge_odd(struct http_head *head,
				     enum desync_mode mode, struct desync *out);

/*
 * Classifies a request and says what the mode does with it.
 *
 * head  as h1_parse_request() left it; fields that must not be forwarded get
 *       FIELD_LEAVE_OUT: repeated copies of Content-Length, Content-Length
 *       beside Transfer-Encoding, names that have no or several readings
 * out   for the log and the counter, whatever the verdict
 */
static inline enum desync_verdict
desync_judge(struct http_head *head, enum desync_mode mode, struct desync *out)
{
	const uint64_t framed = NAME_BIT(NAME_CONTENT_LENGTH) |
				NAME_BIT(NAME_TRANSFER_ENCODING);

	if (__builtin_expect(head->quirks || (head->present & framed), 0))
		return desync_judge_odd(head, mode, out);
	*out = (struct desync){DESYNC_COMPLIANT, DESYNC_NONE};
	return DESYNC_PASS;
}

/* "Acceptable", "Ambiguous", "Severe"; "-" for compliant. */
const char *desync_class_text(enum desync_class class);
/* "SpaceInUri" and so on; "-" for none. */
const char *desync_reason_text(enum desync_reason reason);

#endif
