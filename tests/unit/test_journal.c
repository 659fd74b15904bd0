/* test_journal.c - a line is whole or lost, and counted either way. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/journal.h"

static char folder[64], path[96], other[96];

static int set_up(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/weir-journal-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/log", folder);
	snprintf(other, sizeof(other), "%s/log.1", folder);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path);
	unlink(other);
	rmdir(folder);
	return 0;
}

/* -- helpers --------------------------------------------------------------- */

static void put(struct journal_pen *pen, struct journal *j, const char *text)
{
	bool due;

	journal_put(pen, j, slice_of(text), &due);
}

static struct journal_status status_of(struct journals *js,
				       const struct journal *wanted)
{
	struct journal *at = NULL;
	struct journal_status status;

	while (journals_next(js, &at, &status))
		if (at == wanted)
			return status;
	fail_msg("no such journal");
	return status;
}

/* Until so many lines are written or lost. */
static struct journal_status settle(struct journals *js, struct journal *j,
				    struct journal_pen *pen, uint64_t lines)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	struct journal_status status;

	journal_hand_over(pen);
	for (int i = 0; i < 20000; i++) {
		status = status_of(js, j);
		if (status.lines + status.lost >= lines)
			break;
		nanosleep(&pause, NULL);
	}
	assert_int_equal(status.lines + status.lost, lines);
	return status;
}

static void reopen(struct journals *js)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	uint64_t wish = journals_reopen(js);

	for (int i = 0; i < 20000 && !journals_are_reopened(js, wish); i++)
		nanosleep(&pause, NULL);
	assert_true(journals_are_reopened(js, wish));
}

static void assert_file(const char *name, const char *text)
{
	static char got[4096];
	int fd = open(name, O_RDONLY);
	ssize_t n;

	assert_true(fd >= 0);
	n = read(fd, got, sizeof(got) - 1);
	close(fd);
	assert_true(n >= 0);
	got[n] = '\0';
	assert_string_equal(got, text);
}

static struct journals *begin(void)
{
	struct journals *js = journals_new();

	assert_int_equal(journals_start(js), 0);
	return js;
}

/* -- cases ----------------------------------------------------------------- */

static void test_a_path_is_one_file(void **state)
{
	mode_t before = umask(077);
	struct journals *js = begin();
	struct journal *a = journals_open(js, path);
	struct journal *b = journals_open(js, path);
	struct journal_pen *pen = journals_pen(js);
	struct stat st;

	(void)state;
	umask(before);
	assert_ptr_equal(a, b);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	put(pen, a, "one\n");
	put(pen, b, "two\n");
	assert_int_equal(settle(js, a, pen, 2).lost, 0);
	assert_file(path, "one\ntwo\n");
	journals_free(js, 10000);
}

static void test_the_end_writes_what_waits(void **state)
{
	struct journals *js = begin();
	struct journal *j = journals_open(js, path);

	(void)state;
	put(journals_pen(js), j, "last\n");
	journals_free(js, 10000);
	assert_file(path, "last\n");
}

static void test_what_was_moved_is_left_when_asked(void **state)
{
	struct journals *js = begin();
	struct journal *j = journals_open(js, path);
	struct journal_pen *pen = journals_pen(js);

	(void)state;
	put(pen, j, "one\n");
	settle(js, j, pen, 1);
	assert_int_equal(rename(path, other), 0);
	put(pen, j, "two\n");
	settle(js, j, pen, 2);
	reopen(js);
	put(pen, j, "three\n");
	settle(js, j, pen, 3);
	assert_file(other, "one\ntwo\n");
	assert_file(path, "three\n");
	journals_free(js, 10000);
}

static void test_what_was_removed_is_made_again(void **state)
{
	struct journals *js = begin();
	struct journal *j = journals_open(js, path);
	struct journal_pen *pen = journals_pen(js);
	struct journal_status status;

	(void)state;
	/* Its folder with it: nobody will ever read what is written. */
	unlink(path);
	assert_int_equal(rmdir(folder), 0);
	reopen(js);
	put(pen, j, "lost\n");
	status = settle(js, j, pen, 1);
	assert_int_equal(status.lost, 1);
	assert_int_equal(status.last_error, ENOENT);
	assert_int_equal(status.open_error, ENOENT);
	assert_int_equal(journal_tell_lost(j, 1000, 60000), 1);
	assert_int_equal(journal_tell_lost(j, 90000, 60000), 0);
	put(pen, j, "lost\n");
	settle(js, j, pen, 2);
	assert_int_equal(journal_tell_lost(j, 60999, 60000), 0);
	assert_int_equal(journal_tell_lost(j, 61000, 60000), 1);
	assert_int_equal(mkdir(folder, 0755), 0);
	reopen(js);
	put(pen, j, "found\n");
	status = settle(js, j, pen, 3);
	assert_int_equal(status.lines, 1);
	assert_int_equal(status.open_error, 0);
	assert_file(path, "found\n");
	journals_free(js, 10000);
}

static void set_file_limit(rlim_t octets)
{
	struct rlimit limit;

	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = octets == RLIM_INFINITY ? limit.rlim_max : octets;
	setrlimit(RLIMIT_FSIZE, &limit);
}

