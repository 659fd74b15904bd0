/*
 * explain_rules.c - each rule on the way, and what its conditions say.
 *
 * Floor: control.
 */
#include "base/fail.h"
#include "explain_parts.h"
#include "http/query.h"
#include "status.h"

json_t *explain_place(const struct place *place)
{
	return json_sprintf("%s:%u", place->file ? place->file : "",
			    place->line);
}

json_t *explain_rule_name(const struct rule *rule)
{
	return json_pack("{s:o, s:o}", "priority",
			 rule->is_default ? json_string("default")
					  : json_integer(rule->priority),
			 "place", explain_place(&rule->place));
}

/* -- conditions ------------------------------------------------------------ */

static json_t *fields_compared(const struct condition *c,
			       const struct http_head *head)
{
	const struct field *f = NULL;
	json_t *list = json_array();

	while ((f = head_next_text(head, c->field, f)) != NULL)
		json_array_append_new(list, status_text(f->value));
	return list;
}

static json_t *pairs_compared(struct slice query)
{
	json_t *list = json_array();
	struct slice key, value;

	while (query_next(&query, &key, &value))
		json_array_append_new(
			list,
			status_text(slice_make(
				key.p, (size_t)(value.p + value.n - key.p))));
	return list;
}

static json_t *compared_with(const struct condition *c,
			     const struct route_input *in)
{
	char peer[ADDR_TEXT_MAX];

	switch (c->kind) {
	case CONDITION_HOST_HEADER:
		return status_text(in->host);
	case CONDITION_PATH_PATTERN:
		return status_text(in->path);
	case CONDITION_HTTP_HEADER:
		return fields_compared(c, in->head);
	case CONDITION_HTTP_REQUEST_METHOD:
		return status_text(in->head->method);
	case CONDITION_QUERY_STRING:
		return pairs_compared(in->query);
	case CONDITION_SOURCE_IP:
		return status_text(
			slice_make(peer, addr_format_ip(in->peer, peer)));
	case CONDITION_KINDS:
		break;
	}
	BUG("condition %d", (int)c->kind);
}

/* The condition with one of its values alone. Networks are one set. */
static struct condition with_value(const struct condition *c, size_t i)
{
	struct condition one = *c;

	one.n_values = 1;
	one.values += i;
	if (one.keys)
		one.keys += i;
	if (one.patterns)
		one.patterns += i;
	if (one.key_patterns)
		one.key_patterns += i;
	return one;
}

static json_t *why_met(const struct condition *c, const struct route_input *in,
		       struct pattern_scratch *scratch)
{
	for (size_t i = 0; i < c->n_values && c->kind != CONDITION_SOURCE_IP;
	     i++) {
		struct condition one = with_value(c, i);

		if (condition_is_met(&one, in, scratch) == PATTERN_YES)
			return json_sprintf(
				"%s%.*s%s%.*s matches",
				c->is_regex ? "the regular expression " : "",
				c->keys ? (int)c->keys[i].n : 0,
				c->keys ? c->keys[i].p : "",
				c->keys && c->keys[i].p ? "=" : "",
				SLICE_ARG(c->values[i]));
	}
	return json_string("the address is in these networks");
}

static const char *why_not(const struct condition *c, const json_t *compared)
{
	if (c->kind == CONDITION_HTTP_HEADER && json_array_size(compared) == 0)
		return "the request has no such field";
	if (c->kind == CONDITION_QUERY_STRING && json_array_size(compared) == 0)
		return "the request has no query";
	if (c->kind == CONDITION_SOURCE_IP)
		return "the address is in none of these networks";
	return "no value matches";
}

/* A value that is no UTF-8 cannot stand in a sentence. */
static json_t *sentence_or(json_t *sentence, const char *otherwise)
{
	return sentence ? sentence : json_string(otherwise);
}

static json_t *condition_json(const struct condition *c,
			      const struct route_input *in,
			      struct pattern_scratch *scratch)
{
	enum pattern_result result = condition_is_met(c, in, scratch);
	json_t *o = status_of_condition(c), *compared = compared_with(c, in);
	json_t *values = json_object_get(o, "regex_values"), *why;

	/* One name for both kinds of values, as this is read with "why". */
	if (values) {
		json_object_set(o, "values", values);
		json_object_del(o, "regex_values");
		json_object_set_new(o, "regex", json_true());
	}
	if (result == PATTERN_YES)
		why = sentence_or(why_met(c, in, scratch), "a value matches");
	else if (result == PATTERN_GAVE_UP)
		why = json_string(reason_sentence(REASON_PATTERN_GAVE_UP));
	else
		why = json_string(why_not(c, compared));
	json_object_set_new(o, "matched", json_boolean(result == PATTERN_YES));
	json_object_set_new(o, "compared", compared);
	json_object_set_new(o, "why", why);
	return o;
}

/* -- rules ----------------------------------------------------------------- */

static json_t *rule_json(const struct rule *rule, const struct route_input *in,
			 struct pattern_scratch *scratch)
{
	json_t *o = explain_rule_name(rule), *list = json_array();

	for (size_t i = 0; i < rule->n_conditions; i++)
		json_array_append_new(list, condition_json(&rule->conditions[i],
							   in, scratch));
	json_object_set_new(
		o, "matched",
		json_boolean(rule_is_met(rule, in, scratch) == PATTERN_YES));
	json_object_set_new(o, "conditions", list);
	return o;
}

/* A rule that is one of many and yet of interest. */
static bool is_near(const struct rule *rule, const struct route_input *in,
		    struct pattern_scratch *scratch)
{
	for (size_t i = 0; i < rule->n_conditions; i++) {
		const struct condition *c = &rule->conditions[i];

		if ((c->kind == CONDITION_HOST_HEADER ||
		     c->kind == CONDITION_PATH_PATTERN) &&
		    condition_is_met(c, in, scratch) == PATTERN_YES)
			return true;
	}
	return false;
}

void explain_put_rules(json_t *answer, const struct explain *e)
{
	const struct decision *d = &e->answer.decision;
	const struct listener *l = e->listener;
	struct pattern_scratch *scratch = e->scratch.patterns;
	json_t *list = json_array();
	size_t n = 0, left_out = 0;

	if (d->rule)
		n = d->rule->is_default ? l->n_rules : d->rule->index + 1u;
	for (size_t i = 0; i < n; i++) {
		const struct rule *rule = &l->rules[i];

		if (i + EXPLAIN_RULES_MAX < n &&
		    !is_near(rule, &d->in, scratch))
			left_out++;
		else
			json_array_append_new(list,
					      rule_json(rule, &d->in, scratch));
	}
	if (d->rule && d->rule->is_default)
		json_array_append_new(list,
				      rule_json(d->rule, &d->in, scratch));
	json_object_set_new(answer, "rules", list);
	if (left_out)
		json_object_set_new(answer, "rules_left_out",
				    json_integer((json_int_t)left_out));
}
