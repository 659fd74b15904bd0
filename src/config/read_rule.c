/* Rules and their conditions. */
#include <stdlib.h>

#include "base/fail.h"
#include "http/pattern.h"
#include "model/rule_index.h"
#include "read.h"

#define INTO(member) .offset = offsetof(struct rule, member)

/* What AWS takes in one rule. */
enum {
	AWS_VALUES_OF_RULE = 5,
	AWS_VALUES_OF_CONDITION = 3,
	AWS_WILDCARDS = 6,
	AWS_VALUE_OCTETS = 128,
};

/* -- conditions ------------------------------------------------------------ */

/* The slot is a node: who asked takes the list from there. */
static void parse_values(struct reader *r, const struct key *k,
			 const struct node *v, void *slot)
{
	(void)k;
	*(const struct node **)slot = node_as_list(r->tree, v);
}

static const struct type type_values = {parse_values, SHAPE_TEXT | SHAPE_LIST,
					NULL};

struct values_draft {
	const struct node *values, *regexes;
};

/* clang-format off */
static const struct key values_keys[] = {
	{"values", &type_values,
	 .offset = offsetof(struct values_draft, values),
	 .doc = "Patterns with * and ?.", .absent = "none"},
	{"regex_values", &type_values,
	 .offset = offsetof(struct values_draft, regexes),
	 .doc = "Regular expressions.", .absent = "none"},
	{0},
};
/* clang-format on */

/* Paths are compared with escapes for octets from 0x80 on. A pattern gets
 * these, too; in an expression only its author knows where. */
static void warn_unescaped(struct reader *r, const struct node *v)
{
	size_t i = 0;
	struct place at;

	while (i < v->text.n && (unsigned char)v->text.p[i] < 0x80)
		i++;
	if (i == v->text.n)
		return;
	at = node_part(v, i, 1);
	warn(r, &at, "such as %C3%A9",
	     "paths have this letter as an escape only");
}

static void warn_never(struct reader *r, const struct condition *c,
		       const struct node *v)
{
	char first = v->text.n ? v->text.p[0] : '*';

	if (c->is_regex && c->kind == CONDITION_PATH_PATTERN)
		warn_unescaped(r, v);
	if (c->is_regex)
		return;
	if (c->kind == CONDITION_PATH_PATTERN && first != '/' && first != '*' &&
	    first != '?')
		warn(r, &v->at, "a path begins with \"/\"",
		     "this path_pattern matches no path");
	if (c->kind == CONDITION_HOST_HEADER &&
	    slice_find(v->text, ':') < v->text.n)
		warn(r, &v->at, "hosts are compared without their port",
		     "this host_header matches no host");
}

/* What AWS takes: for hosts letters, digits and "-.*?", for paths these and
 * more signs. */
