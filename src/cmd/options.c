/* What stands behind the words of a command; cmd.h has the contract. */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/near.h"
#include "cmd.h"

enum { OPTIONS_MAX = 16 };

#define CONFIG_DEFAULT SYSCONFDIR "/weir/weir.yaml"

static const struct cmd_option common[] = {
	{"config", 'c', "FILE", NULL, NULL,
	 "the configuration (default " CONFIG_DEFAULT ")"},
	{"help", 'h', NULL, NULL, NULL, "this text"},
};

int cmd_misused(const struct command *self, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fprintf(stderr, "weir %s: ", self->name);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\ntry: weir %s --help\n", self->name);
	return EXIT_USAGE;
}

/* What was meant by the option `word`, which nobody knows. */
static int option_unknown(const struct command *self, const char *word,
			  const struct cmd_option *options)
{
	struct nearest near = nearest_to(word + strspn(word, "-"));

	for (; options->name; options++)
		nearest_try(&near, options->name);
	for (size_t i = 0; i < ARRAY_SIZE(common); i++)
		nearest_try(&near, common[i].name);
	return cmd_misused(self, "unknown option %s%s%s%s", word,
			   near.best ? "; did you mean \"--" : "",
			   near.best ? near.best : "", near.best ? "\"?" : "");
}

static void help_option(const struct cmd_option *o)
{
	char left[40];

	if (o->letter)
		snprintf(left, sizeof(left), "-%c, --%s%s%s", o->letter,
			 o->name, o->argument ? " " : "",
			 o->argument ? o->argument : "");
	else
		snprintf(left, sizeof(left), "    --%s%s%s", o->name,
			 o->argument ? " " : "",
			 o->argument ? o->argument : "");
	printf("  %-22s %s\n", left, o->doc);
}

static void help(const struct command *self, const struct cmd_option *options)
{
	printf("weir %s - %s\n\nusage: weir %s [-c FILE]%s%s\n\n", self->name,
	       self->summary, self->name, *self->usage ? " " : "", self->usage);
	for (size_t i = 0; i < ARRAY_SIZE(common); i++)
		help_option(&common[i]);
	for (const struct cmd_option *o = options; o->name; o++)
		help_option(o);
}

bool cmd_parse(const struct command *self, const struct cmd_option *options,
	       int argc, char **argv, struct cmd_line *line, int *status)
{
	struct option longs[OPTIONS_MAX + 3] = {
		{"config", required_argument, NULL, 'c'},
		{"help", no_argument, NULL, 'h'},
	};
	char shorts[2 * OPTIONS_MAX + 8] = ":c:h";
	size_t n = 0, n_short = strlen(shorts);
	int found;

	for (; options[n].name; n++) {
		const struct cmd_option *o = &options[n];

		assert(n < OPTIONS_MAX);
		longs[n + 2] = (struct option){
			o->name, o->argument ? required_argument : no_argument,
			NULL, 256 + (int)n};
		if (!o->letter)
			continue;
		shorts[n_short++] = o->letter;
		if (o->argument)
			shorts[n_short++] = ':';
	}
	*line = (struct cmd_line){.config = CONFIG_DEFAULT};
	optind = 0;
	opterr = 0;
	while ((found = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		const struct cmd_option *o = NULL;

		for (size_t i = 0; i < n; i++)
			if (found == 256 + (int)i || found == options[i].letter)
				o = &options[i];
		if (o && o->argument && o->text) {
			*o->text = optarg;
		} else if (o && o->argument) {
			if (line->n_repeated == CMD_REPEATED_MAX) {
				*status = cmd_misused(self, "too many --%s",
						      o->name);
				return false;
			}
			line->repeated[line->n_repeated++] = optarg;
		} else if (o) {
			*o->flag = true;
		} else if (found == 'c') {
			line->config = optarg;
		} else if (found == 'h') {
			help(self, options);
			*status = EXIT_GOOD;
			return false;
		} else {
			*status = found == ':'
					  ? cmd_misused(self,
							"an argument is "
							"missing after %s",
							argv[optind - 1])
					  : option_unknown(self,
							   argv[optind - 1],
							   options);
			return false;
		}
	}
	line->argc = argc - optind;
	line->argv = argv + optind;
	return true;
}

bool cmd_parse_all(const struct command *self, const struct cmd_option *options,
		   int argc, char **argv, struct cmd_line *line, int *status)
{
	if (!cmd_parse(self, options, argc, argv, line, status))
		return false;
	if (line->argc == 0)
		return true;
	*status = cmd_misused(self, "it takes no \"%s\"", line->argv[0]);
	return false;
}
