/* weir status: what runs, with its counters. */
#include <stdio.h>

#include "client.h"
#include "table.h"

static void print_uptime(long long s)
{
	if (s >= 86400)
		printf("%lld d %lld h", s / 86400, s / 3600 % 24);
	else if (s >= 3600)
		printf("%lld h %lld min", s / 3600, s / 60 % 60);
	else if (s >= 60)
		printf("%lld min %lld s", s / 60, s % 60);
	else
		printf("%lld s", s);
}

static void print_advice(const json_t *advice)
{
	const json_t *o;
	size_t i;

	json_array_foreach (advice, i, o)
		printf("\n%s: %s", text_at(o, "token"), text_at(o, "sentence"));
}

static void print_head(const json_t *a)
{
	const json_t *g = json_object_get(a, "generations");
	const json_t *r = json_object_get(a, "last_reload");
	long long now = number_at(g, "current");
	long long oldest = number_at(g, "oldest_alive");

	printf("weir %s, process %lld, %s for ", text_at(a, "version"),
	       number_at(a, "pid"), text_at(a, "phase"));
	print_uptime(number_at(a, "uptime_seconds"));
	printf("\n%s, generation %lld", text_at(a, "file"), now);
	if (oldest < now)
		printf(" (requests still run in generation %lld)", oldest);
	if (json_is_object(r))
		printf("\nlast reload at %s: %s, %zu findings",
		       text_at(r, "time"),
		       json_is_true(json_object_get(r, "ok")) ? "accepted"
							      : "refused",
		       json_array_size(json_object_get(r, "findings")));
	if (json_object_get(a, "waiting"))
		printf("\nwaits to be confirmed: goes back in %lld s, unless "
		       "\"weir confirm\" follows",
		       number_at(json_object_get(a, "waiting"),
				 "seconds_left"));
	if (json_is_true(json_object_get(json_object_get(a, "config"),
					 "file_differs")))
		printf("\nthe file is not what is served: \"weir diff\" says "
		       "how");
	if (number_at(json_object_get(a, "overlay"), "entries"))
		printf("\n%lld changes at run time: \"weir overlay\" shows "
		       "them",
		       number_at(json_object_get(a, "overlay"), "entries"));
	print_advice(json_object_get(a, "advice"));
	puts("\n");
}

static void print_listeners(const json_t *listeners)
{
	static const char *const titles[] = {"LOAD BALANCER", "PROTOCOL",
					     "#RULES",        "#REQUESTS",
					     "ADDRESSES",     NULL};
	struct table t;
	const json_t *l, *address;
	size_t i, j;

	table_init(&t, titles);
	json_array_foreach (listeners, i, l) {
		const json_t *addresses = json_object_get(l, "addresses");
		char all[256] = "";
		size_t n = 0;

		json_array_foreach (addresses, j, address) {
			int more = snprintf(all + n, sizeof(all) - n, "%s%s",
					    n ? " " : "",
					    json_string_value(address));

			if (more < 0 || (size_t)more >= sizeof(all) - n)
				break;
			n += (size_t)more;
		}
		table_text(&t, text_at(l, "load_balancer"));
		table_text(&t, text_at(l, "protocol"));
		table_number(&t, number_at(l, "rules"));
		table_number(&t, number_at(json_object_get(l, "counters"),
					   "ReceivedRequestCount"));
		table_text(&t, all);
	}
	table_print(&t);
}

static void print_workers(const json_t *workers)
{
	static const char *const titles[] = {"WORKER",      "#CLIENTS",
					     "#TARGETS",    "#REQUESTS",
					     "#GENERATION", NULL};
	struct table t;
	const json_t *w;
	size_t i;

	table_init(&t, titles);
	json_array_foreach (workers, i, w) {
		char number[24];

		snprintf(number, sizeof(number), "%zu", i);
		table_text(&t, number);
		table_number(&t, number_at(w, "client_connections"));
		table_number(&t, number_at(w, "target_connections"));
		table_number(&t, number_at(w, "requests_under_way"));
		table_number(&t, number_at(w, "generation"));
	}
	table_print(&t);
}

/* Those that have moved; the rest is in --json. */
static void print_counts(json_t *counts, const char *title)
{
	const char *const titles[] = {title, "#COUNT", NULL};
	struct table t;
	const char *name;
	json_t *value;

	table_init(&t, titles);
	json_object_foreach (counts, name, value) {
		if (json_integer_value(value) == 0)
			continue;
		table_text(&t, name);
		table_number(&t, json_integer_value(value));
	}
	if (t.n_cells)
		putchar('\n');
	table_print(&t);
}

static void print_names(const json_t *names)
{
	static const char *const titles[] = {"NAME", "#ADDRESSES", "PROBLEM",
					     NULL};
	struct table t;
	const json_t *name;
	size_t i;

	table_init(&t, titles);
	json_array_foreach (names, i, name) {
		table_text(&t, text_at(name, "name"));
		table_number(&t, number_at(name, "addresses"));
		table_paint(&t, PAINT_BAD, text_at(name, "failure"));
	}
	if (t.n_cells)
		putchar('\n');
	table_print(&t);
}

static void print_status(const json_t *answer)
{
	print_head(answer);
	print_listeners(json_object_get(answer, "listeners"));
	putchar('\n');
	print_workers(json_object_get(answer, "workers"));
	print_counts(json_object_get(answer, "counters"), "COUNTER");
	print_counts(json_object_get(answer, "reasons"), "ANSWERED BY WEIR");
	print_counts(json_object_get(answer, "http2_glitches"),
		     "ODD IN HTTP/2");
	print_names(json_object_get(answer, "names"));
	print_lost_lines(json_object_get(answer, "logs"));
}

static int status_run(const struct command *self, int argc, char **argv)
{
	return client_show(self, argc, argv, "status", print_status);
}

const struct command cmd_status = {
	.name = "status",
	.summary = "what runs: version, generations, listeners, counters",
	.usage = CLIENT_SHOW_USAGE,
	.run = status_run,
};
