#include "rewrite.h"

#include "base/clock.h"
#include "http/admit.h"
#include "model/trust.h"
#include "tls/client_fields.h"

/* Appends to a head and makes text for values. */
struct builder {
	struct http_head *out;
	struct writer text;
	bool overflow; /* more fields than there is room for */
};

static void add(struct builder *b, struct slice name, struct slice value)
{
	struct http_head *out = b->out;

	if (out->n_fields == out->max_fields) {
		b->overflow = true;
		return;
	}
	out->fields[out->n_fields].name = name;
	out->fields[out->n_fields].value = value;
	out->n_fields++;
}

/* The text that was written since `start`. */
static struct slice made(const struct builder *b, const char *start)
{
	return slice_make(start, (size_t)(b->text.at - start));
}

static void begin(struct builder *b, const struct http_head *in,
		  struct scratch *scratch, struct http_head *out)
{
	*out = (struct http_head){
		.fields = scratch->out_fields,
		.max_fields = SCRATCH_FIELDS_OUT,
		.version = HTTP_1_1,
		.status = in->status,
		.method = in->method,
		.method_id = in->method_id,
		.target = in->target,
		.phrase = in->phrase,
		.protocol = in->protocol,
		.takes_trailers = in->takes_trailers,
	};
	*b = (struct builder){
		.out = out,
		.text = writer_make(scratch->text, sizeof(scratch->text)),
	};
}

static void add_edits(struct builder *b, const struct field_edits *edits,
		      struct slice filled)
{
	struct slice name, value;
	size_t at = 0;

	while (field_edits_next(edits, &at, &filled, &name, &value))
		add(b, name, value);
}

/* -- X-Forwarded-For ------------------------------------------------------- */

static void write_peer(struct writer *w, const struct addr *peer, bool port)
{
	char text[ADDR_TEXT_MAX];
	size_t n = port ? addr_format(peer, text) : addr_format_ip(peer, text);

	writer_put(w, slice_make(text, n));
}

/* All lines that came, joined, and the peer behind them. */
static void append_forwarded(struct builder *b, const struct http_head *in,
			     const struct request_facts *facts)
{
	const char *start = b->text.at;
	const struct field *f = NULL;

	while (!facts->stranger &&
	       (f = head_next(in, NAME_X_FORWARDED_FOR, f)) != NULL) {
		if (f->value.n == 0)
			continue;
		writer_put(&b->text, f->value);
		writer_literal(&b->text, ", ");
	}
	write_peer(&b->text, facts->peer,
		   facts->listener->balancer->xff_client_port);
	add(b, SLICE("X-Forwarded-For"), made(b, start));
}

/* -- X-Amzn-Trace-Id ------------------------------------------------------- */

enum { TRACE_HEAD_MAX = 7 * 1024 };

static void write_trace_id(struct writer *w, const struct request_facts *facts)
{
	writer_literal(w, "1-");
	writer_hex(w, (uint32_t)facts->now_s);
	writer_char(w, '-');
	writer_hex(w, (uint32_t)(facts->random[0] >> 32));
	writer_hex(w, (uint32_t)facts->random[0]);
	writer_hex(w, (uint32_t)facts->random[1]);
}

/* Which of the two fields a part is. */
static bool part_is(struct slice part, struct slice key)
{
	return slice_starts_fold(slice_trim(part), key);
}

static bool trace_has(struct slice value, struct slice key)
{
	while (value.p)
		if (part_is(slice_cut(&value, ';'), key))
			return true;
	return false;
}

/*
 *	came               sent
 *	-                  Root=new
 *	Root=r             Self=new;Root=r
 *	Self=s;Root=r      Self=new;Root=r
 *	other=o            Root=new;other=o
 *	anything, in a head of more than 7 KiB: Root=new
 */
struct slice rewrite_trace_id(const struct http_head *in,
			      const struct request_facts *facts,
			      struct writer *w)
{
	const struct field *f = head_find(in, NAME_X_AMZN_TRACE_ID);
	struct slice old = f && in->octets <= TRACE_HEAD_MAX ? f->value
							     : SLICE("");
	const char *start = w->at;

