/*
 * glitch.h - the names of what peers do wrong in HTTP/2 (glitches.def).
 *
 * Floor: base.
 */
#ifndef WEIR_BASE_GLITCH_H
#define WEIR_BASE_GLITCH_H

enum glitch {
#define X(symbol, token, sentence) GLITCH_##symbol,
#include "glitches.def"
#undef X
	GLITCH_KINDS
};

/* "empty-data"; static. */
const char *glitch_token(enum glitch g);

#endif
