/*
 * h2_block.c - a list of fields while it comes: what is malformed, and what
 * is too much.
 *
 * Floor: stream.
 */
#include <stdlib.h>

#include "base/fail.h"
#include "h2_head.h"
#include "http/h1_parse.h"
#include "http/uri.h"

enum {
	FIELD_COST = 32, /* of the list's size: RFC 9113 6.5.2 */
	ROOM_FIRST = 2048,
	/* What a request line of HTTP/1.1 has beside method and target. */
	LINE_COST = sizeof("  HTTP/1.1\r\n") - 1,
	FIELD_LINE_COST = sizeof(": \r\n") - 1,
	PORT_HTTP = 80,
	PORT_HTTPS = 443,
};

#define CRUMB_BETWEEN SLICE("; ")

void h2_block_begin(struct h2_block *b, enum h2_kind kind)
{
	*b = (struct h2_block){
		.text = b->text, .room = b->room, .kind = (uint8_t)kind};
}

void h2_block_release(struct h2_block *b)
{
	free(b->text);
	*b = (struct h2_block){0};
}

const char *h2_fault_text(enum h2_fault fault)
{
	static const char *const texts[H2_FAULTS] = {
		[H2_SOUND] = "nothing",
		[H2_NAME_EMPTY] = "an empty field name",
		[H2_NAME_ODD] = "a field name in upper case or no token",
		[H2_VALUE_ODD] = "a control character or white space at an "
				 "end of a field value",
		[H2_CONNECTION] = "a field of one connection",
		[H2_PSEUDO_UNKNOWN] = "an unknown pseudo-field",
		[H2_PSEUDO_REPEATED] = "a pseudo-field twice",
		[H2_PSEUDO_LATE] = "a pseudo-field behind the fields",
		[H2_PSEUDO_MISSING] = "a pseudo-field is missing",
		[H2_PSEUDO_IN_TRAILERS] = "a pseudo-field among trailers",
		[H2_METHOD_ODD] = ":method is no token",
		[H2_SCHEME_ODD] = ":scheme is neither http nor https",
		[H2_PATH_ODD] = ":path is no path",
		[H2_AUTHORITY_ODD] = ":authority is no host and port",
		[H2_HOST_REPEATED] = "Host twice",
		[H2_AUTHORITY_UNLIKE_HOST] = ":authority and Host differ",
		[H2_LENGTH_ODD] = "Content-Length is no number, or there twice",
		[H2_STATUS_ODD] = ":status is none of HTTP/2",
	};

	return texts[fault];
}

/* -- what is malformed ----------------------------------------------------- */

static enum h2_pseudo pseudo_of(struct slice name)
{
	static const struct slice texts[] = {
		[H2_METHOD] = SLICE_INIT(":method"),
		[H2_SCHEME] = SLICE_INIT(":scheme"),
		[H2_AUTHORITY] = SLICE_INIT(":authority"),
		[H2_PATH] = SLICE_INIT(":path"),
		[H2_STATUS] = SLICE_INIT(":status"),
	};

	for (unsigned i = H2_METHOD; i <= H2_STATUS; i++)
		if (slice_eq(name, texts[i]))
			return (enum h2_pseudo)i;
	return H2_NOT_PSEUDO;
}

static inline unsigned bit_of(enum h2_pseudo pseudo)
{
	return 1u << pseudo;
}

/* RFC 9113 8.3.1. What may stand in a path beyond that, uri.h says, and the
 * answer to it is 400: but not what would end the line of a request. */
static bool is_path(struct slice path)
{
	if (path.n == 0)
		return false;
	for (size_t i = 0; i < path.n; i++)
		if ((uint8_t)path.p[i] <= 0x20 || path.p[i] == 0x7f)
			return false;
	return path.p[0] == '/' || slice_eq(path, SLICE("*"));
}

static bool is_scheme(struct slice value)
{
	return slice_eq_fold(value, SLICE("https")) ||
	       slice_eq_fold(value, SLICE("http"));
}

static bool is_authority(struct slice value)
{
	struct slice name;
	uint16_t port;

	return host_split(value, &name, &port);
}

/* RFC 9113 8.6: no protocol is switched to here. */
static bool is_status(struct slice value)
{
	return value.n == 3 && value.p[0] >= '1' && value.p[0] <= '9' &&
	       ascii_is_digit(value.p[1]) && ascii_is_digit(value.p[2]) &&
	       !slice_eq(value, SLICE("101"));
}

