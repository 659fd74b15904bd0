/*
 * h2_head.c - from records to a head, from a head to records, and from
 * records to the list that nghttp2 sends.
 *
 * Floor: stream.
 */
#include "h2_head.h"

#include "http/h1_write.h"
#include "http/trailers.h"

/* -- what came ------------------------------------------------------------- */

static unsigned status_of(struct slice value)
{
	unsigned status = 0;

	for (size_t i = 0; i < value.n; i++)
		status = status * 10 + (unsigned)(value.p[i] - '0');
	return status;
}

static void take_pseudo(struct http_head *head, enum h2_pseudo pseudo,
			struct slice value)
{
	switch (pseudo) {
	case H2_METHOD:
		head->method = value;
		head->method_id = (uint8_t)method_of(value);
		break;
	case H2_SCHEME:
		head->secure = slice_eq_fold(value, SLICE("https"));
		break;
	case H2_AUTHORITY:
		head->authority = value;
		break;
	case H2_PATH:
		head->target = value;
		break;
	case H2_STATUS:
		head->status = (uint16_t)status_of(value);
		head->phrase = http_phrase(head->status);
		break;
	case H2_NOT_PSEUDO:
		break;
	}
}

static void add_field(struct http_head *head, enum name id, struct slice name,
		      struct slice value)
{
	struct field *f;

	if (head->n_fields == head->max_fields)
		return;
	f = &head->fields[head->n_fields++];
	*f = (struct field){.name = name, .value = value, .id = (uint8_t)id};
	head->present |= NAME_BIT(id);
	if (id != NAME_OTHER)
		return;
	if (!http_is_plain(name)) {
		f->quirks |= FIELD_ODD_NAME;
		head->odd_names = true;
	}
	if (head->status == 0)
		head_note_likeness(head, f);
}

/* What TE says is known from here on; each connection says it anew. */
static void note_te(struct http_head *head)
{
	head->takes_trailers = true;
	head->fields[head->n_fields - 1].quirks |= FIELD_LEAVE_OUT;
	head->quirks |= QUIRK_LEAVE_OUT;
}

/* Rules look for Host among the fields, as HTTP/1.1 has it. */
static void take_authority(struct http_head *head)
{
	if (head->authority.n == 0)
		return;
	if (head->method_id == METHOD_CONNECT)
		head->target = head->authority;
	add_field(head, NAME_HOST, SLICE("host"), head->authority);
}

bool h2_block_head(struct slice text, struct http_head *head, uint64_t *length)
{
	bool has_length = false, is_request = false;
	struct slice name, value;
	struct h2_record record;

	*head = (struct http_head){
		.fields = head->fields,
		.max_fields = head->max_fields,
		.version = HTTP_2,
		.octets = text.n,
	};
	while (h2_next(&text, &record, &name, &value)) {
		if (record.pseudo) {
			take_pseudo(head, (enum h2_pseudo)record.pseudo, value);
			continue;
		}
		if (!is_request && head->method.n > 0) {
			is_request = true;
			take_authority(head);
		}
		if (record.id == NAME_HOST && head->authority.n > 0)
			continue;
		add_field(head, (enum name)record.id, name, value);
		if (record.id == NAME_TE && head->n_fields > 0)
			note_te(head);
		if (record.id == NAME_CONTENT_LENGTH)
			has_length = slice_to_u64(value, length);
	}
	if (!is_request && head->method.n > 0)
		take_authority(head);
	if (head->method.n == 0 && head->status == 0)
		trailers_leave_out(head);
	return has_length;
}

/* -- what leaves ----------------------------------------------------------- */

enum {
	/* Records that are added: four of a request, Content-Length, TE. */
	ADDED_MAX = 256,
};

size_t h2_put_max(const struct http_head *head)
{
	/* A target may grow threefold where it is escaped. */
	size_t n = ADDED_MAX + head->method.n + 3 * head->target.n +
		   head->authority.n;

	for (size_t i = 0; i < head->n_fields; i++)
		n += sizeof(struct h2_record) + head->fields[i].name.n +
		     head->fields[i].value.n;
	return n;
}

static void put_record(struct writer *w, const struct h2_record *record)
{
	writer_put(w, slice_make((const char *)record, sizeof(*record)));
}

static void put_pseudo(struct writer *w, enum h2_pseudo pseudo,
		       struct slice name, struct slice value)
{
	struct h2_record record = {.value_n = (uint32_t)value.n,
				   .name_n = (uint16_t)name.n,
				   .pseudo = (uint8_t)pseudo};

	put_record(w, &record);
	writer_put(w, name);
	writer_put(w, value);
}

