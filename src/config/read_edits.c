/* Header fields that are changed on their way, and other names for those that
 * weir adds. */
#include "base/fail.h"
#include "http/field_edits.h"
#include "http/names.h"
#include "read.h"

enum { NAME_OCTETS_MAX = 128, RENAME_OCTETS_MAX = 64 };

/* -- names that are nobody's to change ------------------------------------- */

struct kept_name {
	struct slice text;
	bool is_prefix;
	const char *why, *hint;
};

static const char ONE_WAY[] = "it belongs to one connection";
static const char WEIRS[] = "weir alone writes it";

static const struct kept_name kept_names[] = {
	{SLICE_INIT("host"), false, WEIRS, "use host_header_rewrite"},
	{SLICE_INIT("connection"), false, ONE_WAY, NULL},
	{SLICE_INIT("keep-alive"), false, ONE_WAY, NULL},
	{SLICE_INIT("proxy-"), true, ONE_WAY, NULL},
	{SLICE_INIT("transfer-encoding"), false, ONE_WAY, NULL},
	{SLICE_INIT("te"), false, ONE_WAY, NULL},
	{SLICE_INIT("trailer"), false, ONE_WAY, NULL},
	{SLICE_INIT("upgrade"), false, ONE_WAY, NULL},
	{SLICE_INIT("expect"), false, ONE_WAY, NULL},
	{SLICE_INIT("content-length"), false, WEIRS, NULL},
	{SLICE_INIT("x-forwarded-for"), false, WEIRS, NULL},
	{SLICE_INIT("x-forwarded-proto"), false, WEIRS, NULL},
	{SLICE_INIT("x-forwarded-port"), false, WEIRS, NULL},
	{SLICE_INIT("x-amzn-"), true, WEIRS, NULL},
	/* For other names of fields only. */
	{SLICE_INIT("content-"), true, WEIRS, NULL},
	{SLICE_INIT("x-forwarded-"), true, WEIRS, NULL},
};

enum { KEPT_FROM_EDITS = ARRAY_SIZE(kept_names) - 2 };

static const struct kept_name *find_kept(struct slice name, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct kept_name *kept = &kept_names[i];

		if (kept->is_prefix ? name_starts(name, kept->text)
				    : name_same(name, kept->text))
			return kept;
	}
	return NULL;
}

