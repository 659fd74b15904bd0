/* weir explain request: which rule a request meets, and who gets it. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/fail.h"
#include "base/text.h"
#include "client.h"
#include "config/config.h"
#include "control/explain.h"
#include "rule_words.h"
#include "table.h"

struct question {
	const char *method, *from, *balancer, *socket;
	bool file, json;
};

/* -- asking ---------------------------------------------------------------- */

/* "Name: value"; NULL after a message. */
static json_t *headers_of(const struct command *self,
			  const struct cmd_line *line)
{
	json_t *list = json_array();

	for (size_t i = 0; i < line->n_repeated; i++) {
		struct slice value = slice_of(line->repeated[i]);
		struct slice name = slice_cut(&value, ':');

		if (!value.p || name.n == 0) {
			cmd_misused(self, "-H \"%s\" is not \"Name: value\"",
				    line->repeated[i]);
			json_decref(list);
			return NULL;
		}
		value = slice_trim(value);
		json_array_append_new(list,
				      json_pack("[s%, s%]", name.p, name.n,
						value.p, value.n));
	}
	return list;
}

static json_t *request_of(const struct question *q, const char *url,
			  json_t *headers_take)
{
	json_t *o = json_pack("{s:s, s:s, s:o}", "command", "explain", "url",
			      url, "headers", headers_take);

	if (q->method)
		json_object_set_new(o, "method", json_string(q->method));
	if (q->from)
		json_object_set_new(o, "from", json_string(q->from));
	if (q->balancer)
		json_object_set_new(o, "load_balancer",
				    json_string(q->balancer));
	return o;
}

/* Warnings are for weir check; so are tests, and what is secret. */
static int ask_file(const char *file, json_t *request_take, json_t **answer)
{
	const struct config_options options = {.without_secrets = true};
	struct diag diag = {0};
	struct snapshot *snap = config_load(file, &options, &diag);
	struct explain *e;

	if (!snap)
		diag_print(&diag, stderr, isatty(STDERR_FILENO));
	diag_release(&diag);
	if (!snap) {
		json_decref(request_take);
		return EXIT_INVALID;
	}
	e = explain_new(snap, request_take, answer);
	if (e)
		*answer = explain_to_json(e, NULL);
	explain_free(e);
	snapshot_unref(snap);
	json_decref(request_take);
	return EXIT_GOOD;
}

/* -- telling --------------------------------------------------------------- */

static void print_condition(const json_t *c)
{
	const json_t *compared = json_object_get(c, "compared");
	struct text words = {0}, with = {0};

	words_of_condition(&words, c);
	if (json_is_string(compared))
		text_addf(&with, "%s", json_string_value(compared));
	else
		words_of_values(&with, compared);
	printf("        %-3s %s\n            %s",
	       json_is_true(json_object_get(c, "matched")) ? "yes" : "no",
	       text_str(&words), text_at(c, "why"));
	if (with.n)
		printf(": %s", text_str(&with));
	putchar('\n');
	text_release(&words);
	text_release(&with);
}

static void print_name(const json_t *rule)
{
	const json_t *priority = json_object_get(rule, "priority");

	if (json_is_string(priority))
		printf("the default rule");
	else
		printf("rule %lld", json_integer_value(priority));
	printf("  (%s)", text_at(rule, "place"));
}

static void print_rules(const json_t *answer)
{
	const json_t *rule, *condition;
	size_t i, j;

	if (number_at(answer, "rules_left_out"))
		printf("  %lld rules, whose host and path do not match, are "
		       "left out\n",
		       number_at(answer, "rules_left_out"));
	json_array_foreach (json_object_get(answer, "rules"), i, rule) {
		const json_t *list = json_object_get(rule, "conditions");

		printf("  %-6s ", json_is_true(json_object_get(rule, "matched"))
					  ? "is met"
					  : "no");
		print_name(rule);
		putchar('\n');
		json_array_foreach (list, j, condition)
			print_condition(condition);
	}
}

static void print_candidates(const json_t *answer)
{
	static const char *const titles[] = {"  TARGET", "STATE", "#SHARE %",
					     NULL};
	const json_t *one;
	struct table t;
	char text[160];
	size_t i;

	table_init(&t, titles);
	json_array_foreach (json_object_get(answer, "candidates"), i, one) {
		snprintf(text, sizeof(text), "  %s", text_at(one, "target"));
		table_text(&t, text);
		table_text(&t, text_at(one, "state"));
		snprintf(text, sizeof(text), "%.1f",
			 json_number_value(json_object_get(one, "share")) *
				 100);
		table_text(&t, text);
	}
	table_print(&t);
}

