/* weir target register, deregister, drain, resume: targets changed at run time,
 * beside the file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/slice.h"
#include "client.h"

/* What a daemon waits for at most. */
enum { WAIT_MOST_S = 86400 };

struct target_options {
	bool wait, backup, json;
	const char *timeout, *weight, *zone, *socket;
};

static void print_names(const json_t *names)
{
	const json_t *name;
	size_t i;

	json_array_foreach (names, i, name)
		printf("%s%s", i ? ", " : "", json_string_value(name));
}

static int tell(const struct command *self, const json_t *answer,
		const char *group, const char *verb, bool json)
{
	bool ok = json_is_true(json_object_get(answer, "ok"));
	bool changed = json_is_true(json_object_get(answer, "changed"));

	if (json) {
		client_print_json(answer);
	} else if (json_object_get(answer, "generation")) {
		const char *one = text_at(answer, "target");

		printf("%s: ", group);
		if (*one)
			printf("%s", one);
		else
			print_names(json_object_get(answer, "targets"));
		printf(" %s%s\n", changed ? "" : "was already ", verb);
	}
	if (!ok)
		fprintf(stderr, "weir %s: %s\n", self->name,
			text_at(answer, "error"));
	return ok ? EXIT_GOOD : EXIT_FAILED;
}

/* Adds "wait" to the request; false after a message. */
static bool put_wait(const struct command *self, json_t *request,
		     const struct target_options *o, int *status)
{
	double seconds;
	char *end;

	if (!o->wait) {
		if (o->timeout)
			*status = cmd_misused(self, "--timeout goes with "
						    "--wait");
		return !o->timeout;
	}
	if (!o->timeout) {
		json_object_set_new(request, "wait", json_true());
		return true;
	}
	seconds = strtod(o->timeout, &end);
	if (end == o->timeout || *end || !(seconds >= 0) ||
	    seconds > WAIT_MOST_S) {
		*status = cmd_misused(self,
				      "--timeout takes seconds from 0 to %d, "
				      "not \"%s\"",
				      WAIT_MOST_S, o->timeout);
		return false;
	}
	json_object_set_new(request, "wait", json_real(seconds));
	return true;
}

static bool put_attributes(const struct command *self, json_t *request,
			   const struct target_options *o, int *status)
{
	uint64_t weight = 0;

	if (o->weight && (!slice_to_u64(slice_of(o->weight), &weight) ||
			  weight > INT32_MAX)) {
		*status = cmd_misused(
			self, "--weight takes a number, not \"%s\"", o->weight);
		return false;
	}
	if (o->weight)
		json_object_set_new(request, "weight",
				    json_integer((json_int_t)weight));
	if (o->zone &&
	    json_object_set_new(request, "zone", json_string(o->zone))) {
		*status = cmd_misused(self, "arguments are UTF-8");
		return false;
	}
	if (o->backup)
		json_object_set_new(request, "backup", json_true());
	return true;
}

static int ask(const struct command *self, const struct cmd_line *line,
	       const struct target_options *o, const char *word,
	       const char *verb)
{
	json_t *request, *answer;
	int status;

	if (line->argc != 2)
		return cmd_misused(self, "it takes a target group and a "
					 "target");
	request = json_pack("{s:s, s:s, s:s}", "command", word, "target_group",
			    line->argv[0], "id", line->argv[1]);
	if (!request)
		return cmd_misused(self, "arguments are UTF-8");
	if (!put_wait(self, request, o, &status) ||
	    !put_attributes(self, request, o, &status)) {
		json_decref(request);
		return status;
	}
	status = client_ask_for(self, line->config, o->socket, request,
				o->wait ? CLIENT_PATIENCE_S + WAIT_MOST_S
					: CLIENT_PATIENCE_S,
				&answer);
	if (status != EXIT_GOOD)
		return status;
	status = tell(self, answer, line->argv[0], verb, o->json);
	json_decref(answer);
	return status;
}

#define JSON_ROW(o)                                                            \
	{                                                                      \
		"json", 0, NULL, &(o).json, NULL, "one JSON document"          \
	}
#define SOCKET_ROW(o)                                                          \
	{                                                                      \
		"socket", 0, "PATH", NULL, &(o).socket,                        \
			"the admin socket, in place of the one in FILE"        \
	}
#define TIMEOUT_ROW(o)                                                         \
	{                                                                      \
		"timeout", 0, "SECONDS", NULL, &(o).timeout,                   \
			"how long (default: the deregistration delay)"         \
	}

static int register_run(const struct command *self, int argc, char **argv)
{
	struct target_options o = {.wait = false};
	const struct cmd_option options[] = {
		{"weight", 0, "N", NULL, &o.weight,
		 "share of the requests, beside the others"},
		{"zone", 0, "ZONE", NULL, &o.zone, "its zone, or all"},
		{"backup", 0, NULL, &o.backup, NULL,
		 "only while no other one is usable"},
		{"wait", 0, NULL, &o.wait, NULL, "until it is healthy"},
		TIMEOUT_ROW(o),
		JSON_ROW(o),
		SOCKET_ROW(o),
		{0},
	};
	struct cmd_line line;
	int status;

	if (!cmd_parse(self, options, argc, argv, &line, &status))
		return status;
	return ask(self, &line, &o, "register", "registered");
}

static int change(const struct command *self, int argc, char **argv,
		  const char *word, const char *verb, const char *until)
{
	struct target_options o = {.wait = false};
	const struct cmd_option options[] = {
		{"wait", 0, NULL, &o.wait, NULL, until},
		TIMEOUT_ROW(o),
		JSON_ROW(o),
		SOCKET_ROW(o),
		{0},
	};
	struct cmd_line line;
	int status;

	if (!cmd_parse(self, options, argc, argv, &line, &status))
		return status;
	return ask(self, &line, &o, word, verb);
}

static int deregister_run(const struct command *self, int argc, char **argv)
{
	return change(self, argc, argv, "deregister", "deregistered",
		      "until nothing is in flight there");
}

static int drain_run(const struct command *self, int argc, char **argv)
{
	return change(self, argc, argv, "drain", "drained",
		      "until nothing is in flight there");
}

static int resume_run(const struct command *self, int argc, char **argv)
{
	return change(self, argc, argv, "resume", "resumed",
		      "until it is healthy");
}

#define CHANGE_USAGE                                                           \
	"GROUP ID[:PORT] [--wait [--timeout SECONDS]] [--json] [--socket "     \
	"PATH]"

const struct command cmd_target_register = {
	.name = "target register",
	.summary = "add a target at run time, or change it",
	.usage = "GROUP ID[:PORT] [--weight N] [--zone ZONE] [--backup] "
		 "[--wait [--timeout SECONDS]] [--json] [--socket PATH]",
	.run = register_run,
};

const struct command cmd_target_deregister = {
	.name = "target deregister",
	.summary = "take a target out at run time",
	.usage = CHANGE_USAGE,
	.run = deregister_run,
};

const struct command cmd_target_drain = {
	.name = "target drain",
	.summary = "give a target no new requests",
	.usage = CHANGE_USAGE,
	.run = drain_run,
};

const struct command cmd_target_resume = {
	.name = "target resume",
	.summary = "take back that a target was drained or taken out",
	.usage = CHANGE_USAGE,
	.run = resume_run,
};
