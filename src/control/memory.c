#include "memory.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/slice.h"

static struct slice first_line(const char *text)
{
	struct slice all = slice_of(text);

	return slice_first(all, slice_find(all, '\n'));
}

/* One number in a file, or "max". */
static uint64_t read_limit(const char *folder, const char *path,
			   const char *name)
{
	char *whole = xasprintf("%s%s/%s", folder, path, name);
	uint64_t limit = UINT64_MAX;
	char line[64] = "";
	FILE *f = fopen(whole, "re");

	if (f) {
		if (!fgets(line, sizeof(line), f) ||
		    !slice_to_u64(first_line(line), &limit))
			limit = UINT64_MAX;
		fclose(f);
	}
	free(whole);
	return limit;
}

/* A group's own limit and those above it. Where a container sees its group as
 * the root, the path is of another world and only the end of the way is. */
static uint64_t read_way_up(const char *folder, char *path,
			    const char *const names[])
{
	uint64_t least = UINT64_MAX;

	for (;;) {
		char *slash = strrchr(path, '/');

		for (size_t i = 0; names[i]; i++) {
			uint64_t limit = read_limit(folder, path, names[i]);

			least = limit < least ? limit : least;
		}
		if (!slash)
			return least;
		*slash = '\0';
	}
}

static bool has_word(struct slice list, struct slice word)
{
	while (list.p)
		if (slice_eq(slice_cut(&list, ','), word))
			return true;
	return false;
}

/* "4:cpu,memory:/a/b" of version 1, "0::/a/b" of version 2. */
static uint64_t read_row(struct slice row, const char *folder)
{
	static const char *const v1[] = {"memory.limit_in_bytes", NULL};
	static const char *const v2[] = {"memory.max", "memory.high", NULL};
	struct slice number = slice_cut(&row, ':');
	struct slice controllers = slice_cut(&row, ':');
	char *path = slice_dup(row), *below;
	uint64_t limit = UINT64_MAX;

	/* The root alone is no folder more, and what is seen from below it
	 * (cgroup_namespaces(7)) is not there. */
	if (strcmp(path, "/") == 0 || strstr(path, "/.."))
		*path = '\0';
	if (slice_eq(number, SLICE("0")) && controllers.n == 0) {
		limit = read_way_up(folder, path, v2);
	} else if (has_word(controllers, SLICE("memory"))) {
		below = xasprintf("%s/memory", folder);
		limit = read_way_up(below, path, v1);
		free(below);
	}
	free(path);
	return limit;
}

uint64_t memory_limit_of_groups(const char *file, const char *folder)
{
	uint64_t least = UINT64_MAX;
	char line[4096 + 256];
	FILE *f = fopen(file, "re");

	if (!f)
		return least;
	while (fgets(line, sizeof(line), f)) {
		uint64_t limit = read_row(first_line(line), folder);

		least = limit < least ? limit : least;
	}
	fclose(f);
	return least;
}

uint64_t memory_limit(void)
{
	long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
	uint64_t machine = (uint64_t)pages * (uint64_t)size;
	uint64_t groups =
		memory_limit_of_groups("/proc/self/cgroup", "/sys/fs/cgroup");

	return groups < machine ? groups : machine;
}
