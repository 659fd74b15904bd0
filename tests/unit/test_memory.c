/* test_memory.c - limits of control groups, in folders like theirs. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/memory.h"

static char folder[] = "/tmp/weir-memory-XXXXXX";

static void write_file(const char *name, const char *text)
{
	char *path = xasprintf("%s/%s", folder, name);
	FILE *f;

	for (char *at = path + strlen(folder) + 1; *at; at++) {
		if (*at != '/')
			continue;
		*at = '\0';
		mkdir(path, 0700);
		*at = '/';
	}
	f = fopen(path, "we");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	free(path);
}

static int begin(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int finish(void **state)
{
	char *command = xasprintf("rm -r %s", folder);
	int status = system(command);

	(void)state;
	free(command);
	return status;
}

#define UNKNOWN UINT64_MAX

/* clang-format off */
static const struct {
	const char *name;
	const char *groups;      /* as in /proc/self/cgroup */
	const char *files[4][2]; /* below /sys/fs/cgroup, and what is in them */
	uint64_t limit;
} rows[] = {
	{"no group", "", {{0}}, UNKNOWN},
	{"version 2", "0::/a.slice/b.service\n",
	 {{"a.slice/b.service/memory.max", "1000\n"}}, 1000},
	{"of a parent", "0::/a.slice/b.service\n",
	 {{"a.slice/memory.max", "900\n"},
	  {"a.slice/b.service/memory.max", "1000\n"}}, 900},
	{"none", "0::/b\n", {{"b/memory.max", "max\n"}}, UNKNOWN},
	{"high", "0::/b\n", {{"b/memory.max", "1000\n"},
	  {"b/memory.high", "800\n"}}, 800},
	{"a container that is its own root", "0::/\n",
	 {{"memory.max", "536870912\n"}}, 536870912},
	{"a path of another world", "0::/../../x/y\n",
	 {{"memory.max", "1000\n"}}, 1000},
	{"version 1", "5:cpu,cpuacct:/x\n4:memory:/docker/1\n0::/z\n",
	 {{"memory/docker/1/memory.limit_in_bytes", "2000\n"},
	  {"memory/memory.limit_in_bytes", "9223372036854771712\n"}}, 2000},
	{"version 1 in a container", "4:hugetlb,memory:/docker/1\n",
	 {{"memory/memory.limit_in_bytes", "3000\n"}}, 3000},
	{"nonsense", "x\n\n:::\n0::\n",
	 {{"memory.max", "lots\n"}}, UNKNOWN},
};
/* clang-format on */

static void regress_the_limit_of_control_groups(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char *groups = xasprintf("%s/%zu/groups", folder, i);
		char *fs = xasprintf("%s/%zu/fs", folder, i);
		char name[256];

		print_message("# %s\n", rows[i].name);
		snprintf(name, sizeof(name), "%zu/groups", i);
		write_file(name, rows[i].groups);
		for (size_t k = 0; k < 4 && rows[i].files[k][0]; k++) {
			snprintf(name, sizeof(name), "%zu/fs/%s", i,
				 rows[i].files[k][0]);
			write_file(name, rows[i].files[k][1]);
		}
		assert_int_equal(memory_limit_of_groups(groups, fs),
				 rows[i].limit);
		free(groups);
		free(fs);
	}
}

static void test_there_is_some(void **state)
{
	(void)state;
	assert_in_range(memory_limit(), 1, UINT64_MAX - 1);
	assert_true(memory_limit_of_groups("/nowhere", folder) == UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(regress_the_limit_of_control_groups),
		cmocka_unit_test(test_there_is_some),
	};

	return cmocka_run_group_tests(tests, begin, finish);
}