static enum h2_fault judge_pseudo(struct h2_block *b, enum h2_pseudo pseudo,
				  struct slice value)
{
	const unsigned of_requests = bit_of(H2_METHOD) | bit_of(H2_SCHEME) |
				     bit_of(H2_AUTHORITY) | bit_of(H2_PATH);
	unsigned allowed = b->kind == H2_REQUEST ? of_requests
						 : bit_of(H2_STATUS);

	if (b->kind == H2_TRAILERS)
		return H2_PSEUDO_IN_TRAILERS;
	if (!(bit_of(pseudo) & allowed))
		return H2_PSEUDO_UNKNOWN;
	if (b->pseudo & bit_of(pseudo))
		return H2_PSEUDO_REPEATED;
	if (b->is_regular)
		return H2_PSEUDO_LATE;
	b->pseudo |= (uint8_t)bit_of(pseudo);
	switch (pseudo) {
	case H2_METHOD:
		b->method = (uint8_t)method_of(value);
		b->line += (uint32_t)value.n;
		return http_is_token(value) ? H2_SOUND : H2_METHOD_ODD;
	case H2_SCHEME:
		return is_scheme(value) ? H2_SOUND : H2_SCHEME_ODD;
	case H2_AUTHORITY:
		return is_authority(value) ? H2_SOUND : H2_AUTHORITY_ODD;
	case H2_PATH:
		b->line += (uint32_t)value.n;
		return is_path(value) ? H2_SOUND : H2_PATH_ODD;
	case H2_STATUS:
		return is_status(value) ? H2_SOUND : H2_STATUS_ODD;
	case H2_NOT_PSEUDO:
		break;
	}
	return H2_PSEUDO_UNKNOWN;
}

static bool is_white(char c)
{
	return c == ' ' || c == '\t';
}

/* RFC 9113 8.2.1, and what RFC 9110 5.5 calls invalid beyond that. */
static bool is_value(struct slice value)
{
	if (value.n == 0)
		return true;
	return !is_white(value.p[0]) && !is_white(value.p[value.n - 1]) &&
	       http_is_text(value);
}

/* A length that is there twice has two readings, even if both are the same to
 * us. Trailers frame nothing. */
static bool is_length(const struct h2_block *b, struct slice value)
{
	uint64_t length;

	return b->kind == H2_TRAILERS ||
	       (!(b->present & NAME_BIT(NAME_CONTENT_LENGTH)) &&
		slice_to_u64(value, &length));
}

static enum h2_fault judge_field(const struct h2_block *b, enum name id,
				 struct slice name, struct slice value)
{
	const uint64_t of_connections =
		NAME_BIT(NAME_CONNECTION) | NAME_BIT(NAME_KEEP_ALIVE) |
		NAME_BIT(NAME_PROXY_CONNECTION) | NAME_BIT(NAME_UPGRADE) |
		NAME_BIT(NAME_TRANSFER_ENCODING);

	if (!http_is_lower_token(name))
		return H2_NAME_ODD;
	if (!is_value(value))
		return H2_VALUE_ODD;
	if (NAME_BIT(id) & of_connections)
		return H2_CONNECTION;
	if (id == NAME_TE && !slice_eq_fold(value, SLICE("trailers")))
		return H2_CONNECTION;
	if (id == NAME_CONTENT_LENGTH && !is_length(b, value))
		return H2_LENGTH_ODD;
	if (id == NAME_HOST && b->kind == H2_REQUEST &&
	    (b->present & NAME_BIT(NAME_HOST)))
		return H2_HOST_REPEATED;
	return H2_SOUND;
}

/* -- what is too much ------------------------------------------------------ */

static uint32_t list_max(const struct h2_block *b)
{
	return b->kind == H2_REQUEST ? H2_REQUEST_LIST_MAX
				     : H2_RESPONSE_LIST_MAX;
}

static void refuse(struct h2_block *b, enum reason why)
{
	if (!b->why)
		b->why = (uint8_t)(b->kind == H2_REQUEST
					   ? why
					   : REASON_TARGET_HEAD_TOO_LARGE);
}

/* Beside the fields that came, Host is made of an authority. */
static bool has_room_for_field(const struct h2_block *b, bool is_crumb)
{
	unsigned made = b->pseudo & bit_of(H2_AUTHORITY) ? 1 : 0;

	return b->n_fields + made < HEAD_FIELDS_MAX ||
	       (is_crumb && b->n_crumbs > 0);
}

