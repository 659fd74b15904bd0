/* test_schema.c - rows: dots, defaults, order, and all rows there are. */
#include "config/read.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/near.h"
#include "base/text.h"
#include "unit.h"

struct thing {
	bool on;
	uint32_t n;
	struct slice text;
	uint64_t wait_ms;
	struct inner {
		uint32_t deep;
	} inner;
};

/* clang-format off */
static const struct key inner_keys[] = {
	{"deep", &type_count, offsetof(struct inner, deep), "4", {1, 9}},
	{0},
};
/* clang-format on */

static void parse_inner(struct reader *r, const struct key *k,
			const struct node *v, void *slot)
{
	if (want_map(r, k->name, v))
		read_mapping(r, v, "inner", inner_keys, slot);
}

static const struct type type_inner = {parse_inner, SHAPE_MAP, NULL};

/* clang-format off */
static const struct key thing_keys[] = {
	{"a.b.on", &type_boolean, offsetof(struct thing, on), "false"},
	{"a.b.n", &type_count, offsetof(struct thing, n), "7", {1, 10}, {2, 5}},
	{"text", &type_text, offsetof(struct thing, text),
	 .flags = KEY_REQUIRED},
	{"wait_seconds", &type_seconds, offsetof(struct thing, wait_ms),
	 "0.25", {0, 10}},
	{"inner", &type_inner, offsetof(struct thing, inner), "{}",
	 .keys = inner_keys},
	{"later", &type_not_built, NO_SLOT},
	{0},
};
/* clang-format on */

/* One mapping, what the thing is then, and how many errors there are. */
static const struct {
	const char *name, *text;
	struct thing expect;
	unsigned n_errors;
} cases[] = {
	{"defaults", "text: t", {false, 7, {"t", 1}, 250, {4}}, 0},
	{"dots",
	 "{text: t, a.b.on: true, a.b.n: 3}",
	 {true, 3, {"t", 1}, 250, {4}},
	 0},
	{"nesting",
	 "{text: t, a: {b: {on: true, n: 3}}}",
	 {true, 3, {"t", 1}, 250, {4}},
	 0},
	{"half and half",
	 "{text: t, a: {b.on: true}, a.b: {n: 3}}",
	 {true, 3, {"t", 1}, 250, {4}},
	 0},
	{"a table with dots",
	 "{text: t, inner.deep: 5}",
	 {false, 7, {"t", 1}, 250, {5}},
	 0},
	{"a table",
	 "{text: t, inner: {deep: 5}}",
	 {false, 7, {"t", 1}, 250, {5}},
	 0},
	{"a fraction",
	 "{text: t, wait_seconds: 1.5}",
	 {false, 7, {"t", 1}, 1500, {4}},
	 0},
	{"twice", "{text: t, a.b.n: 3, a: {b.n: 4}}", {.n = 0}, 1},
	{"a table twice",
	 "{text: t, inner.deep: 5, inner: {deep: 6}}",
	 {.n = 0},
	 1},
	{"required", "{}", {.n = 0}, 1},
	{"no value", "{text: }", {.n = 0}, 1},
	{"range", "{text: t, a.b.n: 11}", {.n = 0}, 1},
	{"range below",
	 "{text: t, inner.deep: 10, wait_seconds: 10.01}",
	 {.n = 0},
	 2},
	{"unknown",
	 "{text: t, a.c: 1, a.b.on.x: 1, b: {}, a.b: {m: 1}}",
	 {.n = 0},
	 4},
	{"no mapping", "{text: t, a: 1, inner: []}", {.n = 0}, 2},
	{"not built", "{text: t, later: 1, later.a.b: 2}", {.n = 0}, 2},
	{"empty and odd names",
	 "{text: t, \"\": 1, .: 1, a.: 1, .a: 1}",
	 {.n = 0},
	 4},
};

static unsigned read(const char *text, bool strict, struct thing *out)
{
	struct snapshot *snap = snapshot_new();
	struct diag diag = {0};
	struct tree tree = {.names = &snap->arena, .diag = &diag};
	struct config_options options = {0};
	struct reader r = {.snap = snap,
			   .arena = &snap->arena,
			   .tree = &tree,
			   .diag = &diag,
			   .options = &options,
			   .strict = strict};
	unsigned n;

	read_mapping(&r, node_parse(&tree, "a", slice_of(text)), "a thing",
		     thing_keys, out);
	n = diag.n_errors;
	if (out->text.n)
		out->text = slice_of("t");
	tree_release(&tree);
	diag_release(&diag);
	snapshot_unref(snap);
	return n;
}

static void test_mappings(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct thing got = {.n = 0};

		print_message("# %s\n", cases[i].name);
		assert_int_equal(read(cases[i].text, false, &got),
				 cases[i].n_errors);
		if (cases[i].n_errors)
			continue;
		assert_int_equal(got.on, cases[i].expect.on);
		assert_int_equal(got.n, cases[i].expect.n);
		assert_int_equal(got.wait_ms, cases[i].expect.wait_ms);
		assert_int_equal(got.inner.deep, cases[i].expect.inner.deep);
		assert_slice(got.text, "t");
	}
}

static void test_limits_of_aws_bind_when_asked_for(void **state)
{
	struct thing got = {.n = 0};

	(void)state;
	assert_int_equal(read("{text: t, a.b.n: 6}", false, &got), 0);
	assert_int_equal(read("{text: t, a.b.n: 6}", true, &got), 1);
	assert_int_equal(read("{text: t, a.b.n: 5}", true, &got), 0);
}

