/* weir check: whether a file would be taken, and what is wrong with it. */
#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

#include "check_world.h"
#include "cmd.h"
#include "config/config.h"
#include "control/status.h"
#include "keeper/keeper.h"
#include "kernel/bridge.h"
#include "kernel/intent.h"
#include "model/host.h"

static json_t *text_or_null(const char *text)
{
	return text ? status_text(slice_of(text)) : NULL;
}

static json_t *finding_json(const struct finding *f)
{
	return json_pack("{s:s, s:o*, s:i, s:i, s:i, s:o, s:o*}", "severity",
			 f->severity == SEVERITY_ERROR ? "error" : "warning",
			 "file", text_or_null(f->place.file), "line",
			 (int)f->place.line, "column", (int)f->place.column,
			 "width", (int)f->place.width, "sentence",
			 text_or_null(f->sentence), "hint",
			 text_or_null(f->hint));
}

static void print_json(struct diag *diag, bool good)
{
	json_t *list = json_array();
	json_t *all = json_pack("{s:b, s:o}", "good", good, "findings", list);

	diag_sort(diag);
	for (unsigned i = 0; i < diag->n_findings; i++)
		json_array_append_new(list, finding_json(&diag->findings[i]));
	json_dumpf(all, stdout, JSON_INDENT(2));
	fputc('\n', stdout);
	json_decref(all);
}

static size_t count_rules(const struct snapshot *snap)
{
	size_t n = 0;

	for (size_t i = 0; i < snap->n_balancers; i++)
		for (size_t j = 0; j < snap->balancers[i].n_listeners; j++)
			n += snap->balancers[i].listeners[j].n_rules;
	return n;
}

static void print_summary(const struct snapshot *snap)
{
	printf("%.*s is good: load balancers %zu, listeners %zu, rules %zu, "
	       "target groups %zu",
	       SLICE_ARG(snap->file), snap->n_balancers, snap->n_listeners,
	       count_rules(snap), snap->n_groups);
	if (snap->firewall)
		printf(", security groups %u, instances %u",
		       snap->firewall->n_groups, snap->firewall->n_instances);
	putchar('\n');
}

/* Do the rules compile, and would they work here? */
static bool check_firewall(struct snapshot *snap, struct diag *diag)
{
	struct intent *in = intent_of(snap, diag);
	bool works = in != NULL;

	if (in) {
		keeper_check(in->rules, diag);
		bridge_check(&bridge_paths, &in->config, true, diag);
		works = diag->n_errors == 0;
	}
	intent_free(in);
	return works;
}

static int check_file(const char *file, bool print, bool as_json)
{
	const struct config_options load = {
		.tests = TESTS_BIND,
		.print_to = print ? stdout : NULL,
	};
	struct diag diag = {0};
	struct snapshot *snap = config_load(file, &load, &diag);
	bool good;

	if (snap && snap->firewall && !check_firewall(snap, &diag)) {
		snapshot_unref(snap);
		snap = NULL;
	}
	if (snap)
		check_world(snap, &diag);
	good = diag.n_errors == 0;
	if (as_json)
		print_json(&diag, good);
	else
		diag_print(&diag, stderr, isatty(STDERR_FILENO));
	if (good && !print && !as_json)
		print_summary(snap);
	diag_release(&diag);
	snapshot_unref(snap);
	return good ? EXIT_GOOD : EXIT_INVALID;
}

static int check_run(const struct command *self, int argc, char **argv)
{
	bool print = false, as_json = false, schema = false, keys = false;
	const struct cmd_option options[] = {
		{"print", 0, NULL, &print, NULL,
		 "show the configuration with its defaults filled in"},
		{"json", 0, NULL, &as_json, NULL,
		 "the findings as one JSON document"},
		{"schema", 0, NULL, &schema, NULL,
		 "the JSON Schema of the language, for editors"},
		{"keys", 0, NULL, &keys, NULL,
		 "all keys, with their defaults and what they mean"},
		{0},
	};
	struct cmd_line line;
	int status = EXIT_GOOD;

	if (!cmd_parse_all(self, options, argc, argv, &line, &status))
		return status;
	if (print + as_json + schema + keys > 1)
		return cmd_misused(self, "one of its options at a time");
	if (!schema && !keys)
		return check_file(line.config, print, as_json);
	if (schema)
		config_write_schema(stdout);
	else
		config_write_keys(stdout);
	return EXIT_GOOD;
}

const struct command cmd_check = {
	.name = "check",
	.summary = "find everything that serve would refuse, without serving",
	.usage = "[--print | --json | --schema | --keys]",
	.run = check_run,
};
