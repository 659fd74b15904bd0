/*
 * dialect.h - which regular expressions may be written in a rule.
 *
 * AWS runs regular expressions on an engine without backtracking. What such
 * an engine cannot do is refused here, whatever our own engine could do, so
 * that a configuration means the same on both and no text makes it slow.
 *
 * Floor: http, for this folder.  Source: AWS: rule condition types; RE2's
 * syntax.
 */
#ifndef WEIR_HTTP_DIALECT_H
#define WEIR_HTTP_DIALECT_H

#include "base/slice.h"

/*
 * Returns NULL when nothing in the expression is forbidden, which does not
 * mean that it is well formed. Else a static sentence such as "look-ahead is
 * not allowed", and *at is the octet where it stands.
 */
const char *dialect_check(struct slice regex, size_t *at);

#endif
