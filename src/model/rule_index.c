/*
 * rule_index.c - compile rules, find the first one met.
 *
 * Two levels of the same thing: a text_index over hosts, whose items are
 * text_indexes over paths, whose items are the rules that host and path lead
 * to. "rank" is a rule's position: lower is better.
 *
 *	text_index   any     what matches every text
 *	             exact   hash of the text
 *	             prefix  hash of its first octets, for each length in use
 *	             suffix  the same for its last octets
 *	             scan    patterns, by rank
 */
#include "model/rule_index.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/fail.h"
#include "base/map.h"
#include "http/pattern.h"

enum {
	/* A rule with more pairs of host and path is not spread over them. */
	SPREAD_MAX = 256,
	/* Up to here comparing one after the other beats hashing. */
	FEW_ITEMS = 4,
	/* Hosts whose scans are put off until every lookup is done. */
	OPEN_MAX = 8,
};

struct candidate {
	uint32_t rank;
	bool decided; /* host and path were all it asks for */
};

/* All that one text or pattern leads to. */
struct item {
	const struct pattern *pattern; /* NULL: every text */
	struct slice key;              /* what is hashed; of the pattern */
	uint32_t rank;                 /* the best below */
	uint32_t n_candidates;         /* only of a path */
	union {
		struct text_index *paths;     /* of a host */
		struct candidate *candidates; /* of a path; by rank */
	};
};

struct slot {
	uint32_t hash;
	uint32_t item; /* from 1; 0: free */
};

struct table {
	struct slot *slots;
	uint32_t mask; /* slots less one; power of two */
};

/* A length that texts in a table have, and the best rank among these. */
struct length {
	uint32_t octets, rank;
};

struct length_table {
	struct table table;
	struct length *lengths; /* by rank */
	uint32_t n_lengths;
};

struct text_index {
	struct item *items;
	struct item *any;   /* NULL: none */
	struct table exact; /* slots NULL: none */
	struct length_table prefix, suffix;
	struct item **scan; /* by rank */
	uint32_t n_scan;
};

struct rule_index {
	const struct rule *rules;
	struct text_index hosts;
};

/* -- the naive way --------------------------------------------------------- */

bool condition_is_met(const struct condition *condition,
		      const struct route_input *in,
		      struct pattern_scratch *scratch)
{
	struct slice text = condition->kind == CONDITION_HOST_HEADER ? in->host
								     : in->path;

	for (size_t i = 0; i < condition->n_values; i++)
		if (pattern_match(condition->patterns[i], text, scratch) ==
		    PATTERN_YES)
			return true;
	return false;
}

bool rule_is_met(const struct rule *rule, const struct route_input *in,
		 struct pattern_scratch *scratch)
{
	for (size_t i = 0; i < rule->n_conditions; i++)
		if (!condition_is_met(&rule->conditions[i], in, scratch))
			return false;
	return true;
}

/* -- building -------------------------------------------------------------- */

/* How a pattern is looked up; also the order of items in a text_index. */
enum lookup {
	LOOKUP_ANY,
	LOOKUP_EXACT,
	LOOKUP_PREFIX,
	LOOKUP_SUFFIX,
	LOOKUP_SCAN,
	LOOKUP_KINDS
};

/* One way to one rule. */
struct entry {
	const struct pattern *host, *path; /* NULL: every one */
	uint32_t rank;
	bool decided;
};

static enum lookup lookup_of(const struct pattern *p)
{
	if (!p)
		return LOOKUP_ANY;
	switch (p->kind) {
	case PATTERN_LITERAL:
		return LOOKUP_EXACT;
	case PATTERN_PREFIX:
		return LOOKUP_PREFIX;
	case PATTERN_SUFFIX:
		return LOOKUP_SUFFIX;
	case PATTERN_WILDCARD:
	case PATTERN_REGEX:
		break;
	}
	return LOOKUP_SCAN;
}

/* What is looked up is told apart by the text that is compared, what is
 * scanned by how it was written. */
static int pattern_cmp(const struct pattern *a, const struct pattern *b)
{
	enum lookup lookup = lookup_of(a);

	if (lookup != lookup_of(b))
		return (int)lookup - (int)lookup_of(b);
	if (lookup == LOOKUP_ANY || a == b)
		return 0;
	if (lookup != LOOKUP_SCAN)
		return slice_cmp(a->text, b->text);
	if (a->kind != b->kind)
		return (int)a->kind - (int)b->kind;
	if (a->fold != b->fold)
		return (int)a->fold - (int)b->fold;
	return slice_cmp(a->source, b->source);
}

static int entry_cmp(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;
	int order = pattern_cmp(a->host, b->host);

	if (order == 0)
		order = pattern_cmp(a->path, b->path);
	if (order == 0)
		order = (a->rank > b->rank) - (a->rank < b->rank);
	return order;
}

/* "*" is no condition at all. */
static const struct pattern *unless_any(const struct pattern *p)
{
	bool ends = p->kind == PATTERN_PREFIX || p->kind == PATTERN_SUFFIX;

	return ends && p->text.n == 0 ? NULL : p;
}

