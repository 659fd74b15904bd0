/*
 * main.c - which command is meant.
 *
 * Floor: cmd.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/near.h"
#include "base/slice.h"
#include "cmd.h"

static const struct command *const commands[] = {
	&cmd_serve,
	&cmd_check,
	&cmd_reload,
	&cmd_status,
	&cmd_targets,
	&cmd_rules,
	&cmd_certs,
	&cmd_explain_packet,
	&cmd_sg_render,
	&cmd_sg_diff,
	&cmd_sg_apply,
	&cmd_sg_confirm,
	&cmd_sg_rollback,
	&cmd_sg_status,
	&cmd_sg_flush,
	&cmd_sg_keep,
	&cmd_sg_import,
	&cmd_sg_allow,
	&cmd_sg_revoke,
	&cmd_sg_block,
	&cmd_sg_unblock,
	&cmd_sg_overlay,
	&cmd_sg_watch,
	&cmd_sg_suggest,
	&cmd_explain_request,
	&cmd_target_register,
	&cmd_target_deregister,
	&cmd_target_drain,
	&cmd_target_resume,
	&cmd_overlay,
	&cmd_export,
	&cmd_confirm,
	&cmd_events,
	&cmd_diff,
	&cmd_reopen,
	&cmd_maintenance,
	&cmd_errors,
	&cmd_conns,
};

/* Part of what weir is going to be; said rather than "unknown". */
static const char *const planned[] = {
	"upgrade",
	"init",
};

/* The name of what these words mean; NULL: nothing that is planned. */
static const char *find_planned(const char *word, const char *next)
{
	for (size_t i = 0; i < ARRAY_SIZE(planned); i++) {
		struct slice rest = slice_of(planned[i]);
		struct slice first = slice_cut(&rest, ' ');

		if (slice_eq(first, slice_of(word)) &&
		    (!rest.p || slice_eq(rest, slice_of(next))))
			return planned[i];
	}
	return NULL;
}

static void print_help(FILE *to)
{
	fprintf(to, "weir " PACKAGE_VERSION
		    " - load balancer and security groups\n\n"
		    "usage: weir COMMAND [-c FILE] ...\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(to, "  %-14s %s\n", commands[i]->name,
			commands[i]->summary);
	fprintf(to, "\nweir COMMAND --help says more; so does weir(8).\n");
}

/* How many of the arguments are the name of the command; 0: another one. */
static int words_of(const struct command *c, int argc, char **argv)
{
	struct slice rest = slice_of(c->name);
	int n = 0;

	while (rest.p) {
		struct slice word = slice_cut(&rest, ' ');

		if (n == argc || !slice_eq(word, slice_of(argv[n])))
			return 0;
		n++;
	}
	return n;
}

/* "weir sg", and a word that is none of its commands. */
static bool is_group(const char *word)
{
	size_t n = strlen(word);

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strncmp(commands[i]->name, word, n) == 0 &&
		    commands[i]->name[n] == ' ')
			return true;
	return false;
}

static void print_group(FILE *to, const char *word)
{
	size_t n = strlen(word);

	fprintf(to, "usage: weir %s COMMAND [-c FILE] ...\n\n", word);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strncmp(commands[i]->name, word, n) == 0 &&
		    commands[i]->name[n] == ' ')
			fprintf(to, "  %-14s %s\n", commands[i]->name,
				commands[i]->summary);
}

static const char *near_in_group(const char *word, const char *next)
{
	struct nearest near = nearest_to(next);
	size_t n = strlen(word);

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strncmp(commands[i]->name, word, n) == 0 &&
		    commands[i]->name[n] == ' ')
			nearest_try(&near, commands[i]->name + n + 1);
	return near.best;
}

static int in_group(const char *word, const char *next)
{
	bool asked = next &&
		     (strcmp(next, "--help") == 0 || strcmp(next, "-h") == 0);

	if (next && !asked) {
		const char *near = near_in_group(word, next);

		fprintf(stderr, "weir %s: there is no \"%s\"", word, next);
		if (near)
			fprintf(stderr, "; did you mean \"%s %s\"?", word,
				near);
		fputc('\n', stderr);
	}
	print_group(asked ? stdout : stderr, word);
	return asked ? EXIT_GOOD : EXIT_USAGE;
}

static int unknown(const char *name)
{
	struct nearest near = nearest_to(name);

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		nearest_try(&near, commands[i]->name);
	fprintf(stderr, "weir: unknown command \"%s\"", name);
	if (near.best)
		fprintf(stderr, "; did you mean \"%s\"?", near.best);
	fprintf(stderr, "\ntry: weir --help\n");
	return EXIT_USAGE;
}

/* A full disk behind stdout is a failure, whatever the command thought. */
static int end_output(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	fprintf(stderr, "weir: cannot write to standard output: %s\n",
		strerror(errno));
	return status ? status : EXIT_FAILED;
}

int main(int argc, char **argv)
{
	const char *later;

	/* jansson leaves out what it has no memory for, and nobody would know
	 * what a document lacks. */
	json_set_alloc_funcs(xmalloc, free);

	if (argc < 2) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("weir %s\n", PACKAGE_VERSION);
		return EXIT_GOOD;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0) {
		print_help(stdout);
		return EXIT_GOOD;
	}
	if (strcmp(argv[1], "-t") == 0)
		return end_output(
			cmd_check.run(&cmd_check, argc - 1, argv + 1));
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		int n = words_of(commands[i], argc - 1, argv + 1);

		if (n)
			return end_output(commands[i]->run(commands[i],
							   argc - n, argv + n));
	}
	later = find_planned(argv[1], argc > 2 ? argv[2] : "");
	if (later) {
		fprintf(stderr,
			"weir: \"%s\" is not built yet\n"
			"try: weir --help\n",
			later);
		return EXIT_USAGE;
	}
	if (is_group(argv[1]))
		return end_output(in_group(argv[1], argc > 2 ? argv[2] : NULL));
	return unknown(argv[1]);
}
