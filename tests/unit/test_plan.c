/*
 * test_plan.c - the steps lead from the old rules to the new ones, in an
 * order that a kernel takes, and are no more than needed.
 *
 * The kernel here is a fake: it keeps what it is given and refuses what the
 * real one refuses (a jump to a chain that is not there, a chain in use).
 */
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "firewall/compile.h"
#include "firewall/plan.h"
#include "golden/random.h"

enum { FAKE_MAX = 600 };

struct fake_chain {
	const char *name;
	const struct nft_rule *rules[FAKE_MAX];
	unsigned n_rules;
};

struct fake_set {
	const char *name;
	const struct nft_set *type;
	const struct nft_element *elements[FAKE_MAX];
	unsigned n_elements;
};

struct fake {
	struct fake_chain *chains[FAKE_MAX];
	struct fake_set *sets[FAKE_MAX];
	unsigned n_chains, n_sets;
};

static struct fake_chain *fake_chain(const struct fake *f, const char *name)
{
	for (unsigned i = 0; i < f->n_chains; i++)
		if (strcmp(f->chains[i]->name, name) == 0)
			return f->chains[i];
	return NULL;
}

static struct fake_set *fake_set(const struct fake *f, const char *name)
{
	for (unsigned i = 0; i < f->n_sets; i++)
		if (strcmp(f->sets[i]->name, name) == 0)
			return f->sets[i];
	return NULL;
}

static void fake_clear(struct fake *f)
{
	for (unsigned i = 0; i < f->n_chains; i++)
		free(f->chains[i]);
	for (unsigned i = 0; i < f->n_sets; i++)
		free(f->sets[i]);
	*f = (struct fake){0};
}

static bool points_to(const struct nft_verdict *v, const char *chain)
{
	return v->chain && strcmp(v->chain, chain) == 0;
}

static bool chain_in_use(const struct fake *f, const char *name)
{
	for (unsigned i = 0; i < f->n_chains; i++)
		for (unsigned k = 0; k < f->chains[i]->n_rules; k++)
			if (points_to(&f->chains[i]->rules[k]->verdict, name))
				return true;
	for (unsigned i = 0; i < f->n_sets; i++)
		for (unsigned k = 0; k < f->sets[i]->n_elements; k++)
			if (points_to(&f->sets[i]->elements[k]->verdict, name))
				return true;
	return false;
}

static bool set_in_use(const struct fake *f, const char *name)
{
	for (unsigned i = 0; i < f->n_chains; i++) {
		for (unsigned k = 0; k < f->chains[i]->n_rules; k++) {
			const struct nft_rule *r = f->chains[i]->rules[k];

			for (unsigned m = 0; m < r->n_matches; m++)
				if (r->matches[m].set &&
				    strcmp(r->matches[m].set, name) == 0)
					return true;
		}
	}
	return false;
}

static void fake_add_rule(struct fake *f, const struct plan_step *s)
{
	struct fake_chain *c = fake_chain(f, s->chain->name);
	unsigned at;

	assert_non_null(c);
	assert_true(c->n_rules < FAKE_MAX);
	if (s->rule->verdict.chain)
		assert_non_null(fake_chain(f, s->rule->verdict.chain));
	for (unsigned m = 0; m < s->rule->n_matches; m++)
		if (s->rule->matches[m].set)
			assert_non_null(fake_set(f, s->rule->matches[m].set));
	for (at = 0; at < c->n_rules && c->rules[at] != s->before;)
		at++;
	assert_true(!s->before || at < c->n_rules);
	memmove(c->rules + at + 1, c->rules + at,
		(c->n_rules - at) * sizeof(c->rules[0]));
	c->rules[at] = s->rule;
	c->n_rules++;
}

static void fake_delete_rule(struct fake *f, const struct plan_step *s)
{
	struct fake_chain *c = fake_chain(f, s->chain->name);
	unsigned at = 0;

	assert_non_null(c);
	while (at < c->n_rules && c->rules[at] != s->rule)
		at++;
	assert_true(at < c->n_rules);
	c->n_rules--;
	memmove(c->rules + at, c->rules + at + 1,
		(c->n_rules - at) * sizeof(c->rules[0]));
}

