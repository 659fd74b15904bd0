/*
 * text.h - a string that grows; for reports, never for the data path.
 *
 * Floor: base.  Ends the process when memory is out.
 */
#ifndef WEIR_BASE_TEXT_H
#define WEIR_BASE_TEXT_H

#include <stddef.h>

#include "slice.h"

/* A zeroed text is empty and ready. */
struct text {
	char *p; /* owned; zero-terminated once anything was added */
	size_t n, room;
};

void text_release(struct text *t);
void text_add(struct text *t, struct slice s);
void text_addc(struct text *t, char c);
void text_addf(struct text *t, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The text as a C string, never NULL; borrowed until the next change. */
const char *text_str(struct text *t);

static inline struct slice text_slice(const struct text *t)
{
	return slice_make(t->p, t->n);
}

#endif
