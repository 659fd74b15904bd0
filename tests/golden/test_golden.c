/*
 * test_golden.c - security groups, and the text that they become.
 *
 * Each scene has its text beside this file: NAME.nft. After a change that is
 * meant, run with GOLDEN_WRITE=1 and read the difference. The texts are also
 * given to nft, by check-nft.
 */
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "firewall/compile.h"
#include "scenes.h"

static char *golden_path(const char *name)
{
	const char *top = getenv("top_srcdir");

	return xasprintf("%s/tests/golden/%s.nft", top ? top : ".", name);
}

static char *read_file(const char *path)
{
	char *text = xcalloc(1, 1 << 20);
	FILE *f = fopen(path, "r");

	if (f) {
		assert_true(fread(text, 1, (1 << 20) - 1, f) < (1 << 20) - 1);
		fclose(f);
	}
	return text;
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static void check(const struct scene *scene)
{
	struct model *m = model_new();
	struct diag diag = {0};
	struct ruleset *rules;
	char *path = golden_path(scene->name), *text, *expect;

	print_message("# %s\n", scene->name);
	scene->build(m);
	rules = firewall_compile(&m->config, &diag);
	assert_non_null(rules);
	assert_int_equal(diag.n_errors + diag.n_warnings, 0);
	text = ruleset_text(rules);
	if (getenv("GOLDEN_WRITE"))
		write_file(path, text);
	expect = read_file(path);
	assert_string_equal(text, expect);
	free(expect);
	free(text);
	free(path);
	ruleset_free(rules);
	diag_release(&diag);
	model_free(m);
}

static void test_every_scene(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_scenes; i++)
		check(&scenes[i]);
}

/* The order of the file is not part of the rules, nor is a second look. */
static void test_the_same_text_each_time(void **state)
{
	struct model *a = model_new(), *b = model_new();
	struct diag diag = {0};
	struct ruleset *first, *second;
	char *one, *two;

	(void)state;
	model_allow(a, "web", SG_INGRESS, "tcp", "80", "10.0.0.0/8");
	model_allow(a, "db", SG_INGRESS, "tcp", "5432", "@web");
	model_instance(a, "a", "10.0.0.1", NULL, "web db");
	model_instance(a, "b", "10.0.0.2", NULL, "db");

	model_allow(b, "db", SG_INGRESS, "tcp", "5432", "@web");
	model_allow(b, "web", SG_INGRESS, "tcp", "80", "10.0.0.0/8");
	model_instance(b, "b", "10.0.0.2", NULL, "db");
	model_instance(b, "a", "10.0.0.1", NULL, "db web web");

	first = firewall_compile(&a->config, &diag);
	second = firewall_compile(&b->config, &diag);
	one = ruleset_text(first);
	two = ruleset_text(second);
	assert_string_equal(one, two);
	free(one);
	free(two);
	ruleset_free(first);
	ruleset_free(second);
	diag_release(&diag);
	model_free(a);
	model_free(b);
}

static void expect_finding(struct model *m, const char *words)
{
	struct diag diag = {0};
	char *text;

	assert_null(firewall_compile(&m->config, &diag));
	text = diag_to_text(&diag);
	if (!strstr(text, words))
		fail_msg("\"%s\" is not in: %s", words, text);
	free(text);
	diag_release(&diag);
	model_free(m);
}

static void test_one_address_has_one_answer(void **state)
{
	struct model *m = model_new();

	(void)state;
	model_instance(m, "a", "10.0.0.1", NULL, "web");
	model_instance(m, "b", "10.0.0.1", NULL, "db");
	expect_finding(m, "10.0.0.1 is of \"");

	m = model_new();
	model_acl(m, "acl", SG_INGRESS, 1, true, "all", "", "0.0.0.0/0");
	model_subnet(m, "a", "10.0.0.0/8", "acl");
	model_subnet(m, "b", "10.1.0.0/16", "acl");
	expect_finding(m, "10.1.0.0/16 overlaps with the subnet in line");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_scene),
		cmocka_unit_test(test_the_same_text_each_time),
		cmocka_unit_test(test_one_address_has_one_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
