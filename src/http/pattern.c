#include "pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/arena.h"
#include "base/fail.h"
#include "dialect.h"

/* -- wildcards ------------------------------------------------------------- */

/*
 * The general form as an automaton that is run bit by bit: bit k of a state
 * says that the text so far can have used up the first k items, where an
 * item is a literal octet or '?'. Octets that no item names are of class 0.
 */
struct wildcard {
	uint8_t class_of[256];
	unsigned n_words;     /* of a state */
	unsigned n_items;     /* bit n_items of the state: all is matched */
	const uint64_t *stay; /* bit k: a '*' stands before item k */
	const uint64_t *step; /* n_words for each class: bit k: item k takes
				 an octet of that class */
};

enum { WORDS_MAX = PATTERN_OCTETS_MAX / 64 + 1 };

/* One octet or wildcard of a pattern, once its escapes are gone. */
enum { ITEM_ONE = 256, ITEM_MANY = 257 };

static size_t read_items(struct slice source, unsigned flags, uint16_t *items)
{
	size_t n = 0;

	for (size_t i = 0; i < source.n; i++) {
		char c = source.p[i];

		if (c == '\\' && (flags & PATTERN_ESCAPES) &&
		    i + 1 < source.n &&
		    (source.p[i + 1] == '*' || source.p[i + 1] == '?' ||
		     source.p[i + 1] == '\\')) {
			items[n++] = (uint8_t)source.p[++i];
		} else if (c == '?') {
			items[n++] = ITEM_ONE;
		} else if (c == '*') {
			items[n++] = ITEM_MANY;
		} else {
			c = flags & PATTERN_FOLD ? ascii_lower(c) : c;
			items[n++] = (uint8_t)c;
		}
	}
	return n;
}

static void set_bit(uint64_t *words, size_t bit)
{
	words[bit / 64] |= UINT64_C(1) << bit % 64;
}

static const struct wildcard *
build_wildcard(struct arena *arena, const uint16_t *items, size_t n, bool fold)
{
	struct wildcard *w = ARENA_NEW(arena, struct wildcard);
	unsigned n_classes = 1;
	uint64_t *stay, *step;

	for (size_t i = 0; i < n; i++) {
		w->n_items += items[i] != ITEM_MANY;
		/* Were all 256 octets named, the last could stay in class 0,
		 * which then has no other. */
		if (items[i] > 255 || w->class_of[items[i]] || n_classes > 255)
			continue;
		w->class_of[items[i]] = (uint8_t)n_classes++;
		if (fold && items[i] >= 'a' && items[i] <= 'z')
			w->class_of[items[i] & 0xdf] = w->class_of[items[i]];
	}
	w->n_words = w->n_items / 64 + 1;
	stay = ARENA_ARRAY(arena, w->n_words, uint64_t);
	step = ARENA_ARRAY(arena, (size_t)n_classes * w->n_words, uint64_t);

	for (size_t i = 0, item = 0; i < n; i++) {
		if (items[i] == ITEM_MANY) {
			set_bit(stay, item);
			continue;
		}
		for (unsigned class = 0; class < n_classes; class ++)
			if (items[i] == ITEM_ONE ||
			    w->class_of[items[i]] == class)
				set_bit(step + (size_t) class * w->n_words,
					item);
		item++;
	}
	w->stay = stay;
	w->step = step;
	return w;
}

static bool match_one_word(const struct wildcard *w, struct slice text)
{
	uint64_t state = 1, stay = w->stay[0];

	for (size_t i = 0; i < text.n && state; i++) {
		uint64_t step = w->step[w->class_of[(uint8_t)text.p[i]]];

		state = (state & step) << 1 | (state & stay);
	}
	return state >> w->n_items & 1;
}

static bool match_words(const struct wildcard *w, struct slice text)
{
	uint64_t state[WORDS_MAX] = {1};
	size_t bit = w->n_items;

	for (size_t i = 0; i < text.n; i++) {
		const uint64_t *step =
			w->step +
			(size_t)w->class_of[(uint8_t)text.p[i]] * w->n_words;
		uint64_t carry = 0;

		for (size_t k = 0; k < w->n_words; k++) {
			uint64_t moved = state[k] & step[k];

			state[k] = moved << 1 | carry | (state[k] & w->stay[k]);
			carry = moved >> 63;
		}
	}
	return state[bit / 64] >> bit % 64 & 1;
}