static void print_group(const json_t *answer, const json_t *group)
{
	const json_t *one, *list = json_object_get(group, "candidates");
	size_t i;

	printf("target group %s, %s", text_at(group, "name"),
	       text_at(answer, "algorithm"));
	if (json_is_true(json_object_get(answer, "fail_open")))
		printf(", too few are healthy: all are used");
	if (json_is_true(json_object_get(group, "sticky")))
		printf(", kept by the cookie of the request");
	putchar('\n');
	json_array_foreach (list, i, one)
		if (json_array_size(list) > 1)
			printf("  %s has weight %lld\n", text_at(one, "name"),
			       number_at(one, "weight"));
	print_candidates(answer);
}

static void print_transforms(const json_t *answer)
{
	const json_t *t;
	size_t i;

	json_array_foreach (json_object_get(answer, "transforms"), i, t) {
		const char *after = text_at(t, "after");
		const char *status = text_at(t, "status");

		printf("  %s: %s", text_at(t, "type"), text_at(t, "before"));
		if (*after)
			printf(" -> %s\n", after);
		else
			printf(" %s\n", *status ? status : "stays");
	}
}

static void print_result(const json_t *answer)
{
	const json_t *own = json_object_get(answer, "answer");

	if (!own) {
		printf("=> %s\n", *text_at(answer, "target")
					  ? text_at(answer, "target")
					  : "no target");
		return;
	}
	printf("=> %lld %s", number_at(own, "status"), text_at(own, "reason"));
	if (*text_at(own, "location"))
		printf(" %s", text_at(own, "location"));
	putchar('\n');
}

static void print_answer(const json_t *answer)
{
	const json_t *request = json_object_get(answer, "request");
	const json_t *l = json_object_get(answer, "listener");
	const json_t *refused = json_object_get(answer, "refused");
	const json_t *rule = json_object_get(answer, "rule");
	const json_t *group = json_object_get(answer, "target_group");

	printf("%s %s from %s\n", text_at(request, "method"),
	       text_at(request, "url"), text_at(request, "from"));
	printf("listener %s:%lld %s  (%s)\n", text_at(l, "load_balancer"),
	       number_at(l, "port"), text_at(l, "protocol"),
	       text_at(l, "place"));
	print_rules(answer);
	if (refused)
		printf("refused: %s\n", text_at(refused, "sentence"));
	if (rule) {
		print_name(rule);
		printf(": %s\n",
		       text_at(json_array_get(
				       json_object_get(answer, "actions"), 0),
			       "type"));
	}
	print_transforms(answer);
	if (group)
		print_group(answer, group);
	print_result(answer);
}

/* -- the command ----------------------------------------------------------- */

static int explain_request(const struct command *self, const struct question *q,
			   const struct cmd_line *line)
{
	json_t *headers = headers_of(self, line), *request, *answer;
	int status;

	if (!headers)
		return EXIT_USAGE;
	request = request_of(q, line->argv[0], headers);
	if (!request)
		return cmd_misused(self, "an argument is not UTF-8");
	status = q->file ? ask_file(line->config, request, &answer)
			 : client_ask(self, line->config, q->socket, request,
				      &answer);
	if (status != EXIT_GOOD)
		return status;
	return client_print(self, answer,
			    q->json ? client_print_json : print_answer);
}

static int run_explain_request(const struct command *self, int argc,
			       char **argv)
{
	struct question q = {.file = false};
	const struct cmd_option options[] = {
		{"header", 'H', "FIELD", NULL, NULL,
		 "a header field, as 'Name: value'; may be repeated"},
		{"method", 'X', "METHOD", NULL, &q.method, "else GET"},
		{"from", 0, "IP", NULL, &q.from,
		 "who sends it, else 127.0.0.1"},
		{"load-balancer", 0, "NAME", NULL, &q.balancer,
		 "where several have such a listener"},
		{"file", 0, NULL, &q.file, NULL,
		 "ask the file alone, without health, and no daemon"},
		{"json", 0, NULL, &q.json, NULL, "one JSON document"},
		{"socket", 0, "PATH", NULL, &q.socket,
		 "the admin socket, in place of the one in FILE"},
		{0},
	};
	struct cmd_line line;
	int status;

	if (!cmd_parse(self, options, argc, argv, &line, &status))
		return status;
	if (line.argc != 1)
		return cmd_misused(self, "it takes one URL");
	return explain_request(self, &q, &line);
}

const struct command cmd_explain_request = {
	.name = "explain request",
	.summary = "which rule a request meets, and which target gets it",
	.usage = "URL [-H 'NAME: VALUE']... [-X METHOD] [--from IP] "
		 "[--load-balancer NAME] [--file] [--json]",
	.run = run_explain_request,
};
