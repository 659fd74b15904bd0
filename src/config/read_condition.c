/* Conditions of rules. */
#include "base/fail.h"
#include "http/head.h"
#include "http/pattern.h"
#include "read_firewall.h"

/* What AWS takes in one value. */
enum {
	AWS_VALUE_OCTETS = 128,
	AWS_FIELD_OCTETS = 40,
	AWS_METHOD_OCTETS = 40,
};

/* -- values ---------------------------------------------------------------- */

/* The slot is a node: who asked takes the list from there. */
static void parse_values(struct reader *r, const struct key *k,
			 const struct node *v, void *slot)
{
	(void)k;
	*(const struct node **)slot = node_as_list(r->tree, v);
}

static const struct type type_values = {parse_values, SHAPE_TEXT | SHAPE_LIST,
					NULL};

/* Of a condition that is, or may be, a mapping. */
struct values_draft {
	const struct node *values, *regexes;
	struct slice field;
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

/* Room for as many values as the list has; says when that is none. */
static void begin_values(struct reader *r, const struct node *list,
			 struct condition *c)
{
	c->values = ARENA_ARRAY(r->arena, list->n, struct slice);
	if (list->n == 0)
		complain(r, &c->place, NULL,
			 "a condition needs at least one value");
}

static bool want_value(struct reader *r, const struct node *v)
{
	if (!want_scalar(r, "a value of a condition", v))
		return false;
	if (v->text.n == 0)
		complain(r, &v->at, NULL,
			 "a value of a condition cannot be empty");
	return v->text.n > 0;
}

static void want_aws_length(struct reader *r, const struct node *v,
			    unsigned most)
{
	if (r->strict && v->text.n > most)
		aws_refuses(r, &v->at, "AWS takes at most %u characters", most);
}

/* -- hosts, paths and fields ----------------------------------------------- */

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

static void want_aws_signs(struct reader *r, const struct condition *c,
			   const struct node *v)
{
	if (c->kind == CONDITION_HOST_HEADER &&
	    slice_find(v->text, '.') == v->text.n)
		aws_refuses(r, &v->at, "AWS wants a \".\" in a host_header");
	for (size_t i = 0; i < v->text.n; i++) {
		struct place at = node_part(v, i, 1);

		if (is_aws_sign(c->kind, v->text.p[i]))
			continue;
		aws_refuses(r, &at, "AWS does not take this sign here");
		return;
	}
}

static void fill_patterns(struct reader *r, const struct node *list,
			  struct condition *c)
{
	begin_values(r, list, c);
	c->patterns = ARENA_ARRAY(r->arena, list->n, const struct pattern *);
	for (size_t i = 0; i < list->n; i++) {
		const struct node *v = list->items[i];

		if (!want_value(r, v))
			continue;
		warn_never(r, c, v);
		want_aws_length(r, v, AWS_VALUE_OCTETS);
		if (r->strict && !c->is_regex &&
		    c->kind != CONDITION_HTTP_HEADER)
			want_aws_signs(r, c, v);
		c->patterns[c->n_values] = make_pattern(r, c, v);
		c->values[c->n_values++] = arena_slice(r->arena, v->text);
	}
}

/* Either of both lists. */
static void take_values(struct reader *r, const struct key *k,
			const struct node *v, const struct values_draft *d,
			struct condition *c)
{
	const struct node *values = d->regexes ? d->regexes : d->values;

