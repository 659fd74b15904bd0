/*
 * line.h - values in lines that other programs read: as AWS writes its logs,
 * and as JSON.
 *
 * Everything goes to a writer, in one pass, without a format to be read
 * meanwhile. What a client sent can neither end its value nor its line.
 *
 * Floor: base.  Pure but for a memory of the last second; any thread.
 */
#ifndef WEIR_BASE_LINE_H
#define WEIR_BASE_LINE_H

#include "writer.h"

/* -- as AWS ---------------------------------------------------------------- */

/* What one octet becomes at most, in either form. */
enum { LINE_ESCAPED = 6 };

/* With \x22 for a double quote, \x5c for a backslash, and \xHH for control
 * characters; AWS does not say how, so this is our choice. */
void line_escaped(struct writer *w, struct slice value);

/* In double quotes; "-" for an empty one. */
void line_quoted(struct writer *w, struct slice value);

/* Without quotes, a space as \x20; - for an empty one. */
void line_word(struct writer *w, struct slice value);

/* "2026-03-01T10:15:30.123456Z"; microseconds since 1970. */
void line_time(struct writer *w, uint64_t at_us);

/* "0.024"; -1 for a negative one. */
void line_seconds(struct writer *w, int64_t ms);

/* "0.003114870" */
void line_seconds_exactly(struct writer *w, uint64_t ns);

/* So many decimal digits of a number, the lowest ones. */
void line_digits(struct writer *w, uint64_t value, int n);
/* Two digits, hexadecimal. */
void line_octet(struct writer *w, unsigned char octet);

/* -- as JSON --------------------------------------------------------------- */

/*
 * An object, member by member:
 *
 *	char *start = json_open(&w);
 *
 *	json_text(&w, SLICE("client"), client);
 *	json_number(&w, SLICE("client_port"), port);
 *	json_close(&w, start);
 *
 * Names are not escaped.
 */
char *json_open(struct writer *w);
void json_close(struct writer *w, char *start);

/* A member of which the value is to follow. */
void json_name(struct writer *w, struct slice name);
/* A part of a string: octets that are no UTF-8, and control characters, as
 * \u00XX. */
void json_escaped(struct writer *w, struct slice value);
/* A string. */
void json_quoted(struct writer *w, struct slice value);

/* Left out when the text is empty. */
void json_text(struct writer *w, struct slice name, struct slice value);
void json_number(struct writer *w, struct slice name, uint64_t value);
void json_time(struct writer *w, struct slice name, uint64_t at_us);
/* Left out when it is negative. */
void json_seconds(struct writer *w, struct slice name, int64_t ms);

#endif
