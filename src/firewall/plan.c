#include "plan.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/fail.h"

/* Chains whose differing parts are larger than this, multiplied, are
 * rewritten there: the table of the comparison would take too much. */
enum { COMPARED_MAX = 4 * 1000 * 1000 };

enum { SAME_END_MS = 3000, ENDING_MS = 1000 };

static struct plan_step *plan_add(struct plan *p, enum plan_kind kind)
{
	if (p->n_steps == p->n_room) {
		p->n_room = p->n_room ? p->n_room * 2 : 64;
		p->steps = xrealloc(p->steps, p->n_room * sizeof(*p->steps));
	}
	p->steps[p->n_steps] = (struct plan_step){.kind = kind};
	return &p->steps[p->n_steps++];
}

static void add_chain_step(struct plan *p, enum plan_kind kind,
			   const struct nft_chain *chain)
{
	plan_add(p, kind)->chain = chain;
}

static void add_set_step(struct plan *p, enum plan_kind kind,
			 const struct nft_set *set)
{
	plan_add(p, kind)->set = set;
}

static void add_rule_step(struct plan *p, enum plan_kind kind,
			  const struct nft_chain *chain,
			  const struct nft_rule *rule,
			  const struct nft_rule *before)
{
	struct plan_step *step = plan_add(p, kind);

	step->chain = chain;
	step->rule = rule;
	step->before = before;
}

static void add_element_step(struct plan *p, enum plan_kind kind,
			     const struct nft_set *set,
			     const struct nft_element *element)
{
	struct plan_step *step = plan_add(p, kind);

	step->set = set;
	step->element = element;
}

/* -- can the old table be brought to the new one at all? ------------------- */

static bool same_set(const struct nft_set *a, const struct nft_set *b)
{
	return !a->foreign && a->n_types == b->n_types &&
	       memcmp(a->types, b->types, a->n_types) == 0 &&
	       a->interval == b->interval && a->map == b->map &&
	       a->counter == b->counter && a->timeout == b->timeout;
}

static bool same_chain(const struct nft_chain *a, const struct nft_chain *b)
{
	return !a->foreign && a->hook == b->hook &&
	       (a->hook == HOOK_NONE || a->priority == b->priority);
}

static bool can_be_changed(const struct ruleset *old, const struct ruleset *new)
{
	/* Whoever made it so: an owned table cannot be woken. */
	if (old->dormant && old->other_flags & TABLE_OWNER)
		return false;
	for (unsigned i = 0; i < new->n_sets; i++) {
		const struct nft_set *set =
			ruleset_set(old, new->sets[i]->name);

		if (set && !same_set(set, new->sets[i]))
			return false;
	}
	for (unsigned i = 0; i < new->n_chains; i++) {
		const struct nft_chain *chain =
			ruleset_chain(old, new->chains[i]->name);

		if (chain && !same_chain(chain, new->chains[i]))
			return false;
	}
	return true;
}

/* -- rules ----------------------------------------------------------------- */

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_match(const struct nft_match *a, const struct nft_match *b)
{
	return a->op == b->op && a->n_fields == b->n_fields &&
	       memcmp(a->fields, b->fields, a->n_fields) == 0 &&
	       a->bits == b->bits &&
	       memcmp(a->value, b->value, sizeof(a->value)) == 0 &&
	       memcmp(a->last, b->last, sizeof(a->last)) == 0 &&
	       same_text(a->set, b->set);
}

static bool same_log(const struct nft_log *a, const struct nft_log *b)
{
	return a == b || (a && b && a->rate_per_second == b->rate_per_second &&
			  a->burst == b->burst && a->group == b->group &&
			  same_text(a->prefix, b->prefix));
}

/* Member for member, so that most rules need no text. Where this is false
 * their texts may still be the same, and those decide. */
bool plan_same_rule(const struct nft_rule *a, const struct nft_rule *b)
{
	if (a->live.foreign || b->live.foreign ||
	    a->n_matches != b->n_matches || a->counter != b->counter ||
	    a->verdict.kind != b->verdict.kind ||
	    !same_text(a->verdict.chain, b->verdict.chain) ||
	    !same_text(a->comment, b->comment) ||
	    !same_text(a->timeout, b->timeout) || !same_log(a->log, b->log))
		return false;
	for (unsigned i = 0; i < a->n_matches; i++)
		if (!same_match(&a->matches[i], &b->matches[i]))
			return false;
	return true;
}