/* Copies items that are all literal. */
static struct slice text_of_items(struct arena *arena, const uint16_t *items,
				  size_t n)
{
	char *text = ARENA_ARRAY(arena, n + 1, char);

	for (size_t i = 0; i < n; i++)
		text[i] = (char)items[i];
	return slice_make(text, n);
}

bool pattern_compile(struct arena *arena, struct slice source, unsigned flags,
		     struct pattern *out)
{
	uint16_t items[PATTERN_OCTETS_MAX];
	size_t n, n_many = 0, n_one = 0;

	*out = (struct pattern){.fold = flags & PATTERN_FOLD};
	if (source.n > PATTERN_OCTETS_MAX)
		return false;
	out->source = arena_slice(arena, source);

	n = read_items(source, flags, items);
	for (size_t i = 0; i < n; i++) {
		n_many += items[i] == ITEM_MANY;
		n_one += items[i] == ITEM_ONE;
	}
	out->n_wildcards = (uint16_t)(n_many + n_one);

	if (n_many + n_one == 0) {
		out->kind = PATTERN_LITERAL;
		out->text = text_of_items(arena, items, n);
	} else if (n_one == 0 && n_many == 1 && items[n - 1] == ITEM_MANY) {
		out->kind = PATTERN_PREFIX;
		out->text = text_of_items(arena, items, n - 1);
	} else if (n_one == 0 && n_many == 1 && items[0] == ITEM_MANY) {
		out->kind = PATTERN_SUFFIX;
		out->text = text_of_items(arena, items + 1, n - 1);
	} else {
		out->kind = PATTERN_WILDCARD;
		out->wildcard = build_wildcard(arena, items, n, out->fold);
	}
	return true;
}

/* -- regular expressions --------------------------------------------------- */

/*
 * Effort for one text. JIT is the quickest where it need not go back, and it
 * counts how often it does: anew at each place where a match can begin, so
 * each of them has its share of the whole. What it reads between two counts
 * is not counted, so a long text is none of its business.
 *
 * pcre2_dfa_match() follows all possibilities at once and reads each octet
 * once. What an octet costs grows with the square of the possibilities that
 * are open, since each new one is compared with those before it; so the
 * longer the text, the fewer there may be.
 */
enum {
	JIT_TEXT_OCTETS = 4 * 1024,
	JIT_STEPS = 100 * 1000,
	/* Of a place where groups are looked for, even in a long text. */
	JIT_STEPS_LEAST = 200,
	JIT_STACK_OCTETS = 1024 * 1024, /* at most; taken as needed */
	DFA_COMPARISONS = 64 * 1000 * 1000,
	DFA_STATES_MAX = 400,
	DFA_CALLS = 1000, /* of itself; our dialect has nothing that needs it */
	REGEX_HEAP_KIB = 256,
	REGEX_PAIRS = 1, /* where the match is; not its groups */
};

/* pcre2api, "Matching with pcre2_dfa_match()": two lists of states, each of
 * three numbers, and two numbers more. */
#define DFA_ROOM(states) ((states)*6 + 2)

struct pattern_scratch {
	pcre2_match_data *data;   /* of a match without its groups */
	pcre2_match_data *groups; /* PATTERN_GROUPS_MAX of them */
	pcre2_match_context *context;
	pcre2_jit_stack *stack; /* NULL: the small one of the library */
	int room[DFA_ROOM(DFA_STATES_MAX)];
};

struct pattern_scratch *pattern_scratch_new(void)
{
	struct pattern_scratch *scratch = calloc(1, sizeof(*scratch));

	if (!scratch)
		return NULL;
	scratch->data = pcre2_match_data_create(REGEX_PAIRS, NULL);
	scratch->groups = pcre2_match_data_create(PATTERN_GROUPS_MAX, NULL);
	scratch->context = pcre2_match_context_create(NULL);
	if (!scratch->data || !scratch->groups || !scratch->context) {
		pattern_scratch_free(scratch);
		return NULL;
	}
	pcre2_set_heap_limit(scratch->context, REGEX_HEAP_KIB);
	scratch->stack =
		pcre2_jit_stack_create(8 * 1024, JIT_STACK_OCTETS, NULL);
	if (scratch->stack)
		pcre2_jit_stack_assign(scratch->context, NULL, scratch->stack);
	return scratch;
}

