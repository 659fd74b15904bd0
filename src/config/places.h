/*
 * places.h - lines and columns of a text, from what a parser counts.
 *
 * Made once for a text, asked mostly in its order: what is near to the last
 * question costs nothing, anything else a search. Characters are those of
 * UTF-8, columns are octets.
 *
 * Floor: config.
 */
#ifndef WEIR_CONFIG_PLACES_H
#define WEIR_CONFIG_PLACES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"
#include "base/slice.h"

struct places {
	const char *file;    /* borrowed, and kept by the places */
	struct slice source; /* borrowed */
	size_t *lines;       /* octet where each line begins; owned */
	size_t n_lines;
	size_t line;   /* that was asked for last, from 0 */
	size_t *marks; /* octet of each MARK_EVERYth character, from 0; owned */
	size_t n_marks;
	bool narrow;    /* each character is one octet; there are no marks */
	size_t n_steps; /* characters that were counted */
};

void places_init(struct places *p, const char *file, struct slice source);
void places_release(struct places *p);

/* Octet of a character, counted from 0; the end for those behind it. */
size_t places_octet(struct places *p, size_t character);

struct place places_at(struct places *p, size_t octet, size_t width);
/* The octet back. */
size_t places_octet_of(const struct places *p, const struct place *at);

#endif