/* RFC 9110 5.6.2. */
static bool is_token_sign(char c)
{
	return ascii_is_digit(c) ||
	       (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool want_field_name(struct reader *r, const struct node *v)
{
	const struct kept_name *kept;

	if (!want_scalar(r, "the name of a field", v))
		return false;
	if (v->text.n == 0 || v->text.n > NAME_OCTETS_MAX) {
		complain(r, &v->at, NULL,
			 "the name of a field has 1 to %d characters",
			 NAME_OCTETS_MAX);
		return false;
	}
	for (size_t i = 0; i < v->text.n; i++) {
		struct place at = node_part(v, i, 1);

		if (is_token_sign(v->text.p[i]))
			continue;
		complain(r, &at, NULL,
			 "the name of a field cannot have this sign");
		return false;
	}
	kept = find_kept(v->text, KEPT_FROM_EDITS);
	if (kept)
		complain(r, &v->at, kept->hint,
			 "the field \"%s\" cannot be changed: %s", v->text.p,
			 kept->why);
	return !kept;
}

/* -- what is removed, set and added ---------------------------------------- */

static bool too_many(struct reader *r, const struct key *k,
		     const struct node *v)
{
	if (v->n > FIELD_EDITS_EACH)
		complain(r, &v->at, NULL, "%s may have at most %d fields",
			 k->name, FIELD_EDITS_EACH);
	return v->n > FIELD_EDITS_EACH;
}

static void parse_removed(struct reader *r, const struct key *k,
			  const struct node *v, void *slot)
{
	const struct node *list = node_as_list(r->tree, v);
	struct field_changes *c = slot;

	if (too_many(r, k, list))
		return;
	c->remove = ARENA_ARRAY(r->arena, list->n, struct slice);
	for (size_t i = 0; i < list->n; i++)
		if (want_field_name(r, list->items[i]))
			c->remove[c->n_remove++] =
				arena_slice(r->arena, list->items[i]->text);
}

static bool want_field_value(struct reader *r, const struct node *v,
			     struct template *out)
{
	const unsigned all = ~PLACE_BIT(PLACE_LITERAL);
	struct place bad;

	if (!want_scalar(r, "the value of a field", v))
		return false;
	if (v->text.n > FIELD_EDIT_VALUE_MAX) {
		complain(r, &v->at, NULL,
			 "the value of a field has at most %d characters",
			 FIELD_EDIT_VALUE_MAX);
		return false;
	}
	for (size_t i = 0; i < v->text.n; i++) {
		bad = node_part(v, i, 1);
		if (v->text.p[i] >= ' ' && v->text.p[i] <= '~')
			continue;
		complain(r, &bad, NULL,
			 "the value of a field may only have visible ASCII and "
			 "spaces");
		return false;
	}
	if (read_template(r, v, all, out, &bad))
		return true;
	complain(r, &bad, NULL, "the value of a field may hold %s",
		 list_placeholders(r, all));
	return false;
}

static const struct field_edit *find_edit(const struct field_edit *edits,
					  size_t n, struct slice name)
{
	for (size_t i = 0; i < n; i++)
		if (name_same(edits[i].name, name))
			return &edits[i];
	return NULL;
}

static struct field_edit *read_fields(struct reader *r, const struct key *k,
				      const struct node *v, size_t *n)
{
	struct field_edit *edits;

	if (!want_map(r, k->name, v) || too_many(r, k, v))
		return NULL;
	edits = ARENA_ARRAY(r->arena, v->n, struct field_edit);
	for (size_t i = 0; i < v->n; i++) {
		const struct node *name = v->entries[i].key;
		struct field_edit *edit = &edits[*n];

		if (!want_field_name(r, name) ||
		    !want_field_value(r, v->entries[i].value, &edit->value))
			continue;
		if (find_edit(edits, *n, name->text)) {
			complain(r, &name->at, NULL,
				 "the field \"%s\" is given twice",
				 name->text.p);
			continue;
		}
		edit->name = arena_slice(r->arena, name->text);
		(*n)++;
	}
	return edits;
}

static void parse_set(struct reader *r, const struct key *k,
		      const struct node *v, void *slot)
{
	struct field_changes *c = slot;

	c->set = read_fields(r, k, v, &c->n_set);
}

static void parse_added(struct reader *r, const struct key *k,
			const struct node *v, void *slot)
{
	struct field_changes *c = slot;

	c->add = read_fields(r, k, v, &c->n_add);
}

static const struct type type_removed = {parse_removed, SHAPE_TEXT | SHAPE_LIST,
					 NULL};
static const struct type type_set = {parse_set, SHAPE_MAP, NULL};
static const struct type type_added = {parse_added, SHAPE_MAP, NULL};

/* clang-format off */
const struct key changes_keys[] = {
	{"remove", &type_removed, 0,
	 .doc = "Names of fields that do not pass.", .absent = "none"},
	{"set", &type_set, 0, .flags = KEY_FREE,
	 .doc = "Fields in place of all of that name.", .absent = "none"},
	{"add", &type_added, 0, .flags = KEY_FREE,
	 .doc = "Fields beside those of that name.", .absent = "none"},
	{0},
};
/* clang-format on */

static void parse_changes(struct reader *r, const struct key *k,
			  const struct node *v, void *slot)
{
	struct field_changes *c = ARENA_NEW(r->arena, struct field_changes);

	if (!want_map(r, k->name, v))
		return;
	read_mapping(r, v, k->name, changes_keys, c);
	*(const struct field_changes **)slot = c;
}

const struct type type_changes = {parse_changes, SHAPE_MAP, NULL};

/* -- other names ----------------------------------------------------------- */

static const struct {
	const char *key;
	enum amzn_field field;
	struct slice name;
} renamed[] = {
	{"x_amzn_tls_version", AMZN_TLS_VERSION,
	 SLICE_INIT("x-amzn-tls-version")},
	{"x_amzn_tls_cipher_suite", AMZN_TLS_CIPHER_SUITE,
	 SLICE_INIT("x-amzn-tls-cipher-suite")},
	{"x_amzn_mtls_clientcert_serial_number", AMZN_MTLS_SERIAL_NUMBER,
	 SLICE_INIT("X-Amzn-Mtls-Clientcert-Serial-Number")},
	{"x_amzn_mtls_clientcert_issuer", AMZN_MTLS_ISSUER,
	 SLICE_INIT("X-Amzn-Mtls-Clientcert-Issuer")},
	{"x_amzn_mtls_clientcert_subject", AMZN_MTLS_SUBJECT,
	 SLICE_INIT("X-Amzn-Mtls-Clientcert-Subject")},
	{"x_amzn_mtls_clientcert_validity", AMZN_MTLS_VALIDITY,
	 SLICE_INIT("X-Amzn-Mtls-Clientcert-Validity")},
	{"x_amzn_mtls_clientcert_leaf", AMZN_MTLS_LEAF,
	 SLICE_INIT("X-Amzn-Mtls-Clientcert-Leaf")},
	{"x_amzn_mtls_clientcert", AMZN_MTLS_CLIENTCERT,
	 SLICE_INIT("X-Amzn-Mtls-Clientcert")},
};

static size_t renamed_by(const struct key *k)
{
	struct slice key =
		slice_from(slice_of(k->name), strlen("routing.http.request."));
	size_t i = 0;

	key = slice_first(key, slice_find(key, '.'));
	while (i + 1 < ARRAY_SIZE(renamed) &&
	       !slice_eq(key, slice_of(renamed[i].key)))
		i++;
	return i;
}

static bool is_rename_sign(char c)
{
	return ascii_is_digit(c) || c == '-' || c == '_' ||
	       (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
}

static bool is_new_name(struct slice name)
{
	for (size_t i = 0; i < name.n; i++)
		if (!is_rename_sign(name.p[i]))
			return false;
	return name.n > 0 && name.n <= RENAME_OCTETS_MAX;
}

static void parse_rename(struct reader *r, const struct key *k,
			 const struct node *v, void *slot)
{
	size_t row = renamed_by(k);
	struct slice *names = slot;
	const struct kept_name *kept;

	if (!want_scalar(r, k->name, v))
		return;
	if (!is_new_name(v->text)) {
		complain(r, &v->at, NULL,
			 "the name of a field has 1 to %d letters, digits, "
			 "\"-\" and \"_\" here",
			 RENAME_OCTETS_MAX);
		return;
	}
	kept = find_kept(v->text, ARRAY_SIZE(kept_names));
	if (kept && !slice_eq_fold(v->text, renamed[row].name)) {
		complain(r, &v->at, NULL,
			 "no other field can have the name \"%s\": %s",
			 v->text.p, kept->why);
		return;
	}
	for (size_t i = 0; i < AMZN_FIELDS; i++)
		if (names[i].n && name_same(names[i], v->text)) {
			complain(r, &v->at, NULL,
				 "two fields get the name \"%s\"", v->text.p);
			return;
		}
	names[renamed[row].field] = arena_slice(r->arena, v->text);
}

const struct type type_rename = {parse_rename, SHAPE_TEXT,
				 "^[A-Za-z0-9_-]{1,64}$"};

/* -- put together ---------------------------------------------------------- */

/* Names that weir alone gives to targets. */
static size_t fill_renames(struct listener *l, struct slice *ours)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(renamed); i++) {
		struct slice *name = &l->amzn_names[renamed[i].field];

		if (name->n)
			ours[n++] = *name;
		else
			*name = renamed[i].name;
	}
	return n;
}

static void check_renamed(struct reader *r, const struct field_changes *c,
			  const struct slice *ours, size_t n,
			  const struct place *at)
{
	for (size_t i = 0; c && i < n; i++)
		if (find_edit(c->set, c->n_set, ours[i]) ||
		    find_edit(c->add, c->n_add, ours[i]))
			complain(r, at, NULL,
				 "request_headers cannot write \"%.*s\": it is "
				 "the new name of a field that weir alone "
				 "writes",
				 SLICE_ARG(ours[i]));
}

static void edit_requests(struct reader *r, struct listener *l,
			  struct rule *rule, const struct slice *ours, size_t n)
{
	check_renamed(r, rule->request_changes, ours, n, &rule->place);
	rule->request_edits =
		rule->request_changes
			? field_edits_make(r->arena, l->request_changes,
					   rule->request_changes, ours, n)
			: l->request_edits;
}

static void edit_responses(struct reader *r, struct listener *l,
			   struct rule *rule, const struct slice *last,
			   size_t n)
{
	rule->response_edits =
		rule->response_changes
			? field_edits_make(r->arena, l->response_changes,
					   rule->response_changes, last, n)
			: l->response_edits;
}

void make_edits(struct reader *r, struct listener *l)
{
	struct slice ours[AMZN_FIELDS], last[KEYS_MAX];
	size_t n_ours = fill_renames(l, ours), n_last = l->n_response_fields;

	for (size_t i = 0; i < n_last; i++)
		last[i] = l->response_fields[i].name;
	check_renamed(r, l->request_changes, ours, n_ours, &l->place);
	l->request_edits = field_edits_make(r->arena, l->request_changes, NULL,
					    ours, n_ours);
	if (l->response_changes)
		l->response_edits = field_edits_make(
			r->arena, l->response_changes, NULL, last, n_last);
	for (size_t i = 0; i <= l->n_rules; i++) {
		struct rule *rule = i < l->n_rules ? &l->rules[i]
						   : &l->default_rule;

		edit_requests(r, l, rule, ours, n_ours);
		edit_responses(r, l, rule, last, n_last);
	}
}
