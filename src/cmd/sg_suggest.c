/* weir sg suggest: the rules that would admit what mode: report let pass, as
 * YAML. */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "model/secgroup.h"
#include "sg.h"

/* -- one rule -------------------------------------------------------------- */

static void print_protocol(const json_t *rule)
{
	static const struct {
		int number;
		const char *name;
	} names[] = {{IPPROTO_TCP, "tcp"},
		     {IPPROTO_UDP, "udp"},
		     {IPPROTO_ICMP, "icmp"},
		     {IPPROTO_ICMPV6, "icmpv6"}};
	int number = (int)number_at(rule, "protocol");

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].number == number) {
			printf("protocol: %s", names[i].name);
			return;
		}
	printf("protocol: %d", number);
}

static void print_type(const json_t *rule)
{
	int type = (int)number_at(rule, "type");
	const char *name =
		icmp_type_name((int)number_at(rule, "protocol"), type);

	if (!json_object_get(rule, "type"))
		return;
	if (name)
		printf(", type: %s", name);
	else
		printf(", type: %d", type);
	if (number_at(rule, "code"))
		printf(", code: %lld", number_at(rule, "code"));
}

/* One value alone, several in brackets. */
static void print_list(const char *key, const json_t *list, bool quoted)
{
	size_t n = json_array_size(list), i;
	const json_t *o;

	printf(", %s: %s", key, n == 1 ? "" : "[");
	json_array_foreach (list, i, o) {
		const char *word = json_string_value(o);
		const char *quote = quoted && strchr(word, ':') ? "\"" : "";

		printf("%s%s%s%s", i ? ", " : "", quote, word, quote);
	}
	printf("%s", n == 1 ? "" : "]");
}

/* Groups add up, so any of those that the packets met would do. */
static void print_others(const json_t *rule)
{
	const json_t *o;
	bool first = true;
	size_t i;

	json_array_foreach (json_object_get(rule, "groups"), i, o) {
		const char *group = json_string_value(o);

		if (strcmp(group, text_at(rule, "group")) == 0)
			continue;
		printf("%s %s", first ? "; or in" : ",", group);
		first = false;
	}
}

static void print_rule(const json_t *rule, const char *direction)
{
	printf("      - {");
	print_protocol(rule);
	if (json_object_get(rule, "ports"))
		print_list("ports", json_object_get(rule, "ports"), false);
	print_type(rule);
	print_list(strcmp(direction, "egress") == 0 ? "to" : "from",
		   json_object_get(rule, "peers"), true);
	printf("}  # packets: %lld, addresses: %lld",
	       number_at(rule, "packets"), number_at(rule, "addresses"));
	print_others(rule);
	putchar('\n');
}

/* -- all of them ----------------------------------------------------------- */

/* They come by group and direction. */
static void print_rules(const json_t *rules)
{
	const char *group = "", *direction = "";
	const json_t *rule;
	size_t i;

	if (json_array_size(rules))
		puts("security_groups:");
	json_array_foreach (rules, i, rule) {
		if (strcmp(group, text_at(rule, "group")) != 0) {
			group = text_at(rule, "group");
			direction = "";
			printf("  - name: %s\n", group);
		}
		if (strcmp(direction, text_at(rule, "direction")) != 0) {
			direction = text_at(rule, "direction");
			printf("    %s:\n", direction);
		}
		print_rule(rule, direction);
	}
}

static void print_count(const json_t *answer, const char *key,
			const char *words)
{
	if (number_at(answer, key))
		printf("# %lld %s\n", number_at(answer, key), words);
}

static void suggest_print(const json_t *answer)
{
	const json_t *rules = json_object_get(answer, "rules");

	if (!json_is_true(json_object_get(answer, "reports")))
		puts("# firewall.mode is enforce: nothing new is looked at, "
		     "for what no rule admits is dropped.");
	if (json_array_size(rules) == 0)
		puts("# Every flow that was seen is admitted by some rule.");
	else
		puts("# To be added to the rules of these groups, once you "
		     "know who it was.");
	print_count(answer, "unheard",
		    "flows left out: they went to ports of this machine on "
		    "which nobody listens");
	print_count(answer, "others",
		    "packets left out: network ACLs, strays, blocks and what "
		    "belongs to no flow are not for rules of groups");
	print_count(answer, "middle",
		    "packets left out: they came in the middle of a TCP flow");
	print_count(answer, "unread",
		    "packets left out: their ports cannot be told (fragments, "
		    "or published ports on a kernel without "
		    "CONFIG_NETFILTER_NETLINK_GLUE_CT)");
	print_count(answer, "forgotten",
		    "flows forgotten: there were more than the keeper keeps");
	print_count(answer, "lost",
		    "packets not seen: they came faster than the keeper reads");
	print_count(answer, "limited",
		    "seconds in which a rule met more packets than the kernel "
		    "may tell");
	if (*text_at(answer, "error_text"))
		printf("# packets cannot be heard: %s\n",
		       text_at(answer, "error_text"));
	print_rules(rules);
}

static int run_suggest(const struct command *self, int argc, char **argv)
{
	const char *group = NULL;
	bool json = false;
	const struct cmd_option options[] = {
		{"group", 0, "NAME", NULL, &group, "only rules of this one"},
		{"json", 0, NULL, &json, NULL, "one JSON document"},
		{0},
	};
	struct cmd_line line;
	json_t *request;
	int status;

	if (!cmd_parse_all(self, options, argc, argv, &line, &status))
		return status;
	request = sg_request("suggest", false);
	if (group &&
	    json_object_set_new(request, "group", json_string(group))) {
		json_decref(request);
		return cmd_misused(self, "arguments are UTF-8");
	}
	return sg_ask_and_tell(self, line.config, request, json, suggest_print);
}

const struct command cmd_sg_suggest = {
	.name = "sg suggest",
	.summary = "the rules that would admit what mode: report let pass",
	.usage = "[--group NAME] [--json]",
	.run = run_suggest,
};