bool plan_same_rules(const struct nft_chain *a, const struct nft_chain *b)
{
	if (a->n_rules != b->n_rules)
		return false;
	for (unsigned i = 0; i < a->n_rules; i++)
		if (!plan_same_rule(&a->rules[i], &b->rules[i]))
			return false;
	return true;
}

static const char **texts_of(struct plan *p, const struct nft_chain *chain)
{
	const char **texts =
		ARENA_ARRAY(&p->arena, chain->n_rules + 1, const char *);
	struct text t = {0};

	for (unsigned i = 0; i < chain->n_rules; i++) {
		t.n = 0;
		rule_text(&chain->rules[i], &t);
		texts[i] = arena_slice(&p->arena, text_slice(&t)).p;
	}
	text_release(&t);
	return texts;
}

/* A stretch of two chains. */
struct span {
	const char **old, **new;
	unsigned old_at, old_end, new_at, new_end;
};

static void trim(struct span *s)
{
	while (s->old_at < s->old_end && s->new_at < s->new_end &&
	       strcmp(s->old[s->old_at], s->new[s->new_at]) == 0) {
		s->old_at++;
		s->new_at++;
	}
	while (s->old_at < s->old_end && s->new_at < s->new_end &&
	       strcmp(s->old[s->old_end - 1], s->new[s->new_end - 1]) == 0) {
		s->old_end--;
		s->new_end--;
	}
}

/*
 * Marks the rules of the longest common subsequence: keep[i] is the number
 * of the new rule that the old rule i is, plus 1; 0: it goes.
 */
static void match_rules(const struct span *s, unsigned *keep)
{
	size_t n = s->old_end - s->old_at, m = s->new_end - s->new_at;
	uint32_t *best;
	size_t i = 0, k = 0;

	if (n == 0 || m == 0 || n * m > COMPARED_MAX)
		return;
	/* best[i][k]: common to what follows old i and new k. */
	best = xcalloc((n + 1) * (m + 1), sizeof(*best));
#define BEST(x, y) best[(x) * (m + 1) + (y)]
	for (i = n; i-- > 0;) {
		for (k = m; k-- > 0;) {
			uint32_t without = BEST(i + 1, k) > BEST(i, k + 1)
						   ? BEST(i + 1, k)
						   : BEST(i, k + 1);

			BEST(i, k) = strcmp(s->old[s->old_at + i],
					    s->new[s->new_at + k]) == 0
					     ? BEST(i + 1, k + 1) + 1
					     : without;
		}
	}
	for (i = 0, k = 0; i < n && k < m;) {
		if (strcmp(s->old[s->old_at + i], s->new[s->new_at + k]) == 0) {
			keep[s->old_at + i] = s->new_at + (unsigned)k + 1;
			i++;
			k++;
		} else if (BEST(i + 1, k) >= BEST(i, k + 1)) {
			i++;
		} else {
			k++;
		}
	}
#undef BEST
	free(best);
}

/* Rules that all accept may stand in any order. */
static bool is_unordered(const struct nft_chain *chain)
{
	for (unsigned i = 0; i < chain->n_rules; i++)
		if (chain->rules[i].verdict.kind != VERDICT_ACCEPT)
			return false;
	return true;
}

/* So a rule that only changed its place stays, and keeps its counter. */
static void change_unordered(struct plan *p, const struct nft_chain *old,
			     const struct nft_chain *new)
{
	const char **was = texts_of(p, old), **will = texts_of(p, new);
	struct map left = {0};

	for (unsigned i = 0; i < new->n_rules; i++)
		map_put(&left, slice_of(will[i]), &new->rules[i]);
	for (unsigned i = 0; i < old->n_rules; i++)
		if (!map_remove(&left, slice_of(was[i])))
			add_rule_step(p, PLAN_DELETE_RULE, old, &old->rules[i],
				      NULL);
	for (unsigned i = 0; i < new->n_rules; i++)
		if (map_get(&left, slice_of(will[i])) == &new->rules[i])
			add_rule_step(p, PLAN_ADD_RULE, new, &new->rules[i],
				      NULL);
	map_release(&left);
}

