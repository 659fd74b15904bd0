/* weir serve: the load balancer itself, in the foreground. */
#include "cmd.h"
#include "control/daemon.h"

static int serve_run(const struct command *self, int argc, char **argv)
{
	const struct cmd_option options[] = {{0}};
	struct cmd_line line;
	int status = EXIT_GOOD;

	if (!cmd_parse_all(self, options, argc, argv, &line, &status))
		return status;
	switch (daemon_serve(line.config)) {
	case DAEMON_GOOD:
		return EXIT_GOOD;
	case DAEMON_CONFIG_INVALID:
		return EXIT_INVALID;
	default:
		return EXIT_FAILED;
	}
}

const struct command cmd_serve = {
	.name = "serve",
	.summary = "run in the foreground until told to stop",
	.usage = "",
	.run = serve_run,
};
