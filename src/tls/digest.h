/*
 * digest.h - SHA-256 of texts.
 *
 * Floor: tls.
 */
#ifndef WEIR_TLS_DIGEST_H
#define WEIR_TLS_DIGEST_H

#include <stddef.h>

#include "base/slice.h"

enum { DIGEST_HEX_MAX = 65 }; /* with its zero */

/* Of n texts, one behind the other, as hex. Ends the process when memory is
 * out. */
void digest_hex(const struct slice *texts, size_t n, char out[DIGEST_HEX_MAX]);

#endif
