/*
 * diag.h - findings: what is wrong with a configuration, where, and what to
 * write instead.
 *
 * Nothing stops at the first fault. Findings are collected, put in the order
 * of the files, and printed as compilers do:
 *
 *	weir.yaml:14:9: error: target group "wbe" is not defined
 *	   14 |         forward: wbe
 *	      |                  ^~~ did you mean "web"?
 *
 * Floor: base.  Control thread; not thread-safe.
 */
#ifndef WEIR_BASE_DIAG_H
#define WEIR_BASE_DIAG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "arena.h"
#include "slice.h"

/* A stretch of one line of a file. */
struct place {
	const char *file; /* borrowed; NULL: no place (e.g. the command line) */
	uint32_t line;    /* from 1; 0: the file as a whole */
	uint32_t column;  /* from 1, in octets of the line */
	uint32_t width;   /* octets to underline; 0 counts as 1 */
};

enum severity { SEVERITY_ERROR, SEVERITY_WARNING };

struct finding {
	enum severity severity;
	struct place place;
	const char *sentence;
	const char *hint; /* stands at the caret; NULL: none */
	unsigned order;   /* in which it was found; keeps the sort stable */
};

/* More findings than this are counted, not kept. */
enum { DIAG_FINDINGS_MAX = 1000 };

/* A zeroed diag is empty and ready. */
struct diag {
	struct arena arena;
	struct finding *findings;
	unsigned n_findings, n_room;
	unsigned n_errors, n_warnings; /* all of them, kept or not */
	struct diag_source *sources;   /* files that can be quoted */
	bool unread; /* a file could not be read: what it says is not known */
};

void diag_release(struct diag *d);

/* Gives the text of a file, so that its lines can be quoted; copied. */
void diag_add_source(struct diag *d, const char *file, struct slice text);

/*
 * Reports one finding. `at` may be NULL; it is copied, with its file name.
 * `hint` may be NULL: a short text for the
 * caret, such as: did you mean "web"?
 */
void diag_error(struct diag *d, const struct place *at, const char *hint,
		const char *format, ...) __attribute__((format(printf, 4, 5)));
void diag_warning(struct diag *d, const struct place *at, const char *hint,
		  const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Puts the findings in the order of file, line and column. */
void diag_sort(struct diag *d);

/* Sorts and prints them all; with `colour` for a terminal. */
void diag_print(struct diag *d, FILE *to, bool colour);

/* The same as text, without colour; the caller frees it. */
char *diag_to_text(struct diag *d);

#endif