static bool is_crumb(const struct h2_block *b, const struct h2_record *record)
{
	return record->id == NAME_COOKIE && b->kind == H2_REQUEST;
}

/* Whether there is room for one more of this size; else it is noted. */
static bool fits(struct h2_block *b, const struct h2_record *record)
{
	size_t line =
		record->name_n + (size_t)record->value_n + FIELD_LINE_COST;

	if (b->octets > list_max(b) ||
	    (!record->pseudo && line > h1_request_limits.field &&
	     b->kind == H2_REQUEST))
		refuse(b, REASON_FIELD_TOO_LARGE);
	else if (!record->pseudo && !has_room_for_field(b, is_crumb(b, record)))
		refuse(b, REASON_TOO_MANY_FIELDS);
	return !b->why;
}

static bool grow(struct h2_block *b, size_t more)
{
	size_t room = b->room ? b->room : ROOM_FIRST;
	char *text;

	while (room - b->n < more)
		room *= 2;
	if (room == b->room)
		return true;
	text = realloc(b->text, room);
	if (!text)
		return false;
	b->text = text;
	b->room = (uint32_t)room;
	return true;
}

static void put(struct h2_block *b, struct slice text)
{
	if (text.n)
		memcpy(b->text + b->n, text.p, text.n);
	b->n += (uint32_t)text.n;
}

static bool keep(struct h2_block *b, const struct h2_record *record,
		 struct slice name, struct slice value)
{
	if (!grow(b, sizeof(*record) + name.n + value.n))
		return false;
	put(b, slice_make((const char *)record, sizeof(*record)));
	put(b, name);
	put(b, value);
	return true;
}

static enum h2_add no_memory(struct h2_block *b)
{
	h2_block_begin(b, (enum h2_kind)b->kind);
	b->why = REASON_OVERLOADED;
	return H2_NO_MEMORY;
}

/* Counts a field that is kept; crumbs become one. */
static void count(struct h2_block *b, const struct h2_record *record)
{
	bool joins = is_crumb(b, record);

	b->present |= NAME_BIT(record->id);
	if (!joins || b->n_crumbs == 0)
		b->n_fields++;
	if (!joins)
		return;
	b->n_crumbs++;
	/* One that is empty says nothing: at an end it would leave a space
	 * there. */
	if (record->value_n == 0)
		return;
	if (b->cookie_octets > 0)
		b->cookie_octets += (uint32_t)CRUMB_BETWEEN.n;
	b->cookie_octets += record->value_n;
}

static enum h2_fault judge(struct h2_block *b, struct h2_record *record,
			   struct slice name, struct slice value)
{
	if (name.n == 0)
		return H2_NAME_EMPTY;
	if (name.p[0] == ':') {
		record->pseudo = (uint8_t)pseudo_of(name);
		return judge_pseudo(b, (enum h2_pseudo)record->pseudo, value);
	}
	b->is_regular = true;
	record->id = (uint8_t)name_of(name);
	return judge_field(b, (enum name)record->id, name, value);
}

enum h2_add h2_block_add(struct h2_block *b, struct slice name,
			 struct slice value)
{
	struct h2_record record = {.value_n = (uint32_t)value.n,
				   .name_n = (uint16_t)name.n};
	uint64_t octets = (uint64_t)b->octets + name.n + value.n + FIELD_COST;

	if (octets > 2 * list_max(b))
		return H2_FLOOD;
	b->octets = (uint32_t)octets;
	if (b->fault)
		return H2_ADDED;
	b->fault = (uint8_t)judge(b, &record, name, value);
	if (b->fault || !fits(b, &record))
		return H2_ADDED;
	if (!keep(b, &record, name, value))
		return no_memory(b);
	if (!record.pseudo)
		count(b, &record);
	return H2_ADDED;
}

/* -- the whole ------------------------------------------------------------- */

static uint16_t port_of(uint16_t port, bool secure)
{
	if (port)
		return port;
	return secure ? PORT_HTTPS : PORT_HTTP;
}

/* RFC 9113 8.3.1: whether both name one host, written as it may be. */
static bool is_same_host(struct slice a, struct slice b, bool secure)
{
	struct slice name_a, name_b;
	uint16_t port_a, port_b;

	return host_split(a, &name_a, &port_a) &&
	       host_split(b, &name_b, &port_b) &&
	       slice_eq_fold(name_a, name_b) &&
	       port_of(port_a, secure) == port_of(port_b, secure);
}