/* A full disk. */
static void test_a_line_that_does_not_fit_leaves_no_part(void **state)
{
	struct journals *js = begin();
	struct journal *j = journals_open(js, path);
	struct journal_pen *pen = journals_pen(js);
	struct journal_status status;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	set_file_limit(14);
	put(pen, j, "12345\n");
	put(pen, j, "67890\n");
	put(pen, j, "abcde\n");
	put(pen, j, "f\n");
	status = settle(js, j, pen, 4);
	assert_int_equal(status.lines, 2);
	assert_int_equal(status.last_error, EFBIG);
	put(pen, j, "g\n"); /* there is room for a short one */
	status = settle(js, j, pen, 5);
	assert_file(path, "12345\n67890\ng\n");
	assert_int_equal(truncate(path, 0), 0);
	put(pen, j, "again\n");
	status = settle(js, j, pen, 6);
	set_file_limit(RLIM_INFINITY);
	assert_int_equal(status.lines, 4);
	assert_int_equal(status.lost, 2);
	assert_file(path, "again\n");
	journals_free(js, 10000);
}

enum { LINE = 1000, LINES = 200 };

static char piped[1 << 20];
static size_t n_piped;

static void read_pipe(int fd)
{
	ssize_t n;

	while ((n = read(fd, piped + n_piped, sizeof(piped) - n_piped)) > 0)
		n_piped += (size_t)n;
}

static void put_and_look(struct journals *js, struct journal *j,
			 struct journal_pen *pen, const char *line,
			 struct journal_status *status)
{
	put(pen, j, line);
	journal_hand_over(pen);
	nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	*status = status_of(js, j);
}

/* A pipe whose reader stalls and comes back, in the midst of a line. */
static void test_nobody_waits_for_a_slow_reader(void **state)
{
	struct journals *js = begin();
	struct journal_pen *pen = journals_pen(js);
	struct journal_status status = {0};
	struct journal *j;
	char line[LINE + 1];
	uint64_t before;
	int fd;

	(void)state;
	memset(line, 'x', LINE);
	line[LINE - 1] = '\n';
	line[LINE] = '\0';
	n_piped = 0;
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_null(journals_open(js, path));
	assert_int_equal(errno, ENXIO);
	assert_int_equal(journal_try(path), ENXIO);
	fd = open(path, O_RDONLY | O_NONBLOCK);
	j = journals_open(js, path);
	assert_non_null(j);
	for (int i = 0; i < LINES; i++)
		put(pen, j, line);
	for (int i = 0; i < 20000 && status.lost == 0; i++)
		put_and_look(js, j, pen, line, &status);
	assert_true(status.lost > 0);
	assert_int_equal(status.last_error, EAGAIN);
	before = status.lines;
	for (int i = 0; i < 20000 && status.lines < before + 3; i++) {
		read_pipe(fd);
		put_and_look(js, j, pen, line, &status);
	}
	read_pipe(fd);
	for (int i = 0; i < 20000 && n_piped != status.lines * LINE; i++) {
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
		read_pipe(fd);
		status = status_of(js, j);
	}
	assert_int_equal(n_piped, status.lines * LINE);
	for (size_t i = 0; i < n_piped; i++)
		assert_int_equal(piped[i], i % LINE == LINE - 1 ? '\n' : 'x');
	journals_free(js, 10000);
	close(fd);
}

/* All that a reload may have left behind. */
static void test_what_nobody_uses_is_closed(void **state)
{
	struct journals *js = begin();
	struct journal *j = journals_open(js, path);
	struct journal *k = journals_open(js, other);
	struct journal_pen *pen = journals_pen(js);
	struct journal *at = NULL;
	struct journal_status status;
	unsigned n;

	(void)state;
	put(pen, j, "one\n");
	journal_unref(j);
	for (int i = 0; i < 20000; i++) {
		journals_sweep(js);
		at = NULL;
		for (n = 0; journals_next(js, &at, &status); n++)
			;
		if (n == 1 && journals_open(js, other) == k)
			break;
	}
	assert_int_equal(n, 1);
	/* Until it is closed, whoever names it again has it back. */
	j = journals_open(js, path);
	assert_non_null(j);
	put(pen, j, "two\n");
	journals_free(js, 10000);
	assert_file(path, "one\ntwo\n");
}

enum { THREADS = 4, EACH = 5000 };

static struct journals *shared;
static struct journal *shared_journal;

static void *put_many(void *arg)
{
	struct journal_pen *pen = journals_pen(shared);
	bool due;

	for (unsigned i = 0; i < EACH; i++) {
		char line[64];
		int n = snprintf(line, sizeof(line), "%c %u\n",
				 (char)('a' + (intptr_t)arg), i);

		journal_put(pen, shared_journal, slice_make(line, (size_t)n),
			    &due);
		if (due)
			journal_hand_over(pen);
	}
	return NULL;
}

static void test_lines_of_many_threads_are_whole(void **state)
{
	pthread_t threads[THREADS];
	unsigned next[THREADS] = {0}, number;
	struct journal_status status;
	char who;
	FILE *in;

	(void)state;
	shared = begin();
	shared_journal = journals_open(shared, path);
	for (intptr_t i = 0; i < THREADS; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, put_many, (void *)i),
			0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	status = settle(shared, shared_journal, journals_pen(shared),
			THREADS * EACH);
	assert_int_equal(status.lost, 0);
	in = fopen(path, "r");
	for (int i = 0; i < THREADS * EACH; i++) {
		assert_int_equal(fscanf(in, "%c %u\n", &who, &number), 2);
		assert_int_equal(number, next[who - 'a']++);
	}
	fclose(in);
	journals_free(shared, 10000);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_a_path_is_one_file),
		CASE(test_the_end_writes_what_waits),
		CASE(test_what_was_moved_is_left_when_asked),
		CASE(test_what_was_removed_is_made_again),
		CASE(test_a_line_that_does_not_fit_leaves_no_part),
		CASE(test_nobody_waits_for_a_slow_reader),
		CASE(test_what_nobody_uses_is_closed),
		CASE(test_lines_of_many_threads_are_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
