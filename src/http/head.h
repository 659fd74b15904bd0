/*
 * head.h - start line and fields of a message, as slices.
 *
 * What the parser of HTTP/1.x and the one of HTTP/2 both produce and all
 * others read. Nothing is copied: the slices point into the octets that were
 * received and live as long as these. Oddities are noted, not judged:
 * desync.c decides which of them may pass.
 *
 * Floor: http.  Source: RFC 9110, RFC 9112.
 */
#ifndef WEIR_HTTP_HEAD_H
#define WEIR_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "names.h"

/* Ordered: `version < HTTP_1_1` asks for the rules of 1.0. */
enum http_version {
	HTTP_1_0,
	HTTP_1_1, /* and 1.2 to 1.9, which are read as 1.1 */
	HTTP_2,
};

enum method {
	METHOD_OTHER, /* any other token; its text is in head->method */
	METHOD_GET,
	METHOD_HEAD,
	METHOD_POST,
	METHOD_PUT,
	METHOD_DELETE,
	METHOD_OPTIONS,
	METHOD_PATCH,
	METHOD_TRACE,
	METHOD_CONNECT,
};

/* What is odd about one field; bits of field.quirks. */
enum field_quirk {
	/* A name beyond letters, digits and hyphens ("_", "."): what
	 * drop_invalid_header_fields removes. */
	FIELD_ODD_NAME = 1,
	/* The name is no token of RFC 9110; comes with FIELD_ODD_NAME. */
	FIELD_BAD_NAME = 2,
	/* No name at all; comes with FIELD_ODD_NAME. */
	FIELD_EMPTY_NAME = 4,
	/* The line was a continuation (obs-fold) and is read as a field. */
	FIELD_FOLDED = 8,
	/* A name that careless readers take for Content-Length... */
	FIELD_LIKE_LENGTH = 16,
	/* ...or for Transfer-Encoding. Its `id` is NAME_OTHER. */
	FIELD_LIKE_CODING = 32,
	/* A control character in the value. */
	FIELD_CONTROL = 64,
	/* Not to be forwarded: it cannot be written again with one meaning.
	 * Set by the parser and by desync_judge(). */
	FIELD_LEAVE_OUT = 128,
};

/* 40 octets. */
struct field {
	struct slice name;  /* as sent */
	struct slice value; /* without spaces and tabs at both ends */
	uint8_t id;         /* enum name */
	uint8_t quirks;     /* enum field_quirk */
};

/* What is odd about a request; bits of head.quirks; 0 for a clean one. */
enum head_quirk {
	QUIRK_BARE_LF = 1 << 0,      /* a line ended in LF without CR */
	QUIRK_FOLDED = 1 << 1,       /* a field has FIELD_FOLDED */
	QUIRK_EMPTY_NAME = 1 << 2,   /* a field has FIELD_EMPTY_NAME */
	QUIRK_BAD_NAME = 1 << 3,     /* a field has FIELD_BAD_NAME */
	QUIRK_CONTROL = 1 << 4,      /* a field has FIELD_CONTROL */
	QUIRK_SUSPICIOUS = 1 << 5,   /* a field has FIELD_LIKE_... */
	QUIRK_BAD_FIELD = 1 << 6,    /* NUL or CR in a name or value */
	QUIRK_BAD_METHOD = 1 << 7,   /* the method is no token */
	QUIRK_SPACE_IN_URI = 1 << 8, /* a space in the target, or around it */
	QUIRK_CONTROL_IN_URI = 1 << 9,
	QUIRK_BAD_URI = 1 << 10,         /* NUL or CR in the target */
	QUIRK_ODD_VERSION = 1 << 11,     /* 1.2 to 1.9, or spaces around it */
	QUIRK_BAD_VERSION = 1 << 12,     /* not a version at all; read as 1.0 */
	QUIRK_REPEATED_LENGTH = 1 << 13, /* Content-Length more than once */
	QUIRK_REPEATED_CODING = 1 << 14, /* Transfer-Encoding more than once */
	QUIRK_LEAVE_OUT = 1 << 15,       /* a field has FIELD_LEAVE_OUT */
};