static enum h2_fault judge_host(const struct h2_block *b)
{
	struct slice rest = h2_block_text(b), name, value;
	struct slice authority = {0}, host = {0};
	struct h2_record record;
	bool secure = false;

	if (!(b->pseudo & bit_of(H2_AUTHORITY)) ||
	    !(b->present & NAME_BIT(NAME_HOST)))
		return H2_SOUND;
	while (h2_next(&rest, &record, &name, &value)) {
		if (record.pseudo == H2_AUTHORITY)
			authority = value;
		else if (record.pseudo == H2_SCHEME)
			secure = slice_eq_fold(value, SLICE("https"));
		else if (record.id == NAME_HOST)
			host = value;
	}
	return is_same_host(authority, host, secure) ? H2_SOUND
						     : H2_AUTHORITY_UNLIKE_HOST;
}

/* RFC 9113 8.3.1, 8.3.2, 8.5. Without an authority Host will have to do. */
static bool has_what_it_needs(const struct h2_block *b)
{
	const unsigned path = bit_of(H2_SCHEME) | bit_of(H2_PATH);

	switch ((enum h2_kind)b->kind) {
	case H2_TRAILERS:
		return true;
	case H2_RESPONSE:
		return b->pseudo;
	case H2_REQUEST:
		break;
	}
	if (b->method == METHOD_CONNECT)
		return b->pseudo == (bit_of(H2_METHOD) | bit_of(H2_AUTHORITY));
	return (b->pseudo & bit_of(H2_METHOD)) && (b->pseudo & path) == path;
}

/* RFC 9110 9.3.7: "*" asks the server as a whole, with OPTIONS only. */
static bool asks_for_nothing(const struct h2_block *b)
{
	struct slice rest = h2_block_text(b), name, value;
	struct h2_record record;

	if (b->kind != H2_REQUEST || b->method == METHOD_OPTIONS)
		return false;
	while (h2_next(&rest, &record, &name, &value) && record.pseudo)
		if (record.pseudo == H2_PATH)
			return value.p[0] == '*';
	return false;
}

static enum h2_fault judge_whole(const struct h2_block *b)
{
	if (!has_what_it_needs(b))
		return H2_PSEUDO_MISSING;
	/* Where something was left out, it was for a limit. */
	if (b->why)
		return H2_SOUND;
	if (asks_for_nothing(b))
		return H2_PATH_ODD;
	return judge_host(b);
}

/* Moves all crumbs into one record at the end, the others together. */
static bool join_crumbs(struct h2_block *b)
{
	struct h2_record joined = {.value_n = b->cookie_octets,
				   .name_n = sizeof("cookie") - 1,
				   .id = NAME_COOKIE};
	struct slice all, rest, name, value;
	struct h2_record record;
	uint32_t whole = b->n, n = 0;
	bool is_first = true;

	if (!grow(b, sizeof(joined) + joined.name_n + joined.value_n))
		return false;
	put(b, slice_make((const char *)&joined, sizeof(joined)));
	put(b, SLICE("cookie"));
	all = slice_make(b->text, whole);
	for (rest = all; h2_next(&rest, &record, &name, &value);) {
		if (record.id != NAME_COOKIE || value.n == 0)
			continue;
		if (!is_first)
			put(b, CRUMB_BETWEEN);
		is_first = false;
		put(b, value);
	}
	for (rest = all; h2_next(&rest, &record, &name, &value);) {
		size_t octets = sizeof(record) + name.n + value.n;

		if (record.id == NAME_COOKIE)
			continue;
		memmove(b->text + n, name.p - sizeof(record), octets);
		n += (uint32_t)octets;
	}
	memmove(b->text + n, b->text + whole, b->n - whole);
	b->n = n + (b->n - whole);
	return true;
}

enum h2_verdict h2_block_end(struct h2_block *b)
{
	if (!b->fault && b->why != REASON_OVERLOADED)
		b->fault = (uint8_t)judge_whole(b);
	if (b->fault)
		return H2_MALFORMED;
	if (b->kind == H2_REQUEST &&
	    b->line + LINE_COST > h1_request_limits.line)
		b->why = REASON_URI_TOO_LONG;
	if (b->cookie_octets + sizeof("cookie") - 1 + FIELD_LINE_COST >
	    h1_request_limits.field)
		refuse(b, REASON_FIELD_TOO_LARGE);
	if (b->n_crumbs > 1 && !b->why && !join_crumbs(b))
		no_memory(b);
	return b->why ? H2_REFUSED : H2_GOOD;
}
