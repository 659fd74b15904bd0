/*
 * page.h - bodies of the user's for errors that weir answers.
 *
 * Read once for each configuration and cut at its placeholders, so that an
 * error costs no file and no search.
 *
 * Floor: model.  Pure.  Source: weir.yaml(5), error_pages.
 */
#ifndef WEIR_MODEL_PAGE_H
#define WEIR_MODEL_PAGE_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/slice.h"
#include "base/writer.h"

enum {
	PAGE_FILE_MAX = 64 * 1024,
	/* Of a page with its placeholders filled: it leaves in one piece. */
	PAGE_OCTETS_MAX = 96 * 1024,
	/* Of what a client wrote into a trace id. */
	PAGE_TRACE_ID_MAX = 512,
};

/* Codes from `first` to `last`, both included. */
struct code_range {
	uint16_t first, last;
};

enum page_place {
	PAGE_TEXT,
	PAGE_STATUS_CODE,
	PAGE_REASON,
	PAGE_SENTENCE,
	PAGE_TRACE_ID,
	PAGE_HOST,
	PAGE_PLACES
};

struct page_part {
	enum page_place place;
	struct slice text; /* only of PAGE_TEXT */
};

/* How what is filled in is written. */
enum page_escape { PAGE_AS_HTML, PAGE_AS_JSON, PAGE_AS_IT_IS };

struct error_page {
	struct code_range *codes; /* n_codes of them: which errors it is for */
	size_t n_codes;
	struct slice content_type;
	enum page_escape escape;
	uint16_t status; /* sent in place of the code; 0: the code itself */
	struct page_part *parts;
	size_t n_parts;
	size_t most;    /* octets, with the longest values */
	unsigned holes; /* set of 1 << place */
	struct place place;
};

struct error_pages {
	struct error_page *pages;
	size_t n;
};

/* The first that is for this code; NULL: none. */
const struct error_page *error_page_find(const struct error_pages *pages,
					 unsigned status);

/* Fills in parts, most and holes, out of a text that the arena keeps.
 * page->escape is set. What looks like a placeholder and is none stays. */
void error_page_cut(struct arena *arena, struct slice text,
		    struct error_page *page);

/* HTML, unless the type says that it is JSON or plain text. */
enum page_escape error_page_escape(struct slice content_type);

/* Into page->most octets; values[PAGE_TEXT] is not looked at. */
void error_page_write(struct writer *w, const struct error_page *page,
		      const struct slice values[PAGE_PLACES]);

#endif
