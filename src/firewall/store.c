#include "store.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/fail.h"
#include "store_check.h"
#include "store_parts.h"

/* More matches in a rule than any of ours has. */
enum { MATCHES_MAX = 16 };

/* -- octets ---------------------------------------------------------------- */

static json_t *octets_json(const uint8_t *octets, size_t n)
{
	char text[2 * KEY_OCTETS_MAX + 1];

	while (n > 0 && octets[n - 1] == 0)
		n--;
	for (size_t i = 0; i < n; i++)
		snprintf(text + 2 * i, 3, "%02x", octets[i]);
	return json_stringn(text, 2 * n);
}

static bool octets_read(const json_t *json, uint8_t *out, size_t room)
{
	const char *text = json_string_value(json);
	size_t n = text ? strlen(text) : 1;

	memset(out, 0, room);
	if (!json)
		return true;
	if (n % 2 || n / 2 > room)
		return false;
	for (size_t i = 0; i < n; i += 2) {
		int high = ascii_hex(text[i]), low = ascii_hex(text[i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i / 2] = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* -- small things ---------------------------------------------------------- */

static void put_text(json_t *to, const char *key, const char *text)
{
	if (text)
		json_object_set_new(to, key, json_string_nocheck(text));
}

static const char *get_text(const json_t *from, const char *key)
{
	return json_string_value(json_object_get(from, key));
}

/* A number within limits; absent counts as 0. */
static bool get_number(const json_t *from, const char *key, long long least,
		       long long most, long long *out)
{
	const json_t *number = json_object_get(from, key);

	*out = json_integer_value(number);
	return (!number || json_is_integer(number)) && *out >= least &&
	       *out <= most;
}

static void put_place(json_t *to, const struct place *place)
{
	if (!place->file)
		return;
	json_object_set_new(to, "at",
			    json_pack("[s, i, i, i]", place->file,
				      (int)place->line, (int)place->column,
				      (int)place->width));
}

static struct place get_place(struct ruleset *rules, const json_t *from)
{
	int line, column, width;
	const char *file;
	json_t *at = json_object_get(from, "at");

	if (!at ||
	    json_unpack(at, "[s, i, i, i]", &file, &line, &column, &width) != 0)
		return (struct place){0};
	return (struct place){arena_strdup(&rules->arena, file), (uint32_t)line,
			      (uint32_t)column, (uint32_t)width};
}

static void put_verdict(json_t *to, const struct nft_verdict *v)
{
	if (v->kind != VERDICT_NONE)
		json_object_set_new(to, "verdict", json_integer(v->kind));
	put_text(to, "to", v->chain);
}

static bool get_verdict(struct ruleset *rules, const json_t *from,
			struct nft_verdict *out)
{
	const char *chain = get_text(from, "to");
	long long kind;

	if (!get_number(from, "verdict", VERDICT_NONE, VERDICT_GOTO, &kind))
		return false;
	out->kind = (enum nft_verdict_kind)kind;
	out->chain = chain ? arena_strdup(&rules->arena, chain) : NULL;
	return (out->kind == VERDICT_JUMP || out->kind == VERDICT_GOTO) ==
	       (chain != NULL);
}

static const char *own_text(struct ruleset *rules, const char *text)
{
	return text ? arena_strdup(&rules->arena, text) : NULL;
}

/* -- rules ----------------------------------------------------------------- */

static json_t *match_json(const struct nft_match *m)
{
	json_t *o = json_object(), *fields = json_array();

	json_object_set_new(o, "op", json_integer(m->op));
	for (unsigned i = 0; i < m->n_fields; i++)
		json_array_append_new(fields, json_integer(m->fields[i]));
	json_object_set_new(o, "fields", fields);
	if (m->bits)
		json_object_set_new(o, "bits", json_integer(m->bits));
	json_object_set_new(o, "value",
			    octets_json(m->value, sizeof(m->value)));
	json_object_set_new(o, "last", octets_json(m->last, sizeof(m->last)));
	put_text(o, "set", m->set);
	return o;
}

static bool match_read(struct ruleset *rules, const json_t *o,
		       struct nft_match *m)
{
	const json_t *fields = json_object_get(o, "fields");
	const char *set = get_text(o, "set");
	long long op, bits;

	if (!get_number(o, "op", OP_EQ, OP_VMAP, &op) ||
	    !get_number(o, "bits", 0, 128, &bits) ||
	    json_array_size(fields) < 1 ||
	    json_array_size(fields) > KEY_FIELDS_MAX ||
	    !octets_read(json_object_get(o, "value"), m->value,
			 sizeof(m->value)) ||
	    !octets_read(json_object_get(o, "last"), m->last, sizeof(m->last)))
		return false;
	m->op = (uint8_t)op;
	m->bits = (uint8_t)bits;
	m->set = own_text(rules, set);
	for (; m->n_fields < json_array_size(fields); m->n_fields++) {
		long long field =
			json_integer_value(json_array_get(fields, m->n_fields));

		if (field < 0 || field >= N_FIELDS)
			return false;
		m->fields[m->n_fields] = (uint8_t)field;
	}
	return (op == OP_LOOKUP || op == OP_VMAP) == (set != NULL) &&
	       (set || m->n_fields == 1);
}

static json_t *log_json(const struct nft_log *log)
{
	return json_pack("{s:i, s:i, s:s, s:i}", "rate",
			 (int)log->rate_per_second, "burst", (int)log->burst,
			 "prefix", log->prefix, "group", log->group);
}

static bool log_read(struct ruleset *rules, const json_t *o,
		     struct nft_rule *rule)
{
	struct nft_log *log = ARENA_NEW(&rules->arena, struct nft_log);
	const char *prefix = get_text(o, "prefix");
	long long rate, burst, group;

	if (!o)
		return true;
	if (!prefix || strlen(prefix) > 127 || strchr(prefix, '"') ||
	    !get_number(o, "rate", 1, UINT32_MAX, &rate) ||
	    !get_number(o, "burst", 0, UINT32_MAX, &burst) ||
	    !get_number(o, "group", -1, 65535, &group))
		return false;
	*log = (struct nft_log){(uint32_t)rate, (uint32_t)burst,
				own_text(rules, prefix), (int)group};
	rule->log = log;
	return true;
}

static json_t *rule_json(const struct nft_rule *rule)
{
	json_t *o = json_object(), *matches = json_array();

	for (unsigned i = 0; i < rule->n_matches; i++)
		json_array_append_new(matches, match_json(&rule->matches[i]));
	json_object_set_new(o, "matches", matches);
	if (rule->log)
		json_object_set_new(o, "log", log_json(rule->log));
	json_object_set_new(o, "counter", json_boolean(rule->counter));
	put_verdict(o, &rule->verdict);
	put_text(o, "timeout", rule->timeout);
	put_text(o, "comment", rule->comment);
	put_place(o, &rule->place);
	return o;
}

static bool rule_read(struct ruleset *rules, const json_t *o,
		      struct nft_rule *rule)
{
	const json_t *list = json_object_get(o, "matches");
	size_t n = json_array_size(list);
	struct nft_match *matches;

	if (n > MATCHES_MAX)
		return false;
	matches = ARENA_ARRAY(&rules->arena, n, struct nft_match);
	for (size_t i = 0; i < n; i++)
		if (!match_read(rules, json_array_get(list, i), &matches[i]))
			return false;
	rule->matches = matches;
	rule->n_matches = (unsigned)n;
	rule->counter = json_is_true(json_object_get(o, "counter"));
	rule->timeout = own_text(rules, get_text(o, "timeout"));
	rule->comment = own_text(rules, get_text(o, "comment"));
	rule->place = get_place(rules, o);
	return get_verdict(rules, o, &rule->verdict) &&
	       log_read(rules, json_object_get(o, "log"), rule);
}

/* -- chains ---------------------------------------------------------------- */

json_t *store_chain_json(const struct nft_chain *chain)
{
	json_t *o = json_object(), *rules = json_array();

	put_text(o, "name", chain->name);
	json_object_set_new(o, "hook", json_integer(chain->hook));
	json_object_set_new(o, "priority", json_integer(chain->priority));
	put_text(o, "comment", chain->comment);
	put_place(o, &chain->place);
	for (unsigned i = 0; i < chain->n_rules; i++)
		if (!chain->rules[i].live.foreign)
			json_array_append_new(rules,
					      rule_json(&chain->rules[i]));
	json_object_set_new(o, "rules", rules);
	return o;
}

/* Names go into netlink messages and into text for nft. */
static bool is_name(const char *name)
{
	size_t n = name ? strlen(name) : 0;

	if (n == 0 || n > 127)
		return false;
	for (size_t i = 0; i < n; i++)
		if (name[i] <= ' ' || name[i] >= 0x7f || name[i] == '"')
			return false;
	return true;
}

bool store_chain_read(struct ruleset *rules, const json_t *o)
{
	const json_t *list = json_object_get(o, "rules");
	const char *name = get_text(o, "name");
	long long hook, priority;
	struct nft_chain *chain;

	if (!is_name(name) || ruleset_chain(rules, name) ||
	    !get_number(o, "hook", HOOK_NONE, HOOK_PREROUTING, &hook) ||
	    !get_number(o, "priority", -1000, 1000, &priority))
		return false;
	chain = ruleset_add_chain(rules, name);
	chain->hook = (enum nft_hook)hook;
	chain->priority = (int)priority;
	chain->comment = own_text(rules, get_text(o, "comment"));
	chain->place = get_place(rules, o);
	for (size_t i = 0; i < json_array_size(list); i++)
		if (!rule_read(rules, json_array_get(list, i),
			       chain_add_rule(chain)))
			return false;
	return true;
}

/* -- sets ------------------------------------------------------------------ */

json_t *store_element_json(const struct nft_element *e)
{
	json_t *o = json_object();

	json_object_set_new(o, "first",
			    octets_json(e->first, sizeof(e->first)));
	json_object_set_new(o, "last", octets_json(e->last, sizeof(e->last)));
	put_verdict(o, &e->verdict);
	put_text(o, "comment", e->comment);
	if (e->ends_ms)
		json_object_set_new(o, "ends",
				    json_integer((json_int_t)e->ends_ms));
	if (e->own)
		json_object_set_new(o, "own", json_true());
	put_place(o, &e->place);
	return o;
}

static bool element_read(struct ruleset *rules, const json_t *o,
			 struct nft_element *e)
{
	e->own = json_is_true(json_object_get(o, "own"));
	e->ends_ms = (uint64_t)json_integer_value(json_object_get(o, "ends"));
	e->comment = own_text(rules, get_text(o, "comment"));
	e->place = get_place(rules, o);
	return octets_read(json_object_get(o, "first"), e->first,
			   sizeof(e->first)) &&
	       octets_read(json_object_get(o, "last"), e->last,
			   sizeof(e->last)) &&
	       get_verdict(rules, o, &e->verdict);
}

/* Without its elements. */
json_t *store_set_head_json(const struct nft_set *set)
{
	json_t *o = json_object(), *types = json_array();

	put_text(o, "name", set->name);
	for (unsigned i = 0; i < set->n_types; i++)
		json_array_append_new(types, json_integer(set->types[i]));
	json_object_set_new(o, "types", types);
	json_object_set_new(o, "interval", json_boolean(set->interval));
	json_object_set_new(o, "map", json_boolean(set->map));
	json_object_set_new(o, "counter", json_boolean(set->counter));
	if (set->timeout)
		json_object_set_new(o, "timeout", json_true());
	if (set->follows)
		json_object_set_new(o, "follows", json_true());
	put_text(o, "comment", set->comment);
	put_place(o, &set->place);
	return o;
}

static json_t *set_json(const struct nft_set *set)
{
	json_t *o = store_set_head_json(set), *elements = json_array();

	for (unsigned i = 0; i < set->n_elements; i++)
		json_array_append_new(elements,
				      store_element_json(&set->elements[i]));
	json_object_set_new(o, "elements", elements);
	return o;
}

bool store_set_read(struct ruleset *rules, const json_t *o)
{
	const json_t *list = json_object_get(o, "types");
	const json_t *elements = json_object_get(o, "elements");
	const char *name = get_text(o, "name");
	uint8_t types[KEY_FIELDS_MAX];
	size_t n = json_array_size(list);
	struct nft_set *set;

	if (!is_name(name) || ruleset_set(rules, name) || n < 1 ||
	    n > KEY_FIELDS_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		long long type = json_integer_value(json_array_get(list, i));

		if (type < 0 || type >= N_TYPES)
			return false;
		types[i] = (uint8_t)type;
	}
	set = ruleset_add_set(rules, name, types, (unsigned)n);
	set->interval = json_is_true(json_object_get(o, "interval"));
	set->map = json_is_true(json_object_get(o, "map"));
	set->counter = json_is_true(json_object_get(o, "counter"));
	set->timeout = json_is_true(json_object_get(o, "timeout"));
	set->follows = json_is_true(json_object_get(o, "follows"));
	set->comment = own_text(rules, get_text(o, "comment"));
	set->place = get_place(rules, o);
	for (size_t i = 0; i < json_array_size(elements); i++)
		if (!element_read(rules, json_array_get(elements, i),
				  set_add_element(set)))
			return false;
	return true;
}

/* -- timeouts -------------------------------------------------------------- */

json_t *store_timeout_json(const struct nft_timeout *t)
{
	json_t *o = json_object();

	put_text(o, "name", t->name);
	json_object_set_new(o, "protocol", json_integer(t->protocol));
	json_object_set_new(o, "established", json_integer(t->established_s));
	json_object_set_new(o, "unreplied", json_integer(t->unreplied_s));
	json_object_set_new(o, "replied", json_integer(t->replied_s));
	put_place(o, &t->place);
	return o;
}

bool store_timeout_read(struct ruleset *rules, const json_t *o)
{
	long long protocol, established, unreplied, replied;
	const char *name = get_text(o, "name");
	struct nft_timeout *t;

	if (!is_name(name) || ruleset_timeout(rules, name) ||
	    !get_number(o, "protocol", 0, 255, &protocol) ||
	    !get_number(o, "established", 0, UINT32_MAX, &established) ||
	    !get_number(o, "unreplied", 0, UINT32_MAX, &unreplied) ||
	    !get_number(o, "replied", 0, UINT32_MAX, &replied))
		return false;
	t = ruleset_add_timeout(rules, name);
	t->protocol = (uint8_t)protocol;
	t->established_s = (uint32_t)established;
	t->unreplied_s = (uint32_t)unreplied;
	t->replied_s = (uint32_t)replied;
	t->place = get_place(rules, o);
	return true;
}

/* -- all of it ------------------------------------------------------------- */

json_t *store_to_json(const struct ruleset *rules)
{
	json_t *chains, *sets, *timeouts;

	if (!rules)
		return json_pack("{s:i, s:n}", "version", STORE_VERSION,
				 "table");
	chains = json_array();
	sets = json_array();
	timeouts = json_array();
	for (unsigned i = 0; i < rules->n_timeouts; i++)
		json_array_append_new(timeouts,
				      store_timeout_json(rules->timeouts[i]));
	for (unsigned i = 0; i < rules->n_chains; i++)
		json_array_append_new(chains,
				      store_chain_json(rules->chains[i]));
	for (unsigned i = 0; i < rules->n_sets; i++)
		if (!rules->sets[i]->foreign)
			json_array_append_new(sets, set_json(rules->sets[i]));
	return json_pack("{s:i, s:s, s:o, s:o, s:o}", "version", STORE_VERSION,
			 "table", rules->table, "timeouts", timeouts, "sets",
			 sets, "chains", chains);
}

static bool read_parts(struct ruleset *rules, const json_t *json)
{
	static const struct {
		const char *key;
		bool (*read)(struct ruleset *rules, const json_t *o);
	} parts[] = {
		{"timeouts", store_timeout_read},
		{"sets", store_set_read},
		{"chains", store_chain_read},
	};

	for (size_t p = 0; p < ARRAY_SIZE(parts); p++) {
		const json_t *list = json_object_get(json, parts[p].key);

		for (size_t i = 0; i < json_array_size(list); i++)
			if (!parts[p].read(rules, json_array_get(list, i)))
				return false;
	}
	return true;
}

int store_from_json(const json_t *json, struct ruleset **rules)
{
	const char *table = get_text(json, "table");
	long long version;

	*rules = NULL;
	if (!get_number(json, "version", STORE_VERSION, STORE_VERSION,
			&version))
		return -1;
	if (json_is_null(json_object_get(json, "table")))
		return 0;
	if (!is_name(table))
		return -1;
	*rules = ruleset_new(table);
	if (read_parts(*rules, json) && store_check(*rules)) {
		ruleset_finish(*rules);
		return 0;
	}
	ruleset_free(*rules);
	*rules = NULL;
	return -1;
}
