/* weir conns: the connections from clients, and what they do. */
#include <stdio.h>

#include "client.h"
#include "table.h"

static void add_connection(struct table *t, const json_t *c)
{
	char idle[32];

	snprintf(idle, sizeof(idle), "%.1f",
		 json_number_value(json_object_get(c, "idle_seconds")));
	table_text(t, text_at(c, "client"));
	table_text(t, text_at(c, "listener"));
	table_text(t, text_at(c, "protocol"));
	table_text(t, text_at(c, "tls"));
	table_text(t, text_at(c, "since"));
	table_text(t, text_at(c, "state"));
	table_number(t, number_at(c, "requests"));
	table_number(t, number_at(c, "requests_under_way"));
	table_text(t, text_at(c, "target"));
	table_number(t, number_at(c, "octets_in"));
	table_number(t, number_at(c, "octets_out"));
	table_text(t, idle);
	table_number(t, number_at(c, "generation"));
}

static void print_connections(const json_t *answer)
{
	static const char *const titles[] = {
		"CLIENT", "LISTENER",  "PROTOCOL",    "TLS",    "SINCE",
		"STATE",  "#REQUESTS", "#NOW",        "TARGET", "#IN",
		"#OUT",   "#IDLE",     "#GENERATION", NULL};
	const json_t *list = json_object_get(answer, "connections"), *c;
	long long total = number_at(answer, "total");
	long long shown = number_at(answer, "shown");
	long long unlooked = number_at(answer, "not_looked_at");
	struct table t;
	size_t i;

	table_init(&t, titles);
	json_array_foreach (list, i, c)
		add_connection(&t, c);
	table_print(&t);
	if (total == 0)
		puts("no such connection is open");
	if (shown < total)
		printf("%lld of %lld\n", shown, total);
	if (unlooked)
		printf("%lld more were not looked at\n", unlooked);
}

static int conns_run(const struct command *self, int argc, char **argv)
{
	static const struct client_filter filters[] = {
		{"listener", "LB:PORT", "only those of this listener", false},
		{"target", "ADDR", "only those with a request there", false},
		{"limit", "N", "at most so many (default 1000)", true},
		{0},
	};

	return client_show_filtered(self, argc, argv, "conns", filters,
				    print_connections);
}

const struct command cmd_conns = {
	.name = "conns",
	.summary = "the connections from clients, and what they do",
	.usage = "[--listener LB:PORT] [--target ADDR] [--limit "
		 "N] " CLIENT_SHOW_USAGE,
	.run = conns_run,
};