static void put_lower(struct writer *w, struct slice name)
{
	char *to = writer_take(w, name.n);

	if (!to)
		return;
	for (size_t i = 0; i < name.n; i++)
		to[i] = ascii_lower(name.p[i]);
}

/* What HTTP/1.1 may pass in a value and HTTP/2 may not becomes a space (RFC
 * 9110 5.5), or the peer would take all of it for malformed. */
static void put_value(struct writer *w, struct slice value)
{
	char *to;

	if (http_is_text(value)) {
		writer_put(w, value);
		return;
	}
	to = writer_take(w, value.n);
	for (size_t i = 0; to && i < value.n; i++)
		to[i] = http_is_text(slice_make(value.p + i, 1)) ? value.p[i]
								 : ' ';
}

static void put_field(struct writer *w, struct slice name, struct slice value)
{
	struct h2_record record = {.value_n = (uint32_t)value.n,
				   .name_n = (uint16_t)name.n,
				   .id = (uint8_t)name_of(name)};

	put_record(w, &record);
	put_lower(w, name);
	put_value(w, value);
}

static void put_fields(struct writer *w, const struct http_head *head)
{
	for (size_t i = 0; i < head->n_fields; i++)
		put_field(w, head->fields[i].name, head->fields[i].value);
}

static void put_length(struct writer *w, const struct body *body)
{
	char digits[DECIMAL_MAX];

	if (body->kind == BODY_LENGTH || body->kind == BODY_OMITTED)
		put_field(w, SLICE("content-length"),
			  decimal_of(body->length, digits));
}

/* Its length is known when it has been written. */
static void put_target(struct writer *w, struct slice target)
{
	struct h2_record record = {.name_n = sizeof(":path") - 1,
				   .pseudo = H2_PATH};
	char *at = w->at;

	put_record(w, &record);
	writer_literal(w, ":path");
	writer_target(w, target);
	if (w->overflow)
		return;
	record.value_n = (uint32_t)((size_t)(w->at - at) - sizeof(record) -
				    record.name_n);
	memcpy(at, &record, sizeof(record));
}

void h2_put_request(struct writer *w, const struct http_head *head,
		    const struct body *body)
{
	put_pseudo(w, H2_METHOD, SLICE(":method"), head->method);
	put_pseudo(w, H2_SCHEME, SLICE(":scheme"),
		   head->secure ? SLICE("https") : SLICE("http"));
	put_pseudo(w, H2_AUTHORITY, SLICE(":authority"), head->authority);
	put_target(w, head->target);
	put_length(w, body);
	if (head->takes_trailers)
		put_field(w, SLICE("te"), SLICE("trailers"));
	put_fields(w, head);
}

void h2_put_answer(struct writer *w, const struct http_head *head,
		   const struct body *body)
{
	char digits[DECIMAL_MAX];

	put_pseudo(w, H2_STATUS, SLICE(":status"),
		   decimal_of(head->status, digits));
	if (head->status >= 200)
		put_length(w, body);
	put_fields(w, head);
}

void h2_put_trailers(struct writer *w, const struct http_head *trailers)
{
	for (size_t i = 0; i < trailers->n_fields; i++)
		if (!(trailers->fields[i].quirks & FIELD_LEAVE_OUT))
			put_field(w, trailers->fields[i].name,
				  trailers->fields[i].value);
}

/* nghttp2 does not write what it is given, but does not say so. */
static uint8_t *octets_of(struct slice text)
{
	return (uint8_t *)(uintptr_t)text.p;
}

/* Proxy-Authorization, which has no number, ends here. */
static uint8_t flags_of(enum name id, struct slice name)
{
	const uint64_t secret =
		NAME_BIT(NAME_AUTHORIZATION) | NAME_BIT(NAME_COOKIE) |
		NAME_BIT(NAME_SET_COOKIE) | NAME_BIT(NAME_X_AMZN_TRACE_ID);
	bool no_index = (NAME_BIT(id) & secret) ||
			slice_eq(name, SLICE("proxy-authorization"));

	return NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE |
	       (no_index ? NGHTTP2_NV_FLAG_NO_INDEX : 0);
}

size_t h2_list(struct slice text, nghttp2_nv *nv, size_t max)
{
	struct slice name, value;
	struct h2_record record;
	size_t n = 0;

	while (n < max && h2_next(&text, &record, &name, &value))
		nv[n++] = (nghttp2_nv){
			.name = octets_of(name),
			.value = octets_of(value),
			.namelen = name.n,
			.valuelen = value.n,
			.flags = flags_of((enum name)record.id, name),
		};
	return n;
}
