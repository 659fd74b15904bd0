/*
 * h2_head.h - lists of fields of HTTP/2 become heads, and heads lists.
 *
 * A list is kept as text: records of a name and a value, pseudo-fields among
 * them, in the order of the list. The same text serves both ways, so what
 * waits (a request that was read and has no turn yet, one that may have to be
 * sent again) is one run of octets and not an array of pointers.
 *
 *   coming    h2_block_begin(), h2_block_add() for each field that HPACK
 *             decodes, h2_block_end(), h2_block_head()
 *   leaving   h2_put_*(), h2_list()
 *
 * What RFC 9113 calls malformed is found here, whoever sent it: nothing of it
 * becomes a head. All of it costs as many steps as the list has octets.
 *
 * Floor: stream.  Pure.  Source: RFC 9113, sections 8.1.1, 8.2, 8.3; RFC 9110.
 */
#ifndef WEIR_STREAM_H2_HEAD_H
#define WEIR_STREAM_H2_HEAD_H

#include <nghttp2/nghttp2.h>

#include "base/reason.h"
#include "base/writer.h"
#include "http/head.h"
#include "stream/stream.h"

enum h2_kind { H2_REQUEST, H2_RESPONSE, H2_TRAILERS };

/* Why a list is malformed; what the log says is h2_fault_text(). */
enum h2_fault {
	H2_SOUND,
	H2_NAME_EMPTY,
	H2_NAME_ODD,   /* upper case, or no token */
	H2_VALUE_ODD,  /* CR, LF, NUL, another control character, or white
			* space at an end */
	H2_CONNECTION, /* Connection and its kin; TE other than "trailers" */
	H2_PSEUDO_UNKNOWN,
	H2_PSEUDO_REPEATED,
	H2_PSEUDO_LATE, /* behind a field that is none */
	H2_PSEUDO_MISSING,
	H2_PSEUDO_IN_TRAILERS,
	H2_METHOD_ODD,
	H2_SCHEME_ODD,
	H2_PATH_ODD,
	H2_AUTHORITY_ODD,
	H2_HOST_REPEATED,
	H2_AUTHORITY_UNLIKE_HOST,
	H2_LENGTH_ODD, /* Content-Length: no number, or more than one */
	H2_STATUS_ODD, /* no three digits, below 100, or 101 */
	H2_FAULTS
};

enum {
	/* Octets of a list that is read, as RFC 9113 6.5.2 counts them: 32 for
	 * each field beside its octets. The number to announce as
	 * SETTINGS_MAX_HEADER_LIST_SIZE. */
	H2_REQUEST_LIST_MAX = 64 * 1024,
	H2_RESPONSE_LIST_MAX = 32 * 1024,
	/* Records of a list that leaves: the fields of a rewritten head, and
	 * what the protocol adds to them. */
	H2_LIST_MAX = 512,
};

/* A list while it comes. Zeroed it holds no memory. */
struct h2_block {
	char *text;             /* owned; records */
	uint32_t n, room;       /* octets */
	uint32_t octets;        /* of the list, as RFC 9113 6.5.2 counts */
	uint32_t cookie_octets; /* of the crumbs, joined */
	uint32_t line;          /* of method and path */
	uint16_t n_fields; /* records that become fields; all crumbs are one */
	uint16_t n_crumbs;
	uint8_t kind;     /* enum h2_kind */
	uint8_t fault;    /* enum h2_fault: the first */
	uint8_t why;      /* enum reason: it is over a limit */
	uint8_t pseudo;   /* bits of enum h2_pseudo: which have come */
	uint8_t method;   /* enum method */
	bool is_regular;  /* a field that is no pseudo-field has come */
	uint64_t present; /* NAME_BIT() of each field */
};

/* Begins a list; what the one before it needed of memory is kept. */
void h2_block_begin(struct h2_block *b, enum h2_kind kind);