void pattern_scratch_free(struct pattern_scratch *scratch)
{
	if (!scratch)
		return;
	pcre2_match_data_free(scratch->data);
	pcre2_match_data_free(scratch->groups);
	pcre2_match_context_free(scratch->context);
	pcre2_jit_stack_free(scratch->stack);
	free(scratch);
}

/*
 * The same for pcre2_dfa_match(), anchored: what may stand before a match is
 * one more possibility, where a search that begins at each place anew would
 * be quadratic. "\E" ends a "\Q" that nobody has ended, else it is nothing.
 */
static void *compile_search(struct slice source, uint32_t options, int *error)
{
	static const char before[] = "(?s:.*?)(?:", behind[] = "\\E)";
	char text[sizeof(before) + PATTERN_OCTETS_MAX + sizeof(behind)];
	size_t n = sizeof(before) - 1;
	PCRE2_SIZE at;

	memcpy(text, before, n);
	memcpy(text + n, source.p, source.n);
	n += source.n;
	memcpy(text + n, behind, sizeof(behind) - 1);
	n += sizeof(behind) - 1;
	return pcre2_compile((PCRE2_SPTR)text, n, options, error, &at, NULL);
}

bool pattern_compile_regex(struct arena *arena, struct slice source,
			   unsigned flags, struct pattern *out,
			   const char **why, size_t *at)
{
	uint32_t options = PCRE2_NEVER_UTF | PCRE2_NEVER_UCP |
			   PCRE2_NEVER_BACKSLASH_C | PCRE2_DOLLAR_ENDONLY;
	PCRE2_SIZE error_at = 0;
	PCRE2_UCHAR sentence[256];
	uint32_t n_groups = 0;
	int error;

	*out = (struct pattern){.kind = PATTERN_REGEX,
				.fold = flags & PATTERN_FOLD};
	*at = 0;
	if (source.n > PATTERN_OCTETS_MAX) {
		*why = arena_printf(arena, "it is longer than %d octets",
				    PATTERN_OCTETS_MAX);
		return false;
	}
	*why = dialect_check(source, at);
	if (*why)
		return false;

	if (out->fold)
		options |= PCRE2_CASELESS;
	out->regex = pcre2_compile((PCRE2_SPTR)source.p, source.n, options,
				   &error, &error_at, NULL);
	if (out->regex)
		out->search = compile_search(source, options, &error);
	if (!out->search) {
		pcre2_get_error_message(error, sentence, sizeof(sentence));
		*why = arena_strdup(arena, (const char *)sentence);
		*at = error_at;
		pattern_release(out);
		return false;
	}
	pcre2_pattern_info(out->regex, PCRE2_INFO_ALLOPTIONS, &options);
	out->anchored = options & PCRE2_ANCHORED;
	pcre2_pattern_info(out->regex, PCRE2_INFO_CAPTURECOUNT, &n_groups);
	out->n_groups = (uint16_t)n_groups;
	/* Where pages cannot be made executable the interpreter runs it. */
	pcre2_jit_compile(out->regex, PCRE2_JIT_COMPLETE);
	out->source = arena_slice(arena, source);
	return true;
}

void pattern_release(struct pattern *p)
{
	pcre2_code_free(p->regex);
	pcre2_code_free(p->search);
	p->regex = p->search = NULL;
}

static enum pattern_result result_of(int rc)
{
	if (rc >= 0)
		return PATTERN_YES;
	return rc == PCRE2_ERROR_NOMATCH ? PATTERN_NO : PATTERN_GAVE_UP;
}

static enum pattern_result run_jit(const struct pattern *p, struct slice text,
				   pcre2_match_data *data,
				   struct pattern_scratch *scratch,
				   size_t steps)
{
	pcre2_set_match_limit(scratch->context, (uint32_t)steps);
	return result_of(pcre2_match(p->regex, (PCRE2_SPTR)text.p, text.n, 0, 0,
				     data, scratch->context));
}

/* For each place up to `last` at which a match can begin. */
static size_t steps_for(const struct pattern *p, size_t last)
{
	return JIT_STEPS / (p->anchored ? 1 : last + 1);
}

