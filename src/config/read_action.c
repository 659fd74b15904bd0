/* Actions of rules: forward, redirect, fixed response. */
#include "base/fail.h"
#include "names.h"
#include "read.h"

enum { BODY_MAX = 64 * 1024, CONTENT_TYPE_MAX = 128, AWS_GROUPS = 5 };

/* -- forward --------------------------------------------------------------- */

static void parse_group_name(struct reader *r, const struct key *k,
			     const struct node *v, void *slot)
{
	struct target_group **group = slot;

	if (want_scalar(r, k->name, v))
		*group = names_find(r, &r->groups, "target group", v);
}

static const struct type type_group_name = {parse_group_name, SHAPE_TEXT,
					    "^[A-Za-z0-9-]{1,32}$"};

/* clang-format off */
static const struct key weighted_keys[] = {
	{"target_group", &type_group_name,
	 .offset = offsetof(struct weighted_group, group),
	 .flags = KEY_REQUIRED, .doc = "Name of a target group."},
	{"weight", &type_count,
	 .offset = offsetof(struct weighted_group, weight), "1", {0, 1000000},
	 {0, 999}, .doc = "Share of the requests: weight by sum of all weights."},
	{0},
};
/* clang-format on */

static void want_once(struct reader *r, const struct forward *f,
		      const struct node *at)
{
	const struct target_group *last = f->groups[f->n_groups - 1].group;

	for (size_t i = 0; i + 1 < f->n_groups; i++)
		if (f->groups[i].group == last) {
			complain(r, &at->at, NULL,
				 "the target group \"%.*s\" stands in this "
				 "action already",
				 SLICE_ARG(last->name));
			return;
		}
}

static bool has_weight(const struct node *one)
{
	for (size_t i = 0; one->kind == NODE_MAP && i < one->n; i++)
		if (slice_eq(one->entries[i].key->text, SLICE("weight")))
			return true;
	return false;
}

static void read_weighted(struct reader *r, const struct key *k,
			  const struct node *one, struct weighted_group *g)
{
	if (one->kind == NODE_SCALAR) {
		g->weight = 1;
		parse_group_name(r, k, one, &g->group);
	} else if (want_map(r, "an element of target_groups", one)) {
		read_mapping(r, one, "an element of target_groups",
			     weighted_keys, g);
	}
}

static void parse_groups(struct reader *r, const struct key *k,
			 const struct node *v, void *slot)
{
	const struct node *list = node_as_list(r->tree, v);
	struct forward *f = slot;

	f->groups = ARENA_ARRAY(r->arena, list->n, struct weighted_group);
	if (list->n == 0)
		complain(r, &v->at, NULL, "%s needs one element", k->name);
	if (r->strict && list->n > AWS_GROUPS)
		aws_refuses(r, &v->at,
			    "AWS takes at most %d target groups in an action",
			    AWS_GROUPS);
	for (size_t i = 0; i < list->n; i++) {
		struct weighted_group *g = &f->groups[f->n_groups];

		*g = (struct weighted_group){.group = NULL};
		read_weighted(r, k, list->items[i], g);
		if (!g->group)
			continue;
		if (r->strict && list->n > 1 && !has_weight(list->items[i]))
			aws_refuses(r, &list->items[i]->at,
				    "AWS wants a weight for each of several "
				    "target groups");
		f->n_groups++;
		want_once(r, f, list->items[i]);
	}
}

static const struct type type_groups = {
	parse_groups, SHAPE_TEXT | SHAPE_MAP | SHAPE_LIST, NULL};

/* clang-format off */
static const struct key forward_keys[] = {
	{"target_groups", &type_groups, 0, .keys = weighted_keys,
	 .flags = KEY_REQUIRED,
	 .doc = "Groups to choose from, by weight, each once."},
	{"stickiness.enabled", &type_boolean,
	 .offset = offsetof(struct forward, stickiness.enabled), "false",
	 .doc = "Keeps a client at the group that it was given."},
	{"stickiness.duration_seconds", &type_duration,
	 .offset = offsetof(struct forward, stickiness.duration_s), "3600",
	 {1, 31536000}, {1, 604800},
	 .doc = "How long; checked inside of the cookie."},
	{0},
};
/* clang-format on */

