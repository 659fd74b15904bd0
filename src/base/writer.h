/*
 * writer.h - text into a room of fixed size, in one pass.
 *
 * A writer never goes past its end. What does not fit is left out and
 * `overflow` stays set, so a caller writes all it has and asks once.
 *
 * Floor: base.  Pure; any thread.
 */
#ifndef WEIR_BASE_WRITER_H
#define WEIR_BASE_WRITER_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "slice.h"

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

enum { DECIMAL_MAX = 20 }; /* digits of a uint64_t */

/* The digits of a number; they stand in `room`. */
struct slice decimal_of(uint64_t value, char room[DECIMAL_MAX]);

/* Decimal. */
void writer_u64(struct writer *w, uint64_t value);

enum { HEX_DIGITS = 8 };

/* All eight digits, in lower case. */
void writer_hex(struct writer *w, uint32_t value);

#endif
