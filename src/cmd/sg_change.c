/* weir sg apply, confirm, rollback, flush: the commands that change the
 * kernel. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/slice.h"
#include "sg.h"

static void print_changes(const json_t *answer)
{
	long long n = number_at(answer, "changes");

	if (n == 0)
		puts("nothing to change: the rules in force are those of the "
		     "file");
	else
		printf("in force: %lld change%s sent to the kernel\n", n,
		       n == 1 ? "" : "s");
}

/* A keeper that is not up now may be started at boot. Read by hand: glob(3)
 * frees what is not its own when memory is out. */
static bool is_kept_at_boot(void)
{
	static const char folder[] = "/etc/systemd/system";
	DIR *dir = opendir(folder);
	struct dirent *entry;
	bool is = false;

	while (dir && !is && (entry = readdir(dir))) {
		char *path = xasprintf("%s/weir-sg.service", entry->d_name);

		is = slice_ends_fold(slice_of(entry->d_name),
				     SLICE(".wants")) &&
		     faccessat(dirfd(dir), path, F_OK, 0) == 0;
		free(path);
	}
	if (dir)
		closedir(dir);
	return is;
}

static void print_applied(const json_t *answer)
{
	long long seconds = number_at(answer, "confirm_seconds");

	print_changes(answer);
	if (number_at(answer, "flows_seen"))
		printf("flows: %lld ended of %lld\n",
		       number_at(answer, "flows_cut"),
		       number_at(answer, "flows_seen"));
	if (seconds)
		printf("the rules before come back in %lld seconds; to keep "
		       "these, from a new session: weir sg confirm\n",
		       seconds);
	if (json_is_true(json_object_get(answer, "alone")) &&
	    !is_kept_at_boot())
		puts("nothing brings these rules back at boot: that is done by "
		     "a keeper, weir-sg.service");
}

static int run_apply(const struct command *self, int argc, char **argv)
{
	const char *confirm = NULL, *revoke = NULL;
	bool force = false, json = false;
	const struct cmd_option options[] = {
		{"confirm", 0, "SECONDS", NULL, &confirm,
		 "go back unless \"weir sg confirm\" comes in time"},
		{"revoke", 0, "cut", NULL, &revoke,
		 "end the flows that no rule admits any more"},
		{"force", 0, NULL, &force, NULL,
		 "even if it cuts the SSH session that this is typed in, or "
		 "another change waits"},
		{"json", 0, NULL, &json, NULL, "one JSON document"},
		{0},
	};
	struct cmd_line line;
	json_t *request;
	uint64_t seconds;
	int status;

	if (!cmd_parse_all(self, options, argc, argv, &line, &status))
		return status;
	if (revoke && strcmp(revoke, "cut") != 0 && strcmp(revoke, "keep") != 0)
		return cmd_misused(self, "--revoke is cut or keep, not \"%s\"",
				   revoke);
	request = sg_request("apply", true);
	if (confirm && !slice_to_u64(slice_of(confirm), &seconds)) {
		json_decref(request);
		return cmd_misused(self,
				   "--confirm takes a number of "
				   "seconds, not \"%s\"",
				   confirm);
	}
	if (confirm)
		json_object_set_new(request, "confirm",
				    json_integer((json_int_t)seconds));
	if (revoke)
		json_object_set_new(request, "cut",
				    json_boolean(strcmp(revoke, "cut") == 0));
	json_object_set_new(request, "force", json_boolean(force));
	return sg_ask_and_tell(self, line.config, request, json, print_applied);
}

/* A command without options of its own. */
static int run_plain(const struct command *self, int argc, char **argv,
		     const char *name, void (*print)(const json_t *answer))
{
	bool json = false;
	const struct cmd_option options[] = {
		{"json", 0, NULL, &json, NULL, "one JSON document"},
		{0},
	};
	struct cmd_line line;
	int status;

	if (!cmd_parse_all(self, options, argc, argv, &line, &status))
		return status;
	return sg_ask_and_tell(self, line.config, sg_request(name, false), json,
			       print);
}

static void print_confirmed(const json_t *answer)
{
	(void)answer;
	puts("confirmed: the new rules stay");
}

static int run_confirm(const struct command *self, int argc, char **argv)
{
	return run_plain(self, argc, argv, "confirm", print_confirmed);
}

static void print_back(const json_t *answer)
{
	long long n = number_at(answer, "changes");

	printf("the rules before the last apply are back: %lld change%s\n", n,
	       n == 1 ? "" : "s");
}

static int run_rollback(const struct command *self, int argc, char **argv)
{
	return run_plain(self, argc, argv, "rollback", print_back);
}

static void print_flushed(const json_t *answer)
{
	puts(number_at(answer, "changes")
		     ? "our table is removed: nothing is filtered"
		     : "there was no table of ours");
}

static int run_flush(const struct command *self, int argc, char **argv)
{
	return run_plain(self, argc, argv, "flush", print_flushed);
}

const struct command cmd_sg_apply = {
	.name = "sg apply",
	.summary = "bring the kernel's rules to the file, in one transaction",
	.usage = "[--confirm SECONDS] [--revoke cut] [--force] [--json]",
	.run = run_apply,
};

const struct command cmd_sg_confirm = {
	.name = "sg confirm",
	.summary = "keep what was applied with --confirm",
	.usage = "[--json]",
	.run = run_confirm,
};

const struct command cmd_sg_rollback = {
	.name = "sg rollback",
	.summary = "back to the rules before the last apply",
	.usage = "[--json]",
	.run = run_rollback,
};

const struct command cmd_sg_flush = {
	.name = "sg flush",
	.summary = "remove our table: nothing is filtered any more",
	.usage = "[--json]",
	.run = run_flush,
};
