/*
 * names.h - known field names by number.
 *
 * A field gets its number while the head is parsed, so that everything behind
 * the parser compares a byte instead of text, and a set of names is a word.
 *
 * Floor: http.  Pure; any thread.
 */
#ifndef WEIR_HTTP_NAMES_H
#define WEIR_HTTP_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum name {
	NAME_OTHER, /* any name that is not listed here */
	NAME_HOST,
	NAME_CONNECTION,
	NAME_CONTENT_LENGTH,
	NAME_TRANSFER_ENCODING,
	NAME_TE,
	NAME_TRAILER,
	NAME_UPGRADE,
	NAME_KEEP_ALIVE,
	NAME_PROXY_CONNECTION,
	NAME_EXPECT,
	NAME_COOKIE,
	NAME_SET_COOKIE,
	NAME_X_FORWARDED_FOR,
	NAME_X_FORWARDED_PROTO,
	NAME_X_FORWARDED_PORT,
	NAME_X_AMZN_TRACE_ID,
	/* Any x-amzn-tls-*, x-amzn-mtls-*, x-amzn-oidc-*: only weir may say
	 * these, so they are always taken out of requests. */
	NAME_X_AMZN_SPOOFED,
	NAME_SERVER,
	NAME_DATE,
	NAME_CONTENT_TYPE,
	NAME_USER_AGENT,
	NAME_LOCATION,
	NAME_AUTHORIZATION,
	NAME_STRICT_TRANSPORT_SECURITY,
	NAME_CONTENT_SECURITY_POLICY,
	NAME_X_CONTENT_TYPE_OPTIONS,
	NAME_X_FRAME_OPTIONS,
	NAME_ACCESS_CONTROL_ALLOW_ORIGIN,
	NAME_ACCESS_CONTROL_ALLOW_METHODS,
	NAME_ACCESS_CONTROL_ALLOW_HEADERS,
	NAME_ACCESS_CONTROL_ALLOW_CREDENTIALS,
	NAME_ACCESS_CONTROL_EXPOSE_HEADERS,
	NAME_ACCESS_CONTROL_MAX_AGE,
	NAME_WEIR_REASON,
	NAME_KINDS
};

/* A set of names is a uint64_t with these bits. */
#define NAME_BIT(name) (UINT64_C(1) << (name))
_Static_assert(NAME_KINDS <= 64, "a set of names fits into 64 bits");

/* The number of a name; case does not matter. NAME_OTHER when unknown. */
enum name name_of(struct slice text);

/*
 * Whether two names are the same to somebody who reads them: their case does
 * not matter, and '_' counts as '-', because applications of the CGI kind
 * read both as one. Whoever may not say a name may not say it that way.
 */
bool name_same(struct slice a, struct slice b);
bool name_starts(struct slice name, struct slice prefix);
/* An order in which such names are equal; shorter ones come first. */
int name_cmp(struct slice a, struct slice b);

/*
 * The name in lower case; "x-amzn-" for NAME_X_AMZN_SPOOFED, which stands for
 * many, and empty for NAME_OTHER. Static.
 */
struct slice name_text(enum name name);

#endif
