/*
 * pattern.h - does this text match? Wildcards of ALB, and regular expressions.
 *
 * A wildcard pattern must match all of the text: '*' stands for any number of
 * characters, '/' included, '?' for exactly one. It is sorted into literal,
 * prefix, suffix and general when it is compiled, and never backtracks more
 * than over its last '*'.
 *
 * A regular expression is searched for anywhere in the text. AWS takes the
 * dialect of an engine that runs in linear time, so the constructs that would
 * need another are refused when it is compiled; PCRE2, which runs it, has its
 * effort bounded as well.
 *
 * Floor: http.  The only user of PCRE2.  Source: AWS: rule condition types.
 */
#ifndef WEIR_HTTP_PATTERN_H
#define WEIR_HTTP_PATTERN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct arena;

enum pattern_flag {
	PATTERN_FOLD = 1,    /* ASCII letters compare without case */
	PATTERN_ESCAPES = 2, /* \* \? \\ are literal; wildcards only */
};

enum pattern_kind {
	PATTERN_LITERAL,  /* no wildcard at all */
	PATTERN_PREFIX,   /* text, then '*' */
	PATTERN_SUFFIX,   /* '*', then text */
	PATTERN_WILDCARD, /* anything else */
	PATTERN_REGEX,
};

/* Read-only once compiled; shared by all threads. */
struct pattern {
	enum pattern_kind kind;
	bool fold;
	uint16_t n_wildcards;  /* '*' and '?' as written, for AWS's quota */
	struct slice source;   /* as written; in the arena */
	struct slice text;     /* literal, prefix, suffix: what is compared;
				  in lower case with fold; in the arena */
	const uint16_t *codes; /* wildcard: octets and the two wildcards */
	uint32_t n_codes;
	uint32_t n_least; /* octets that a matching text has at least */
	void *regex;      /* pcre2_code; owned; NULL unless PATTERN_REGEX */
};

enum pattern_result {
	PATTERN_NO,
	PATTERN_YES,
	PATTERN_GAVE_UP, /* a regex needed more effort than it may: no match,
			    worth a counter */
};

/* What running a regex needs; one for each thread. */
struct pattern_scratch;

/* NULL when memory is out. */
struct pattern_scratch *pattern_scratch_new(void);
void pattern_scratch_free(struct pattern_scratch *scratch);

/* Compiles a wildcard pattern; every text is one. Text goes to the arena. */
void pattern_compile(struct arena *arena, struct slice source, unsigned flags,
		     struct pattern *out);

/*
 * Compiles a regular expression. Returns true, or false with a sentence in
 * `arena` that says which construct is not allowed or what is wrong, and in
 * *at the octet of `source` where.
 */
bool pattern_compile_regex(struct arena *arena, struct slice source,
			   unsigned flags, struct pattern *out,
			   const char **why, size_t *at);

/* Frees what is not in the arena; also for a zeroed pattern. */
void pattern_release(struct pattern *p);

/* scratch may be NULL unless the pattern is a regex. */
enum pattern_result pattern_match(const struct pattern *p, struct slice text,
				  struct pattern_scratch *scratch);

#endif
