/* weir export: the configuration in force, with what was changed at run time,
 * as one file. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "client.h"

static void write_text(FILE *to, const void *text)
{
	fputs(text, to);
}

/* It may hold secrets. */
static int write_out(const struct command *self, const char *text,
		     const char *path)
{
	if (!path) {
		fputs(text, stdout);
		return EXIT_GOOD;
	}
	if (file_replace(path, 0600, write_text, text) == 0)
		return EXIT_GOOD;
	fprintf(stderr, "weir %s: %s: %s\n", self->name, path, strerror(errno));
	return EXIT_FAILED;
}

static int export_run(const struct command *self, int argc, char **argv)
{
	bool json = false;
	const char *socket = NULL, *path = NULL;
	const struct cmd_option options[] = {
		{"output", 'o', "FILE", NULL, &path,
		 "write it there, readable by its owner alone"},
		{"json", 0, NULL, &json, NULL, "one JSON document"},
		{"socket", 0, "PATH", NULL, &socket,
		 "the admin socket, in place of the one in FILE"},
		{0},
	};
	struct cmd_line line;
	json_t *answer;
	int status;

	if (!cmd_parse_all(self, options, argc, argv, &line, &status))
		return status;
	status = client_ask(self, line.config, socket,
			    json_pack("{s:s}", "command", "export"), &answer);
	if (status != EXIT_GOOD)
		return status;
	if (!json_is_true(json_object_get(answer, "ok"))) {
		fprintf(stderr, "weir %s: %s\n", self->name,
			text_at(answer, "error"));
		status = EXIT_FAILED;
	} else if (json) {
		client_print_json(answer);
	} else {
		status = write_out(self, text_at(answer, "text"), path);
	}
	json_decref(answer);
	return status;
}

const struct command cmd_export = {
	.name = "export",
	.summary = "file and run-time changes as one file",
	.usage = "[-o FILE] [--json] [--socket PATH]",
	.run = export_run,
};
