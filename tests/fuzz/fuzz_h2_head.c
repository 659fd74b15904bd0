/*
 * fuzz_h2_head.c - lists of HTTP/2, both ways.
 *
 * The first octet says what list it is; behind it stand lengths of a name and
 * a value, and their octets, in turn. What is sound and written as HTTP/1.1
 * has one reading, the same; written as HTTP/2 again it is the same list.
 */
#include "fuzz.h"

#include "http/h1_parse.h"
#include "http/h1_write.h"
#include "stream/h2_head.h"

enum { TEXT_MAX = 512 * 1024 };

static struct h2_block block;
static char text[TEXT_MAX];

static struct slice take(struct slice *in, size_t n)
{
	struct slice taken = slice_first(*in, n);

	*in = slice_from(*in, n);
	return taken;
}

static bool read_list(enum h2_kind kind, struct slice in)
{
	h2_block_begin(&block, kind);
	while (in.n > 0) {
		size_t name_n = fuzz_octet(&in), value_n = fuzz_octet(&in);
		struct slice name = take(&in, name_n);
		struct slice value = take(&in, value_n);

		if (h2_block_add(&block, name, value) != H2_ADDED)
			return false;
		HOLDS(block.n <= block.octets && block.n <= block.room);
	}
	return h2_block_end(&block) == H2_GOOD;
}

static void check_field(const struct field *f)
{
	HOLDS(http_is_lower_token(f->name) && http_is_text(f->value));
	HOLDS(slice_eq(slice_trim(f->value), f->value));
	HOLDS(f->id == name_of(f->name));
	HOLDS(f->id != NAME_CONNECTION && f->id != NAME_TRANSFER_ENCODING &&
	      f->id != NAME_UPGRADE);
}

static void check_same(const struct http_head *a, const struct http_head *b)
{
	HOLDS(slice_eq(a->method, b->method) && a->status == b->status);
	HOLDS(a->n_fields == b->n_fields);
	for (unsigned i = 0; i < a->n_fields; i++) {
		HOLDS(slice_eq(a->fields[i].name, b->fields[i].name));
		HOLDS(slice_eq(a->fields[i].value, b->fields[i].value));
	}
}

/* As a request that is forwarded: what is left out, is. */
static struct http_head sent_of(const struct http_head *head,
				struct field *room)
{
	struct http_head sent = *head;

	sent.fields = room;
	sent.n_fields = 0;
	for (unsigned i = 0; i < head->n_fields; i++)
		if (!(head->fields[i].quirks & FIELD_LEAVE_OUT) &&
		    head->fields[i].id != NAME_CONTENT_LENGTH &&
		    head->fields[i].id != NAME_HOST)
			room[sent.n_fields++] = head->fields[i];
	return sent;
}

static void check_as_h1(const struct http_head *sent)
{
	static const struct h1_limits none = {1 << 20, 1 << 20, 1 << 20};
	static struct field room[HEAD_FIELDS_MAX];
	struct http_head again = {.fields = room,
				  .max_fields = HEAD_FIELDS_MAX};
	struct writer w = writer_make(text, sizeof(text));
	enum reason why;

	writer_put(&w, sent->method);
	writer_char(&w, ' ');
	writer_target(&w, sent->target);
	writer_literal(&w, " HTTP/1.1\r\n");
	for (unsigned i = 0; i < sent->n_fields; i++)
		writer_field(&w, sent->fields[i].name, sent->fields[i].value);
	writer_literal(&w, "\r\n");
	HOLDS(!w.overflow);
	HOLDS(h1_parse_request(slice_make(text, (size_t)(w.at - text)), &none,
			       &again, &why) == H1_DONE);
	HOLDS(again.octets == (size_t)(w.at - text));
	HOLDS(!(again.quirks & ~(uint32_t)QUIRK_LEAVE_OUT));
	HOLDS(!head_has(&again, NAME_CONTENT_LENGTH) &&
	      !head_has(&again, NAME_TRANSFER_ENCODING));
	check_same(sent, &again);
}

/* What was written is read again as the same; `sent` points into the text of
 * the block, so that one must not be used. */
static void check_as_h2(enum h2_kind kind, const struct http_head *sent)
{
	static struct field room[HEAD_FIELDS_MAX];
	static nghttp2_nv nv[H2_LIST_MAX];
	struct http_head again = {.fields = room,
				  .max_fields = HEAD_FIELDS_MAX};
	struct body none = {.kind = BODY_NONE};
	struct writer w = writer_make(text, sizeof(text));
	struct h2_block other = {0};
	uint64_t length;
	size_t n;

	if (kind == H2_REQUEST)
		h2_put_request(&w, sent, &none);
	else if (kind == H2_RESPONSE)
		h2_put_answer(&w, sent, &none);
	else
		h2_put_trailers(&w, sent);
	HOLDS(!w.overflow && (size_t)(w.at - text) <= h2_put_max(sent));
	n = h2_list(slice_make(text, (size_t)(w.at - text)), nv, H2_LIST_MAX);
	h2_block_begin(&other, kind);
	for (size_t i = 0; i < n; i++)
		HOLDS(h2_block_add(
			      &other,
			      slice_make((char *)nv[i].name, nv[i].namelen),
			      slice_make((char *)nv[i].value,
					 nv[i].valuelen)) == H2_ADDED);
	/* An escaped target, or X-Forwarded-For, may be over a limit now. */
	if (h2_block_end(&other) == H2_GOOD) {
		HOLDS(!h2_block_head(h2_block_text(&other), &again, &length));
		again = sent_of(&again, again.fields);
		check_same(sent, &again);
	} else {
		HOLDS(other.why);
	}
	h2_block_release(&other);
}

static void check_head(enum h2_kind kind)
{
	static struct field room[HEAD_FIELDS_MAX], kept[HEAD_FIELDS_MAX];
	struct http_head head = {.fields = room, .max_fields = HEAD_FIELDS_MAX};
	struct http_head sent;
	uint64_t length;

	h2_block_head(h2_block_text(&block), &head, &length);
	HOLDS(head.n_fields <= block.n_fields + 1u);
	for (unsigned i = 0; i < head.n_fields; i++)
		check_field(&head.fields[i]);
	if (kind == H2_REQUEST)
		HOLDS(!head_next(&head, NAME_COOKIE,
				 head_find(&head, NAME_COOKIE)) ||
		      !head_has(&head, NAME_COOKIE));
	sent = sent_of(&head, kept);
	if (kind == H2_REQUEST && head.method_id != METHOD_CONNECT) {
		check_as_h1(&sent);
		/* Without one there is nothing to send it to. */
		if (sent.authority.n == 0)
			sent.authority = SLICE("a.test");
	}
	if (head.method_id != METHOD_CONNECT)
		check_as_h2(kind, &sent);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = fuzz_slice(data, size);
	enum h2_kind kind = (enum h2_kind)(fuzz_octet(&in) % 3);

	if (read_list(kind, in))
		check_head(kind);
	h2_block_release(&block);
	return 0;
}
