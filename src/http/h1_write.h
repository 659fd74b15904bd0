/*
 * h1_write.h - a head becomes octets: bounded, in one pass.
 *
 * Floor: http.  Pure; any thread.
 */
#ifndef WEIR_HTTP_H1_WRITE_H
#define WEIR_HTTP_H1_WRITE_H

#include "base/writer.h"

/* name: value CRLF */
static inline void writer_field(struct writer *w, struct slice name,
				struct slice value)
{
	char *to = writer_take(w, name.n + value.n + 4);

	if (!to)
		return;
	if (name.n)
		memcpy(to, name.p, name.n);
	to += name.n;
	*to++ = ':';
	*to++ = ' ';
	if (value.n)
		memcpy(to, value.p, value.n);
	to += value.n;
	*to++ = '\r';
	*to = '\n';
}

/* "name: 42" CRLF, such as Content-Length. */
void writer_field_u64(struct writer *w, struct slice name, uint64_t value);

/*
 * A request target: as it is, but a space, a control character or an octet
 * from 0x80 on leaves as %20 and the like, because a target has one reading
 * only without them.
 */
void writer_target(struct writer *w, struct slice target);

/*
 * "HTTP/1.1 503 Service Temporarily Unavailable" CRLF; for a status without
 * a known phrase the phrase is empty. status is 100 to 999.
 */
void writer_status_line(struct writer *w, unsigned status);

/* The phrase nginx and so ALB give to a status; empty when there is none. */
struct slice http_phrase(unsigned status);

#endif
