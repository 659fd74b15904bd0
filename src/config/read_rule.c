/* Rules. */
#include <stdlib.h>

#include "read.h"

#define INTO(member) .offset = offsetof(struct rule, member)

static void parse_rule_actions(struct reader *r, const struct key *k,
			       const struct node *v, void *slot)
{
	(void)k;
	read_actions(r, v, slot);
}

static const struct type type_actions = {
	parse_rule_actions, SHAPE_MAP | SHAPE_LIST | SHAPE_ONE_KEY, NULL};

/* clang-format off */
const struct key rule_keys[] = {
	{"priority", &type_count, INTO(priority), .any = {1, 1e9},
	 .aws = {1, 50000}, .flags = KEY_REQUIRED,
	 .doc = "Unique in the listener; the lowest is asked first."},
	{"conditions", &type_conditions, 0, .keys = condition_keys,
	 .flags = KEY_REQUIRED,
	 .doc = "All must be met; one is met when any of its values matches."},
	{"limits", &type_limits, INTO(limits), .keys = rule_limit_keys,
	 .doc = "Requests that a client may make.", .absent = "none"},
	{"actions", &type_actions, INTO(action), .keys = action_keys,
	 .flags = KEY_REQUIRED,
	 .doc = "What happens to the request; run in the order written."},
	{"transforms", &type_transforms, 0, .keys = transform_keys,
	 .doc = "Rewrite host and URL before the target sees them; for rules "
		"that forward.",
	 .absent = "none"},
	{"request_headers", &type_changes, INTO(request_changes),
	 .keys = changes_keys,
	 .doc = "Changes header fields on their way to the target, after the "
		"listener's.",
	 .absent = "none"},
	{"response_headers", &type_changes, INTO(response_changes),
	 .keys = changes_keys,
	 .doc = "Changes header fields on their way to the client, after the "
		"listener's.",
	 .absent = "none"},
	{0},
};
/* clang-format on */

static int by_priority(const void *left, const void *right)
{
	const struct rule *a = left, *b = right;

	if (a->priority != b->priority)
		return a->priority < b->priority ? -1 : 1;
	return a->place.line < b->place.line ? -1 : 1;
}

static void sort_rules(struct reader *r, struct listener *l)
{
	qsort(l->rules, l->n_rules, sizeof(*l->rules), by_priority);
	for (size_t i = 0; i < l->n_rules; i++) {
		struct rule *rule = &l->rules[i];

		rule->index = (uint32_t)i;
		if (i == 0 || rule->priority == 0 ||
		    rule->priority != rule[-1].priority)
			continue;
		complain(r, &rule->place, first_at(r, &rule[-1].place),
			 "two rules with priority %u", rule->priority);
	}
}

static void parse_rules(struct reader *r, const struct key *k,
			const struct node *v, void *slot)
{
	const struct node *list = node_as_list(r->tree, v);
	struct listener *l = slot;

	(void)k;
	l->rules = ARENA_ARRAY(r->arena, list->n, struct rule);
	l->n_rules = list->n;
	for (size_t i = 0; i < list->n; i++) {
		struct rule *rule = &l->rules[i];

		rule->place = list->items[i]->at;
		if (!want_map(r, "a rule", list->items[i]))
			continue;
		read_mapping(r, list->items[i], "a rule", rule_keys, rule);
		if (r->strict)
			check_rule_strictly(r, rule);
	}
	if (l->n_rules)
		sort_rules(r, l);
}

static void parse_default(struct reader *r, const struct key *k,
			  const struct node *v, void *slot)
{
	struct listener *l = slot;

	(void)k;
	l->default_rule.is_default = true;
	l->default_rule.index = (uint32_t)l->n_rules;
	l->default_rule.place = v->at;
	read_actions(r, v, &l->default_rule.action);
}

const struct type type_rules = {parse_rules, SHAPE_MAP | SHAPE_LIST, NULL};
const struct type type_default_actions = {
	parse_default, SHAPE_MAP | SHAPE_LIST | SHAPE_ONE_KEY, NULL};