static bool overlap(const struct nft_set *set, const struct nft_element *a,
		    const struct nft_element *b)
{
	unsigned at = 0;

	for (unsigned i = 0; i < set->n_types; i++) {
		unsigned n = nft_types[set->types[i]].octets;

		if (memcmp(a->last + at, b->first + at, n) < 0 ||
		    memcmp(b->last + at, a->first + at, n) < 0)
			return false;
		at += (n + 3u) & ~3u;
	}
	return true;
}

static void fake_add_element(struct fake *f, const struct plan_step *s)
{
	struct fake_set *set = fake_set(f, s->set->name);

	assert_non_null(set);
	assert_true(set->n_elements < FAKE_MAX);
	for (unsigned i = 0; i < set->n_elements; i++)
		assert_false(overlap(s->set, set->elements[i], s->element));
	if (s->element->verdict.chain)
		assert_non_null(fake_chain(f, s->element->verdict.chain));
	set->elements[set->n_elements++] = s->element;
}

static void fake_delete_element(struct fake *f, const struct plan_step *s)
{
	struct fake_set *set = fake_set(f, s->set->name);
	unsigned at = 0;

	assert_non_null(set);
	while (at < set->n_elements && set->elements[at] != s->element)
		at++;
	assert_true(at < set->n_elements);
	set->elements[at] = set->elements[--set->n_elements];
}

static void fake_step(struct fake *f, const struct plan_step *s)
{
	switch (s->kind) {
	case PLAN_DELETE_TABLE:
		fake_clear(f);
		return;
	case PLAN_ADD_TABLE:
	case PLAN_ADD_TIMEOUT:
	case PLAN_DELETE_TIMEOUT:
		return;
	case PLAN_ADD_CHAIN:
		assert_null(fake_chain(f, s->chain->name));
		f->chains[f->n_chains] = xcalloc(1, sizeof(struct fake_chain));
		f->chains[f->n_chains++]->name = s->chain->name;
		return;
	case PLAN_ADD_SET:
		assert_null(fake_set(f, s->set->name));
		f->sets[f->n_sets] = xcalloc(1, sizeof(struct fake_set));
		f->sets[f->n_sets]->type = s->set;
		f->sets[f->n_sets++]->name = s->set->name;
		return;
	case PLAN_ADD_RULE:
		fake_add_rule(f, s);
		return;
	case PLAN_DELETE_RULE:
		fake_delete_rule(f, s);
		return;
	case PLAN_ADD_ELEMENT:
		fake_add_element(f, s);
		return;
	case PLAN_DELETE_ELEMENT:
		fake_delete_element(f, s);
		return;
	case PLAN_DELETE_CHAIN:
		for (unsigned i = 0; i < f->n_chains; i++) {
			if (strcmp(f->chains[i]->name, s->chain->name) != 0)
				continue;
			assert_int_equal(f->chains[i]->n_rules, 0);
			assert_false(chain_in_use(f, s->chain->name));
			free(f->chains[i]);
			f->chains[i] = f->chains[--f->n_chains];
			return;
		}
		fail();
		return;
	case PLAN_DELETE_SET:
		for (unsigned i = 0; i < f->n_sets; i++) {
			if (strcmp(f->sets[i]->name, s->set->name) != 0)
				continue;
			assert_false(set_in_use(f, s->set->name));
			free(f->sets[i]);
			f->sets[i] = f->sets[--f->n_sets];
			return;
		}
		fail();
		return;
	}
}

static void fake_apply(struct fake *f, const struct plan *plan)
{
	for (unsigned i = 0; i < plan->n_steps; i++)
		fake_step(f, &plan->steps[i]);
}

static bool all_accept(const struct nft_chain *chain)
{
	for (unsigned i = 0; i < chain->n_rules; i++)
		if (chain->rules[i].verdict.kind != VERDICT_ACCEPT)
			return false;
	return true;
}

