/* weir reopen: has the process that runs open its log files anew. */
#include <stdio.h>

#include "client.h"

static int tell(const struct command *self, const json_t *answer, bool as_json)
{
	const json_t *files = json_object_get(answer, "files");
	const json_t *failed = json_object_get(answer, "failed"), *one;
	size_t i;

	if (as_json)
		client_print_json(answer);
	if (!json_is_true(json_object_get(answer, "ok"))) {
		fprintf(stderr, "weir %s: %s\n", self->name,
			text_at(answer, "error"));
		return EXIT_FAILED;
	}
	if (!as_json)
		json_array_foreach (files, i, one)
			printf("%s\n", json_string_value(one));
	json_array_foreach (failed, i, one)
		fprintf(stderr, "weir %s: %s: %s\n", self->name,
			text_at(one, "path"), text_at(one, "error"));
	return json_array_size(failed) ? EXIT_FAILED : EXIT_GOOD;
}

static int reopen_ask(const struct command *self, int argc, char **argv)
{
	const char *socket = NULL;
	bool as_json = false;
	const struct cmd_option options[] = {
		{"json", 0, NULL, &as_json, NULL, "one JSON document"},
		{"socket", 0, "PATH", NULL, &socket,
		 "the admin socket, in place of the one in FILE"},
		{0},
	};
	struct cmd_line line;
	json_t *answer;
	int status = EXIT_GOOD;

	if (!cmd_parse_all(self, options, argc, argv, &line, &status))
		return status;
	status = client_ask(self, line.config, socket,
			    json_pack("{s:s}", "command", "reopen"), &answer);
	if (status != EXIT_GOOD)
		return status;
	status = tell(self, answer, as_json);
	json_decref(answer);
	return status;
}

const struct command cmd_reopen = {
	.name = "reopen",
	.summary = "open the log files of the running weir anew",
	.usage = "[--json] [--socket PATH]",
	.run = reopen_ask,
};