/* Without it a client would come to another group, where the cookie of its
 * target means nothing. */
static void want_stickiness(struct reader *r, const struct node *v,
			    const struct forward *f)
{
	for (size_t i = 0; i < f->n_groups; i++) {
		const struct target_group *g = f->groups[i].group;

		if (f->n_groups < 2 || f->stickiness.enabled ||
		    !g->stickiness.enabled)
			continue;
		complain(r, &v->at,
			 arena_printf(&r->tree->arena,
				      "write stickiness.enabled: true here; "
				      "the group is at %s:%u",
				      g->place.file, g->place.line),
			 "the target group \"%.*s\" is sticky, so the choice "
			 "between groups must be, too",
			 SLICE_ARG(g->name));
		return;
	}
}

static void warn_of_weights(struct reader *r, const struct node *v,
			    const struct forward *f)
{
	uint64_t total = 0;

	for (size_t i = 0; i < f->n_groups; i++)
		total += f->groups[i].weight;
	if (f->n_groups && total == 0)
		warn(r, &v->at, NULL,
		     "all weights are 0: every request is answered 503");
}

static void parse_forward(struct reader *r, const struct key *k,
			  const struct node *v, void *slot)
{
	struct action *a = slot;
	struct target_group *group = NULL;
	unsigned before = r->diag->n_errors;

	a->kind = ACTION_FORWARD;
	if (v->kind == NODE_MAP) {
		read_mapping(r, v, "forward", forward_keys, &a->forward);
		if (r->diag->n_errors == before) {
			want_stickiness(r, v, &a->forward);
			warn_of_weights(r, v, &a->forward);
		}
	} else if (want_scalar(r, k->name, v)) {
		group = names_find(r, &r->groups, "target group", v);
		a->forward.groups = ARENA_NEW(r->arena, struct weighted_group);
		*a->forward.groups = (struct weighted_group){group, 1};
		a->forward.n_groups = group != NULL;
	}
	for (size_t i = 0; i < a->forward.n_groups; i++)
		a->forward.groups[i].group->is_used = true;
}

/* -- redirect -------------------------------------------------------------- */

struct redirect_draft {
	struct redirect redirect;
	struct slice protocol, host, port, path;
};

#define HOLDS(kind) PLACE_BIT(PLACE_##kind)

static const struct {
	const char *key;
	unsigned allowed; /* placeholders */
} components[] = {
	{"protocol", HOLDS(PROTOCOL)},
	{"host", HOLDS(HOST)},
	{"port", HOLDS(PORT)},
	{"path", HOLDS(HOST) | HOLDS(PATH) | HOLDS(PORT)},
	{"query", HOLDS(PROTOCOL) | HOLDS(HOST) | HOLDS(PORT) | HOLDS(PATH) |
			  HOLDS(QUERY)},
};

static unsigned allowed_in(const struct key *k)
{
	for (size_t i = 0; i < ARRAY_SIZE(components); i++)
		if (strcmp(components[i].key, k->name) == 0)
			return components[i].allowed;
	return 0;
}

static void parse_template(struct reader *r, const struct key *k,
			   const struct node *v, void *slot)
{
	struct place bad;

	if (!want_scalar(r, k->name, v))
		return;
	for (size_t i = 0; i < v->text.n; i++) {
		struct place at = node_part(v, i, 1);

		if (v->text.p[i] > ' ' && v->text.p[i] < 0x7f)
			continue;
		complain(r, &at, NULL,
			 "%s of a redirect may only have visible ASCII",
			 k->name);
		return;
	}
	if (r->strict && v->text.n > 128)
		aws_refuses(r, &v->at, "AWS takes at most 128 characters");
	if (!read_template(r, v, allowed_in(k), slot, &bad))
		complain(r, &bad, NULL, "%s of a redirect may hold %s", k->name,
			 list_placeholders(r, allowed_in(k)));
}

