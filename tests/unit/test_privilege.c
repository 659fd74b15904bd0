/* test_privilege.c - folders are made and given by their descriptors. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/privilege.h"

enum { SOMEBODY = 65534 };

static char folder[] = "/tmp/weir-privilege-XXXXXX";

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

/* Only root can give; whoever else runs this makes folders of his own. */
static struct identity somebody(void)
{
	return (struct identity){
		.changes = geteuid() == 0, .uid = SOMEBODY, .gid = SOMEBODY};
}

static int make(const struct identity *id, const char *file)
{
	char *path = xasprintf("%s/%s", folder, file);
	int result = identity_make_folder(id, slice_of(path), 0750);

	free(path);
	return result;
}

static struct stat look(const char *name)
{
	char *path = xasprintf("%s/%s", folder, name);
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	free(path);
	return st;
}

static void regress_the_last_folder_alone_is_given(void **state)
{
	const struct identity id = somebody();
	uid_t owner = id.changes ? SOMEBODY : geteuid();
	mode_t before = umask(022);

	(void)state;
	assert_int_equal(make(&id, "a/b//c/file"), 0);
	umask(before);
	assert_int_equal(look("a").st_uid, geteuid());
	assert_int_equal(look("a/b").st_uid, geteuid());
	assert_int_equal(look("a/b").st_mode & 07777, 0755);
	assert_int_equal(look("a/b/c").st_uid, owner);
	assert_int_equal(look("a/b/c").st_mode & 07777, 0750);
	/* What was there before stays whose it was. */
	assert_int_equal(make(&id, "a/b/file"), 0);
	assert_int_equal(look("a/b").st_uid, geteuid());
}

static void regress_a_link_leads_on_and_is_not_given(void **state)
{
	const struct identity id = somebody();
	char *link = xasprintf("%s/link", folder);
	char *there = xasprintf("%s/there", folder);

	(void)state;
	assert_int_equal(mkdir(there, 0755), 0);
	assert_int_equal(symlink(there, link), 0);
	assert_int_equal(make(&id, "link/file"), 0);
	assert_int_equal(look("link").st_uid, geteuid());
	assert_int_equal(look("there").st_uid, geteuid());
	assert_int_equal(make(&id, "link/new/file"), 0);
	assert_int_equal(look("there/new").st_uid,
			 id.changes ? SOMEBODY : geteuid());
	free(link);
	free(there);
}

static void test_a_file_in_the_way(void **state)
{
	const struct identity id = somebody();
	char *path = xasprintf("%s/file", folder);
	FILE *f = fopen(path, "we");

	(void)state;
	assert_non_null(f);
	fclose(f);
	assert_int_equal(make(&id, "file/below/x"), -1);
	free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(regress_the_last_folder_alone_is_given),
		cmocka_unit_test(regress_a_link_leads_on_and_is_not_given),
		cmocka_unit_test(test_a_file_in_the_way),
	};

	return cmocka_run_group_tests(tests, begin, finish);
}
