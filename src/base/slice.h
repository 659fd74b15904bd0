/*
 * slice.h - text as a pointer and a length.
 *
 * The currency of the program: what was received is never copied to gain a
 * terminating zero, and a NUL in it ends nothing. A slice borrows; whoever
 * owns the octets says how long they live.
 *
 * Floor: base.
 */
#ifndef WEIR_BASE_SLICE_H
#define WEIR_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
	const char *p; /* borrowed; NULL only if n is 0 */
	size_t n;      /* octets */
};

/* A slice of a string literal; usable in static tables. */
#define SLICE(literal)                                                         \
	((struct slice){.p = "" literal "", .n = sizeof(literal) - 1})
#define SLICE_INIT(literal)                                                    \
	{                                                                      \
		.p = "" literal "", .n = sizeof(literal) - 1                   \
	}

/* For printf: printf("%.*s", SLICE_ARG(s)). */
#define SLICE_ARG(s) (int)(s).n, (s).p

static inline struct slice slice_make(const char *p, size_t n)
{
	return (struct slice){p, n};
}

/* Of a C string; NULL gives the empty slice. */
static inline struct slice slice_of(const char *text)
{
	return (struct slice){text, text ? strlen(text) : 0};
}

/* ASCII only, whatever the locale says. */
static inline char ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static inline bool ascii_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* 0 to 15, or -1. */
static inline int ascii_hex(char c)
{
	if (ascii_is_digit(c))
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static inline bool slice_eq(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline struct slice slice_from(struct slice s, size_t start)
{
	return start >= s.n ? (struct slice){s.p, 0}
			    : (struct slice){s.p + start, s.n - start};
}

static inline struct slice slice_first(struct slice s, size_t n)
{
	return (struct slice){s.p, n < s.n ? n : s.n};
}

/* ASCII letters compare without case. */
bool slice_eq_fold(struct slice a, struct slice b);
bool slice_starts(struct slice s, struct slice prefix);
bool slice_starts_fold(struct slice s, struct slice prefix);
bool slice_ends_fold(struct slice s, struct slice suffix);

/* Orders by octets; a prefix comes first. For qsort and sorted tables. */
int slice_cmp(struct slice a, struct slice b);

/* Without the spaces and tabs (OWS of RFC 9110 5.6.3) at both ends. */
struct slice slice_trim(struct slice s);

/* Index of the first `c`, or s.n. */
size_t slice_find(struct slice s, char c);

/*
 * Cuts at the first `c`: returns what stands before it and moves *rest
 * behind it. Without `c` all of *rest is returned and *rest gets p = NULL,
 * so `while (rest.p)` walks all the parts, empty ones too.
 */
struct slice slice_cut(struct slice *rest, char c);

/* Decimal digits only, at least one, no sign, no overflow. */
bool slice_to_u64(struct slice s, uint64_t *out);

/* A copy with a terminating zero, from malloc. */
char *slice_dup(struct slice s);

#endif
