#include "rule_words.h"

#include "base/text.h"
#include "client.h"

static void words_of_value(struct text *out, const json_t *value)
{
	if (json_is_string(value))
		text_addf(out, "%s", json_string_value(value));
	else if (json_object_get(value, "prefix_list"))
		text_addf(out, "prefix list %s", text_at(value, "prefix_list"));
	else
		text_addf(out, "%s=%s",
			  json_object_get(value, "key") ? text_at(value, "key")
							: "*",
			  text_at(value, "value"));
}

void words_of_values(struct text *out, const json_t *values)
{
	const json_t *value;
	size_t i;

	json_array_foreach (values, i, value) {
		text_addf(out, "%s", i ? " | " : "");
		words_of_value(out, value);
	}
}

void words_of_condition(struct text *out, const json_t *condition)
{
	const json_t *regex = json_object_get(condition, "regex_values");
	const json_t *is_regex = json_object_get(condition, "regex");
	const char *name = text_at(condition, "http_header_name");

	text_addf(out, "%s%s%s %s ", text_at(condition, "field"),
		  *name ? " " : "", name, regex || is_regex ? "~" : "=");
	words_of_values(out,
			regex ? regex : json_object_get(condition, "values"));
}
