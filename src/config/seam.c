/* What other floors make of the configuration: patterns and indexes. */
#include "http/h1_write.h"
#include "http/pattern.h"
#include "http/uri.h"
#include "model/rule_index.h"
#include "read.h"

static void free_pattern(void *object)
{
	pattern_release(object);
}

/* A value in the form of what it is compared with (model/route.h): a path has
 * an escape for what no target may have, a host no dot at its end. Fields and
 * queries are compared as they were sent. */
static struct slice as_compared(struct reader *r, enum condition_kind kind,
				struct slice text)
{
	size_t size = text.n * URI_ESCAPED;
	struct writer w;
	char *room;

	if (kind == CONDITION_HOST_HEADER)
		return host_without_last_dot(text);
	if (kind != CONDITION_PATH_PATTERN)
		return text;
	room = arena_alloc(r->arena, size);
	w = writer_make(room, size);
	writer_target(&w, text);
	return slice_make(room, (size_t)(w.at - room));
}

/* Of enum pattern_flag. */
static unsigned flags_of(const struct condition *c)
{
	if (c->kind == CONDITION_PATH_PATTERN)
		return 0;
	if (c->kind == CONDITION_HOST_HEADER || c->is_regex)
		return PATTERN_FOLD;
	return PATTERN_FOLD | PATTERN_ESCAPES;
}

const struct pattern *make_regex(struct reader *r, const struct node *v,
				 unsigned flags)
{
	struct pattern *p = ARENA_NEW(r->arena, struct pattern);
	const char *why = NULL;
	size_t at = 0;
	struct place place;

	if (pattern_compile_regex(r->arena, v->text, flags, p, &why, &at)) {
		snapshot_on_free(r->snap, free_pattern, p);
		return p;
	}
	place = node_part(v, at, 1);
	complain(r, &place, NULL, "not a usable regular expression: %s", why);
	return NULL;
}

const struct pattern *make_body_pattern(struct reader *r, const struct node *v)
{
	return make_regex(r, v, 0);
}

const struct pattern *make_pattern(struct reader *r, const struct condition *c,
				   const struct node *v)
{
	unsigned flags = flags_of(c);
	struct pattern *p;

	if (c->is_regex)
		return make_regex(r, v, flags);
	p = ARENA_NEW(r->arena, struct pattern);
	if (!pattern_compile(r->arena, as_compared(r, c->kind, v->text), flags,
			     p))
		complain(r, &v->at, NULL, "a pattern has at most %d octets",
			 PATTERN_OCTETS_MAX);
	return p;
}

void make_index(struct reader *r, struct listener *l)
{
	l->rule_index = rule_index_build(r->arena, l->rules, l->n_rules);
}
