/* weir sg watch: what is dropped, as it happens. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sg.h"

/* What was said of packets that are not shown. */
struct shown {
	const struct command *self;
	long long lost, limited;
	time_t said_s;
};

enum { SAY_AGAIN_S = 10 };

static void print_groups(const json_t *groups)
{
	const json_t *o;
	size_t i;

	json_array_foreach (groups, i, o) {
		printf("%s%s", i ? "," : "", json_string_value(o));
	}
}

static void print_packet(const json_t *o)
{
	printf("%s  %s  ", text_at(o, "at"), text_at(o, "outcome"));
	if (json_object_get(o, "groups")) {
		printf("%s ", text_at(o, "direction"));
		print_groups(json_object_get(o, "groups"));
		printf("  ");
	} else if (json_object_get(o, "network_acl")) {
		printf("%s network ACL %s  ", text_at(o, "direction"),
		       text_at(o, "network_acl"));
	}
	printf("%s  %s\n", text_at(o, "rule"), text_at(o, "text"));
}

static void print_all(const json_t *answer, bool json)
{
	const json_t *o;
	size_t i;

	json_array_foreach (json_object_get(answer, "packets"), i, o) {
		if (json) {
			json_dumpf(o, stdout, JSON_COMPACT);
			putchar('\n');
		} else {
			print_packet(o);
		}
	}
	fflush(stdout);
}

/* Now and then: whoever floods must not flood this as well. */
static void say_missing(struct shown *s, const json_t *answer)
{
	long long missed = number_at(answer, "missed");
	long long lost = number_at(answer, "lost") - s->lost;
	time_t now = time(NULL);

	if (missed)
		fprintf(stderr,
			"weir %s: %lld packets came too fast to be shown\n",
			s->self->name, missed);
	if (now - s->said_s < SAY_AGAIN_S)
		return;
	if (lost)
		fprintf(stderr,
			"weir %s: %lld packets came faster than the keeper "
			"reads\n",
			s->self->name, lost);
	if (number_at(answer, "limited") > s->limited)
		fprintf(stderr,
			"weir %s: some rules dropped more than the kernel may "
			"tell in a second; \"weir sg status\" counts them "
			"all\n",
			s->self->name);
	if (lost || number_at(answer, "limited") > s->limited)
		s->said_s = now;
	s->lost = number_at(answer, "lost");
	s->limited = number_at(answer, "limited");
}

static void go_on_from(json_t *request, const json_t *answer)
{
	json_object_set(request, "watcher", json_object_get(answer, "watcher"));
	json_object_set(request, "after", json_object_get(answer, "next"));
}

static int watch_packets(const struct command *self, struct sg_line *keeper,
			 json_t *request, bool json)
{
	struct shown shown = {.self = self};
	bool began = false;

	for (;;) {
		json_t *answer;
		int status = sg_line_ask(keeper, request, &answer);

		if (status == EXIT_GOOD)
			status = sg_tell(self, answer);
		if (status == EXIT_GOOD && !began) {
			shown.lost = number_at(answer, "lost");
			shown.limited = number_at(answer, "limited");
			began = true;
			if (isatty(STDERR_FILENO))
				fprintf(stderr, "watching; ^C ends it\n");
		}
		if (status == EXIT_GOOD) {
			print_all(answer, json);
			say_missing(&shown, answer);
			go_on_from(request, answer);
		}
		json_decref(answer);
		if (status != EXIT_GOOD || ferror(stdout))
			return status;
	}
}

static int run_watch(const struct command *self, int argc, char **argv)
{
	const char *group = NULL;
	bool json = false;
	const struct cmd_option options[] = {
		{"group", 0, "NAME", NULL, &group, "only what this one drops"},
		{"json", 0, NULL, &json, NULL, "one JSON object a line"},
		{0},
	};
	struct sg_line keeper;
	struct cmd_line line;
	json_t *request;
	int status;

	if (!cmd_parse_all(self, options, argc, argv, &line, &status))
		return status;
	request = sg_request("watch", false);
	if (group &&
	    json_object_set_new(request, "group", json_string(group))) {
		json_decref(request);
		return cmd_misused(self, "arguments are UTF-8");
	}
	status = sg_line_open(self, line.config, &keeper);
	if (status == EXIT_GOOD) {
		status = watch_packets(self, &keeper, request, json);
		sg_line_close(&keeper);
	}
	json_decref(request);
	return status;
}

const struct command cmd_sg_watch = {
	.name = "sg watch",
	.summary = "what is dropped, or would be, as it happens",
	.usage = "[--group NAME] [--json]",
	.run = run_watch,
};
