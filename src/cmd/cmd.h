/*
 * cmd.h - what the subcommands share: their table, their options, their exit
 * status.
 *
 * Each cmd_*.c has one command: it parses arguments, calls one function of a
 * lower floor, and prints.
 *
 * Floor: cmd.  Source: weir(8).
 */
#ifndef WEIR_CMD_CMD_H
#define WEIR_CMD_CMD_H

#include <stdbool.h>
#include <stddef.h>

/* Warnings do not change it. */
enum exit_status {
	EXIT_GOOD = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,       /* the command line is wrong */
	EXIT_INVALID = 3,     /* the configuration is */
	EXIT_UNREACHABLE = 4, /* no daemon answers */
	EXIT_PENDING = 5,     /* diff, sg diff: there is a difference */
};

struct command {
	const char *name;    /* with its parts, as in "sg diff" */
	const char *summary; /* half a sentence, for the list */
	const char *usage;   /* what follows the name: "[--wait]" */
	/* argv[0] is the name of the command. Returns an exit status. */
	int (*run)(const struct command *self, int argc, char **argv);
};

extern const struct command cmd_serve, cmd_check, cmd_reload, cmd_confirm,
	cmd_reopen, cmd_status, cmd_target_register, cmd_target_deregister,
	cmd_target_drain, cmd_target_resume, cmd_overlay, cmd_export,
	cmd_events, cmd_diff, cmd_maintenance, cmd_targets, cmd_rules,
	cmd_certs, cmd_explain_packet, cmd_explain_request, cmd_errors,
	cmd_conns, cmd_sg_render, cmd_sg_diff, cmd_sg_apply, cmd_sg_confirm,
	cmd_sg_rollback, cmd_sg_status, cmd_sg_flush, cmd_sg_keep,
	cmd_sg_import, cmd_sg_allow, cmd_sg_revoke, cmd_sg_block,
	cmd_sg_unblock, cmd_sg_overlay, cmd_sg_watch, cmd_sg_suggest;

/* An option of one command; -c, --config, -h and --help are understood by all
 * of them. */
struct cmd_option {
	const char *name;     /* without "--" */
	char letter;          /* 0: none */
	const char *argument; /* what it is called; NULL: a flag */
	bool *flag;           /* set to true; NULL with an argument */
	const char **text;    /* gets the argument; NULL for a flag */
	const char *doc;      /* half a sentence */
};

enum { CMD_REPEATED_MAX = 200 };

struct cmd_line {
	const char *config; /* -c, or the default */
	int argc;           /* what is no option */
	char **argv;
	const char *repeated[CMD_REPEATED_MAX]; /* in their order */
	size_t n_repeated;
};

/*
 * Parses the command line. `options` ends with name NULL. Returns true, or
 * false when there is nothing left to do: then *status is what to exit with
 * (after --help, or after a message about what is wrong).
 */
bool cmd_parse(const struct command *self, const struct cmd_option *options,
	       int argc, char **argv, struct cmd_line *line, int *status);

/* For a command that takes no arguments beside its options. Like the one
 * above, and refuses what is left over. */
bool cmd_parse_all(const struct command *self, const struct cmd_option *options,
		   int argc, char **argv, struct cmd_line *line, int *status);

/* "weir check: ..." on stderr, with a pointer to --help. Returns EXIT_USAGE. */
int cmd_misused(const struct command *self, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
