/* weir sg render, diff, keep: what the rules are, what would change. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/diag.h"
#include "keeper/keeper.h"
#include "kernel/intent.h"
#include "sg.h"

/* -- render ---------------------------------------------------------------- */

static int run_render(const struct command *self, int argc, char **argv)
{
	const struct cmd_option options[] = {{0}};
	struct diag diag = {0};
	struct cmd_line line;
	struct intent *intent;
	int status;
	char *text;

	if (!cmd_parse_all(self, options, argc, argv, &line, &status))
		return status;
	intent = intent_load(line.config, &diag);
	diag_print(&diag, stderr, isatty(STDERR_FILENO));
	diag_release(&diag);
	if (!intent)
		return EXIT_INVALID;
	text = ruleset_text(intent->rules);
	fputs(text, stdout);
	free(text);
	intent_free(intent);
	return EXIT_GOOD;
}

const struct command cmd_sg_render = {
	.name = "sg render",
	.summary = "the rules as text that nft -f takes; touches nothing",
	.usage = "",
	.run = run_render,
};

/* -- diff ------------------------------------------------------------------ */

static int tell_diff(const struct command *self, const json_t *answer)
{
	int status = sg_tell(self, answer);

	if (status != EXIT_GOOD)
		return status;
	fputs(text_at(answer, "diff"), stdout);
	if (*text_at(answer, "cuts"))
		fprintf(stderr, "weir %s: %s\n", self->name,
			text_at(answer, "cuts"));
	return status;
}

static int run_diff(const struct command *self, int argc, char **argv)
{
	bool json = false;
	const struct cmd_option options[] = {
		{"json", 0, NULL, &json, NULL, "one JSON document"},
		{0},
	};
	struct cmd_line line;
	json_t *answer;
	int status;

	if (!cmd_parse_all(self, options, argc, argv, &line, &status))
		return status;
	status = sg_ask(self, line.config, sg_request("diff", true), &answer);
	if (status != EXIT_GOOD)
		return status;
	if (json) {
		sg_print_json(answer);
		status = sg_tell(self, answer);
	} else {
		status = tell_diff(self, answer);
	}
	if (status == EXIT_GOOD &&
	    json_is_true(json_object_get(answer, "pending")))
		status = EXIT_PENDING;
	json_decref(answer);
	return status;
}

const struct command cmd_sg_diff = {
	.name = "sg diff",
	.summary = "what apply would change; exit status 5 if anything",
	.usage = "[--json]",
	.run = run_diff,
};

/* -- keep ------------------------------------------------------------------ */

static int run_keep(const struct command *self, int argc, char **argv)
{
	const struct cmd_option options[] = {{0}};
	struct cmd_line line;
	char *path;
	int status;

	if (!cmd_parse_all(self, options, argc, argv, &line, &status))
		return status;
	path = sg_path(line.config);
	status = keeper_keep(path);
	free(path);
	return status;
}

const struct command cmd_sg_keep = {
	.name = "sg keep",
	.summary = "the keeper: applies, confirms, repairs what others change",
	.usage = "",
	.run = run_keep,
};
