#include "reply.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/fail.h"
#include "http/h1_write.h"
#include "proxy/core.h"
#include "proxy/edits.h"
#include "proxy/pages.h"

/* Titles of 46x and 56x are the number alone. */
static void write_title(struct writer *w, unsigned status)
{
	struct slice phrase = status == 302 ? SLICE("Found")
					    : http_phrase(status);

	writer_u64(w, status);
	if (phrase.n) {
		writer_char(w, ' ');
		writer_put(w, phrase);
	}
}

/* The page of nginx, without its last line. */
static void write_page(struct writer *w, unsigned status)
{
	writer_literal(w, "<html>\r\n<head><title>");
	write_title(w, status);
	writer_literal(w, "</title></head>\r\n<body>\r\n<center><h1>");
	write_title(w, status);
	writer_literal(w, "</h1></center>\r\n</body>\r\n</html>\r\n");
}

struct answer {
	unsigned status;
	enum reason reason;
	struct slice content_type, body;
	struct slice location;                  /* empty: none */
	struct slice grpc_status, grpc_message; /* empty: no call of gRPC */
	struct slice retry_after;               /* empty: none */
	bool last;
	const struct field_edits *edits; /* NULL: none */
	struct slice filled;
};

static bool is_set(const struct listener *l, enum name id)
{
	for (size_t i = 0; i < l->n_response_fields; i++)
		if (l->response_fields[i].id == id)
			return true;
	return false;
}

/* The configuration knows some dozens of fields to insert; there is room for
 * some hundreds. */
static inline void add(struct http_head *head, struct slice name,
		       struct slice value)
{
	struct field *f = &head->fields[head->n_fields++];

	assert(head->n_fields <= head->max_fields);
	f->name = name;
	f->value = value;
}

/* RFC 9110 15.3.5: a 204 has no content and so no length. Who fails a call of
 * gRPC says so in the head alone. */
static bool has_content(const struct answer *a)
{
	return a->status != 204 && a->grpc_status.n == 0;
}

/* A field that header edits may take out. */
static inline void add_own(struct http_head *head, const struct answer *a,
			   struct slice name, struct slice value)
{
	if (!a->edits || !field_edits_drop(a->edits, name))
		add(head, name, value);
}

static void add_edits(struct http_head *head, const struct answer *a)
{
	struct slice filled = a->filled, name, value;
	size_t at = 0;

	while (a->edits &&
	       field_edits_next(a->edits, &at, &filled, &name, &value))
		add(head, name, value);
}

static void add_leading(struct http_head *head, const struct listener *l,
			const struct answer *a)
{
	if (l->server_field && !is_set(l, NAME_SERVER))
		add_own(head, a, SLICE("Server"), SLICE("awselb/2.0"));
	add_own(head, a, SLICE("Date"),
		slice_make(clock_http_date(), CLOCK_HTTP_DATE_OCTETS));
	if (a->status != 204)
		add_own(head, a, SLICE("Content-Type"), a->content_type);
}

static void add_trailing(struct http_head *head, const struct listener *l,
			 const struct answer *a)
{
	if (a->location.n)
		add_own(head, a, SLICE("Location"), a->location);
	if (a->grpc_status.n) {
		add(head, SLICE("grpc-status"), a->grpc_status);
		add(head, SLICE("grpc-message"), a->grpc_message);
	}
	if (a->retry_after.n)
		add_own(head, a, SLICE("Retry-After"), a->retry_after);
	add_edits(head, a);
	for (size_t i = 0; i < l->n_response_fields; i++)
		add(head, l->response_fields[i].name,
		    l->response_fields[i].value);
	if (l->reason_field && !reason_is_action(a->reason))
		add_own(head, a, SLICE("weir-reason"),
			slice_of(reason_token(a->reason)));
}

