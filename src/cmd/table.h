/*
 * table.h - columns for eyes.
 *
 * Columns are as wide as their widest cell; numbers stand on the right.
 * Colour only on a terminal, and not where NO_COLOR is set.
 *
 * Floor: cmd.
 */
#ifndef WEIR_CMD_TABLE_H
#define WEIR_CMD_TABLE_H

#include <stdbool.h>
#include <stddef.h>

enum { TABLE_COLUMNS_MAX = 16 };

enum paint { PAINT_NONE, PAINT_GOOD, PAINT_BAD, PAINT_DIM };

struct cell {
	char *text; /* owned */
	enum paint paint;
};

struct table {
	const char *const *titles; /* NULL behind the last; a title that begins
				    * with '#' is one of numbers */
	size_t n_columns;
	struct cell *cells; /* owned; rows behind each other */
	size_t n_cells, n_room;
};

/* `titles` is borrowed. */
void table_init(struct table *t, const char *const *titles);
/* The next cell of the row, or the first of the next one. */
void table_text(struct table *t, const char *text);
void table_paint(struct table *t, enum paint paint, const char *text);
void table_number(struct table *t, long long number);

/* Prints to stdout and frees; nothing when there is no row. */
void table_print(struct table *t);

#endif
