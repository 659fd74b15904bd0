/*
 * fuzz_yaml.c - whole configurations.
 *
 * A text is either good, or has at least one error, and every finding points
 * into it. What is printed of a good one is good again and prints the same.
 */
#include "fuzz.h"

#include "config/config.h"

static size_t count_lines(struct slice text)
{
	size_t n = 1;

	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == '\n';
	return n;
}

/* Loads a text; what it prints is the caller's, NULL when it is not good. */
static char *load(struct slice text)
{
	char *printed = NULL, *said;
	size_t octets = 0;
	FILE *to = open_memstream(&printed, &octets);
	struct config_options options = {
		.n_cpus = 2,
		.tests = TESTS_BIND,
		.print_to = to,
	};
	struct diag diag = {0};
	struct snapshot *snap;

	HOLDS(to);
	snap = config_load_text("fuzz.yaml", text, &options, &diag);
	fclose(to);
	HOLDS((snap == NULL) == (diag.n_errors > 0));
	for (unsigned i = 0; i < diag.n_findings; i++) {
		const struct place *at = &diag.findings[i].place;

		HOLDS(at->line <= count_lines(text));
		HOLDS(at->line == 0 || at->column <= text.n + 1);
	}
	said = diag_to_text(&diag);
	free(said);
	diag_release(&diag);
	if (!snap) {
		free(printed);
		return NULL;
	}
	snapshot_unref(snap);
	return printed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *first, *second;

	/* No look at the users of this machine for each input. */
	setenv("RUNTIME_DIRECTORY", "/run/weir", 0);
	first = load(fuzz_slice(data, size));
	if (!first)
		return 0;
	second = load(slice_of(first));
	HOLDS(second && strcmp(first, second) == 0);
	free(first);
	free(second);
	return 0;
}
