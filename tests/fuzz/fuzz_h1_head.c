/*
 * fuzz_h1_head.c - heads of requests and responses.
 *
 * The first octet chooses which. However the input is cut, the parser says
 * the same of it; what desync lets pass and we write again has one reading.
 */
#include "fuzz.h"

#include "http/desync.h"
#include "http/framing.h"
#include "http/h1_parse.h"
#include "http/h1_write.h"

enum { FIELDS = 24, CUTS = 200 };

static enum h1_result parse(bool response, struct slice in, struct field *room,
			    struct http_head *head)
{
	enum reason why = REASON_NONE;
	enum h1_result result;

	*head = (struct http_head){.fields = room, .max_fields = FIELDS};
	result =
		response
			? h1_parse_response(in, &h1_response_limits, head, &why)
			: h1_parse_request(in, &h1_request_limits, head, &why);
	HOLDS((result == H1_BAD) == (why != REASON_NONE));
	return result;
}

static void check_field(const struct http_head *head, const struct field *f,
			struct slice in)
{
	HOLDS(fuzz_within(f->name, in) && fuzz_within(f->value, in));
	HOLDS(slice_find(f->name, '\n') == f->name.n);
	HOLDS(slice_find(f->value, '\n') == f->value.n);
	HOLDS(slice_find(f->name, ':') == f->name.n);
	HOLDS(slice_eq(slice_trim(f->value), f->value));
	HOLDS(head_has(head, (enum name)f->id));
	if (f->id != NAME_OTHER && f->id != NAME_X_AMZN_SPOOFED)
		HOLDS(slice_eq_fold(f->name, name_text((enum name)f->id)));
	if (f->quirks & (FIELD_LIKE_LENGTH | FIELD_LIKE_CODING))
		HOLDS(f->id == NAME_OTHER && (f->quirks & FIELD_LEAVE_OUT));
	if (f->quirks & FIELD_LEAVE_OUT)
		HOLDS(head->quirks & QUIRK_LEAVE_OUT);
}

static void check_head(const struct http_head *head, struct slice in)
{
	HOLDS(head->octets <= in.n && head->n_fields <= head->max_fields);
	in = slice_first(in, head->octets);
	HOLDS(in.p[in.n - 1] == '\n');
	HOLDS(fuzz_within(head->method, in) && fuzz_within(head->target, in));
	HOLDS(fuzz_within(head->phrase, in));
	for (unsigned i = 0; i < head->n_fields; i++)
		check_field(head, &head->fields[i], in);
}

static void check_same(const struct http_head *a, const struct http_head *b)
{
	HOLDS(a->octets == b->octets && a->quirks == b->quirks);
	HOLDS(a->present == b->present && a->n_fields == b->n_fields);
	HOLDS(a->version == b->version && a->status == b->status);
	HOLDS(slice_eq(a->method, b->method));
	HOLDS(slice_eq(a->target, b->target));
	for (unsigned i = 0; i < a->n_fields; i++) {
		HOLDS(slice_eq(a->fields[i].name, b->fields[i].name));
		HOLDS(slice_eq(a->fields[i].value, b->fields[i].value));
		HOLDS(a->fields[i].quirks == b->fields[i].quirks);
	}
}

/* A cut before the end asks for more or sees the fault already; one behind
 * it changes nothing. The cut is copied, so reading over it is noticed. */
static void check_cut(bool response, struct slice in, size_t n,
		      enum h1_result whole_result,
		      const struct http_head *whole)
{
	struct field room[FIELDS];
	struct http_head part;
	char *copy = xmalloc(n ? n : 1);
	enum h1_result result;

	if (n)
		memcpy(copy, in.p, n);
	result = parse(response, slice_make(copy, n), room, &part);
	if (whole_result != H1_DONE) {
		HOLDS(result != H1_DONE);
		HOLDS(whole_result == H1_BAD || result == H1_MORE);
	} else if (n < whole->octets) {
		HOLDS(result == H1_MORE);
		if (n > 0)
			HOLDS(h1_head_end(slice_first(in, whole->octets), n));
	} else {
		HOLDS(result == H1_DONE);
		check_same(whole, &part);
	}
	free(copy);
}

static void check_forwarded(const struct http_head *head)
{
	static char text[256 * 1024];
	static const struct h1_limits none = {1 << 20, 1 << 20, 1 << 20};
	const uint32_t never =
		QUIRK_BARE_LF | QUIRK_FOLDED | QUIRK_EMPTY_NAME |
		QUIRK_SUSPICIOUS | QUIRK_BAD_FIELD | QUIRK_BAD_URI |
		QUIRK_CONTROL_IN_URI | QUIRK_SPACE_IN_URI | QUIRK_ODD_VERSION |
		QUIRK_BAD_VERSION | QUIRK_REPEATED_LENGTH | QUIRK_LEAVE_OUT;
	struct writer w = writer_make(text, sizeof(text));
	struct framing before, after;
	struct field room[FIELDS];
	struct http_head again = {.fields = room, .max_fields = FIELDS};
	enum reason why;

	if (framing_of_request(head, &before) != 0)
		return;
	writer_put(&w, head->method);
	writer_char(&w, ' ');
	writer_target(&w, head->target);
	writer_literal(&w, " HTTP/1.1\r\n");
	for (unsigned i = 0; i < head->n_fields; i++)
		if (!(head->fields[i].quirks & FIELD_LEAVE_OUT))
			writer_field(&w, head->fields[i].name,
				     head->fields[i].value);
	writer_literal(&w, "\r\n");
	HOLDS(!w.overflow);

	HOLDS(h1_parse_request(slice_make(text, (size_t)(w.at - text)), &none,
			       &again, &why) == H1_DONE);
	HOLDS(again.octets == (size_t)(w.at - text));
	HOLDS(!(again.quirks & never));
	HOLDS(framing_of_request(&again, &after) == 0);
	HOLDS(after.kind == before.kind && after.length == before.length);
}

static void check_verdicts(struct http_head *head)
{
	enum desync_verdict last = DESYNC_PASS;
	struct desync found, first = {0};

	for (int mode = DESYNC_MONITOR; mode <= DESYNC_STRICTEST; mode++) {
		enum desync_verdict v =
			desync_judge(head, (enum desync_mode)mode, &found);

		HOLDS(v >= last);
		HOLDS((found.class == DESYNC_COMPLIANT) ==
		      (found.reason == DESYNC_NONE));
		if (mode == DESYNC_MONITOR)
			first = found;
		HOLDS(first.reason == found.reason);
		last = v;
		if (v != DESYNC_REFUSE)
			check_forwarded(head);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = fuzz_slice(data, size);
	bool response = fuzz_octet(&in) & 1;
	struct field room[FIELDS];
	struct http_head head;
	enum h1_result result = parse(response, in, room, &head);
	size_t step = in.n / CUTS + 1;

	if (result == H1_DONE)
		check_head(&head, in);
	for (size_t n = 0; n <= in.n; n += step)
		check_cut(response, in, n, result, &head);
	if (result == H1_DONE && !response)
		check_verdicts(&head);
	return 0;
}