static const struct condition *first_of(const struct rule *rule,
					enum condition_kind kind)
{
	for (size_t i = 0; i < rule->n_conditions; i++)
		if (rule->conditions[i].kind == kind)
			return &rule->conditions[i];
	return NULL;
}

/* The values that a rule is spread over; more than it may be: not over its
 * paths, and whoever finds it by host asks the rule itself. */
struct spread {
	const struct condition *host, *path; /* NULL: over none */
	size_t n_hosts, n_paths;             /* at least 1 */
	bool decided;
};

static struct spread spread_of(const struct rule *rule)
{
	struct spread s = {
		.host = first_of(rule, CONDITION_HOST_HEADER),
		.path = first_of(rule, CONDITION_PATH_PATTERN),
	};

	s.n_hosts = s.host ? s.host->n_values : 1;
	s.n_paths = s.path ? s.path->n_values : 1;
	if (s.host && s.path && s.n_hosts * s.n_paths > SPREAD_MAX) {
		s.path = NULL;
		s.n_paths = 1;
	}
	s.decided = rule->n_conditions == (size_t) !!s.host + (size_t) !!s.path;
	return s;
}

static struct entry *entries_of(const struct rule *rules, size_t n_rules,
				size_t *n_entries)
{
	struct entry *entries, *e;
	size_t n = 0;

	for (size_t i = 0; i < n_rules; i++) {
		struct spread s = spread_of(&rules[i]);

		n += s.n_hosts * s.n_paths;
	}
	*n_entries = n;
	entries = e = xcalloc(n ? n : 1, sizeof(*entries));
	for (size_t i = 0; i < n_rules; i++) {
		struct spread s = spread_of(&rules[i]);

		for (size_t at = 0; at < s.n_hosts * s.n_paths; at++, e++) {
			size_t h = at / s.n_paths, p = at % s.n_paths;

			e->host = s.host ? unless_any(s.host->patterns[h])
					 : NULL;
			e->path = s.path ? unless_any(s.path->patterns[p])
					 : NULL;
			e->rank = (uint32_t)i;
			e->decided = s.decided;
		}
	}
	return entries;
}

static void table_init(struct arena *arena, struct table *table, size_t n)
{
	size_t size = 4;

	if (n == 0)
		return;
	while (size * 3 < n * 4)
		size *= 2;
	table->slots = ARENA_ARRAY(arena, size, struct slot);
	table->mask = (uint32_t)(size - 1);
}

static void table_put(struct table *table, const struct item *items, size_t i)
{
	uint32_t hash = (uint32_t)hash_slice(items[i].key);
	uint32_t at = hash & table->mask;

	while (table->slots[at].item)
		at = (at + 1) & table->mask;
	table->slots[at] = (struct slot){hash, (uint32_t)i + 1};
}

static void lengths_note(struct length_table *t, const struct item *item)
{
	uint32_t i = 0;

	while (i < t->n_lengths && t->lengths[i].octets != item->key.n)
		i++;
	if (i == t->n_lengths)
		t->lengths[t->n_lengths++] =
			(struct length){(uint32_t)item->key.n, item->rank};
	else if (item->rank < t->lengths[i].rank)
		t->lengths[i].rank = item->rank;
}

static int length_cmp(const void *left, const void *right)
{
	const struct length *a = left, *b = right;

	return (a->rank > b->rank) - (a->rank < b->rank);
}

static void lengths_init(struct arena *arena, struct length_table *t,
			 const struct item *items, size_t from, size_t n)
{
	struct length *all;

	if (n == 0)
		return;
	table_init(arena, &t->table, n);
	all = t->lengths = xcalloc(n, sizeof(*all));
	for (size_t i = from; i < from + n; i++) {
		table_put(&t->table, items, i);
		lengths_note(t, &items[i]);
	}
	qsort(all, t->n_lengths, sizeof(*all), length_cmp);
	t->lengths = ARENA_ARRAY(arena, t->n_lengths, struct length);
	memcpy(t->lengths, all, t->n_lengths * sizeof(*all));
	free(all);
}

static int scan_cmp(const void *left, const void *right)
{
	const struct item *const *a = left, *const *b = right;

	return ((*a)->rank > (*b)->rank) - ((*a)->rank < (*b)->rank);
}

static void scan_init(struct arena *arena, struct text_index *ix, size_t from,
		      size_t n)
{
	if (n == 0)
		return;
	ix->scan = ARENA_ARRAY(arena, n, struct item *);
	ix->n_scan = (uint32_t)n;
	for (size_t i = 0; i < n; i++)
		ix->scan[i] = &ix->items[from + i];
	qsort(ix->scan, n, sizeof(struct item *), scan_cmp);
}

/* Makes the items, which are in the order of enum lookup, easy to find. */
static void text_index_init(struct arena *arena, struct text_index *ix,
			    struct item *items, size_t n)
{
	size_t count[LOOKUP_KINDS] = {0};
	size_t at;