static bool same_rule(const struct nft_rule *x, const struct nft_rule *y)
{
	struct text a = {0}, b = {0};
	bool same;

	rule_text(x, &a);
	rule_text(y, &b);
	same = strcmp(text_str(&a), text_str(&b)) == 0;
	text_release(&a);
	text_release(&b);
	return same;
}

static void assert_same_rules(const struct fake_chain *c,
			      const struct nft_chain *expect)
{
	assert_int_equal(c->n_rules, expect->n_rules);
	for (unsigned i = 0; i < c->n_rules; i++) {
		unsigned k = all_accept(expect) ? 0 : i;

		while (k < c->n_rules &&
		       !same_rule(c->rules[k], &expect->rules[i]))
			k = all_accept(expect) ? k + 1 : c->n_rules;
		assert_true(k < c->n_rules);
	}
}

static void assert_same_elements(const struct fake_set *f,
				 const struct nft_set *expect)
{
	unsigned found = 0;

	assert_int_equal(f->n_elements, expect->n_elements);
	for (unsigned i = 0; i < f->n_elements; i++) {
		for (unsigned k = 0; k < expect->n_elements; k++) {
			struct text a = {0}, b = {0};

			element_text(expect, f->elements[i], &a);
			element_text(expect, &expect->elements[k], &b);
			found += strcmp(text_str(&a), text_str(&b)) == 0;
			text_release(&a);
			text_release(&b);
		}
	}
	assert_int_equal(found, expect->n_elements);
}

static void assert_has(const struct fake *f, const struct ruleset *expect)
{
	assert_int_equal(f->n_chains, expect->n_chains);
	assert_int_equal(f->n_sets, expect->n_sets);
	for (unsigned i = 0; i < expect->n_chains; i++)
		assert_same_rules(fake_chain(f, expect->chains[i]->name),
				  expect->chains[i]);
	for (unsigned i = 0; i < expect->n_sets; i++)
		assert_same_elements(fake_set(f, expect->sets[i]->name),
				     expect->sets[i]);
}

static struct ruleset *compile(struct model *m)
{
	struct diag diag = {0};
	struct ruleset *rules = firewall_compile(&m->config, &diag);

	assert_non_null(rules);
	diag_release(&diag);
	return rules;
}

static void test_from_anything_to_anything(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 60; round++) {
		struct model *a = model_new(), *b = model_new();
		struct ruleset *old, *new;
		struct plan *plan;
		struct fake f = {0};

		srand(round + 1);
		random_model(a);
		random_model(b);
		old = compile(a);
		new = compile(b);

		plan = plan_make(NULL, old);
		assert_true(plan->fresh);
		fake_apply(&f, plan);
		assert_has(&f, old);
		plan_free(plan);

		plan = plan_make(old, new);
		assert_false(plan->fresh);
		fake_apply(&f, plan);
		assert_has(&f, new);
		plan_free(plan);

		plan = plan_make(new, new);
		assert_true(plan_is_empty(plan));
		plan_free(plan);
		fake_clear(&f);
		ruleset_free(old);
		ruleset_free(new);
		model_free(a);
		model_free(b);
	}
}

static struct model *small_model(void)
{
	struct model *m = model_new();

	model_allow(m, "app", SG_INGRESS, "tcp", "22", "10.0.0.0/8");
	model_allow(m, "app", SG_INGRESS, "tcp", "3000", "@app");
	model_allow(m, "app", SG_INGRESS, "tcp", "80", "0.0.0.0/0");
	model_instance(m, "a", "10.0.0.1", NULL, "app");
	return m;
}

/* What changes between small_model() and itself with one change more. */
static void assert_change(void (*change)(struct model *m), const char *expect)
{
	struct model *before = small_model(), *after = small_model();
	struct ruleset *old, *new;
	struct plan *plan;
	char *text;

	change(after);
	old = compile(before);
	new = compile(after);
	plan = plan_make(old, new);
	text = plan_text(plan);
	assert_string_equal(text, expect);
	free(text);
	plan_free(plan);
	ruleset_free(old);
	ruleset_free(new);
	model_free(before);
	model_free(after);
}

