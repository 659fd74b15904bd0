/* test_runtime.c - changes of run time: the document, the file, and what they
 * make of a configuration. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/lay.h"
#include "control/roster.h"
#include "control/runtime.h"
#include "worlds.h"

static json_t *doc_of(const char *text)
{
	char *why;
	json_t *doc = runtime_parse(slice_of(text), &why);

	if (!doc)
		print_message("%s\n", why);
	assert_non_null(doc);
	return doc;
}

static void test_what_is_no_overlay(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{"", "not JSON"},
		{"{\"version\":1,\"target_gro", "not JSON"},
		{"[1]", "no JSON object"},
		{"{}", "no \"version\""},
		{"{\"version\":\"1\"}", "no \"version\""},
		{"{\"version\":0}", "no \"version\""},
		{"{\"version\":2}", "of a later weir"},
		{"{\"version\":1,\"version\":1}", "not JSON"},
		{"{\"version\":1,\"target_groups\":[]}", "no object"},
		{"{\"version\":1,\"target_groups\":{\"a\":[]}}", "no object"},
		{"{\"version\":1,\"target_groups\":{\"a\":{\"drained\":{}}}}",
		 "no list"},
		{"{\"version\":1,\"target_groups\":{\"a\":{\"drained\":[{}]}}}",
		 "no id"},
		{"{\"version\":1,\"target_groups\":{\"a\":{\"drained\":"
		 "[{\"id\":\"a\\u0000b\"}]}}}",
		 ""},
		{"{\"version\":1,\"target_groups\":{\"a\":{\"registered\":"
		 "[{\"id\":\"x\",\"port\":65536}]}}}",
		 "malformed"},
		{"{\"version\":1,\"target_groups\":{\"a\":{\"registered\":"
		 "[{\"id\":\"x\",\"backup\":1}]}}}",
		 "malformed"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *why;

		assert_null(runtime_parse(slice_of(cases[i].text), &why));
		if (!strstr(why, cases[i].why))
			fail_msg("%s: %s", cases[i].text, why);
		free(why);
	}
}

static void test_ten_thousand_and_one(void **state)
{
	json_t *doc = doc_of("{\"version\":1}");
	char id[32], *why, *text;

	(void)state;
	for (unsigned i = 0; i < RUNTIME_ENTRIES_MAX; i++) {
		snprintf(id, sizeof(id), "10.%u.%u.1", i >> 8, i & 255);
		/* The list itself: as one grows it is searched. */
		if (i == 0)
			runtime_put(doc, "app", RUNTIME_REGISTERED,
				    runtime_entry(slice_of(id), 80));
		else
			json_array_append_new(
				(json_t *)(uintptr_t)runtime_entries(
					doc, "app", RUNTIME_REGISTERED),
				runtime_entry(slice_of(id), 80));
	}
	text = json_dumps(doc, 0);
	json_decref(doc_of(text));
	free(text);
	runtime_put(doc, "b", RUNTIME_DRAINED, runtime_entry(SLICE("x"), 1));
	text = json_dumps(doc, 0);
	assert_null(runtime_parse(slice_of(text), &why));
	assert_non_null(strstr(why, "10001 entries"));
	free(why);
	free(text);
	json_decref(doc);
}

static void test_one_entry_for_one_target(void **state)
{
	json_t *doc = doc_of("{\"version\":1,\"maintenance\":[1]}");

	(void)state;
	runtime_put(doc, "app", RUNTIME_REGISTERED,
		    runtime_entry(SLICE("2001:db8::1"), 80));
	runtime_put(doc, "app", RUNTIME_REGISTERED,
		    runtime_entry(SLICE("2001:DB8:0::1"), 80));
	assert_int_equal(runtime_count(doc), 1);
	assert_non_null(runtime_find(doc, "app", RUNTIME_REGISTERED,
				     SLICE("2001:db8:0:0::1"), 80));
	assert_null(runtime_find(doc, "app", RUNTIME_DRAINED,
				 SLICE("2001:db8::1"), 80));
	assert_false(runtime_take(doc, "app", RUNTIME_REGISTERED,
				  SLICE("2001:db8::1"), 81));
	assert_true(runtime_take(doc, "app", RUNTIME_REGISTERED,
				 SLICE("2001:db8::1"), 80));
	/* Nothing is left of the group; what others laid over stays. */
	assert_int_equal(
		json_object_size(json_object_get(doc, "target_groups")), 0);
	assert_int_equal(json_array_size(json_object_get(doc, "maintenance")),
			 1);
	json_decref(doc);
}

/* -- the file -------------------------------------------------------------- */

