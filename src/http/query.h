/*
 * query.h - the pairs of a query.
 *
 * Floor: http.  Pure; any thread.  Source: AWS: query string conditions; where
 * it says nothing, the form that browsers send
 * (application/x-www-form-urlencoded), undecoded.
 */
#ifndef WEIR_HTTP_QUERY_H
#define WEIR_HTTP_QUERY_H

#include <stdbool.h>

#include "base/slice.h"

/*
 * Walks the pairs: true and the next one. '&' separates pairs, the first '='
 * key from value; a pair without '=' is a key with an empty value, and nothing
 * between two '&' is no pair. All of it stays as it was sent, with its
 * escapes. *rest starts as the query, without its '?'.
 */
bool query_next(struct slice *rest, struct slice *key, struct slice *value);

#endif
