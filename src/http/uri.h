/*
 * uri.h - request targets and hosts: split, check, normalise.
 *
 * Rules are matched against the normalised path; what is forwarded stays as
 * it was sent.
 *
 * Floor: http.  Pure; any thread.  Source: RFC 9112, section 3.2; RFC 3986;
 * AWS: "evaluation happens after URI normalisation".
 */
#ifndef WEIR_HTTP_URI_H
#define WEIR_HTTP_URI_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "head.h"

enum uri_form {
	URI_ORIGIN,   /* /path?query */
	URI_ABSOLUTE, /* http://authority/path?query */
	URI_ASTERISK, /* "*", with OPTIONS only; path is "*" */
};

struct uri {
	enum uri_form form;
	struct slice scheme;    /* "http" or "https" in any case, or empty */
	struct slice authority; /* as sent, for host_split(); or empty */
	struct slice path;      /* begins with '/', or is "*" */
	struct slice query;     /* without '?' */
	struct slice rest;      /* path and query as sent; may lack the path:
				   then send "/" in front of it */
	bool has_query;         /* there is a '?', even with nothing behind */
};

/*
 * Splits a target. All slices point into it, except a path that was not
 * written: "http://a" has a static "/", with OPTIONS a static "*".
 *
 * False for what weir does not serve: authority-form, another scheme, "*"
 * with another method than OPTIONS, a fragment, nothing at all. The answer is
 * REASON_BAD_URI.
 */
bool uri_split(struct slice target, enum method method, struct uri *out);

/* What one octet of a path becomes at most. */
enum { URI_ESCAPED = 3 };

/*
 * The form of a path that rules are compared with: escapes of unreserved
 * characters decoded, the hex digits of others in upper case, dot segments
 * removed. "//" and "%2F" stay, and a '%' that begins no escape. Escapes are
 * decoded once. What no target may have (spaces, controls, octets from 0x80
 * on) becomes an escape, as writer_target() sends it: a target that strips it
 * must not see another path than the rules.
 *
 * room  at least path.n times URI_ESCAPED octets, or the answer is false; not
 *       touched when nothing has to change
 * out   the path itself, or a slice of `buffer`
 */
bool uri_normalise(struct slice path, char *buffer, size_t room,
		   struct slice *out);

/*
 * Splits the value of a Host field or an authority.
 *
 * name  a registered name, an IPv4 address, or in brackets an IPv6 address
 *       or one of a kind to come (IPvFuture), which no rule needs to know;
 *       never empty, at most 255 octets, in the case it was sent
 * port  0 when there is none
 *
 * False when it is malformed, has user information, or a port beyond 1 to
 * 65535. The answer is REASON_BAD_HOST.
 */
bool host_split(struct slice value, struct slice *name, uint16_t *port);

/*
 * "example.com." is the same host as without the dot, which SNI never has:
 * rules must not be passed by adding it.
 */
static inline struct slice host_without_last_dot(struct slice name)
{
	return name.n > 1 && name.p[name.n - 1] == '.'
		       ? slice_first(name, name.n - 1)
		       : name;
}

/*
 * ASCII letters in lower case: the slice itself when there is nothing to
 * change, else a copy in `buffer`. False when the copy needs more room.
 */
bool host_lower(struct slice name, char *buffer, size_t room,
		struct slice *out);

#endif
