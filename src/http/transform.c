#include "transform.h"

#include "base/arena.h"
#include "h1_write.h"
#include "octets.h"
#include "uri.h"

const char *transform_kind_name(enum transform_kind kind)
{
	return kind == TRANSFORM_HOST ? "host_header_rewrite" : "url_rewrite";
}

const char *transform_status_name(enum transform_status status)
{
	static const char *const names[] = {
		[TRANSFORM_UNCHANGED] = "-",
		[TRANSFORM_SUCCESS] = "TransformSuccess",
		[TRANSFORM_BUFFER_TOO_SMALL] = "TransformBufferTooSmall",
		[TRANSFORM_INVALID_HOST] = "TransformInvalidHost",
		[TRANSFORM_INVALID_PATH] = "TransformInvalidPath",
		[TRANSFORM_REPLACE_ERROR] = "TransformReplaceError",
	};

	return names[status];
}

/* -- the replacement ------------------------------------------------------- */

/* Looks at what stands behind a '$'. Returns how much of it belongs to it; 0
 * when it means nothing. */
static size_t read_group(struct slice behind, unsigned n_groups,
			 struct replace_part *part)
{
	unsigned one, two;

	if (behind.n > 0 && behind.p[0] == '$') {
		part->text = SLICE("$");
		return 1;
	}
	if (behind.n == 0 || !ascii_is_digit(behind.p[0]))
		return 0;
	one = (unsigned)(behind.p[0] - '0');
	if (behind.n > 1 && one > 0 && ascii_is_digit(behind.p[1])) {
		two = one * 10 + (unsigned)(behind.p[1] - '0');
		if (two <= n_groups) {
			part->group = (uint8_t)two;
			return 2;
		}
	}
	part->group = (uint8_t)one;
	return one <= n_groups;
}

bool transform_compile(struct arena *arena, struct transform *t,
		       const char **why, size_t *at)
{
	struct slice rest = t->replace;
	struct replace_part *part;
	size_t n = 1;

	*at = TRANSFORM_REPLACE_MAX;
	if (rest.n > TRANSFORM_REPLACE_MAX) {
		*why = "it is longer than 1024 octets";
		return false;
	}
	for (size_t i = 0; i < rest.n; i++)
		n += 2 * (rest.p[i] == '$');
	t->parts = part = ARENA_ARRAY(arena, n, struct replace_part);
	t->n_groups = 1;
	while (rest.n > 0) {
		size_t dollar = slice_find(rest, '$'), used;

		if (dollar > 0)
			part++->text = slice_first(rest, dollar);
		if (dollar == rest.n)
			break;
		used = read_group(slice_from(rest, dollar + 1),
				  t->pattern->n_groups, part);
		if (part->group >= t->n_groups)
			t->n_groups = part->group + 1u;
		part++;
		if (used == 0) {
			*why = "behind \"$\" comes the number of a group that "
			       "there is, or another \"$\"";
			*at = (size_t)(rest.p - t->replace.p) + dollar;
			return false;
		}
		rest = slice_from(rest, dollar + 1 + used);
	}
	t->n_parts = (size_t)(part - t->parts);
	return true;
}

/* -- at work --------------------------------------------------------------- */

static bool is_host(struct slice text)
{
	struct slice name;
	uint16_t port;

	return host_split(text, &name, &port);
}

/* RFC 9112 3.2.1: visible, without a fragment. */
static bool is_target(struct slice text)
{
	if (text.n == 0 || text.p[0] != '/')
		return false;
	for (size_t i = 0; i < text.n; i++)
		if (octet_needs_escape(text.p[i]) || text.p[i] == '#')
			return false;
	return true;
}

enum transform_status transform_apply(const struct transform *t,
				      struct slice text,
				      struct pattern_scratch *scratch,
				      char *room, struct slice *out)
{
	struct writer w = writer_make(room, TRANSFORM_OCTETS_MAX);
	struct slice groups[PATTERN_GROUPS_MAX];
	const char *end;

	switch (pattern_find(t->pattern, text, scratch, groups, t->n_groups)) {
	case PATTERN_YES:
		break;
	case PATTERN_NO:
		return TRANSFORM_UNCHANGED;
	case PATTERN_GAVE_UP:
		return TRANSFORM_REPLACE_ERROR;
	}
	writer_put(&w, slice_make(text.p, (size_t)(groups[0].p - text.p)));
	for (size_t i = 0; i < t->n_parts; i++)
		writer_put(&w, t->parts[i].text.p ? t->parts[i].text
						  : groups[t->parts[i].group]);
	end = groups[0].p + groups[0].n;
	writer_put(&w, slice_make(end, (size_t)(text.p + text.n - end)));
	if (w.overflow)
		return TRANSFORM_BUFFER_TOO_SMALL;
	*out = slice_make(room, (size_t)(w.at - room));
	if (t->kind == TRANSFORM_HOST)
		return is_host(*out) ? TRANSFORM_SUCCESS
				     : TRANSFORM_INVALID_HOST;
	return is_target(*out) ? TRANSFORM_SUCCESS : TRANSFORM_INVALID_PATH;
}