	c->is_regex = d->regexes != NULL;
	if (d->regexes && d->values)
		complain(r, &v->at, NULL,
			 "%s has either values or regex_values", k->name);
	else if (values)
		fill_patterns(r, values, c);
}

static void parse_patterns(struct reader *r, const struct key *k,
			   const struct node *v, void *slot)
{
	struct condition *c = slot;
	struct values_draft d = {NULL, NULL, {NULL, 0}};

	c->kind = strcmp(k->name, "host_header") == 0 ? CONDITION_HOST_HEADER
						      : CONDITION_PATH_PATTERN;
	if (v->kind == NODE_MAP)
		read_mapping(r, v, k->name, values_keys, &d);
	else
		d.values = node_as_list(r->tree, v);
	take_values(r, k, v, &d, c);
	if (v->kind == NODE_MAP && v->n == 0)
		complain(r, &v->at, NULL,
			 "%s has neither values nor regex_values", k->name);
}

/* RFC 9110 5.1; Host may come from the request's target. */
static void parse_field_name(struct reader *r, const struct key *k,
			     const struct node *v, void *slot)
{
	if (!want_scalar(r, k->name, v))
		return;
	if (!http_is_token(v->text))
		complain(r, &v->at, "such as X-Env",
			 "%s must be the name of a header field", k->name);
	else if (slice_eq_fold(v->text, SLICE("Host")))
		complain(r, &v->at, "write host_header", "%s cannot be Host",
			 k->name);
	else
		*(struct slice *)slot = arena_slice(r->arena, v->text);
	want_aws_length(r, v, AWS_FIELD_OCTETS);
}

static const struct type type_field_name = {parse_field_name, SHAPE_TEXT,
					    "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"};

/* clang-format off */
static const struct key field_keys[] = {
	{"http_header_name", &type_field_name,
	 .offset = offsetof(struct values_draft, field),
	 .flags = KEY_REQUIRED, .doc = "Name of the field, in any case."},
	{"values", &type_values,
	 .offset = offsetof(struct values_draft, values),
	 .doc = "Patterns with * and ?, in any case; \\* and \\? are these "
		"signs themselves.",
	 .absent = "none"},
	{"regex_values", &type_values,
	 .offset = offsetof(struct values_draft, regexes),
	 .doc = "Regular expressions, in any case.", .absent = "none"},
	{0},
};
/* clang-format on */

static void parse_field(struct reader *r, const struct key *k,
			const struct node *v, void *slot)
{
	struct condition *c = slot;
	struct values_draft d = {NULL, NULL, {NULL, 0}};

	c->kind = CONDITION_HTTP_HEADER;
	if (!want_map(r, k->name, v))
		return;
	read_mapping(r, v, k->name, field_keys, &d);
	c->field = d.field;
	c->field_id = (uint8_t)name_of(d.field);
	take_values(r, k, v, &d, c);
	if (d.field.n && !d.values && !d.regexes)
		complain(r, &v->at, NULL,
			 "%s has neither values nor regex_values", k->name);
}

/* -- methods --------------------------------------------------------------- */

static bool is_aws_method(struct slice method)
{
	for (size_t i = 0; i < method.n; i++)
		if (!(method.p[i] >= 'A' && method.p[i] <= 'Z') &&
		    method.p[i] != '-' && method.p[i] != '_')
			return false;
	return true;
}

/* A method that is one of ours but for its case. */
static void warn_of_case(struct reader *r, const struct node *v)
{
	char *upper = arena_strdup(&r->tree->arena, v->text.p);

	for (char *p = upper; *p; p++)
		if (*p >= 'a' && *p <= 'z')
			*p = (char)(*p - 'a' + 'A');
	if (method_of(v->text) == METHOD_OTHER &&
	    method_of(slice_of(upper)) != METHOD_OTHER)
		warn(r, &v->at,
		     arena_printf(&r->tree->arena, "write %s", upper),
		     "the case of a method matters: \"%s\" is another one",
		     v->text.p);
}

static void parse_methods(struct reader *r, const struct key *k,
			  const struct node *v, void *slot)
{
	const struct node *list = node_as_list(r->tree, v);
	struct condition *c = slot;

	(void)k;
	c->kind = CONDITION_HTTP_REQUEST_METHOD;
	begin_values(r, list, c);
	for (size_t i = 0; i < list->n; i++) {
		v = list->items[i];
		if (!want_value(r, v))
			continue;
		want_aws_length(r, v, AWS_METHOD_OCTETS);
		if (!http_is_token(v->text))
			complain(r, &v->at, "such as GET",
				 "\"%s\" is no method", v->text.p);
		else if (r->strict && !is_aws_method(v->text))
			aws_refuses(r, &v->at,
				    "AWS takes capital letters, \"-\" and "
				    "\"_\" in a method");
		else
			warn_of_case(r, v);
		c->values[c->n_values++] = arena_slice(r->arena, v->text);
	}
}

/* -- queries --------------------------------------------------------------- */

struct pair_draft {
	const struct node *key, *value;
};

static void parse_pair_part(struct reader *r, const struct key *k,
			    const struct node *v, void *slot)
{
	(void)k;
	if (!want_value(r, v))
		return;
	want_aws_length(r, v, AWS_VALUE_OCTETS);
	*(const struct node **)slot = v;
}

static const struct type type_pair_part = {parse_pair_part, SHAPE_TEXT, NULL};

/* clang-format off */
static const struct key pair_keys[] = {
	{"key", &type_pair_part, .offset = offsetof(struct pair_draft, key),
	 .doc = "Pattern for the key, in any case.", .absent = "any key"},
	{"value", &type_pair_part, .offset = offsetof(struct pair_draft, value),
	 .flags = KEY_REQUIRED,
	 .doc = "Pattern with * and ? for the value, in any case; \\* and \\? "
		"are these signs themselves."},
	{0},
};
/* clang-format on */

static void add_pair(struct reader *r, const struct node *v,
		     struct condition *c)
{
	struct pair_draft d = {NULL, NULL};
	size_t i = c->n_values;

