/* What other floors make of the configuration: patterns and indexes. */
#include "http/pattern.h"
#include "model/rule_index.h"
#include "read.h"

static void free_pattern(void *object)
{
	pattern_release(object);
}

const struct pattern *make_pattern(struct reader *r, const struct node *v,
				   unsigned flags, bool is_regex)
{
	struct pattern *p = ARENA_NEW(r->arena, struct pattern);
	const char *why = NULL;
	size_t at = 0;
	struct place place;

	if (!is_regex) {
		pattern_compile(r->arena, v->text, flags, p);
		return p;
	}
	if (pattern_compile_regex(r->arena, v->text, flags, p, &why, &at)) {
		snapshot_on_free(r->snap, free_pattern, p);
		return p;
	}
	place = node_part(v, at, 1);
	complain(r, &place, NULL, "not a usable regular expression: %s", why);
	return NULL;
}

void make_index(struct reader *r, struct listener *l)
{
	l->rule_index = rule_index_build(r->arena, l->rules, l->n_rules);
}