static bool send_answer(struct exchange *x, struct answer *a)
{
	const struct listener *l = x->listener;
	struct http_head head = {
		.fields = x->worker->scratch.out_fields,
		.max_fields = SCRATCH_FIELDS_OUT,
		.version = HTTP_1_1,
		.status = (uint16_t)a->status,
	};
	struct outgoing out = {
		.head = &head,
		.is_ours = true,
		.last = a->last,
	};

	a->edits = edits_of_answer(x);
	a->filled = slice_make(x->filled.p, x->filled.n);
	add_leading(&head, l, a);
	out.n_leading = head.n_fields;
	add_trailing(&head, l, a);
	if (has_content(a)) {
		bool omitted = x->asked.method == METHOD_HEAD;

		out.body.kind = omitted ? BODY_OMITTED : BODY_LENGTH;
		out.body.length = a->body.n;
		out.content = omitted ? SLICE("") : a->body;
	}
	if (!x->front->ops->write_head(x->front, &out))
		return false;
	x->record.status = (uint16_t)a->status;
	x->record.is_answered = true;
	return true;
}

enum { PAGE_MAX = 512 };

/* An answer with the page of its status as the body. */
static bool send_page(struct exchange *x, struct answer *a)
{
	char page[PAGE_MAX];
	struct writer w = writer_make(page, sizeof(page));

	write_page(&w, a->status);
	a->content_type = SLICE("text/html");
	a->body = slice_make(page, (size_t)(w.at - page));
	return send_answer(x, a);
}

/* gRPC's own mapping of the codes of HTTP to those of gRPC. */
static unsigned grpc_status_of(unsigned status)
{
	enum {
		UNKNOWN = 2,
		PERMISSION_DENIED = 7,
		UNIMPLEMENTED = 12,
		INTERNAL = 13,
		UNAVAILABLE = 14,
		UNAUTHENTICATED = 16,
	};

	switch (status) {
	case 400:
		return INTERNAL;
	case 401:
		return UNAUTHENTICATED;
	case 403:
		return PERMISSION_DENIED;
	case 404:
		return UNIMPLEMENTED;
	case 429:
	case 502:
	case 503:
	case 504:
		return UNAVAILABLE;
	default:
		return UNKNOWN;
	}
}

/* gRPC over HTTP/2, Status-Message: what is visible stands for itself. Our
 * sentences have no percent sign, which would have to be escaped. */
static bool send_grpc_error(struct exchange *x, enum reason reason,
			    struct slice retry_after, bool last)
{
	unsigned status = (unsigned)reason_status(reason);
	char digits[DECIMAL_MAX];

	return send_answer(
		x, &(struct answer){
			   .status = status,
			   .reason = reason,
			   .content_type = SLICE("application/grpc"),
			   .grpc_status =
				   decimal_of(grpc_status_of(status), digits),
			   .grpc_message = slice_of(reason_sentence(reason)),
			   .retry_after = retry_after,
			   .last = last,
		   });
}

/* Room that a page leaves for the head: without it our own page is sent, which
 * is short. */
enum { PAGE_HEAD_MAX = 16 * 1024 };

/* With the page that the configuration has for it. */
static bool send_error(struct exchange *x, struct answer *a)
{
	const struct error_page *page = pages_find(x, a->status);
	bool sent;
	char *text;

	if (!page || x->front->ops->room(x->front) < page->most + PAGE_HEAD_MAX)
		return send_page(x, a);
	if (page->status)
		a->status = page->status;
	a->content_type = page->content_type;
	text = pages_write(x, page, a->reason, a->status, &a->body);
	sent = send_answer(x, a);
	free(text);
	return sent;
}

bool reply_error(struct exchange *x, enum reason reason, bool last)
{
	char digits[DECIMAL_MAX];
	struct slice retry_after =
		x->retry_after_s ? decimal_of(x->retry_after_s, digits)
				 : SLICE("");

	if (x->record.is_grpc)
		return send_grpc_error(x, reason, retry_after, last);
	return send_error(x, &(struct answer){
				     .status = (unsigned)reason_status(reason),
				     .reason = reason,
				     .retry_after = retry_after,
				     .last = last,
			     });
}

bool reply_redirect(struct exchange *x, unsigned status, struct slice location,
		    bool last)
{
	return send_page(x, &(struct answer){
				    .status = status,
				    .reason = REASON_REDIRECT,
				    .location = location,
				    .last = last,
			    });
}

bool reply_fixed(struct exchange *x, const struct fixed_response *fixed,
		 bool last)
{
	return send_answer(x, &(struct answer){
				      .status = fixed->status,
				      .reason = REASON_FIXED_RESPONSE,
				      .content_type = fixed->content_type,
				      .body = fixed->body,
				      .last = last,
			      });
}
