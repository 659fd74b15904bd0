/* test_route.c - the host and path that rules see; where redirects lead. */
#include "unit.h"

#include <stdio.h>

#include "base/arena.h"
#include "http/h1_parse.h"
#include "model/group.h"
#include "model/route.h"
#include "model/rule_index.h"

/* One rule, for /hit on hit.example.com, and the default rule. */
static struct {
	struct arena arena;
	struct load_balancer balancer;
	struct listener listener;
	struct rule rule;
	struct condition conditions[2];
	struct pattern patterns[2];
	const struct pattern *of_host, *of_path;
	struct route_scratch scratch;
} world;

static const struct addr nobody;

static void add_condition(unsigned i, enum condition_kind kind,
			  const char *value, unsigned flags,
			  const struct pattern **slot)
{
	pattern_compile(&world.arena, slice_of(value), flags,
			&world.patterns[i]);
	*slot = &world.patterns[i];
	world.conditions[i] = (struct condition){
		.kind = kind, .patterns = slot, .n_values = 1};
}

static int setup(void **state)
{
	(void)state;
	add_condition(0, CONDITION_HOST_HEADER, "hit.example.com", PATTERN_FOLD,
		      &world.of_host);
	add_condition(1, CONDITION_PATH_PATTERN, "/hit", 0, &world.of_path);
	world.rule.conditions = world.conditions;
	world.rule.n_conditions = 2;
	world.balancer.dns_name = SLICE("Hit.example.com");
	world.listener.balancer = &world.balancer;
	world.listener.rules = &world.rule;
	world.listener.n_rules = 1;
	world.listener.rule_index =
		rule_index_build(&world.arena, &world.rule, 1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_release(&world.arena);
	return 0;
}

#define HIT "Host: hit.example.com\r\n"

/* clang-format off */
static const struct {
	const char *name;
	const char *head; /* without the empty line */
	bool preserve;
	enum reason reason;
	const char *host; /* NULL: do not look */
	unsigned port;
	const char *path;
	bool hit;
} rows[] = {
	{"plain", "GET /hit HTTP/1.1\r\n" HIT, false, REASON_NONE,
	 "hit.example.com", 0, "/hit", true},
	{"another path", "GET /hi HTTP/1.1\r\n" HIT, false, REASON_NONE,
	 "hit.example.com", 0, "/hi", false},
	{"another host", "GET /hit HTTP/1.1\r\nHost: a\r\n", false,
	 REASON_NONE, "a", 0, "/hit", false},
	{"case of the host", "GET /hit HTTP/1.1\r\nHost: HIT.Example.com\r\n",
	 false, REASON_NONE, "hit.example.com", 0, "/hit", true},
	{"case of the path", "GET /Hit HTTP/1.1\r\n" HIT, false, REASON_NONE,
	 "hit.example.com", 0, "/Hit", false},
	{"port", "GET /hit HTTP/1.1\r\nHost: hit.example.com:8080\r\n", false,
	 REASON_NONE, "hit.example.com", 8080, "/hit", true},
	{"query", "GET /hit?a=/b HTTP/1.1\r\n" HIT, false, REASON_NONE,
	 "hit.example.com", 0, "/hit", true},
	{"dot segments", "GET /a/../%68it HTTP/1.1\r\n" HIT, false,
	 REASON_NONE, "hit.example.com", 0, "/hit", true},
	{"the authority wins",
	 "GET http://hit.example.com:81/hit HTTP/1.1\r\nHost: a\r\n", false,
	 REASON_NONE, "hit.example.com", 81, "/hit", true},
	{"1.0 without Host", "GET /hit HTTP/1.0\r\n", false, REASON_NONE,
	 "hit.example.com", 0, "/hit", true},
	{"empty Host", "GET /hit HTTP/1.1\r\nHost:\r\n", false, REASON_NONE,
	 "hit.example.com", 0, "/hit", true},
	{"1.1 without Host", "GET /hit HTTP/1.1\r\n", false, REASON_BAD_HOST,
	 NULL, 0, NULL, false},
	{"absolute, 1.1 without Host",
	 "GET http://hit.example.com/hit HTTP/1.1\r\n", false,
	 REASON_BAD_HOST, NULL, 0, NULL, false},
	{"two Hosts", "GET /hit HTTP/1.1\r\n" HIT "Host: a\r\n", false,
	 REASON_BAD_HOST, NULL, 0, NULL, false},
	{"two Hosts, preserved", "GET /hit HTTP/1.1\r\n" HIT "Host: a\r\n",
	 true, REASON_NONE, "hit.example.com", 0, "/hit", true},
	{"bad port", "GET /hit HTTP/1.1\r\nHost: a:99999\r\n", false,
	 REASON_BAD_HOST, NULL, 0, NULL, false},
	{"a user", "GET /hit HTTP/1.1\r\nHost: u@a\r\n", false,
	 REASON_BAD_HOST, NULL, 0, NULL, false},
	{"no path", "GET hit HTTP/1.1\r\n" HIT, false, REASON_BAD_URI, NULL, 0,
	 NULL, false},
	{"server wide", "OPTIONS * HTTP/1.1\r\n" HIT, false, REASON_NONE,
	 "hit.example.com", 0, "*", false},
};
/* clang-format on */

static void test_every_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct field fields[8];
		struct http_head head = {.fields = fields, .max_fields = 8};
		char text[256];
		enum reason why;
		struct decision d;
		int n;

		print_message("# %s\n", rows[i].name);
		n = snprintf(text, sizeof(text), "%s\r\n", rows[i].head);
		assert_int_equal(h1_parse_request(slice_make(text, (size_t)n),
						  &h1_request_limits, &head,
						  &why),
				 H1_DONE);
		world.balancer.preserve_host_header = rows[i].preserve;
		d = route_decide(&world.listener, &head, &nobody,
				 &world.scratch);
		assert_int_equal(d.reason, rows[i].reason);
		if (d.reason != REASON_NONE) {
			assert_null(d.rule);
			continue;
		}
		assert_slice(d.host, rows[i].host);
		assert_int_equal(d.host_port, rows[i].port);
		assert_slice(d.path, rows[i].path);
		assert_ptr_equal(d.rule,
				 rows[i].hit ? &world.rule
					     : &world.listener.default_rule);
	}
}

