/*
 * pattern.h - does this text match? Wildcards of ALB, and regular expressions.
 *
 * A wildcard pattern must match all of the text: '*' stands for any number of
 * octets, '/' included, '?' for exactly one. When it is compiled it is sorted
 * into literal, prefix, suffix and general; the general form looks at each
 * octet of the text once, whatever the pattern.
 *
 * A regular expression is searched for anywhere in the text. AWS takes the
 * dialect of an engine that runs in linear time, so the constructs that would
 * need another are refused when it is compiled (dialect.h). PCRE2, which runs
 * it, goes back where a guess was wrong; where that takes too long, its second
 * matcher, which never goes back, decides. Both have their effort bounded, the
 * whole of it in proportion to the text.
 *
 * Floor: http.  The only user of PCRE2.  Source: AWS: rule condition types.
 */
#ifndef WEIR_HTTP_PATTERN_H
#define WEIR_HTTP_PATTERN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct arena;
struct wildcard;

enum {
	PATTERN_OCTETS_MAX = 1024, /* of a pattern of either kind */
	/* The whole match, and the groups that can be asked for. */
	PATTERN_GROUPS_MAX = 100,
};

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
	bool anchored;        /* regex: can match at the first octet only */
	uint16_t n_groups;    /* regex: that capture */
	uint16_t n_wildcards; /* '*' and '?' as written, for AWS's quota */
	struct slice source;  /* as written; in the arena */
	struct slice text;    /* literal, prefix, suffix: what is compared;
				 in lower case with fold; in the arena */
	const struct wildcard *wildcard; /* general form; in the arena */
	void *regex;  /* pcre2_code; owned; NULL unless PATTERN_REGEX */
	void *search; /* the same for a matcher that never goes back */
};

enum pattern_result {
	PATTERN_NO,
	PATTERN_YES,
	PATTERN_GAVE_UP, /* a regex needed more effort than it may, or memory
			    was out: nobody knows whether it matches, so
			    nothing may follow from it */
};

/* What running a regex needs; one for each thread. */
struct pattern_scratch;

/* NULL when memory is out. */
struct pattern_scratch *pattern_scratch_new(void);
void pattern_scratch_free(struct pattern_scratch *scratch);

/*
 * Compiles a wildcard pattern; every text is one, up to PATTERN_OCTETS_MAX.
 * False when it is longer. What it needs goes to the arena.
 */
bool pattern_compile(struct arena *arena, struct slice source, unsigned flags,
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

/*
 * For a regex: where the first match is, and its groups.
 *
 * text      p is not NULL
 * groups    gets n_groups slices of `text`: the whole match, then group 1 and
 *           so on; p is NULL for one that took no part or does not exist
 * n_groups  1 to PATTERN_GROUPS_MAX
 *
 * PATTERN_GAVE_UP also where it is known that there is a match, but finding
 * its groups takes more effort than it may.
 */
enum pattern_result pattern_find(const struct pattern *p, struct slice text,
				 struct pattern_scratch *scratch,
				 struct slice *groups, size_t n_groups);

#endif
