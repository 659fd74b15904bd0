/* test_store.c - rulesets survive a file, and what is no ruleset is refused. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "firewall/compile.h"
#include "firewall/store.h"
#include "golden/scenes.h"
#include "unit/unit.h"

static struct ruleset *compile(struct model *m)
{
	struct diag diag = {0};
	struct ruleset *rules = firewall_compile(&m->config, &diag);

	diag_release(&diag);
	return rules;
}

static void test_rules_come_back_as_they_were(void **state)
{
	char path[] = "/tmp/weir-store-XXXXXX";
	int fd = mkstemp(path);
	unsigned n = 0;

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	for (size_t i = 0; i < n_scenes; i++) {
		struct model *m = model_new();
		struct ruleset *rules, *again;
		char *was, *is;

		print_message("# %s\n", scenes[i].name);
		scenes[i].build(m);
		rules = compile(m);
		if (rules) {
			assert_int_equal(store_save(path, rules), 0);
			assert_int_equal(store_load(path, &again), 0);
			was = ruleset_text(rules);
			is = ruleset_text(again);
			assert_string_equal(is, was);
			free(was);
			free(is);
			ruleset_free(again);
			n++;
		}
		ruleset_free(rules);
		model_free(m);
	}
	assert_true(n > 5);
	unlink(path);
}

static void test_no_table_comes_back_as_none(void **state)
{
	char path[] = "/tmp/weir-store-XXXXXX";
	struct ruleset *again = (struct ruleset *)path;
	int fd = mkstemp(path);

	(void)state;
	close(fd);
	assert_int_equal(store_save(path, NULL), 0);
	assert_int_equal(store_load(path, &again), 0);
	assert_null(again);
	unlink(path);
	assert_int_equal(store_load(path, &again), -1);
	assert_int_equal(errno, ENOENT);
}

#define FORM(sets, chains)                                                     \
	"{\"version\":1,\"table\":\"weir\",\"sets\":[" sets                    \
	"],\"chains\":[" chains "]}"

static void test_what_is_no_ruleset_is_refused(void **state)
{
	static const char *const bad[] = {
		"{}",
		"{\"version\":2,\"table\":\"weir\"}",
		"{\"version\":1,\"table\":\"a b\"}",
		FORM("", "{}"),
		FORM("", "{\"name\":\"a\",\"hook\":9}"),
		FORM("", "{\"name\":\"a\"},{\"name\":\"a\"}"),
		FORM("", "{\"name\":\"a\\n\"}"),
		FORM("", "{\"name\":\"a\",\"rules\":[{\"verdict\":4}]}"),
		FORM("", "{\"name\":\"a\",\"rules\":[{\"verdict\":99}]}"),
		FORM("", "{\"name\":\"a\",\"rules\":[{\"matches\":[{\"op\":0,"
			 "\"fields\":[],\"value\":\"\",\"last\":\"\"}]}]}"),
		FORM("", "{\"name\":\"a\",\"rules\":[{\"matches\":[{\"op\":0,"
			 "\"fields\":[99],\"value\":\"\",\"last\":\"\"}]}]}"),
		FORM("", "{\"name\":\"a\",\"rules\":[{\"matches\":[{\"op\":0,"
			 "\"fields\":[1],\"value\":\"0g\",\"last\":\"\"}]}]}"),
		FORM("", "{\"name\":\"a\",\"rules\":[{\"matches\":[{\"op\":6,"
			 "\"fields\":[1],\"value\":\"\",\"last\":\"\"}]}]}"),
		FORM("{\"name\":\"s\",\"types\":[]}", ""),
		FORM("{\"name\":\"s\",\"types\":[77]}", ""),
		FORM("{\"name\":\"s\",\"types\":[0],\"elements\":[{\"first\":"
		     "\"0000000000000000000000000000000000000000000000000000"
		     "000000000000000000000000\",\"last\":\"\"}]}",
		     ""),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		json_t *json = json_loads(bad[i], 0, NULL);
		struct ruleset *rules;

		print_message("# %s\n", bad[i]);
		assert_non_null(json);
		assert_int_equal(store_from_json(json, &rules), -1);
		json_decref(json);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules_come_back_as_they_were),
		cmocka_unit_test(test_no_table_comes_back_as_none),
		cmocka_unit_test(test_what_is_no_ruleset_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
