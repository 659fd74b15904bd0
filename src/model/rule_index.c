/*
 * rule_index.c - find the first rule that is met.
 *
 * First everything that is looked up, over all hosts that match; then what
 * has to be compared one after the other, which by then is cut short by the
 * best rule that was found; at last the rules that neither host nor path leads
 * to.
 */
#include "base/fail.h"
#include "base/map.h"
#include "http/head.h"
#include "http/pattern.h"
#include "http/query.h"
#include "model/rule_tables.h"
#include "net/addr.h"

enum {
	/* Hosts whose scans are put off until every lookup is done. */
	OPEN_MAX = 8,
};

/* -- the naive way --------------------------------------------------------- */

static enum pattern_result text_meets(const struct condition *c,
				      struct slice text,
				      struct pattern_scratch *scratch)
{
	enum pattern_result all = PATTERN_NO;

	for (size_t i = 0; i < c->n_values; i++) {
		enum pattern_result one =
			pattern_match(c->patterns[i], text, scratch);

		if (one == PATTERN_YES)
			return PATTERN_YES;
		if (one == PATTERN_GAVE_UP)
			all = PATTERN_GAVE_UP;
	}
	return all;
}

static const struct field *next_field(const struct condition *c,
				      const struct http_head *head,
				      const struct field *after)
{
	/* NAME_X_AMZN_SPOOFED stands for many names. */
	return c->field_id == NAME_OTHER || c->field_id == NAME_X_AMZN_SPOOFED
		       ? head_next_text(head, c->field, after)
		       : head_next(head, (enum name)c->field_id, after);
}

static enum pattern_result fields_meet(const struct condition *c,
				       const struct http_head *head,
				       struct pattern_scratch *scratch)
{
	enum pattern_result all = PATTERN_NO;
	const struct field *f = NULL;

	while ((f = next_field(c, head, f)) != NULL) {
		enum pattern_result one = text_meets(c, f->value, scratch);

		if (one == PATTERN_YES)
			return PATTERN_YES;
		if (one == PATTERN_GAVE_UP)
			all = PATTERN_GAVE_UP;
	}
	return all;
}

static bool method_meets(const struct condition *c, struct slice method)
{
	for (size_t i = 0; i < c->n_values; i++)
		if (slice_eq(c->values[i], method))
			return true;
	return false;
}

/* There are no regular expressions for queries: nothing gives up. */
static bool query_meets(const struct condition *c, struct slice query)
{
	struct slice key, value;

	while (query_next(&query, &key, &value))
		for (size_t i = 0; i < c->n_values; i++)
			if ((!c->key_patterns[i] ||
			     pattern_match(c->key_patterns[i], key, NULL) ==
				     PATTERN_YES) &&
			    pattern_match(c->patterns[i], value, NULL) ==
				    PATTERN_YES)
				return true;
	return false;
}

static bool peer_meets(const struct condition *c, const struct addr *peer)
{
	struct cidr address;

	return addr_to_cidr(peer, &address) &&
	       cidr_set_has(&c->networks, &address);
}

static enum pattern_result answer(bool matches)
{
	return matches ? PATTERN_YES : PATTERN_NO;
}

enum pattern_result condition_is_met(const struct condition *c,
				     const struct route_input *in,
				     struct pattern_scratch *scratch)
{
	switch (c->kind) {
	case CONDITION_HOST_HEADER:
		return text_meets(c, in->host, scratch);
	case CONDITION_PATH_PATTERN:
		return text_meets(c, in->path, scratch);
	case CONDITION_HTTP_HEADER:
		return fields_meet(c, in->head, scratch);
	case CONDITION_HTTP_REQUEST_METHOD:
		return answer(method_meets(c, in->head->method));
	case CONDITION_QUERY_STRING:
		return answer(query_meets(c, in->query));
	case CONDITION_SOURCE_IP:
		return answer(peer_meets(c, in->peer));
	case CONDITION_KINDS:
		break;
	}
	BUG("condition %d", (int)c->kind);
}

enum pattern_result rule_is_met(const struct rule *rule,
				const struct route_input *in,
				struct pattern_scratch *scratch)
{
	enum pattern_result all = PATTERN_YES;

	for (size_t i = 0; i < rule->n_conditions; i++) {
		enum pattern_result one =
			condition_is_met(&rule->conditions[i], in, scratch);

		if (one == PATTERN_NO)
			return PATTERN_NO;
		if (one == PATTERN_GAVE_UP)
			all = PATTERN_GAVE_UP;
	}
	return all;
}

/* -- finding --------------------------------------------------------------- */

struct search {
	const struct rule_index *index;
	const struct route_input *in;
	struct pattern_scratch *scratch;
	uint32_t best; /* rank; UINT32_MAX: none yet */
	bool gave_up;  /* nobody knows whether `best` is met */
	bool in_doubt; /* the item that led here gave up: ask the whole rule */
	const struct text_index *open[OPEN_MAX]; /* paths yet to be scanned */
	size_t n_open;
};