/* What SNI does not have, and what some targets strip, hides no rule. */
static void regress_nothing_behind_a_name_hides_it_from_rules(void **state)
{
	static const struct {
		const char *target, *host;
		bool hit;
	} asked[] = {
		{"/hit", "hit.example.com.", true},
		{"/hit", "Hit.Example.Com.:8080", true},
		{"http://hit.example.com./hit", "a", true},
		{"/hit", "hit.example.com..", false},
		{"/hit", ".", false},
		{"/hit", "[v1.hit:example]:80", false},
		{"/hit\xa0", "hit.example.com", false},
		{"/hit%a0", "hit.example.com", false},
	};

	(void)state;
	world.balancer.preserve_host_header = false;
	for (size_t i = 0; i < ARRAY_SIZE(asked); i++) {
		struct field fields[1] = {{.name = SLICE("Host"),
					   .value = slice_of(asked[i].host),
					   .id = NAME_HOST}};
		struct http_head head = {
			.fields = fields,
			.n_fields = 1,
			.version = HTTP_1_1,
			.method_id = METHOD_GET,
			.target = slice_of(asked[i].target),
			.present = NAME_BIT(NAME_HOST),
		};
		struct decision d = route_decide(&world.listener, &head,
						 &nobody, &world.scratch);

		print_message("# %s\n", asked[i].target);
		assert_int_equal(d.reason, REASON_NONE);
		assert_int_equal(d.rule == &world.rule, asked[i].hit);
	}
}

/* -- redirects ------------------------------------------------------------- */

/* A template in few words: what stands in braces is a place. */
static void template_init(struct template *t, const char *text)
{
	static const char *const names[] = {
		[PLACE_PROTOCOL] = "{protocol}", [PLACE_HOST] = "{host}",
		[PLACE_PORT] = "{port}",         [PLACE_PATH] = "{path}",
		[PLACE_QUERY] = "{query}",
	};

	t->parts = ARENA_ARRAY(&world.arena, 8, struct template_part);
	while (*text) {
		struct template_part *part = &t->parts[t->n_parts++];
		size_t n = strcspn(text, "{");

		if (n) {
			part->text = slice_make(text, n);
			text += n;
			continue;
		}
		while (!slice_starts(slice_of(text),
				     slice_of(names[part->kind])) ||
		       part->kind == PLACE_LITERAL)
			part->kind++;
		text += strlen(names[part->kind]);
	}
}

