/* Limits: of load balancers, listeners and rules. */
#include "base/fail.h"
#include "http/names.h"
#include "read.h"

enum { BURST_MAX = 1000000 };

#define LEAST_RATE 0.001
#define MOST_RATE  1e6

/* A limit, and what is needed of it only while it is read. */
struct draft {
	struct limit limit;
	double rate; /* requests a second; 0: none */
	uint32_t burst;
	struct place per_at, burst_at, connections_at;
};

#define INTO(member) .offset = offsetof(struct draft, member)

/* -- values that only stand here ------------------------------------------- */

static void parse_rate(struct reader *r, const struct key *k,
		       const struct node *v, void *slot)
{
	double value;

	if (want_number(r, k->name, v, &value) && in_range(r, k, v, value))
		*(double *)slot = value;
}

/* Like type_count, and remembers where it stands. */
static void parse_burst(struct reader *r, const struct key *k,
			const struct node *v, void *slot)
{
	struct draft *d = slot;

	d->burst_at = v->at;
	type_count.parse(r, k, v, &d->burst);
}

static void parse_connections(struct reader *r, const struct key *k,
			      const struct node *v, void *slot)
{
	struct draft *d = slot;

	d->connections_at = v->at;
	type_count.parse(r, k, v, &d->limit.connections);
}

static const struct word per_words[] = {
	{"client", LIMIT_CLIENT, NULL}, {"all", LIMIT_ALL, NULL}, {0}};

struct per_draft {
	struct slice header, cookie;
};

static void parse_field_name(struct reader *r, const struct key *k,
			     const struct node *v, void *slot)
{
	if (!want_scalar(r, k->name, v))
		return;
	if (v->text.n == 0 || v->text.n > 128 || !http_is_token(v->text))
		complain(r, &v->at, NULL,
			 "%s must be a name of 1 to 128 characters that HTTP "
			 "takes",
			 k->name);
	else
		*(struct slice *)slot = arena_slice(r->arena, v->text);
}

static const struct type type_field_name = {parse_field_name, SHAPE_TEXT,
					    "^[!-~]{1,128}$"};

/* clang-format off */
static const struct key per_keys[] = {
	{"header", &type_field_name, offsetof(struct per_draft, header),
	 .doc = "Each value of that header field.", .absent = "none"},
	{"cookie", &type_field_name, offsetof(struct per_draft, cookie),
	 .doc = "Each value of that cookie.", .absent = "none"},
	{0},
};
/* clang-format on */

static void parse_per(struct reader *r, const struct key *k,
		      const struct node *v, void *slot)
{
	struct draft *d = slot;
	struct per_draft names = {{0}, {0}};
	const struct node *value;
	const struct key *one;
	int at;

	d->per_at = v->at;
	if (v->kind != NODE_MAP) {
		at = want_word(r, k->name, v, per_words);
		if (at >= 0)
			d->limit.per = (enum limit_per)per_words[at].value;
		return;
	}
	one = read_one_key(r, v, k->name, per_keys, &value);
	if (!one)
		return;
	one->type->parse(r, one, value, (char *)&names + one->offset);
	d->limit.per = names.cookie.n ? LIMIT_COOKIE : LIMIT_HEADER;
	d->limit.field = names.cookie.n ? names.cookie : names.header;
	d->limit.field_id = (uint8_t)name_of(d->limit.field);
}

static const struct type type_rate = {parse_rate, SHAPE_NUMBER, NULL};
static const struct type type_burst = {parse_burst, SHAPE_NUMBER, NULL};
static const struct type type_connections = {parse_connections, SHAPE_NUMBER,
					     NULL};
static const struct type type_per = {
	parse_per, SHAPE_TEXT | SHAPE_MAP | SHAPE_ONE_KEY, "^(client|all)$"};

static const struct word modes[] = {
	{"enforce", false, NULL}, {"report", true, NULL}, {0}};

static void parse_mode(struct reader *r, const struct key *k,
		       const struct node *v, void *slot)
{
	int at = want_word(r, k->name, v, modes);

	if (at >= 0)
		*(bool *)slot = modes[at].value;
}

static const struct type type_mode = {parse_mode, SHAPE_TEXT, NULL};

/* clang-format off */
#define LIMIT_ROWS                                                             \
	{"name", &type_name64, INTO(limit.name),                               \
	 .doc = "For logs and metrics.",                                       \
	 .absent = "its place in the list, from 1"},                           \
	{"per", &type_per, 0, "client", .keys = per_keys,                      \
	 .doc = "For whom it counts: each client (IPv6 by its /64), all "      \
		"together, or each value of a header field or cookie; who "    \
		"sends none counts as its client.",                            \
	 .values = "client, all, {header: NAME}, {cookie: NAME}"},             \
	{"requests_per_second", &type_rate, INTO(rate),                        \
	 .any = {LEAST_RATE, MOST_RATE},                                       \
	 .doc = "Requests beyond it are answered with 429.",                   \
	 .absent = "none"},                                                    \
	{"burst", &type_burst, 0, .any = {1, BURST_MAX},                       \
	 .doc = "Requests that may come at once.",                             \
	 .absent = "the rate, rounded up"},                                    \
	{"concurrent_requests", &type_count, INTO(limit.requests),             \
	 .any = {1, 1e6},                                                      \
	 .doc = "Requests at a time; an upgraded connection is one until it "  \
		"ends. Further ones are answered with 503.",                   \
	 .absent = "none"},                                                    \
	{"request_body", &type_size, INTO(limit.body), .any = {0, 1e18},       \
	 .doc = "Octets of a request's body; a larger one is answered with "   \
		"413.",                                                        \
	 .absent = "none"},                                                    \
	{"mode", &type_mode, INTO(limit.report), "enforce", .words = modes,    \
	 .doc = "report counts and logs who would be refused, and lets pass."}

