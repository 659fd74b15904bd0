/* What a key can be, in a line for people: from the rows, as all else. */
#include "base/text.h"
#include "parse.h"
#include "read.h"
#include "tls/policy.h"

static void add_part(struct text *out, struct slice part)
{
	if (out->n)
		text_add(out, SLICE(", "));
	text_add(out, part);
}

static bool is_later(const char *refusal)
{
	return refusal && strstr(refusal, "not built yet");
}

static void add_words(struct text *out, const struct word *words)
{
	bool first = true;

	for (const struct word *w = words; w->text; w++)
		if (!w->refusal)
			add_part(out, slice_of(w->text));
	for (const struct word *w = words; w->text; w++) {
		if (!is_later(w->refusal))
			continue;
		text_addf(out, "%s%s", first ? "; not built yet: " : ", ",
			  w->text);
		first = false;
	}
}

static void add_policies(struct text *out)
{
	const struct tls_policy *policy;

	for (size_t i = 0; (policy = tls_policy_at(i)) != NULL; i++)
		add_part(out, slice_of(policy->name));
}

/* "^auto$" is the one word beside the numbers. */
static void add_pattern(struct text *out, const char *pattern)
{
	struct slice word = slice_of(pattern);

	word = slice_make(word.p + 1, word.n - 2);
	for (size_t i = 0; i < word.n; i++)
		if (strchr("[](){}|+?", word.p[i]))
			return;
	add_part(out, word);
}

static void add_range(struct text *out, struct range range)
{
	if (out->n)
		text_add(out, SLICE(", "));
	text_addf(out, "%.15g to %.15g", range.least, range.most);
}

static void add_numbers(struct text *out, const struct key *k)
{
	static const struct range ports = {1, UINT16_MAX};

	if (k->type->pattern && k->type->pattern[0] == '^')
		add_pattern(out, k->type->pattern);
	if (k->type == &type_port)
		add_range(out, ports);
	else if (k->any.most > 0)
		add_range(out, k->any);
}

bool key_values(const struct key *k, struct text *out)
{
	if (k->type == &type_not_built)
		text_add(out, SLICE("not built yet"));
	else if (k->type == &type_refused)
		text_add(out, SLICE("none"));
	else if (k->values)
		text_add(out, slice_of(k->values));
	else if (k->words)
		add_words(out, k->words);
	else if (k->type == &type_policy)
		add_policies(out);
	else if (k->type == &type_only)
		text_addf(out,
			  is_later(k->refusal) ? "%s; others are not built yet"
					       : "only %s",
			  k->fallback);
	else if (k->type->shape & SHAPE_NUMBER)
		add_numbers(out, k);
	else if (k->type->shape == SHAPE_BOOLEAN)
		text_add(out, SLICE("true, false"));
	if (out->n)
		return k->type->shape != SHAPE_BOOLEAN &&
		       k->type != &type_not_built && k->type != &type_refused;
	text_add(out, k->type->shape & SHAPE_MAP    ? SLICE("a mapping")
		      : k->type->shape & SHAPE_LIST ? SLICE("texts")
						    : SLICE("a text"));
	if (k->type->shape & SHAPE_MAP && k->type->shape & SHAPE_TEXT)
		text_add(out, SLICE(" or a text"));
	if (k->type->shape & SHAPE_MAP && k->type->shape & SHAPE_LIST)
		text_add(out, SLICE(", or a list of these"));
	return false;
}
