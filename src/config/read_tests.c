/* Requests in the file, and what the rules must make of them. */
#include <stdlib.h>

#include "base/fail.h"
#include "http/names.h"
#include "model/route.h"
#include "names.h"
#include "read.h"

enum { FIELDS_MAX = 64 };

/* A request of a test, and where its values stand. */
struct request_draft {
	const struct node *at;
	const struct node *url, *headers, *balancer;
	struct slice method;
	struct addr from;
};

/* What is expected; NULL: nothing in particular. */
struct expect_draft {
	const struct node *rule, *group, *status, *location;
};

struct test_draft {
	struct request_draft request;
	struct expect_draft expect;
};

/* -- tables ---------------------------------------------------------------- */

static void parse_node_slot(struct reader *r, const struct key *k,
			    const struct node *v, void *slot)
{
	if (want_scalar(r, k->name, v))
		*(const struct node **)slot = v;
}

static void parse_headers(struct reader *r, const struct key *k,
			  const struct node *v, void *slot)
{
	if (!want_map(r, k->name, v))
		return;
	for (size_t i = 0; i < v->n; i++)
		if (!want_scalar(r, "the value of a header",
				 v->entries[i].value))
			return;
	if (v->n > FIELDS_MAX)
		complain(r, &v->at, NULL, "%s may have at most %d", k->name,
			 FIELDS_MAX);
	else
		*(const struct node **)slot = v;
}

static void parse_from(struct reader *r, const struct key *k,
		       const struct node *v, void *slot)
{
	if (want_scalar(r, k->name, v) && !addr_parse_ip(v->text, 0, slot))
		complain(r, &v->at, NULL, "%s must be an address", k->name);
}

static const struct type type_node = {parse_node_slot, SHAPE_TEXT, NULL};
static const struct type type_headers = {parse_headers, SHAPE_MAP, NULL};
static const struct type type_from = {parse_from, SHAPE_TEXT, NULL};

#define REQUEST(member) .offset = offsetof(struct request_draft, member)
#define EXPECT(member)  .offset = offsetof(struct expect_draft, member)

/* clang-format off */
static const struct key request_keys[] = {
	{"url", &type_node, REQUEST(url), .flags = KEY_REQUIRED,
	 .doc = "http or https, the host, and the port of the listener unless "
		"it is that of the scheme."},
	{"method", &type_text, REQUEST(method), "GET", .any = {1, 40},
	 .doc = "Method of the request."},
	{"headers", &type_headers, REQUEST(headers), .flags = KEY_FREE,
	 .doc = "More header fields.", .absent = "none"},
	{"from", &type_from, REQUEST(from), "127.0.0.1",
	 .doc = "Address of the client."},
	{"load_balancer", &type_node, REQUEST(balancer),
	 .doc = "Which load balancer is asked.",
	 .absent = "the one that has such a listener"},
	{0},
};

static const struct key expect_keys[] = {
	{"rule", &type_node, EXPECT(rule),
	 .doc = "Priority of the rule that decides, or default.",
	 .absent = "any"},
	{"target_group", &type_node, EXPECT(group),
	 .doc = "A group that the rule may choose.", .absent = "any"},
	{"status_code", &type_node, EXPECT(status),
	 .doc = "Status of a redirect or fixed response.", .absent = "any"},
	{"location", &type_node, EXPECT(location),
	 .doc = "Where a redirect leads.", .absent = "anywhere"},
	NOT_BUILT("reason",
		  "Reason of a refusal.", "any"),
	NOT_BUILT("sent_host",
		  "Host that the target gets.", "any"),
	NOT_BUILT("sent_target",
		  "Request target that the target gets.", "any"),
	{0},
};
/* clang-format on */

static void parse_request(struct reader *r, const struct key *k,
			  const struct node *v, void *slot)
{
	struct request_draft *d = slot;

	d->at = v;
	if (want_map(r, k->name, v))
		read_mapping(r, v, "a request", request_keys, d);
}

static void parse_expect(struct reader *r, const struct key *k,
			 const struct node *v, void *slot)
{
	if (want_map(r, k->name, v))
		read_mapping(r, v, "expect", expect_keys, slot);
}

static const struct type type_request = {parse_request, SHAPE_MAP, NULL};
static const struct type type_expect = {parse_expect, SHAPE_MAP, NULL};

