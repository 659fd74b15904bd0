/* test_node.c - trees, places, and what the subset leaves out. */
#include "config/node.h"

#include <stdlib.h>

#include "base/text.h"
#include "unit.h"

struct fixture {
	struct arena names;
	struct diag diag;
	struct tree tree;
	struct node *root;
};

static void load(struct fixture *f, const char *text)
{
	*f = (struct fixture){.root = NULL};
	f->tree.names = &f->names;
	f->tree.diag = &f->diag;
	f->root = node_parse(&f->tree, "a.yaml", slice_of(text));
}

static void drop(struct fixture *f)
{
	tree_release(&f->tree);
	arena_release(&f->names);
	diag_release(&f->diag);
}

static void test_every_node_has_its_place(void **state)
{
	struct fixture f;
	const struct node *list, *text;
	struct place part;

	(void)state;
	load(&f, "a: 1\n\"b\":\n  - x\n  - 'it''s'\n  - \"long\"\n");
	assert_int_equal(f.diag.n_errors, 0);
	assert_int_equal(f.root->n, 2);
	assert_slice(f.root->entries[1].key->text, "b");
	assert_int_equal(f.root->entries[1].key->at.column, 1);
	assert_int_equal(f.root->entries[1].key->at.width, 3);
	list = f.root->entries[1].value;
	assert_int_equal(list->kind, NODE_LIST);
	assert_int_equal(list->n, 3);
	text = list->items[1];
	assert_slice(text->text, "it's");
	assert_int_equal(text->at.line, 4);
	assert_int_equal(text->at.column, 5);
	assert_int_equal(text->at.width, 7);
	assert_false(text->exact);
	part = node_part(list->items[2], 1, 2);
	assert_int_equal(part.column, 7);
	assert_int_equal(part.width, 2);
	drop(&f);
}

static void test_columns_count_octets(void **state)
{
	struct fixture f;

	(void)state;
	load(&f, "\xef\xbb\xbf{\"\xc3\xbc\xe2\x82\xac\": b}\n");
	assert_int_equal(f.diag.n_errors, 0);
	assert_int_equal(f.root->entries[0].key->at.width, 7);
	assert_int_equal(f.root->entries[0].value->at.column, 11);
	drop(&f);
}

static void test_scalars_stay_text(void **state)
{
	static const char *const words[] = {"yes",  "on",        "0755",
					    "1:30", "1e3",       "0x10",
					    "1_0",  "2001-01-01"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		char *text = xasprintf("a: %s\n", words[i]);
		struct fixture f;

		print_message("# %s\n", words[i]);
		load(&f, text);
		assert_slice(f.root->entries[0].value->text, words[i]);
		drop(&f);
		free(text);
	}
}

/* What is refused, and how often: once. */
static const struct {
	const char *name, *text;
	unsigned n_errors;
	bool is_tree; /* there is still something to go on with */
} refused[] = {
	{"nothing", "", 0, true},
	{"a comment", "# a\n", 0, true},
	{"JSON", "{\"a\": [1, {\"b\": null}]}", 0, true},
	{"an anchor", "a: &b c\n", 1, true},
	{"an alias", "a: *b\n", 1, true},
	{"a tag", "a: !!str b\n", 1, true},
	{"a merge key", "<<: {a: b}\n", 1, true},
	{"a key with the name of one", "\"<<\": b\n", 0, true},
	{"a key twice", "a: 1\nb: 2\na: 3\n", 1, true},
	{"a key three times", "a: 1\na: 2\na: 3\n", 2, true},
	{"a list as key", "? [a]\n: b\n", 1, true},
	{"tabs", "a:\tb\nc:\td\n", 1, true},
	{"a tab in quotes", "a: \"b\tc\"\n", 0, true},
	{"a tab in a block", "a: |\n  b\tc\n", 0, true},
	{"a tab in a comment", "a: b # c\td\n", 0, true},
	{"a tab behind a sign that begins no comment", "a: b#\tc\n", 1, true},
	{"two documents", "a: b\n---\nc: d\n", 1, false},
	{"a directive", "%YAML 1.1\n---\na: b\n", 1, false},
	{"a list", "- a\n", 1, false},
	{"a text", "a\n", 1, false},
	{"no end", "a: [b\n", 1, false},
	{"not UTF-8", "a: \xff\n", 1, false},
	{"next line", "a: b\xc2\x85\n", 1, false},
	{"carriage return", "a: b\rc: d\n", 1, false},
	{"NUL", "a: \"\\0\"\n", 1, true},
};

static void test_the_subset(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct fixture f;

		print_message("# %s\n", refused[i].name);
		load(&f, refused[i].text);
		assert_int_equal(f.diag.n_errors, refused[i].n_errors);
		assert_int_equal(f.root != NULL, refused[i].is_tree);
		drop(&f);
	}
}