/*
 * Requests have method and target, responses have status and phrase; the
 * others are empty.
 */
struct http_head {
	/* Given by the caller before parsing. */
	struct field *fields; /* borrowed */
	uint16_t max_fields;

	/* The rest is the parser's. */
	uint16_t n_fields;
	uint16_t status;   /* 100 to 999 */
	uint8_t version;   /* enum http_version */
	uint8_t method_id; /* enum method */
	bool odd_names;    /* a field has FIELD_ODD_NAME */
	/* Who sends this request reads trailers: it said so with TE. */
	bool takes_trailers;
	/* Of a request that is to be sent: its scheme is https. */
	bool secure;
	uint32_t quirks;  /* enum head_quirk */
	uint64_t present; /* NAME_BIT() of each field */
	struct slice method;
	struct slice target; /* as sent */
	struct slice phrase; /* may be empty */
	/* Of a request that is to be sent: to whom, with the port. In one that
	 * came over HTTP/1.x it is still among the fields, as Host. */
	struct slice authority;
	/* Another protocol, empty as a rule: what the request asks for, what
	 * its answer (101) changes to, or what any other answer offers. */
	struct slice protocol;
	size_t octets; /* of the head, empty lines around it included */
};

enum {
	/* More than any browser or target sends; room for the array. */
	HEAD_FIELDS_MAX = 256,
	/* Octets of the head of a request, from a client or to a target. */
	REQUEST_HEAD_MAX = 64 * 1024,
};

static inline bool head_has(const struct http_head *head, enum name name)
{
	return head->present & NAME_BIT(name);
}

/*
 * The next field of that name behind `after`, or the first when `after` is
 * NULL; NULL when there is none.
 */
static inline const struct field *head_next(const struct http_head *head,
					    enum name name,
					    const struct field *after)
{
	const struct field *end = head->fields + head->n_fields;

	if (!head_has(head, name))
		return NULL;
	for (after = after ? after + 1 : head->fields; after < end; after++)
		if (after->id == name)
			return after;
	return NULL;
}

/* The first field of that name, or NULL. */
static inline const struct field *head_find(const struct http_head *head,
					    enum name name)
{
	return head_next(head, name, NULL);
}

/* As head_next(), for names that have no number; case does not matter. */
const struct field *head_next_text(const struct http_head *head,
				   struct slice name,
				   const struct field *after);
const struct field *head_find_text(const struct http_head *head,
				   struct slice name);

/*
 * Walks the members of a comma list (RFC 9110 5.6.1), one value at a time:
 * true and *item for each member, trimmed, empty ones left out. A comma
 * between double quotes separates nothing. *rest starts as the value.
 */
bool list_next(struct slice *rest, struct slice *item);

/*
 * Whether a member of the list in any field of that name is this token, such
 * as "close" in Connection; case does not matter.
 */
bool head_has_token(const struct http_head *head, enum name name,
		    struct slice token);

/* Whether this is a token of RFC 9110 5.6.2: a method, a field name. */
bool http_is_token(struct slice text);

/* Such a token without upper case: a field name of HTTP/2. */
bool http_is_lower_token(struct slice text);

/* Whether no control character but HT is in it: what a field value may be
 * (RFC 9110 5.5). Octets from 0x80 on are text. */
bool http_is_text(struct slice text);

/* Whether the name is of letters, digits and hyphens, as nearly all are. */
bool http_is_plain(struct slice name);

/*
 * Notes on a field of a request, and its head, that a careless reader takes
 * its name for Content-Length or Transfer-Encoding: FIELD_LIKE_..., and that
 * it is left out. Its `id` is NAME_OTHER.
 */
void head_note_likeness(struct http_head *head, struct field *f);

/* Octets of the host in "host:port", where an IPv6 address has brackets. */
size_t http_host_octets(struct slice authority);

/* Whether its content is a message of gRPC: application/grpc, with or without
 * what encodes it ("+proto"). That of gRPC-Web is not. */
bool http_is_grpc(const struct http_head *head);

/* The number of a method; case matters. */
enum method method_of(struct slice text);

#endif
