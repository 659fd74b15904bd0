/*
 * h1_write.h - a head becomes octets: bounded, in one pass.
 *
 * Floor: http.  Pure; any thread.
 */
#ifndef WEIR_HTTP_H1_WRITE_H
#define WEIR_HTTP_H1_WRITE_H

#include "base/writer.h"

/* Names and values are short as a rule: two moves that overlap cost less than a
 * call of memcpy(3). Returns what is behind the copy. */
static inline char *octets_append(char *to, struct slice text)
{
	uint64_t first, last;
	uint32_t head, tail;

	if (text.n > 16) {
		memcpy(to, text.p, text.n);
	} else if (text.n >= 8) {
		memcpy(&first, text.p, 8);
		memcpy(&last, text.p + text.n - 8, 8);
		memcpy(to, &first, 8);
		memcpy(to + text.n - 8, &last, 8);
	} else if (text.n >= 4) {
		memcpy(&head, text.p, 4);
		memcpy(&tail, text.p + text.n - 4, 4);
		memcpy(to, &head, 4);
		memcpy(to + text.n - 4, &tail, 4);
	} else if (text.n > 0) {
		to[0] = text.p[0];
		to[text.n / 2] = text.p[text.n / 2];
		to[text.n - 1] = text.p[text.n - 1];
	}
	return to + text.n;
}

/* name: value CRLF */
static inline void writer_field(struct writer *w, struct slice name,
				struct slice value)
{
	char *to = writer_take(w, name.n + value.n + 4);

	if (!to)
		return;
	to = octets_append(to, name);
	*to++ = ':';
	*to++ = ' ';
	to = octets_append(to, value);
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
