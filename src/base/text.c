#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "fail.h"

/* Room that is made before it is known how much is printed. */
enum { LINE_OCTETS = 80 };

void text_release(struct text *t)
{
	free(t->p);
	*t = (struct text){0};
}

static void text_reserve(struct text *t, size_t more)
{
	if (t->room - t->n > more)
		return;
	t->room = (t->n + more + 1) * 2;
	t->p = xrealloc(t->p, t->room);
}

void text_add(struct text *t, struct slice s)
{
	text_reserve(t, s.n);
	if (s.n)
		memcpy(t->p + t->n, s.p, s.n);
	t->n += s.n;
	t->p[t->n] = '\0';
}

void text_addc(struct text *t, char c)
{
	text_add(t, slice_make(&c, 1));
}

void text_addf(struct text *t, const char *format, ...)
{
	va_list args, again;
	int n;

	text_reserve(t, LINE_OCTETS);
	va_start(args, format);
	va_copy(again, args);
	n = vsnprintf(t->p + t->n, t->room - t->n, format, args);
	va_end(args);
	if (n < 0)
		BUG("text_addf with \"%s\"", format);
	/* Seldom longer than there was room for. */
	if ((size_t)n >= t->room - t->n) {
		text_reserve(t, (size_t)n);
		vsnprintf(t->p + t->n, (size_t)n + 1, format, again);
	}
	va_end(again);
	t->n += (size_t)n;
}

const char *text_str(struct text *t)
{
	text_reserve(t, 0);
	t->p[t->n] = '\0';
	return t->p;
}
