/* weir sg status: who was let in or dropped, and by which rule. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/slice.h"
#include "client.h"
#include "pager.h"
#include "sg.h"
#include "table.h"

enum { WATCH_S = 1 };

static void time_text(char *out, size_t size, long long s)
{
	time_t t = (time_t)s;
	struct tm tm;

	localtime_r(&t, &tm);
	strftime(out, size, "%Y-%m-%d %H:%M:%S", &tm);
}

static bool is_on(const json_t *o, const char *key)
{
	return json_is_true(json_object_get(o, key));
}

static void print_overlay(const json_t *overlay)
{
	if (json_array_size(json_object_get(overlay, "entries")) == 0)
		return;
	puts("at run time:");
	sg_print_overlay(overlay);
	putchar('\n');
}

static void print_drift(const json_t *drift)
{
	char at[40];

	if (number_at(drift, "seen") == 0)
		return;
	time_text(at, sizeof(at), number_at(drift, "at"));
	printf("drift: our table was changed by somebody else %lld time%s, "
	       "repaired %lld; last at %s\n%s",
	       number_at(drift, "seen"),
	       number_at(drift, "seen") == 1 ? "" : "s",
	       number_at(drift, "repaired"), at,
	       is_on(drift, "is_there") ? text_at(drift, "text") : "");
}

static void print_trouble(const json_t *list)
{
	const json_t *o;
	size_t i;

	json_array_foreach (list, i, o)
		printf("trouble: %s\n", json_string_value(o));
}

static void print_head(const json_t *answer)
{
	const char *edit = text_at(answer, "edit");
	char at[40];

	printf("%s: %s", text_at(answer, "file"),
	       is_on(answer, "in_force") ? "rules are in force"
	       : is_on(answer, "dormant")
		       ? "somebody switched our table off (dormant): no rules "
			 "are in force"
		       : "no rules are in force");
	if (strcmp(text_at(answer, "mode"), "report") == 0)
		printf(", mode: report (nothing is dropped)");
	if (number_at(answer, "applied_at")) {
		time_text(at, sizeof(at), number_at(answer, "applied_at"));
		printf(", applied at %s", at);
	}
	putchar('\n');
	if (!is_on(answer, "keeper"))
		puts("no keeper runs: drift is not seen");
	if (json_object_get(answer, "seconds_to_confirm"))
		printf("waits to be confirmed: %lld seconds left\n",
		       number_at(answer, "seconds_to_confirm"));
	if (is_on(answer, "unconfirmed"))
		puts("never confirmed, and the process that held the timer is "
		     "gone: \"weir sg rollback\" goes back, \"weir sg "
		     "confirm\" keeps the new rules");
	if (is_on(answer, "closed"))
		puts("closed (firewall.at_start): nearly nothing passes until "
		     "a file is applied");
	if (strcmp(edit, "none") != 0)
		printf("the file is %s\n%s", edit,
		       text_at(answer, "edit_text"));
	print_drift(json_object_get(answer, "drift"));
	print_trouble(json_object_get(answer, "trouble"));
	putchar('\n');
}

static void add_place(struct table *t, const json_t *o)
{
	char at[512];

	if (number_at(o, "line"))
		snprintf(at, sizeof(at), "%s:%lld", text_at(o, "file"),
			 number_at(o, "line"));
	else
		at[0] = '\0';
	table_text(t, at);
}

static void print_rules(const json_t *list)
{
	static const char *const titles[] = {"GROUP",    "DIRECTION", "RULE",
					     "#PACKETS", "#OCTETS",   "WHERE",
					     NULL};
	const json_t *o;
	struct table t;
	size_t i;

	table_init(&t, titles);
	json_array_foreach (list, i, o) {
		table_text(&t, text_at(o, "group"));
		table_text(&t, text_at(o, "direction"));
		table_paint(&t,
			    number_at(o, "packets") ? PAINT_GOOD : PAINT_DIM,
			    text_at(o, "rule"));
		table_number(&t, number_at(o, "packets"));
		table_number(&t, number_at(o, "octets"));
		add_place(&t, o);
	}
	table_print(&t);
	putchar('\n');
}

static void print_acls(const json_t *list)
{
	static const char *const titles[] = {"NETWORK ACL", "RULE",    "ACTION",
					     "#PACKETS",    "#OCTETS", "WHERE",
					     NULL};
	const json_t *o;
	struct table t;
	size_t i;

	if (json_array_size(list) == 0)
		return;
	table_init(&t, titles);
	json_array_foreach (list, i, o) {
		table_text(&t, text_at(o, "chain"));
		table_text(&t, text_at(o, "what"));
		table_text(&t, text_at(o, "action"));
		table_number(&t, number_at(o, "packets"));
		table_number(&t, number_at(o, "octets"));
		add_place(&t, o);
	}
	table_print(&t);
	putchar('\n');
}

static void print_drops(const json_t *list)
{
	static const char *const titles[] = {"DROPPED", "DIRECTION", "#PACKETS",
					     "#OCTETS", NULL};
	const json_t *o;
	struct table t;
	size_t i;

	table_init(&t, titles);
	json_array_foreach (list, i, o) {
		table_paint(&t, number_at(o, "packets") ? PAINT_BAD : PAINT_DIM,
			    text_at(o, "what"));
		table_text(&t, text_at(o, "direction"));
		table_number(&t, number_at(o, "packets"));
		table_number(&t, number_at(o, "octets"));
	}
	table_print(&t);
}

static void print_unnamed(const json_t *list)
{
	const json_t *o;
	size_t i;

	if (json_array_size(list))
		puts("\nlistening, but no rule names the port:");
	json_array_foreach (list, i, o)
		printf("  %s %s port %lld\n", text_at(o, "protocol"),
		       text_at(o, "address"), number_at(o, "port"));
}

static void status_print(const json_t *answer)
{
	print_head(answer);
	print_overlay(json_object_get(answer, "overlay"));
	print_rules(json_object_get(answer, "rules"));
	print_acls(json_object_get(answer, "network_acls"));
	print_drops(json_object_get(answer, "drops"));
	print_unnamed(json_object_get(answer, "unnamed_ports"));
	print_lost_lines(json_object_get(answer, "logs"));
}

/* -- a part of it ---------------------------------------------------------- */

