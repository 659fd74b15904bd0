/* weir sg allow, revoke, block, unblock, overlay: entries at run time, beside
 * the file and until their end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/fail.h"
#include "base/slice.h"
#include "period.h"
#include "sg.h"
#include "table.h"

static int misused_period(const struct command *self, const char *word)
{
	return cmd_misused(self,
			   "--for takes a time such as 90s, 15m, 1h or 2d, not "
			   "\"%s\"",
			   word);
}

static void print_left(long long seconds)
{
	if (seconds >= 24 * 3600)
		printf("%lld days %lld h", seconds / (24 * 3600),
		       seconds / 3600 % 24);
	else if (seconds >= 3600)
		printf("%lld h %lld min", seconds / 3600, seconds / 60 % 60);
	else if (seconds >= 60)
		printf("%lld min %lld s", seconds / 60, seconds % 60);
	else
		printf("%lld s", seconds);
}

static void print_added(const json_t *answer)
{
	printf("%s", text_at(answer, "entry"));
	if (json_object_get(answer, "seconds_left")) {
		printf(", for ");
		print_left(number_at(answer, "seconds_left"));
	}
	putchar('\n');
}

static void print_removed(const json_t *answer)
{
	printf("gone: %s\n", text_at(answer, "entry"));
}

void sg_print_overlay(const json_t *overlay)
{
	static const char *const titles[] = {"KIND",  "GROUP",   "PROTOCOL",
					     "#PORT", "NETWORK", "#SECONDS",
					     NULL};
	const json_t *o;
	struct table t;
	size_t i;

	table_init(&t, titles);
	json_array_foreach (json_object_get(overlay, "entries"), i, o) {
		bool ends = json_object_get(o, "seconds_left") != NULL;

		table_text(&t, text_at(o, "kind"));
		table_text(&t, text_at(o, "group"));
		table_text(&t, text_at(o, "protocol"));
		if (json_object_get(o, "port"))
			table_number(&t, number_at(o, "port"));
		else
			table_text(&t, "");
		table_text(&t, text_at(o, "cidr"));
		if (ends)
			table_number(&t, number_at(o, "seconds_left"));
		else
			table_text(&t, "until dropped");
	}
	table_print(&t);
}

/* -- allow, revoke --------------------------------------------------------- */

static int run_rule(const struct command *self, int argc, char **argv,
		    const char *name, void (*print)(const json_t *answer))
{
	const char *protocol = NULL, *port = NULL, *from = NULL, *period = NULL;
	bool json = false, adds = strcmp(name, "allow") == 0;
	const struct cmd_option options[] = {
		{"protocol", 0, "PROTOCOL", NULL, &protocol, "tcp or udp"},
		{"port", 0, "N", NULL, &port, "the destination port"},
		{"from", 0, "CIDR", NULL, &from, "an address or a network"},
		{"json", 0, NULL, &json, NULL, "one JSON document"},
		{adds ? "for" : NULL, 0, "TIME", NULL, &period,
		 "so long: 90s, 15m, 1h, 2d; else until it is revoked"},
		{0},
	};
	struct cmd_line line;
	long long seconds;
	json_t *request;
	uint64_t number;
	int status;

	if (!cmd_parse(self, options, argc, argv, &line, &status))
		return status;
	if (line.argc != 1)
		return cmd_misused(self, "it takes one security group");
	if (!protocol || !port || !from)
		return cmd_misused(self,
				   "--protocol, --port and --from are needed");
	if (!slice_to_u64(slice_of(port), &number) || number > UINT16_MAX)
		return cmd_misused(self,
				   "--port takes a number from 0 to 65535, not "
				   "\"%s\"",
				   port);
	if (period && !period_read(period, &seconds))
		return misused_period(self, period);
	request = json_pack("{s:s, s:s?, s:s?, s:I, s:s?}", "command", name,
			    "group", line.argv[0], "protocol", protocol, "port",
			    (json_int_t)number, "cidr", from);
	if (!request)
		return cmd_misused(self, "arguments are UTF-8");
	if (period)
		json_object_set_new(request, "seconds", json_integer(seconds));
	return sg_ask_and_tell(self, line.config, request, json, print);
}

static int run_allow(const struct command *self, int argc, char **argv)
{
	return run_rule(self, argc, argv, "allow", print_added);
}

