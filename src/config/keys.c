/* All keys of the language, for manual, completion and editors. */
#include <jansson.h>

#include "base/fail.h"
#include "base/text.h"
#include "read.h"
#include "tls/policy.h"

/* Names that may begin in one mapping. */
enum { TAILS_MAX = 512 };

/* -- as lines -------------------------------------------------------------- */

static const char *kind_of(const struct key *k)
{
	if (k->type == &type_not_built)
		return "planned";
	if (k->type == &type_refused)
		return "refused";
	if (k->flags & KEY_REQUIRED)
		return "required";
	return k->fallback ? "default" : k->absent ? "absent" : "choice";
}

static void write_table(FILE *to, const char *before, const struct key *keys)
{
	for (const struct key *k = keys; k->name; k++) {
		char *name = xasprintf("%s%s%s", before, *before ? "." : "",
				       k->name);
		const char *value = k->fallback ? k->fallback : k->absent;
		struct text values = {0};

		key_values(k, &values);
		fprintf(to, "%s\t%s\t%s\t%s\t%s\n", name, kind_of(k),
			value ? value : "", k->doc, text_str(&values));
		text_release(&values);
		if (k->keys)
			write_table(to, name, k->keys);
		free(name);
	}
}

void config_write_keys(FILE *to)
{
	write_table(to, "", root_keys);
}

/* -- as JSON Schema -------------------------------------------------------- */

/* What is left of a name behind the properties that led to it. */
struct tail {
	const char *rest;
	const struct key *key;
};

/* Tables and rows are described once and referred to by "#/$defs/NAME". */
struct schema {
	json_t *defs;
	struct map names; /* address of a table or row -> its name */
	struct arena scratch;
};

static json_t *schema_of_table(struct schema *s, const struct key *keys);

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

static void add_policies(json_t *list)
{
	const struct tls_policy *policy;

	for (size_t i = 0; (policy = tls_policy_at(i)) != NULL; i++)
		add_word(list, policy->name);
}

static void add_words(json_t *forms, const struct key *k)
{
	json_t *list = json_array();

	for (const struct word *w = k->words; w && w->text; w++)
		if (!w->refusal)
			add_word(list, w->text);
	if (k->type == &type_policy)
		add_policies(list);
	else if (!k->words)
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

static json_t *forms_of_key(struct schema *s, const struct key *k)
{
	json_t *forms = json_array(), *map;
	unsigned shape = k->type->shape;

	if (shape & SHAPE_BOOLEAN) {
		json_array_append_new(forms,
				      json_pack("{s:s}", "type", "boolean"));
		json_array_append_new(forms, reference());
	}
	if (shape & SHAPE_NUMBER)
		add_number(forms, k);
	if (k->words || k->type == &type_only || k->type == &type_policy)
		add_words(forms, k);
	else if (shape & SHAPE_TEXT)
		add_text(forms, k);
	if (shape & SHAPE_MAP) {
		map = k->keys ? schema_of_table(s, k->keys)
			      : json_pack("{s:s}", "type", "object");
		if (shape & SHAPE_ONE_KEY)
			map = json_pack("{s:[o, {s:i}]}", "allOf", map,
					"maxProperties", 1);
		json_array_append_new(forms, map);
	}
	return any_of(forms);
}

/* An enumeration does not say what is not built yet. */
static void describe(json_t *schema, const struct key *k)
{
	struct text values = {0};
	bool listed = key_values(k, &values);

	json_object_set_new(schema, "description",
			    json_sprintf(listed ? "%s Values: %s." : "%s",
					 k->doc, text_str(&values)));
	text_release(&values);
}

static json_t *describe_key(struct schema *s, const struct key *k)
{
	json_t *schema;

	if (k->type == &type_not_built || k->type == &type_refused)
		return json_pack("{s:s, s:{}}", "description",
				 k->type == &type_refused ? k->refusal
							  : "not built yet",
				 "not");
	schema = forms_of_key(s, k);
	if (k->type->shape & SHAPE_LIST)
		schema = json_pack("{s:[O, {s:s, s:o}]}", "anyOf", schema,
				   "type", "array", "items", schema);
	if (k->doc)
		describe(schema, k);
	if (k->fallback && k->fallback[0] != '{' && k->fallback[0])
		json_object_set_new(schema, "default",
				    json_string(k->fallback));
	return schema;
}

/* A reference to what `thing` is described as; *is_new tells that it is not
 * described yet. */
static json_t *refer(struct schema *s, const void *thing, const char *what,
		     const char **name, bool *is_new)
{
	struct slice key = arena_slice(
		&s->scratch, slice_make((const char *)&thing, sizeof(thing)));
	char *known = map_get(&s->names, key);

	*is_new = !known;
	if (!known) {
		known = arena_printf(&s->scratch, "%zu.%s",
				     json_object_size(s->defs), what);
		map_put(&s->names, key, known);
		json_object_set_new(s->defs, known, json_null());
	}
	*name = known;
	return json_pack("{s:o}", "$ref", json_sprintf("#/$defs/%s", known));
}

static json_t *schema_of_key(struct schema *s, const struct key *k)
{
	const char *name;
	bool is_new;
	json_t *reference_to = refer(s, k, k->name, &name, &is_new);

	if (is_new)
		json_object_set_new(s->defs, name, describe_key(s, k));
	return reference_to;
}

/* An object whose names may be cut at each of their dots. */
static json_t *schema_of_tails(struct schema *s, const struct tail *tails,
			       size_t n)
{
	json_t *properties = json_object();
	struct tail *below = xcalloc(n ? n : 1, sizeof(*below));

	for (size_t i = 0; i < n; i++) {
		const char *name = tails[i].rest;

		if (!json_object_get(properties, name))
			json_object_set_new(properties, name,
					    schema_of_key(s, tails[i].key));
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
				json_object_set_new(
					properties, part,
					schema_of_tails(s, below, m));
			free(part);
		}
	}
	free(below);
	return json_pack("{s:s, s:o, s:b}", "type", "object", "properties",
			 properties, "additionalProperties", 0);
}