/* Answers to h2_block_add(). */
enum h2_add {
	H2_ADDED,
	H2_FLOOD,     /* twice the limit: the connection is to end with
		       * ENHANCE_YOUR_CALM */
	H2_NO_MEMORY, /* the stream is to be refused; the block is empty */
};

/*
 * Takes one field, as HPACK decoded it. What is malformed or over a limit is
 * noted and not kept; the rest of the list has to be given nevertheless,
 * since the table of HPACK changes with it.
 */
enum h2_add h2_block_add(struct h2_block *b, struct slice name,
			 struct slice value);

enum h2_verdict {
	H2_GOOD,
	H2_MALFORMED, /* b->fault: reset the stream with PROTOCOL_ERROR */
	H2_REFUSED,   /* b->why: answer it; h2_block_head() gives what is
		       * known of it */
};

/*
 * The list is whole. Crumbs of Cookie are one field now (RFC 9113 8.2.3), the
 * last one.
 */
enum h2_verdict h2_block_end(struct h2_block *b);

/* Its text, good until the block is used again: to be copied by who keeps it.
 */
static inline struct slice h2_block_text(const struct h2_block *b)
{
	return slice_make(b->text, b->n);
}

void h2_block_release(struct h2_block *b);

/*
 * The head that such a text is.
 *
 * text    borrowed as long as the head is used
 * head    fields and max_fields (HEAD_FIELDS_MAX at least) are set by the
 *         caller, the rest is written. Of a request: Host is the first field,
 *         made of :authority where none came; target is :path, for CONNECT the
 *         authority; version is HTTP_2; `te: trailers` is head->takes_trailers
 *         and left out. Of a response: the usual phrase. Of trailers: fields
 *         only, those that may not stand there are left out.
 *         head->octets are those of the list.
 * length  Content-Length, where the answer is true
 */
bool h2_block_head(struct slice text, struct http_head *head, uint64_t *length);

/* Such as "a field name in upper case". Static. */
const char *h2_fault_text(enum h2_fault fault);

/* -- what leaves ----------------------------------------------------------- */

/* Octets that h2_put_*() writes at most for this head. */
size_t h2_put_max(const struct http_head *head);

/*
 * Write a head as records, names in lower case, pseudo-fields first, and the
 * length that `body` has. A request names head->method, target, authority,
 * secure (its :scheme), takes_trailers; an answer its status.
 */
void h2_put_request(struct writer *w, const struct http_head *head,
		    const struct body *body);
void h2_put_answer(struct writer *w, const struct http_head *head,
		   const struct body *body);
void h2_put_trailers(struct writer *w, const struct http_head *trailers);

/*
 * The list that a text is, for nghttp2: names and values point into the text
 * and are marked NO_COPY, so it has to live until the frame was sent. Values
 * that no table may learn, for it is shared by strangers (Authorization,
 * cookies) or of no use to the next (a trace id), are marked NO_INDEX.
 * Returns the number of records, at most `max`.
 */
size_t h2_list(struct slice text, nghttp2_nv *nv, size_t max);

/* -- for the files of h2_head alone ---------------------------------------- */

enum h2_pseudo {
	H2_NOT_PSEUDO,
	H2_METHOD,
	H2_SCHEME,
	H2_AUTHORITY,
	H2_PATH,
	H2_STATUS,
};

/* Stands in front of the name and the value, not aligned. */
struct h2_record {
	uint32_t value_n;
	uint16_t name_n;
	uint8_t id;     /* enum name */
	uint8_t pseudo; /* enum h2_pseudo */
};

/* Takes the next record off *text; false at the end. */
static inline bool h2_next(struct slice *text, struct h2_record *record,
			   struct slice *name, struct slice *value)
{
	if (text->n < sizeof(*record))
		return false;
	memcpy(record, text->p, sizeof(*record));
	*name = slice_make(text->p + sizeof(*record), record->name_n);
	*value = slice_make(name->p + name->n, record->value_n);
	*text = slice_from(*text,
			   sizeof(*record) + record->name_n + record->value_n);
	return true;
}

#endif