/* clang-format off */
const struct key test_keys[] = {
	{"request", &type_request, .offset = offsetof(struct test_draft, request),
	 .flags = KEY_REQUIRED, .keys = request_keys,
	 .doc = "A request as a client would send it."},
	{"expect", &type_expect, .offset = offsetof(struct test_draft, expect),
	 .flags = KEY_REQUIRED, .keys = expect_keys,
	 .doc = "What must become of it."},
	{0},
};
/* clang-format on */

/* -- which listener -------------------------------------------------------- */

struct asked {
	struct slice authority, target;
	enum protocol protocol;
	uint16_t port;
};

static bool split_url(struct reader *r, const struct node *url, struct asked *a)
{
	struct slice rest = url->text, name;
	bool tls = slice_starts(rest, SLICE("https://"));
	uint16_t port = 0;
	size_t end;

	if (!tls && !slice_starts(rest, SLICE("http://")))
		goto fail;
	rest = slice_from(rest, tls ? 8 : 7);
	end = slice_find(rest, '/');
	if (slice_find(rest, '?') < end)
		goto fail;
	a->authority = slice_first(rest, end);
	a->target = end < rest.n ? slice_from(rest, end) : SLICE("/");
	a->protocol = tls ? PROTOCOL_HTTPS : PROTOCOL_HTTP;
	if (!host_split(a->authority, &name, &port))
		goto fail;
	a->port = port ? port : tls ? 443 : 80;
	return true;

fail:
	complain(r, &url->at, "such as \"http://example.com:8080/path?query\"",
		 "url must be that of a request");
	return false;
}

static const struct listener *find_listener(struct reader *r,
					    const struct request_draft *d,
					    const struct asked *a)
{
	const struct listener *found = NULL;

	if (d->balancer &&
	    !names_find(r, &r->balancers, "load balancer", d->balancer))
		return NULL;
	for (size_t i = 0; i < r->snap->n_balancers; i++) {
		const struct load_balancer *lb = &r->snap->balancers[i];

		if (d->balancer && !slice_eq(lb->name, d->balancer->text))
			continue;
		for (size_t j = 0; j < lb->n_listeners; j++) {
			const struct listener *l = &lb->listeners[j];

			if (l->port != a->port || l->protocol != a->protocol)
				continue;
			if (found) {
				complain(r, &d->url->at, "say load_balancer",
					 "several listeners are meant");
				return NULL;
			}
			found = l;
		}
	}
	if (!found)
		complain(r, &d->url->at, NULL,
			 "no listener has protocol %s and port %u",
			 protocol_name(a->protocol), a->port);
	return found;
}

/* -- running --------------------------------------------------------------- */

static void add_field(struct http_head *head, struct slice name,
		      struct slice value)
{
	struct field *f = &head->fields[head->n_fields++];

	*f = (struct field){.name = name, .value = value};
	f->id = (uint8_t)name_of(name);
	head->present |= NAME_BIT(f->id);
}

static void fail_test(struct reader *r, const struct node *v,
		      const struct rule *rule, const char *what,
		      const char *got)
{
	const char *hint = arena_printf(&r->tree->arena, "decided at %s:%u",
					rule->place.file, rule->place.line);

	complain(r, &v->at, hint, "the request gets %s %s, not \"%s\"", what,
		 got, v->text.p);
}

static void check_rule(struct reader *r, const struct node *v,
		       const struct rule *rule)
{
	const char *got = rule->is_default ? "default"
					   : arena_printf(&r->tree->arena, "%u",
							  rule->priority);

	if (!slice_eq(v->text, slice_of(got)))
		fail_test(r, v, rule, "rule", got);
}

static void check_target_group(struct reader *r, const struct node *v,
			       const struct rule *rule)
{
	const struct forward *f = &rule->action.forward;
	const char *got = NULL;

	if (!names_find(r, &r->groups, "target group", v))
		return;
	for (size_t i = 0;
	     rule->action.kind == ACTION_FORWARD && i < f->n_groups; i++) {
		if (slice_eq(f->groups[i].group->name, v->text))
			return;
		got = f->groups[i].group->name.p;
	}
	fail_test(r, v, rule, got ? "target group" : "an answer, and",
		  got ? got : "no target group");
}

