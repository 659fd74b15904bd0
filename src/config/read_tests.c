/* Requests in the file, and what the rules must make of them. */
#include <stdlib.h>

#include "base/fail.h"
#include "model/inquiry.h"
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
	const struct node *rule, *group, *status, *location, *reason;
	const struct node *sent_host, *sent_target;
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
	size_t n = 0;

	if (!want_map(r, k->name, v))
		return;
	for (size_t i = 0; i < v->n; i++) {
		const struct node *list =
			node_as_list(r->tree, v->entries[i].value);

		for (size_t j = 0; j < list->n; j++)
			if (!want_scalar(r, "the value of a header",
					 list->items[j]))
				return;
		n += list->n;
	}
	if (n > FIELDS_MAX)
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
/* Only tokens that there are. */
static void parse_reason(struct reader *r, const struct key *k,
			 const struct node *v, void *slot)
{
	struct nearest near;

	if (!want_scalar(r, k->name, v))
		return;
	near = nearest_to(v->text.p);
	for (int i = REASON_NONE + 1; i < REASON_KINDS; i++) {
		const char *token = reason_token((enum reason)i);

		if (slice_eq(v->text, slice_of(token))) {
			*(const struct node **)slot = v;
			return;
		}
		nearest_try(&near, token);
	}
	complain(r, &v->at, nearest_hint(r, &near), "there is no reason \"%s\"",
		 v->text.p);
}

static const struct type type_reason = {parse_reason, SHAPE_TEXT, NULL};
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
	 .doc = "More header fields; a list of values is a field for each.",
	 .absent = "none"},
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
	 .doc = "Status of a redirect, fixed response or refusal.",
	 .absent = "any"},
	{"location", &type_node, EXPECT(location),
	 .doc = "Where a redirect leads.", .absent = "anywhere"},
	{"reason", &type_reason, EXPECT(reason),
	 .doc = "Why the request is refused: a token of weir-reason.",
	 .absent = "it is not refused"},
	{"sent_host", &type_node, EXPECT(sent_host),
	 .doc = "Host that the target is asked for, after transforms.",
	 .absent = "any"},
	{"sent_target", &type_node, EXPECT(sent_target),
	 .doc = "Path and query that the target is asked for, after "
		"transforms.",
	 .absent = "any"},
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

static const struct listener *find_listener(struct reader *r,
					    const struct request_draft *d,
					    const struct inquiry_url *url)
{
	struct slice name = d->balancer ? d->balancer->text : (struct slice){0};
	const struct listener *found;
	unsigned n_found;

	if (d->balancer &&
	    !names_find(r, &r->balancers, "load balancer", d->balancer))
		return NULL;
	found = inquiry_listener(r->snap, name, url, &n_found);
	if (n_found > 1)
		complain(r, &d->url->at, "say load_balancer",
			 "several listeners are meant");
	if (!found)
		complain(r, &d->url->at, NULL,
			 "no listener has protocol %s and port %u",
			 protocol_name(url->protocol), url->port);
	return n_found == 1 ? found : NULL;
}

/* -- running --------------------------------------------------------------- */

/* Each header once, or as often as its list has values. */
static size_t list_fields(struct reader *r, const struct node *headers,
			  struct inquiry_field *out)
{
	size_t n = 0;

	for (size_t i = 0; headers && i < headers->n; i++) {
		const struct entry *e = &headers->entries[i];
		const struct node *list = node_as_list(r->tree, e->value);

		for (size_t v = 0; v < list->n; v++)
			out[n++] = (struct inquiry_field){e->key->text,
							  list->items[v]->text};
	}
	return n;
}

