/* weir reload: asks the process that runs to read its file again. */
#include <stdio.h>

#include "client.h"

static int tell(const struct command *self, const json_t *answer, bool waited,
		bool json)
{
	if (json) {
		json_dumpf(answer, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	/* Findings, in the compilers' form: warnings when all is well. */
	fputs(text_at(answer, "text"), stderr);
	if (json_is_true(json_object_get(answer, "ok"))) {
		if (!json)
			printf("generation %lld is %s\n",
			       number_at(answer, "generation"),
			       waited ? "served by all workers" : "accepted");
		return EXIT_GOOD;
	}
	fprintf(stderr, "weir %s: %s\n", self->name, text_at(answer, "error"));
	return json_is_true(json_object_get(answer, "invalid")) ? EXIT_INVALID
								: EXIT_FAILED;
}

static int reload_ask(const struct command *self, int argc, char **argv)
{
	bool wait = false, json = false, skip = false;
	const char *confirm = NULL, *socket = NULL;
	const struct cmd_option options[] = {
		{"wait", 0, NULL, &wait, NULL,
		 "return once every worker serves the new configuration"},
		{"skip-tests", 0, NULL, &skip, NULL,
		 "take it even if \"tests\" of the file fail"},
		{"confirm", 0, "SECONDS", NULL, &confirm,
		 "is not built yet, and refused"},
		{"json", 0, NULL, &json, NULL, "one JSON document"},
		{"socket", 0, "PATH", NULL, &socket,
		 "the admin socket, in place of the one in FILE"},
		{0},
	};
	struct cmd_line line;
	json_t *answer;
	int status = EXIT_GOOD;

	if (!cmd_parse_all(self, options, argc, argv, &line, &status))
		return status;
	if (confirm)
		return cmd_misused(self, "--confirm is not built yet");
	status = client_ask(self, line.config, socket,
			    json_pack("{s:s, s:b, s:b}", "command", "reload",
				      "wait", wait, "skip_tests", skip),
			    &answer);
	if (status != EXIT_GOOD)
		return status;
	status = tell(self, answer, wait, json);
	json_decref(answer);
	return status;
}

const struct command cmd_reload = {
	.name = "reload",
	.summary = "let the running weir take the file as it is now",
	.usage = "[--wait] [--skip-tests] [--json] [--socket PATH]",
	.run = reload_ask,
};
