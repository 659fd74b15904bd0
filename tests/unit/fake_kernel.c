#include "fake_kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fail.h"
#include "firewall/store.h"
#include "firewall/tell.h"

/* A copy that borrows nothing. Handles count the rules from 1. */
static struct ruleset *copy_of(const struct ruleset *rules)
{
	json_t *json = store_to_json(rules);
	struct ruleset *copy;
	uint64_t handle = 0;

	if (store_from_json(json, &copy))
		BUG("a ruleset that cannot be kept");
	json_decref(json);
	for (unsigned i = 0; copy && i < copy->n_chains; i++)
		for (unsigned k = 0; k < copy->chains[i]->n_rules; k++)
			copy->chains[i]->rules[k].live.handle = ++handle;
	return copy;
}

static struct fake_kernel *fake_of(struct kernel *k)
{
	return (struct fake_kernel *)k;
}

static int generation(struct kernel *k, uint32_t *out)
{
	*out = fake_of(k)->generation;
	errno = EPERM;
	return fake_of(k)->has_no_rights ||
			       (fake_of(k)->goes_blind && fake_of(k)->n_sent)
		       ? -1
		       : 0;
}

static struct ruleset *read_rules(struct kernel *k)
{
	errno = ENOENT;
	return fake_of(k)->now ? copy_of(fake_of(k)->now) : NULL;
}

/* -- what the real one refuses --------------------------------------------- */

static bool points_to(const struct nft_verdict *v, const char *chain)
{
	return v->chain && strcmp(v->chain, chain) == 0;
}

static bool chain_is_used(const struct ruleset *r, const char *name)
{
	for (unsigned i = 0; i < r->n_chains; i++)
		for (unsigned k = 0; k < r->chains[i]->n_rules; k++)
			if (points_to(&r->chains[i]->rules[k].verdict, name))
				return true;
	for (unsigned i = 0; i < r->n_sets; i++)
		for (unsigned k = 0; k < r->sets[i]->n_elements; k++)
			if (points_to(&r->sets[i]->elements[k].verdict, name))
				return true;
	return false;
}

static bool rule_asks(const struct nft_rule *rule, const char *set)
{
	for (unsigned m = 0; m < rule->n_matches; m++)
		if (rule->matches[m].set &&
		    strcmp(rule->matches[m].set, set) == 0)
			return true;
	return false;
}

static bool set_is_used(const struct ruleset *r, const char *name)
{
	for (unsigned i = 0; i < r->n_chains; i++)
		for (unsigned k = 0; k < r->chains[i]->n_rules; k++)
			if (rule_asks(&r->chains[i]->rules[k], name))
				return true;
	return false;
}

static bool timeout_is_used(const struct ruleset *r, const char *name)
{
	for (unsigned i = 0; i < r->n_chains; i++)
		for (unsigned k = 0; k < r->chains[i]->n_rules; k++) {
			const char *its = r->chains[i]->rules[k].timeout;

			if (its && strcmp(its, name) == 0)
				return true;
		}
	return false;
}

/* A jump to a chain, and a look into a set, that is not there. */
static void check_verdict(const struct ruleset *r, const struct nft_verdict *v)
{
	assert(!v->chain || ruleset_chain(r, v->chain));
}

static void check_rule(const struct ruleset *r, const struct nft_rule *rule)
{
	check_verdict(r, &rule->verdict);
	for (unsigned m = 0; m < rule->n_matches; m++)
		assert(!rule->matches[m].set ||
		       ruleset_set(r, rule->matches[m].set));
	assert(!rule->timeout || ruleset_timeout(r, rule->timeout));
}