	for (size_t i = 0; i < n; i++)
		count[lookup_of(items[i].pattern)]++;
	at = count[LOOKUP_ANY];
	ix->items = items;
	ix->any = at ? &items[0] : NULL;
	if (n - at <= FEW_ITEMS) {
		scan_init(arena, ix, at, n - at);
		return;
	}
	table_init(arena, &ix->exact, count[LOOKUP_EXACT]);
	for (size_t i = 0; i < count[LOOKUP_EXACT]; i++)
		table_put(&ix->exact, items, at++);
	lengths_init(arena, &ix->prefix, items, at, count[LOOKUP_PREFIX]);
	at += count[LOOKUP_PREFIX];
	lengths_init(arena, &ix->suffix, items, at, count[LOOKUP_SUFFIX]);
	at += count[LOOKUP_SUFFIX];
	scan_init(arena, ix, at, count[LOOKUP_SCAN]);
}

static void item_init(struct item *item, const struct pattern *pattern)
{
	item->pattern = pattern;
	item->rank = UINT32_MAX;
	if (pattern)
		item->key = pattern->text;
}

/* The rules behind one host and one path; entries are sorted by rank. */
static void item_take_rules(struct arena *arena, struct item *item,
			    const struct entry *entries, size_t n)
{
	struct candidate *last;

	item->candidates = last = ARENA_ARRAY(arena, n, struct candidate);
	item->rank = entries[0].rank;
	for (size_t i = 0; i < n; i++) {
		/* Two values of one rule may say the same. */
		if (i && entries[i].rank == entries[i - 1].rank)
			continue;
		*last++ =
			(struct candidate){entries[i].rank, entries[i].decided};
	}
	item->n_candidates = (uint32_t)(last - item->candidates);
}

static bool same_item(const struct entry *a, const struct entry *b, bool paths)
{
	return paths ? pattern_cmp(a->path, b->path) == 0
		     : pattern_cmp(a->host, b->host) == 0;
}

static struct text_index *index_entries(struct arena *arena,
					const struct entry *entries, size_t n,
					bool paths)
{
	struct text_index *ix = ARENA_NEW(arena, struct text_index);
	struct item *items;
	size_t n_items = 0, end;

	for (size_t i = 0; i < n; i++)
		n_items += i == 0 ||
			   !same_item(&entries[i - 1], &entries[i], paths);
	items = ARENA_ARRAY(arena, n_items, struct item);
	n_items = 0;
	for (size_t start = 0; start < n; start = end) {
		const struct entry *first = &entries[start];
		struct item *item = &items[n_items++];

		end = start + 1;
		while (end < n && same_item(first, &entries[end], paths))
			end++;
		item_init(item, paths ? first->path : first->host);
		if (paths) {
			item_take_rules(arena, item, first, end - start);
			continue;
		}
		item->paths = index_entries(arena, first, end - start, true);
		for (size_t i = start; i < end; i++)
			if (entries[i].rank < item->rank)
				item->rank = entries[i].rank;
	}
	text_index_init(arena, ix, items, n_items);
	return ix;
}

struct rule_index *rule_index_build(struct arena *arena,
				    const struct rule *rules, size_t n_rules)
{
	struct rule_index *index = ARENA_NEW(arena, struct rule_index);
	size_t n_entries;
	struct entry *entries = entries_of(rules, n_rules, &n_entries);

	qsort(entries, n_entries, sizeof(*entries), entry_cmp);
	index->rules = rules;
	index->hosts = *index_entries(arena, entries, n_entries, false);
	free(entries);
	return index;
}

/* -- finding --------------------------------------------------------------- */

struct search {
	const struct rule_index *index;
	const struct route_input *in;
	struct pattern_scratch *scratch;
	uint32_t best; /* rank; UINT32_MAX: none yet */
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

		if (table->slots[at].hash == hash && slice_eq(item->key, key))
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

static inline void scan(struct search *s, const struct text_index *ix,
			struct slice text, found_fn *found)
{
	for (uint32_t i = 0; i < ix->n_scan; i++) {
		const struct item *item = ix->scan[i];

		if (item->rank >= s->best)
			return;
		if (pattern_match(item->pattern, text, s->scratch) ==
		    PATTERN_YES)
			found(s, item);
	}
}

static void try_candidates(struct search *s, const struct item *path)
{
	for (uint32_t i = 0; i < path->n_candidates; i++) {
		const struct candidate *c = &path->candidates[i];

		if (c->rank >= s->best)
			return;
		if (c->decided ||
		    rule_is_met(&s->index->rules[c->rank], s->in, s->scratch)) {
			s->best = c->rank;
			return;
		}
	}
}

static void enter_host(struct search *s, const struct item *host)
{
	const struct text_index *paths = host->paths;

	look_up(s, paths, s->in->path, try_candidates);
	if (paths->n_scan == 0)
		return;
	if (s->n_open < OPEN_MAX)
		s->open[s->n_open++] = paths;
	else
		scan(s, paths, s->in->path, try_candidates);
}

const struct rule *rule_index_find(const struct rule_index *index,
				   const struct route_input *in,
				   struct pattern_scratch *scratch)
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
	return s.best == UINT32_MAX ? NULL : &index->rules[s.best];
}
