/*
 * test_plan.c - the steps lead from the old rules to the new ones, in an
 * order that a kernel takes, and are no more than needed.
 */
#include "unit/fake_kernel.h"
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "firewall/compile.h"
#include "firewall/plan.h"
#include "golden/random.h"

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

static void assert_same_rules(const struct nft_chain *c,
			      const struct nft_chain *expect)
{
	assert_int_equal(c->n_rules, expect->n_rules);
	for (unsigned i = 0; i < c->n_rules; i++) {
		unsigned k = all_accept(expect) ? 0 : i;

		while (k < c->n_rules &&
		       !same_rule(&c->rules[k], &expect->rules[i]))
			k = all_accept(expect) ? k + 1 : c->n_rules;
		assert_true(k < c->n_rules);
	}
}

static void assert_same_elements(const struct nft_set *f,
				 const struct nft_set *expect)
{
	unsigned found = 0;

	assert_int_equal(f->n_elements, expect->n_elements);
	for (unsigned i = 0; i < f->n_elements; i++) {
		for (unsigned k = 0; k < expect->n_elements; k++) {
			struct text a = {0}, b = {0};

			element_text(expect, &f->elements[i], &a);
			element_text(expect, &expect->elements[k], &b);
			found += strcmp(text_str(&a), text_str(&b)) == 0;
			text_release(&a);
			text_release(&b);
		}
	}
	assert_int_equal(found, expect->n_elements);
}

static void assert_has(const struct fake_kernel *f,
		       const struct ruleset *expect)
{
	assert_int_equal(f->now->n_chains, expect->n_chains);
	assert_int_equal(f->now->n_sets, expect->n_sets);
	for (unsigned i = 0; i < expect->n_chains; i++)
		assert_same_rules(
			ruleset_chain(f->now, expect->chains[i]->name),
			expect->chains[i]);
	for (unsigned i = 0; i < expect->n_sets; i++)
		assert_same_elements(ruleset_set(f->now, expect->sets[i]->name),
				     expect->sets[i]);
}

/* From what the kernel says that it has. Returns whether the table is made
 * anew. */
static bool lead_to(struct fake_kernel *f, const struct ruleset *wanted)
{
	struct ruleset *has = f->kernel.ops->read(&f->kernel);
	struct plan *plan = plan_make(has, wanted);
	struct diag diag = {0};
	bool fresh = plan->fresh;

	assert_int_equal(f->kernel.ops->send(&f->kernel, plan, 0, &diag),
			 NFT_DONE);
	assert_int_equal(diag.n_findings, 0);
	diag_release(&diag);
	plan_free(plan);
	ruleset_free(has);
	return fresh;
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
		struct fake_kernel f;
		unsigned n_sent;

		srand(round + 1);
		random_model(a);
		random_model(b);
		old = compile(a);
		new = compile(b);
		fake_kernel_init(&f);

		assert_true(lead_to(&f, old));
		assert_has(&f, old);
		assert_false(lead_to(&f, new));
		assert_has(&f, new);
		n_sent = f.n_sent;
		assert_false(lead_to(&f, new));
		assert_int_equal(f.n_sent, n_sent);

		fake_kernel_release(&f);
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