/* Rows, and the rows of mappings below them: "health_check.path" too. */
static void add_tails(struct schema *s, struct tail *tails, size_t *n,
		      const char *before, const struct key *keys)
{
	const unsigned forms = SHAPE_MAP | SHAPE_LIST | SHAPE_TEXT;

	for (const struct key *k = keys; k->name; k++) {
		const char *name =
			arena_printf(&s->scratch, "%s%s", before, k->name);

		assert(*n < TAILS_MAX);
		tails[(*n)++] = (struct tail){name, k};
		if (k->keys && (k->type->shape & forms) == SHAPE_MAP)
			add_tails(s, tails, n,
				  arena_printf(&s->scratch, "%s.", name),
				  k->keys);
	}
}

static json_t *describe_table(struct schema *s, const struct key *keys)
{
	struct tail *tails = xcalloc(TAILS_MAX, sizeof(*tails));
	json_t *schema, *required = json_array();
	size_t n = 0;

	add_tails(s, tails, &n, "", keys);
	schema = schema_of_tails(s, tails, n);
	for (const struct key *k = keys; k->name; k++)
		if (k->flags & KEY_REQUIRED)
			json_array_append_new(required, json_string(k->name));
	if (json_array_size(required))
		json_object_set(schema, "required", required);
	json_decref(required);
	free(tails);
	return schema;
}

static json_t *schema_of_table(struct schema *s, const struct key *keys)
{
	const char *name;
	bool is_new;
	/* The first row has the table's address too: tell them apart. */
	json_t *reference_to =
		refer(s, (const char *)keys + 1, keys->name, &name, &is_new);

	if (is_new)
		json_object_set_new(s->defs, name, describe_table(s, keys));
	return reference_to;
}

void config_write_schema(FILE *to)
{
	struct schema s = {.defs = json_object()};
	json_t *schema = describe_table(&s, root_keys);

	json_object_set_new(
		schema, "$schema",
		json_string("https://json-schema.org/draft/2020-12/schema"));
	json_object_set_new(
		schema, "title",
		json_string("weir.yaml, the configuration of weir"));
	json_object_set_new(schema, "$defs", s.defs);
	json_dumpf(schema, to, JSON_INDENT(1) | JSON_REAL_PRECISION(15));
	fputc('\n', to);
	json_decref(schema);
	map_release(&s.names);
	arena_release(&s.scratch);
}