static bool elements_overlap(const struct nft_set *set,
			     const struct nft_element *a,
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

/* -- steps ----------------------------------------------------------------- */

static unsigned index_of(const struct nft_chain *chain, uint64_t handle)
{
	unsigned i = 0;

	while (i < chain->n_rules && chain->rules[i].live.handle != handle)
		i++;
	return i;
}

static void add_rule(struct ruleset *r, const struct plan_step *s)
{
	struct nft_chain *chain = ruleset_chain(r, s->chain->name);
	unsigned at;

	assert(chain);
	check_rule(r, s->rule);
	chain_add_rule(chain);
	at = s->before ? index_of(chain, s->before->live.handle)
		       : chain->n_rules - 1;
	assert(at < chain->n_rules);
	memmove(chain->rules + at + 1, chain->rules + at,
		(chain->n_rules - 1 - at) * sizeof(*chain->rules));
	chain->rules[at] = *s->rule;
	chain->rules[at].live = (struct nft_live){0};
}

static void delete_rule(struct ruleset *r, const struct plan_step *s)
{
	struct nft_chain *chain = ruleset_chain(r, s->chain->name);
	unsigned at = index_of(chain, s->rule->live.handle);

	assert(at < chain->n_rules);
	chain->n_rules--;
	memmove(chain->rules + at, chain->rules + at + 1,
		(chain->n_rules - at) * sizeof(*chain->rules));
}

static void add_element(struct ruleset *r, const struct plan_step *s)
{
	struct nft_set *set = ruleset_set(r, s->set->name);

	assert(set);
	check_verdict(r, &s->element->verdict);
	for (unsigned i = 0; i < set->n_elements; i++)
		assert(!elements_overlap(set, &set->elements[i], s->element));
	*set_add_element(set) = *s->element;
}

static void delete_element(struct ruleset *r, const struct plan_step *s)
{
	struct nft_set *set = ruleset_set(r, s->set->name);
	unsigned i = 0;

	while (i < set->n_elements &&
	       element_cmp(&set->elements[i], s->element) != 0)
		i++;
	assert(i < set->n_elements);
	set->elements[i] = set->elements[--set->n_elements];
}

static void add_chain(struct ruleset *r, const struct nft_chain *from)
{
	struct nft_chain *chain;

	assert(!ruleset_chain(r, from->name));
	chain = ruleset_add_chain(r, from->name);
	chain->hook = from->hook;
	chain->priority = from->priority;
	chain->comment = from->comment;
}

static void add_set(struct ruleset *r, const struct nft_set *from)
{
	struct nft_set *set;

	assert(!ruleset_set(r, from->name));
	set = ruleset_add_set(r, from->name, from->types, from->n_types);
	set->interval = from->interval;
	set->map = from->map;
	set->counter = from->counter;
	set->timeout = from->timeout;
	set->comment = from->comment;
}

static void delete_chain(struct ruleset *r, const char *name)
{
	unsigned i = 0;

	while (i < r->n_chains && strcmp(r->chains[i]->name, name) != 0)
		i++;
	assert(i < r->n_chains && r->chains[i]->n_rules == 0);
	assert(!chain_is_used(r, name));
	free(r->chains[i]->rules);
	r->chains[i] = r->chains[--r->n_chains];
}

static void delete_set(struct ruleset *r, const char *name)
{
	unsigned i = 0;

	while (i < r->n_sets && strcmp(r->sets[i]->name, name) != 0)
		i++;
	assert(i < r->n_sets && !set_is_used(r, name));
	free(r->sets[i]->elements);
	r->sets[i] = r->sets[--r->n_sets];
}

static void add_timeout(struct ruleset *r, const struct nft_timeout *from)
{
	const char *name = ruleset_add_timeout(r, from->name)->name;
	struct nft_timeout *t = ruleset_timeout(r, from->name);

	*t = *from;
	t->name = name;
}

static void delete_timeout(struct ruleset *r, const char *name)
{
	unsigned i = 0;

	assert(!timeout_is_used(r, name));
	while (i < r->n_timeouts && strcmp(r->timeouts[i]->name, name) != 0)
		i++;
	assert(i < r->n_timeouts);
	r->timeouts[i] = r->timeouts[--r->n_timeouts];
}

static void take_step(struct ruleset *r, const struct plan_step *s)
{
	switch (s->kind) {
	case PLAN_DELETE_TABLE:
	case PLAN_ADD_TABLE:
		return;
	case PLAN_ADD_CHAIN:
		add_chain(r, s->chain);
		return;
	case PLAN_ADD_SET:
		add_set(r, s->set);
		return;
	case PLAN_ADD_TIMEOUT:
		add_timeout(r, s->timeout);
		return;
	case PLAN_DELETE_RULE:
		delete_rule(r, s);
		return;
	case PLAN_ADD_RULE:
		add_rule(r, s);
		return;
	case PLAN_DELETE_ELEMENT:
		delete_element(r, s);
		return;
	case PLAN_ADD_ELEMENT:
		add_element(r, s);
		return;
	case PLAN_DELETE_CHAIN:
		delete_chain(r, s->chain->name);
		return;
	case PLAN_DELETE_SET:
		delete_set(r, s->set->name);
		return;
	case PLAN_DELETE_TIMEOUT:
		delete_timeout(r, s->timeout->name);
		return;
	}
	BUG("step %d", (int)s->kind);
}

static enum nft_result refuse(const struct plan *plan, struct diag *diag)
{
	for (unsigned i = 0; i < plan->n_steps; i++) {
		struct place place = plan_place(&plan->steps[i]);

		if (plan->steps[i].kind != PLAN_ADD_RULE || !place.file)
			continue;
		diag_error(diag, &place, NULL, "the kernel refuses");
		break;
	}
	return NFT_FAILED;
}

static bool asks_fib(const struct plan *plan)
{
	for (unsigned i = 0; i < plan->n_steps; i++) {
		const struct nft_rule *rule = plan->steps[i].rule;

		for (unsigned k = 0; rule && k < rule->n_matches; k++)
			if (rule->matches[k].fields[0] == FIELD_FIB_DADDR)
				return true;
	}
	return false;
}

static bool asks_log(const struct plan *plan)
{
	for (unsigned i = 0; i < plan->n_steps; i++)
		if (plan->steps[i].rule && plan->steps[i].rule->log)
			return true;
	return false;
}

static enum nft_result send_plan(struct kernel *k, const struct plan *plan,
				 uint32_t at, struct diag *diag)
{
	struct fake_kernel *f = fake_of(k);
	struct ruleset *r;

	if (plan_is_empty(plan))
		return NFT_DONE;
	f->n_sent++;
	f->was_there = f->watched && access(f->watched, F_OK) == 0;
	if (f->refuses || (f->has_no_fib && asks_fib(plan)) ||
	    (f->has_no_log && asks_log(plan)))
		return refuse(plan, diag);
	if (f->n_races > 0) {
		f->n_races--;
		f->generation++;
	}
	if (at && at != f->generation)
		return NFT_RACED;
	if (f->takes_nothing)
		return f->answers_lost ? NFT_UNSURE : NFT_DONE;
	r = f->now && !plan->fresh ? copy_of(f->now) : ruleset_new(plan->table);
	for (unsigned i = 0; i < plan->n_steps; i++)
		take_step(r, &plan->steps[i]);
	ruleset_free(f->now);
	f->now = copy_of(r);
	ruleset_free(r);
	f->generation++;
	if (f->flushed_after) {
		f->flushed_after = false;
		fake_kernel_release(f);
		f->generation++;
	}
	return f->answers_lost ? NFT_UNSURE : NFT_DONE;
}

static int delete_table(struct kernel *k)
{
	struct fake_kernel *f = fake_of(k);

	f->n_sent++;
	ruleset_free(f->now);
	f->now = NULL;
	f->generation++;
	return 0;
}

static int cut(struct kernel *k, const struct firewall_config *config,
	       const struct ruleset *rules, struct conntrack_result *out)
{
	const struct fake_kernel *f = fake_of(k);
	int gate = f->gate ? open(f->gate, O_RDONLY | O_CLOEXEC) : -1;

	(void)config;
	(void)rules;
	if (gate >= 0)
		close(gate);
	fake_of(k)->n_cuts++;
	*out = (struct conntrack_result){3, 1};
	return 0;
}

static void warn_of_others(struct kernel *k, struct diag *diag)
{
	(void)k;
	(void)diag;
}

static void find_trouble(struct kernel *k, const struct ruleset *wanted,
			 bool from_aside, struct diag *diag)
{
	(void)wanted;
	(void)from_aside;
	if (fake_of(k)->trouble)
		diag_warning(diag, NULL, NULL, "%s", fake_of(k)->trouble);
}

static void own(struct kernel *k)
{
	(void)k;
}

static void close_it(struct kernel *k)
{
	(void)k;
}

static const struct kernel_ops ops = {
	.generation = generation,
	.read = read_rules,
	.send = send_plan,
	.delete = delete_table,
	.cut = cut,
	.warn_of_others = warn_of_others,
	.find_trouble = find_trouble,
	.own = own,
	.close = close_it,
};

void fake_kernel_init(struct fake_kernel *f)
{
	*f = (struct fake_kernel){.kernel = {&ops}, .generation = 1};
}

void fake_kernel_release(struct fake_kernel *f)
{
	ruleset_free(f->now);
	f->now = NULL;
}

void fake_kernel_meddle(struct fake_kernel *f, const char *chain)
{
	struct nft_chain *c = ruleset_chain(f->now, chain);

	assert(c && c->n_rules);
	c->n_rules--;
	memmove(c->rules, c->rules + 1, c->n_rules * sizeof(*c->rules));
	f->generation++;
}

char *fake_kernel_text(const struct fake_kernel *f)
{
	struct ruleset *copy;
	char *text;

	if (!f->now)
		return xstrdup("");
	copy = copy_of(f->now);
	tell_strip(copy);
	text = ruleset_text(copy);
	ruleset_free(copy);
	return text;
}
