/* weir reload, weir confirm: the process that runs reads its file again, and
 * keeps what it took. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/slice.h"
#include "client.h"
#include "hand_over.h"

static void say_good(const json_t *answer, bool waited)
{
	long long seconds = number_at(answer, "confirm_seconds");

	printf("generation %lld is %s\n", number_at(answer, "generation"),
	       waited ? "served by all workers" : "accepted");
	if (seconds)
		printf("the one before it returns in %lld s, unless \"weir "
		       "confirm\" follows\n",
		       seconds);
}

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
			say_good(answer, waited);
		return EXIT_GOOD;
	}
	fprintf(stderr, "weir %s: %s\n", self->name, text_at(answer, "error"));
	return json_is_true(json_object_get(answer, "invalid")) ? EXIT_INVALID
								: EXIT_FAILED;
}

/* The process that answers there; 0: nobody does, as will be said. */
static long pid_at(const char *path)
{
	json_t *request = json_pack("{s:s}", "command", "status"), *answer;
	long pid = 0;

	if (client_call(path, request, &answer) == 0) {
		pid = (long)number_at(answer, "pid");
		json_decref(answer);
	}
	json_decref(request);
	return pid;
}

/* Root lends what the daemon may not open. */
static int ask(const struct command *self, const char *config,
	       const char *socket, json_t *request_take, json_t **answer)
{
	char *path = client_find_socket(self, config, socket);
	struct handed handed = {.n = 0};
	int status;

	if (!path) {
		json_decref(request_take);
		return EXIT_INVALID;
	}
	if (geteuid() == 0)
		hand_collect(&handed, config, pid_at(path));
	if (handed.n)
		json_object_set_new(request_take, "files", hand_names(&handed));
	status = client_ask_handing(self, path, request_take, handed.fds,
				    handed.n, answer);
	hand_release(&handed);
	free(path);
	return status;
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
		 "go back in so many seconds, unless weir confirm follows"},
		{"json", 0, NULL, &json, NULL, "one JSON document"},
		{"socket", 0, "PATH", NULL, &socket,
		 "the admin socket, in place of the one in FILE"},
		{0},
	};
	struct cmd_line line;
	json_t *answer, *request;
	int status = EXIT_GOOD;
	uint64_t seconds;

	if (!cmd_parse_all(self, options, argc, argv, &line, &status))
		return status;
	request = json_pack("{s:s, s:b, s:b}", "command", "reload", "wait",
			    wait, "skip_tests", skip);
	if (confirm && !slice_to_u64(slice_of(confirm), &seconds)) {
		json_decref(request);
		return cmd_misused(self,
				   "--confirm takes whole seconds, not \"%s\"",
				   confirm);
	}
	if (confirm)
		json_object_set_new(request, "confirm",
				    json_integer((json_int_t)seconds));
	status = ask(self, line.config, socket, request, &answer);
	if (status != EXIT_GOOD)
		return status;
	status = tell(self, answer, wait, json);
	json_decref(answer);
	return status;
}

const struct command cmd_reload = {
	.name = "reload",
	.summary = "let the running weir take the file as it is now",
	.usage = "[--wait] [--confirm SECONDS] [--skip-tests] [--json] "
		 "[--socket PATH]",
	.run = reload_ask,
};

static int confirm_ask(const struct command *self, int argc, char **argv)
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
	json_t *answer;
	int status = EXIT_GOOD;

	if (!cmd_parse_all(self, options, argc, argv, &line, &status))
		return status;
	status = client_ask(self, line.config, socket,
			    json_pack("{s:s}", "command", "confirm"), &answer);
	if (status != EXIT_GOOD)
		return status;
	if (json)
		client_print_json(answer);
	if (!json_is_true(json_object_get(answer, "ok"))) {
		fprintf(stderr, "weir %s: %s\n", self->name,
			text_at(answer, "error"));
		status = EXIT_FAILED;
	} else if (!json) {
		printf("generation %lld stays\n",
		       number_at(answer, "generation"));
	}
	json_decref(answer);
	return status;
}

const struct command cmd_confirm = {
	.name = "confirm",
	.summary = "keep what reload --confirm took",
	.usage = "[--json] [--socket PATH]",
	.run = confirm_ask,
};
