/* Texts with holes. */
#include "base/fail.h"
#include "read.h"

const char *list_placeholders(struct reader *r, unsigned allowed)
{
	const char *list = "";

	for (enum placeholder i = PLACE_LITERAL + 1; i < PLACE_KINDS; i++)
		if (allowed & PLACE_BIT(i))
			list = arena_printf(&r->tree->arena, "%s%s#{%s}", list,
					    *list ? ", " : "",
					    placeholder_name(i).p);
	return list;
}

/* What stands between "#{" and "}"; PLACE_LITERAL when it is none of those
 * allowed. */
static enum placeholder placeholder_of(struct slice name, unsigned allowed)
{
	for (enum placeholder i = PLACE_LITERAL + 1; i < PLACE_KINDS; i++)
		if ((allowed & PLACE_BIT(i)) &&
		    slice_eq(placeholder_name(i), name))
			return i;
	return PLACE_LITERAL;
}

/* The next "#{", or the end. */
static size_t find_hole(struct slice text, size_t from)
{
	while (from < text.n &&
	       !slice_starts(slice_from(text, from), SLICE("#{")))
		from++;
	return from;
}

bool read_template(struct reader *r, const struct node *v, unsigned allowed,
		   struct template *out, struct place *bad)
{
	struct slice text = arena_slice(r->arena, v->text);
	size_t n = 1, at = 0;

	for (size_t i = 0; i < text.n; i++)
		n += 2 * (text.p[i] == '#');
	*out = (struct template){
		.parts = ARENA_ARRAY(r->arena, n, struct template_part)};
	while (at < text.n) {
		size_t hole = find_hole(text, at);
		struct slice rest = slice_from(text, hole + 2);
		struct slice name = slice_first(rest, slice_find(rest, '}'));
		struct template_part *part = &out->parts[out->n_parts];

		if (hole > at) {
			part->text = slice_make(text.p + at, hole - at);
			out->n_parts++;
			part++;
		}
		if (hole == text.n)
			break;
		part->kind = name.n < rest.n ? placeholder_of(name, allowed)
					     : PLACE_LITERAL;
		if (part->kind == PLACE_LITERAL) {
			n = name.n < rest.n ? name.n + 3 : text.n - hole;
			*bad = node_part(v, hole, n);
			return false;
		}
		out->n_parts++;
		at = hole + name.n + 3;
	}
	return true;
}