/* What is asked for. */
struct view {
	const char *group; /* NULL: all */
	bool unused, json, watch;
};

/* The group is one of those that the words list: "db,web". */
static bool names_group(const char *words, const char *group)
{
	struct slice rest = slice_of(words);

	while (rest.p)
		if (slice_eq(slice_cut(&rest, ','), slice_of(group)))
			return true;
	return false;
}

/* Leaves in the list under `key` what is asked for; `by` names groups. */
static void status_narrow(json_t *answer, const char *key, const char *by,
			  const struct view *v)
{
	const json_t *all = json_object_get(answer, key);
	json_t *kept = json_array(), *o;
	size_t i;

	json_array_foreach (all, i, o) {
		if (v->group && !names_group(text_at(o, by), v->group))
			continue;
		if (v->unused && number_at(o, "packets"))
			continue;
		json_array_append(kept, o);
	}
	json_object_set_new(answer, key, kept);
}

/* Returns false when nothing is known of the group. */
static bool narrow_all(json_t *answer, const struct view *v)
{
	const json_t *rules, *drops;

	if (!v->group && !v->unused)
		return true;
	status_narrow(answer, "rules", "group",
		      &(const struct view){.group = v->group});
	status_narrow(answer, "drops", "what",
		      &(const struct view){.group = v->group});
	rules = json_object_get(answer, "rules");
	drops = json_object_get(answer, "drops");
	if (v->group && !json_array_size(rules) && !json_array_size(drops))
		return false;
	if (v->group) {
		json_object_del(answer, "network_acls");
		json_object_del(answer, "unnamed_ports");
	}
	if (v->unused) {
		status_narrow(answer, "rules", "group", v);
		status_narrow(answer, "network_acls", "chain",
			      &(const struct view){.unused = true});
		json_object_del(answer, "drops");
		json_object_del(answer, "unnamed_ports");
	}
	return true;
}

static void status_show(const json_t *answer, const struct view *v)
{
	if (v->watch && isatty(STDOUT_FILENO))
		fputs("\033[H\033[2J", stdout);
	else
		pager_begin();
	status_print(answer);
	pager_end();
	fflush(stdout);
}

static int show_once(const struct command *self, const char *config,
		     const struct view *v)
{
	json_t *answer;
	int status = sg_ask(self, config, sg_request("status", false), &answer);

	if (status != EXIT_GOOD)
		return status;
	if (json_is_true(json_object_get(answer, "ok")) &&
	    !narrow_all(answer, v)) {
		fprintf(stderr,
			"weir %s: no rule in force belongs to a security "
			"group \"%s\"\n",
			self->name, v->group);
		json_decref(answer);
		return EXIT_FAILED;
	}
	if (v->json)
		sg_print_json(answer);
	status = sg_tell(self, answer);
	if (status == EXIT_GOOD && !v->json)
		status_show(answer, v);
	json_decref(answer);
	return status;
}

static int run_status(const struct command *self, int argc, char **argv)
{
	struct view v = {.group = NULL};
	const struct cmd_option options[] = {
		{"group", 0, "NAME", NULL, &v.group, "only this one"},
		{"unused", 0, NULL, &v.unused, NULL,
		 "only rules that no packet met"},
		{"json", 0, NULL, &v.json, NULL, "one JSON document"},
		{"watch", 0, NULL, &v.watch, NULL,
		 "again each second, until ^C"},
		{0},
	};
	struct cmd_line line;
	int status;

	if (!cmd_parse_all(self, options, argc, argv, &line, &status))
		return status;
	for (;;) {
		status = show_once(self, line.config, &v);
		/* Whoever reads a pipe sees each second as it comes. */
		fflush(stdout);
		if (!v.watch || status != EXIT_GOOD || ferror(stdout))
			return status;
		sleep(WATCH_S);
	}
}

const struct command cmd_sg_status = {
	.name = "sg status",
	.summary = "who was let in or dropped, and by which rule",
	.usage = "[--group NAME] [--unused] [--json] [--watch]",
	.run = run_status,
};
