/* weir maintenance: what is shut, and by whom; shuts and opens. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/slice.h"
#include "base/text.h"
#include "client.h"
#include "table.h"

static void print_networks(struct table *t, const json_t *list)
{
	struct text all = {0};
	const json_t *one;
	size_t i;

	json_array_foreach (list, i, one)
		text_addf(&all, "%s%s", i ? " " : "", json_string_value(one));
	table_text(t, all.n ? text_str(&all) : "nobody");
	text_release(&all);
}

static void print_all(const json_t *answer)
{
	static const char *const titles[] = {"LISTENER",    "SINCE", "ALLOWED",
					     "RETRY AFTER", "BY",    NULL};
	const json_t *list = json_object_get(answer, "maintenance"), *o;
	struct table t;
	size_t i;

	if (json_array_size(list) == 0) {
		puts("nothing is under maintenance");
		return;
	}
	table_init(&t, titles);
	json_array_foreach (list, i, o) {
		char where[64];

		snprintf(where, sizeof(where), "%s:%lld",
			 text_at(o, "load_balancer"), number_at(o, "port"));
		table_text(&t, where);
		table_text(&t, text_at(o, "since"));
		print_networks(&t, json_object_get(o, "allow"));
		table_number(&t, number_at(o, "retry_after"));
		table_text(&t, text_at(o, "by"));
	}
	table_print(&t);
}

static int tell(const struct command *self, const json_t *answer, bool json)
{
	if (json)
		client_print_json(answer);
	if (!json_is_true(json_object_get(answer, "ok"))) {
		fprintf(stderr, "weir %s: %s\n", self->name,
			text_at(answer, "error"));
		return EXIT_FAILED;
	}
	if (!json)
		print_all(answer);
	return EXIT_GOOD;
}

/* False: the command line is wrong. */
static bool add_change(json_t *request, const struct cmd_line *line,
		       const char *retry_after)
{
	json_t *allow = json_array();
	uint64_t seconds;
	bool good = json_object_set_new(request, line->argv[0],
					json_string(line->argv[1])) == 0;

	for (size_t i = 0; i < line->n_repeated; i++)
		good &= json_array_append_new(
				allow, json_string(line->repeated[i])) == 0;
	if (line->n_repeated)
		json_object_set(request, "allow", allow);
	json_decref(allow);
	if (!retry_after)
		return good;
	good &= slice_to_u64(slice_of(retry_after), &seconds) &&
		seconds <= INT32_MAX;
	if (good)
		json_object_set_new(request, "retry_after",
				    json_integer((json_int_t)seconds));
	return good;
}

static bool is_switch(const char *word)
{
	return strcmp(word, "on") == 0 || strcmp(word, "off") == 0;
}

static int maintenance_run(const struct command *self, int argc, char **argv)
{
	bool json = false;
	const char *socket = NULL, *retry_after = NULL;
	const struct cmd_option options[] = {
		{"allow", 0, "CIDR", NULL, NULL,
		 "clients that are served all the same; may be repeated"},
		{"retry-after", 0, "SECONDS", NULL, &retry_after,
		 "what Retry-After says, else 300"},
		{"json", 0, NULL, &json, NULL, "one JSON document"},
		{"socket", 0, "PATH", NULL, &socket,
		 "the admin socket, in place of the one in FILE"},
		{0},
	};
	struct cmd_line line;
	json_t *request, *answer;
	int status;

	if (!cmd_parse(self, options, argc, argv, &line, &status))
		return status;
	if (line.argc > 0 && (line.argc != 2 || !is_switch(line.argv[0])))
		return cmd_misused(self, "it takes on or off, and a load "
					 "balancer: on web, off web:443");
	if ((line.n_repeated || retry_after) &&
	    (line.argc == 0 || strcmp(line.argv[0], "on") != 0))
		return cmd_misused(self,
				   "--allow and --retry-after go with on");
	request = json_pack("{s:s}", "command", "maintenance");
	if (line.argc && !add_change(request, &line, retry_after)) {
		json_decref(request);
		return cmd_misused(self, "arguments are UTF-8, and seconds a "
					 "number");
	}
	status = client_ask(self, line.config, socket, request, &answer);
	if (status != EXIT_GOOD)
		return status;
	status = tell(self, answer, json);
	json_decref(answer);
	return status;
}

const struct command cmd_maintenance = {
	.name = "maintenance",
	.summary = "what is shut for maintenance; with on and off: at run time",
	.usage = "[on|off LB[:PORT]] [--allow CIDR]... [--retry-after SECONDS] "
		 "[--json] [--socket PATH]",
	.run = maintenance_run,
};
