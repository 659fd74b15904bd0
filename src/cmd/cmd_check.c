#include <stdio.h>
#include <unistd.h>

#include "cmd.h"
#include "config/config.h"

static int run(const struct command *self, int argc, char **argv)
{
	bool print = false, schema = false, keys = false;
	const struct cmd_option options[] = {
		{"print", 0, NULL, &print, NULL,
		 "the whole configuration, with defaults filled in"},
		{"schema", 0, NULL, &schema, NULL,
		 "the JSON Schema of the language, for editors"},
		{"keys", 0, NULL, &keys, NULL,
		 "all keys, with their defaults and what they mean"},
		{0},
	};
	struct config_options load = {0};
	struct diag diag = {0};
	struct cmd_line line;
	struct snapshot *snap;
	int status = EXIT_GOOD;

	if (!cmd_parse_all(self, options, argc, argv, &line, &status))
		return status;
	if (schema)
		config_write_schema(stdout);
	if (keys)
		config_write_keys(stdout);
	if (schema || keys)
		return EXIT_GOOD;
	load.print_to = print ? stdout : NULL;
	snap = config_load(line.config, &load, &diag);
	diag_print(&diag, stderr, isatty(STDERR_FILENO));
	if (!snap)
		status = EXIT_INVALID;
	snapshot_unref(snap);
	diag_release(&diag);
	return status;
}

const struct command cmd_check = {
	.name = "check",
	.summary = "find everything that serve would refuse, without serving",
	.usage = "[--print | --schema | --keys]",
	.run = run,
};