static void parse_host(struct reader *r, const struct key *k,
		       const struct node *v, void *slot)
{
	struct redirect_draft *d = slot;

	if (!want_scalar(r, k->name, v))
		return;
	if (v->text.n == 0)
		complain(r, &v->at, NULL, "host of a redirect is empty");
	d->host = v->text;
	parse_template(r, k, v, &d->redirect.host);
}

static void parse_path_part(struct reader *r, const struct key *k,
			    const struct node *v, void *slot)
{
	struct redirect_draft *d = slot;

	if (!want_scalar(r, k->name, v))
		return;
	d->path = v->text;
	if (v->text.n == 0 || v->text.p[0] != '/')
		complain(r, &v->at, NULL,
			 "path of a redirect must begin with \"/\"");
	else
		parse_template(r, k, v, &d->redirect.path);
}

static void parse_redirect_port(struct reader *r, const struct key *k,
				const struct node *v, void *slot)
{
	struct redirect_draft *d = slot;
	uint16_t port;

	if (!want_scalar(r, k->name, v))
		return;
	d->port = v->text;
	if (!slice_starts(v->text, SLICE("#")))
		type_port.parse(r, k, v, &port);
	parse_template(r, k, v, &d->redirect.port);
}

static const struct word schemes[] = {
	{"HTTP", 0, NULL},
	{"HTTPS", 1, NULL},
	{"#{protocol}", 2, NULL},
	{0},
};

static void parse_scheme(struct reader *r, const struct key *k,
			 const struct node *v, void *slot)
{
	static const char *const texts[] = {"http", "https", "#{protocol}"};
	struct redirect_draft *d = slot;
	int at = want_word(r, k->name, v, schemes);

	if (at < 0)
		return;
	d->protocol = slice_of(texts[at]);
	parse_template(r, k, node_scalar(r->tree, texts[at], &v->at),
		       &d->redirect.protocol);
}

static const struct word redirect_codes[] = {
	{"HTTP_301", 301, NULL},
	{"HTTP_302", 302, NULL},
	{0},
};

static void parse_redirect_code(struct reader *r, const struct key *k,
				const struct node *v, void *slot)
{
	int at;

	if (v->kind == NODE_SCALAR && (slice_eq(v->text, SLICE("301")) ||
				       slice_eq(v->text, SLICE("302")))) {
		complain(r, &v->at,
			 arena_printf(&r->tree->arena, "write HTTP_%s",
				      v->text.p),
			 "%s of a redirect must be HTTP_301 or HTTP_302, not "
			 "\"%s\"",
			 k->name, v->text.p);
		return;
	}
	at = want_word(r, k->name, v, redirect_codes);
	if (at >= 0)
		*(uint16_t *)slot = (uint16_t)redirect_codes[at].value;
}

#define DRAFT(member) .offset = offsetof(struct redirect_draft, member)

static const struct type type_scheme = {parse_scheme, SHAPE_TEXT,
					"^(HTTPS?|#\\{protocol\\})$"};
static const struct type type_host = {parse_host, SHAPE_TEXT, NULL};
static const struct type type_redirect_port = {
	parse_redirect_port, SHAPE_NUMBER | SHAPE_TEXT, "^#\\{port\\}$"};
static const struct type type_path_part = {parse_path_part, SHAPE_TEXT, "^/"};
static const struct type type_template = {parse_template, SHAPE_TEXT, NULL};
static const struct type type_redirect_code = {parse_redirect_code, SHAPE_TEXT,
					       NULL};