/* clang-format off */
static const struct {
	const char *name;
	const char *to[5]; /* protocol, host, port, path, query; NULL: default */
	const char *path, *query;
	const char *location;
} redirects[] = {
	{"all defaults but the protocol", {"https"}, "/a/b", "x=1",
	 "https://a.com:8080/a/b?x=1"},
	{"the port is written even when it is the default",
	 {"https", NULL, "443"}, "/", "", "https://a.com:443/"},
	{"no question mark before nothing", {"https"}, "/a", "",
	 "https://a.com:8080/a"},
	{"an empty query in the rule", {NULL, "b.com", NULL, NULL, ""}, "/a",
	 "x=1", "http://b.com:8080/a"},
	{"places everywhere",
	 {NULL, "new.{host}", NULL, "/{host}/{port}/{path}",
	  "p={protocol}&h={host}&o={port}&q={path}&r={query}"},
	 "/a", "x", "http://new.a.com:8080/a.com/8080/a?p=http&h=a.com&o=8080"
	 "&q=a&r=x"},
	{"only the first slash is left out", {"https"}, "//a", "",
	 "https://a.com:8080//a"},
	{"as it was sent", {"https"}, "/a/../%2f%7e", "%20",
	 "https://a.com:8080/a/../%2f%7e?%20"},
	{"nothing can end the line", {"https"}, "/a\r\nx: y", "\n",
	 "https://a.com:8080/a%0D%0Ax:%20y?%0A"},
	{"no path at all", {"https"}, "*", "", "https://a.com:8080/*"},
};
/* clang-format on */

static void redirect_init(struct redirect *r, const char *const to[5])
{
	static const char *const defaults[] = {"{protocol}", "{host}", "{port}",
					       "/{path}", "{query}"};
	struct template *const parts[] = {&r->protocol, &r->host, &r->port,
					  &r->path, &r->query};

	*r = (struct redirect){.status = 302};
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		template_init(parts[i], to[i] ? to[i] : defaults[i]);
}

static void test_every_redirect(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(redirects); i++) {
		const struct route_facts facts = {
			.protocol = SLICE("http"),
			.host = SLICE("a.com"),
			.port = 8080,
			.path = slice_of(redirects[i].path),
			.query = slice_of(redirects[i].query),
		};
		size_t right = strlen(redirects[i].location);
		struct redirect r;
		char out[256];

		print_message("# %s\n", redirects[i].name);
		redirect_init(&r, redirects[i].to);
		assert_slice(slice_make(out, redirect_location(&r, &facts, out,
							       sizeof(out))),
			     redirects[i].location);
		for (size_t size = 0; size < right; size++)
			assert_int_equal(
				redirect_location(&r, &facts, out, size), 0);
	}
}

/* alb-routing 8.4, row by row. */
static void test_which_groups_speak_it(void **state)
{
	static const struct {
		enum http_version version;
		enum method method;
		const char *type; /* of the content; NULL: none */
		bool http1, http2, grpc;
	} cases[] = {
		{HTTP_1_0, METHOD_GET, NULL, true, false, false},
		{HTTP_1_1, METHOD_GET, NULL, true, false, false},
		{HTTP_1_1, METHOD_POST, "application/grpc", true, false, false},
		{HTTP_2, METHOD_GET, NULL, true, true, false},
		{HTTP_2, METHOD_POST, NULL, true, true, true},
		{HTTP_2, METHOD_POST, "text/plain", true, true, true},
		{HTTP_2, METHOD_POST, "application/grpc", false, true, true},
		{HTTP_2, METHOD_POST, "Application/gRPC+proto", false, true,
		 true},
		{HTTP_2, METHOD_POST, "application/grpc; x=y", false, true,
		 true},
		{HTTP_2, METHOD_GET, "application/grpc", false, true, false},
		{HTTP_2, METHOD_POST, "application/grpc-web", true, true, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct field type = {.name = SLICE("content-type"),
				     .value = slice_of(cases[i].type),
				     .id = NAME_CONTENT_TYPE};
		struct http_head head = {
			.fields = &type,
			.n_fields = cases[i].type ? 1 : 0,
			.present = cases[i].type ? NAME_BIT(NAME_CONTENT_TYPE)
						 : 0,
			.version = cases[i].version,
			.method_id = cases[i].method,
		};
		bool is_grpc = head.version == HTTP_2 && http_is_grpc(&head);
		struct target_group group = {.version = VERSION_HTTP1};

		print_message("# %zu\n", i);
		assert_int_equal(group_speaks(&group, &head, is_grpc),
				 cases[i].http1);
		group.version = VERSION_HTTP2;
		assert_int_equal(group_speaks(&group, &head, is_grpc),
				 cases[i].http2);
		group.version = VERSION_GRPC;
		assert_int_equal(group_speaks(&group, &head, is_grpc),
				 cases[i].grpc);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_which_groups_speak_it),
		cmocka_unit_test(test_every_row),
		cmocka_unit_test(
			regress_nothing_behind_a_name_hides_it_from_rules),
		cmocka_unit_test(test_every_redirect),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
