/* All keys of the language, for manual, completion and editors. */
#include <jansson.h>

#include "base/fail.h"
#include "base/text.h"
#include "read.h"

/* Tables may lead into each other this often, and a name be split so. */
enum { LEVELS_MAX = 8, TAILS_MAX = 512 };

/* -- as lines -----------------------------------------------------------------
 */

static void write_table(FILE *to, const char *before, const struct key *keys)
{
	for (const struct key *k = keys; k->name; k++) {
		char *name = xasprintf("%s%s%s", before, *before ? "." : "",
				       k->name);
		const char *value = k->fallback ? k->fallback : k->absent;

		if (k->type == &type_not_built)
			value = "not built yet";
		fprintf(to, "%s\t%s\t%s\n", name, value ? value : "required",
			k->doc ? k->doc : "");
		if (k->keys)
			write_table(to, name, k->keys);
		free(name);
	}
}

void config_write_keys(FILE *to)
{
	write_table(to, "", root_keys);
}

/* -- as JSON Schema
 * ------------------------------------------------------------ */

/* What is left of a name behind the properties that led to it. */
struct tail {
	const char *rest;
	const struct key *key;
};

static json_t *schema_of_table(const struct key *keys);

/* A reference to the environment may stand for anything but structure. */
static json_t *reference(void)
{
	return json_pack("{s:s, s:s}", "type", "string", "pattern",
			 "\\$\\{[A-Za-z_]");
}

static void add_number(json_t *forms, const struct key *k)
{
	json_t *number = json_pack("{s:s}", "type", "number");

	if (k->any.most > 0) {
		json_object_set_new(number, "minimum", json_real(k->any.least));
		json_object_set_new(number, "maximum", json_real(k->any.most));
	}
	json_array_append_new(forms, number);
	json_array_append_new(forms, reference());
}

static void add_word(json_t *list, const char *word)
{
	if (strcmp(word, "true") == 0 || strcmp(word, "false") == 0)
		json_array_append_new(list, json_boolean(*word == 't'));
	else if (ascii_is_digit(*word))
		json_array_append_new(list, json_real(strtod(word, NULL)));
	json_array_append_new(list, json_string(word));
}

static void add_words(json_t *forms, const struct key *k)
{
	json_t *list = json_array();

	for (const struct word *w = k->words; w && w->text; w++)
		if (!w->refusal)
			add_word(list, w->text);
	if (!k->words)
		add_word(list, k->fallback);
	json_array_append_new(forms, json_pack("{s:o}", "enum", list));
	json_array_append_new(forms, reference());
}

static void add_text(json_t *forms, const struct key *k)
{
	if (k->type->pattern) {
		json_array_append_new(forms,
				      json_pack("{s:s, s:s}", "type", "string",
						"pattern", k->type->pattern));
		json_array_append_new(forms, reference());
		return;
	}
	/* What an editor takes for a number is still a text to us. */
	json_array_append_new(forms, json_pack("{s:[s,s,s]}", "type", "string",
					       "number", "boolean"));
}

static json_t *any_of(json_t *forms)
{
	json_t *only;

	if (json_array_size(forms) != 1)
		return json_pack("{s:o}", "anyOf", forms);
	only = json_incref(json_array_get(forms, 0));
	json_decref(forms);
	return only;
}