static void change_rules(struct plan *p, const struct nft_chain *old,
			 const struct nft_chain *new)
{
	struct span s = {texts_of(p, old), texts_of(p, new), 0, old->n_rules, 0,
			 new->n_rules};
	unsigned *keep = ARENA_ARRAY(&p->arena, old->n_rules + 1, unsigned);
	unsigned at;

	trim(&s);
	match_rules(&s, keep);
	for (unsigned i = s.old_at; i < s.old_end; i++)
		if (!keep[i])
			add_rule_step(p, PLAN_DELETE_RULE, old, &old->rules[i],
				      NULL);

	/* New rules go before the next one that stays. */
	at = s.new_at;
	for (unsigned i = s.old_at; i <= s.old_end; i++) {
		unsigned end = i == s.old_end ? s.new_end : keep[i] - 1;
		const struct nft_rule *before =
			i < old->n_rules ? &old->rules[i] : NULL;

		if (i < s.old_end && !keep[i])
			continue;
		for (; at < end; at++)
			add_rule_step(p, PLAN_ADD_RULE, new, &new->rules[at],
				      before);
		at = end + 1;
	}
}

static void plan_rules(struct plan *p, const struct ruleset *old,
		       const struct ruleset *new)
{
	/* First the chains that go: they may point to each other. */
	for (unsigned i = 0; old && i < old->n_chains; i++) {
		const struct nft_chain *chain = old->chains[i];

		if (ruleset_chain(new, chain->name))
			continue;
		for (unsigned k = 0; k < chain->n_rules; k++)
			add_rule_step(p, PLAN_DELETE_RULE, chain,
				      &chain->rules[k], NULL);
	}
	for (unsigned i = 0; i < new->n_chains; i++) {
		const struct nft_chain *chain = new->chains[i];
		const struct nft_chain *was =
			old ? ruleset_chain(old, chain->name) : NULL;

		assert(!was || !was->same_as || was->same_as == chain);
		if (was && (was->same_as || plan_same_rules(was, chain)))
			continue;
		if (was && is_unordered(was) && is_unordered(chain)) {
			change_unordered(p, was, chain);
			continue;
		}
		if (was) {
			change_rules(p, was, chain);
			continue;
		}
		for (unsigned k = 0; k < chain->n_rules; k++)
			add_rule_step(p, PLAN_ADD_RULE, chain, &chain->rules[k],
				      NULL);
	}
}

/* -- elements -------------------------------------------------------------- */

/* Clocks of the kernel and ours differ a little, and so do the moments in
 * which they are read. */
static bool same_end(const struct nft_element *a, const struct nft_element *b)
{
	uint64_t difference = a->ends_ms > b->ends_ms ? a->ends_ms - b->ends_ms
						      : b->ends_ms - a->ends_ms;

	return !a->ends_ms == !b->ends_ms && difference < SAME_END_MS;
}

/* The kernel has taken it away by itself. */
static bool has_ended(const struct nft_element *e)
{
	return e->ends_ms && e->ends_ms <= clock_now_ms();
}

/* Or will at once: nobody needs to add it any more. */
static bool is_ending(const struct nft_element *e)
{
	return e->ends_ms && e->ends_ms <= clock_now_ms() + ENDING_MS;
}

static bool same_element(const struct nft_element *a,
			 const struct nft_element *b)
{
	return a->verdict.kind == b->verdict.kind &&
	       same_text(a->verdict.chain, b->verdict.chain) &&
	       same_text(a->comment, b->comment) && same_end(a, b);
}

static int key_cmp(const struct nft_element *a, const struct nft_element *b)
{
	int order = element_cmp(a, b);

	return order ? order : memcmp(a->last, b->last, sizeof(a->last));
}

/* Both are in order, so one walk finds what is only in one of them. */
static void compare_sets(struct plan *p, const struct nft_set *old,
			 const struct nft_set *new, enum plan_kind kind)
{
	bool adding = kind == PLAN_ADD_ELEMENT;
	unsigned i = 0, k = 0, n_old = old ? old->n_elements : 0;
	unsigned n_new = new ? new->n_elements : 0;

	while (i < n_old || k < n_new) {
		int order = i == n_old   ? 1
			    : k == n_new ? -1
					 : key_cmp(&old->elements[i],
						   &new->elements[k]);
		bool same = order == 0 &&
			    same_element(&old->elements[i], &new->elements[k]);

		if (adding && order >= 0 && !same &&
		    !is_ending(&new->elements[k]))
			add_element_step(p, kind, new, &new->elements[k]);
		if (!adding && order <= 0 && !same &&
		    !has_ended(&old->elements[i]))
			add_element_step(p, kind, old, &old->elements[i]);
		i += order <= 0;
		k += order >= 0;
	}
}

