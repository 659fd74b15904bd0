/*
 * pem.h - a PEM file in memory, and a word about it when it is none.
 *
 * Floor: tls.  Control thread only: reads files.
 */
#ifndef WEIR_TLS_PEM_H
#define WEIR_TLS_PEM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"

struct pem {
	const char *path; /* borrowed */
	char *text;       /* owned, wiped: it may hold a key */
	size_t n;
};

/*
 * Reads a file of at most `most` octets. False after one error that names it:
 * it cannot be read, is larger, or has no block of PEM. `at` may be NULL. The
 * caller releases it either way.
 */
bool pem_read(struct pem *pem, const char *path, size_t most,
	      const struct place *at, struct diag *diag);
void pem_release(struct pem *pem);

/* Whether OpenSSL's queue says that no block of the wanted kind is left. */
bool pem_at_end(void);

#endif