static json_t *schema_of_key(const struct key *k)
{
	json_t *forms = json_array(), *schema;
	unsigned shape = k->type->shape;

	if (k->type == &type_not_built || k->type == &type_refused) {
		json_decref(forms);
		return json_pack("{s:s, s:{}}", "description",
				 k->type == &type_refused ? k->refusal
							  : "not built yet",
				 "not");
	}
	if (shape & SHAPE_BOOLEAN) {
		json_array_append_new(forms,
				      json_pack("{s:s}", "type", "boolean"));
		json_array_append_new(forms, reference());
	}
	if (shape & SHAPE_NUMBER)
		add_number(forms, k);
	if (k->words || k->type == &type_only)
		add_words(forms, k);
	else if (shape & SHAPE_TEXT)
		add_text(forms, k);
	if (shape & SHAPE_MAP)
		json_array_append_new(
			forms, k->keys ? schema_of_table(k->keys)
				       : json_pack("{s:s}", "type", "object"));
	if ((shape & SHAPE_MAP) && (shape & SHAPE_ONE_KEY))
		json_object_set_new(
			json_array_get(forms, json_array_size(forms) - 1),
			"maxProperties", json_integer(1));
	schema = any_of(forms);
	if (shape & SHAPE_LIST)
		schema = json_pack("{s:[O, {s:s, s:o}]}", "anyOf", schema,
				   "type", "array", "items", schema);
	if (k->doc)
		json_object_set_new(schema, "description", json_string(k->doc));
	if (k->fallback && k->fallback[0] != '{' && k->fallback[0])
		json_object_set_new(schema, "default",
				    json_string(k->fallback));
	return schema;
}

/* An object whose names may be cut at each of their dots. */
static json_t *schema_of_tails(const struct tail *tails, size_t n)
{
	json_t *properties = json_object();
	struct tail *below = xcalloc(n ? n : 1, sizeof(*below));

	for (size_t i = 0; i < n; i++) {
		const char *name = tails[i].rest;

		if (!json_object_get(properties, name))
			json_object_set_new(properties, name,
					    schema_of_key(tails[i].key));
		for (const char *dot = strchr(name, '.'); dot;
		     dot = strchr(dot + 1, '.')) {
			char *part = xasprintf("%.*s", (int)(dot - name), name);
			size_t length = (size_t)(dot - name) + 1, m = 0;

			for (size_t j = 0; j < n; j++)
				if (strncmp(tails[j].rest, name, length) == 0)
					below[m++] = (struct tail){
						tails[j].rest + length,
						tails[j].key};
			if (!json_object_get(properties, part))
				json_object_set_new(properties, part,
						    schema_of_tails(below, m));
			free(part);
		}
	}
	free(below);
	return json_pack("{s:s, s:o, s:b}", "type", "object", "properties",
			 properties, "additionalProperties", 0);
}

/* Rows, and the rows of mappings below them: "health_check.path" too. */
static void add_tails(struct tail *tails, size_t *n, struct arena *scratch,
		      const char *before, const struct key *keys)
{
	for (const struct key *k = keys; k->name; k++) {
		const char *name =
			arena_printf(scratch, "%s%s", before, k->name);

		assert(*n < TAILS_MAX);
		tails[(*n)++] = (struct tail){name, k};
		if (k->keys && (k->type->shape & (SHAPE_MAP | SHAPE_LIST |
						  SHAPE_TEXT)) == SHAPE_MAP)
			add_tails(tails, n, scratch,
				  arena_printf(scratch, "%s.", name), k->keys);
	}
}

static json_t *schema_of_table(const struct key *keys)
{
	struct tail *tails = xcalloc(TAILS_MAX, sizeof(*tails));
	struct arena scratch = {0};
	json_t *schema, *required = json_array();
	size_t n = 0;

	add_tails(tails, &n, &scratch, "", keys);
	schema = schema_of_tails(tails, n);
	for (const struct key *k = keys; k->name; k++)
		if (k->flags & KEY_REQUIRED)
			json_array_append_new(required, json_string(k->name));
	if (json_array_size(required))
		json_object_set(schema, "required", required);
	json_decref(required);
	arena_release(&scratch);
	free(tails);
	return schema;
}

void config_write_schema(FILE *to)
{
	json_t *schema = schema_of_table(root_keys);

	json_object_set_new(
		schema, "$schema",
		json_string("https://json-schema.org/draft/2020-12/schema"));
	json_object_set_new(
		schema, "title",
		json_string("weir.yaml, the configuration of weir"));
	json_dumpf(schema, to, JSON_INDENT(1) | JSON_REAL_PRECISION(15));
	fputc('\n', to);
	json_decref(schema);
}
