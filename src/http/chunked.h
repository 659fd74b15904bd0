/*
 * chunked.h - the chunked coding, a piece at a time.
 *
 * The decoder keeps 16 octets of state and no data: what it yields are
 * pieces of what it was given. It reads strictly, because tolerance is how
 * two readers come to disagree: CRLF only, no space around the size, an
 * extension only directly behind it.
 *
 * Floor: http.  Pure; any thread.  Source: RFC 9112, section 7.1.
 */
#ifndef WEIR_HTTP_CHUNKED_H
#define WEIR_HTTP_CHUNKED_H

#include <stdint.h>

#include "base/slice.h"

enum {
	CHUNKED_EXTENSION_MAX = 256,      /* octets of one extension */
	CHUNKED_TRAILERS_MAX = 16 * 1024, /* octets of all trailers */
	CHUNKED_HEAD_MAX = 16 + 2,        /* what chunked_head() writes */
};

enum chunked_result {
	CHUNKED_MORE, /* all octets are consumed; the body goes on */
	CHUNKED_DATA, /* *data is the next piece of the body, not empty */
	CHUNKED_DONE, /* the body is over; what is not consumed is not its */
	CHUNKED_BAD,  /* broken; the connection has no agreed meaning now */
};

/* Zeroed it is ready for a new body. */
struct chunked {
	uint64_t left;     /* octets of the current chunk that did not come */
	uint16_t n_line;   /* octets of the line being read */
	uint16_t trailers; /* octets of the trailer section so far */
	uint8_t state;
};

/*
 * Reads on. Call it until it says other than CHUNKED_DATA, each time with
 * what is left of the input.
 *
 * in    borrowed
 * used  gets the octets that are consumed, the piece included
 * data  gets a piece of `in`; written only with CHUNKED_DATA. While c->left
 *       is not 0, more of the same chunk follows.
 *
 * After CHUNKED_DONE the last c->trailers consumed octets, in this input and
 * the ones before, were the trailer section with its empty line, fit for
 * h1_parse_trailers(). A finished or broken decoder says so again.
 */
enum chunked_result chunked_next(struct chunked *c, struct slice in,
				 size_t *used, struct slice *data);

/*
 * Writes the line in front of a chunk of `size` octets, as "1a0" CRLF, and
 * returns its length. Behind the data comes a CRLF, and after the last chunk
 * CHUNKED_END, which stands for a chunk of size 0 and no trailers.
 */
size_t chunked_head(char out[static CHUNKED_HEAD_MAX], uint64_t size);
#define CHUNKED_END SLICE("0\r\n\r\n")

#endif
