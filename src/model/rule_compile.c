/*
 * rule_compile.c - rules in order become tables.
 *
 * Each rule is written down once for each pair of a host and a path that it
 * names; sorted by these, what belongs together stands together and only has
 * to be hung up.
 */
#include <stdlib.h>

#include "base/arena.h"
#include "base/fail.h"
#include "base/map.h"
#include "http/pattern.h"
#include "model/rule_tables.h"

enum {
	/* A rule with more pairs of host and path is not spread over them. */
	SPREAD_MAX = 64,
	/* Up to here comparing one after the other beats hashing. */
	FEW_ITEMS = 4,
};

/* One way to one rule. */
struct entry {
	struct way host, path;
	uint32_t rank;
	bool decided;
};

static struct way way_by(enum lookup lookup, struct slice key, bool sure)
{
	/* "*" is no condition at all. */
	if (key.n == 0 && lookup != LOOKUP_EXACT)
		lookup = LOOKUP_ANY;
	return (struct way){.lookup = lookup, .sure = sure, .key = key};
}

static bool is_wildcard(char c)
{
	return c == '*' || c == '?';
}

/*
 * A wildcard pattern begins or ends with a text: whatever it matches does so,
 * too, and few texts do. The longer of both is looked up and the pattern asked
 * then. One octet would be the slash that all paths begin with.
 */
static struct way way_of_wildcard(struct arena *arena, const struct pattern *p)
{
	struct slice text = p->source, key;
	size_t head = 0, tail = 0;
	char *copy;

	while (head < text.n && !is_wildcard(text.p[head]))
		head++;
	while (tail < text.n && !is_wildcard(text.p[text.n - tail - 1]))
		tail++;
	key = head >= tail ? slice_first(text, head)
			   : slice_from(text, text.n - tail);
	if (key.n < 2)
		return (struct way){
			.lookup = LOOKUP_SCAN, .pattern = p, .sure = true};

	key = arena_slice(arena, key);
	copy = (char *)(uintptr_t)key.p;
	for (size_t i = 0; p->fold && i < key.n; i++)
		copy[i] = ascii_lower(copy[i]);
	return way_by(head >= tail ? LOOKUP_PREFIX : LOOKUP_SUFFIX, key, false);
}

/* NULL: there is no condition. */
static struct way way_of(struct arena *arena, const struct pattern *p,
			 bool text_is_lower)
{
	if (!p)
		return way_by(LOOKUP_ANY, (struct slice){0}, true);
	if (p->fold && !text_is_lower)
		return (struct way){
			.lookup = LOOKUP_SCAN, .pattern = p, .sure = true};
	switch (p->kind) {
	case PATTERN_LITERAL:
		return way_by(LOOKUP_EXACT, p->text, true);
	case PATTERN_PREFIX:
		return way_by(LOOKUP_PREFIX, p->text, true);
	case PATTERN_SUFFIX:
		return way_by(LOOKUP_SUFFIX, p->text, true);
	case PATTERN_WILDCARD:
		return way_of_wildcard(arena, p);
	case PATTERN_REGEX:
		break;
	}
	return (struct way){.lookup = LOOKUP_SCAN, .pattern = p, .sure = true};
}

/* The order of enum lookup first; 0 when both find the same texts. */
static int way_cmp(const struct way *a, const struct way *b)
{
	if (a->lookup != b->lookup)
		return (int)a->lookup - (int)b->lookup;
	if (a->lookup != LOOKUP_SCAN)
		return slice_cmp(a->key, b->key);
	if (a->pattern->kind != b->pattern->kind)
		return (int)a->pattern->kind - (int)b->pattern->kind;
	if (a->pattern->fold != b->pattern->fold)
		return (int)a->pattern->fold - (int)b->pattern->fold;
	return slice_cmp(a->pattern->source, b->pattern->source);
}

static int entry_cmp(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;
	int order = way_cmp(&a->host, &b->host);

	if (order == 0)
		order = way_cmp(&a->path, &b->path);
	if (order == 0)
		order = (a->rank > b->rank) - (a->rank < b->rank);
	return order;
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

static bool is_other(const struct rule *rule)
{
	return !first_of(rule, CONDITION_HOST_HEADER) &&
	       !first_of(rule, CONDITION_PATH_PATTERN);
}

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

static const struct pattern *value_of(const struct condition *c, size_t i)
{
	return c ? c->patterns[i] : NULL;
}

static struct entry *put_entries(struct arena *arena, struct entry *to,
				 const struct spread *s, uint32_t rank)
{
	for (size_t h = 0; h < s->n_hosts; h++) {
		struct way host = way_of(arena, value_of(s->host, h), true);

		for (size_t p = 0; p < s->n_paths; p++) {
			to->host = host;
			to->path = way_of(arena, value_of(s->path, p), false);
			to->rank = rank;
			to->decided = s->decided && host.sure && to->path.sure;
			to++;
		}
	}
	return to;
}

static struct entry *entries_of(struct arena *arena, const struct rule *rules,
				size_t n_rules, size_t *n_entries)
{
	struct entry *entries, *to;
	size_t n = 0;

	for (size_t i = 0; i < n_rules; i++) {
		struct spread s = spread_of(&rules[i]);

		if (!is_other(&rules[i]))
			n += s.n_hosts * s.n_paths;
	}
	*n_entries = n;
	entries = to = xcalloc(n ? n : 1, sizeof(*entries));
	for (size_t i = 0; i < n_rules; i++) {
		struct spread s = spread_of(&rules[i]);

		if (!is_other(&rules[i]))
			to = put_entries(arena, to, &s, (uint32_t)i);
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
	uint32_t hash = (uint32_t)hash_slice(items[i].way.key);
	uint32_t at = hash & table->mask;

	while (table->slots[at].item)
		at = (at + 1) & table->mask;
	table->slots[at] = (struct slot){hash, (uint32_t)i + 1};
}

static void lengths_note(struct length_table *t, const struct item *item)
{
	uint32_t i = 0;

	while (i < t->n_lengths && t->lengths[i].octets != item->way.key.n)
		i++;
	if (i == t->n_lengths)
		t->lengths[t->n_lengths++] =
			(struct length){(uint32_t)item->way.key.n, item->rank};
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
		count[items[i].way.lookup]++;
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
	return paths ? way_cmp(&a->path, &b->path) == 0
		     : way_cmp(&a->host, &b->host) == 0;
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
		item->way = paths ? first->path : first->host;
		item->rank = UINT32_MAX;
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

/* The rules that no entry leads to, by rank. */
static void others_init(struct arena *arena, struct item *others,
			const struct rule *rules, size_t n_rules)
{
	size_t n = 0;

	for (size_t i = 0; i < n_rules; i++)
		n += is_other(&rules[i]);
	others->candidates = ARENA_ARRAY(arena, n, struct candidate);
	for (size_t i = 0; i < n_rules; i++)
		if (is_other(&rules[i]))
			others->candidates[others->n_candidates++] =
				(struct candidate){.rank = (uint32_t)i};
}

struct rule_index *rule_index_build(struct arena *arena,
				    const struct rule *rules, size_t n_rules)
{
	struct rule_index *index = ARENA_NEW(arena, struct rule_index);
	size_t n_entries;
	struct entry *entries = entries_of(arena, rules, n_rules, &n_entries);

	qsort(entries, n_entries, sizeof(*entries), entry_cmp);
	index->rules = rules;
	others_init(arena, &index->others, rules, n_rules);
	index->hosts = *index_entries(arena, entries, n_entries, false);
	free(entries);
	return index;
}
