/*
 * fuzz_pattern.c - wildcards against a naive matcher; regular expressions.
 *
 * The first octet holds the flags; a line is the pattern, the rest the text.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "fuzz.h"

#include "base/arena.h"
#include "http/pattern.h"

enum { PATTERN_MAX = 200, TEXT_MAX = 400 };

static bool same(char a, char b, unsigned flags)
{
	return a == b ||
	       ((flags & PATTERN_FOLD) && ascii_lower(a) == ascii_lower(b));
}

/* Row by row: row[k] tells whether the first k octets of the text match the
 * pattern so far. */
static bool naive(struct slice pattern, unsigned flags, struct slice text)
{
	bool row[TEXT_MAX + 1] = {true};

	for (size_t i = 0; i < pattern.n; i++) {
		char c = pattern.p[i];
		bool escaped = (flags & PATTERN_ESCAPES) && c == '\\' &&
			       i + 1 < pattern.n &&
			       strchr("*?\\", pattern.p[i + 1]) &&
			       pattern.p[i + 1];

		if (escaped)
			c = pattern.p[++i];
		if (c == '*' && !escaped) {
			for (size_t k = 1; k <= text.n; k++)
				row[k] = row[k] || row[k - 1];
			continue;
		}
		for (size_t k = text.n; k > 0; k--)
			row[k] = row[k - 1] && ((c == '?' && !escaped) ||
						same(c, text.p[k - 1], flags));
		row[0] = false;
	}
	return row[text.n];
}

static void check_regex(struct slice source, unsigned flags, struct slice text,
			struct arena *arena)
{
	static struct pattern_scratch *scratch;
	struct pattern p;
	const char *why = NULL;
	uint32_t references = 1;
	size_t at;

	if (!scratch)
		scratch = pattern_scratch_new();
	HOLDS(scratch != NULL);
	if (!pattern_compile_regex(arena, source, flags, &p, &why, &at)) {
		HOLDS(why && at <= source.n && !p.regex);
		return;
	}
	pcre2_pattern_info(p.regex, PCRE2_INFO_BACKREFMAX, &references);
	HOLDS(references == 0);
	HOLDS(pattern_match(&p, text, scratch) ==
	      pattern_match(&p, text, scratch));
	pattern_release(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = fuzz_slice(data, size), source;
	unsigned flags = fuzz_octet(&text) & (PATTERN_FOLD | PATTERN_ESCAPES);
	struct arena arena = {0};
	struct pattern p;

	source = slice_first(slice_cut(&text, '\n'), PATTERN_MAX);
	text = slice_first(text, TEXT_MAX);
	HOLDS(pattern_compile(&arena, source, flags, &p));
	HOLDS((pattern_match(&p, text, NULL) == PATTERN_YES) ==
	      naive(source, flags, text));
	pattern_release(&p);
	check_regex(source, flags, text, &arena);
	arena_release(&arena);
	return 0;
}
