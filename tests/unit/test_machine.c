/* test_machine.c - what the rules have to know of this machine. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kernel/machine.h"
#include "unit.h"

static char *file_with(const char *text)
{
	char *path = xstrdup("/tmp/weir-machine-XXXXXX");
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	return path;
}

static void test_resolvers(void **state)
{
	static const struct {
		const char *text;
		unsigned n;
		bool has_stub;
	} rows[] = {
		{"nameserver 192.0.2.53\nnameserver 2001:db8::53\n", 2, false},
		{"search example.com\nnameserver\t192.0.2.53\n", 1, false},
		{"nameserver fe80::1%eth0\n", 1, false},
		/* Whom the stub asks stands in another file. */
		{"nameserver 127.0.0.53\noptions edns0\n", 0, true},
		{"nameserver ::1\nnameserver 192.0.2.53\n", 1, true},
		{"nameserver here\n# nameserver 192.0.2.53\n", 0, false},
		{"nameserver 192.0.2.1\nnameserver 192.0.2.2\n"
		 "nameserver 192.0.2.3\nnameserver 192.0.2.4\n",
		 3, false},
		{"", 0, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char *path = file_with(rows[i].text);
		struct cidr list[3];
		bool has_stub;

		print_message("# %s", rows[i].text);
		assert_int_equal(machine_resolvers(path, list, 3, &has_stub),
				 rows[i].n);
		assert_int_equal(has_stub, rows[i].has_stub);
		unlink(path);
		free(path);
	}
}

static void test_no_file_no_resolvers(void **state)
{
	struct cidr one;
	bool has_stub;

	(void)state;
	assert_int_equal(machine_resolvers("/nowhere", &one, 1, &has_stub), 0);
	assert_false(has_stub);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_resolvers),
		cmocka_unit_test(test_no_file_no_resolvers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
