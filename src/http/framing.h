/*
 * framing.h - where does the body of an HTTP/1.x message end?
 *
 * Pure functions over a parsed head: no sockets, no allocation, no logging.
 * Two machines that answer this question differently are a request smuggling
 * hole. So each branch in framing.c names the rule that it implements, and a
 * message with two possible readings is marked: desync.c decides whether it
 * may pass, and its connections end with it.
 *
 * Floor: http.  Source: RFC 9112, sections 6.1 to 6.3.
 */
#ifndef WEIR_HTTP_FRAMING_H
#define WEIR_HTTP_FRAMING_H

#include <stdbool.h>
#include <stdint.h>

struct http_head;

enum framing_kind {
	FRAMING_NONE,    /* nothing follows the head */
	FRAMING_LENGTH,  /* exactly `length` octets follow */
	FRAMING_CHUNKED, /* chunks, a last chunk, then trailers */
	FRAMING_CLOSE,   /* until the peer closes; responses only */
};

struct framing {
	enum framing_kind kind;
	uint64_t length; /* octets; 0 unless kind is FRAMING_LENGTH */
	bool doubtful;   /* another reading exists: never keep-alive */
};

/*
 * Tells how the body of a request is delimited.
 *
 * head  borrowed for the call, never modified
 * out   meaningful only after 0
 *
 * Returns 0, or the status to answer with:
 *   400  no length can be agreed on: malformed or contradicting lengths,
 *        "chunked" twice or not last, a coding that nobody knows
 *   501  a known coding other than "chunked" and "identity"
 * After an error the caller closes the connection: the next octet on it has
 * no agreed meaning.
 */
int framing_of_request(const struct http_head *head, struct framing *out);

/*
 * Tells how the body of a response is delimited. The request it answers
 * decides as well: no body follows the answer to HEAD, nor a 2xx to CONNECT.
 * 1xx, 204 and 304 have none; what follows a 101 is the other protocol's.
 *
 * Returns 0, or 502 when the target's lengths or codings make no sense. With
 * `doubtful` the connection to the target must not be used again.
 */
int framing_of_response(const struct http_head *head, bool request_was_head,
			bool request_was_connect, struct framing *out);

#endif