static int run_revoke(const struct command *self, int argc, char **argv)
{
	return run_rule(self, argc, argv, "revoke", print_removed);
}

/* -- block, unblock -------------------------------------------------------- */

static int run_block(const struct command *self, int argc, char **argv)
{
	const char *period = NULL;
	bool json = false, force = false;
	const struct cmd_option options[] = {
		{"for", 0, "TIME", NULL, &period,
		 "so long: 90s, 15m, 1h, 2d; else until it is unblocked"},
		{"force", 0, NULL, &force, NULL,
		 "even if it cuts the SSH session that this is typed in"},
		{"json", 0, NULL, &json, NULL, "one JSON document"},
		{0},
	};
	struct cmd_line line;
	long long seconds;
	json_t *request;
	int status;

	if (!cmd_parse(self, options, argc, argv, &line, &status))
		return status;
	if (line.argc != 1)
		return cmd_misused(self, "it takes one address or network");
	if (period && !period_read(period, &seconds))
		return misused_period(self, period);
	request = sg_request("block", true);
	json_object_set_new(request, "cidr", json_string(line.argv[0]));
	json_object_set_new(request, "force", json_boolean(force));
	if (period)
		json_object_set_new(request, "seconds", json_integer(seconds));
	return sg_ask_and_tell(self, line.config, request, json, print_added);
}

static int run_unblock(const struct command *self, int argc, char **argv)
{
	bool json = false;
	const struct cmd_option options[] = {
		{"json", 0, NULL, &json, NULL, "one JSON document"},
		{0},
	};
	struct cmd_line line;
	json_t *request;
	int status;

	if (!cmd_parse(self, options, argc, argv, &line, &status))
		return status;
	if (line.argc != 1)
		return cmd_misused(self, "it takes one address or network");
	request = sg_request("unblock", false);
	json_object_set_new(request, "cidr", json_string(line.argv[0]));
	return sg_ask_and_tell(self, line.config, request, json, print_removed);
}

/* -- overlay --------------------------------------------------------------- */

static void print_list(const json_t *answer)
{
	const json_t *overlay = json_object_get(answer, "overlay");

	if (number_at(answer, "dropped"))
		printf("dropped: %lld\n", number_at(answer, "dropped"));
	else if (json_array_size(json_object_get(overlay, "entries")) == 0)
		puts("there are no run-time entries");
	else
		sg_print_overlay(overlay);
}

static int run_overlay(const struct command *self, int argc, char **argv)
{
	bool json = false;
	const struct cmd_option options[] = {
		{"json", 0, NULL, &json, NULL, "one JSON document"},
		{0},
	};
	struct cmd_line line;
	json_t *request;
	int status;

	if (!cmd_parse(self, options, argc, argv, &line, &status))
		return status;
	if (line.argc > 1 ||
	    (line.argc == 1 && strcmp(line.argv[0], "drop") != 0))
		return cmd_misused(self, "it takes nothing, or \"drop\"");
	request = sg_request("overlay", false);
	if (line.argc == 1)
		json_object_set_new(request, "drop", json_true());
	return sg_ask_and_tell(self, line.config, request, json, print_list);
}

#define RULE_USAGE "GROUP --protocol tcp --port N --from CIDR"

const struct command cmd_sg_allow = {
	.name = "sg allow",
	.summary = "let somebody in at run time, beside the file",
	.usage = RULE_USAGE " [--for TIME] [--json]",
	.run = run_allow,
};

const struct command cmd_sg_revoke = {
	.name = "sg revoke",
	.summary = "take back what \"sg allow\" let in",
	.usage = RULE_USAGE " [--json]",
	.run = run_revoke,
};

const struct command cmd_sg_block = {
	.name = "sg block",
	.summary = "drop all that comes from an address or network",
	.usage = "CIDR [--for TIME] [--force] [--json]",
	.run = run_block,
};

const struct command cmd_sg_unblock = {
	.name = "sg unblock",
	.summary = "take back what \"sg block\" dropped",
	.usage = "CIDR [--json]",
	.run = run_unblock,
};

const struct command cmd_sg_overlay = {
	.name = "sg overlay",
	.summary = "what was allowed and blocked at run time; or drops it all",
	.usage = "[drop] [--json]",
	.run = run_overlay,
};