/* clang-format off */
static const struct key redirect_keys[] = {
	{"protocol", &type_scheme, 0, "#{protocol}", .words = schemes,
	 .doc = "HTTP, HTTPS or that of the request."},
	{"host", &type_host, 0, "#{host}", .doc = "Without port."},
	{"port", &type_redirect_port, 0, "#{port}", .any = {1, 65535},
	 .values = "#{port}, 1 to 65535", .doc = "1 to 65535."},
	{"path", &type_path_part, 0, "/#{path}",
	 .doc = "#{path} has no slash in front."},
	{"query", &type_template, DRAFT(redirect.query), "#{query}",
	 .doc = "Without the question mark."},
	{"status_code", &type_redirect_code, DRAFT(redirect.status),
	 .words = redirect_codes, .flags = KEY_REQUIRED,
	 .doc = "HTTP_301 or HTTP_302."},
	{0},
};
/* clang-format on */

/* A client that is sent to where it already is comes back at once. */
static bool leads_back(const struct reader *r, const struct redirect_draft *d)
{
	const struct listener *l = r->listener;
	struct slice own = l->protocol == PROTOCOL_HTTPS ? SLICE("https")
							 : SLICE("http");
	uint64_t port;

	return (slice_eq(d->protocol, SLICE("#{protocol}")) ||
		slice_eq(d->protocol, own)) &&
	       slice_eq(d->host, SLICE("#{host}")) &&
	       (slice_eq(d->port, SLICE("#{port}")) ||
		(slice_to_u64(d->port, &port) && port == l->port)) &&
	       slice_eq(d->path, SLICE("/#{path}"));
}

static void parse_redirect(struct reader *r, const struct key *k,
			   const struct node *v, void *slot)
{
	struct redirect_draft d = {.redirect = {.status = 0}};
	struct action *a = slot;
	unsigned before = r->diag->n_errors;

	a->kind = ACTION_REDIRECT;
	if (!want_map(r, k->name, v))
		return;
	read_mapping(r, v, "redirect", redirect_keys, &d);
	if (r->diag->n_errors == before && leads_back(r, &d))
		complain(r, &v->at,
			 "change at least one of protocol, host, port, path",
			 "this redirect leads to where the request came from");
	if (r->strict && r->listener->protocol == PROTOCOL_HTTPS &&
	    slice_eq(d.protocol, SLICE("http")))
		aws_refuses(r, &v->at,
			    "AWS does not redirect from HTTPS to HTTP");
	a->redirect = d.redirect;
}

/* -- fixed response -------------------------------------------------------- */

static void parse_fixed_code(struct reader *r, const struct key *k,
			     const struct node *v, void *slot)
{
	uint64_t code;

	if (!want_integer(r, k->name, v, &code))
		return;
	if (code >= 200 && code <= 599 && code / 100 != 3)
		*(uint16_t *)slot = (uint16_t)code;
	else
		complain(r, &v->at, NULL,
			 "%s of a fixed_response must be 2xx, 4xx or 5xx",
			 k->name);
}

static void parse_content_type(struct reader *r, const struct key *k,
			       const struct node *v, void *slot)
{
	static const struct word aws[] = {
		{"text/plain", 0, NULL},
		{"text/css", 0, NULL},
		{"text/html", 0, NULL},
		{"application/javascript", 0, NULL},
		{"application/json", 0, NULL},
		{0},
	};
	size_t slash;

	if (!want_scalar(r, k->name, v) ||
	    (r->strict && want_word(r, k->name, v, aws) < 0))
		return;
	slash = slice_find(v->text, '/');
	for (size_t i = 0; i < v->text.n; i++)
		if (v->text.p[i] < ' ' || v->text.p[i] > '~')
			slash = v->text.n;
	if (slash == 0 || slash + 1 >= v->text.n ||
	    v->text.n > CONTENT_TYPE_MAX)
		complain(r, &v->at, "such as text/plain",
			 "%s must be a media type", k->name);
	else
		*(struct slice *)slot = arena_slice(r->arena, v->text);
}

static const struct type type_fixed_code = {parse_fixed_code, SHAPE_NUMBER,
					    NULL};