/* As many states as the text's length leaves comparisons for: half a square
 * of them an octet. */
static size_t states_for(struct slice text)
{
	size_t square = DFA_COMPARISONS / (text.n + 1) * 2, states = 1;

	while (states < DFA_STATES_MAX && (states + 1) * (states + 1) <= square)
		states++;
	return states;
}

static enum pattern_result run_dfa(const struct pattern *p, struct slice text,
				   struct pattern_scratch *scratch)
{
	pcre2_set_match_limit(scratch->context, DFA_CALLS);
	return result_of(pcre2_dfa_match(
		p->search, (PCRE2_SPTR)text.p, text.n, 0,
		PCRE2_ANCHORED | PCRE2_DFA_SHORTEST, scratch->data,
		scratch->context, scratch->room, DFA_ROOM(states_for(text))));
}

static enum pattern_result match_regex(const struct pattern *p,
				       struct slice text,
				       struct pattern_scratch *scratch)
{
	enum pattern_result result = PATTERN_GAVE_UP;

	if (text.n == 0)
		text = SLICE("");
	if (text.n <= JIT_TEXT_OCTETS)
		result = run_jit(p, text, scratch->data, scratch,
				 steps_for(p, text.n));
	return result == PATTERN_GAVE_UP ? run_dfa(p, text, scratch) : result;
}

/*
 * Groups are known to JIT alone. Of a long text the other one is asked first:
 * where it knows that there is no match nothing more is done, and where there
 * is one it knows how many places come before: the match that ends first
 * begins no earlier than the one that is looked for.
 */
static enum pattern_result find_match(const struct pattern *p,
				      struct slice text,
				      struct pattern_scratch *scratch)
{
	enum pattern_result result = PATTERN_GAVE_UP;
	size_t end = text.n, steps;

	if (text.n <= JIT_TEXT_OCTETS)
		result = run_jit(p, text, scratch->groups, scratch,
				 steps_for(p, text.n));
	if (result != PATTERN_GAVE_UP)
		return result;
	result = run_dfa(p, text, scratch);
	if (result == PATTERN_NO)
		return result;
	if (result == PATTERN_YES)
		end = pcre2_get_ovector_pointer(scratch->data)[1];
	steps = steps_for(p, end);
	return run_jit(p, text, scratch->groups, scratch,
		       steps < JIT_STEPS_LEAST ? JIT_STEPS_LEAST : steps);
}

enum pattern_result pattern_find(const struct pattern *p, struct slice text,
				 struct pattern_scratch *scratch,
				 struct slice *groups, size_t n_groups)
{
	const PCRE2_SIZE *at = pcre2_get_ovector_pointer(scratch->groups);
	enum pattern_result result = find_match(p, text, scratch);

	for (size_t i = 0; result == PATTERN_YES && i < n_groups; i++) {
		bool took_part = i <= p->n_groups && at[2 * i] != PCRE2_UNSET;

		groups[i] = (struct slice){0};
		if (took_part)
			groups[i] = slice_make(text.p + at[2 * i],
					       at[2 * i + 1] - at[2 * i]);
	}
	return result;
}

/* -- both ------------------------------------------------------------------ */

static bool equal(const struct pattern *p, struct slice part)
{
	return p->fold ? slice_eq_fold(part, p->text) : slice_eq(part, p->text);
}

static enum pattern_result answer(bool matches)
{
	return matches ? PATTERN_YES : PATTERN_NO;
}

enum pattern_result pattern_match(const struct pattern *p, struct slice text,
				  struct pattern_scratch *scratch)
{
	switch (p->kind) {
	case PATTERN_LITERAL:
		return answer(equal(p, text));
	case PATTERN_PREFIX:
		return answer(equal(p, slice_first(text, p->text.n)));
	case PATTERN_SUFFIX:
		return answer(text.n >= p->text.n &&
			      equal(p, slice_from(text, text.n - p->text.n)));
	case PATTERN_WILDCARD:
		return answer(p->wildcard->n_words == 1
				      ? match_one_word(p->wildcard, text)
				      : match_words(p->wildcard, text));
	case PATTERN_REGEX:
		return match_regex(p, text, scratch);
	}
	BUG("pattern of kind %d", (int)p->kind);
}