	if (v->kind == NODE_SCALAR && !v->broken) {
		complain(r, &v->at,
			 arena_printf(&r->tree->arena, "write {value: \"%s\"}",
				      v->text.p),
			 "an element of query_string must be a mapping");
		return;
	}
	if (!want_map(r, "an element of query_string", v))
		return;
	read_mapping(r, v, "an element of query_string", pair_keys, &d);
	if (!d.value)
		return;
	c->values[i] = arena_slice(r->arena, d.value->text);
	c->patterns[i] = make_pattern(r, c, d.value);
	if (d.key) {
		c->keys[i] = arena_slice(r->arena, d.key->text);
		c->key_patterns[i] = make_pattern(r, c, d.key);
	}
	c->n_values++;
}

static void parse_query(struct reader *r, const struct key *k,
			const struct node *v, void *slot)
{
	const struct node *list = node_as_list(r->tree, v);
	struct condition *c = slot;

	(void)k;
	c->kind = CONDITION_QUERY_STRING;
	begin_values(r, list, c);
	c->keys = ARENA_ARRAY(r->arena, list->n, struct slice);
	c->patterns = ARENA_ARRAY(r->arena, list->n, const struct pattern *);
	c->key_patterns =
		ARENA_ARRAY(r->arena, list->n, const struct pattern *);
	for (size_t i = 0; i < list->n; i++)
		add_pair(r, list->items[i], c);
}

/* -- addresses ------------------------------------------------------------- */

/* The networks are read as a whole; this is how they were written. */
static void add_source(struct reader *r, const struct node *v,
		       struct condition *c)
{
	size_t i = c->n_values++;

	if (v->kind == NODE_SCALAR) {
		c->values[i] = arena_slice(r->arena, v->text);
		if (slice_eq(v->text, SLICE("255.255.255.255/32")))
			complain(r, &v->at, NULL,
				 "no client has the address of all of them");
		return;
	}
	if (v->kind != NODE_MAP || v->n != 1)
		return;
	c->keys[i] = SLICE("prefix_list");
	c->values[i] = arena_slice(r->arena, v->entries[0].value->text);
	if (r->strict)
		aws_refuses(r, &v->at, "AWS takes no prefix lists here");
}

static void parse_sources(struct reader *r, const struct key *k,
			  const struct node *v, void *slot)
{
	const struct node *list = node_as_list(r->tree, v);
	unsigned before = r->diag->n_errors;
	struct condition *c = slot;

	(void)k;
	c->kind = CONDITION_SOURCE_IP;
	begin_values(r, list, c);
	c->keys = ARENA_ARRAY(r->arena, list->n, struct slice);
	fw_networks(r, v, &c->networks);
	for (size_t i = 0; i < list->n && r->diag->n_errors == before; i++)
		add_source(r, list->items[i], c);
}

static const struct type type_patterns = {
	parse_patterns, SHAPE_TEXT | SHAPE_MAP | SHAPE_LIST, NULL};
static const struct type type_field = {parse_field, SHAPE_MAP, NULL};
static const struct type type_methods = {parse_methods, SHAPE_TEXT | SHAPE_LIST,
					 NULL};
static const struct type type_query = {parse_query, SHAPE_MAP | SHAPE_LIST,
				       NULL};
static const struct type type_sources = {
	parse_sources, SHAPE_TEXT | SHAPE_MAP | SHAPE_LIST, "/[0-9]{1,3}$"};

/* clang-format off */
const struct key condition_keys[] = {
	{"host_header", &type_patterns, 0, .keys = values_keys,
	 .flags = KEY_OR_MAP,
	 .doc = "Host of the request, without port, in any case."},
	{"path_pattern", &type_patterns, 0, .keys = values_keys,
	 .flags = KEY_OR_MAP,
	 .doc = "Path of the request, without the query."},
	{"http_header", &type_field, 0, .keys = field_keys,
	 .doc = "Value of a header field, of any where it came repeatedly."},
	{"http_request_method", &type_methods, 0,
	 .doc = "Method of the request, in the same case."},
	{"query_string", &type_query, 0, .keys = pair_keys,
	 .doc = "A pair of the query, as it was sent, with its escapes."},
	{"source_ip", &type_sources, 0, .keys = network_peer_keys,
	 .doc = "Address at the other end of the connection: networks, or "
		"{prefix_list: NAME}."},
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

const struct type type_conditions = {
	parse_conditions, SHAPE_MAP | SHAPE_LIST | SHAPE_ONE_KEY, NULL};
