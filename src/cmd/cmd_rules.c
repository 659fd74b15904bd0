/* weir rules and weir certs: what is served, as the process that runs has it.
 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "client.h"
#include "rule_words.h"
#include "table.h"

/* -- rules ----------------------------------------------------------------- */

static void write_conditions(struct text *out, const json_t *conditions)
{
	const json_t *c;
	size_t i;

	json_array_foreach (conditions, i, c) {
		text_addf(out, "%s", i ? ", " : "");
		words_of_condition(out, c);
	}
}

static void write_action(struct text *out, const json_t *action)
{
	const json_t *groups = json_object_get(action, "target_groups");
	const json_t *group;
	size_t i;

	text_addf(out, "%s", text_at(action, "type"));
	if (json_object_get(action, "status_code"))
		text_addf(out, " %lld", number_at(action, "status_code"));
	json_array_foreach (groups, i, group) {
		text_addf(out, "%s%s", i ? ", " : " ",
			  text_at(group, "target_group"));
		if (json_array_size(groups) > 1)
			text_addf(out, " x%lld", number_at(group, "weight"));
	}
}

static void add_rule(struct table *t, const json_t *listener,
		     const json_t *rule)
{
	const json_t *priority = json_object_get(rule, "priority");
	struct text conditions = {0}, action = {0};
	char where[128];

	snprintf(where, sizeof(where), "%s:%lld",
		 text_at(listener, "load_balancer"),
		 number_at(listener, "port"));
	table_text(t, where);
	if (json_is_string(priority))
		table_text(t, json_string_value(priority));
	else
		table_number(t, json_integer_value(priority));
	write_conditions(&conditions, json_object_get(rule, "conditions"));
	write_action(&action, json_object_get(rule, "action"));
	table_text(t, text_str(&conditions));
	table_text(t, text_str(&action));
	table_paint(t, PAINT_DIM, text_at(rule, "place"));
	text_release(&conditions);
	text_release(&action);
}

static void print_rules(const json_t *answer)
{
	static const char *const titles[] = {
		"LISTENER", "#PRIORITY", "CONDITIONS", "ACTION", "FROM", NULL};
	const json_t *listeners = json_object_get(answer, "listeners");
	const json_t *listener, *rule;
	struct table t;
	size_t i, j;

	table_init(&t, titles);
	json_array_foreach (listeners, i, listener) {
		const json_t *rules = json_object_get(listener, "rules");

		json_array_foreach (rules, j, rule)
			add_rule(&t, listener, rule);
	}
	table_print(&t);
}

/* -- certificates ---------------------------------------------------------- */

static void add_certificate(struct table *t, const json_t *listener,
			    const json_t *certificate)
{
	const json_t *names = json_object_get(certificate, "names");
	struct text all = {0};
	char where[128];

	snprintf(where, sizeof(where), "%s:%lld",
		 text_at(listener, "load_balancer"),
		 number_at(listener, "port"));
	words_of_values(&all, names);
	table_text(t, where);
	table_text(t, text_str(&all));
	table_text(t, text_at(certificate, "key"));
	table_text(t, text_at(certificate, "not_after"));
	table_number(t, number_at(certificate, "days_left"));
	table_text(t, text_at(certificate, "file"));
	text_release(&all);
}

static void print_certs(const json_t *answer)
{
	static const char *const titles[] = {"LISTENER",    "NAMES", "KEY",
					     "VALID UNTIL", "DAYS",  "FILE", NULL};
	const json_t *listeners = json_object_get(answer, "listeners");
	const json_t *listener, *certificate;
	struct table t;
	size_t i, j;

	table_init(&t, titles);
	json_array_foreach (listeners, i, listener) {
		const json_t *certificates =
			json_object_get(listener, "certificates");

		json_array_foreach (certificates, j, certificate)
			add_certificate(&t, listener, certificate);
	}
	table_print(&t);
	if (json_array_size(listeners) == 0)
		puts("no listener has a certificate");
}

static int rules_run(const struct command *self, int argc, char **argv)
{
	return client_show(self, argc, argv, self->name,
			   strcmp(self->name, "rules") == 0 ? print_rules
							    : print_certs);
}

const struct command cmd_rules = {
	.name = "rules",
	.summary = "the rules in force, in the order in which they are tried",
	.usage = CLIENT_SHOW_USAGE,
	.run = rules_run,
};

const struct command cmd_certs = {
	.name = "certs",
	.summary = "the certificates in force, and until when",
	.usage = CLIENT_SHOW_USAGE,
	.run = rules_run,
};
