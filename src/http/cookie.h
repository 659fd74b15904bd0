/*
 * cookie.h - find a cookie that a client sent, set one in a response.
 *
 * Floor: http.  Pure; any thread.  Source: RFC 6265, sections 4.1 and 4.2.
 */
#ifndef WEIR_HTTP_COOKIE_H
#define WEIR_HTTP_COOKIE_H

#include <stdbool.h>
#include <time.h>

#include "base/slice.h"

struct field;
struct http_head;
struct writer;

/*
 * Walks the pairs in the value of a Cookie field: true and the next pair,
 * which has a token as name. Only ';' separates pairs; what is no pair is
 * passed over. The value is as sent, with its quotes if it has any. *rest
 * starts as the field's value.
 */
bool cookie_next(struct slice *rest, struct slice *name, struct slice *value);

/* The first cookie of that name in one value; case matters. */
bool cookie_find(struct slice field_value, struct slice name,
		 struct slice *value);

/* The first cookie of that name over all Cookie fields of a request. */
bool cookie_of_head(const struct http_head *head, struct slice name,
		    struct slice *value);

/*
 * Whether the value of a Set-Cookie field sets a cookie of that name.
 */
bool set_cookie_is(struct slice field_value, struct slice name);

struct set_cookie {
	struct slice name, value; /* octets of RFC 6265 only; not checked */
	time_t expires_s;         /* since 1970; 0: ends with the session */
	bool cross_site;          /* adds SameSite=None; Secure */
	bool secure;              /* adds Secure */
	bool http_only;           /* adds HttpOnly */
};

/*
 * Writes the value of a Set-Cookie field: "NAME=VALUE; Expires=...; Path=/".
 * Whether it fitted says the writer.
 */
void cookie_write(struct writer *w, const struct set_cookie *cookie);

/* The whole field; its name in lower case, as ALB does, its value in w. */
struct field cookie_field(struct writer *w, const struct set_cookie *cookie);

#endif
