/* weir errors: the last requests that weir answered or ended by itself. */
#include <stdio.h>

#include "client.h"
#include "table.h"

/* "app 10.0.0.3:80", as far as it came to that. */
static void say_where(const json_t *error, char *out, size_t size)
{
	const char *target = text_at(error, "target");

	snprintf(out, size, "%s%s%s", text_at(error, "target_group"),
		 *target ? " " : "", target);
}

static void say_rule(const json_t *error, char *out, size_t size)
{
	long long priority = number_at(error, "rule");

	if (priority)
		snprintf(out, size, "%lld", priority);
	else
		snprintf(out, size, "%s", text_at(error, "rule"));
}

static void add_error(struct table *t, const json_t *error)
{
	char request[512], rule[32], where[256];

	snprintf(request, sizeof(request), "%s %s%s", text_at(error, "method"),
		 text_at(error, "host"), text_at(error, "path"));
	say_rule(error, rule, sizeof(rule));
	say_where(error, where, sizeof(where));
	table_text(t, text_at(error, "time"));
	table_text(t, text_at(error, "listener"));
	table_number(t, number_at(error, "status"));
	table_text(t, text_at(error, "reason"));
	table_text(t, text_at(error, "client"));
	table_text(t, request);
	table_text(t, rule);
	table_text(t, where);
}

static void print_errors(const json_t *answer)
{
	static const char *const titles[] = {"TIME",   "LISTENER", "#STATUS",
					     "REASON", "CLIENT",   "REQUEST",
					     "RULE",   "WHERE",    NULL};
	const json_t *errors = json_object_get(answer, "errors"), *error;
	struct table t;
	size_t i;

	table_init(&t, titles);
	json_array_foreach (errors, i, error)
		add_error(&t, error);
	table_print(&t);
	if (json_array_size(errors) == 0)
		puts("no request was answered or ended by weir itself");
}

static int errors_run(const struct command *self, int argc, char **argv)
{
	static const struct client_filter filters[] = {
		{"reason", "TOKEN", "only those of this reason", false},
		{"limit", "N", "at most so many (default 256)", true},
		{0},
	};

	return client_show_filtered(self, argc, argv, "errors", filters,
				    print_errors);
}

const struct command cmd_errors = {
	.name = "errors",
	.summary = "the last requests that weir answered or ended by itself",
	.usage = "[--reason TOKEN] [--limit N] " CLIENT_SHOW_USAGE,
	.run = errors_run,
};
