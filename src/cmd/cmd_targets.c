/* weir targets: the health of targets, and what they were sent. */
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "table.h"

static enum paint paint_of(const char *state)
{
	if (strcmp(state, "healthy") == 0)
		return PAINT_GOOD;
	if (strcmp(state, "unhealthy") == 0)
		return PAINT_BAD;
	return PAINT_DIM;
}

/* Why it gets no traffic, or less than its part. */
static void say_why(const json_t *target, char *out, size_t size)
{
	const char *detail = text_at(target, "detail");
	double rest =
		json_number_value(json_object_get(target, "resting_seconds"));
	const json_t *share = json_object_get(target, "slow_start_share");
	const char *laid = text_at(target, "overlay");
	const char *state = text_at(target, "state");
	bool is_draining = strcmp(state, "draining") == 0;
	bool is_usable = strcmp(state, "healthy") == 0 ||
			 strcmp(state, "unavailable") == 0;

	if (is_draining && strcmp(laid, "drained") == 0)
		snprintf(out, size, "drained at run time");
	else if (is_draining)
		snprintf(out, size, "%lld s left%s",
			 number_at(target, "seconds_left"),
			 *laid ? ", taken out at run time" : "");
	else if (rest > 0)
		snprintf(out, size, "no connection: rests for %.0f s", rest);
	else if (share)
		snprintf(out, size, "slow start: %.0f %%",
			 100 * json_number_value(share));
	else if (strcmp(text_at(target, "anomaly"), "anomalous") == 0)
		snprintf(out, size, "fails more often than the others");
	else if (*laid && is_usable)
		snprintf(out, size, "%s at run time", laid);
	else
		snprintf(out, size, "%s%s%s", text_at(target, "description"),
			 *detail ? ": " : "", detail);
}

/* "app (port 80)" for what is looked up, else the address alone. */
static void add_target(struct table *t, const char *group, const json_t *target)
{
	const json_t *by_class = json_object_get(target, "responses");
	const char *address = text_at(target, "target");
	const char *id = text_at(target, "id");
	const char *state = text_at(target, "state");
	bool is_name = strncmp(address, id, strlen(id)) != 0 &&
		       strncmp(address, "[", 1) != 0;
	char shown[512], why[512];

	snprintf(shown, sizeof(shown), "%s%s%s%s", address, is_name ? " (" : "",
		 is_name ? id : "", is_name ? ")" : "");
	table_text(t, group);
	table_text(t, shown);
	table_paint(t, paint_of(state), state);
	table_number(t, number_at(target, "requests"));
	table_number(t, number_at(target, "in_flight"));
	table_number(t, number_at(by_class, "2xx"));
	table_number(t, number_at(by_class, "3xx"));
	table_number(t, number_at(by_class, "4xx"));
	table_number(t, number_at(by_class, "5xx"));
	table_number(t, number_at(target, "unanswered"));
	table_number(t, number_at(target, "connection_failures"));
	table_text(t, text_at(target, "since"));
	say_why(target, why, sizeof(why));
	table_text(t, why);
}

static void print_targets(const json_t *answer)
{
	static const char *const titles[] = {
		"GROUP",   "TARGET", "STATE",  "#REQUESTS", "#NOW",
		"#2XX",    "#3XX",   "#4XX",   "#5XX",      "#UNANSWERED",
		"#FAILED", "SINCE",  "REASON", NULL};
	const json_t *groups = json_object_get(answer, "target_groups");
	struct table t;
	const json_t *group, *target;
	size_t i, j, n = 0;

	table_init(&t, titles);
	json_array_foreach (groups, i, group) {
		const json_t *targets = json_object_get(group, "targets");

		json_array_foreach (targets, j, target) {
			add_target(&t, text_at(group, "name"), target);
			n++;
		}
	}
	table_print(&t);
	if (n == 0)
		puts("no target group has a target");
}

static int targets_run(const struct command *self, int argc, char **argv)
{
	return client_show(self, argc, argv, "targets", print_targets);
}

const struct command cmd_targets = {
	.name = "targets",
	.summary = "every target with its state and the reason for it",
	.usage = CLIENT_SHOW_USAGE,
	.run = targets_run,
};