	if (trace_has(old, SLICE("Root=")))
		writer_literal(w, "Self=");
	else
		writer_literal(w, "Root=");
	write_trace_id(w, facts);
	while (old.p && old.n) {
		struct slice part = slice_cut(&old, ';');

		if (part.n == 0 || part_is(part, SLICE("Self=")))
			continue;
		writer_char(w, ';');
		writer_put(w, slice_trim(part));
	}
	return slice_make(start, (size_t)(w->at - start));
}

/* -- the client's certificate ---------------------------------------------- */

/* What a client may not send us, targets do not get either: few of them take
 * more. */
static bool client_fits(const struct http_head *in,
			const struct client_fields *c)
{
	return in->octets + c->chain.n + c->leaf.n + c->issuer.n +
		       c->subject.n <=
	       REQUEST_HEAD_MAX;
}

static void add_client(struct builder *b, const struct slice *names,
		       const struct client_fields *c)
{
	if (c->chain.n) {
		add(b, names[AMZN_MTLS_CLIENTCERT], c->chain);
		return;
	}
	add(b, names[AMZN_MTLS_SERIAL_NUMBER], c->serial);
	add(b, names[AMZN_MTLS_ISSUER], c->issuer);
	add(b, names[AMZN_MTLS_SUBJECT], c->subject);
	add(b, names[AMZN_MTLS_VALIDITY], c->validity);
	add(b, names[AMZN_MTLS_LEAF], c->leaf);
}

/* -- the request ----------------------------------------------------------- */

/* Fields that are dropped here and written anew, or not at all. */
static const uint64_t ours =
	NAME_BIT(NAME_HOST) | NAME_BIT(NAME_EXPECT) |
	NAME_BIT(NAME_CONTENT_LENGTH) | NAME_BIT(NAME_X_FORWARDED_FOR) |
	NAME_BIT(NAME_X_FORWARDED_PROTO) | NAME_BIT(NAME_X_FORWARDED_PORT) |
	NAME_BIT(NAME_X_AMZN_TRACE_ID) | NAME_BIT(NAME_X_AMZN_SPOOFED);

static void copy_fields(struct builder *b, const struct http_head *in,
			const struct request_facts *facts,
			struct rewrite_notes *notes)
{
	const struct load_balancer *lb = facts->listener->balancer;
	const struct field_edits *edits = facts->edits;

	for (size_t i = 0; i < in->n_fields; i++) {
		const struct field *f = &in->fields[i];
		bool drop = f->quirks & FIELD_LEAVE_OUT;

		if (NAME_BIT(f->id) & ours)
			continue;
		if (facts->stranger && trust_is_needed(f->name))
			continue;
		if (edits && field_edits_drop(edits, f->name))
			continue;
		if (f->quirks & FIELD_ODD_NAME) {
			drop |= lb->drop_invalid_header_fields;
			notes->dropped_invalid |= drop;
			notes->passed_invalid |= !drop;
		}
		if (drop)
			continue;
		add(b, f->name, f->value);
	}
}

static void add_forwarded(struct builder *b, const struct http_head *in,
			  const struct request_facts *facts)
{
	const struct listener *l = facts->listener;
	const struct field *f = NULL;

	switch (l->balancer->xff_mode) {
	case XFF_APPEND:
		append_forwarded(b, in, facts);
		break;
	case XFF_PRESERVE:
		while (!facts->stranger &&
		       (f = head_next(in, NAME_X_FORWARDED_FOR, f)) != NULL)
			add(b, f->name, f->value);
		break;
	case XFF_REMOVE:
		break;
	}
	add(b, SLICE("X-Forwarded-Proto"),
	    l->protocol == PROTOCOL_HTTPS ? SLICE("https") : SLICE("http"));
	add(b, SLICE("X-Forwarded-Port"), l->port_text);
}