typedef void found_fn(struct search *s, const struct item *item);

static const struct item *table_find(const struct table *table,
				     const struct item *items, struct slice key)
{
	uint32_t hash, at;

	if (!table->slots)
		return NULL;
	hash = (uint32_t)hash_slice(key);
	for (at = hash & table->mask; table->slots[at].item;
	     at = (at + 1) & table->mask) {
		const struct item *item = &items[table->slots[at].item - 1];

		if (table->slots[at].hash == hash &&
		    slice_eq(item->way.key, key))
			return item;
	}
	return NULL;
}

static inline void look_up_lengths(struct search *s,
				   const struct text_index *ix,
				   const struct length_table *t,
				   struct slice text, bool at_end,
				   found_fn *found)
{
	for (uint32_t i = 0; i < t->n_lengths; i++) {
		const struct length *l = &t->lengths[i];
		const struct item *item;

		if (l->rank >= s->best)
			return;
		if (l->octets > text.n)
			continue;
		item = table_find(&t->table, ix->items,
				  at_end ? slice_from(text, text.n - l->octets)
					 : slice_first(text, l->octets));
		if (item && item->rank < s->best)
			found(s, item);
	}
}

/* Finds what needs no comparing one after the other. */
static inline void look_up(struct search *s, const struct text_index *ix,
			   struct slice text, found_fn *found)
{
	const struct item *item = table_find(&ix->exact, ix->items, text);

	if (item && item->rank < s->best)
		found(s, item);
	look_up_lengths(s, ix, &ix->prefix, text, false, found);
	look_up_lengths(s, ix, &ix->suffix, text, true, found);
	if (ix->any && ix->any->rank < s->best)
		found(s, ix->any);
}

static enum pattern_result item_matches(const struct item *item,
					struct slice text,
					struct pattern_scratch *scratch)
{
	struct slice key = item->way.key;

	switch (item->way.lookup) {
	case LOOKUP_ANY:
		return PATTERN_YES;
	case LOOKUP_EXACT:
		return answer(slice_eq(text, key));
	case LOOKUP_PREFIX:
		return answer(slice_starts(text, key));
	case LOOKUP_SUFFIX:
		return answer(text.n >= key.n &&
			      slice_eq(slice_from(text, text.n - key.n), key));
	case LOOKUP_SCAN:
	case LOOKUP_KINDS:
		break;
	}
	return pattern_match(item->way.pattern, text, scratch);
}

static inline void scan(struct search *s, const struct text_index *ix,
			struct slice text, found_fn *found)
{
	bool in_doubt = s->in_doubt;

	for (uint32_t i = 0; i < ix->n_scan; i++) {
		const struct item *item = ix->scan[i];
		enum pattern_result result;

		if (item->rank >= s->best)
			return;
		result = item_matches(item, text, s->scratch);
		if (result == PATTERN_NO)
			continue;
		s->in_doubt = in_doubt || result == PATTERN_GAVE_UP;
		found(s, item);
		s->in_doubt = in_doubt;
	}
}

static void try_candidates(struct search *s, const struct item *path)
{
	for (uint32_t i = 0; i < path->n_candidates; i++) {
		const struct candidate *c = &path->candidates[i];
		enum pattern_result result = PATTERN_YES;

		if (c->rank >= s->best)
			return;
		if (!c->decided || s->in_doubt)
			result = rule_is_met(&s->index->rules[c->rank], s->in,
					     s->scratch);
		if (result == PATTERN_NO)
			continue;
		s->best = c->rank;
		s->gave_up = result == PATTERN_GAVE_UP;
		return;
	}
}

static void enter_host(struct search *s, const struct item *host)
{
	const struct text_index *paths = host->paths;

	look_up(s, paths, s->in->path, try_candidates);
	if (paths->n_scan == 0)
		return;
	if (s->n_open < OPEN_MAX && !s->in_doubt)
		s->open[s->n_open++] = paths;
	else
		scan(s, paths, s->in->path, try_candidates);
}

const struct rule *rule_index_find(const struct rule_index *index,
				   const struct route_input *in,
				   struct pattern_scratch *scratch,
				   bool *gave_up)
{
	struct search s = {
		.index = index,
		.in = in,
		.scratch = scratch,
		.best = UINT32_MAX,
	};

	look_up(&s, &index->hosts, in->host, enter_host);
	scan(&s, &index->hosts, in->host, enter_host);
	for (size_t i = 0; i < s.n_open; i++)
		scan(&s, s.open[i], in->path, try_candidates);
	try_candidates(&s, &index->others);
	*gave_up = s.gave_up;
	return s.best == UINT32_MAX ? NULL : &index->rules[s.best];
}
