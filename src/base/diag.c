#include "diag.h"

#include <stdarg.h>
#include <stdlib.h>

#include "fail.h"

struct diag_source {
	struct diag_source *next;
	const char *file;
	struct slice text;
};

void diag_release(struct diag *d)
{
	free(d->findings);
	arena_release(&d->arena);
	*d = (struct diag){0};
}

void diag_add_source(struct diag *d, const char *file, struct slice text)
{
	struct diag_source *s = ARENA_NEW(&d->arena, struct diag_source);

	s->file = arena_strdup(&d->arena, file);
	s->text = arena_slice(&d->arena, text);
	s->next = d->sources;
	d->sources = s;
}

/* A name from the file may be anything; a terminal shall not obey it. */
static char *one_line(struct diag *d, const char *text)
{
	char *copy = arena_strdup(&d->arena, text);

	for (char *p = copy; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	return copy;
}

/* Places may outlive the configuration that they were found in. */
static const char *own_file(struct diag *d, const char *file)
{
	const struct diag_source *s = d->sources;

	if (!file)
		return NULL;
	if (d->n_findings && d->findings[d->n_findings - 1].place.file &&
	    strcmp(d->findings[d->n_findings - 1].place.file, file) == 0)
		return d->findings[d->n_findings - 1].place.file;
	while (s && strcmp(s->file, file) != 0)
		s = s->next;
	return s ? s->file : arena_strdup(&d->arena, file);
}

__attribute__((format(printf, 5, 0))) static void
add(struct diag *d, enum severity severity, const struct place *at,
    const char *hint, const char *format, va_list args)
{
	char *sentence;

	if (severity == SEVERITY_ERROR)
		d->n_errors++;
	else
		d->n_warnings++;
	if (d->n_findings == DIAG_FINDINGS_MAX)
		return;
	if (d->n_findings == d->n_room) {
		d->n_room = d->n_room ? d->n_room * 2 : 16;
		d->findings =
			xrealloc(d->findings, d->n_room * sizeof(*d->findings));
	}
	if (vasprintf(&sentence, format, args) < 0)
		fail_no_memory();
	d->findings[d->n_findings] = (struct finding){
		.severity = severity,
		.place = at ? *at : (struct place){0},
		.sentence = one_line(d, sentence),
		.hint = hint ? one_line(d, hint) : NULL,
		.order = d->n_findings,
	};
	d->findings[d->n_findings].place.file =
		own_file(d, d->findings[d->n_findings].place.file);
	d->n_findings++;
	free(sentence);
}

void diag_error(struct diag *d, const struct place *at, const char *hint,
		const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(d, SEVERITY_ERROR, at, hint, format, args);
	va_end(args);
}

void diag_warning(struct diag *d, const struct place *at, const char *hint,
		  const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(d, SEVERITY_WARNING, at, hint, format, args);
	va_end(args);
}

static int finding_compare(const void *left, const void *right)
{
	const struct finding *a = left, *b = right;
	int by_file = strcmp(a->place.file ? a->place.file : "",
			     b->place.file ? b->place.file : "");

	if (by_file)
		return by_file;
	if (a->place.line != b->place.line)
		return a->place.line < b->place.line ? -1 : 1;
	if (a->place.column != b->place.column)
		return a->place.column < b->place.column ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

void diag_sort(struct diag *d)
{
	if (d->n_findings)
		qsort(d->findings, d->n_findings, sizeof(*d->findings),
		      finding_compare);
}

/* Where the last line was found. Findings are sorted: the next one is in the
 * same line, below it, or in another file. */
struct cursor {
	const struct diag_source *source;
	uint32_t line; /* 0: none yet */
	struct slice here, rest;
};

static bool find_line(const struct diag *d, const struct place *at,
		      struct cursor *c)
{
	const struct diag_source *s = d->sources;

	while (s && (!at->file || strcmp(s->file, at->file) != 0))
		s = s->next;
	if (!s || at->line == 0)
		return false;
	if (s != c->source || at->line < c->line)
		*c = (struct cursor){.source = s, .rest = s->text};
	while (c->line < at->line && c->rest.p) {
		c->here = slice_cut(&c->rest, '\n');
		c->line++;
	}
	return c->line == at->line;
}

/* A line may be as long as a file; what stands around the place is enough. */
enum { QUOTE_BEFORE = 100, QUOTE_OCTETS = 240 };

/* Returns how many octets of the line were left out in front. */
static size_t cut_line(struct slice *line, size_t column)
{
	size_t start = 0, end = line->n;

	if (line->n <= QUOTE_OCTETS)
		return 0;
	if (column > QUOTE_BEFORE)
		start = column - QUOTE_BEFORE;
	if (start > line->n)
		start = line->n;
	if (end - start > QUOTE_OCTETS)
		end = start + QUOTE_OCTETS;
	/* Not through a character of UTF-8. */
	while (start > 0 && start < line->n &&
	       ((unsigned char)line->p[start] & 0xc0) == 0x80)
		start--;
	while (end < line->n && ((unsigned char)line->p[end] & 0xc0) == 0x80)
		end++;
	*line = slice_make(line->p + start, end - start);
	return start;
}

/* Quotes the line and underlines the place; tabs stay tabs in both rows, so
 * that the caret stands under its letter. */
static void print_line(const struct finding *f, struct slice line, FILE *to,
		       const char *on, const char *off)
{
	uint32_t width = f->place.width ? f->place.width : 1;
	uint32_t column = f->place.column;
	int gutter;

	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	column -= (uint32_t)cut_line(&line, column);
	gutter = fprintf(to, "%5u | ", f->place.line) - 2;
	for (size_t i = 0; i < line.n; i++) {
		unsigned char c = (unsigned char)line.p[i];

		fputc((c < ' ' && c != '\t') || c == 0x7f ? '?' : c, to);
	}
	fprintf(to, "\n%*s| ", gutter, "");
	for (uint32_t i = 0; i + 1 < column; i++)
		fputc(i < line.n && line.p[i] == '\t' ? '\t' : ' ', to);
	fprintf(to, "%s^", on);
	for (uint32_t i = 1; i < width && column + i <= line.n; i++)
		fputc('~', to);
	if (f->hint)
		fprintf(to, " %s", f->hint);
	fprintf(to, "%s\n", off);
}

static void print_finding(const struct diag *d, const struct finding *f,
			  FILE *to, bool colour, struct cursor *cursor)
{
	bool error = f->severity == SEVERITY_ERROR;
	const char *on = !colour ? "" : error ? "\033[1;31m" : "\033[1;35m";
	const char *caret = colour ? "\033[1;32m" : "";
	const char *off = colour ? "\033[0m" : "";

	if (f->place.file && f->place.line)
		fprintf(to, "%s:%u:%u: ", f->place.file, f->place.line,
			f->place.column);
	else if (f->place.file)
		fprintf(to, "%s: ", f->place.file);
	fprintf(to, "%s%s:%s %s\n", on, error ? "error" : "warning", off,
		f->sentence);
	if (find_line(d, &f->place, cursor))
		print_line(f, cursor->here, to, caret, off);
	else if (f->hint)
		fprintf(to, "      %s\n", f->hint);
}

void diag_print(struct diag *d, FILE *to, bool colour)
{
	unsigned all = d->n_errors + d->n_warnings;
	struct cursor cursor = {0};

	diag_sort(d);
	for (unsigned i = 0; i < d->n_findings; i++)
		print_finding(d, &d->findings[i], to, colour, &cursor);
	if (all > d->n_findings)
		fprintf(to, "... and %u more\n", all - d->n_findings);
}

char *diag_to_text(struct diag *d)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	if (!to)
		return xstrdup("out of memory\n");
	diag_print(d, to, false);
	fclose(to);
	return text ? text : xstrdup("");
}