static void a_member_joins(struct model *m)
{
	model_instance(m, "b", "10.0.0.2", NULL, "app");
}

static void a_rule_comes(struct model *m)
{
	model_allow(m, "app", SG_INGRESS, "tcp", "443", "0.0.0.0/0");
}

static void rules_change_places(struct model *m)
{
	struct sg_rule *rules = ARENA_ARRAY(&m->arena, 3, struct sg_rule);
	struct secgroup *app = model_group(m, "app");

	rules[0] = app->ingress[2];
	rules[1] = app->ingress[0];
	rules[2] = app->ingress[1];
	app->ingress = rules;
}

static void words_change(struct model *m)
{
	model_group(m, "app")->description = "new words";
}

/* Whether an older packet could meet what the step makes or removes. */
static bool is_met(const struct plan_step *s, const struct ruleset *other)
{
	if (s->set)
		return ruleset_set(other, s->set->name) != NULL;
	if (s->chain)
		return s->chain->hook != HOOK_NONE ||
		       ruleset_chain(other, s->chain->name) != NULL;
	return false;
}

/* A kernel shows the rules of a commit before the elements of a set that came
 * with it: a packet in between finds the set empty. */
static void regress_sets_come_before_the_rules_and_go_after(void **state)
{
	unsigned n_sets = 0;

	(void)state;
	for (unsigned round = 0; round < 60; round++) {
		struct ruleset *old, *new;
		struct model *a = model_new(), *b = model_new();
		struct diag diag = {0};
		struct plan *p;

		srand(round + 1);
		random_model(a);
		random_model(b);
		old = firewall_compile(&a->config, &diag);
		new = firewall_compile(&b->config, &diag);
		p = plan_make(old, new);
		for (unsigned i = 0; i < p->n_steps; i++) {
			const struct plan_step *s = &p->steps[i];
			bool before = i < p->ends[PHASE_PREPARE];
			bool after = i >= p->ends[PHASE_SWITCH];

			if (s->kind == PLAN_ADD_SET)
				assert_true(before);
			if (s->kind == PLAN_DELETE_SET)
				assert_true(after);
			n_sets += s->kind == PLAN_ADD_SET;
			if (before)
				assert_false(is_met(s, old));
			if (after)
				assert_false(is_met(s, new));
		}
		plan_free(p);
		ruleset_free(old);
		ruleset_free(new);
		diag_release(&diag);
		model_free(a);
		model_free(b);
	}
	assert_true(n_sets > 0);
}

static void test_no_more_than_needed(void **state)
{
	(void)state;
	assert_change(a_member_joins, "+ @eg4: 10.0.0.2 comment \"b\" : "
				      "goto p-85f6c72f41a0-out\n"
				      "+ @in4: 10.0.0.2 comment \"b\" : "
				      "goto p-85f6c72f41a0-in\n"
				      "+ @sg-app-v4: 10.0.0.2 comment \"b\"\n");
	assert_change(a_rule_comes,
		      "+ sg-app-in: meta nfproto ipv4 tcp dport 443 counter "
		      "accept comment \"sgr-6ed466660bdaf4f0a\"\n");
	assert_change(rules_change_places, "");
	assert_change(words_change, "");
}

/* Somebody else made a set of our name with another key. */
static void test_a_strange_table_is_made_anew(void **state)
{
	struct model *m = small_model();
	struct ruleset *rules = compile(m), *strange = compile(m);
	struct plan *plan;

	(void)state;
	strange->sets[0]->types[0] = TYPE_IPV6_ADDR;
	plan = plan_make(strange, rules);
	assert_true(plan->fresh);
	assert_int_equal(plan->steps[0].kind, PLAN_DELETE_TABLE);
	assert_int_equal(plan->steps[1].kind, PLAN_ADD_TABLE);
	plan_free(plan);
	ruleset_free(rules);
	ruleset_free(strange);
	model_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_from_anything_to_anything),
		cmocka_unit_test(
			regress_sets_come_before_the_rules_and_go_after),
		cmocka_unit_test(test_no_more_than_needed),
		cmocka_unit_test(test_a_strange_table_is_made_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
