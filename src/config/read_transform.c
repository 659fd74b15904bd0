/* What a rule makes of host and URL before its target sees them. */
#include "base/fail.h"
#include "http/transform.h"
#include "read.h"

struct transform_draft {
	const struct node *regex, *replace;
};

static void parse_text_node(struct reader *r, const struct key *k,
			    const struct node *v, void *slot)
{
	struct slice ignored;
	unsigned before = r->diag->n_errors;

	type_text.parse(r, k, v, &ignored);
	if (r->diag->n_errors == before)
		*(const struct node **)slot = v;
}

static const struct type type_text_node = {parse_text_node, SHAPE_TEXT, NULL};

#define INTO(member) .offset = offsetof(struct transform_draft, member)

/* clang-format off */
static const struct key rewrite_keys[] = {
	{"regex", &type_text_node, INTO(regex), .flags = KEY_REQUIRED,
	 .any = {1, PATTERN_OCTETS_MAX},
	 .doc = "Regular expression; its first match is replaced."},
	{"replace", &type_text_node, INTO(replace), .flags = KEY_REQUIRED,
	 .any = {0, TRANSFORM_REPLACE_MAX},
	 .doc = "What takes its place; $1 is a group, $0 the match, $$ a "
		"dollar."},
	{0},
};
/* clang-format on */

static void parse_rewrite(struct reader *r, const struct key *k,
			  const struct node *v, void *slot)
{
	struct transform_draft d = {NULL, NULL};
	struct transform *t = slot;
	const char *why;
	struct place at;
	size_t octet;

	t->kind = strcmp(k->name, "url_rewrite") == 0 ? TRANSFORM_URL
						      : TRANSFORM_HOST;
	if (!want_map(r, k->name, v))
		return;
	read_mapping(r, v, k->name, rewrite_keys, &d);
	if (!d.regex || !d.replace)
		return;
	t->regex = arena_slice(r->arena, d.regex->text);
	t->replace = arena_slice(r->arena, d.replace->text);
	t->pattern = make_regex(r, d.regex,
				t->kind == TRANSFORM_HOST ? PATTERN_FOLD : 0);
	if (!t->pattern || transform_compile(r->arena, t, &why, &octet))
		return;
	at = node_part(d.replace, octet, 1);
	complain(r, &at, "write $$ for a dollar",
		 "not a usable replacement: %s", why);
}

static const struct type type_rewrite = {parse_rewrite, SHAPE_MAP, NULL};

/* clang-format off */
const struct key transform_keys[] = {
	{"url_rewrite", &type_rewrite, 0, .keys = rewrite_keys,
	 .doc = "Of the path, and the query behind it."},
	{"host_header_rewrite", &type_rewrite, 0, .keys = rewrite_keys,
	 .doc = "Of the host, in lower case and without its port."},
	{0},
};
/* clang-format on */

static void add_transform(struct reader *r, const struct node *v,
			  struct rule *rule)
{
	struct transform *t = &rule->transforms[rule->n_transforms];
	const struct node *value;
	const struct key *k =
		read_one_key(r, v, "a transform", transform_keys, &value);

	if (!k)
		return;
	k->type->parse(r, k, value, t);
	for (size_t i = 0; i < rule->n_transforms; i++)
		if (rule->transforms[i].kind == t->kind) {
			complain(r, &v->at, NULL, "a rule has one %s at most",
				 k->name);
			return;
		}
	rule->n_transforms += t->n_groups > 0;
}

static void parse_transforms(struct reader *r, const struct key *k,
			     const struct node *v, void *slot)
{
	const struct node *list = node_as_list(r->tree, v);
	struct rule *rule = slot;

	if (list->n && rule->action.kind != ACTION_FORWARD)
		complain(r, &v->at, NULL,
			 "%s are for rules that forward: nobody else would see "
			 "what they make",
			 k->name);
	rule->transforms = ARENA_ARRAY(r->arena, list->n, struct transform);
	for (size_t i = 0; i < list->n; i++)
		add_transform(r, list->items[i], rule);
}

const struct type type_transforms = {
	parse_transforms, SHAPE_MAP | SHAPE_LIST | SHAPE_ONE_KEY, NULL};
