#include "places.h"

#include <stdlib.h>

#include "base/fail.h"

/* A line may be as long as the file, so places are counted from a mark that
 * is near. */
enum { MARK_EVERY = 64 };

static void find_lines(struct places *p)
{
	size_t n = 1;

	for (size_t i = 0; i < p->source.n; i++)
		n += p->source.p[i] == '\n';
	p->lines = xcalloc(n, sizeof(*p->lines));
	p->n_lines = 1;
	for (size_t i = 0; i < p->source.n; i++)
		if (p->source.p[i] == '\n')
			p->lines[p->n_lines++] = i + 1;
}

static bool begins_character(const struct places *p, size_t octet)
{
	return (p->source.p[octet] & 0xc0) != 0x80;
}

static void find_marks(struct places *p)
{
	size_t n = 0;

	p->narrow = true;
	for (size_t i = 0; i < p->source.n && p->narrow; i++)
		p->narrow = (p->source.p[i] & 0x80) == 0;
	if (p->narrow)
		return;
	p->marks = xcalloc(p->source.n / MARK_EVERY + 1, sizeof(*p->marks));
	for (size_t i = 0; i < p->source.n; i++)
		if (begins_character(p, i) && n++ % MARK_EVERY == 0)
			p->marks[p->n_marks++] = i;
}

void places_init(struct places *p, const char *file, struct slice source)
{
	*p = (struct places){.file = file, .source = source};
	find_lines(p);
	find_marks(p);
}

void places_release(struct places *p)
{
	free(p->lines);
	free(p->marks);
	*p = (struct places){0};
}

size_t places_octet(struct places *p, size_t character)
{
	size_t left = character % MARK_EVERY, at;

	if (p->narrow)
		return character < p->source.n ? character : p->source.n;
	if (character / MARK_EVERY >= p->n_marks)
		return p->source.n;
	at = p->marks[character / MARK_EVERY];
	for (; left > 0 && at < p->source.n; left--) {
		at++;
		while (at < p->source.n && !begins_character(p, at))
			at++;
		p->n_steps++;
	}
	return at;
}

static bool is_in_line(const struct places *p, size_t line, size_t octet)
{
	return line < p->n_lines && p->lines[line] <= octet &&
	       (line + 1 == p->n_lines || octet < p->lines[line + 1]);
}

static size_t line_of(const struct places *p, size_t octet)
{
	size_t low = 0, high = p->n_lines;

	if (is_in_line(p, p->line, octet))
		return p->line;
	if (is_in_line(p, p->line + 1, octet))
		return p->line + 1;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (p->lines[middle] <= octet)
			low = middle;
		else
			high = middle;
	}
	return low;
}

struct place places_at(struct places *p, size_t octet, size_t width)
{
	p->line = line_of(p, octet);
	return (struct place){
		.file = p->file,
		.line = (uint32_t)p->line + 1,
		.column = (uint32_t)(octet - p->lines[p->line]) + 1,
		.width = (uint32_t)width,
	};
}

size_t places_octet_of(const struct places *p, const struct place *at)
{
	return p->lines[at->line - 1] + at->column - 1;
}