static void test_the_file_is_whole_or_as_it_was(void **state)
{
	char folder[] = "/tmp/weir-runtime-XXXXXX", path[64], aside[80];
	struct runtime o = {0};
	json_t *doc;
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/overlay.json", folder);
	snprintf(aside, sizeof(aside), "%s.new", path);
	runtime_load(&o, path);
	assert_null(o.why);
	doc = runtime_copy(&o);
	runtime_put(doc, "app", RUNTIME_DRAINED, runtime_entry(SLICE("x"), 1));
	assert_int_equal(runtime_save(&o, doc), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0137, 0);
	runtime_load(&o, path);
	assert_int_equal(runtime_count(o.doc), 1);
	assert_true(json_is_string(json_object_get(o.doc, "changed")));

	/* What cannot be written: a folder stands where the new file goes. */
	assert_int_equal(mkdir(aside, 0700), 0);
	doc = runtime_copy(&o);
	runtime_put(doc, "app", RUNTIME_DRAINED, runtime_entry(SLICE("y"), 1));
	assert_int_equal(runtime_save(&o, doc), -1);
	assert_int_equal(errno, EISDIR);
	assert_int_equal(runtime_count(o.doc), 1);
	assert_int_equal(rmdir(aside), 0);

	assert_int_equal(runtime_drop(&o), 0);
	assert_null(o.doc);
	assert_int_equal(runtime_drop(&o), 0);
	runtime_release(&o);
	assert_int_equal(rmdir(folder), 0);
}

/* -- laid over ------------------------------------------------------------- */

static const char *const both[] = {"10.0.0.1:80", "app.test:81"};

static struct snapshot *world(void)
{
	struct snapshot *snap = world_of(1);

	group_of(snap, 0, "app", both, 2)->port = 80;
	snap->groups[0].targets[0].id = SLICE("10.0.0.1");
	rosters_attach(snap);
	log_setup(LOG_ERROR, LOG_TEXT);
	return snap;
}

static void test_what_it_makes_of_a_group(void **state)
{
	struct snapshot *snap = world();
	json_t *doc = doc_of(
		"{\"version\":1,\"target_groups\":{\"app\":{\"registered\":["
		"{\"id\":\"10.0.0.1\",\"port\":80,\"weight\":7},"
		"{\"id\":\"10.0.0.2\"},{\"id\":\"no good\",\"port\":1},"
		"{\"id\":\"unix:/run/${HOME}\",\"backup\":true}],"
		"\"deregistered\":[{\"id\":\"APP.test\",\"port\":81}],"
		"\"drained\":[{\"id\":\"10.0.0.2\",\"port\":80},"
		"{\"id\":\"10.0.0.9\",\"port\":80}]}}}");
	struct diag diag = {0};
	const struct target *t;
	size_t n;

	(void)state;
	lay_over(snap, doc, &diag);
	t = group_targets(&snap->groups[0], &n);
	assert_int_equal(n, 4);
	assert_int_equal(t[0].laid, LAID_REGISTERED);
	assert_int_equal(t[0].weight, 7);
	assert_int_equal(t[1].laid, LAID_DEREGISTERED);
	assert_slice(t[2].id, "10.0.0.2");
	assert_int_equal(t[2].port, 80);
	assert_int_equal(t[2].laid, LAID_DRAINED);
	/* No environment in what comes at run time. */
	assert_slice(t[3].id, "unix:/run/${HOME}");
	assert_true(t[3].backup);
	assert_int_equal(diag.n_warnings, 1);
	assert_non_null(strstr(diag.findings[0].sentence, "\"no good\""));
	/* The configuration itself is as it was. */
	assert_int_equal(snap->groups[0].targets[0].weight, 1);
	lay_over(snap, NULL, &diag);
	t = group_targets(&snap->groups[0], &n);
	assert_ptr_equal(t, snap->groups[0].targets);
	json_decref(doc);
	diag_release(&diag);
	snapshot_unref(snap);
}

static void test_a_file_that_has_caught_up(void **state)
{
	struct snapshot *snap = world();
	json_t *doc =
		doc_of("{\"version\":1,\"target_groups\":{"
		       "\"app\":{\"registered\":["
		       "{\"id\":\"10.0.0.1\",\"port\":80,\"weight\":1},"
		       "{\"id\":\"10.0.0.2\",\"port\":80}],"
		       "\"deregistered\":[{\"id\":\"10.0.0.3\",\"port\":80}],"
		       "\"drained\":[{\"id\":\"10.0.0.2\",\"port\":80},"
		       "{\"id\":\"10.0.0.4\",\"port\":80}]},"
		       "\"gone\":{\"drained\":[{\"id\":\"x\",\"port\":1}]}}}");
	struct diag diag = {0};

	(void)state;
	assert_true(lay_prune(doc, snap, &diag));
	assert_int_equal(runtime_count(doc), 2);
	assert_non_null(runtime_find(doc, "app", RUNTIME_REGISTERED,
				     SLICE("10.0.0.2"), 80));
	assert_non_null(runtime_find(doc, "app", RUNTIME_DRAINED,
				     SLICE("10.0.0.2"), 80));
	assert_int_equal(diag.n_warnings, 1);
	assert_false(lay_prune(doc, snap, &diag));
	json_decref(doc);
	diag_release(&diag);
	snapshot_unref(snap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_no_overlay),
		cmocka_unit_test(test_ten_thousand_and_one),
		cmocka_unit_test(test_one_entry_for_one_target),
		cmocka_unit_test(test_the_file_is_whole_or_as_it_was),
		cmocka_unit_test(test_what_it_makes_of_a_group),
		cmocka_unit_test(test_a_file_that_has_caught_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