static void fail_test(struct reader *r, const struct node *v,
		      const struct rule *rule, const char *what,
		      const char *got)
{
	const char *hint =
		rule ? arena_printf(&r->tree->arena, "decided at %s:%u",
				    rule->place.file, rule->place.line)
		     : NULL;

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

/* The answer of a redirect, a fixed response or a refusal; 0: a target's. */
static int status_of(const struct inquiry_answer *a)
{
	const struct action *action;

	if (a->reason)
		return reason_status(a->reason);
	action = &a->decision.rule->action;
	switch (action->kind) {
	case ACTION_FORWARD:
		return 0;
	case ACTION_REDIRECT:
		return action->redirect.status;
	case ACTION_FIXED_RESPONSE:
		return action->fixed.status;
	}
	BUG("action %d", (int)action->kind);
}

static void check_status(struct reader *r, const struct node *v,
			 const struct inquiry_answer *a)
{
	int status = status_of(a);
	const char *got = arena_printf(&r->tree->arena, "%d", status);

	if (status == 0)
		fail_test(r, v, a->decision.rule, "the status of", "a target");
	else if (!slice_eq(v->text, slice_of(got)))
		fail_test(r, v, a->decision.rule, "status", got);
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

enum { SENT_MAX = URI_ESCAPED * TRANSFORM_OCTETS_MAX };

/* As it leaves: a request target has escapes. */
static const char *as_sent(struct reader *r, struct slice text)
{
	char *room = arena_alloc(&r->tree->arena, SENT_MAX + 1);
	struct writer w = writer_make(room, SENT_MAX);

	writer_target(&w, text);
	*w.at = '\0';
	return room;
}

static void check_sent_text(struct reader *r, const struct node *v,
			    const struct rule *rule, const char *what,
			    struct slice text)
{
	const char *got = as_sent(r, text);

	if (!slice_eq(v->text, slice_of(got)))
		fail_test(r, v, rule, what, got);
}

static void check_sent(struct reader *r, const struct expect_draft *e,
		       const struct listener *l, const struct inquiry_answer *a)
{
	const struct decision *d = &a->decision;
	const struct node *first = e->sent_host ? e->sent_host : e->sent_target;
	char *room = arena_alloc(&r->tree->arena, SENT_MAX);
	struct writer w = writer_make(room, SENT_MAX);

	if (first && d->rule->action.kind != ACTION_FORWARD) {
		fail_test(r, first, d->rule, "an answer, and", "no target");
		return;
	}
	if (e->sent_host)
		check_sent_text(r, e->sent_host, d->rule, "host",
				sent_host(l, &a->head, d, &a->sent, &w));
	if (e->sent_target)
		check_sent_text(r, e->sent_target, d->rule, "target",
				sent_target(d, &a->sent, &w));
}

/* A refusal that was not asked for. */
static void check_refusal(struct reader *r, const struct test_draft *t,
			  const struct inquiry_answer *a)
{
	const struct expect_draft *e = &t->expect;
	const char *token = reason_token(a->reason);

	if (e->rule || e->group || e->location || (!e->reason && !e->status))
		complain(r, &t->request.url->at, NULL,
			 "the request is refused: %s",
			 reason_sentence(a->reason));
	if (e->reason && !slice_eq(e->reason->text, slice_of(token)))
		fail_test(r, e->reason, a->decision.rule, "refused with",
			  token);
	if (e->status)
		check_status(r, e->status, a);
}

static void check_answer(struct reader *r, const struct test_draft *t,
			 const struct listener *l,
			 const struct inquiry_answer *a)
{
	const struct expect_draft *e = &t->expect;

	if (a->reason) {
		check_refusal(r, t, a);
		return;
	}
	if (e->reason)
		fail_test(r, e->reason, a->decision.rule,
			  "through:", "no refusal");
	if (e->rule)
		check_rule(r, e->rule, a->decision.rule);
	if (e->group)
		check_target_group(r, e->group, a->decision.rule);
	if (e->status)
		check_status(r, e->status, a);
	if (e->location)
		check_location(r, e->location, l, &a->decision);
	check_sent(r, e, l, a);
}

static void run_test(struct reader *r, const struct test_draft *t,
		     struct route_scratch *scratch)
{
	const struct request_draft *d = &t->request;
	struct inquiry_field fields[FIELDS_MAX];
	struct inquiry q = {
		.method = d->method, .fields = fields, .peer = d->from};
	struct inquiry_answer answer;
	const struct listener *l;

	if (!d->url)
		return;
	if (!inquiry_split(d->url->text, &q.url)) {
		complain(r, &d->url->at,
			 "such as \"http://example.com:8080/path?query\"",
			 "url must be that of a request");
		return;
	}
	l = find_listener(r, d, &q.url);
	if (!l)
		return;
	q.n_fields = list_fields(r, d->headers, fields);
	if (inquiry_ask(&q, l, scratch, &answer))
		check_answer(r, t, l, &answer);
	else
		complain(r, &d->url->at, NULL,
			 "no request can be written with these: url without "
			 "spaces, tokens as method and names, no line ends");
	inquiry_release(&answer);
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
