/*
 * fuzz_transform.c - regular expressions, replacements and what they make.
 *
 * The first octet says which kind it is; a line is the regular expression, the
 * next one the replacement, the rest the text.
 */
#include "fuzz.h"

#include "base/arena.h"
#include "http/transform.h"
#include "http/uri.h"

enum { TEXT_MAX = 400 };

/* What reaches a target can be read again as what it is. */
static void check_result(const struct transform *t, struct slice out)
{
	struct slice name;
	struct uri uri;
	uint16_t port;

	HOLDS(out.n > 0 && out.n <= TRANSFORM_OCTETS_MAX);
	for (size_t i = 0; i < out.n; i++)
		HOLDS(out.p[i] > ' ' && out.p[i] < 0x7f);
	if (t->kind == TRANSFORM_HOST) {
		HOLDS(host_split(out, &name, &port));
		HOLDS(slice_find(out, '/') == out.n &&
		      slice_find(out, '@') == out.n);
		return;
	}
	HOLDS(uri_split(out, METHOD_GET, &uri));
	HOLDS(uri.form == URI_ORIGIN && slice_eq(uri.rest, out));
}

static void check_transform(struct transform *t, struct arena *arena,
			    struct slice text)
{
	static struct pattern_scratch *scratch;
	static char room[TRANSFORM_OCTETS_MAX];
	const char *why = NULL;
	struct slice out;
	size_t at;

	if (!scratch)
		scratch = pattern_scratch_new();
	HOLDS(scratch != NULL);
	if (!transform_compile(arena, t, &why, &at)) {
		HOLDS(why && at <= t->replace.n);
		return;
	}
	HOLDS(t->n_groups >= 1 && t->n_groups <= PATTERN_GROUPS_MAX);
	switch (transform_apply(t, text, scratch, room, &out)) {
	case TRANSFORM_UNCHANGED:
		HOLDS(pattern_match(t->pattern, text, scratch) != PATTERN_YES);
		return;
	case TRANSFORM_SUCCESS:
		check_result(t, out);
		return;
	default:
		return;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = fuzz_slice(data, size);
	bool is_host = fuzz_octet(&text) & 1;
	struct slice regex = slice_cut(&text, '\n');
	struct arena arena = {0};
	struct pattern pattern;
	struct transform t = {
		.kind = is_host ? TRANSFORM_HOST : TRANSFORM_URL,
		.regex = regex,
		.pattern = &pattern,
	};
	const char *why;
	size_t at;

	if (!text.p)
		return 0;
	t.replace = slice_cut(&text, '\n');
	text = text.p ? slice_first(text, TEXT_MAX) : SLICE("/");
	if (pattern_compile_regex(&arena, regex, is_host ? PATTERN_FOLD : 0,
				  &pattern, &why, &at)) {
		check_transform(&t, &arena, text);
		pattern_release(&pattern);
	}
	arena_release(&arena);
	return 0;
}