static void test_depth_is_limited(void **state)
{
	struct fixture f;
	char text[2 * (NODE_DEPTH_MAX + 8) + 8];
	size_t n = NODE_DEPTH_MAX - 1;

	(void)state;
	memcpy(text, "a: ", 3);
	for (int more = 0; more < 2; more++, n++) {
		memset(text + 3, '[', n);
		memset(text + 3 + n, ']', n);
		text[3 + 2 * n] = '\0';
		load(&f, text);
		assert_int_equal(f.diag.n_errors, more);
		assert_int_equal(f.root == NULL, more);
		drop(&f);
	}
}

static const struct {
	const char *text, *value;
	unsigned n_errors;
} references[] = {
	{"${WEIR_A}", "x: [y]", 0},
	{"a${WEIR_A}b", "ax: [y]b", 0},
	{"${WEIR_NONE:-d}", "d", 0},
	{"${WEIR_NONE:-}", "", 0},
	{"${WEIR_EMPTY:-d}", "d", 0},
	{"${WEIR_EMPTY}", "", 0},
	{"$${WEIR_A}", "${WEIR_A}", 0},
	{"$$${WEIR_A}", "$${WEIR_A}", 0},
	{"$WEIR_A $ $$ {}", "$WEIR_A $ $$ {}", 0},
	{"${WEIR_NONE}", NULL, 1},
	{"${}", NULL, 1},
	{"${1}", NULL, 1},
	{"${A-b}", NULL, 1},
	{"${WEIR_A", NULL, 1},
};

static void test_the_environment(void **state)
{
	(void)state;
	setenv("WEIR_A", "x: [y]", 1);
	setenv("WEIR_EMPTY", "", 1);
	unsetenv("WEIR_NONE");
	for (size_t i = 0; i < ARRAY_SIZE(references); i++) {
		char *text = xasprintf("[\"%s\"]", references[i].text);
		char *map = xasprintf("{a: \"%s\", b: %s}", references[i].text,
				      text);
		const struct node *v;
		struct fixture f;

		print_message("# %s\n", references[i].text);
		load(&f, map);
		assert_int_equal(f.diag.n_errors, 2 * references[i].n_errors);
		v = f.root->entries[0].value;
		assert_int_equal(v->broken, references[i].n_errors);
		if (!v->broken)
			assert_slice(v->text, references[i].value);
		v = f.root->entries[1].value->items[0];
		assert_int_equal(v->broken, references[i].n_errors);
		drop(&f);
		free(map);
		free(text);
	}
}

/* Steps that the places of one line of so many elements cost. */
static size_t steps_of(const char *before, const char *element, size_t n)
{
	struct text line = {0};
	struct fixture f;
	size_t steps;

	text_add(&line, slice_of(before));
	for (size_t i = 0; i < n; i++)
		text_add(&line, slice_of(element));
	text_add(&line, SLICE("]}"));
	load(&f, text_str(&line));
	assert_int_equal(f.diag.n_errors, 0);
	steps = f.tree.n_steps;
	drop(&f);
	text_release(&line);
	return steps;
}

static void regress_one_long_line_is_read_in_linear_time(void **state)
{
	static const char *const elements[] = {
		"{\"a\": 1}, ", "{a: }, ", "\"\xc3\xbc\xe2\x82\xac\", ",
		"'a b c d', ",  "[[a]], ",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(elements); i++) {
		/* Where each character is an octet, none is counted. */
		size_t once = steps_of("{\xc3\xbc: [", elements[i], 4000);
		size_t twice = steps_of("{\xc3\xbc: [", elements[i], 8000);

		print_message("# %s: %zu, %zu\n", elements[i], once, twice);
		assert_true(once > 0);
		assert_true(twice * 10 <= once * 22);
	}
}

/* What node_concat() costs, one element at a time. */
static size_t steps_of_joining(size_t n)
{
	struct fixture f;
	struct node *joined;
	size_t steps;

	load(&f, "a: b\n");
	joined = f.root;
	for (size_t i = 0; i < n; i++)
		joined = node_concat(&f.tree, joined, f.root);
	assert_int_equal(joined->n, n + 1);
	assert_int_equal(f.root->n, 1);
	steps = f.tree.n_steps;
	drop(&f);
	return steps;
}

static void regress_many_dotted_keys_are_joined_in_linear_time(void **state)
{
	(void)state;
	assert_true(steps_of_joining(8192) * 10 <= steps_of_joining(4096) * 22);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_node_has_its_place),
		cmocka_unit_test(test_columns_count_octets),
		cmocka_unit_test(test_scalars_stay_text),
		cmocka_unit_test(test_the_subset),
		cmocka_unit_test(test_depth_is_limited),
		cmocka_unit_test(test_the_environment),
		cmocka_unit_test(regress_one_long_line_is_read_in_linear_time),
		cmocka_unit_test(
			regress_many_dotted_keys_are_joined_in_linear_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
