/* weir events: what has happened, and with --follow what happens. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/slice.h"
#include "client.h"
#include "period.h"
#include "table.h"

struct events_options {
	bool json, follow;
	const char *since, *socket;
};

static void print_events(const json_t *events)
{
	static const char *const titles[] = {"TIME", "KIND", "WHAT", "", NULL};
	const json_t *o;
	struct table t;
	size_t i;

	if (json_array_size(events) == 0) {
		puts("nothing has happened");
		return;
	}
	table_init(&t, titles);
	json_array_foreach (events, i, o) {
		table_text(&t, text_at(o, "time"));
		table_text(&t, text_at(o, "kind"));
		table_text(&t, text_at(o, "what"));
		table_text(&t, text_at(o, "sentence"));
	}
	table_print(&t);
}

static void print_one(const json_t *o)
{
	printf("%s  %s  %s  %s\n", text_at(o, "time"), text_at(o, "kind"),
	       text_at(o, "what"), text_at(o, "sentence"));
}

static int refused(const struct command *self, const json_t *answer)
{
	fprintf(stderr, "weir %s: %s\n", self->name, text_at(answer, "error"));
	return EXIT_FAILED;
}

/* Each line as it comes; the end of the daemon is the end. */
static bool each_event(const json_t *answer, void *arg)
{
	const struct events_options *o = arg;

	if (o->json) {
		json_dumpf(answer, stdout, JSON_COMPACT);
		putchar('\n');
	} else {
		print_one(answer);
	}
	return fflush(stdout) == 0;
}

/* "2026-11-21T14:03:00Z" as it is, "15m" as so long ago; NULL: neither. */
static json_t *since_json(const char *word)
{
	char text[32];
	long long seconds;
	struct tm tm;
	time_t when;

	if (!period_read(word, &seconds))
		return json_string(word);
	when = time(NULL) - (time_t)seconds;
	gmtime_r(&when, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return json_string(text);
}

static int events_run(const struct command *self, int argc, char **argv)
{
	struct events_options o = {.json = false};
	const struct cmd_option options[] = {
		{"follow", 'f', NULL, &o.follow, NULL, "go on, until ^C"},
		{"since", 0, "TIME", NULL, &o.since,
		 "2026-11-21T14:03:00Z, or so long ago: 90s, 15m, 1h, 2d"},
		{"json", 0, NULL, &o.json, NULL,
		 "one JSON document; with --follow one a line"},
		{"socket", 0, "PATH", NULL, &o.socket,
		 "the admin socket, in place of the one in FILE"},
		{0},
	};
	json_t *request, *answer, *since;
	struct cmd_line line;
	int status = EXIT_GOOD;

	if (!cmd_parse_all(self, options, argc, argv, &line, &status))
		return status;
	request = json_pack("{s:s, s:b}", "command", "events", "follow",
			    o.follow);
	since = o.since ? since_json(o.since) : NULL;
	if (since)
		json_object_set_new(request, "since", since);
	if (o.follow)
		return client_follow(self, line.config, o.socket, request,
				     each_event, &o);
	status = client_ask(self, line.config, o.socket, request, &answer);
	if (status != EXIT_GOOD)
		return status;
	if (!json_is_true(json_object_get(answer, "ok")))
		status = refused(self, answer);
	else if (o.json)
		client_print_json(answer);
	else
		print_events(json_object_get(answer, "events"));
	json_decref(answer);
	return status;
}

const struct command cmd_events = {
	.name = "events",
	.summary = "reloads, health changes, drains: what happened when",
	.usage = "[--follow] [--since TIME] [--json] [--socket PATH]",
	.run = events_run,
};
