/* ${NAME} in a text: values of the environment; node.h has the contract. */
#include <stdlib.h>

#include "base/text.h"
#include "node.h"

static bool is_name(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = ascii_lower(s.p[i]);

		if (!(c == '_' || (c >= 'a' && c <= 'z') ||
		      (i > 0 && ascii_is_digit(c))))
			return false;
	}
	return s.n > 0;
}

/* Appends what "${inside}" stands for. */
static void expand_one(struct tree *t, struct node *n, size_t offset,
		       struct slice inside, struct text *out)
{
	struct slice name = slice_first(inside, slice_find(inside, ':'));
	struct slice rest = slice_from(inside, name.n);
	struct place at = node_part(n, offset, inside.n + 3);
	bool has_default = slice_starts(rest, SLICE(":-"));
	char *variable;
	const char *value;

	if (!is_name(name) || (rest.n && !has_default)) {
		diag_error(t->diag, &at, "write $${ for a literal ${",
			   "\"${%.*s}\" is neither ${NAME} nor "
			   "${NAME:-default}",
			   SLICE_ARG(inside));
		n->broken = true;
		return;
	}
	variable = slice_dup(name);
	value = getenv(variable);
	if (value && (*value || !has_default))
		text_add(out, slice_of(value));
	else if (has_default)
		text_add(out, slice_from(rest, 2));
	else
		diag_error(t->diag, &at, "or write ${NAME:-default}",
			   "the environment has no variable \"%s\"", variable);
	n->broken |= !value && !has_default;
	free(variable);
}

void node_expand(struct tree *t, struct node *n)
{
	struct text out = {0};
	struct slice s = n->text;
	size_t i = 0;

	if (t->literal || slice_find(s, '$') == s.n)
		return;
	while (i < s.n && out.n <= NODE_EXPANDED_MAX) {
		struct slice rest = slice_from(s, i);
		size_t end = slice_find(rest, '}');

		if (slice_starts(rest, SLICE("$${"))) {
			text_add(&out, SLICE("${"));
			i += 3;
		} else if (!slice_starts(rest, SLICE("${"))) {
			text_addc(&out, s.p[i++]);
		} else if (end == rest.n) {
			struct place at = node_part(n, i, 2);

			diag_error(t->diag, &at, "write $${ for a literal ${",
				   "\"${\" without its \"}\"");
			n->broken = true;
			break;
		} else {
			expand_one(t, n, i, slice_make(rest.p + 2, end - 2),
				   &out);
			i += end + 1;
		}
	}
	if (out.n > NODE_EXPANDED_MAX)
		diag_error(t->diag, &n->at, NULL,
			   "the text is too long with its variables in it");
	else if (!slice_eq(text_slice(&out), s)) {
		n->text = arena_slice(&t->arena, text_slice(&out));
		n->exact = false;
	}
	text_release(&out);
}