static bool is_aws_sign(enum condition_kind kind, char c)
{
	const char *signs = kind == CONDITION_HOST_HEADER ? "-.*?"
							  : "_-.$/~\"'@:+&*?";

	return ascii_is_digit(c) || (c && strchr(signs, c)) ||
	       (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
}

static void check_value_strictly(struct reader *r, const struct condition *c,
				 const struct node *v)
{
	if (v->text.n > AWS_VALUE_OCTETS)
		complain(r, &v->at, NULL,
			 "AWS takes at most %d characters "
			 "(settings.strict_aws_limits)",
			 AWS_VALUE_OCTETS);
	if (c->is_regex)
		return;
	if (c->kind == CONDITION_HOST_HEADER &&
	    slice_find(v->text, '.') == v->text.n)
		complain(r, &v->at, NULL,
			 "AWS wants a \".\" in a host_header "
			 "(settings.strict_aws_limits)");
	for (size_t i = 0; i < v->text.n; i++) {
		struct place at = node_part(v, i, 1);

		if (is_aws_sign(c->kind, v->text.p[i]))
			continue;
		complain(r, &at, NULL,
			 "AWS does not take this sign here "
			 "(settings.strict_aws_limits)");
		return;
	}
}

static void fill_condition(struct reader *r, const struct node *list,
			   struct condition *c)
{
	c->values = ARENA_ARRAY(r->arena, list->n, struct slice);
	c->patterns = ARENA_ARRAY(r->arena, list->n, const struct pattern *);
	if (list->n == 0)
		complain(r, &c->place, NULL,
			 "a condition needs at least one value");
	for (size_t i = 0; i < list->n; i++) {
		const struct node *v = list->items[i];

		if (!want_scalar(r, "a value of a condition", v))
			continue;
		if (v->text.n == 0) {
			complain(r, &v->at, NULL,
				 "a value of a condition cannot be empty");
			continue;
		}
		warn_never(r, c, v);
		if (r->strict)
			check_value_strictly(r, c, v);
		c->patterns[c->n_values] = make_pattern(r, c, v);
		c->values[c->n_values++] = arena_slice(r->arena, v->text);
	}
}

static void parse_patterns(struct reader *r, const struct key *k,
			   const struct node *v, void *slot)
{
	struct condition *c = slot;
	struct values_draft d = {NULL, NULL};
	const struct node *values;

	c->kind = strcmp(k->name, "host_header") == 0 ? CONDITION_HOST_HEADER
						      : CONDITION_PATH_PATTERN;
	if (v->kind == NODE_MAP)
		read_mapping(r, v, k->name, values_keys, &d);
	else
		d.values = node_as_list(r->tree, v);
	values = d.regexes ? d.regexes : d.values;
	c->is_regex = d.regexes != NULL;
	if (d.regexes && d.values)
		complain(r, &v->at, NULL,
			 "%s has either values or regex_values", k->name);
	else if (values)
		fill_condition(r, values, c);
	else if (v->kind == NODE_MAP && v->n == 0)
		complain(r, &v->at, NULL,
			 "%s has neither values nor regex_values", k->name);
}

static const struct type type_patterns = {
	parse_patterns, SHAPE_TEXT | SHAPE_MAP | SHAPE_LIST, NULL};

/* clang-format off */
static const struct key condition_keys[] = {
	{"host_header", &type_patterns, 0, .keys = values_keys,
	 .flags = KEY_OR_MAP,
	 .doc = "Host of the request, without port, in any case."},
	{"path_pattern", &type_patterns, 0, .keys = values_keys,
	 .flags = KEY_OR_MAP,
	 .doc = "Path of the request, without the query."},
	{"http_header", &type_not_built, NO_SLOT,
	 .doc = "Value of a header field."},
	{"http_request_method", &type_not_built, NO_SLOT,
	 .doc = "Method of the request."},
	{"query_string", &type_not_built, NO_SLOT,
	 .doc = "Key and value of the query."},
	{"source_ip", &type_not_built, NO_SLOT,
	 .doc = "Address of the client."},
	{"server_name", &type_not_built, NO_SLOT,
	 .doc = "Server name of TLS that passes through a network load balancer."},
	{0},
};
/* clang-format on */

static void parse_conditions(struct reader *r, const struct key *k,
			     const struct node *v, void *slot)
{
	const struct node *list = node_as_list(r->tree, v);
	struct rule *rule = slot;

	if (list->n == 0)
		complain(r, &v->at, NULL,
			 "a rule needs at least one condition; for all other "
			 "requests there are default_actions");
	rule->conditions = ARENA_ARRAY(r->arena, list->n, struct condition);
	for (size_t i = 0; i < list->n; i++) {
		struct condition *c = &rule->conditions[rule->n_conditions];
		const struct node *value;

		k = read_one_key(r, list->items[i], "a condition",
				 condition_keys, &value);
		if (!k)
			continue;
		c->place = list->items[i]->at;
		k->type->parse(r, k, value, c);
		rule->n_conditions += c->n_values > 0;
	}
}

/* -- rules ----------------------------------------------------------------- */

static void parse_rule_actions(struct reader *r, const struct key *k,
			       const struct node *v, void *slot)
{
	(void)k;
	read_actions(r, v, slot);
}

static const struct type type_conditions = {
	parse_conditions, SHAPE_MAP | SHAPE_LIST | SHAPE_ONE_KEY, NULL};
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
	{"transforms", &type_not_built, NO_SLOT,
	 .doc = "Rewrites host and URL before the target sees them.",
	 .absent = "none"},
	{"limits", &type_not_built, NO_SLOT,
	 .doc = "Requests that a client may make.", .absent = "none"},
	NOT_BUILT("request_headers",
		  "Fields that are removed, set or added "
		  "before the target sees them.",
		  "none"),
	NOT_BUILT("response_headers",
		  "The same for what the client gets.", "none"),
	{"actions", &type_actions, INTO(action), .keys = action_keys,
	 .flags = KEY_REQUIRED,
	 .doc = "What happens to the request; run in the order written."},
	{0},
};
/* clang-format on */

static void check_quotas(struct reader *r, const struct rule *rule)
{
	size_t values = 0, wildcards = 0;
	unsigned seen = 0;

	for (size_t i = 0; i < rule->n_conditions; i++) {
		const struct condition *c = &rule->conditions[i];

		values += c->n_values;
		for (size_t j = 0; j < c->n_values && !c->is_regex; j++)
			for (size_t n = 0; n < c->values[j].n; n++)
				wildcards += strchr("*?", c->values[j].p[n]) !=
					     NULL;
		if (c->n_values > AWS_VALUES_OF_CONDITION)
			complain(r, &c->place, NULL,
				 "AWS takes at most %d values in a condition "
				 "(settings.strict_aws_limits)",
				 AWS_VALUES_OF_CONDITION);
		if (seen & 1u << c->kind)
			complain(r, &c->place, NULL,
				 "AWS takes one condition of this kind in a "
				 "rule (settings.strict_aws_limits)");
		seen |= 1u << c->kind;
	}
	if (values > AWS_VALUES_OF_RULE)
		complain(r, &rule->place, NULL,
			 "AWS takes at most %d values in a rule "
			 "(settings.strict_aws_limits)",
			 AWS_VALUES_OF_RULE);
	if (wildcards > AWS_WILDCARDS)
		complain(r, &rule->place, NULL,
			 "AWS takes at most %d wildcards in a rule "
			 "(settings.strict_aws_limits)",
			 AWS_WILDCARDS);
}

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
			check_quotas(r, rule);
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