static void plan_elements(struct plan *p, const struct ruleset *old,
			  const struct ruleset *new)
{
	for (unsigned i = 0; old && i < old->n_sets; i++) {
		const struct nft_set *set = old->sets[i];
		const struct nft_set *stays = ruleset_set(new, set->name);

		/* A set goes with its elements. A map is emptied before: its
		 * elements hold chains that may go first. */
		if (stays || set->map)
			compare_sets(p, set, stays, PLAN_DELETE_ELEMENT);
	}
	for (unsigned i = 0; i < new->n_sets; i++) {
		const struct nft_set *set = new->sets[i];

		compare_sets(p, old ? ruleset_set(old, set->name) : NULL, set,
			     PLAN_ADD_ELEMENT);
	}
}

/* -- the whole ------------------------------------------------------------- */

static void plan_new_objects(struct plan *p, const struct ruleset *old,
			     const struct ruleset *new)
{
	for (unsigned i = 0; i < new->n_chains; i++)
		if (!old || !ruleset_chain(old, new->chains[i]->name))
			add_chain_step(p, PLAN_ADD_CHAIN, new->chains[i]);
	for (unsigned i = 0; i < new->n_sets; i++)
		if (!old || !ruleset_set(old, new->sets[i]->name))
			add_set_step(p, PLAN_ADD_SET, new->sets[i]);
	for (unsigned i = 0; i < new->n_timeouts; i++)
		if (!old || !ruleset_timeout(old, new->timeouts[i]->name))
			plan_add(p, PLAN_ADD_TIMEOUT)->timeout =
				new->timeouts[i];
}

static void plan_old_objects(struct plan *p, const struct ruleset *old,
			     const struct ruleset *new)
{
	for (unsigned i = 0; old && i < old->n_chains; i++)
		if (!ruleset_chain(new, old->chains[i]->name))
			add_chain_step(p, PLAN_DELETE_CHAIN, old->chains[i]);
	for (unsigned i = 0; old && i < old->n_sets; i++)
		if (!ruleset_set(new, old->sets[i]->name))
			add_set_step(p, PLAN_DELETE_SET, old->sets[i]);
	for (unsigned i = 0; old && i < old->n_timeouts; i++)
		if (!ruleset_timeout(new, old->timeouts[i]->name))
			plan_add(p, PLAN_DELETE_TIMEOUT)->timeout =
				old->timeouts[i];
}

/* -- which transaction ----------------------------------------------------- */

/* A chain that only one of the two rulesets has, and no hook leads to. */
static bool is_aside(const struct nft_chain *chain, const struct ruleset *other)
{
	return chain->hook == HOOK_NONE &&
	       (!other || !ruleset_chain(other, chain->name));
}

static enum plan_phase phase_of(const struct plan_step *s,
				const struct ruleset *old,
				const struct ruleset *new)
{
	switch (s->kind) {
	case PLAN_DELETE_TABLE:
		return PHASE_SWITCH;
	case PLAN_ADD_TABLE:
		return old ? PHASE_SWITCH : PHASE_PREPARE;
	case PLAN_ADD_SET:
	case PLAN_ADD_TIMEOUT:
		return PHASE_PREPARE;
	case PLAN_DELETE_SET:
	case PLAN_DELETE_TIMEOUT:
		return PHASE_TIDY;
	case PLAN_ADD_CHAIN:
	case PLAN_ADD_RULE:
		return is_aside(s->chain, old) ? PHASE_PREPARE : PHASE_SWITCH;
	case PLAN_DELETE_CHAIN:
	case PLAN_DELETE_RULE:
		return is_aside(s->chain, new) ? PHASE_TIDY : PHASE_SWITCH;
	case PLAN_ADD_ELEMENT:
		return old && ruleset_set(old, s->set->name) ? PHASE_SWITCH
							     : PHASE_PREPARE;
	case PLAN_DELETE_ELEMENT:
		return ruleset_set(new, s->set->name) ? PHASE_SWITCH
						      : PHASE_TIDY;
	}
	BUG("plan step %d", (int)s->kind);
}

/* The steps of each phase together, in the order that they have. */
static void sort_phases(struct plan *p)
{
	struct plan_step *all = xcalloc(p->n_room, sizeof(*all));
	unsigned n = 0;

	for (enum plan_phase phase = PHASE_PREPARE; phase < N_PHASES; phase++) {
		for (unsigned i = 0; i < p->n_steps; i++)
			if (p->steps[i].phase == phase)
				all[n++] = p->steps[i];
		p->ends[phase] = n;
	}
	free(p->steps);
	p->steps = all;
}

/*
 * Without a set that comes there is nothing to prepare, without one that goes
 * nothing to tidy up. A table that is made anew, because the old one was not
 * ours, guards from its first moment or not at all: one transaction.
 */
