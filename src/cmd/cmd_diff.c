/* weir diff: what a reload would change. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"

/* "-" for what goes, "+" for what comes, as people know it. */
static void print_change(const json_t *o)
{
	const char *kind = text_at(o, "kind"), *key = text_at(o, "key");
	const char *file = text_at(o, "file"), *now = text_at(o, "now");
	char sign = strcmp(kind, "added") == 0     ? '+'
		    : strcmp(kind, "removed") == 0 ? '-'
						   : '~';

	printf("%c %s%s%s", sign, text_at(o, "object"), *key ? " " : "", key);
	if (sign == '~')
		printf(": %s -> %s", now, file);
	else if (*key)
		printf(": %s", sign == '+' ? file : now);
	printf("  (%s)\n", text_at(o, "place"));
}

static int tell(const struct command *self, const json_t *answer, bool json)
{
	const json_t *changes = json_object_get(answer, "changes"), *o;
	size_t i;

	if (json)
		client_print_json(answer);
	if (!json_is_true(json_object_get(answer, "ok"))) {
		fputs(text_at(answer, "text"), stderr);
		fprintf(stderr, "weir %s: %s\n", self->name,
			text_at(answer, "error"));
		return json_is_true(json_object_get(answer, "invalid"))
			       ? EXIT_INVALID
			       : EXIT_FAILED;
	}
	if (!json) {
		json_array_foreach (changes, i, o)
			print_change(o);
		if (number_at(answer, "left_out"))
			printf("... and %lld more\n",
			       number_at(answer, "left_out"));
	}
	return json_array_size(changes) ? EXIT_PENDING : EXIT_GOOD;
}

static int diff_run(const struct command *self, int argc, char **argv)
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
	if (line.argc > 1)
		return cmd_misused(self, "it takes one file");
	request = json_pack("{s:s}", "command", "diff");
	if (line.argc) {
		char *path = realpath(line.argv[0], NULL);

		if (!path) {
			fprintf(stderr, "weir %s: %s: %s\n", self->name,
				line.argv[0], strerror(errno));
			json_decref(request);
			return EXIT_FAILED;
		}
		json_object_set_new(request, "file", json_string(path));
		free(path);
	}
	status = client_ask(self, line.config, socket, request, &answer);
	if (status != EXIT_GOOD)
		return status;
	status = tell(self, answer, json);
	json_decref(answer);
	return status;
}

const struct command cmd_diff = {
	.name = "diff",
	.summary = "what a reload would change; exit 5 when there is anything",
	.usage = "[OTHER] [--json] [--socket PATH]",
	.run = diff_run,
};