static void test_the_word_that_was_meant(void **state)
{
	static const char *const words[] = {"interval_seconds", "port", "path",
					    "HTTPS"};
	static const struct {
		const char *word, *meant;
	} typos[] = {
		{"interval", "interval_seconds"},
		{"intervall_secnods", "interval_seconds"},
		{"prot", "port"},
		{"pth", "path"},
		{"https", "HTTPS"},
		{"colour", NULL},
		{"p", NULL},
		{"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(typos); i++) {
		struct nearest n = nearest_to(typos[i].word);

		print_message("# %s\n", typos[i].word);
		for (size_t j = 0; j < ARRAY_SIZE(words); j++)
			nearest_try(&n, words[j]);
		if (typos[i].meant)
			assert_string_equal(n.best, typos[i].meant);
		else
			assert_null(n.best);
	}
}

/* What every row of the language must say. */
static void check_table(const struct key *keys, const char *before)
{
	for (const struct key *k = keys; k->name; k++) {
		print_message("# %s %s\n", before, k->name);
		assert_true(k - keys < KEYS_MAX);
		assert_true(strlen(k->name) <= KEY_NAME_MAX);
		assert_non_null(k->doc);
		assert_int_equal(k->doc[strlen(k->doc) - 1], '.');
		if (k->type == &type_word)
			assert_non_null(k->words);
		if (k->type == &type_only) {
			assert_non_null(k->fallback);
			assert_non_null(k->refusal);
		}
		if (k->flags & KEY_REQUIRED)
			assert_null(k->fallback);
		assert_true(k->any.least <= k->any.most);
		for (const struct key *j = keys; j < k; j++)
			assert_string_not_equal(j->name, k->name);
		if (k->keys)
			check_table(k->keys, k->name);
	}
}

static void test_every_row_is_whole(void **state)
{
	(void)state;
	check_table(root_keys, "");
}

/* -- the manual ------------------------------------------------------------ */

/* Text as it stands in a page: a "-" that is typed is no hyphen. */
static char *in_roff(const char *text)
{
	struct text out = {0};
	char *copy;

	for (; *text; text++) {
		if (*text == '-')
			text_addc(&out, '\\');
		text_addc(&out, *text);
	}
	copy = xstrdup(text_str(&out));
	text_release(&out);
	return copy;
}

/* The heading that the row must have. */
static char *heading(const struct key *k)
{
	char *value = in_roff(k->fallback ? k->fallback : ""), *line;

	if (k->type == &type_not_built)
		line = xasprintf("\n.BR %s \" (not built yet)\"\n", k->name);
	else if (k->flags & KEY_REQUIRED)
		line = xasprintf("\n.BR %s \" (required)\"\n", k->name);
	else if (*value && *value != '{')
		line = xasprintf("\n.BR %s \" = %s\"\n", k->name, value);
	else
		line = xasprintf("\n.B %s\n", k->name);
	free(value);
	return line;
}

/* Whether some paragraph with that heading says what the key can be. */
static bool lists_values(const char *page, const char *line, const char *values)
{
	char *wanted = xasprintf("Values: %s.", values);
	bool found = false;

	while (!found && (page = strstr(page, line)) != NULL) {
		char *part = NULL;
		const char *end;

		page += strlen(line);
		end = strstr(page, "\n.TP");
		part = xasprintf("%.*s", end ? (int)(end - page) : INT_MAX,
				 page);
		for (char *p = part; *p; p++)
			if (*p == '\n')
				*p = ' ';
		found = strstr(part, wanted) != NULL;
		free(part);
		/* The next heading begins with the line break before it. */
		page--;
	}
	free(wanted);
	return found;
}

static void check_values(const char *page, const struct key *k,
			 const char *line)
{
	struct text values = {0};

	if (key_values(k, &values)) {
		char *text = in_roff(text_str(&values));

		if (!lists_values(page, line, text))
			fail_msg("man/weir.yaml.5 does not say:%sValues: %s.",
				 line, text);
		free(text);
	}
	assert_true(values.n > 0);
	text_release(&values);
}

static void check_page(const char *page, const struct key *keys)
{
	for (const struct key *k = keys; k->name; k++) {
		char *line = heading(k);

		if (!strstr(page, line))
			fail_msg("man/weir.yaml.5 lacks:%s", line);
		check_values(page, k, line);
		free(line);
		if (k->keys)
			check_page(page, k->keys);
	}
}

/* A long name may be broken at "\:". */
static void forget_breaks(struct text *page)
{
	struct text out = {0};
	const char *at = text_str(page), *next;

	for (; (next = strstr(at, "\\:")) != NULL; at = next + 2)
		text_add(&out, slice_make(at, (size_t)(next - at)));
	text_add(&out, slice_of(at));
	text_release(page);
	*page = out;
}

static void regress_the_manual_has_every_key_and_value(void **state)
{
	const char *top = getenv("top_srcdir");
	char *name = xasprintf("%s/man/weir.yaml.5", top ? top : ".");
	FILE *from = fopen(name, "r");
	struct text page = {0};
	char block[4096];
	size_t n;

	(void)state;
	if (!from)
		fail_msg("cannot read %s", name);
	while ((n = fread(block, 1, sizeof(block), from)) > 0)
		text_add(&page, slice_make(block, n));
	fclose(from);
	free(name);
	forget_breaks(&page);
	check_page(text_str(&page), root_keys);
	text_release(&page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mappings),
		cmocka_unit_test(test_limits_of_aws_bind_when_asked_for),
		cmocka_unit_test(test_the_word_that_was_meant),
		cmocka_unit_test(test_every_row_is_whole),
		cmocka_unit_test(regress_the_manual_has_every_key_and_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