static void check_status(struct reader *r, const struct node *v,
			 const struct rule *rule)
{
	unsigned status = rule->action.kind == ACTION_REDIRECT
				  ? rule->action.redirect.status
			  : rule->action.kind == ACTION_FIXED_RESPONSE
				  ? rule->action.fixed.status
				  : 0;
	const char *got = arena_printf(&r->tree->arena, "%u", status);

	if (status == 0)
		fail_test(r, v, rule, "the status of", "a target");
	else if (!slice_eq(v->text, slice_of(got)))
		fail_test(r, v, rule, "status", got);
}

static void check_location(struct reader *r, const struct node *v,
			   const struct listener *l, const struct decision *d)
{
	const struct route_facts facts = {
		.protocol = l->protocol == PROTOCOL_HTTPS ? SLICE("https")
							  : SLICE("http"),
		.host = d->host,
		.port = l->port,
		.path = d->uri.path,
		.query = d->uri.query,
	};
	char *room = arena_alloc(&r->tree->arena, REDIRECT_LOCATION_MAX + 1);

	if (d->rule->action.kind != ACTION_REDIRECT) {
		fail_test(r, v, d->rule, "no", "redirect");
		return;
	}
	room[redirect_location(&d->rule->action.redirect, &facts, room,
			       REDIRECT_LOCATION_MAX)] = '\0';
	if (!slice_eq(v->text, slice_of(room)))
		fail_test(r, v, d->rule, "location", room);
}

static void run_test(struct reader *r, const struct test_draft *t,
		     struct route_scratch *scratch)
{
	const struct request_draft *q = &t->request;
	const struct expect_draft *e = &t->expect;
	struct field fields[FIELDS_MAX + 1];
	struct http_head head = {.fields = fields,
				 .max_fields = FIELDS_MAX + 1,
				 .version = HTTP_1_1};
	const struct listener *l;
	struct decision d;
	struct asked asked;

	if (!q->url || !split_url(r, q->url, &asked))
		return;
	l = find_listener(r, q, &asked);
	if (!l)
		return;
	head.method = q->method;
	head.method_id = (uint8_t)method_of(q->method);
	head.target = asked.target;
	add_field(&head, SLICE("Host"), asked.authority);
	for (size_t i = 0; q->headers && i < q->headers->n; i++)
		add_field(&head, q->headers->entries[i].key->text,
			  q->headers->entries[i].value->text);
	d = route_decide(l, &head, &q->from, scratch);
	if (d.reason != REASON_NONE) {
		complain(r, &q->url->at, NULL, "the request is refused: %s",
			 reason_sentence(d.reason));
		return;
	}
	if (e->rule)
		check_rule(r, e->rule, d.rule);
	if (e->group)
		check_target_group(r, e->group, d.rule);
	if (e->status)
		check_status(r, e->status, d.rule);
	if (e->location)
		check_location(r, e->location, l, &d);
}

/* Their grammar is checked always, their outcome where that is asked for. */
static void parse_tests(struct reader *r, const struct key *k,
			const struct node *v, void *slot)
{
	const struct node *list = node_as_list(r->tree, v);

	(void)k;
	(void)slot;
	r->tests = ARENA_ARRAY(&r->tree->arena, list->n, struct test_draft);
	for (size_t i = 0; i < list->n; i++)
		if (want_map(r, "a test", list->items[i]))
			read_mapping(r, list->items[i], "a test", test_keys,
				     &r->tests[r->n_tests++]);
}

static void run_all(struct reader *r)
{
	struct pattern_scratch *patterns = pattern_scratch_new();
	struct route_scratch *scratch = xcalloc(1, sizeof(*scratch));

	scratch->patterns = patterns;
	for (size_t i = 0; patterns && i < r->n_tests; i++)
		run_test(r, &r->tests[i], scratch);
	pattern_scratch_free(patterns);
	free(scratch);
}

void run_tests(struct reader *r)
{
	struct diag *all = r->diag, failed = {0};

	if (r->options->tests == TESTS_BIND) {
		run_all(r);
		return;
	}
	/* The same findings, but they keep nobody from going on. */
	r->diag = &failed;
	run_all(r);
	r->diag = all;
	for (unsigned i = 0; i < failed.n_findings; i++)
		warn(r, &failed.findings[i].place, failed.findings[i].hint,
		     "a test fails: %s", failed.findings[i].sentence);
	diag_release(&failed);
}

const struct type type_tests = {parse_tests, SHAPE_MAP | SHAPE_LIST, NULL};
