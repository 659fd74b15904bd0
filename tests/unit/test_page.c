/* test_page.c - error pages: cut once, filled in without a way out. */
#include <stdlib.h>
#include <string.h>

#include "model/page.h"
#include "unit.h"

static const struct slice values[PAGE_PLACES] = {
	[PAGE_STATUS_CODE] = SLICE_INIT("503"),
	[PAGE_REASON] = SLICE_INIT("no-target"),
	[PAGE_SENTENCE] = SLICE_INIT("It's \"out\"."),
	[PAGE_TRACE_ID] = SLICE_INIT("Root=1-a;x=<b>"),
	[PAGE_HOST] = SLICE_INIT("<script>a\\\x01\x7f</script>&"),
};

static const struct {
	const char *name, *type, *text, *expect;
} cases[] = {
	{"no placeholder", "text/html", "sorry", "sorry"},
	{"empty", "text/html", "", ""},
	{"all", "text/html", "#{status_code} #{reason}: #{sentence}",
	 "503 no-target: It&#39;s &quot;out&quot;."},
	{"regress_script_in_a_host", "text/html; charset=utf-8",
	 "<b>#{host}</b>",
	 "<b>&lt;script&gt;a\\\x01\x7f&lt;/script&gt;&amp;</b>"},
	{"JSON", "application/problem+json", "{\"h\":\"#{host}\"}",
	 "{\"h\":\"\\u003cscript\\u003ea\\u005c\\u0001\\u007f\\u003c/script"
	 "\\u003e\\u0026\"}"},
	{"plain text", "text/plain", "#{trace_id}", "Root=1-a;x=<b>"},
	{"an unknown type is HTML", "application/x", "#{trace_id}",
	 "Root=1-a;x=&lt;b&gt;"},
	{"side by side", "text/plain", "#{reason}#{reason}",
	 "no-targetno-target"},
	{"others stay", "text/plain", "#{path} #{ #{} #{host #",
	 "#{path} #{ #{} #{host #"},
	{"one inside of another", "text/plain", "#{#{reason}}", "#{no-target}"},
	{"at the very end", "text/plain", "a #{reason", "a #{reason"},
};

static void cut(struct arena *arena, const char *type, const char *text,
		struct error_page *page)
{
	*page = (struct error_page){.escape =
					    error_page_escape(slice_of(type))};
	error_page_cut(arena, slice_of(text), page);
}

static void test_pages_are_filled_in(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct arena arena = {0};
		struct error_page page;
		struct writer w;
		char *room;

		print_message("# %s\n", cases[i].name);
		cut(&arena, cases[i].type, cases[i].text, &page);
		room = malloc(page.most + 1);
		w = writer_make(room, page.most);
		error_page_write(&w, &page, values);
		assert_false(w.overflow);
		assert_slice(slice_make(room, (size_t)(w.at - room)),
			     cases[i].expect);
		free(room);
		arena_release(&arena);
	}
}

/* However long a value is, a page does not grow beyond what was said. */
static void test_no_value_is_longer_than_it_may_be(void **state)
{
	struct slice longest[PAGE_PLACES];
	struct arena arena = {0};
	struct error_page page;
	char text[20000], *room;
	struct writer w;

	(void)state;
	memset(text, '<', sizeof(text));
	for (int p = 0; p < PAGE_PLACES; p++)
		longest[p] = slice_make(text, sizeof(text));
	cut(&arena, "text/html",
	    "#{status_code}#{reason}#{sentence}#{trace_id}#{host}", &page);
	assert_int_equal(page.holes, (1u << PAGE_PLACES) - 2);
	room = malloc(page.most);
	w = writer_make(room, page.most);
	error_page_write(&w, &page, longest);
	assert_false(w.overflow);
	free(room);
	arena_release(&arena);
}

static void test_the_first_that_names_the_code(void **state)
{
	struct code_range some[] = {{404, 404}, {500, 503}},
			  all[] = {{400, 599}};
	struct error_page list[] = {{.codes = some, .n_codes = 2},
				    {.codes = all, .n_codes = 1}};
	struct error_pages pages = {list, 2};

	(void)state;
	assert_ptr_equal(error_page_find(&pages, 404), &list[0]);
	assert_ptr_equal(error_page_find(&pages, 503), &list[0]);
	assert_ptr_equal(error_page_find(&pages, 504), &list[1]);
	pages.n = 1;
	assert_null(error_page_find(&pages, 504));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pages_are_filled_in),
		cmocka_unit_test(test_no_value_is_longer_than_it_may_be),
		cmocka_unit_test(test_the_first_that_names_the_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
