/*
 * h1_parse.h - octets of HTTP/1.x become a head.
 *
 * One pass without memory of its own: what is given is the whole input so
 * far, and a head that is not complete is parsed again from its first octet.
 * h1_head_end() keeps that cheap for a peer that trickles.
 *
 * Requests: what the desync mitigation classifies is accepted and noted in
 * head->quirks, so a caller must ask desync.h before it acts on a request.
 * Responses: whatever is odd is refused, except line ends without CR.
 *
 * Floor: http.  Pure; any thread.  Source: RFC 9112, sections 2 to 5; AWS:
 * ALB limits on request lines and headers.
 */
#ifndef WEIR_HTTP_H1_PARSE_H
#define WEIR_HTTP_H1_PARSE_H

#include "base/reason.h"
#include "head.h"

enum h1_result {
	H1_DONE, /* head is filled; head->octets says how much it took */
	H1_MORE, /* not complete and within the limits: read on */
	H1_BAD,  /* *why says what to answer; close the connection after it */
};

/* In octets, line ends included. Heads that are not complete are held to
 * them, too. */
struct h1_limits {
	uint32_t line;  /* the start line */
	uint32_t field; /* one field */
	uint32_t head;  /* all of it */
};

/* 16 KiB, 16 KiB, 64 KiB. */
extern const struct h1_limits h1_request_limits;
/* 16 KiB, 32 KiB, 32 KiB. */
extern const struct h1_limits h1_response_limits;

/*
 * Parses the head of a request.
 *
 * in      borrowed as long as the head is used: its slices point there
 * head    fields and max_fields are set by the caller, the rest is written;
 *         meaningful only after H1_DONE
 * why     written only with H1_BAD:
 *   REASON_MALFORMED        not HTTP, or HTTP/0.9, a field without colon or
 *                           with white space before it, or a first field
 *                           that begins with white space
 *   REASON_HTTP_VERSION     HTTP/2 preface, or another major version
 *   REASON_URI_TOO_LONG     request line over its limit
 *   REASON_FIELD_TOO_LARGE  a field, or the head, over its limit
 *   REASON_TOO_MANY_FIELDS  more than max_fields
 *
 * Up to four empty lines before the request are skipped (RFC 9112 2.2). A
 * continuation line (obs-fold) becomes a field of its own, as ALB does: as if
 * a colon stood at its end, where it has none.
 */
enum h1_result h1_parse_request(struct slice in, const struct h1_limits *limits,
				struct http_head *head, enum reason *why);

/*
 * Parses the head of a response, as above. *why after H1_BAD:
 *   REASON_TARGET_MALFORMED       not HTTP/1.x, or a field that is none
 *   REASON_TARGET_HEAD_TOO_LARGE  over a limit, or more than max_fields
 */
enum h1_result h1_parse_response(struct slice in,
				 const struct h1_limits *limits,
				 struct http_head *head, enum reason *why);

/*
 * Parses fields up to and with the empty line: a trailer section. As strict
 * as for responses. The head's start line stays empty.
 */
enum h1_result h1_parse_trailers(struct slice in,
				 const struct h1_limits *limits,
				 struct http_head *head, enum reason *why);

/*
 * Whether it is worth parsing again: after H1_MORE with the first `from`
 * octets of `in`, tells whether the rest can have completed the head or can
 * have passed a limit. Looks at the new octets only, so a head that comes
 * octet by octet costs its length a few times, not its length squared.
 */
bool h1_head_end(struct slice in, size_t from);

#endif
