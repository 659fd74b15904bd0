/* test_field_edits.c - what listener and rule make of the fields of a head. */
#include "unit.h"

#include "base/arena.h"
#include "http/field_edits.h"

static struct arena arena;

/* "A B" */
static size_t names_of(const char *text, struct slice **out)
{
	struct slice rest = slice_of(text);
	size_t n = 0;

	*out = ARENA_ARRAY(&arena, 8, struct slice);
	while (rest.p) {
		struct slice name = slice_cut(&rest, ' ');

		if (name.n)
			(*out)[n++] = name;
	}
	return n;
}

/* "A=1;B=#" where # is the host. */
static size_t edits_of(const char *text, struct field_edit **out)
{
	struct slice rest = slice_of(text);
	size_t n = 0;

	*out = ARENA_ARRAY(&arena, 8, struct field_edit);
	while (rest.p) {
		struct slice value = slice_cut(&rest, ';');
		struct slice name = slice_cut(&value, '=');
		struct field_edit *edit = &(*out)[n];

		if (name.n == 0)
			continue;
		n++;
		edit->name = name;
		edit->value.parts =
			ARENA_ARRAY(&arena, value.n + 1, struct template_part);
		for (size_t i = 0; i < value.n; i++)
			edit->value.parts[edit->value.n_parts++] =
				(struct template_part){
					value.p[i] == '#' ? PLACE_HOST
							  : PLACE_LITERAL,
					slice_make(value.p + i, 1)};
	}
	return n;
}

static struct field_changes *changes_of(const char *const *texts)
{
	struct field_changes *c = ARENA_NEW(&arena, struct field_changes);

	c->n_remove = names_of(texts[0], &c->remove);
	c->n_set = edits_of(texts[1], &c->set);
	c->n_add = edits_of(texts[2], &c->add);
	return c;
}

/* The fields that come, in one line: "A: 1, B: 2". */
static const char *edited(const struct field_edits *e, const char *came,
			  struct slice host)
{
	static char text[1024], filled[1024];
	struct writer w = writer_make(text, sizeof(text) - 1);
	struct writer values = writer_make(filled, sizeof(filled));
	const struct slice holes[PLACE_KINDS] = {[PLACE_HOST] = host};
	struct slice rest = slice_of(came), name, value;
	size_t at = 0;

	while (rest.p) {
		struct slice field = slice_cut(&rest, ' ');

		if (field.n == 0 || field_edits_drop(e, field))
			continue;
		writer_put(&w, field);
		writer_literal(&w, " ");
	}
	field_edits_fill(&values, e, holes);
	rest = slice_make(filled, (size_t)(values.at - filled));
	while (field_edits_next(e, &at, &rest, &name, &value)) {
		writer_put(&w, name);
		writer_literal(&w, "=");
		writer_put(&w, value);
		writer_literal(&w, " ");
	}
	assert_false(w.overflow || values.overflow);
	*w.at = '\0';
	return text;
}

static const struct {
	const char *name;
	const char *listener[3], *rule[3]; /* remove, set, add */
	const char *ours, *came, *left;
} cases[] = {
	{"remove", {"A", "", ""}, {"", "", ""}, "", "A B AA", "B AA "},
	{"whatever the case", {"x-A", "", ""}, {"", "", ""}, "", "X-a B", "B "},
	{"_ is read as -", {"X-A", "", ""}, {"", "", ""}, "", "X_A B", "B "},
	{"set", {"", "A=1", ""}, {"", "", ""}, "", "A A B", "B A=1 "},
	{"set what did not come",
	 {"", "A=1", ""},
	 {"", "", ""},
	 "",
	 "B",
	 "B A=1 "},
	{"add", {"", "", "A=1"}, {"", "", ""}, "", "A B", "A B A=1 "},
	{"remove, set, add",
	 {"A", "A=1", "A=2"},
	 {"", "", ""},
	 "",
	 "A",
	 "A=1 A=2 "},
	{"the rule adds",
	 {"", "A=1", ""},
	 {"", "", "A=2"},
	 "",
	 "A",
	 "A=1 A=2 "},
	{"the rule sets", {"", "A=1", "A=3"}, {"", "a=2", ""}, "", "A", "a=2 "},
	{"the rule removes",
	 {"", "A=1;B=1", ""},
	 {"A", "", ""},
	 "",
	 "A",
	 "B=1 "},
	{"a hole",
	 {"", "A=#", ""},
	 {"", "B=<#>", ""},
	 "",
	 "",
	 "A=h.x B=<h.x> "},
	{"an empty one is not sent",
	 {"", "A=;B=2", ""},
	 {"", "", ""},
	 "",
	 "A",
	 "B=2 "},
	{"ours are nobody's", {"", "", ""}, {"", "", ""}, "X-T", "x_t B", "B "},
	{"ours win", {"", "A=1", ""}, {"", "", "A=2;B=3"}, "A", "A", "B=3 "},
};

static void test_order_of_changes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct slice *ours;
		size_t n = names_of(cases[i].ours, &ours);
		const struct field_edits *e =
			field_edits_make(&arena, changes_of(cases[i].listener),
					 changes_of(cases[i].rule), ours, n);

		print_message("# %s\n", cases[i].name);
		assert_non_null(e);
		assert_string_equal(edited(e, cases[i].came, SLICE("h.x")),
				    cases[i].left);
	}
}

/* Whatever a client puts into a placeholder stays in its field. */
static void test_a_value_cannot_end_its_line(void **state)
{
	static const char *const rule[3] = {"", "A=#;B=1#", ""};
	const struct field_edits *e =
		field_edits_make(&arena, NULL, changes_of(rule), NULL, 0);

	(void)state;
	assert_string_equal(edited(e, "", SLICE("x\r\nC: y")),
			    "A=x%0D%0AC:%20y B=1x%0D%0AC:%20y ");
	assert_string_equal(edited(e, "", SLICE("")), "B=1 ");
	assert_int_equal(e->holes, PLACE_BIT(PLACE_HOST));
}

static void test_nothing_to_do(void **state)
{
	static const char *const none[3] = {"", "", ""};

	(void)state;
	assert_null(field_edits_make(&arena, NULL, NULL, NULL, 0));
	assert_null(field_edits_make(&arena, changes_of(none), NULL, NULL, 0));
}

static int tear_down(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_of_changes),
		cmocka_unit_test(test_a_value_cannot_end_its_line),
		cmocka_unit_test(test_nothing_to_do),
	};

	return cmocka_run_group_tests(tests, NULL, tear_down);
}
