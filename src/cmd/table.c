#include "table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"

/* Whether stdout takes it. */
static bool table_has_colour(void)
{
	const char *no = getenv("NO_COLOR");

	return isatty(STDOUT_FILENO) && !(no && *no);
}

void table_init(struct table *t, const char *const *titles)
{
	*t = (struct table){.titles = titles};
	while (titles[t->n_columns])
		t->n_columns++;
	assert(t->n_columns <= TABLE_COLUMNS_MAX);
}

static void table_add(struct table *t, enum paint paint, char *text_take)
{
	if (t->n_cells == t->n_room) {
		t->n_room = t->n_room * 2 + 64;
		t->cells = xrealloc(t->cells, t->n_room * sizeof(*t->cells));
	}
	t->cells[t->n_cells++] = (struct cell){text_take, paint};
}

void table_text(struct table *t, const char *text)
{
	table_add(t, PAINT_NONE, xstrdup(text));
}

void table_paint(struct table *t, enum paint paint, const char *text)
{
	table_add(t, paint, xstrdup(text));
}

void table_number(struct table *t, long long number)
{
	table_add(t, PAINT_NONE, xasprintf("%lld", number));
}

static const char *title_of(const struct table *t, size_t column)
{
	return t->titles[column] + (t->titles[column][0] == '#');
}

static void put_cell(const char *text, size_t width, bool right, bool last,
		     const char *before, const char *after)
{
	size_t n = strlen(text), fill = width > n ? width - n : 0;

	if (right)
		printf("%*s", (int)fill, "");
	printf("%s%s%s", before, text, after);
	if (!last)
		printf("%*s", right ? 2 : (int)fill + 2, "");
}

static void put_row(const struct table *t, size_t row, const size_t *widths)
{
	static const char *const paints[] = {
		[PAINT_NONE] = "",
		[PAINT_GOOD] = "\033[32m",
		[PAINT_BAD] = "\033[31m",
		[PAINT_DIM] = "\033[2m",
	};
	bool colour = table_has_colour();

	for (size_t c = 0; c < t->n_columns; c++) {
		const struct cell *cell = &t->cells[row * t->n_columns + c];
		const char *paint = colour ? paints[cell->paint] : "";

		put_cell(cell->text, widths[c], t->titles[c][0] == '#',
			 c + 1 == t->n_columns, paint, *paint ? "\033[0m" : "");
	}
	putchar('\n');
}

void table_print(struct table *t)
{
	size_t n_rows = t->n_cells / t->n_columns;
	size_t widths[TABLE_COLUMNS_MAX] = {0};

	for (size_t c = 0; c < t->n_columns; c++)
		widths[c] = strlen(title_of(t, c));
	for (size_t i = 0; i < t->n_cells; i++) {
		size_t n = strlen(t->cells[i].text);

		if (n > widths[i % t->n_columns])
			widths[i % t->n_columns] = n;
	}
	for (size_t c = 0; n_rows && c < t->n_columns; c++)
		put_cell(title_of(t, c), widths[c], t->titles[c][0] == '#',
			 c + 1 == t->n_columns, "", "");
	if (n_rows)
		putchar('\n');
	for (size_t r = 0; r < n_rows; r++)
		put_row(t, r, widths);
	for (size_t i = 0; i < t->n_cells; i++)
		free(t->cells[i].text);
	free(t->cells);
	*t = (struct table){0};
}
