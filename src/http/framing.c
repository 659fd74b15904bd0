#include "framing.h"

#include "head.h"

static bool is_known_coding(struct slice coding)
{
	static const struct slice known[] = {
		SLICE_INIT("gzip"),     SLICE_INIT("x-gzip"),
		SLICE_INIT("deflate"),  SLICE_INIT("compress"),
		SLICE_INIT("identity"), SLICE_INIT("x-compress"),
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (slice_eq_fold(coding, known[i]))
			return true;
	return false;
}

/* Of codings that are not just "chunked": whose fault is it? Lines count as
 * one list (RFC 9110 5.3). */
static int status_of_codings(const struct http_head *head,
			     const struct field *te)
{
	bool chunked = false, known = true;
	unsigned n_items = 0;

	for (; te; te = head_next(head, NAME_TRANSFER_ENCODING, te)) {
		struct slice rest = te->value, item;

		while (list_next(&rest, &item)) {
			/* 6.3 rule 4: behind "chunked" nobody knows the
			 * length. 6.1: a sender must not apply it twice. */
			if (chunked)
				return 400;
			n_items++;
			chunked = slice_eq_fold(item, SLICE("chunked"));
			known = known && (chunked || is_known_coding(item));
		}
	}

	/* 6.1: a coding that we do not speak. Without "chunked" ALB says so,
	 * too, as long as it knows the name. */
	return chunked || (known && n_items > 0) ? 501 : 400;
}

static int framing_of_lengths(const struct http_head *head,
			      const struct field *first, struct framing *out)
{
	const struct field *f = first;

	/* RFC 9110 8.6: digits only, so no sign, no space and no list. */
	if (!slice_to_u64(first->value, &out->length))
		return 400;

	/* 6.3 rule 5: lines that repeat the same length may be taken as one. */
	while ((f = head_next(head, NAME_CONTENT_LENGTH, f)) != NULL) {
		uint64_t again;

		if (!slice_to_u64(f->value, &again) || again != out->length)
			return 400;
		out->doubtful = true;
	}

	out->kind = FRAMING_LENGTH;
	return 0;
}

static int framing_of_codings(const struct http_head *head,
			      const struct field *te, const struct field *cl,
			      struct framing *out)
{
	/* Two lines are never obeyed: that is how a coding is hidden. */
	if (head_next(head, NAME_TRANSFER_ENCODING, te))
		return status_of_codings(head, te);

	if (slice_eq_fold(te->value, SLICE("chunked"))) {
		out->kind = FRAMING_CHUNKED;
		return 0;
	}

	/* RFC 7230 took "identity" away; ALB still takes it for nothing. */
	if (slice_eq_fold(te->value, SLICE("identity"))) {
		out->doubtful = true;
		return cl ? framing_of_lengths(head, cl, out) : 0;
	}
	return status_of_codings(head, te);
}

int framing_of_request(const struct http_head *head, struct framing *out)
{
	const struct field *te = head_find(head, NAME_TRANSFER_ENCODING);
	const struct field *cl = head_find(head, NAME_CONTENT_LENGTH);

	/* 6.3 rule 7: a request with neither has no body. What only looks
	 * like one of them may have one for somebody else. */
	*out = (struct framing){
		.kind = FRAMING_NONE,
		.doubtful = head->quirks &
			    (QUIRK_SUSPICIOUS | QUIRK_BAD_VERSION),
	};
	if (!te && !cl)
		return 0;

	if (!te)
		return framing_of_lengths(head, cl, out);

	/* 6.3 rule 3: the coding wins over a length. 6.1: in a 1.0 message it
	 * is faulty. Obeyed in both cases, trusted in neither. */
	if (cl || head->version < HTTP_1_1)
		out->doubtful = true;
	return framing_of_codings(head, te, cl, out);
}

/*
 * Whether an answer without a body speaks of one all the same, so that its
 * sender may have sent one. Of the answer to HEAD both fields tell what GET
 * would get, so all that they can be is at odds.
 */
static bool speaks_of_body(const struct http_head *head, const struct field *te,
			   const struct field *cl, bool request_was_head)
{
	struct framing would_be = {.kind = FRAMING_NONE};

	if (!te && !cl)
		return false;
	if (te && (cl || !request_was_head))
		return true;
	if (te)
		return false;
	return framing_of_lengths(head, cl, &would_be) || would_be.doubtful ||
	       (would_be.length > 0 && !request_was_head);
}

int framing_of_response(const struct http_head *head, bool request_was_head,
			bool request_was_connect, struct framing *out)
{
	const struct field *te = head_find(head, NAME_TRANSFER_ENCODING);
	const struct field *cl = head_find(head, NAME_CONTENT_LENGTH);
	int status;

	*out = (struct framing){.kind = FRAMING_NONE};

	/* 6.3 rules 1 and 2, whatever the fields say. */
	if (request_was_head || head->status < 200 || head->status == 204 ||
	    head->status == 304) {
		out->doubtful = speaks_of_body(head, te, cl, request_was_head);
		return 0;
	}
	if (request_was_connect && head->status < 300)
		return 0;

	/* 6.3 rule 8. */
	if (!te && !cl) {
		out->kind = FRAMING_CLOSE;
		return 0;
	}
	if (!te)
		return framing_of_lengths(head, cl, out) ? 502 : 0;

	/* 6.3 rule 3, and 6.1 for 1.0: the length may be an attempt to split
	 * responses, so this connection ends with it. */
	out->doubtful = cl || head->version < HTTP_1_1;
	status = framing_of_codings(head, te, cl, out);
	if (status == 0 && out->kind == FRAMING_NONE)
		out->kind = FRAMING_CLOSE;
	return status ? 502 : 0;
}