const struct type type_content_type = {parse_content_type, SHAPE_TEXT,
					      "^[^/]+/.+$"};

#define FIXED(member) .offset = offsetof(struct fixed_response, member)

/* clang-format off */
static const struct key fixed_keys[] = {
	{"status_code", &type_fixed_code, FIXED(status),
	 .values = "200 to 299, 400 to 599",
	 .flags = KEY_REQUIRED, .doc = "2xx, 4xx or 5xx."},
	{"content_type", &type_content_type, FIXED(content_type), "text/plain",
	 .doc = "Media type of the body."},
	{"message_body", &type_text, FIXED(body), "", {0, BODY_MAX}, {0, 1024},
	 .doc = "The body."},
	{0},
};
/* clang-format on */

static void parse_fixed(struct reader *r, const struct key *k,
			const struct node *v, void *slot)
{
	struct action *a = slot;

	a->kind = ACTION_FIXED_RESPONSE;
	if (!want_map(r, k->name, v))
		return;
	read_mapping(r, v, "fixed_response", fixed_keys, &a->fixed);
	if (a->fixed.body.n &&
	    (a->fixed.status == 204 || a->fixed.status == 205))
		complain(r, &v->at, NULL,
			 "a response with status %u has no body",
			 a->fixed.status);
}

/* -- actions --------------------------------------------------------------- */

static const struct type type_forward = {parse_forward, SHAPE_TEXT | SHAPE_MAP,
					 NULL};
static const struct type type_redirect = {parse_redirect, SHAPE_MAP, NULL};
static const struct type type_fixed = {parse_fixed, SHAPE_MAP, NULL};

/* clang-format off */
const struct key action_keys[] = {
	{"forward", &type_forward, 0, .keys = forward_keys,
	 .doc = "To a target group; its name alone, or a mapping."},
	{"redirect", &type_redirect, 0, .keys = redirect_keys,
	 .doc = "Sends the client elsewhere."},
	{"fixed_response", &type_fixed, 0, .keys = fixed_keys,
	 .doc = "Answers without asking a target."},
	{"authenticate_oidc", &type_not_built, NO_SLOT,
	 .doc = "Lets users log in before the action that follows."},
	{"jwt_validation", &type_not_built, NO_SLOT,
	 .doc = "Checks a bearer token before the action that follows."},
	{"authenticate_cognito", &type_refused, NO_SLOT,
	 .refusal = "Cognito exists on AWS only; use authenticate_oidc",
	 .doc = "Exists on AWS only."},
	{0},
};
/* clang-format on */

/* The name of a target group in place of the action that leads there. */
static bool is_bare(struct reader *r, const struct node *v)
{
	if (v->kind != NODE_SCALAR || v->broken)
		return false;
	for (const struct key *k = action_keys; k->name; k++)
		if (slice_eq(v->text, slice_of(k->name))) {
			complain(r, &v->at, NULL, "the action %s has no value",
				 k->name);
			return true;
		}
	complain(
		r, &v->at,
		arena_printf(&r->tree->arena, "write {forward: %s}", v->text.p),
		"an action must be a mapping, not a text");
	return true;
}

void read_actions(struct reader *r, const struct node *v, struct action *out)
{
	const struct node *list = node_as_list(r->tree, v);
	const struct key *final = NULL;

	if (list->n == 0)
		complain(r, &v->at, NULL, "at least one action is needed");
	for (size_t i = 0; i < list->n; i++) {
		const struct node *one = list->items[i], *value;
		const struct key *k;

		if (is_bare(r, one))
			continue;
		k = read_one_key(r, one, "an action", action_keys, &value);
		if (!k)
			continue;
		if (final)
			complain(r, &one->at, NULL,
				 "no action can follow \"%s\"", final->name);
		if (k->offset != NO_SLOT)
			final = k;
		out->place = one->at;
		k->type->parse(r, k, value, out);
	}
}
