/*
 * hops.h - which fields end at the next machine, because Connection names
 * them.
 *
 * Every field has to be compared with every name in Connection, and both are
 * the sender's choice. So the names are looked up in a table of the fields,
 * which costs as many steps as the head has octets, however it is made.
 *
 * Floor: http.  Pure; any thread.  Source: RFC 9110, section 7.6.1.
 */
#ifndef WEIR_HTTP_HOPS_H
#define WEIR_HTTP_HOPS_H

#include "head.h"

/* Meaningful for one head, as long as its fields stay as they are. */
struct hops {
	bool any; /* Connection names a field; else the rest is not written */
	bool named[HEAD_FIELDS_MAX];
};

/* The slow half of hops_find(). */
bool hops_find_named(const struct http_head *head, struct hops *out);

/*
 * Looks up what Connection names, beyond the options that nearly everybody
 * sends (keep-alive, close, upgrade). The head has at most HEAD_FIELDS_MAX
 * fields.
 */
static inline void hops_find(const struct http_head *head, struct hops *out)
{
	out->any = head_has(head, NAME_CONNECTION) &&
		   hops_find_named(head, out);
}

/* Whether the field at this index is named. */
static inline bool hops_has(const struct hops *hops, size_t i)
{
	return hops->any && hops->named[i];
}

/* All that Connection says, where it is one word that nearly everybody sends;
 * who is told that need not look for members of a list. */
enum hops_word {
	HOPS_NOTHING, /* there is no Connection */
	HOPS_KEEP_ALIVE,
	HOPS_CLOSE,
	HOPS_LIST, /* anything else: it has to be read */
};
enum hops_word hops_word(const struct http_head *head);

/*
 * Marks with FIELD_LEAVE_OUT what concerns this connection alone: Connection
 * and what it names, and the fields of HTTP/1.x that need not be named. Nobody
 * takes away, by naming it, what weir or the framing says. `word` is what
 * hops_word() says of the head.
 */
void hops_leave_out(struct http_head *head, enum hops_word word);

#endif
