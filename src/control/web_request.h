/*
 * web_request.h - what somebody asks for on admin.listen, and whether it is
 * asked at all.
 *
 * A browser can be made to ask for things here by any page that it shows: so
 * nothing is answered under a name that is not ours (a page's own name that
 * leads to our address), and nothing but GET and HEAD.
 *
 * Floor: control.  Pure.  Source: RFC 9110; RFC 9112, section 3.2.
 */
#ifndef WEIR_CONTROL_WEB_REQUEST_H
#define WEIR_CONTROL_WEB_REQUEST_H

#include "http/h1_parse.h"
#include "http/head.h"

/* 8 KiB of head. */
extern const struct h1_limits web_limits;
enum { WEB_HEAD_MAX = 8 * 1024, WEB_PATH_ROOM = 3 * WEB_HEAD_MAX };

/* From the settings, whose text they borrow. */
struct web_names {
	struct slice path_prefix; /* empty, or "/weir" */
	const struct slice *hosts;
	size_t n_hosts;
};

/* Borrowed as long as a page is asked for it. */
struct web_request {
	const struct http_head *head;
	struct slice path;  /* below the prefix, normalised; begins with '/' */
	struct slice query; /* as sent, without '?' */
};

/*
 * Finds out what a request is for.
 *
 * room  WEB_PATH_ROOM octets, which the path may be in
 *
 * Returns 0 or the status to refuse it with: 400 (no host, several, or a bad
 * one; a bad target), 404 (not below the prefix), 405, 421 (another host).
 */
unsigned web_read_request(const struct http_head *head,
			  const struct web_names *names, char *room,
			  struct web_request *out);

/*
 * The value of a parameter, its escapes and '+' read. False when the query
 * does not have it; more of it than `size` octets is cut.
 */
bool web_parameter(const struct web_request *q, struct slice key, char *room,
		   size_t size, struct slice *value);

#endif
