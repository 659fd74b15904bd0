/*
 * replay.c - runs a fuzz target over files, without a fuzzer.
 *
 *	fuzz_NAME [FILE|FOLDER]...
 *
 * Without arguments it takes tests/fuzz/corpus/NAME in $srcdir. Each input is
 * in a block of its own size, so that sanitizers see every octet too far.
 */
#include <dirent.h>
#include <sys/stat.h>

#include "fuzz.h"

enum { INPUT_MAX = 1 << 20 };

static unsigned n_inputs;

static bool run_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	static uint8_t room[INPUT_MAX];
	uint8_t *exact;
	size_t n;

	if (!file) {
		perror(path);
		return false;
	}
	n = fread(room, 1, sizeof(room), file);
	fclose(file);

	fprintf(stderr, "# %s\n", path); /* the last one is the culprit */
	exact = xmalloc(n ? n : 1);
	memcpy(exact, room, n);
	LLVMFuzzerTestOneInput(exact, n);
	free(exact);
	n_inputs++;
	return true;
}

static bool run_folder(const char *path)
{
	struct dirent **entries;
	int n = scandir(path, &entries, NULL, alphasort);
	bool good = n >= 0;

	if (n < 0)
		perror(path);
	for (int i = 0; i < n; i++) {
		char *file = xasprintf("%s/%s", path, entries[i]->d_name);

		if (entries[i]->d_name[0] != '.')
			good = run_file(file) && good;
		free(file);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	return good;
}

static bool run(const char *path)
{
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return run_folder(path);
	return run_file(path);
}

int main(int argc, char **argv)
{
	const char *srcdir = getenv("srcdir");
	const char *name = strstr(argv[0], "fuzz_");
	bool good = true;
	char *folder;

	for (int i = 1; i < argc; i++)
		good = run(argv[i]) && good;
	if (argc < 2) {
		/* The last one: folders may be called like that, too. */
		for (const char *p = name; p; p = strstr(p + 1, "fuzz_"))
			name = p;
		folder = xasprintf("%s/tests/fuzz/corpus/%s",
				   srcdir ? srcdir : ".",
				   name ? name + strlen("fuzz_") : "");
		good = run(folder);
		free(folder);
	}
	LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	printf("%u inputs\n", n_inputs);
	return good && n_inputs > 0 ? 0 : 1;
}
