/* weir overlay: what was changed at run time, beside the file. */
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "table.h"

static void print_differences(const json_t *answer)
{
	static const char *const titles[] = {"GROUP", "TARGET", "FILE", "NOW",
					     NULL};
	const json_t *list = json_object_get(answer, "differences"), *o;
	struct table t;
	size_t i;

	if (json_array_size(list) == 0) {
		puts("nothing is changed at run time: the file alone is "
		     "served");
		return;
	}
	table_init(&t, titles);
	json_array_foreach (list, i, o) {
		table_text(&t, text_at(o, "target_group"));
		table_text(&t, text_at(o, "target"));
		table_text(&t, text_at(o, "file"));
		table_text(&t, text_at(o, "now"));
	}
	table_print(&t);
}

static int tell(const struct command *self, const json_t *answer, bool json)
{
	const char *broken = text_at(answer, "broken");

	if (json)
		client_print_json(answer);
	if (!json_is_true(json_object_get(answer, "ok"))) {
		fprintf(stderr, "weir %s: %s\n", self->name,
			text_at(answer, "error"));
		return EXIT_FAILED;
	}
	if (!json)
		print_differences(answer);
	if (*broken)
		fprintf(stderr,
			"weir %s: the overlay file cannot be read: %s\n",
			self->name, broken);
	return EXIT_GOOD;
}

static int overlay_run(const struct command *self, int argc, char **argv)
{
	bool json = false;
	const char *socket = NULL;
	const struct cmd_option options[] = {
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
	if (line.argc > 0 && strcmp(line.argv[0], "drop") != 0)
		return cmd_misused(self, "it takes no \"%s\"", line.argv[0]);
	if (line.argc > 2)
		return cmd_misused(self, "drop takes one target group");
	request = json_pack("{s:s}", "command", "overlay");
	if (line.argc == 1)
		json_object_set_new(request, "drop", json_true());
	else if (line.argc == 2 &&
		 json_object_set_new(request, "drop",
				     json_string(line.argv[1])))
		return cmd_misused(self, "arguments are UTF-8");
	status = client_ask(self, line.config, socket, request, &answer);
	if (status != EXIT_GOOD)
		return status;
	status = tell(self, answer, json);
	json_decref(answer);
	return status;
}

const struct command cmd_overlay = {
	.name = "overlay",
	.summary = "what was changed at run time; with drop: no more of it",
	.usage = "[drop [GROUP]] [--json] [--socket PATH]",
	.run = overlay_run,
};