const struct key limit_keys[] = {
	LIMIT_ROWS,
	{"connections", &type_connections, 0, .any = {1, 1e6},
	 .doc = "Connections at a time; further ones are closed before TLS "
		"begins.",
	 .absent = "none"},
	{0},
};

const struct key rule_limit_keys[] = {
	LIMIT_ROWS,
	{"connections", &type_refused, NO_SLOT,
	 .refusal = "a rule is known once a connection has been taken",
	 .doc = "For limits of load balancers and listeners."},
	{0},
};
/* clang-format on */

/* -- one limit ------------------------------------------------------------- */

static void set_rate(struct reader *r, struct draft *d)
{
	struct limit *l = &d->limit;
	uint64_t burst = d->burst;

	if (d->rate == 0) {
		if (d->burst)
			complain(r, &d->burst_at, "add requests_per_second",
				 "a burst alone limits nothing");
		return;
	}
	if (burst == 0)
		burst = (uint64_t)d->rate +
			((double)(uint64_t)d->rate < d->rate);
	l->interval_ns = (uint64_t)(1e9 / d->rate + 0.5);
	l->span_ns = l->interval_ns * burst;
}

static bool limits_anything(const struct draft *d)
{
	return d->rate > 0 || d->burst || d->limit.requests ||
	       d->limit.connections || d->limit.body != UINT64_MAX;
}

static void check_limit(struct reader *r, const struct draft *d,
			unsigned before)
{
	const struct limit *l = &d->limit;

	if (r->diag->n_errors != before)
		return;
	if (!limits_anything(d))
		complain(r, &l->place, NULL,
			 "a limit needs one of requests_per_second, "
			 "concurrent_requests, connections, request_body");
	if (l->connections && l->per != LIMIT_CLIENT && l->per != LIMIT_ALL)
		complain(r, &d->connections_at, NULL,
			 "connections can be limited per client or per all: "
			 "they come before the first request");
}

static void name_it(struct reader *r, struct limit *l, const struct limit *list,
		    size_t at)
{
	if (l->name.n == 0)
		l->name = slice_of(arena_printf(r->arena, "%zu", at + 1));
	for (size_t i = 0; i < at; i++)
		if (slice_eq(list[i].name, l->name)) {
			complain(r, &l->place, first_at(r, &list[i].place),
				 "two limits with the name \"%.*s\"",
				 SLICE_ARG(l->name));
			return;
		}
}

static void read_limits(struct reader *r, const struct key *k,
			const struct node *v, struct limit_uses *out)
{
	const struct node *list = node_as_list(r->tree, v);
	struct limit *limits;

	if (list->n > LIMITS_MAX) {
		complain(r, &v->at, NULL, "%s may have at most %d elements",
			 k->name, LIMITS_MAX);
		return;
	}
	limits = ARENA_ARRAY(r->arena, list->n, struct limit);
	out->uses = ARENA_ARRAY(r->arena, list->n, struct limit_use);
	out->n = list->n;
	for (size_t i = 0; i < list->n; i++) {
		struct draft d = {.limit = {.body = UINT64_MAX,
					    .place = list->items[i]->at}};
		unsigned before = r->diag->n_errors;

		if (want_map(r, "a limit", list->items[i]))
			read_mapping(r, list->items[i], "a limit", k->keys, &d);
		set_rate(r, &d);
		check_limit(r, &d, before);
		limits[i] = d.limit;
		name_it(r, &limits[i], limits, i);
		out->uses[i].limit = &limits[i];
	}
}

static void parse_limits(struct reader *r, const struct key *k,
			 const struct node *v, void *slot)
{
	read_limits(r, k, v, slot);
}

const struct type type_limits = {parse_limits, SHAPE_MAP | SHAPE_LIST, NULL};

/* -- put together ---------------------------------------------------------- */

static void whose(const struct limit_uses *all, const char *text)
{
	for (size_t i = 0; i < all->n; i++)
		all->uses[i].limit->whose = slice_of(text);
}

static void name_those_of_rules(struct reader *r, struct listener *l)
{
	for (size_t i = 0; i < l->n_rules; i++)
		whose(&l->rules[i].limits,
		      arena_printf(r->arena, "%.*s:%u/%u",
				   SLICE_ARG(l->balancer->name), l->port,
				   l->rules[i].priority));
}

void make_limits(struct reader *r, struct listener *l)
{
	const struct limit_uses of_balancer = l->balancer->limits,
				own = l->limits;
	struct limit_uses all = {.n = of_balancer.n + own.n};
	struct slice name = l->balancer->name;

	whose(&of_balancer, arena_printf(r->arena, "%.*s", SLICE_ARG(name)));
	whose(&own,
	      arena_printf(r->arena, "%.*s:%u", SLICE_ARG(name), l->port));
	name_those_of_rules(r, l);
	all.uses = ARENA_ARRAY(r->arena, all.n, struct limit_use);
	for (size_t i = 0; i < all.n; i++) {
		all.uses[i] = i < of_balancer.n ? of_balancer.uses[i]
						: own.uses[i - of_balancer.n];
		l->limits_connections |= all.uses[i].limit->connections > 0;
	}
	l->limits = all;
	l->is_gated |= all.n > 0;
}