static void set_phases(struct plan *p, const struct ruleset *old,
		       const struct ruleset *new)
{
	bool comes = false, goes = false, anew = false;

	for (unsigned i = 0; i < p->n_steps; i++) {
		struct plan_step *s = &p->steps[i];

		s->phase = phase_of(s, old, new);
		comes |= s->kind == PLAN_ADD_SET;
		goes |= s->kind == PLAN_DELETE_SET;
		anew |= s->kind == PLAN_DELETE_TABLE;
	}
	for (unsigned i = 0; i < p->n_steps; i++) {
		struct plan_step *s = &p->steps[i];

		if ((s->phase == PHASE_PREPARE && (!comes || anew)) ||
		    (s->phase == PHASE_TIDY && !goes))
			s->phase = PHASE_SWITCH;
	}
	if (p->n_steps)
		sort_phases(p);
}

struct plan *plan_make(const struct ruleset *old, const struct ruleset *new)
{
	struct plan *p = xcalloc(1, sizeof(*p));

	p->table = new->table;
	if (old && !can_be_changed(old, new)) {
		plan_add(p, PLAN_DELETE_TABLE);
		old = NULL;
	}
	p->fresh = !old;
	if (!old)
		plan_add(p, PLAN_ADD_TABLE);
	plan_new_objects(p, old, new);
	plan_rules(p, old, new);
	plan_elements(p, old, new);
	plan_old_objects(p, old, new);
	p->old_flags = old ? old->other_flags : 0;
	if (old && old->dormant)
		plan_add(p, PLAN_ADD_TABLE);
	set_phases(p, old, new);
	return p;
}

void plan_free(struct plan *plan)
{
	if (!plan)
		return;
	arena_release(&plan->arena);
	free(plan->steps);
	free(plan);
}

bool plan_differs(const struct ruleset *old, const struct ruleset *new)
{
	struct plan *plan;
	bool is_empty;

	if (!old || !new)
		return old != new;
	plan = plan_make(old, new);
	is_empty = plan_is_empty(plan);
	plan_free(plan);
	return !is_empty;
}

struct place plan_place(const struct plan_step *step)
{
	if (step->rule && step->rule->place.file)
		return step->rule->place;
	if (step->element && step->element->place.file)
		return step->element->place;
	if (step->chain)
		return step->chain->place;
	if (step->timeout)
		return step->timeout->place;
	return step->set ? step->set->place : (struct place){0};
}

static void add_line(const struct plan *p, const struct plan_step *s,
		     struct text *out)
{
	switch (s->kind) {
	case PLAN_DELETE_TABLE:
		text_addf(out, "- table inet %s\n", p->table);
		return;
	case PLAN_ADD_TABLE:
		text_addf(out, "+ table inet %s\n", p->table);
		return;
	case PLAN_ADD_CHAIN:
	case PLAN_DELETE_CHAIN:
		text_addf(out, "%c chain %s\n",
			  s->kind == PLAN_ADD_CHAIN ? '+' : '-',
			  s->chain->name);
		return;
	case PLAN_ADD_SET:
	case PLAN_DELETE_SET:
		text_addf(out, "%c %s %s\n",
			  s->kind == PLAN_ADD_SET ? '+' : '-',
			  s->set->map ? "map" : "set", s->set->name);
		return;
	case PLAN_ADD_TIMEOUT:
	case PLAN_DELETE_TIMEOUT:
		text_addf(out, "%c ct timeout %s\n",
			  s->kind == PLAN_ADD_TIMEOUT ? '+' : '-',
			  s->timeout->name);
		return;
	case PLAN_ADD_RULE:
	case PLAN_DELETE_RULE:
		text_addf(out, "%c %s: ", s->kind == PLAN_ADD_RULE ? '+' : '-',
			  s->chain->name);
		rule_text(s->rule, out);
		text_addc(out, '\n');
		return;
	case PLAN_ADD_ELEMENT:
	case PLAN_DELETE_ELEMENT:
		text_addf(out,
			  "%c @%s: ", s->kind == PLAN_ADD_ELEMENT ? '+' : '-',
			  s->set->name);
		element_text(s->set, s->element, out);
		text_addc(out, '\n');
		return;
	}
	BUG("plan step %d", (int)s->kind);
}

char *plan_text(const struct plan *plan)
{
	struct text out = {0};
	char *text;

	for (unsigned i = 0; i < plan->n_steps; i++)
		add_line(plan, &plan->steps[i], &out);
	text = xstrdup(text_str(&out));
	text_release(&out);
	return text;
}
