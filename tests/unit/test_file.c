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
		cmocka_unit_test(regress_state_without_xdg_state_home),
	};

	return cmocka_run_group_tests(tests, begin, finish);
}
