/* test_file.c - files that are pipes must not hold us up. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "unit.h"

static char folder[] = "/tmp/weir-file-XXXXXX";
static char path[64];

static int begin(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/fifo", folder);
	return mkfifo(path, 0600);
}

static int finish(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

static void test_a_pipe_without_a_writer_is_opened_at_once(void **state)
{
	int fd = file_open(path), writer;
	char room[8];

	(void)state;
	assert_true(fd >= 0);
	writer = open(path, O_WRONLY);
	assert_int_equal(write(writer, "abc", 3), 3);
	assert_int_equal(file_read(fd, room, sizeof(room)), 3);
	assert_memory_equal(room, "abc", 3);
	close(writer);
	assert_int_equal(file_read(fd, room, sizeof(room)), 0);
	close(fd);
}

static void test_nobody_waits_for_ever(void **state)
{
	int fd = file_open(path);
	char room[8];

	(void)state;
	assert_int_equal(file_read(fd, room, sizeof(room)), -1);
	assert_int_equal(errno, ETIMEDOUT);
	close(fd);
}

static void test_what_is_no_file(void **state)
{
	int fd = file_open(folder);
	char room[8];

	(void)state;
	assert_int_equal(file_read(fd, room, sizeof(room)), -1);
	assert_int_equal(errno, EISDIR);
	close(fd);
	assert_int_equal(file_open("/nonexistent/file"), -1);
	assert_int_equal(errno, ENOENT);
	/* Always ready, never at its end. */
	fd = file_open("/dev/zero");
	assert_int_equal(file_read(fd, room, sizeof(room)), sizeof(room));
	close(fd);
}

static void write_word(FILE *to, const void *what)
{
	fputs(what, to);
}

static void assert_says(const char *where, const char *text)
{
	char room[32] = "";
	int fd = file_open(where);

	assert_true(fd >= 0);
	assert_int_equal(file_read(fd, room, sizeof(room)), strlen(text));
	assert_string_equal(room, text);
	close(fd);
}

static void test_a_file_is_replaced_whole_or_not(void **state)
{
	char where[128], aside[140];

	(void)state;
	snprintf(where, sizeof(where), "%s/replaced", folder);
	snprintf(aside, sizeof(aside), "%s.new", where);
	assert_int_equal(file_replace(where, 0600, write_word, "one"), 0);
	assert_int_equal(file_replace(where, 0600, write_word, "two"), 0);
	assert_says(where, "two");
	assert_int_equal(access(aside, F_OK), -1);
	/* A name that leads elsewhere is not followed. */
	assert_int_equal(symlink(where, aside), 0);
	assert_int_equal(file_replace(where, 0600, write_word, "three"), -1);
	assert_int_equal(errno, ELOOP);
	assert_says(where, "two");
	unlink(aside);
	assert_int_equal(file_remove(where), 0);
	assert_int_equal(file_remove(where), 0);
	assert_int_equal(file_remove("/dev/null/x"), -1);
}

static void test_folders_of_paths(void **state)
{
	static const char *const cases[][2] = {{"name", "."},
					       {"/name", "/"},
					       {"/a/b", "/a"},
					       {"a/b/c", "a/b"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *got = file_folder(cases[i][0]);

		assert_string_equal(got, cases[i][1]);
		free(got);
	}
}

static void test_a_file_that_was_lent(void **state)
{
	char where[128], other[128];
	struct file_lent lent;

	(void)state;
	snprintf(where, sizeof(where), "%s/lent", folder);
	snprintf(other, sizeof(other), "%s/nowhere", folder);
	assert_int_equal(file_replace(where, 0600, write_word, "lent"), 0);
	lent = (struct file_lent){other, file_open(where)};
	assert_int_equal(file_open(other), -1);
	file_lend(&lent, 1);
	assert_says(other, "lent");
	assert_says(other, "lent"); /* from its beginning, each time */
	assert_says(where, "lent");
	file_lend(NULL, 0);
	assert_int_equal(file_open(other), -1);
	close(lent.fd);
	file_remove(where);
}

static void regress_state_without_xdg_state_home(void **state)
{
	char *got;

	(void)state;
	setenv("HOME", "/h", 1);
	unsetenv("XDG_STATE_HOME");
	got = file_state_home();
	assert_string_equal(got, "/h/.local/state");
	free(got);
	/* What is no whole path is ignored, as the specification wants it. */
	setenv("XDG_STATE_HOME", "state", 1);
	got = file_state_home();
	assert_string_equal(got, "/h/.local/state");
	free(got);
	setenv("XDG_STATE_HOME", "/x", 1);
	got = file_state_home();
	assert_string_equal(got, "/x");
	free(got);
	unsetenv("XDG_STATE_HOME");
	unsetenv("HOME");
	got = file_state_home();
	assert_non_null(got); /* the database of users knows us */
	free(got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_a_pipe_without_a_writer_is_opened_at_once),
		cmocka_unit_test(test_nobody_waits_for_ever),
		cmocka_unit_test(test_what_is_no_file),
		cmocka_unit_test(test_a_file_is_replaced_whole_or_not),
		cmocka_unit_test(test_folders_of_paths),
		cmocka_unit_test(test_a_file_that_was_lent),
		cmocka_unit_test(regress_state_without_xdg_state_home),
	};

	return cmocka_run_group_tests(tests, begin, finish);
}
