#include "page.h"

#include "base/reason.h"

/* The longest value of each, and how often an octet of it becomes six. */
static const struct {
	struct slice name;
	size_t most;
} places[PAGE_PLACES] = {
	[PAGE_TEXT] = {SLICE_INIT(""), 0},
	[PAGE_STATUS_CODE] = {SLICE_INIT("status_code"), 3},
	[PAGE_REASON] = {SLICE_INIT("reason"), 64},
	[PAGE_SENTENCE] = {SLICE_INIT("sentence"), 200},
	[PAGE_TRACE_ID] = {SLICE_INIT("trace_id"), PAGE_TRACE_ID_MAX},
	[PAGE_HOST] = {SLICE_INIT("host"), 255},
};

enum { ESCAPED = 6 }; /* "&quot;", "\u003c" */

const struct error_page *error_page_find(const struct error_pages *pages,
					 unsigned status)
{
	for (size_t i = 0; i < pages->n; i++) {
		const struct error_page *p = &pages->pages[i];

		for (size_t k = 0; k < p->n_codes; k++)
			if (status >= p->codes[k].first &&
			    status <= p->codes[k].last)
				return p;
	}
	return NULL;
}

/* -- cutting --------------------------------------------------------------- */

/* The place that "#{...}" at the beginning of a text names, and its octets;
 * PAGE_TEXT: none. */
static enum page_place place_at(struct slice text, size_t *octets)
{
	struct slice name = slice_from(text, 2);

	name = slice_first(name, slice_find(slice_first(name, 32), '}'));
	*octets = name.n + 3;
	for (enum page_place p = PAGE_TEXT + 1; p < PAGE_PLACES; p++)
		if (slice_eq(name, places[p].name) && *octets <= text.n)
			return p;
	return PAGE_TEXT;
}

static size_t count_signs(struct slice text)
{
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == '#';
	return n;
}

static void add_text(struct error_page *page, struct slice text)
{
	if (text.n == 0)
		return;
	page->parts[page->n_parts++] = (struct page_part){PAGE_TEXT, text};
	page->most += text.n;
}

void error_page_cut(struct arena *arena, struct slice text,
		    struct error_page *page)
{
	size_t from = 0, octets;
	unsigned factor = page->escape == PAGE_AS_IT_IS ? 1 : ESCAPED;

	page->parts =
		ARENA_ARRAY(arena, 2 * count_signs(text) + 1, struct page_part);
	for (size_t at = 0; at + 2 < text.n; at++) {
		enum page_place place = PAGE_TEXT;

		if (text.p[at] == '#' && text.p[at + 1] == '{')
			place = place_at(slice_from(text, at), &octets);
		if (place == PAGE_TEXT)
			continue;
		add_text(page, slice_make(text.p + from, at - from));
		page->parts[page->n_parts++].place = place;
		page->most += places[place].most * factor;
		page->holes |= 1u << place;
		from = at + octets;
		at = from - 1;
	}
	add_text(page, slice_from(text, from));
}

/* -- writing --------------------------------------------------------------- */

static bool has_word(struct slice text, struct slice word)
{
	for (size_t i = 0; i + word.n <= text.n; i++)
		if (slice_eq_fold(slice_make(text.p + i, word.n), word))
			return true;
	return false;
}

enum page_escape error_page_escape(struct slice content_type)
{
	if (has_word(content_type, SLICE("json")))
		return PAGE_AS_JSON;
	return has_word(content_type, SLICE("text/plain")) ? PAGE_AS_IT_IS
							   : PAGE_AS_HTML;
}

static void put_html(struct writer *w, char c)
{
	switch (c) {
	case '<':
		writer_literal(w, "&lt;");
		return;
	case '>':
		writer_literal(w, "&gt;");
		return;
	case '&':
		writer_literal(w, "&amp;");
		return;
	case '"':
		writer_literal(w, "&quot;");
		return;
	case '\'':
		writer_literal(w, "&#39;");
		return;
	default:
		writer_char(w, c);
	}
}

/* In a string. '<' too, since JSON may stand in a page. */
static void put_json(struct writer *w, char c)
{
	static const char hex[] = "0123456789abcdef";
	unsigned char octet = (unsigned char)c;

	if (octet >= ' ' && c != 0x7f && !strchr("\"\\<>&'", c)) {
		writer_char(w, c);
		return;
	}
	writer_literal(w, "\\u00");
	writer_char(w, hex[octet >> 4]);
	writer_char(w, hex[octet & 15]);
}

static void put_value(struct writer *w, enum page_escape escape,
		      struct slice value)
{
	for (size_t i = 0; i < value.n; i++)
		if (escape == PAGE_AS_HTML)
			put_html(w, value.p[i]);
		else if (escape == PAGE_AS_JSON)
			put_json(w, value.p[i]);
		else
			writer_char(w, value.p[i]);
}

void error_page_write(struct writer *w, const struct error_page *page,
		      const struct slice values[PAGE_PLACES])
{
	for (size_t i = 0; i < page->n_parts; i++) {
		const struct page_part *part = &page->parts[i];

		if (part->place == PAGE_TEXT)
			writer_put(w, part->text);
		else
			put_value(w, page->escape,
				  slice_first(values[part->place],
					      places[part->place].most));
	}
}
