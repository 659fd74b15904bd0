/*
 * h1_write.h - a head becomes octets: bounded, in one pass.
 *
 * A writer never goes past its end. What does not fit is left out and
 * `overflow` stays set, so a caller writes all it has and asks once.
 *
 * Floor: http.  Pure; any thread.
 */
#ifndef WEIR_HTTP_H1_WRITE_H
#define WEIR_HTTP_H1_WRITE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/slice.h"

struct writer {
	char *at, *end; /* the room that is left; borrowed */
	bool overflow;  /* something did not fit: throw the text away */
};

static inline struct writer writer_make(char *room, size_t n)
{
	return (struct writer){room, room + n, false};
}

/* Takes n octets of room, or NULL. */
static inline char *writer_take(struct writer *w, size_t n)
{
	char *at = w->at;

	if (__builtin_expect((size_t)(w->end - at) < n, 0)) {
		w->overflow = true;
		w->end = at; /* what comes later must not fit, either */
		return NULL;
	}
	w->at = at + n;
	return at;
}

static inline void writer_put(struct writer *w, struct slice text)
{
	char *to = writer_take(w, text.n);

	if (to && text.n)
		memcpy(to, text.p, text.n);
}

/* Of a literal; a store or two. */
#define writer_literal(w, literal) writer_put((w), SLICE(literal))

static inline void writer_char(struct writer *w, char c)
{
	char *to = writer_take(w, 1);

	if (to)
		*to = c;
}

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

/* Decimal. */
void writer_u64(struct writer *w, uint64_t value);

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