static void add_edited(struct builder *b, const struct request_facts *facts)
{
	char *start = b->text.at;

	if (facts->edits->holes)
		field_edits_fill(&b->text, facts->edits, facts->places);
	add_edits(b, facts->edits, made(b, start));
}

enum reason rewrite_request(const struct http_head *in,
			    const struct request_facts *facts,
			    struct scratch *scratch, struct http_head *out,
			    struct rewrite_notes *notes)
{
	const struct load_balancer *lb = facts->listener->balancer;
	const struct slice *names = facts->listener->amzn_names;
	struct slice trace_id = facts->trace_id;
	struct builder b;

	if (http_too_many_forwarded(in))
		return REASON_XFF_TOO_LONG;
	if (facts->client && !client_fits(in, facts->client))
		return REASON_FIELD_TOO_LARGE;
	begin(&b, in, scratch, out);
	if (facts->decision->uri.form == URI_ABSOLUTE || facts->sent->target.p)
		out->target =
			sent_target(facts->decision, facts->sent, &b.text);
	out->authority = sent_host(facts->listener, in, facts->decision,
				   facts->sent, &b.text);
	/* What we say stands first: a target that stops reading fields at one
	 * of the client's has read it by then. */
	add_forwarded(&b, in, facts);
	if (lb->tls_version_and_cipher_headers && facts->tls_version) {
		add(&b, names[AMZN_TLS_VERSION], slice_of(facts->tls_version));
		add(&b, names[AMZN_TLS_CIPHER_SUITE],
		    slice_of(facts->tls_cipher));
	}
	if (facts->client)
		add_client(&b, names, facts->client);
	if (trace_id.n == 0)
		trace_id = rewrite_trace_id(in, facts, &b.text);
	add(&b, SLICE("X-Amzn-Trace-Id"), trace_id);
	copy_fields(&b, in, facts, notes);
	if (facts->edits)
		add_edited(&b, facts);
	return b.overflow || b.text.overflow ? REASON_FIELD_TOO_LARGE
					     : REASON_NONE;
}

/* -- the response ---------------------------------------------------------- */

static bool is_inserted(const struct listener *l, const struct field *f)
{
	for (size_t i = 0; i < l->n_response_fields; i++)
		if (l->response_fields[i].id == f->id)
			return true;
	return false;
}

static void copy_response_fields(struct builder *b, const struct http_head *in,
				 const struct response_facts *facts)
{
	const struct listener *l = facts->listener;
	const struct field_edits *edits = facts->edits;

	for (size_t i = 0; i < in->n_fields; i++) {
		const struct field *f = &in->fields[i];

		if (f->id == NAME_CONTENT_LENGTH ||
		    (f->quirks & FIELD_LEAVE_OUT))
			continue;
		if (l->n_response_fields && f->id && is_inserted(l, f))
			continue;
		if (edits && field_edits_drop(edits, f->name))
			continue;
		add(b, f->name, f->value);
	}
}

bool rewrite_response(const struct http_head *in,
		      const struct response_facts *facts,
		      struct scratch *scratch, struct http_head *out)
{
	const struct listener *l = facts->listener;
	struct builder b;

	begin(&b, in, scratch, out);
	copy_response_fields(&b, in, facts);
	if (facts->edits)
		add_edits(&b, facts->edits, facts->filled);
	for (size_t i = 0; i < l->n_response_fields; i++)
		add(&b, l->response_fields[i].name,
		    l->response_fields[i].value);
	/* RFC 9110 6.6.1: who passes on an answer without a date adds one. */
	if (!head_has(in, NAME_DATE) && in->status >= 200 &&
	    !(facts->edits && field_edits_drop(facts->edits, SLICE("date"))))
		add(&b, SLICE("Date"),
		    slice_make(clock_http_date(), CLOCK_HTTP_DATE_OCTETS));
	for (size_t i = 0; i < facts->n_cookies; i++)
		add(&b, facts->cookies[i].name, facts->cookies[i].value);
	return !b.overflow && !b.text.overflow;
}
